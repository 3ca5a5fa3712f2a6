/*
 * path - which VIOS a space asks, epochs, requests that are out, and their answers.
 *
 *   NONE --open--> OPEN --leave--> LEAVING;  OPEN, LEAVING --end--> NONE
 *
 * A flight is kept under its first buffer, with a serial number that no other
 * request of this pager ever had. An answer that does not name a flight is counted
 * and ignored: a VIOS may say what it likes.
 */
#include "hvcore/pager/pager_priv.h"

#define USER_BUFFER(user) ((uint32_t)((user) & ((1u << HV_USER_BUFFER_BITS) - 1)))

static_assert(HV_LANE_BUFFERS <= 1u << HV_USER_BUFFER_BITS, "a buffer fits `user`");

/* Buffers, slots, a path or a device came back: what waited for one may go on. */
static void refresh(struct hv_pager *pager)
{
	for (unsigned i = 0; i < pager->space_count; i++)
		hv_space_fertile(pager->spaces[i]);
	hv_pager_retry_soon(pager);
}

/* ... and what failed may be tried another way. */
static void forgive(struct hv_space *space)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		space->write_error_until_ns[i] = 0;
	hv_space_fertile(space);
	hv_pager_retry_soon(space->pager);
}

static void forgive_all(struct hv_pager *pager)
{
	for (unsigned i = 0; i < pager->space_count; i++)
		forgive(pager->spaces[i]);
}

enum hv_wait hv_path_find(const struct hv_pager *pager, const struct hv_space *space,
			  unsigned *ret_index)
{
	unsigned index = space->current;

	if (index == HV_PATHS || pager->paths[index].role != HV_ROLE_OPEN)
		return HV_WAIT_PATH;
	if (!space->devices[index].is_open)
		return HV_WAIT_DEVICE;
	*ret_index = index;
	return HV_WAIT_NONE;
}

struct hv_pager_path *hv_path_other(struct hv_pager *pager, const struct hv_space *space,
				    unsigned path)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (i != path && pager->paths[i].role == HV_ROLE_OPEN &&
		    space->devices[i].is_open)
			return &pager->paths[i];
	return NULL;
}

void hv_path_send(struct hv_pager *pager, struct hv_pager_path *path,
		  const struct hv_flight *flight, uint32_t buffer, uint64_t now_ns)
{
	struct hv_flight *out = &path->flights[buffer];
	struct hv_vasi_ask ask = {
		.now_ns = now_ns,
		.device = flight->space->devices[hv_path_index(pager, path)].handle,
		.slot = flight->slot,
		.buffer = buffer,
		.op = flight->is_write ? HV_OP_WRITE : HV_OP_READ,
		.pages = flight->pages,
	};

	HV_INVARIANT(buffer < HV_LANE_BUFFERS && out->user == 0);
	HV_INVARIANT(path->role == HV_ROLE_OPEN);
	if (path->out == 0)
		path->quiet_ns = now_ns;
	*out = *flight;
	out->sent_ns = now_ns;
	out->user = ++pager->serial << HV_USER_BUFFER_BITS | buffer;
	ask.user = out->user;
	path->out++;
	path->writing += flight->is_write ? flight->pages : 0;
	path->is_full |= path->writing == HV_PAGER_WRITES;
	flight->space->out++;
	path->is_dirty = true;
	path->ops->send(path->ctx, &ask);
}

void hv_paths_flush(struct hv_pager *pager)
{
	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct hv_pager_path *path = &pager->paths[i];

		if (!path->is_dirty)
			continue;
		path->is_dirty = false;
		path->ops->flush(path->ctx);
	}
}

void hv_paths_trust(struct hv_pager *pager)
{
	hv_frames_leaving(pager->frames, pager->stuck);
	pager->stuck = 0;
}

/* Pages that leave their frames when that request is answered. */
static uint32_t leaving_by(const struct hv_pager_path *path, uint32_t buffer)
{
	const struct hv_flight *flight = &path->flights[buffer];
	uint32_t count = 0;

	if (flight->user == 0 || !flight->is_write || flight->is_walk ||
	    flight->space->is_ended)
		return 0;
	for (unsigned i = 0; i < flight->pages; i++)
		count += hv_page_state(&flight->space->table, path->pages[buffer + i]) ==
				 HV_PAGE_STEALING &&
			 hv_steal_is_of(flight->space, path->pages[buffer + i],
					flight->slot + i);
	return count;
}

/* Of all that are out there; where `is_once` without those that the other path has too. */
static uint32_t leaving_over(const struct hv_pager_path *path, bool is_once)
{
	uint32_t count = 0;

	for (uint32_t buffer = 0; buffer < HV_LANE_BUFFERS; buffer++)
		if (!is_once || path->flights[buffer].twin != HV_TWIN_OUT)
			count += leaving_by(path, buffer);
	return count;
}

void hv_paths_look(struct hv_pager *pager, uint64_t now_ns)
{
	unsigned quiet = 0;

	hv_paths_trust(pager);
	for (unsigned i = 0; i < HV_PATHS; i++) {
		const struct hv_pager_path *path = &pager->paths[i];

		if (path->out == 0)
			continue;
		if (now_ns - path->quiet_ns < HV_QUIET_NS) {
			hv_pager_retry_at(pager, path->quiet_ns + HV_QUIET_NS);
			continue;
		}
		pager->stuck += leaving_over(path, quiet > 0);
		quiet++;
	}
	hv_frames_leaving(pager->frames, -(int64_t)pager->stuck);
}

/* Takes the flight off the table. */
static struct hv_flight land(struct hv_pager_path *path, uint32_t buffer)
{
	struct hv_flight flight = path->flights[buffer];

	HV_INVARIANT(flight.user != 0 && path->out > 0 && flight.space->out > 0);
	path->flights[buffer] = (struct hv_flight){ 0 };
	path->out--;
	path->writing -= flight.is_write ? flight.pages : 0;
	flight.space->out--;
	return flight;
}

/* Page-ins or a walker: nothing else is ever out beside another request. */
bool hv_slot_is_read(const struct hv_space *space, uint32_t slot)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		for (uint32_t buffer = 0; buffer < HV_LANE_READ_BUFFERS; buffer++) {
			const struct hv_flight *flight =
				&space->pager->paths[i].flights[buffer];

			if (flight->user != 0 && flight->space == space &&
			    slot - flight->slot < flight->pages)
				return true;
		}
	return hv_walker_is_on(space, slot);
}

void hv_slot_answered(struct hv_space *space, uint32_t slot)
{
	if (!space->is_ended && hv_slot_class(&space->table, slot) == HV_SLOT_LIVE)
		return; /* it was late */
	if (!hv_slot_is_read(space, slot))
		hv_slot_release(&space->table, slot);
}

/* Answered, and nobody wants the content: all its slots are worthless. */
static void release_all(const struct hv_flight *flight)
{
	struct hv_space *space = flight->space;

	for (unsigned i = 0; i < flight->pages; i++)
		hv_slot_answered(space, flight->slot + i);
}

/* What came over the other path is not read over this one any more. */
static void count_late(struct hv_pager_path *path, const struct hv_flight *flight,
		       uint32_t buffer)
{
	if (path->late == 0 || flight->is_write || flight->is_walk)
		return;
	for (unsigned i = 0; i < flight->pages; i++) {
		if (path->fills[buffer + i] != HV_FILL_LATE)
			continue;
		path->late--;
		flight->space->late--;
	}
}

/* A page of a read that is for nobody; false: it is for a page-in. */
static bool is_for_nobody(const struct hv_flight *flight, const uint8_t *fills,
			  unsigned at)
{
	if (fills[at] != HV_FILL_NONE && fills[at] != HV_FILL_LATE)
		return false;
	hv_slot_answered(flight->space, flight->slot + at);
	return true;
}

/*
 * A page-in, and what was read with it. What nobody waits for is there first, so that
 * who waits finds it when it runs: one wake a run.
 */
static void read_answered(unsigned index, const struct hv_flight *flight, uint32_t buffer,
			  int result, uint64_t now_ns)
{
	struct hv_pager *pager = flight->space->pager;
	const uint8_t *fills = &pager->paths[index].fills[buffer];
	uint32_t asked = 0;

	static_assert(HV_AHEAD_MAX < 32, "a bit a page");
	for (unsigned i = 0; i < flight->pages; i++) {
		if (is_for_nobody(flight, fills, i))
			continue;
		if (pager->fills[fills[i]].is_ahead)
			hv_fill_answered(pager, &pager->fills[fills[i]], index, result,
					 now_ns);
		else
			asked |= HV_BIT(i);
	}
	for (; asked != 0; asked &= asked - 1)
		hv_fill_answered(pager, &pager->fills[fills[__builtin_ctz(asked)]], index,
				 result, now_ns);
}

/* ... whose epoch ended. */
static void end_read(unsigned index, const struct hv_flight *flight, uint32_t buffer,
		     struct hv_path_toll *toll)
{
	struct hv_pager *pager = flight->space->pager;
	const uint8_t *fills = &pager->paths[index].fills[buffer];

	for (unsigned i = 0; i < flight->pages; i++) {
		if (is_for_nobody(flight, fills, i))
			continue;
		if (hv_fill_resend(pager, &pager->fills[fills[i]], index))
			toll->resent_reads++;
	}
}

/* The last word on a page-out. */
static void write_answered(unsigned index, const struct hv_flight *flight,
			   uint32_t buffer, int result, uint64_t now_ns)
{
	flight->space->counts.io_errors += result != 0;
	hv_steal_answered(flight->space, index, flight, buffer,
			  hv_twin_sides(flight, index, result == 0), now_ns);
}

void hv_pager_on_answer(struct hv_pager *pager, unsigned index, uint64_t user, int result,
			uint64_t now_ns)
{
	struct hv_pager_path *path = &pager->paths[index];
	uint32_t buffer = USER_BUFFER(user);
	struct hv_flight flight;

	HV_INVARIANT(index < HV_PATHS);
	if (path->role == HV_ROLE_NONE || user == 0 || buffer >= HV_LANE_BUFFERS ||
	    path->flights[buffer].user != user || result > 0) {
		pager->ignored_answers++;
		return;
	}
	flight = land(path, buffer);
	count_late(path, &flight, buffer);
	path->quiet_ns = now_ns;
	if (flight.is_walk)
		hv_walker_answered(pager, index, &pager->walkers[flight.fill], buffer,
				   result, now_ns);
	else if (flight.is_write && hv_twin_decides(pager, index, &flight, result == 0))
		flight.space->counts.io_errors += result != 0;
	else if (flight.space->is_ended)
		release_all(&flight);
	else if (flight.is_write)
		write_answered(index, &flight, buffer, result, now_ns);
	else
		read_answered(index, &flight, buffer, result, now_ns);
	path->ops->give(path->ctx, buffer, flight.pages);
	if (path->is_full && flight.is_write) {
		path->is_full = false;
		refresh(pager);
	}
	hv_pager_retry_soon(pager); /* a buffer is free */
}

void hv_pager_path_open(struct hv_pager *pager, unsigned index, uint64_t epoch,
			const struct hv_path_ops *ops, void *ctx)
{
	struct hv_pager_path *path = &pager->paths[index];

	HV_INVARIANT(index < HV_PATHS && path->role == HV_ROLE_NONE);
	HV_INVARIANT(path->out == 0);
	path->role = HV_ROLE_OPEN;
	path->epoch = epoch;
	path->ops = ops;
	path->ctx = ctx;
}

void hv_pager_path_leave(struct hv_pager *pager, unsigned index)
{
	HV_INVARIANT(index < HV_PATHS);
	if (pager->paths[index].role == HV_ROLE_OPEN)
		pager->paths[index].role = HV_ROLE_LEAVING;
	forgive_all(pager);
}

/* Without a word to whom it was: what is out there stays out. */
static void set_current(struct hv_space *space, unsigned index)
{
	struct hv_pager *pager = space->pager;

	if (space->current < HV_PATHS)
		pager->paths[space->current].spaces--;
	space->current = index;
	space->has_moved = false;
	if (index < HV_PATHS)
		pager->paths[index].spaces++;
}

void hv_pager_current(struct hv_pager *pager, struct hv_space *space, unsigned index)
{
	HV_INVARIANT(index <= HV_PATHS && space->pager == pager);
	if (space->current == index)
		return;
	set_current(space, index);
	space->has_moved = space->has_asked && index < HV_PATHS;
	space->has_asked |= index < HV_PATHS;
	if (space->has_moved)
		pager->paths[index].moved_ns = 0;
	forgive(space);
}

void hv_path_got_page(struct hv_space *space, unsigned index, uint64_t now_ns)
{
	struct hv_pager_path *path = &space->pager->paths[index];

	if (!space->has_moved || index != space->current)
		return;
	space->has_moved = false;
	if (path->moved_ns == 0)
		path->moved_ns = now_ns;
}

unsigned hv_space_current(const struct hv_space *space)
{
	return space->current;
}

uint32_t hv_space_quarantined(const struct hv_space *space)
{
	return space->table.slots_in[HV_SLOT_QUARANTINED];
}

uint64_t hv_pager_moved_ns(const struct hv_pager *pager, unsigned index)
{
	HV_INVARIANT(index < HV_PATHS);
	return pager->paths[index].moved_ns;
}

/* M5. P17: what it may still write to is a side that is closed; no slot is held back. */
static void doubt(const struct hv_flight *flight, unsigned index)
{
	if (hv_space_is_mirrored(flight->space)) {
		flight->space->in_doubt[index] = true;
		return;
	}
	for (unsigned i = 0; i < flight->pages; i++)
		hv_slot_doubt(&flight->space->table, flight->slot + i, index);
}

/* A page-out that was never answered there. */
static void end_write(struct hv_pager *pager, unsigned index,
		      const struct hv_flight *flight, uint32_t buffer,
		      struct hv_path_toll *toll)
{
	struct hv_space *space = flight->space;
	unsigned done = hv_twin_sides(flight, index, false);

	if (hv_twin_decides(pager, index, flight, false))
		return;
	if (!space->is_ended && done != 0 && hv_mirror_is_safe(space, done)) {
		hv_steal_finish(space, index, flight, buffer, done);
		return;
	}
	if (!space->is_ended)
		toll->canceled_steals += hv_steal_abort(space, index, flight, buffer);
	release_all(flight);
}

/* One unanswered request of an ended epoch. */
static void end_flight(struct hv_pager *pager, unsigned index, uint32_t buffer,
		       struct hv_path_toll *toll)
{
	struct hv_flight flight = land(&pager->paths[index], buffer);
	struct hv_page_table *table = &flight.space->table;
	uint32_t before = table->slots_in[HV_SLOT_QUARANTINED];

	count_late(&pager->paths[index], &flight, buffer);
	doubt(&flight, index);
	if (flight.is_walk) {
		hv_walker_lost(&pager->walkers[flight.fill]);
	} else if (flight.is_write) {
		end_write(pager, index, &flight, buffer, toll);
	} else if (!flight.space->is_ended) {
		end_read(index, &flight, buffer, toll);
	} else {
		release_all(&flight);
	}
	toll->quarantined_slots += table->slots_in[HV_SLOT_QUARANTINED] - before;
}

void hv_pager_path_end(struct hv_pager *pager, unsigned index, uint64_t epoch,
		       struct hv_path_toll *ret_toll)
{
	struct hv_pager_path *path = &pager->paths[index];
	struct hv_path_toll toll = { 0 };

	HV_INVARIANT(index < HV_PATHS);
	*ret_toll = toll;
	if (path->role == HV_ROLE_NONE || path->epoch != epoch)
		return;
	for (uint32_t buffer = 0; buffer < HV_LANE_BUFFERS && path->out > 0; buffer++)
		if (path->flights[buffer].user != 0)
			end_flight(pager, index, buffer, &toll);
	hv_paths_trust(pager);
	path->role = HV_ROLE_NONE;
	path->is_dirty = false;
	path->is_full = false;
	for (unsigned i = 0; i < pager->space_count; i++) {
		pager->spaces[i]->devices[index].is_open = false;
		if (pager->spaces[i]->current == index)
			set_current(pager->spaces[i], HV_PATHS);
	}
	forgive_all(pager);
	*ret_toll = toll;
}

enum hv_code hv_pager_device(struct hv_pager *pager, struct hv_space *space,
			     unsigned index, bool is_open, uint32_t handle,
			     struct hv_err *err)
{
	HV_INVARIANT(index < HV_PATHS && space->pager == pager);
	if (is_open && pager->paths[index].role == HV_ROLE_NONE)
		return hv_fail(err, HV_E_STATE, "path %u has no session", index);
	if (is_open && space->table.doubts[index] > 0)
		return hv_fail(err, HV_E_STATE,
			       "path %u: %u slots are in doubt because of an earlier "
			       "incarnation",
			       index, space->table.doubts[index]);
	if (is_open && space->in_doubt[index])
		return hv_fail(err, HV_E_STATE,
			       "path %u: an earlier incarnation may still write", index);
	space->devices[index] = (struct hv_device){ .is_open = is_open,
						    .handle = handle };
	forgive(space);
	return HV_OK;
}

void hv_pager_drained(struct hv_pager *pager, struct hv_space *space, unsigned index)
{
	HV_INVARIANT(index < HV_PATHS && space->pager == pager);
	(void)hv_slots_drain(&space->table, index);
	space->in_doubt[index] = false;
	refresh(pager);
}

unsigned hv_pager_path_out(const struct hv_pager *pager, unsigned index)
{
	HV_INVARIANT(index < HV_PATHS);
	return pager->paths[index].out;
}

uint64_t hv_pager_path_oldest_ns(const struct hv_pager *pager, unsigned index)
{
	const struct hv_pager_path *path = &pager->paths[index];
	uint64_t oldest = 0;

	HV_INVARIANT(index < HV_PATHS);
	if (path->out == 0)
		return 0;
	for (unsigned i = 0; i < HV_LANE_BUFFERS; i++)
		if (path->flights[i].user != 0 &&
		    (oldest == 0 || path->flights[i].sent_ns < oldest))
			oldest = path->flights[i].sent_ns;
	return oldest;
}
