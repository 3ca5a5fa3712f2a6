/* jobs - see jobs.h. Here: pool, devices, VIOS orders. */
#include "coordinator/jobs/jobs.h"

#include "coordinator/cluster/limits.h"

#include "hvcore/wire/pgdev.h"

#include <string.h>

enum hv_code jobs_error_code(const Tarn__Error *error)
{
	return error->code > HV_OK && error->code < HV_CODE_COUNT
		       ? (enum hv_code)error->code
		       : HV_E_OS;
}

const char *jobs_error_text(const Tarn__Error *error)
{
	return error->text[0] != '\0' ? error->text : "its agent gave no reason";
}

static void settle_pool(struct draft *draft, const Tarn__HostRecord *host)
{
	Tarn__HostRecord *edit = draft_edit_host(draft, host->name);

	if (edit == NULL)
		return;
	if (edit->pool->mem_bytes == 0) {
		tarn__desired_pool__free_unpacked(edit->pool, NULL);
		edit->pool = NULL;
	}
	if (edit->pool_before != NULL)
		tarn__desired_pool__free_unpacked(edit->pool_before, NULL);
	edit->pool_before = NULL;
	edit->has_pool_job = 0;
	edit->pool_job = 0;
	draft_name(draft, "pool of host '%s' is settled", host->name);
	draft_end_job(draft, host->pool_job, HV_OK, "done");
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_INFO, host->name, "pool.changed",
			"the pool of host '%s' %s", host->name,
			host->pool->mem_bytes == 0 ? "was removed" : "has its new size");
}

/* Back to what was, under a generation that the agent has not seen. */
static void undo_pool(struct draft *draft, const Tarn__HostRecord *host,
		      const Tarn__Error *error)
{
	Tarn__HostRecord *edit = draft_edit_host(draft, host->name);

	if (edit == NULL)
		return;
	tarn__desired_pool__free_unpacked(edit->pool, NULL);
	edit->pool = edit->pool_before;
	edit->pool_before = NULL;
	if (edit->pool != NULL)
		edit->pool->generation = draft_next_id(draft);
	edit->has_pool_job = 0;
	edit->pool_job = 0;
	draft_name(draft, "pool of host '%s' stays as it was", host->name);
	draft_end_job(draft, host->pool_job, jobs_error_code(error),
		      "pool of host '%s': %s", host->name, jobs_error_text(error));
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_WARN, host->name, "pool.failed",
			"the pool of host '%s' could not be changed: %s", host->name,
			jobs_error_text(error));
}

void jobs_step_pool(struct draft *draft, const Tarn__HostRecord *host)
{
	const Tarn__ObjectStatus *status;

	if (!host->has_pool_job)
		return;
	status = live_object(cluster_live(draft->cluster, host->name),
			     TARN__OBJECT_KIND__OBJECT_POOL, "", host->pool->generation);
	if (status == NULL || !status->done)
		return;
	if (status->error != NULL)
		undo_pool(draft, host, status->error);
	else
		settle_pool(draft, host);
}

/* What an agent may say of a device that it was told to take. */
static bool is_credible(const Tarn__DeviceRecord *device,
			const Tarn__ObjectStatus *status)
{
	uint64_t raw = device->device->bytes;

	if (!status->has_bytes || status->bytes == 0 ||
	    status->bytes % HV_PAGE_BYTES != 0 || status->bytes > 2 * HV_LPAR_BYTES_MAX)
		return false;
	return raw == 0 || status->bytes + HV_PGDEV_HEADER_BYTES <= raw;
}

static void fail_device(struct draft *draft, const Tarn__DeviceRecord *device,
			enum hv_code code, const char *why)
{
	const char *name = device->device->name;
	Tarn__DeviceRecord *edit;

	draft_end_job(draft, device->job, code, "paging device '%s' of host '%s': %s",
		      name, device->host, why);
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_WARN, device->host,
			"pgdev.failed",
			"paging device '%s' of host '%s' could not be %s: %s", name,
			device->host, device->device->removed ? "removed" : "added", why);
	draft_name(draft, "paging device '%s' of host '%s' stays as it was", name,
		   device->host);
	if (!device->device->removed) {
		draft_remove(draft, RECORD_DEVICE, record_key_names(device->host, name));
		return;
	}
	edit = draft_edit_device(draft, device->host, name);
	if (edit == NULL)
		return;
	edit->device->removed = false;
	edit->device->generation = draft_next_id(draft);
	edit->has_job = 0;
}

static void settle_device(struct draft *draft, const Tarn__DeviceRecord *device,
			  const Tarn__ObjectStatus *status)
{
	const char *name = device->device->name;
	bool is_removed = device->device->removed;
	Tarn__DeviceRecord *edit;

	draft_end_job(draft, device->job, HV_OK, "done");
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_INFO, device->host,
			is_removed ? "pgdev.removed" : "pgdev.added",
			"paging device '%s' of host '%s' was %s", name, device->host,
			is_removed ? "removed" : "added");
	draft_name(draft, "paging device '%s' of host '%s' was %s", name, device->host,
		   is_removed ? "removed" : "added");
	if (is_removed) {
		draft_remove(draft, RECORD_DEVICE, record_key_names(device->host, name));
		return;
	}
	edit = draft_edit_device(draft, device->host, name);
	if (edit == NULL)
		return;
	edit->has_usable_bytes = 1;
	edit->usable_bytes = status->bytes;
	edit->has_ready = 1;
	edit->ready = true;
	edit->has_job = 0;
}

static void step_device(struct draft *draft, const Tarn__DeviceRecord *device)
{
	const Tarn__ObjectStatus *status =
		live_object(cluster_live(draft->cluster, device->host),
			    TARN__OBJECT_KIND__OBJECT_DEVICE, device->device->name,
			    device->device->generation);

	if (status == NULL || !status->done)
		return;
	if (status->error != NULL)
		fail_device(draft, device, jobs_error_code(status->error),
			    jobs_error_text(status->error));
	else if (!device->device->removed && !is_credible(device, status))
		fail_device(draft, device, HV_E_CORRUPT,
			    "its agent reports a usable size that cannot be");
	else
		settle_device(draft, device, status);
}

void jobs_step_devices(struct draft *draft, const Tarn__HostRecord *host)
{
	for (size_t i = 0; i < cluster_count(draft->cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(draft->cluster, i);

		if (device->has_job && strcmp(device->host, host->name) == 0)
			step_device(draft, device);
	}
}

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
		return stat == NULL || stat->state == TARN__VIOS_STATE__VIOS_ABSENT;
	case TARN__VIOS_VERB__VIOS_VERB_KILL:
	case TARN__VIOS_VERB__VIOS_VERB_INJECT:
	case TARN__VIOS_VERB__VIOS_VERB_FAILBACK:
		return false; /* its op says */
	default:
		return live_vios_is_healthy(live, job->target);
	}
}

/* An order that is done once, as the agent says. */
static void step_op(struct draft *draft, const Tarn__JobRecord *job)
{
	bool is_kill = job->verb == TARN__VIOS_VERB__VIOS_VERB_KILL;
	const Tarn__ObjectStatus *status =
		live_object(cluster_live(draft->cluster, job->host),
			    TARN__OBJECT_KIND__OBJECT_OP, "", job->op);

	if (status == NULL || !status->done)
		return;
	draft_remove(draft, RECORD_OP, record_key_number(job->op));
	draft_name(draft, "%s: done", job->what);
	if (status->error != NULL && job->verb == TARN__VIOS_VERB__VIOS_VERB_FAILBACK)
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

static void step_vios(struct draft *draft, const Tarn__JobRecord *job)
{
	const struct live_host *live = cluster_live(draft->cluster, job->host);
	const Tarn__ViosStat *stat = live_vios(live, job->target);

	if (job->has_op) {
		step_op(draft, job);
	} else if (is_reached(live, job)) {
		draft_name(draft, "%s: done", job->what);
		draft_end_job(draft, job->id, HV_OK, "VIOS '%s' is %s", job->target,
			      live_vios_state_name(live, job->target));
	} else if (draft->cluster->wall_ms > job->started_ms + JOBS_VIOS_MS) {
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

/* What only a report can settle: a paper host does not cost a look at every LPAR. */
static void step_reported(struct draft *draft, const Tarn__HostRecord *host)
{
	const struct live_host *live = cluster_live(draft->cluster, host->name);

	if (live == NULL || live->report == NULL)
		return;
	jobs_step_pool(draft, host);
	jobs_step_devices(draft, host);
	jobs_step_resizes(draft, host); /* a run that ends ends its resize */
	jobs_step_lpars(draft, host);
	jobs_step_checks(draft, host);
}

void jobs_step(struct draft *draft, const Tarn__HostRecord *host)
{
	step_reported(draft, host);
	jobs_step_vios(draft, host);
	jobs_step_drill(draft, host);
	jobs_step_rolling(draft, host);
}
