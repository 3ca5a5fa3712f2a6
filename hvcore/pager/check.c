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
 * A check reads a slot that its page may give up meanwhile, or read as well: such a
 * slot is CONDEMNED until the last request on it is answered (P4).
 */
#include <string.h>

#include <xxhash.h>

#include "hvcore/pager/pager_priv.h"

#define LOOKS 4096   /* pages looked at for one that is stolen: 5 us; arbitrary */
#define TRIES 2      /* over the path that is checked; arbitrary */
#define PAGE_INS 100 /* a check for each so many of them, too: 1 % more reads */
#define NS_PER_S 1000000000u

static bool is_on(const struct hv_check *check, const struct hv_space *space,
		  uint32_t slot)
{
	return check->state == HV_CHECK_SENT && check->space == space &&
	       check->slot == slot;
}

bool hv_check_is_on(const struct hv_space *space, uint32_t slot)
{
	for (unsigned i = 0; i < HV_CHECKS; i++)
		if (is_on(&space->pager->checks[i], space, slot))
			return true;
	return false;
}

static void check_free(struct hv_check *check)
{
	HV_INVARIANT(check->state != HV_CHECK_FREE);
	*check = (struct hv_check){ .state = HV_CHECK_FREE };
}

/* What was to be verified is still what the slot has to hold. */
static bool is_wanted(const struct hv_check *check)
{
	const struct hv_page *entry = &check->space->table.pages[check->page];

	return !check->space->is_ended && entry->slot == check->slot &&
	       entry->checksum == check->checksum;
}

static unsigned path_to_ask(const struct hv_check *check)
{
	return check->tries < TRIES ? check->path : HV_PATHS - 1 - check->path;
}

static void found_bad(struct hv_check *check, bool is_bad_everywhere)
{
	struct hv_space *space = check->space;

	space->counts.cross_checked++;
	space->counts.cross_bad++;
	space->bad.page = check->page;
	space->bad.paths = is_bad_everywhere ? HV_BIT(HV_PATHS) - 1 : HV_BIT(check->path);
	check_free(check);
}

static void send(struct hv_pager *pager, struct hv_check *check, unsigned index,
		 uint32_t buffer, uint64_t now_ns)
{
	struct hv_flight flight = {
		.space = check->space,
		.slot = check->slot,
		.pages = 1,
		.is_check = 1,
		.fill = (uint8_t)(check - pager->checks),
	};

	check->state = HV_CHECK_SENT;
	check->space->checks++;
	hv_path_send(pager, &pager->paths[index], &flight, buffer, now_ns);
}

/* Sends a QUEUED one, lets it wait for a buffer, or ends it. */
static void try_send(struct hv_pager *pager, struct hv_check *check, uint64_t now_ns)
{
	unsigned index = path_to_ask(check);
	struct hv_pager_path *path = &pager->paths[index];
	uint32_t buffer;

	if (!is_wanted(check)) {
		check_free(check);
		return;
	}
	if (path->role != HV_ROLE_OPEN || !check->space->devices[index].is_open) {
		if (check->tries < TRIES)
			check_free(check); /* nothing is known */
		else
			found_bad(check, false);
		return;
	}
	if (path->ops->take(path->ctx, HV_OP_READ, 1, &buffer))
		send(pager, check, index, buffer, now_ns);
}

/* ---- which ---- */

static bool may_check(struct hv_pager *pager, const struct hv_space *space)
{
	unsigned index;

	return hv_space_acts(space) && space->table.pages_in[HV_PAGE_STOLEN] > 0 &&
	       hv_path_find(pager, space, &index) == HV_WAIT_NONE &&
	       hv_path_other(pager, space, index) != NULL;
}

static bool is_checked(const struct hv_space *space, uint32_t page)
{
	const struct hv_check *checks = space->pager->checks;

	for (unsigned i = 0; i < HV_CHECKS; i++)
		if (checks[i].state != HV_CHECK_FREE && checks[i].space == space &&
		    checks[i].page == page)
			return true;
	return false;
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
		    is_checked(space, page))
			continue;
		*ret_page = page;
		return true;
	}
	return false;
}

static struct hv_check *find_free(struct hv_pager *pager)
{
	for (unsigned i = 0; i < HV_CHECKS; i++)
		if (pager->checks[i].state == HV_CHECK_FREE)
			return &pager->checks[i];
	return NULL;
}

static void begin(struct hv_pager *pager, struct hv_space *space, struct hv_check *check,
		  uint32_t page, uint64_t now_ns)
{
	const struct hv_page *entry = &space->table.pages[page];

	*check = (struct hv_check){
		.state = HV_CHECK_QUEUED,
		.path = (uint8_t)(HV_PATHS - 1 - space->current),
		.page = page,
		.slot = entry->slot,
		.checksum = entry->checksum,
		.space = space,
	};
	try_send(pager, check, now_ns);
	if (check->state == HV_CHECK_QUEUED)
		check_free(check); /* faults have all buffers */
}

bool hv_check_start(struct hv_pager *pager, uint64_t now_ns)
{
	struct hv_check *check = find_free(pager);
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

uint64_t hv_checks_run(struct hv_pager *pager, uint64_t now_ns)
{
	bool is_one_due = pager->check_ns <= now_ns ||
			  pager->page_ins - pager->check_page_ins >= PAGE_INS;

	for (unsigned i = 0; i < HV_CHECKS; i++)
		if (pager->checks[i].state == HV_CHECK_QUEUED)
			try_send(pager, &pager->checks[i], now_ns);
	if (pager->checks_per_s == 0)
		return UINT64_MAX;
	if (!is_one_due)
		return pager->check_ns;
	if (!is_busy(pager) && !hv_check_start(pager, now_ns))
		return UINT64_MAX; /* whatever changes that has this called again */
	pager->check_page_ins = pager->page_ins;
	pager->check_ns = now_ns + NS_PER_S / pager->checks_per_s;
	return pager->check_ns;
}

/* ---- ends ---- */

/* Nobody but this one wanted the slot: its page gave it up. */
static void give_up_slot(const struct hv_check *check)
{
	if (!is_wanted(check))
		hv_slot_answered(check->space, check->slot);
}

static bool is_good(const struct hv_pager *pager, const struct hv_check *check,
		    unsigned index, uint32_t buffer)
{
	const struct hv_pager_path *path = &pager->paths[index];
	uint8_t *page = hv_scratch(pager);

	/* P8: the window may change while we look; the copy does not. */
	memcpy(page, path->ops->buffer(path->ctx, buffer), HV_PAGE_BYTES);
	return (uint32_t)XXH3_64bits(page, HV_PAGE_BYTES) == check->checksum;
}

void hv_check_answered(struct hv_pager *pager, unsigned index, struct hv_check *check,
		       uint32_t buffer, int result, uint64_t now_ns)
{
	HV_INVARIANT(check->state == HV_CHECK_SENT && check->space->checks > 0);
	check->space->checks--;
	check->state = HV_CHECK_QUEUED;
	if (!is_wanted(check)) {
		give_up_slot(check);
		check_free(check);
		return;
	}
	if (result == 0 && is_good(pager, check, index, buffer)) {
		if (check->tries == TRIES) {
			found_bad(check, false);
			return;
		}
		check->space->counts.cross_checked++;
		check_free(check);
		return;
	}
	if (check->tries == TRIES) {
		found_bad(check, true);
		return;
	}
	check->tries++;
	try_send(pager, check, now_ns);
}

void hv_check_lost(struct hv_check *check)
{
	HV_INVARIANT(check->state == HV_CHECK_SENT && check->space->checks > 0);
	check->space->checks--;
	give_up_slot(check);
	check_free(check);
}

void hv_checks_drop(struct hv_pager *pager, const struct hv_space *space)
{
	for (unsigned i = 0; i < HV_CHECKS; i++)
		if (pager->checks[i].state == HV_CHECK_QUEUED &&
		    pager->checks[i].space == space)
			check_free(&pager->checks[i]);
}
