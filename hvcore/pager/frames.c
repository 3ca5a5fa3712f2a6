/* frames - see frames.h. */
#include "hvcore/pager/frames.h"

#include "hvcore/base/invariant.h"

#define WATER_DIVISOR 64 /* low water 1.6 % of the pool; arbitrary, see README */
#define WATER_MIN 16
#define WATER_MAX 2048 /* 8 MiB: 20 ms of page-ins at 100 k/s */

static int64_t load(const _Atomic int64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static int64_t low_of(int64_t total)
{
	int64_t low = total / WATER_DIVISOR;

	if (low < WATER_MIN)
		low = total < 4 * WATER_MIN ? total / 4 : WATER_MIN;
	return low > WATER_MAX ? WATER_MAX : low;
}

int64_t hv_frames_reserve(int64_t total)
{
	return 2 * low_of(total);
}

static void set_waters(struct hv_frames *frames, int64_t total)
{
	int64_t low = low_of(total);

	atomic_store_explicit(&frames->low, low, memory_order_relaxed);
	atomic_store_explicit(&frames->high, 2 * low, memory_order_relaxed);
}

void hv_frames_init(struct hv_frames *frames, uint64_t total)
{
	*frames = (struct hv_frames){ .free = (int64_t)total, .total = (int64_t)total };
	set_waters(frames, (int64_t)total);
}

static bool take(struct hv_frames *frames, int64_t *ret_left)
{
	int64_t free = load(&frames->free);

	do {
		if (free <= 0)
			return false;
	} while (!atomic_compare_exchange_weak(&frames->free, &free, free - 1));
	*ret_left = free - 1;
	return true;
}

bool hv_frames_take(struct hv_frames *frames, unsigned pager, bool *ret_is_low)
{
	int64_t left;

	*ret_is_low = false;
	if (!take(frames, &left)) {
		/* Say so first, then look again: a frame given in between is seen by us,
		 * or our bit by the giver (both sides are seq_cst). */
		(void)atomic_fetch_or(&frames->thirsty, UINT32_C(1) << pager);
		if (!take(frames, &left))
			return false;
	}
	*ret_is_low = left == load(&frames->low) - 1;
	return true;
}

uint32_t hv_frames_give(struct hv_frames *frames, uint64_t count)
{
	int64_t before = atomic_fetch_add(&frames->free, (int64_t)count);

	HV_INVARIANT(before + (int64_t)count <= load(&frames->total));
	if (before + (int64_t)count <= 0 || atomic_load(&frames->thirsty) == 0)
		return 0;
	return atomic_exchange(&frames->thirsty, 0);
}

/* Within what tiers may have; whether there are so many is another question. */
static bool book(struct hv_frames *frames, int64_t count)
{
	int64_t packed = load(&frames->packed);

	do {
		if (packed + count > load(&frames->packed_most))
			return false;
	} while (!atomic_compare_exchange_weak(&frames->packed, &packed, packed + count));
	return true;
}

bool hv_frames_pack(struct hv_frames *frames, uint32_t count, bool *ret_is_low)
{
	int64_t free = load(&frames->free), low = load(&frames->low);

	*ret_is_low = false;
	if (!book(frames, count))
		return false;
	do {
		if (free < (int64_t)count) {
			(void)atomic_fetch_sub(&frames->packed, (int64_t)count);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&frames->free, &free,
					       free - (int64_t)count));
	*ret_is_low = free >= low && free - (int64_t)count < low;
	return true;
}

uint32_t hv_frames_unpack(struct hv_frames *frames, uint32_t count)
{
	int64_t before = atomic_fetch_sub(&frames->packed, (int64_t)count);

	HV_INVARIANT(before >= (int64_t)count);
	return hv_frames_give(frames, count);
}

void hv_frames_pack_most(struct hv_frames *frames, int64_t most)
{
	atomic_store_explicit(&frames->packed_most, most > 0 ? most : 0,
			      memory_order_relaxed);
}

int64_t hv_frames_packed(const struct hv_frames *frames)
{
	return load(&frames->packed);
}

int64_t hv_frames_packable(const struct hv_frames *frames)
{
	return load(&frames->packed_most) - load(&frames->packed);
}

void hv_frames_waited(struct hv_frames *frames)
{
	(void)atomic_fetch_add_explicit(&frames->waits, 1, memory_order_relaxed);
}

void hv_frames_leaving(struct hv_frames *frames, int64_t count)
{
	(void)atomic_fetch_add_explicit(&frames->leaving, count, memory_order_relaxed);
}

void hv_frames_grow(struct hv_frames *frames, uint64_t count)
{
	int64_t total = atomic_fetch_add(&frames->total, (int64_t)count) + (int64_t)count;

	(void)atomic_fetch_add(&frames->free, (int64_t)count);
	set_waters(frames, total);
}

void hv_frames_shrink(struct hv_frames *frames, uint64_t count)
{
	int64_t total;

	(void)atomic_fetch_sub(&frames->free, (int64_t)count);
	total = atomic_fetch_sub(&frames->total, (int64_t)count) - (int64_t)count;
	HV_INVARIANT(total >= 0);
	set_waters(frames, total);
}

int64_t hv_frames_free(const struct hv_frames *frames)
{
	return load(&frames->free);
}

bool hv_frames_are_wanted(const struct hv_frames *frames)
{
	return load(&frames->free) < 0 ||
	       (load(&frames->free) == 0 && atomic_load(&frames->thirsty) != 0);
}

int64_t hv_frames_soon(const struct hv_frames *frames)
{
	return load(&frames->free) + load(&frames->leaving);
}

int64_t hv_frames_total(const struct hv_frames *frames)
{
	return load(&frames->total);
}

int64_t hv_frames_low(const struct hv_frames *frames)
{
	return load(&frames->low);
}

int64_t hv_frames_high(const struct hv_frames *frames)
{
	return load(&frames->high);
}

uint64_t hv_frames_waits(const struct hv_frames *frames)
{
	return atomic_load_explicit(&frames->waits, memory_order_relaxed);
}

/* ---- shares ---- */

static uint64_t demand(const struct hv_share *share)
{
	return share->logical * ((uint64_t)share->weight + 1);
}

/*
 * One round: gives `rest` to those below their logical pages, by demand; returns
 * what could not be given because somebody was full.
 */
static uint64_t spread(uint64_t rest, struct hv_share *shares, unsigned count)
{
	unsigned __int128 sum = 0;
	uint64_t given = 0;

	for (unsigned i = 0; i < count; i++)
		if (shares[i].target < shares[i].logical)
			sum += demand(&shares[i]);
	if (sum == 0)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		uint64_t room = shares[i].logical - shares[i].target;
		uint64_t part =
			(uint64_t)((unsigned __int128)rest * demand(&shares[i]) / sum);

		if (room == 0)
			continue;
		part = part < room ? part : room;
		shares[i].target += part;
		given += part;
	}
	return given == 0 ? 0 : rest - given;
}

void hv_shares_split(uint64_t frames, struct hv_share *shares, unsigned count)
{
	uint64_t rest = frames;

	for (unsigned i = 0; i < count; i++) {
		uint64_t floor = shares[i].entitled < shares[i].logical
					 ? shares[i].entitled
					 : shares[i].logical;

		shares[i].target = floor < rest ? floor : rest;
		rest -= shares[i].target;
	}
	/* Each round fills somebody or leaves less than a frame each. */
	for (unsigned round = 0; round <= count && rest > 0; round++)
		rest = spread(rest, shares, count);
}
