/*
 * plan_assign - which VIOS of a host page for its pool; see plan.h.
 *
 *   add ──► other ──assign, replace──► of the pair ──unassign, replace──► other ──► remove
 *
 * The pair is HostRecord.vios, and an agent is told of nothing else: one that is not
 * assigned runs nothing for the pool.
 */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/mirror.h"
#include "coordinator/cluster/pair.h"
#include "coordinator/cluster/plan.h"

#include <string.h>

enum hv_code plan_need_still_pair(const struct plan *plan, const char *host,
				  struct hv_err *err)
{
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_JOB); i++) {
		const Tarn__JobRecord *job = cluster_job_at(plan->cluster, i);

		if (job->done || job->kind != TARN__JOB_KIND__JOB_VIOS ||
		    strcmp(job->host, host) != 0 ||
		    (job->verb != TARN__VIOS_VERB__VIOS_VERB_REPLACE &&
		     job->verb != TARN__VIOS_VERB__VIOS_VERB_SWAP))
			continue;
		return hv_fail(err, HV_E_BUSY,
			       "job %llu of host '%s' is under way (%s); wait until it "
			       "is done",
			       (unsigned long long)job->id, host, job->what);
	}
	return HV_OK;
}

/* ---- there, and no more ---- */

/* An agent's own files in run/ are called so. */
static enum hv_code check_new_name(const char *name, struct hv_err *err)
{
	static const char *const taken[] = { "agent", "hypervisor", "export" };

	for (size_t i = 0; i < HV_COUNT(taken); i++)
		if (strcmp(name, taken[i]) == 0)
			return hv_fail(err, HV_E_INVAL,
				       "a VIOS cannot be called '%s', as a part of each "
				       "host is; choose another name",
				       name);
	return HV_OK;
}

static enum hv_code check_remote(const struct plan *plan, const Tarn__HostRecord *host,
				 const char *name, struct hv_err *err)
{
	const Tarn__HostRecord *remote;
	enum hv_code code = plan_need_host(plan, name, &remote, err);

	if (code == HV_OK && remote == host)
		return hv_fail(
			err, HV_E_INVAL,
			"host '%s' is no other host: leave --remote out for a VIOS "
			"whose devices lie on it",
			name);
	if (code == HV_OK)
		code = plan_need_machine(host, err);
	return code == HV_OK ? plan_need_machine(remote, err) : code;
}

enum hv_code plan_vios_add(struct plan *plan, const Tarn__ViosAdd *request,
			   struct hv_err *err)
{
	const Tarn__HostRecord *host;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code != HV_OK)
		return code;
	if (limits_vios(host, request->name) != NULL ||
	    limits_other_vios(host, request->name) != NULL)
		return hv_fail(err, HV_E_EXISTS,
			       "host '%s' has a VIOS '%s' already; choose another name",
			       host->name, request->name);
	if (host->n_vios + host->n_other_vios >= HV_HOST_ALL_VIOS_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "host '%s' has %d VIOS, and no more are possible; remove "
			       "one first",
			       host->name, HV_HOST_ALL_VIOS_MAX);
	code = check_new_name(request->name, err);
	if (code == HV_OK && request->remote != NULL)
		code = check_remote(plan, host, request->remote, err);
	if (code != HV_OK)
		return code;
	pair_add(&plan->draft, host->name, request->name, request->remote);
	draft_name(&plan->draft, "add VIOS '%s' to host '%s'", request->name,
		   request->host);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, request->host,
			"vios.added", "VIOS '%s' was added to host '%s'%s%s",
			request->name, request->host,
			request->remote != NULL ? "; its devices lie on host " : "",
			request->remote != NULL ? request->remote : "");
	return HV_OK;
}

/* A device that is behind it alone, of the host; NULL: none. */
static const Tarn__DeviceRecord *device_behind(const struct plan *plan, const char *host,
					       const char *vios, bool is_used)
{
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(plan->cluster, i);

		if (strcmp(device->host, host) == 0 && device->device->vios != NULL &&
		    strcmp(device->device->vios, vios) == 0 &&
		    (!is_used || device->lpar != NULL))
			return device;
	}
	return NULL;
}

enum hv_code plan_vios_remove(struct plan *plan, const Tarn__ViosRemove *request,
			      struct hv_err *err)
{
	const Tarn__DeviceRecord *device;
	const Tarn__HostRecord *host;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code == HV_OK)
		code = plan_need_still_pair(plan, host->name, err);
	if (code != HV_OK)
		return code;
	if (limits_vios(host, request->name) != NULL)
		return hv_fail(err, HV_E_REFUSED,
			       "VIOS '%s' is assigned to the pool of host '%s'; "
			       "unassign it first with 'tarn pool unassign'",
			       request->name, host->name);
	if (limits_other_vios(host, request->name) == NULL)
		return plan_fail_no_vios(host, request->name, err);
	device = device_behind(plan, host->name, request->name, false);
	if (device != NULL)
		return hv_fail(err, HV_E_REFUSED,
			       "paging device '%s' of host '%s' is behind VIOS '%s' "
			       "alone; remove the device first",
			       device->device->name, host->name, request->name);
	pair_drop(&plan->draft, host->name, request->name);
	draft_name(&plan->draft, "remove VIOS '%s' of host '%s'", request->name,
		   request->host);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, request->host,
			"vios.removed", "VIOS '%s' of host '%s' was removed",
			request->name, request->host);
	return HV_OK;
}

/* ---- who pages ---- */

static enum hv_code need_other(const Tarn__HostRecord *host, const char *name,
			       struct hv_err *err)
{
	const Tarn__DesiredVios *vios = limits_other_vios(host, name);

	if (vios != NULL && vios->enabled)
		return HV_OK;
	if (vios != NULL)
		return hv_fail(err, HV_E_STATE,
			       "VIOS '%s' of host '%s' is disabled; enable it first",
			       name, host->name);
	if (limits_vios(host, name) != NULL)
		return hv_fail(err, HV_E_STATE,
			       "VIOS '%s' is assigned to the pool of host '%s' already",
			       name, host->name);
	return plan_fail_no_vios(host, name, err);
}

/*
 * One whose devices lie on another host comes beside `partner`: that one has its own on
 * this host, and no device is meant for both.
 */
static enum hv_code check_remote_pair(const struct plan *plan,
				      const Tarn__HostRecord *host, const char *name,
				      const Tarn__DesiredVios *partner,
				      struct hv_err *err)
{
	const Tarn__DesiredVios *vios = limits_other_vios(host, name);

	if (vios == NULL || vios->remote_host == NULL)
		return HV_OK;
	if (partner != NULL && partner->remote_host != NULL)
		return hv_fail(
			err, HV_E_REFUSED,
			"VIOS '%s' and '%s' of host '%s' both have their devices on "
			"another host; one of a pair must have them on its own",
			name, partner->name, host->name);
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(plan->cluster, i);

		if (strcmp(device->host, host->name) == 0 && device->device->vios == NULL)
			return hv_fail(
				err, HV_E_REFUSED,
				"VIOS '%s' of host '%s' has its devices on host "
				"'%s', and would not reach paging device '%s', "
				"which is meant for both; remove that device first",
				name, host->name, vios->remote_host,
				device->device->name);
	}
	return HV_OK;
}

static enum hv_code check_assign(const struct plan *plan, const Tarn__HostRecord *host,
				 const char *name, struct hv_err *err)
{
	enum hv_code code = need_other(host, name, err);

	if (code != HV_OK)
		return code;
	if (host->n_vios < HV_HOST_VIOS_MAX)
		return check_remote_pair(plan, host, name,
					 host->n_vios > 0 ? host->vios[0] : NULL, err);
	return hv_fail(err, HV_E_LIMIT,
		       "VIOS '%s': the pool of host '%s' has its two paging VIOS, '%s' "
		       "and '%s'; unassign or replace one of them",
		       name, host->name, host->vios[0]->name, host->vios[1]->name);
}

static enum hv_code check_unassign(const struct plan *plan, const Tarn__HostRecord *host,
				   const char *name, struct hv_err *err)
{
	const Tarn__DesiredVios *vios;
	enum hv_code code = plan_need_vios(host, name, &vios, err);
	const Tarn__DeviceRecord *device;
	const char *user;

	if (code != HV_OK)
		return code;
	device = device_behind(plan, host->name, name, true);
	if (device != NULL)
		return hv_fail(err, HV_E_REFUSED,
			       "VIOS '%s' of host '%s' cannot go: paging device '%s' of "
			       "LPAR '%s' is behind it alone; shut the LPAR down first",
			       name, host->name, device->device->name, device->lpar);
	user = plan_vios_user(plan, host, vios);
	if (user == NULL)
		return mirror_need_none_alone(plan->cluster, host, name, err);
	return hv_fail(err, HV_E_REFUSED,
		       "VIOS '%s' of host '%s' serves running LPARs ('%s' is one); shut "
		       "down those that need a redundant pair, and maintain it first, so "
		       "that its partner serves the others; or replace it",
		       name, host->name, user);
}

static enum hv_code check_replace(const struct plan *plan, const Tarn__HostRecord *host,
				  const Tarn__ViosChange *request, struct hv_err *err)
{
	const Tarn__DesiredVios *vios;
	const Tarn__DeviceRecord *device;
	enum hv_code code = plan_need_connected(plan, host, err);

	if (code == HV_OK && request->with == NULL)
		code = hv_fail(err, HV_E_INVAL,
			       "VIOS '%s' of host '%s': who is to take its place?",
			       request->name, host->name);
	if (code == HV_OK)
		code = plan_need_vios(host, request->name, &vios, err);
	if (code == HV_OK)
		code = need_other(host, request->with, err);
	if (code == HV_OK)
		code = plan_need_partner(plan, host, vios, false, err);
	if (code == HV_OK)
		code = check_remote_pair(plan, host, request->with,
					 limits_partner(host, vios->name), err);
	if (code != HV_OK)
		return code;
	device = device_behind(plan, host->name, vios->name, true);
	if (device == NULL)
		return HV_OK;
	return hv_fail(err, HV_E_REFUSED,
		       "VIOS '%s' of host '%s' cannot be replaced: paging device '%s' of "
		       "LPAR '%s' is behind it alone; replace the device, or shut the "
		       "LPAR down, first",
		       vios->name, host->name, device->device->name, device->lpar);
}

static enum hv_code check_swap(const struct plan *plan, const Tarn__HostRecord *host,
			       struct hv_err *err)
{
	enum hv_code code = plan_need_connected(plan, host, err);

	if (code == HV_OK)
		code = plan_need_op(plan, host->name, err);
	if (code != HV_OK)
		return code;
	if (limits_vios_serving(plan->cluster, host) == HV_HOST_VIOS_MAX)
		return HV_OK;
	return hv_fail(
		err, HV_E_REFUSED,
		"host '%s': primary and secondary cannot be exchanged, as not both "
		"of its pair serve; see 'tarn vios list'",
		host->name);
}

/* Its only device is behind one VIOS alone: it can ask nobody else. */
static bool is_bound(const struct cluster *cluster, const Tarn__LparRecord *lpar)
{
	const Tarn__DeviceRecord *device =
		lpar->device != NULL ? cluster_device(cluster, lpar->host, lpar->device)
				     : NULL;

	return device != NULL && device->device->vios != NULL && lpar->mirror == NULL;
}

/* Each running one's primary is the other one of the pair. */
static void swap(struct plan *plan, const Tarn__HostRecord *host)
{
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(plan->cluster, i);

		Tarn__LparRecord *edit;

		if (strcmp(lpar->host, host->name) != 0 || !lpar->running ||
		    lpar->primary == NULL || limits_vios(host, lpar->primary) == NULL ||
		    is_bound(plan->cluster, lpar))
			continue;
		edit = draft_edit_lpar(&plan->draft, lpar->spec->name);
		if (edit != NULL)
			draft_set_text(&plan->draft, &edit->primary, "%s",
				       limits_partner(host, lpar->primary)->name);
	}
}

static enum hv_code check(const struct plan *plan, const Tarn__HostRecord *host,
			  const Tarn__ViosChange *request, struct hv_err *err)
{
	switch (request->verb) {
	case TARN__VIOS_VERB__VIOS_VERB_ASSIGN:
		return check_assign(plan, host, request->name, err);
	case TARN__VIOS_VERB__VIOS_VERB_UNASSIGN:
		return check_unassign(plan, host, request->name, err);
	case TARN__VIOS_VERB__VIOS_VERB_REPLACE:
		return check_replace(plan, host, request, err);
	default:
		return check_swap(plan, host, err);
	}
}

static uint64_t add_job(struct plan *plan, const Tarn__ViosChange *request)
{
	bool is_replace = request->verb == TARN__VIOS_VERB__VIOS_VERB_REPLACE;
	struct job_plan job = { TARN__JOB_KIND__JOB_VIOS, request->host,
				is_replace ? request->with : request->name };

	switch (request->verb) {
	case TARN__VIOS_VERB__VIOS_VERB_ASSIGN:
		return draft_add_job(&plan->draft, &job, "assign VIOS '%s' of host '%s'",
				     request->name, request->host);
	case TARN__VIOS_VERB__VIOS_VERB_UNASSIGN:
		return draft_add_job(&plan->draft, &job,
				     "unassign VIOS '%s' of host '%s'", request->name,
				     request->host);
	case TARN__VIOS_VERB__VIOS_VERB_REPLACE:
		return draft_add_job(&plan->draft, &job,
				     "replace VIOS '%s' of host '%s' by '%s'",
				     request->name, request->host, request->with);
	default:
		return draft_add_job(&plan->draft, &job,
				     "swap the paging VIOS of host '%s'", request->host);
	}
}

enum hv_code plan_vios_assign(struct plan *plan, const Tarn__HostRecord *host,
			      const Tarn__ViosChange *request, struct hv_err *err)
{
	enum hv_code code = check(plan, host, request, err);
	Tarn__JobRecord *job;

	if (code != HV_OK)
		return code;
	plan->job = add_job(plan, request);
	job = plan->job != 0 ? draft_edit_job(&plan->draft, plan->job) : NULL;
	if (job == NULL)
		return HV_OK; /* draft_finish() says no memory */
	job->has_verb = 1;
	job->verb = request->verb;
	switch (request->verb) {
	case TARN__VIOS_VERB__VIOS_VERB_ASSIGN:
		pair_change(&plan->draft, host->name, NULL, request->name);
		return HV_OK;
	case TARN__VIOS_VERB__VIOS_VERB_UNASSIGN:
		pair_change(&plan->draft, host->name, request->name, NULL);
		return HV_OK;
	case TARN__VIOS_VERB__VIOS_VERB_REPLACE:
		draft_set_text(&plan->draft, &job->replaced, "%s", request->name);
		pair_change(&plan->draft, host->name, request->name, request->with);
		return HV_OK;
	default:
		swap(plan, host);
		return HV_OK;
	}
}
