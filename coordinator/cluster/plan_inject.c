/*
 * plan_inject - faults in the device I/O of a VIOS, by order of a person; see plan.h. A
 * drill orders its own (jobs/drill).
 *
 * Whether the pair stands it is not asked: that is what is to be seen. But it is one at
 * a time with drills, whose verdict it would falsify.
 */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/plan.h"

#include <string.h>

#include "hvcore/wire/injection_message.h"

static enum hv_code check_host(const struct plan *plan, const Tarn__HostRecord *host,
			       const Tarn__DesiredVios *vios, struct hv_err *err)
{
	enum hv_code code;

	if (!host->drills_allowed)
		return hv_fail(err, HV_E_DENIED,
			       "no faults are injected into VIOS '%s' of host '%s': the "
			       "host does not allow drills; start its agent with "
			       "--allow-drills",
			       vios->name, host->name);
	code = plan_need_connected(plan, host, err);
	if (code == HV_OK)
		code = plan_need_op(plan, host->name, err);
	return code;
}

/* Its end may be ordered of one that is down: there it is over already. */
static enum hv_code check_injection(const struct plan *plan, const Tarn__HostRecord *host,
				    const Tarn__DesiredVios *vios,
				    const struct hv_injection *injection,
				    struct hv_err *err)
{
	const char *device = injection->device;

	if (!vios->enabled)
		return hv_fail(err, HV_E_STATE,
			       "VIOS '%s' of host '%s' is disabled; enable it first",
			       vios->name, host->name);
	if (vios->maintenance)
		return hv_fail(
			err, HV_E_STATE,
			"VIOS '%s' of host '%s' is in maintenance; resume it first",
			vios->name, host->name);
	if (injection->kind == HV_INJECTION_CUT && vios->remote_host == NULL)
		return hv_fail(err, HV_E_STATE,
			       "VIOS '%s' of host '%s' has its devices on that host: "
			       "there is no link to cut",
			       vios->name, host->name);
	if (device[0] != '\0' &&
	    cluster_device(plan->cluster, host->name, device) == NULL)
		return hv_fail(err, HV_E_NOTFOUND,
			       "host '%s' has no paging device '%s'; see 'tarn pgdev "
			       "list', or leave it out for all",
			       host->name, device);
	return HV_OK;
}

static const char *who(const Tarn__ViosInject *request)
{
	return request->by != NULL && request->by[0] != '\0' ? request->by : "somebody";
}

/* What is wanted, in words; the event says who wants it. */
static void describe(struct plan *plan, const Tarn__ViosInject *request,
		     const struct hv_injection *injection)
{
	struct job_plan job = { TARN__JOB_KIND__JOB_VIOS, request->host, request->name };
	char text[HV_INJECTION_TEXT_BYTES] = "no more faults";

	if (request->injection != NULL)
		(void)hv_injection_text(injection, text);
	plan->job = draft_add_job(&plan->draft, &job,
				  "inject into VIOS '%s' of host '%s'", request->name,
				  request->host);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_WARN, request->host,
			"vios.inject", "VIOS '%s': %s, ordered by %s", request->name,
			text, who(request));
}

static void add_op(struct plan *plan, const Tarn__ViosInject *request)
{
	Tarn__HostOp op = TARN__HOST_OP__INIT;
	Tarn__JobRecord *job;

	op.kind = request->injection != NULL
			  ? TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT
			  : TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR;
	op.target = request->name;
	op.injection = request->injection;
	job = plan->job != 0 ? draft_edit_job(&plan->draft, plan->job) : NULL;
	if (job == NULL)
		return; /* draft_finish() says no memory */
	job->has_verb = 1;
	job->verb = TARN__VIOS_VERB__VIOS_VERB_INJECT;
	job->has_op = 1;
	job->op = draft_put_op(&plan->draft, request->host, &op);
}

enum hv_code plan_vios_inject(struct plan *plan, const Tarn__ViosInject *request,
			      struct hv_err *err)
{
	struct hv_injection injection = { 0 };
	const Tarn__DesiredVios *vios = NULL;
	const Tarn__HostRecord *host;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code == HV_OK)
		code = plan_need_vios(host, request->name, &vios, err);
	if (code == HV_OK)
		code = plan_need_no_drill(plan, host->name, err);
	if (code == HV_OK)
		code = check_host(plan, host, vios, err);
	if (code == HV_OK && request->injection != NULL)
		code = hv_injection_read(request->injection, &injection, err);
	if (code == HV_OK && request->injection != NULL)
		code = check_injection(plan, host, vios, &injection, err);
	if (code != HV_OK)
		return code;
	describe(plan, request, &injection);
	add_op(plan, request);
	return HV_OK;
}
