/*
 * plan_share - a shared LPAR's weight and entitled memory are changed; see plan.h.
 *
 * Of one that runs at once: its host takes them with its next desired state, and there
 * is nothing to wait for. The guarantee is checked here against the whole pool, so that
 * what is promised can be kept; of one that is off activation looks.
 */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/plan.h"
#include "coordinator/cluster/profile.h"
#include "hvcore/wire/lpar_adapters.h"

#define SIZE_TEXT 32

struct change {
	const Tarn__LparRecord *lpar;
	const Tarn__HostRecord *host;
	struct profile_use use; /* off: what its next activation begins with */
	Tarn__LparSpec now;     /* as it will be */
};

static enum hv_code find(const struct plan *plan, const char *name,
			 struct change *ret_change, struct hv_err *err)
{
	const Tarn__LparRecord *lpar = cluster_lpar(plan->cluster, name);

	if (lpar == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "LPAR '%s' is not known", name);
	if (limits_is_active(lpar) && !lpar->running)
		return hv_fail(err, HV_E_BUSY, "LPAR '%s' is being shut down", name);
	*ret_change = (struct change){ .lpar = lpar, .now = *lpar->spec };
	if (!limits_is_active(lpar)) {
		enum hv_code code = profile_use_find(lpar, NULL, &ret_change->use, err);

		if (code != HV_OK)
			return code;
		ret_change->now = ret_change->use.spec;
	}
	if (!limits_is_shared(&ret_change->now))
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s' has dedicated memory; only shared ones have a "
			       "weight and entitled memory",
			       name);
	return plan_need_host(plan, lpar->host, &ret_change->host, err);
}

static enum hv_code take_numbers(struct change *change,
				 const Tarn__LparSetMemory *request, struct hv_err *err)
{
	Tarn__LparSpec *now = &change->now;

	if (!request->has_weight && !request->has_entitled_bytes)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': a weight or entitled memory is needed",
			       now->name);
	if (request->has_weight) {
		now->has_weight = 1;
		now->weight = request->weight;
	}
	if (request->has_entitled_bytes && request->entitled_bytes > HV_LPAR_BYTES_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "LPAR '%s': entitled memory is over the limit of 1 TiB",
			       now->name);
	if (!request->has_entitled_bytes)
		return HV_OK;
	now->has_entitled_bytes = 1;
	now->entitled_bytes = request->entitled_bytes;
	now->has_entitled_auto = 1;
	now->entitled_auto = request->entitled_bytes == 0;
	hv_lpar_entitle(now);
	return HV_OK;
}

/* What it may be left with: a change of its memory may be carried out in part. */
static uint64_t least_memory(const struct change *change)
{
	const Tarn__LparRecord *lpar = change->lpar;
	uint64_t memory = change->now.mem_bytes;

	if (lpar->resize != NULL && lpar->resize->mem_bytes < memory)
		memory = lpar->resize->mem_bytes;
	if (lpar->has_resize_before && lpar->resize_before < memory)
		memory = lpar->resize_before;
	return memory;
}

static enum hv_code check_size(const struct change *change,
			       const Tarn__LparSetMemory *request, struct hv_err *err)
{
	const Tarn__LparRecord *lpar = change->lpar;
	uint64_t memory = least_memory(change);
	uint64_t asked = request->entitled_bytes;
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (request->has_entitled_bytes && asked != 0 && asked < HV_LPAR_ENTITLED_LEAST)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': entitled memory of %s is less than what its "
			       "adapters need, %s",
			       lpar->spec->name, hv_size_format(asked, a, sizeof(a)),
			       hv_size_format(HV_LPAR_ENTITLED_LEAST, b, sizeof(b)));
	if (request->has_entitled_bytes && asked > memory)
		return hv_fail(
			err, HV_E_INVAL,
			"LPAR '%s': entitled memory of %s is more than its memory, "
			"%s",
			lpar->spec->name, hv_size_format(asked, a, sizeof(a)),
			hv_size_format(memory, b, sizeof(b)));
	return hv_lpar_spec_check(&change->now, err);
}

/* As reported: its hypervisor, which knows better, refuses the rest. */
static enum hv_code check_mapped(const struct plan *plan, const struct change *change,
				 struct hv_err *err)
{
	const Tarn__LparRecord *lpar = change->lpar;
	const Tarn__PartitionStat *stat = live_partition(
		cluster_live(plan->cluster, lpar->host), lpar->spec->name, lpar->run_id);
	uint64_t after = limits_entitled(&change->now);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (!lpar->running || stat == NULL || after >= limits_entitled(lpar->spec) ||
	    after >= stat->io_mapped_bytes)
		return HV_OK;
	return hv_fail(err, HV_E_LIMIT,
		       "LPAR '%s': entitled memory of %s is less than what is mapped for "
		       "its I/O now, %s; try again when it does less",
		       lpar->spec->name, hv_size_format(after, a, sizeof(a)),
		       hv_size_format(stat->io_mapped_bytes, b, sizeof(b)));
}

enum hv_code plan_need_promise(const struct plan *plan, const Tarn__LparRecord *lpar,
			       const Tarn__LparSpec *now, struct hv_err *err)
{
	const Tarn__HostRecord *host = cluster_host(plan->cluster, lpar->host);
	struct host_use use = limits_use(plan->cluster, host, LIMITS_RUNNING);
	uint64_t before = limits_guaranteed(plan->cluster, lpar);
	uint64_t after = limits_entitled(now);
	uint64_t others = use.guaranteed_bytes - before;
	uint64_t promise = limits_promise(use.pool_bytes);
	uint64_t left = promise > others ? promise - others : 0;
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (after <= before || after <= left)
		return HV_OK;
	return hv_fail(err, HV_E_LIMIT,
		       "LPAR '%s': entitled memory of %s does not fit the pool of host "
		       "'%s', which has %s for it; make the pool larger, or shut down an "
		       "LPAR",
		       now->name, hv_size_format(after, a, sizeof(a)), host->name,
		       hv_size_format(left, b, sizeof(b)));
}

static void put(struct plan *plan, const struct change *change)
{
	const Tarn__LparSpec *now = &change->now;
	Tarn__LparRecord *edit = draft_edit_lpar(&plan->draft, now->name);
	char size[SIZE_TEXT];

	if (edit == NULL)
		return; /* draft_finish() says no memory */
	if (!limits_is_active(change->lpar))
		profile_use_edit(&plan->draft, &change->use);
	edit->spec->has_weight = now->has_weight;
	edit->spec->weight = now->weight;
	edit->spec->has_entitled_bytes = now->has_entitled_bytes;
	edit->spec->entitled_bytes = now->entitled_bytes;
	edit->spec->has_entitled_auto = now->has_entitled_auto;
	edit->spec->entitled_auto = now->entitled_auto;
	draft_name(&plan->draft, "share of lpar '%s'", now->name);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, change->lpar->host,
			"lpar.share", "LPAR '%s' has weight %u and %s of entitled memory",
			now->name, now->weight,
			hv_size_format(limits_entitled(now), size, sizeof(size)));
}

enum hv_code plan_lpar_set_memory(struct plan *plan, const Tarn__LparSetMemory *request,
				  struct hv_err *err)
{
	struct change change;
	enum hv_code code = find(plan, request->name, &change, err);

	if (code == HV_OK)
		code = take_numbers(&change, request, err);
	if (code == HV_OK)
		code = check_size(&change, request, err);
	if (code == HV_OK)
		code = check_mapped(plan, &change, err);
	if (code == HV_OK && limits_is_active(change.lpar))
		code = plan_need_promise(plan, change.lpar, &change.now, err);
	if (code == HV_OK)
		put(plan, &change);
	return code;
}
