/*
 * discard - pages that end: discards by message, holes made behind our back, poison.
 *
 * A bare REMOVE event proves nothing: MADV_DONTNEED raises it too and keeps the
 * content, and MADV_REMOVE raises it before it makes the hole. So a page in a frame
 * is a page of zeros only once its file has a hole there; a STOLEN page keeps its
 * slot (P13). Who wants zeros for sure sends a message.
 */
#include "hvcore/pager/pager_priv.h"

#define SWEEP_PAGES 64 /* has_data calls a run: 0.2 us each */

/* ---- pages that end ---- */

/* Ends whatever the page has, without saying where it goes; a read of it as `how`. */
static void strip(struct hv_space *space, uint32_t page, enum hv_served how)
{
	(void)hv_ahead_prove(space, page, false);
	switch (hv_page_state(&space->table, page)) {
	case HV_PAGE_STEALING:
		hv_steal_cancel(space, page);
		HV_FALLTHROUGH;
	case HV_PAGE_RESIDENT:
		hv_page_drop_slot(space, page, false);
		break;
	case HV_PAGE_INFLIGHT:
		hv_fill_cancel(space, page, how);
		break;
	case HV_PAGE_STOLEN:
		hv_page_drop_slot(space, page, false);
		break;
	case HV_PAGE_UNLOADING:
		hv_steal_cancel(space, page);
		HV_FALLTHROUGH;
	case HV_PAGE_PACKED:
		hv_pack_drop(space, page);
		break;
	default:
		break;
	}
	hv_page_mark(&space->table, page, HV_PAGE_PROTECTED | HV_PAGE_WROTE, false);
}

static bool has_frame(enum hv_page_state state)
{
	return state == HV_PAGE_RESIDENT || state == HV_PAGE_STEALING ||
	       state == HV_PAGE_INFLIGHT;
}

void hv_page_to_zero(struct hv_space *space, uint32_t page)
{
	hv_page_drop(space, page, &space->counts.discards);
}

void hv_page_drop(struct hv_space *space, uint32_t page, uint64_t *counter)
{
	enum hv_page_state was = hv_page_state(&space->table, page);

	if (was == HV_PAGE_ZERO || was == HV_PAGE_POISONED)
		return;
	space->counts.io_lost += hv_page_is_under_io(space, page);
	strip(space, page, HV_SERVED_STALE);
	hv_page_move(&space->table, page, HV_PAGE_ZERO);
	space->ops->left(space->ctx, page);
	if (has_frame(was))
		hv_frame_give(space, 1);
	(*counter)++;
	if (was != HV_PAGE_INFLIGHT)
		return;
	/* Its fault is raised again, and then finds a page of zeros. */
	if (hv_space_acts(space))
		(void)space->ops->wake(space->ctx, page, 1);
}

/* Takes out whatever is there, then marks the page; tried again until it works. */
void hv_page_mark_poison(struct hv_space *space, uint32_t page)
{
	struct hv_parked owed = { .page = page };
	enum hv_code code;

	if (!hv_space_acts(space))
		return;
	code = space->ops->punch(space->ctx, page, 1);
	if (code == HV_OK)
		code = space->ops->poison(space->ctx, page);
	if (code == HV_OK)
		return;
	if (code != HV_E_AGAIN && code != HV_E_EXISTS && code != HV_E_NOMEM)
		hv_space_odd(space, code);
	hv_fault_park(space, &owed, HV_WAIT_EVENT);
}

void hv_page_poison(struct hv_space *space, uint32_t page)
{
	enum hv_page_state was = hv_page_state(&space->table, page);

	HV_INVARIANT(was != HV_PAGE_POISONED);
	strip(space, page, HV_SERVED_FAILED);
	hv_page_move(&space->table, page, HV_PAGE_POISONED);
	space->ops->left(space->ctx, page);
	if (has_frame(was))
		hv_frame_give(space, 1);
	hv_page_mark_poison(space, page);
}

/* ---- discards ---- */

void hv_pager_on_removed(struct hv_pager *pager, struct hv_space *space, uint32_t first,
			 uint32_t count)
{
	uint32_t end;

	if (count == 0 || !hv_space_is_mine(pager, space, first))
		return;
	/* The event comes before the hole, so that asking now is too early; and it may
	 * name the whole region again and again. One range is kept, and looked at bit
	 * by bit. */
	hv_space_rouse(space);
	end = count > space->table.page_count - first ? space->table.page_count
						      : first + count;
	if (space->sweep_at == space->sweep_end) {
		space->sweep_at = first;
		space->sweep_end = end;
	}
	space->sweep_at = first < space->sweep_at ? first : space->sweep_at;
	space->sweep_end = end > space->sweep_end ? end : space->sweep_end;
}

/* P13: a hole under a page in a frame is a discard. Returns frames that came back. */
static uint32_t sweep_page(struct hv_space *space, uint32_t page)
{
	enum hv_page_state state = hv_page_state(&space->table, page);

	if (state != HV_PAGE_RESIDENT && state != HV_PAGE_STEALING)
		return 0;
	if (space->ops->has_data(space->ctx, page))
		return 0;
	hv_page_to_zero(space, page);
	return 1;
}

bool hv_space_sweep_some(struct hv_space *space)
{
	for (unsigned i = 0; i < SWEEP_PAGES && space->sweep_at < space->sweep_end; i++)
		(void)sweep_page(space, space->sweep_at++);
	return space->sweep_at < space->sweep_end;
}

void hv_pager_look(struct hv_pager *pager, struct hv_space *space, uint32_t page)
{
	if (hv_space_is_mine(pager, space, page))
		(void)sweep_page(space, page);
}

uint32_t hv_pager_sweep(struct hv_pager *pager, struct hv_space *space, uint32_t pages)
{
	uint32_t freed = 0;

	if (!hv_space_is_mine(pager, space, 0))
		return 0;
	for (uint32_t i = 0; i < pages && i < space->table.page_count; i++) {
		if (space->sweep_cursor >= space->table.page_count)
			space->sweep_cursor = 0;
		freed += sweep_page(space, space->sweep_cursor++);
	}
	return freed;
}

enum hv_code hv_pager_discard(struct hv_pager *pager, struct hv_space *space,
			      uint32_t first, uint32_t count)
{
	enum hv_code code;

	HV_INVARIANT(count > 0 && count <= space->table.page_count - first);
	if (!hv_space_is_mine(pager, space, first))
		return HV_E_GONE;
	code = space->ops->punch(space->ctx, first, count);
	if (code != HV_OK)
		return code == HV_E_GONE ? HV_E_GONE : HV_E_AGAIN;
	for (uint32_t i = 0; i < count; i++)
		hv_page_to_zero(space, first + i);
	return HV_OK;
}
