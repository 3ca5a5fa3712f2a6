/*
 * spare - pages that their partition has no use for leave without I/O.
 *
 *   find a hint --> claim it --> punch adjacent ones --> ZERO, slot free --> say so
 *                     |            | failed: given back as they were
 *                     changed meanwhile: left alone
 *
 * Found by a cursor over the hints, a bounded stretch a run, or a lap where there is
 * none, since else pages with a worth would leave; after such a lap it rests. A page that
 * is being read in has somebody who waits for it, and is left alone; so is one under I/O,
 * whatever is said of it (M7).
 * Content is lost, which the partition said is fine: hint.h.
 */
#include "hvcore/pager/pager_priv.h"

#define STRETCH 16384u    /* hints looked at a run: 2 us where there is none */
#define RUN_PAGES 64u     /* of one punch */
#define LOOK_MAX 1048576u /* where there is none: 130 us, others wait meanwhile */
#define REST_NS 2000000u  /* after a lap without any; arbitrary, and */
#define REST_PAGE_NS 10u  /* ... so much a page: a hundredth of the time is looking */

struct run {
	struct hv_space *space;
	uint32_t first, count;
	enum hv_hint hints[RUN_PAGES];
	uint32_t freed;
};

static bool can_go(const struct hv_space *space, uint32_t page)
{
	enum hv_page_state state = hv_page_state(&space->table, page);

	return state != HV_PAGE_INFLIGHT && state != HV_PAGE_POISONED &&
	       !hv_page_has(&space->table, page, HV_PAGE_PARKED) &&
	       !hv_page_is_under_io(space, page);
}

static uint64_t *counter_of(struct hv_space *space, enum hv_hint hint)
{
	if (hint == HV_HINT_LOANED)
		return &space->counts.loaned_steals;
	return hint == HV_HINT_UNUSED ? &space->counts.unused_steals
				      : &space->counts.dropped_steals;
}

static void take(struct run *run, uint32_t page, enum hv_hint hint)
{
	struct hv_space *space = run->space;
	uint32_t frames = space->frames;

	hv_page_drop(space, page, counter_of(space, hint));
	run->freed += frames - space->frames;
	if (hint == HV_HINT_LOANED)
		hv_page_loan(&space->table, page, true);
	space->ops->claimed(space->ctx, page, hint, true);
}

/* Ends the run: all of it is taken, or none. */
static bool end_run(struct run *run)
{
	struct hv_space *space = run->space;
	enum hv_code code;

	if (run->count == 0)
		return true;
	code = space->ops->punch(space->ctx, run->first, run->count);
	for (uint32_t i = 0; i < run->count; i++) {
		if (code == HV_OK)
			take(run, run->first + i, run->hints[i]);
		else
			space->ops->claimed(space->ctx, run->first + i, run->hints[i],
					    false);
	}
	if (code != HV_OK && code != HV_E_AGAIN)
		hv_space_odd(space, code);
	run->count = 0;
	return code == HV_OK;
}

/* False: no more can be taken now. */
static bool add(struct run *run, uint32_t page)
{
	struct hv_space *space = run->space;
	/* nothing to punch, and nothing gained: it only is counted as what it is */
	bool is_frameless = hv_page_state(&space->table, page) == HV_PAGE_ZERO;
	enum hv_hint hint;

	if (!can_go(space, page))
		return true;
	if (!is_frameless && run->count > 0 &&
	    (page != run->first + run->count || run->count == RUN_PAGES) && !end_run(run))
		return false;
	hint = space->ops->claim(space->ctx, page);
	if (hint == HV_HINT_ACTIVE)
		return true;
	if (is_frameless) {
		take(run, page, hint);
		return true;
	}
	if (run->count == 0)
		run->first = page;
	run->hints[run->count++] = hint;
	return true;
}

static bool may_look(const struct hv_space *space, uint32_t want, uint64_t until_ns,
		     uint64_t now_ns)
{
	return want > 0 && space->ops->find_spare != NULL && hv_space_acts(space) &&
	       !space->is_blocked && until_ns <= now_ns;
}

uint32_t hv_spare_take(struct hv_space *space, uint32_t want, enum hv_hint last,
		       uint64_t now_ns)
{
	uint64_t *until_ns = &space->no_spare_until_ns[last > HV_HINT_UNUSED];
	struct run run = { .space = space };
	uint32_t looked = 0, found = 0;

	if (!may_look(space, want, *until_ns, now_ns))
		return 0;
	while (looked < space->pages && run.freed + run.count < want &&
	       looked < (found == 0 ? LOOK_MAX : STRETCH)) {
		uint32_t from = space->spare_cursor < space->pages ? space->spare_cursor
								   : 0;
		uint32_t end = space->pages - from < STRETCH ? space->pages
							     : from + STRETCH;
		uint32_t page = space->ops->find_spare(space->ctx, from, end, last);

		looked += page - from + (page < end);
		space->spare_cursor = page < end ? page + 1 : end;
		if (page == end)
			continue;
		found++;
		if (!add(&run, page))
			break;
	}
	(void)end_run(&run);
	if (found == 0 && looked >= space->pages)
		*until_ns = now_ns + REST_NS + (uint64_t)REST_PAGE_NS * space->pages;
	return run.freed;
}
