/*
 * plan_activate - LPARs are started and shut down; see plan.h.
 *
 * At activation everything is looked at again, now among the LPARs that run:
 * pool, entitlement, overcommit limit, 128, VIOS pair, devices (best fit), LMBs,
 * and what the hypervisor needs for its page table (SPEC R6).
 */
#include "coordinator/cluster/backing.h"
#include "coordinator/cluster/guest.h"
#include "coordinator/cluster/machine.h"
#include "coordinator/cluster/memory.h"
#include "coordinator/cluster/plan.h"
#include "coordinator/cluster/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_TEXT 32

/* One activation, looked at condition by condition. */
struct activation {
	const struct plan *plan;
	const Tarn__LparRecord *lpar;
	const Tarn__LparSpec *spec; /* as it will be: with.spec */
	const Tarn__HostRecord *host;
	struct profile_use with;
	struct host_use use; /* of what runs */
	/* found */
	struct backing_found found; /* shared */
	uint64_t granted_bytes;     /* dedicated, else 0 */
};

static enum hv_code need_off(struct activation *at, struct hv_err *err)
{
	if (at->lpar->running)
		return hv_fail(err, HV_E_STATE, "LPAR '%s' runs on host '%s' already",
			       at->spec->name, at->lpar->host);
	if (at->lpar->has_job)
		return hv_fail(err, HV_E_BUSY,
			       "LPAR '%s' is being shut down; wait for job %llu",
			       at->spec->name, (unsigned long long)at->lpar->job);
	return HV_OK;
}

static enum hv_code need_connected(struct activation *at, struct hv_err *err)
{
	return plan_need_connected(at->plan, at->host, err);
}

/* All resources are all that nobody else has: nobody else runs. */
static enum hv_code need_alone(struct activation *at, struct hv_err *err)
{
	const struct cluster *cluster = at->plan->cluster;

	if (at->with.profile == NULL || !profile_takes_all(at->with.profile))
		return HV_OK;
	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *other = cluster_lpar_at(cluster, i);

		if (other == at->lpar || strcmp(other->host, at->host->name) != 0 ||
		    !limits_is_active(other))
			continue;
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s' takes all resources of host '%s', and LPAR "
			       "'%s' runs there; shut it down first",
			       at->spec->name, at->host->name, other->spec->name);
	}
	return HV_OK;
}

static enum hv_code need_firmware(struct activation *at, struct hv_err *err)
{
	uint64_t growth = limits_activation_growth(&at->use, at->spec);
	uint64_t free_bytes = limits_free_bytes(&at->use);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (growth <= free_bytes)
		return HV_OK;
	return hv_fail(err, HV_E_LIMIT,
		       "LPAR '%s': to run it, the hypervisor of host '%s' needs %s more "
		       "for its page table, and %s is free; choose a smaller maximum, or "
		       "shut down an LPAR",
		       at->spec->name, at->host->name,
		       hv_size_format(growth, a, sizeof(a)),
		       hv_size_format(free_bytes, b, sizeof(b)));
}

/* SPEC D1: desired if free, else what is free, never below the minimum. */
static enum hv_code need_memory(struct activation *at, struct hv_err *err)
{
	uint64_t growth = limits_activation_growth(&at->use, at->spec);
	uint64_t free_bytes = limits_free_bytes(&at->use);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (limits_is_shared(at->spec))
		return HV_OK;
	free_bytes = free_bytes > growth ? free_bytes - growth : 0;
	free_bytes = guest_round_down(at->spec, free_bytes);
	if (limits_round_up(at->spec->mem_bytes, at->use.lmb_bytes) <= free_bytes) {
		at->granted_bytes = at->spec->mem_bytes;
		return HV_OK;
	}
	if (free_bytes < at->spec->min_bytes)
		return hv_fail(
			err, HV_E_LIMIT,
			"LPAR '%s' needs at least %s, and host '%s' has %s free (%llu "
			"LMB); shut down an LPAR or make the pool smaller",
			at->spec->name, hv_size_format(at->spec->min_bytes, a, sizeof(a)),
			at->host->name, hv_size_format(free_bytes, b, sizeof(b)),
			(unsigned long long)(at->use.lmb_bytes == 0
						     ? 0
						     : free_bytes / at->use.lmb_bytes));
	at->granted_bytes = free_bytes;
	return HV_OK;
}

static enum hv_code need_machine(struct activation *at, struct hv_err *err)
{
	struct machine_need need = { .starts = at->spec };

	need.more_bytes = limits_round_up(at->granted_bytes, at->use.lmb_bytes);
	if (machine_check(&at->use, at->host, &need, err) == HV_OK)
		return HV_OK;
	return hv_wrap(err, "LPAR '%s'", at->spec->name);
}

static enum hv_code need_pool(struct activation *at, struct hv_err *err)
{
	if (!limits_is_shared(at->spec) || limits_has_pool(at->host))
		return HV_OK;
	return hv_fail(err, HV_E_STATE,
		       "LPAR '%s': host '%s' has no shared memory pool; make one with "
		       "'tarn pool create'",
		       at->spec->name, at->host->name);
}

static enum hv_code need_place(struct activation *at, struct hv_err *err)
{
	if (!limits_is_shared(at->spec) || at->use.shared < LIMITS_SHARED_MAX)
		return HV_OK;
	return hv_fail(err, HV_E_LIMIT,
		       "LPAR '%s': the pool of host '%s' has %u running LPARs, the most "
		       "it may have; shut one down first",
		       at->spec->name, at->host->name, at->use.shared);
}

static enum hv_code need_entitlement(struct activation *at, struct hv_err *err)
{
	uint64_t entitled = limits_entitled(at->spec);
	uint64_t promise = limits_promise(at->use.pool_bytes);
	uint64_t left = promise > at->use.guaranteed_bytes
				? promise - at->use.guaranteed_bytes
				: 0;
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (!limits_is_shared(at->spec) || !limits_has_pool(at->host) || entitled <= left)
		return HV_OK;
	return hv_fail(err, HV_E_LIMIT,
		       "LPAR '%s': entitled memory of %s does not fit the pool of host "
		       "'%s', which has %s left to promise; make the pool larger or shut "
		       "down an LPAR",
		       at->spec->name, hv_size_format(entitled, a, sizeof(a)),
		       at->host->name, hv_size_format(left, b, sizeof(b)));
}

static enum hv_code need_logical(struct activation *at, struct hv_err *err)
{
	uint64_t logical_max = limits_logical_max(&at->use);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (!limits_is_shared(at->spec) || !limits_has_pool(at->host) ||
	    at->use.working_bytes + at->spec->mem_bytes <= logical_max)
		return HV_OK;
	return hv_fail(err, HV_E_LIMIT,
		       "LPAR '%s': memory of %s makes the working sets of host '%s' more "
		       "than %u "
		       "times its pool (%s); make the pool larger or shut down an LPAR",
		       at->spec->name, hv_size_format(at->spec->mem_bytes, a, sizeof(a)),
		       at->host->name, LIMITS_OVERCOMMIT,
		       hv_size_format(logical_max, b, sizeof(b)));
}

static enum hv_code need_vios(struct activation *at, struct hv_err *err)
{
	unsigned serving = limits_vios_serving(at->plan->cluster, at->host);

	if (!limits_is_shared(at->spec))
		return HV_OK;
	if (limits_needs_pair(at->spec) && serving < 2)
		return hv_fail(
			err, HV_E_STATE,
			"LPAR '%s' needs a redundant pair of paging VIOS, and host "
			"'%s' has %u that serve%s; see 'tarn vios list'",
			at->spec->name, at->host->name, serving, serving == 1 ? "s" : "");
	if (serving == 0)
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s': no paging VIOS of host '%s' serves; see 'tarn "
			       "vios list'",
			       at->spec->name, at->host->name);
	return HV_OK;
}

/* That its profile names; NULL: none. */
static const char *named_primary(const struct activation *at)
{
	const Tarn__LparProfile *profile = at->with.profile;

	return profile == NULL
		       ? NULL
		       : hv_lpar_profile_value(profile, "primary_paging_vios_name");
}

static enum backing_reach alone_of(const struct activation *at)
{
	static const enum backing_reach reaches[] = { BACKING_FIRST, BACKING_SECOND,
						      BACKING_SHARED };
	const char *named = named_primary(at);

	return named == NULL ? BACKING_SHARED
			     : reaches[limits_vios_place(at->host, named)];
}

static const char *most(uint64_t bytes, char text[SIZE_TEXT])
{
	return bytes == 0 ? "nothing" : hv_size_format(bytes, text, SIZE_TEXT);
}

static enum hv_code tell_no_mirror(const struct activation *at,
				   const struct backing_room *room, struct hv_err *err)
{
	char a[SIZE_TEXT], b[SIZE_TEXT], c[SIZE_TEXT];

	if (at->host->n_vios < HV_HOST_VIOS_MAX)
		return hv_fail(err, HV_E_NOSPC,
			       "LPAR '%s' needs two free paging devices, one behind each "
			       "VIOS, and the pool of host '%s' has not two; see 'tarn "
			       "pool assign'",
			       at->spec->name, at->host->name);
	return hv_fail(err, HV_E_NOSPC,
		       "LPAR '%s' needs two free paging devices of at least %s, one "
		       "behind each VIOS, and those of host '%s' hold %s behind '%s' and "
		       "%s behind '%s'; add one with 'tarn pgdev add --vios'",
		       at->spec->name, hv_size_format(at->spec->max_bytes, a, sizeof(a)),
		       at->host->name, most(room->first, b), at->host->vios[0]->name,
		       most(room->second, c), at->host->vios[1]->name);
}

static enum hv_code tell_no_device(const struct activation *at,
				   const struct backing_room *room, struct hv_err *err)
{
	bool needs_pair = limits_needs_pair(at->spec);
	const char *redundant = needs_pair ? "redundant " : "";
	uint64_t largest = needs_pair ? room->redundant : room->one;
	char a[SIZE_TEXT], b[SIZE_TEXT];

	hv_size_format(at->spec->max_bytes, a, sizeof(a));
	hv_size_format(largest, b, sizeof(b));
	if (largest == 0)
		return hv_fail(
			err, HV_E_NOSPC,
			"LPAR '%s' needs a free %spaging device of at least %s, and "
			"host '%s' has none free; add one with 'tarn pgdev add'",
			at->spec->name, redundant, a, at->host->name);
	return hv_fail(err, HV_E_NOSPC,
		       "LPAR '%s' needs a free %spaging device of at least %s, and the "
		       "largest of host '%s' holds %s; add one with 'tarn pgdev add'",
		       at->spec->name, redundant, a, at->host->name, b);
}

static enum hv_code need_device(struct activation *at, struct hv_err *err)
{
	struct backing_need need = { .bytes = at->spec->max_bytes,
				     .redundancy = at->spec->redundancy,
				     .alone = alone_of(at) };
	struct backing_room room;

	if (!limits_is_shared(at->spec) ||
	    backing_find(at->plan->cluster, at->host, &need, &at->found, &room))
		return HV_OK;
	return limits_needs_mirror(at->spec) ? tell_no_mirror(at, &room, err)
					     : tell_no_device(at, &room, err);
}

/* A profile that says nothing of processors says nothing against it. */
static enum hv_code need_shared_processors(struct activation *at, struct hv_err *err)
{
	const Tarn__LparProfile *profile = at->with.profile;

	for (size_t i = 0; profile != NULL && i < profile->n_attributes; i++)
		if (limits_is_shared(at->spec) &&
		    strcmp(profile->attributes[i]->name, "proc_mode") == 0 &&
		    strcmp(profile->attributes[i]->value, "shared") != 0)
			return hv_fail(err, HV_E_REFUSED,
				       "LPAR '%s' has shared memory and needs shared "
				       "processors; set proc_mode=shared in its profile",
				       at->spec->name);
	return HV_OK;
}

static enum hv_code need_processors(struct activation *at, struct hv_err *err)
{
	return profile_grant_processors(at->plan->cluster, at->host, &at->with, err);
}

/* In the order in which a person would mend them. */
static enum hv_code (*const conditions[])(struct activation *at, struct hv_err *err) = {
	need_off,      need_connected,  need_alone,       need_shared_processors,
	need_firmware, need_memory,     need_machine,     need_pool,
	need_vios,     need_place,      need_entitlement, need_logical,
	need_device,   need_processors,
};

/* Running LPARs of the host that have it as their primary. */
static unsigned primary_of(const struct activation *at, const char *vios)
{
	const struct cluster *cluster = at->plan->cluster;
	unsigned count = 0;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		count += strcmp(lpar->host, at->host->name) == 0 &&
			 limits_is_active(lpar) && limits_is_shared(lpar->spec) &&
			 lpar->primary != NULL && strcmp(lpar->primary, vios) == 0;
	}
	return count;
}

/* Pages come quicker from a disk of this host than from another one's. */
static bool is_better(const struct activation *at, const Tarn__DesiredVios *vios,
		      const Tarn__DesiredVios *than)
{
	if ((vios->remote_host != NULL) != (than->remote_host != NULL))
		return vios->remote_host == NULL;
	return primary_of(at, vios->name) < primary_of(at, than->name);
}

/*
 * That its only device is behind, else that its profile names, else one with devices of
 * this host, else the one that is primary of fewer; NULL: none is enabled.
 */
static const char *choose_primary(const struct activation *at)
{
	const char *named = named_primary(at);
	const Tarn__DesiredVios *best = NULL;

	if (at->found.mirror == NULL && at->found.device->device->vios != NULL)
		return at->found.device->device->vios;
	for (size_t i = 0; i < at->host->n_vios; i++) {
		const Tarn__DesiredVios *vios = at->host->vios[i];

		if (!vios->enabled)
			continue;
		if (named != NULL && strcmp(named, vios->name) == 0)
			return vios->name;
		if (best == NULL || is_better(at, vios, best))
			best = vios;
	}
	return best != NULL ? best->name : NULL;
}

static void edit_owner(struct plan *plan, const struct activation *at,
		       const Tarn__DeviceRecord *device)
{
	Tarn__DeviceRecord *edit = draft_edit_device(&plan->draft, device->host,
						     device->device->name);

	if (edit != NULL)
		draft_set_text(&plan->draft, &edit->lpar, "%s", at->spec->name);
}

/* `device` is the one behind its primary, `mirror` the other. */
static void edit_backing(struct plan *plan, const struct activation *at,
			 Tarn__LparRecord *edit)
{
	const char *primary = choose_primary(at);
	const Tarn__DeviceRecord *device = at->found.device, *mirror = at->found.mirror;

	if (mirror != NULL && primary != NULL &&
	    strcmp(mirror->device->vios, primary) == 0) {
		device = at->found.mirror;
		mirror = at->found.device;
	}
	draft_set_text(&plan->draft, &edit->device, "%s", device->device->name);
	edit_owner(plan, at, device);
	if (primary != NULL)
		draft_set_text(&plan->draft, &edit->primary, "%s", primary);
	if (mirror == NULL)
		return;
	draft_set_text(&plan->draft, &edit->mirror, "%s", mirror->device->name);
	edit_owner(plan, at, mirror);
}

static void edit_started(struct plan *plan, const struct activation *at)
{
	const Tarn__LparRecord *lpar = at->lpar;
	Tarn__LparRecord *edit = draft_edit_lpar(&plan->draft, lpar->spec->name);

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
	edit->has_granted_bytes = at->granted_bytes != 0;
	edit->granted_bytes = at->granted_bytes;
	edit->has_retained_bytes = 0;
	edit->retained_bytes = 0;
	if (at->found.device != NULL)
		edit_backing(plan, at, edit);
}

static enum hv_code look(const struct plan *plan, const Tarn__LparActivate *request,
			 struct activation *ret_at, struct hv_err *err)
{
	const Tarn__LparRecord *lpar = cluster_lpar(plan->cluster, request->name);
	const Tarn__HostRecord *host;
	enum hv_code code;

	if (lpar == NULL)
		return hv_fail(err, HV_E_NOTFOUND,
			       "LPAR '%s' is not known; make it with 'tarn lpar create'",
			       request->name);
	code = plan_need_host(plan, lpar->host, &host, err);
	if (code != HV_OK)
		return code;
	*ret_at = (struct activation){
		.plan = plan,
		.lpar = lpar,
		.host = host,
		.use = limits_use(plan->cluster, host, LIMITS_RUNNING),
	};
	ret_at->spec = &ret_at->with.spec;
	return profile_use_find(lpar, request->profile, &ret_at->with, err);
}

static bool add_condition(Tarn__PlacementReply *reply, const char *host, const char *text)
{
	Tarn__PlacementReason *reason = malloc(sizeof(*reason));

	if (reason == NULL)
		return false;
	tarn__placement_reason__init(reason);
	reply->reasons[reply->n_reasons++] = reason;
	reason->fits = false;
	reason->host = strdup(host);
	reason->text = strdup(text);
	return reason->host != NULL && reason->text != NULL;
}

static enum hv_code no_memory_to_tell(Tarn__PlacementReply *reply, struct hv_err *err)
{
	if (reply != NULL)
		tarn__placement_reply__free_unpacked(reply, NULL);
	return hv_fail(err, HV_E_NOMEM, "no memory to list what is not met");
}

/* Every condition that is not met, not only the first. */
static enum hv_code tell_conditions(struct plan *plan, struct activation *at,
				    struct hv_err *err)
{
	Tarn__PlacementReply *reply = malloc(sizeof(*reply));
	char text[128];

	if (reply == NULL)
		return no_memory_to_tell(NULL, err);
	tarn__placement_reply__init(reply);
	reply->text = NULL;
	reply->reasons = calloc(HV_COUNT(conditions), sizeof(*reply->reasons));
	if (reply->reasons == NULL)
		return no_memory_to_tell(reply, err);
	for (unsigned i = 0; i < HV_COUNT(conditions); i++) {
		struct hv_err unmet = { 0 };

		if (conditions[i](at, &unmet) != HV_OK &&
		    !add_condition(reply, at->host->name, hv_err_text(&unmet)))
			return no_memory_to_tell(reply, err);
	}
	(void)snprintf(text, sizeof(text), "%zu of %zu conditions are not met",
		       reply->n_reasons, HV_COUNT(conditions));
	reply->text = strdup(text);
	if (reply->n_reasons == 0)
		reply->host = strdup(at->host->name);
	if (reply->text == NULL || (reply->n_reasons == 0 && reply->host == NULL))
		return no_memory_to_tell(reply, err);
	plan->placement = reply;
	return HV_OK;
}

enum hv_code plan_lpar_activate(struct plan *plan, const Tarn__LparActivate *request,
				struct hv_err *err)
{
	struct activation at;
	struct job_plan job;
	enum hv_code code = look(plan, request, &at, err);

	if (code == HV_OK && request->dry_run)
		return tell_conditions(plan, &at, err);
	for (unsigned i = 0; i < HV_COUNT(conditions) && code == HV_OK; i++)
		code = conditions[i](&at, err);
	if (code != HV_OK)
		return code;
	job = (struct job_plan){ TARN__JOB_KIND__JOB_LPAR, at.lpar->host, at.spec->name };
	plan->job = draft_add_job(&plan->draft, &job, "activate lpar '%s'",
				  at.spec->name);
	memory_make_available(&plan->draft, at.lpar->host, at.spec->name,
			      limits_round_up(at.granted_bytes, at.use.lmb_bytes) +
				      limits_activation_growth(&at.use, at.spec));
	edit_started(plan, &at);
	profile_use_edit(&plan->draft, &at.with);
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
