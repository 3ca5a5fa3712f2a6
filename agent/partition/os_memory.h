/*
 * os_memory - a small operating system's memory: a free list, working storage of a
 * process, a file cache, its own paging device, and what it lends to the hypervisor.
 *
 *            get                     second chance, not used since
 *   FREE ──────────► WORKING ──────────────────────► its paging device, FREE
 *     ▲ ▲ └────────► CACHE ────────────────────────► FREE; the file has it
 *     │ └── take back ── LOANED ◄── loan ── FREE
 *     └── reclaim from low water to high: cache first, down to a floor; then what is
 *         lent (not policy 2 and balloon); then working storage
 *
 * Every page of the process and of the file has a content of its own (content.h), so
 * a page lost or mixed up anywhere is a mismatch. Pages are said to be UNUSED where
 * they are free, EXPENDABLE in the cache and LOANED where they are lent (hint.h); a
 * page of the cache that the hypervisor dropped is read again.
 *
 * Loans as Linux's cmm: once a second it is told what the hypervisor asks for in all,
 * less what its own page-ins say it needs back; never so much that less than a share of
 * its memory is left.
 *
 * Memory that it is to give back is emptied from the top: the cache there is dropped,
 * working storage moves to frames that stay, or to the paging device.
 *
 * Contract
 *   Threads  one.
 *   Memory   tables only: pages are reached through the functions it is given.
 *   Errors   open: NOMEM, INVAL. A device that fails is counted, and its page stays
 *            where it is.
 *   Units    pages. Frames are counted from 0, the first that the system has.
 */
#ifndef AGENT_PARTITION_OS_MEMORY_H
#define AGENT_PARTITION_OS_MEMORY_H

#include "agent/partition/content.h"
#include "hvcore/base/err.h"
#include "hvcore/wire/hint.h"

enum os_loan_policy {
	OS_LOAN_OFF,
	OS_LOAN_CACHE,   /* free pages, file cache */
	OS_LOAN_WORKING, /* and working storage, which it pages out itself */
	OS_LOAN_BALLOON, /* the same, slowly, taken back only when told, and nothing said
			    of other pages: to compare */
	OS_LOAN_POLICY_COUNT
};

enum os_store { OS_STORE_PAGING, OS_STORE_FILE, OS_STORE_COUNT };

/* What it is built on. False: it failed, or the page cannot be reached (poisoned). */
struct os_memory_env {
	void *ctx;
	bool (*write)(void *ctx, uint32_t frame, const struct partition_content *content);
	/* false: another content; counted there */
	bool (*check)(void *ctx, uint32_t frame, const struct partition_content *content);
	bool (*load)(void *ctx, uint32_t frame, uint8_t *into);
	bool (*fill)(void *ctx, uint32_t frame, const uint8_t *from);
	/* true: the content is what it was. NULL: nothing is said of pages */
	bool (*hint)(void *ctx, uint32_t frame, enum hv_hint hint);
	bool (*read)(void *ctx, enum os_store store, uint64_t page, uint8_t *into);
	bool (*save)(void *ctx, enum os_store store, uint64_t page, const uint8_t *from);
};

struct os_memory_config {
	uint32_t frames, frames_max;
	uint32_t process_pages, file_pages; /* may be more than there are frames */
	uint64_t key;
	enum os_loan_policy policy; /* needs hint() */
};

struct os_memory_figures {
	uint64_t frames; /* = free (and offered) + working + cache + loaned */
	uint64_t free, working, cache, loaned;
	uint64_t page_ins, page_outs; /* its own paging */
	uint64_t file_reads;
	uint64_t dropped; /* of the cache, by the hypervisor */
	uint64_t moved;   /* to make room above */
	uint64_t curable; /* page-ins that what is lent would have saved */
	uint64_t io_errors;
};

struct os_memory;

HV_MUST_USE
enum hv_code os_memory_open(const struct os_memory_config *config,
			    const struct os_memory_env *env,
			    struct os_memory **ret_memory, struct hv_err *err);
void os_memory_close(struct os_memory *memory); /* NULL is fine */

/* The process uses a page; it has one from its first use on. False: a mismatch. */
bool os_memory_touch(struct os_memory *memory, uint32_t page, bool is_store);
/* A page of the file is read; it is made at its first reading. False: a mismatch. */
bool os_memory_read_file(struct os_memory *memory, uint32_t page);

/* Once a second: the pages that the hypervisor wants to be lent in all. */
void os_memory_loan(struct os_memory *memory, uint64_t wanted);
bool os_memory_is_loaned(const struct os_memory *memory, uint32_t frame);

/*
 * It shall make do with that many frames (more than it has: with those it has). Frames
 * beyond are emptied by give() while it goes on; until resize() they are its own, and
 * another offer has them used again.
 */
void os_memory_offer(struct os_memory *memory, uint32_t frames);
/* Empties so many at most. True: it has been through all of them; it begins anew then
 * with those that could not be. */
bool os_memory_give(struct os_memory *memory, uint32_t most);
bool os_memory_is_given(const struct os_memory *memory);
/* It has that many frames: less, and those beyond are given; or more, free ones, up to
 * frames_max. Nothing is offered any more. */
void os_memory_resize(struct os_memory *memory, uint32_t frames);

/* Whether the frame holds what it must. What it holds by chance is right. */
bool os_memory_verify(struct os_memory *memory, uint32_t frame);

struct os_memory_figures os_memory_figures(const struct os_memory *memory);
/* Every frame in exactly one place, and counted there. CORRUPT: not. */
HV_MUST_USE
enum hv_code os_memory_audit(const struct os_memory *memory, struct hv_err *err);

/* By enum os_loan_policy: off is "0"; NULL at the end. */
extern const char *const os_loan_policy_names[OS_LOAN_POLICY_COUNT + 1];

#endif
