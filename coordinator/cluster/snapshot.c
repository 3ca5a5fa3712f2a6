/* snapshot - see snapshot.h. */
#include "coordinator/cluster/snapshot.h"

#include "coordinator/cluster/backing.h"
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/machine.h"

#include <stdlib.h>
#include <string.h>

/* An LPAR that does not run will want a device when it does. */
struct want {
	size_t host;
	struct backing_need need;
	unsigned rank; /* how few will do */
};

struct work {
	struct want *wants; /* by host, then largest first */
	size_t want_count;
	struct backing_offer *offers; /* devices of one host */
	struct host_use *uses;
};

static void work_fini(struct work *work)
{
	free(work->wants);
	free(work->offers);
	free(work->uses);
}

static enum hv_code work_init(struct work *work, const struct cluster *cluster,
			      struct hv_err *err)
{
	*work = (struct work){ 0 };
	work->wants = calloc(cluster_count(cluster, RECORD_LPAR) + 1,
			     sizeof(*work->wants));
	work->offers = calloc(cluster_count(cluster, RECORD_DEVICE) + 1,
			      sizeof(*work->offers));
	work->uses = calloc(cluster_count(cluster, RECORD_HOST) + 1, sizeof(*work->uses));
	if (work->wants != NULL && work->offers != NULL && work->uses != NULL)
		return HV_OK;
	work_fini(work);
	return hv_fail(err, HV_E_NOMEM, "no memory to look at all hosts");
}

static int compare_wants(const void *left, const void *right)
{
	const struct want *a = left, *b = right;

	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	if (a->need.bytes != b->need.bytes)
		return a->need.bytes > b->need.bytes ? -1 : 1;
	return (int)b->rank - (int)a->rank;
}

static void collect_wants(struct work *work, const struct cluster *cluster)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (limits_is_active(lpar) || !limits_is_shared(lpar->spec))
			continue;
		work->wants[work->want_count++] = (struct want){
			.host = limits_host_index(cluster, lpar->host),
			.need = { .bytes = lpar->spec->max_bytes,
				  .redundancy = lpar->spec->redundancy },
			.rank = limits_needs_pair(lpar->spec) +
				limits_needs_mirror(lpar->spec),
		};
	}
	qsort(work->wants, work->want_count, sizeof(*work->wants), compare_wants);
}

/* Free devices of the host whose devices begin at *at; moves it past them. */
static size_t collect_offers(struct work *work, const struct cluster *cluster,
			     const Tarn__HostRecord *host, size_t *at)
{
	size_t count = 0;

	for (; *at < cluster_count(cluster, RECORD_DEVICE); (*at)++) {
		const Tarn__DeviceRecord *device = cluster_device_at(cluster, *at);

		if (strcmp(device->host, host->name) != 0)
			break;
		work->offers[count++] = backing_offer(cluster, host, device);
	}
	return count;
}

/*
 * The smallest that is large enough. Largest wants first, so that each leaves the
 * larger devices to those who can use nothing else.
 */
static void serve_want(struct backing_offer *offers, size_t count,
		       const struct want *want)
{
	struct backing backing;

	if (!backing_choose(offers, count, &want->need, &backing))
		return;
	offers[backing.first].is_taken = true;
	if (backing.second != BACKING_NONE)
		offers[backing.second].is_taken = true;
}

static void fill_devices(struct placement_host *row, const struct backing_offer *offers,
			 size_t count)
{
	struct backing_room room = backing_room(offers, count);

	row->device_bytes = room.one;
	row->pair_device_bytes = room.redundant;
	row->mirror_device_bytes = room.mirrored;
}

static uint64_t rest(uint64_t total, uint64_t used)
{
	return total > used ? total - used : 0;
}

static void fill_row(struct placement_host *row, const struct cluster *cluster,
		     const Tarn__HostRecord *host, const struct host_use *use)
{
	unsigned serving = limits_vios_serving(cluster, host);

	memcpy(row->name, host->name, strlen(host->name) + 1);
	row->flags =
		(cluster_is_connected(cluster, host->name) ? PLACEMENT_CONNECTED : 0) |
		(limits_has_pool(host) ? PLACEMENT_POOL : 0) |
		(serving > 0 ? PLACEMENT_VIOS : 0) | (serving > 1 ? PLACEMENT_PAIR : 0) |
		(use->lpars < machine_lpars_max(host) ? PLACEMENT_ROOM : 0);
	row->lmb_bytes = use->lmb_bytes;
	row->memory_total_bytes = use->memory_bytes;
	row->memory_free_bytes = limits_free_bytes(use);
	row->entitled_total_bytes = limits_promise(use->pool_bytes);
	row->entitled_free_bytes = rest(row->entitled_total_bytes, use->guaranteed_bytes);
	row->logical_total_bytes = limits_logical_max(use);
	row->logical_free_bytes = rest(limits_logical_max(use), use->working_bytes);
	row->shared_free = use->shared < LIMITS_SHARED_MAX
				   ? LIMITS_SHARED_MAX - use->shared
				   : 0;
}

static void fill(struct placement *placement, struct work *work,
		 const struct cluster *cluster, const char *only)
{
	size_t device = 0;
	size_t want = 0;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_HOST); i++) {
		const Tarn__HostRecord *host = cluster_host_at(cluster, i);
		struct placement_host row = { 0 };
		size_t offers = collect_offers(work, cluster, host, &device);

		for (; want < work->want_count && work->wants[want].host == i; want++)
			serve_want(work->offers, offers, &work->wants[want]);
		if (only != NULL && strcmp(only, host->name) != 0)
			continue;
		fill_row(&row, cluster, host, &work->uses[i]);
		fill_devices(&row, work->offers, offers);
		placement_add(placement, &row);
	}
}

enum hv_code snapshot_take(const struct cluster *cluster, const char *only,
			   struct placement **ret_placement, struct hv_err *err)
{
	struct placement *placement;
	struct work work;
	enum hv_code code = work_init(&work, cluster, err);

	if (code != HV_OK)
		return code;
	code = placement_new(cluster_count(cluster, RECORD_HOST), &placement, err);
	if (code == HV_OK) {
		limits_use_all(cluster, LIMITS_CONFIGURED, work.uses);
		collect_wants(&work, cluster);
		fill(placement, &work, cluster, only);
		*ret_placement = placement;
	}
	work_fini(&work);
	return code;
}

struct placement_need snapshot_need(const Tarn__LparSpec *spec)
{
	bool is_shared = limits_is_shared(spec);

	return (struct placement_need){
		.is_shared = is_shared,
		.needs_pair = limits_needs_pair(spec),
		.needs_mirror = limits_needs_mirror(spec),
		.memory_bytes = spec->mem_bytes,
		.entitled_bytes = is_shared ? limits_entitled(spec) : 0,
		.max_bytes = is_shared ? spec->max_bytes : 0,
	};
}
