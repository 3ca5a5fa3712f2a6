/* show_memory - what lshwres prints: memory, the pool, its devices; see show.h. */
#include "cli/hmc/show.h"

#include <stddef.h>
#include <string.h>

#include "hvcore/reserve/reserve.h"
#include "hvcore/wire/lpar_adapters.h"
#include "hvcore/wire/lpar_profile.h"

#define LIST_BYTES 1024

static const struct hmc_row *row_of(const void *object)
{
	return object;
}

static void set_mib(struct hmc_value *value, uint64_t bytes)
{
	hmc_value_set(value, "%llu", (unsigned long long)(bytes / HMC_MIB));
}

/* A figure of struct HostMemory; a host that is not known yet has none. */
static void show_figure(const void *object, size_t at, struct hmc_value *value)
{
	const Tarn__HostMemory *memory = row_of(object)->host->memory;

	if (memory == NULL)
		hmc_value_set(value, "unavailable");
	else
		set_mib(value,
			*(const uint64_t *)(const void *)((const char *)memory + at));
}

#define FIGURE(field_) \
	static void mem_##field_(const void *object, const char *text, \
				 struct hmc_value *value) \
	{ \
		(void)text; \
		show_figure(object, offsetof(Tarn__HostMemory, field_), value); \
	}
FIGURE(configurable_bytes)
FIGURE(available_bytes)
FIGURE(firmware_bytes)
FIGURE(lmb_bytes)

static void mem_ratio(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__PlatformProfile *platform = row_of(object)->host->record->profile;

	(void)text;
	if (platform != NULL)
		hmc_value_set(value, "1:%u", platform->hpt_ratio);
}

/* What the hypervisor needs for a partition with that maximum, once it runs. */
static uint64_t needed_mib(const struct hv_profile *profile, const struct hmc_row *row,
			   uint64_t max_mib)
{
	struct hv_reserve_partition partition = {
		.max_bytes = max_mib * HMC_MIB,
		.hpt_ratio = row->hpt_ratio,
		.virtual_adapters = HV_SERIAL_ADAPTERS,
		.is_active = true,
	};
	struct hv_reserve_cost cost = hv_reserve_cost(profile, &partition);
	uint64_t bytes = cost.creation_bytes + cost.hpt_bytes + cost.tce_bytes;

	return (bytes + HMC_MIB - 1) / HMC_MIB;
}

/* --maxmem's values were checked when the command began. */
static void mem_required(const void *object, const char *text, struct hmc_value *value)
{
	const struct hmc_row *row = object;
	const char *at = row->asked;
	char element[HMC_ELEMENT_BYTES], list[LIST_BYTES] = "";
	struct hv_profile profile;
	size_t used = 0;
	bool is_bad;

	(void)text;
	if (at == NULL || row->host->record->profile == NULL ||
	    hv_profile_from_message(row->host->record->profile, &profile, NULL) != HV_OK)
		return;
	while (hmc_list_next(&at, element, &is_bad) && used < sizeof(list)) {
		uint64_t mib = 0;

		if (hv_u64_parse(element, HV_LPAR_BYTES_MAX / HMC_MIB, &mib, NULL) !=
		    HV_OK)
			return;
		used += (size_t)snprintf(
			list + used, sizeof(list) - used, "%s%llu", used > 0 ? "," : "",
			(unsigned long long)needed_mib(&profile, row, mib));
	}
	hmc_value_text(value, list);
}

/* clang-format off */
#define FIXED(name_, text_) { .name = (name_), .show = hmc_show_text, .text = (text_) }
const struct hmc_attribute hmc_show_sys_mem[] = {
	{ .name = "configurable_sys_mem", .show = mem_configurable_bytes },
	{ .name = "curr_avail_sys_mem", .show = mem_available_bytes },
	{ .name = "pend_avail_sys_mem", .show = mem_available_bytes },
	{ .name = "installed_sys_mem", .show = mem_configurable_bytes },
	FIXED("max_capacity_sys_mem", "deprecated"),
	FIXED("deconfig_sys_mem", "0"),
	{ .name = "sys_firmware_mem", .show = mem_firmware_bytes },
	{ .name = "mem_region_size", .show = mem_lmb_bytes },
	FIXED("configurable_num_sys_huge_pages", "0"),
	FIXED("curr_avail_num_sys_huge_pages", "0"),
	FIXED("pend_avail_num_sys_huge_pages", "0"),
	FIXED("max_num_sys_huge_pages", "0"),
	FIXED("requested_num_sys_huge_pages", "0"),
	FIXED("huge_page_size", "16384"),
	FIXED("total_sys_bsr_arrays", "0"),
	FIXED("bsr_array_size", "0"),
	FIXED("curr_avail_sys_bsr_arrays", "0"),
	FIXED("max_mem_pools", "1"),
	FIXED("max_paging_vios_per_mem_pool", "2"),
	{ .name = "default_hpt_ratios", .show = mem_ratio },
	FIXED("possible_hpt_ratios", "1:32,1:64,1:128,1:256,1:512"),
	{ .name = "required_min_mem_aix_linux", .show = mem_required },
	{ .name = "pend_mem_region_size", .show = mem_lmb_bytes, .is_on_request = true },
	{ .name = "possible_mem_region_size", .show = mem_lmb_bytes, .is_on_request = true },
	{ 0 },
};
/* clang-format on */

static const Tarn__LparRecord *record_of(const void *object)
{
	return row_of(object)->lpar->record;
}

static bool is_shared(const void *object)
{
	return record_of(object)->spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
}

static bool is_running(const void *object)
{
	return record_of(object)->running;
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

/* What it owns now: of a shared one, its logical memory. */
static uint64_t current_bytes(const void *object)
{
	const Tarn__LparRecord *record = record_of(object);

	if (!is_running(object))
		return record->retained_bytes;
	return record->granted_bytes != 0 ? record->granted_bytes
					  : record->spec->mem_bytes;
}

/*
 * text: which of current, pending and running, and of minimum, desired and maximum.
 * Nothing before the first activation; nothing runs while it is off.
 */
static void lpar_memory(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__LparSpec *spec = record_of(object)->spec;
	bool has_any = hmc_partition_is_configured(row_of(object)->lpar) ||
		       record_of(object)->retained_bytes != 0;
	uint64_t bytes = 0;

	if (text[0] == 'r' && !is_running(object))
		has_any = false;
	if (has_any && text[1] == 'm')
		bytes = spec->min_bytes;
	if (has_any && text[1] == 'x')
		bytes = spec->max_bytes;
	if (has_any && text[1] == 'd')
		bytes = text[0] == 'p' ? spec->mem_bytes : current_bytes(object);
	set_mib(value, bytes);
}

static void lpar_mode(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, is_shared(object) ? "shared" : "ded");
}

static void lpar_ratio(const void *object, const char *text, struct hmc_value *value)
{
	uint32_t ratio = record_of(object)->spec->hpt_ratio;

	if (ratio != 0)
		hmc_value_set(value, "1:%u", ratio);
	else
		mem_ratio(object, text, value);
}

static void ded_text(const void *object, const char *text, struct hmc_value *value)
{
	if (!is_shared(object))
		hmc_value_text(value, text);
}

/* What its hypervisor was last told; NULL: pending, or it runs nowhere. */
static const Tarn__PartitionStat *told(const void *object, const char *text)
{
	const Tarn__PartitionStat *stat = row_of(object)->lpar->stat;

	return text[0] != 'p' && is_running(object) && stat != NULL &&
			       stat->has_ordered_weight
		       ? stat
		       : NULL;
}

static void shared_weight(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__PartitionStat *stat = told(object, text);
	uint32_t weight = record_of(object)->spec->weight;

	if (!is_shared(object))
		return;
	if (stat != NULL)
		weight = stat->ordered_weight;
	hmc_value_set(value, "%u", text[0] == 'r' && !is_running(object) ? 0 : weight);
}

static void shared_entitled(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__PartitionStat *stat = told(object, text);
	uint64_t bytes = hv_lpar_entitled(record_of(object)->spec);

	if (!is_shared(object))
		return;
	if (stat != NULL)
		bytes = stat->ordered_entitled_bytes;
	set_mib(value, text[0] == 'r' && !is_running(object) ? 0 : bytes + HMC_MIB - 1);
}

/* text: m the least of any partition, o what the adapters of this one need. */
static void shared_least(const void *object, const char *text, struct hmc_value *value)
{
	if (is_shared(object))
		set_mib(value, (text[0] == 'm' ? HV_LPAR_ENTITLED_LEAST
					       : hv_lpar_entitled_auto(
							 record_of(object)->spec)) +
				       HMC_MIB - 1);
}

/* What is mapped for I/O; text: m now, h the most so far. Nothing of what is off. */
static void shared_mapped(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__PartitionStat *stat = row_of(object)->lpar->stat;
	bool is_high = text[0] == 'h';

	if (!is_shared(object) || !is_running(object) || stat == NULL)
		return;
	if (is_high ? stat->has_io_high_bytes : stat->has_io_mapped_bytes)
		set_mib(value, (is_high ? stat->io_high_bytes : stat->io_mapped_bytes) +
				       HMC_MIB - 1);
}

static void shared_auto(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (is_shared(object))
		hmc_value_set(value, "%d",
			      hv_lpar_entitled_is_auto(record_of(object)->spec));
}

/* The pair is the host's: its primary is the one that it was given, or the first. */
static void shared_vios(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__HostRecord *host = row_of(object)->host->record;
	const Tarn__PartitionStat *stat = row_of(object)->lpar->stat;
	const char *primary = record_of(object)->primary;

	if (!is_shared(object))
		return;
	hmc_value_set(value, "none");
	if (text[0] == 'c') {
		if (is_running(object) && stat != NULL && stat->current != NULL)
			hmc_value_text(value, stat->current);
		return;
	}
	if (primary == NULL && host->n_vios > 0)
		primary = host->vios[0]->name;
	for (size_t i = 0; i < host->n_vios; i++)
		if ((strcmp(host->vios[i]->name, primary) == 0) == (text[0] == 'p'))
			hmc_value_text(value, host->vios[i]->name);
}

static void shared_none(const void *object, const char *text, struct hmc_value *value)
{
	if (is_shared(object))
		hmc_value_text(value, text);
}

/* clang-format off */
#define MEMORY(name_, text_) { .name = (name_), .show = lpar_memory, .text = (text_) }
const struct hmc_attribute hmc_show_lpar_mem[] = {
	{ .name = "lpar_name", .show = lpar_name },
	{ .name = "lpar_id", .show = lpar_id },
	MEMORY("curr_min_mem", "cm"),
	MEMORY("curr_mem", "cd"),
	MEMORY("curr_max_mem", "cx"),
	MEMORY("pend_min_mem", "pm"),
	MEMORY("pend_mem", "pd"),
	MEMORY("pend_max_mem", "px"),
	MEMORY("run_min_mem", "rm"),
	MEMORY("run_mem", "rd"),
	{ .name = "curr_min_num_huge_pages", .show = ded_text, .text = "0" },
	{ .name = "curr_num_huge_pages", .show = ded_text, .text = "0" },
	{ .name = "curr_max_num_huge_pages", .show = ded_text, .text = "0" },
	{ .name = "pend_min_num_huge_pages", .show = ded_text, .text = "0" },
	{ .name = "pend_num_huge_pages", .show = ded_text, .text = "0" },
	{ .name = "pend_max_num_huge_pages", .show = ded_text, .text = "0" },
	{ .name = "run_num_huge_pages", .show = ded_text, .text = "0" },
	{ .name = "mem_mode", .show = lpar_mode },
	{ .name = "auto_io_entitled_mem", .show = shared_auto },
	{ .name = "curr_io_entitled_mem", .show = shared_entitled, .text = "c" },
	{ .name = "curr_mem_weight", .show = shared_weight, .text = "c" },
	{ .name = "pend_io_entitled_mem", .show = shared_entitled, .text = "p" },
	{ .name = "pend_mem_weight", .show = shared_weight, .text = "p" },
	{ .name = "run_io_entitled_mem", .show = shared_entitled, .text = "r" },
	{ .name = "run_mem_weight", .show = shared_weight, .text = "r" },
	{ .name = "primary_paging_vios_name", .show = shared_vios, .text = "p" },
	{ .name = "primary_paging_vios_id", .show = shared_none, .text = "none" },
	{ .name = "secondary_paging_vios_name", .show = shared_vios, .text = "s" },
	{ .name = "secondary_paging_vios_id", .show = shared_none, .text = "none" },
	{ .name = "curr_paging_vios_name", .show = shared_vios, .text = "c" },
	{ .name = "curr_paging_vios_id", .show = shared_none, .text = "none" },
	{ .name = "curr_mem_expansion", .show = hmc_show_text, .text = "0.0" },
	{ .name = "pend_mem_expansion", .show = hmc_show_text, .text = "0.0" },
	{ .name = "curr_hpt_ratio", .show = lpar_ratio },
	{ .name = "mapped_io_entitled_mem", .show = shared_mapped, .text = "m",
	  .is_on_request = true },
	{ 0 },
};
const struct hmc_attribute hmc_show_lpar_stat[] = {
	{ .name = "lpar_name", .show = lpar_name },
	{ .name = "lpar_id", .show = lpar_id },
	{ .name = "min_io_entitled_mem", .show = shared_least, .text = "m" },
	{ .name = "optimal_io_entitled_mem", .show = shared_least, .text = "o" },
	{ .name = "max_io_entitled_mem_usage", .show = shared_mapped, .text = "h" },
	{ 0 },
};
/* clang-format on */
