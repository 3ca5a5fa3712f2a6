/*
 * walk - what goes over pages by itself, not for a fault: cross-checks (check.c) and
 * resync (mirror.c).
 *
 * A walker has a request out on a slot that its page may give up meanwhile, or read as
 * well: such a slot is CONDEMNED until the last request on it is answered (P4). One that
 * is QUEUED has none out, and looks again whether it is wanted before it sends one.
 */
#include <string.h>

#include <xxhash.h>

#include "hvcore/pager/pager_priv.h"

bool hv_walker_is_on(const struct hv_space *space, uint32_t slot)
{
	for (unsigned i = 0; i < HV_WALKERS; i++) {
		const struct hv_walker *walker = &space->pager->walkers[i];

		if (walker->state == HV_WALKER_SENT && walker->space == space &&
		    walker->slot == slot)
			return true;
	}
	return false;
}

bool hv_walker_has_page(const struct hv_space *space, uint32_t page)
{
	for (unsigned i = 0; i < HV_WALKERS; i++) {
		const struct hv_walker *walker = &space->pager->walkers[i];

		if (walker->state != HV_WALKER_FREE && walker->space == space &&
		    walker->page == page)
			return true;
	}
	return false;
}

struct hv_walker *hv_walker_find(struct hv_pager *pager, unsigned from, unsigned end)
{
	for (unsigned i = from; i < end; i++)
		if (pager->walkers[i].state == HV_WALKER_FREE)
			return &pager->walkers[i];
	return NULL;
}

void hv_walker_begin(struct hv_walker *walker, struct hv_space *space, uint32_t page,
		     unsigned path)
{
	const struct hv_page *entry = &space->table.pages[page];

	*walker = (struct hv_walker){
		.state = HV_WALKER_QUEUED,
		.path = (uint8_t)path,
		.page = page,
		.slot = entry->slot,
		.checksum = entry->checksum,
		.space = space,
	};
}

void hv_walker_free(struct hv_walker *walker)
{
	HV_INVARIANT(walker->state != HV_WALKER_FREE);
	*walker = (struct hv_walker){ .state = HV_WALKER_FREE };
}

bool hv_walker_is_wanted(const struct hv_walker *walker)
{
	const struct hv_page *entry = &walker->space->table.pages[walker->page];

	/* QUEUED it pins nothing: the page may be leaving by that slot again just now */
	return !walker->space->is_ended && entry->slot == walker->slot &&
	       entry->checksum == walker->checksum &&
	       hv_slot_class(&walker->space->table, walker->slot) == HV_SLOT_LIVE;
}

void hv_walker_send(struct hv_pager *pager, struct hv_walker *walker, unsigned path,
		    bool is_write, uint32_t buffer, uint64_t now_ns)
{
	struct hv_flight flight = {
		.space = walker->space,
		.slot = walker->slot,
		.pages = 1,
		.is_write = is_write,
		.is_walk = 1,
		.fill = (uint8_t)(walker - pager->walkers),
	};

	walker->state = HV_WALKER_SENT;
	walker->is_writing = is_write;
	walker->space->walks++;
	hv_path_send(pager, &pager->paths[path], &flight, buffer, now_ns);
}

/* Copies what was read to the scratch page, and looks at the copy. */
static bool is_good_copy(const struct hv_pager *pager, const struct hv_walker *walker,
			 unsigned path, uint32_t buffer)
{
	const struct hv_pager_path *at = &pager->paths[path];
	uint8_t *page = hv_scratch(pager);

	/* P8: the window may change while we look; the copy does not. */
	memcpy(page, at->ops->buffer(at->ctx, buffer), HV_PAGE_BYTES);
	return (uint32_t)XXH3_64bits(page, HV_PAGE_BYTES) == walker->checksum;
}

/* ---- ends ---- */

/* Its request is over. False: its page gave the slot up, nobody wants to know. */
static bool landed(struct hv_walker *walker)
{
	HV_INVARIANT(walker->state == HV_WALKER_SENT && walker->space->walks > 0);
	walker->space->walks--;
	walker->state = HV_WALKER_QUEUED;
	if (hv_walker_is_wanted(walker))
		return true;
	hv_slot_answered(walker->space, walker->slot);
	hv_walker_free(walker);
	return false;
}

void hv_walker_answered(struct hv_pager *pager, unsigned path, struct hv_walker *walker,
			uint32_t buffer, int result, uint64_t now_ns)
{
	bool is_good;

	if (!landed(walker))
		return;
	is_good = result == 0 &&
		  (walker->is_writing || is_good_copy(pager, walker, path, buffer));
	if (walker->is_resync)
		hv_resync_answered(pager, walker, is_good, now_ns);
	else
		hv_check_read(pager, walker, is_good, now_ns);
}

void hv_walker_lost(struct hv_walker *walker)
{
	if (landed(walker))
		hv_walker_free(walker);
}

void hv_walkers_drop(struct hv_pager *pager, const struct hv_space *space)
{
	for (unsigned i = 0; i < HV_WALKERS; i++)
		if (pager->walkers[i].state == HV_WALKER_QUEUED &&
		    pager->walkers[i].space == space)
			hv_walker_free(&pager->walkers[i]);
}
