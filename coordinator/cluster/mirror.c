/* mirror - see mirror.h. */
#include "coordinator/cluster/mirror.h"

#include "coordinator/cluster/limits.h"

#include "hvcore/wire/mirror.h"

#include <stdio.h>
#include <string.h>

/* The VIOS that a device lies behind alone; NULL: both are to reach it. */
static const char *vios_of(const struct cluster *cluster, const char *host,
			   const char *name)
{
	const Tarn__DeviceRecord *device = name != NULL
						   ? cluster_device(cluster, host, name)
						   : NULL;

	return device != NULL ? device->device->vios : NULL;
}

static const Tarn__PartitionStat *stat_of(const struct cluster *cluster,
					  const Tarn__LparRecord *lpar)
{
	return live_partition(cluster_live(cluster, lpar->host), lpar->spec->name,
			      lpar->run_id);
}

uint64_t mirror_pages_alone(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			    const char *vios)
{
	const Tarn__PartitionStat *stat = stat_of(cluster, lpar);
	const char *behind;

	if (stat == NULL || !limits_is_shared(lpar->spec) || !limits_is_active(lpar))
		return 0;
	/* as its hypervisor has it, which may be changing them */
	behind = vios_of(cluster, lpar->host,
			 stat->pgdev != NULL ? stat->pgdev : lpar->device);
	if (behind == NULL)
		return 0;
	if (lpar->mirror == NULL && stat->mirror == NULL)
		return strcmp(behind, vios) == 0
			       ? stat->stolen_pages + stat->stealing_pages +
					 stat->inflight_pages
			       : 0;
	return strcmp(behind, vios) == 0 ? stat->mirror_missed : stat->missed;
}

bool mirror_lies_behind(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			const char *vios)
{
	const char *behind = vios_of(cluster, lpar->host, lpar->device);

	return lpar->mirror == NULL && behind != NULL && strcmp(behind, vios) == 0;
}

enum hv_code mirror_need_none_alone(const struct cluster *cluster,
				    const Tarn__HostRecord *host, const char *vios,
				    struct hv_err *err)
{
	const Tarn__DesiredVios *partner = limits_partner(host, vios);
	char pages[HV_COUNT_TEXT_BYTES];

	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);
		uint64_t alone;

		if (strcmp(lpar->host, host->name) != 0)
			continue;
		if (lpar->has_device_job && lpar->mirror == NULL)
			return hv_fail(
				err, HV_E_REFUSED,
				"VIOS '%s' of host '%s' cannot go: paging device "
				"'%s' of LPAR '%s' is being replaced, so not every "
				"page is behind both; wait for job %llu",
				vios, host->name, lpar->old_device, lpar->spec->name,
				(unsigned long long)lpar->device_job);
		if (lpar->running && lpar->has_job &&
		    mirror_lies_behind(cluster, lpar, vios))
			return hv_fail(err, HV_E_REFUSED,
				       "VIOS '%s' of host '%s' cannot go: LPAR '%s' is "
				       "being started on paging device '%s', which lies "
				       "behind it alone; wait for job %llu",
				       vios, host->name, lpar->spec->name, lpar->device,
				       (unsigned long long)lpar->job);
		alone = mirror_pages_alone(cluster, lpar, vios);
		if (alone == 0)
			continue;
		hv_count_text(alone, pages);
		if (lpar->mirror == NULL)
			return hv_fail(
				err, HV_E_REFUSED,
				"VIOS '%s' of host '%s' cannot go: LPAR '%s' has %s "
				"pages behind it alone, on paging device '%s'; shut that "
				"LPAR down first",
				vios, host->name, lpar->spec->name, pages, lpar->device);
		return hv_fail(
			err, HV_E_REFUSED,
			"VIOS '%s' of host '%s' cannot go: LPAR '%s' has %s pages "
			"behind it alone; wait until they are brought to '%s' (see "
			"'tarn status')",
			vios, host->name, lpar->spec->name, pages, partner->name);
	}
	return HV_OK;
}

static bool is_synced(const struct cluster *cluster, const Tarn__LparRecord *lpar,
		      const Tarn__PartitionStat *stat, char why[MIRROR_TEXT_BYTES])
{
	const char *vios, *other;
	char text[HV_MIRROR_TEXT_BYTES];

	if (stat == NULL || stat->mirror == NULL || !stat->has_redundant) {
		(void)snprintf(why, MIRROR_TEXT_BYTES,
			       "LPAR '%s' does not say what is behind both VIOS",
			       lpar->spec->name);
		return false;
	}
	if (stat->redundant)
		return true;
	vios = vios_of(cluster, lpar->host, stat->pgdev);
	other = vios_of(cluster, lpar->host, stat->mirror);
	(void)snprintf(why, MIRROR_TEXT_BYTES, "LPAR '%s': %s", lpar->spec->name,
		       hv_mirror_text(stat, vios != NULL ? vios : "one VIOS",
				      other != NULL ? other : "the other VIOS", text));
	return false;
}

bool mirror_is_redundant(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			 char why[MIRROR_TEXT_BYTES])
{
	const Tarn__DeviceRecord *device = cluster_device(cluster, lpar->host,
							  lpar->device);

	if (lpar->mirror != NULL)
		return is_synced(cluster, lpar, stat_of(cluster, lpar), why);
	if (limits_device_is_redundant(cluster, device))
		return true;
	(void)snprintf(why, MIRROR_TEXT_BYTES,
		       "paging device '%s' of LPAR '%s' is not reached by both",
		       lpar->device, lpar->spec->name);
	return false;
}
