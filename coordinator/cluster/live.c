/* live - see live.h. */
#include "coordinator/cluster/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void live_fini(struct live_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->hosts[i].report != NULL)
			tarn__host_report__free_unpacked(table->hosts[i].report, NULL);
		free(table->hosts[i].paces);
	}
	free(table->hosts);
	*table = (struct live_table){ 0 };
}

static size_t lower(const struct live_table *table, const char *host)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(table->hosts[middle].name, host) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct live_host *live_find(const struct live_table *table, const char *host)
{
	size_t at = lower(table, host);

	if (at < table->count && strcmp(table->hosts[at].name, host) == 0)
		return &table->hosts[at];
	return NULL;
}

static enum hv_code grow(struct live_table *table, struct hv_err *err)
{
	size_t room = table->room != 0 ? 2 * table->room : 8;
	struct live_host *hosts;

	if (table->count < table->room)
		return HV_OK;
	hosts = realloc(table->hosts, room * sizeof(*hosts));
	if (hosts == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for %zu reporting hosts",
			       room);
	table->hosts = hosts;
	table->room = room;
	return HV_OK;
}

enum hv_code live_make(struct live_table *table, const char *host, uint64_t revision,
		       struct live_host **ret_host, struct hv_err *err)
{
	struct live_host *found = live_find(table, host);
	enum hv_code code;
	size_t at;

	if (found == NULL) {
		code = grow(table, err);
		if (code != HV_OK)
			return code;
		at = lower(table, host);
		found = &table->hosts[at];
		memmove(found + 1, found, (table->count - at) * sizeof(*found));
		*found = (struct live_host){ .desired_revision = revision };
		(void)snprintf(found->name, sizeof(found->name), "%s", host);
		table->count++;
	}
	*ret_host = found;
	return HV_OK;
}

void live_drop(struct live_table *table, const char *host)
{
	struct live_host *found = live_find(table, host);
	size_t at;

	if (found == NULL)
		return;
	if (found->report != NULL)
		tarn__host_report__free_unpacked(found->report, NULL);
	free(found->paces);
	at = (size_t)(found - table->hosts);
	table->count--;
	memmove(found, found + 1, (table->count - at) * sizeof(*found));
}

static bool is_older(const struct live_host *host, const Tarn__HostReport *report)
{
	if (host->report == NULL)
		return false;
	if (report->identity->incarnation != host->incarnation)
		return report->identity->incarnation < host->incarnation;
	return report->has_number && report->number <= host->number;
}

#define PACE_MS 1000 /* between two looks at what was brought; arbitrary */

static struct live_pace *find_pace(const struct live_host *host, uint64_t run_id)
{
	for (size_t i = 0; i < host->pace_count; i++)
		if (host->paces[i].run_id == run_id)
			return &host->paces[i];
	return NULL;
}

/* NULL: no memory, and no pace is known of it then. */
static struct live_pace *add_pace(struct live_host *host, uint64_t run_id)
{
	size_t room = host->pace_room != 0 ? 2 * host->pace_room : 4;
	struct live_pace *paces = host->paces;

	if (host->pace_count == host->pace_room) {
		paces = realloc(paces, room * sizeof(*paces));
		if (paces == NULL)
			return NULL;
		host->paces = paces;
		host->pace_room = room;
	}
	paces[host->pace_count] = (struct live_pace){ .run_id = run_id,
						      .per_s = UINT64_MAX };
	return &paces[host->pace_count++];
}

static void step_pace(struct live_host *host, const Tarn__PartitionStat *stat,
		      uint64_t clock_ms)
{
	struct live_pace *pace = find_pace(host, stat->run_id);
	bool is_new = pace == NULL;
	uint64_t ms, pages;

	if (is_new)
		pace = add_pace(host, stat->run_id);
	if (pace == NULL)
		return;
	/* it counts on from less after another hypervisor, or what was said is wrong */
	if (is_new || clock_ms < pace->clock_ms || stat->resynced < pace->resynced) {
		*pace = (struct live_pace){ stat->run_id, clock_ms, stat->resynced,
					    UINT64_MAX };
		return;
	}
	ms = clock_ms - pace->clock_ms;
	if (ms < PACE_MS)
		return;
	pages = stat->resynced - pace->resynced;
	pace->per_s = pages > UINT64_MAX / 1000 ? pages / ms : pages * 1000 / ms;
	pace->clock_ms = clock_ms;
	pace->resynced = stat->resynced;
}

static bool is_mirrored(const Tarn__HostStat *stat, uint64_t run_id)
{
	for (size_t i = 0; i < stat->n_partitions; i++)
		if (stat->partitions[i]->run_id == run_id)
			return stat->partitions[i]->mirror != NULL;
	return false;
}

static void step_paces(struct live_host *host)
{
	const Tarn__HostStat *stat = live_stat(host);
	size_t kept = 0;

	if (stat == NULL || stat->pool == NULL || !stat->pool->has_clock_ms)
		return;
	for (size_t i = 0; i < host->pace_count; i++)
		if (is_mirrored(stat, host->paces[i].run_id))
			host->paces[kept++] = host->paces[i];
	host->pace_count = kept;
	for (size_t i = 0; i < stat->n_partitions; i++)
		if (stat->partitions[i]->mirror != NULL)
			step_pace(host, stat->partitions[i], stat->pool->clock_ms);
}

bool live_resynced_per_s(const struct live_host *host, uint64_t run_id,
			 uint64_t *ret_per_s)
{
	const struct live_pace *pace = host != NULL ? find_pace(host, run_id) : NULL;

	if (pace == NULL || pace->per_s == UINT64_MAX)
		return false;
	*ret_per_s = pace->per_s;
	return true;
}

bool live_take_report(struct live_host *host, Tarn__HostReport *report, uint64_t now_ms)
{
	if (is_older(host, report))
		return false;
	if (host->report != NULL)
		tarn__host_report__free_unpacked(host->report, NULL);
	host->report = report;
	host->report_ms = now_ms;
	host->incarnation = report->identity->incarnation;
	host->number = report->has_number ? report->number : 0;
	step_paces(host);
	return true;
}

bool live_is_connected(const struct live_host *host, uint64_t now_ms)
{
	return host != NULL && host->report != NULL && host->is_seen &&
	       now_ms - host->seen_ms < LIVE_SILENT_MS;
}

const Tarn__HostStat *live_stat(const struct live_host *host)
{
	return host != NULL && host->report != NULL ? host->report->stat : NULL;
}

const Tarn__ViosStat *live_vios(const struct live_host *host, const char *vios)
{
	const Tarn__HostStat *stat = live_stat(host);

	for (size_t i = 0; stat != NULL && i < stat->n_vios; i++) {
		if (strcmp(stat->vios[i]->name, vios) == 0)
			return stat->vios[i];
	}
	return NULL;
}

const Tarn__PartitionStat *live_partition(const struct live_host *host, const char *lpar,
					  uint64_t run_id)
{
	const Tarn__HostStat *stat = live_stat(host);

	for (size_t i = 0; stat != NULL && i < stat->n_partitions; i++) {
		if (stat->partitions[i]->run_id == run_id &&
		    strcmp(stat->partitions[i]->name, lpar) == 0)
			return stat->partitions[i];
	}
	return NULL;
}

const Tarn__ObjectStatus *live_object(const struct live_host *host, Tarn__ObjectKind kind,
				      const char *name, uint64_t generation)
{
	const Tarn__HostReport *report = host != NULL ? host->report : NULL;
	bool has_name = kind == TARN__OBJECT_KIND__OBJECT_DEVICE ||
			kind == TARN__OBJECT_KIND__OBJECT_LPAR;

	for (size_t i = 0; report != NULL && i < report->n_objects; i++) {
		const Tarn__ObjectStatus *object = report->objects[i];

		if (object->kind == kind && object->generation == generation &&
		    (!has_name || strcmp(object->name, name) == 0))
			return object;
	}
	return NULL;
}

uint64_t live_timer_step(struct live_timer *timer, uint64_t drill, uint64_t mark,
			 uint64_t now_ms)
{
	if (timer->drill != drill || timer->mark != mark)
		*timer = (struct live_timer){ drill, mark, now_ms };
	return now_ms - timer->since_ms;
}

unsigned live_served(const struct live_host *host, const char *vios)
{
	const Tarn__HostStat *stat = live_stat(host);
	unsigned count = 0;

	for (size_t i = 0; stat != NULL && i < stat->n_partitions; i++)
		count += stat->partitions[i]->current != NULL &&
			 strcmp(stat->partitions[i]->current, vios) == 0;
	return count;
}

bool live_vios_is_healthy(const struct live_host *host, const char *vios)
{
	const Tarn__ViosStat *stat = live_vios(host, vios);

	return stat != NULL && (stat->state == TARN__VIOS_STATE__VIOS_STANDBY ||
				stat->state == TARN__VIOS_STATE__VIOS_ACTIVE);
}

const char *live_vios_state_name(const struct live_host *host, const char *vios)
{
	static const char *const names[] = {
		[TARN__VIOS_STATE__VIOS_ABSENT] = "absent",
		[TARN__VIOS_STATE__VIOS_DOWN] = "down",
		[TARN__VIOS_STATE__VIOS_STARTING] = "starting",
		[TARN__VIOS_STATE__VIOS_STANDBY] = "standby",
		[TARN__VIOS_STATE__VIOS_ACTIVE] = "active",
		[TARN__VIOS_STATE__VIOS_MAINTENANCE] = "in maintenance",
		[TARN__VIOS_STATE__VIOS_SUSPECT] = "suspect",
	};
	const Tarn__ViosStat *stat = live_vios(host, vios);

	if (stat == NULL || (size_t)stat->state >= HV_COUNT(names) ||
	    names[stat->state] == NULL)
		return "unknown";
	return names[stat->state];
}
