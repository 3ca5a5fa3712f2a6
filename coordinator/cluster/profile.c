/* profile - see profile.h. */
#include "coordinator/cluster/profile.h"

#include "coordinator/cluster/limits.h"

#include <string.h>

const Tarn__LparProfile *profile_find(const Tarn__LparRecord *lpar, const char *name)
{
	for (size_t i = 0; i < lpar->n_profiles; i++)
		if (strcmp(lpar->profiles[i]->name, name) == 0)
			return lpar->profiles[i];
	return NULL;
}

void profile_of_spec(const Tarn__LparSpec *spec, Tarn__LparProfile *ret_profile)
{
	tarn__lpar_profile__init(ret_profile);
	ret_profile->name = (char *)PROFILE_NAME;
	ret_profile->mode = spec->mode;
	ret_profile->min_bytes = spec->min_bytes;
	ret_profile->mem_bytes = spec->mem_bytes;
	ret_profile->max_bytes = spec->max_bytes;
	ret_profile->has_weight = spec->has_weight;
	ret_profile->weight = spec->weight;
	ret_profile->has_entitled_bytes = spec->has_entitled_bytes;
	ret_profile->entitled_bytes = spec->entitled_bytes;
	ret_profile->has_redundancy = spec->has_redundancy;
	ret_profile->redundancy = spec->redundancy;
	ret_profile->has_hpt_ratio = spec->has_hpt_ratio;
	ret_profile->hpt_ratio = spec->hpt_ratio;
	ret_profile->has_virtual_adapters = spec->has_virtual_adapters;
	ret_profile->virtual_adapters = spec->virtual_adapters;
}

static const Tarn__LparRecord *with_id(const struct cluster *cluster, const char *host,
				       uint32_t id)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (lpar->has_lpar_id && lpar->lpar_id == id &&
		    strcmp(lpar->host, host) == 0)
			return lpar;
	}
	return NULL;
}

bool profile_takes_all(const Tarn__LparProfile *profile)
{
	return strcmp(hv_lpar_profile_value(profile, "all_resources"), "1") == 0;
}

uint32_t profile_free_id(const struct cluster *cluster, const char *host)
{
	bool is_taken[HV_LPARS_MAX + 1] = { false };
	uint32_t id = 1;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (lpar->lpar_id <= HV_LPARS_MAX && strcmp(lpar->host, host) == 0)
			is_taken[lpar->lpar_id] = true;
	}
	while (id <= HV_LPARS_MAX && is_taken[id])
		id++;
	return id;
}

enum hv_code profile_check_new(const struct cluster *cluster,
			       const Tarn__LparCreate *request, struct hv_err *err)
{
	const Tarn__LparRecord *other;

	if (request->has_lpar_id &&
	    (request->lpar_id == 0 || request->lpar_id > HV_LPAR_ID_MAX))
		return hv_fail(err, HV_E_INVAL, "LPAR '%s': id %u is not 1 to %d",
			       request->spec->name, request->lpar_id, HV_LPAR_ID_MAX);
	if (request->has_lpar_id && request->host == NULL)
		return hv_fail(err, HV_E_INVAL,
			       "LPAR '%s': an id is of a host; name the host, too",
			       request->spec->name);
	other = request->has_lpar_id ? with_id(cluster, request->host, request->lpar_id)
				     : NULL;
	if (other != NULL)
		return hv_fail(err, HV_E_EXISTS,
			       "LPAR '%s': id %u is that of LPAR '%s'; choose another",
			       request->spec->name, request->lpar_id, other->spec->name);
	return hv_lpar_attributes_check(HV_SCOPE_LPAR, request->n_attributes,
					request->attributes, err);
}

static void apply(const Tarn__LparProfile *profile, Tarn__LparSpec *spec)
{
	hv_lpar_profile_apply(profile, spec);
	if (!limits_is_shared(spec))
		return;
	spec->has_entitled_bytes = 1;
	spec->entitled_bytes = limits_entitled(spec);
}

enum hv_code profile_use_find(const Tarn__LparRecord *lpar, const char *name,
			      struct profile_use *ret_use, struct hv_err *err)
{
	bool is_named = name != NULL && name[0] != '\0';
	bool is_first = lpar->curr_profile == NULL;
	const Tarn__LparProfile *profile = NULL;

	if (!is_named)
		name = is_first ? lpar->default_profile : lpar->curr_profile;
	if (name != NULL)
		profile = profile_find(lpar, name);
	if (is_named && profile == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "LPAR '%s' has no profile '%s'",
			       lpar->spec->name, name);
	*ret_use = (struct profile_use){ .spec = *lpar->spec, .profile = profile };
	ret_use->is_applied = profile != NULL && (is_named || is_first);
	if (ret_use->is_applied)
		apply(profile, &ret_use->spec);
	return HV_OK;
}

struct processors {
	uint64_t min, desired;
	bool is_whole;
};

static uint64_t hundredths(const Tarn__LparProfile *profile, const char *name)
{
	const char *text = hv_lpar_profile_value(profile, name);
	uint64_t value;

	return text != NULL && hv_units_parse(text, &value, NULL) == HV_OK ? value : 0;
}

static struct processors processors_of(const Tarn__LparProfile *profile)
{
	const char *mode = hv_lpar_profile_value(profile, "proc_mode");
	struct processors need = { .is_whole = true };

	if (mode != NULL && strcmp(mode, "shared") == 0) {
		need.is_whole = false;
		need.min = hundredths(profile, "min_proc_units");
		need.desired = hundredths(profile, "desired_proc_units");
		return need;
	}
	need.min = hundredths(profile, "min_procs");
	need.desired = hundredths(profile, "desired_procs");
	return need;
}

static uint64_t granted(const struct cluster *cluster, const char *host)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (limits_is_active(lpar) && strcmp(lpar->host, host) == 0)
			sum += lpar->granted_processors;
	}
	return sum;
}

enum hv_code profile_grant_processors(const struct cluster *cluster,
				      const Tarn__HostRecord *host,
				      struct profile_use *use, struct hv_err *err)
{
	struct processors need = { 0 };
	uint64_t all, taken, left;

	use->processors = 0;
	if (use->profile != NULL)
		need = processors_of(use->profile);
	if (need.desired == 0 || host->profile == NULL)
		return HV_OK;
	all = (uint64_t)host->profile->processors * HV_PROCESSOR_UNITS;
	taken = granted(cluster, host->name);
	left = taken < all ? all - taken : 0;
	if (need.is_whole)
		left -= left % HV_PROCESSOR_UNITS;
	if (left < need.min)
		return hv_fail(err, HV_E_LIMIT,
			       "LPAR '%s' needs at least %.2f processors, and host '%s' "
			       "has %.2f of %u free; shut down an LPAR",
			       use->spec.name, (double)need.min / HV_PROCESSOR_UNITS,
			       host->name, (double)left / HV_PROCESSOR_UNITS,
			       host->profile->processors);
	use->processors = (uint32_t)(need.desired < left ? need.desired : left);
	return HV_OK;
}

void profile_use_edit(struct draft *draft, const struct profile_use *use)
{
	Tarn__LparRecord *edit = draft_edit_lpar(draft, use->spec.name);

	if (edit == NULL)
		return;
	if (use->is_applied)
		apply(use->profile, edit->spec);
	if (use->profile != NULL)
		draft_set_text(draft, &edit->curr_profile, "%s", use->profile->name);
	edit->has_granted_processors = use->processors != 0;
	edit->granted_processors = use->processors;
}

enum hv_code profile_audit(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			   struct hv_err *err)
{
	const Tarn__LparRecord *other = lpar;

	if (lpar->has_lpar_id)
		other = with_id(cluster, lpar->host, lpar->lpar_id);
	if (other != lpar)
		return hv_fail(err, HV_E_CORRUPT, "LPARs '%s' and '%s' have one id",
			       lpar->spec->name, other->spec->name);
	if (lpar->n_profiles != 0 && (lpar->default_profile == NULL ||
				      profile_find(lpar, lpar->default_profile) == NULL))
		return hv_fail(err, HV_E_CORRUPT, "LPAR '%s' has no default profile",
			       lpar->spec->name);
	return HV_OK;
}
