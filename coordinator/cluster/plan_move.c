/*
 * plan_move - memory of one running LPAR becomes another's (SPEC D2); see plan.h.
 *
 *   ordered: the giver shrinks, the receiver `awaits`
 *   it gave (all, or a part): the receiver grows by that    jobs/resize.c
 *   the receiver has it: the job is over
 *
 * Between the two the memory is nobody's for no moment: one draft takes and gives.
 */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/plan_resize.h"

#include <string.h>

#define SIZE_TEXT 32

static enum hv_code check_pair(const struct plan_resize *from,
			       const struct plan_resize *to, struct hv_err *err)
{
	const char *a = from->lpar->spec->name, *b = to->lpar->spec->name;

	if (strcmp(a, b) == 0)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s' cannot be given its own memory; name another",
			       a);
	if (from->host != to->host)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s' is on host '%s', and LPAR '%s' on '%s': memory "
			       "moves within a host",
			       a, from->host->name, b, to->host->name);
	if (limits_is_shared(from->lpar->spec) != limits_is_shared(to->lpar->spec))
		return hv_fail(
			err, HV_E_INVAL,
			"LPAR '%s' and LPAR '%s': memory of the pool and dedicated "
			"memory are not the same; remove from one, add to the other",
			a, b);
	return HV_OK;
}

static enum hv_code check_one(const struct plan *plan, const struct plan_resize *change,
			      struct hv_err *err)
{
	enum hv_code code;

	if (!limits_is_active(change->lpar))
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s' does not run: memory moves between two that "
			       "run; use 'tarn lpar resize'",
			       change->lpar->spec->name);
	code = plan_resize_check_running(plan, change, err);
	if (code == HV_OK)
		code = plan_resize_check_bounds(change, err);
	return code == HV_OK ? plan_resize_check_promise(plan, change, err) : code;
}

static void order(struct plan *plan, const struct plan_resize *from,
		  const struct plan_resize *to, const Tarn__LparMoveMemory *request)
{
	struct job_plan job = { TARN__JOB_KIND__JOB_LPAR, from->host->name,
				from->lpar->spec->name };
	const char *name = from->lpar->spec->name, *other = to->lpar->spec->name;
	Tarn__LparRecord *giver, *receiver;
	char text[SIZE_TEXT];

	plan->job = draft_add_job(
		&plan->draft, &job, "move %s of memory from lpar '%s' to '%s'",
		hv_size_format(request->bytes, text, sizeof(text)), name, other);
	giver = plan_resize_start(
		plan, from, request->has_wait_s ? request->wait_s : PLAN_RESIZE_WAIT_S);
	receiver = draft_edit_lpar(&plan->draft, other);
	if (giver == NULL || receiver == NULL)
		return; /* draft_finish() says no memory */
	draft_set_text(&plan->draft, &giver->resize_to, "%s", other);
	draft_set_text(&plan->draft, &receiver->awaits, "%s", name);
	receiver->has_move_bytes = 1;
	receiver->move_bytes = request->bytes;
}

enum hv_code plan_lpar_move_memory(struct plan *plan, const Tarn__LparMoveMemory *request,
				   struct hv_err *err)
{
	struct plan_resize from, to;
	enum hv_code code = plan_resize_find(plan, request->name, &from, err);

	if (code == HV_OK)
		code = plan_resize_find(plan, request->to, &to, err);
	if (code == HV_OK)
		code = check_pair(&from, &to, err);
	if (code == HV_OK && request->bytes == 0)
		code = hv_fail(err, HV_E_INVAL, "LPAR '%s': nothing to move; give a size",
			       request->name);
	if (code != HV_OK)
		return code;
	from.after = request->bytes > from.before ? 0 : from.before - request->bytes;
	to.after = request->bytes > UINT64_MAX - to.before ? UINT64_MAX
							   : to.before + request->bytes;
	code = check_one(plan, &from, err);
	if (code == HV_OK)
		code = check_one(plan, &to, err);
	if (code == HV_OK)
		order(plan, &from, &to, request);
	return code;
}
