/*
 * plan_activate - LPARs are started and shut down; see plan.h.
 *
 * At activation everything is looked at again, now among the LPARs that run:
 * pool, entitlement, overcommit limit, 128, VIOS pair, a device (best fit), LMBs.
 */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/plan.h"

#include <string.h>

#define SIZE_TEXT 32

static enum hv_code check_pool(const Tarn__HostRecord *host, const Tarn__LparSpec *spec,
			       const struct host_use *use, struct hv_err *err)
{
	uint64_t entitled = limits_entitled(spec);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (!limits_has_pool(host))
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s': host '%s' has no shared memory pool; make one "
			       "with 'tarn pool create'",
			       spec->name, host->name);
	if (use->shared >= LIMITS_SHARED_MAX)
		return hv_fail(
			err, HV_E_LIMIT,
			"LPAR '%s': the pool of host '%s' has %u running LPARs, the "
			"most it may have; shut one down first",
			spec->name, host->name, use->shared);
	if (use->entitled_bytes + entitled > use->pool_bytes)
		return hv_fail(
			err, HV_E_LIMIT,
			"LPAR '%s': entitled memory of %s does not fit the pool of "
			"host '%s', which has %s left to promise; make the pool "
			"larger or shut down an LPAR",
			spec->name, hv_size_format(entitled, a, sizeof(a)), host->name,
			hv_size_format(use->pool_bytes - use->entitled_bytes, b,
				       sizeof(b)));
	if (use->logical_bytes + spec->mem_bytes > limits_logical_max(use))
		return hv_fail(
			err, HV_E_LIMIT,
			"LPAR '%s': memory of %s makes the logical sum of host '%s' "
			"more than %u times its pool (%s); make the pool larger or "
			"shut down an LPAR",
			spec->name, hv_size_format(spec->mem_bytes, a, sizeof(a)),
			host->name, LIMITS_OVERCOMMIT,
			hv_size_format(limits_logical_max(use), b, sizeof(b)));
	return HV_OK;
}

static enum hv_code check_vios(const struct plan *plan, const Tarn__HostRecord *host,
			       const Tarn__LparSpec *spec, struct hv_err *err)
{
	unsigned serving = limits_vios_serving(plan->cluster, host);

	if (limits_needs_pair(spec) && serving < 2)
		return hv_fail(
			err, HV_E_STATE,
			"LPAR '%s' needs a redundant pair of paging VIOS, and host "
			"'%s' has %u that serve%s; see 'tarn vios list'",
			spec->name, host->name, serving, serving == 1 ? "s" : "");
	if (serving == 0)
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s': no paging VIOS of host '%s' serves; see 'tarn "
			       "vios list'",
			       spec->name, host->name);
	return HV_OK;
}

/* Best fit: the smallest that is large enough; of equals, one that is not redundant
 * for those who do not need it; then the first by name. */
static const Tarn__DeviceRecord *best_device(const struct plan *plan, const char *host,
					     const Tarn__LparSpec *spec,
					     uint64_t *ret_largest)
{
	const Tarn__DeviceRecord *best = NULL;
	bool is_best_redundant = false;

	*ret_largest = 0;
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(plan->cluster, i);
		uint64_t bytes = limits_device_bytes(device);
		bool is_redundant = limits_device_is_redundant(plan->cluster, device);

		if (strcmp(device->host, host) != 0 ||
		    !limits_device_is_free(plan->cluster, device) ||
		    (limits_needs_pair(spec) && !is_redundant))
			continue;
		if (bytes > *ret_largest)
			*ret_largest = bytes;
		if (bytes < spec->max_bytes)
			continue;
		if (best == NULL || bytes < limits_device_bytes(best) ||
		    (bytes == limits_device_bytes(best) && is_best_redundant &&
		     !is_redundant)) {
			best = device;
			is_best_redundant = is_redundant;
		}
	}
	return best;
}

static enum hv_code need_device(const struct plan *plan, const Tarn__HostRecord *host,
				const Tarn__LparSpec *spec,
				const Tarn__DeviceRecord **ret_device, struct hv_err *err)
{
	uint64_t largest;
	const Tarn__DeviceRecord *device = best_device(plan, host->name, spec, &largest);
	const char *redundant = limits_needs_pair(spec) ? "redundant " : "";
	char a[SIZE_TEXT], b[SIZE_TEXT];

	*ret_device = device;
	if (device != NULL)
		return HV_OK;
	hv_size_format(spec->max_bytes, a, sizeof(a));
	hv_size_format(largest, b, sizeof(b));
	if (largest == 0)
		return hv_fail(
			err, HV_E_NOSPC,
			"LPAR '%s' needs a free %spaging device of at least %s, and "
			"host '%s' has none free; add one with 'tarn pgdev add'",
			spec->name, redundant, a, host->name);
	return hv_fail(err, HV_E_NOSPC,
		       "LPAR '%s' needs a free %spaging device of at least %s, and the "
		       "largest of host '%s' holds %s; add one with 'tarn pgdev add'",
		       spec->name, redundant, a, host->name, b);
}

/* SPEC D1: desired if free, else what is free, never below the minimum. */
static enum hv_code grant_memory(const Tarn__HostRecord *host, const Tarn__LparSpec *spec,
				 const struct host_use *use, uint64_t *ret_bytes,
				 struct hv_err *err)
{
	uint64_t free_bytes = limits_free_bytes(use);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (limits_round_up(spec->mem_bytes, use->lmb_bytes) <= free_bytes) {
		*ret_bytes = spec->mem_bytes;
		return HV_OK;
	}
	if (free_bytes < spec->min_bytes)
		return hv_fail(
			err, HV_E_LIMIT,
			"LPAR '%s' needs at least %s, and host '%s' has %s free (%llu "
			"LMB); shut down an LPAR or make the pool smaller",
			spec->name, hv_size_format(spec->min_bytes, a, sizeof(a)),
			host->name, hv_size_format(free_bytes, b, sizeof(b)),
			(unsigned long long)(free_bytes / use->lmb_bytes));
	*ret_bytes = free_bytes;
	return HV_OK;
}

static enum hv_code check_startable(const struct plan *plan, const Tarn__LparRecord *lpar,
				    const Tarn__HostRecord *host, struct hv_err *err)
{
	if (lpar->running)
		return hv_fail(err, HV_E_STATE, "LPAR '%s' runs on host '%s' already",
			       lpar->spec->name, lpar->host);
	if (lpar->has_job)
		return hv_fail(err, HV_E_BUSY,
			       "LPAR '%s' is being shut down; wait for job %llu",
			       lpar->spec->name, (unsigned long long)lpar->job);
	return plan_need_connected(plan, host, err);
}

struct start {
	const Tarn__DeviceRecord *device; /* shared */
	uint64_t granted_bytes;           /* dedicated, else 0 */
};

static enum hv_code find_resources(const struct plan *plan, const Tarn__LparRecord *lpar,
				   const Tarn__HostRecord *host, struct start *ret_start,
				   struct hv_err *err)
{
	struct host_use use = limits_use(plan->cluster, host, LIMITS_RUNNING, NULL);
	const Tarn__LparSpec *spec = lpar->spec;
	struct start start = { 0 };
	enum hv_code code;

	if (!limits_is_shared(spec)) {
		code = grant_memory(host, spec, &use, &start.granted_bytes, err);
	} else {
		code = check_pool(host, spec, &use, err);
		if (code == HV_OK)
			code = check_vios(plan, host, spec, err);
		if (code == HV_OK)
			code = need_device(plan, host, spec, &start.device, err);
	}
	if (code == HV_OK)
		*ret_start = start;
	return code;
}

static void edit_started(struct plan *plan, const Tarn__LparRecord *lpar,
			 const struct start *start)
{
	Tarn__LparRecord *edit = draft_edit_lpar(&plan->draft, lpar->spec->name);
	Tarn__DeviceRecord *device;

	if (edit == NULL)
		return;
	edit->run_id = draft_next_id(&plan->draft);
	edit->running = true;
	edit->has_ended_unasked = 0;
	edit->ended_unasked = false;
	edit->has_immediate = 0;
	edit->immediate = false;
	edit->has_job = 1;
	edit->job = plan->job;
	edit->has_granted_bytes = start->granted_bytes != 0;
	edit->granted_bytes = start->granted_bytes;
	if (start->device == NULL)
		return;
	draft_set_text(&plan->draft, &edit->device, "%s", start->device->device->name);
	device = draft_edit_device(&plan->draft, lpar->host, start->device->device->name);
	if (device != NULL)
		draft_set_text(&plan->draft, &device->lpar, "%s", lpar->spec->name);
}

enum hv_code plan_lpar_activate(struct plan *plan, const Tarn__LparActivate *request,
				struct hv_err *err)
{
	const Tarn__LparRecord *lpar = cluster_lpar(plan->cluster, request->name);
	const Tarn__HostRecord *host;
	struct job_plan job;
	struct start start;
	enum hv_code code;

	if (lpar == NULL)
		return hv_fail(err, HV_E_NOTFOUND,
			       "LPAR '%s' is not known; make it with 'tarn lpar create'",
			       request->name);
	code = plan_need_host(plan, lpar->host, &host, err);
	if (code == HV_OK)
		code = check_startable(plan, lpar, host, err);
	if (code == HV_OK)
		code = find_resources(plan, lpar, host, &start, err);
	if (code != HV_OK)
		return code;
	job = (struct job_plan){ TARN__JOB_KIND__JOB_LPAR, lpar->host, lpar->spec->name };
	plan->job = draft_add_job(&plan->draft, &job, "activate lpar '%s'",
				  lpar->spec->name);
	edit_started(plan, lpar, &start);
	return HV_OK;
}

/* A drill on its host must not take this for a failure. */
static void tell_drill(struct plan *plan, const Tarn__LparRecord *lpar)
{
	const Tarn__DrillRecord *drill = cluster_drill_on(plan->cluster, lpar->host);
	Tarn__DrillRecord *edit;

	for (size_t i = 0; drill != NULL && i < drill->n_partitions; i++) {
		if (drill->partitions[i]->run_id != lpar->run_id ||
		    drill->partitions[i]->end != NULL)
			continue;
		edit = draft_edit_drill(&plan->draft, drill->number);
		if (edit != NULL)
			draft_set_text(&plan->draft, &edit->partitions[i]->end,
				       "shut down by request");
	}
}

enum hv_code plan_lpar_shutdown(struct plan *plan, const Tarn__LparShutdown *request,
				struct hv_err *err)
{
	const Tarn__LparRecord *lpar = cluster_lpar(plan->cluster, request->name);
	Tarn__LparRecord *edit;
	struct job_plan job;

	if (lpar == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "LPAR '%s' is not known",
			       request->name);
	if (!limits_is_active(lpar))
		return hv_fail(err, HV_E_STATE, "LPAR '%s' does not run", request->name);
	if (!lpar->running && (lpar->immediate || !request->immediate))
		return hv_fail(
			err, HV_E_BUSY,
			"LPAR '%s' is being shut down already; wait for job %llu%s",
			request->name, (unsigned long long)lpar->job,
			lpar->immediate ? "" : ", or use --immediate");
	job = (struct job_plan){ TARN__JOB_KIND__JOB_LPAR, lpar->host, lpar->spec->name };
	if (lpar->has_job)
		draft_end_job(&plan->draft, lpar->job, HV_E_CANCELED,
			      "LPAR '%s' is shut down %s", lpar->spec->name,
			      lpar->running ? "before it ran" : "immediately instead");
	plan->job = draft_add_job(&plan->draft, &job, "shut down lpar '%s'%s",
				  lpar->spec->name, request->immediate ? " now" : "");
	tell_drill(plan, lpar);
	edit = draft_edit_lpar(&plan->draft, lpar->spec->name);
	if (edit == NULL)
		return HV_OK; /* draft_finish() says no memory */
	edit->running = false;
	edit->has_immediate = 1;
	edit->immediate = request->immediate;
	edit->has_job = 1;
	edit->job = plan->job;
	return HV_OK;
}
