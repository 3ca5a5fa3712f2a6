/*
 * plan_profile - LPARs are renamed and set, their profiles made, changed and removed;
 * see plan.h. Nothing here touches a run: it counts from the next activation on.
 */
#include "coordinator/cluster/guest.h"
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/plan.h"
#include "coordinator/cluster/profile.h"

#include <stdlib.h>
#include <string.h>

static enum hv_code need_lpar(const struct plan *plan, const char *name,
			      const Tarn__LparRecord **ret_lpar, struct hv_err *err)
{
	*ret_lpar = cluster_lpar(plan->cluster, name);
	if (*ret_lpar == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "LPAR '%s' is not known", name);
	return HV_OK;
}

static enum hv_code need_profile(const Tarn__LparRecord *lpar, const char *name,
				 struct hv_err *err)
{
	if (name != NULL && profile_find(lpar, name) == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "LPAR '%s' has no profile '%s'",
			       lpar->spec->name, name);
	return HV_OK;
}

/* NULL: every disk has a path of its own. */
static const Tarn__VirtualDisk *kept_disk(size_t count, Tarn__VirtualDisk *const *disks)
{
	for (size_t i = 0; i < count; i++)
		if (disks[i]->path == NULL)
			return disks[i];
	return NULL;
}

/* Those of other profiles lie there from their last run on. */
static const Tarn__VirtualDisk *any_kept_disk(const Tarn__LparRecord *lpar)
{
	const Tarn__VirtualDisk *disk = kept_disk(lpar->spec->n_disks, lpar->spec->disks);

	for (size_t i = 0; i < lpar->n_profiles && disk == NULL; i++)
		disk = kept_disk(lpar->profiles[i]->n_disks, lpar->profiles[i]->disks);
	return disk;
}

static enum hv_code check_rename(const struct plan *plan, const Tarn__LparRecord *lpar,
				 const char *name, struct hv_err *err)
{
	const Tarn__LparRecord *other = cluster_lpar(plan->cluster, name);
	const Tarn__VirtualDisk *disk = any_kept_disk(lpar);

	if (other != NULL && other != lpar)
		return hv_fail(err, HV_E_EXISTS,
			       "LPAR '%s' exists already on host '%s'; choose another "
			       "name",
			       name, other->host);
	if (disk != NULL && other != lpar)
		return hv_fail(err, HV_E_REFUSED,
			       "LPAR '%s' has a disk in slot %u that host '%s' keeps "
			       "under its name; it cannot be renamed",
			       lpar->spec->name, disk->slot, lpar->host);
	return HV_OK;
}

/* What is set now, and what stays; false: no memory. The strings are lent. */
static bool merge_attributes(Tarn__LparRecord *lpar, const Tarn__LparChange *request)
{
	size_t count = request->n_attributes;
	Tarn__LparAttribute **merged = calloc(lpar->n_attributes + count + 1,
					      sizeof(Tarn__LparAttribute *));

	if (merged == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		merged[i] = request->attributes[i];
	for (size_t i = 0; i < lpar->n_attributes; i++) {
		size_t at = 0;

		while (at < request->n_attributes &&
		       strcmp(request->attributes[at]->name, lpar->attributes[i]->name) !=
			       0)
			at++;
		if (at == request->n_attributes)
			merged[count++] = lpar->attributes[i];
	}
	lpar->attributes = merged;
	lpar->n_attributes = count;
	return true;
}

static void put_changed(struct plan *plan, const Tarn__LparRecord *lpar,
			const Tarn__LparChange *request, const struct profile_use *use)
{
	Tarn__LparRecord now = *lpar;
	Tarn__LparSpec spec = use != NULL ? use->spec : *lpar->spec;
	bool is_renamed = request->new_name != NULL &&
			  strcmp(request->new_name, spec.name) != 0;

	if (is_renamed)
		spec.name = request->new_name;
	now.spec = &spec;
	if (request->default_profile != NULL)
		now.default_profile = request->default_profile;
	if (use != NULL)
		now.curr_profile = use->profile->name;
	if (!merge_attributes(&now, request)) {
		draft_put(&plan->draft, RECORD_LPAR, NULL);
		return;
	}
	draft_put(&plan->draft, RECORD_LPAR, record_copy(&now.base));
	free(now.attributes);
	draft_name(&plan->draft, "change lpar '%s'", lpar->spec->name);
	if (!is_renamed)
		return;
	draft_remove(&plan->draft, RECORD_LPAR, record_key_name(lpar->spec->name));
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, lpar->host,
			"lpar.renamed", "LPAR '%s' is '%s' now", lpar->spec->name,
			spec.name);
}

enum hv_code plan_lpar_change(struct plan *plan, const Tarn__LparChange *request,
			      struct hv_err *err)
{
	const Tarn__LparRecord *lpar;
	struct profile_use use;
	enum hv_code code = need_lpar(plan, request->name, &lpar, err);

	if (code == HV_OK)
		code = need_profile(lpar, request->default_profile, err);
	if (code == HV_OK && limits_is_active(lpar) &&
	    (request->new_name != NULL || request->apply_profile != NULL))
		code = hv_fail(err, HV_E_BUSY,
			       "LPAR '%s' runs on host '%s'; shut it down first",
			       request->name, lpar->host);
	if (code == HV_OK && request->new_name != NULL)
		code = check_rename(plan, lpar, request->new_name, err);
	if (code == HV_OK)
		code = hv_lpar_attributes_check(HV_SCOPE_LPAR, request->n_attributes,
						request->attributes, err);
	if (code == HV_OK && request->apply_profile != NULL)
		code = profile_use_find(lpar, request->apply_profile, &use, err);
	if (code != HV_OK)
		return code;
	put_changed(plan, lpar, request, request->apply_profile != NULL ? &use : NULL);
	return HV_OK;
}

/* Is it still what the request was made from? Byte for byte. */
static enum hv_code check_same(const Tarn__LparProfile *now, const Tarn__LparProfile *was,
			       const char *lpar, struct hv_err *err)
{
	bool is_same = false;
	enum hv_code code = record_compare(&now->base, &was->base, &is_same, err);

	if (code != HV_OK || is_same)
		return code;
	return hv_fail(err, HV_E_STALE,
		       "profile '%s' of LPAR '%s' was changed by somebody else; try "
		       "again",
		       now->name, lpar);
}

static enum hv_code check_set(const Tarn__LparRecord *lpar,
			      const Tarn__ProfileSet *request, struct hv_err *err)
{
	const char *name = request->profile->name;
	const Tarn__LparProfile *old = profile_find(lpar, name);

	if (request->was == NULL && old != NULL)
		return hv_fail(err, HV_E_EXISTS,
			       "LPAR '%s' has a profile '%s' already; choose another "
			       "name",
			       lpar->spec->name, name);
	if (request->was == NULL && lpar->n_profiles >= HV_LPAR_PROFILES_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "LPAR '%s' has %d profiles, the most it may have; remove "
			       "one first",
			       lpar->spec->name, HV_LPAR_PROFILES_MAX);
	if (request->was != NULL && old == NULL)
		return need_profile(lpar, name, err);
	if (request->was != NULL)
		return check_same(old, request->was, lpar->spec->name, err);
	return HV_OK;
}

enum hv_code plan_profile_set(struct plan *plan, const Tarn__ProfileSet *request,
			      struct hv_err *err)
{
	Tarn__LparProfile *profiles[HV_LPAR_PROFILES_MAX];
	const Tarn__LparRecord *lpar;
	Tarn__LparRecord now;
	size_t at = 0;
	enum hv_code code = need_lpar(plan, request->lpar, &lpar, err);

	if (code == HV_OK)
		code = check_set(lpar, request, err);
	if (code == HV_OK)
		code = guest_check_profile(lpar, request->profile, err);
	if (code != HV_OK)
		return code;
	now = *lpar;
	for (size_t i = 0; i < lpar->n_profiles; i++)
		profiles[i] = lpar->profiles[i];
	while (at < lpar->n_profiles &&
	       strcmp(lpar->profiles[at]->name, request->profile->name) != 0)
		at++;
	profiles[at] = request->profile;
	now.profiles = profiles;
	now.n_profiles = at == lpar->n_profiles ? at + 1 : lpar->n_profiles;
	if (now.default_profile == NULL)
		now.default_profile = request->profile->name;
	draft_put(&plan->draft, RECORD_LPAR, record_copy(&now.base));
	draft_name(&plan->draft, "set profile '%s' of lpar '%s'", request->profile->name,
		   request->lpar);
	return HV_OK;
}

enum hv_code plan_profile_remove(struct plan *plan, const Tarn__ProfileRemove *request,
				 struct hv_err *err)
{
	Tarn__LparProfile *profiles[HV_LPAR_PROFILES_MAX];
	const Tarn__LparRecord *lpar;
	Tarn__LparRecord now;
	size_t count = 0;
	enum hv_code code = need_lpar(plan, request->lpar, &lpar, err);

	if (code == HV_OK)
		code = need_profile(lpar, request->name, err);
	if (code != HV_OK)
		return code;
	if (lpar->default_profile != NULL &&
	    strcmp(lpar->default_profile, request->name) == 0)
		return hv_fail(err, HV_E_REFUSED,
			       "profile '%s' is the default of LPAR '%s'; make another "
			       "the default first",
			       request->name, request->lpar);
	now = *lpar;
	for (size_t i = 0; i < lpar->n_profiles; i++)
		if (strcmp(lpar->profiles[i]->name, request->name) != 0)
			profiles[count++] = lpar->profiles[i];
	now.profiles = profiles;
	now.n_profiles = count;
	draft_put(&plan->draft, RECORD_LPAR, record_copy(&now.base));
	draft_name(&plan->draft, "remove profile '%s' of lpar '%s'", request->name,
		   request->lpar);
	return HV_OK;
}
