/*
 * drill_rolling - every VIOS of the cluster in maintenance, one after the other.
 *
 * Each leg is a planned drill of its own, with its own readiness; the next one begins
 * when it is over, so never are both of a pair away. One that did not pass ends it:
 * what is left is skipped. Its record has host "", so it keeps no host busy.
 */
#include "coordinator/jobs/drill_kind.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/jobs/jobs.h"

#include <stdio.h>
#include <string.h>

#define LEG_READY_MS 60000 /* what a restore may take */
#define SKIPPED "skipped"
#define PASSED "passed"

/* ---- plan ---- */

struct legs {
	Tarn__DrillLeg rows[HV_DRILL_LEGS_MAX];
	Tarn__DrillLeg *list[HV_DRILL_LEGS_MAX];
	size_t count, active;
	char unmet[DRILL_UNMET_BYTES];
	size_t length;
};

static const Tarn__DrillRecord *find_rolling(const struct cluster *cluster)
{
	for (size_t i = cluster_count(cluster, RECORD_DRILL); i-- > 0;) {
		const Tarn__DrillRecord *drill = cluster_drill_at(cluster, i);

		if (drill->kind == TARN__DRILL_KIND__DRILL_ROLLING &&
		    drill->verdict == NULL)
			return drill;
	}
	return NULL;
}

static bool has_shared(const struct cluster *cluster, const char *host)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (lpar->running && limits_is_shared(lpar->spec) &&
		    strcmp(lpar->host, host) == 0)
			return true;
	}
	return false;
}

static enum hv_code add_leg(struct legs *legs, const char *host, const char *vios,
			    const char *skipped, struct hv_err *err)
{
	Tarn__DrillLeg *leg = &legs->rows[legs->count];

	if (legs->count == HV_DRILL_LEGS_MAX)
		return hv_fail(err, HV_E_LIMIT, "more than %d VIOS: name a host",
			       HV_DRILL_LEGS_MAX);
	tarn__drill_leg__init(leg);
	leg->host = (char *)host;
	leg->vios = (char *)vios;
	leg->verdict = skipped != NULL ? (char *)SKIPPED : NULL;
	leg->reason = (char *)skipped;
	legs->list[legs->count++] = leg;
	legs->active += skipped == NULL;
	return HV_OK;
}

static void add_unmet(struct legs *legs, const char *text)
{
	int n = snprintf(legs->unmet + legs->length, sizeof(legs->unmet) - legs->length,
			 "%s%s", legs->length > 0 ? "; " : "", text);

	legs->length += n > 0 ? (size_t)n : 0;
	if (legs->length >= sizeof(legs->unmet))
		legs->length = sizeof(legs->unmet) - 1;
}

/* The active one first: then its partner is, and goes next. */
static enum hv_code add_host(const struct plan *plan, struct legs *legs,
			     const Tarn__HostRecord *host, struct hv_err *err)
{
	struct drill_ready ready = { .cluster = plan->cluster, .host = host };
	struct hv_err unmet = { 0 };
	enum hv_code code;

	if (!has_shared(plan->cluster, host->name))
		return add_leg(legs, host->name, "", "no shared LPAR runs there", err);
	code = drill_check_host(plan, drill_kind_of(TARN__DRILL_KIND__DRILL_PLANNED),
				&ready, &unmet);
	if (code != HV_OK) {
		add_unmet(legs, hv_err_text(&unmet));
		return HV_OK;
	}
	code = add_leg(legs, host->name, ready.target->name, NULL, err);
	for (size_t i = 0; i < host->n_vios && code == HV_OK; i++) {
		if (strcmp(host->vios[i]->name, ready.target->name) != 0)
			code = add_leg(legs, host->name, host->vios[i]->name, NULL, err);
	}
	return code;
}

static enum hv_code add_hosts(const struct plan *plan, struct legs *legs,
			      const char *only, struct hv_err *err)
{
	const Tarn__HostRecord *host;
	enum hv_code code = HV_OK;

	if (only[0] != '\0') {
		code = plan_need_host(plan, only, &host, err);
		return code == HV_OK ? add_host(plan, legs, host, err) : code;
	}
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_HOST); i++) {
		host = cluster_host_at(plan->cluster, i);
		if (host->has_agent_id && code == HV_OK)
			code = add_host(plan, legs, host, err);
	}
	return code;
}

static void put_rolling(struct plan *plan, const struct drill_kind *kind,
			const Tarn__DrillRun *request, struct legs *legs)
{
	const struct drill_ready ready = { .cluster = plan->cluster };
	struct drill_texts texts;
	Tarn__DrillRecord drill;

	drill_begin(plan, request, kind, &ready, &texts, &drill);
	drill.phase = (char *)"rolling";
	drill.legs = legs->list;
	drill.n_legs = legs->count;
	draft_put(&plan->draft, RECORD_DRILL,
		  plan->draft.is_out ? NULL : record_copy(&drill.base));
}

enum hv_code drill_plan_rolling(struct plan *plan, const struct drill_kind *kind,
				const Tarn__DrillRun *request, struct hv_err *err)
{
	const Tarn__DrillRecord *other = find_rolling(plan->cluster);
	struct legs legs = { .count = 0 };
	enum hv_code code;

	if (other != NULL)
		return hv_fail(err, HV_E_BUSY, "drill %llu rolls; wait until it is done",
			       (unsigned long long)other->number);
	code = add_hosts(plan, &legs, request->host, err);
	if (code != HV_OK)
		return code;
	if (legs.length > 0)
		return hv_fail(err, HV_E_REFUSED, "%s", legs.unmet);
	if (legs.active == 0)
		return hv_fail(err, HV_E_REFUSED,
			       "no host has a shared LPAR that runs, so nothing would be "
			       "shown");
	put_rolling(plan, kind, request, &legs);
	return HV_OK;
}

/* ---- steps ---- */

static void end_leg(struct drill *drill, size_t at, const char *verdict,
		    const char *reason)
{
	Tarn__DrillRecord *edit = drill_edit(drill);
	const Tarn__DrillLeg *leg = drill->record->legs[at];

	if (at >= edit->n_legs)
		return; /* no memory */
	draft_set_text(drill->draft, &edit->legs[at]->verdict, "%s", verdict);
	draft_set_text(drill->draft, &edit->legs[at]->reason, "%s",
		       reason != NULL ? reason : "");
	drill_note(drill, "VIOS '%s' of host '%s': %s%s%s", leg->vios, leg->host, verdict,
		   reason != NULL ? ": " : "", reason != NULL ? reason : "");
}

static void skip_rest(struct drill *drill, size_t from, const char *why)
{
	for (size_t i = from; i < drill->record->n_legs; i++) {
		if (drill->record->legs[i]->verdict == NULL)
			end_leg(drill, i, SKIPPED, why);
	}
}

static void take_figures(struct drill *drill, const Tarn__DrillRecord *child)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	if (child->has_longest_stall_us &&
	    child->longest_stall_us >= edit->longest_stall_us) {
		edit->has_longest_stall_us = 1;
		edit->longest_stall_us = child->longest_stall_us;
	}
	edit->has_pages_verified = edit->has_bad_pages = 1;
	edit->pages_verified += child->pages_verified;
	edit->bad_pages += child->bad_pages;
	edit->has_pages_read = edit->has_pages_written = 1;
	edit->pages_read += child->pages_read;
	edit->pages_written += child->pages_written;
}

static void step_child(struct drill *drill, size_t at, const Tarn__DrillRecord *child)
{
	if (child == NULL) {
		end_leg(drill, at, "inconclusive", "its record is gone");
		skip_rest(drill, at + 1, "the one before it did not pass");
	} else if (child->verdict != NULL) {
		take_figures(drill, child);
		end_leg(drill, at, child->verdict, child->reason);
		if (strcmp(child->verdict, PASSED) != 0)
			skip_rest(drill, at + 1, "the one before it did not pass");
	} else if (drill->record->aborted) {
		drill_abort(drill->draft, child);
	}
}

/* Its readiness is that of any planned drill. */
static void begin_child(struct drill *drill, size_t at)
{
	const Tarn__DrillLeg *leg = drill->record->legs[at];
	struct plan plan = { .cluster = drill->draft->cluster, .draft = *drill->draft };
	Tarn__DrillRun run = TARN__DRILL_RUN__INIT;
	struct hv_err err = { 0 };
	uint64_t number = drill_next_number(plan.cluster);
	Tarn__DrillRecord *edit;
	enum hv_code code;

	run.kind = TARN__DRILL_KIND__DRILL_PLANNED;
	run.host = leg->host;
	run.vios = leg->vios;
	run.has_bound_ms = 1;
	run.bound_ms = (uint32_t)(drill->record->bound_us / 1000);
	code = jobs_plan_drill(&plan, &run, &err);
	*drill->draft = plan.draft;
	edit = code == HV_OK ? drill_edit(drill) : NULL;
	if (edit != NULL && at < edit->n_legs) {
		edit->legs[at]->has_drill = 1;
		edit->legs[at]->drill = number;
		drill_note(drill, "VIOS '%s' of host '%s': drill %llu begins", leg->vios,
			   leg->host, (unsigned long long)number);
	} else if (code != HV_OK && drill->waited_ms > LEG_READY_MS) {
		end_leg(drill, at, "inconclusive", hv_err_text(&err));
		skip_rest(drill, at + 1, "the one before it did not pass");
	}
}

static size_t count_legs(const Tarn__DrillRecord *edit, const char *verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < edit->n_legs; i++)
		count += edit->legs[i]->verdict != NULL &&
			 strcmp(edit->legs[i]->verdict, verdict) == 0;
	return count;
}

static void finish(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);
	size_t passed = count_legs(edit, PASSED), failed = count_legs(edit, "failed");
	bool is_whole = !edit->aborted && count_legs(edit, "inconclusive") == 0;
	const char *verdict = failed > 0 ? "failed" : is_whole ? PASSED : "inconclusive";

	for (size_t i = 0; i < edit->n_legs; i++) {
		const Tarn__DrillLeg *leg = edit->legs[i];

		if (strcmp(leg->verdict, SKIPPED) != 0)
			continue;
		if (leg->vios[0] == '\0') /* the whole host */
			drill_skip(drill, "host '%s': %s", leg->host, leg->reason);
		else
			drill_skip(drill, "VIOS '%s' of host '%s': %s", leg->vios,
				   leg->host, leg->reason);
	}
	draft_set_text(drill->draft, &edit->verdict, "%s", verdict);
	draft_set_text(drill->draft, &edit->reason,
		       "%s%zu of %zu VIOS passed, longest stall %.1f ms, %llu pages "
		       "verified, %llu bad",
		       edit->aborted ? "aborted: " : "", passed,
		       edit->n_legs - count_legs(edit, SKIPPED),
		       (double)edit->longest_stall_us / 1e3,
		       (unsigned long long)edit->pages_verified,
		       (unsigned long long)edit->bad_pages);
	drill_close(drill);
}

static void step_leg(struct drill *drill, size_t at)
{
	const Tarn__DrillLeg *leg = drill->record->legs[at];

	if (leg->has_drill)
		step_child(drill, at, cluster_drill(drill->draft->cluster, leg->drill));
	else if (drill->record->aborted)
		skip_rest(drill, at, "aborted");
	else if (cluster_host(drill->draft->cluster, leg->host) == NULL)
		end_leg(drill, at, "inconclusive", "its host was removed");
	else
		begin_child(drill, at);
}

/* Whose turn it is; the number of legs where all are over. */
static size_t find_leg(const Tarn__DrillRecord *record)
{
	size_t at = 0;

	while (at < record->n_legs && record->legs[at]->verdict != NULL)
		at++;
	return at;
}

void jobs_step_rolling(struct draft *draft, const Tarn__HostRecord *host)
{
	struct cluster *cluster = draft->cluster;
	struct drill drill = { .draft = draft,
			       .host = host,
			       .record = find_rolling(cluster) };
	size_t at;

	if (drill.record == NULL || draft->is_out)
		return;
	at = find_leg(drill.record);
	if (at < drill.record->n_legs &&
	    strcmp(drill.record->legs[at]->host, host->name) != 0 &&
	    cluster_host(cluster, drill.record->legs[at]->host) != NULL)
		return; /* that host's step does it */
	if (live_make(&cluster->live, host->name, cluster->now.revision, &drill.live,
		      NULL) != HV_OK) {
		draft->is_out = true;
		return;
	}
	if (at == drill.record->n_legs) {
		finish(&drill);
		return;
	}
	drill.waited_ms = live_timer_step(&drill.live->leg, drill.record->number, at,
					  cluster->now_ms);
	step_leg(&drill, at);
}
