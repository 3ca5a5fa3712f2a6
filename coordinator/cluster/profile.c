/* profile - see profile.h. */
#include "coordinator/cluster/profile.h"

#include "coordinator/cluster/limits.h"
#include "hvcore/wire/lpar_adapters.h"

#include <stdlib.h>
#include <string.h>

const Tarn__LparProfile *profile_find(const Tarn__LparRecord *lpar, const char *name)
{
	for (size_t i = 0; i < lpar->n_profiles; i++)
		if (strcmp(lpar->profiles[i]->name, name) == 0)
			return lpar->profiles[i];
	return NULL;
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
	hv_lpar_entitle(spec);
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

static uint64_t hundredths(const Tarn__LparProfile *profile, const char *name)
{
	const char *text = hv_lpar_profile_value(profile, name);
	uint64_t value;

	return text != NULL && hv_units_parse(text, &value, NULL) == HV_OK ? value : 0;
}

static bool is_text(const Tarn__LparProfile *profile, const char *name, const char *text)
{
	const char *value = hv_lpar_profile_value(profile, name);

	return value != NULL && strcmp(value, text) == 0;
}

static uint32_t whole(const Tarn__LparProfile *profile, const char *name)
{
	return (uint32_t)(hundredths(profile, name) / HV_PROCESSOR_UNITS);
}

/* Units are those it would like; 0 where the profile names none. */
static Tarn__Processors settings_of(const Tarn__LparProfile *profile)
{
	Tarn__Processors settings = TARN__PROCESSORS__INIT;

	settings.shared = is_text(profile, "proc_mode", "shared");
	settings.procs = whole(profile, "desired_procs");
	settings.has_min_procs = settings.has_max_procs = true;
	settings.min_procs = whole(profile, "min_procs");
	settings.max_procs = whole(profile, "max_procs");
	settings.units = settings.procs * HV_PROCESSOR_UNITS;
	if (!settings.shared)
		return settings;
	settings.units = (uint32_t)hundredths(profile, "desired_proc_units");
	settings.has_min_units = settings.has_max_units = true;
	settings.min_units = (uint32_t)hundredths(profile, "min_proc_units");
	settings.max_units = (uint32_t)hundredths(profile, "max_proc_units");
	settings.has_uncapped = true;
	settings.uncapped = is_text(profile, "sharing_mode", "uncap");
	settings.has_weight = true;
	settings.weight = whole(profile, "uncap_weight");
	return settings;
}

uint64_t profile_granted(const struct cluster *cluster, const char *host)
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
	uint64_t all, taken, left, least;

	use->processors = 0;
	tarn__processors__init(&use->settings);
	if (use->profile != NULL)
		use->settings = settings_of(use->profile);
	if (use->settings.units == 0 || host->profile == NULL)
		return HV_OK;
	all = (uint64_t)host->profile->processors * HV_PROCESSOR_UNITS;
	taken = profile_granted(cluster, host->name);
	left = taken < all ? all - taken : 0;
	least = use->settings.min_units;
	if (!use->settings.shared) {
		left -= left % HV_PROCESSOR_UNITS;
		least = (uint64_t)use->settings.min_procs * HV_PROCESSOR_UNITS;
	}
	if (left < least)
		return hv_fail(err, HV_E_LIMIT,
			       "LPAR '%s' needs at least %.2f processors, and host '%s' "
			       "has %.2f of %u free; shut down an LPAR",
			       use->spec.name, (double)least / HV_PROCESSOR_UNITS,
			       host->name, (double)left / HV_PROCESSOR_UNITS,
			       host->profile->processors);
	if (use->settings.units > left)
		use->settings.units = (uint32_t)left;
	if (!use->settings.shared)
		use->settings.procs = use->settings.units / HV_PROCESSOR_UNITS;
	use->processors = use->settings.units;
	return HV_OK;
}

void profile_set_processors(struct draft *draft, Tarn__LparRecord *edit,
			    const Tarn__Processors *settings)
{
	free(edit->processors);
	edit->processors = NULL;
	if (settings->units == 0)
		return;
	edit->processors = malloc(sizeof(*settings));
	if (edit->processors == NULL)
		draft->is_out = true;
	else
		*edit->processors = *settings;
}

void profile_set_memory(Tarn__LparRecord *edit, uint64_t bytes)
{
	edit->spec->mem_bytes = bytes;
	if (limits_is_shared(edit->spec))
		hv_lpar_entitle(edit->spec);
	if (edit->has_granted_bytes)
		edit->granted_bytes = bytes;
}

/* A copy in its place: what a profile lends must not be freed with the record. */
static void apply_to(struct draft *draft, const Tarn__LparProfile *profile,
		     Tarn__LparRecord *edit)
{
	Tarn__LparSpec lent = *edit->spec;
	ProtobufCMessage *copy;

	apply(profile, &lent);
	copy = record_copy(&lent.base);
	if (copy == NULL) {
		draft->is_out = true;
		return;
	}
	tarn__lpar_spec__free_unpacked(edit->spec, NULL);
	edit->spec = (Tarn__LparSpec *)(void *)copy;
}

void profile_use_edit(struct draft *draft, const struct profile_use *use)
{
	Tarn__LparRecord *edit = draft_edit_lpar(draft, use->spec.name);

	if (edit == NULL)
		return;
	if (use->is_applied)
		apply_to(draft, use->profile, edit);
	if (use->profile != NULL)
		draft_set_text(draft, &edit->curr_profile, "%s", use->profile->name);
	edit->has_granted_processors = use->processors != 0;
	edit->granted_processors = use->processors;
	profile_set_processors(draft, edit, &use->settings);
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
