/* drill - the phases; see drill.h. */
#include "coordinator/jobs/drill.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/jobs/jobs.h"

#include <string.h>

/* All arbitrary, and generous: a bound ends a drill that hangs, it proves nothing. */
#define SETTLE_MS 500 /* a reset that is on its way reaches the partition */
#define READY_MS 15000
#define INJECT_MS 30000
#define SERVE_MS 20000
#define RESTORE_MS 60000 /* back-off of a VIOS is 10 s at most */
#define VERIFY_MS 60000  /* without any progress */
#define STILL_MS 1000    /* longest age of a report that says anything */

static bool is_kill(const struct drill *drill)
{
	return drill->record->kind == TARN__DRILL_KIND__DRILL_KILL;
}

static const char *partner_of(const struct drill *drill)
{
	const Tarn__DesiredVios *partner = limits_partner(drill->host,
							  drill->record->vios);

	return partner != NULL ? partner->name : "";
}

static void set_maintenance(struct drill *drill, bool maintenance)
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

static const char *silence(const struct drill *drill)
{
	return cluster_is_connected(drill->draft->cluster, drill->host->name)
		       ? ""
		       : " (its agent does not report)";
}

static uint64_t last_failover(const struct drill *drill)
{
	const Tarn__HostStat *stat = live_stat(drill->live);
	uint64_t last = 0;

	for (size_t i = 0; stat != NULL && i < stat->n_failovers; i++) {
		if (stat->failovers[i]->number > last)
			last = stat->failovers[i]->number;
	}
	return last;
}

/* The first switch away from the target since the baseline. */
static const Tarn__Failover *find_failover(const struct drill *drill)
{
	const Tarn__HostStat *stat = live_stat(drill->live);
	const Tarn__Failover *first = NULL;

	for (size_t i = 0; stat != NULL && i < stat->n_failovers; i++) {
		const Tarn__Failover *failover = stat->failovers[i];

		if (failover->number > drill->record->failover_before &&
		    strcmp(failover->from, drill->record->vios) == 0 &&
		    (first == NULL || failover->number < first->number))
			first = failover;
	}
	return first;
}

static void begin_restore(struct drill *drill)
{
	drill_drop_op(drill);
	if (drill_edit(drill)->vios_held) {
		set_maintenance(drill, false);
		drill_note(drill, "VIOS '%s' is resumed", drill->record->vios);
	}
	drill_go(drill, "restore");
}

static void inject(struct drill *drill)
{
	drill_note_baseline(drill);
	drill_edit(drill)->has_failover_before = 1;
	drill_edit(drill)->failover_before = last_failover(drill);
	if (is_kill(drill)) {
		drill_order(drill, TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL,
			    drill->record->vios);
		drill_note(drill, "kill -9 of VIOS '%s' is ordered", drill->record->vios);
	} else {
		set_maintenance(drill, true);
		drill_note(drill, "maintenance of VIOS '%s' is ordered",
			   drill->record->vios);
	}
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
			    drill->host->name, READY_MS / 1000, silence(drill));
		drill_finish(drill);
	}
}

static void note_failover(struct drill *drill, const Tarn__Failover *failover)
{
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
	if (strcmp(failover->kind, is_kill(drill) ? "exit" : "planned") != 0)
		drill_doubt(drill, "VIOS '%s' went by '%s', not by this drill",
			    failover->from, failover->kind);
}

/* Nothing went, so nothing has to come back under another epoch. */
static void give_up(struct drill *drill)
{
	drill_edit(drill)->has_vios_epoch = 0;
	drill_edit(drill)->vios_epoch = 0;
	begin_restore(drill);
}

static void step_inject(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);
	const Tarn__Failover *failover = find_failover(drill);

	if (op != NULL && op->error != NULL) {
		drill_doubt(drill, "VIOS '%s' could not be killed: %s",
			    drill->record->vios, jobs_error_text(op->error));
		give_up(drill);
	} else if (failover != NULL) {
		note_failover(drill, failover);
		drill_note_page_ins(drill);
		if (failover->to[0] == '\0')
			begin_restore(drill);
		else
			drill_go(drill, "switch");
	} else if (drill->waited_ms > INJECT_MS) {
		if (cluster_is_connected(drill->draft->cluster, drill->host->name))
			drill_fail(drill, "no switch away from VIOS '%s' within %u s",
				   drill->record->vios, INJECT_MS / 1000);
		else
			drill_doubt(
				drill,
				"host '%s' has not reported since VIOS '%s' was to go",
				drill->host->name, drill->record->vios);
		begin_restore(drill);
	}
}

/* A page that came in after the switch came through the partner. */
static void step_switch(struct drill *drill)
{
	const Tarn__Failover *failover = find_failover(drill);
	const char *partner = partner_of(drill);

	if (failover != NULL && failover->has_first_page_us)
		drill_note(drill,
			   "VIOS '%s' served its first page %.1f ms after detection",
			   partner, (double)failover->first_page_us / 1e3);
	if ((failover != NULL && failover->has_first_page_us) ||
	    drill_pages_in(drill) > 0) {
		drill_edit(drill)->has_page_served = 1;
		drill_edit(drill)->page_served = true;
		drill_note(drill, "%llu pages came in since the switch was seen",
			   (unsigned long long)drill_pages_in(drill));
		begin_restore(drill);
	} else if (drill->waited_ms > SERVE_MS) {
		drill_doubt(drill, "no page came in through VIOS '%s' within %u s%s",
			    partner, SERVE_MS / 1000, silence(drill));
		begin_restore(drill);
	}
}

static bool are_devices_redundant(const struct drill *drill)
{
	const struct cluster *cluster = drill->draft->cluster;

	for (size_t i = 0; i < drill->record->n_partitions; i++) {
		const Tarn__DrillPartition *row = drill->record->partitions[i];
		const Tarn__LparRecord *lpar = cluster_lpar(cluster, row->lpar);

		if (lpar == NULL || lpar->run_id != row->run_id || lpar->device == NULL)
			continue;
		if (!limits_device_is_redundant(
			    cluster, cluster_device(cluster, lpar->host, lpar->device)))
			return false;
	}
	return true;
}

/* Both serve, both reach every device, and the target is not the one that went. */
static bool is_restored(const struct drill *drill)
{
	const Tarn__ViosStat *stat = live_vios(drill->live, drill->record->vios);

	if (drill->live->report == NULL ||
	    drill->live->report->revision < drill->record->phase_revision ||
	    limits_vios_serving(drill->draft->cluster, drill->host) < 2)
		return false;
	if (is_kill(drill) && stat->epoch == drill->record->vios_epoch)
		return false;
	return are_devices_redundant(drill);
}

static void begin_verify(struct drill *drill)
{
	drill_note_stalls(drill);
	drill_begin_verify(drill);
	drill_order(drill, TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY, "");
	drill_note(drill, "every page of every partition is verified");
	drill_go(drill, "verify");
}

static void step_restore(struct drill *drill)
{
	const Tarn__ViosStat *stat = live_vios(drill->live, drill->record->vios);

	if (is_restored(drill)) {
		drill_note(drill, "the pair is redundant again: VIOS '%s' is %s",
			   drill->record->vios,
			   live_vios_state_name(drill->live, drill->record->vios));
		begin_verify(drill);
	} else if (drill->waited_ms > RESTORE_MS) {
		drill_fail(drill,
			   "the pair was not redundant again within %u s: VIOS '%s' is "
			   "%s%s%s%s",
			   RESTORE_MS / 1000, drill->record->vios,
			   live_vios_state_name(drill->live, drill->record->vios),
			   stat != NULL && stat->reason != NULL ? ": " : "",
			   stat != NULL && stat->reason != NULL ? stat->reason : "",
			   silence(drill));
		begin_verify(drill);
	}
}

static void step_verify(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);

	if (op != NULL && op->error != NULL) {
		drill_doubt(drill, "pages could not be verified: %s",
			    jobs_error_text(op->error));
		drill_finish(drill);
	} else if (drill_note_verified(drill)) {
		drill_drop_op(drill);
		drill_finish(drill);
	} else if (drill->waited_ms > VERIFY_MS) {
		drill_doubt(drill, "verification made no progress for %u s%s",
			    VERIFY_MS / 1000, silence(drill));
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
	return mark;
}

static void keep_time(struct drill *drill)
{
	struct live_host *live = drill->live;
	uint64_t now_ms = drill->draft->cluster->now_ms;
	uint64_t mark = mark_of(drill);

	if (live->drill != drill->record->number || live->phase_mark != mark) {
		live->drill = drill->record->number;
		live->phase_mark = mark;
		live->phase_ms = now_ms;
	}
	drill->waited_ms = now_ms - live->phase_ms;
}

static void step(struct drill *drill)
{
	drill_note_ended(drill);
	if (drill_is_in(drill, "ready"))
		step_ready(drill);
	else if (drill_is_in(drill, "inject"))
		step_inject(drill);
	else if (drill_is_in(drill, "switch"))
		step_switch(drill);
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
	keep_time(&drill);
	step(&drill);
}
