/*
 * hcall_pages - what a partition says of its pages and asks about its share: H_PAGE_INIT,
 * H_SET_MPP, H_GET_MPP, and the hints behind its calls' memory (hvcore/wire/hint.h).
 *
 * The fault thread serves one thing after the other, so a call is answered after
 * whatever reclaim was doing to that page: that is all that TAKING needs.
 */
#include "hvcore/hypervisor/hcalls.h"
#include "hvcore/hypervisor/memory.h"

#include <string.h>

#include "hvcore/base/units.h"

#define POOL_NONE 0xffffu /* of dedicated memory */

static _Atomic uint8_t *hint_at(const struct hcalls *hcalls, uint32_t page)
{
	return hv_hcall_hints(hcalls->area) + page;
}

static uint8_t hint_of(const struct hcalls *hcalls, uint32_t page)
{
	return atomic_load_explicit(hint_at(hcalls, page), memory_order_relaxed);
}

/* ---- for reclaim ---- */

static bool is_under_io(const struct hcalls *hcalls, uint32_t page)
{
	const struct hv_tces *tces = hv_calls_tces(hcalls->calls);

	return tces != NULL && hv_tces_is_mapped(tces, page);
}

enum hv_importance hcalls_importance(const struct hcalls *hcalls, uint32_t page)
{
	if (is_under_io(hcalls, page))
		return HV_PAGE_UNDER_IO;
	return hint_of(hcalls, page) == HV_HINT_CRITICAL ? HV_PAGE_CRITICAL
							 : HV_PAGE_ORDINARY;
}

/* Eight hints at a time: most are ACTIVE, which is 0. */
static bool is_plain(const struct hcalls *hcalls, uint32_t page)
{
	uint64_t hints;

	memcpy(&hints, (const void *)hint_at(hcalls, page), sizeof(hints));
	return hints == 0;
}

uint32_t hcalls_find_spare(const struct hcalls *hcalls, uint32_t from, uint32_t end,
			   enum hv_hint last)
{
	for (uint32_t page = from; page < end;) {
		uint8_t hint = hint_of(hcalls, page);

		/* M7: whatever it says of a page under I/O */
		if (hv_hint_is_spare(hint) && hint <= last && !is_under_io(hcalls, page))
			return page;
		page += end - page >= 8 && is_plain(hcalls, page) ? 8 : 1;
	}
	return end;
}

enum hv_hint hcalls_claim(struct hcalls *hcalls, uint32_t page)
{
	uint8_t hint = hint_of(hcalls, page);

	if (!hv_hint_is_spare(hint) ||
	    !hv_hint_claim(hint_at(hcalls, page), (enum hv_hint)hint))
		return HV_HINT_ACTIVE;
	return (enum hv_hint)hint;
}

void hcalls_claimed(struct hcalls *hcalls, uint32_t page, enum hv_hint hint,
		    bool is_taken)
{
	hv_hint_claimed(hint_at(hcalls, page), hint, is_taken);
}

void hcalls_use(struct hcalls *hcalls, uint32_t page)
{
	uint8_t hint = hint_of(hcalls, page);

	if (hint != HV_HINT_ACTIVE && hint != HV_HINT_CRITICAL)
		(void)hv_hint_set(hint_at(hcalls, page), HV_HINT_ACTIVE);
}

/* ---- H_PAGE_INIT ---- */

static enum hv_hint hint_of_flags(uint64_t flags)
{
	bool is_more = (flags & H_PAGE_MORE) != 0;

	switch (flags & H_PAGE_UNUSED) {
	case H_PAGE_UNUSED:
		return is_more ? HV_HINT_LOANED : HV_HINT_UNUSED;
	case H_PAGE_EXPENDABLE:
		return HV_HINT_EXPENDABLE;
	case H_PAGE_LATENT:
		return HV_HINT_LATENT;
	default:
		return is_more ? HV_HINT_CRITICAL : HV_HINT_ACTIVE;
	}
}

static int64_t make_zero(struct hcalls *hcalls, uint32_t page)
{
	struct memory *memory = hcalls->memory;

	if (memory->thread == NULL) /* dedicated: its processors write zeros faster */
		return H_PARAMETER;
	if (is_under_io(hcalls, page)) /* a device may be at it: it keeps its frame */
		return H_RESOURCE;
	return hv_pager_discard(memory->thread->pager, memory->space, page, 1) == HV_OK
		       ? H_SUCCESS
		       : H_BUSY;
}

static int64_t page_init(struct hcalls *hcalls, const uint64_t *args)
{
	const uint64_t known = H_PAGE_STATE_CHANGE | H_PAGE_UNUSED | H_PAGE_MORE |
			       H_ZERO_PAGE;
	uint64_t page = args[1] >> HV_PAGE_SHIFT;
	int64_t code = H_SUCCESS;

	if ((args[0] & ~known) != 0 || (args[1] & (HV_PAGE_BYTES - 1)) != 0 ||
	    page >= hcalls->memory->pages || args[2] != 0)
		return H_PARAMETER;
	if ((args[0] & H_ZERO_PAGE) != 0)
		code = make_zero(hcalls, (uint32_t)page);
	if (code == H_SUCCESS && (args[0] & H_PAGE_STATE_CHANGE) != 0)
		(void)hv_hint_set(hint_at(hcalls, (uint32_t)page),
				  hint_of_flags(args[0]));
	return code;
}

/* ---- H_GET_MPP, H_SET_MPP ---- */

static void get_mpp(const struct hcalls *hcalls, uint64_t *values)
{
	const struct memory *memory = hcalls->memory;
	struct hv_space_use use;
	struct hv_calls_stat stat;

	if (memory->thread == NULL) {
		values[HV_MPP_MAPPED] = UINT64_MAX;
		values[HV_MPP_POOL] = POOL_NONE;
		return;
	}
	hv_space_use(memory->space, &use);
	hv_calls_stat(hcalls->calls, &stat);
	values[HV_MPP_ENTITLED] = (uint64_t)memory->mpp.io_pages * HV_PAGE_BYTES;
	values[HV_MPP_MAPPED] = (uint64_t)stat.tces.pages * HV_PAGE_BYTES;
	values[HV_MPP_WEIGHT] = (uint64_t)memory->mpp.weight << 56 |
				(uint64_t)memory->mpp.spare_weight << 48 |
				memory->mpp.spare_pages;
	values[HV_MPP_POOL_BYTES] = memory->mpp.pool_bytes;
	values[HV_MPP_LOAN_REQUEST] =
		((uint64_t)memory->mpp.donation_pages - use.loaned) * HV_PAGE_BYTES;
	values[HV_MPP_BACKING] = (uint64_t)use.resident * HV_PAGE_BYTES;
}

static int64_t set_mpp(struct hcalls *hcalls, const uint64_t *args, uint64_t *values)
{
	const struct memory *memory = hcalls->memory;
	struct hv_calls_stat stat;

	if (memory->thread == NULL) /* dedicated: there is nothing to set */
		return H_PARAMETER;
	hv_calls_stat(hcalls->calls, &stat);
	return mpp_set(&hcalls->mpp, args, stat.tces.pages, memory->mpp.number, values);
}

int64_t hcalls_serve_pages(struct hcalls *hcalls, const struct hv_hcall_ask *ask,
			   uint64_t *values)
{
	switch (ask->number) {
	case H_PAGE_INIT:
		return page_init(hcalls, ask->args);
	case H_SET_MPP:
		return set_mpp(hcalls, ask->args, values);
	case H_GET_MPP:
		get_mpp(hcalls, values);
		return H_SUCCESS;
	default:
		return H_FUNCTION;
	}
}
