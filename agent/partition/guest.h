/*
 * guest - a partition's memory as its operating system sees it: pages that are
 * written, and checked against what was written last.
 *
 * The version of each page is kept in private memory of this process, with the newest
 * that it ever had, so that what was paged out is never its own witness, and no content
 * comes twice: a page that an older one took the place of is always found. A page that
 * does not hold what it must is a mismatch: counted and logged once until it is written
 * again, never fatal. So is a page that cannot be read at all (SIGBUS: the hypervisor
 * poisoned it).
 *
 * Contract
 *   Threads  each page has one owner, who alone reads, writes and forgets it.
 *            peek, load and the counters: any thread. The reserved pages have one
 *            owner together, who alone stores.
 *   Memory   the region is the caller's and outlives the guest. Every call on a
 *            page may fault, and wait as long as the fault does.
 *   Errors   none while it runs: a bad page is an answer.
 *   Order    partition_guest_catch_poison() once per process, before all others.
 */
#ifndef AGENT_PARTITION_GUEST_H
#define AGENT_PARTITION_GUEST_H

#include "agent/partition/content.h"
#include "agent/partition/hints.h"
#include "agent/partition/mmu.h"

#define PARTITION_MISMATCHES_LOGGED 100 /* lines; the rest is only counted. Arbitrary */

#define PARTITION_RESERVED_MAX 4 /* pages for the console; arbitrary */

struct partition_guest;

HV_MUST_USE
enum hv_code partition_guest_catch_poison(struct hv_err *err);

struct partition_guest_config {
	uint8_t *base;
	uint64_t bytes;     /* in use from the start */
	uint64_t max_bytes; /* what resize may reach */
	uint64_t key;
	/* From the first, at most PARTITION_RESERVED_MAX: they hold what
	 * partition_guest_store() puts there; to write one is to look at it. */
	uint64_t reserved;
	/* Behind those: buffers of its drivers. Nobody else touches them, and they hold
	 * what they hold: a check finds them right, a write leaves them alone. */
	uint64_t driver;
};

/* The versions are locked into memory where the limits allow it. */
HV_MUST_USE
enum hv_code partition_guest_open(const struct partition_guest_config *config,
				  struct partition_guest **ret_guest, struct hv_err *err);
void partition_guest_close(struct partition_guest *guest); /* NULL is fine */

/*
 * From now on every access goes through a page table that H_ENTER fills (mmu.h). A page
 * whose translation is refused is a mismatch. The calls are lent. NOMEM.
 */
HV_MUST_USE
enum hv_code partition_guest_via(struct partition_guest *guest,
				 struct partition_calls *calls, struct hv_err *err);
/*
 * Translates the page ahead of an access, so that its call is not taken for a wait for
 * the page. True: a call was made.
 */
bool partition_guest_reach(struct partition_guest *guest, uint64_t page, bool is_store);

uint64_t partition_guest_pages(const struct partition_guest *guest);
uint64_t partition_guest_max_pages(const struct partition_guest *guest);

/*
 * Other pages are in use from now on, while no thread uses any. Pages from `intact` on
 * are zeros when they come into use; those below hold what was written last, also
 * where they were out of use meanwhile.
 */
void partition_guest_resize(struct partition_guest *guest, uint64_t pages,
			    uint64_t intact);

/*
 * From now on pages may be said to be free. The calls are lent. NOMEM: the hypervisor
 * keeps hints for fewer pages.
 */
HV_MUST_USE
enum hv_code partition_guest_hint_by(struct partition_guest *guest,
				     struct partition_calls *calls, struct hv_err *err);
bool partition_guest_has_hints(const struct partition_guest *guest);
/*
 * The pages are worth nothing until they are used again: each is then zeros, or what
 * was written last.
 */
void partition_guest_free(struct partition_guest *guest, uint64_t page, uint64_t pages,
			  enum hv_hint hint);
bool partition_guest_is_free(const struct partition_guest *guest, uint64_t page);

/* Whether the page holds what was written last, in every byte. */
bool partition_guest_check(struct partition_guest *guest, uint64_t page);
/* Whether a page of another thread is of this partition and place. */
bool partition_guest_peek(struct partition_guest *guest, uint64_t page);
/* False: the page cannot be written (poisoned). */
bool partition_guest_write(struct partition_guest *guest, uint64_t page);
/*
 * For who keeps pages by a reckoning of its own (os_memory.h), of pages that are not
 * reserved: the content that is given, and bytes as they are, not checked. The unit is
 * that of the adapter it came through, for the log; 0: none.
 */
HV_MUST_USE
bool partition_guest_check_as(struct partition_guest *guest, uint64_t page,
			      const struct partition_content *content, uint64_t unit);
HV_MUST_USE
bool partition_guest_write_as(struct partition_guest *guest, uint64_t page,
			      const struct partition_content *content);
HV_MUST_USE
bool partition_guest_fill(struct partition_guest *guest, uint64_t page,
			  const uint8_t *from);
uint64_t partition_guest_key(const struct partition_guest *guest);

/* After the pages were given back: they are zero from now on. */
void partition_guest_forget(struct partition_guest *guest, uint64_t page, uint64_t pages);

/* Bytes as they are now, within one page that is in use. False: they cannot be read. */
HV_MUST_USE
bool partition_guest_load(struct partition_guest *guest, uint64_t address, uint8_t *into,
			  unsigned bytes);
/*
 * Eight bytes, the highest first, in a reserved page; the address is a multiple of 8.
 * The page must hold them from then on. False: it cannot be written.
 */
HV_MUST_USE
bool partition_guest_store(struct partition_guest *guest, uint64_t address,
			   uint64_t value);
uint64_t partition_guest_reserved(const struct partition_guest *guest);

/*
 * Watches the eight bytes at the address, a multiple of 8, on all threads; no flags: no
 * more. From any one thread. STATE: it makes no hypervisor calls. INVAL: not an address
 * of its memory. DENIED: what the kernel says.
 */
HV_MUST_USE
enum hv_code partition_guest_watch(struct partition_guest *guest, uint64_t address,
				   unsigned flags, struct hv_err *err);
HV_MUST_USE
bool partition_guest_hits(struct partition_guest *guest, unsigned index,
			  struct partition_hits *ret_hits);

uint64_t partition_guest_mismatches(const struct partition_guest *guest);

/* ---- for its drivers ---- */

/* Reserved pages and those of its drivers: the workload's begin behind them. */
uint64_t partition_guest_kept(const struct partition_guest *guest);
/* The nth page of its drivers: where it is, and which of its logical pages. */
uint8_t *partition_guest_driver(const struct partition_guest *guest, uint64_t nth);
uint64_t partition_guest_driver_page(const struct partition_guest *guest, uint64_t nth);
/*
 * A device is about to read the page, or to write it: from now on it is of use again.
 * *ret_logical is what an adapter's window must map. False: its translation is refused.
 */
HV_MUST_USE
bool partition_guest_lend(struct partition_guest *guest, uint64_t page, bool is_store,
			  uint64_t *ret_logical);
uint32_t partition_guest_version(const struct partition_guest *guest, uint64_t page);
/*
 * The device has written what the page held at that version; to be checked. What is
 * written next is newer than all that ever was.
 */
void partition_guest_restore(struct partition_guest *guest, uint64_t page,
			     uint32_t version);
/* Something else that came by I/O is not what it must be. True: it may be logged. */
HV_MUST_USE
bool partition_guest_count_bad(struct partition_guest *guest);

#endif
