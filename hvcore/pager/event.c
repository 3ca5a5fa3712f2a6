/*
 * event - faults: what the kernel says the partition's threads wait for.
 *
 * Every fault is counted as one thing, once: what it was served as, stale (the page
 * was there already, or the fault will be raised again), failed (poison), or pending
 * until it is one of these.
 *
 * A fault that cannot be served now is parked in a ring of its space. When the ring
 * is full the event is dropped and, later, the whole region is woken: threads that
 * still wait fault again and raise it anew (paging.md 4.1).
 */
#include "hvcore/pager/pager_priv.h"

/* ---- parking ---- */

void hv_fault_park(struct hv_space *space, const struct hv_parked *parked,
		   enum hv_wait why)
{
	unsigned at = (space->parked_head + space->parked_count) % HV_PARKED_MAX;

	if (hv_page_has(&space->table, parked->page, HV_PAGE_PARKED)) {
		HV_INVARIANT(!parked->is_pending);
		return;
	}
	if (space->parked_count == 0)
		space->parked_why = why;
	if (space->parked_count == HV_PARKED_MAX) {
		space->has_overflow = true; /* awake, since they are parked */
		hv_fault_count(space, parked, HV_SERVED_STALE); /* raised again */
		return;
	}
	space->parked[at] = *parked;
	space->parked[at].ahead = 0; /* what waits brings itself alone */
	space->parked_count++;
	hv_space_rouse(space);
	hv_page_mark(&space->table, parked->page, HV_PAGE_PARKED, true);
}

static struct hv_parked unpark(struct hv_space *space)
{
	struct hv_parked parked = space->parked[space->parked_head];

	HV_INVARIANT(space->parked_count > 0);
	space->parked_head = (space->parked_head + 1) % HV_PARKED_MAX;
	space->parked_count--;
	hv_page_mark(&space->table, parked.page, HV_PAGE_PARKED, false);
	return parked;
}

/* The event was dropped or its ioctl said AGAIN: the thread will fault again. */
static void wake_later(struct hv_space *space, uint32_t page, uint64_t now_ns)
{
	struct hv_parked owed = { .page = page, .since_ns = now_ns };

	hv_fault_park(space, &owed, HV_WAIT_EVENT);
}

/* ---- serving ---- */

enum hv_wait hv_fault_refused(struct hv_space *space, const struct hv_parked *fault,
			      enum hv_code code)
{
	switch (code) {
	case HV_E_AGAIN:
		return HV_WAIT_EVENT;
	case HV_E_NOMEM: /* P12: data and state stay */
		space->pager->nomems++;
		space->pager->is_nomem = true;
		return HV_WAIT_FRAME;
	case HV_E_EXISTS: /* P6: we did not put it there */
		space->counts.integrity_errors++;
		hv_fault_count(space, fault, HV_SERVED_FAILED);
		hv_page_poison(space, fault->page);
		return HV_WAIT_NONE;
	default:
		hv_space_odd(space, code);
		hv_fault_count(space, fault, HV_SERVED_STALE);
		(void)space->ops->wake(space->ctx, fault->page, 1);
		return HV_WAIT_NONE;
	}
}

/* A fault on a ZERO page. NONE: it is over, one way or another. */
static enum hv_wait serve_zero(struct hv_space *space, const struct hv_parked *fault,
			       uint64_t now_ns)
{
	enum hv_code code;

	if (!hv_frame_take(space))
		return HV_WAIT_FRAME;
	code = space->ops->zero(space->ctx, fault->page);
	if (code == HV_OK) {
		hv_page_move(&space->table, fault->page, HV_PAGE_RESIDENT);
		hv_page_enqueue(space, fault->page, now_ns);
		hv_fault_count(space, fault, HV_SERVED_ZERO);
		return HV_WAIT_NONE;
	}
	hv_frame_give(space, 1);
	return hv_fault_refused(space, fault, code);
}

/* Serves a missing fault, whatever the page has become since; NONE: it is over. */
static enum hv_wait serve(struct hv_space *space, const struct hv_parked *fault,
			  uint64_t now_ns)
{
	switch (hv_page_state(&space->table, fault->page)) {
	case HV_PAGE_ZERO:
		return serve_zero(space, fault, now_ns);
	case HV_PAGE_STOLEN:
		return hv_fill_start(space, fault, now_ns);
	case HV_PAGE_PACKED:
	case HV_PAGE_UNLOADING:
		return hv_pack_bring(space, fault, now_ns);
	case HV_PAGE_POISONED:
		hv_fault_count(space, fault, HV_SERVED_FAILED);
		hv_page_mark_poison(space, fault->page);
		return HV_WAIT_NONE;
	case HV_PAGE_INFLIGHT: /* its install wakes everybody */
		hv_fault_count(space, fault, HV_SERVED_STALE);
		return HV_WAIT_NONE;
	default: /* there already, but who waits was not woken by that */
		hv_fault_count(space, fault, HV_SERVED_STALE);
		(void)space->ops->wake(space->ctx, fault->page, 1);
		return HV_WAIT_NONE;
	}
}

/* One parked entry. NONE: it has left the ring for good. */
static enum hv_wait serve_parked(struct hv_space *space, const struct hv_parked *fault,
				 uint64_t now_ns)
{
	enum hv_page_state state = hv_page_state(&space->table, fault->page);

	if (fault->is_pending || state == HV_PAGE_POISONED)
		return serve(space, fault, now_ns);
	(void)space->ops->wake(space->ctx, fault->page, 1);
	return HV_WAIT_NONE;
}

/* All else that a fault waits for ends with an event that has it retried. */
static void retry_timed(struct hv_space *space, enum hv_wait why, uint64_t now_ns)
{
	if (why == HV_WAIT_EVENT || space->pager->is_nomem)
		hv_pager_retry_at(space->pager, now_ns + HV_RETRY_NS);
}

void hv_faults_retry(struct hv_space *space, uint64_t now_ns)
{
	uint32_t count = space->parked_count;
	enum hv_wait first = HV_WAIT_NONE;

	for (uint32_t i = 0; i < count && hv_space_acts(space); i++) {
		struct hv_parked fault = unpark(space);
		enum hv_wait why = HV_WAIT_FRAME;

		/* Once there is no frame, there is none for the others either. */
		if (first != HV_WAIT_FRAME || !fault.is_pending)
			why = serve_parked(space, &fault, now_ns);
		if (why == HV_WAIT_NONE)
			continue;
		if (first == HV_WAIT_NONE || why == HV_WAIT_FRAME)
			first = why;
		hv_fault_park(space, &fault, why);
		retry_timed(space, why, now_ns);
	}
	if (first != HV_WAIT_NONE)
		space->parked_why = first;
	if (!space->has_overflow || space->parked_count > HV_PARKED_MAX / 2 ||
	    !hv_space_acts(space))
		return;
	space->has_overflow = false;
	(void)space->ops->wake(space->ctx, 0, space->table.page_count);
}

void hv_faults_forget(struct hv_space *space, uint32_t pages)
{
	uint32_t count = space->parked_count;

	for (uint32_t i = 0; i < count; i++) {
		struct hv_parked fault = unpark(space);

		if (fault.page < pages) {
			hv_fault_park(space, &fault, space->parked_why);
			continue;
		}
		hv_fault_count(space, &fault, HV_SERVED_STALE);
		(void)space->ops->wake(space->ctx, fault.page, 1);
	}
}

static inline enum hv_wait begin(struct hv_space *space, const struct hv_parked *fault,
				 uint64_t now_ns)
{
	enum hv_wait why = serve(space, fault, now_ns);

	if (why == HV_WAIT_NONE)
		return why;
	hv_fault_park(space, fault, why);
	retry_timed(space, why, now_ns);
	return why;
}

enum hv_wait hv_fault_begin(struct hv_space *space, const struct hv_parked *fault,
			    uint64_t now_ns)
{
	return begin(space, fault, now_ns);
}

/* ---- events ---- */

static void stale(struct hv_space *space, uint32_t page)
{
	space->counts.stale_faults++;
	(void)space->ops->wake(space->ctx, page, 1);
}

static struct hv_parked *find_parked(struct hv_space *space, uint32_t page)
{
	for (uint32_t i = 0; i < space->parked_count; i++) {
		unsigned at = (space->parked_head + i) % HV_PARKED_MAX;

		if (space->parked[at].page == page)
			return &space->parked[at];
	}
	return NULL;
}

/*
 * A thread waits now for what was being brought for a device alone, or for nobody: that
 * is a fault's from here on, so that how long it takes is known.
 */
static bool takes_over(struct hv_space *space, const struct hv_parked *fault)
{
	struct hv_parked *parked;

	if (space->pending_maps + space->aheads == 0)
		return false;
	if (hv_page_state(&space->table, fault->page) == HV_PAGE_INFLIGHT)
		return hv_fill_take_over(space, fault);
	parked = find_parked(space, fault->page);
	if (parked == NULL || !parked->is_map)
		return false;
	parked->is_map = false;
	parked->is_write |= fault->is_write;
	parked->since_ns = fault->since_ns;
	hv_map_served(space, HV_SERVED_STALE);
	space->pending++;
	return true;
}

void hv_pager_on_missing(struct hv_pager *pager, struct hv_space *space, uint32_t page,
			 bool is_write, uint32_t thread, uint64_t now_ns)
{
	struct hv_parked fault = {
		.page = page,
		.is_write = is_write,
		.is_pending = true,
		.since_ns = now_ns,
	};
	enum hv_page_state state;

	if (!hv_space_is_mine(pager, space, page))
		return;
	space->counts.faults++;
	state = hv_page_state(&space->table, page);
	if (state == HV_PAGE_INFLIGHT ||
	    hv_page_has(&space->table, page, HV_PAGE_PARKED)) {
		/* Attached: the first fault's end wakes this one too. */
		if (!takes_over(space, &fault))
			space->counts.stale_faults++;
		if (state == HV_PAGE_INFLIGHT && is_write)
			hv_page_mark(&space->table, page, HV_PAGE_WANTS_WRITE, true);
		return;
	}
	if (state == HV_PAGE_RESIDENT || state == HV_PAGE_STEALING) {
		if (space->ops->has_data(space->ctx, page)) {
			(void)hv_ahead_prove(space, page, true);
			stale(space, page);
			return;
		}
		hv_page_to_zero(space, page); /* P13: it was discarded */
	}
	if (state == HV_PAGE_STOLEN && pager->ahead > 0)
		hv_ahead_observe(space, &fault, thread);
	space->pending++;
	hv_space_rouse(space);
	if (begin(space, &fault, now_ns) != HV_WAIT_FRAME)
		return;
	space->counts.frame_waits++;
	hv_frames_waited(pager->frames);
}

/*
 * A page we think is not in the file. If it is, nobody but the partition can have put
 * it there (P6); if not, the event is older than the page's leaving.
 */
static void foreign(struct hv_space *space, uint32_t page)
{
	enum hv_page_state state = hv_page_state(&space->table, page);

	if (!space->ops->has_data(space->ctx, page)) {
		stale(space, page);
		return;
	}
	space->counts.integrity_errors++;
	space->counts.failed_faults++;
	if (state == HV_PAGE_POISONED)
		hv_page_mark_poison(space, page);
	else
		hv_page_poison(space, page);
}

/* The fault's ioctl could not be done now; the page is RESIDENT. */
static void unresolved(struct hv_space *space, uint32_t page, enum hv_code code)
{
	space->counts.stale_faults++;
	switch (code) {
	case HV_E_STATE: /* P13: a hole: it was discarded */
		hv_page_to_zero(space, page);
		HV_FALLTHROUGH;
	case HV_E_EXISTS: /* it is mapped already */
		(void)space->ops->wake(space->ctx, page, 1);
		return;
	case HV_E_AGAIN:
		break;
	default:
		hv_space_odd(space, code);
		break;
	}
	wake_later(space, page, 0);
	hv_pager_retry_soon(space->pager);
}

void hv_pager_on_minor(struct hv_pager *pager, struct hv_space *space, uint32_t page,
		       bool is_write)
{
	bool is_protected, is_first;
	enum hv_code code;

	if (!hv_space_is_mine(pager, space, page))
		return;
	space->counts.faults++;
	switch (hv_page_state(&space->table, page)) {
	case HV_PAGE_STEALING: /* a plain CONTINUE would map it writable: cancel */
		hv_steal_cancel(space, page);
		break;
	case HV_PAGE_RESIDENT:
		break;
	default:
		foreign(space, page);
		return;
	}
	is_first = hv_ahead_prove(space, page, true);
	if (is_write) {
		hv_wrote_tell(&space->wrote, &space->table, page, true);
		hv_page_drop_slot(space, page, false);
	}
	is_protected = space->table.pages[page].slot != HV_SLOT_NONE; /* P5 */
	code = space->ops->resume(space->ctx, page, is_protected);
	if (code != HV_OK) {
		unresolved(space, page, code);
		return;
	}
	hv_page_mark(&space->table, page, HV_PAGE_PROTECTED, is_protected);
	if (!is_first)
		hv_page_touch(space, page);
	space->counts.minor_faults++;
}

void hv_pager_on_write(struct hv_pager *pager, struct hv_space *space, uint32_t page)
{
	enum hv_code code;
	bool is_first;

	if (!hv_space_is_mine(pager, space, page))
		return;
	space->counts.faults++;
	switch (hv_page_state(&space->table, page)) {
	case HV_PAGE_STEALING:
		hv_steal_cancel(space, page);
		break;
	case HV_PAGE_RESIDENT:
		break;
	default: /* gone since: it faults again, with the right event */
		stale(space, page);
		return;
	}
	is_first = hv_ahead_prove(space, page, true);
	hv_wrote_tell(&space->wrote, &space->table, page, true);
	hv_page_drop_slot(space, page, false); /* P5: before the protection is lifted */
	code = space->ops->unprotect(space->ctx, page);
	if (code != HV_OK) {
		unresolved(space, page, code);
		return;
	}
	hv_page_mark(&space->table, page, HV_PAGE_PROTECTED, false);
	if (!is_first)
		hv_page_touch(space, page);
	space->counts.write_faults++;
}
