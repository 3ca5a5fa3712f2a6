/*
 * ahead - read-ahead: which neighbours come with a page, and what becomes of them.
 *
 *   a fault on a STOLEN page --> the stream of its thread: does it go on from what the
 *   last one brought? Most of the last eight did, and this one does: a window,
 *   1 3 7 15 31 47
 *
 *   neighbours that left together: adjacent pages STOLEN in adjacent slots, no more than
 *   the window --> frames, fills --> one read of the run; each page INFLIGHT, as any;
 *   from 15 on more reads follow at once, for what is left of the window
 *
 * Where it was seen to write all that came, the next comes writable (P5: without slots).
 *
 * A stream is found by the thread's number, which may be anything: it picks one of a few
 * places, and takes it over from whoever was there.
 *
 * It gives way: to faults while frames are below half of low water or a quarter of the
 * fills is left, and whatever does not go well is dropped (fill.c): the page stays on its
 * device, and who wants it reads it.
 */
#include "hvcore/pager/pager_priv.h"

#define NEAR 8    /* a step so far still goes on: pages in between are there; arbitrary */
#define LEAP 1024 /* ... and if they are known to be, such a one; arbitrary */
#define MAJORITY 4      /* more than that of the last eight (paging.md 4.6) */
#define RUN_LEAST 4     /* pages: fewer do not tell what a stream does; arbitrary */
#define WRITTEN_MOST 18 /* runs, and then one comes protected again, to see; arbitrary */

static bool is_most(uint8_t history)
{
	return __builtin_popcount(history) > MAJORITY;
}

static unsigned stream_of(uint32_t thread)
{
	return thread * 0x9e3779b9u >> 28; /* upper bits of a hash: HV_STREAMS of them */
}

static_assert(HV_STREAMS == 16, "four bits");

/* The stream went past them, so they were used. */
static void prove_all(struct hv_space *space, const struct hv_stream *stream)
{
	for (uint32_t page = stream->low; page <= stream->high; page++)
		(void)hv_ahead_prove(space, page, true);
}

/* Each page of it has lost its slot: by a store, or it came without. */
static bool is_run_written(const struct hv_space *space, const struct hv_stream *stream)
{
	const struct hv_page_table *table = &space->table;

	for (uint32_t page = stream->low; page <= stream->high; page++)
		if (hv_page_state(table, page) != HV_PAGE_RESIDENT ||
		    table->pages[page].slot != HV_SLOT_NONE)
			return false;
	return true;
}

/*
 * Does the stream write all it brings? Then its neighbours come writable: a store on
 * each costs no event, and their slots are given up (P5), so a wrong guess costs a write.
 */
static bool is_to_be_written(const struct hv_space *space, struct hv_stream *stream,
			     const struct hv_parked *fault)
{
	if (stream->high - stream->low + 1 >= RUN_LEAST)
		stream->written = is_run_written(space, stream) ? stream->written + 1 : 0;
	if (!fault->is_write)
		stream->written = 0;
	if (stream->written < WRITTEN_MOST)
		return stream->written >= HV_STREAM_WRITTEN;
	stream->written = HV_STREAM_WRITTEN - 1;
	return false;
}

/* The fault goes on from what its stream has. */
static void go_on(struct hv_space *space, struct hv_stream *stream,
		  struct hv_parked *fault, bool is_up)
{
	unsigned most = HV_AHEAD_WINDOW(space->pager->ahead);

	prove_all(space, stream);
	fault->is_written = is_to_be_written(space, stream, fault);
	stream->low = stream->high = fault->page;
	if (!is_most(is_up ? stream->up : stream->down))
		return;
	stream->window = (uint8_t)(2 * stream->window + 1);
	if (stream->window > most)
		stream->window = (uint8_t)most;
	fault->ahead = (int8_t)(is_up ? stream->window : -stream->window);
}

static bool is_there(const struct hv_space *space, uint32_t page)
{
	enum hv_page_state state = hv_page_state(&space->table, page);

	return state == HV_PAGE_RESIDENT || state == HV_PAGE_STEALING;
}

/* A thread that is at `from` would raise a fault at `to` next, going there. */
static bool is_next(const struct hv_space *space, uint32_t from, uint32_t to)
{
	uint32_t step = from < to ? 1 : UINT32_MAX; /* modulo 2^32: -1 */
	uint32_t distance = from < to ? to - from : from - to;

	if (distance <= NEAR || distance > LEAP)
		return distance <= NEAR;
	for (from += step; from != to; from += step)
		if (!is_there(space, from))
			return false;
	return true;
}

static bool goes_up(const struct hv_space *space, const struct hv_stream *stream,
		    uint32_t page)
{
	return page > stream->high && is_next(space, stream->high, page);
}

static bool goes_down(const struct hv_space *space, const struct hv_stream *stream,
		      uint32_t page)
{
	return page < stream->low && is_next(space, stream->low, page);
}

/* It is where the last stray fault was: goes on from there, and that one was none. */
static void turn_to_stray(const struct hv_space *space, struct hv_stream *stream,
			  uint32_t page)
{
	uint32_t before = is_most(stream->up) ? stream->high : stream->low;

	if (page == stream->stray || !is_next(space, stream->stray, page))
		return;
	stream->low = stream->high = stream->stray;
	stream->stray = before;
	if (page > stream->low)
		stream->up |= 1;
	else
		stream->down |= 1;
}

void hv_ahead_observe(struct hv_space *space, struct hv_parked *fault, uint32_t thread)
{
	uint32_t page = fault->page;
	unsigned index = stream_of(thread);
	struct hv_stream *stream = &space->streams[index];
	bool is_up, is_down;

	fault->stream = (uint8_t)index;
	if (stream->thread != thread)
		*stream = (struct hv_stream){ thread, page, page, page, 0, 0, 0, 0 };
	if (page >= stream->low && page <= stream->high)
		return; /* one of them did not come, or is gone: no news */
	if (!goes_up(space, stream, page) && !goes_down(space, stream, page))
		turn_to_stray(space, stream, page);
	is_up = goes_up(space, stream, page);
	is_down = goes_down(space, stream, page);
	stream->up = (uint8_t)(stream->up << 1 | is_up);
	stream->down = (uint8_t)(stream->down << 1 | is_down);
	if (is_up || is_down) {
		go_on(space, stream, fault, is_up);
		return;
	}
	stream->stray = page;
	stream->window /= 2;
	if (!is_most(stream->up) && !is_most(stream->down)) /* else a stray one */
		stream->low = stream->high = page;
}

/* What fills and frames are left for who did not ask; `asked`: pages that go first. */
static unsigned room(const struct hv_pager *pager, unsigned asked)
{
	int64_t fills = __builtin_popcountll(pager->free_fills);
	int64_t frames = hv_frames_free(pager->frames);

	fills -= asked + pager->fill_count / 4;
	frames -= asked + hv_frames_low(pager->frames) / 2;
	fills = frames < fills ? frames : fills;
	return fills > 0 ? (unsigned)fills : 0;
}

static bool may_come(const struct hv_space *space, uint32_t page, uint32_t slot,
		     unsigned path)
{
	const struct hv_page_table *table = &space->table;

	return page < space->pages && hv_page_state(table, page) == HV_PAGE_STOLEN &&
	       table->pages[page].slot == slot &&
	       !hv_page_has(table, page, HV_PAGE_PARKED) &&
	       !(hv_space_is_mirrored(space) && hv_slot_is_missed(table, slot, path));
}

static unsigned wish(const struct hv_parked *fault)
{
	return (unsigned)(fault->ahead < 0 ? -fault->ahead : fault->ahead);
}

static uint32_t step_of(const struct hv_parked *fault)
{
	return fault->ahead < 0 ? UINT32_MAX : 1; /* modulo 2^32: -1 */
}

/* Pages beyond that one in adjacent slots. */
static unsigned count_beside(const struct hv_space *space, uint32_t page, uint32_t step,
			     unsigned path, unsigned want)
{
	uint32_t slot = space->table.pages[page].slot;
	unsigned count, most = want > 0 ? room(space->pager, 1) : 0;

	want = most < want ? most : want;
	for (count = 0; count < want; count++) {
		page += step;
		slot += step;
		if (!may_come(space, page, slot, path))
			break;
	}
	return count;
}

unsigned hv_ahead_count(const struct hv_space *space, const struct hv_parked *fault,
			unsigned path)
{
	unsigned want = wish(fault);

	if (want > space->pager->ahead)
		want = space->pager->ahead;
	return count_beside(space, fault->page, step_of(fault), path, want);
}

unsigned hv_ahead_more(const struct hv_space *space, const struct hv_parked *fault,
		       unsigned path, unsigned came, uint32_t *page)
{
	unsigned most = space->pager->ahead, left = wish(fault) - came;
	uint32_t step = step_of(fault);

	if (wish(fault) < most || left == 0 || room(space->pager, 0) == 0)
		return 0;
	for (unsigned i = 0; i < NEAR && *page < space->pages && is_there(space, *page);
	     i++)
		*page += step;
	if (*page >= space->pages ||
	    !may_come(space, *page, space->table.pages[*page].slot, path))
		return 0;
	left -= 1;
	return 1 + count_beside(space, *page, step, path, left < most ? left : most);
}

void hv_ahead_sent(struct hv_space *space, const struct hv_parked *fault, uint32_t last)
{
	struct hv_stream *stream = &space->streams[fault->stream];

	stream->low = last < fault->page ? last : fault->page;
	stream->high = last > fault->page ? last : fault->page;
}

bool hv_ahead_prove(struct hv_space *space, uint32_t page, bool is_used)
{
	enum hv_page_state state = hv_page_state(&space->table, page);

	if ((state != HV_PAGE_RESIDENT && state != HV_PAGE_STEALING) ||
	    !hv_page_has(&space->table, page, HV_PAGE_UNPROVEN))
		return false;
	hv_page_mark(&space->table, page, HV_PAGE_UNPROVEN, false);
	space->unproven--;
	if (is_used)
		space->counts.ahead_used++;
	else
		space->counts.ahead_wasted++;
	return true;
}
