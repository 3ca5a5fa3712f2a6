/* resize - see pager.h: logical memory that grows and shrinks (P18). */
#include "hvcore/pager/pager_priv.h"

uint32_t hv_space_pages(const struct hv_space *space)
{
	return space->pages;
}

bool hv_space_has_poison(const struct hv_space *space, uint32_t first, uint32_t count)
{
	HV_INVARIANT(count <= space->table.page_count &&
		     first <= space->table.page_count - count);
	if (space->table.pages_in[HV_PAGE_POISONED] == 0)
		return false;
	for (uint32_t page = first; page < first + count; page++)
		if (hv_page_state(&space->table, page) == HV_PAGE_POISONED)
			return true;
	return false;
}

enum hv_code hv_pager_resize(struct hv_pager *pager, struct hv_space *space,
			     uint32_t pages)
{
	HV_INVARIANT(pages > 0 && pages <= space->table.page_count);
	if (!hv_space_is_mine(pager, space, 0))
		return HV_E_GONE;
	for (uint32_t page = pages; page < space->pages; page++)
		if (hv_page_state(&space->table, page) != HV_PAGE_ZERO)
			return HV_E_BUSY;
	for (uint32_t page = pages; page < space->pages; page++)
		hv_page_loan(&space->table, page, false);
	if (pages < space->pages)
		hv_faults_forget(space, pages);
	space->pages = pages;
	return HV_OK;
}
