/*
 * memory - the guest's memory, every byte of which is known.
 *
 * Pages hold what agent/partition/content.h says, by number and version. The first
 * `present` of them are in use; `free` gives the last ones back to the kernel, in
 * pieces that it can join to the blocks it reports as free, `fill` writes them anew. A
 * page's version only ever grows, so nothing older is right a second time.
 *
 * A page that is not what it must be is counted, told, and written anew: one fault of
 * the memory counts once.
 *
 * Contract
 *   Threads  one.
 *   Memory   open to close. The versions lie in memory of the same kind.
 *   Time     every call touches at most the pages it is told, and waits for them.
 *   Units    pages of HV_PAGE_BYTES, also where those of the machine are larger.
 */
#ifndef DEPLOY_GUEST_MEMORY_H
#define DEPLOY_GUEST_MEMORY_H

#include "agent/partition/content.h"
#include "agent/partition/workload.h"
#include "hvcore/base/rng.h"

/* 2 MiB: the block that free page reporting of the common kernels is about. */
#define GUEST_PIECE_PAGES 512

/* A page that was wrong. */
struct guest_bad {
	uint64_t page;
	uint32_t version; /* that it should have had */
	struct partition_finding found;
};

struct guest_memory {
	uint8_t *base;
	uint32_t *versions; /* of pages; 0: never written */
	uint64_t pages;     /* a multiple of GUEST_PIECE_PAGES */
	uint64_t present;   /* <= wanted <= pages */
	uint64_t wanted;    /* fill goes on until present is as many */
	uint64_t key;
	struct hv_rng rng;
	struct partition_zipf zipf; /* over `present` */
	uint64_t sweep;             /* the page that comes next in order */
	uint64_t ops, bad, passes;
	void (*on_bad)(void *owner, const struct guest_bad *bad);
	void *owner;
};

/* INVAL: no memory at all. It is empty, and wants to be filled. */
HV_MUST_USE
enum hv_code guest_memory_open(uint64_t mib, uint64_t seed,
			       struct guest_memory *ret_memory, struct hv_err *err);
void guest_memory_close(struct guest_memory *memory);

/* Writes the next pages, at most `count`. False: there is nothing left to fill. */
bool guest_memory_fill(struct guest_memory *memory, uint64_t count);

/* One operation on a present page: looks at every byte, and may write a new version.
 * Half of them zipf, a quarter at random, a quarter in order: those make the passes. */
void guest_memory_step(struct guest_memory *memory);

/* True: the page is what it must be. page < present. */
bool guest_memory_check(struct guest_memory *memory, uint64_t page);

/* That share of all its memory is given back, also what fill has not written yet.
 * Returns how many pages left; none where so much is free already. */
uint64_t guest_memory_free(struct guest_memory *memory, unsigned percent);

/* What was given back is wanted again. */
void guest_memory_want_all(struct guest_memory *memory);

#endif
