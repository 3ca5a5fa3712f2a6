/* desired - see desired.h. */
#include "coordinator/cluster/desired.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/machine.h"
#include "coordinator/cluster/replace.h"

#include <stdlib.h>
#include <string.h>

/* One block of memory for the message and everything that is made for it. */
struct whole {
	Tarn__HostDesired desired; /* first */
	Tarn__DesiredDevice *devices[HV_DEVICES_PER_HOST_MAX];
	Tarn__DesiredDevice device_room[HV_DEVICES_PER_HOST_MAX]; /* of two hosts */
	Tarn__DesiredLpar *lpars[HV_HOST_LPARS_MAX];
	Tarn__DesiredLpar lpar_room[HV_HOST_LPARS_MAX];
	Tarn__LparSpec spec_room[HV_HOST_LPARS_MAX];
	Tarn__HostOp *ops[HV_HOST_OPS_MAX];
	Tarn__DesiredVios *vios[HV_HOST_VIOS_MAX];
	Tarn__DesiredVios vios_room[HV_HOST_VIOS_MAX];
};

/* Of the pool as a whole an LPAR is told only what it is authorised to see. */
static bool sees_pool(const Tarn__LparRecord *lpar)
{
	for (size_t i = 0; i < lpar->n_attributes; i++)
		if (strcmp(lpar->attributes[i]->name, "shared_mem_pool_util_auth") == 0)
			return strcmp(lpar->attributes[i]->value, "1") == 0;
	return false;
}

static void add_lpar(struct whole *whole, const Tarn__HostRecord *host,
		     const Tarn__LparRecord *lpar)
{
	size_t at = whole->desired.n_lpars;
	Tarn__DesiredLpar *desired = &whole->lpar_room[at];
	Tarn__LparSpec *spec = &whole->spec_room[at];

	if (at == HV_HOST_LPARS_MAX)
		return; /* plans refuse more */
	tarn__desired_lpar__init(desired);
	*spec = *lpar->spec;
	if (lpar->has_granted_bytes)
		spec->mem_bytes = lpar->granted_bytes;
	if (spec->hpt_ratio == 0 && host->profile != NULL) {
		spec->has_hpt_ratio = 1;
		spec->hpt_ratio = host->profile->hpt_ratio;
	}
	spec->has_sees_pool = 1;
	spec->sees_pool = sees_pool(lpar);
	desired->spec = spec;
	desired->run_id = lpar->run_id;
	desired->running = lpar->running;
	desired->has_immediate = lpar->has_immediate;
	desired->immediate = lpar->immediate;
	desired->device = (char *)replace_wanted(lpar, lpar->device);
	desired->mirror = (char *)replace_wanted(lpar, lpar->mirror);
	desired->has_devices_generation = lpar->has_device_generation;
	desired->devices_generation = lpar->device_generation;
	desired->primary = limits_is_shared(lpar->spec) ? lpar->primary : NULL;
	desired->resize = lpar->resize;
	desired->processors = lpar->processors;
	desired->has_made = lpar->has_made;
	desired->made = lpar->made;
	whole->lpars[at] = desired;
	whole->desired.n_lpars++;
}

static void add_lpars(struct whole *whole, const struct cluster *cluster,
		      const Tarn__HostRecord *host)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (strcmp(lpar->host, host->name) == 0)
			add_lpar(whole, host, lpar);
	}
	whole->desired.lpars = whole->lpars;
}

static void add_vios(struct whole *whole, const struct cluster *cluster,
		     const Tarn__HostRecord *host)
{
	for (size_t i = 0; i < host->n_vios && i < HV_HOST_VIOS_MAX; i++) {
		Tarn__DesiredVios *vios = &whole->vios_room[i];
		const Tarn__HostRecord *remote;

		*vios = *host->vios[i];
		vios->has_failback_ms = 1;
		vios->failback_ms = host->failback_ms;
		remote = vios->remote_host != NULL
				 ? cluster_host(cluster, vios->remote_host)
				 : NULL;
		vios->remote_url = remote != NULL ? remote->export_url : NULL;
		whole->vios[whole->desired.n_vios++] = vios;
	}
	whole->desired.vios = whole->vios;
	whole->desired.exports = limits_importer(cluster, host->name, NULL) != NULL;
	whole->desired.has_exports = whole->desired.exports;
}

/* Of a device that lies on one host and is owned by another: what each of them is told. */
static Tarn__DesiredDevice *of_two_hosts(struct whole *whole,
					 const struct cluster *cluster,
					 const Tarn__DeviceRecord *device,
					 const char *host)
{
	Tarn__DesiredDevice *desired = &whole->device_room[whole->desired.n_devices];
	const Tarn__HostRecord *owner = cluster_host(cluster, device->host);

	*desired = *device->device;
	if (strcmp(device->host, host) == 0) {
		desired->has_remote = 1;
		desired->remote = true;
		return desired;
	}
	desired->vios = NULL; /* not one of this host's */
	desired->has_owner_host_id = owner != NULL && owner->has_agent_id;
	if (desired->has_owner_host_id)
		desired->owner_host_id = owner->agent_id;
	desired->owner_host_name = device->host;
	return desired;
}

static void add_devices(struct whole *whole, const struct cluster *cluster,
			const char *host)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(cluster, i);
		Tarn__DesiredDevice *desired = device->device;

		if ((strcmp(device->host, host) != 0 &&
		     strcmp(limits_device_host(device), host) != 0) ||
		    whole->desired.n_devices == HV_DEVICES_PER_HOST_MAX)
			continue;
		if (device->remote_host != NULL)
			desired = of_two_hosts(whole, cluster, device, host);
		whole->devices[whole->desired.n_devices++] = desired;
	}
	whole->desired.devices = whole->devices;
}

static void add_ops(struct whole *whole, const struct cluster *cluster, const char *host)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_OP); i++) {
		const Tarn__HostOpRecord *op = cluster_op_at(cluster, i);

		if (strcmp(op->host, host) == 0 && whole->desired.n_ops < HV_HOST_OPS_MAX)
			whole->ops[whole->desired.n_ops++] = op->op;
	}
	whole->desired.ops = whole->ops;
}

static void add_firmware(struct whole *whole, const struct cluster *cluster,
			 const Tarn__HostRecord *host)
{
	struct host_use use;

	use = limits_use(cluster, host, LIMITS_RUNNING);
	whole->desired.firmware_lmbs = machine_firmware_lmbs(&use);
	whole->desired.has_firmware_lmbs = whole->desired.firmware_lmbs != 0;
}

enum hv_code desired_make(const struct cluster *cluster, const Tarn__HostRecord *host,
			  uint64_t revision, Tarn__HostDesired **ret_desired,
			  struct hv_err *err)
{
	struct whole *whole = malloc(sizeof(*whole));

	if (whole == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for what host '%s' should be",
			       host->name);
	tarn__host_desired__init(&whole->desired);
	whole->desired.epoch = cluster->now.epoch;
	whole->desired.revision = revision;
	whole->desired.pool = host->pool;
	add_firmware(whole, cluster, host);
	add_vios(whole, cluster, host);
	add_devices(whole, cluster, host->name);
	add_lpars(whole, cluster, host);
	add_ops(whole, cluster, host->name);
	*ret_desired = &whole->desired;
	return HV_OK;
}

void desired_free(Tarn__HostDesired *desired)
{
	free(desired); /* first member of the whole block */
}
