/*
 * drill_plan - is a host ready for a drill? See jobs.h and drill_kind.h.
 *
 * Every condition that is not met is named, not only the first: a person mends
 * them all and tries again.
 */
#include "coordinator/jobs/drill_kind.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/mirror.h"
#include "coordinator/jobs/jobs.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BOUND_MS_MAX 600000 /* of DrillRun; arbitrary */

void drill_unmet(struct drill_ready *ready, const char *format, ...)
{
	size_t left = sizeof(ready->unmet) - ready->length;
	va_list args;
	int n;

	if (ready->length > 0 && left > 2) {
		memcpy(ready->unmet + ready->length, "; ", 3);
		ready->length += 2;
		left -= 2;
	}
	va_start(args, format);
	n = vsnprintf(ready->unmet + ready->length, left, format, args);
	va_end(args);
	if (n > 0)
		ready->length = strlen(ready->unmet);
}

static void check_vios(struct drill_ready *ready)
{
	const Tarn__HostRecord *host = ready->host;
	const struct live_host *live = cluster_live(ready->cluster, host->name);

	if (host->n_vios < HV_HOST_VIOS_MAX)
		drill_unmet(ready, "%zu VIOS are assigned to the pool, and it takes two",
			    host->n_vios);
	for (size_t i = 0; i < host->n_vios; i++) {
		const Tarn__DesiredVios *vios = host->vios[i];

		if (limits_vios_serves(ready->cluster, host, vios))
			continue;
		drill_unmet(ready, "VIOS '%s' is %s", vios->name,
			    !vios->enabled      ? "disabled"
			    : vios->maintenance ? "in maintenance"
			    : limits_vios_is_going(ready->cluster, host->name, vios->name)
				    ? "being killed"
				    : live_vios_state_name(live, vios->name));
	}
}

/* The one to take down: as asked for, or of the active ones that which serves most. */
static void find_target(struct drill_ready *ready)
{
	const Tarn__HostRecord *host = ready->host;
	const struct live_host *live = cluster_live(ready->cluster, host->name);
	bool is_asked = ready->asked != NULL && ready->asked[0] != '\0';

	for (size_t i = 0; i < host->n_vios; i++) {
		const Tarn__ViosStat *stat = live_vios(live, host->vios[i]->name);

		if (stat == NULL || stat->state != TARN__VIOS_STATE__VIOS_ACTIVE)
			continue;
		if (is_asked && strcmp(ready->asked, stat->name) == 0) {
			ready->target = stat;
			return;
		}
		if (ready->target == NULL ||
		    live_served(live, stat->name) >
			    live_served(live, ready->target->name))
			ready->target = stat;
	}
	if (ready->target == NULL)
		drill_unmet(ready, "no VIOS is active");
	else if (is_asked)
		drill_unmet(ready, "VIOS '%s' is not the active one, '%s' is",
			    ready->asked, ready->target->name);
}

static void check_replaced(struct drill_ready *ready, const Tarn__LparRecord *lpar)
{
	if (lpar->has_device_job)
		drill_unmet(ready, "a paging device of LPAR '%s' is being replaced",
			    lpar->spec->name);
}

static bool is_running(const Tarn__LparRecord *lpar, const char *host)
{
	return lpar->running && strcmp(lpar->host, host) == 0;
}

static void check_lpars(struct drill_ready *ready)
{
	const struct cluster *cluster = ready->cluster;
	const char *host = ready->host->name;
	unsigned count = 0;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);
		char why[MIRROR_TEXT_BYTES];

		if (!is_running(lpar, host) || !limits_is_shared(lpar->spec))
			continue;
		count++;
		if (lpar->has_job)
			drill_unmet(ready, "LPAR '%s' is still starting",
				    lpar->spec->name);
		if (!mirror_is_redundant(cluster, lpar, why))
			drill_unmet(ready, "%s", why);
		check_replaced(ready, lpar);
	}
	if (count == 0)
		drill_unmet(ready, "no shared LPAR runs");
	else if (limits_stolen_pages(cluster, host) == 0)
		drill_unmet(ready, "no LPAR has pages outside the pool, so nothing would "
				   "be shown");
}

static enum hv_code check_ready(struct drill_ready *ready, const struct drill_kind *kind,
				struct hv_err *err)
{
	const Tarn__HostRecord *host = ready->host;

	if (kind->is_for_drills && !host->drills_allowed)
		drill_unmet(ready, "its agent was not started with --allow-drills");
	if (host->has_pool_job)
		drill_unmet(ready, "its pool is being changed");
	check_vios(ready);
	if (kind->find != NULL)
		kind->find(ready);
	else if (!kind->has_no_target)
		find_target(ready);
	check_lpars(ready);
	if (kind->check != NULL)
		kind->check(ready);
	if (ready->length == 0)
		return HV_OK;
	return hv_fail(err, HV_E_REFUSED, "host '%s' is not ready for a drill: %s",
		       host->name, ready->unmet);
}

/* Every one that runs, dedicated ones too: all their pages are verified (drill_guest.c: but
 * those of guests). */
static void put_partitions(struct plan *plan, const Tarn__DrillRecord *drill)
{
	Tarn__DrillPartition rows[HV_HOST_LPARS_MAX];
	Tarn__DrillPartition *list[HV_HOST_LPARS_MAX];
	Tarn__DrillRecord whole = *drill;
	size_t count = 0;

	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(plan->cluster, i);

		if (!is_running(lpar, drill->host) || count == HV_HOST_LPARS_MAX)
			continue;
		tarn__drill_partition__init(&rows[count]);
		rows[count].lpar = lpar->spec->name;
		rows[count].run_id = lpar->run_id;
		rows[count].has_guest = lpar->spec->guest != NULL;
		rows[count].guest = lpar->spec->guest != NULL;
		list[count] = &rows[count];
		count++;
	}
	whole.partitions = list;
	whole.n_partitions = count;
	draft_put(&plan->draft, RECORD_DRILL,
		  plan->draft.is_out ? NULL : record_copy(&whole.base));
}

char *drill_describe(const Tarn__DrillRecord *drill, const char *text,
		     char to[DRILL_TEXT_BYTES])
{
	char bound[24];
	size_t at = 0;

	(void)snprintf(bound, sizeof(bound), "%llu",
		       (unsigned long long)drill->bound_us / 1000);
	while (*text != '\0' && at + 1 < DRILL_TEXT_BYTES) {
		const char *word = strncmp(text, "{vios}", 6) == 0    ? drill->vios
				   : strncmp(text, "{bound}", 7) == 0 ? bound
								      : NULL;

		if (word == NULL) {
			to[at++] = *text++;
			continue;
		}
		at += (size_t)snprintf(to + at, DRILL_TEXT_BYTES - at, "%s", word);
		at = at < DRILL_TEXT_BYTES ? at : DRILL_TEXT_BYTES - 1;
		text = strchr(text, '}') + 1;
	}
	to[at] = '\0';
	return to;
}

uint64_t drill_next_number(const struct cluster *cluster)
{
	size_t count = cluster_count(cluster, RECORD_DRILL);

	return count == 0 ? 1 : cluster_drill_at(cluster, count - 1)->number + 1;
}

void drill_begin(struct plan *plan, const Tarn__DrillRun *request,
		 const struct drill_kind *kind, const struct drill_ready *ready,
		 struct drill_texts *texts, Tarn__DrillRecord *ret_drill)
{
	const char *host = ready->host != NULL ? ready->host->name : "";
	Tarn__DrillRecord drill = TARN__DRILL_RECORD__INIT;
	struct job_plan job = { TARN__JOB_KIND__JOB_DRILL, host, "" };

	drill.number = drill_next_number(plan->cluster);
	drill.kind = request->kind;
	drill.host = (char *)host; /* only copied */
	drill.vios = ready->target != NULL ? ready->target->name : (char *)"";
	job.target = drill.vios;
	drill.has_job = drill.has_started_ms = drill.has_bound_us = 1;
	drill.job = draft_add_job(&plan->draft, &job, "drill: %s",
				  drill_describe(&drill, kind->order, texts->claim));
	plan->job = drill.job;
	drill.started_ms = plan->cluster->wall_ms;
	drill.bound_us = request->has_bound_ms ? request->bound_ms * UINT64_C(1000)
					       : kind->bound_us(ready);
	drill.claim = drill_describe(&drill, kind->claim, texts->claim);
	drill.injection = drill_describe(&drill, kind->injection, texts->injection);
	drill.expectation = drill_describe(&drill, kind->expectation, texts->expectation);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, host,
			"drill.started", "drill %llu begins%s%s%s: %s",
			(unsigned long long)drill.number,
			host[0] != '\0' ? " on host '" : "", host,
			host[0] != '\0' ? "'" : "", drill.injection);
	*ret_drill = drill;
}

static void put_drill(struct plan *plan, const Tarn__DrillRun *request,
		      const struct drill_kind *kind, const struct drill_ready *ready)
{
	struct drill_texts texts;
	Tarn__DrillRecord drill;

	drill_begin(plan, request, kind, ready, &texts, &drill);
	drill.phase = (char *)"ready";
	drill.has_vios_epoch = ready->target != NULL;
	drill.vios_epoch = ready->target != NULL ? ready->target->epoch : 0;
	drill.has_op = 1;
	drill.op = draft_add_op(&plan->draft, drill.host,
				TARN__HOST_OP_KIND__HOST_OP_STALL_RESET, "");
	put_partitions(plan, &drill);
}

/* It counts the pages that partitions verify, which must not change meanwhile. */
static enum hv_code need_no_resize(const struct plan *plan, const Tarn__HostRecord *host,
				   struct hv_err *err)
{
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(plan->cluster, i);

		if (lpar->resize != NULL && strcmp(lpar->host, host->name) == 0)
			return hv_fail(err, HV_E_BUSY,
				       "memory of LPAR '%s' is being changed; wait for "
				       "job %llu",
				       lpar->spec->name,
				       (unsigned long long)lpar->resize_job);
	}
	return HV_OK;
}

static enum hv_code check_request(const Tarn__DrillRun *request,
				  const struct drill_kind *kind, struct hv_err *err)
{
	if (kind == NULL)
		return hv_fail(err, HV_E_VERSION,
			       "this coordinator knows no drill of that kind");
	if (kind->has_no_target && request->vios != NULL && request->vios[0] != '\0')
		return hv_fail(err, HV_E_INVAL,
			       "a drill of that kind is not of one VIOS");
	if (request->has_bound_ms &&
	    (request->bound_ms == 0 || request->bound_ms > BOUND_MS_MAX))
		return hv_fail(err, HV_E_LIMIT, "a bound of %u ms; it takes 1 to %u ms",
			       request->bound_ms, BOUND_MS_MAX);
	return HV_OK;
}

enum hv_code drill_check_host(const struct plan *plan, const struct drill_kind *kind,
			      struct drill_ready *ready, struct hv_err *err)
{
	enum hv_code code = plan_need_no_drill(plan, ready->host->name, err);

	if (code == HV_OK)
		code = plan_need_still_pair(plan, ready->host->name, err);
	if (code == HV_OK)
		code = need_no_resize(plan, ready->host, err);
	if (code == HV_OK)
		code = plan_need_connected(plan, ready->host, err);
	return code == HV_OK ? check_ready(ready, kind, err) : code;
}

enum hv_code jobs_plan_drill(struct plan *plan, const Tarn__DrillRun *request,
			     struct hv_err *err)
{
	const struct drill_kind *kind = drill_kind_of(request->kind);
	struct drill_ready ready = { .cluster = plan->cluster, .asked = request->vios };
	const Tarn__DesiredVios *vios;
	enum hv_code code = check_request(request, kind, err);

	if (code == HV_OK && kind->plan != NULL)
		return kind->plan(plan, kind, request, err);
	if (code == HV_OK)
		code = plan_need_host(plan, request->host, &ready.host, err);
	if (code == HV_OK && request->vios != NULL && request->vios[0] != '\0')
		code = plan_need_vios(ready.host, request->vios, &vios, err);
	if (code == HV_OK)
		code = drill_check_host(plan, kind, &ready, err);
	if (code == HV_OK)
		put_drill(plan, request, kind, &ready);
	return code;
}

void drill_abort(struct draft *draft, const Tarn__DrillRecord *drill)
{
	Tarn__DrillRecord *edit;

	if (drill->aborted)
		return;
	edit = draft_edit_drill(draft, drill->number);
	if (edit == NULL)
		return; /* draft_finish() says no memory */
	edit->has_aborted = 1;
	edit->aborted = true;
	draft_set_text(draft, &edit->doubt, "aborted while it was in phase %s",
		       drill->phase);
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_INFO, drill->host,
			"drill.aborted", "drill %llu is aborted by request",
			(unsigned long long)drill->number);
	draft_name(draft, "drill %llu is aborted", (unsigned long long)drill->number);
}

enum hv_code jobs_plan_drill_abort(struct plan *plan, const Tarn__DrillAbort *request,
				   struct hv_err *err)
{
	const Tarn__DrillRecord *drill = cluster_drill(plan->cluster, request->number);

	if (drill == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "drill %llu is unknown",
			       (unsigned long long)request->number);
	if (drill->verdict != NULL)
		return hv_fail(err, HV_E_STATE, "drill %llu is over: %s",
			       (unsigned long long)drill->number, drill->verdict);
	plan->job = drill->job;
	drill_abort(&plan->draft, drill);
	return HV_OK;
}
