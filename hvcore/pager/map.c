/*
 * map - pages that devices are to use (M7). A transfer raises no fault, so a page is in
 * its frame before its mapping succeeds and stays there while it is mapped; whoever
 * maps it is told to come again meanwhile, and what is brought is parked, sent and
 * installed as for a fault, but counted apart: until a thread waits for it as well,
 * which makes it that thread's fault (event.c).
 */
#include "hvcore/pager/pager_priv.h"

void hv_map_served(struct hv_space *space, enum hv_served how)
{
	struct hv_space_counts *counts = &space->counts;

	space->pending_maps--;
	counts->map_zero_fills += how == HV_SERVED_ZERO;
	counts->map_page_ins += how == HV_SERVED_PAGE_IN;
	counts->map_ends += how == HV_SERVED_STALE || how == HV_SERVED_FAILED;
}

/* P5: from here on it is written to without an event, so no copy of it may be kept. */
static enum hv_map make_writable(struct hv_space *space, uint32_t page)
{
	enum hv_code code;

	hv_page_drop_slot(space, page, false);
	if (!hv_page_has(&space->table, page, HV_PAGE_PROTECTED))
		return HV_MAP_READY;
	code = space->ops->unprotect(space->ctx, page);
	if (code == HV_E_AGAIN)
		return HV_MAP_WAITS;
	if (code == HV_OK)
		hv_page_mark(&space->table, page, HV_PAGE_PROTECTED, false);
	else
		hv_space_odd(space, code); /* the next write of a thread lifts it */
	return HV_MAP_READY;
}

static void bring(struct hv_space *space, uint32_t page, bool is_write, uint64_t now_ns)
{
	struct hv_parked map = {
		.page = page,
		.is_write = is_write,
		.is_pending = true,
		.is_map = true,
		.since_ns = now_ns,
	};

	if (hv_page_has(&space->table, page, HV_PAGE_PARKED))
		return; /* whatever it is there for brings it */
	space->counts.map_fills++;
	space->pending_maps++;
	hv_space_rouse(space);
	(void)hv_fault_begin(space, &map, now_ns); /* what waits is in the ring */
}

static enum hv_map look_at(struct hv_space *space, uint32_t page, bool is_write)
{
	switch (hv_page_state(&space->table, page)) {
	case HV_PAGE_STEALING:
		hv_steal_cancel(space, page);
		HV_FALLTHROUGH;
	case HV_PAGE_RESIDENT:
		(void)hv_ahead_prove(space, page, true);
		return is_write ? make_writable(space, page) : HV_MAP_READY;
	case HV_PAGE_POISONED:
		return HV_MAP_LOST;
	default:
		return HV_MAP_WAITS;
	}
}

enum hv_map hv_pager_map(struct hv_pager *pager, struct hv_space *space, uint32_t page,
			 bool is_write, uint64_t now_ns)
{
	if (!hv_space_is_mine(pager, space, page))
		return HV_MAP_LOST;
	switch (hv_page_state(&space->table, page)) {
	case HV_PAGE_ZERO:
	case HV_PAGE_STOLEN:
	case HV_PAGE_PACKED:
	case HV_PAGE_UNLOADING:
		bring(space, page, is_write, now_ns);
		break;
	case HV_PAGE_INFLIGHT:
		if (is_write)
			hv_page_mark(&space->table, page, HV_PAGE_WANTS_WRITE, true);
		break;
	default:
		break;
	}
	return look_at(space, page, is_write);
}
