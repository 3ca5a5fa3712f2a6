/*
 * resize - memory of a running partition, as the coordinator wants it to be.
 *
 * The hypervisor keeps the last order of each run with its result, so nothing is kept
 * here: the same generation again is the same order, whichever agent gives it. Only a
 * refusal leaves no trace there; it is saved, or the next agent might get what was
 * reported as refused.
 */
#include "agent/core/core_priv.h"

/* What the hypervisor has of the order that is desired; NULL: nothing. */
static const Tarn__ResizeStat *known(const struct core_lpar *lpar)
{
	const Tarn__DesiredResize *want = lpar->desired->resize;
	const Tarn__ResizeStat *stat = lpar->stat != NULL ? lpar->stat->resize : NULL;

	return stat != NULL && lpar->stat->run_id == lpar->desired->run_id &&
			       stat->generation == want->generation
		       ? stat
		       : NULL;
}

static bool is_refused(const struct core_lpar *lpar)
{
	return lpar->run.resize_refused == lpar->desired->resize->generation;
}

void core_resize_step(struct agent_core *core, struct core_lpar *lpar)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvPartitionResize resize = TARN__HV_PARTITION_RESIZE__INIT;
	const Tarn__DesiredResize *want = lpar->desired->resize;
	struct core_call what = { .kind = CORE_CALL_RESIZE };

	if (want == NULL || is_refused(lpar) || known(lpar) != NULL)
		return;
	core->hypervisor.is_busy = true; /* the next stat says how far it is */
	if (lpar->is_busy || !core_is_due(core, lpar->retry_ms))
		return;
	what.number = want->generation;
	resize.name = lpar->name;
	resize.run_id = lpar->run.started;
	resize.generation = want->generation;
	resize.mem_bytes = want->mem_bytes;
	resize.has_wait_s = want->has_wait_s;
	resize.wait_s = want->wait_s;
	request.kind_case = TARN__HV_REQUEST__KIND_RESIZE;
	request.resize = &resize;
	lpar->is_busy = core_lpar_ask(core, lpar, &what, &request);
}

void core_resize_answered(struct agent_core *core, struct core_lpar *lpar,
			  uint64_t generation, enum hv_code code, const char *text)
{
	if (code == HV_OK || code == HV_E_BUSY) { /* busy: with the one before */
		lpar->retry_ms = core->now_ms + CORE_REPEAT_MS;
		return;
	}
	lpar->run.resize_refused = generation;
	core_error_set(&lpar->run.resize_error, code, text);
	core_state_touch(core, true);
}

/* A refusal counts when it is saved: until then the order may be given once more. */
static bool is_refusal_kept(const struct agent_core *core)
{
	return !core->state_is_unsaved;
}

void core_resize_status(const struct agent_core *core, const struct core_lpar *lpar,
			struct core_status *ret)
{
	const Tarn__DesiredLpar *desired = lpar->desired;
	const Tarn__ResizeStat *stat = known(lpar);

	*ret = (struct core_status){ .text = "" };
	if (!desired->running || desired->run_id <= lpar->run.ended) {
		ret->is_done = true;
		ret->code = HV_E_GONE;
		ret->text = "the partition has ended";
		return;
	}
	if (lpar->stat != NULL && lpar->stat->run_id == desired->run_id)
		ret->usable_bytes = lpar->stat->logical_pages * HV_PAGE_BYTES;
	if (stat != NULL) {
		ret->is_done = stat->done;
		if (stat->done && stat->error != NULL) {
			ret->code = stat->error->code != HV_OK &&
						    stat->error->code < HV_CODE_COUNT
					    ? (enum hv_code)stat->error->code
					    : HV_E_CORRUPT;
			ret->text = stat->error->text;
		}
		return;
	}
	if (!is_refused(lpar) || !is_refusal_kept(core))
		return;
	ret->is_done = true;
	ret->code = lpar->run.resize_error.code;
	ret->text = lpar->run.resize_error.text;
}
