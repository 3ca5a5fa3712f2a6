/* space - see pager.h: open, close, stat, and a partition's life. */
#include <stdlib.h>
#include <string.h>

#include "hvcore/pager/hedge_priv.h"
#include "hvcore/pager/pager_priv.h"

/* clang-format off */
static const char *const wait_texts[HV_WAIT_COUNT] = {
	[HV_WAIT_NONE]   = "nothing",
	[HV_WAIT_FRAME]  = "no free frame",
	[HV_WAIT_BUFFER] = "too many page-ins at once",
	[HV_WAIT_PATH]   = "no paging VIOS",
	[HV_WAIT_DEVICE] = "the active paging VIOS has not opened its device",
	[HV_WAIT_EVENT]  = "its address space is changing",
	[HV_WAIT_ERROR]  = "its paging device fails",
	[HV_WAIT_ANSWER] = "page-in under way",
};
static const char *const pause_texts[HV_PAUSE_COUNT] = {
	[HV_PAUSE_NONE]       = "",
	[HV_PAUSE_BLOCKED]    = "stealing is blocked",
	[HV_PAUSE_QUARANTINE] = "too many slots in quarantine",
	[HV_PAUSE_SLOTS]      = "no free slot on its paging device",
	[HV_PAUSE_ERROR]      = "its paging device fails",
	[HV_PAUSE_PATH]       = "no paging VIOS",
};
/* clang-format on */

const char *hv_wait_text(enum hv_wait wait)
{
	return wait_texts[wait];
}

const char *hv_pause_text(enum hv_pause pause)
{
	return pause_texts[pause];
}

/* ---- shared helpers ---- */

void hv_space_odd(struct hv_space *space, enum hv_code code)
{
	if (code == HV_E_GONE)
		space->is_gone = true;
	else
		space->counts.integrity_errors++;
}

void hv_pager_retry_soon(struct hv_pager *pager)
{
	pager->is_retry_due = true;
}

void hv_pager_retry_at(struct hv_pager *pager, uint64_t at_ns)
{
	if (pager->retry_ns == 0 || at_ns < pager->retry_ns)
		pager->retry_ns = at_ns;
}

void hv_pager_nudge(struct hv_pager *pager, uint32_t pagers, bool is_all)
{
	if (pagers & HV_BIT(pager->id))
		hv_pager_retry_soon(pager);
	pagers &= ~HV_BIT(pager->id);
	if (pager->ops != NULL && (pagers != 0 || is_all))
		pager->ops->nudge(pager->ctx, pagers, is_all);
}

bool hv_frame_take(struct hv_space *space)
{
	bool is_low;

	if (!hv_frames_take(space->pager->frames, space->pager->id, &is_low))
		return false;
	space->frames++;
	atomic_store_explicit(&space->pager->taken, hv_pager_taken(space->pager) + 1,
			      memory_order_relaxed); /* nobody else writes it */
	if (is_low)
		hv_pager_nudge(space->pager, 0, true);
	return true;
}

void hv_frame_give(struct hv_space *space, uint32_t count)
{
	HV_INVARIANT(space->frames >= count);
	space->frames -= count;
	hv_pager_nudge(space->pager, hv_frames_give(space->pager->frames, count), false);
}

/* ---- pager ---- */

enum hv_code hv_pager_open(const struct hv_pager_config *config,
			   struct hv_pager **ret_pager, struct hv_err *err)
{
	struct hv_pager *pager;

	if (config->id > 31 || config->fills < 1 || config->fills > HV_FILLS_MAX ||
	    config->ahead > HV_AHEAD_MAX)
		return hv_fail(err, HV_E_INVAL, "pager %u with %u page-ins at once",
			       config->id, config->fills);
	pager = calloc(1, sizeof *pager);
	if (pager == NULL)
		return hv_fail(err, HV_E_NOMEM, "pager %u", config->id);
	pager->private_memory = calloc(config->fills + 2, HV_PAGE_BYTES);
	if (pager->private_memory == NULL) {
		free(pager);
		return hv_fail(err, HV_E_NOMEM, "pager %u", config->id);
	}
	pager->private_pages = pager->private_memory + HV_PAGE_BYTES -
			       (uintptr_t)pager->private_memory % HV_PAGE_BYTES;
	pager->id = config->id;
	pager->fill_count = config->fills;
	pager->ahead = config->ahead;
	pager->expects_writes = config->expects_writes;
	pager->hedge_ns = config->hedge_ns;
	pager->late_ns = config->hedge_ns;
	pager->hedge_credit = HV_HEDGE_CREDIT;
	pager->frames = config->frames;
	pager->ops = config->ops;
	pager->ctx = config->ctx;
	pager->checks_per_s = config->checks_per_s;
	for (unsigned i = 0; i < config->fills; i++)
		pager->free_fills |= UINT64_C(1) << i;
	*ret_pager = pager;
	return HV_OK;
}

void hv_pager_close(struct hv_pager *pager)
{
	if (pager == NULL)
		return;
	HV_INVARIANT(pager->space_count == 0);
	hv_paths_trust(pager);
	free(pager->private_memory);
	free(pager);
}

size_t hv_pager_bytes(const struct hv_pager *pager)
{
	return sizeof *pager + (size_t)(pager->fill_count + 2) * HV_PAGE_BYTES;
}

uint64_t hv_pager_taken(const struct hv_pager *pager)
{
	return atomic_load_explicit(&pager->taken, memory_order_relaxed);
}

void hv_pager_stat(const struct hv_pager *pager, struct hv_pager_stat *ret_stat)
{
	*ret_stat = (struct hv_pager_stat){
		.ignored_answers = pager->ignored_answers,
		.nomems = pager->nomems,
		.spaces = pager->space_count,
		.page_ins = pager->page_ins,
		.page_in_ns = pager->page_in_ns,
	};
	for (unsigned i = 0; i < pager->space_count; i++) {
		ret_stat->fills += pager->spaces[i]->fills;
		ret_stat->frames += pager->spaces[i]->frames;
	}
	if (pager->tier == NULL)
		return;
	ret_stat->tier_frames = hv_tier_frames(pager->tier);
	ret_stat->tier_pages = hv_tier_objects(pager->tier);
}

/* ---- space ---- */

enum hv_code hv_space_new(const struct hv_space_config *config,
			  struct hv_space **ret_space, struct hv_err *err)
{
	uint32_t pages = config->max_pages > config->pages ? config->max_pages
							   : config->pages;
	uint64_t needed = (uint64_t)pages + 2 * HV_PAGER_WRITES; /* P11 */
	uint32_t slots = config->slots < needed ? config->slots : (uint32_t)needed;
	struct hv_space *space = calloc(1, sizeof *space);
	enum hv_code code;

	if (space == NULL)
		return hv_fail(err, HV_E_NOMEM, "space of %u pages", pages);
	code = hv_page_table_open(pages, slots, &space->table, err);
	if (code != HV_OK) {
		free(space);
		return code;
	}
	hv_page_table_mirror(&space->table, config->is_mirrored);
	space->ops = config->ops;
	space->ctx = config->ctx;
	space->pages = config->pages;
	space->entitled = config->entitled_pages;
	space->target = config->target_pages;
	space->current = HV_PATHS;
	*ret_space = space;
	return HV_OK;
}

void hv_space_free(struct hv_space *space)
{
	if (space == NULL)
		return;
	HV_INVARIANT(space->pager == NULL);
	hv_page_table_close(&space->table);
	free(space);
}

size_t hv_space_table_bytes(const struct hv_space *space)
{
	return sizeof *space + hv_page_table_bytes(&space->table);
}

const struct hv_trace *hv_space_trace(const struct hv_space *space)
{
	return &space->trace;
}

const struct hv_hist *hv_space_latency(const struct hv_space *space)
{
	return &space->latency;
}

void *hv_space_ctx(const struct hv_space *space)
{
	return space->ctx;
}

enum hv_code hv_pager_add(struct hv_pager *pager, struct hv_space *space,
			  struct hv_err *err)
{
	HV_INVARIANT(space->pager == NULL && !space->is_ended);
	if (pager->space_count == HV_PAGER_SPACES_MAX)
		return hv_fail(err, HV_E_LIMIT, "pager %u has %u spaces already",
			       pager->id, pager->space_count);
	space->pager = pager;
	while (pager->by_number[space->number] != NULL)
		space->number++;
	pager->by_number[space->number] = space;
	space->index = pager->space_count;
	pager->spaces[pager->space_count++] = space;
	pager->mirrored += hv_space_is_mirrored(space);
	hv_space_rouse(space);
	return HV_OK;
}

void hv_pager_remove(struct hv_pager *pager, struct hv_space *space)
{
	struct hv_space *last = pager->spaces[pager->space_count - 1];

	HV_INVARIANT(space->pager == pager && space->is_ended && space->out == 0);
	HV_INVARIANT(space->frames == 0 && space->fills == 0);
	hv_pager_current(pager, space, HV_PATHS);
	hv_space_rest(last);
	hv_pack_past(space, 0);
	pager->by_number[space->number] = NULL;
	space->number = 0;
	pager->spaces[space->index] = last;
	last->index = space->index;
	if (last != space)
		hv_space_rouse(last);
	pager->mirrored -= hv_space_is_mirrored(space);
	pager->space_count--;
	space->pager = NULL;
}

void hv_pager_target(struct hv_pager *pager, struct hv_space *space,
		     uint32_t entitled_pages, uint32_t target_pages)
{
	HV_INVARIANT(space->pager == pager);
	space->entitled = entitled_pages;
	space->target = target_pages;
	pager->packed_told = hv_frames_packed(pager->frames);
	pager->is_trim_due = true;
}

static void cancel_flight(struct hv_space *space, const struct hv_pager_path *path,
			  unsigned buffer)
{
	const struct hv_flight *flight = &path->flights[buffer];

	if (flight->user == 0 || flight->space != space || !flight->is_write)
		return;
	for (unsigned n = 0; n < flight->pages; n++)
		if (hv_steal_is_of(space, path->pages[buffer + n], flight->slot + n))
			hv_steal_cancel(space, path->pages[buffer + n]);
}

static void cancel_steals(struct hv_space *space)
{
	struct hv_pager *pager = space->pager;

	for (unsigned i = 0; i < HV_PATHS; i++)
		for (unsigned buffer = 0; buffer < HV_LANE_BUFFERS; buffer++)
			cancel_flight(space, &pager->paths[i], buffer);
}

/* Cancels what is being stolen and voids every kept slot. O(pages), but rare. */
static void void_slots(struct hv_space *space, bool is_unprotected)
{
	cancel_steals(space);
	for (uint32_t page = 0; page < space->table.page_count; page++) {
		if (hv_page_state(&space->table, page) != HV_PAGE_RESIDENT)
			continue;
		hv_page_drop_slot(space, page, false);
		if (is_unprotected)
			hv_page_mark(&space->table, page, HV_PAGE_PROTECTED, false);
	}
}

void hv_pager_reregistered(struct hv_pager *pager, struct hv_space *space)
{
	HV_INVARIANT(space->pager == pager);
	if (!space->is_ended)
		void_slots(space, true);
}

void hv_pager_block(struct hv_pager *pager, struct hv_space *space, bool is_blocked)
{
	HV_INVARIANT(space->pager == pager);
	if (space->is_ended || space->is_blocked == is_blocked)
		return;
	space->is_blocked = is_blocked;
	hv_space_fertile(space);
	/* What wrote through another mapping raised no event: no copy is to be trusted. */
	if (is_blocked)
		void_slots(space, false);
	hv_pager_retry_soon(pager);
}

/* Nobody waits for its reads any more. */
static void drop_fills(struct hv_pager *pager, struct hv_space *space)
{
	for (unsigned i = 0; i < pager->fill_count; i++) {
		struct hv_fill *fill = &pager->fills[i];

		if (fill->state == HV_FILL_FREE || fill->space != space)
			continue;
		if (fill->state == HV_FILL_SENT)
			hv_hedge_drop(pager, fill);
		*fill = (struct hv_fill){ .state = HV_FILL_FREE };
		pager->free_fills |= UINT64_C(1) << i;
		space->fills--;
	}
}

void hv_pager_end(struct hv_pager *pager, struct hv_space *space)
{
	HV_INVARIANT(space->pager == pager);
	if (space->is_ended)
		return;
	space->is_ended = true; /* from here on its table is only about slots */
	drop_fills(pager, space);
	hv_walkers_drop(pager, space);
	HV_INVARIANT(space->fills == 0);
	hv_frames_leaving(pager->frames,
			  -(int64_t)space->table.pages_in[HV_PAGE_STEALING]);
	hv_frame_give(space, space->frames);
	hv_pack_end(space);
	space->counts.stale_faults += space->pending;
	space->counts.map_ends += space->pending_maps;
	space->counts.ahead_drops += space->aheads;
	space->counts.ahead_wasted += space->unproven;
	space->aheads = 0;
	space->unproven = 0;
	space->pending = 0;
	space->pending_maps = 0;
	space->parked_count = 0;
	space->has_overflow = false;
	hv_pager_retry_soon(pager);
}

enum hv_life hv_space_life(const struct hv_space *space)
{
	if (!space->is_ended)
		return HV_LIFE_RUNNING;
	if (space->out > 0)
		return HV_LIFE_ENDING;
	if (space->in_doubt[0] || space->in_doubt[1])
		return HV_LIFE_IN_DOUBT;
	return space->table.doubts[0] + space->table.doubts[1] > 0 ? HV_LIFE_IN_DOUBT
								   : HV_LIFE_ENDED;
}

/* ---- stat ---- */

/* Why its oldest fault waits. */
static enum hv_wait oldest_wait(const struct hv_space *space, uint64_t *ret_since_ns)
{
	const struct hv_pager *pager = space->pager;
	enum hv_wait wait = HV_WAIT_NONE;
	uint64_t since_ns = 0;

	for (uint32_t i = 0; i < space->parked_count; i++) {
		const struct hv_parked *parked =
			&space->parked[(space->parked_head + i) % HV_PARKED_MAX];

		if (!parked->is_pending)
			continue;
		wait = space->parked_why;
		since_ns = parked->since_ns;
		break;
	}
	for (unsigned i = 0; pager != NULL && i < pager->fill_count; i++) {
		const struct hv_fill *fill = &pager->fills[i];

		if (fill->state == HV_FILL_FREE || fill->space != space ||
		    fill->is_ahead || (since_ns != 0 && fill->since_ns >= since_ns))
			continue;
		wait = hv_fill_wait(pager, fill);
		since_ns = fill->since_ns;
	}
	*ret_since_ns = since_ns;
	return wait;
}

void hv_space_stat(const struct hv_space *space, uint64_t now_ns,
		   struct hv_space_stat *ret_stat)
{
	unsigned sides;

	*ret_stat = (struct hv_space_stat){
		.counts = space->counts,
		.pages = space->pages,
		.pending_faults = space->pending,
		.pending_maps = space->pending_maps,
		.pending_aheads = space->aheads,
		.unproven = space->unproven,
		.frames = space->frames,
		.packed_bytes = space->packed_bytes,
		.is_past_tier = space->gain.past > 0,
		.loaned = space->table.loaned,
		.table_bytes = hv_space_table_bytes(space),
		.requests_out = space->out,
		.bad = space->bad,
		.is_mirrored = hv_space_is_mirrored(space),
		.missed = { space->table.missed[0], space->table.missed[1] },
	};
	for (unsigned i = 0; i < HV_PAGE_STATE_COUNT; i++)
		ret_stat->pages_in[i] = space->table.pages_in[i];
	/* those beyond the logical memory are ZERO, and no pages of anybody's */
	ret_stat->pages_in[HV_PAGE_ZERO] -= space->table.page_count - space->pages;
	for (unsigned i = 0; i < HV_SLOT_CLASS_COUNT; i++)
		ret_stat->slots_in[i] = space->table.slots_in[i];
	if (!space->is_ended)
		ret_stat->wait = oldest_wait(space, &ret_stat->waiting_since_ns);
	if (!space->is_ended && space->pager != NULL)
		ret_stat->pause = hv_steal_pause(space, now_ns, &sides);
}
