/* vios - orders to a VIOS, and of the pair; see jobs.h. */
#include "coordinator/jobs/jobs.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/pair.h"

#include <string.h>

/* Does the report, made after the order, show what was ordered? */
static bool is_reached(const struct live_host *live, const Tarn__JobRecord *job)
{
	const Tarn__ViosStat *stat = live_vios(live, job->target);

	if (live == NULL || live->report == NULL ||
	    live->report->revision < job->revision)
		return false;
	switch (job->verb) {
	case TARN__VIOS_VERB__VIOS_VERB_MAINTAIN:
		return stat != NULL && stat->state == TARN__VIOS_STATE__VIOS_MAINTENANCE;
	case TARN__VIOS_VERB__VIOS_VERB_DISABLE:
	case TARN__VIOS_VERB__VIOS_VERB_UNASSIGN:
		return stat == NULL || stat->state == TARN__VIOS_STATE__VIOS_ABSENT;
	case TARN__VIOS_VERB__VIOS_VERB_KILL:
	case TARN__VIOS_VERB__VIOS_VERB_INJECT:
	case TARN__VIOS_VERB__VIOS_VERB_FAILBACK:
		return false; /* its op says */
	default:
		return live_vios_is_healthy(live, job->target);
	}
}

/* Each of its steps may take that long. */
static bool is_over_for(const struct draft *draft, const Tarn__JobRecord *job,
			unsigned steps)
{
	return draft->cluster->wall_ms >
	       job->started_ms + steps * UINT64_C(1) * JOBS_VIOS_MS;
}

static bool is_over(const struct draft *draft, const Tarn__JobRecord *job)
{
	return is_over_for(draft, job, 1);
}

/* The order is taken back: who has not moved does so by its policy, or the next order. */
static void give_up_move(struct draft *draft, const Tarn__JobRecord *job)
{
	bool is_there = cluster_is_connected(draft->cluster, job->host);

	draft_remove(draft, RECORD_OP, record_key_number(job->op));
	draft_name(draft, "%s: not moved", job->what);
	draft_end_job(draft, job->id, HV_E_TIMEOUT,
		      "host '%s' has not moved its LPARs to their new primary VIOS after "
		      "%u s%s; the order to move is taken back, their primaries stay",
		      job->host, 2 * JOBS_VIOS_MS / 1000,
		      is_there ? "" : ": its agent does not report");
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_WARN, job->host, "vios.not_moved",
			"LPARs of host '%s' were not all moved to their new primary VIOS "
			"within %u s; they may ask the one before",
			job->host, 2 * JOBS_VIOS_MS / 1000);
}

/* An order that is done once, as the agent says. */
static void step_op(struct draft *draft, const Tarn__JobRecord *job)
{
	bool is_kill = job->verb == TARN__VIOS_VERB__VIOS_VERB_KILL;
	const Tarn__ObjectStatus *status =
		live_object(cluster_live(draft->cluster, job->host),
			    TARN__OBJECT_KIND__OBJECT_OP, "", job->op);

	if (status == NULL || !status->done) {
		if (job->verb == TARN__VIOS_VERB__VIOS_VERB_SWAP &&
		    is_over_for(draft, job, 2))
			give_up_move(draft, job);
		return;
	}
	draft_remove(draft, RECORD_OP, record_key_number(job->op));
	draft_name(draft, "%s: done", job->what);
	if (status->error != NULL && (job->verb == TARN__VIOS_VERB__VIOS_VERB_FAILBACK ||
				      job->verb == TARN__VIOS_VERB__VIOS_VERB_SWAP))
		draft_end_job(draft, job->id, jobs_error_code(status->error),
			      "host '%s': %s", job->host, jobs_error_text(status->error));
	else if (status->error != NULL)
		draft_end_job(draft, job->id, jobs_error_code(status->error),
			      "VIOS '%s' of host '%s': %s", job->target, job->host,
			      jobs_error_text(status->error));
	else if (is_kill || status->text == NULL || status->text[0] == '\0')
		draft_end_job(draft, job->id, HV_OK, is_kill ? "killed" : "done");
	else
		draft_end_job(draft, job->id, HV_OK, "%s", status->text);
}

/* ---- the pair ---- */

/* A device of one that must have a pair, which not both reach; NULL: none. */
static const Tarn__DeviceRecord *find_single(const struct cluster *cluster,
					     const char *host)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);
		const Tarn__DeviceRecord *device;

		if (strcmp(lpar->host, host) != 0 || !lpar->running ||
		    lpar->device == NULL || lpar->mirror != NULL ||
		    !limits_needs_pair(lpar->spec))
			continue;
		device = cluster_device(cluster, host, lpar->device);
		if (device != NULL && !limits_device_is_redundant(cluster, device))
			return device;
	}
	return NULL;
}

static void end_replaced(struct draft *draft, const Tarn__JobRecord *job)
{
	draft_name(draft, "%s: done", job->what);
	pair_settle(draft, job->host, job->replaced);
	draft_end_job(draft, job->id, HV_OK, "VIOS '%s' has the place of '%s' and is %s",
		      job->target, job->replaced,
		      live_vios_state_name(cluster_live(draft->cluster, job->host),
					   job->target));
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_INFO, job->host, "vios.replaced",
			"VIOS '%s' of host '%s' has taken the place of '%s'", job->target,
			job->host, job->replaced);
}

/* The one that left comes back. */
static void undo_replace(struct draft *draft, const Tarn__JobRecord *job)
{
	const struct live_host *live = cluster_live(draft->cluster, job->host);
	const Tarn__ViosStat *stat = live_vios(live, job->target);
	const Tarn__DeviceRecord *device = find_single(draft->cluster, job->host);
	const char *why = stat != NULL && stat->reason != NULL ? stat->reason : "";

	if (!cluster_is_connected(draft->cluster, job->host))
		why = "its agent does not report";
	draft_name(draft, "%s: undone", job->what);
	pair_change(draft, job->host, job->target, job->replaced);
	draft_end_job(draft, job->id, HV_E_TIMEOUT,
		      "VIOS '%s' of host '%s' is %s after %u s%s%s%s%s%s; '%s' has its "
		      "place again",
		      job->target, job->host, live_vios_state_name(live, job->target),
		      JOBS_VIOS_MS / 1000, why[0] != '\0' ? ": " : "", why,
		      device != NULL ? ", and does not reach device '" : "",
		      device != NULL ? device->device->name : "",
		      device != NULL ? "'" : "", job->replaced);
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_WARN, job->host,
			"vios.not_replaced",
			"VIOS '%s' of host '%s' did not come to serve in the place of "
			"'%s', which comes back",
			job->target, job->host, job->replaced);
}

/* A device of an LPAR that lies behind that VIOS alone; NULL: none. */
static const Tarn__DeviceRecord *find_behind(const struct cluster *cluster,
					     const char *host, const char *vios)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(cluster, i);

		if (strcmp(device->host, host) == 0 && device->lpar != NULL &&
		    device->device->vios != NULL &&
		    strcmp(device->device->vios, vios) == 0)
			return device;
	}
	return NULL;
}

/* It was given a device behind the new one meanwhile: without that it could not run. */
static void keep_replaced(struct draft *draft, const Tarn__JobRecord *job,
			  const Tarn__DeviceRecord *device)
{
	draft_name(draft, "%s: not settled", job->what);
	pair_settle(draft, job->host, job->replaced);
	draft_end_job(draft, job->id, HV_E_TIMEOUT,
		      "VIOS '%s' of host '%s' is %s after %u s; it keeps the place of "
		      "'%s', as paging device '%s' of LPAR '%s' is behind it alone",
		      job->target, job->host,
		      live_vios_state_name(cluster_live(draft->cluster, job->host),
					   job->target),
		      JOBS_VIOS_MS / 1000, job->replaced, device->device->name,
		      device->lpar);
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_WARN, job->host, "vios.replaced",
			"VIOS '%s' of host '%s' keeps the place of '%s', though not "
			"every device is reached by both",
			job->target, job->host, job->replaced);
}

static void step_replace(struct draft *draft, const Tarn__JobRecord *job)
{
	const struct live_host *live = cluster_live(draft->cluster, job->host);
	const Tarn__DeviceRecord *behind;

	if (live != NULL && is_reached(live, job) &&
	    find_single(draft->cluster, job->host) == NULL) {
		end_replaced(draft, job);
		return;
	}
	if (!is_over(draft, job))
		return;
	behind = find_behind(draft->cluster, job->host, job->target);
	if (behind != NULL)
		keep_replaced(draft, job, behind);
	else
		undo_replace(draft, job);
}

/* A running one whose hypervisor has another primary than its record; NULL: none. */
static const Tarn__LparRecord *find_untold(const struct cluster *cluster,
					   const char *host)
{
	const struct live_host *live = cluster_live(cluster, host);

	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);
		const Tarn__PartitionStat *stat;

		if (strcmp(lpar->host, host) != 0 || !lpar->running ||
		    lpar->primary == NULL)
			continue;
		stat = live_partition(live, lpar->spec->name, lpar->run_id);
		if (stat != NULL && stat->given_primary != NULL &&
		    strcmp(stat->given_primary, lpar->primary) != 0)
			return lpar;
	}
	return NULL;
}

/* All have their new primary: now they go to it, by one order. */
static void step_swap(struct draft *draft, const Tarn__JobRecord *job)
{
	const struct live_host *live = cluster_live(draft->cluster, job->host);
	const Tarn__LparRecord *untold = find_untold(draft->cluster, job->host);
	Tarn__JobRecord *edit;

	if (live != NULL && live->report != NULL &&
	    live->report->revision >= job->revision && untold == NULL) {
		edit = draft_edit_job(draft, job->id);
		if (edit == NULL)
			return;
		draft_name(draft, "%s: all move", job->what);
		edit->has_op = 1;
		edit->op = draft_add_op(draft, job->host,
					TARN__HOST_OP_KIND__HOST_OP_VIOS_FAILBACK, "");
	} else if (is_over(draft, job)) {
		draft_name(draft, "%s: not reached", job->what);
		draft_end_job(draft, job->id, HV_E_TIMEOUT,
			      "host '%s': LPAR '%s' has not been told its new primary "
			      "VIOS after %u s; the order stands",
			      job->host, untold != NULL ? untold->spec->name : "",
			      JOBS_VIOS_MS / 1000);
	}
}

static void step_vios(struct draft *draft, const Tarn__JobRecord *job)
{
	const struct live_host *live = cluster_live(draft->cluster, job->host);
	const Tarn__ViosStat *stat = live_vios(live, job->target);

	if (job->has_op) {
		step_op(draft, job);
	} else if (job->verb == TARN__VIOS_VERB__VIOS_VERB_REPLACE) {
		step_replace(draft, job);
	} else if (job->verb == TARN__VIOS_VERB__VIOS_VERB_SWAP) {
		step_swap(draft, job);
	} else if (is_reached(live, job)) {
		draft_name(draft, "%s: done", job->what);
		draft_end_job(draft, job->id, HV_OK, "VIOS '%s' is %s", job->target,
			      stat == NULL ? "not run any more"
					   : live_vios_state_name(live, job->target));
	} else if (is_over(draft, job)) {
		draft_name(draft, "%s: not reached", job->what);
		draft_end_job(
			draft, job->id, HV_E_TIMEOUT,
			"VIOS '%s' of host '%s' is %s after %u s%s%s; the order stands",
			job->target, job->host, live_vios_state_name(live, job->target),
			JOBS_VIOS_MS / 1000,
			stat != NULL && stat->reason != NULL ? ": " : "",
			stat != NULL && stat->reason != NULL ? stat->reason : "");
	}
}

void jobs_step_vios(struct draft *draft, const Tarn__HostRecord *host)
{
	for (size_t i = 0; i < cluster_count(draft->cluster, RECORD_JOB); i++) {
		const Tarn__JobRecord *job = cluster_job_at(draft->cluster, i);

		if (!job->done && job->kind == TARN__JOB_KIND__JOB_VIOS &&
		    strcmp(job->host, host->name) == 0)
			step_vios(draft, job);
	}
}
