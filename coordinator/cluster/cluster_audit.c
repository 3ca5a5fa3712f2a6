/*
 * cluster_audit - what must hold of the records among themselves:
 *
 *   a device has at most one owner, and that LPAR names it back      (I1)
 *   a running shared LPAR has a device of its own host; what lies behind one VIOS has
 *   another one behind the other as its mirror, or that VIOS as its primary
 *   entitlements of running LPARs fit the pool                       (I4)
 *   memory is being changed of running LPARs only, and has a job
 *   a device that is being replaced and what replaces it are one LPAR's
 *   what names a pending job is named by a job that is not done
 *   a VIOS is there once, two at most page for the pool; a device lies where its VIOS
 *   has its devices, which is a host that is known
 *   one drill a host; only a drill or a person holds a VIOS down
 *   hscroot may administer users
 *   names refer to what exists; numbers are below next_id
 */
#include "coordinator/cluster/cluster.h"
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/profile.h"
#include "coordinator/cluster/user.h"

#include <string.h>

static bool names(const char *device, const Tarn__DeviceRecord *record)
{
	return device != NULL && strcmp(device, record->device->name) == 0;
}

static bool is_where_its_vios_has_it(const Tarn__HostRecord *host,
				     const Tarn__DeviceRecord *device)
{
	const Tarn__DesiredVios *vios = NULL;
	const char *remote;

	if (device->device->vios != NULL)
		vios = limits_vios(host, device->device->vios);
	if (vios == NULL && device->device->vios != NULL)
		vios = limits_other_vios(host, device->device->vios);
	remote = vios != NULL ? vios->remote_host : NULL;
	if (remote == NULL || device->remote_host == NULL)
		return remote == device->remote_host;
	return strcmp(remote, device->remote_host) == 0;
}

static enum hv_code audit_device(const struct cluster *cluster,
				 const Tarn__DeviceRecord *device, struct hv_err *err)
{
	const Tarn__LparRecord *lpar;

	const Tarn__HostRecord *host = cluster_host(cluster, device->host);

	if (host == NULL)
		return hv_fail(err, HV_E_CORRUPT, "device '%s' is on no host '%s'",
			       device->device->name, device->host);
	if (!is_where_its_vios_has_it(host, device))
		return hv_fail(err, HV_E_CORRUPT,
			       "device '%s' of host '%s' does not lie where its VIOS has "
			       "its devices",
			       device->device->name, device->host);
	if (device->lpar == NULL)
		return HV_OK;
	lpar = cluster_lpar(cluster, device->lpar);
	if (lpar == NULL || strcmp(lpar->host, device->host) != 0 ||
	    names(lpar->device, device) + names(lpar->mirror, device) +
			    names(lpar->new_device, device) !=
		    1)
		return hv_fail(err, HV_E_CORRUPT,
			       "device '%s' of host '%s' is owned by LPAR '%s', which "
			       "does not use it",
			       device->device->name, device->host, device->lpar);
	return HV_OK;
}

/* Of an LPAR, its device or its mirror; NULL: not its own, and `err` says so. */
static const Tarn__DeviceRecord *own_device(const struct cluster *cluster,
					    const Tarn__LparRecord *lpar,
					    const char *name, struct hv_err *err)
{
	const Tarn__DeviceRecord *device = cluster_device(cluster, lpar->host, name);

	if (device != NULL && device->lpar != NULL &&
	    strcmp(device->lpar, lpar->spec->name) == 0)
		return device;
	hv_fail(err, HV_E_CORRUPT, "LPAR '%s' uses device '%s', which is not its own",
		lpar->spec->name, name);
	return NULL;
}

static bool is_other(const ProtobufCBinaryData *id, const ProtobufCBinaryData *than)
{
	return id->len != than->len || memcmp(id->data, than->data, id->len) != 0;
}

static bool is_mirror(const Tarn__DeviceRecord *a, const Tarn__DeviceRecord *b)
{
	const Tarn__DesiredDevice *device = a->device, *mirror = b->device;

	return device->vios != NULL && mirror->vios != NULL &&
	       strcmp(device->vios, mirror->vios) != 0 &&
	       (strcmp(limits_device_host(a), limits_device_host(b)) != 0 ||
		strcmp(device->path, mirror->path) != 0) &&
	       is_other(&device->id, &mirror->id);
}

static enum hv_code audit_backing(const struct cluster *cluster,
				  const Tarn__LparRecord *lpar, struct hv_err *err)
{
	const Tarn__DeviceRecord *device, *mirror;
	const char *vios;

	if (lpar->device == NULL && lpar->mirror == NULL)
		return HV_OK;
	if (lpar->device == NULL)
		return hv_fail(err, HV_E_CORRUPT, "LPAR '%s' has a mirror of no device",
			       lpar->spec->name);
	device = own_device(cluster, lpar, lpar->device, err);
	if (device == NULL)
		return HV_E_CORRUPT;
	vios = device->device->vios;
	if (vios != NULL && lpar->mirror == NULL &&
	    (lpar->primary == NULL || strcmp(lpar->primary, vios) != 0))
		return hv_fail(err, HV_E_CORRUPT,
			       "LPAR '%s' uses device '%s' behind '%s', which is not its "
			       "primary VIOS",
			       lpar->spec->name, lpar->device, vios);
	if (lpar->mirror == NULL)
		return HV_OK;
	mirror = own_device(cluster, lpar, lpar->mirror, err);
	if (mirror == NULL)
		return HV_E_CORRUPT;
	if (!is_mirror(device, mirror))
		return hv_fail(err, HV_E_CORRUPT,
			       "LPAR '%s': devices '%s' and '%s' do not lie one behind "
			       "each VIOS",
			       lpar->spec->name, lpar->device, lpar->mirror);
	return HV_OK;
}

static bool is_given(const struct cluster *cluster, const Tarn__LparRecord *lpar)
{
	const Tarn__LparRecord *giver = cluster_lpar(cluster, lpar->awaits);

	return giver != NULL && giver->resize_to != NULL &&
	       strcmp(giver->resize_to, lpar->spec->name) == 0;
}

/* One that is being replaced is its own, and so is what replaces it. */
static enum hv_code audit_new_device(const struct cluster *cluster,
				     const Tarn__LparRecord *lpar, struct hv_err *err)
{
	const Tarn__DeviceRecord *old;

	if ((lpar->new_device != NULL) != (lpar->has_device_job != 0) ||
	    (lpar->old_device != NULL) != (lpar->has_device_job != 0))
		return hv_fail(err, HV_E_CORRUPT,
			       "LPAR '%s': a device is replaced without a job",
			       lpar->spec->name);
	if (lpar->new_device == NULL)
		return HV_OK;
	old = own_device(cluster, lpar, lpar->old_device, err);
	if (old == NULL || own_device(cluster, lpar, lpar->new_device, err) == NULL)
		return HV_E_CORRUPT;
	if (names(lpar->device, old) || names(lpar->mirror, old))
		return HV_OK;
	return hv_fail(err, HV_E_CORRUPT,
		       "LPAR '%s': device '%s' is replaced, and it does not use it",
		       lpar->spec->name, lpar->old_device);
}

static enum hv_code audit_lpar(const struct cluster *cluster,
			       const Tarn__LparRecord *lpar, struct hv_err *err)
{
	if (cluster_host(cluster, lpar->host) == NULL)
		return hv_fail(err, HV_E_CORRUPT, "LPAR '%s' is on no host '%s'",
			       lpar->spec->name, lpar->host);
	if (lpar->run_id > cluster->now.next_id)
		return hv_fail(err, HV_E_CORRUPT, "LPAR '%s': run %llu was never given",
			       lpar->spec->name, (unsigned long long)lpar->run_id);
	if (lpar->running && lpar->spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
	    lpar->device == NULL)
		return hv_fail(err, HV_E_CORRUPT,
			       "LPAR '%s' runs without a paging device",
			       lpar->spec->name);
	if ((lpar->resize != NULL) != (lpar->has_resize_job != 0))
		return hv_fail(err, HV_E_CORRUPT,
			       "LPAR '%s': a change of its memory without a job",
			       lpar->spec->name);
	if (lpar->awaits != NULL && !is_given(cluster, lpar))
		return hv_fail(err, HV_E_CORRUPT,
			       "LPAR '%s' waits for memory that nobody gives it",
			       lpar->spec->name);
	if (profile_audit(cluster, lpar, err) != HV_OK)
		return HV_E_CORRUPT;
	if (audit_backing(cluster, lpar, err) != HV_OK)
		return HV_E_CORRUPT;
	return audit_new_device(cluster, lpar, err);
}

static bool is_twice(const Tarn__HostRecord *host, const char *name)
{
	unsigned count = 0;

	for (size_t i = 0; i < host->n_vios; i++)
		count += strcmp(host->vios[i]->name, name) == 0;
	for (size_t i = 0; i < host->n_other_vios; i++)
		count += strcmp(host->other_vios[i]->name, name) == 0;
	return count != 1;
}

static enum hv_code audit_vios(const struct cluster *cluster,
			       const Tarn__HostRecord *host, struct hv_err *err)
{
	size_t count = host->n_vios + host->n_other_vios;

	if (host->n_vios > HV_HOST_VIOS_MAX || count > HV_HOST_ALL_VIOS_MAX)
		return hv_fail(err, HV_E_CORRUPT,
			       "host '%s' has %zu VIOS, %zu of them "
			       "paging",
			       host->name, count, host->n_vios);
	for (size_t i = 0; i < count; i++) {
		const Tarn__DesiredVios *vios =
			i < host->n_vios ? host->vios[i]
					 : host->other_vios[i - host->n_vios];

		if (vios->remote_host != NULL &&
		    (strcmp(vios->remote_host, host->name) == 0 ||
		     cluster_host(cluster, vios->remote_host) == NULL))
			return hv_fail(err, HV_E_CORRUPT,
				       "VIOS '%s' of host '%s' has its devices on '%s', "
				       "which is no other host",
				       vios->name, host->name, vios->remote_host);
		if (is_twice(host, vios->name))
			return hv_fail(err, HV_E_CORRUPT, "host '%s' has VIOS '%s' twice",
				       host->name, vios->name);
	}
	return HV_OK;
}

static enum hv_code audit_host(const struct cluster *cluster,
			       const Tarn__HostRecord *host, struct hv_err *err)
{
	struct host_use use = limits_use(cluster, host, LIMITS_RUNNING);
	unsigned drills = 0;

	if (use.entitled_bytes > use.pool_bytes)
		return hv_fail(err, HV_E_CORRUPT,
			       "host '%s': entitlements of %llu bytes in a pool of %llu",
			       host->name, (unsigned long long)use.entitled_bytes,
			       (unsigned long long)use.pool_bytes);
	for (size_t i = 0; i < cluster_count(cluster, RECORD_DRILL); i++) {
		const Tarn__DrillRecord *drill = cluster_drill_at(cluster, i);

		if (strcmp(drill->host, host->name) == 0 &&
		    strcmp(drill->phase, "done") != 0)
			drills++;
	}
	if (drills > 1)
		return hv_fail(err, HV_E_CORRUPT, "host '%s' has %u drills at once",
			       host->name, drills);
	return audit_vios(cluster, host, err);
}

static bool is_pending(const struct cluster *cluster, bool has_job, uint64_t id)
{
	const Tarn__JobRecord *job;

	if (!has_job)
		return true;
	job = cluster_job(cluster, id);
	return job != NULL && !job->done;
}

static enum hv_code audit_jobs(const struct cluster *cluster, struct hv_err *err)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_HOST); i++) {
		const Tarn__HostRecord *host = cluster_host_at(cluster, i);

		if (!is_pending(cluster, host->has_pool_job, host->pool_job))
			return hv_fail(err, HV_E_CORRUPT, "host '%s' names job %llu",
				       host->name, (unsigned long long)host->pool_job);
	}
	for (size_t i = 0; i < cluster_count(cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(cluster, i);

		if (!is_pending(cluster, device->has_job, device->job))
			return hv_fail(err, HV_E_CORRUPT, "device '%s' names job %llu",
				       device->device->name,
				       (unsigned long long)device->job);
	}
	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (!is_pending(cluster, lpar->has_job, lpar->job) ||
		    !is_pending(cluster, lpar->has_resize_job, lpar->resize_job) ||
		    !is_pending(cluster, lpar->has_device_job, lpar->device_job))
			return hv_fail(err, HV_E_CORRUPT, "LPAR '%s' names job %llu",
				       lpar->spec->name, (unsigned long long)lpar->job);
	}
	return HV_OK;
}

enum hv_code cluster_audit(const struct cluster *cluster, struct hv_err *err)
{
	enum hv_code code = audit_jobs(cluster, err);

	if (code == HV_OK)
		code = user_audit(cluster, err);
	for (size_t i = 0; code == HV_OK && i < cluster_count(cluster, RECORD_HOST); i++)
		code = audit_host(cluster, cluster_host_at(cluster, i), err);
	for (size_t i = 0; code == HV_OK && i < cluster_count(cluster, RECORD_DEVICE);
	     i++)
		code = audit_device(cluster, cluster_device_at(cluster, i), err);
	for (size_t i = 0; code == HV_OK && i < cluster_count(cluster, RECORD_LPAR); i++)
		code = audit_lpar(cluster, cluster_lpar_at(cluster, i), err);
	return code;
}
