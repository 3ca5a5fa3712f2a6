/*
 * page_table - where every page of one shared partition is, and what every slot of
 * its paging device holds. Bookkeeping only: no I/O, no policy.
 *
 *   entry, 16 bytes a logical page:
 *     slot      u32   slot of its copy, or HV_SLOT_NONE; or the place of its copy in
 *                     the compressed tier, with the top bit set
 *     checksum  u32   low half of xxh3-64 of that copy
 *     word      u32   state 3 | protected 1 | frequency 2 | queue 2 | parked 1 |
 *                     wants write 1 | fill 6 | age 16; ZERO: age 1 = loaned;
 *                     in its frame: fill 1 = came ahead, nobody has used it yet
 *     link      u32   next page of its queue 28 | state of *slot* i 4 (a column that
 *                     only shares the entry of page i)
 *
 * Slots may outnumber pages (2 W more, P11); theirs are in a byte array. One bit a
 * slot says whether it is free, so that runs are found 64 slots at a time.
 *
 * Mirrored (P17): every slot is on two devices, one a side (0, 1). Two bits a slot more
 * say which side missed what a LIVE slot holds; never both.
 *
 *   page  ZERO -> RESIDENT -> STEALING -> STOLEN -> INFLIGHT -> RESIDENT
 *         RESIDENT -> STOLEN when its slot is still valid, -> ZERO when it is all
 *         zeros; RESIDENT -> PACKED -> RESIDENT by way of the compressed tier, and
 *         PACKED -> UNLOADING -> STOLEN from there to the device;
 *         any but POISONED -> ZERO by a discard; INFLIGHT -> STOLEN when the
 *         read is given up; any -> POISONED, for ever
 *
 *   slot  FREE -> WRITING -> LIVE -> FREE;
 *         WRITING or LIVE -> CONDEMNED while a request on it is unanswered (P4);
 *         any of them in doubt (M5) while a request of an ended epoch may still be
 *         carried out: such a slot is QUARANTINED instead of FREE.
 *
 * Equations, checked by hv_page_table_audit() (M1):
 *   a page is in exactly one state, and the counts of the states sum to the pages
 *   the counts of the slot classes sum to the slots
 *   RESIDENT has no slot, or a LIVE one or a place, and is protected then (P5)
 *   STEALING has a WRITING slot and is protected; UNLOADING a WRITING one; INFLIGHT
 *   and STOLEN a LIVE one; PACKED has a place; ZERO and POISONED none; every WRITING and LIVE slot belongs to one page
 *   a page marked as queued is on that queue, once
 *   as many pages are loaned as `loaned` says, all of them ZERO
 *   a side has missed as many LIVE slots as `missed` says, and no others; none is
 *   missed by both
 *
 * Contract
 *   Threads  one.
 *   Memory   everything is allocated by open; nothing later.
 *   Errors   misuse (a transition that is not in the table) is an invariant.
 *   Units    pages, slots.
 */
#ifndef HVCORE_MEM_PAGE_TABLE_H
#define HVCORE_MEM_PAGE_TABLE_H

#include "hvcore/base/err.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HV_SLOT_NONE UINT32_MAX
#define HV_SLOT_PLACE 0x80000000u /* no slot, but a place in the tier */
#define HV_PAGE_NONE 0x0fffffffu  /* "no page" in 28 bits */
#define HV_PAGES_MAX 0x0ffffff0u  /* 1 TiB: what 28 bits of link can name */
#define HV_SLOTS_MAX \
	(HV_PAGES_MAX * 2) /* arbitrary: a device may be larger than needed */
#define HV_FREQUENCY_MAX 3 /* two bits, as in S3-FIFO */
#define HV_FILLS_MAX 64    /* six bits of the word */

enum hv_page_state {
	HV_PAGE_ZERO,      /* nowhere: reads as zeros */
	HV_PAGE_RESIDENT,  /* in its frame */
	HV_PAGE_STEALING,  /* in its frame, its write is unanswered */
	HV_PAGE_INFLIGHT,  /* on the device, a frame is reserved, being read */
	HV_PAGE_STOLEN,    /* on the device only */
	HV_PAGE_POISONED,  /* lost, loudly: touching it kills */
	HV_PAGE_PACKED,    /* compressed, in memory of the pool (pager/tier.h) */
	HV_PAGE_UNLOADING, /* ... and its write to the device is unanswered */
	HV_PAGE_STATE_COUNT
};

enum hv_page_queue {
	HV_QUEUE_NONE,
	HV_QUEUE_SMALL,
	HV_QUEUE_MAIN,
	HV_QUEUE_AHEAD, /* came without being asked for */
	HV_QUEUE_COUNT
};

/* What a slot counts as. Base state and doubt are kept apart. */
enum hv_slot_class {
	HV_SLOT_FREE,
	HV_SLOT_WRITING,
	HV_SLOT_LIVE,
	HV_SLOT_CONDEMNED,
	HV_SLOT_QUARANTINED, /* would be free, but for its doubt */
	HV_SLOT_CLASS_COUNT
};

struct hv_page {
	uint32_t slot;
	uint32_t checksum;
	uint32_t word;
	uint32_t link;
};

static_assert(sizeof(struct hv_page) == 16, "16 bytes a logical page");

struct hv_fifo {
	uint32_t head;
	uint32_t tail;
	uint32_t length; /* entries, those that went stale included */
};

struct hv_page_table {
	struct hv_page *pages;
	uint64_t *free_slots; /* bit set = free and not in doubt */
	uint8_t *extra_slots; /* states of slots beyond the last page */
	uint32_t page_count;
	uint32_t slot_count;
	uint32_t slot_cursor; /* next-fit: slots are given out in write order */
	uint32_t pages_in[HV_PAGE_STATE_COUNT];
	uint32_t loaned; /* of those that are ZERO */
	uint32_t slots_in[HV_SLOT_CLASS_COUNT];
	uint32_t doubts[2]; /* slots in doubt because of path 0, 1 */
	bool is_mirrored;
	uint64_t *missed_slots[2]; /* mirrored: bit set = LIVE, and not on that side */
	uint32_t missed[2];        /* ... how many */
	struct hv_fifo queues[HV_QUEUE_COUNT];
};

HV_MUST_USE
enum hv_code hv_page_table_open(uint32_t pages, uint32_t slots,
				struct hv_page_table *ret_table, struct hv_err *err);
/* Mirrored from now on: both sides have what is LIVE. Or not: no slot is missed. */
void hv_page_table_mirror(struct hv_page_table *table, bool is_mirrored);
static inline bool hv_page_table_is_mirrored(const struct hv_page_table *table)
{
	return table->is_mirrored;
}
void hv_page_table_close(struct hv_page_table *table);

/* All memory that open took: 16 a page, 1 a slot beyond the pages, 3/8 a slot. */
size_t hv_page_table_bytes(const struct hv_page_table *table);

/* O(pages + slots). CORRUPT with the first equation that does not hold. */
HV_MUST_USE
enum hv_code hv_page_table_audit(const struct hv_page_table *table, struct hv_err *err);

/* ---- pages ---- */

#define HV_PAGE_PROTECTED (1u << 3)   /* write-protected by us */
#define HV_PAGE_PARKED (1u << 8)      /* in the parking ring of its space */
#define HV_PAGE_WANTS_WRITE (1u << 9) /* INFLIGHT for a write fault */
#define HV_PAGE_UNPROVEN \
	(1u << 10) /* RESIDENT, STEALING: came ahead, and nobody is known to use it */
/* STOLEN, PACKED, UNLOADING: was written before it left; RESIDENT: that, and is not yet */
#define HV_PAGE_WROTE (1u << 11)

static inline enum hv_page_state hv_page_state(const struct hv_page_table *table,
					       uint32_t page)
{
	return (enum hv_page_state)(table->pages[page].word & 7u);
}

static inline bool hv_page_has(const struct hv_page_table *table, uint32_t page,
			       uint32_t flag)
{
	return (table->pages[page].word & flag) != 0;
}

static inline void hv_page_mark(struct hv_page_table *table, uint32_t page, uint32_t flag,
				bool is_set)
{
	if (is_set)
		table->pages[page].word |= flag;
	else
		table->pages[page].word &= ~flag;
}

static inline bool hv_slot_is_place(uint32_t slot)
{
	return slot != HV_SLOT_NONE && (slot & HV_SLOT_PLACE) != 0;
}

/* Moves the page and the counts; the pair must be a legal transition. */
void hv_page_move(struct hv_page_table *table, uint32_t page, enum hv_page_state to);

static inline unsigned hv_page_frequency(const struct hv_page_table *table, uint32_t page)
{
	return (table->pages[page].word >> 4) & 3u;
}
void hv_page_frequency_set(struct hv_page_table *table, uint32_t page,
			   unsigned frequency);

/* Which fill (0..63) reads an INFLIGHT page; 0 when none does any more. */
static inline unsigned hv_page_fill(const struct hv_page_table *table, uint32_t page)
{
	return (table->pages[page].word >> 10) & 63u;
}
void hv_page_fill_set(struct hv_page_table *table, uint32_t page, unsigned fill);

/* Age: low 16 bits of a clock of the caller, when the page came or left. */
static inline unsigned hv_page_age(const struct hv_page_table *table, uint32_t page)
{
	return table->pages[page].word >> 16;
}
void hv_page_age_set(struct hv_page_table *table, uint32_t page, unsigned age);

/*
 * A ZERO page is one that the partition has loaned, or is not any more; what becomes
 * something else is none.
 */
void hv_page_loan(struct hv_page_table *table, uint32_t page, bool is_loaned);
static inline bool hv_page_is_loaned(const struct hv_page_table *table, uint32_t page)
{
	return hv_page_state(table, page) == HV_PAGE_ZERO &&
	       hv_page_age(table, page) == 1;
}

/* ---- queues: singly linked; a page that left stays until it is popped ---- */

static inline enum hv_page_queue hv_page_queue(const struct hv_page_table *table,
					       uint32_t page)
{
	return (enum hv_page_queue)((table->pages[page].word >> 6) & 3u);
}

/* The page must be on no queue. */
void hv_queue_push(struct hv_page_table *table, enum hv_page_queue queue, uint32_t page);

/* HV_PAGE_NONE when empty. */
uint32_t hv_queue_pop(struct hv_page_table *table, enum hv_page_queue queue);

/* ---- slots ---- */

enum hv_slot_class hv_slot_class(const struct hv_page_table *table, uint32_t slot);

/* Because of that path (0, 1). */
bool hv_slot_in_doubt(const struct hv_page_table *table, uint32_t slot, unsigned path);

/*
 * Up to `want` adjacent FREE slots become WRITING, next-fit from the last ones
 * given out; returns how many, 0 when none is free.
 */
uint32_t hv_slots_take(struct hv_page_table *table, uint32_t want, uint32_t *ret_first);

/* The last of them were not used: FREE again, and next to be given out. */
void hv_slots_untake(struct hv_page_table *table, uint32_t first, uint32_t count);

/* WRITING -> LIVE: acknowledged (M3). */
void hv_slot_live(struct hv_page_table *table, uint32_t slot);

/* WRITING or LIVE -> CONDEMNED: worthless, but a request on it is unanswered (P4). */
void hv_slot_condemn(struct hv_page_table *table, uint32_t slot);

/*
 * Any -> FREE, or QUARANTINED if in doubt: worthless, and no request of a current
 * epoch is out on it.
 */
void hv_slot_release(struct hv_page_table *table, uint32_t slot);

/* M5: a request of an ended epoch of that path was never answered. Not for FREE ones. */
void hv_slot_doubt(struct hv_page_table *table, uint32_t slot, unsigned path);

/* P17: mirrored, LIVE: that side has (not) what the slot holds. Not for both sides. */
void hv_slot_miss(struct hv_page_table *table, uint32_t slot, unsigned side,
		  bool is_missed);
static inline bool hv_slot_is_missed(const struct hv_page_table *table, uint32_t slot,
				     unsigned side)
{
	return (table->missed_slots[side][slot / 64] >> (slot % 64) & 1) != 0;
}

/* P9: no request of that path's ended epochs can act any more. Returns slots freed. */
uint32_t hv_slots_drain(struct hv_page_table *table, unsigned path);

#endif
