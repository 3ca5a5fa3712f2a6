/* limits - see limits.h. */
#include "coordinator/cluster/limits.h"

#include "hvcore/wire/lpar_adapters.h"
#include "hvcore/wire/pgdev.h"

#include <string.h>

#define RESERVE_SHARE 32                  /* twice low water, a 64th */
#define RESERVE_LEAST (UINT64_C(1) << 20) /* its least, and the tmpfs's; arbitrary */
#define RESERVE_MOST (UINT64_C(17) << 20) /* twice 8 MiB, and the same */

bool limits_is_shared(const Tarn__LparSpec *spec)
{
	return spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
}

bool limits_needs_pair(const Tarn__LparSpec *spec)
{
	return limits_wants_pair(spec) &&
	       spec->redundancy != TARN__REDUNDANCY__REDUNDANCY_IF_POSSIBLE;
}

bool limits_needs_mirror(const Tarn__LparSpec *spec)
{
	return limits_is_shared(spec) &&
	       spec->redundancy == TARN__REDUNDANCY__REDUNDANCY_MIRRORED;
}

bool limits_wants_pair(const Tarn__LparSpec *spec)
{
	return limits_is_shared(spec) &&
	       spec->redundancy != TARN__REDUNDANCY__REDUNDANCY_NONE;
}

uint64_t limits_round_up(uint64_t bytes, uint64_t unit)
{
	return unit == 0 ? bytes : (bytes + unit - 1) / unit * unit;
}

uint64_t limits_entitled(const Tarn__LparSpec *spec)
{
	return hv_lpar_entitled(spec);
}

bool limits_is_active(const Tarn__LparRecord *lpar)
{
	return lpar->running || lpar->has_job;
}

bool limits_has_pool(const Tarn__HostRecord *host)
{
	if (host->pool == NULL || host->pool->mem_bytes == 0)
		return false;
	return !host->has_pool_job || host->pool_before != NULL;
}

struct hv_reserve_partition limits_partition(const Tarn__LparSpec *spec, bool is_active)
{
	return (struct hv_reserve_partition){
		.max_bytes = spec->max_bytes,
		.hpt_ratio = spec->hpt_ratio,
		.virtual_adapters = spec->virtual_adapters,
		.is_active = is_active,
	};
}

static void add_reserve(struct host_use *use, const Tarn__LparRecord *lpar,
			enum limits_scope scope)
{
	bool is_active = scope == LIMITS_CONFIGURED || limits_is_active(lpar);
	struct hv_reserve_partition partition = limits_partition(lpar->spec, is_active);

	if (use->has_profile)
		hv_reserve_add(&use->reserve, &use->profile, &partition);
	if (use->machine.has_profile && limits_is_active(lpar))
		hv_reserve_add(&use->machine.reserve, &use->machine.profile, &partition);
}

uint64_t limits_working_bytes(const struct cluster *cluster, const Tarn__LparRecord *lpar)
{
	const Tarn__PartitionStat *stat;
	uint64_t pages, touched;

	if (!lpar->running)
		return lpar->spec->mem_bytes;
	stat = live_partition(cluster_live(cluster, lpar->host), lpar->spec->name,
			      lpar->run_id);
	if (stat == NULL || stat->manager == NULL ||
	    stat->zero_pages > stat->logical_pages)
		return lpar->spec->mem_bytes;
	touched = stat->logical_pages - stat->zero_pages;
	pages = stat->manager->want_pages < touched ? stat->manager->want_pages : touched;
	return pages < lpar->spec->mem_bytes / HV_PAGE_BYTES ? pages * HV_PAGE_BYTES
							     : lpar->spec->mem_bytes;
}

/* No more than its memory, so what a report says cannot be more than a record does. */
static uint64_t ordered_bytes(const struct cluster *cluster, const Tarn__LparRecord *lpar)
{
	const Tarn__PartitionStat *stat = live_partition(
		cluster_live(cluster, lpar->host), lpar->spec->name, lpar->run_id);
	uint64_t bytes = stat != NULL && stat->has_ordered_weight
				 ? stat->ordered_entitled_bytes
				 : 0;

	return bytes < lpar->spec->mem_bytes ? bytes : lpar->spec->mem_bytes;
}

uint64_t limits_guaranteed(const struct cluster *cluster, const Tarn__LparRecord *lpar)
{
	Tarn__LparSpec spec = *lpar->spec;
	uint64_t ordered = ordered_bytes(cluster, lpar), entitled;

	if (!limits_is_shared(&spec))
		return 0;
	if (lpar->awaits != NULL)
		spec.mem_bytes += lpar->move_bytes;
	entitled = limits_entitled(&spec);
	return entitled > ordered ? entitled : ordered;
}

static void add_lpar(const struct cluster *cluster, struct host_use *use,
		     const Tarn__LparRecord *lpar, enum limits_scope scope)
{
	const Tarn__LparSpec *spec = lpar->spec;
	uint64_t bytes = spec->mem_bytes;

	add_reserve(use, lpar, scope);
	if (scope == LIMITS_RUNNING && !limits_is_active(lpar)) {
		use->retained_bytes += lpar->retained_bytes;
		return;
	}
	use->lpars++;
	if (limits_is_shared(spec)) {
		use->entitled_bytes += limits_entitled(spec);
		use->guaranteed_bytes += limits_is_active(lpar)
						 ? limits_guaranteed(cluster, lpar)
						 : limits_entitled(spec);
		use->logical_bytes += bytes;
		use->working_bytes += limits_working_bytes(cluster, lpar);
		use->shared++;
		return;
	}
	if (limits_is_active(lpar) && lpar->has_granted_bytes)
		bytes = lpar->granted_bytes;
	use->dedicated_bytes += limits_round_up(bytes, use->lmb_bytes);
}

static void add_pool(struct host_use *use, const Tarn__HostRecord *host)
{
	uint64_t now = host->pool != NULL ? host->pool->mem_bytes : 0;
	uint64_t before = host->pool_before != NULL ? host->pool_before->mem_bytes : now;

	use->pool_bytes = now < before ? now : before;
	use->pool_lmb_bytes = now > before ? now : before;
}

/* What the agent reports counts where it is more: it is taken. Behind a declared host
 * it is of another machine. */
static uint64_t reported_bytes(const struct cluster *cluster,
			       const Tarn__HostRecord *host)
{
	const Tarn__HostStat *stat = live_stat(cluster_live(cluster, host->name));

	if (host->declared || stat == NULL || stat->lmbs_hypervisor < 1 ||
	    stat->lmbs_hypervisor >= HV_LPAR_BYTES_MAX / HV_PAGE_BYTES)
		return host->lmb_bytes;
	return stat->lmbs_hypervisor * host->lmb_bytes;
}

static bool start_reserve(const Tarn__PlatformProfile *message, uint64_t max_pool_bytes,
			  struct hv_profile *profile, struct hv_reserve *reserve)
{
	if (message == NULL || hv_profile_from_message(message, profile, NULL) != HV_OK)
		return false;
	hv_reserve_start(reserve, profile);
	hv_reserve_pool(reserve, profile, max_pool_bytes);
	return true;
}

static void start_use(const Tarn__HostRecord *host, struct host_use *use)
{
	*use = (struct host_use){ .lmb_bytes = host->lmb_bytes };
	if (host->lmb_bytes != 0)
		use->memory_bytes = host->memory_bytes / host->lmb_bytes *
				    host->lmb_bytes;
	add_pool(use, host);
	use->has_profile = start_reserve(host->profile,
					 host->pool != NULL ? host->pool->max_bytes : 0,
					 &use->profile, &use->reserve);
	use->machine.bytes = host->machine_bytes;
	use->machine.lmb_bytes = host->machine_lmb_bytes;
	use->machine.has_profile =
		start_reserve(host->machine_profile, use->pool_lmb_bytes,
			      &use->machine.profile, &use->machine.reserve);
}

static uint64_t firmware_bytes(const struct host_use *use,
			       const struct hv_reserve *reserve)
{
	if (!use->has_profile || use->lmb_bytes == 0)
		return use->lmb_bytes;
	return hv_reserve_firmware_bytes(reserve, use->lmb_bytes);
}

static void finish_use(const struct cluster *cluster, const Tarn__HostRecord *host,
		       struct host_use *use)
{
	uint64_t model = firmware_bytes(use, &use->reserve);
	uint64_t reported = reported_bytes(cluster, host);

	use->hypervisor_bytes = model > reported ? model : reported;
}

struct host_use limits_use(const struct cluster *cluster, const Tarn__HostRecord *host,
			   enum limits_scope scope)
{
	struct host_use use;

	start_use(host, &use);
	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (strcmp(lpar->host, host->name) == 0)
			add_lpar(cluster, &use, lpar, scope);
	}
	finish_use(cluster, host, &use);
	return use;
}

size_t limits_host_index(const struct cluster *cluster, const char *host)
{
	struct record_key key = record_key_name(host);

	return record_table_lower(&cluster->tables[RECORD_HOST], &key);
}

void limits_use_all(const struct cluster *cluster, enum limits_scope scope,
		    struct host_use *uses)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_HOST); i++)
		start_use(cluster_host_at(cluster, i), &uses[i]);
	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		add_lpar(cluster, &uses[limits_host_index(cluster, lpar->host)], lpar,
			 scope);
	}
	for (size_t i = 0; i < cluster_count(cluster, RECORD_HOST); i++)
		finish_use(cluster, cluster_host_at(cluster, i), &uses[i]);
}

uint64_t limits_free_bytes(const struct host_use *use)
{
	uint64_t taken = use->hypervisor_bytes + use->pool_lmb_bytes +
			 use->dedicated_bytes;

	return taken < use->memory_bytes ? use->memory_bytes - taken : 0;
}

static uint64_t growth(const struct host_use *use, const struct hv_reserve *with)
{
	uint64_t bytes = firmware_bytes(use, with);

	return bytes > use->hypervisor_bytes ? bytes - use->hypervisor_bytes : 0;
}

uint64_t limits_creation_growth(const struct host_use *use, const Tarn__LparSpec *spec)
{
	struct hv_reserve_partition partition = limits_partition(spec, false);
	struct hv_reserve with = use->reserve;

	if (use->has_profile)
		hv_reserve_add(&with, &use->profile, &partition);
	return growth(use, &with);
}

uint64_t limits_activation_growth(const struct host_use *use, const Tarn__LparSpec *spec)
{
	struct hv_reserve_partition partition = limits_partition(spec, true);
	struct hv_reserve with = use->reserve;
	struct hv_reserve_cost cost;

	if (!use->has_profile)
		return 0;
	cost = hv_reserve_cost(&use->profile, &partition);
	with.hpt_bytes += cost.hpt_bytes;
	with.adapter_tce_bytes += cost.tce_bytes;
	return growth(use, &with);
}

uint64_t limits_pool_growth(const struct host_use *use, uint64_t max_pool_bytes)
{
	struct hv_reserve with = use->reserve;

	if (use->has_profile)
		hv_reserve_pool(&with, &use->profile, max_pool_bytes);
	return growth(use, &with);
}

uint64_t limits_promise(uint64_t pool_bytes)
{
	uint64_t reserve = pool_bytes / RESERVE_SHARE + RESERVE_LEAST;

	if (reserve > RESERVE_MOST)
		reserve = RESERVE_MOST;
	return reserve < pool_bytes ? pool_bytes - reserve : 0;
}

uint64_t limits_logical_max(const struct host_use *use)
{
	return use->pool_bytes * LIMITS_OVERCOMMIT;
}

const Tarn__DesiredVios *limits_vios(const Tarn__HostRecord *host, const char *name)
{
	for (size_t i = 0; i < host->n_vios; i++) {
		if (strcmp(host->vios[i]->name, name) == 0)
			return host->vios[i];
	}
	return NULL;
}

unsigned limits_vios_place(const Tarn__HostRecord *host, const char *name)
{
	for (unsigned i = 0; i < host->n_vios && i < 2; i++) {
		if (strcmp(host->vios[i]->name, name) == 0)
			return i;
	}
	return 2;
}

const Tarn__DesiredVios *limits_other_vios(const Tarn__HostRecord *host, const char *name)
{
	for (size_t i = 0; i < host->n_other_vios; i++) {
		if (strcmp(host->other_vios[i]->name, name) == 0)
			return host->other_vios[i];
	}
	return NULL;
}

const Tarn__DesiredVios *limits_partner(const Tarn__HostRecord *host, const char *name)
{
	for (size_t i = 0; i < host->n_vios; i++) {
		if (strcmp(host->vios[i]->name, name) != 0)
			return host->vios[i];
	}
	return NULL;
}

bool limits_vios_is_going(const struct cluster *cluster, const char *host,
			  const char *name)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_OP); i++) {
		const Tarn__HostOpRecord *op = cluster_op_at(cluster, i);

		if ((op->op->kind == TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL ||
		     op->op->kind == TARN__HOST_OP_KIND__HOST_OP_VIOS_STOP) &&
		    strcmp(op->host, host) == 0 &&
		    (op->op->target[0] == '\0' || strcmp(op->op->target, name) == 0))
			return true;
	}
	return false;
}

bool limits_vios_serves(const struct cluster *cluster, const Tarn__HostRecord *host,
			const Tarn__DesiredVios *vios)
{
	return vios != NULL && vios->enabled && !vios->maintenance &&
	       !limits_vios_is_going(cluster, host->name, vios->name) &&
	       cluster_is_connected(cluster, host->name) &&
	       live_vios_is_healthy(cluster_live(cluster, host->name), vios->name);
}

unsigned limits_vios_serving(const struct cluster *cluster, const Tarn__HostRecord *host)
{
	unsigned count = 0;

	for (size_t i = 0; i < host->n_vios; i++)
		count += limits_vios_serves(cluster, host, host->vios[i]);
	return count;
}

static const Tarn__DesiredVios *find_remote(Tarn__DesiredVios *const *list, size_t count,
					    const char *host)
{
	for (size_t i = 0; i < count; i++)
		if (list[i]->remote_host != NULL &&
		    (host == NULL || strcmp(list[i]->remote_host, host) == 0))
			return list[i];
	return NULL;
}

const Tarn__HostRecord *limits_importer(const struct cluster *cluster, const char *host,
					const Tarn__DesiredVios **ret_vios)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_HOST); i++) {
		const Tarn__HostRecord *at = cluster_host_at(cluster, i);
		const Tarn__DesiredVios *vios = find_remote(at->vios, at->n_vios, host);

		if (vios == NULL)
			vios = find_remote(at->other_vios, at->n_other_vios, host);
		if (vios == NULL)
			continue;
		if (ret_vios != NULL)
			*ret_vios = vios;
		return at;
	}
	return NULL;
}

const Tarn__DesiredVios *limits_remote_vios(const Tarn__HostRecord *host)
{
	return find_remote(host->vios, host->n_vios, NULL);
}

const char *limits_device_host(const Tarn__DeviceRecord *device)
{
	return device->remote_host != NULL ? device->remote_host : device->host;
}

const Tarn__ObjectStatus *limits_device_status(const struct cluster *cluster,
					       const Tarn__DeviceRecord *device)
{
	return live_object(cluster_live(cluster, limits_device_host(device)),
			   TARN__OBJECT_KIND__OBJECT_DEVICE, device->device->name,
			   device->device->generation);
}

bool limits_device_is_redundant(const struct cluster *cluster,
				const Tarn__DeviceRecord *device)
{
	const Tarn__ObjectStatus *status = limits_device_status(cluster, device);

	return device->device->vios == NULL && status != NULL && status->done &&
	       status->error == NULL && status->has_redundant && status->redundant;
}

bool limits_device_is_free(const struct cluster *cluster,
			   const Tarn__DeviceRecord *device)
{
	const Tarn__ObjectStatus *status = limits_device_status(cluster, device);

	if (!device->ready || device->has_job || device->lpar != NULL)
		return false;
	return status == NULL || status->error == NULL;
}

uint64_t limits_device_bytes(const Tarn__DeviceRecord *device)
{
	return device->usable_bytes == 0 ? 0
					 : device->usable_bytes + HV_PGDEV_HEADER_BYTES;
}

uint64_t limits_stolen_pages(const struct cluster *cluster, const char *host)
{
	const struct live_host *live = cluster_live(cluster, host);
	uint64_t pages = 0;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);
		const Tarn__PartitionStat *stat;

		if (strcmp(lpar->host, host) != 0 || !limits_is_active(lpar))
			continue;
		stat = live_partition(live, lpar->spec->name, lpar->run_id);
		if (stat != NULL)
			pages += stat->stolen_pages + stat->stealing_pages +
				 stat->inflight_pages;
	}
	return pages;
}
