/*
 * pool - the shared memory pool, made as desired in each new hypervisor.
 *
 * A pool of 0 bytes is one to take away. A refusal is reported at once and asked
 * for again slowly: the machine may have had no memory for the moment (P15).
 */
#include "agent/core/core_priv.h"

static bool ask_set(struct agent_core *core, const Tarn__DesiredPool *desired)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvPoolSet set = TARN__HV_POOL_SET__INIT;
	struct core_call what = { .kind = CORE_CALL_POOL, .number = desired->generation };

	set.mem_bytes = desired->mem_bytes;
	set.max_bytes = desired->max_bytes;
	request.kind_case = TARN__HV_REQUEST__KIND_POOL_SET;
	request.pool_set = &set;
	return core_call(core, &what, &request, CORE_POOL_ASK_MS) == HV_OK;
}

static bool ask_remove(struct agent_core *core, const Tarn__DesiredPool *desired)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__Empty empty = TARN__EMPTY__INIT;
	struct core_call what = { .kind = CORE_CALL_POOL, .number = desired->generation };

	request.kind_case = TARN__HV_REQUEST__KIND_POOL_REMOVE;
	request.pool_remove = &empty;
	return core_call(core, &what, &request, CORE_POOL_ASK_MS) == HV_OK;
}

void core_pool_step(struct agent_core *core)
{
	struct core_pool *pool = &core->pool;
	const Tarn__DesiredPool *desired = core->desired != NULL ? core->desired->pool
								 : NULL;

	if (desired == NULL || pool->applied == desired->generation ||
	    !core_hypervisor_is_up(core) ||
	    (pool->is_asked && pool->tried == desired->generation))
		return; /* what was asked for an older one is overtaken */
	if (pool->tried != desired->generation) {
		pool->retry_ms = 0;
		pool->is_asked = false;
	}
	if (!core_is_due(core, pool->retry_ms))
		return;
	pool->tried = desired->generation;
	if (desired->mem_bytes > 0)
		pool->is_asked = ask_set(core, desired);
	else if (core->hypervisor.stat->pool != NULL)
		pool->is_asked = ask_remove(core, desired);
	else
		core_pool_answered(core, desired->generation, HV_OK, "");
}

void core_pool_answered(struct agent_core *core, uint64_t generation, enum hv_code code,
			const char *text)
{
	struct core_pool *pool = &core->pool;

	core->hypervisor.is_busy = true;
	if (generation != pool->tried)
		return; /* overtaken by what is asked now */
	pool->is_asked = false;
	if (code == HV_OK) {
		pool->applied = generation;
		pool->failed = 0;
		return;
	}
	if (core_call_may_repeat(code)) {
		pool->retry_ms = core->now_ms + CORE_REPEAT_MS;
		return;
	}
	if (pool->failed != generation || strcmp(pool->error.text, text) != 0)
		core_event(core, TARN__EVENT_LEVEL__EVENT_ERROR, "pool.refused",
			   "shared memory pool: %s", text);
	pool->failed = generation;
	pool->retry_ms = core->now_ms + CORE_RETRY_SLOW_MS;
	core_error_set(&pool->error, code, text);
}

void core_pool_status(const struct agent_core *core, struct core_status *ret)
{
	const struct core_pool *pool = &core->pool;
	uint64_t generation = core->desired->pool->generation;

	*ret = (struct core_status){ .text = "" };
	if (pool->applied == generation) {
		ret->is_done = true;
	} else if (pool->failed == generation) {
		ret->is_done = true;
		ret->code = pool->error.code;
		ret->text = pool->error.text;
	} else {
		ret->text = core_hypervisor_is_up(core) ? "being set"
							: "waits for the hypervisor";
	}
}
