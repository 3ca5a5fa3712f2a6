/*
 * fill - page-ins: from a fault on a STOLEN page to the installed page.
 *
 *   start: frame, fill and window buffer are there --> SENT
 *   SENT --answer--> copy out of the window, verify the copy (P8, M4)
 *        --bad, or an error--> QUEUED, for the other path, for later; then poison
 *        --epoch ended--> QUEUED
 *   brought ahead: SENT --verified, installed--> RESIDENT; anything else: STOLEN again
 *   verified --install--> RESIDENT;  AGAIN, NOMEM --> LOADED, tried again (P12)
 *
 * A read fault leaves a clean page: write-protected, its slot kept, so that stealing
 * it again costs no write. A write fault voids the slot at once (P5).
 */
#include <string.h>

#include <xxhash.h>

#include "hvcore/pager/hedge_priv.h"
#include "hvcore/pager/pager_priv.h"

static unsigned fill_index(const struct hv_pager *pager, const struct hv_fill *fill)
{
	return (unsigned)(fill - pager->fills);
}

static uint8_t *private_page(const struct hv_pager *pager, const struct hv_fill *fill)
{
	return pager->private_pages + (size_t)fill_index(pager, fill) * HV_PAGE_BYTES;
}

static void fill_free(struct hv_pager *pager, struct hv_fill *fill)
{
	HV_INVARIANT(fill->state != HV_FILL_FREE && fill->space->fills > 0);
	fill->space->fills--;
	hv_page_fill_set(&fill->space->table, fill->page, 0);
	pager->free_fills |= UINT64_C(1) << fill_index(pager, fill);
	*fill = (struct hv_fill){ .state = HV_FILL_FREE };
}

/* It is in the request that is about to be sent. */
static void embark(struct hv_pager *pager, struct hv_fill *fill,
		   struct hv_pager_path *path, uint32_t buffer, uint64_t now_ns)
{
	fill->state = HV_FILL_SENT;
	fill->last_path = (uint8_t)hv_path_index(pager, path);
	fill->buffer = buffer;
	fill->sent_ns = now_ns;
	fill->wants_other = false;
	fill->not_before_ns = 0;
	fill->is_hedged = false;
	path->fills[buffer] = (uint8_t)fill_index(pager, fill);
}

static void send(struct hv_space *space, uint32_t page, unsigned pages,
		 struct hv_pager_path *path, uint32_t buffer, uint64_t now_ns)
{
	struct hv_flight flight = {
		.space = space,
		.slot = space->table.pages[page].slot,
		.pages = (uint16_t)pages,
		.fill = HV_FILL_NONE,
	};

	hv_path_send(space->pager, path, &flight, buffer, now_ns);
}

/* The path to ask next, or NULL: nobody now. */
static struct hv_pager_path *choose(struct hv_pager *pager, const struct hv_fill *fill)
{
	uint32_t slot = fill->space->table.pages[fill->page].slot;
	struct hv_pager_path *other = NULL;
	unsigned index;

	if (hv_path_to_read(fill->space, slot, fill->bad,
			    fill->wants_other ? fill->last_path : HV_PATHS,
			    &index) != HV_WAIT_NONE)
		return NULL;
	if (fill->wants_other && !hv_space_is_mirrored(fill->space))
		other = hv_path_other(pager, fill->space, fill->last_path);
	return other != NULL ? other : &pager->paths[index];
}

/* Sends a QUEUED fill if it can be sent. */
static void try_send(struct hv_pager *pager, struct hv_fill *fill, uint64_t now_ns)
{
	struct hv_pager_path *path;
	uint32_t buffer;

	if (fill->not_before_ns > now_ns) {
		hv_pager_retry_at(pager, fill->not_before_ns);
		return;
	}
	path = choose(pager, fill);
	if (path == NULL || !path->ops->take(path->ctx, HV_OP_READ, 1, &buffer))
		return;
	embark(pager, fill, path, buffer, now_ns);
	send(fill->space, fill->page, 1, path, buffer, now_ns);
}

/* What it was for ends. */
static void served(struct hv_fill *fill, enum hv_served how)
{
	struct hv_space *space = fill->space;

	if (!fill->is_ahead) {
		hv_served_count(space, fill->is_map, how);
		return;
	}
	space->aheads--;
	if (how == HV_SERVED_PAGE_IN)
		space->counts.ahead_page_ins++;
	else
		space->counts.ahead_drops++;
}

/* The page stays on the device; a thread that waits faults again. */
static void give_up(struct hv_pager *pager, struct hv_fill *fill)
{
	struct hv_space *space = fill->space;
	uint32_t page = fill->page;
	bool is_ahead = fill->is_ahead;

	hv_page_mark(&space->table, page, HV_PAGE_WANTS_WRITE, false);
	hv_page_move(&space->table, page, HV_PAGE_STOLEN);
	served(fill, HV_SERVED_STALE);
	fill_free(pager, fill);
	hv_frame_give(space, 1);
	if (hv_space_acts(space) && !is_ahead)
		(void)space->ops->wake(space->ctx, page, 1);
}

void hv_page_in_took(struct hv_space *space, uint32_t page, uint64_t since_ns,
		     uint64_t now_ns)
{
	struct hv_pager *pager = space->pager;
	size_t at = space->trace.count++ % HV_TRACE_MAX;

	space->trace.at[at].start_ns = since_ns;
	space->trace.at[at].end_ns = now_ns;
	space->trace.at[at].page = page;
	hv_hist_add(&space->latency, now_ns - since_ns);
	pager->page_ins++;
	pager->page_in_ns += now_ns - since_ns;
}

/* Nobody waited: it must show that it is of use. */
static void installed_ahead(struct hv_pager *pager, struct hv_fill *fill, uint64_t now_ns)
{
	struct hv_space *space = fill->space;
	uint32_t page = fill->page;

	served(fill, HV_SERVED_PAGE_IN);
	fill_free(pager, fill);
	hv_page_mark(&space->table, page, HV_PAGE_UNPROVEN, true);
	space->unproven++;
	hv_page_enqueue_ahead(space, page, now_ns);
}

/* Somebody did. */
static void installed_for(struct hv_pager *pager, struct hv_fill *fill, uint64_t now_ns)
{
	struct hv_space *space = fill->space;
	uint32_t page = fill->page;

	hv_page_refault(space, page, fill->is_of_stream, now_ns);
	served(fill, HV_SERVED_PAGE_IN);
	hv_path_got_page(space, fill->last_path, now_ns);
	if (!fill->is_map) /* no thread waited */
		hv_page_in_took(space, page, fill->since_ns, now_ns);
	fill_free(pager, fill);
}

static void installed(struct hv_pager *pager, struct hv_fill *fill, bool is_protected,
		      uint64_t now_ns)
{
	struct hv_space *space = fill->space;
	uint32_t page = fill->page;
	bool is_to_be_seen = is_protected && fill->was_written;

	hv_page_mark(&space->table, page, HV_PAGE_PROTECTED, is_protected);
	hv_page_mark(&space->table, page, HV_PAGE_WANTS_WRITE, false);
	if (!is_protected) /* P5: it is written next */
		hv_page_drop_slot(space, page, false);
	hv_page_move(&space->table, page, HV_PAGE_RESIDENT);
	if (fill->is_ahead)
		installed_ahead(pager, fill, now_ns);
	else
		installed_for(pager, fill, now_ns);
	hv_page_mark(&space->table, page, HV_PAGE_WROTE, is_to_be_seen);
}

static void try_install(struct hv_pager *pager, struct hv_fill *fill, uint64_t now_ns)
{
	struct hv_space *space = fill->space;
	bool is_protected = !hv_page_has(&space->table, fill->page, HV_PAGE_WANTS_WRITE);
	enum hv_code code;

	if (!hv_space_acts(space)) {
		if (fill->is_ahead)
			give_up(pager, fill);
		return;
	}
	code = space->ops->install(space->ctx, fill->page, private_page(pager, fill),
				   is_protected, fill->is_ahead);
	switch (code) {
	case HV_OK:
		installed(pager, fill, is_protected, now_ns);
		return;
	case HV_E_NOMEM: /* P12: data, frame and state stay */
		pager->nomems++;
		pager->is_nomem = true;
		HV_FALLTHROUGH;
	case HV_E_AGAIN:
		if (fill->is_ahead) {
			give_up(pager, fill);
			return;
		}
		hv_pager_retry_at(pager, now_ns + HV_RETRY_NS);
		return;
	case HV_E_EXISTS: /* P6: we did not put it there */
		space->counts.integrity_errors++;
		hv_page_poison(space, fill->page);
		return;
	default:
		hv_space_odd(space, code);
		give_up(pager, fill);
	}
}

/* P17: that side did not give it. False: no other is known to have it. */
static bool may_hope(struct hv_fill *fill)
{
	uint32_t slot = fill->space->table.pages[fill->page].slot;

	fill->bad |= (uint8_t)HV_BIT(fill->last_path);
	return hv_mirror_has_other(fill->space, slot, fill->bad);
}

/* The read failed with an error: the other path, then back-off, then the page is lost. */
static void failed(struct hv_pager *pager, struct hv_fill *fill, uint64_t now_ns)
{
	struct hv_space *space = fill->space;
	bool is_hope = may_hope(fill);

	space->counts.io_errors++;
	if (fill->error_tries < HV_ERROR_TRIES)
		fill->error_tries++;
	if (fill->error_tries >= HV_ERROR_TRIES && !is_hope) {
		hv_page_poison(space, fill->page);
		return;
	}
	fill->wants_other = true;
	if (fill->error_tries > 1 || hv_path_other(pager, space, fill->last_path) == NULL)
		fill->not_before_ns = now_ns + ((uint64_t)HV_ERROR_WAIT_NS
						<< (fill->error_tries - 1));
	try_send(pager, fill, now_ns);
}

/* M4: not what was written: the other path, once more, then the page is lost. */
static void corrupt(struct hv_pager *pager, struct hv_fill *fill, uint64_t now_ns)
{
	struct hv_space *space = fill->space;
	bool is_hope = may_hope(fill);

	space->counts.checksum_errors++;
	if (fill->checksum_tries < HV_CHECKSUM_TRIES)
		fill->checksum_tries++;
	if (fill->checksum_tries >= HV_CHECKSUM_TRIES && !is_hope) {
		hv_page_poison(space, fill->page);
		return;
	}
	fill->wants_other = true;
	if (fill->checksum_tries >= HV_CHECKSUM_TRIES) /* the other side is away */
		fill->not_before_ns = now_ns + HV_WRITE_WAIT_NS;
	try_send(pager, fill, now_ns);
}

/*
 * Page-ins at once are bounded for the whole pager: a VIOS that does not answer leaves
 * a quarter of them to those who ask the other one.
 */
static bool is_crowded(const struct hv_pager *pager, unsigned path)
{
	unsigned free_count = (unsigned)__builtin_popcountll(pager->free_fills);
	unsigned count = 0;

	if (free_count > pager->fill_count / 4 ||
	    pager->paths[HV_PATHS - 1 - path].spaces == 0)
		return false;
	for (unsigned i = 0; i < pager->fill_count; i++)
		count += pager->fills[i].state != HV_FILL_FREE &&
			 pager->fills[i].space->current == path;
	return count > pager->fill_count / 2;
}

/* A page and neighbours, in adjacent slots, to be read by one request. */
struct run {
	struct hv_space *space;
	const struct hv_parked *fault;
	uint32_t first;
	uint32_t buffer;
	unsigned pages;
};

/* The neighbours come off at the end that is away from the page. */
static void shorten(struct run *run, unsigned pages)
{
	if (run->fault->ahead < 0)
		run->first += run->pages - pages;
	run->pages = pages;
}

static bool take_buffers(struct run *run, struct hv_pager_path *path)
{
	while (!path->ops->take(path->ctx, HV_OP_READ, run->pages, &run->buffer)) {
		if (run->pages == 1)
			return false;
		shorten(run, run->pages / 2);
	}
	return true;
}

/* P12: before the read is sent. False: none for the page itself, so no run. */
static bool take_frames(struct run *run, struct hv_pager_path *path)
{
	unsigned got = 0, unused;

	while (got < run->pages && hv_frame_take(run->space))
		got++;
	unused = run->pages - got;
	if (unused == 0)
		return true;
	if (run->fault->ahead < 0) {
		path->ops->give(path->ctx, run->buffer, unused);
		run->buffer += unused;
	} else {
		path->ops->give(path->ctx, run->buffer + got, unused);
	}
	shorten(run, got);
	return got > 0;
}

static void begin(const struct run *run, struct hv_pager_path *path, unsigned at,
		  uint64_t now_ns)
{
	struct hv_space *space = run->space;
	struct hv_pager *pager = space->pager;
	unsigned index = (unsigned)__builtin_ctzll(pager->free_fills);
	struct hv_fill *fill = &pager->fills[index];
	uint32_t page = run->first + at;
	bool is_ahead = page != run->fault->page;

	pager->free_fills &= pager->free_fills - 1;
	*fill = (struct hv_fill){
		.state = HV_FILL_QUEUED,
		.last_path = HV_PATHS,
		.is_map = !is_ahead && run->fault->is_map,
		.is_ahead = is_ahead,
		.was_written = pager->expects_writes &&
			       hv_page_has(&space->table, page, HV_PAGE_WROTE),
		.is_of_stream = run->fault->ahead != 0,
		.page = page,
		.space = space,
		.since_ns = run->fault->since_ns,
	};
	space->fills++;
	space->aheads += is_ahead;
	space->counts.ahead_fills += is_ahead;
	hv_page_expect(space, page, run->fault->ahead != 0, is_ahead);
	hv_page_move(&space->table, page, HV_PAGE_INFLIGHT);
	hv_page_fill_set(&space->table, page, index);
	hv_page_mark(&space->table, page, HV_PAGE_WANTS_WRITE,
		     (is_ahead ? run->fault->is_written : run->fault->is_write) ||
			     (fill->was_written && !fill->is_map &&
			      hv_wrote_expects(&space->wrote)));
	embark(pager, fill, path, run->buffer + at, now_ns);
}

/* One request. */
static enum hv_wait launch(struct run *run, struct hv_pager_path *path, uint64_t now_ns)
{
	if (!take_buffers(run, path))
		return HV_WAIT_BUFFER;
	if (!take_frames(run, path))
		return HV_WAIT_FRAME;
	for (unsigned i = 0; i < run->pages; i++)
		begin(run, path, i, now_ns);
	send(run->space, run->first, run->pages, path, run->buffer, now_ns);
	return HV_WAIT_NONE;
}

/* The first one is out: what else is to come with its page, by requests of their own, so
 * that the page does not wait for it. */
static void launch_more(struct run *run, struct hv_pager_path *path, unsigned index,
			uint64_t now_ns)
{
	const struct hv_parked *fault = run->fault;
	unsigned came = run->pages - 1;
	bool is_down = fault->ahead < 0;
	uint32_t next = is_down ? run->first - 1 : run->first + run->pages;
	uint32_t last = is_down ? run->first : next - 1;

	for (unsigned i = 1; i < HV_AHEAD_REQUESTS; i++) {
		run->pages = hv_ahead_more(run->space, fault, index, came, &next);
		run->first = is_down ? next - run->pages + 1 : next;
		if (run->pages == 0 || launch(run, path, now_ns) != HV_WAIT_NONE)
			break;
		came += run->pages;
		next = is_down ? run->first - 1 : run->first + run->pages;
		last = is_down ? run->first : next - 1;
	}
	if (came > 0)
		hv_ahead_sent(run->space, fault, last);
}

enum hv_wait hv_fill_start(struct hv_space *space, const struct hv_parked *fault,
			   uint64_t now_ns)
{
	struct run run = { .space = space, .fault = fault, .first = fault->page };
	struct hv_pager *pager = space->pager;
	struct hv_pager_path *path;
	unsigned index;
	enum hv_wait why = hv_path_to_read(space, space->table.pages[fault->page].slot, 0,
					   HV_PATHS, &index);

	if (why != HV_WAIT_NONE)
		return why;
	index = hv_hedge_detour(space, fault->page, index);
	path = &pager->paths[index];
	run.pages = 1 + hv_ahead_count(space, fault, index);
	if (fault->ahead < 0)
		run.first -= run.pages - 1;
	if (pager->free_fills == 0 || is_crowded(pager, index))
		return HV_WAIT_BUFFER;
	why = launch(&run, path, now_ns);
	if (why == HV_WAIT_NONE && fault->ahead != 0)
		launch_more(&run, path, index, now_ns);
	return why;
}

bool hv_fill_take_over(struct hv_space *space, const struct hv_parked *fault)
{
	struct hv_fill *fill =
		&space->pager->fills[hv_page_fill(&space->table, fault->page)];

	HV_INVARIANT(fill->space == space && fill->page == fault->page);
	if (fill->is_ahead) {
		space->aheads--;
		space->counts.ahead_taken++;
	} else if (fill->is_map) {
		hv_map_served(space, HV_SERVED_STALE);
	} else {
		return false;
	}
	fill->is_ahead = false;
	fill->is_map = false;
	fill->since_ns = fault->since_ns;
	space->pending++;
	return true;
}

uint64_t hv_fills_used(const struct hv_pager *pager)
{
	uint64_t all = pager->fill_count == 64 ? ~UINT64_C(0)
					       : (UINT64_C(1) << pager->fill_count) - 1;

	return all & ~pager->free_fills;
}

void hv_fills_retry(struct hv_pager *pager, uint64_t now_ns)
{
	uint64_t used = hv_fills_used(pager);

	pager->is_nomem = false; /* until one of them says so again */
	for (; used != 0; used &= used - 1) {
		struct hv_fill *fill = &pager->fills[__builtin_ctzll(used)];

		if (fill->state == HV_FILL_QUEUED)
			try_send(pager, fill, now_ns);
		else if (fill->state == HV_FILL_LOADED)
			try_install(pager, fill, now_ns);
	}
}

/* P8: the window may change while we look; the copy does not. */
static bool is_whole(const struct hv_pager *pager, const struct hv_fill *fill)
{
	const struct hv_pager_path *path = &pager->paths[fill->last_path];
	uint8_t *page = private_page(pager, fill);

	memcpy(page, path->ops->buffer(path->ctx, fill->buffer), HV_PAGE_BYTES);
	return (uint32_t)XXH3_64bits(page, HV_PAGE_BYTES) ==
	       fill->space->table.pages[fill->page].checksum;
}

/* It is not what was wanted: another way, if anybody waits for it. */
static void try_again(struct hv_pager *pager, struct hv_fill *fill, int result,
		      uint64_t now_ns)
{
	if (hv_hedge_lost(fill, fill->last_path)) {
		fill->bad |= (uint8_t)HV_BIT(HV_PATHS - 1 - fill->last_path);
		fill->space->counts.io_errors += result != 0;
		fill->space->counts.checksum_errors += result == 0;
		return;
	}
	fill->state = HV_FILL_QUEUED;
	/* ahead: whoever wants it reads it again, and says what is wrong with it */
	if (fill->is_ahead)
		give_up(pager, fill);
	else if (result != 0)
		failed(pager, fill, now_ns);
	else
		corrupt(pager, fill, now_ns);
}

void hv_fill_answered(struct hv_pager *pager, struct hv_fill *fill, unsigned path,
		      int result, uint64_t now_ns)
{
	const struct hv_page *entry = &fill->space->table.pages[fill->page];

	HV_INVARIANT(fill->state == HV_FILL_SENT);
	HV_INVARIANT(hv_page_state(&fill->space->table, fill->page) == HV_PAGE_INFLIGHT);
	hv_hedge_answered(fill, path);
	if (fill->is_ahead && hv_frames_are_wanted(pager->frames)) {
		fill->state = HV_FILL_QUEUED;
		give_up(pager, fill);
		return;
	}
	if (result != 0 || !is_whole(pager, fill)) {
		try_again(pager, fill, result, now_ns);
		return;
	}
	hv_hedge_learn(pager, fill, now_ns);
	hv_hedge_won(pager, fill);
	if (hv_space_is_mirrored(fill->space))
		hv_mirror_heal(fill->space, entry->slot,
			       fill->bad & ~HV_BIT(fill->last_path));
	fill->state = HV_FILL_LOADED;
	try_install(pager, fill, now_ns);
}

bool hv_fill_resend(struct hv_pager *pager, struct hv_fill *fill, unsigned path)
{
	HV_INVARIANT(fill->state == HV_FILL_SENT);
	if (hv_hedge_lost(fill, path))
		return false;
	fill->state = HV_FILL_QUEUED;
	if (fill->is_ahead) {
		give_up(pager, fill);
		return false;
	}
	fill->wants_other = false;
	fill->not_before_ns = 0;
	hv_pager_retry_soon(pager);
	return true;
}

void hv_fill_cancel(struct hv_space *space, uint32_t page, enum hv_served how)
{
	struct hv_pager *pager = space->pager;
	struct hv_fill *fill = &pager->fills[hv_page_fill(&space->table, page)];
	bool is_out = fill->state == HV_FILL_SENT;

	HV_INVARIANT(fill->space == space && fill->page == page);
	if (is_out)
		hv_hedge_drop(pager, fill);
	hv_page_drop_slot(space, page, is_out);
	hv_page_mark(&space->table, page, HV_PAGE_WANTS_WRITE, false);
	served(fill, how);
	fill_free(pager, fill);
	hv_pager_retry_soon(pager); /* a fill is free */
}

enum hv_wait hv_fill_wait(const struct hv_pager *pager, const struct hv_fill *fill)
{
	unsigned index;
	enum hv_wait why;

	switch (fill->state) {
	case HV_FILL_SENT:
		return HV_WAIT_ANSWER;
	case HV_FILL_LOADED:
		return pager->is_nomem ? HV_WAIT_FRAME : HV_WAIT_EVENT;
	default:
		if (fill->not_before_ns != 0)
			return HV_WAIT_ERROR;
		why = hv_path_to_read(fill->space,
				      fill->space->table.pages[fill->page].slot,
				      fill->bad, HV_PATHS, &index);
		return why == HV_WAIT_NONE ? HV_WAIT_BUFFER : why;
	}
}
