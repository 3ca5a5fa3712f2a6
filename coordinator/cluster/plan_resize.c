/*
 * plan_resize - memory of an LPAR grows and shrinks (SPEC D2); see plan.h.
 *
 * What grows is counted from the order on, what shrinks until the report says that it
 * was given: so nothing is promised twice. jobs/resize.c ends it.
 */
#include "coordinator/cluster/plan_resize.h"
#include "coordinator/cluster/guest.h"
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/machine.h"
#include "coordinator/cluster/memory.h"
#include "hvcore/wire/lpar_adapters.h"

#include <stdlib.h>

#define SIZE_TEXT 32

static uint64_t memory_of(const struct plan_resize *change)
{
	const Tarn__LparRecord *lpar = change->lpar;

	return lpar->running && lpar->has_granted_bytes ? lpar->granted_bytes
							: change->use.spec.mem_bytes;
}

/* One that never ran has its default profile's sizes, whatever its spec still says. */
static enum hv_code find_use(struct plan_resize *change, struct hv_err *err)
{
	change->use = (struct profile_use){ .spec = *change->lpar->spec };
	if (limits_is_active(change->lpar))
		return HV_OK;
	return profile_use_find(change->lpar, NULL, &change->use, err);
}

/* Exactly one of three sizes; UINT64_MAX stands for more than can be. */
enum hv_code plan_resize_find_after(const Tarn__LparResize *request,
				    struct plan_resize *change, struct hv_err *err)
{
	uint64_t before = change->before;

	if (request->has_mem_bytes + request->has_add_bytes + request->has_remove_bytes !=
	    1)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': one size is needed: the memory it shall have, "
			       "or what is added, or what is removed",
			       request->name);
	if (request->has_mem_bytes)
		change->after = request->mem_bytes;
	else if (request->has_add_bytes)
		change->after = request->add_bytes > UINT64_MAX - before
					? UINT64_MAX
					: before + request->add_bytes;
	else
		change->after = request->remove_bytes > before
					? 0
					: before - request->remove_bytes;
	return HV_OK;
}

enum hv_code plan_resize_find(const struct plan *plan, const char *name,
			      struct plan_resize *ret_change, struct hv_err *err)
{
	enum hv_code code;

	*ret_change = (struct plan_resize){ .lpar = cluster_lpar(plan->cluster, name) };
	if (ret_change->lpar == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "LPAR '%s' is not known", name);
	code = find_use(ret_change, err);
	if (code != HV_OK)
		return code;
	ret_change->before = memory_of(ret_change);
	return plan_need_host(plan, ret_change->lpar->host, &ret_change->host, err);
}

enum hv_code plan_resize_check_bounds(const struct plan_resize *change,
				      struct hv_err *err)
{
	const Tarn__LparSpec *spec = &change->use.spec;
	char a[SIZE_TEXT], b[SIZE_TEXT], c[SIZE_TEXT];

	if (change->after == change->before)
		return hv_fail(err, HV_E_STATE, "LPAR '%s' has %s of memory already",
			       spec->name, hv_size_format(change->after, a, sizeof(a)));
	if (change->host->lmb_bytes == 0)
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s': host '%s' has not joined yet, so its memory "
			       "block is not known",
			       spec->name, change->host->name);
	if (change->after < spec->min_bytes || change->after > spec->max_bytes)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': memory of %s is not between its minimum %s "
			       "and its maximum %s",
			       spec->name, hv_size_format(change->after, a, sizeof(a)),
			       hv_size_format(spec->min_bytes, b, sizeof(b)),
			       hv_size_format(spec->max_bytes, c, sizeof(c)));
	if (change->after % change->host->lmb_bytes != 0)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': memory of %s is not whole memory blocks of "
			       "host '%s' (%s)",
			       spec->name, hv_size_format(change->after, a, sizeof(a)),
			       change->host->name,
			       hv_size_format(change->host->lmb_bytes, b, sizeof(b)));
	/* what its adapters need becomes less with its memory */
	if (!hv_lpar_entitled_is_auto(spec) && spec->entitled_bytes > change->after)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': memory of %s is less than its entitled memory "
			       "%s",
			       spec->name, hv_size_format(change->after, a, sizeof(a)),
			       hv_size_format(spec->entitled_bytes, b, sizeof(b)));
	return HV_OK;
}

static enum hv_code check_free(const struct plan_resize *change,
			       const struct host_use *use, uint64_t *ret_more,
			       struct hv_err *err)
{
	uint64_t more = limits_round_up(change->after, use->lmb_bytes) -
			limits_round_up(change->before, use->lmb_bytes);
	uint64_t free_bytes = limits_free_bytes(use);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	*ret_more = more;
	if (more <= free_bytes)
		return machine_check(use, change->host,
				     &(struct machine_need){ .more_bytes = more }, err);
	return hv_fail(err, HV_E_LIMIT,
		       "LPAR '%s': %s more are needed, and host '%s' has %s free; shut "
		       "down an LPAR, take memory from one, or make the pool smaller",
		       change->lpar->spec->name, hv_size_format(more, a, sizeof(a)),
		       change->host->name, hv_size_format(free_bytes, b, sizeof(b)));
}

static enum hv_code check_logical(const struct plan_resize *change,
				  const struct host_use *use, struct hv_err *err)
{
	uint64_t sum = use->working_bytes + change->after - change->before; /* it grows */
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (sum <= limits_logical_max(use))
		return HV_OK;
	return hv_fail(
		err, HV_E_LIMIT,
		"LPAR '%s': memory of %s makes the working sets of host '%s' "
		"more than %u times its pool (%s); make the pool larger or shut down "
		"an LPAR",
		change->lpar->spec->name, hv_size_format(change->after, a, sizeof(a)),
		change->host->name, LIMITS_OVERCOMMIT,
		hv_size_format(limits_logical_max(use), b, sizeof(b)));
}

enum hv_code plan_resize_check_running(const struct plan *plan,
				       const struct plan_resize *change,
				       struct hv_err *err)
{
	const Tarn__LparRecord *lpar = change->lpar;

	if (guest_check_memory(lpar, err) != HV_OK)
		return HV_E_REFUSED;
	if (lpar->has_job)
		return hv_fail(err, HV_E_BUSY, "LPAR '%s' is being %s; wait for job %llu",
			       lpar->spec->name, lpar->running ? "started" : "shut down",
			       (unsigned long long)lpar->job);
	if (lpar->awaits != NULL)
		return hv_fail(err, HV_E_BUSY,
			       "LPAR '%s' is being given memory of LPAR '%s'; wait until "
			       "that is done",
			       lpar->spec->name, lpar->awaits);
	if (lpar->has_resize_job)
		return hv_fail(err, HV_E_BUSY,
			       "memory of LPAR '%s' is being changed; wait for job %llu",
			       lpar->spec->name, (unsigned long long)lpar->resize_job);
	if (plan_need_no_drill(plan, change->host->name, err) != HV_OK)
		return HV_E_BUSY; /* it counts the pages that it verifies */
	return plan_need_connected(plan, change->host, err);
}

enum hv_code plan_resize_check_promise(const struct plan *plan,
				       const struct plan_resize *change,
				       struct hv_err *err)
{
	Tarn__LparSpec now = change->use.spec;

	if (!limits_is_shared(&now) || change->after <= change->before)
		return HV_OK;
	now.mem_bytes = change->after;
	return plan_need_promise(plan, change->lpar, &now, err);
}

Tarn__LparRecord *plan_resize_start(struct plan *plan, const struct plan_resize *change,
				    uint32_t wait_s)
{
	Tarn__LparRecord *edit = draft_edit_lpar(&plan->draft, change->lpar->spec->name);

	if (edit == NULL)
		return NULL;
	edit->resize = malloc(sizeof(*edit->resize));
	if (edit->resize == NULL) {
		plan->draft.is_out = true;
		return NULL;
	}
	tarn__desired_resize__init(edit->resize);
	edit->resize->generation = draft_next_id(&plan->draft);
	edit->resize->mem_bytes = change->after;
	edit->resize->has_wait_s = 1;
	edit->resize->wait_s = wait_s;
	edit->has_resize_job = 1;
	edit->resize_job = plan->job;
	edit->has_resize_before = 1;
	edit->resize_before = change->before;
	if (change->after > change->before)
		profile_set_memory(edit, change->after);
	return edit;
}

/*
 * Off: only its definition changes; activation looks whether there is room. One that
 * never ran would begin with its default profile: that is applied first.
 */
static enum hv_code define(struct plan *plan, const struct plan_resize *change,
			   struct hv_err *err)
{
	const char *name = change->lpar->spec->name;
	Tarn__LparSpec now = change->use.spec;
	Tarn__LparRecord *edit;
	char text[SIZE_TEXT];
	enum hv_code code;

	now.mem_bytes = change->after;
	hv_lpar_entitle(&now);
	code = hv_lpar_spec_check(&now, err);
	if (code != HV_OK)
		return code;
	edit = draft_edit_lpar(&plan->draft, name);
	if (edit == NULL)
		return HV_OK; /* draft_finish() says no memory */
	profile_use_edit(&plan->draft, &change->use);
	profile_set_memory(edit, change->after);
	hv_size_format(change->after, text, sizeof(text));
	draft_name(&plan->draft, "memory of lpar '%s': %s", name, text);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, change->host->name,
			"lpar.resized", "LPAR '%s' is defined with %s of memory", name,
			text);
	return HV_OK;
}

static enum hv_code resize_running(struct plan *plan, const struct plan_resize *change,
				   const Tarn__LparResize *request, struct hv_err *err)
{
	struct host_use use = limits_use(plan->cluster, change->host, LIMITS_RUNNING);
	bool grows = change->after > change->before;
	struct job_plan job;
	uint64_t more = 0;
	char text[SIZE_TEXT];
	enum hv_code code = HV_OK;

	if (grows && limits_is_shared(change->lpar->spec))
		code = check_logical(change, &use, err);
	else if (grows)
		code = check_free(change, &use, &more, err);
	if (code == HV_OK)
		code = plan_resize_check_promise(plan, change, err);
	if (code != HV_OK)
		return code;
	if (more != 0)
		memory_make_available(&plan->draft, change->host->name, NULL, more);
	job = (struct job_plan){ TARN__JOB_KIND__JOB_LPAR, change->host->name,
				 change->lpar->spec->name };
	plan->job = draft_add_job(&plan->draft, &job, "memory of lpar '%s': %s",
				  change->lpar->spec->name,
				  hv_size_format(change->after, text, sizeof(text)));
	(void)plan_resize_start(
		plan, change, request->has_wait_s ? request->wait_s : PLAN_RESIZE_WAIT_S);
	return HV_OK; /* draft_finish() says no memory */
}

enum hv_code plan_lpar_resize(struct plan *plan, const Tarn__LparResize *request,
			      struct hv_err *err)
{
	struct plan_resize change;
	enum hv_code code = plan_resize_find(plan, request->name, &change, err);

	if (code == HV_OK && request->kept)
		return plan_resize_keep(plan, request, &change, err);
	if (code == HV_OK)
		code = plan_resize_find_after(request, &change, err);
	if (code == HV_OK && limits_is_active(change.lpar))
		code = plan_resize_check_running(plan, &change, err);
	if (code == HV_OK)
		code = plan_resize_check_bounds(&change, err);
	if (code != HV_OK)
		return code;
	if (limits_is_active(change.lpar))
		return resize_running(plan, &change, request, err);
	return define(plan, &change, err);
}
