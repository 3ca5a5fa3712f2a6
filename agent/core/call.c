/*
 * call - requests to the hypervisor and to whom their answers go.
 *
 * A request belongs to one instance of the hypervisor: an answer that comes when
 * another one runs, or none, counts as GONE.
 */
#include "agent/core/core_priv.h"

#include <stdlib.h>

bool core_call_may_repeat(enum hv_code code)
{
	return code == HV_E_TIMEOUT || code == HV_E_GONE || code == HV_E_AGAIN ||
	       code == HV_E_CANCELED;
}

enum hv_code core_call(struct agent_core *core, const struct core_call *what,
		       const Tarn__HvRequest *request, uint64_t deadline_ms)
{
	struct core_call *call = NULL;
	enum hv_code code;

	for (size_t i = 0; i < CORE_CALLS_MAX && call == NULL; i++) {
		if (core->calls[i].kind == 0)
			call = &core->calls[i];
	}
	if (call == NULL)
		return HV_E_AGAIN; /* a step follows each answer */
	*call = *what;
	call->tag = ++core->next_tag;
	call->hypervisor = core->hypervisor.generation;
	code = core->ops->ask(core->env, call->tag, request, deadline_ms, NULL);
	if (code == HV_OK)
		return HV_OK;
	call->kind = 0;
	core_wake(core, core->now_ms + CORE_STAT_BUSY_MS);
	return code;
}

static void dispatch(struct agent_core *core, const struct core_call *call,
		     enum hv_code code, const Tarn__HvReply *reply, const char *text)
{
	switch (call->kind) {
	case CORE_CALL_POOL:
		core_pool_answered(core, call->number, code, text);
		break;
	case CORE_CALL_RESERVE:
		core_reserve_answered(core, code, text);
		break;
	case CORE_CALL_EXPECT:
		core_vios_expect_answered(core, code, text);
		break;
	case CORE_CALL_AUDIT:
		core_op_audited(core, call->number, code,
				reply != NULL ? reply->stat : NULL, text);
		break;
	case CORE_CALL_FAILBACK:
		core_op_failed_back(core, call->number, code, text);
		break;
	case CORE_CALL_DEFINE:
	case CORE_CALL_REMOVE:
	case CORE_CALL_SHUTDOWN:
	case CORE_CALL_COMMAND:
	case CORE_CALL_RESIZE:
	case CORE_CALL_SHARE:
	case CORE_CALL_PRIMARY:
	case CORE_CALL_BACKING:
		core_lpar_answered(core, call, code, reply, text);
		break;
	default:
		HV_UNREACHABLE("an answer to no request");
	}
}

static enum hv_code code_of(const Tarn__HvReply *reply, enum hv_code code)
{
	if (code != HV_OK || reply == NULL)
		return code != HV_OK ? code : HV_E_CORRUPT;
	if (reply->error == NULL)
		return HV_OK;
	if (reply->error->code == HV_OK || reply->error->code >= HV_CODE_COUNT)
		return HV_E_CORRUPT;
	return (enum hv_code)reply->error->code;
}

void agent_core_answered(struct agent_core *core, uint32_t tag, enum hv_code code,
			 Tarn__HvReply *take_reply)
{
	struct core_call call = { 0 };
	const char *text;

	core->now_ms = core->ops->now_ms(core->env);
	for (size_t i = 0; i < CORE_CALLS_MAX; i++) {
		if (core->calls[i].kind != 0 && core->calls[i].tag == tag) {
			call = core->calls[i];
			core->calls[i].kind = 0;
		}
	}
	HV_INVARIANT(call.kind != 0);
	code = code_of(take_reply, code);
	if (call.hypervisor != core->hypervisor.generation)
		code = HV_E_GONE;
	text = take_reply != NULL && take_reply->error != NULL ? take_reply->error->text
							       : hv_code_name(code);
	if (call.kind == CORE_CALL_STAT) {
		core_hypervisor_answered(core, &call, code, take_reply);
	} else {
		dispatch(core, &call, code, take_reply, text);
		if (take_reply != NULL)
			tarn__hv_reply__free_unpacked(take_reply, NULL);
	}
	agent_core_step(core);
}
