/*
 * check - pages are read back over the path that their space does not ask.
 *
 *   cursor over STOLEN pages --> QUEUED --buffer--> SENT --answer--> verified: over
 *        a page that does not verify: there once more, then over its own path;
 *        then it counts as bad, whatever its own path gave
 *
 * So that a VIOS that was never asked, or sees another device than its partner, is
 * known before somebody depends on it. The page itself stays what it is: whoever needs
 * it reads it as ever, and says so (fill.c).
 *
 * Mirrored: a side is checked for what it is to have, and is healed.
 */
#include "hvcore/pager/pager_priv.h"

#define LOOKS 4096   /* pages looked at for one that is stolen: 5 us; arbitrary */
#define TRIES 2      /* over the path that is checked; arbitrary */
#define PAGE_INS 100 /* a check for each so many of them, too: 1 % more reads */
#define NS_PER_S 1000000000u
#define REST_NS (10 * (uint64_t)NS_PER_S) /* nobody was given a frame for so long, and */
#define REST_SHARE 4 /* ... a fourth of the checks is made: a wake-up each; arbitrary */

static unsigned path_to_ask(const struct hv_walker *check)
{
	return check->tries < TRIES ? check->path : HV_PATHS - 1 - check->path;
}

static void found_bad(struct hv_walker *check, bool is_bad_everywhere)
{
	struct hv_space *space = check->space;

	space->counts.cross_checked++;
	space->counts.cross_bad++;
	space->bad.page = check->page;
	space->bad.paths = is_bad_everywhere ? HV_BIT(HV_PATHS) - 1 : HV_BIT(check->path);
	hv_walker_free(check);
}

/* Sends a QUEUED one, lets it wait for a buffer, or ends it. */
static void try_send(struct hv_pager *pager, struct hv_walker *check, uint64_t now_ns)
{
	unsigned index = path_to_ask(check);
	struct hv_pager_path *path = &pager->paths[index];
	uint32_t buffer;

	if (!hv_walker_is_wanted(check)) {
		hv_walker_free(check);
		return;
	}
	if (path->role != HV_ROLE_OPEN || !check->space->devices[index].is_open) {
		if (check->tries < TRIES)
			hv_walker_free(check); /* nothing is known */
		else
			found_bad(check, false);
		return;
	}
	if (path->ops->take(path->ctx, HV_OP_READ, 1, &buffer))
		hv_walker_send(pager, check, index, false, buffer, now_ns);
}

/* ---- which ---- */

static bool may_check(struct hv_pager *pager, const struct hv_space *space)
{
	unsigned index;

	return hv_space_acts(space) && space->table.pages_in[HV_PAGE_STOLEN] > 0 &&
	       hv_path_find(pager, space, &index) == HV_WAIT_NONE &&
	       hv_path_other(pager, space, index) != NULL;
}

/* Mirrored: not on both sides, so that there is nothing to compare. */
static bool is_missed(const struct hv_space *space, uint32_t page)
{
	uint32_t slot = space->table.pages[page].slot;

	return hv_space_is_mirrored(space) &&
	       (hv_slot_is_missed(&space->table, slot, 0) ||
		hv_slot_is_missed(&space->table, slot, 1));
}

/* The next stolen page from its cursor on; false: none within that many. */
static bool find_page(struct hv_space *space, uint32_t *looks, uint32_t *ret_page)
{
	while (*looks > 0) {
		uint32_t page = space->check_cursor < space->pages ? space->check_cursor
								   : 0;

		(*looks)--;
		space->check_cursor = page + 1;
		if (hv_page_state(&space->table, page) != HV_PAGE_STOLEN ||
		    hv_walker_has_page(space, page) || is_missed(space, page))
			continue;
		*ret_page = page;
		return true;
	}
	return false;
}

static void begin(struct hv_pager *pager, struct hv_space *space, struct hv_walker *check,
		  uint32_t page, uint64_t now_ns)
{
	hv_walker_begin(check, space, page, HV_PATHS - 1 - space->current);
	try_send(pager, check, now_ns);
	if (check->state == HV_WALKER_QUEUED)
		hv_walker_free(check); /* faults have all buffers */
}

bool hv_check_start(struct hv_pager *pager, uint64_t now_ns)
{
	struct hv_walker *check = hv_walker_find(pager, 0, HV_CHECKS);
	uint32_t looks = LOOKS, page;
	bool is_any = false;

	for (unsigned i = 0; check != NULL && i < pager->space_count && looks > 0; i++) {
		unsigned at = pager->check_space++ % pager->space_count;
		struct hv_space *space = pager->spaces[at];
		uint32_t some = space->pages < looks ? space->pages : looks;

		if (!may_check(pager, space))
			continue;
		is_any = true;
		looks -= some;
		if (!find_page(space, &some, &page))
			continue;
		begin(pager, space, check, page, now_ns);
		return true;
	}
	return is_any || check == NULL;
}

/* ---- when ---- */

/* Faults go first: while half of the page-ins at once are under way, none begins. */
static bool is_busy(const struct hv_pager *pager)
{
	return (unsigned)__builtin_popcountll(pager->free_fills) * 2 <= pager->fill_count;
}

/* Until the next one. */
static uint64_t pause_ns(struct hv_pager *pager, uint64_t now_ns)
{
	uint64_t ns = NS_PER_S / pager->checks_per_s;

	if (pager->check_taken != hv_pager_taken(pager)) {
		pager->check_taken = hv_pager_taken(pager);
		pager->check_busy_ns = now_ns;
	}
	return now_ns - pager->check_busy_ns < REST_NS ? ns : REST_SHARE * ns;
}

uint64_t hv_checks_run(struct hv_pager *pager, uint64_t now_ns)
{
	bool is_one_due = pager->check_ns <= now_ns ||
			  pager->page_ins - pager->check_page_ins >= PAGE_INS;

	for (unsigned i = 0; i < HV_CHECKS; i++)
		if (pager->walkers[i].state == HV_WALKER_QUEUED)
			try_send(pager, &pager->walkers[i], now_ns);
	if (pager->checks_per_s == 0)
		return UINT64_MAX;
	if (!is_one_due)
		return pager->check_ns;
	if (!is_busy(pager) && !hv_check_start(pager, now_ns))
		return UINT64_MAX; /* whatever changes that has this called again */
	pager->check_page_ins = pager->page_ins;
	pager->check_ns = now_ns + pause_ns(pager, now_ns);
	return pager->check_ns;
}

/* ---- ends ---- */

void hv_check_read(struct hv_pager *pager, struct hv_walker *check, bool is_good,
		   uint64_t now_ns)
{
	if (check->tries == TRIES) {
		if (is_good && hv_space_is_mirrored(check->space))
			hv_mirror_heal(check->space, check->slot, HV_BIT(check->path));
		found_bad(check, !is_good);
		return;
	}
	if (is_good) {
		check->space->counts.cross_checked++;
		hv_walker_free(check);
		return;
	}
	check->tries++;
	try_send(pager, check, now_ns);
}
