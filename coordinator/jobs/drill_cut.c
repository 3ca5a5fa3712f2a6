/*
 * drill_cut - a VIOS whose devices lie on another host does not reach them any more: in
 * both directions, then in one, then in the other.
 *
 *   inject --noticed--> switch --pages come in--> restore --> the next leg, or verify
 *
 * The link is cut on its own side (vios/link), for a bounded time; so it ends also where
 * nobody is left to end it. What was on its way arrives when it is over: late writes.
 */
#include "coordinator/jobs/drill_kind.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/jobs/jobs.h"

#include <string.h>

#define CUT_MS 20000 /* longest, should nobody end it before */
#define LOOK_MS 3000 /* it lasts so long at least once it was noticed; arbitrary */

static const struct {
	Tarn__InjectionDirection direction;
	const char *text;
} legs[] = {
	{ TARN__INJECTION_DIRECTION__INJECTION_BOTH_WAYS, "both ways" },
	{ TARN__INJECTION_DIRECTION__INJECTION_THERE, "there" },
	{ TARN__INJECTION_DIRECTION__INJECTION_BACK, "back" },
};

static size_t leg_of(struct drill *drill)
{
	uint32_t leg = drill_edit(drill)->cut_leg;

	return leg < HV_COUNT(legs) ? leg : HV_COUNT(legs) - 1;
}

void drill_find_remote(struct drill_ready *ready)
{
	const Tarn__DesiredVios *vios = limits_remote_vios(ready->host);
	bool is_asked = ready->asked != NULL && ready->asked[0] != '\0';

	if (vios == NULL) {
		drill_unmet(ready, "no VIOS of its pair has its devices on another host");
		return;
	}
	if (is_asked && strcmp(ready->asked, vios->name) != 0)
		drill_unmet(ready, "VIOS '%s' has its devices on this host, '%s' has not",
			    ready->asked, vios->name);
	ready->target = live_vios(cluster_live(ready->cluster, ready->host->name),
				  vios->name);
	if (ready->target == NULL)
		drill_unmet(ready, "nothing is known of VIOS '%s'", vios->name);
}

/* Who has nothing behind it would notice nothing. */
void drill_check_cut(struct drill_ready *ready)
{
	for (size_t i = 0; i < cluster_count(ready->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(ready->cluster, i);

		if (strcmp(lpar->host, ready->host->name) == 0 && lpar->running &&
		    lpar->mirror != NULL)
			return;
	}
	drill_unmet(ready, "no LPAR that runs is mirrored");
}

void drill_inject_cut(struct drill *drill)
{
	const Tarn__ViosStat *stat = live_vios(drill->live, drill->record->vios);
	size_t leg = leg_of(drill);
	Tarn__HostOp op = TARN__HOST_OP__INIT;
	Tarn__Injection injection = TARN__INJECTION__INIT;

	injection.kind = TARN__INJECTION_KIND__INJECTION_CUT;
	injection.op = TARN__INJECTION_OP__INJECTION_BOTH;
	injection.rate_ppm = 1000000;
	injection.time_ms = CUT_MS;
	injection.has_direction = 1;
	injection.direction = legs[leg].direction;
	op.kind = TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT;
	op.target = drill->record->vios;
	op.injection = &injection;
	drill_edit(drill)->has_vios_epoch = 1;
	drill_edit(drill)->vios_epoch = stat != NULL ? stat->epoch : 0;
	drill_edit(drill)->has_cut_leg = 1; /* something is to be undone */
	drill_put_op(drill, &op);
	drill_note(drill, "its link is cut %s", legs[leg].text);
}

/* The incarnation whose link was cut is not there any more. */
static bool is_gone(const struct drill *drill)
{
	const Tarn__ViosStat *stat = live_vios(drill->live, drill->record->vios);

	return stat == NULL || !live_vios_is_healthy(drill->live, drill->record->vios) ||
	       stat->epoch != drill->record->vios_epoch;
}

void drill_await_cut(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);
	const char *text = legs[leg_of(drill)].text;

	if (op != NULL && op->error != NULL) {
		drill_refused(drill, op);
		return;
	}
	if (op != NULL)
		drill_note_op(drill, op);
	if (!drill_edit(drill)->has_op && is_gone(drill)) {
		drill_note(drill, "the cut %s was noticed: VIOS '%s' is %s", text,
			   drill->record->vios,
			   live_vios_state_name(drill->live, drill->record->vios));
		if (leg_of(drill) == 0)
			drill_moment_now(drill, "detected");
		drill_note_page_ins(drill);
		drill_go(drill, "switch");
	} else if (drill->waited_ms > DRILL_INJECT_MS) {
		if (cluster_is_connected(drill->draft->cluster, drill->host->name))
			drill_fail(drill, "the cut %s was not noticed within %u s", text,
				   DRILL_INJECT_MS / 1000);
		else
			drill_doubt(drill, "host '%s' has not reported since the cut",
				    drill->host->name);
		drill_begin_restore(drill);
	}
}

void drill_serve_cut(struct drill *drill)
{
	if (drill->waited_ms >= LOOK_MS && drill_has_served(drill, "meanwhile"))
		drill_begin_restore(drill);
}

void drill_undo_cut(struct drill *drill)
{
	if (!drill_edit(drill)->has_cut_leg)
		return; /* nothing was done */
	drill_order(drill, TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR,
		    drill->record->vios);
	drill_note(drill, "the cut ends");
}

bool drill_again_cut(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	if (edit->failure != NULL || edit->doubt != NULL ||
	    leg_of(drill) + 1 >= HV_COUNT(legs))
		return false;
	edit->cut_leg++;
	drill_note_instances(drill);
	drill_inject_cut(drill);
	drill_go(drill, "inject");
	return true;
}

/* What was missed meanwhile has been brought there. */
void drill_prove_cut(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);
	const Tarn__DrillTotals *start = edit->start, *last = edit->last;
	uint64_t pages = 0;

	if (start != NULL && last != NULL)
		pages = drill_more(last->resynced, start->resynced);
	drill_note(drill,
		   "%u of %zu cuts were noticed, %llu pages were brought to the "
		   "side that had missed them",
		   edit->has_cut_leg ? edit->cut_leg + 1 : 0, HV_COUNT(legs),
		   (unsigned long long)pages);
	if (edit->failure == NULL && edit->cut_leg + 1 < HV_COUNT(legs))
		drill_doubt(drill, "only %u of %zu cuts were made", edit->cut_leg + 1,
			    HV_COUNT(legs));
	if (pages == 0)
		drill_doubt(drill,
			    "no page was written while the link was cut, so nothing "
			    "had to be brought back");
}
