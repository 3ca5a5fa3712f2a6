/*
 * audit - all equations of the engine (M1). Tests run it after every step; the
 * hypervisor when it is asked.
 *
 *   frames      charged = resident + stealing + inflight pages
 *   faults      = zero_fills + page_ins + minor + write + stale + failed + pending
 *   mappings    map_fills = map_zero_fills + map_page_ins + map_ends + pending
 *   ahead       ahead_fills = ahead_page_ins + ahead_taken + ahead_drops + under way;
 *               ahead_page_ins = ahead_used + ahead_wasted + unproven
 *   pending     = fills in use for somebody + parked ones that count, of both
 *   I/O         a page that a device may use is RESIDENT, and has no slot where it may
 *               be written to (M7, P5): hv_space_audit_io, asked by who knows which
 *   logical     pages beyond the logical memory are ZERO and nobody waits for them (P18)
 *   fills       one for each INFLIGHT page, and the page names it
 *   flights     a write's slots are WRITING with their page STEALING, or CONDEMNED;
 *               a read's is LIVE with a fill, or CONDEMNED; and every WRITING or
 *               CONDEMNED slot is in exactly one flight (P4), or in one and a walker's,
 *               or in the two of a mirrored page-out, which name each other (P17)
 *   tier        each page in it is PACKED, UNLOADING or a copy of a RESIDENT one, its
 *               space knows where, and there are no others
 *   walkers     a walker's slot is LIVE while its page has it, else CONDEMNED
 */
#include "hvcore/pager/pager_priv.h"

static enum hv_code audit_faults(const struct hv_space *space, struct hv_err *err)
{
	const struct hv_space_counts *counts = &space->counts;
	uint64_t sum = counts->zero_fills + counts->page_ins + counts->minor_faults +
		       counts->write_faults + counts->stale_faults +
		       counts->failed_faults + space->pending;
	uint64_t maps = counts->map_zero_fills + counts->map_page_ins + counts->map_ends +
			space->pending_maps;
	uint64_t aheads = counts->ahead_page_ins + counts->ahead_taken +
			  counts->ahead_drops + space->aheads;
	uint32_t waiting = space->fills - space->aheads, marked = 0;

	for (uint32_t i = 0; i < space->parked_count; i++) {
		const struct hv_parked *parked =
			&space->parked[(space->parked_head + i) % HV_PARKED_MAX];

		waiting += parked->is_pending;
		if (!hv_page_has(&space->table, parked->page, HV_PAGE_PARKED))
			return hv_fail(err, HV_E_CORRUPT, "page %u is parked, unmarked",
				       parked->page);
	}
	for (uint32_t page = 0; page < space->table.page_count; page++)
		marked += hv_page_has(&space->table, page, HV_PAGE_PARKED);
	if (marked != space->parked_count)
		return hv_fail(err, HV_E_CORRUPT, "%u pages marked as parked, %u are",
			       marked, space->parked_count);
	if (waiting != space->pending + space->pending_maps)
		return hv_fail(err, HV_E_CORRUPT,
			       "%u faults wait, %u are pending, and %u mappings", waiting,
			       space->pending, space->pending_maps);
	if (maps != counts->map_fills)
		return hv_fail(err, HV_E_CORRUPT,
			       "%llu pages brought by mapping, %llu accounted for",
			       (unsigned long long)counts->map_fills,
			       (unsigned long long)maps);
	if (aheads != counts->ahead_fills ||
	    counts->ahead_used + counts->ahead_wasted + space->unproven !=
		    counts->ahead_page_ins)
		return hv_fail(err, HV_E_CORRUPT,
			       "%llu pages read ahead, %llu accounted for, %u unproven",
			       (unsigned long long)counts->ahead_fills,
			       (unsigned long long)aheads, space->unproven);
	if (sum != counts->faults)
		return hv_fail(err, HV_E_CORRUPT, "%llu faults, %llu accounted for",
			       (unsigned long long)counts->faults,
			       (unsigned long long)sum);
	return HV_OK;
}

static enum hv_code audit_frames(const struct hv_space *space, struct hv_err *err)
{
	const uint32_t *in = space->table.pages_in;
	uint32_t charged = in[HV_PAGE_RESIDENT] + in[HV_PAGE_STEALING] +
			   in[HV_PAGE_INFLIGHT];

	if (charged != space->frames)
		return hv_fail(err, HV_E_CORRUPT, "%u pages have a frame, %u charged",
			       charged, space->frames);
	if (in[HV_PAGE_INFLIGHT] != space->fills)
		return hv_fail(err, HV_E_CORRUPT, "%u pages in flight, %u fills",
			       in[HV_PAGE_INFLIGHT], space->fills);
	return HV_OK;
}

static enum hv_code audit_beyond(const struct hv_space *space, struct hv_err *err)
{
	for (uint32_t page = space->pages; page < space->table.page_count; page++)
		if (hv_page_state(&space->table, page) != HV_PAGE_ZERO ||
		    hv_page_has(&space->table, page, HV_PAGE_PARKED))
			return hv_fail(
				err, HV_E_CORRUPT,
				"page %u is beyond %u pages of memory, and is used", page,
				space->pages);
	return HV_OK;
}

enum hv_code hv_space_audit(const struct hv_space *space, struct hv_err *err)
{
	enum hv_code code;

	if (space->is_ended) /* its pages are no more */
		return space->frames + space->fills + space->pending +
					       space->pending_maps +
					       space->parked_count ==
				       0
			       ? HV_OK
			       : hv_fail(err, HV_E_CORRUPT, "ended, but has %u frames",
					 space->frames);
	code = hv_page_table_audit(&space->table, err);
	if (code == HV_OK)
		code = audit_frames(space, err);
	if (code == HV_OK)
		code = audit_faults(space, err);
	if (code == HV_OK)
		code = audit_beyond(space, err);
	return code;
}

enum hv_code hv_space_audit_io(const struct hv_space *space, uint32_t page, bool is_write,
			       struct hv_err *err)
{
	if (space->is_ended || space->counts.io_lost > 0) /* its own doing: it ends */
		return HV_OK;
	if (hv_page_state(&space->table, page) != HV_PAGE_RESIDENT)
		return hv_fail(err, HV_E_CORRUPT, "page %u is under I/O in state %d (M7)",
			       page, (int)hv_page_state(&space->table, page));
	if (is_write && space->table.pages[page].slot != HV_SLOT_NONE)
		return hv_fail(err, HV_E_CORRUPT,
			       "page %u may be written to by a device and has slot %u "
			       "(P5)",
			       page, space->table.pages[page].slot);
	return HV_OK;
}

/* Flights of one space: how many, and slots they keep from being given out. */
struct sums {
	uint32_t out;
	uint32_t walks;
	uint32_t busy;
	uint32_t late;
};

static enum hv_code audit_write(const struct hv_pager_path *path, uint32_t buffer,
				uint32_t *ret_busy, struct hv_err *err)
{
	const struct hv_flight *flight = &path->flights[buffer];
	const struct hv_page_table *table = &flight->space->table;

	for (unsigned i = 0; i < flight->pages; i++) {
		uint32_t page = path->pages[buffer + i], slot = flight->slot + i;
		bool is_wanted = hv_steal_is_of(flight->space, page, slot);

		if (hv_slot_class(table, slot) !=
		    (is_wanted ? HV_SLOT_WRITING : HV_SLOT_CONDEMNED))
			return hv_fail(err, HV_E_CORRUPT,
				       "slot %u, being written from page %u: class %d",
				       slot, page, (int)hv_slot_class(table, slot));
		(*ret_busy)++;
	}
	return HV_OK;
}

static bool is_fills(const struct hv_fill *fill, unsigned path, uint32_t buffer)
{
	return (fill->last_path == path && fill->buffer == buffer) ||
	       (fill->is_hedged && fill->last_path != path &&
		fill->hedge_buffer == buffer);
}

/* One page of a read: for its page-in, or for nobody any more. */
static enum hv_code audit_read(const struct hv_pager *pager, unsigned index,
			       uint32_t buffer, unsigned at, struct hv_err *err)
{
	const struct hv_flight *flight = &pager->paths[index].flights[buffer];
	const struct hv_page_table *table = &flight->space->table;
	uint8_t which = pager->paths[index].fills[buffer + at];
	uint32_t slot = flight->slot + at;
	const struct hv_fill *fill;

	if (which == HV_FILL_LATE)
		return hv_slot_class(table, slot) == HV_SLOT_LIVE ||
				       hv_slot_class(table, slot) == HV_SLOT_CONDEMNED
			       ? HV_OK
			       : hv_fail(err, HV_E_CORRUPT,
					 "slot %u, read late: class %d", slot,
					 (int)hv_slot_class(table, slot));
	if (which == HV_FILL_NONE)
		return hv_slot_class(table, slot) == HV_SLOT_CONDEMNED
			       ? HV_OK
			       : hv_fail(err, HV_E_CORRUPT, "slot %u, read for nobody",
					 slot);
	fill = &pager->fills[which];
	if (fill->state != HV_FILL_SENT || fill->space != flight->space ||
	    !is_fills(fill, index, buffer + at) || table->pages[fill->page].slot != slot)
		return hv_fail(err, HV_E_CORRUPT, "slot %u is read, but not by fill %u",
			       slot, which);
	return HV_OK;
}

/* A read of that slot that is out for nobody, before that one in the order of paths and
 * buffers (HV_PATHS: any). */
static bool is_read_for_nobody(const struct hv_space *space, uint32_t slot, unsigned path,
			       uint32_t before)
{
	for (unsigned i = 0; i <= path && i < HV_PATHS; i++)
		for (uint32_t buffer = 0; buffer < HV_LANE_READ_BUFFERS; buffer++) {
			const struct hv_flight *at =
				&space->pager->paths[i].flights[buffer];

			if (i == path && buffer >= before)
				return false;
			if (at->user != 0 && !at->is_walk && at->space == space &&
			    slot - at->slot < at->pages &&
			    space->pager->paths[i].fills[buffer + slot - at->slot] >=
				    HV_FILL_LATE)
				return true;
		}
	return false;
}

static enum hv_code audit_reads(const struct hv_pager *pager, unsigned index,
				uint32_t buffer, struct sums *sum, struct hv_err *err)
{
	const struct hv_pager_path *path = &pager->paths[index];
	const struct hv_flight *flight = &path->flights[buffer];
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < flight->pages && code == HV_OK; i++) {
		uint32_t slot = flight->slot + i;

		sum->late += path->fills[buffer + i] == HV_FILL_LATE;
		sum->busy += path->fills[buffer + i] >= HV_FILL_LATE &&
			     hv_slot_class(&flight->space->table, slot) ==
				     HV_SLOT_CONDEMNED &&
			     !is_read_for_nobody(flight->space, slot, index, buffer);
		code = audit_read(pager, index, buffer, i, err);
	}
	return code;
}

static enum hv_code audit_walk(const struct hv_pager *pager,
			       const struct hv_flight *flight, uint32_t *ret_busy,
			       struct hv_err *err)
{
	const struct hv_walker *walker = &pager->walkers[flight->fill];
	const struct hv_page_table *table = &flight->space->table;
	bool is_kept = table->pages[walker->page].slot == flight->slot;

	if (walker->state != HV_WALKER_SENT || walker->space != flight->space ||
	    walker->slot != flight->slot)
		return hv_fail(err, HV_E_CORRUPT, "slot %u is read, but not by walker %u",
			       flight->slot, flight->fill);
	if (hv_slot_class(table, flight->slot) !=
	    (is_kept ? HV_SLOT_LIVE : HV_SLOT_CONDEMNED))
		return hv_fail(err, HV_E_CORRUPT, "slot %u, a walker's: class %d",
			       flight->slot, (int)hv_slot_class(table, flight->slot));
	*ret_busy += !is_kept &&
		     !is_read_for_nobody(flight->space, flight->slot, HV_PATHS, 0);
	return HV_OK;
}

static enum hv_code audit_fill(const struct hv_pager *pager, unsigned index,
			       struct hv_err *err)
{
	const struct hv_fill *fill = &pager->fills[index];
	bool is_free = (pager->free_fills >> index & 1) != 0;

	if (is_free != (fill->state == HV_FILL_FREE))
		return hv_fail(err, HV_E_CORRUPT, "fill %u: its bit disagrees", index);
	if (is_free)
		return HV_OK;
	if (fill->is_ahead && fill->state != HV_FILL_SENT)
		return hv_fail(err, HV_E_CORRUPT, "fill %u waits for nobody", index);
	if (hv_page_state(&fill->space->table, fill->page) != HV_PAGE_INFLIGHT ||
	    hv_page_fill(&fill->space->table, fill->page) != index)
		return hv_fail(err, HV_E_CORRUPT, "fill %u: page %u knows nothing of it",
			       index, fill->page);
	return HV_OK;
}

/* P17: both are the same page-out, and neither was answered. */
static enum hv_code audit_twin(const struct hv_pager *pager, unsigned index,
			       uint32_t buffer, struct hv_err *err)
{
	const struct hv_flight *flight = &pager->paths[index].flights[buffer];
	const struct hv_flight *twin;

	if (flight->twin != HV_TWIN_OUT)
		return HV_OK;
	twin = &pager->paths[HV_PATHS - 1 - index].flights[flight->twin_at];
	if (twin->user == 0 || twin->twin != HV_TWIN_OUT || twin->twin_at != buffer ||
	    twin->space != flight->space || twin->slot != flight->slot ||
	    twin->pages != flight->pages)
		return hv_fail(err, HV_E_CORRUPT, "slot %u: the other half is not out",
			       flight->slot);
	return HV_OK;
}

static enum hv_code audit_flight(const struct hv_pager *pager, unsigned index,
				 uint32_t buffer, struct sums *sum, struct hv_err *err)
{
	const struct hv_pager_path *path = &pager->paths[index];
	const struct hv_flight *flight = &path->flights[buffer];

	enum hv_code code = audit_twin(pager, index, buffer, err);
	uint32_t counted = 0;

	sum->out++;
	sum->walks += flight->is_walk;
	if (code != HV_OK || flight->space->is_ended)
		return code;
	if (flight->is_walk)
		return audit_walk(pager, flight, &sum->busy, err);
	if (!flight->is_write)
		return audit_reads(pager, index, buffer, sum, err);
	code = audit_write(path, buffer, &counted, err);
	if (flight->twin != HV_TWIN_OUT || index == 0)
		sum->busy += counted;
	return code;
}

static enum hv_code audit_flights(const struct hv_pager *pager, unsigned index,
				  struct sums *sums, struct hv_err *err)
{
	const struct hv_pager_path *path = &pager->paths[index];
	enum hv_code code;
	unsigned out = 0, late = 0;

	for (uint32_t buffer = 0; buffer < HV_LANE_BUFFERS; buffer++) {
		const struct hv_flight *flight = &path->flights[buffer];

		if (flight->user == 0)
			continue;
		out++;
		for (unsigned i = 0; !flight->is_write && i < flight->pages; i++)
			late += !flight->is_walk &&
				path->fills[buffer + i] == HV_FILL_LATE;
		if (flight->space->pager != pager)
			return hv_fail(err, HV_E_CORRUPT, "a request of a stranger");
		code = audit_flight(pager, index, buffer, &sums[flight->space->index],
				    err);
		if (code != HV_OK)
			return code;
	}
	if (late != path->late)
		return hv_fail(err, HV_E_CORRUPT,
			       "path %u: %u pages are late, %u counted", index, late,
			       path->late);
	if (out != path->out || (path->role == HV_ROLE_NONE && out > 0))
		return hv_fail(err, HV_E_CORRUPT, "path %u: %u requests out, %u counted",
			       index, out, path->out);
	return HV_OK;
}

/* Whose current path it is; an ended one is nobody's. */
static enum hv_code audit_askers(const struct hv_pager *pager, unsigned index,
				 struct hv_err *err)
{
	const struct hv_pager_path *path = &pager->paths[index];
	unsigned count = 0;

	for (unsigned i = 0; i < pager->space_count; i++)
		count += pager->spaces[i]->current == index;
	if (count != path->spaces || (path->role == HV_ROLE_NONE && count > 0))
		return hv_fail(err, HV_E_CORRUPT, "path %u: %u spaces ask it, %u counted",
			       index, count, path->spaces);
	return HV_OK;
}

static bool is_packed_there(void *ctx, const struct hv_tier_object *object)
{
	const struct hv_pager *pager = ctx;
	const struct hv_space *space = object->owner < HV_PAGER_SPACES_MAX
					       ? pager->by_number[object->owner]
					       : NULL;

	if (space == NULL || space->is_ended || object->page >= space->table.page_count)
		return false;
	if (hv_slot_is_place(space->table.pages[object->page].slot))
		return space->table.pages[object->page].slot ==
		       (object->place | HV_SLOT_PLACE);
	for (unsigned i = 0; i < pager->unload_count; i++)
		if (pager->unloads[i].space == space &&
		    pager->unloads[i].page == object->page)
			return pager->unloads[i].place == object->place;
	return false;
}

/* Pages in their frames that have a copy in the tier. */
static uint64_t count_copies(const struct hv_space *space)
{
	uint64_t count = 0;

	for (uint32_t page = 0; page < space->table.page_count; page++)
		count += hv_page_state(&space->table, page) == HV_PAGE_RESIDENT &&
			 hv_slot_is_place(space->table.pages[page].slot);
	return count;
}

static enum hv_code audit_tier(const struct hv_pager *pager, struct hv_err *err)
{
	uint64_t pages = 0, unloading = 0, bytes = 0, past = 0;
	uint64_t kept = pager->tier != NULL ? hv_tier_objects(pager->tier) : 0;

	for (unsigned i = 0; i < pager->space_count; i++) {
		const struct hv_space *space = pager->spaces[i];

		bytes += space->packed_bytes;
		past += space->gain.past > 0;
		if (space->is_ended)
			continue;
		pages += space->table.pages_in[HV_PAGE_PACKED] + count_copies(space);
		unloading += space->table.pages_in[HV_PAGE_UNLOADING];
	}
	if (past != pager->past_count)
		return hv_fail(err, HV_E_CORRUPT, "%llu spaces go past the tier, not %u",
			       (unsigned long long)past, pager->past_count);
	if (pages + unloading != kept || unloading != pager->unload_count ||
	    bytes != (kept > 0 ? hv_tier_used(pager->tier) : 0))
		return hv_fail(
			err, HV_E_CORRUPT,
			"%llu pages packed, %llu being written; the tier has %llu, "
			"%u",
			(unsigned long long)pages, (unsigned long long)unloading,
			(unsigned long long)kept, pager->unload_count);
	if (pager->tier == NULL)
		return HV_OK;
	return hv_tier_audit(pager->tier, is_packed_there, (void *)(uintptr_t)pager, err);
}

enum hv_code hv_pager_audit(const struct hv_pager *pager, struct hv_err *err)
{
	struct sums sums[HV_PAGER_SPACES_MAX] = { 0 };
	enum hv_code code = HV_OK;
	unsigned mirrored = 0;

	for (unsigned i = 0; i < HV_PATHS && code == HV_OK; i++)
		code = audit_flights(pager, i, sums, err);
	for (unsigned i = 0; i < HV_PATHS && code == HV_OK; i++)
		code = audit_askers(pager, i, err);
	for (unsigned i = 0; i < pager->fill_count && code == HV_OK; i++)
		code = audit_fill(pager, i, err);
	if (code == HV_OK)
		code = audit_tier(pager, err);
	for (unsigned i = 0; i < pager->space_count && code == HV_OK; i++) {
		const struct hv_space *space = pager->spaces[i];
		const uint32_t *slots = space->table.slots_in;

		code = hv_space_audit(space, err);
		if (code != HV_OK)
			return code;
		mirrored += hv_space_is_mirrored(space);
		if (hv_space_has_work(space) && !hv_space_is_awake(space))
			return hv_fail(err, HV_E_CORRUPT,
				       "space %u has work, and is not awake", i);
		if (!space->is_ended && space->late != sums[i].late)
			return hv_fail(err, HV_E_CORRUPT,
				       "space %u: %u pages are read late, %u counted", i,
				       sums[i].late, space->late);
		if (space->index != i || space->out != sums[i].out ||
		    space->walks != sums[i].walks)
			return hv_fail(err, HV_E_CORRUPT,
				       "space %u: %u requests out (walkers' %u), %u (%u) "
				       "counted",
				       i, sums[i].out, sums[i].walks, space->out,
				       space->walks);
		if (!space->is_ended &&
		    sums[i].busy != slots[HV_SLOT_WRITING] + slots[HV_SLOT_CONDEMNED])
			return hv_fail(err, HV_E_CORRUPT,
				       "space %u: %u slots WRITING or CONDEMNED, %u in "
				       "requests",
				       i,
				       slots[HV_SLOT_WRITING] + slots[HV_SLOT_CONDEMNED],
				       sums[i].busy);
	}
	if (code == HV_OK && mirrored != pager->mirrored)
		return hv_fail(err, HV_E_CORRUPT, "%u spaces are mirrored, %u counted",
			       mirrored, pager->mirrored);
	return code;
}
