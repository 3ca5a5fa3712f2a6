/* guest_io - what drivers do with pages; see guest.h. */
#include "agent/partition/guest_priv.h"

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

uint64_t partition_guest_kept(const struct partition_guest *guest)
{
	return guest->reserved + guest->driver;
}

uint64_t partition_guest_driver_page(const struct partition_guest *guest, uint64_t nth)
{
	HV_INVARIANT(nth < guest->driver);
	return guest->reserved + nth;
}

uint8_t *partition_guest_driver(const struct partition_guest *guest, uint64_t nth)
{
	return guest->base + partition_guest_driver_page(guest, nth) * HV_PAGE_BYTES;
}

bool partition_guest_lend(struct partition_guest *guest, uint64_t page, bool is_store,
			  uint64_t *ret_logical)
{
	HV_INVARIANT(page < guest->pages && !guest_is_driver(guest, page));
	guest_use(guest, page);
	if (guest->mmu != NULL)
		return partition_mmu_translate(guest->mmu, page, is_store, ret_logical);
	*ret_logical = page;
	return true;
}

uint32_t partition_guest_version(const struct partition_guest *guest, uint64_t page)
{
	return guest->versions[page] & GUEST_VERSION_BITS;
}

void partition_guest_restore(struct partition_guest *guest, uint64_t page,
			     uint32_t version)
{
	HV_INVARIANT(page >= guest->reserved && !guest_is_driver(guest, page));
	HV_INVARIANT((version & ~GUEST_VERSION_BITS) == 0);
	guest->versions[page] = version;
}

bool partition_guest_count_bad(struct partition_guest *guest)
{
	return guest_count_mismatch(guest);
}
