/* hcall - see hcall.h. */
#include "hvcore/wire/hcall.h"

static const struct {
	uint32_t number;
	unsigned args;
} calls[] = {
	/* clang-format off */
	{ H_REMOVE,    3 },
	{ H_ENTER,     4 },
	{ H_READ,      2 },
	{ H_PROTECT,   3 },
	{ H_GET_TCE,   2 },
	{ H_PUT_TCE,   3 },
	{ H_PAGE_INIT, 3 },
	{ H_SET_DABR,  1 },
	{ H_STUFF_TCE, 4 },
	{ H_SET_MPP,   2 },
	{ H_GET_MPP,   0 },
	{ H_WALK,      2 },
	{ H_DABR_HITS, 1 },
	{ H_REG_CRQ,   3 },
	{ H_FREE_CRQ,  1 },
	{ H_SEND_CRQ,  3 },
	{ H_REGISTER_LOGICAL_LAN,   5 },
	{ H_FREE_LOGICAL_LAN,       1 },
	{ H_ADD_LOGICAL_LAN_BUFFER, 2 },
	{ H_SEND_LOGICAL_LAN,       7 },
	/* clang-format on */
};

int64_t hv_hcall_check(const struct hv_hcall_ask *ask)
{
	for (unsigned i = 0; i < HV_COUNT(calls); i++) {
		if (calls[i].number != ask->number)
			continue;
		for (unsigned n = calls[i].args; n < HV_HCALL_ARGS; n++)
			if (ask->args[n] != 0)
				return H_PARAMETER;
		return H_SUCCESS;
	}
	return H_FUNCTION;
}
