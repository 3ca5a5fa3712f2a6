/*
 * memory - the logical memory of one attached shared partition, as its fault thread
 * sees it: the operations of its space on the real kernel, and its messages.
 *
 * Contract
 *   Threads  init, fini, and what is atomic: the loop thread while no fault thread
 *            has it. The rest: its fault thread.
 *   Memory   owns the userfaultfd and a descriptor of the pool file.
 */
#ifndef HVCORE_HYPERVISOR_MEMORY_H
#define HVCORE_HYPERVISOR_MEMORY_H

#include "hvcore/hypervisor/fault.h"
#include "hvcore/hypervisor/steer.h"
#include "hvcore/io/visits.h"
#include "hvcore/mem/uffd.h"

/* What the partition did to its own mapping; bits of `trouble`. */
enum {
	MEMORY_UNMAPPED = 1,     /* a part of the range: stealing stops */
	MEMORY_REMAPPED = 2,     /* moved it: stealing stops */
	MEMORY_STRAY = 4,        /* a fault outside its range: it cannot be served */
	MEMORY_BEYOND = 8,       /* in it, but beyond the memory it has now (P18) */
	MEMORY_IO_UNMAPPED = 16, /* a part of the range that devices use (M7) */
};

/* What H_GET_MPP tells of the pool. */
struct memory_mpp {
	uint64_t pool_bytes;
	uint32_t donation_pages; /* asked of it */
	uint32_t weight, spare_weight;
	uint32_t io_pages, spare_pages; /* that may be mapped for I/O; that it gave up */
	uint32_t number;                /* of its last H_SET_MPP that this knows of */
};

struct memory {
	struct fault_source source;
	int uffd;
	int file;
	uint64_t base;      /* address of page 0 in the partition */
	uint32_t pages;     /* of logical memory; F's while it is added */
	uint32_t max_pages; /* of the region */
	struct hv_space *space;
	struct hcalls *hcalls;       /* lent by its partition; NULL: it makes no calls */
	struct fault_thread *thread; /* NULL: none has it */
	atomic_uint trouble;
	_Atomic uint64_t quarantined; /* slots, as of the last end of an epoch or drain */
	_Atomic uint64_t asks;   /* epoch << 1 | path, of whom L has it ask; 0 = nobody */
	struct steer steer;      /* of whoever faults on it */
	struct hv_visits visits; /* of its file, where that takes the file's lock */
	/* of the manager's rounds: written by L between them; filled in by F */
	uint32_t entitled_pages, target_pages;
	struct hv_space_use use;
	bool has_use;
	struct memory_mpp mpp_next, mpp; /* L's, to be told; F's own */
	/* filled by fault threads in a stat round, read by L when it is done */
	struct hv_space_stat stat;
	bool has_stat;
	unsigned renewals, stat_renewals; /* F's: see struct change; then */
	struct hv_trace trace;
	bool wants_trace; /* written by L before the round */
	bool has_trace;
	uint64_t file_pages; /* blocks of the file at that moment (P12) */
	bool file_pages_known;
	bool must_sweep; /* written by L between sweep rounds */
};

extern const struct hv_space_ops memory_ops; /* ctx: struct memory */

/* F: from now on its faults and its calls are served, or neither; LIMIT, OS. */
HV_MUST_USE
enum hv_code memory_add(struct fault_thread *thread, struct memory *memory,
			struct hv_err *err);
/* F: the space has ended (hv_space_life() is not ENDING). */
void memory_remove(struct memory *memory);
/* F: tells L how much of it is in quarantine. */
void memory_count_quarantine(struct memory *memory);
/* F: reads one batch of messages and hands it to the pager. */
void memory_serve(struct memory *memory, uint64_t now_ns);

#endif
