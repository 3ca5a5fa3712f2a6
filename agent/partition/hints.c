/* hints - see hints.h. */
#include "agent/partition/hints.h"

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"

static uint64_t flags_of(enum hv_hint hint)
{
	static const uint64_t flags[HV_HINT_COUNT] = {
		[HV_HINT_CRITICAL] = H_PAGE_MORE,
		[HV_HINT_LOANED] = H_PAGE_UNUSED | H_PAGE_MORE,
		[HV_HINT_UNUSED] = H_PAGE_UNUSED,
		[HV_HINT_EXPENDABLE] = H_PAGE_EXPENDABLE,
		[HV_HINT_LATENT] = H_PAGE_LATENT,
	};

	return H_PAGE_STATE_CHANGE | flags[hint];
}

bool partition_hint(struct partition_calls *calls, uint64_t page, enum hv_hint hint)
{
	uint64_t args[HV_HCALL_ARGS] = { flags_of(hint), page * HV_PAGE_BYTES };
	uint8_t was;

	HV_INVARIANT(page < partition_calls_hint_count(calls));
	was = hv_hint_set(&partition_calls_hints(calls)[page], hint);
	if ((was & HV_HINT_TAKING) != 0) /* answered when it is gone */
		(void)partition_call(calls, H_PAGE_INIT, args);
	return (was & (HV_HINT_TAKING | HV_HINT_TAKEN)) == 0;
}
