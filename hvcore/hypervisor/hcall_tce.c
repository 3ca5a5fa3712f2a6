/*
 * hcall_tce - pages of shared memory that devices are to use: H_PUT_TCE, H_STUFF_TCE.
 *
 *   check, bound, write the entries --> bring the page --> ready: H_SUCCESS
 *     | refused: nothing changed          | not yet: H_LONG_BUSY_1_MSEC, and the same
 *                                         |   call again finds the entries written
 *                                         | lost: they are cleared, H_HARDWARE
 *
 * From the moment an entry is written its page is under I/O (M7): what is brought for it
 * stays. Both calls name one page, so that a call brings one at most.
 */
#include "hvcore/hypervisor/hcalls.h"
#include "hvcore/hypervisor/memory.h"

#include "hvcore/base/clock.h"
#include "hvcore/base/units.h"

static bool is_mapping(const struct hv_tce_range *range)
{
	return (range->tce & (HV_TCE_READ | HV_TCE_WRITE)) != 0 && range->count > 0;
}

/*
 * What may be mapped. While an order for less is under way the less is what counts: what
 * it gave up may be somebody else's by now.
 */
static uint32_t bound(const struct hcalls *hcalls)
{
	uint32_t told = hcalls->memory->mpp.io_pages;
	uint64_t asked = mpp_asked_pages(&hcalls->mpp);

	return asked < told ? (uint32_t)asked : told;
}

static int64_t map(struct hcalls *hcalls, struct hv_tces *tces,
		   const struct hv_tce_range *range, int64_t *ret_change)
{
	struct memory *memory = hcalls->memory;
	uint32_t page = (uint32_t)(range->tce >> HV_PAGE_SHIFT);
	bool is_write = (range->tce & HV_TCE_WRITE) != 0;
	int64_t more = 0;

	hcalls_use(hcalls, page);
	switch (hv_pager_map(memory->thread->pager, memory->space, page, is_write,
			     hv_clock_ns())) {
	case HV_MAP_READY:
		hv_tces_ready(tces, range);
		return H_SUCCESS;
	case HV_MAP_WAITS:
		hcalls->map_waits++;
		return H_LONG_BUSY_1_MSEC;
	default:
		hv_tces_lost(tces, range, &more);
		*ret_change += more;
		return H_HARDWARE;
	}
}

int64_t hcalls_serve_tce(struct hcalls *hcalls, const struct hv_hcall_ask *ask,
			 uint64_t *values)
{
	struct memory *memory = hcalls->memory;
	struct hv_tces *tces = hv_calls_tces(hcalls->calls);
	struct hv_tce_range range = hv_tce_range_of(ask);
	uint64_t page = range.tce >> HV_PAGE_SHIFT;
	int64_t change = 0, code;

	if (tces == NULL)
		return H_PARAMETER;
	/* before it is under I/O: afterwards a hole is the partition's end */
	if (is_mapping(&range) && page < memory->pages &&
	    !hv_tces_is_mapped(tces, (uint32_t)page))
		hv_pager_look(memory->thread->pager, memory->space, (uint32_t)page);
	hv_tces_entitle(tces, bound(hcalls));
	code = hv_tces_map(tces, &range, &change);
	if (code == H_SUCCESS && is_mapping(&range))
		code = map(hcalls, tces, &range, &change);
	values[0] = (uint64_t)change * HV_PAGE_BYTES;
	return code;
}

bool hcalls_maps_any(const struct hcalls *hcalls, uint32_t first, uint32_t count)
{
	const struct hv_tces *tces = hv_calls_tces(hcalls->calls);

	return tces != NULL && hv_tces_any_mapped(tces, first, count);
}

enum hv_code hcalls_audit(const struct hcalls *hcalls, struct hv_err *err)
{
	const struct hv_tces *tces = hv_calls_tces(hcalls->calls);
	const struct memory *memory = hcalls->memory;
	enum hv_code code = hv_calls_audit(hcalls->calls, err);
	bool is_write = false;
	uint32_t page = 0;

	if (tces == NULL || memory->thread == NULL)
		return code;
	for (uint64_t at = 0; code == HV_OK && hv_tces_next(tces, &at, &page, &is_write);)
		code = hv_space_audit_io(memory->space, page, is_write, err);
	return code;
}
