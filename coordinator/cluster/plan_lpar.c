/* plan_lpar - LPARs are made and removed; see plan.h. Running: plan_activate.c. */
#include "coordinator/cluster/machine.h"
#include "coordinator/cluster/memory.h"
#include "coordinator/cluster/plan.h"
#include "coordinator/cluster/profile.h"
#include "coordinator/cluster/snapshot.h"
#include "hvcore/wire/lpar_adapters.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_TEXT 32

static enum hv_code check_name(const struct plan *plan, const char *name,
			       struct hv_err *err)
{
	const Tarn__LparRecord *lpar = cluster_lpar(plan->cluster, name);

	if (lpar != NULL)
		return hv_fail(
			err, HV_E_EXISTS,
			"LPAR '%s' exists already on host '%s'; choose another name",
			name, lpar->host);
	if (cluster_count(plan->cluster, RECORD_LPAR) >= HV_LPARS_MAX)
		return hv_fail(
			err, HV_E_LIMIT,
			"LPAR '%s': a cluster has at most %d LPARs; remove one first",
			name, HV_LPARS_MAX);
	return HV_OK;
}

/* Would it not run there even if it were alone? Whatever may pass is left out. */
static enum hv_code check_own_host(const struct plan *plan, const Tarn__HostRecord *host,
				   const Tarn__LparSpec *spec, struct hv_err *err)
{
	struct host_use use = limits_use(plan->cluster, host, LIMITS_CONFIGURED);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (use.lpars >= machine_lpars_max(host))
		return hv_fail(err, HV_E_LIMIT,
			       "LPAR '%s': host '%s' has %u LPARs, the most it may have",
			       spec->name, host->name, use.lpars);
	if (limits_is_shared(spec) && !limits_has_pool(host))
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s': host '%s' has no shared memory pool; make one "
			       "with 'tarn pool create'",
			       spec->name, host->name);
	if (limits_is_shared(spec) && spec->mem_bytes > limits_logical_max(&use))
		return hv_fail(
			err, HV_E_LIMIT,
			"LPAR '%s': memory of %s is more than %u times the pool of "
			"host '%s' (%s); choose less, or a larger pool",
			spec->name, hv_size_format(spec->mem_bytes, a, sizeof(a)),
			LIMITS_OVERCOMMIT, host->name,
			hv_size_format(limits_logical_max(&use), b, sizeof(b)));
	if (!limits_is_shared(spec) &&
	    spec->min_bytes + use.hypervisor_bytes > use.memory_bytes)
		return hv_fail(
			err, HV_E_LIMIT,
			"LPAR '%s': minimum memory of %s is more than host '%s' has "
			"beside its hypervisor (%s); choose less",
			spec->name, hv_size_format(spec->min_bytes, a, sizeof(a)),
			host->name,
			hv_size_format(use.memory_bytes - use.hypervisor_bytes, b,
				       sizeof(b)));
	return HV_OK;
}

/* SPEC R6: a definition alone costs memory of the hypervisor. */
static enum hv_code check_creation(const struct plan *plan, const char *host_name,
				   const Tarn__LparSpec *spec, uint64_t *ret_growth,
				   struct hv_err *err)
{
	const Tarn__HostRecord *host = cluster_host(plan->cluster, host_name);
	struct host_use use = limits_use(plan->cluster, host, LIMITS_RUNNING);
	uint64_t growth = limits_creation_growth(&use, spec);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (use.lmb_bytes != 0 && growth > limits_free_bytes(&use))
		return hv_fail(err, HV_E_LIMIT,
			       "LPAR '%s': to keep it, the hypervisor of host '%s' needs "
			       "%s more, and %s is free; choose a smaller maximum, or "
			       "remove or shut down an LPAR",
			       spec->name, host->name,
			       hv_size_format(growth, a, sizeof(a)),
			       hv_size_format(limits_free_bytes(&use), b, sizeof(b)));
	*ret_growth = growth;
	return HV_OK;
}

static void add_reason(Tarn__PlacementReply *reply, const struct placement *placement,
		       size_t at, const struct placement_need *need)
{
	struct placement_verdict verdict = placement_judge(placement, at, need);
	Tarn__PlacementReason *reason = malloc(sizeof(*reason));
	char text[PLACEMENT_TEXT_BYTES];

	if (reason == NULL)
		return;
	tarn__placement_reason__init(reason);
	placement_explain_host(placement, at, need, text);
	reason->host = strdup(placement_host_at(placement, at)->name);
	reason->text = strdup(text);
	reason->fits = verdict.unmet == 0;
	reason->has_score = verdict.unmet == 0;
	reason->score = verdict.score;
	reply->reasons[reply->n_reasons++] = reason;
}

static bool is_whole(const Tarn__PlacementReply *reply, size_t reasons)
{
	if (reply->text == NULL || reply->n_reasons != reasons)
		return false;
	for (size_t i = 0; i < reasons; i++) {
		if (reply->reasons[i]->host == NULL || reply->reasons[i]->text == NULL)
			return false;
	}
	return true;
}

static enum hv_code explain(const struct placement *placement,
			    const struct placement_need *need, size_t chosen,
			    Tarn__PlacementReply **ret_reply, struct hv_err *err)
{
	size_t count = placement_count(placement);
	Tarn__PlacementReply *reply = malloc(sizeof(*reply));
	char text[PLACEMENT_TEXT_BYTES];

	if (reply == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory to explain a placement");
	*reply = (Tarn__PlacementReply)TARN__PLACEMENT_REPLY__INIT;
	placement_explain(placement, need, chosen, text);
	reply->text = strdup(text);
	reply->reasons = calloc(count + 1, sizeof(*reply->reasons));
	for (size_t i = 0; i < count && reply->reasons != NULL; i++)
		add_reason(reply, placement, i, need);
	if (chosen != PLACEMENT_NONE)
		reply->host = strdup(placement_host_at(placement, chosen)->name);
	if (!is_whole(reply, count) ||
	    (chosen != PLACEMENT_NONE && reply->host == NULL)) {
		tarn__placement_reply__free_unpacked(reply, NULL);
		return hv_fail(err, HV_E_NOMEM, "no memory to explain a placement");
	}
	*ret_reply = reply;
	return HV_OK;
}

/* Who wants a pair is placed where there is one, if it can be. */
static size_t choose(const struct placement *placement, const Tarn__LparSpec *spec,
		     struct placement_need *need)
{
	size_t chosen;

	need->needs_pair = limits_wants_pair(spec);
	chosen = placement_choose(placement, need);
	if (chosen != PLACEMENT_NONE || limits_needs_pair(spec))
		return chosen;
	need->needs_pair = false;
	return placement_choose(placement, need);
}

/* Fills plan->placement; its host stays NULL where nothing fits. */
static enum hv_code place(struct plan *plan, const Tarn__LparSpec *spec, const char *only,
			  struct hv_err *err)
{
	struct placement_need need = snapshot_need(spec);
	struct placement *placement;
	enum hv_code code = snapshot_take(plan->cluster, only, &placement, err);
	size_t chosen;

	if (code != HV_OK)
		return code;
	chosen = choose(placement, spec, &need);
	code = explain(placement, &need, chosen, &plan->placement, err);
	placement_free(placement);
	return code;
}

static void put_lpar(struct plan *plan, const Tarn__LparCreate *request,
		     const Tarn__LparSpec *spec, const char *host)
{
	Tarn__LparRecord lpar = TARN__LPAR_RECORD__INIT;
	Tarn__LparProfile profile, *profiles[] = { &profile };
	Tarn__LparSpec own = *spec;

	hv_lpar_profile_of_spec(spec, &profile);
	profile.name = (char *)PROFILE_NAME;
	if (request->profile != NULL)
		profile = *request->profile;
	hv_lpar_entitle(&own);
	lpar.host = (char *)host;
	lpar.spec = &own;
	lpar.run_id = 0;
	lpar.running = false;
	lpar.has_lpar_id = 1;
	lpar.lpar_id = request->has_lpar_id ? request->lpar_id
					    : profile_free_id(plan->cluster, host);
	lpar.has_made = 1;
	lpar.made = plan->cluster->now.revision + 1; /* of this change: unique */
	lpar.profiles = profiles;
	lpar.n_profiles = 1;
	lpar.default_profile = profile.name;
	lpar.attributes = request->attributes;
	lpar.n_attributes = request->n_attributes;
	draft_put(&plan->draft, RECORD_LPAR, record_copy(&lpar.base));
	draft_name(&plan->draft, "create lpar '%s' on host '%s'", spec->name, host);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, host, "lpar.created",
			"LPAR '%s' was created on host '%s'", spec->name, host);
}

enum hv_code plan_lpar_create(struct plan *plan, const Tarn__LparCreate *request,
			      struct hv_err *err)
{
	bool has_host = request->host != NULL && request->host[0] != '\0';
	Tarn__LparSpec own = *request->spec;
	const Tarn__LparSpec *spec = &own;
	const Tarn__HostRecord *host;
	const char *chosen;
	uint64_t growth;
	enum hv_code code;

	if (request->profile != NULL)
		hv_lpar_profile_apply(request->profile, &own);
	code = hv_lpar_spec_check(spec, err);
	if (code == HV_OK)
		code = check_name(plan, spec->name, err);
	if (code == HV_OK)
		code = profile_check_new(plan->cluster, request, err);
	if (code == HV_OK && has_host)
		code = plan_need_host(plan, request->host, &host, err);
	if (code == HV_OK && has_host)
		code = check_own_host(plan, host, spec, err);
	if (code == HV_OK)
		code = place(plan, spec, has_host ? request->host : NULL, err);
	if (code != HV_OK || request->dry_run)
		return code;
	if (!has_host && plan->placement->host == NULL)
		return hv_fail(err, HV_E_NOFIT, "no host takes LPAR '%s': %s", spec->name,
			       plan->placement->text);
	chosen = has_host ? request->host : plan->placement->host;
	code = check_creation(plan, chosen, spec, &growth, err);
	if (code != HV_OK)
		return code;
	memory_make_available(&plan->draft, chosen, NULL, growth);
	put_lpar(plan, request, spec, chosen);
	return HV_OK;
}

enum hv_code plan_lpar_remove(struct plan *plan, const Tarn__LparRemove *request,
			      struct hv_err *err)
{
	const Tarn__LparRecord *lpar = cluster_lpar(plan->cluster, request->name);

	if (lpar == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "LPAR '%s' is not known",
			       request->name);
	if (limits_is_active(lpar))
		return hv_fail(err, HV_E_BUSY,
			       "LPAR '%s' runs on host '%s'; shut it down first",
			       request->name, lpar->host);
	draft_remove(&plan->draft, RECORD_LPAR, record_key_name(request->name));
	draft_name(&plan->draft, "remove lpar '%s'", request->name);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, lpar->host,
			"lpar.removed", "LPAR '%s' was removed from host '%s'",
			request->name, lpar->host);
	return HV_OK;
}
