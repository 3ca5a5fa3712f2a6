/* tier_priv - what is in a tier, for tier.c and for tests that look into it. */
#ifndef HVCORE_PAGER_TIER_PRIV_H
#define HVCORE_PAGER_TIER_PRIV_H

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"
#include "hvcore/pager/tier.h"

#include <assert.h>

enum hv_tier_state { HV_TIER_GONE, HV_TIER_KEPT, HV_TIER_HELD };

struct hv_tier_head { /* before what it packs to */
	uint32_t page;
	uint16_t bytes;
	uint8_t owner;
	uint8_t state; /* enum hv_tier_state */
};

static_assert(sizeof(struct hv_tier_head) == 8, "8 bytes a page");

struct hv_tier_chunk {
	uint32_t used; /* units, gaps included */
	uint32_t live; /* units */
	uint32_t held; /* pages */
	uint32_t older, newer;
	bool is_there;  /* has memory, and frames */
	bool is_closed; /* gets no more pages */
};

struct hv_tier {
	struct hv_tier_memory memory;
	struct hv_frames *frames;
	struct hv_tier_chunk *chunks;
	uint32_t count;
	uint32_t chunk_units; /* from one to the next */
	uint32_t room_units;  /* for pages */
	uint32_t there;       /* chunks */
	uint32_t fresh;       /* the first that never was there */
	uint32_t unused;      /* first of those that were, linked by `newer` */
	uint32_t oldest, newest;
	uint32_t filling, moving, reserve; /* HV_TIER_NONE: none */
	uint32_t source;                   /* of what is moved */
	uint32_t cursor;                   /* of the search for the emptiest */
	uint64_t live_units, held_units, objects;
	uint64_t tail_units; /* at the end of closed ones: too few for a page */
	struct hv_tier_news news;
	void *lz4; /* its state */
	uint8_t packed[HV_TIER_PACKED_MAX];
};

#define HV_TIER_NONE UINT32_MAX /* chunk */

/* ---- where things lie ---- */

static inline uint8_t *hv_tier_at(const struct hv_tier *tier, uint32_t place)
{
	return tier->memory.base + (uint64_t)place * HV_TIER_UNIT;
}

static inline struct hv_tier_head *hv_tier_head_at(const struct hv_tier *tier,
						   uint32_t place)
{
	return (struct hv_tier_head *)(void *)hv_tier_at(tier, place);
}

static inline struct hv_tier_chunk *hv_tier_chunk_of(const struct hv_tier *tier,
						     uint32_t place)
{
	uint32_t index = place / tier->chunk_units;

	HV_INVARIANT(index < tier->count && tier->chunks[index].is_there);
	return &tier->chunks[index];
}

static inline uint32_t hv_tier_index_of(const struct hv_tier *tier,
					const struct hv_tier_chunk *chunk)
{
	return (uint32_t)(chunk - tier->chunks);
}

static inline uint32_t hv_tier_units(uint32_t bytes)
{
	return (uint32_t)((sizeof(struct hv_tier_head) + bytes + HV_TIER_UNIT - 1) /
			  HV_TIER_UNIT);
}

static inline struct hv_tier_object hv_tier_name(const struct hv_tier *tier,
						 uint32_t place)
{
	const struct hv_tier_head *object = hv_tier_head_at(tier, place);

	return (struct hv_tier_object){ place, object->page, object->owner };
}

/* The first page of the chunk from that place on; the chunk's end: none. */
static inline uint32_t hv_tier_find(const struct hv_tier *tier,
				    const struct hv_tier_chunk *chunk, uint32_t place)
{
	uint32_t end = hv_tier_index_of(tier, chunk) * tier->chunk_units + chunk->used;

	while (place < end && hv_tier_head_at(tier, place)->state == HV_TIER_GONE)
		place += hv_tier_units(hv_tier_head_at(tier, place)->bytes);
	HV_INVARIANT(place <= end);
	return place;
}

static inline uint32_t hv_tier_after(const struct hv_tier *tier, uint32_t place)
{
	return place + hv_tier_units(hv_tier_head_at(tier, place)->bytes);
}

#endif
