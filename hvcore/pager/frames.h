/*
 * frames - how many frames of the pool are free. The authoritative counter (P12);
 * the size of the tmpfs is only the net below it.
 *
 * Shared by all fault threads of a pool: one atomic counter, no lock. A frame is
 * taken before a zero-fill or before a page-in is submitted, and given back after
 * the punch. `free` may go below zero while the pool shrinks (P14): then nothing is
 * given out until reclaim has paid the debt.
 *
 * Contract
 *   Threads  any; grow and shrink: the loop thread.
 *   Units    frames of HV_PAGE_BYTES.
 */
#ifndef HVCORE_PAGER_FRAMES_H
#define HVCORE_PAGER_FRAMES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hv_frames {
	/* private */
	_Alignas(64) _Atomic int64_t free;
	_Alignas(64) _Atomic int64_t total;
	_Atomic int64_t leaving; /* being stolen: free before long */
	_Atomic int64_t low;
	_Atomic int64_t high;
	_Atomic uint64_t waits;   /* faults that found no free frame */
	_Atomic uint32_t thirsty; /* bit a pager whose faults wait for a frame */
	/* of the compressed tiers */
	_Alignas(64) _Atomic int64_t packed;
	_Atomic int64_t packed_most;
};

void hv_frames_init(struct hv_frames *frames, uint64_t total);

/*
 * False: none is free; then the bit of `pager` is set in `thirsty`, for whoever
 * gives next. *ret_is_low: this one took the pool below its low water.
 */
bool hv_frames_take(struct hv_frames *frames, unsigned pager, bool *ret_is_low);

/* Returns the bits of the pagers that were thirsty, and clears them. */
uint32_t hv_frames_give(struct hv_frames *frames, uint64_t count);

void hv_frames_waited(struct hv_frames *frames); /* a fault found none */

/* So many more (or fewer) are being stolen. */
void hv_frames_leaving(struct hv_frames *frames, int64_t count);

/* P14: remount first, then grow. Shrink first, remount when free is not below 0;
 * grow again to give it up. Water marks follow the total. */
void hv_frames_grow(struct hv_frames *frames, uint64_t count);
void hv_frames_shrink(struct hv_frames *frames, uint64_t count);

/*
 * For compressed pages: so many at once, all of them free now, and no more in all than
 * tiers may have (at first none); false: none taken. *ret_is_low as above.
 */
bool hv_frames_pack(struct hv_frames *frames, uint32_t count, bool *ret_is_low);
uint32_t hv_frames_unpack(struct hv_frames *frames, uint32_t count); /* as _give */
/* The most that tiers may have from now on; what they have beyond it they give back. */
void hv_frames_pack_most(struct hv_frames *frames, int64_t most);
int64_t hv_frames_packed(const struct hv_frames *frames);   /* what they have, */
int64_t hv_frames_packable(const struct hv_frames *frames); /* ... may have more */

int64_t hv_frames_free(const struct hv_frames *frames);
/* None is free, and somebody waits for one, or the pool owes some. */
bool hv_frames_are_wanted(const struct hv_frames *frames);
int64_t hv_frames_soon(const struct hv_frames *frames); /* free + leaving */
int64_t hv_frames_total(const struct hv_frames *frames);
int64_t hv_frames_low(const struct hv_frames *frames);
int64_t hv_frames_high(const struct hv_frames *frames);
/* High water of a pool of so many: what is guaranteed to nobody. */
int64_t hv_frames_reserve(int64_t total);
uint64_t hv_frames_waits(const struct hv_frames *frames);

/*
 * Fair targets, resident pages each space may count on: its entitlement, then the
 * rest by logical * (weight + 1), nobody more than its logical pages (what one
 * cannot use goes to the others). The sum is at most `frames`.
 */
struct hv_share {
	uint64_t logical;
	uint64_t entitled;
	uint32_t weight; /* 0..255 */
	uint64_t target; /* out */
};
void hv_shares_split(uint64_t frames, struct hv_share *shares, unsigned count);

#endif
