/* stat_partition - one partition in the answer to a stat request. */
#include "hvcore/hypervisor/stat_priv.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hvcore/base/clock.h"

#define REASON_FAULT 0x08 /* of a dispatch, as the dispatch trace log of PAPR has it */
#define WAITING_NS UINT64_C(100000000) /* a fault older than this waits; arbitrary */

static size_t used_buckets(const uint64_t *buckets, size_t count)
{
	while (count > 0 && buckets[count - 1] == 0)
		count--;
	return count;
}

static void fill_latency(struct build_partition *at, const struct hv_hist *hist,
			 bool has_histograms)
{
	uint64_t sum_ns = atomic_load_explicit(&hist->sum_ns, memory_order_relaxed);

	SET(&at->stat, page_in_us, sum_ns / 1000);
	if (!has_histograms)
		return;
	tarn__histogram__init(&at->latency);
	for (unsigned i = 0; i < HV_HIST_BUCKETS; i++)
		at->latency_buckets[i] = atomic_load_explicit(&hist->bucket[i],
							      memory_order_relaxed);
	at->latency.buckets = at->latency_buckets;
	at->latency.n_buckets = used_buckets(at->latency_buckets, HV_HIST_BUCKETS);
	SET(&at->latency, sum_ns, sum_ns);
	SET(&at->latency, max_ns, hv_hist_max_ns(hist));
	at->stat.fault_latency = &at->latency;
}

static void fill_report(struct build_partition *at, const struct hv_attach_report *report,
			bool has_histograms)
{
	Tarn__PartitionStat *stat = &at->stat;

	SET(stat, operations, report->operations);
	SET(stat, operations_per_s, report->operations_per_s);
	SET(stat, mismatches, report->mismatches);
	SET(stat, pages_verified, report->pages_verified);
	SET(stat, verify_passes, report->verify_passes);
	SET(stat, verify_bad, report->verify_bad);
	SET(stat, verify_percent, (uint32_t)report->verify_percent);
	SET(stat, longest_stall_us, report->longest_stall_us);
	if (!has_histograms)
		return;
	tarn__histogram__init(&at->stall);
	for (unsigned i = 0; i < HV_STALL_BUCKETS; i++)
		at->stall_buckets[i] = report->stall[i];
	at->stall.buckets = at->stall_buckets;
	at->stall.n_buckets = used_buckets(at->stall_buckets, HV_STALL_BUCKETS);
	SET(&at->stall, sum_ns, report->stall_sum_ns);
	SET(&at->stall, max_ns, report->stall_max_ns);
	stat->stall = &at->stall;
}

static void fill_os(Tarn__PartitionStat *to, const struct hv_attach_os *from)
{
	SET(to, os_loan_policy, from->loan_policy);
	SET(to, os_free_pages, from->free_pages);
	SET(to, os_working_pages, from->working_pages);
	SET(to, os_cache_pages, from->cache_pages);
	SET(to, os_loaned_pages, from->loaned_pages);
	SET(to, os_page_ins, from->page_ins);
	SET(to, os_page_outs, from->page_outs);
	SET(to, os_file_reads, from->file_reads);
	SET(to, os_dropped, from->dropped);
	SET(to, os_io_errors, from->io_errors);
}

static void fill_load(Tarn__PartitionStat *to, const struct hv_attach_io *from)
{
	SET(to, load_disks, from->disks);
	SET(to, load_ethernets, from->ethernets);
	SET(to, load_disk_reads, from->disk_reads);
	SET(to, load_disk_writes, from->disk_writes);
	SET(to, load_packets_sent, from->packets_sent);
	SET(to, load_packets_received, from->packets_received);
	SET(to, load_packets_bad, from->packets_bad);
	SET(to, load_not_entitled, from->not_entitled);
	SET(to, load_io_failed, from->failed);
}

#define SET_SAID(message, field, value) \
	((message)->has_##field = (value) != HV_GUEST_UNSAID, \
	 (message)->field = (message)->has_##field ? (value) : 0)

static void fill_guest(struct build_partition *at, struct hv_attach_guest *from)
{
	Tarn__GuestStat *to = &at->guest;
	bool is_kvm = from->accel == HV_GUEST_ACCEL_KVM;

	tarn__guest_stat__init(to);
	SET(to, accel,
	    is_kvm ? TARN__GUEST_ACCEL__GUEST_ACCEL_KVM
		   : TARN__GUEST_ACCEL__GUEST_ACCEL_TCG);
	to->accel_reason = from->why;
	SET_SAID(to, total_bytes, from->total);
	SET_SAID(to, free_bytes, from->free);
	SET_SAID(to, available_bytes, from->available);
	SET_SAID(to, cache_bytes, from->caches);
	SET_SAID(to, swapped_in_bytes, from->swapped_in);
	SET_SAID(to, swapped_out_bytes, from->swapped_out);
	SET_SAID(to, said_ms, from->said_ms);
	SET(to, balloon_bytes, from->balloon);
	SET(to, balloon_target_bytes, from->balloon_target);
	SET(to, discarded_pages, from->discarded_pages);
	SET(to, io_observed_bytes, from->io);
	at->stat.guest = to;
}

static void fill_pages(Tarn__PartitionStat *to, const struct hv_space_stat *from)
{
	SET(to, resident_pages, from->pages_in[HV_PAGE_RESIDENT]);
	uint64_t packed = from->pages_in[HV_PAGE_PACKED] +
			  from->pages_in[HV_PAGE_UNLOADING];

	SET(to, stolen_pages, from->pages_in[HV_PAGE_STOLEN] + packed);
	SET(to, packed_pages, packed);
	SET(to, packed_bytes, from->packed_bytes);
	SET(to, zero_pages, from->pages_in[HV_PAGE_ZERO]);
	SET(to, stealing_pages, from->pages_in[HV_PAGE_STEALING]);
	SET(to, inflight_pages, from->pages_in[HV_PAGE_INFLIGHT]);
	SET(to, poisoned_pages, from->pages_in[HV_PAGE_POISONED]);
	SET(to, loaned_pages, from->loaned);
	SET(to, slots_free, from->slots_in[HV_SLOT_FREE]);
	SET(to, slots_live, from->slots_in[HV_SLOT_LIVE]);
	SET(to, slots_writing, from->slots_in[HV_SLOT_WRITING]);
	SET(to, slots_condemned, from->slots_in[HV_SLOT_CONDEMNED]);
	SET(to, slots_quarantined, from->slots_in[HV_SLOT_QUARANTINED]);
	SET(to, table_bytes, from->table_bytes);
}

static void fill_counts(Tarn__PartitionStat *to, const struct hv_space_stat *from)
{
	const struct hv_space_counts *n = &from->counts;

	SET(to, faults, n->faults);
	SET(to, zero_fills, n->zero_fills);
	SET(to, page_ins, n->page_ins);
	SET(to, minor_faults, n->minor_faults);
	SET(to, write_faults, n->write_faults);
	SET(to, stale_faults, n->stale_faults);
	SET(to, failed_faults, n->failed_faults);
	SET(to, pending_faults, from->pending_faults);
	SET(to, page_outs, n->page_outs);
	SET(to, read_ahead, n->ahead_page_ins + n->ahead_taken);
	SET(to, read_ahead_used, n->ahead_used + n->ahead_taken);
	SET(to, read_ahead_wasted, n->ahead_wasted);
	SET(to, hedges, n->hedges);
	SET(to, hedges_won, n->hedges_won);
	SET(to, tier_packs, n->tier_packs);
	SET(to, tier_page_ins, n->tier_hits);
	SET(to, tier_page_outs, n->tier_outs);
	SET(to, tier_refused, n->tier_refused);
	SET(to, tier_passed, from->is_past_tier);
	SET(to, clean_steals, n->clean_steals);
	SET(to, zero_steals, n->zero_steals);
	SET(to, canceled_steals, n->canceled_steals);
	SET(to, discards, n->discards);
	SET(to, unused_steals, n->unused_steals);
	SET(to, loaned_steals, n->loaned_steals);
	SET(to, dropped_steals, n->dropped_steals);
	SET(to, checksum_errors, n->checksum_errors);
	SET(to, integrity_errors, n->integrity_errors);
	SET(to, io_errors, n->io_errors);
}

static void fill_calls(Tarn__PartitionStat *to, const struct hv_calls_stat *from)
{
	SET(to, hpt_bytes, from->hpt_bytes);
	SET(to, tce_bytes, from->tce_bytes);
	SET(to, hpt_entries, from->hpt.entries);
	SET(to, hpt_enters, from->hpt.enters);
	SET(to, hpt_hits, from->hpt.hits);
	SET(to, hpt_misses, from->hpt.misses);
	SET(to, hpt_invalidations, from->hpt.invalidations);
	SET(to, hcalls, from->calls);
	SET(to, hcalls_refused, from->refused);
	SET(to, tces, from->tces.entries);
}

/* Pages that devices use, and what they cost. */
static void fill_io(Tarn__PartitionStat *to, const struct partition *partition)
{
	const struct hv_tces_stat *tces = &partition->calls_stat.tces;

	SET(to, io_mapped_bytes, (uint64_t)tces->pages * HV_PAGE_BYTES);
	SET(to, io_high_bytes, (uint64_t)tces->pages_max * HV_PAGE_BYTES);
	SET(to, io_map_failures, tces->failures);
	if (partition->mode == HV_MODE_DEDICATED)
		return;
	SET(to, io_entitled_bytes, partition_io_pages(partition) * HV_PAGE_BYTES);
	SET(to, io_min_bytes, partition_io_min_bytes(partition));
	SET(to, io_map_page_ins, partition->stat.counts.map_page_ins);
	SET(to, io_map_waits, partition->map_waits);
	SET(to, io_lost_pages, partition->stat.counts.io_lost);
}

static void fill_transfers(Tarn__PartitionStat *to, const struct io_stat *from)
{
	SET(to, io_transfers, from->transfers);
	SET(to, io_bytes, from->bytes);
	SET(to, io_refused, from->refused);
	SET(to, io_waits, from->waits);
	SET(to, io_device_errors, from->errors);
	SET(to, io_dropped, from->dropped);
}

/* A running partition waits when its oldest fault does, for a reason worth telling. */
static bool is_waiting(const struct partition *partition)
{
	const struct hv_space_stat *stat = &partition->stat;

	return partition->mode == HV_MODE_SHARED && partition->has_stat &&
	       stat->wait != HV_WAIT_NONE && stat->wait != HV_WAIT_ANSWER &&
	       stat->waiting_since_ns != 0 &&
	       hv_clock_ns() > stat->waiting_since_ns + WAITING_NS;
}

static Tarn__PartitionState state_of(const struct partition *partition, char *reason)
{
	(void)snprintf(reason, REASON_BYTES, "%s", partition->reason);
	if (partition->phase >= PHASE_DYING)
		return TARN__PARTITION_STATE__PARTITION_ENDED;
	if (partition->phase != PHASE_RUNNING)
		return TARN__PARTITION_STATE__PARTITION_DEFINED;
	if (is_waiting(partition)) {
		(void)snprintf(reason, REASON_BYTES, "%s",
			       hv_wait_text(partition->stat.wait));
		return TARN__PARTITION_STATE__PARTITION_WAITING;
	}
	if (partition->block_reason[0] != '\0')
		(void)snprintf(reason, REASON_BYTES, "%s", partition->block_reason);
	else if (partition->has_stat && partition->stat.pause != HV_PAUSE_NONE)
		(void)snprintf(reason, REASON_BYTES, "not paged out: %s",
			       hv_pause_text(partition->stat.pause));
	if (partition->has_report && partition->report.verify_percent != 0)
		return TARN__PARTITION_STATE__PARTITION_VERIFYING;
	return TARN__PARTITION_STATE__PARTITION_RUNNING;
}

static_assert((int)TARN__MANAGER_REASON__MANAGER_SPARE == (int)HV_MANAGER_SPARE,
	      "the reasons of hvcore/pager/manager.h, in order");

static void fill_manager(struct build_partition *at, const struct partition *partition)
{
	const struct hv_manager_member *member = &partition->managed.member;
	const struct memory_mpp *mpp = &partition->memory.mpp_next; /* L's */

	tarn__manager_stat__init(&at->manager);
	at->manager.weight = partition_weight(partition);
	at->manager.target_pages = member->target;
	at->manager.want_pages = member->want;
	at->manager.hot_pages = (uint64_t)member->hot;
	at->manager.credit_pages = (uint64_t)member->credit;
	at->manager.reason = (Tarn__ManagerReason)member->reason;
	at->manager.arrivals_per_s = (uint64_t)member->arrivals_per_s;
	at->manager.curable_per_s = (uint64_t)member->curable_per_s;
	at->stat.manager = &at->manager;
	SET(&at->stat, unallocated_weight, mpp->spare_weight);
	SET(&at->stat, unallocated_io_bytes, (uint64_t)mpp->spare_pages * HV_PAGE_BYTES);
	SET(&at->stat, sees_pool, partition->sees_pool);
}

/* Of the attached process: it began with the run. */
static void fill_cpu(Tarn__PartitionStat *stat, int pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
		SET(stat, cpu_us,
		    (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000);
}

static void fill_watch(struct build_partition *at, struct dabr *dabr)
{
	if (!dabr->is_set)
		return;
	tarn__watch_stat__init(&at->watch);
	at->watch.address = dabr->address;
	at->watch.bytes = DABR_BYTES;
	at->watch.reads = (dabr->flags & HV_DABR_READ) != 0;
	at->watch.hits = dabr_hits(dabr);
	at->watch.threads = at->watch_threads_at;
	for (unsigned i = 0; i < dabr->count; i++) {
		struct dabr_thread *thread = &dabr->threads[i];
		Tarn__WatchThread *to = &at->watch_threads[i];

		if (atomic_load(&thread->hits) == 0)
			continue;
		tarn__watch_thread__init(to);
		to->name = thread->name;
		to->tid = thread->tid;
		to->hits = atomic_load(&thread->hits);
		at->watch_threads_at[at->watch.n_threads++] = to;
	}
	at->stat.watch = &at->watch;
}

static void fill_resize(struct build_partition *at, struct resize *resize)
{
	if (resize->generation == 0)
		return;
	tarn__resize_stat__init(&at->resize);
	at->resize.generation = resize->generation;
	at->resize.done = !resize->is_running;
	at->stat.resize = &at->resize;
	if (resize->is_running || resize->err.code == HV_OK)
		return;
	tarn__error__init(&at->resize_error);
	at->resize_error.code = resize->err.code;
	at->resize_error.text = resize->err.text;
	at->resize.error = &at->resize_error;
}

void stat_partition(struct build_partition *at, struct partition *partition,
		    bool has_histograms)
{
	Tarn__PartitionStat *stat = &at->stat;

	tarn__partition_stat__init(stat);
	stat->name = partition->name;
	stat->run_id = partition->run_id;
	stat->mode = partition->mode == HV_MODE_SHARED
			     ? TARN__MEMORY_MODE__MEMORY_MODE_SHARED
			     : TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	stat->state = state_of(partition, at->reason);
	stat->reason = at->reason;
	if (partition->pid != 0 && partition->phase < PHASE_DYING) {
		SET(stat, pid, partition->pid);
		fill_cpu(stat, partition->pid);
	}
	if (partition->attached_ms != 0)
		SET(stat, run_ms, hv_clock_ms() - partition->attached_ms);
	SET(stat, logical_pages, partition->mem_bytes / HV_PAGE_BYTES);
	if (partition->mode == HV_MODE_SHARED) {
		SET(stat, ordered_weight, partition->weight);
		SET(stat, ordered_entitled_bytes,
		    partition->entitled_asked * HV_PAGE_BYTES);
	}
	fill_resize(at, &partition->resize);
	if (partition->device.is_used) {
		device_stat(partition, stat);
		pair_stat(partition, stat);
	}
	if (partition->mode == HV_MODE_DEDICATED) {
		uint64_t pages = 0;

		if (partition->file >= 0 &&
		    hv_file_pages(partition->file, &pages, NULL) == HV_OK)
			SET(stat, resident_pages, pages);
	} else if (partition->has_stat) {
		SET(stat, logical_pages, partition->stat.pages); /* of that moment */
		fill_pages(stat, &partition->stat);
		fill_counts(stat, &partition->stat);
		pair_cross_stat(partition, stat, at->cross_bad_vios);
		fill_manager(at, partition);
	}
	if (partition->hcalls != NULL) {
		fill_calls(stat, &partition->calls_stat);
		fill_io(stat, partition);
		fill_watch(at, &partition->hcalls->dabr);
	}
	if (partition->io != NULL)
		fill_transfers(stat, &partition->io_stat);
	if (partition->memory.space != NULL)
		fill_latency(at, hv_space_latency(partition->memory.space),
			     has_histograms);
	if (partition->has_report)
		fill_report(at, &partition->report, has_histograms);
	if (partition->has_os)
		fill_os(stat, &partition->os);
	if (partition->has_io_report)
		fill_load(stat, &partition->io_report);
	if (partition->has_guest)
		fill_guest(at, &partition->guest);
}

void stat_trace(struct build *build, struct build_partition *at,
		const struct hv_trace *trace)
{
	uint64_t first = trace->count > HV_TRACE_MAX ? trace->count - HV_TRACE_MAX : 0;

	tarn__dispatch_trace__init(&build->trace);
	build->trace.faults = trace->count;
	build->trace.dispatches = build->dispatches_at;
	for (uint64_t i = first; i < trace->count; i++) {
		Tarn__Dispatch *to = &build->dispatches[i - first];

		tarn__dispatch__init(to);
		to->reason = REASON_FAULT;
		to->start_ns = trace->at[i % HV_TRACE_MAX].start_ns;
		to->end_ns = trace->at[i % HV_TRACE_MAX].end_ns;
		SET(to, page, trace->at[i % HV_TRACE_MAX].page);
		build->dispatches_at[build->trace.n_dispatches++] = to;
	}
	at->stat.dispatch_trace = &build->trace;
}
