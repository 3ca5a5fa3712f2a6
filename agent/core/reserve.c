/*
 * reserve - memory blocks of the hypervisor's own, as many as the coordinator's model
 * says (SPEC R6).
 *
 * What the hypervisor reports is compared with what is desired at each step, so there
 * is nothing to remember. A refusal is told once and asked again slowly: a partition
 * that is going may still have the blocks.
 */
#include "agent/core/core_priv.h"

void core_reserve_step(struct agent_core *core)
{
	struct core_reserve *reserve = &core->reserve;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvReserveSet set = TARN__HV_RESERVE_SET__INIT;
	struct core_call what = { .kind = CORE_CALL_RESERVE };

	if (core->desired == NULL || !core->desired->has_firmware_lmbs ||
	    !core_hypervisor_is_up(core) || reserve->is_asked)
		return;
	set.lmbs = core->desired->firmware_lmbs;
	if (core->hypervisor.stat->lmbs_hypervisor == set.lmbs ||
	    !core_is_due(core, reserve->retry_ms))
		return;
	request.kind_case = TARN__HV_REQUEST__KIND_RESERVE_SET;
	request.reserve_set = &set;
	reserve->is_asked = core_call(core, &what, &request, CORE_ASK_MS) == HV_OK;
}

void core_reserve_answered(struct agent_core *core, enum hv_code code, const char *text)
{
	struct core_reserve *reserve = &core->reserve;

	reserve->is_asked = false;
	core->hypervisor.is_busy = true;
	/* not before the next stat can have shown what this one did */
	reserve->retry_ms = core->now_ms + CORE_REPEAT_MS;
	if (code == HV_OK) {
		reserve->why[0] = '\0';
		return;
	}
	if (core_call_may_repeat(code))
		return;
	reserve->retry_ms = core->now_ms + CORE_RETRY_SLOW_MS;
	if (strcmp(reserve->why, text) == 0)
		return;
	core_text_set(reserve->why, "%s", text);
	core_event(core, TARN__EVENT_LEVEL__EVENT_ERROR, "hypervisor.reserve_refused",
		   "the hypervisor's own memory: %s", text);
}
