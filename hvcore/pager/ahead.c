/*
 * ahead - read-ahead: which neighbours come with a page, and what becomes of them.
 *
 *   a fault on a STOLEN page --> the stream of its thread: does it go on from what the
 *   last one brought? Most of the last eight did, and this one does: a window, 1 3 7 15
 *
 *   neighbours that left together: adjacent pages STOLEN in adjacent slots, no more than
 *   the window --> frames, fills --> one read of the run; each page INFLIGHT, as any
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

#define NEAR 8 /* a step so far still goes on: pages in between are there; arbitrary */
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
	unsigned most = space->pager->ahead;

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

void hv_ahead_observe(struct hv_space *space, struct hv_parked *fault, uint32_t thread)
{
	uint32_t page = fault->page;
	unsigned index = stream_of(thread);
	struct hv_stream *stream = &space->streams[index];
	bool is_up, is_down;

	fault->stream = (uint8_t)index;
	if (stream->thread != thread)
		*stream = (struct hv_stream){ thread, page, page, 0, 0, 0, 0 };
	if (page >= stream->low && page <= stream->high)
		return; /* one of them did not come, or is gone: no news */
	is_up = page > stream->high && page - stream->high <= NEAR;
	is_down = page < stream->low && stream->low - page <= NEAR;
	stream->up = (uint8_t)(stream->up << 1 | is_up);
	stream->down = (uint8_t)(stream->down << 1 | is_down);
	if (is_up || is_down) {
		go_on(space, stream, fault, is_up);
		return;
	}
	stream->window /= 2;
	if (!is_most(stream->up) && !is_most(stream->down)) /* else a stray one */
		stream->low = stream->high = page;
}

/* What fills and frames are left for who did not ask. */
static unsigned room(const struct hv_pager *pager)
{
	int64_t fills = __builtin_popcountll(pager->free_fills);
	int64_t frames = hv_frames_free(pager->frames);

	fills -= 1 + pager->fill_count / 4;
	frames -= 1 + hv_frames_low(pager->frames) / 2;
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

unsigned hv_ahead_count(const struct hv_space *space, const struct hv_parked *fault,
			unsigned path)
{
	uint32_t step = fault->ahead < 0 ? UINT32_MAX : 1; /* modulo 2^32: -1 */
	unsigned want = (unsigned)(fault->ahead < 0 ? -fault->ahead : fault->ahead);
	uint32_t page = fault->page, slot = space->table.pages[page].slot;
	unsigned count, most = want > 0 ? room(space->pager) : 0;

	want = most < want ? most : want;
	for (count = 0; count < want; count++) {
		page += step;
		slot += step;
		if (!may_come(space, page, slot, path))
			break;
	}
	return count;
}

void hv_ahead_sent(struct hv_space *space, const struct hv_parked *fault, uint32_t first,
		   uint32_t count)
{
	struct hv_stream *stream = &space->streams[fault->stream];

	stream->low = first;
	stream->high = first + count - 1;
	space->aheads += count - 1;
	space->counts.ahead_fills += count - 1;
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
