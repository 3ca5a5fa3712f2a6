/* guest - see guest.h. */
#include "coordinator/cluster/guest.h"

#include "hvcore/wire/lpar_profile.h"

static const char *what_it_is(const Tarn__LparRecord *lpar)
{
	return lpar->spec->guest->kind == TARN__GUEST_KIND__GUEST_PROGRAM
		       ? "a program"
		       : "a guest of QEMU";
}

enum hv_code guest_check_memory(const Tarn__LparRecord *lpar, struct hv_err *err)
{
	if (lpar->spec->guest == NULL)
		return HV_OK;
	return hv_fail(err, HV_E_REFUSED,
		       "LPAR '%s' is %s, whose memory stays what it is while "
		       "it runs; shut it down first",
		       lpar->spec->name, what_it_is(lpar));
}

enum hv_code guest_check_processors(const Tarn__LparRecord *lpar,
				    const Tarn__LparSetProcessors *request,
				    struct hv_err *err)
{
	const Tarn__GuestSpec *guest = lpar->spec->guest;

	if (guest == NULL || guest->kind == TARN__GUEST_KIND__GUEST_PROGRAM ||
	    (!request->has_procs && !request->has_more_procs))
		return HV_OK;
	return hv_fail(
		err, HV_E_REFUSED,
		"LPAR '%s' is a guest of QEMU and sees %u virtual processors until "
		"it is defined anew; its processing units and weight can be changed",
		lpar->spec->name, guest->vcpus);
}

enum hv_code guest_check_debugger(const Tarn__LparRecord *lpar, struct hv_err *err)
{
	if (lpar->spec->guest == NULL)
		return HV_OK;
	return hv_fail(err, HV_E_REFUSED,
		       "lpar '%s' is %s: it makes no calls of the hypervisor, "
		       "so nothing can be watched in it from outside",
		       lpar->spec->name, what_it_is(lpar));
}

enum hv_code guest_check_profile(const Tarn__LparRecord *lpar,
				 const Tarn__LparProfile *profile, struct hv_err *err)
{
	Tarn__LparSpec spec = *lpar->spec;

	if (spec.guest == NULL)
		return HV_OK;
	hv_lpar_profile_apply(profile, &spec);
	return hv_lpar_spec_check(&spec, err);
}

uint64_t guest_round_down(const Tarn__LparSpec *spec, uint64_t bytes)
{
	if (spec->guest == NULL)
		return bytes;
	return bytes - bytes % hv_guest_block_bytes(spec->guest->kind);
}
