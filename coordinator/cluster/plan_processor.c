/*
 * plan_processor - processors of a running LPAR are changed; see plan.h. At once: its
 * host takes them with its next desired state, and there is nothing to wait for.
 */
#include "coordinator/cluster/guest.h"
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/plan.h"
#include "coordinator/cluster/profile.h"

#include <stdlib.h>

#define UNITS_MAX (256 * HV_PROCESSOR_UNITS) /* as of a profile */
#define PROCS_MAX 256
#define UNITS_PER_PROC_MIN 5 /* 0.05 of a processor to each virtual one */
#define WEIGHT_ABSENT 128

struct change {
	const Tarn__LparRecord *lpar;
	const Tarn__HostRecord *host;
	Tarn__Processors now; /* as it will be */
	uint32_t before;      /* units */
};

static double whole(uint64_t units)
{
	return (double)units / HV_PROCESSOR_UNITS;
}

static enum hv_code find(const struct plan *plan, const char *name,
			 struct change *ret_change, struct hv_err *err)
{
	const Tarn__LparRecord *lpar = cluster_lpar(plan->cluster, name);

	if (lpar == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "LPAR '%s' is not known", name);
	if (!limits_is_active(lpar))
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s' does not run; change its profile instead",
			       name);
	if (!lpar->running)
		return hv_fail(err, HV_E_BUSY, "LPAR '%s' is being shut down", name);
	*ret_change = (struct change){ .lpar = lpar };
	if (lpar->processors != NULL) {
		ret_change->now = *lpar->processors;
		ret_change->before = lpar->processors->units;
	} else { /* nobody said anything of them yet */
		tarn__processors__init(&ret_change->now);
		ret_change->now.shared = true;
		ret_change->now.uncapped = ret_change->now.has_uncapped = true;
		ret_change->now.has_weight = true;
		ret_change->now.weight = WEIGHT_ABSENT;
	}
	return plan_need_host(plan, lpar->host, &ret_change->host, err);
}

/* From a number, or from how much more or less; false: both, or below nothing. */
static bool take(uint32_t *value, const bool has[2], uint32_t to, int64_t more)
{
	int64_t sum = (int64_t)*value + more;

	if (has[0] && has[1])
		return false;
	if (has[0])
		*value = to;
	if (!has[1])
		return true;
	if (sum < 0 || sum > UINT32_MAX)
		return false;
	*value = (uint32_t)sum;
	return true;
}

static enum hv_code take_numbers(struct change *change,
				 const Tarn__LparSetProcessors *request,
				 struct hv_err *err)
{
	Tarn__Processors *now = &change->now;
	const char *name = change->lpar->spec->name;
	const bool units[2] = { request->has_units, request->has_more_units };
	const bool procs[2] = { request->has_procs, request->has_more_procs };

	if (!now->shared &&
	    (units[0] || units[1] || request->has_uncapped || request->has_weight))
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s' has whole processors of its own; only their "
			       "number can be changed",
			       name);
	if (!take(&now->units, units, request->units, request->more_units) ||
	    !take(&now->procs, procs, request->procs, request->more_procs))
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': that is no number of processors", name);
	if (!now->shared && now->procs <= PROCS_MAX)
		now->units = now->procs * HV_PROCESSOR_UNITS;
	if (request->has_uncapped) {
		now->has_uncapped = true;
		now->uncapped = request->uncapped;
	}
	if (request->has_weight) {
		now->has_weight = true;
		now->weight = request->weight;
	}
	if (now->procs == 0) /* made without a profile */
		now->procs = (now->units + HV_PROCESSOR_UNITS - 1) / HV_PROCESSOR_UNITS;
	return HV_OK;
}

static enum hv_code check_bounds(const struct change *change, struct hv_err *err)
{
	const Tarn__Processors *now = &change->now;
	const char *name = change->lpar->spec->name;
	uint32_t max_units = now->has_max_units ? now->max_units : UNITS_MAX;
	uint32_t max_procs = now->max_procs != 0 ? now->max_procs : PROCS_MAX;
	uint32_t min_procs = now->min_procs != 0 ? now->min_procs : 1;

	if (now->shared && (now->units < now->min_units || now->units > max_units))
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': %.2f processing units are not between its "
			       "minimum %.2f and its maximum %.2f",
			       name, whole(now->units), whole(now->min_units),
			       whole(max_units));
	if (now->procs < min_procs || now->procs > max_procs)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': %u processors are not between its minimum %u "
			       "and its maximum %u",
			       name, now->procs, min_procs, max_procs);
	if (now->units > now->procs * HV_PROCESSOR_UNITS ||
	    now->units < now->procs * UNITS_PER_PROC_MIN)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': %.2f processing units are not between 0.05 "
			       "and 1.00 for each of its %u virtual processors",
			       name, whole(now->units), now->procs);
	if (now->weight > HV_WEIGHT_MAX)
		return hv_fail(err, HV_E_INVAL, "LPAR '%s': weight %u is not 0 to %d",
			       name, now->weight, HV_WEIGHT_MAX);
	return HV_OK;
}

/* Of the platform that the host is: one without a profile counts none. */
static enum hv_code check_free(const struct plan *plan, const struct change *change,
			       struct hv_err *err)
{
	uint64_t all, taken, more = change->now.units;

	if (change->host->profile == NULL || change->now.units <= change->before)
		return HV_OK;
	all = (uint64_t)change->host->profile->processors * HV_PROCESSOR_UNITS;
	taken = profile_granted(plan->cluster, change->host->name) -
		change->lpar->granted_processors;
	if (taken + more <= all)
		return HV_OK;
	return hv_fail(
		err, HV_E_LIMIT,
		"LPAR '%s': %.2f more processors are needed, and host '%s' has "
		"%.2f of %u free; take them from another LPAR, or shut one down",
		change->lpar->spec->name, whole(more - change->before),
		change->host->name,
		whole(all > taken + change->before ? all - taken - change->before : 0),
		change->host->profile->processors);
}

static void put(struct plan *plan, const struct change *change)
{
	Tarn__LparRecord *edit = draft_edit_lpar(&plan->draft, change->lpar->spec->name);
	const Tarn__Processors *now = &change->now;

	if (edit == NULL)
		return; /* draft_finish() says no memory */
	profile_set_processors(&plan->draft, edit, now);
	edit->has_granted_processors = change->host->profile != NULL;
	edit->granted_processors = edit->has_granted_processors ? now->units : 0;
	draft_name(&plan->draft, "processors of lpar '%s'", edit->spec->name);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, change->lpar->host,
			"lpar.processors",
			"LPAR '%s' has %.2f processors now, %u virtual, %s, weight %u",
			change->lpar->spec->name, whole(now->units), now->procs,
			!now->shared    ? "dedicated"
			: now->uncapped ? "uncapped"
					: "capped",
			now->weight);
}

enum hv_code plan_lpar_set_processors(struct plan *plan,
				      const Tarn__LparSetProcessors *request,
				      struct hv_err *err)
{
	struct change change;
	enum hv_code code = find(plan, request->name, &change, err);

	if (code == HV_OK)
		code = guest_check_processors(change.lpar, request, err);
	if (code == HV_OK)
		code = take_numbers(&change, request, err);
	if (code == HV_OK)
		code = check_bounds(&change, err);
	if (code == HV_OK)
		code = check_free(plan, &change, err);
	if (code == HV_OK)
		put(plan, &change);
	return code;
}
