/* drill - the phases; see drill.h. */
#include "coordinator/jobs/drill_kind.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/mirror.h"
#include "coordinator/jobs/jobs.h"

#include <string.h>

/* All arbitrary, and generous: a bound ends a drill that hangs, it proves nothing. */
#define SETTLE_MS 500 /* a reset that is on its way reaches the partition */
#define READY_MS 15000
#define RESTORE_MS 60000 /* back-off of a VIOS is 10 s at most */
#define VERIFY_MS 60000  /* without any progress */
#define STILL_MS 1000    /* longest age of a report that says anything */

static void inject(struct drill *drill)
{
	char text[DRILL_TEXT_BYTES];

	drill_note_baseline(drill);
	drill_edit(drill)->has_failover_before = 1;
	drill_edit(drill)->failover_before = drill_last_failover(drill);
	drill_note_instances(drill);
	drill_start_figures(drill);
	drill->kind->inject(drill);
	drill_note(drill, "%s is ordered",
		   drill_describe(drill->record, drill->kind->ordered, text));
	drill_go(drill, "inject");
}

static void step_ready(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);

	if (op != NULL && op->error != NULL) {
		drill_doubt(drill, "stalls could not be reset: %s",
			    jobs_error_text(op->error));
		drill_finish(drill);
	} else if (op != NULL) {
		drill_edit(drill)->has_settled = 1;
		drill_edit(drill)->settled = true;
		drill_note(drill, "stalls are counted from here");
	} else if (drill->record->settled && drill->waited_ms >= SETTLE_MS &&
		   drill->draft->cluster->now_ms - drill->live->report_ms < STILL_MS) {
		inject(drill);
	} else if (drill->waited_ms > READY_MS) {
		drill_doubt(drill, "host '%s' did not get ready within %u s%s",
			    drill->host->name, READY_MS / 1000, drill_silence(drill));
		drill_finish(drill);
	}
}

/* Every page of every partition is behind both VIOS again, or could be. */
static bool is_redundant(const struct drill *drill, char why[MIRROR_TEXT_BYTES])
{
	const struct cluster *cluster = drill->draft->cluster;

	for (size_t i = 0; i < drill->record->n_partitions; i++) {
		const Tarn__DrillPartition *row = drill->record->partitions[i];
		const Tarn__LparRecord *lpar = cluster_lpar(cluster, row->lpar);

		if (lpar == NULL || lpar->run_id != row->run_id || lpar->device == NULL)
			continue;
		if (!mirror_is_redundant(cluster, lpar, why))
			return false;
	}
	return true;
}

/* What one side still lacks is no measure: it may lack more and more. */
static uint64_t pages_resynced(const struct drill *drill)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < drill->record->n_partitions; i++) {
		const Tarn__PartitionStat *stat =
			drill_stat(drill, drill->record->partitions[i]);

		pages += stat != NULL ? stat->resynced : 0;
	}
	return pages;
}

static bool is_as_before(const struct drill *drill, size_t at)
{
	const Tarn__ViosStat *stat = live_vios(drill->live, drill->host->vios[at]->name);

	return stat != NULL && at < drill->record->n_vios_epochs &&
	       stat->epoch == drill->record->vios_epochs[at];
}

/* Who was to go has gone: those that serve are others. */
static bool is_reborn(const struct drill *drill)
{
	for (size_t i = 0; i < drill->host->n_vios; i++) {
		if (drill->kind->has_no_target && is_as_before(drill, i))
			return false;
	}
	return drill->kind->has_no_target ||
	       live_vios(drill->live, drill->record->vios)->epoch !=
		       drill->record->vios_epoch;
}

/* Both serve, every page is behind both, and the target is not the one that went. */
static bool is_restored(const struct drill *drill, char why[MIRROR_TEXT_BYTES])
{
	why[0] = '\0';
	if (drill->live->report == NULL ||
	    drill->live->report->revision < drill->record->phase_revision ||
	    limits_vios_serving(drill->draft->cluster, drill->host) < 2)
		return false;
	if (drill->kind->is_reborn && !is_reborn(drill))
		return false;
	return is_redundant(drill, why);
}

static void begin_verify(struct drill *drill)
{
	drill_note_stalls(drill);
	drill_begin_verify(drill);
	drill_drop_op(drill);
	drill_order(drill, TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY, "");
	drill_note(drill, "every page of every partition is verified");
	drill_go(drill, "verify");
}

static void note_restored(struct drill *drill)
{
	if (drill->kind->has_no_target)
		drill_note(drill, "both VIOS serve, and both reach every device");
	else
		drill_note(drill, "the pair is redundant again: VIOS '%s' is %s",
			   drill->record->vios,
			   live_vios_state_name(drill->live, drill->record->vios));
}

/* `why`: both serve, and what is not behind both. */
static void fail_restore(struct drill *drill, const char *why)
{
	if (why[0] != '\0') {
		drill_fail(drill,
			   "redundancy was not restored: no progress for %u s: %s%s",
			   RESTORE_MS / 1000, why, drill_silence(drill));
		return;
	}
	for (size_t i = 0; i < drill->host->n_vios; i++) {
		const char *name = drill->host->vios[i]->name;
		const Tarn__ViosStat *stat = live_vios(drill->live, name);

		if (!drill->kind->has_no_target && strcmp(name, drill->record->vios) != 0)
			continue;
		drill_fail(drill,
			   "the pair was not redundant again within %u s: VIOS '%s' is "
			   "%s%s%s%s",
			   RESTORE_MS / 1000, name,
			   live_vios_state_name(drill->live, name),
			   stat != NULL && stat->reason != NULL ? ": " : "",
			   stat != NULL && stat->reason != NULL ? stat->reason : "",
			   drill_silence(drill));
	}
}

static bool begins_again(struct drill *drill)
{
	return !drill->record->aborted && drill->kind->again != NULL &&
	       drill->kind->again(drill);
}

static void step_restore(struct drill *drill)
{
	char why[MIRROR_TEXT_BYTES] = "";
	bool is_back;

	(void)drill_op(drill); /* what was undone by an order */
	is_back = !drill_edit(drill)->has_op && is_restored(drill, why);

	if (!is_back && drill->waited_ms <= RESTORE_MS)
		return;
	if (is_back) {
		note_restored(drill);
		if (begins_again(drill))
			return;
		drill_moment_now(drill, DRILL_RESTORED); /* for good */
	} else {
		fail_restore(drill, why);
	}
	if (drill->record->aborted) {
		drill_skip(drill, "verification: aborted");
		drill_note_stalls(drill);
		drill_finish(drill);
	} else {
		begin_verify(drill);
	}
}

/* Whatever was done is undone; what has not been shown yet stays so. */
static void step_abort(struct drill *drill)
{
	if (drill_is_in(drill, "inject") || drill_is_in(drill, "switch")) {
		drill_give_up(drill);
		return;
	}
	drill_note_stalls(drill);
	drill_finish(drill);
}

static void step_verify(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);

	if (op != NULL && op->error != NULL) {
		drill_doubt(drill, "pages could not be verified: %s",
			    jobs_error_text(op->error));
		drill_finish(drill);
	} else if (drill_note_verified(drill)) {
		drill_moment_now(drill, "verified");
		drill_drop_op(drill);
		drill_finish(drill);
	} else if (drill->waited_ms > VERIFY_MS) {
		drill_doubt(drill, "verification made no progress for %u s%s",
			    VERIFY_MS / 1000, drill_silence(drill));
		drill_note_stalls(drill);
		drill_drop_op(drill);
		drill_finish(drill);
	}
}

/* What must change for the time of a phase to begin again. */
static uint64_t mark_of(const struct drill *drill)
{
	uint64_t mark = drill->record->settled;

	for (const char *at = drill->record->phase; *at != '\0'; at++)
		mark = mark * 31 + (unsigned char)*at;
	if (drill_is_in(drill, "verify"))
		mark = mark * 1000003 + drill_progress(drill);
	/* Pages are brought back as fast as faults leave room for. */
	if (drill_is_in(drill, "restore") &&
	    limits_vios_serving(drill->draft->cluster, drill->host) == 2)
		mark = mark * 1000003 + pages_resynced(drill);
	return mark;
}

static void step(struct drill *drill)
{
	drill_note_ended(drill);
	drill_step_figures(drill);
	if (drill->record->aborted && !drill_is_in(drill, "restore"))
		step_abort(drill);
	else if (drill_is_in(drill, "ready"))
		step_ready(drill);
	else if (drill_is_in(drill, "inject"))
		drill->kind->await(drill);
	else if (drill_is_in(drill, "switch"))
		drill->kind->serve(drill);
	else if (drill_is_in(drill, "restore"))
		step_restore(drill);
	else
		step_verify(drill);
}

void jobs_step_drill(struct draft *draft, const Tarn__HostRecord *host)
{
	struct cluster *cluster = draft->cluster;
	struct drill drill = {
		.draft = draft,
		.host = host,
		.record = cluster_drill_on(cluster, host->name),
	};

	if (drill.record == NULL)
		return;
	/* Made here where the host has not reported since a restart: time runs. */
	if (live_make(&cluster->live, host->name, cluster->now.revision, &drill.live,
		      NULL) != HV_OK) {
		draft->is_out = true;
		return;
	}
	drill.kind = drill_kind_of(drill.record->kind);
	if (drill.kind == NULL) { /* of a newer coordinator */
		drill_doubt(&drill, "this coordinator does not know its kind");
		drill_finish(&drill);
		return;
	}
	drill.waited_ms = live_timer_step(&drill.live->phase, drill.record->number,
					  mark_of(&drill), cluster->now_ms);
	step(&drill);
}
