/* rogue_calls - see rogue.h: hypervisor calls of a rogue, in its own process. */
#include "tests/support/rogue_priv.h"

#include <string.h>

#include "hvcore/base/units.h"

#define FAILED ROGUE_FAILED

static uint64_t enter(struct rogue_child *child, uint64_t page, uint64_t count)
{
	uint64_t groups = partition_calls_groups(child->calls);
	uint64_t failed = 0;

	for (uint64_t p = page; p < page + count; p++) {
		uint64_t va = p * HV_PAGE_BYTES;
		uint64_t args[HV_HCALL_ARGS] = {
			0,
			(hv_va_hash(va) & (groups - 1)) * HV_PTEG_ENTRIES,
			hv_va_avpn(va) | HV_HPTE_V_VALID,
			va | HV_HPTE_R_M | HV_HPTE_R_PP_RW,
		};

		failed += partition_call(child->calls, H_ENTER, args).code != H_SUCCESS;
	}
	return failed;
}

static uint64_t walk(struct rogue_child *child, uint64_t page, uint64_t count)
{
	uint64_t found = 0;

	for (uint64_t p = page; p < page + count; p++) {
		uint64_t args[HV_HCALL_ARGS] = { p * HV_PAGE_BYTES, 1 };

		found += partition_call(child->calls, H_WALK, args).code == H_SUCCESS;
	}
	return found;
}

static void call_at_random(struct rogue_child *child)
{
	static const uint32_t numbers[] = { H_ENTER,
					    H_REMOVE,
					    H_READ,
					    H_PROTECT,
					    H_PUT_TCE,
					    H_STUFF_TCE,
					    H_WALK,
					    H_GET_TCE,
					    H_SET_DABR,
					    H_DABR_HITS,
					    H_SET_MPP,
					    H_GET_MPP,
					    H_REG_CRQ,
					    H_FREE_CRQ,
					    H_SEND_CRQ,
					    H_REGISTER_LOGICAL_LAN,
					    H_FREE_LOGICAL_LAN,
					    H_ADD_LOGICAL_LAN_BUFFER,
					    H_SEND_LOGICAL_LAN };
	uint64_t args[HV_HCALL_ARGS];
	uint32_t number = (uint32_t)hv_rng_next(&child->rng);

	for (unsigned i = 0; i < HV_HCALL_ARGS; i++)
		args[i] = hv_rng_next(&child->rng) >> hv_rng_below(&child->rng, 64);
	if (hv_rng_below(&child->rng, 4) != 0)
		number = numbers[number % HV_COUNT(numbers)];
	/* with its mind made up, some of the time: there may be an entry */
	if (number == H_SET_DABR && hv_rng_below(&child->rng, 2) == 0)
		memcpy(args,
		       (uint64_t[HV_HCALL_ARGS]){ (args[0] % 64) * HV_PAGE_BYTES |
						  HV_DABR_FLAGS },
		       sizeof(args));
	if ((number == H_PUT_TCE || number == H_STUFF_TCE) &&
	    hv_rng_below(&child->rng, 2) == 0)
		memcpy(args,
		       (uint64_t[HV_HCALL_ARGS]){
			       HV_LIOBN_FIRST + args[0] % 3, args[1] % (8 << 20),
			       (args[2] % 700) << 12 | (args[2] >> 60 & 3),
			       number == H_PUT_TCE ? 0 : args[3] % 64 },
		       sizeof(args));
	(void)partition_call(child->calls, number, args);
}

static uint64_t call(struct rogue_child *child, uint64_t count)
{
	while (count-- > 0)
		call_at_random(child);
	return 0;
}

static uint64_t map_tces(struct rogue_child *child, uint64_t page, uint64_t count)
{
	uint64_t refused = 0;

	for (uint64_t p = page; p < page + count; p++) {
		uint64_t args[HV_HCALL_ARGS] = { HV_LIOBN_FIRST, p % 2048 * HV_PAGE_BYTES,
						 p * HV_PAGE_BYTES | HV_TCE_READ |
							 HV_TCE_WRITE };

		refused += partition_call_again(child->calls, H_PUT_TCE, args).code !=
			   H_SUCCESS;
	}
	return refused;
}

static uint64_t unmap_tces(struct rogue_child *child)
{
	uint64_t args[HV_HCALL_ARGS] = { HV_LIOBN_FIRST, 0, 0, 2048 };

	return partition_call_again(child->calls, H_STUFF_TCE, args).code == H_SUCCESS
		       ? 0
		       : FAILED;
}

static uint64_t set_share(struct rogue_child *child, uint64_t pages, uint64_t weight)
{
	uint64_t args[HV_HCALL_ARGS] = { pages * HV_PAGE_BYTES, weight };
	struct hv_hcall_answer answer = partition_call_again(child->calls, H_SET_MPP,
							     args);

	if (answer.code < 0)
		return FAILED;
	return answer.values[0] / HV_PAGE_BYTES | answer.values[1] << 32 |
	       (uint64_t)(answer.code == H_CONSTRAINED) << 48;
}

/* The call afterwards rings for whatever asks are in it now. */
static uint64_t scribble(struct rogue_child *child, uint64_t count)
{
	uint8_t *at = (uint8_t *)partition_calls_area(child->calls);

	while (count-- > 0) {
		for (size_t i = 0; i < sizeof(struct hv_hcall_area); i++)
			at[i] = (uint8_t)hv_rng_next(&child->rng);
		call_at_random(child);
	}
	return 0;
}

uint64_t rogue_call_do(struct rogue_child *child, const struct rogue_task *order)
{
	switch (order->deed) {
	case ROGUE_ENTER:
		return enter(child, order->page, order->count);
	case ROGUE_WALK:
		return walk(child, order->page, order->count);
	case ROGUE_CALL:
		return call(child, order->count);
	case ROGUE_SCRIBBLE:
		return scribble(child, order->count);
	case ROGUE_MAP:
		return map_tces(child, order->page, order->count);
	case ROGUE_UNMAP_TCES:
		return unmap_tces(child);
	case ROGUE_SHARE:
		return set_share(child, order->page, order->count);
	default:
		return FAILED;
	}
}
