/* plan_pgdev - paging devices of a host; see plan.h. */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/plan.h"
#include "coordinator/cluster/replace.h"

#include "hvcore/wire/pgdev.h"

#include <string.h>

/* Header and one run of pages: less cannot back anything. */
#define DEVICE_BYTES_MIN (HV_PGDEV_HEADER_BYTES + 64 * (uint64_t)HV_PAGE_BYTES)
#define DEVICE_BYTES_MAX (2 * HV_LPAR_BYTES_MAX) /* arbitrary: twice the largest LPAR */
#define SIZE_TEXT 32

static enum hv_code check_size(const Tarn__PgdevAdd *request, struct hv_err *err)
{
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (request->bytes == 0)
		return HV_OK;
	if (request->bytes % HV_PAGE_BYTES != 0)
		return hv_fail(err, HV_E_INVAL,
			       "paging device '%s': %llu bytes are not whole pages of %u",
			       request->name, (unsigned long long)request->bytes,
			       HV_PAGE_BYTES);
	if (request->bytes < DEVICE_BYTES_MIN || request->bytes > DEVICE_BYTES_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "paging device '%s': size must be between %s and %s",
			       request->name,
			       hv_size_format(DEVICE_BYTES_MIN, a, sizeof(a)),
			       hv_size_format(DEVICE_BYTES_MAX, b, sizeof(b)));
	return HV_OK;
}

/* Its own, and those of others that lie there. */
static bool is_of(const Tarn__DeviceRecord *device, const char *host)
{
	return strcmp(device->host, host) == 0 ||
	       strcmp(limits_device_host(device), host) == 0;
}

/* Of one host that will know the device: is its name free, and where it lies its path? */
static enum hv_code check_unused(const struct plan *plan, const Tarn__PgdevAdd *request,
				 const char *host, bool lies_there, struct hv_err *err)
{
	unsigned count = 0;

	if (cluster_count(plan->cluster, RECORD_DEVICE) >= HV_CLUSTER_DEVICES_MAX)
		return hv_fail(
			err, HV_E_LIMIT,
			"a cluster has at most %d paging devices; remove one first",
			HV_CLUSTER_DEVICES_MAX);
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(plan->cluster, i);

		if (!is_of(device, host))
			continue;
		count++;
		if (strcmp(device->device->name, request->name) == 0)
			return hv_fail(
				err, HV_E_EXISTS,
				"host '%s' has a paging device '%s' already; choose "
				"another name",
				host, request->name);
		if (lies_there && strcmp(limits_device_host(device), host) == 0 &&
		    strcmp(device->device->path, request->path) == 0)
			return hv_fail(
				err, HV_E_BUSY,
				"'%s' is in use on host '%s' as paging device '%s'; "
				"remove that one first",
				request->path, host, device->device->name);
	}
	if (count >= HV_DEVICES_PER_HOST_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "host '%s' has %u paging devices, the most it may have; "
			       "remove one first",
			       host, count);
	return HV_OK;
}

static void put_device(struct plan *plan, const Tarn__PgdevAdd *request,
		       const char *remote_host)
{
	Tarn__DeviceRecord record = TARN__DEVICE_RECORD__INIT;
	Tarn__DesiredDevice device = TARN__DESIRED_DEVICE__INIT;

	device.name = request->name;
	device.generation = draft_next_id(&plan->draft);
	device.path = request->path;
	device.bytes = request->bytes;
	device.id.data = plan->random_id;
	device.id.len = sizeof(plan->random_id);
	device.owner_epoch = draft_next_id(&plan->draft);
	device.has_create = 1;
	device.create = request->bytes != 0;
	device.vios = request->vios;
	record.host = request->host;
	record.remote_host = (char *)remote_host; /* only copied */
	record.device = &device;
	record.has_job = 1;
	record.job = plan->job;
	record.has_ready = 1;
	draft_put(&plan->draft, RECORD_DEVICE, record_copy(&record.base));
}

/* Behind whom, and on which host then; *ret_remote NULL: on this one. */
static enum hv_code find_place(const struct plan *plan, const Tarn__HostRecord *host,
			       const char *name, const Tarn__HostRecord **ret_remote,
			       struct hv_err *err)
{
	const Tarn__DesiredVios *vios = limits_remote_vios(host);
	enum hv_code code;

	*ret_remote = NULL;
	if (name == NULL && vios != NULL)
		return hv_fail(
			err, HV_E_STATE,
			"VIOS '%s' of host '%s' has its devices on host '%s', so no "
			"device is reached by both; say which one with --vios",
			vios->name, host->name, vios->remote_host);
	if (name == NULL)
		return HV_OK;
	code = plan_need_vios(host, name, &vios, err);
	if (code == HV_OK && vios->remote_host != NULL)
		code = plan_need_host(plan, vios->remote_host, ret_remote, err);
	return code;
}

static enum hv_code check_hosts(const struct plan *plan, const Tarn__HostRecord *host,
				const Tarn__HostRecord *remote,
				const Tarn__PgdevAdd *request, struct hv_err *err)
{
	enum hv_code code = check_unused(plan, request, host->name, remote == NULL, err);

	if (code == HV_OK && remote != NULL)
		code = check_unused(plan, request, remote->name, true, err);
	if (code == HV_OK)
		code = check_size(request, err);
	if (code == HV_OK)
		code = plan_need_connected(plan, host, err);
	if (code == HV_OK && remote != NULL)
		code = plan_need_connected(plan, remote, err);
	return code;
}

enum hv_code plan_pgdev_add(struct plan *plan, const Tarn__PgdevAdd *request,
			    struct hv_err *err)
{
	struct job_plan job = { TARN__JOB_KIND__JOB_DEVICE, request->host,
				request->name };
	const Tarn__HostRecord *remote = NULL;
	const Tarn__HostRecord *host;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code == HV_OK)
		code = find_place(plan, host, request->vios, &remote, err);
	if (code == HV_OK)
		code = check_hosts(plan, host, remote, request, err);
	if (code != HV_OK)
		return code;
	plan->job = draft_add_job(
		&plan->draft, &job, "add paging device '%s' to host '%s'%s%s%s%s",
		request->name, request->host, request->vios != NULL ? " behind " : "",
		request->vios != NULL ? request->vios : "",
		remote != NULL ? ", on host " : "", remote != NULL ? remote->name : "");
	put_device(plan, request, remote != NULL ? remote->name : NULL);
	return HV_OK;
}

static enum hv_code need_device(const struct plan *plan, const char *host,
				const char *name, const Tarn__DeviceRecord **ret_device,
				struct hv_err *err)
{
	*ret_device = cluster_device(plan->cluster, host, name);
	return *ret_device != NULL
		       ? HV_OK
		       : hv_fail(err, HV_E_NOTFOUND,
				 "host '%s' has no paging device '%s'", host, name);
}

/* It is copied from one path to the other, so both are needed until all is there. */
static enum hv_code need_both(const struct plan *plan, const Tarn__HostRecord *host,
			      const Tarn__DeviceRecord *old, struct hv_err *err)
{
	unsigned serving = limits_vios_serving(plan->cluster, host);

	if (old->device->vios != NULL || serving == HV_HOST_VIOS_MAX)
		return HV_OK;
	return hv_fail(err, HV_E_REFUSED,
		       "paging device '%s' of host '%s' cannot be replaced now: to copy "
		       "it both VIOS of the pool must serve, and %u do%s; see 'tarn vios "
		       "list'",
		       old->device->name, host->name, serving, serving == 1 ? "es" : "");
}

enum hv_code plan_pgdev_replace(struct plan *plan, const Tarn__PgdevReplace *request,
				struct hv_err *err)
{
	const Tarn__DeviceRecord *old = NULL, *now = NULL;
	const Tarn__LparRecord *lpar;
	const Tarn__HostRecord *host;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code == HV_OK)
		code = plan_need_no_drill(plan, request->host, err);
	if (code == HV_OK)
		code = need_device(plan, request->host, request->name, &old, err);
	if (code == HV_OK)
		code = need_device(plan, request->host, request->with, &now, err);
	if (code != HV_OK)
		return code;
	if (old->lpar == NULL)
		return hv_fail(err, HV_E_STATE,
			       "paging device '%s' of host '%s' is in use by no LPAR, so "
			       "there is nothing to copy; remove it with 'tarn pgdev "
			       "remove'",
			       request->name, request->host);
	lpar = cluster_lpar(plan->cluster, old->lpar);
	if (replace_is_way_back(lpar, request->name, request->with)) {
		plan->job = replace_take_back(&plan->draft, lpar);
		return HV_OK;
	}
	code = replace_check(plan->cluster, lpar, old, now, err);
	if (code == HV_OK)
		code = plan_need_connected(plan, host, err);
	if (code == HV_OK)
		code = need_both(plan, host, old, err);
	if (code == HV_OK)
		plan->job = replace_begin(&plan->draft, lpar, request->name,
					  request->with);
	return code;
}

enum hv_code plan_pgdev_remove(struct plan *plan, const Tarn__PgdevRemove *request,
			       struct hv_err *err)
{
	struct job_plan job = { TARN__JOB_KIND__JOB_DEVICE, request->host,
				request->name };
	const Tarn__DeviceRecord *device;
	const Tarn__HostRecord *host;
	Tarn__DeviceRecord *edit;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code != HV_OK)
		return code;
	device = cluster_device(plan->cluster, request->host, request->name);
	if (device == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "host '%s' has no paging device '%s'",
			       request->host, request->name);
	if (device->lpar != NULL)
		return hv_fail(err, HV_E_BUSY,
			       "paging device '%s' of host '%s' is in use by LPAR '%s'; "
			       "shut it down first",
			       request->name, request->host, device->lpar);
	if (device->has_job)
		return hv_fail(
			err, HV_E_BUSY,
			"paging device '%s' of host '%s' is being changed; wait for "
			"job %llu",
			request->name, request->host, (unsigned long long)device->job);
	code = plan_need_connected(plan, host, err);
	if (code == HV_OK && device->remote_host != NULL)
		code = plan_need_host(plan, device->remote_host, &host, err);
	if (code == HV_OK)
		code = plan_need_connected(plan, host, err); /* where it lies */
	if (code != HV_OK)
		return code;
	plan->job = draft_add_job(&plan->draft, &job,
				  "remove paging device '%s' of host '%s'", request->name,
				  request->host);
	edit = draft_edit_device(&plan->draft, request->host, request->name);
	if (edit == NULL)
		return HV_OK; /* draft_finish() says no memory */
	edit->device->generation = draft_next_id(&plan->draft);
	edit->device->has_removed = 1;
	edit->device->removed = true;
	edit->has_job = 1;
	edit->job = plan->job;
	return HV_OK;
}
