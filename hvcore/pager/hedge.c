/*
 * hedge - a page-in that is late is asked for over the other path as well.
 *
 *   SENT --late--> SENT, hedged: two requests are out, one over each path
 *        --an answer that is whole--> as any answer; the other request reads for nobody
 *        --one that is not, or the end of its epoch--> SENT, by the other one
 *
 * Late is later than 99 of 100 answers, and than the least that was configured: what is
 * asked twice costs the device twice. One page-in of 32 may be, some more after a time
 * without, and all those that come over the second path first: a device that is slow
 * over both is not asked twice for all. A path that has lost DETOUR races which it has
 * not ended yet is not asked at all meanwhile, while the other one has lost fewer.
 *
 * What reads for nobody reads a slot that is in use (LIVE): it says HV_FILL_LATE in
 * hv_pager_path.fills, and `late` of its space counts it. Should that slot be dropped
 * before it is answered, it is CONDEMNED (P4).
 */
#include "hvcore/pager/hedge_priv.h"

#define COST (HV_HEDGE_CREDIT / 16)
#define DETOUR 4  /* arbitrary */
#define STEP 1024 /* of the estimate, down; 99 of these up: 99 of 100 are below it */
#define LOOK_NS UINT64_C(5000000) /* longer than a tick of 250 Hz */
#define LATE_MAX_NS UINT64_C(50000000)

void hv_hedge_learn(struct hv_pager *pager, const struct hv_fill *fill, uint64_t now_ns)
{
	uint64_t took_ns = now_ns - fill->sent_ns;

	if (pager->hedge_ns == 0)
		return;
	if (pager->hedge_credit < HV_HEDGE_CREDIT)
		pager->hedge_credit++;
	if (took_ns > pager->late_ns)
		pager->late_ns += pager->late_ns / STEP * 99 + 1;
	else
		pager->late_ns -= pager->late_ns / STEP;
	if (pager->late_ns > LATE_MAX_NS)
		pager->late_ns = LATE_MAX_NS;
}

/* The path that may give the page as well as that one; NULL: none. */
static struct hv_pager_path *find_other(const struct hv_space *space, uint32_t page,
					unsigned path, unsigned bad)
{
	struct hv_pager_path *other = hv_path_other(space->pager, space, path);
	uint32_t slot = space->table.pages[page].slot;
	unsigned index;

	if (other == NULL)
		return NULL;
	index = hv_path_index(space->pager, other);
	if ((bad & HV_BIT(index)) != 0)
		return NULL;
	return hv_space_is_mirrored(space) &&
			       hv_slot_is_missed(&space->table, slot, index)
		       ? NULL
		       : other;
}

unsigned hv_hedge_detour(const struct hv_space *space, uint32_t page, unsigned path)
{
	const struct hv_pager *pager = space->pager;
	const struct hv_pager_path *other;

	if (pager->paths[path].late < DETOUR)
		return path;
	other = find_other(space, page, path, 0);
	return other != NULL && other->late < pager->paths[path].late
		       ? hv_path_index(pager, other)
		       : path;
}

static bool ask_both(struct hv_pager *pager, struct hv_fill *fill, uint64_t now_ns)
{
	struct hv_pager_path *path = find_other(fill->space, fill->page, fill->last_path,
						fill->bad);
	struct hv_flight flight = {
		.space = fill->space,
		.slot = fill->space->table.pages[fill->page].slot,
		.pages = 1,
		.fill = HV_FILL_NONE,
	};
	uint32_t buffer;

	if (path == NULL || !path->ops->take(path->ctx, HV_OP_READ, 1, &buffer))
		return false;
	path->fills[buffer] = (uint8_t)(fill - pager->fills);
	fill->is_hedged = true;
	fill->first_path = fill->last_path;
	fill->hedge_buffer = buffer;
	fill->space->counts.hedges++;
	hv_path_send(pager, path, &flight, buffer, now_ns);
	return true;
}

static bool may_hedge(const struct hv_fill *fill)
{
	return fill->state == HV_FILL_SENT && !fill->is_ahead && !fill->is_hedged;
}

bool hv_hedge_start(struct hv_pager *pager, uint64_t now_ns)
{
	for (unsigned i = 0; i < pager->fill_count; i++)
		if (may_hedge(&pager->fills[i]) &&
		    ask_both(pager, &pager->fills[i], now_ns))
			return true;
	return false;
}

static uint64_t lateness(const struct hv_pager *pager)
{
	return pager->late_ns > pager->hedge_ns ? pager->late_ns : pager->hedge_ns;
}

/*
 * A timer of each wait that ends before the next tick costs two exits of a virtual
 * machine, 8 us a page-in here: who waits alone waits for the look a little longer.
 */
static void look_again(struct hv_pager *pager, uint64_t late_ns, uint64_t now_ns)
{
	uint64_t soon_ns = now_ns + LOOK_NS;

	hv_pager_retry_at(pager, late_ns > soon_ns ? late_ns : soon_ns);
}

void hv_hedge_run(struct hv_pager *pager, uint64_t now_ns)
{
	uint64_t used = hv_fills_used(pager);

	if (pager->hedge_ns == 0 || pager->paths[0].role == HV_ROLE_NONE ||
	    pager->paths[1].role == HV_ROLE_NONE)
		return;
	for (; used != 0; used &= used - 1) {
		struct hv_fill *fill = &pager->fills[__builtin_ctzll(used)];
		uint64_t late_ns = fill->sent_ns + lateness(pager);

		if (!may_hedge(fill))
			continue;
		if (late_ns > now_ns)
			look_again(pager, late_ns, now_ns);
		else if (pager->hedge_credit >= COST && ask_both(pager, fill, now_ns))
			pager->hedge_credit -= COST;
	}
}

/* From now on `last_path` and `buffer` are those of that path. */
static void turn(struct hv_fill *fill, unsigned path)
{
	uint32_t buffer = fill->buffer;

	if (fill->last_path == path)
		return;
	fill->last_path = (uint8_t)path;
	fill->buffer = fill->hedge_buffer;
	fill->hedge_buffer = buffer;
}

static uint8_t *other_mark(struct hv_pager *pager, const struct hv_fill *fill)
{
	return &pager->paths[HV_PATHS - 1 - fill->last_path].fills[fill->hedge_buffer];
}

void hv_hedge_answered(struct hv_fill *fill, unsigned path)
{
	if (fill->is_hedged)
		turn(fill, path);
}

void hv_hedge_won(struct hv_pager *pager, struct hv_fill *fill)
{
	if (!fill->is_hedged)
		return;
	*other_mark(pager, fill) = HV_FILL_LATE;
	pager->paths[HV_PATHS - 1 - fill->last_path].late++;
	fill->space->late++;
	fill->is_hedged = false;
	if (fill->last_path == fill->first_path)
		return;
	fill->space->counts.hedges_won++;
	pager->hedge_credit += COST;
}

bool hv_hedge_lost(struct hv_fill *fill, unsigned path)
{
	if (!fill->is_hedged)
		return false;
	turn(fill, HV_PATHS - 1 - path);
	fill->is_hedged = false;
	return true;
}

void hv_hedge_drop(struct hv_pager *pager, const struct hv_fill *fill)
{
	pager->paths[fill->last_path].fills[fill->buffer] = HV_FILL_NONE;
	if (fill->is_hedged)
		*other_mark(pager, fill) = HV_FILL_NONE;
}
