/* guest_watch - the data address breakpoint, see guest.h. */
#include "agent/partition/guest_priv.h"

#include <string.h>

static enum hv_code translate(int64_t code, int os, struct hv_err *err)
{
	switch (code) {
	case H_SUCCESS:
		return HV_OK;
	case H_HARDWARE:
		return hv_fail(err, HV_E_DENIED, "the kernel denies it: %s",
			       strerror(os));
	case H_LONG_BUSY_1_MSEC:
		return hv_fail(err, HV_E_TIMEOUT, "the hypervisor does not set it");
	default:
		return hv_fail(err, HV_E_REFUSED, "H_SET_DABR says %lld",
			       (long long)code);
	}
}

enum hv_code partition_guest_watch(struct partition_guest *guest, uint64_t address,
				   unsigned flags, struct hv_err *err)
{
	int64_t code;
	int os = 0;

	if (guest->mmu == NULL)
		return hv_fail(err, HV_E_STATE,
			       "it makes no hypervisor calls: it runs without --via-hpt");
	if (flags != 0 && address / HV_PAGE_BYTES >= guest->pages)
		return hv_fail(err, HV_E_INVAL, "address 0x%llx is not in its memory",
			       (unsigned long long)address);
	if (address % sizeof(uint64_t) != 0)
		return hv_fail(err, HV_E_INVAL, "address 0x%llx is not a multiple of 8",
			       (unsigned long long)address);
	code = partition_mmu_watch(guest->mmu, address, flags, &os);
	return translate(code, os, err);
}

bool partition_guest_hits(struct partition_guest *guest, unsigned index,
			  struct partition_hits *ret_hits)
{
	return guest->mmu != NULL && partition_mmu_hits(guest->mmu, index, ret_hits);
}
