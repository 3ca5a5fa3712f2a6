/*
 * tier - pages kept compressed in memory of the pool, between its frames and the paging
 * device: the store. Who keeps what there, and when it leaves, is pack.c's.
 *
 *   chunks   CHUNK ── CHUNK ── CHUNK ── ... ── CHUNK      by age of what is in them
 *            oldest                            filling
 *   a chunk  | page, owner, size | LZ4 | page, owner, size | LZ4 | ... | room |
 *
 * A page is appended where there is room; its place is where it lies, in units. A page
 * that is taken out leaves a gap; a chunk without pages is given back. Where no chunk
 * can be had, the emptiest of some is moved together with what was moved before, so that
 * gaps are few, and what is old stays old.
 *
 * A chunk's frames are counted in `frames` (P12), within what tiers may hold, and its
 * memory is there before it is touched: `fill` says so, or there is no chunk. One chunk
 * is kept in reserve, so that packing can begin when no frame is free.
 *
 * Contract
 *   Threads  new and free: any; everything else: the fault thread whose it is.
 *   Memory   of the chunks: the caller's, as `memory` says. Chunks are 8 bytes each for
 *            what is known of them, and 24 more; nothing is allocated after new.
 *   Errors   no room, no frame: NO_ROOM. What does not read back is said by hv_tier_get.
 *   Units    bytes, unless the name says otherwise.
 */
#ifndef HVCORE_PAGER_TIER_H
#define HVCORE_PAGER_TIER_H

#include "hvcore/base/err.h"
#include "hvcore/base/units.h"
#include "hvcore/pager/frames.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* paging.md 2.3, 4.8: more than 73 % is not worth keeping. */
#define HV_TIER_PACKED_MAX (HV_PAGE_BYTES * 73 / 100)
#define HV_TIER_CHUNK_PAGES 16 /* 64 KiB: some thirty pages; arbitrary */
#define HV_TIER_UNIT 16        /* what places count in */
#define HV_TIER_OWNERS 128
#define HV_TIER_BYTES_MAX (UINT64_C(0x7fff0000) * HV_TIER_UNIT) /* places have 31 bits */

struct hv_tier; /* opaque */

/* Whose memory the chunks are. */
struct hv_tier_memory {
	uint8_t *base;
	uint64_t bytes;       /* the most there will ever be; a part of a chunk is lost */
	uint32_t chunk_pages; /* HV_TIER_CHUNK_PAGES */
	uint32_t chunk_bytes; /* of a chunk that pages go to; 0: all */
	/* Memory is there from now on, or false: none is to be had. */
	bool (*fill)(void *ctx, uint64_t at, uint64_t bytes);
	/* ... is not any more. */
	void (*punch)(void *ctx, uint64_t at, uint64_t bytes);
	void *ctx;
};

HV_MUST_USE
enum hv_code hv_tier_new(const struct hv_tier_memory *memory, struct hv_frames *frames,
			 struct hv_tier **ret_tier, struct hv_err *err);
/* Its memory is the caller's business, and the frames that it has: hv_tier_drop_all. */
void hv_tier_free(struct hv_tier *tier);
size_t hv_tier_bytes(const struct hv_tier *tier); /* of its own, without the chunks */

/* A page, whose it is, and where it lies. */
struct hv_tier_object {
	uint32_t place;
	uint32_t page;
	uint8_t owner;
};

enum hv_tier_put {
	HV_TIER_PUT,
	HV_TIER_REFUSED, /* it does not compress */
	HV_TIER_NO_ROOM,
};

/* Told of what was moved: it is at `place` now, and was at `old`. */
struct hv_tier_mover {
	void (*moved)(void *ctx, const struct hv_tier_object *object, uint32_t old);
	void *ctx;
};

/* Keeps a page. May move others for it, and says so before it returns. */
HV_MUST_USE
enum hv_tier_put hv_tier_put(struct hv_tier *tier, const struct hv_tier_object *object,
			     const uint8_t *page, const struct hv_tier_mover *mover,
			     uint32_t *ret_place);

/* Writes the page. False: what lies there is no page that was put. */
HV_MUST_USE
bool hv_tier_get(const struct hv_tier *tier, uint32_t place, uint8_t *to);
/* What it takes there. */
uint32_t hv_tier_size(const struct hv_tier *tier, uint32_t place);

/* It is worth nothing there now. */
void hv_tier_drop(struct hv_tier *tier, uint32_t place);

/* It is not moved, nor found by hv_tier_oldest, while it is held; or again. */
void hv_tier_hold(struct hv_tier *tier, uint32_t place, bool is_held);

/* Of the oldest that are not held, up to `most`, in the order that they came. */
unsigned hv_tier_oldest(const struct hv_tier *tier, struct hv_tier_object *objects,
			unsigned most);

/*
 * Gets the chunk in reserve where it can be had and is wanted; gives back what is not
 * wanted, and what is more than tiers may hold now.
 */
void hv_tier_tend(struct hv_tier *tier, bool wants_reserve,
		  const struct hv_tier_mover *mover);
/* Everything is worth nothing, and all chunks go back. */
void hv_tier_drop_all(struct hv_tier *tier);

/* What came of frames taken and given since the last call: hv_frames_take, _give. */
struct hv_tier_news {
	uint32_t thirsty; /* bits of pagers that waited for some */
	bool is_low;      /* the pool fell below its low water */
};
struct hv_tier_news hv_tier_news(struct hv_tier *tier);

/* So much must leave before as much is free as should be, for what comes next; 0: none. */
uint64_t hv_tier_excess(const struct hv_tier *tier);

uint64_t hv_tier_frames(const struct hv_tier *tier);  /* it has, the reserve too */
uint64_t hv_tier_used(const struct hv_tier *tier);    /* by its pages, gaps not counted */
uint64_t hv_tier_objects(const struct hv_tier *tier); /* pages in it */

/* All equations; O(chunks + pages). `is_there`: whether its owner knows it there. */
HV_MUST_USE
enum hv_code hv_tier_audit(const struct hv_tier *tier,
			   bool (*is_there)(void *ctx,
					    const struct hv_tier_object *object),
			   void *ctx, struct hv_err *err);

#endif
