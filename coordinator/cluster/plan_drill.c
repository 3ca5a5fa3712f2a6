/*
 * plan_drill - is a host ready to lose a paging VIOS on purpose? See plan.h.
 *
 * Every condition that is not met is named, not only the first: a person mends
 * them all and tries again.
 */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define UNMET_BYTES 400  /* fits a sentence of struct hv_err */
#define BOUND_US 1000000 /* issue 2: longest stall under 1 s */
#define DESCRIPTION_BYTES 256

struct unmet {
	char text[UNMET_BYTES];
	size_t length;
};

static void add(struct unmet *unmet, const char *format, ...) HV_PRINTF(2, 3);

static void add(struct unmet *unmet, const char *format, ...)
{
	size_t left = sizeof(unmet->text) - unmet->length;
	va_list args;
	int n;

	if (unmet->length > 0 && left > 2) {
		memcpy(unmet->text + unmet->length, "; ", 3);
		unmet->length += 2;
		left -= 2;
	}
	va_start(args, format);
	n = vsnprintf(unmet->text + unmet->length, left, format, args);
	va_end(args);
	if (n > 0)
		unmet->length = strlen(unmet->text);
}

static void check_vios(struct unmet *unmet, const struct plan *plan,
		       const Tarn__HostRecord *host)
{
	const struct live_host *live = cluster_live(plan->cluster, host->name);

	for (size_t i = 0; i < host->n_vios; i++) {
		const Tarn__DesiredVios *vios = host->vios[i];

		if (limits_vios_serves(plan->cluster, host, vios))
			continue;
		add(unmet, "VIOS '%s' is %s", vios->name,
		    !vios->enabled      ? "disabled"
		    : vios->maintenance ? "in maintenance"
		    : limits_vios_is_going(plan->cluster, host->name, vios->name)
			    ? "being killed"
			    : live_vios_state_name(live, vios->name));
	}
}

/* The one to take down: as asked for, or the active one. NULL: none is. */
static const Tarn__ViosStat *find_target(struct unmet *unmet, const struct plan *plan,
					 const Tarn__HostRecord *host, const char *asked)
{
	const struct live_host *live = cluster_live(plan->cluster, host->name);
	bool is_asked = asked != NULL && asked[0] != '\0';

	for (size_t i = 0; i < host->n_vios; i++) {
		const Tarn__ViosStat *stat = live_vios(live, host->vios[i]->name);

		if (stat == NULL || stat->state != TARN__VIOS_STATE__VIOS_ACTIVE)
			continue;
		if (is_asked && strcmp(asked, stat->name) != 0)
			add(unmet, "VIOS '%s' is not the active one, '%s' is", asked,
			    stat->name);
		return stat;
	}
	add(unmet, "no VIOS is active");
	return NULL;
}

static bool is_running(const Tarn__LparRecord *lpar, const char *host)
{
	return lpar->running && strcmp(lpar->host, host) == 0;
}

static void check_lpars(struct unmet *unmet, const struct plan *plan, const char *host)
{
	unsigned count = 0;

	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(plan->cluster, i);
		const Tarn__DeviceRecord *device;

		if (!is_running(lpar, host) || !limits_is_shared(lpar->spec))
			continue;
		count++;
		if (lpar->has_job)
			add(unmet, "LPAR '%s' is still starting", lpar->spec->name);
		device = cluster_device(plan->cluster, host, lpar->device);
		if (!limits_device_is_redundant(plan->cluster, device))
			add(unmet,
			    "paging device '%s' of LPAR '%s' is not reached by both",
			    lpar->device, lpar->spec->name);
	}
	if (count == 0)
		add(unmet, "no shared LPAR runs");
	else if (limits_stolen_pages(plan->cluster, host) == 0)
		add(unmet,
		    "no LPAR has pages outside the pool, so nothing would be shown");
}

static enum hv_code check_ready(const struct plan *plan, const Tarn__HostRecord *host,
				const Tarn__DrillRun *request,
				const Tarn__ViosStat **ret_target, struct hv_err *err)
{
	struct unmet unmet = { 0 };
	enum hv_code code = plan_need_connected(plan, host, err);

	if (code != HV_OK)
		return code;
	if (request->kind == TARN__DRILL_KIND__DRILL_KILL && !host->drills_allowed)
		add(&unmet, "its agent was not started with --allow-drills");
	if (host->has_pool_job)
		add(&unmet, "its pool is being changed");
	check_vios(&unmet, plan, host);
	*ret_target = find_target(&unmet, plan, host, request->vios);
	check_lpars(&unmet, plan, host->name);
	if (unmet.length == 0)
		return HV_OK;
	return hv_fail(err, HV_E_REFUSED, "host '%s' is not ready for a drill: %s",
		       host->name, unmet.text);
}

static bool is_kill(const Tarn__DrillRun *request)
{
	return request->kind == TARN__DRILL_KIND__DRILL_KILL;
}

/* Every one that runs, dedicated ones too: all their pages are verified. */
static void put_partitions(struct plan *plan, Tarn__DrillRecord *drill)
{
	Tarn__DrillPartition rows[HV_HOST_LPARS_MAX];
	Tarn__DrillPartition *list[HV_HOST_LPARS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(plan->cluster, i);

		if (!is_running(lpar, drill->host) || count == HV_HOST_LPARS_MAX)
			continue;
		tarn__drill_partition__init(&rows[count]);
		rows[count].lpar = lpar->spec->name;
		rows[count].run_id = lpar->run_id;
		list[count] = &rows[count];
		count++;
	}
	drill->partitions = list;
	drill->n_partitions = count;
	draft_put(&plan->draft, RECORD_DRILL,
		  plan->draft.is_out ? NULL : record_copy(&drill->base));
}

static void describe(Tarn__DrillRecord *drill, bool kill,
		     char texts[3][DESCRIPTION_BYTES])
{
	(void)snprintf(
		texts[0], DESCRIPTION_BYTES,
		kill ? "the sudden death of VIOS '%s' loses no page and stops no "
		       "partition"
		     : "maintenance of VIOS '%s' loses no page and stops no partition",
		drill->vios);
	(void)snprintf(
		texts[1], DESCRIPTION_BYTES,
		kill ? "kill -9 of VIOS '%s' while its partitions page"
		     : "VIOS '%s' is taken into maintenance, and resumed after its "
		       "partner has served pages",
		drill->vios);
	(void)snprintf(
		texts[2], DESCRIPTION_BYTES,
		"the partner takes over, no partition stalls longer than %u ms, the "
		"pair is redundant again, and every page of every partition is right",
		BOUND_US / 1000);
	drill->claim = texts[0];
	drill->injection = texts[1];
	drill->expectation = texts[2];
}

static uint64_t next_number(const struct cluster *cluster)
{
	size_t count = cluster_count(cluster, RECORD_DRILL);

	return count == 0 ? 1 : cluster_drill_at(cluster, count - 1)->number + 1;
}

static void put_drill(struct plan *plan, const Tarn__DrillRun *request,
		      const Tarn__ViosStat *target)
{
	Tarn__DrillRecord drill = TARN__DRILL_RECORD__INIT;
	char texts[3][DESCRIPTION_BYTES];

	drill.number = next_number(plan->cluster);
	drill.kind = request->kind;
	drill.host = request->host;
	drill.vios = target->name;
	drill.phase = (char *)"ready";
	drill.has_job = 1;
	drill.job = plan->job;
	drill.has_started_ms = 1;
	drill.started_ms = plan->cluster->wall_ms;
	drill.has_bound_us = 1;
	drill.bound_us = BOUND_US;
	drill.has_vios_epoch = 1;
	drill.vios_epoch = target->epoch;
	drill.has_op = 1;
	drill.op = draft_add_op(&plan->draft, request->host,
				TARN__HOST_OP_KIND__HOST_OP_STALL_RESET, "");
	describe(&drill, is_kill(request), texts);
	put_partitions(plan, &drill);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, request->host,
			"drill.started", "drill %llu begins on host '%s': %s",
			(unsigned long long)drill.number, request->host, texts[1]);
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

enum hv_code plan_drill_run(struct plan *plan, const Tarn__DrillRun *request,
			    struct hv_err *err)
{
	struct job_plan job = { TARN__JOB_KIND__JOB_DRILL, request->host, "" };
	const Tarn__ViosStat *target;
	const Tarn__HostRecord *host;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code == HV_OK && request->vios != NULL && request->vios[0] != '\0' &&
	    limits_vios(host, request->vios) == NULL)
		code = hv_fail(err, HV_E_NOTFOUND,
			       "host '%s' has no VIOS '%s'; it has vios1 and vios2",
			       host->name, request->vios);
	if (code == HV_OK)
		code = plan_need_no_drill(plan, host->name, err);
	if (code == HV_OK)
		code = need_no_resize(plan, host, err);
	if (code == HV_OK)
		code = check_ready(plan, host, request, &target, err);
	if (code != HV_OK)
		return code;
	job.target = target->name;
	plan->job = draft_add_job(&plan->draft, &job, "drill: %s VIOS '%s'",
				  is_kill(request) ? "kill" : "maintain", target->name);
	put_drill(plan, request, target);
	return HV_OK;
}
