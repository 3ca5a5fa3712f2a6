/*
 * plan_keep - memory that an LPAR that is off keeps (SPEC D1), changed by hand; see
 * plan_resize.h.
 *
 * How much may be anything up to its maximum: the next activation evens it out.
 */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/memory.h"
#include "coordinator/cluster/plan_resize.h"

#define SIZE_TEXT 32

static enum hv_code check_kind(const Tarn__LparRecord *lpar, struct hv_err *err)
{
	if (limits_is_shared(lpar->spec))
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s' has shared memory, of which it keeps nothing "
			       "while it is off",
			       lpar->spec->name);
	if (limits_is_active(lpar))
		return hv_fail(err, HV_E_STATE,
			       "LPAR '%s' is not off; what a running one has is changed "
			       "with 'tarn lpar resize'",
			       lpar->spec->name);
	return HV_OK;
}

static enum hv_code check_size(const struct plan_resize *change, struct hv_err *err)
{
	const Tarn__LparSpec *spec = &change->use.spec;
	uint64_t block = change->host->lmb_bytes;
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (block == 0 || change->after % block != 0)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': memory of %s is not whole memory blocks of "
			       "host '%s' (%s)",
			       spec->name, hv_size_format(change->after, a, sizeof(a)),
			       change->host->name, hv_size_format(block, b, sizeof(b)));
	if (change->after > limits_round_up(spec->max_bytes, block))
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': memory of %s is more than its maximum %s",
			       spec->name, hv_size_format(change->after, a, sizeof(a)),
			       hv_size_format(spec->max_bytes, b, sizeof(b)));
	return HV_OK;
}

/* What others keep is free for it, as for an activation. */
static enum hv_code check_room(const struct plan *plan, const struct plan_resize *change,
			       struct hv_err *err)
{
	struct host_use use = limits_use(plan->cluster, change->host, LIMITS_RUNNING);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (change->after <= limits_free_bytes(&use))
		return HV_OK;
	return hv_fail(err, HV_E_LIMIT,
		       "LPAR '%s' cannot keep %s: host '%s' has %s that no running LPAR "
		       "uses; shut one down, or make the pool smaller",
		       change->lpar->spec->name,
		       hv_size_format(change->after, a, sizeof(a)), change->host->name,
		       hv_size_format(limits_free_bytes(&use), b, sizeof(b)));
}

static void edit(struct plan *plan, const struct plan_resize *change)
{
	const char *name = change->lpar->spec->name;
	Tarn__LparRecord *lpar = draft_edit_lpar(&plan->draft, name);
	char text[SIZE_TEXT];

	if (lpar == NULL)
		return; /* draft_finish() says no memory */
	lpar->has_retained_bytes = change->after != 0;
	lpar->retained_bytes = change->after;
	hv_size_format(change->after, text, sizeof(text));
	draft_name(&plan->draft, "lpar '%s' keeps %s", name, text);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, change->host->name,
			"lpar.memory_kept", "LPAR '%s' is off and keeps %s of memory",
			name, text);
}

enum hv_code plan_resize_keep(struct plan *plan, const Tarn__LparResize *request,
			      struct plan_resize *change, struct hv_err *err)
{
	const char *name = change->lpar->spec->name;
	char text[SIZE_TEXT];
	enum hv_code code = check_kind(change->lpar, err);

	change->before = change->lpar->retained_bytes;
	if (code == HV_OK)
		code = plan_resize_find_after(request, change, err);
	if (code == HV_OK && request->has_remove_bytes &&
	    request->remove_bytes > change->before)
		code = hv_fail(err, HV_E_INVAL, "LPAR '%s' is off and keeps only %s",
			       name, hv_size_format(change->before, text, sizeof(text)));
	if (code == HV_OK && change->after == change->before)
		code = hv_fail(err, HV_E_STATE, "LPAR '%s' is off and keeps %s already",
			       name, hv_size_format(change->before, text, sizeof(text)));
	if (code == HV_OK)
		code = check_size(change, err);
	if (code == HV_OK && change->after > change->before)
		code = check_room(plan, change, err);
	if (code != HV_OK)
		return code;
	if (change->after > change->before)
		memory_make_available(&plan->draft, change->host->name, name,
				      change->after);
	edit(plan, change);
	return HV_OK;
}
