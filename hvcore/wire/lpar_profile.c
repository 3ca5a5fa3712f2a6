/* lpar_profile - see lpar_profile.h. */
#include "hvcore/wire/lpar_profile.h"

#include <string.h>

#include "hvcore/base/units.h"

#define ADAPTERS_MAX 64 /* virtual ones of a kind; arbitrary */
#define PROCESSORS_MAX 256

/* clang-format off */
#define CHOICE(valid_) HV_FORM_CHOICE, 0, 0, valid_
#define NUMBER(min_, max_) HV_FORM_NUMBER, min_, max_, #min_ " to " #max_
#define LIST(max_) HV_FORM_LIST, 0, max_, "none or a list"
#define PROCS HV_FORM_NUMBER, 1, PROCESSORS_MAX, "1 to 256"
#define UNITS HV_FORM_UNITS, 5, PROCESSORS_MAX * HV_PROCESSOR_UNITS, "0.05 to 256.00"
#define L HV_SCOPE_LPAR
#define P HV_SCOPE_PROFILE
const struct hv_lpar_attribute hv_lpar_attributes[] = {
	{ "lpar_env",                    L, CHOICE("aixlinux|os400"),        "aixlinux" },
	{ "work_group_id",               L, CHOICE("none"),                  "none" },
	{ "shared_proc_pool_util_auth",  L, CHOICE("0|1"),                   "0" },
	{ "shared_mem_pool_util_auth",   L, CHOICE("0|1"),                   "0" },
	{ "allow_perf_collection",       L, CHOICE("0|1"),                   "0" },
	{ "power_ctrl_lpar_ids",         L, CHOICE("none"),                  "none" },
	{ "boot_mode",                   L, CHOICE("norm|dd|ds|of|sms"),     "norm" },
	{ "lpar_keylock",                L, CHOICE("norm|manual"),           "norm" },
	{ "auto_start",                  L, CHOICE("0|1"),                   "0" },
	{ "redundant_err_path_reporting", L, CHOICE("0|1"),                  "0" },
	{ "sync_curr_profile",           L, CHOICE("0|1|2"),                 "0" },
	{ "time_ref",                    L, CHOICE("0|1"),                   "0" },
	{ "lpar_avail_priority",         L, NUMBER(0, 255),                  "127" },
	{ "desired_lpar_proc_compat_mode", L, CHOICE("default"),             "default" },
	{ "suspend_capable",             L, CHOICE("0"),                     "0" },
	{ "remote_restart_capable",      L, CHOICE("0"),                     "0" },
	{ "affinity_group_id",           L, CHOICE("none"),                  "none" },

	{ "all_resources",               P, CHOICE("0|1"),                   "0" },
	{ "min_num_huge_pages",          P, CHOICE("0"),                     "0" },
	{ "desired_num_huge_pages",      P, CHOICE("0"),                     "0" },
	{ "max_num_huge_pages",          P, CHOICE("0"),                     "0" },
	{ "mem_expansion",               P, CHOICE("0|0.0|0.00"),            "0.0" },
	{ "primary_paging_vios_name",    P, LIST(1),                         NULL },
	{ "secondary_paging_vios_name",  P, LIST(1),                         NULL },
	{ "proc_mode",                   P, CHOICE("ded|shared"),            "ded" },
	{ "min_proc_units",              P, UNITS,                           NULL },
	{ "desired_proc_units",          P, UNITS,                           NULL },
	{ "max_proc_units",              P, UNITS,                           NULL },
	{ "min_procs",                   P, PROCS,                           NULL },
	{ "desired_procs",               P, PROCS,                           NULL },
	{ "max_procs",                   P, PROCS,                           NULL },
	{ "sharing_mode",                P,
	  CHOICE("keep_idle_procs|share_idle_procs|share_idle_procs_active|"
		 "share_idle_procs_always|cap|uncap"),                       NULL },
	{ "uncap_weight",                P, NUMBER(0, 255),                  NULL },
	{ "io_slots",                    P, CHOICE("none"),                  "none" },
	{ "lpar_io_pool_ids",            P, CHOICE("none"),                  "none" },
	{ "max_virtual_slots",           P, NUMBER(2, 65535),                "10" },
	{ "virtual_serial_adapters",     P, LIST(ADAPTERS_MAX),
	  "0/server/1/any//any/1,1/server/1/any//any/1" },
	{ "virtual_scsi_adapters",       P, LIST(ADAPTERS_MAX),              "none" },
	{ "virtual_eth_adapters",        P, LIST(ADAPTERS_MAX),              "none" },
	{ "hca_adapters",                P, CHOICE("none"),                  "none" },
	{ "boot_mode",                   P, CHOICE("norm|dd|ds|of|sms"),     "norm" },
	{ "conn_monitoring",             P, CHOICE("0|1"),                   "0" },
	{ "auto_start",                  P, CHOICE("0|1"),                   "0" },
	{ "power_ctrl_lpar_ids",         P, CHOICE("none"),                  "none" },
	{ "work_group_id",               P, CHOICE("none"),                  "none" },
	{ "redundant_err_path_reporting", P, CHOICE("0|1"),                  "0" },
	{ 0 },
};
#undef L
#undef P
/* clang-format on */

const struct hv_lpar_attribute *hv_lpar_attribute_find(enum hv_lpar_scope scope,
						       const char *name)
{
	const struct hv_lpar_attribute *row = hv_lpar_attributes;

	/* The first letter: a list of 10,000 profiles asks 250,000 times. */
	for (; row->name != NULL; row++)
		if (row->scope == scope && row->name[0] == name[0] &&
		    strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t n = strlen(value);

	while (n != strcspn(choices, "|") || memcmp(choices, value, n) != 0) {
		choices += strcspn(choices, "|");
		if (*choices == '\0')
			return false;
		choices++;
	}
	return true;
}

enum hv_code hv_units_parse(const char *text, uint64_t *ret_hundredths,
			    struct hv_err *err)
{
	uint64_t value = 0;
	size_t digits = strspn(text, "0123456789"), behind = 0;

	if (text[digits] == '.')
		behind = strspn(text + digits + 1, "0123456789");
	if (digits == 0 || digits > 6 || behind > 2 ||
	    (text[digits] == '.' ? behind == 0 || text[digits + 1 + behind] != '\0'
				 : text[digits] != '\0'))
		return hv_fail(err, HV_E_INVAL, "'%.32s' is not a number such as 0.5",
			       text);
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	for (size_t i = 0; i < 2; i++)
		value = value * 10 +
			(i < behind ? (uint64_t)(text[digits + 1 + i] - '0') : 0);
	*ret_hundredths = value;
	return HV_OK;
}

/* A comma inside quotes is not one between elements. */
static bool is_list(const char *value, uint64_t max)
{
	uint64_t elements = 1;
	bool is_quoted = false;

	for (; *value != '\0'; value++) {
		if (*value == '"')
			is_quoted = !is_quoted;
		elements += *value == ',' && !is_quoted;
	}
	return !is_quoted && elements <= max;
}

bool hv_lpar_attribute_takes(const struct hv_lpar_attribute *attribute, const char *value)
{
	uint64_t number;
	enum hv_code code;

	switch (attribute->form) {
	case HV_FORM_CHOICE:
		return is_choice(attribute->valid, value);
	case HV_FORM_NUMBER:
		code = hv_u64_parse(value, attribute->max, &number, NULL);
		return code == HV_OK && number >= attribute->min;
	case HV_FORM_UNITS:
		code = hv_units_parse(value, &number, NULL);
		return code == HV_OK && number >= attribute->min &&
		       number <= attribute->max;
	default:
		return is_list(value, attribute->max);
	}
}

/* Shared memory needs shared processors, also where a profile says nothing of them. */
static const char *absent_of(const Tarn__LparProfile *profile,
			     const struct hv_lpar_attribute *row)
{
	if (profile->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
	    strcmp(row->name, "proc_mode") == 0)
		return "shared";
	return row->absent;
}

const char *hv_lpar_profile_value(const Tarn__LparProfile *profile, const char *name)
{
	const struct hv_lpar_attribute *row;

	for (size_t i = 0; i < profile->n_attributes; i++)
		if (strcmp(profile->attributes[i]->name, name) == 0)
			return profile->attributes[i]->value;
	row = hv_lpar_attribute_find(HV_SCOPE_PROFILE, name);
	return row != NULL ? absent_of(profile, row) : NULL;
}

enum hv_code hv_lpar_attributes_check(enum hv_lpar_scope scope, size_t count,
				      Tarn__LparAttribute *const *attributes,
				      struct hv_err *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = attributes[i]->name;
		const struct hv_lpar_attribute *row = hv_lpar_attribute_find(scope, name);

		if (row == NULL)
			return hv_fail(err, HV_E_INVAL, "attribute '%.64s' is not known",
				       name);
		if (!hv_lpar_attribute_takes(row, attributes[i]->value))
			return hv_fail(err, HV_E_INVAL,
				       "attribute '%s' is '%.64s', and may be %s", name,
				       attributes[i]->value, row->valid);
		for (size_t j = 0; j < i; j++)
			if (strcmp(attributes[j]->name, name) == 0)
				return hv_fail(err, HV_E_INVAL,
					       "attribute '%s' is there twice", name);
	}
	return HV_OK;
}

/* Minimum, desired and maximum of one resource; where one is set all must be. */
static enum hv_code check_order(const Tarn__LparProfile *profile,
				const char *const names[3], struct hv_err *err)
{
	uint64_t values[3] = { 0 };
	unsigned set = 0;

	for (unsigned i = 0; i < 3; i++) {
		const char *text = hv_lpar_profile_value(profile, names[i]);

		if (text != NULL && hv_units_parse(text, &values[i], NULL) == HV_OK)
			set++;
	}
	if (set != 0 && set != 3)
		return hv_fail(err, HV_E_INVAL, "profile '%s': %s, %s and %s go together",
			       profile->name, names[0], names[1], names[2]);
	if (values[0] > values[1] || values[1] > values[2])
		return hv_fail(err, HV_E_INVAL,
			       "profile '%s': %s, %s and %s must not fall", profile->name,
			       names[0], names[1], names[2]);
	return HV_OK;
}

void hv_lpar_profile_apply(const Tarn__LparProfile *profile, Tarn__LparSpec *spec)
{
	bool is_shared = profile->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED;

	spec->mode = profile->mode;
	spec->min_bytes = profile->min_bytes;
	spec->mem_bytes = profile->mem_bytes;
	spec->max_bytes = profile->max_bytes;
	spec->has_weight = profile->has_weight;
	spec->weight = profile->weight;
	spec->has_entitled_bytes = is_shared && profile->has_entitled_bytes;
	spec->entitled_bytes = is_shared ? profile->entitled_bytes : 0;
	spec->has_redundancy = profile->has_redundancy;
	spec->redundancy = profile->redundancy;
	spec->has_hpt_ratio = profile->has_hpt_ratio;
	spec->hpt_ratio = profile->hpt_ratio;
	spec->has_virtual_adapters = profile->has_virtual_adapters;
	spec->virtual_adapters = profile->virtual_adapters;
	spec->has_entitled_auto = false;
	spec->n_disks = profile->n_disks;
	spec->disks = profile->disks;
	spec->n_ethernets = profile->n_ethernets;
	spec->ethernets = profile->ethernets;
}

void hv_lpar_profile_of_spec(const Tarn__LparSpec *spec, Tarn__LparProfile *ret_profile)
{
	tarn__lpar_profile__init(ret_profile);
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
	ret_profile->n_disks = spec->n_disks;
	ret_profile->disks = spec->disks;
	ret_profile->n_ethernets = spec->n_ethernets;
	ret_profile->ethernets = spec->ethernets;
}

/* Only one that is said: a profile may say nothing of processors. */
static enum hv_code check_shared(const Tarn__LparProfile *profile, struct hv_err *err)
{
	for (size_t i = 0; i < profile->n_attributes; i++)
		if (profile->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
		    strcmp(profile->attributes[i]->name, "proc_mode") == 0 &&
		    strcmp(profile->attributes[i]->value, "shared") != 0)
			return hv_fail(err, HV_E_INVAL,
				       "profile '%s': shared memory needs shared "
				       "processors (proc_mode=shared)",
				       profile->name);
	return HV_OK;
}

enum hv_code hv_lpar_profile_check(const Tarn__LparProfile *profile, struct hv_err *err)
{
	static const char *const procs[] = { "min_procs", "desired_procs", "max_procs" };
	static const char *const units[] = { "min_proc_units", "desired_proc_units",
					     "max_proc_units" };
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;
	enum hv_code code;

	if (!hv_name_is_valid(profile->name))
		return hv_fail(err, HV_E_INVAL, "'%.40s' is not a name for a profile",
			       profile->name);
	spec.name = profile->name;
	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec.workload = &workload;
	hv_lpar_profile_apply(profile, &spec);
	code = hv_lpar_spec_check(&spec, err);
	if (code == HV_OK)
		code = hv_lpar_attributes_check(HV_SCOPE_PROFILE, profile->n_attributes,
						profile->attributes, err);
	if (code == HV_OK)
		code = check_order(profile, procs, err);
	if (code == HV_OK)
		code = check_order(profile, units, err);
	return code == HV_OK ? check_shared(profile, err) : code;
}
