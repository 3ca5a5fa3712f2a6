/*
 * tier - see tier.h.
 *
 * Three kinds of chunk have room: the one that new pages go to, the one that moved
 * pages go to, and the reserve. All others are full, and only lose pages. The list by
 * age holds all that have pages but the reserve; what is moved to lies where the oldest
 * of its pages came from.
 */
#include "hvcore/pager/tier_priv.h"

#include <stdlib.h>
#include <string.h>

#include <lz4.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"

#define SAMPLE 64    /* chunks looked at for the emptiest: 64 of many are near it */
#define MOVES 6      /* pages moved for one that comes: nine tenths may be full */
#define MOVES_MAX 16 /* times that, where there is no room; three chunks; arbitrary */
#define WORTH 8      /* a chunk is moved if an eighth of it is gaps; arbitrary */
#define ROOM 16      /* a 16th is to be free ahead of need; arbitrary */

static_assert(HV_TIER_PACKED_MAX < HV_PAGE_BYTES, "less than a page");

enum hv_code hv_tier_new(const struct hv_tier_memory *memory, struct hv_frames *frames,
			 struct hv_tier **ret_tier, struct hv_err *err)
{
	uint64_t chunk_bytes = (uint64_t)memory->chunk_pages * HV_PAGE_BYTES;
	uint64_t bytes = memory->bytes < HV_TIER_BYTES_MAX ? memory->bytes
							   : HV_TIER_BYTES_MAX;
	struct hv_tier *tier = calloc(1, sizeof(*tier));

	HV_INVARIANT(memory->chunk_pages > 0 && chunk_bytes < UINT32_MAX);
	if (tier == NULL)
		return hv_fail(err, HV_E_NOMEM, "a compressed tier");
	tier->memory = *memory;
	tier->frames = frames;
	tier->count = (uint32_t)(bytes / chunk_bytes);
	tier->chunk_units = (uint32_t)(chunk_bytes / HV_TIER_UNIT);
	tier->room_units = memory->chunk_bytes != 0 ? memory->chunk_bytes / HV_TIER_UNIT
						    : tier->chunk_units;
	tier->unused = tier->oldest = tier->newest = HV_TIER_NONE;
	tier->filling = tier->moving = tier->reserve = tier->source = HV_TIER_NONE;
	tier->chunks = calloc((size_t)tier->count + 1, sizeof(*tier->chunks));
	tier->lz4 = malloc((size_t)LZ4_sizeofState());
	if (tier->chunks == NULL || tier->lz4 == NULL) {
		hv_tier_free(tier);
		return hv_fail(err, HV_E_NOMEM, "a compressed tier of %llu MiB",
			       (unsigned long long)(bytes >> 20));
	}
	*ret_tier = tier;
	return HV_OK;
}

void hv_tier_free(struct hv_tier *tier)
{
	if (tier == NULL)
		return;
	free(tier->chunks);
	free(tier->lz4);
	free(tier);
}

size_t hv_tier_bytes(const struct hv_tier *tier)
{
	return sizeof(*tier) + (size_t)(tier->count + 1) * sizeof(*tier->chunks) +
	       (size_t)LZ4_sizeofState();
}

/* ---- chunks ---- */

/* Where in the list: before that one; NONE: the newest. */
static void link_chunk(struct hv_tier *tier, uint32_t index, uint32_t before)
{
	struct hv_tier_chunk *chunk = &tier->chunks[index];

	chunk->newer = before;
	chunk->older = before == HV_TIER_NONE ? tier->newest : tier->chunks[before].older;
	if (chunk->older == HV_TIER_NONE)
		tier->oldest = index;
	else
		tier->chunks[chunk->older].newer = index;
	if (before == HV_TIER_NONE)
		tier->newest = index;
	else
		tier->chunks[before].older = index;
}

static void unlink_chunk(struct hv_tier *tier, uint32_t index)
{
	struct hv_tier_chunk *chunk = &tier->chunks[index];

	if (chunk->older == HV_TIER_NONE)
		tier->oldest = chunk->newer;
	else
		tier->chunks[chunk->older].newer = chunk->newer;
	if (chunk->newer == HV_TIER_NONE)
		tier->newest = chunk->older;
	else
		tier->chunks[chunk->newer].older = chunk->older;
}

static uint64_t chunk_bytes(const struct hv_tier *tier)
{
	return (uint64_t)tier->memory.chunk_pages * HV_PAGE_BYTES;
}

static void give_frames(struct hv_tier *tier)
{
	tier->news.thirsty |= hv_frames_unpack(tier->frames, tier->memory.chunk_pages);
}

/* P12: counted first; there before it is touched. NONE: it is not to be had. */
static uint32_t chunk_get(struct hv_tier *tier)
{
	uint32_t index = tier->unused != HV_TIER_NONE ? tier->unused : tier->fresh;
	bool is_low;

	if (index >= tier->count ||
	    !hv_frames_pack(tier->frames, tier->memory.chunk_pages, &is_low))
		return HV_TIER_NONE;
	tier->news.is_low |= is_low;
	if (!tier->memory.fill(tier->memory.ctx, index * chunk_bytes(tier),
			       chunk_bytes(tier))) {
		give_frames(tier);
		return HV_TIER_NONE;
	}
	if (index == tier->fresh)
		tier->fresh++;
	else
		tier->unused = tier->chunks[index].newer;
	tier->chunks[index] = (struct hv_tier_chunk){ .older = HV_TIER_NONE,
						      .newer = HV_TIER_NONE,
						      .is_there = true };
	tier->there++;
	return index;
}

static void chunk_give(struct hv_tier *tier, uint32_t index)
{
	struct hv_tier_chunk *chunk = &tier->chunks[index];

	HV_INVARIANT(chunk->is_there && chunk->live == 0 && tier->there > 0);
	tier->memory.punch(tier->memory.ctx, index * chunk_bytes(tier),
			   chunk_bytes(tier));
	chunk->is_there = false;
	chunk->newer = tier->unused;
	tier->unused = index;
	tier->there--;
	give_frames(tier);
}

/* Nothing is in it any more. */
static void chunk_emptied(struct hv_tier *tier, uint32_t index)
{
	struct hv_tier_chunk *chunk = &tier->chunks[index];

	HV_INVARIANT(chunk->live == 0 && chunk->held == 0);
	if (chunk->is_closed)
		tier->tail_units -= tier->room_units - chunk->used;
	chunk->is_closed = false;
	chunk->used = 0;
	if (index == tier->source)
		tier->source = HV_TIER_NONE;
	if (index == tier->filling || index == tier->moving)
		return;
	unlink_chunk(tier, index);
	if (tier->reserve == HV_TIER_NONE && hv_frames_packable(tier->frames) >= 0)
		tier->reserve = index;
	else
		chunk_give(tier, index);
}

/* The reserve, which another one becomes as soon as it can be had; NONE: none. */
static uint32_t chunk_take(struct hv_tier *tier, uint32_t before)
{
	uint32_t index = tier->reserve != HV_TIER_NONE ? tier->reserve : chunk_get(tier);

	if (index == HV_TIER_NONE)
		return HV_TIER_NONE;
	tier->reserve = HV_TIER_NONE;
	tier->chunks[index].used = 0;
	link_chunk(tier, index, before);
	return index;
}

static bool fits(const struct hv_tier *tier, uint32_t index, uint32_t units)
{
	return index != HV_TIER_NONE &&
	       tier->chunks[index].used + units <= tier->room_units;
}

/* It gets no more pages. */
static void chunk_close(struct hv_tier *tier, uint32_t *index)
{
	uint32_t closed = *index;

	*index = HV_TIER_NONE;
	if (closed == HV_TIER_NONE)
		return;
	tier->chunks[closed].is_closed = true;
	tier->tail_units += tier->room_units - tier->chunks[closed].used;
	if (tier->chunks[closed].live == 0)
		chunk_emptied(tier, closed);
}

static uint32_t append(struct hv_tier *tier, uint32_t index,
		       const struct hv_tier_head *object, const uint8_t *packed)
{
	struct hv_tier_chunk *chunk = &tier->chunks[index];
	uint32_t place = index * tier->chunk_units + chunk->used;
	uint32_t units = hv_tier_units(object->bytes);

	HV_INVARIANT(fits(tier, index, units));
	*hv_tier_head_at(tier, place) = *object;
	memcpy(hv_tier_at(tier, place) + sizeof(*object), packed, object->bytes);
	chunk->used += units;
	chunk->live += units;
	tier->live_units += units;
	tier->objects++;
	return place;
}

static void take_out(struct hv_tier *tier, uint32_t place)
{
	struct hv_tier_chunk *chunk = hv_tier_chunk_of(tier, place);
	struct hv_tier_head *object = hv_tier_head_at(tier, place);
	uint32_t units = hv_tier_units(object->bytes);

	HV_INVARIANT(chunk->live >= units);
	HV_INVARIANT(object->state == HV_TIER_KEPT);
	object->state = HV_TIER_GONE;
	chunk->live -= units;
	tier->live_units -= units;
	tier->objects--;
}

/* ---- moving ---- */

static bool may_move(const struct hv_tier *tier, uint32_t index)
{
	const struct hv_tier_chunk *chunk = &tier->chunks[index];

	return chunk->is_there && index != tier->filling && index != tier->moving &&
	       index != tier->reserve && chunk->held == 0 &&
	       chunk->live <= tier->room_units - tier->room_units / WORTH;
}

static uint32_t find_emptiest(struct hv_tier *tier)
{
	uint32_t best = HV_TIER_NONE;

	for (uint32_t i = 0; i < SAMPLE && i < tier->fresh; i++) {
		uint32_t index = tier->cursor++ % tier->fresh;

		if (may_move(tier, index) &&
		    (best == HV_TIER_NONE ||
		     tier->chunks[index].live < tier->chunks[best].live))
			best = index;
	}
	return best;
}

/* Room for what is moved out of that chunk. */
static bool ready_to_move(struct hv_tier *tier, uint32_t from, uint32_t units)
{
	uint32_t to;

	if (fits(tier, tier->moving, units))
		return true;
	to = chunk_take(tier, from);
	if (to == HV_TIER_NONE)
		return false;
	chunk_close(tier, &tier->moving);
	tier->moving = to;
	return true;
}

/* A page of the chunk that is being moved. False: it cannot go on. */
static bool move_page(struct hv_tier *tier, const struct hv_tier_mover *mover)
{
	uint32_t from = tier->source;
	struct hv_tier_chunk *chunk = &tier->chunks[from];
	uint32_t place = hv_tier_find(tier, chunk, from * tier->chunk_units);
	struct hv_tier_head head = *hv_tier_head_at(tier, place);
	struct hv_tier_object name = { .page = head.page, .owner = head.owner };

	if (!ready_to_move(tier, from, hv_tier_units(head.bytes)))
		return false;
	name.place = append(tier, tier->moving, &head,
			    hv_tier_at(tier, place) + sizeof(head));
	take_out(tier, place);
	mover->moved(mover->ctx, &name, place);
	if (chunk->live == 0)
		chunk_emptied(tier, from);
	return true;
}

/* So many pages, of one chunk after another. False: none. */
static bool move_some(struct hv_tier *tier, const struct hv_tier_mover *mover,
		      unsigned pages)
{
	bool is_any = false;

	for (; pages > 0; pages--) {
		if (tier->source == HV_TIER_NONE || tier->chunks[tier->source].held > 0)
			tier->source = find_emptiest(tier);
		if (tier->source == HV_TIER_NONE || !move_page(tier, mover))
			break;
		is_any = true;
	}
	return is_any;
}

/* ---- pages ---- */

static bool is_at_most(const struct hv_tier *tier)
{
	return hv_frames_packable(tier->frames) < (int64_t)tier->memory.chunk_pages;
}

/*
 * While it may have more, the reserve is there for want of free frames. When it has what
 * it may, only moving makes room, and the reserve is what is moved to.
 */
static uint32_t find_room(struct hv_tier *tier, const struct hv_tier_mover *mover)
{
	uint32_t to;

	if (tier->reserve == HV_TIER_NONE)
		tier->reserve = chunk_get(tier);
	if (!is_at_most(tier))
		return chunk_take(tier, HV_TIER_NONE);
	for (unsigned i = 0; i < MOVES_MAX && is_at_most(tier); i++)
		if (!move_some(tier, mover, MOVES))
			return HV_TIER_NONE;
	to = chunk_get(tier);
	if (to != HV_TIER_NONE)
		link_chunk(tier, to, HV_TIER_NONE);
	return to;
}

static bool ready_to_fill(struct hv_tier *tier, uint32_t units,
			  const struct hv_tier_mover *mover)
{
	uint32_t to;

	if (fits(tier, tier->filling, units))
		return true;
	to = find_room(tier, mover);
	if (to == HV_TIER_NONE)
		return false;
	chunk_close(tier, &tier->filling);
	tier->filling = to;
	return true;
}

enum hv_tier_put hv_tier_put(struct hv_tier *tier, const struct hv_tier_object *object,
			     const uint8_t *page, const struct hv_tier_mover *mover,
			     uint32_t *ret_place)
{
	struct hv_tier_head kept = { .page = object->page,
				     .owner = object->owner,
				     .state = HV_TIER_KEPT };
	int bytes = LZ4_compress_fast_extState(tier->lz4, (const char *)page,
					       (char *)tier->packed, HV_PAGE_BYTES,
					       (int)sizeof(tier->packed), 1);

	if (bytes <= 0)
		return HV_TIER_REFUSED;
	kept.bytes = (uint16_t)bytes;
	/* room for those that come, bit by bit */
	if (is_at_most(tier))
		(void)move_some(tier, mover, MOVES);
	if (!ready_to_fill(tier, hv_tier_units(kept.bytes), mover))
		return HV_TIER_NO_ROOM;
	*ret_place = append(tier, tier->filling, &kept, tier->packed);
	return HV_TIER_PUT;
}

bool hv_tier_get(const struct hv_tier *tier, uint32_t place, uint8_t *to)
{
	const struct hv_tier_head *object = hv_tier_head_at(tier, place);

	HV_INVARIANT(hv_tier_chunk_of(tier, place)->live > 0);
	return object->state != HV_TIER_GONE && object->bytes <= HV_TIER_PACKED_MAX &&
	       LZ4_decompress_safe((const char *)(object + 1), (char *)to, object->bytes,
				   HV_PAGE_BYTES) == (int)HV_PAGE_BYTES;
}

uint32_t hv_tier_size(const struct hv_tier *tier, uint32_t place)
{
	return hv_tier_units(hv_tier_head_at(tier, place)->bytes) * HV_TIER_UNIT;
}

void hv_tier_drop(struct hv_tier *tier, uint32_t place)
{
	struct hv_tier_chunk *chunk = hv_tier_chunk_of(tier, place);

	take_out(tier, place);
	if (chunk->live == 0)
		chunk_emptied(tier, hv_tier_index_of(tier, chunk));
}

void hv_tier_hold(struct hv_tier *tier, uint32_t place, bool is_held)
{
	struct hv_tier_chunk *chunk = hv_tier_chunk_of(tier, place);
	struct hv_tier_head *object = hv_tier_head_at(tier, place);

	HV_INVARIANT(object->state == (is_held ? HV_TIER_KEPT : HV_TIER_HELD));
	object->state = is_held ? HV_TIER_HELD : HV_TIER_KEPT;
	if (is_held) {
		chunk->held++;
		tier->held_units += hv_tier_units(object->bytes);
	} else {
		chunk->held--;
		tier->held_units -= hv_tier_units(object->bytes);
	}
}

unsigned hv_tier_oldest(const struct hv_tier *tier, struct hv_tier_object *objects,
			unsigned most)
{
	unsigned count = 0;

	for (uint32_t index = tier->oldest; index != HV_TIER_NONE && count < most;
	     index = tier->chunks[index].newer) {
		const struct hv_tier_chunk *chunk = &tier->chunks[index];
		uint32_t place = index * tier->chunk_units, end = place + chunk->used;

		if (chunk->live == 0)
			continue;
		for (place = hv_tier_find(tier, chunk, place);
		     place < end && count < most;
		     place = hv_tier_find(tier, chunk, hv_tier_after(tier, place)))
			if (hv_tier_head_at(tier, place)->state == HV_TIER_KEPT)
				objects[count++] = hv_tier_name(tier, place);
	}
	return count;
}

/* ---- frames ---- */

static bool is_over(const struct hv_tier *tier)
{
	return tier->there > 0 && hv_frames_packable(tier->frames) < 0;
}

static void give_reserve(struct hv_tier *tier)
{
	uint32_t index = tier->reserve;

	if (index == HV_TIER_NONE)
		return;
	tier->reserve = HV_TIER_NONE;
	chunk_give(tier, index);
}

/* Those that had pages, and get none now. */
static void give_empty(struct hv_tier *tier)
{
	chunk_close(tier, &tier->filling);
	chunk_close(tier, &tier->moving);
	give_reserve(tier);
}

void hv_tier_tend(struct hv_tier *tier, bool wants_reserve,
		  const struct hv_tier_mover *mover)
{
	bool is_wanted = wants_reserve && !is_over(tier);

	if (is_wanted && tier->reserve == HV_TIER_NONE)
		tier->reserve = chunk_get(tier);
	if (is_over(tier) && tier->objects > 0)
		(void)move_some(tier, mover, MOVES * MOVES_MAX);
	if (!is_wanted)
		give_reserve(tier);
	if (!is_wanted && tier->objects == 0)
		give_empty(tier);
}

void hv_tier_drop_all(struct hv_tier *tier)
{
	for (uint32_t index = 0; index < tier->fresh; index++) {
		struct hv_tier_chunk *chunk = &tier->chunks[index];

		if (!chunk->is_there)
			continue;
		chunk->live = 0;
		chunk_give(tier, index);
	}
	tier->oldest = tier->newest = HV_TIER_NONE;
	tier->filling = tier->moving = tier->reserve = tier->source = HV_TIER_NONE;
	tier->live_units = tier->held_units = tier->tail_units = tier->objects = 0;
}

struct hv_tier_news hv_tier_news(struct hv_tier *tier)
{
	struct hv_tier_news news = tier->news;

	tier->news = (struct hv_tier_news){ 0 };
	return news;
}

uint64_t hv_tier_excess(const struct hv_tier *tier)
{
	int64_t chunks = (int64_t)tier->there + hv_frames_packable(tier->frames) /
							(int64_t)tier->memory.chunk_pages;
	uint64_t stays = tier->live_units - tier->held_units + tier->tail_units;
	uint64_t room = 0;

	/* the reserve is not for pages that stay */
	if (chunks > 1)
		room = (uint64_t)(chunks - 1) * tier->room_units;
	room -= room / ROOM;
	return stays > room ? (stays - room) * HV_TIER_UNIT : 0;
}

uint64_t hv_tier_frames(const struct hv_tier *tier)
{
	return (uint64_t)tier->there * tier->memory.chunk_pages;
}

uint64_t hv_tier_objects(const struct hv_tier *tier)
{
	return tier->objects;
}

uint64_t hv_tier_used(const struct hv_tier *tier)
{
	return tier->live_units * HV_TIER_UNIT;
}
