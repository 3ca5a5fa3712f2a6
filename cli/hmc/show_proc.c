/*
 * show_proc - what lshwres prints of processors: of the system, its partitions and
 * its one shared processor pool; see show.h.
 *
 * A profile says what it needs, an activation takes that from what the platform's
 * profile has; the current and running values are those of the run, changed or not.
 */
#include "cli/hmc/show.h"

#include <stdio.h>
#include <string.h>

#include "hvcore/wire/lpar_profile.h"

#define UNITS_BYTES 32
#define CYCLES_PER_US 512 /* of the time base, as lslparutil has it */

static const struct hmc_row *row_of(const void *object)
{
	return object;
}

static const Tarn__LparRecord *record_of(const void *object)
{
	return row_of(object)->lpar->record;
}

/* The profile that it runs with, or will. NULL: it was made without one. */
static const Tarn__LparProfile *profile_of(const Tarn__LparView *lpar)
{
	const Tarn__LparRecord *record = lpar->record;
	const char *name = record->curr_profile != NULL ? record->curr_profile
							: record->default_profile;
	const Tarn__LparProfile *profile;

	if (name == NULL || hmc_profile_find(lpar, name, &profile, NULL) != HV_OK)
		return NULL;
	return profile;
}

static const char *setting(const Tarn__LparView *lpar, const char *name)
{
	const Tarn__LparProfile *profile = profile_of(lpar);

	return profile != NULL ? hv_lpar_profile_value(profile, name) : NULL;
}

/* Of the run; NULL: it does not run, or nobody says anything of them. */
static const Tarn__Processors *run_of(const void *object)
{
	const Tarn__LparRecord *record = record_of(object);

	return record->running ? record->processors : NULL;
}

static bool is_shared(const Tarn__LparView *lpar)
{
	const char *mode = setting(lpar, "proc_mode");

	return mode != NULL && strcmp(mode, "shared") == 0;
}

/* Of the running partitions of a system, in hundredths; those of one mode, or all. */
static uint64_t taken(const struct hmc_system *system, bool with_shared)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < system->status->n_lpars; i++) {
		const Tarn__LparView *lpar = system->status->lpars[i];

		if (lpar->record->running && (with_shared || !is_shared(lpar)))
			sum += lpar->record->granted_processors;
	}
	return sum;
}

static uint64_t installed(const struct hmc_row *row)
{
	const Tarn__PlatformProfile *platform = row->host->record->profile;

	return platform != NULL ? (uint64_t)platform->processors * HV_PROCESSOR_UNITS : 0;
}

static uint64_t less(uint64_t from, uint64_t units)
{
	return from > units ? from - units : 0;
}

static void sys_installed(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_units(value, installed(row_of(object)));
}

static void sys_available(const void *object, const char *text, struct hmc_value *value)
{
	const struct hmc_row *row = row_of(object);

	(void)text;
	hmc_value_units(value, less(installed(row), taken(row->system, true)));
}

/* The shared pool is what no partition has for itself. */
static void pool_configurable(const void *object, const char *text,
			      struct hmc_value *value)
{
	const struct hmc_row *row = row_of(object);

	(void)text;
	hmc_value_units(value, less(installed(row), taken(row->system, false)));
}

static void lpar_name(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, record_of(object)->spec->name);
}

static void lpar_id(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%u", record_of(object)->lpar_id);
}

static void lpar_mode(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, is_shared(row_of(object)->lpar) ? "shared" : "ded");
}

static void shared_text(const void *object, const char *text, struct hmc_value *value)
{
	if (is_shared(row_of(object)->lpar))
		hmc_value_text(value, text);
}

static void lpar_sharing(const void *object, const char *text, struct hmc_value *value)
{
	const char *mode = setting(row_of(object)->lpar, "sharing_mode");
	const Tarn__Processors *run = run_of(object);

	if (text[0] == 'c' && run != NULL && run->shared)
		mode = run->uncapped ? "uncap" : "cap";
	if (mode == NULL)
		mode = is_shared(row_of(object)->lpar) ? "cap" : "keep_idle_procs";
	hmc_value_text(value, mode);
}

/* text: when (curr, pend, run), and the attribute of a profile behind it. */
static const char *value_at(const void *object, const char *text)
{
	const Tarn__LparView *lpar = row_of(object)->lpar;
	const char *found = NULL;

	if (text[0] == 'p' || (text[0] == 'c' && hmc_partition_is_configured(lpar)) ||
	    (text[0] == 'r' && lpar->record->running))
		found = setting(lpar, text + 1);
	return found;
}

static void lpar_procs(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__Processors *run = run_of(object);
	const char *found = value_at(object, text);

	if (text[0] != 'p' && run != NULL && strcmp(text + 1, "desired_procs") == 0)
		hmc_value_set(value, "%u", run->procs);
	else
		hmc_value_text(value, found != NULL ? found : "0");
}

static void lpar_units(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__Processors *run = run_of(object);
	const char *found = value_at(object, text);
	uint64_t units = 0;

	if (!is_shared(row_of(object)->lpar))
		return;
	if (text[0] != 'p' && run != NULL && strcmp(text + 1, "desired_proc_units") == 0)
		units = run->units;
	else if (found == NULL || hv_units_parse(found, &units, NULL) != HV_OK)
		units = 0;
	hmc_value_units(value, units);
}

static void lpar_weight(const void *object, const char *text, struct hmc_value *value)
{
	const char *found = value_at(object, text);
	const Tarn__Processors *run = run_of(object);

	if (text[0] != 'p' && run != NULL && run->shared)
		hmc_value_set(value, "%u", run->weight);
	else if (is_shared(row_of(object)->lpar))
		hmc_value_text(value, found != NULL ? found : "0");
}

/* What its host has seen of it; NULL: it does not run, or nothing can be seen there. */
static const Tarn__PartitionStat *seen(const void *object)
{
	const Tarn__PartitionStat *stat = row_of(object)->lpar->stat;

	return record_of(object)->running && stat != NULL && stat->has_processor_used_us
		       ? stat
		       : NULL;
}

/* text: r used lately, q never more than that. */
static void seen_units(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__PartitionStat *stat = seen(object);

	if (stat != NULL && text[0] == 'r')
		hmc_value_units(value, stat->processor_rate);
	else if (stat != NULL && stat->processor_quota != 0)
		hmc_value_units(value, stat->processor_quota);
}

static void seen_number(struct hmc_value *value, uint64_t number)
{
	hmc_value_set(value, "%llu", (unsigned long long)number);
}

/* text: c its own cycles, u those beyond, t microseconds and n times it was held back. */
static void seen_count(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__PartitionStat *stat = seen(object);

	if (stat == NULL)
		return;
	if (text[0] == 't')
		seen_number(value, stat->processor_throttled_us);
	else if (text[0] == 'n')
		seen_number(value, stat->processor_throttled);
	else if (text[0] == 'u')
		seen_number(value, stat->processor_uncapped_us * CYCLES_PER_US);
	else if (stat->processor_used_us > stat->processor_uncapped_us)
		seen_number(value,
			    (stat->processor_used_us - stat->processor_uncapped_us) *
				    CYCLES_PER_US);
	else
		seen_number(value, 0);
}

/*
 * text: n for the names, i for the ids of the partitions of the shared pool. A list
 * that does not fit is not shown: half of it would be wrong.
 */
static void pool_lpars(const void *object, const char *text, struct hmc_value *value)
{
	const struct hmc_system *system = row_of(object)->system;
	char list[HMC_VALUE_BYTES] = "", id[UNITS_BYTES];
	size_t used = 0;

	for (size_t i = 0; i < system->status->n_lpars; i++) {
		const Tarn__LparView *lpar = system->status->lpars[i];

		if (!is_shared(lpar))
			continue;
		(void)snprintf(id, sizeof(id), "%u", lpar->record->lpar_id);
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 used > 0 ? "," : "",
					 text[0] == 'n' ? lpar->record->spec->name : id);
		if (used >= sizeof(list))
			return;
	}
	hmc_value_text(value, list);
}

static void nothing(const void *object, const char *text, struct hmc_value *value)
{
	(void)object;
	(void)text;
	(void)value;
}

/* clang-format off */
#define FIXED(name_, text_)  { .name = (name_), .show = hmc_show_text, .text = (text_) }
#define SHARED(name_, text_) { .name = (name_), .show = shared_text, .text = (text_) }
#define PROCS(name_, text_)  { .name = (name_), .show = lpar_procs, .text = (text_) }
#define UNITS(name_, text_)  { .name = (name_), .show = lpar_units, .text = (text_) }
#define WEIGHT(name_, text_) { .name = (name_), .show = lpar_weight, .text = (text_) }

const struct hmc_attribute hmc_show_sys_proc[] = {
	{ .name = "configurable_sys_proc_units", .show = sys_installed },
	{ .name = "curr_avail_sys_proc_units", .show = sys_available },
	{ .name = "pend_avail_sys_proc_units", .show = sys_available },
	{ .name = "installed_sys_proc_units", .show = sys_installed },
	FIXED("max_capacity_sys_proc_units", "deprecated"),
	FIXED("deconfig_sys_proc_units", "0.0"),
	FIXED("min_proc_units_per_virtual_proc", "0.1"),
	FIXED("max_virtual_procs_per_lpar", "64"),
	FIXED("max_procs_per_lpar", "64"),
	FIXED("max_shared_proc_pools", "1"),
	{ 0 },
};
const struct hmc_attribute hmc_show_pool_proc[] = {
	FIXED("shared_proc_pool_id", "0"),
	{ .name = "configurable_pool_proc_units", .show = pool_configurable },
	{ .name = "curr_avail_pool_proc_units", .show = sys_available },
	{ .name = "pend_avail_pool_proc_units", .show = sys_available },
	{ 0 },
};
const struct hmc_attribute hmc_show_procpool[] = {
	FIXED("name", "DefaultPool"),
	FIXED("shared_proc_pool_id", "0"),
	{ .name = "max_pool_proc_units", .show = nothing },
	{ .name = "curr_reserved_pool_proc_units", .show = nothing },
	{ .name = "pend_reserved_pool_proc_units", .show = nothing },
	{ .name = "lpar_names", .show = pool_lpars, .text = "n" },
	{ .name = "lpar_ids", .show = pool_lpars, .text = "i" },
	{ 0 },
};
const struct hmc_attribute hmc_show_lpar_proc[] = {
	{ .name = "lpar_name", .show = lpar_name },
	{ .name = "lpar_id", .show = lpar_id },
	SHARED("curr_shared_proc_pool_id", "0"),
	SHARED("curr_shared_proc_pool_name", "DefaultPool"),
	{ .name = "curr_proc_mode", .show = lpar_mode },
	UNITS("curr_min_proc_units", "cmin_proc_units"),
	UNITS("curr_proc_units", "cdesired_proc_units"),
	UNITS("curr_max_proc_units", "cmax_proc_units"),
	PROCS("curr_min_procs", "cmin_procs"),
	PROCS("curr_procs", "cdesired_procs"),
	PROCS("curr_max_procs", "cmax_procs"),
	{ .name = "curr_sharing_mode", .show = lpar_sharing, .text = "c" },
	WEIGHT("curr_uncap_weight", "cuncap_weight"),
	SHARED("pend_shared_proc_pool_id", "0"),
	SHARED("pend_shared_proc_pool_name", "DefaultPool"),
	{ .name = "pend_proc_mode", .show = lpar_mode },
	UNITS("pend_min_proc_units", "pmin_proc_units"),
	UNITS("pend_proc_units", "pdesired_proc_units"),
	UNITS("pend_max_proc_units", "pmax_proc_units"),
	PROCS("pend_min_procs", "pmin_procs"),
	PROCS("pend_procs", "pdesired_procs"),
	PROCS("pend_max_procs", "pmax_procs"),
	{ .name = "pend_sharing_mode", .show = lpar_sharing, .text = "p" },
	WEIGHT("pend_uncap_weight", "puncap_weight"),
	UNITS("run_proc_units", "rdesired_proc_units"),
	PROCS("run_procs", "rdesired_procs"),
	WEIGHT("run_uncap_weight", "runcap_weight"),
	{ 0 },
};
const struct hmc_attribute hmc_show_lpar_proc_stat[] = {
	{ .name = "lpar_name", .show = lpar_name },
	{ .name = "lpar_id", .show = lpar_id },
	UNITS("curr_proc_units", "cdesired_proc_units"),
	{ .name = "util_proc_units", .show = seen_units, .text = "r" },
	{ .name = "limit_proc_units", .show = seen_units, .text = "q" },
	{ .name = "capped_cycles", .show = seen_count, .text = "c" },
	{ .name = "uncapped_cycles", .show = seen_count, .text = "u" },
	{ .name = "throttled_time", .show = seen_count, .text = "t" },
	{ .name = "throttled_count", .show = seen_count, .text = "n" },
	{ 0 },
};
/* clang-format on */
