/*
 * observe - what a new stat of the hypervisor says that the last one did not, as
 * events. What was told is kept with the run: a new agent does not tell it again.
 */
#include "agent/core/core_priv.h"

#include <stdio.h>

/* What is not known is left out: nobody took over yet, no page was asked for yet. */
static void describe_switch(const Tarn__Failover *failover, char text[128])
{
	size_t used = 0;

	text[0] = '\0';
	if (failover->has_switched_us)
		used = (size_t)snprintf(text, 128, ", switched in %.1f ms",
					(double)failover->switched_us / 1e3);
	if (failover->has_first_page_us)
		(void)snprintf(text + used, 128 - used, ", first page after %.1f ms",
			       (double)failover->first_page_us / 1e3);
}

static void tell_failover(struct agent_core *core, const Tarn__Failover *failover)
{
	char text[128];
	bool is_back = strcmp(failover->kind, "failback") == 0;
	bool is_planned = is_back || strcmp(failover->kind, "planned") == 0;
	Tarn__EventLevel level = failover->to[0] == '\0' ? TARN__EVENT_LEVEL__EVENT_ERROR
				 : is_planned            ? TARN__EVENT_LEVEL__EVENT_INFO
							 : TARN__EVENT_LEVEL__EVENT_WARN;

	describe_switch(failover, text);
	core_event(
		core, level, is_back ? "vios.failback" : "vios.failover",
		"%s: from %s to %s; detected after %.1f ms%s; "
		"%llu reads sent again, %llu steals canceled, %llu slots in quarantine; "
		"%u partitions moved",
		failover->kind, failover->from[0] != '\0' ? failover->from : "nobody",
		failover->to[0] != '\0' ? failover->to : "nobody",
		(double)failover->detected_us / 1e3, text,
		(unsigned long long)failover->resent_reads,
		(unsigned long long)failover->canceled_steals,
		(unsigned long long)failover->quarantined_slots, failover->partitions);
}

static void observe_failovers(struct agent_core *core)
{
	const Tarn__HostStat *stat = core->hypervisor.stat;
	uint64_t told = core->failover;

	for (size_t i = 0; i < stat->n_failovers; i++) {
		const Tarn__Failover *failover = stat->failovers[i];

		if (failover->number <= told)
			continue;
		tell_failover(core, failover);
		if (failover->number > core->failover)
			core->failover = failover->number;
	}
}

static const char *reason_of(const Tarn__PartitionStat *stat)
{
	return stat->reason != NULL ? stat->reason : "";
}

static void observe_start(struct agent_core *core, struct core_lpar *lpar)
{
	if (lpar->run.is_announced)
		return;
	lpar->run.is_announced = true;
	core_event(core, TARN__EVENT_LEVEL__EVENT_INFO, "lpar.started",
		   "partition '%s' runs (pid %lld)", lpar->name,
		   (long long)lpar->process.instance.pid);
}

static void observe_waiting(struct agent_core *core, struct core_lpar *lpar)
{
	bool is_waiting = lpar->stat->state == TARN__PARTITION_STATE__PARTITION_WAITING;

	if (is_waiting == lpar->run.is_waiting)
		return;
	lpar->run.is_waiting = is_waiting;
	if (is_waiting)
		core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "lpar.waiting",
			   "partition '%s' waits: %s", lpar->name, reason_of(lpar->stat));
	else
		core_event(core, TARN__EVENT_LEVEL__EVENT_INFO, "lpar.resumed",
			   "partition '%s' goes on", lpar->name);
}

/* A partition that runs and has a reason: its memory cannot be stolen any more. */
static void observe_blocked(struct agent_core *core, struct core_lpar *lpar)
{
	bool is_running = lpar->stat->state == TARN__PARTITION_STATE__PARTITION_RUNNING ||
			  lpar->stat->state == TARN__PARTITION_STATE__PARTITION_VERIFYING;
	bool is_blocked = reason_of(lpar->stat)[0] != '\0';

	if (!is_running || is_blocked == lpar->run.is_blocked)
		return;
	lpar->run.is_blocked = is_blocked;
	core_event(core,
		   is_blocked ? TARN__EVENT_LEVEL__EVENT_WARN
			      : TARN__EVENT_LEVEL__EVENT_INFO,
		   is_blocked ? "lpar.stealing_blocked" : "lpar.stealing_resumed",
		   "partition '%s': %s", lpar->name,
		   is_blocked ? reason_of(lpar->stat) : "its pages are stolen again");
}

static void observe_pages(struct agent_core *core, struct core_lpar *lpar)
{
	const Tarn__PartitionStat *stat = lpar->stat;
	uint64_t errors = stat->checksum_errors + stat->integrity_errors +
			  stat->poisoned_pages + stat->mismatches + stat->verify_bad;

	if (errors <= lpar->run.page_errors)
		return;
	lpar->run.page_errors = errors;
	core_event(core, TARN__EVENT_LEVEL__EVENT_ERROR, "lpar.page_error",
		   "partition '%s': %llu checksum errors, %llu integrity errors, "
		   "%llu pages poisoned, %llu mismatches seen by the partition, "
		   "%llu bad pages in its last verification",
		   lpar->name, (unsigned long long)stat->checksum_errors,
		   (unsigned long long)stat->integrity_errors,
		   (unsigned long long)stat->poisoned_pages,
		   (unsigned long long)stat->mismatches,
		   (unsigned long long)stat->verify_bad);
}

static void observe_lpar(struct agent_core *core, struct core_lpar *lpar)
{
	if (lpar->stat == NULL) {
		if (!lpar->process.is_alive &&
		    core->hypervisor.stats >= lpar->defined_stat)
			lpar->defined = 0;
		return;
	}
	/* Our state file is gone, the partition is not. */
	if (lpar->process.is_alive && lpar->run.started == 0) {
		lpar->run.started = lpar->stat->run_id;
		core_state_touch(core, true);
	}
	if (!core_lpar_is_attached(lpar) || lpar->run.ended >= lpar->run.started)
		return;
	observe_start(core, lpar);
	observe_waiting(core, lpar);
	observe_blocked(core, lpar);
	observe_pages(core, lpar);
	core_mirror_observe(core, lpar);
	core_op_observe(core, lpar);
}

void core_observe(struct agent_core *core)
{
	const Tarn__HostStat *stat = core->hypervisor.stat;

	for (size_t i = 0; i < CORE_LPARS_MAX; i++)
		core->lpars[i].stat = NULL;
	for (size_t i = 0; i < stat->n_partitions; i++) {
		struct core_lpar *lpar = core_lpar_get(core, stat->partitions[i]->name,
						       true);

		if (lpar != NULL)
			lpar->stat = stat->partitions[i];
	}
	observe_failovers(core);
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		if (core->lpars[i].name[0] != '\0')
			observe_lpar(core, &core->lpars[i]);
	}
}
