/*
 * pack - what a pager keeps in its compressed tier (tier.h), and for how long.
 *
 *   steal.c: a page leaves its frame --compresses--> PACKED, no I/O
 *   a fault on it, a mapping: unpacked, verified (M4), installed; its place is free, or
 *        its copy stays there until it is written to (P5), and it may leave for nothing
 *   the tier is nearly full, or to be smaller: PACKED --written--> UNLOADING
 *        --answered--> STOLEN;  any fault, an error, the end of the epoch--> PACKED
 *
 * A page is safe there (M3): it is our own memory, and no VIOS has a part in it. So it
 * needs no path to come back, and a failover does not touch it.
 *
 * What it is worth to a space: of its pages, how many compress, and how many of those
 * that leave the tier leave it for a fault. Where it is too few, its pages go past the
 * tier for a while, and then it is tried again.
 */
#include <xxhash.h>

#include "hvcore/pager/pager_priv.h"

#define TRIES 64         /* pages after which it is judged whether they compress */
#define REFUSED_MOST 56  /* of these: 7/8; compressing costs 3 us, a read 45 */
#define LEFT 256         /* pages that left the tier, after which it is judged */
#define HITS_LEAST 32    /* of these: 1/8 pays for compressing them all */
#define PAST_PAGES 1024  /* go past it, then it is tried again; doubles; arbitrary */
#define PAST_DOUBLINGS 6 /* 65536 at most: 1 in 1000 are tried */
#define SHED 64          /* copies given up at once; arbitrary */
#define BATCH 32         /* written back at once; arbitrary */
#define LOOKS 4096       /* pages looked at for one that is packed: 5 us; arbitrary */

static uint32_t place_of(const struct hv_space *space, uint32_t page)
{
	uint32_t slot = space->table.pages[page].slot;

	HV_INVARIANT((slot & HV_SLOT_PLACE) != 0 && slot != HV_SLOT_NONE);
	return slot & ~HV_SLOT_PLACE;
}

/* Frames came or went by what the tier did. */
static void tell(struct hv_pager *pager)
{
	struct hv_tier_news news = hv_tier_news(pager->tier);

	if (news.thirsty != 0 || news.is_low)
		hv_pager_nudge(pager, news.thirsty, news.is_low);
}

/* ---- what it is worth ---- */

void hv_pack_past(struct hv_space *space, uint32_t pages)
{
	space->pager->past_count += (pages > 0) - (space->gain.past > 0);
	space->gain.past = pages;
}

static void go_past(struct hv_space *space)
{
	struct hv_gain *gain = &space->gain;

	hv_pack_past(space, (uint32_t)PAST_PAGES << gain->doublings);
	gain->tried = gain->refused = gain->left = gain->hits = 0;
	if (gain->doublings < PAST_DOUBLINGS)
		gain->doublings++;
}

static void note_try(struct hv_space *space, bool is_refused)
{
	struct hv_gain *gain = &space->gain;

	gain->refused += is_refused;
	if (++gain->tried < TRIES)
		return;
	if (gain->refused > REFUSED_MOST)
		go_past(space);
	else
		gain->tried = gain->refused = 0;
}

static void note_left(struct hv_space *space, bool is_hit)
{
	struct hv_gain *gain = &space->gain;

	if (gain->past > 0)
		return; /* judged already */
	gain->hits += is_hit;
	if (++gain->left < LEFT)
		return;
	if (gain->hits < HITS_LEAST)
		go_past(space);
	else
		gain->left = gain->hits = gain->doublings = 0;
}

bool hv_pack_may(const struct hv_space *space)
{
	return space->pager->tier != NULL && space->gain.past == 0;
}

/* ---- in and out ---- */

static void on_moved(void *ctx, const struct hv_tier_object *object, uint32_t old)
{
	struct hv_pager *pager = ctx;
	struct hv_page *entry =
		&pager->by_number[object->owner]->table.pages[object->page];

	HV_INVARIANT(entry->slot == (old | HV_SLOT_PLACE));
	entry->slot = object->place | HV_SLOT_PLACE;
}

bool hv_pack(struct hv_space *space, uint32_t page, const uint8_t *copy)
{
	struct hv_pager *pager = space->pager;
	struct hv_tier_mover mover = { on_moved, pager };
	struct hv_tier_object object = { .page = page, .owner = space->number };
	struct hv_page *entry = &space->table.pages[page];
	enum hv_tier_put put;
	uint32_t place;

	if (pager->tier == NULL)
		return false;
	if (space->gain.past > 0) {
		hv_pack_past(space, space->gain.past - 1);
		return false;
	}
	put = hv_tier_put(pager->tier, &object, copy, &mover, &place);
	tell(pager);
	if (put != HV_TIER_NO_ROOM)
		note_try(space, put == HV_TIER_REFUSED);
	space->counts.tier_refused += put == HV_TIER_REFUSED;
	if (put != HV_TIER_PUT)
		return false;
	(void)hv_ahead_prove(space, page, false);
	entry->slot = place | HV_SLOT_PLACE;
	entry->checksum = (uint32_t)XXH3_64bits(copy, HV_PAGE_BYTES);
	space->packed_bytes += hv_tier_size(pager->tier, place);
	hv_page_move(&space->table, page, HV_PAGE_PACKED);
	return true;
}

/* What lies there is worth nothing any more, and the page has no slot. */
static void forget(struct hv_space *space, uint32_t page, uint32_t place)
{
	struct hv_pager *pager = space->pager;

	space->packed_bytes -= hv_tier_size(pager->tier, place);
	hv_tier_drop(pager->tier, place);
	space->table.pages[page].slot = HV_SLOT_NONE;
	tell(pager);
}

void hv_pack_forget(struct hv_space *space, uint32_t page)
{
	forget(space, page, place_of(space, page));
}

void hv_pack_drop(struct hv_space *space, uint32_t page)
{
	HV_INVARIANT(hv_page_state(&space->table, page) == HV_PAGE_PACKED);
	forget(space, page, place_of(space, page));
}

bool hv_pack_read(const struct hv_space *space, uint32_t page, uint8_t *to)
{
	/* M4: as if it came from a device */
	return hv_tier_get(space->pager->tier, place_of(space, page), to) &&
	       (uint32_t)XXH3_64bits(to, HV_PAGE_BYTES) ==
		       space->table.pages[page].checksum;
}

void hv_pack_lost(struct hv_space *space, uint32_t page)
{
	space->counts.checksum_errors++;
	hv_page_poison(space, page);
}

/* ---- back to a frame ---- */

static void installed(struct hv_space *space, const struct hv_parked *fault,
		      bool keeps_copy, uint64_t now_ns)
{
	uint32_t page = fault->page;

	if (!keeps_copy)
		hv_pack_drop(space, page);
	hv_page_mark(&space->table, page, HV_PAGE_PROTECTED, keeps_copy);
	if (!keeps_copy) /* else it stays: what becomes of it is to be seen */
		hv_page_mark(&space->table, page, HV_PAGE_WROTE, false);
	hv_page_move(&space->table, page, HV_PAGE_RESIDENT);
	hv_page_refault(space, page, false, now_ns);
	space->counts.tier_hits++;
	note_left(space, true);
	hv_fault_count(space, fault, HV_SERVED_PAGE_IN);
	if (!fault->is_map) /* no thread waited */
		hv_page_in_took(space, page, fault->since_ns, now_ns);
}

enum hv_wait hv_pack_bring(struct hv_space *space, const struct hv_parked *fault,
			   uint64_t now_ns)
{
	uint8_t *copy = hv_scratch(space->pager);
	/* a read: it may leave again for nothing, while there is room for both */
	bool is_written = fault->is_write ||
			  (space->pager->expects_writes &&
			   hv_page_has(&space->table, fault->page, HV_PAGE_WROTE) &&
			   !fault->is_map && hv_wrote_expects(&space->wrote));
	bool keeps_copy = !is_written && space->gain.past == 0 &&
			  hv_tier_excess(space->pager->tier) == 0;
	enum hv_code code;

	if (!hv_frame_take(space))
		return HV_WAIT_FRAME;
	if (hv_page_state(&space->table, fault->page) == HV_PAGE_UNLOADING)
		hv_steal_cancel(space, fault->page);
	if (!hv_pack_read(space, fault->page, copy)) {
		hv_frame_give(space, 1);
		hv_fault_count(space, fault, HV_SERVED_FAILED);
		hv_pack_lost(space, fault->page);
		return HV_WAIT_NONE;
	}
	/* P5: without a copy elsewhere it need not be protected */
	code = space->ops->install(space->ctx, fault->page, copy, keeps_copy, false);
	if (code == HV_OK) {
		installed(space, fault, keeps_copy, now_ns);
		return HV_WAIT_NONE;
	}
	hv_frame_give(space, 1);
	return hv_fault_refused(space, fault, code);
}

/* ---- to the device ---- */

/* Its place, and it is not being written any more. */
static uint32_t end_unload(struct hv_space *space, uint32_t page)
{
	struct hv_pager *pager = space->pager;
	unsigned i = 0;
	uint32_t place;

	while (i < pager->unload_count &&
	       (pager->unloads[i].space != space || pager->unloads[i].page != page))
		i++;
	HV_INVARIANT(i < pager->unload_count);
	place = pager->unloads[i].place;
	pager->unloads[i] = pager->unloads[--pager->unload_count];
	pager->unloads[pager->unload_count] = (struct hv_unload){ 0 };
	hv_tier_hold(pager->tier, place, false);
	return place;
}

void hv_pack_unload(struct hv_space *space, uint32_t page, uint32_t slot)
{
	struct hv_pager *pager = space->pager;
	uint32_t place = place_of(space, page);

	HV_INVARIANT(pager->unload_count < HV_UNLOADS_MAX);
	hv_tier_hold(pager->tier, place, true);
	pager->unloads[pager->unload_count++] = (struct hv_unload){ space, page, place };
	space->table.pages[page].slot = slot;
	hv_page_move(&space->table, page, HV_PAGE_UNLOADING);
}

void hv_pack_stay(struct hv_space *space, uint32_t page)
{
	space->table.pages[page].slot = end_unload(space, page) | HV_SLOT_PLACE;
	hv_page_move(&space->table, page, HV_PAGE_PACKED);
}

void hv_pack_unloaded(struct hv_space *space, uint32_t page)
{
	uint32_t slot = space->table.pages[page].slot;

	forget(space, page, end_unload(space, page));
	space->table.pages[page].slot = slot;
	hv_page_move(&space->table, page, HV_PAGE_STOLEN);
	space->counts.page_outs++;
	space->counts.tier_outs++;
	note_left(space, false);
}

static unsigned unload_room(const struct hv_pager *pager, unsigned most)
{
	unsigned room = HV_UNLOADS_MAX - pager->unload_count;

	return room < most ? room : most;
}

/* Those of one space after another; returns how many are on their way. */
static unsigned unload(struct hv_pager *pager, const struct hv_tier_object *objects,
		       unsigned count, uint64_t now_ns)
{
	uint32_t pages[BATCH];
	unsigned sent = 0, run;

	for (unsigned i = 0; i < count; i += run) {
		for (run = 0;
		     i + run < count && objects[i + run].owner == objects[i].owner; run++)
			pages[run] = objects[i + run].page;
		sent += hv_steal_packed(pager->by_number[objects[i].owner], pages, run,
					now_ns);
	}
	return sent;
}

/* Of that space, from where the last call stopped. */
static unsigned unload_space(struct hv_space *space, uint64_t now_ns)
{
	uint32_t pages[BATCH];
	unsigned count = 0, most = unload_room(space->pager, BATCH);

	for (uint32_t i = 0; i < LOOKS && i < space->pages && count < most; i++) {
		uint32_t page = space->unload_cursor < space->pages ? space->unload_cursor
								    : 0;

		space->unload_cursor = page + 1;
		if (hv_page_state(&space->table, page) == HV_PAGE_PACKED)
			pages[count++] = page;
	}
	return hv_steal_packed(space, pages, count, now_ns);
}

/* Copies of pages that are in their frames: some of them, for nothing. */
static unsigned shed(struct hv_space *space)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < LOOKS && i < space->pages && count < SHED; i++) {
		uint32_t page = space->shed_cursor < space->pages ? space->shed_cursor
								  : 0;

		space->shed_cursor = page + 1;
		if (hv_page_state(&space->table, page) != HV_PAGE_RESIDENT ||
		    !hv_slot_is_place(space->table.pages[page].slot))
			continue;
		hv_pack_forget(space, page);
		count++;
	}
	return count;
}

static unsigned shed_all(struct hv_pager *pager)
{
	unsigned count = 0;

	for (unsigned i = 0; i < pager->space_count; i++)
		if (hv_space_acts(pager->spaces[i]) && pager->spaces[i]->packed_bytes > 0)
			count += shed(pager->spaces[i]);
	return count;
}

/* Of those only that are nowhere else: what is in its frame loses its copy. */
static unsigned sift(struct hv_pager *pager, struct hv_tier_object *objects,
		     unsigned count)
{
	unsigned left = 0;

	for (unsigned i = 0; i < count; i++) {
		struct hv_space *space = pager->by_number[objects[i].owner];

		if (hv_page_state(&space->table, objects[i].page) == HV_PAGE_PACKED)
			objects[left++] = objects[i];
		else
			hv_pack_forget(space, objects[i].page);
	}
	return left;
}

static bool has_some(const struct hv_space *space)
{
	return hv_space_acts(space) && space->table.pages_in[HV_PAGE_PACKED] > 0;
}

/* What costs nothing; then the oldest; or whatever can be written, if they cannot. */
unsigned hv_pack_relieve(struct hv_pager *pager, uint64_t now_ns)
{
	struct hv_tier_object objects[BATCH];
	unsigned count = shed_all(pager), sent;

	if (count > 0)
		return count;
	count = hv_tier_oldest(pager->tier, objects,
			       unload_room(pager, HV_COUNT(objects)));
	count = sift(pager, objects, count);
	sent = unload(pager, objects, count, now_ns);

	for (unsigned i = 0; sent == 0 && i < pager->space_count; i++)
		if (has_some(pager->spaces[i]))
			sent += unload_space(pager->spaces[i], now_ns);
	return sent;
}

/* ---- when ---- */

/* What is there of spaces that gain nothing by it. */
static void clear_out(struct hv_pager *pager, uint64_t now_ns)
{
	for (unsigned i = 0; i < pager->space_count; i++) {
		struct hv_space *space = pager->spaces[i];

		if (space->gain.past == 0 || !hv_space_acts(space) ||
		    space->packed_bytes == 0)
			continue;
		(void)shed(space);
		if (pager->unload_count < HV_UNLOADS_MAX / 2)
			(void)unload_space(space, now_ns);
	}
}

void hv_pack_run(struct hv_pager *pager, uint64_t now_ns)
{
	struct hv_tier_mover mover = { on_moved, pager };
	bool is_short;

	if (pager->tier == NULL)
		return;
	/* before low water: the reserve is there when the first page is to leave */
	is_short = hv_frames_soon(pager->frames) < 2 * hv_frames_high(pager->frames);
	hv_tier_tend(pager->tier,
		     is_short && !pager->is_squeezed &&
			     pager->past_count < pager->space_count,
		     &mover);
	if (pager->is_squeezed || hv_tier_excess(pager->tier) > 0)
		(void)hv_pack_relieve(pager, now_ns);
	if (is_short && pager->past_count > 0 && hv_tier_objects(pager->tier) > 0)
		clear_out(pager, now_ns);
	pager->is_squeezed = false;
	tell(pager);
}

/* ---- life ---- */

void hv_pager_tier(struct hv_pager *pager, struct hv_tier *tier)
{
	HV_INVARIANT(pager->tier == NULL || hv_tier_objects(pager->tier) == 0);
	if (pager->tier != NULL) {
		hv_tier_drop_all(pager->tier);
		tell(pager);
	}
	pager->tier = tier;
}

void hv_pack_end(struct hv_space *space)
{
	const struct hv_page_table *table = &space->table;

	hv_pack_past(space, 1); /* nothing more of it */

	for (uint32_t page = 0; page < table->page_count; page++) {
		uint32_t slot = table->pages[page].slot;

		if (hv_slot_is_place(slot)) {
			forget(space, page, slot & ~HV_SLOT_PLACE);
		} else if (hv_page_state(table, page) == HV_PAGE_UNLOADING) {
			forget(space, page, end_unload(space, page));
			table->pages[page].slot = slot;
		}
	}
}
