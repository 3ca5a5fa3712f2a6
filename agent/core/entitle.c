/*
 * entitle - weight and entitled memory of a shared partition that runs, as they are
 * wanted now: the hypervisor says what it was last told, and is told again where that
 * differs. Nothing is kept, so whichever agent looks first does it.
 *
 * A refusal (the pool has no room for it) is told once for each wish, and tried again
 * later; until then no answer of the hypervisor is waited for. A wish that is taken back
 * and comes again is another one.
 */
#include "agent/core/core_priv.h"
#include "hvcore/wire/lpar_adapters.h"

#define RETRY_MS 5000 /* after a refusal; arbitrary */

static bool is_as_wanted(const Tarn__LparSpec *want, const Tarn__PartitionStat *stat)
{
	return want->weight == stat->ordered_weight &&
	       hv_lpar_entitled(want) == stat->ordered_entitled_bytes;
}

static bool was_refused(const struct core_entitle *entitle)
{
	return entitle->retry_ms != 0;
}

static bool is_another(const Tarn__LparSpec *want, const struct core_entitle *entitle)
{
	return want->weight != entitle->weight ||
	       hv_lpar_entitled(want) != entitle->entitled_bytes;
}

void core_entitle_step(struct agent_core *core, struct core_lpar *lpar)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvPartitionShare share = TARN__HV_PARTITION_SHARE__INIT;
	const Tarn__LparSpec *want = lpar->desired->spec;
	struct core_call what = { .kind = CORE_CALL_SHARE, .number = lpar->run.started };
	struct core_entitle *entitle = &lpar->entitle;

	if (want->mode != TARN__MEMORY_MODE__MEMORY_MODE_SHARED ||
	    !lpar->stat->has_ordered_weight)
		return;
	if (is_as_wanted(want, lpar->stat) ||
	    (was_refused(entitle) && is_another(want, entitle)))
		*entitle = (struct core_entitle){ 0 };
	if (is_as_wanted(want, lpar->stat) || !core_is_due(core, entitle->retry_ms))
		return;
	core->hypervisor.is_busy = true; /* the next stat says what it has */
	if (lpar->is_busy || !core_is_due(core, lpar->retry_ms))
		return;
	entitle->weight = want->weight;
	entitle->entitled_bytes = hv_lpar_entitled(want);
	share.name = lpar->name;
	share.run_id = lpar->run.started;
	share.weight = entitle->weight;
	share.entitled_bytes = entitle->entitled_bytes;
	request.kind_case = TARN__HV_REQUEST__KIND_SHARE;
	request.share = &share;
	lpar->is_busy = core_lpar_ask(core, lpar, &what, &request);
}

void core_entitle_answered(struct agent_core *core, struct core_lpar *lpar,
			   enum hv_code code, const char *text)
{
	struct core_entitle *entitle = &lpar->entitle;

	if (code == HV_OK) {
		*entitle = (struct core_entitle){ 0 };
		lpar->retry_ms = core->now_ms + CORE_REPEAT_MS;
		return;
	}
	entitle->retry_ms = core->now_ms + RETRY_MS;
	core_wake(core, entitle->retry_ms);
	if (!entitle->is_told)
		core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "lpar.share_refused",
			   "partition '%s' keeps its weight and entitled memory: %.150s",
			   lpar->name, text);
	entitle->is_told = true;
}
