/* placement - see placement.h. Filling the columns, choosing, judging. */
#include "coordinator/placement/placement_priv.h"

#include "hvcore/base/invariant.h"

#include <stdlib.h>
#include <string.h>

static uint32_t pages(uint64_t bytes)
{
	uint64_t count = bytes >> HV_PAGE_SHIFT;

	return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

static uint32_t pages_up(uint64_t bytes)
{
	return bytes > UINT64_MAX - HV_PAGE_BYTES ? UINT32_MAX
						  : pages(bytes + HV_PAGE_BYTES - 1);
}

enum hv_code placement_new(size_t room, struct placement **ret_placement,
			   struct hv_err *err)
{
	size_t rounded = (room + SCAN_BLOCK) / SCAN_BLOCK * SCAN_BLOCK;
	struct placement *placement = calloc(1, sizeof(*placement));
	bool is_out = placement == NULL;

	if (is_out)
		return hv_fail(err, HV_E_NOMEM, "no memory to place among %zu hosts",
			       room);
	placement->room = rounded;
	placement->hosts = calloc(rounded, sizeof(*placement->hosts));
	is_out = placement->hosts == NULL;
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		placement->columns[i] = calloc(rounded, sizeof(uint32_t));
		is_out |= placement->columns[i] == NULL;
	}
	if (is_out) {
		placement_free(placement);
		return hv_fail(err, HV_E_NOMEM, "no memory to place among %zu hosts",
			       room);
	}
	*ret_placement = placement;
	return HV_OK;
}

void placement_free(struct placement *placement)
{
	if (placement == NULL)
		return;
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		free(placement->columns[i]);
	free(placement->hosts);
	free(placement);
}

/* Rows beyond `count` stay zero: no flags, so that they never fit. */
void placement_clear(struct placement *placement)
{
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		memset(placement->columns[i], 0, placement->count * sizeof(uint32_t));
	placement->count = 0;
	placement->memory_reference = 0;
	placement->entitled_reference = 0;
	placement->logical_reference = 0;
}

static void fill(struct placement *placement, size_t at)
{
	const struct placement_host *host = &placement->hosts[at];

	placement->columns[COLUMN_FLAGS][at] = host->flags;
	placement->columns[COLUMN_MEMORY][at] = pages(host->memory_free_bytes);
	placement->columns[COLUMN_ENTITLED][at] = pages(host->entitled_free_bytes);
	placement->columns[COLUMN_LOGICAL][at] = pages(host->logical_free_bytes);
	placement->columns[COLUMN_SHARED][at] = host->shared_free;
	placement->columns[COLUMN_DEVICE][at] = pages(host->device_bytes);
	placement->columns[COLUMN_PAIR_DEVICE][at] = pages(host->pair_device_bytes);
	placement->columns[COLUMN_MIRROR_DEVICE][at] = pages(host->mirror_device_bytes);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void placement_add(struct placement *placement, const struct placement_host *host)
{
	size_t at = placement->count;

	HV_INVARIANT(at < placement->room);
	placement->hosts[at] = *host;
	placement->memory_reference = larger(placement->memory_reference,
					     host->memory_total_bytes);
	placement->entitled_reference = larger(placement->entitled_reference,
					       host->entitled_total_bytes);
	placement->logical_reference = larger(placement->logical_reference,
					      host->logical_total_bytes);
	fill(placement, at);
	placement->count++;
}

size_t placement_count(const struct placement *placement)
{
	return placement->count;
}

const struct placement_host *placement_host_at(const struct placement *placement,
					       size_t at)
{
	HV_INVARIANT(at < placement->count);
	return &placement->hosts[at];
}

/* need / reference * free / reference, in pages: never negative. */
static float weight(uint64_t need_bytes, uint64_t reference_bytes)
{
	double reference = (double)larger(reference_bytes, HV_PAGE_BYTES) / HV_PAGE_BYTES;

	return (float)((double)need_bytes / HV_PAGE_BYTES / reference / reference);
}

static enum column device_column(const struct placement_need *need)
{
	if (need->needs_mirror)
		return COLUMN_MIRROR_DEVICE;
	return need->needs_pair ? COLUMN_PAIR_DEVICE : COLUMN_DEVICE;
}

uint64_t placement_device_bytes(const struct placement_host *host,
				const struct placement_need *need)
{
	if (need->needs_mirror)
		return host->mirror_device_bytes;
	return need->needs_pair ? host->pair_device_bytes : host->device_bytes;
}

static void prepare_shared(const struct placement *placement,
			   const struct placement_need *need, struct scan *scan)
{
	scan->need_flags |= PLACEMENT_POOL |
			    (need->needs_pair ? PLACEMENT_PAIR : PLACEMENT_VIOS);
	scan->first = placement->columns[COLUMN_ENTITLED];
	scan->need_first = pages_up(need->entitled_bytes);
	scan->weight_first = weight(need->entitled_bytes, placement->entitled_reference);
	scan->second = placement->columns[COLUMN_LOGICAL];
	scan->need_second = pages_up(need->memory_bytes);
	scan->weight_second = weight(need->memory_bytes, placement->logical_reference);
	scan->third = placement->columns[COLUMN_SHARED];
	scan->need_third = 1;
	scan->weight_third = 1.0f / (128.0f * 128.0f); /* of SPEC S5's 128 */
	scan->device = placement->columns[device_column(need)];
	scan->need_device = pages_up(need->max_bytes);
}

struct scan scan_prepare(const struct placement *placement,
			 const struct placement_need *need)
{
	const uint32_t *any = placement->columns[COLUMN_FLAGS];
	struct scan scan = {
		.flags = any,
		.first = any,
		.second = any,
		.third = any,
		.device = any,
		.need_flags = PLACEMENT_CONNECTED | PLACEMENT_ROOM,
	};

	if (need->is_shared) {
		prepare_shared(placement, need, &scan);
		return scan;
	}
	scan.first = placement->columns[COLUMN_MEMORY];
	scan.need_first = pages_up(need->memory_bytes);
	scan.weight_first = weight(need->memory_bytes, placement->memory_reference);
	return scan;
}

size_t placement_choose(const struct placement *placement,
			const struct placement_need *need)
{
	struct scan scan = scan_prepare(placement, need);
	size_t blocks = (placement->count + SCAN_BLOCK - 1) / SCAN_BLOCK;

	return scan_best(&scan, blocks * SCAN_BLOCK);
}

size_t placement_choose_reference(const struct placement *placement,
				  const struct placement_need *need)
{
	struct scan scan = scan_prepare(placement, need);
	size_t best = PLACEMENT_NONE;

	for (size_t i = 0; i < placement->count; i++) {
		if (scan_fits(&scan, i) &&
		    (best == PLACEMENT_NONE ||
		     scan_score(&scan, i) > scan_score(&scan, best)))
			best = i;
	}
	return best;
}

void placement_take(struct placement *placement, size_t at,
		    const struct placement_need *need)
{
	struct placement_host *host = &placement->hosts[at];

	HV_INVARIANT(at < placement->count);
	if (need->is_shared) {
		HV_INVARIANT(host->entitled_free_bytes >= need->entitled_bytes);
		HV_INVARIANT(host->logical_free_bytes >= need->memory_bytes);
		HV_INVARIANT(host->shared_free > 0);
		host->entitled_free_bytes -= need->entitled_bytes;
		host->logical_free_bytes -= need->memory_bytes;
		host->shared_free--;
	} else {
		HV_INVARIANT(host->memory_free_bytes >= need->memory_bytes);
		host->memory_free_bytes -= need->memory_bytes;
	}
	fill(placement, at);
}

static void judge_size(struct placement_verdict *verdict, enum placement_limit limit,
		       uint64_t need, uint64_t have)
{
	uint64_t need_bytes = (uint64_t)pages_up(need) << HV_PAGE_SHIFT;
	uint64_t have_bytes = (uint64_t)pages(have) << HV_PAGE_SHIFT;

	if (need_bytes <= have_bytes)
		return;
	verdict->unmet |= HV_BIT(limit);
	verdict->short_bytes[limit] = need_bytes - have_bytes;
}

static void judge_shared(const struct placement_host *host,
			 const struct placement_need *need,
			 struct placement_verdict *verdict)
{
	unsigned vios = need->needs_pair ? PLACEMENT_PAIR : PLACEMENT_VIOS;

	if ((host->flags & PLACEMENT_POOL) == 0)
		verdict->unmet |= HV_BIT(PLACEMENT_LIMIT_POOL);
	if ((host->flags & vios) == 0)
		verdict->unmet |= HV_BIT(PLACEMENT_LIMIT_VIOS);
	if (host->shared_free == 0)
		verdict->unmet |= HV_BIT(PLACEMENT_LIMIT_SHARED);
	judge_size(verdict, PLACEMENT_LIMIT_ENTITLED, need->entitled_bytes,
		   host->entitled_free_bytes);
	judge_size(verdict, PLACEMENT_LIMIT_LOGICAL, need->memory_bytes,
		   host->logical_free_bytes);
	judge_size(verdict, PLACEMENT_LIMIT_DEVICE, need->max_bytes,
		   placement_device_bytes(host, need));
}

struct placement_verdict placement_judge(const struct placement *placement, size_t at,
					 const struct placement_need *need)
{
	const struct placement_host *host = placement_host_at(placement, at);
	struct scan scan = scan_prepare(placement, need);
	struct placement_verdict verdict = { 0 };

	if ((host->flags & PLACEMENT_CONNECTED) == 0)
		verdict.unmet |= HV_BIT(PLACEMENT_LIMIT_CONNECTED);
	if ((host->flags & PLACEMENT_ROOM) == 0)
		verdict.unmet |= HV_BIT(PLACEMENT_LIMIT_ROOM);
	if (need->is_shared)
		judge_shared(host, need, &verdict);
	else
		judge_size(&verdict, PLACEMENT_LIMIT_MEMORY, need->memory_bytes,
			   host->memory_free_bytes);
	HV_INVARIANT((verdict.unmet == 0) == scan_fits(&scan, at));
	if (verdict.unmet == 0)
		verdict.score = (double)scan_score(&scan, at);
	return verdict;
}
