/* edit - see edit.h. */
#include "cli/hmc/edit_all.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"
#include "hvcore/reserve/reserve.h"

#define MIB_MAX (HV_LPAR_BYTES_MAX / HMC_MIB)

/* All of them with shared processors, the first three with dedicated ones. */
static const char *const processor_names[] = { "min_procs",          "desired_procs",
					       "max_procs",          "min_proc_units",
					       "desired_proc_units", "max_proc_units" };

static bool says_no_processors(const Tarn__LparProfile *profile)
{
	for (unsigned i = 0; i < HV_COUNT(processor_names); i++)
		if (hv_lpar_profile_value(profile, processor_names[i]) != NULL)
			return false;
	return true;
}

void hmc_edit_start(struct hmc_edit *edit, const Tarn__LparProfile *old,
		    const struct hmc_system *system, const Tarn__LparView *lpar)
{
	size_t old_count = old != NULL ? old->n_attributes : 0;

	tarn__lpar_profile__init(&edit->profile);
	edit->made_count = 0;
	edit->system = system;
	edit->lpar = lpar;
	edit->block_bytes = hmc_block_bytes(system);
	edit->derived = NULL;
	edit->may_be_silent = old != NULL && says_no_processors(old);
	if (old != NULL)
		edit->profile = *old;
	else
		edit->profile.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	for (size_t i = 0; i < HV_LPAR_ATTRIBUTES_MAX; i++) {
		edit->list[i] = &edit->attributes[i];
		tarn__lpar_attribute__init(&edit->attributes[i]);
		if (i < old_count)
			edit->attributes[i] = *old->attributes[i];
	}
	edit->profile.attributes = edit->list;
	if (hmc_has_all_resources(&edit->profile))
		hmc_edit_forget(edit);
}

void hmc_edit_fini(struct hmc_edit *edit)
{
	while (edit->made_count > 0)
		free(edit->made[--edit->made_count]);
}

static const char *const own_names[] = {
	"min_mem",   "desired_mem", "max_mem",
	"mem_mode",  "mem_weight",  "desired_io_entitled_mem",
	"hpt_ratio", NULL,
};

bool hmc_edit_knows(const char *name)
{
	for (unsigned i = 0; own_names[i] != NULL; i++)
		if (strcmp(own_names[i], name) == 0)
			return true;
	return hv_lpar_attribute_find(HV_SCOPE_PROFILE, name) != NULL;
}

static enum hv_code bad_value(const struct hmc_pair *pair, const char *valid,
			      struct hv_err *err)
{
	return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name, valid);
}

/* A whole number, or that much more or less than *value. */
static enum hv_code take_number(const struct hmc_pair *pair, uint64_t max,
				uint64_t *value, struct hv_err *err)
{
	uint64_t number;
	char range[64];

	(void)snprintf(range, sizeof(range), "0 to %llu", (unsigned long long)max);
	if (hv_u64_parse(pair->value, max, &number, NULL) != HV_OK)
		return bad_value(pair, range, err);
	if (pair->op == HMC_ADD && number > max - *value)
		return bad_value(pair, range, err);
	if (pair->op == HMC_REMOVE && number > *value)
		return bad_value(pair, range, err);
	if (pair->op == HMC_SET)
		*value = number;
	else
		*value = pair->op == HMC_ADD ? *value + number : *value - number;
	return HV_OK;
}

static enum hv_code take_memory(struct hmc_edit *edit, const struct hmc_pair *pair,
				uint64_t *bytes, struct hv_err *err)
{
	uint64_t mib = *bytes / HMC_MIB;
	char unit[32];
	enum hv_code code = take_number(pair, MIB_MAX, &mib, err);

	if (code != HV_OK)
		return code;
	(void)snprintf(unit, sizeof(unit), "%llu",
		       (unsigned long long)(edit->block_bytes / HMC_MIB));
	if (mib * HMC_MIB % edit->block_bytes != 0)
		return hmc_fail(err, HMC_MEMORY_UNIT, pair->name, pair->value, unit);
	*bytes = mib * HMC_MIB;
	return HV_OK;
}

static enum hv_code take_mode(struct hmc_edit *edit, const struct hmc_pair *pair,
			      struct hv_err *err)
{
	bool is_shared = strcmp(pair->value, "shared") == 0;

	if (!is_shared && strcmp(pair->value, "ded") != 0)
		return bad_value(pair, "ded|shared", err);
	edit->profile.mode = is_shared ? TARN__MEMORY_MODE__MEMORY_MODE_SHARED
				       : TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	return HV_OK;
}

static enum hv_code take_entitled(struct hmc_edit *edit, const struct hmc_pair *pair,
				  struct hv_err *err)
{
	uint64_t mib = edit->profile.entitled_bytes / HMC_MIB;
	enum hv_code code = HV_OK;

	if (strcmp(pair->value, "auto") == 0)
		mib = 0;
	else
		code = take_number(pair, MIB_MAX, &mib, err);
	edit->profile.has_entitled_bytes = mib != 0;
	edit->profile.entitled_bytes = mib * HMC_MIB;
	return code;
}

static enum hv_code take_weight(struct hmc_edit *edit, const struct hmc_pair *pair,
				struct hv_err *err)
{
	uint64_t weight = edit->profile.weight;
	enum hv_code code = take_number(pair, 255, &weight, err);

	edit->profile.has_weight = true;
	edit->profile.weight = (uint32_t)weight;
	return code;
}

static enum hv_code take_ratio(struct hmc_edit *edit, const struct hmc_pair *pair,
			       struct hv_err *err)
{
	uint64_t ratio = 0;

	if (strncmp(pair->value, "1:", 2) != 0 ||
	    hv_u64_parse(pair->value + 2, HV_HPT_RATIO_MAX, &ratio, NULL) != HV_OK ||
	    !hv_hpt_ratio_is_valid((uint32_t)ratio))
		return bad_value(pair, "1:32, 1:64, 1:128, 1:256 or 1:512", err);
	edit->profile.has_hpt_ratio = true;
	edit->profile.hpt_ratio = (uint32_t)ratio;
	return HV_OK;
}

/* The attribute's place, a new one where it has none yet. */
static Tarn__LparAttribute *place_of(struct hmc_edit *edit, const char *name)
{
	size_t count = edit->profile.n_attributes;

	for (size_t i = 0; i < count; i++)
		if (strcmp(edit->attributes[i].name, name) == 0)
			return &edit->attributes[i];
	HV_INVARIANT(count < HV_LPAR_ATTRIBUTES_MAX); /* the table has fewer */
	edit->attributes[count].name = (char *)name;
	edit->attributes[count].value = NULL;
	edit->profile.n_attributes++;
	return &edit->attributes[count];
}

enum hv_code hmc_edit_set(struct hmc_edit *edit, const char *name, const char *value,
			  struct hv_err *err)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a value");
	HV_INVARIANT(edit->made_count < HV_LPAR_ATTRIBUTES_MAX);
	edit->made[edit->made_count++] = copy;
	place_of(edit, name)->value = copy;
	return HV_OK;
}

/* += and -= of a number, whole or in hundredths. */
static enum hv_code add_number(const struct hv_lpar_attribute *row,
			       const struct hmc_pair *pair, const char *old,
			       char text[HMC_ADAPTERS_BYTES], struct hv_err *err)
{
	uint64_t a = 0, b = 0;
	bool is_less = pair->op == HMC_REMOVE;

	if ((old != NULL && hv_units_parse(old, &a, NULL) != HV_OK) ||
	    hv_units_parse(pair->value, &b, NULL) != HV_OK || (is_less && b > a))
		return bad_value(pair, row->valid, err);
	a = is_less ? a - b : a + b;
	if (row->form == HV_FORM_UNITS || a % HV_PROCESSOR_UNITS != 0)
		(void)snprintf(text, HMC_ADAPTERS_BYTES, "%llu.%02u",
			       (unsigned long long)(a / HV_PROCESSOR_UNITS),
			       (unsigned)(a % HV_PROCESSOR_UNITS));
	else
		(void)snprintf(text, HMC_ADAPTERS_BYTES, "%llu",
			       (unsigned long long)(a / HV_PROCESSOR_UNITS));
	return HV_OK;
}

static bool has_element(const char *list, const char *wanted)
{
	char element[HMC_ELEMENT_BYTES];
	bool is_bad;

	while (hmc_list_next(&list, element, &is_bad))
		if (strcmp(element, wanted) == 0)
			return true;
	return false;
}

/* Those of `list` that are not in `without`, behind what is in text already. */
static enum hv_code append(const char *list, const char *without,
			   char text[HMC_ADAPTERS_BYTES], const struct hmc_pair *pair,
			   struct hv_err *err)
{
	char element[HMC_ELEMENT_BYTES];
	size_t used = strlen(text);
	bool is_bad = false;

	if (strcmp(list, "none") == 0)
		return HV_OK;
	while (hmc_list_next(&list, element, &is_bad)) {
		const char *quote = strchr(element, ',') != NULL ? "\"" : "";

		if (has_element(without, element))
			continue;
		used += (size_t)snprintf(text + used, HMC_ADAPTERS_BYTES - used,
					 "%s%s%s%s", used > 0 ? "," : "", quote, element,
					 quote);
		if (used >= HMC_ADAPTERS_BYTES)
			return bad_value(pair, "a shorter list", err);
	}
	return is_bad ? bad_value(pair, "a list", err) : HV_OK;
}

static enum hv_code add_elements(const struct hmc_pair *pair, const char *old,
				 char text[HMC_ADAPTERS_BYTES], struct hv_err *err)
{
	enum hv_code code;

	text[0] = '\0';
	if (old == NULL)
		old = "none";
	code = append(old, pair->op == HMC_REMOVE ? pair->value : "", text, pair, err);
	if (code == HV_OK && pair->op == HMC_ADD)
		code = append(pair->value, old, text, pair, err);
	if (code == HV_OK && text[0] == '\0')
		(void)snprintf(text, HMC_ADAPTERS_BYTES, "none");
	return code;
}

static enum hv_code take_attribute(struct hmc_edit *edit, const struct hmc_pair *pair,
				   struct hv_err *err)
{
	const struct hv_lpar_attribute *row = hv_lpar_attribute_find(HV_SCOPE_PROFILE,
								     pair->name);
	char made[HMC_ADAPTERS_BYTES], text[HMC_ADAPTERS_BYTES];
	const char *old = hmc_adapters_value(&edit->profile, pair->name, made);
	enum hv_code code = HV_OK;

	if (row == NULL)
		return hmc_fail(err, HMC_INVALID_ATTRIBUTE, pair->name, NULL, NULL);
	if (pair->op != HMC_SET && row->form == HV_FORM_CHOICE)
		return bad_value(pair, row->valid, err);
	if (pair->op == HMC_SET)
		(void)snprintf(text, sizeof(text), "%s", pair->value);
	else if (row->form == HV_FORM_LIST)
		code = add_elements(pair, old, text, err);
	else
		code = add_number(row, pair, old, text, err);
	if (code != HV_OK)
		return code;
	if (!hv_lpar_attribute_takes(row, text) ||
	    (pair->op == HMC_SET && strlen(pair->value) >= HV_TEXT_MAX))
		return bad_value(pair, row->valid, err);
	return hmc_edit_set(edit, row->name, text, err);
}

enum hv_code hmc_edit_apply(struct hmc_edit *edit, const struct hmc_pair *pair,
			    struct hv_err *err)
{
	Tarn__LparProfile *profile = &edit->profile;

	if (edit->derived == NULL && hmc_is_derived(pair->name))
		edit->derived = pair->name;
	if (strcmp(pair->name, "min_mem") == 0)
		return take_memory(edit, pair, &profile->min_bytes, err);
	if (strcmp(pair->name, "desired_mem") == 0)
		return take_memory(edit, pair, &profile->mem_bytes, err);
	if (strcmp(pair->name, "max_mem") == 0)
		return take_memory(edit, pair, &profile->max_bytes, err);
	if (strcmp(pair->name, "mem_mode") == 0)
		return take_mode(edit, pair, err);
	if (strcmp(pair->name, "mem_weight") == 0)
		return take_weight(edit, pair, err);
	if (strcmp(pair->name, "desired_io_entitled_mem") == 0)
		return take_entitled(edit, pair, err);
	if (strcmp(pair->name, "hpt_ratio") == 0)
		return take_ratio(edit, pair, err);
	return take_attribute(edit, pair, err);
}

static enum hv_code check_memory(const Tarn__LparProfile *profile, struct hv_err *err)
{
	char text[3][24];
	uint64_t bytes[3] = { profile->min_bytes, profile->mem_bytes,
			      profile->max_bytes };

	for (unsigned i = 0; i < 3; i++) {
		if (bytes[i] == 0)
			return hmc_fail(err, HMC_MISSING_ATTRIBUTE, own_names[i], NULL,
					NULL);
		(void)snprintf(text[i], sizeof(text[i]), "%llu",
			       (unsigned long long)(bytes[i] / HMC_MIB));
	}
	if (bytes[0] > bytes[1] || bytes[1] > bytes[2])
		return hmc_fail(err, HMC_MEMORY_ORDER, text[0], text[1], text[2]);
	return HV_OK;
}

static enum hv_code check_processors(const struct hmc_edit *edit, struct hv_err *err)
{
	const Tarn__LparProfile *profile = &edit->profile;
	const char *mode = hv_lpar_profile_value(profile, "proc_mode");
	bool is_shared = strcmp(mode, "shared") == 0;

	if (profile->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED && !is_shared)
		return hmc_fail(err, HMC_INVALID_VALUE, mode, "proc_mode",
				"shared where mem_mode is shared");
	if (edit->may_be_silent && says_no_processors(profile))
		return HV_OK;
	for (unsigned i = 0; i < (is_shared ? HV_COUNT(processor_names) : 3); i++)
		if (hv_lpar_profile_value(profile, processor_names[i]) == NULL)
			return hmc_fail(err, HMC_MISSING_ATTRIBUTE, processor_names[i],
					NULL, NULL);
	return HV_OK;
}

/* A primary paging VIOS alone: no redundancy; both, or none named: the pair, which stays
 * left to what there is, or mirrored, where it was. */
static void set_redundancy(Tarn__LparProfile *profile)
{
	const char *first = hv_lpar_profile_value(profile, "primary_paging_vios_name");
	const char *second = hv_lpar_profile_value(profile, "secondary_paging_vios_name");
	bool is_alone = first != NULL && strcmp(first, "none") != 0 &&
			(second == NULL || strcmp(second, "none") == 0);

	if (!is_alone && profile->has_redundancy &&
	    (profile->redundancy == TARN__REDUNDANCY__REDUNDANCY_IF_POSSIBLE ||
	     profile->redundancy == TARN__REDUNDANCY__REDUNDANCY_MIRRORED))
		return;
	profile->has_redundancy = true;
	profile->redundancy = is_alone ? TARN__REDUNDANCY__REDUNDANCY_NONE
				       : TARN__REDUNDANCY__REDUNDANCY_REQUIRED;
}

enum hv_code hmc_edit_finish(struct hmc_edit *edit, struct hv_err *err)
{
	Tarn__LparProfile *profile = &edit->profile;
	struct hv_err why;
	enum hv_code code = hmc_adapters_take(&edit->adapters, profile, err);

	if (code == HV_OK && hmc_has_all_resources(profile))
		code = hmc_edit_derive(edit, err);
	if (code == HV_OK)
		code = check_memory(profile, err);
	if (code == HV_OK)
		code = check_processors(edit, err);
	if (code != HV_OK)
		return code;
	set_redundancy(profile);
	if (hv_lpar_profile_check(profile, &why) != HV_OK)
		return hmc_fail(err, HMC_BAD_RECORD, why.text, NULL, NULL);
	return HV_OK;
}

enum hv_code hmc_need_value(const struct hmc_record *record, const char *name,
			    const char **ret_value, struct hv_err *err)
{
	const struct hmc_pair *pair = hmc_record_find(record, name);

	if (pair == NULL || pair->value[0] == '\0')
		return hmc_fail(err, HMC_MISSING_ATTRIBUTE, name, NULL, NULL);
	if (pair->op != HMC_SET)
		return hmc_fail(err, HMC_READ_ONLY, name, NULL, NULL);
	*ret_value = pair->value;
	return HV_OK;
}
