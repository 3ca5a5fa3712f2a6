/*
 * steal - page-outs: from victims to the punch (paging.md 4.2).
 *
 *   clean (its slot is LIVE, it is protected)  -> punch -> STOLEN, or PACKED where its
 *                                                 copy is in the tier
 *   else protect -> copy -> all zero?          -> punch -> ZERO      no slot, no I/O
 *                   -> compresses, and the tier has room (pack.c) -> punch -> PACKED
 *                   -> checksum of the private copy (P8), into the window, write
 *        STEALING --answered--> slot LIVE -> punch -> STOLEN         M2, M3
 *                 --any event on it, an error, the end of the epoch--> RESIDENT
 *
 * Victims arrive sorted; neighbours share one protect and one punch, and pages that
 * are written at once get adjacent slots and buffers, so they are one request.
 *
 * A cancelled steal leaves its page write-protected: harmless, the next write lifts
 * it, and it has no slot any more.
 */
#include <string.h>

#include <xxhash.h>

#include "hvcore/pager/pager_priv.h"

#define VOID_STEPS 256 /* pages looked at for a slot to void: 1 us; arbitrary */

/* One page-out being put together. */
struct batch {
	struct hv_space *space;
	unsigned sides;            /* bit a path that it goes to */
	uint32_t slot;             /* first */
	uint32_t buffer[HV_PATHS]; /* first, by path */
	uint32_t room;             /* slots and buffers taken */
	uint32_t used;
	uint32_t left;   /* victims after this one: how much to take */
	bool is_stopped; /* no more can be written: the rest stays */
	bool is_packed;  /* pages of the tier, which have no frame */
	uint64_t now_ns;
	uint32_t freed;
};

static bool is_zero(const uint8_t *page)
{
	uint64_t word;

	memcpy(&word, page, sizeof word);
	return word == 0 &&
	       memcmp(page, page + sizeof word, HV_PAGE_BYTES - sizeof word) == 0;
}

/* Back to where victims come from. */
static void keep(struct hv_space *space, uint32_t first, uint32_t count)
{
	for (uint32_t page = first; page < first + count; page++)
		hv_page_requeue(space, page);
}

/* Frees the frames of adjacent pages that are safe or worthless (M2). */
static bool punch(struct hv_space *space, uint32_t first, uint32_t count)
{
	enum hv_code code = space->ops->punch(space->ctx, first, count);

	if (code == HV_OK)
		return true;
	if (code != HV_E_AGAIN)
		hv_space_odd(space, code);
	return false;
}

/* It has no frame any more, and its state says so. */
static void left(struct hv_space *space, uint32_t page)
{
	hv_page_mark(&space->table, page, HV_PAGE_PROTECTED, false);
	hv_page_left(space, page);
	space->ops->left(space->ctx, page);
}

static void leave(struct hv_space *space, uint32_t page, enum hv_page_state to)
{
	(void)hv_ahead_prove(space, page, false);
	hv_page_move(&space->table, page, to);
	left(space, page);
}

static uint32_t steal_clean(struct hv_space *space, uint32_t first, uint32_t count)
{
	if (!punch(space, first, count)) {
		keep(space, first, count);
		return 0;
	}
	for (uint32_t page = first; page < first + count; page++) {
		hv_wrote_tell(&space->wrote, &space->table, page, false);
		leave(space, page,
		      hv_slot_is_place(space->table.pages[page].slot) ? HV_PAGE_PACKED
								      : HV_PAGE_STOLEN);
	}
	space->counts.clean_steals += count;
	hv_frame_give(space, count);
	return count;
}

static uint32_t steal_zero(struct hv_space *space, uint32_t first, uint32_t count)
{
	if (!punch(space, first, count)) {
		keep(space, first, count);
		return 0;
	}
	for (uint32_t page = first; page < first + count; page++) {
		hv_page_mark(&space->table, page, HV_PAGE_WROTE, false);
		leave(space, page, HV_PAGE_ZERO);
	}
	space->counts.zero_steals += count;
	hv_frame_give(space, count);
	return count;
}

/* They are in the tier; if they cannot leave their frames, they are not. */
static uint32_t steal_packed(struct hv_space *space, uint32_t first, uint32_t count)
{
	bool is_out = punch(space, first, count);

	for (uint32_t page = first; page < first + count; page++) {
		if (is_out) {
			hv_page_mark(&space->table, page, HV_PAGE_WROTE, true);
			left(space, page);
			continue;
		}
		hv_pack_drop(space, page);
		hv_page_move(&space->table, page, HV_PAGE_RESIDENT);
		hv_page_requeue(space, page);
	}
	if (!is_out)
		return 0;
	space->counts.tier_packs += count;
	hv_frame_give(space, count);
	return count;
}

/* Where adjacent victims go to that leave their frames at once. */
enum fate { FATE_NONE, FATE_ZERO, FATE_PACKED };

static uint32_t steal_at_once(struct hv_space *space, uint32_t first, uint32_t count,
			      enum fate fate)
{
	switch (fate) {
	case FATE_ZERO:
		return steal_zero(space, first, count);
	case FATE_PACKED:
		return steal_packed(space, first, count);
	default:
		return 0;
	}
}

/* ---- writing ---- */

/* P10: takes the slot of a clean page, so that a dirty one may leave. */
static bool void_one(struct hv_space *space)
{
	struct hv_page_table *table = &space->table;

	for (unsigned step = 0; step < VOID_STEPS; step++) {
		uint32_t page = space->void_cursor++;

		if (space->void_cursor >= table->page_count)
			space->void_cursor = 0;
		if (hv_page_state(table, page) != HV_PAGE_RESIDENT ||
		    table->pages[page].slot == HV_SLOT_NONE ||
		    hv_slot_is_place(table->pages[page].slot))
			continue;
		hv_page_drop_slot(space, page, false);
		if (table->slots_in[HV_SLOT_FREE] > 0)
			return true;
	}
	return false;
}

static void give_buffers(struct batch *batch, unsigned sides, uint32_t from,
			 uint32_t count)
{
	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct hv_pager_path *path = &batch->space->pager->paths[i];

		if ((sides & HV_BIT(i)) != 0)
			path->ops->give(path->ctx, batch->buffer[i] + from, count);
	}
}

/* So many on each side, or none. */
static bool take_buffers(struct batch *batch, uint32_t count)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct hv_pager_path *path = &batch->space->pager->paths[i];

		if ((batch->sides & HV_BIT(i)) == 0)
			continue;
		if (path->ops->take(path->ctx, HV_OP_WRITE, count, &batch->buffer[i])) {
			taken |= HV_BIT(i);
			path->is_full = false;
			continue;
		}
		path->is_full = count == 1;
		give_buffers(batch, taken, 0, count);
		return false;
	}
	return true;
}

static bool batch_begin(struct batch *batch)
{
	struct hv_space *space = batch->space;
	uint32_t want = batch->left < HV_RUN_PAGES ? batch->left + 1 : HV_RUN_PAGES;
	uint32_t got, fit;

	if (space->table.slots_in[HV_SLOT_FREE] == 0 && !void_one(space))
		return false;
	got = hv_slots_take(&space->table, want, &batch->slot);
	for (fit = got; fit > 0; fit /= 2)
		if (take_buffers(batch, fit))
			break;
	hv_slots_untake(&space->table, batch->slot + fit, got - fit);
	batch->room = fit;
	batch->used = 0;
	return fit > 0;
}

static void send_to(struct batch *batch, unsigned index)
{
	struct hv_space *space = batch->space;
	unsigned other = HV_PATHS - 1 - index;
	struct hv_flight flight = {
		.space = space,
		.slot = batch->slot,
		.pages = (uint16_t)batch->used,
		.is_write = 1,
		.fill = HV_FILL_NONE,
	};

	if ((batch->sides & HV_BIT(other)) != 0) {
		flight.twin = HV_TWIN_OUT;
		flight.twin_at = (uint16_t)batch->buffer[other];
	}
	hv_path_send(space->pager, &space->pager->paths[index], &flight,
		     batch->buffer[index], batch->now_ns);
}

static void batch_send(struct batch *batch)
{
	struct hv_space *space = batch->space;
	uint32_t unused = batch->room - batch->used;

	if (unused > 0) {
		hv_slots_untake(&space->table, batch->slot + batch->used, unused);
		give_buffers(batch, batch->sides, batch->used, unused);
	}
	for (unsigned i = 0; i < HV_PATHS && batch->used > 0; i++)
		if ((batch->sides & HV_BIT(i)) != 0)
			send_to(batch, i);
	batch->room = 0;
	batch->used = 0;
}

static void put_in_window(struct hv_pager_path *path, uint32_t buffer,
			  const uint8_t *copy, uint32_t page)
{
	memcpy(path->ops->buffer(path->ctx, buffer), copy, HV_PAGE_BYTES);
	path->pages[buffer] = page;
}

/* The page in the scratch buffer leaves. False: it cannot. */
static bool batch_put(struct batch *batch, uint32_t page)
{
	struct hv_space *space = batch->space;
	struct hv_page *entry = &space->table.pages[page];
	const uint8_t *copy = hv_scratch(space->pager);

	if (batch->room == 0 && !batch_begin(batch))
		return false;
	for (unsigned i = 0; i < HV_PATHS; i++)
		if ((batch->sides & HV_BIT(i)) != 0)
			put_in_window(&space->pager->paths[i],
				      batch->buffer[i] + batch->used, copy, page);
	if (batch->is_packed) {
		hv_pack_unload(space, page, batch->slot + batch->used);
	} else {
		entry->slot = batch->slot + batch->used;
		entry->checksum = (uint32_t)XXH3_64bits(copy, HV_PAGE_BYTES); /* P8 */
		hv_page_move(&space->table, page, HV_PAGE_STEALING);
		hv_frames_leaving(space->pager->frames, 1);
	}
	batch->used++;
	if (batch->used == batch->room)
		batch_send(batch);
	return true;
}

/* One protected page that is not clean: ZERO soon, PACKED, STEALING, or it stays. */
static enum fate copy_one(struct batch *batch, uint32_t page)
{
	struct hv_space *space = batch->space;
	enum hv_code code;

	batch->left--;
	code = space->ops->copy_out(space->ctx, page, hv_scratch(space->pager));
	if (code != HV_OK) {
		if (code != HV_E_AGAIN)
			hv_space_odd(space, code);
		keep(space, page, 1);
		return FATE_NONE;
	}
	if (is_zero(hv_scratch(space->pager)))
		return FATE_ZERO;
	if (hv_pack(space, page, hv_scratch(space->pager)))
		return FATE_PACKED;
	if (batch->is_stopped || !batch_put(batch, page)) {
		batch->is_stopped = true;
		keep(space, page, 1);
	}
	return FATE_NONE;
}

static void steal_dirty(struct batch *batch, uint32_t first, uint32_t count)
{
	struct hv_space *space = batch->space;
	enum fate fate = FATE_NONE, next;
	uint32_t from = first, page;
	enum hv_code code = space->ops->protect(space->ctx, first, count);

	if (code != HV_OK) {
		if (code != HV_E_AGAIN)
			hv_space_odd(space, code);
		batch->left -= count;
		keep(space, first, count);
		hv_space_barren(space, batch->now_ns + HV_RETRY_NS);
		return;
	}
	for (page = first; page < first + count; page++) {
		hv_page_mark(&space->table, page, HV_PAGE_PROTECTED, true);
		hv_page_drop_slot(space, page, false); /* mirrored: on a closed side */
	}
	for (page = first; page < first + count; page++) {
		next = copy_one(batch, page);
		if (next == fate)
			continue;
		batch->freed += steal_at_once(space, from, page - from, fate);
		from = page;
		fate = next;
	}
	batch->freed += steal_at_once(space, from, page - from, fate);
}

uint32_t hv_steal(struct hv_space *space, const uint32_t *pages, unsigned count,
		  uint64_t now_ns)
{
	struct batch batch = { .space = space, .left = count, .now_ns = now_ns };
	unsigned run;

	batch.is_stopped = hv_steal_pause(space, now_ns, &batch.sides) != HV_PAUSE_NONE;
	for (unsigned i = 0; i < count; i += run) {
		bool clean = hv_page_is_clean(space, pages[i]);

		run = 1;
		while (i + run < count && pages[i + run] == pages[i] + run &&
		       hv_page_is_clean(space, pages[i + run]) == clean)
			run++;
		if (!clean) {
			steal_dirty(&batch, pages[i], run);
			continue;
		}
		batch.left -= run;
		batch.freed += steal_clean(space, pages[i], run);
	}
	if (batch.room > 0)
		batch_send(&batch);
	return batch.freed;
}

unsigned hv_steal_packed(struct hv_space *space, const uint32_t *pages, unsigned count,
			 uint64_t now_ns)
{
	struct batch batch = {
		.space = space, .left = count, .is_packed = true, .now_ns = now_ns
	};
	unsigned sent = 0;

	if (hv_steal_pause(space, now_ns, &batch.sides) != HV_PAUSE_NONE)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		batch.left--;
		if (!hv_pack_read(space, pages[i], hv_scratch(space->pager))) {
			hv_pack_lost(space, pages[i]);
			continue;
		}
		if (!batch_put(&batch, pages[i]))
			break;
		sent++;
	}
	if (batch.room > 0)
		batch_send(&batch);
	return sent;
}

/* By the path that the space asks, or the other one while writes fail there; mirrored, by
 * all that are open. */
static enum hv_pause find_sides(const struct hv_space *space, uint64_t now_ns,
				unsigned *ret_sides)
{
	unsigned sides = hv_path_sides(space), failing = 0;
	const struct hv_pager_path *other;

	if (sides == 0)
		return HV_PAUSE_PATH;
	for (unsigned i = 0; i < HV_PATHS; i++)
		failing |= space->write_error_until_ns[i] > now_ns ? HV_BIT(i) : 0;
	if ((sides & failing) != 0 && !hv_space_is_mirrored(space)) {
		other = hv_path_other(space->pager, space, space->current);
		if (other != NULL)
			sides = HV_BIT(hv_path_index(space->pager, other));
	}
	*ret_sides = sides;
	return (sides & failing) != 0 ? HV_PAUSE_ERROR : HV_PAUSE_NONE;
}

enum hv_pause hv_steal_pause(const struct hv_space *space, uint64_t now_ns,
			     unsigned *ret_sides)
{
	enum hv_pause pause;

	if (space->is_blocked)
		return HV_PAUSE_BLOCKED;
	if (space->table.slots_in[HV_SLOT_QUARANTINED] > HV_PAGER_WRITES) /* P10 */
		return HV_PAUSE_QUARANTINE;
	pause = find_sides(space, now_ns, ret_sides);
	if (pause != HV_PAUSE_NONE)
		return pause;
	if (space->table.slots_in[HV_SLOT_FREE] == 0 &&
	    space->table.slots_in[HV_SLOT_LIVE] ==
		    space->table.pages_in[HV_PAGE_STOLEN] +
			    space->table.pages_in[HV_PAGE_INFLIGHT])
		return HV_PAUSE_SLOTS; /* and no clean page to take one from */
	return HV_PAUSE_NONE;
}

/* ---- ends ---- */

/* It is what it was before, and has no slot; what becomes of that is the caller's. */
static void stay(struct hv_space *space, uint32_t page)
{
	if (hv_page_state(&space->table, page) == HV_PAGE_UNLOADING) {
		hv_pack_stay(space, page);
		return;
	}
	space->table.pages[page].slot = HV_SLOT_NONE;
	hv_page_move(&space->table, page, HV_PAGE_RESIDENT);
	hv_frames_leaving(space->pager->frames, -1);
	hv_page_requeue(space, page);
	space->counts.canceled_steals++;
}

void hv_steal_cancel(struct hv_space *space, uint32_t page)
{
	HV_INVARIANT(hv_page_state(&space->table, page) == HV_PAGE_STEALING ||
		     hv_page_state(&space->table, page) == HV_PAGE_UNLOADING);
	hv_slot_condemn(&space->table, space->table.pages[page].slot); /* P4 */
	stay(space, page);
}

bool hv_steal_is_of(const struct hv_space *space, uint32_t page, uint32_t slot)
{
	enum hv_page_state state = hv_page_state(&space->table, page);

	return (state == HV_PAGE_STEALING || state == HV_PAGE_UNLOADING) &&
	       space->table.pages[page].slot == slot;
}

unsigned hv_steal_abort(struct hv_space *space, unsigned path,
			const struct hv_flight *flight, unsigned buffer)
{
	const uint32_t *pages = &space->pager->paths[path].pages[buffer];
	unsigned count = 0;

	for (unsigned i = 0; i < flight->pages; i++) {
		if (!hv_steal_is_of(space, pages[i], flight->slot + i))
			continue;
		stay(space, pages[i]);
		count++;
	}
	return count;
}

/* Adjacent pages whose writes are acknowledged: their frames come free. */
static void finish_run(struct hv_space *space, uint32_t first, uint32_t count)
{
	bool is_out;

	if (count == 0)
		return;
	is_out = punch(space, first, count);
	hv_frames_leaving(space->pager->frames, -(int64_t)count);
	for (uint32_t page = first; page < first + count; page++) {
		if (is_out) {
			hv_page_mark(&space->table, page, HV_PAGE_WROTE, true);
			leave(space, page, HV_PAGE_STOLEN);
			continue;
		}
		hv_page_move(&space->table, page, HV_PAGE_RESIDENT); /* clean now */
		hv_page_requeue(space, page);
	}
	if (!is_out)
		return;
	space->counts.page_outs += count;
	hv_frame_give(space, count);
}

void hv_steal_finish(struct hv_space *space, unsigned path,
		     const struct hv_flight *flight, unsigned buffer, unsigned done)
{
	const uint32_t *pages = &space->pager->paths[path].pages[buffer];
	uint32_t first = 0, count = 0;

	for (unsigned i = 0; i < flight->pages; i++) {
		if (!hv_steal_is_of(space, pages[i], flight->slot + i)) {
			hv_slot_release(&space->table, flight->slot + i); /* P4 */
			continue;
		}
		hv_slot_live(&space->table, flight->slot + i); /* M3 */
		hv_mirror_written(space, flight->slot + i, done);
		if (hv_page_state(&space->table, pages[i]) == HV_PAGE_UNLOADING) {
			hv_pack_unloaded(space, pages[i]);
			continue;
		}
		if (count > 0 && pages[i] == first + count) {
			count++;
			continue;
		}
		finish_run(space, first, count);
		first = pages[i];
		count = 1;
	}
	finish_run(space, first, count);
}

void hv_steal_answered(struct hv_space *space, unsigned path,
		       const struct hv_flight *flight, unsigned buffer, unsigned done,
		       uint64_t now_ns)
{
	if (done != 0 && hv_mirror_is_safe(space, done)) {
		space->write_errors[path] = 0;
		hv_steal_finish(space, path, flight, buffer, done);
		return;
	}
	(void)hv_steal_abort(space, path, flight, buffer);
	for (unsigned i = 0; i < flight->pages; i++)
		hv_slot_release(&space->table, flight->slot + i);
	space->write_error_until_ns[path] = now_ns + ((uint64_t)HV_WRITE_WAIT_NS
						      << space->write_errors[path]);
	if (space->write_errors[path] < HV_WRITE_WAIT_DOUBLINGS)
		space->write_errors[path]++;
}
