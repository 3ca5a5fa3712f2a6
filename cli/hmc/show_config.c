/* show_config - what lssyscfg prints: systems, partitions, profiles; see show.h. */
#include "cli/hmc/edit_all.h"
#include "cli/hmc/show.h"

#include <string.h>

#include "hvcore/wire/lpar_profile.h"

#define UNAVAILABLE "unavailable"

static const struct hmc_row *row_of(const void *object)
{
	return object;
}

static const Tarn__LparSpec *spec_of(const void *object)
{
	return row_of(object)->lpar->record->spec;
}

static bool is_shared(const Tarn__LparProfile *profile)
{
	return profile->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
}

static void sys_name(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, row_of(object)->host->record->name);
}

static void sys_type(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, hmc_type_model(row_of(object)->host->record));
}

static void sys_serial(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, hmc_serial(row_of(object)->host->record));
}

static void sys_state(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, hmc_system_state(row_of(object)->host));
}

/* A system that is off or not connected says nothing of itself. */
static bool is_up(const void *object)
{
	return strcmp(hmc_system_state(row_of(object)->host), "Operating") == 0;
}

static void sys_text(const void *object, const char *text, struct hmc_value *value)
{
	hmc_value_text(value, is_up(object) ? text : UNAVAILABLE);
}

static void sys_time(const void *object, const char *text, struct hmc_value *value)
{
	char shown[HMC_TIME_BYTES];

	(void)text;
	hmc_value_text(
		value,
		is_up(object)
			? hmc_time_text(row_of(object)->system->status->wall_ms, 0, shown)
			: UNAVAILABLE);
}

static void sys_lpars(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__HostRecord *host = row_of(object)->host->record;
	bool is_paper = host->declared && !host->has_agent_id;

	(void)text;
	hmc_value_set(value, "%d", is_paper ? HV_LPARS_MAX : HV_HOST_LPARS_MAX);
	if (!is_up(object))
		hmc_value_set(value, UNAVAILABLE);
}

/* clang-format off */
#define TEXT_ROW(name_, text_) { .name = (name_), .show = sys_text, .text = (text_) }
const struct hmc_attribute hmc_show_sys[] = {
	{ .name = "name", .show = sys_name },
	{ .name = "type_model", .show = sys_type },
	{ .name = "serial_num", .show = sys_serial },
	TEXT_ROW("ipaddr", UNAVAILABLE),
	{ .name = "state", .show = sys_state },
	TEXT_ROW("detailed_state", "None"),
	{ .name = "sys_time", .show = sys_time },
	TEXT_ROW("power_off_policy", "0"),
	TEXT_ROW("active_lpar_mobility_capable", "0"),
	TEXT_ROW("inactive_lpar_mobility_capable", "0"),
	TEXT_ROW("active_lpar_share_idle_procs_capable", "0"),
	TEXT_ROW("active_mem_expansion_capable", "0"),
	TEXT_ROW("hardware_active_mem_expansion_capable", "0"),
	TEXT_ROW("active_mem_sharing_capable", "1"),
	TEXT_ROW("addr_broadcast_perf_policy_capable", "0"),
	TEXT_ROW("bsr_capable", "0"),
	TEXT_ROW("cod_mem_capable", "0"),
	TEXT_ROW("cod_proc_capable", "0"),
	TEXT_ROW("dynamic_platform_optimization_capable", "0"),
	TEXT_ROW("electronic_err_reporting_capable", "null"),
	TEXT_ROW("huge_page_mem_capable", "0"),
	TEXT_ROW("lpar_suspend_capable", "0"),
	TEXT_ROW("micro_lpar_capable", "1"),
	TEXT_ROW("os400_capable", "0"),
	TEXT_ROW("virtual_io_server_capable", "1"),
	{ .name = "max_lpars", .show = sys_lpars },
	TEXT_ROW("max_power_ctrl_lpars", "0"),
	TEXT_ROW("service_lpar_id", "none"),
	TEXT_ROW("curr_sys_keylock", "norm"),
	{ 0 },
};
/* clang-format on */

static void lpar_name(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, spec_of(object)->name);
}

static void lpar_id(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%u", row_of(object)->lpar->record->lpar_id);
}

static void lpar_state(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, hmc_partition_state(row_of(object)->lpar));
}

/* A partition owns memory while it runs, and afterwards what nobody needed yet. */
static void lpar_resources(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__LparRecord *record = row_of(object)->lpar->record;

	(void)text;
	hmc_value_set(value, "%d", record->running || record->retained_bytes != 0);
}

static void lpar_serial(const void *object, const char *text, struct hmc_value *value)
{
	const struct hmc_row *row = object;

	(void)text;
	hmc_value_set(value, "%s%X", hmc_serial(row->host->record),
		      row->lpar->record->lpar_id);
}

static void lpar_profile(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__LparRecord *record = row_of(object)->lpar->record;
	const char *name = text[0] == 'd' ? record->default_profile
					  : record->curr_profile;

	hmc_value_text(value, name != NULL ? name : "");
}

const char *hmc_lpar_attribute(const Tarn__LparRecord *record, const char *name)
{
	for (size_t i = 0; i < record->n_attributes; i++)
		if (strcmp(record->attributes[i]->name, name) == 0)
			return record->attributes[i]->value;
	return hv_lpar_attribute_find(HV_SCOPE_LPAR, name)->absent;
}

static void lpar_kept(const void *object, const char *text, struct hmc_value *value)
{
	hmc_value_text(value, hmc_lpar_attribute(row_of(object)->lpar->record, text));
}

/* clang-format off */
#define KEPT(name_) { .name = (name_), .show = lpar_kept, .text = (name_) }
const struct hmc_attribute hmc_show_lpar[] = {
	{ .name = "name", .show = lpar_name },
	{ .name = "lpar_id", .show = lpar_id },
	KEPT("lpar_env"),
	{ .name = "state", .show = lpar_state },
	{ .name = "resource_config", .show = lpar_resources },
	{ .name = "os_version", .show = hmc_show_text, .text = "Unknown" },
	{ .name = "logical_serial_num", .show = lpar_serial },
	{ .name = "default_profile", .show = lpar_profile, .text = "default" },
	{ .name = "curr_profile", .show = lpar_profile, .text = "curr" },
	KEPT("work_group_id"),
	KEPT("shared_proc_pool_util_auth"),
	{ .name = "shared_mem_pool_util_auth", .show = lpar_kept,
	  .text = "shared_mem_pool_util_auth", .is_on_request = true },
	KEPT("allow_perf_collection"),
	KEPT("power_ctrl_lpar_ids"),
	KEPT("boot_mode"),
	KEPT("lpar_keylock"),
	KEPT("auto_start"),
	KEPT("redundant_err_path_reporting"),
	{ .name = "rmc_state", .show = hmc_show_text, .text = "inactive" },
	{ .name = "rmc_ipaddr", .show = hmc_show_text, .text = "" },
	KEPT("time_ref"),
	KEPT("lpar_avail_priority"),
	KEPT("desired_lpar_proc_compat_mode"),
	{ .name = "curr_lpar_proc_compat_mode", .show = hmc_show_text, .text = UNAVAILABLE },
	KEPT("suspend_capable"),
	KEPT("remote_restart_capable"),
	KEPT("affinity_group_id"),
	KEPT("sync_curr_profile"),
	{ 0 },
};
/* clang-format on */

static const Tarn__LparProfile *profile_of(const void *object)
{
	return row_of(object)->profile;
}

static void prof_name(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, profile_of(object)->name);
}

/* What is derived is not shown: whoever reads it could not enter it. */
static void prof_memory(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__LparProfile *profile = profile_of(object);
	uint64_t bytes = text[0] == 'd' ? profile->mem_bytes : profile->max_bytes;

	if (hmc_has_all_resources(profile))
		return;
	if (strncmp(text, "min", 3) == 0)
		bytes = profile->min_bytes;
	hmc_value_set(value, "%llu", (unsigned long long)(bytes / HMC_MIB));
}

static void prof_mode(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, is_shared(profile_of(object)) ? "shared" : "ded");
}

static void prof_weight(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (is_shared(profile_of(object)))
		hmc_value_set(value, "%u", profile_of(object)->weight);
}

/* Set in whole MB; the minimum is what `auto` gives. */
static void prof_entitled(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__LparProfile *profile = profile_of(object);

	(void)text;
	if (!is_shared(profile))
		return;
	if (profile->entitled_bytes < HMC_MIB)
		hmc_value_set(value, "auto");
	else
		hmc_value_set(value, "%llu",
			      (unsigned long long)(profile->entitled_bytes / HMC_MIB));
}

static void prof_ratio(const void *object, const char *text, struct hmc_value *value)
{
	const struct hmc_row *row = object;
	const Tarn__PlatformProfile *platform = row->host->record->profile;
	uint32_t ratio = row->profile->hpt_ratio;

	(void)text;
	if (ratio == 0 && platform != NULL)
		ratio = platform->hpt_ratio;
	if (ratio != 0)
		hmc_value_set(value, "1:%u", ratio);
}

static void prof_kept(const void *object, const char *text, struct hmc_value *value)
{
	const char *kept = hv_lpar_profile_value(profile_of(object), text);

	if (hmc_has_all_resources(profile_of(object)) && hmc_is_derived(text))
		return;
	if (kept != NULL)
		hmc_value_text(value, kept);
}

static void prof_adapters(const void *object, const char *text, struct hmc_value *value)
{
	char made[HMC_ADAPTERS_BYTES];
	const char *list = hmc_adapters_value(profile_of(object), text, made);

	if (list != NULL)
		hmc_value_text(value, list);
}

static void prof_paging(const void *object, const char *text, struct hmc_value *value)
{
	if (!is_shared(profile_of(object)))
		return;
	prof_kept(object, text, value);
	if (value->is_absent)
		hmc_value_set(value, "none");
}

static void prof_env(const void *object, const char *text, struct hmc_value *value)
{
	hmc_value_text(value, hmc_lpar_attribute(row_of(object)->lpar->record, text));
}

/* clang-format off */
#define PROF(name_) { .name = (name_), .show = prof_kept, .text = (name_) }
const struct hmc_attribute hmc_show_prof[] = {
	{ .name = "name", .show = prof_name },
	{ .name = "lpar_name", .show = lpar_name },
	{ .name = "lpar_id", .show = lpar_id },
	{ .name = "lpar_env", .show = prof_env, .text = "lpar_env" },
	PROF("all_resources"),
	{ .name = "min_mem", .show = prof_memory, .text = "min" },
	{ .name = "desired_mem", .show = prof_memory, .text = "desired" },
	{ .name = "max_mem", .show = prof_memory, .text = "max" },
	PROF("min_num_huge_pages"),
	PROF("desired_num_huge_pages"),
	PROF("max_num_huge_pages"),
	{ .name = "mem_mode", .show = prof_mode },
	{ .name = "mem_weight", .show = prof_weight },
	{ .name = "desired_io_entitled_mem", .show = prof_entitled },
	{ .name = "primary_paging_vios_name", .show = prof_paging, .text = "primary_paging_vios_name" },
	{ .name = "secondary_paging_vios_name", .show = prof_paging, .text = "secondary_paging_vios_name" },
	PROF("mem_expansion"),
	{ .name = "hpt_ratio", .show = prof_ratio },
	PROF("proc_mode"),
	PROF("min_proc_units"),
	PROF("desired_proc_units"),
	PROF("max_proc_units"),
	PROF("min_procs"),
	PROF("desired_procs"),
	PROF("max_procs"),
	PROF("sharing_mode"),
	PROF("uncap_weight"),
	PROF("io_slots"),
	PROF("lpar_io_pool_ids"),
	PROF("max_virtual_slots"),
	PROF("virtual_serial_adapters"),
	{ .name = "virtual_scsi_adapters", .show = prof_adapters, .text = "virtual_scsi_adapters" },
	{ .name = "virtual_eth_adapters", .show = prof_adapters, .text = "virtual_eth_adapters" },
	PROF("hca_adapters"),
	PROF("boot_mode"),
	PROF("conn_monitoring"),
	PROF("auto_start"),
	PROF("power_ctrl_lpar_ids"),
	PROF("work_group_id"),
	PROF("redundant_err_path_reporting"),
	{ 0 },
};
/* clang-format on */
