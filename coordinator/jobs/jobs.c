/* jobs - see jobs.h. Here: pool and devices. */
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
	const Tarn__ObjectStatus *status = limits_device_status(draft->cluster, device);

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

		if (device->has_job &&
		    strcmp(limits_device_host(device), host->name) == 0)
			step_device(draft, device);
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
	jobs_step_replaced(draft, host);
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
