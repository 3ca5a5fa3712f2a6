/* replace - paging devices of running LPARs, and spare ones; see jobs.h. */
#include "coordinator/cluster/replace.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/jobs/jobs.h"

#include <string.h>

static bool is_same(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* It has what it had, though not every page may be there: that one may be lost. */
static bool has_old(const struct cluster *cluster, const Tarn__LparRecord *lpar)
{
	const Tarn__PartitionStat *stat = live_partition(
		cluster_live(cluster, lpar->host), lpar->spec->name, lpar->run_id);

	return stat != NULL && is_same(stat->pgdev, lpar->device) &&
	       is_same(stat->mirror, lpar->mirror);
}

static void step_one(struct draft *draft, const Tarn__LparRecord *lpar)
{
	const Tarn__ObjectStatus *status =
		live_object(cluster_live(draft->cluster, lpar->host),
			    TARN__OBJECT_KIND__OBJECT_DEVICES, lpar->spec->name,
			    lpar->device_generation);

	if (status == NULL)
		return;
	if (lpar->device_error != NULL) {
		/* refused: it is tried again until it has it, or its run is over */
		if (status->error == NULL &&
		    (status->done || has_old(draft->cluster, lpar)))
			replace_undo(draft, lpar);
		return;
	}
	if (!status->done)
		return;
	if (status->error != NULL)
		replace_give_up(draft, lpar, jobs_error_code(status->error),
				jobs_error_text(status->error));
	else
		replace_settle(draft, lpar);
}

/* ---- spare devices ---- */

static bool is_lost(const struct cluster *cluster, const Tarn__DeviceRecord *device)
{
	const Tarn__ObjectStatus *status = limits_device_status(cluster, device);

	return status != NULL && status->error != NULL;
}

/* What is out is there without it: on the other device. */
static bool is_dispensable(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			   const char *device)
{
	const Tarn__PartitionStat *stat = live_partition(
		cluster_live(cluster, lpar->host), lpar->spec->name, lpar->run_id);

	if (stat == NULL || lpar->mirror == NULL)
		return false;
	return (strcmp(device, lpar->device) == 0 ? stat->mirror_missed : stat->missed) ==
	       0;
}

/* The first device of a running LPAR that is lost; NULL: none. */
static const Tarn__DeviceRecord *find_lost(const struct cluster *cluster,
					   const Tarn__HostRecord *host,
					   const Tarn__LparRecord **ret_lpar)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(cluster, i);
		const Tarn__LparRecord *lpar;

		if (strcmp(device->host, host->name) != 0 || device->lpar == NULL ||
		    !is_lost(cluster, device))
			continue;
		lpar = cluster_lpar(cluster, device->lpar);
		if (lpar == NULL || lpar->has_device_job ||
		    !is_dispensable(cluster, lpar, device->device->name) ||
		    replace_find(cluster, lpar, device) == NULL)
			continue;
		*ret_lpar = lpar;
		return device;
	}
	return NULL;
}

static void step_spares(struct draft *draft, const Tarn__HostRecord *host)
{
	struct live_host *live = cluster_live(draft->cluster, host->name);
	const Tarn__LparRecord *lpar = NULL;
	const Tarn__DeviceRecord *lost = find_lost(draft->cluster, host, &lpar);
	const char *name, *spare;

	if (live_timer_step(&live->lost, 0, lost != NULL ? lost->device->generation : 0,
			    draft->cluster->now_ms) < JOBS_LOST_MS ||
	    lost == NULL || cluster_drill_on(draft->cluster, host->name) != NULL)
		return;
	name = lost->device->name;
	spare = replace_find(draft->cluster, lpar, lost)->device->name;
	(void)replace_begin(draft, lpar, name, spare);
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_WARN, host->name, "pgdev.spare",
			"paging device '%s' of LPAR '%s' is lost; the spare one '%s' "
			"takes its place",
			name, lpar->spec->name, spare);
}

void jobs_step_replaced(struct draft *draft, const Tarn__HostRecord *host)
{
	for (size_t i = 0; i < cluster_count(draft->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(draft->cluster, i);

		if (lpar->has_device_job && strcmp(lpar->host, host->name) == 0)
			step_one(draft, lpar);
	}
	if (host->spare && cluster_is_connected(draft->cluster, host->name))
		step_spares(draft, host);
}
