/*
 * reclaim - which pages leave, and when; and hv_pager_run().
 *
 * When: the pool's free frames, with those on their way, fall below low water:
 * steal until high water (M6). The batch grows with the faults that wait.
 *
 * Whose: the space furthest above its target. Water marks are taken off the targets'
 * sum by the caller, so somebody always is above. Nobody is taken below its
 * entitlement, but for its own faults.
 *
 * Which: what the partition has no use for (spare.c), then S3-FIFO, critical pages
 * last, pages under I/O never (M7).
 *
 * S3-FIFO: A page enters `small` (a tenth of the resident ones), or `main` if
 * it was stolen so recently that `main` would have kept it (the ghost age). At the
 * head of a queue a page that was used since (a minor or write event, a fault while
 * it was still queued) goes round again, others leave. Queues are singly linked, so
 * a page that is gone is dropped when its turn comes.
 */
#include <string.h>

#include "hvcore/pager/hedge_priv.h"
#include "hvcore/pager/pager_priv.h"

#define BATCH_MIN 8  /* 43 us of stealing hide behind one page-in (paging.md 1.6) */
#define BATCH_MAX 64 /* = HV_RUN_PAGES: one request */
#define BATCH_IDLE 32
#define SMALL_SHARE 10 /* a tenth, as in S3-FIFO */
#define AHEAD_SHARE 32 /* so many of what came unasked may wait for its use; arbitrary */
#define YOUNG 2        /* 1 to 2 ms: a page must not leave before its thread ran */
#define CLOCK_PARTS 4096 /* ghost age moves so often while all pages leave once */
#define PICKS 4          /* spaces tried a run */
#define TRIM_SHARE 64    /* of a target, and */
#define TRIM_PAGES 8     /* ... so many are not worth a batch; arbitrary */
#define SIZE_MIN 1024    /* pages; a target below is none to speak of; arbitrary */

static_assert(BATCH_MAX <= HV_RUN_PAGES, "a batch is at most one request");

/* ---- queues ---- */

static uint32_t clock_unit(const struct hv_space *space)
{
	return space->table.page_count / CLOCK_PARTS + 1;
}

/* An old entry of a page that went and came back: it must not leave at once. */
static bool is_queued(struct hv_space *space, uint32_t page)
{
	if (hv_page_queue(&space->table, page) == HV_QUEUE_NONE)
		return false;
	hv_page_touch(space, page);
	return true;
}

/* Coarse time, 1 ms: when a page came; the ghost age is written when it leaves. */
static uint16_t coarse(uint64_t now_ns)
{
	return (uint16_t)(now_ns >> 20);
}

static bool is_young(const struct hv_space *space, uint32_t page, uint64_t now_ns)
{
	return (uint16_t)(coarse(now_ns) - hv_page_age(&space->table, page)) < YOUNG;
}

void hv_page_enqueue(struct hv_space *space, uint32_t page, uint64_t now_ns)
{
	hv_page_age_set(&space->table, page, coarse(now_ns));
	if (!is_queued(space, page))
		hv_queue_push(&space->table, HV_QUEUE_SMALL, page);
}

void hv_page_requeue(struct hv_space *space, uint32_t page)
{
	if (!is_queued(space, page))
		hv_queue_push(&space->table, HV_QUEUE_MAIN, page);
}

void hv_page_enqueue_ahead(struct hv_space *space, uint32_t page, uint64_t now_ns)
{
	hv_page_age_set(&space->table, page, coarse(now_ns));
	if (hv_page_queue(&space->table, page) == HV_QUEUE_NONE)
		hv_queue_push(&space->table, HV_QUEUE_AHEAD, page);
}

static uint32_t bucket_pages(const struct hv_space *space)
{
	return space->table.page_count / (HV_REFAULT_BUCKETS / 2) + 1;
}

static void count_refault(struct hv_space *space, uint32_t distance)
{
	uint32_t bucket = distance / bucket_pages(space);

	space->refaults[bucket < HV_REFAULT_BUCKETS ? bucket : HV_REFAULT_BUCKETS - 1]++;
}

void hv_space_use(const struct hv_space *space, struct hv_space_use *ret_use)
{
	*ret_use = (struct hv_space_use){
		.arrivals = space->counts.zero_fills + space->counts.page_ins +
			    space->counts.map_zero_fills + space->counts.map_page_ins +
			    space->counts.ahead_page_ins,
		.resident = space->frames,
		.loaned = space->table.loaned,
		.probation = space->table.queues[HV_QUEUE_SMALL].length,
		.bucket_pages = bucket_pages(space),
	};
	memcpy(ret_use->refaults, space->refaults, sizeof(space->refaults));
}

/* Others that left since that page did, about. */
static uint32_t distance_of(const struct hv_space *space, uint32_t page)
{
	uint16_t age = (uint16_t)(space->clock - hv_page_age(&space->table, page));

	return (uint32_t)age * clock_unit(space);
}

/* Where a page goes that comes again, and for which somebody waits. */
static enum hv_page_queue queue_for(const struct hv_space *space, uint32_t distance,
				    bool is_of_stream)
{
	if (distance < space->table.queues[HV_QUEUE_MAIN].length) /* a ghost */
		return HV_QUEUE_MAIN;
	return is_of_stream ? HV_QUEUE_AHEAD : HV_QUEUE_SMALL;
}

void hv_page_expect(struct hv_space *space, uint32_t page, bool is_of_stream,
		    bool is_ahead)
{
	if (is_of_stream && hv_page_queue(&space->table, page) == HV_QUEUE_NONE)
		hv_queue_push(&space->table,
			      is_ahead ? HV_QUEUE_AHEAD
				       : queue_for(space, distance_of(space, page), true),
			      page);
}

void hv_page_refault(struct hv_space *space, uint32_t page, bool is_of_stream,
		     uint64_t now_ns)
{
	uint32_t distance = distance_of(space, page);

	count_refault(space, distance);
	hv_page_age_set(&space->table, page, coarse(now_ns));
	if (is_of_stream && hv_page_queue(&space->table, page) != HV_QUEUE_NONE)
		return; /* hv_page_expect */
	if (!is_queued(space, page))
		hv_queue_push(&space->table, queue_for(space, distance, is_of_stream),
			      page);
}

void hv_page_left(struct hv_space *space, uint32_t page)
{
	if (++space->steals >= clock_unit(space)) {
		space->steals = 0;
		space->clock++;
	}
	if (hv_page_state(&space->table, page) != HV_PAGE_ZERO)
		hv_page_age_set(&space->table, page, space->clock);
	hv_page_frequency_set(&space->table, page, 0);
}

/* How victims are picked. */
struct picking {
	unsigned want;
	bool may_write;
	bool takes_critical; /* nothing else is left */
	bool is_any_order;   /* nothing was found otherwise */
	uint64_t now_ns;
};

/* What came unasked leaves first, once its thread had time to come to it; in the order
 * in which it came, so that it will be adjacent again. */
static bool is_ahead_next(const struct hv_space *space, uint32_t others,
			  const struct picking *picking)
{
	const struct hv_fifo *ahead = &space->table.queues[HV_QUEUE_AHEAD];

	if (ahead->length == 0 || others == 0)
		return ahead->length > 0;
	if (ahead->length <= (others + ahead->length) / AHEAD_SHARE)
		return false;
	if (hv_page_state(&space->table, ahead->head) != HV_PAGE_RESIDENT)
		return true;
	return !is_young(space, ahead->head, picking->now_ns) &&
	       (picking->may_write || picking->is_any_order ||
		hv_page_is_clean(space, ahead->head));
}

static enum hv_page_queue next_queue(const struct hv_space *space,
				     const struct picking *picking)
{
	const struct hv_page_table *table = &space->table;
	uint32_t small = table->queues[HV_QUEUE_SMALL].length;
	uint32_t main = table->queues[HV_QUEUE_MAIN].length;

	if (is_ahead_next(space, small + main, picking))
		return HV_QUEUE_AHEAD;
	return main == 0 || small > (small + main) / SMALL_SHARE ? HV_QUEUE_SMALL
								 : HV_QUEUE_MAIN;
}

/* M7: what is under I/O stays; what is critical, as long as anything else is there. */
static bool may_leave(const struct hv_space *space, uint32_t page, bool takes_critical)
{
	enum hv_importance importance = HV_PAGE_ORDINARY;

	if (space->ops->importance != NULL)
		importance = space->ops->importance(space->ctx, page);
	return importance == HV_PAGE_ORDINARY ||
	       (importance == HV_PAGE_CRITICAL && takes_critical);
}

/* Whether the page at the head of a queue leaves; if not, it went where it belongs. */
static bool judge(struct hv_space *space, uint32_t page, enum hv_page_queue from,
		  const struct picking *picking)
{
	struct hv_page_table *table = &space->table;
	unsigned frequency = hv_page_frequency(table, page);

	if (hv_page_state(table, page) != HV_PAGE_RESIDENT)
		return false; /* gone since: the entry was stale */
	if (frequency > 0) {
		hv_page_frequency_set(table, page,
				      from == HV_QUEUE_MAIN ? frequency - 1 : 0);
		hv_queue_push(table, HV_QUEUE_MAIN, page);
		return false;
	}
	if (from == HV_QUEUE_AHEAD &&
	    (is_young(space, page, picking->now_ns) ||
	     (!picking->may_write && !hv_page_is_clean(space, page)))) {
		hv_queue_push(table, HV_QUEUE_AHEAD, page);
		return false;
	}
	if (hv_page_has(table, page, HV_PAGE_PARKED) ||
	    is_young(space, page, picking->now_ns) ||
	    !may_leave(space, page, picking->takes_critical) ||
	    (!picking->may_write && !hv_page_is_clean(space, page))) {
		hv_queue_push(table, HV_QUEUE_MAIN, page);
		return false;
	}
	return true;
}

static void sort(uint32_t *pages, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		uint32_t page = pages[i];
		unsigned at = i;

		for (; at > 0 && pages[at - 1] > page; at--)
			pages[at] = pages[at - 1];
		pages[at] = page;
	}
}

/* Up to `want` victims, sorted, off the queues. Bounded, whatever the queues hold. */
static unsigned pick(struct hv_space *space, const struct picking *picking,
		     uint32_t *pages)
{
	unsigned count = 0;

	for (unsigned steps = 4 * picking->want + BATCH_MAX;
	     steps > 0 && count < picking->want; steps--) {
		enum hv_page_queue queue = next_queue(space, picking);
		uint32_t page = hv_queue_pop(&space->table, queue);

		if (page == HV_PAGE_NONE)
			break;
		if (judge(space, page, queue, picking))
			pages[count++] = page;
	}
	sort(pages, count);
	return count;
}

/* ---- whose ---- */

struct choice {
	struct hv_space *space;
	int64_t excess; /* pages above its target */
	int64_t may_take;
	bool takes_critical;
};

/*
 * Further above its target, for its size: pages alone would leave a small idle one what
 * a large busy one is above its target at any time.
 */
static bool is_further(int64_t excess, const struct hv_space *space,
		       const struct choice *than)
{
	int64_t size = (int64_t)space->target + SIZE_MIN;
	int64_t than_size = (int64_t)than->space->target + SIZE_MIN;

	return excess * than_size > than->excess * size;
}

/* Faults of this space that wait for a frame. */
static unsigned thirst(const struct hv_space *space)
{
	return space->parked_why == HV_WAIT_FRAME ? space->parked_count : 0;
}

/* `urgent`: so many must be found, whatever the targets say. */
static void consider(struct hv_space *space, int64_t urgent, uint64_t now_ns,
		     struct choice *best)
{
	int64_t stays = (int64_t)space->table.pages_in[HV_PAGE_RESIDENT] + space->fills;
	int64_t excess = stays - space->target;
	int64_t may_take = excess > urgent ? excess : urgent;
	int64_t floor = (int64_t)space->entitled - thirst(space);
	uint64_t barren_until_ns = space->barren_until_ns[best->takes_critical];

	if (!hv_space_acts(space) || space->is_blocked ||
	    space->table.pages_in[HV_PAGE_RESIDENT] == 0)
		return;
	if (barren_until_ns > now_ns) {
		hv_pager_retry_at(space->pager, barren_until_ns);
		return;
	}
	if (floor > 0 && may_take > stays - floor)
		may_take = stays - floor;
	if (may_take <= 0 || (best->space != NULL && !is_further(excess, space, best)))
		return;
	*best = (struct choice){ space, excess, may_take, best->takes_critical };
}

static struct choice choose(struct hv_pager *pager, int64_t urgent, bool takes_critical,
			    uint64_t now_ns)
{
	struct choice best = { .takes_critical = takes_critical };

	for (unsigned i = 0; i < pager->space_count; i++)
		consider(pager->spaces[i], urgent, now_ns, &best);
	return best;
}

/* ---- when ---- */

/* How many pages may be on their way to its device, besides those that are. */
static unsigned write_room(const struct hv_space *space, uint64_t now_ns)
{
	unsigned sides, room = HV_PAGER_WRITES;

	if (hv_steal_pause(space, now_ns, &sides) != HV_PAUSE_NONE)
		return 0;
	for (unsigned i = 0; i < HV_PATHS; i++) {
		const struct hv_pager_path *path = &space->pager->paths[i];

		if ((sides & HV_BIT(i)) == 0)
			continue;
		if (path->is_full)
			return 0;
		if (HV_PAGER_WRITES - path->writing < room)
			room = HV_PAGER_WRITES - path->writing;
	}
	return room;
}

/* Steals up to `want` pages of that space; returns how many were tried. */
static unsigned steal_from(const struct choice *choice, unsigned want, uint64_t now_ns)
{
	struct hv_space *space = choice->space;
	unsigned room = write_room(space, now_ns);
	bool is_packed = hv_pack_may(space);
	struct picking picking = {
		.want = want,
		.may_write = room > 0 || is_packed,
		.takes_critical = choice->takes_critical,
		.now_ns = now_ns,
	};
	uint32_t pages[BATCH_MAX];
	unsigned count;

	if ((int64_t)want > choice->may_take)
		picking.want = (unsigned)choice->may_take;
	if (picking.want > room && room > 0 && !is_packed)
		picking.want = room; /* else some would stay, away from those beside */
	count = hv_spare_take(space, picking.want, HV_HINT_LATENT, now_ns);
	if (count > 0)
		return count;
	count = pick(space, &picking, pages);
	picking.is_any_order = true;
	if (count == 0 && !picking.may_write)
		count = pick(space, &picking, pages);
	if (count == 0 || (hv_steal(space, pages, count, now_ns) == 0 && room == 0))
		space->barren_until_ns[choice->takes_critical] = now_ns + HV_BARREN_NS;
	return count;
}

static unsigned batch_size(const struct hv_pager *pager)
{
	const struct hv_space *space;
	unsigned pending = 0;

	for (unsigned at = 0; (space = hv_awake_next(pager, &at)) != NULL;)
		pending += space->pending + space->pending_maps + space->aheads;
	if (pending == 0)
		return BATCH_IDLE;
	pending = BATCH_MIN + 2 * pending;
	return pending < BATCH_MAX ? pending : BATCH_MAX;
}

/* What is wanted: `most` to reach high water; `urgent` without regard to targets, and so
 * much as tiers have taken since these were told. */
struct want {
	int64_t most;
	int64_t urgent;
	int64_t taken;
};

static struct want find_want(struct hv_pager *pager)
{
	int64_t soon = hv_frames_soon(pager->frames);
	int64_t low = hv_frames_low(pager->frames);
	int64_t high = hv_frames_high(pager->frames);
	struct want want = { 0 };
	const struct hv_space *space;

	for (unsigned at = 0; (space = hv_awake_next(pager, &at)) != NULL;)
		want.urgent += thirst(space);
	if (soon < low)
		pager->is_reclaiming = true;
	if (soon >= high)
		pager->is_reclaiming = false;
	want.urgent -= soon;
	if (want.urgent < BATCH_MIN && (pager->is_nomem || soon < low / 2))
		want.urgent = BATCH_MIN; /* P12: our count is too high; M6 */
	want.most = pager->is_reclaiming ? high - soon : want.urgent;
	want.taken = hv_frames_packed(pager->frames) - pager->packed_told;
	if (want.taken > want.most)
		want.taken = want.most;
	return want;
}

/* What costs no I/O and nobody anything goes first, whosever it is. */
static void take_spare(struct hv_space *space, unsigned *batch, struct want *want,
		       uint64_t now_ns)
{
	unsigned taken = hv_spare_take(space, *batch, HV_HINT_UNUSED, now_ns);

	*batch -= taken;
	want->urgent -= taken;
}

/* One batch. True: there is more to do, and it can be done. */
static bool reclaim(struct hv_pager *pager, uint64_t now_ns)
{
	unsigned batch = batch_size(pager);
	struct want want = find_want(pager);
	bool takes_critical = false;

	if (want.most <= 0)
		return false;
	if (want.most < (int64_t)batch)
		batch = (unsigned)want.most;
	for (unsigned i = 0; i < pager->space_count && batch > 0; i++)
		take_spare(pager->spaces[i], &batch, &want, now_ns);
	for (unsigned i = 0; i < PICKS && batch > 0; i++) {
		int64_t any = want.urgent > want.taken ? want.urgent : want.taken;
		struct choice choice = choose(pager, any, takes_critical, now_ns);
		unsigned tried;

		if (choice.space == NULL && takes_critical) {
			pager->is_squeezed = true;
			return false;
		}
		if (choice.space == NULL) {
			if (want.urgent <= 0)
				return false;
			takes_critical = true; /* for faults that wait */
			continue;
		}
		tried = steal_from(&choice, batch, now_ns);
		want.urgent -= tried;
		batch -= tried;
	}
	return pager->is_reclaiming;
}

/*
 * A batch from each space that is well above its target, as targets are told. Water
 * marks are reached by the pagers whose spaces fault: one whose spaces are idle would
 * hardly ever be asked.
 */
static void trim(struct hv_pager *pager, uint64_t now_ns)
{
	bool is_short = hv_frames_soon(pager->frames) < 2 * hv_frames_high(pager->frames);

	pager->is_trim_due = false;
	for (unsigned i = 0; is_short && i < pager->space_count; i++) {
		struct choice choice = { 0 };

		consider(pager->spaces[i], 0, now_ns, &choice);
		if (choice.excess > pager->spaces[i]->target / TRIM_SHARE + TRIM_PAGES)
			(void)steal_from(&choice, BATCH_MAX, now_ns);
	}
}

/* A nudge says that another pager gave frames: no event of ours tells of them. */
static bool is_frame_there(const struct hv_pager *pager)
{
	const struct hv_space *space;

	if (hv_frames_free(pager->frames) <= 0)
		return false;
	for (unsigned at = 0; (space = hv_awake_next(pager, &at)) != NULL;)
		if (thirst(space) > 0)
			return true;
	return false;
}

/* Each in turn is the first to be served. */
static void retry_faults(struct hv_pager *pager, uint64_t now_ns)
{
	unsigned first = pager->space_count == 0
				 ? 0
				 : pager->next_space++ % pager->space_count;
	struct hv_space *space;

	for (unsigned at = first; (space = hv_awake_next(pager, &at)) != NULL;)
		hv_faults_retry(space, now_ns);
	for (unsigned at = 0; (space = hv_awake_next(pager, &at)) != NULL && at <= first;)
		hv_faults_retry(space, now_ns);
}

static void retry(struct hv_pager *pager, uint64_t now_ns)
{
	if ((pager->retry_ns != 0 && pager->retry_ns <= now_ns) || is_frame_there(pager))
		pager->is_retry_due = true;
	if (!pager->is_retry_due)
		return;
	pager->is_retry_due = false;
	pager->retry_ns = 0;
	hv_fills_retry(pager, now_ns);
	retry_faults(pager, now_ns);
}

/* Sweeps go on; who has nothing to do is left alone until it has. True: there is more. */
static bool settle(struct hv_pager *pager)
{
	struct hv_space *space;
	bool is_more = false;

	for (unsigned at = 0; (space = hv_awake_next(pager, &at)) != NULL;) {
		if (hv_space_acts(space) && hv_space_sweep_some(space))
			is_more = true;
		if (!hv_space_has_work(space))
			hv_space_rest(space);
	}
	return is_more;
}

struct hv_pager_run hv_pager_run(struct hv_pager *pager, uint64_t now_ns)
{
	struct hv_pager_run run = { 0 };
	uint64_t check_ns;

	retry(pager, now_ns);
	hv_hedge_run(pager, now_ns);
	hv_paths_flush(pager); /* M6: reads are on their way before we steal */
	hv_paths_look(pager, now_ns);
	run.is_busy = reclaim(pager, now_ns);
	if (pager->is_trim_due)
		trim(pager, now_ns);
	hv_pack_run(pager, now_ns);
	run.wake_ns = hv_resync_run(pager, now_ns); /* before checks: it is missed */
	run.is_busy |= run.wake_ns == 0;
	check_ns = hv_checks_run(pager, now_ns);
	if (check_ns < run.wake_ns)
		run.wake_ns = check_ns;
	hv_paths_flush(pager);
	if (settle(pager) || pager->is_retry_due)
		run.is_busy = true;
	if (pager->retry_ns != 0 && pager->retry_ns < run.wake_ns)
		run.wake_ns = pager->retry_ns;
	run.is_reading = (unsigned)__builtin_popcountll(pager->free_fills) <
			 pager->fill_count;
	return run;
}
