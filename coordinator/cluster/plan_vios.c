/*
 * plan_vios - the pair of paging VIOS of a host; see plan.h.
 *
 * SPEC K2: what would break a pair is refused. --force is for the cases in which
 * nothing can be lost: no running LPAR has a page outside the pool, and we know it.
 * Pages that are behind one VIOS alone hold it, whatever its partner does.
 */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/mirror.h"
#include "coordinator/cluster/plan.h"

#include <stdio.h>
#include <string.h>

#define OPS_MAX (HV_HOST_OPS_MAX / 2)

enum hv_code plan_fail_no_vios(const Tarn__HostRecord *host, const char *name,
			       struct hv_err *err)
{
	char all[HV_HOST_ALL_VIOS_MAX * (HV_NAME_BYTES + 2)];
	size_t at = 0, count = host->n_vios + host->n_other_vios;

	all[0] = '\0';
	for (size_t i = 0; i < count && at < sizeof(all); i++)
		at += (size_t)snprintf(
			all + at, sizeof(all) - at, "%s%s", i > 0 ? ", " : "",
			i < host->n_vios ? host->vios[i]->name
					 : host->other_vios[i - host->n_vios]->name);
	return hv_fail(err, HV_E_NOTFOUND, "host '%s' has no VIOS '%s'; it has %s",
		       host->name, name, all);
}

enum hv_code plan_need_vios(const Tarn__HostRecord *host, const char *name,
			    const Tarn__DesiredVios **ret_vios, struct hv_err *err)
{
	const Tarn__DesiredVios *vios = limits_vios(host, name);

	if (vios != NULL) {
		*ret_vios = vios;
		return HV_OK;
	}
	if (limits_other_vios(host, name) == NULL)
		return plan_fail_no_vios(host, name, err);
	return hv_fail(err, HV_E_STATE,
		       "VIOS '%s' is not assigned to the pool of host '%s', so it runs "
		       "nothing for it; assign it first with 'tarn pool assign'",
		       name, host->name);
}

static const char *partner_state(const struct plan *plan, const Tarn__HostRecord *host,
				 const Tarn__DesiredVios *partner)
{
	if (partner == NULL)
		return "not there";
	if (!partner->enabled)
		return "disabled";
	if (partner->maintenance)
		return "in maintenance";
	if (limits_vios_is_going(plan->cluster, host->name, partner->name))
		return "being killed";
	if (!cluster_is_connected(plan->cluster, host->name))
		return "unknown";
	return live_vios_state_name(cluster_live(plan->cluster, host->name),
				    partner->name);
}

enum hv_code plan_need_partner(const struct plan *plan, const Tarn__HostRecord *host,
			       const Tarn__DesiredVios *vios, bool force,
			       struct hv_err *err)
{
	const Tarn__DesiredVios *partner = limits_partner(host, vios->name);
	enum hv_code code = mirror_need_none_alone(plan->cluster, host, vios->name, err);
	const char *name = partner != NULL ? partner->name : "";
	uint64_t pages;

	if (code != HV_OK || limits_vios_serves(plan->cluster, host, partner))
		return code;
	if (!force)
		return hv_fail(
			err, HV_E_REFUSED,
			"VIOS '%s' of host '%s' cannot go: its partner '%s' is %s; "
			"repair the partner first, or use --force where no LPAR has "
			"pages outside the pool",
			vios->name, host->name, name, partner_state(plan, host, partner));
	if (!cluster_is_connected(plan->cluster, host->name))
		return hv_fail(
			err, HV_E_REFUSED,
			"VIOS '%s' of host '%s' cannot be forced: the host does not "
			"report, so what its LPARs have paged out is unknown; see "
			"that its tarn-agent runs",
			vios->name, host->name);
	pages = limits_stolen_pages(plan->cluster, host->name);
	if (pages != 0)
		return hv_fail(
			err, HV_E_REFUSED,
			"VIOS '%s' of host '%s' cannot be forced: its LPARs have %llu "
			"pages outside the pool and partner '%s' is %s; shut the "
			"LPARs down first",
			vios->name, host->name, (unsigned long long)pages, name,
			partner_state(plan, host, partner));
	return HV_OK;
}

static enum hv_code check_enabled(const Tarn__HostRecord *host,
				  const Tarn__DesiredVios *vios, struct hv_err *err)
{
	if (vios->enabled)
		return HV_OK;
	return hv_fail(err, HV_E_STATE,
		       "VIOS '%s' of host '%s' is disabled; enable it first", vios->name,
		       host->name);
}

static enum hv_code check_maintain(const struct plan *plan, const Tarn__HostRecord *host,
				   const Tarn__DesiredVios *vios, bool force,
				   struct hv_err *err)
{
	enum hv_code code = check_enabled(host, vios, err);

	if (code != HV_OK)
		return code;
	if (vios->maintenance)
		return hv_fail(
			err, HV_E_STATE,
			"VIOS '%s' of host '%s' is in maintenance already; bring it "
			"back with 'tarn vios resume'",
			vios->name, host->name);
	return plan_need_partner(plan, host, vios, force, err);
}

const char *plan_vios_user(const struct plan *plan, const Tarn__HostRecord *host,
			   const Tarn__DesiredVios *vios)
{
	bool is_idle = vios->maintenance &&
		       limits_vios_serves(plan->cluster, host,
					  limits_partner(host, vios->name));

	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(plan->cluster, i);

		if (strcmp(lpar->host, host->name) != 0 || !limits_is_active(lpar) ||
		    !limits_is_shared(lpar->spec))
			continue;
		if (limits_needs_pair(lpar->spec) || !is_idle ||
		    mirror_lies_behind(plan->cluster, lpar, vios->name))
			return lpar->spec->name;
	}
	return NULL;
}

/* Orders that the agent has not taken up yet are bounded; a drill needs some too. */
enum hv_code plan_need_op(const struct plan *plan, const char *host, struct hv_err *err)
{
	unsigned count = 0;

	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_OP); i++)
		count += strcmp(cluster_op_at(plan->cluster, i)->host, host) == 0;
	if (count < OPS_MAX)
		return HV_OK;
	return hv_fail(err, HV_E_BUSY,
		       "host '%s' has %u orders that its agent has not carried out; wait "
		       "for them",
		       host, count);
}

static enum hv_code check_kill(const struct plan *plan, const Tarn__HostRecord *host,
			       const Tarn__DesiredVios *vios, bool force,
			       struct hv_err *err)
{
	enum hv_code code;

	if (!host->drills_allowed)
		return hv_fail(
			err, HV_E_DENIED,
			"VIOS '%s' of host '%s' may not be killed: the host does not "
			"allow drills; start its agent with --allow-drills",
			vios->name, host->name);
	code = plan_need_connected(plan, host, err);
	if (code == HV_OK)
		code = check_enabled(host, vios, err);
	if (code == HV_OK && vios->maintenance)
		return hv_fail(
			err, HV_E_STATE,
			"VIOS '%s' of host '%s' is in maintenance; resume it first",
			vios->name, host->name);
	if (code == HV_OK)
		code = plan_need_partner(plan, host, vios, force, err);
	if (code == HV_OK)
		code = plan_need_op(plan, host->name, err);
	return code;
}

static enum hv_code check(const struct plan *plan, const Tarn__HostRecord *host,
			  const Tarn__DesiredVios *vios, const Tarn__ViosChange *request,
			  struct hv_err *err)
{
	switch (request->verb) {
	case TARN__VIOS_VERB__VIOS_VERB_ENABLE:
		if (!vios->enabled)
			return HV_OK;
		return hv_fail(err, HV_E_STATE,
			       "VIOS '%s' of host '%s' is enabled already", vios->name,
			       host->name);
	case TARN__VIOS_VERB__VIOS_VERB_MAINTAIN:
		return check_maintain(plan, host, vios, request->force, err);
	case TARN__VIOS_VERB__VIOS_VERB_RESUME:
		if (vios->maintenance)
			return HV_OK;
		return hv_fail(err, HV_E_STATE,
			       "VIOS '%s' of host '%s' is not in maintenance", vios->name,
			       host->name);
	case TARN__VIOS_VERB__VIOS_VERB_KILL:
		return check_kill(plan, host, vios, request->force, err);
	default:
		return hv_fail(err, HV_E_INVAL, "unknown verb %d for a VIOS",
			       (int)request->verb);
	}
}

/* Who goes back: a running shared LPAR of the host, or all of them. */
static enum hv_code check_failback(const struct plan *plan, const Tarn__HostRecord *host,
				   const char *name, struct hv_err *err)
{
	const Tarn__LparRecord *lpar = NULL;
	enum hv_code code = plan_need_connected(plan, host, err);

	if (code == HV_OK)
		code = plan_need_op(plan, host->name, err);
	if (code != HV_OK || name[0] == '\0')
		return code;
	lpar = cluster_lpar(plan->cluster, name);
	if (lpar == NULL || strcmp(lpar->host, host->name) != 0)
		return hv_fail(err, HV_E_NOTFOUND, "host '%s' has no LPAR '%s'",
			       host->name, name);
	if (!lpar->running || !limits_is_shared(lpar->spec))
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s' is not asking a paging VIOS: it %s", name,
			       lpar->running ? "has dedicated memory" : "does not run");
	return HV_OK;
}

static enum hv_code plan_failback(struct plan *plan, const Tarn__ViosChange *request,
				  const Tarn__HostRecord *host, struct hv_err *err)
{
	const char *name = request->lpar != NULL ? request->lpar : "";
	struct job_plan job_plan = { TARN__JOB_KIND__JOB_VIOS, request->host, name };
	Tarn__JobRecord *job;
	enum hv_code code = check_failback(plan, host, name, err);

	if (code != HV_OK)
		return code;
	if (name[0] != '\0')
		plan->job = draft_add_job(&plan->draft, &job_plan,
					  "fail back LPAR '%s' of host '%s'", name,
					  host->name);
	else
		plan->job = draft_add_job(&plan->draft, &job_plan,
					  "fail back all LPARs of host '%s'", host->name);
	job = plan->job != 0 ? draft_edit_job(&plan->draft, plan->job) : NULL;
	if (job == NULL)
		return HV_OK; /* draft_finish() says no memory */
	job->has_verb = 1;
	job->verb = request->verb;
	job->has_op = 1;
	job->op = draft_add_op(&plan->draft, host->name,
			       TARN__HOST_OP_KIND__HOST_OP_VIOS_FAILBACK, name);
	return HV_OK;
}

static const char *verb_name(Tarn__ViosVerb verb)
{
	switch (verb) {
	case TARN__VIOS_VERB__VIOS_VERB_ENABLE:
		return "enable";
	case TARN__VIOS_VERB__VIOS_VERB_DISABLE:
		return "disable";
	case TARN__VIOS_VERB__VIOS_VERB_MAINTAIN:
		return "maintain";
	case TARN__VIOS_VERB__VIOS_VERB_RESUME:
		return "resume";
	case TARN__VIOS_VERB__VIOS_VERB_KILL:
		return "kill";
	case TARN__VIOS_VERB__VIOS_VERB_ASSIGN:
		return "assign";
	case TARN__VIOS_VERB__VIOS_VERB_UNASSIGN:
		return "unassign";
	default:
		return "replace";
	}
}

/* An order that is not done yet gives way to the newer one. */
static void replace_job(struct plan *plan, const Tarn__ViosChange *request,
			const char *name)
{
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_JOB); i++) {
		const Tarn__JobRecord *job = cluster_job_at(plan->cluster, i);

		if (job->done || job->kind != TARN__JOB_KIND__JOB_VIOS || job->has_op ||
		    strcmp(job->host, request->host) != 0 ||
		    strcmp(job->target, name) != 0)
			continue;
		draft_end_job(&plan->draft, job->id, HV_E_CANCELED,
			      "replaced by '%s' of the same VIOS",
			      verb_name(request->verb));
	}
}

/* Paging service of one that is not assigned: nothing runs, so it is done at once. */
static enum hv_code plan_service(struct plan *plan, const Tarn__ViosChange *request,
				 const Tarn__HostRecord *host, struct hv_err *err)
{
	const Tarn__DesiredVios *vios = limits_other_vios(host, request->name);
	bool is_enable = request->verb == TARN__VIOS_VERB__VIOS_VERB_ENABLE;
	Tarn__HostRecord *edit;

	if (vios == NULL && limits_vios(host, request->name) == NULL)
		return plan_fail_no_vios(host, request->name, err);
	if (vios == NULL)
		return hv_fail(err, HV_E_REFUSED,
			       "VIOS '%s' is assigned to the pool of host '%s'; unassign "
			       "it first with 'tarn pool unassign'",
			       request->name, host->name);
	if (vios->enabled == is_enable)
		return hv_fail(err, HV_E_STATE, "VIOS '%s' of host '%s' is %s already",
			       vios->name, host->name,
			       is_enable ? "enabled" : "disabled");
	edit = draft_edit_host(&plan->draft, host->name);
	for (size_t i = 0; edit != NULL && i < edit->n_other_vios; i++)
		if (strcmp(edit->other_vios[i]->name, request->name) == 0)
			edit->other_vios[i]->enabled = is_enable;
	draft_name(&plan->draft, "%s VIOS '%s' of host '%s'", verb_name(request->verb),
		   request->name, request->host);
	return HV_OK;
}

static void edit_vios(struct plan *plan, const Tarn__ViosChange *request)
{
	Tarn__HostRecord *host = draft_edit_host(&plan->draft, request->host);

	for (size_t i = 0; host != NULL && i < host->n_vios; i++) {
		Tarn__DesiredVios *vios = host->vios[i];

		if (strcmp(vios->name, request->name) != 0)
			continue;
		vios->enabled = true;
		vios->maintenance = request->verb == TARN__VIOS_VERB__VIOS_VERB_MAINTAIN;
	}
}

/* Of one that pages for the pool. */
static enum hv_code plan_state(struct plan *plan, const Tarn__ViosChange *request,
			       const Tarn__HostRecord *host, struct hv_err *err)
{
	struct job_plan job_plan = { TARN__JOB_KIND__JOB_VIOS, request->host,
				     request->name };
	const Tarn__DesiredVios *vios = NULL;
	Tarn__JobRecord *job;
	enum hv_code code = plan_need_vios(host, request->name, &vios, err);

	if (code == HV_OK)
		code = check(plan, host, vios, request, err);
	if (code != HV_OK)
		return code;
	plan->job = draft_add_job(&plan->draft, &job_plan, "%s VIOS '%s' of host '%s'",
				  verb_name(request->verb), vios->name, host->name);
	job = plan->job != 0 ? draft_edit_job(&plan->draft, plan->job) : NULL;
	if (job == NULL)
		return HV_OK; /* draft_finish() says no memory */
	job->has_verb = 1;
	job->verb = request->verb;
	if (request->verb == TARN__VIOS_VERB__VIOS_VERB_KILL) {
		job->has_op = 1;
		job->op = draft_add_op(&plan->draft, host->name,
				       TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL, vios->name);
		return HV_OK;
	}
	replace_job(plan, request, request->name);
	edit_vios(plan, request);
	return HV_OK;
}

/* One that pages and is disabled was so before there were others: it is started. */
static bool is_service(const Tarn__HostRecord *host, const Tarn__ViosChange *request)
{
	const Tarn__DesiredVios *vios = limits_vios(host, request->name);

	return request->verb == TARN__VIOS_VERB__VIOS_VERB_DISABLE ||
	       (request->verb == TARN__VIOS_VERB__VIOS_VERB_ENABLE && vios == NULL);
}

enum hv_code plan_vios_change(struct plan *plan, const Tarn__ViosChange *request,
			      struct hv_err *err)
{
	const Tarn__HostRecord *host;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code == HV_OK)
		code = plan_need_no_drill(plan, host->name, err);
	if (code == HV_OK)
		code = plan_need_still_pair(plan, host->name, err);
	if (code != HV_OK)
		return code;
	if (request->verb == TARN__VIOS_VERB__VIOS_VERB_FAILBACK)
		return plan_failback(plan, request, host, err);
	if (is_service(host, request))
		return plan_service(plan, request, host, err);
	if (request->verb < TARN__VIOS_VERB__VIOS_VERB_ASSIGN)
		return plan_state(plan, request, host, err);
	code = plan_vios_assign(plan, host, request, err);
	if (code == HV_OK && request->name[0] != '\0')
		replace_job(plan, request, request->name);
	if (code == HV_OK && request->with != NULL)
		replace_job(plan, request, request->with);
	return code;
}
