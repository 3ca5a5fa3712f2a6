/* utilization - see utilization.h. */
#include "coordinator/cluster/utilization.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/machine.h"
#include "coordinator/cluster/memory.h"
#include "coordinator/cluster/profile.h"

#include <stdlib.h>
#include <string.h>

#define UPTIME_MAX_MS (UINT64_C(1) << 40) /* 35 years: the product fits */

/* The message and all that is made for it. */
struct whole {
	Tarn__UtilizationSample sample; /* first */
	Tarn__UtilizationSys sys;
	Tarn__HostMemory memory;
	Tarn__UtilizationPool pool;
	Tarn__UtilizationLpar *rows;
	Tarn__UtilizationLpar **list;
};

struct work {
	const struct cluster *cluster;
	const Tarn__HostRecord *host;
	const struct live_host *live;
	struct whole *whole;
};

void utilization_free(Tarn__UtilizationSample *sample)
{
	struct whole *whole = (struct whole *)sample;

	if (whole == NULL)
		return;
	free(whole->rows);
	free(whole->list);
	free(whole);
}

static struct whole *new_whole(size_t lpars)
{
	struct whole *whole = calloc(1, sizeof(*whole));

	if (whole == NULL)
		return NULL;
	tarn__utilization_sample__init(&whole->sample);
	whole->rows = calloc(lpars + 1, sizeof(*whole->rows));
	whole->list = calloc(lpars + 1, sizeof(Tarn__UtilizationLpar *));
	whole->sample.lpars = whole->list;
	if (whole->rows != NULL && whole->list != NULL)
		return whole;
	utilization_free(&whole->sample);
	return NULL;
}

static bool is_on(const Tarn__LparRecord *lpar, const Tarn__HostRecord *host)
{
	return strcmp(lpar->host, host->name) == 0;
}

/* The profile that it runs with; NULL: it was made without one, or that is gone. */
static const Tarn__LparProfile *profile_of(const Tarn__LparRecord *lpar)
{
	const char *name = lpar->curr_profile != NULL ? lpar->curr_profile
						      : lpar->default_profile;

	return name != NULL ? profile_find(lpar, name) : NULL;
}

static const char *setting(const Tarn__LparProfile *profile, const char *name)
{
	return profile != NULL ? hv_lpar_profile_value(profile, name) : NULL;
}

static bool has_shared_processors(const Tarn__LparRecord *lpar)
{
	const char *mode = setting(profile_of(lpar), "proc_mode");

	return mode != NULL && strcmp(mode, "shared") == 0;
}

static uint32_t number_of(const char *text)
{
	uint64_t number = 0;

	if (text == NULL || hv_u64_parse(text, UINT32_MAX, &number, NULL) != HV_OK)
		return 0;
	return (uint32_t)number;
}

static void fill_processors(Tarn__UtilizationLpar *row, const Tarn__LparRecord *lpar)
{
	const Tarn__LparProfile *profile = profile_of(lpar);
	const char *mode = setting(profile, "sharing_mode");
	const Tarn__Processors *run = lpar->running ? lpar->processors : NULL;

	row->has_processors = 1;
	row->processors = lpar->running ? lpar->granted_processors : 0;
	row->has_shared_processors = 1;
	row->shared_processors = has_shared_processors(lpar);
	row->sharing_mode = (char *)mode;
	row->has_virtual_processors = 1;
	row->virtual_processors = row->shared_processors
					  ? number_of(setting(profile, "desired_procs"))
					  : row->processors / HV_PROCESSOR_UNITS;
	if (!row->shared_processors)
		return;
	row->has_uncap_weight = 1;
	row->uncap_weight = number_of(setting(profile, "uncap_weight"));
	if (run == NULL) /* as the profile says */
		return;
	row->sharing_mode = (char *)(run->uncapped ? "uncap" : "cap");
	row->virtual_processors = run->procs;
	row->uncap_weight = run->weight;
}

/* What it owns: of a shared one its logical memory, of one that is off what it keeps. */
static uint64_t memory_of(const Tarn__LparRecord *lpar)
{
	if (!limits_is_active(lpar))
		return lpar->retained_bytes;
	return lpar->has_granted_bytes ? lpar->granted_bytes : lpar->spec->mem_bytes;
}

static void fill_memory(const struct work *work, Tarn__UtilizationLpar *row,
			const Tarn__LparRecord *lpar)
{
	const Tarn__PartitionStat *stat = live_partition(work->live, lpar->spec->name,
							 lpar->run_id);

	row->mode = lpar->spec->mode;
	row->mem_bytes = memory_of(lpar);
	if (limits_is_active(lpar) && stat != NULL) {
		row->has_backed_bytes = stat->has_resident_pages;
		row->backed_bytes = stat->resident_pages * HV_PAGE_BYTES;
		row->has_mapped_bytes = stat->has_io_mapped_bytes;
		row->mapped_bytes = stat->io_mapped_bytes;
		row->has_loaned_bytes = stat->has_loaned_pages;
		row->loaned_bytes = stat->loaned_pages * HV_PAGE_BYTES;
		row->has_cpu_us = stat->has_cpu_us;
		row->cpu_us = stat->cpu_us;
		row->has_uncapped_us = stat->has_processor_uncapped_us;
		row->uncapped_us = stat->processor_uncapped_us;
	}
	if (!limits_is_shared(lpar->spec))
		return;
	row->has_entitled_bytes = 1;
	row->entitled_bytes = limits_entitled(lpar->spec);
	row->has_weight = 1;
	row->weight = lpar->spec->weight;
}

/* What it was granted is what it could have used in any case. */
static void fill_time(Tarn__UtilizationLpar *row, uint64_t up_ms)
{
	row->has_uptime_s = 1;
	row->uptime_s = up_ms / 1000;
	if (row->processors == 0 || up_ms > UPTIME_MAX_MS)
		return;
	row->has_entitled_us = 1;
	row->entitled_us = up_ms * 1000 / HV_PROCESSOR_UNITS * row->processors;
}

static void add_lpar(struct work *work, const Tarn__LparRecord *lpar)
{
	struct whole *whole = work->whole;
	Tarn__UtilizationLpar *row = &whole->rows[whole->sample.n_lpars];
	uint64_t now = work->cluster->wall_ms;

	tarn__utilization_lpar__init(row);
	row->name = lpar->spec->name;
	row->lpar_id = lpar->lpar_id;
	row->running = lpar->running;
	row->changing = lpar->has_job;
	fill_memory(work, row, lpar);
	fill_processors(row, lpar);
	if (lpar->running && lpar->has_started_ms)
		fill_time(row, now > lpar->started_ms ? now - lpar->started_ms : 0);
	whole->list[whole->sample.n_lpars++] = row;
}

static uint32_t less(uint64_t from, uint64_t units)
{
	return from > units ? (uint32_t)(from - units) : 0;
}

static void count_processors(const struct work *work, Tarn__UtilizationSys *sys,
			     const struct host_use *use)
{
	uint64_t all, taken = 0, dedicated = 0;

	if (work->host->profile == NULL)
		return;
	for (size_t i = 0;
	     use->lpars > 0 && i < cluster_count(work->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(work->cluster, i);

		if (!lpar->running || !is_on(lpar, work->host))
			continue;
		taken += lpar->granted_processors;
		if (!has_shared_processors(lpar))
			dedicated += lpar->granted_processors;
	}
	all = (uint64_t)work->host->profile->processors * HV_PROCESSOR_UNITS;
	sys->has_processors = 1;
	sys->processors = less(all, 0);
	sys->has_free_processors = 1;
	sys->free_processors = less(all, taken);
	sys->has_pool_processors = 1;
	sys->pool_processors = less(all, dedicated);
}

/* 0 where nothing runs; not known where nobody says it. */
static void add_mapped(Tarn__UtilizationPool *pool, const Tarn__HostStat *stat)
{
	pool->has_mapped_bytes = stat->n_partitions == 0;
	for (size_t i = 0; i < stat->n_partitions; i++) {
		pool->has_mapped_bytes |= stat->partitions[i]->has_io_mapped_bytes;
		pool->mapped_bytes += stat->partitions[i]->io_mapped_bytes;
	}
}

static void add_pool(struct work *work, const struct host_use *use)
{
	Tarn__UtilizationPool *pool = &work->whole->pool;
	const Tarn__HostStat *stat = live_stat(work->live);

	if (!limits_has_pool(work->host))
		return;
	tarn__utilization_pool__init(pool);
	pool->pool_bytes = use->pool_bytes;
	pool->entitled_bytes = use->entitled_bytes;
	pool->run_bytes = use->logical_bytes;
	pool->has_firmware_bytes = use->has_profile;
	pool->firmware_bytes = use->reserve.pool_bytes;
	if (!machine_is_there(work->host)) { /* nothing runs: nothing faults */
		pool->has_page_faults = 1;
		pool->has_page_in_delay_us = 1;
		pool->has_mapped_bytes = 1;
	}
	if (stat != NULL && stat->pool != NULL) {
		pool->has_page_faults = stat->pool->has_page_faults;
		pool->page_faults = stat->pool->page_faults;
		pool->has_page_in_delay_us = stat->pool->has_page_in_delay_us;
		pool->page_in_delay_us = stat->pool->page_in_delay_us;
	}
	if (stat != NULL)
		add_mapped(pool, stat);
	work->whole->sample.pool = pool;
}

static void add_host(struct work *work, const struct host_use *use)
{
	struct whole *whole = work->whole;
	bool is_paper = !machine_is_there(work->host);

	tarn__utilization_sys__init(&whole->sys);
	whole->sys.connected = is_paper ||
			       live_is_connected(work->live, work->cluster->now_ms);
	whole->sys.operating = is_paper || (whole->sys.connected &&
					    work->live->report->hypervisor_up);
	count_processors(work, &whole->sys, use);
	if (memory_view(use, &whole->memory))
		whole->sys.memory = &whole->memory;
	whole->sample.sys = &whole->sys;
	add_pool(work, use);
}

static enum hv_code start(struct work *work, const struct cluster *cluster,
			  const Tarn__HostRecord *host, size_t lpars, struct hv_err *err)
{
	*work = (struct work){ .cluster = cluster,
			       .host = host,
			       .live = cluster_live(cluster, host->name),
			       .whole = new_whole(lpars) };
	if (work->whole == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a sample of host '%s'",
			       host->name);
	work->whole->sample.wall_ms = cluster->wall_ms;
	work->whole->sample.event = TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE;
	return HV_OK;
}

enum hv_code utilization_sample(const struct cluster *cluster,
				const Tarn__HostRecord *host, const struct host_use *use,
				Tarn__UtilizationSample **ret_sample, struct hv_err *err)
{
	struct work work;
	enum hv_code code = start(&work, cluster, host, use->lpars, err);

	if (code != HV_OK)
		return code;
	add_host(&work, use);
	for (size_t i = 0, count = use->lpars;
	     count > 0 && i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (!limits_is_active(lpar) || !is_on(lpar, host))
			continue;
		count--;
		if (lpar->running)
			add_lpar(&work, lpar);
	}
	*ret_sample = &work.whole->sample;
	return HV_OK;
}

enum hv_code utilization_change(const struct cluster *cluster,
				const Tarn__HostRecord *host, bool with_host,
				const Tarn__LparRecord *const *lpars, size_t count,
				Tarn__UtilizationSample **ret_sample, struct hv_err *err)
{
	struct work work;
	enum hv_code code = start(&work, cluster, host, count, err);

	if (code != HV_OK)
		return code;
	if (with_host) {
		struct host_use use = limits_use(cluster, host, LIMITS_RUNNING);

		add_host(&work, &use);
	}
	for (size_t i = 0; i < count; i++)
		add_lpar(&work, lpars[i]);
	*ret_sample = &work.whole->sample;
	return HV_OK;
}

bool utilization_state_differs(const Tarn__LparRecord *old, const Tarn__LparRecord *now)
{
	if (old == NULL)
		return false;
	return old->running != now->running || old->has_job != now->has_job;
}

bool utilization_config_differs(const Tarn__LparRecord *old, const Tarn__LparRecord *now)
{
	if (old == NULL)
		return true;
	return strcmp(old->spec->name, now->spec->name) != 0 ||
	       old->spec->mode != now->spec->mode ||
	       old->spec->weight != now->spec->weight ||
	       limits_entitled(old->spec) != limits_entitled(now->spec) ||
	       old->spec->mem_bytes != now->spec->mem_bytes ||
	       old->spec->max_bytes != now->spec->max_bytes ||
	       memory_of(old) != memory_of(now) ||
	       old->granted_processors != now->granted_processors;
}
