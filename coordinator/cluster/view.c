/* view - see view.h. */
#include "coordinator/cluster/view.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_BYTES 192

struct host_room {
	Tarn__HostView view;
	Tarn__HostStat stat;
	Tarn__HostMemory memory;
	Tarn__ViosStat vios[HV_HOST_ALL_VIOS_MAX]; /* those that are not as reported */
	Tarn__ViosStat *vios_list[HV_HOST_ALL_VIOS_MAX];
	char reasons[HV_HOST_ALL_VIOS_MAX][REASON_BYTES];
};

struct device_room {
	Tarn__DeviceView view;
	char reason[REASON_BYTES];
};

struct lpar_room {
	Tarn__LparView view;
	Tarn__LparRecord record; /* without what nobody asked for */
	Tarn__PartitionStat stat;
	char reason[REASON_BYTES];
};

/* The message and all that is made for it. */
struct whole {
	Tarn__StatusReply reply; /* first */
	const struct cluster *cluster;
	const Tarn__Query *query;
	const char *only_host; /* NULL: all */
	Tarn__LparDetail detail;
	size_t lpar_bytes;     /* packed, of this page */
	struct host_use *uses; /* of all hosts, in order */
	struct host_room *hosts;
	struct device_room *devices;
	struct lpar_room *lpars;
};

void view_free(Tarn__StatusReply *reply)
{
	struct whole *whole = (struct whole *)reply;

	if (whole == NULL)
		return;
	free(whole->uses);
	free(whole->hosts);
	free(whole->devices);
	free(whole->lpars);
	free(whole->reply.hosts);
	free(whole->reply.devices);
	free(whole->reply.lpars);
	free(whole);
}

static Tarn__LparDetail detail_of(const Tarn__Query *query)
{
	if (query->has_lpars)
		return query->lpars;
	return query->profiles ? TARN__LPAR_DETAIL__LPAR_DETAIL_PROFILES
			       : TARN__LPAR_DETAIL__LPAR_DETAIL_PLAIN;
}

/* How many LPARs the answer can have. */
static size_t lpars_most(const struct cluster *cluster, const Tarn__Query *query)
{
	size_t count = cluster_count(cluster, RECORD_LPAR);

	if (detail_of(query) == TARN__LPAR_DETAIL__LPAR_DETAIL_NONE)
		return 0;
	return query->pages && count > VIEW_PAGE_LPARS ? VIEW_PAGE_LPARS : count;
}

static struct whole *new_whole(const struct cluster *cluster, const Tarn__Query *query)
{
	bool has_hosts = query->from_lpar == NULL;
	size_t hosts = has_hosts ? cluster_count(cluster, RECORD_HOST) + 1 : 1;
	size_t devices = has_hosts ? cluster_count(cluster, RECORD_DEVICE) + 1 : 1;
	size_t lpars = lpars_most(cluster, query) + 1;
	struct whole *whole = calloc(1, sizeof(*whole));

	if (whole == NULL)
		return NULL;
	tarn__status_reply__init(&whole->reply);
	whole->cluster = cluster;
	whole->query = query;
	whole->detail = detail_of(query);
	whole->uses = calloc(hosts, sizeof(*whole->uses));
	whole->hosts = calloc(hosts, sizeof(*whole->hosts));
	whole->devices = calloc(devices, sizeof(*whole->devices));
	/* Not cleared: megabytes, and add_lpar() fills what it uses. */
	whole->lpars = malloc(lpars * sizeof(*whole->lpars));
	whole->reply.hosts = calloc(hosts, sizeof(*whole->reply.hosts));
	whole->reply.devices = calloc(devices, sizeof(*whole->reply.devices));
	whole->reply.lpars = calloc(lpars, sizeof(*whole->reply.lpars));
	if (whole->uses != NULL && whole->hosts != NULL && whole->devices != NULL &&
	    whole->lpars != NULL && whole->reply.hosts != NULL &&
	    whole->reply.devices != NULL && whole->reply.lpars != NULL)
		return whole;
	view_free(&whole->reply);
	return NULL;
}

static bool is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static bool is_on(const struct whole *whole, const char *host)
{
	return whole->only_host == NULL || strcmp(whole->only_host, host) == 0;
}

/* Why a VIOS does not have its devices from there; false: it could. */
static bool exporter_reason(const struct cluster *cluster, const char *host,
			    char reason[REASON_BYTES])
{
	const struct live_host *live = cluster_live(cluster, host);
	const Tarn__ExporterStat *exporter;

	if (!live_is_connected(live, cluster->now_ms)) {
		(void)snprintf(reason, REASON_BYTES,
			       "host '%s', where its devices lie, does not report", host);
		return true;
	}
	exporter = live->report->exporter;
	if (exporter != NULL && exporter->up)
		return false;
	(void)snprintf(
		reason, REASON_BYTES, "the exporter of host '%s' is not up%s%.100s", host,
		exporter != NULL && exporter->reason != NULL ? ": " : "",
		exporter != NULL && exporter->reason != NULL ? exporter->reason : "");
	return true;
}

/* A VIOS whose devices another host does not give is told of with that as the reason. */
static void explain_vios(const struct cluster *cluster, const Tarn__HostRecord *record,
			 struct host_room *room)
{
	for (size_t i = 0; i < room->stat.n_vios && i < HV_HOST_ALL_VIOS_MAX; i++) {
		const Tarn__ViosStat *from = room->stat.vios[i];
		const Tarn__DesiredVios *vios = limits_vios(record, from->name);

		room->vios_list[i] = (Tarn__ViosStat *)from;
		if (vios == NULL || vios->remote_host == NULL ||
		    (from->state != TARN__VIOS_STATE__VIOS_DOWN &&
		     from->state != TARN__VIOS_STATE__VIOS_STARTING) ||
		    !exporter_reason(cluster, vios->remote_host, room->reasons[i]))
			continue;
		room->vios[i] = *from;
		room->vios[i].reason = room->reasons[i];
		room->vios_list[i] = &room->vios[i];
	}
	room->stat.vios = room->vios_list;
}

static void add_host(struct whole *whole, const Tarn__HostRecord *record,
		     const struct host_use *use)
{
	const struct live_host *live = cluster_live(whole->cluster, record->name);
	const Tarn__HostStat *stat = live_stat(live);
	struct host_room *room = &whole->hosts[whole->reply.n_hosts];

	tarn__host_view__init(&room->view);
	room->view.record = (Tarn__HostRecord *)record;
	room->view.connected = live_is_connected(live, whole->cluster->now_ms);
	if (live != NULL && live->is_seen) {
		room->view.has_last_seen_ms = 1;
		room->view.last_seen_ms = whole->cluster->now_ms - live->seen_ms;
	}
	if (live != NULL && live->report != NULL) {
		room->view.has_hypervisor_up = live->report->has_hypervisor_up;
		room->view.hypervisor_up = live->report->hypervisor_up;
	}
	if (stat != NULL) {
		room->stat = *stat; /* partitions are in the LPARs' views */
		room->stat.partitions = NULL;
		room->stat.n_partitions = 0;
		explain_vios(whole->cluster, record, room);
		room->view.stat = &room->stat;
	}
	if (memory_view(use, &room->memory))
		room->view.memory = &room->memory;
	whole->reply.hosts[whole->reply.n_hosts++] = &room->view;
}

/* One that lies behind a VIOS alone can be used no longer than that serves. */
static void set_alone(const struct cluster *cluster, const Tarn__DeviceRecord *record,
		      char reason[REASON_BYTES])
{
	const Tarn__HostRecord *host = cluster_host(cluster, record->host);
	const char *name = record->device->vios;
	bool serves = limits_vios_serves(cluster, host, limits_vios(host, name));

	(void)snprintf(
		reason, REASON_BYTES, "%s%s%sbehind %s alone%s%s",
		record->remote_host != NULL ? "on host " : "",
		record->remote_host != NULL ? record->remote_host : "",
		record->remote_host != NULL ? ", " : "", name,
		serves ? "" : ", which is ",
		serves ? ""
		       : live_vios_state_name(cluster_live(cluster, record->host), name));
}

static void add_device(struct whole *whole, const Tarn__DeviceRecord *record)
{
	struct device_room *room = &whole->devices[whole->reply.n_devices];
	const Tarn__ObjectStatus *status = limits_device_status(whole->cluster, record);

	tarn__device_view__init(&room->view);
	room->view.record = (Tarn__DeviceRecord *)record;
	room->view.redundant = limits_device_is_redundant(whole->cluster, record);
	if (status == NULL)
		(void)snprintf(room->reason, sizeof(room->reason),
			       "no report from host '%s' yet",
			       limits_device_host(record));
	else if (status->error != NULL)
		(void)snprintf(room->reason, sizeof(room->reason), "%.120s",
			       status->error->text);
	else if (record->device->vios != NULL)
		set_alone(whole->cluster, record, room->reason);
	if (room->reason[0] != '\0')
		room->view.reason = room->reason;
	if (!record->ready)
		room->view.state = (char *)"Defined";
	else if (status != NULL && status->error != NULL)
		room->view.state = (char *)"Missing backing device";
	else
		room->view.state = (char *)(record->lpar != NULL ? "Active" : "Inactive");
	whole->reply.devices[whole->reply.n_devices++] = &room->view;
}

static const char *reported_state(const Tarn__LparRecord *record,
				  const Tarn__PartitionStat *stat)
{
	if (!record->running)
		return "Shutting Down";
	if (record->has_job || stat == NULL)
		return "Starting";
	switch (stat->state) {
	case TARN__PARTITION_STATE__PARTITION_WAITING:
		return "Waiting for paging";
	case TARN__PARTITION_STATE__PARTITION_DEFINED:
		return "Starting";
	case TARN__PARTITION_STATE__PARTITION_ENDED:
		return "Shutting Down";
	default:
		return "Running";
	}
}

static void set_unknown(const struct whole *whole, const Tarn__LparRecord *record,
			const struct live_host *live, struct lpar_room *room)
{
	room->view.state = (char *)"Unknown";
	room->view.reason = room->reason;
	if (live == NULL || live->report == NULL)
		(void)snprintf(room->reason, sizeof(room->reason),
			       "no report from host '%s' yet", record->host);
	else
		(void)snprintf(
			room->reason, sizeof(room->reason),
			"host '%s' has not reported for %llu s", record->host,
			(unsigned long long)(whole->cluster->now_ms - live->seen_ms) /
				1000);
}

static void set_stat(const struct whole *whole, struct lpar_room *room,
		     const Tarn__PartitionStat *stat)
{
	room->stat = *stat;
	if (!whole->query->histograms) {
		room->stat.fault_latency = NULL;
		room->stat.stall = NULL;
	}
	room->view.stat = &room->stat;
	room->view.has_resynced_per_s =
		live_resynced_per_s(cluster_live(whole->cluster, room->record.host),
				    stat->run_id, &room->view.resynced_per_s);
}

static void set_state(const struct whole *whole, const Tarn__LparRecord *record,
		      struct lpar_room *room)
{
	const struct live_host *live = cluster_live(whole->cluster, record->host);
	const Tarn__PartitionStat *stat = live_partition(live, record->spec->name,
							 record->run_id);

	if (!limits_is_active(record)) {
		room->view.state = (char *)"Not Activated";
		room->view.reason = record->last_end;
		return;
	}
	if (!live_is_connected(live, whole->cluster->now_ms)) {
		set_unknown(whole, record, live, room);
		return;
	}
	room->view.state = (char *)reported_state(record, stat);
	if (stat == NULL)
		return;
	set_stat(whole, room, stat);
	if (is_given(stat->reason))
		room->view.reason = stat->reason;
}

static void add_lpar(struct whole *whole, const Tarn__LparRecord *record)
{
	struct lpar_room *room = &whole->lpars[whole->reply.n_lpars];

	tarn__lpar_view__init(&room->view);
	room->reason[0] = '\0';
	room->record = *record;
	if (whole->detail < TARN__LPAR_DETAIL__LPAR_DETAIL_PROFILES)
		room->record.n_profiles = 0;
	if (whole->detail < TARN__LPAR_DETAIL__LPAR_DETAIL_ATTRIBUTES)
		room->record.n_attributes = 0;
	room->view.record = &room->record;
	set_state(whole, record, room);
	whole->reply.lpars[whole->reply.n_lpars++] = &room->view;
}

static void add_hosts(struct whole *whole)
{
	const struct cluster *cluster = whole->cluster;

	limits_use_all(cluster, LIMITS_RUNNING, whole->uses);
	for (size_t i = 0; i < cluster_count(cluster, RECORD_HOST); i++) {
		if (is_on(whole, cluster_host_at(cluster, i)->name))
			add_host(whole, cluster_host_at(cluster, i), &whole->uses[i]);
	}
	for (size_t i = 0; i < cluster_count(cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(cluster, i);

		if (is_on(whole, device->host))
			add_device(whole, device);
	}
}

/* False: the page is full, and it goes on with this one. */
static bool add_to_page(struct whole *whole, const Tarn__LparRecord *lpar)
{
	const Tarn__LparView *view;

	if (whole->query->pages && (whole->lpar_bytes >= VIEW_PAGE_BYTES ||
				    whole->reply.n_lpars == VIEW_PAGE_LPARS)) {
		whole->reply.next_lpar = lpar->spec->name;
		return false;
	}
	add_lpar(whole, lpar);
	if (whole->query->pages) {
		view = whole->reply.lpars[whole->reply.n_lpars - 1];
		whole->lpar_bytes += tarn__lpar_view__get_packed_size(view);
	}
	return true;
}

static void add_lpars(struct whole *whole)
{
	const struct cluster *cluster = whole->cluster;
	const Tarn__Query *query = whole->query;
	const char *name = is_given(query->name) ? query->name : NULL;
	size_t from = 0;

	if (whole->detail == TARN__LPAR_DETAIL__LPAR_DETAIL_NONE)
		return;
	if (query->from_lpar != NULL)
		from = cluster_lpar_from(cluster, query->from_lpar);
	for (size_t i = from; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (is_on(whole, lpar->host) &&
		    (name == NULL || strcmp(name, lpar->spec->name) == 0) &&
		    !add_to_page(whole, lpar))
			return;
	}
}

static enum hv_code find_host(const struct cluster *cluster, const Tarn__Query *query,
			      const char **ret_host, struct hv_err *err)
{
	const Tarn__LparRecord *lpar;

	*ret_host = NULL;
	if (is_given(query->host)) {
		if (cluster_host(cluster, query->host) == NULL)
			return hv_fail(err, HV_E_NOTFOUND, "host '%s' is not known",
				       query->host);
		*ret_host = query->host;
	}
	if (!is_given(query->name))
		return HV_OK;
	lpar = cluster_lpar(cluster, query->name);
	if (lpar == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "LPAR '%s' is not known", query->name);
	*ret_host = lpar->host;
	return HV_OK;
}

enum hv_code view_make(const struct cluster *cluster, const Tarn__Query *query,
		       Tarn__StatusReply **ret_reply, struct hv_err *err)
{
	const char *only_host;
	struct whole *whole;
	enum hv_code code = find_host(cluster, query, &only_host, err);

	if (code != HV_OK)
		return code;
	whole = new_whole(cluster, query);
	if (whole == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the status");
	whole->only_host = only_host;
	whole->reply.revision = cluster->now.revision;
	whole->reply.epoch = cluster->now.epoch;
	whole->reply.wall_ms = cluster->wall_ms;
	if (query->from_lpar == NULL)
		add_hosts(whole);
	add_lpars(whole);
	*ret_reply = &whole->reply;
	return HV_OK;
}
