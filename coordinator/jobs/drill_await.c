/* drill_await - what kinds of drills wait for alike; see drill.h. */
#include "coordinator/jobs/drill_kind.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/jobs/jobs.h"

#include <string.h>

const char *drill_partner(const struct drill *drill)
{
	const Tarn__DesiredVios *partner = limits_partner(drill->host,
							  drill->record->vios);

	return partner != NULL ? partner->name : "";
}

void drill_hold(struct drill *drill, bool maintenance)
{
	Tarn__HostRecord *host = draft_edit_host(drill->draft, drill->host->name);

	for (size_t i = 0; host != NULL && i < host->n_vios; i++) {
		if (strcmp(host->vios[i]->name, drill->record->vios) == 0)
			host->vios[i]->maintenance = maintenance;
	}
	drill_edit(drill)->has_vios_held = 1;
	drill_edit(drill)->vios_held = maintenance;
	drill_edit(drill)->has_phase_revision = 1;
	drill_edit(drill)->phase_revision = drill->draft->cluster->now.revision + 1;
}

const char *drill_silence(const struct drill *drill)
{
	return cluster_is_connected(drill->draft->cluster, drill->host->name)
		       ? ""
		       : " (its agent does not report)";
}

uint64_t drill_last_failover(const struct drill *drill)
{
	const Tarn__HostStat *stat = live_stat(drill->live);
	uint64_t last = 0;

	for (size_t i = 0; stat != NULL && i < stat->n_failovers; i++) {
		if (stat->failovers[i]->number > last)
			last = stat->failovers[i]->number;
	}
	return last;
}

const Tarn__Failover *drill_failover(const struct drill *drill)
{
	const Tarn__HostStat *stat = live_stat(drill->live);
	const Tarn__Failover *first = NULL;

	for (size_t i = 0; stat != NULL && i < stat->n_failovers; i++) {
		const Tarn__Failover *failover = stat->failovers[i];

		if (failover->number > drill->record->failover_before &&
		    strcmp(failover->from, drill->record->vios) == 0 &&
		    strcmp(failover->kind, "failback") != 0 &&
		    (first == NULL || failover->number < first->number))
			first = failover;
	}
	return first;
}

void drill_begin_restore(struct drill *drill)
{
	drill_drop_op(drill);
	if (drill->kind->undo != NULL)
		drill->kind->undo(drill);
	drill_go(drill, "restore");
}

/* Times of the host: from the last sign of life, which the injection ended. */
static void add_moments(struct drill *drill, const Tarn__Failover *failover)
{
	uint64_t at_us = failover->detected_us;

	drill_moment(drill, "detected", at_us, true);
	if (failover->has_decided_us)
		drill_moment(drill, "decided", at_us + failover->decided_us, true);
	if (failover->has_switched_us)
		drill_moment(drill, "switched", at_us + failover->switched_us, true);
}

static void note_failover(struct drill *drill, const Tarn__Failover *failover)
{
	add_moments(drill, failover);
	if (failover->to[0] == '\0') {
		drill_fail(drill, "nobody took over from VIOS '%s'", failover->from);
		return;
	}
	drill_note(drill,
		   "VIOS '%s' took over (%s): seen after %.1f ms, switched in %.1f ms",
		   failover->to, failover->kind, (double)failover->detected_us / 1e3,
		   (double)failover->switched_us / 1e3);
	drill_note(
		drill,
		"%llu reads asked again, %llu steals canceled, %llu slots in quarantine",
		(unsigned long long)failover->resent_reads,
		(unsigned long long)failover->canceled_steals,
		(unsigned long long)failover->quarantined_slots);
	if (strcmp(failover->kind, drill->kind->failover) != 0)
		drill_doubt(drill, "VIOS '%s' went by '%s', not by this drill",
			    failover->from, failover->kind);
}

void drill_give_up(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	edit->has_vios_epoch = 0;
	edit->vios_epoch = 0;
	edit->n_vios_epochs = 0;
	if (edit->has_op) { /* what was reported before it is taken back says nothing */
		edit->has_phase_revision = 1;
		edit->phase_revision = drill->draft->cluster->now.revision + 1;
	}
	drill_begin_restore(drill);
}

void drill_refused(struct drill *drill, const Tarn__ObjectStatus *op)
{
	char text[DRILL_TEXT_BYTES];

	drill_doubt(drill, "%s: %s",
		    drill_describe(drill->record, drill->kind->refused, text),
		    jobs_error_text(op->error));
	drill_give_up(drill);
}

uint64_t drill_patience_ms(const struct drill *drill)
{
	uint64_t bound_ms = drill->record->bound_us / 1000;

	return 2 * bound_ms > DRILL_INJECT_MS ? 2 * bound_ms : DRILL_INJECT_MS;
}

/* What was done, in the agent's words. */
void drill_note_op(struct drill *drill, const Tarn__ObjectStatus *op)
{
	if (op->text != NULL && op->text[0] != '\0')
		drill_note(drill, "%s", op->text);
}

void drill_await_failover(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);
	const Tarn__Failover *failover = drill_failover(drill);

	if (op != NULL && op->error == NULL)
		drill_note_op(drill, op);
	if (op != NULL && op->error != NULL) {
		drill_refused(drill, op);
	} else if (failover != NULL) {
		note_failover(drill, failover);
		drill_note_page_ins(drill);
		if (failover->to[0] == '\0')
			drill_begin_restore(drill);
		else
			drill_go(drill, "switch");
	} else if (drill->waited_ms > drill_patience_ms(drill)) {
		if (cluster_is_connected(drill->draft->cluster, drill->host->name))
			drill_fail(drill, "no switch away from VIOS '%s' within %u s",
				   drill->record->vios,
				   (unsigned)(drill_patience_ms(drill) / 1000));
		else
			drill_doubt(
				drill,
				"host '%s' has not reported since VIOS '%s' was to go",
				drill->host->name, drill->record->vios);
		drill_begin_restore(drill);
	}
}

void drill_note_served(struct drill *drill, const char *moment)
{
	if (!drill_edit(drill)->page_served) /* the first leg of a cut */
		drill_moment_now(drill, moment);
	drill_edit(drill)->has_page_served = 1;
	drill_edit(drill)->page_served = true;
}

bool drill_has_served(struct drill *drill, const char *when)
{
	uint64_t pages = drill_pages_in(drill);

	if (pages > 0) {
		drill_note_served(drill, "pages served meanwhile");
		drill_note(drill, "%llu pages came in %s", (unsigned long long)pages,
			   when);
		return true;
	}
	if (drill->waited_ms <= DRILL_SERVE_MS)
		return false;
	drill_doubt(drill, "no page came in within %u s%s", DRILL_SERVE_MS / 1000,
		    drill_silence(drill));
	return true;
}

void drill_await_page(struct drill *drill)
{
	const Tarn__Failover *failover = drill_failover(drill);
	const char *partner = drill_partner(drill);

	if (failover != NULL && failover->has_first_page_us)
		drill_note(drill,
			   "VIOS '%s' served its first page %.1f ms after detection",
			   partner, (double)failover->first_page_us / 1e3);
	/* where who moved is known, pages of the others prove nothing */
	if ((failover != NULL && failover->has_first_page_us) ||
	    ((failover == NULL || !failover->has_partitions) &&
	     drill_pages_in(drill) > 0)) {
		if (failover != NULL && failover->has_first_page_us)
			drill_moment(drill, "first page served",
				     failover->detected_us + failover->first_page_us,
				     true);
		else
			drill_moment_now(drill, "first page served");
		drill_edit(drill)->has_page_served = 1;
		drill_edit(drill)->page_served = true;
		drill_note(drill, "%llu pages came in since the switch was seen",
			   (unsigned long long)drill_pages_in(drill));
		drill_begin_restore(drill);
	} else if (drill->waited_ms > DRILL_SERVE_MS) {
		drill_doubt(drill, "no page came in through VIOS '%s' within %u s%s",
			    partner, DRILL_SERVE_MS / 1000, drill_silence(drill));
		drill_begin_restore(drill);
	}
}
