/*
 * drill_unnoticed - agent and coordinator are killed, and nobody who pages notices.
 *
 * What must not change was written down before the injection: the instances of
 * hypervisor and VIOS, and the number of the last failover.
 */
#include "coordinator/jobs/drill_kind.h"

#include "coordinator/jobs/jobs.h"

#include <string.h>

/* ---- agent ---- */

void drill_inject_agent(struct drill *drill)
{
	drill_order_for(drill, TARN__HOST_OP_KIND__HOST_OP_AGENT_KILL, "", JOBS_AWAY_MS);
}

void drill_await_agent(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);

	if (op != NULL && op->error != NULL) {
		drill_refused(drill, op);
	} else if (drill->live->incarnation > drill->record->agent_incarnation) {
		drill_moment_now(drill, "another agent");
		drill_note(drill, "another agent reports");
		drill_go(drill, "switch");
	} else if (drill->waited_ms > drill_patience_ms(drill)) {
		drill_fail(drill, "no other agent has reported within %u s",
			   (unsigned)(drill_patience_ms(drill) / 1000));
		drill_begin_restore(drill);
	}
}

/* ---- coordinator ---- */

/* api/engine.c does it when this is on disk. */
void drill_inject_coordinator(struct drill *drill)
{
	(void)drill;
}

const Tarn__DrillRecord *jobs_drill_that_ends_us(const struct cluster *cluster)
{
	for (size_t i = cluster_count(cluster, RECORD_DRILL); i-- > 0;) {
		const Tarn__DrillRecord *drill = cluster_drill_at(cluster, i);

		if (drill->kind == TARN__DRILL_KIND__DRILL_COORDINATOR &&
		    strcmp(drill->phase, "inject") == 0 && !drill->aborted &&
		    drill->coordinator_epoch == cluster->now.epoch)
			return drill;
	}
	return NULL;
}

void drill_await_coordinator(struct drill *drill)
{
	uint64_t epoch = drill->draft->cluster->now.epoch;

	if (epoch > drill->record->coordinator_epoch) {
		drill_moment_now(drill, "coordinator back");
		drill_note(drill, "the coordinator is back, epoch %llu",
			   (unsigned long long)epoch);
		drill_go(drill, "switch");
	} else if (drill->live->cannot_end == drill->record->number ||
		   drill->waited_ms > DRILL_INJECT_MS) {
		drill_doubt(drill,
			    "the coordinator could not be killed: nobody would start "
			    "it again");
		drill_give_up(drill);
	}
}

/* ---- both ---- */

/* Reports of before the injection are gone, or of an agent that is. */
void drill_serve_unnoticed(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);

	if (op != NULL && op->error == NULL)
		drill_note_op(drill, op);
	if (drill_has_served(drill, "since the kill was ordered"))
		drill_begin_restore(drill);
}

static void prove_same_vios(struct drill *drill, size_t at)
{
	const char *name = drill->host->vios[at]->name;
	const Tarn__ViosStat *stat = live_vios(drill->live, name);

	if (at >= drill->record->n_vios_epochs)
		return; /* nothing was done */
	if (stat == NULL || stat->epoch != drill->record->vios_epochs[at])
		drill_fail(drill, "VIOS '%s' was started again meanwhile", name);
}

/* That a partition goes back to its own VIOS is none. */
static bool had_failover(const struct drill *drill)
{
	const Tarn__HostStat *stat = live_stat(drill->live);

	for (size_t i = 0; stat != NULL && i < stat->n_failovers; i++) {
		if (stat->failovers[i]->number > drill->record->failover_before &&
		    strcmp(stat->failovers[i]->kind, "failback") != 0)
			return true;
	}
	return false;
}

/* False: nothing was done, or nobody says; that it is silent is said elsewhere. */
static bool prove_unnoticed(struct drill *drill)
{
	const Tarn__DrillRecord *record = drill->record;
	const Tarn__HostStat *stat = live_stat(drill->live);

	if (stat == NULL || !record->has_agent_incarnation)
		return false;
	if (stat->hypervisor_incarnation != record->hypervisor_incarnation)
		drill_fail(drill, "the hypervisor was started again meanwhile");
	for (size_t i = 0; i < drill->host->n_vios; i++)
		prove_same_vios(drill, i);
	if (had_failover(drill))
		drill_fail(drill, "there was a failover meanwhile");
	else
		drill_note(drill, "no failover, the same hypervisor and VIOS as before");
	return true;
}

void drill_prove_agent(struct drill *drill)
{
	(void)prove_unnoticed(drill);
}

void drill_prove_coordinator(struct drill *drill)
{
	if (prove_unnoticed(drill) &&
	    drill->live->incarnation != drill->record->agent_incarnation)
		drill_doubt(drill, "the agent was started again meanwhile, too");
}
