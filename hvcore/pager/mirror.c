/*
 * mirror - two devices, one behind each VIOS, that share nothing (P17).
 *
 *   A slot is the same number on both. A page-out goes to every side that is open, as
 *   two flights; the last answer decides: one success, and the slot is LIVE, missed by
 *   the sides that had none. A page is read where it was not missed; resync brings it
 *   to the other side, and then the bit goes.
 *
 * No slot is quarantined: what an ended incarnation may still write lands on its own
 * side, on slots that were out there, which are missed there or nobody's; and that side
 * is not opened again before nothing of it can act any more (P9). Whatever is written
 * while it is closed is missed by it.
 *
 * A page leaves its frame only for a copy on a side that is open, or for both: a side that
 * is closed may never come back, and then what it alone has is lost.
 *
 * A side that gave an error or damage where the other one was good is taken to have
 * missed the slot: healed by the same resync. A page is never given up while a side that
 * has it was not asked.
 *
 * Any device may be changed for another one in a run: the new one has missed all, and
 * resync brings it. Two paths to one device become a mirror by that, and a mirror whose
 * sides are to be one device is joined when that has all.
 */
#include <string.h>

#include "hvcore/pager/pager_priv.h"

#define LOOKS 4096       /* pages looked at a run for one to bring: 5 us; arbitrary */
#define REST_NS 1000000u /* after a lap without any, or no buffer to write; arbitrary */
#define ALL_SIDES (HV_BIT(HV_PATHS) - 1)

static bool is_open(const struct hv_space *space, unsigned side)
{
	return space->pager->paths[side].role == HV_ROLE_OPEN &&
	       space->devices[side].is_open;
}

unsigned hv_path_sides(const struct hv_space *space)
{
	unsigned index, sides = 0;

	if (!hv_space_is_mirrored(space))
		return hv_path_find(space->pager, space, &index) == HV_WAIT_NONE
			       ? HV_BIT(index)
			       : 0;
	for (unsigned side = 0; side < HV_PATHS; side++)
		sides |= is_open(space, side) ? HV_BIT(side) : 0;
	return sides;
}

/* Bit a side that has it. */
static unsigned holders(const struct hv_space *space, uint32_t slot)
{
	unsigned sides = 0;

	for (unsigned side = 0; side < HV_PATHS; side++)
		sides |= hv_slot_is_missed(&space->table, slot, side) ? 0 : HV_BIT(side);
	return sides;
}

enum hv_wait hv_path_to_read(const struct hv_space *space, uint32_t slot, unsigned bad,
			     unsigned last, unsigned *ret_index)
{
	unsigned can = hv_path_sides(space);

	if (!hv_space_is_mirrored(space))
		return hv_path_find(space->pager, space, ret_index);
	if (can == 0)
		return HV_WAIT_PATH;
	can &= holders(space, slot);
	if (can == 0)
		return HV_WAIT_DEVICE;
	if ((can & ~bad) != 0)
		can &= ~bad;
	if (last < HV_PATHS && (can & ~HV_BIT(last)) != 0)
		can &= ~HV_BIT(last);
	if (space->current < HV_PATHS && (can & HV_BIT(space->current)) != 0)
		*ret_index = space->current;
	else
		*ret_index = (unsigned)__builtin_ctz(can);
	return HV_WAIT_NONE;
}

bool hv_mirror_is_safe(const struct hv_space *space, unsigned sides)
{
	return !hv_space_is_mirrored(space) || sides == ALL_SIDES ||
	       (sides & hv_path_sides(space)) != 0;
}

bool hv_page_is_clean(const struct hv_space *space, uint32_t page)
{
	uint32_t slot = space->table.pages[page].slot;

	if (hv_slot_is_place(slot))
		return true; /* in the tier */
	return slot != HV_SLOT_NONE && (!hv_space_is_mirrored(space) ||
					hv_mirror_is_safe(space, holders(space, slot)));
}

bool hv_mirror_has_other(const struct hv_space *space, uint32_t slot, unsigned bad)
{
	return hv_space_is_mirrored(space) && (holders(space, slot) & ~bad) != 0;
}

void hv_mirror_heal(struct hv_space *space, uint32_t slot, unsigned bad)
{
	for (unsigned side = 0; side < HV_PATHS; side++) {
		if ((bad & HV_BIT(side)) == 0 || holders(space, slot) != ALL_SIDES)
			continue;
		hv_slot_miss(&space->table, slot, side, true);
		space->counts.healed++;
	}
}

void hv_mirror_written(struct hv_space *space, uint32_t slot, unsigned done)
{
	if (!hv_space_is_mirrored(space))
		return;
	for (unsigned side = 0; side < HV_PATHS; side++)
		if ((done & HV_BIT(side)) == 0)
			hv_slot_miss(&space->table, slot, side, true);
}

/* ---- two flights of one page-out ---- */

bool hv_twin_decides(struct hv_pager *pager, unsigned path,
		     const struct hv_flight *flight, bool is_done)
{
	struct hv_flight *twin;

	if (flight->twin != HV_TWIN_OUT)
		return false;
	twin = &pager->paths[HV_PATHS - 1 - path].flights[flight->twin_at];
	HV_INVARIANT(twin->user != 0 && twin->twin == HV_TWIN_OUT &&
		     twin->space == flight->space && twin->slot == flight->slot);
	twin->twin = is_done ? HV_TWIN_DONE : HV_TWIN_FAILED;
	return true;
}

unsigned hv_twin_sides(const struct hv_flight *flight, unsigned path, bool is_done)
{
	return (is_done ? HV_BIT(path) : 0) |
	       (flight->twin == HV_TWIN_DONE ? HV_BIT(HV_PATHS - 1 - path) : 0);
}

/* ---- resync ---- */

static unsigned source_of(const struct hv_walker *walker)
{
	return HV_PATHS - 1 - walker->path;
}

/* Sends the read of a QUEUED one, lets it wait for a buffer, or ends it. */
static void try_read(struct hv_pager *pager, struct hv_walker *walker, uint64_t now_ns)
{
	struct hv_pager_path *path = &pager->paths[source_of(walker)];
	uint32_t buffer;

	if (!hv_walker_is_wanted(walker) || hv_path_sides(walker->space) != ALL_SIDES) {
		hv_walker_free(walker);
		return;
	}
	if (path->ops->take(path->ctx, HV_OP_READ, 1, &buffer))
		hv_walker_send(pager, walker, source_of(walker), false, buffer, now_ns);
}

/* The scratch page goes to the side that missed it; if it cannot, its turn comes again. */
static void try_write(struct hv_pager *pager, struct hv_walker *walker, uint64_t now_ns)
{
	struct hv_pager_path *path = &pager->paths[walker->path];
	uint32_t buffer;

	if (!is_open(walker->space, walker->path) ||
	    !path->ops->take(path->ctx, HV_OP_WRITE, 1, &buffer)) {
		walker->space->no_resync_until_ns = now_ns + REST_NS;
		hv_walker_free(walker);
		return;
	}
	memcpy(path->ops->buffer(path->ctx, buffer), hv_scratch(pager), HV_PAGE_BYTES);
	path->pages[buffer] = walker->page;
	hv_walker_send(pager, walker, walker->path, true, buffer, now_ns);
}

void hv_resync_answered(struct hv_pager *pager, struct hv_walker *walker, bool is_good,
			uint64_t now_ns)
{
	struct hv_space *space = walker->space;

	if (!is_good) {
		space->no_resync_until_ns = now_ns + HV_WRITE_WAIT_NS;
		hv_walker_free(walker);
		return;
	}
	if (!walker->is_writing) {
		try_write(pager, walker, now_ns);
		return;
	}
	hv_slot_miss(&space->table, walker->slot, walker->path, false); /* M3 */
	space->counts.resynced++;
	hv_walker_free(walker);
}

/* The side that missed what the page has on the other one; HV_PATHS: none. */
static unsigned side_to_bring(const struct hv_space *space, uint32_t page)
{
	enum hv_page_state state = hv_page_state(&space->table, page);
	uint32_t slot = space->table.pages[page].slot;

	/* what is being read might be read on that side */
	if ((state != HV_PAGE_STOLEN && state != HV_PAGE_RESIDENT) ||
	    slot == HV_SLOT_NONE || hv_slot_is_place(slot) ||
	    hv_walker_has_page(space, page))
		return HV_PATHS;
	for (unsigned side = 0; side < HV_PATHS; side++)
		if (hv_slot_is_missed(&space->table, slot, side))
			return side;
	return HV_PATHS;
}

static bool may_resync(const struct hv_space *space)
{
	return hv_space_is_mirrored(space) && hv_space_acts(space) &&
	       space->table.missed[0] + space->table.missed[1] > 0 &&
	       hv_path_sides(space) == ALL_SIDES;
}

/* Faults go first; but redundancy comes back, however many there are. */
static struct hv_walker *find_free(struct hv_pager *pager)
{
	return hv_walker_find(pager, HV_CHECKS,
			      pager->free_fills == 0 ? HV_CHECKS + 1 : HV_WALKERS);
}

/* Begins as many as may be out. */
static uint64_t resync(struct hv_pager *pager, struct hv_space *space, uint64_t now_ns)
{
	struct hv_walker *walker = find_free(pager);

	for (uint32_t i = 0; walker != NULL && i < LOOKS; i++) {
		uint32_t page = space->resync_cursor < space->pages ? space->resync_cursor
								    : 0;
		unsigned side = side_to_bring(space, page);

		space->resync_cursor = page + 1;
		if (side < HV_PATHS) {
			hv_walker_begin(walker, space, page, side);
			walker->is_resync = true;
			space->resync_looked = 0;
			try_read(pager, walker, now_ns);
			walker = find_free(pager);
		} else if (++space->resync_looked >= space->pages) {
			space->resync_looked = 0;
			space->no_resync_until_ns = now_ns + REST_NS;
			return space->no_resync_until_ns;
		}
	}
	return walker == NULL ? UINT64_MAX : 0; /* an answer has this called again */
}

uint64_t hv_resync_run(struct hv_pager *pager, uint64_t now_ns)
{
	uint64_t wake_ns = UINT64_MAX, next_ns;

	for (unsigned i = HV_CHECKS; i < HV_WALKERS; i++)
		if (pager->walkers[i].state == HV_WALKER_QUEUED)
			try_read(pager, &pager->walkers[i], now_ns);
	for (unsigned i = 0; pager->mirrored > 0 && i < pager->space_count; i++) {
		struct hv_space *space = pager->spaces[i];

		if (!may_resync(space))
			continue;
		next_ns = space->no_resync_until_ns > now_ns
				  ? space->no_resync_until_ns
				  : resync(pager, space, now_ns);
		wake_ns = next_ns < wake_ns ? next_ns : wake_ns;
	}
	return wake_ns;
}

/* ---- another device ---- */

static bool any_out(const struct hv_space *space, unsigned path, bool is_twin)
{
	for (uint32_t buffer = 0; buffer < HV_LANE_BUFFERS; buffer++) {
		const struct hv_flight *flight =
			&space->pager->paths[path].flights[buffer];

		if (flight->user != 0 && flight->space == space &&
		    (!is_twin || flight->twin != HV_TWIN_NONE))
			return true;
	}
	return false;
}

bool hv_space_is_out(const struct hv_space *space, unsigned path)
{
	HV_INVARIANT(path < HV_PATHS && space->pager != NULL);
	return any_out(space, path, false);
}

uint64_t hv_space_missed(const struct hv_space *space, unsigned path)
{
	HV_INVARIANT(path < HV_PATHS);
	return space->table.missed[path];
}

/* What the other path reaches must be able to stand for all of it. */
static enum hv_code check_alone(const struct hv_space *space, unsigned path,
				struct hv_err *err)
{
	const struct hv_page_table *table = &space->table;
	unsigned other = HV_PATHS - 1 - path;

	HV_INVARIANT(path < HV_PATHS && space->pager != NULL);
	if (space->is_ended)
		return hv_fail(err, HV_E_GONE, "its partition has ended");
	if (space->devices[path].is_open)
		return hv_fail(err, HV_E_STATE, "path %u has its device open", path);
	if (!is_open(space, other))
		return hv_fail(err, HV_E_AGAIN, "path %u has not its device open", other);
	/* one half of a page-out counts the other as done; a walker writes what it read */
	if (any_out(space, path, false) || any_out(space, other, true) ||
	    space->walks > 0)
		return hv_fail(err, HV_E_AGAIN, "path %u: requests are out", path);
	if (table->doubts[0] + table->doubts[1] > 0 || space->in_doubt[0] ||
	    space->in_doubt[1])
		return hv_fail(err, HV_E_AGAIN, "earlier incarnations may still write");
	if (hv_space_is_mirrored(space) && table->missed[other] > 0)
		return hv_fail(err, HV_E_BUSY,
			       "%u pages are only on the device that is to go",
			       table->missed[other]);
	return HV_OK;
}

enum hv_code hv_pager_renew(struct hv_pager *pager, struct hv_space *space, unsigned path,
			    struct hv_err *err)
{
	struct hv_page_table *table = &space->table;
	enum hv_code code = check_alone(space, path, err);

	if (code != HV_OK)
		return code;
	hv_walkers_drop(pager, space);
	if (!hv_space_is_mirrored(space)) {
		hv_page_table_mirror(table, true);
		pager->mirrored++;
	}
	for (uint32_t slot = 0; slot < table->slot_count; slot++)
		if (hv_slot_class(table, slot) == HV_SLOT_LIVE)
			hv_slot_miss(table, slot, path, true);
	space->no_resync_until_ns = 0;
	hv_pager_retry_soon(pager);
	return HV_OK;
}

enum hv_code hv_pager_join(struct hv_pager *pager, struct hv_space *space, unsigned path,
			   struct hv_err *err)
{
	enum hv_code code = check_alone(space, path, err);

	if (code != HV_OK || !hv_space_is_mirrored(space))
		return code;
	hv_walkers_drop(pager, space);
	hv_page_table_mirror(&space->table, false);
	pager->mirrored--;
	hv_space_fertile(space);
	hv_pager_retry_soon(pager);
	return HV_OK;
}
