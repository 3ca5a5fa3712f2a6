/* stat_build - the answer to a stat request, from L's own copies. */
#include "hvcore/hypervisor/stat_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hvcore/base/clock.h"

static void fill_vios(struct build *build, struct hypervisor *hv)
{
	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct vios *vios = &hv->director.vios[i];
		struct build_vios *at = &build->vios[i];
		uint64_t inflight = 0;

		if (vios->name[0] == '\0' ||
		    (!vios->is_expected && vios->state == SESSION_NONE))
			continue;
		tarn__vios_stat__init(&at->stat);
		at->stat.name = vios->name;
		at->stat.state = director_state(vios, at->reason);
		at->stat.reason = at->reason;
		SET(&at->stat, epoch, vios->epoch);
		if (vios->put_off > 0)
			SET(&at->stat, failback_wait_ms, pair_wait_ms(vios));
		if (vios->pid != 0)
			SET(&at->stat, pid, vios->pid);
		if (vios->window.base != NULL) {
			struct hv_window_head *head = hv_window_top(&vios->window);

			SET(&at->stat, reads, atomic_load(&head->reads));
			SET(&at->stat, writes, atomic_load(&head->writes));
			SET(&at->stat, errors, atomic_load(&head->errors));
			hv_injection_stats_put(head, &at->injected, &at->stat);
		}
		for (unsigned n = 0; n < hv->team->count; n++)
			inflight += atomic_load(&hv->team->threads[n]->lanes[i].out);
		SET(&at->stat, inflight, inflight);
		build->vios_at[build->stat.n_vios++] = &at->stat;
	}
	build->stat.vios = build->vios_at;
}

static void fill_failovers(struct build *build, struct hypervisor *hv)
{
	struct director *director = &hv->director;
	uint64_t first = director->failovers > HV_FAILOVERS_MAX
				 ? director->failovers - HV_FAILOVERS_MAX
				 : 0;

	director_first_pages(hv);
	for (uint64_t i = first; i < director->failovers; i++) {
		Tarn__Failover *to = &build->failovers[i - first];

		director_log_show(&director->log[i % HV_FAILOVERS_MAX], to);
		build->failovers_at[build->stat.n_failovers++] = to;
	}
	build->stat.failovers = build->failovers_at;
}

static uint64_t water(int64_t frames)
{
	return frames > 0 ? (uint64_t)frames : 0;
}

static void fill_decisions(struct build *build, const struct hypervisor *hv)
{
	const struct manage *manage = &hv->manage;
	uint64_t first = manage->decisions > HV_DECISIONS_MAX
				 ? manage->decisions - HV_DECISIONS_MAX
				 : 0;

	for (uint64_t i = first; i < manage->decisions; i++) {
		const struct decision *from = &manage->log[i % HV_DECISIONS_MAX];
		Tarn__ManagerDecision *to = &build->decisions[i - first];

		tarn__manager_decision__init(to);
		to->wall_ms = from->wall_ms;
		to->name = (char *)(uintptr_t)from->name;
		to->from_pages = from->from;
		to->to_pages = from->to;
		to->reason = (Tarn__ManagerReason)from->reason;
		build->decisions_at[build->pool.n_decisions++] = to;
	}
	build->pool.decisions = build->decisions_at;
}

/* As of the last round. */
static void fill_tiers(Tarn__PoolStat *pool, const struct hypervisor *hv)
{
	uint64_t frames = 0, pages = 0;

	for (unsigned i = 0; i < hv->team->count; i++) {
		frames += hv->stat_checks[i].pager.tier_frames;
		pages += hv->stat_checks[i].pager.tier_pages;
	}
	SET(pool, tier_share, hv->tier_share);
	SET(pool, tier_frames, frames);
	SET(pool, tier_pages, pages);
}

/* What an HMC counts of a pool, as of the last round. */
static void fill_page_ins(Tarn__PoolStat *pool, const struct hypervisor *hv)
{
	uint64_t page_ins = 0, page_in_ns = 0;

	for (unsigned i = 0; i < hv->team->count; i++) {
		page_ins += hv->stat_checks[i].pager.page_ins;
		page_in_ns += hv->stat_checks[i].pager.page_in_ns;
	}
	SET(pool, page_faults, page_ins);
	SET(pool, page_in_delay_us, page_in_ns / 1000);
}

static void fill_pool(struct build *build, const struct hypervisor *hv)
{
	const struct hv_frames *frames = &hv->team->frames;
	Tarn__PoolStat *pool = &build->pool;
	uint64_t used = 0;

	if (hv->pool.pool == NULL)
		return;
	tarn__pool_stat__init(pool);
	pool->pool_bytes = hv_pool_bytes(hv->pool.pool);
	pool->max_bytes = hv->pool.max_bytes;
	pool->frames = water(hv_frames_total(frames));
	pool->frames_free = water(hv_frames_free(frames));
	if (hv->pool.target_bytes != 0) {
		SET(pool, target_bytes, hv->pool.target_bytes);
		SET(pool, owed_frames, water(-hv_frames_free(frames)));
	}
	pool->low_water = water(hv_frames_low(frames));
	pool->high_water = water(hv_frames_high(frames));
	if (hv_pool_used(hv->pool.pool, &used, NULL) == HV_OK)
		pool->used_blocks = used;
	pool->entitled_bytes = partition_entitled_pages(hv) * HV_PAGE_BYTES;
	SET(pool, overhead_bytes, hypervisor_overhead_bytes(hv));
	SET(pool, frame_waits, hv_frames_waits(frames));
	fill_page_ins(pool, hv);
	fill_tiers(pool, hv);
	SET(pool, clock_ms, hv_clock_ms());
	SET(pool, looks, hv->manage.looks);
	SET(pool, look_cpu_us, hv->manage.look_cpu_ns / 1000);
	fill_decisions(build, hv);
	build->stat.pool = pool;
}

static void fill_host(Tarn__HostStat *stat, const struct hypervisor *hv)
{
	struct hv_machine machine;

	SET(stat, hypervisor_incarnation, hv->incarnation);
	SET(stat, hypervisor_pid, getpid());
	SET(stat, hang_ms, hv->hang_ms);
	SET(stat, lmb_bytes, hv_lmb_bytes(hv->lmbs));
	SET(stat, lmbs_total, hv_lmb_total(hv->lmbs));
	SET(stat, lmbs_hypervisor, hv_lmb_count(hv->lmbs, HV_LMB_HYPERVISOR));
	SET(stat, lmbs_pool, hv_lmb_count(hv->lmbs, HV_LMB_POOL));
	SET(stat, lmbs_dedicated, hv_lmb_count(hv->lmbs, HV_LMB_DEDICATED));
	SET(stat, lmbs_free, hv_lmb_count(hv->lmbs, HV_LMB_FREE));
	if (hv_machine_read(&machine, NULL) == HV_OK)
		SET(stat, available_bytes, machine.available_bytes);
}

enum hv_code stat_build(struct hypervisor *hv, const struct stat_wish *wish,
			Tarn__HostStat **ret_stat, struct hv_err *err)
{
	struct build *build;
	size_t count = 0;

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		count++;
	build = calloc(1, sizeof(*build) + count * sizeof(build->partitions[0]));
	if (build == NULL)
		return hv_fail(err, HV_E_NOMEM, "the answer to a stat request");
	tarn__host_stat__init(&build->stat);
	build->partitions_at = calloc(count + 1, sizeof(Tarn__PartitionStat *));
	if (build->partitions_at == NULL) {
		free(build);
		return hv_fail(err, HV_E_NOMEM, "the answer to a stat request");
	}
	fill_host(&build->stat, hv);
	fill_pool(build, hv);
	fill_vios(build, hv);
	fill_failovers(build, hv);
	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		struct build_partition *at = &build->partitions[build->stat.n_partitions];

		stat_partition(at, p, wish->has_histograms);
		if (strcmp(wish->trace, p->name) == 0 && p->memory.has_trace)
			stat_trace(build, at, &p->memory.trace);
		build->partitions_at[build->stat.n_partitions++] = &at->stat;
	}
	build->stat.partitions = build->partitions_at;
	*ret_stat = &build->stat;
	return HV_OK;
}

void stat_free(Tarn__HostStat *stat)
{
	struct build *build = (struct build *)(void *)stat; /* its first member */

	free(build->partitions_at);
	free(build);
}
