/*
 * stat_priv - the memory of one answer to a stat request, for stat_build.c and
 * stat_partition.c alone: one allocation that everything in it points into.
 */
#ifndef HVCORE_HYPERVISOR_STAT_PRIV_H
#define HVCORE_HYPERVISOR_STAT_PRIV_H

#include "hvcore/hypervisor/director.h"
#include "hvcore/wire/injection_message.h"

struct build_partition {
	Tarn__PartitionStat stat;
	Tarn__Histogram latency, stall;
	Tarn__ResizeStat resize;
	Tarn__Error resize_error;
	Tarn__ManagerStat manager;
	Tarn__GuestStat guest;
	Tarn__WatchStat watch;
	Tarn__WatchThread watch_threads[DABR_THREADS_MAX];
	Tarn__WatchThread *watch_threads_at[DABR_THREADS_MAX];
	uint64_t latency_buckets[HV_HIST_BUCKETS];
	uint64_t stall_buckets[HV_STALL_BUCKETS];
	char reason[REASON_BYTES];
	char cross_bad_vios[REASON_BYTES];
};

struct build_vios {
	Tarn__ViosStat stat;
	char reason[REASON_BYTES];
	struct hv_injection_stats injected;
};

struct build { /* everything a HostStat points to; `stat` is first */
	Tarn__HostStat stat;
	Tarn__PoolStat pool;
	struct build_vios vios[HV_PATHS];
	Tarn__ViosStat *vios_at[HV_PATHS];
	Tarn__Failover failovers[HV_FAILOVERS_MAX];
	Tarn__Failover *failovers_at[HV_FAILOVERS_MAX];
	Tarn__ManagerDecision decisions[HV_DECISIONS_MAX];
	Tarn__ManagerDecision *decisions_at[HV_DECISIONS_MAX];
	Tarn__DispatchTrace trace; /* of one partition at most */
	Tarn__Dispatch dispatches[HV_TRACE_MAX];
	Tarn__Dispatch *dispatches_at[HV_TRACE_MAX];
	Tarn__PartitionStat **partitions_at;
	struct build_partition partitions[];
};

#define SET(message, field, value) \
	((message)->has_##field = true, (message)->field = (value))

/* What is known of a partition, from the last round. */
void stat_partition(struct build_partition *at, struct partition *partition,
		    bool has_histograms);
/* Its dispatches, where they are asked for. */
void stat_trace(struct build *build, struct build_partition *at,
		const struct hv_trace *trace);

#endif
