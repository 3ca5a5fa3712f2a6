/* show_utilization - see show_utilization.h. */
#include "cli/hmc/show_utilization.h"

#include <string.h>

#define CYCLES_PER_US 512

const struct hmc_filter_name hmc_filter_utilization[] = { { "event_types", "event_type" },
							  { 0 } };
const struct hmc_filter_name hmc_filter_utilization_lpar[] = {
	{ "event_types", "event_type" },
	{ "lpar_names", "lpar_name" },
	{ "lpar_ids", "lpar_id" },
	{ 0 }
};

static const char *const event_names[] = {
	[TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE] = "sample",
	[TARN__UTILIZATION_EVENT__UTILIZATION_STATE_CHANGE] = "state_change",
	[TARN__UTILIZATION_EVENT__UTILIZATION_CONFIG_CHANGE] = "config_change",
};

int hmc_utilization_event(const char *name)
{
	for (unsigned i = 0; i < HV_COUNT(event_names); i++)
		if (event_names[i] != NULL && strcmp(event_names[i], name) == 0)
			return (int)i;
	return -1;
}

static const struct hmc_utilization_row *row_of(const void *object)
{
	return object;
}

static const Tarn__UtilizationSample *sample_of(const void *object)
{
	return row_of(object)->sample;
}

static bool is_event(const void *object, Tarn__UtilizationEvent event)
{
	return sample_of(object)->event == event;
}

static bool is_sample(const void *object)
{
	return is_event(object, TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE);
}

/* A sample, or a change of the configuration: both say what it is. */
static bool has_config(const void *object)
{
	return !is_event(object, TARN__UTILIZATION_EVENT__UTILIZATION_STATE_CHANGE);
}

static void set_mib(struct hmc_value *value, uint64_t bytes)
{
	hmc_value_set(value, "%llu", (unsigned long long)(bytes / HMC_MIB));
}

/* ---- every row ---- */

static void row_time(const void *object, const char *text, struct hmc_value *value)
{
	const struct hmc_utilization_row *row = object;
	char shown[HMC_TIME_BYTES];

	(void)text;
	hmc_value_text(value,
		       hmc_time_text(row->sample->wall_ms, row->utc_offset_s, shown));
}

static void row_event(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, event_names[sample_of(object)->event]);
}

static void row_resource(const void *object, const char *text, struct hmc_value *value)
{
	const char *name = "lpar";

	(void)text;
	if (row_of(object)->resource == HMC_RESOURCE_SYS)
		name = "sys";
	if (row_of(object)->resource == HMC_RESOURCE_POOL)
		name = "pool";
	if (row_of(object)->resource == HMC_RESOURCE_PROCPOOL)
		name = "procpool";
	if (row_of(object)->resource == HMC_RESOURCE_MEMPOOL)
		name = "mempool";
	hmc_value_text(value, name);
}

/* A figure that nothing measures. */
static void nothing(const void *object, const char *text, struct hmc_value *value)
{
	(void)object;
	(void)text;
	(void)value;
}

static void config_text(const void *object, const char *text, struct hmc_value *value)
{
	if (has_config(object))
		hmc_value_text(value, text);
}

static void sample_text(const void *object, const char *text, struct hmc_value *value)
{
	if (is_sample(object))
		hmc_value_text(value, text);
}

/* ---- the system, and its processors ---- */

static void sys_state(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__UtilizationSys *sys = sample_of(object)->sys;

	(void)text;
	if (!is_sample(object))
		return;
	if (!sys->connected)
		hmc_value_set(value, "No Connection");
	else
		hmc_value_text(value, sys->operating ? "Operating" : "Power Off");
}

/* text: i for installed, f for free, p for those of the shared pool. */
static void sys_units(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__UtilizationSys *sys = sample_of(object)->sys;
	uint32_t units = sys->processors;

	if (!has_config(object) || !sys->has_processors)
		return;
	if (text[0] == 'f')
		units = sys->free_processors;
	if (text[0] == 'p')
		units = sys->pool_processors;
	hmc_value_units(value, units);
}

/* text: c for configurable, a for available, f for firmware. */
static void sys_memory(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__HostMemory *memory = sample_of(object)->sys->memory;

	if (!has_config(object) || memory == NULL)
		return;
	if (text[0] == 'c')
		set_mib(value, memory->configurable_bytes);
	if (text[0] == 'a')
		set_mib(value, memory->available_bytes);
	if (text[0] == 'f')
		set_mib(value, memory->firmware_bytes);
}

/* ---- the shared memory pool ---- */

static void pool_faults(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__UtilizationPool *pool = sample_of(object)->pool;

	(void)text;
	if (is_sample(object) && pool->has_page_faults)
		hmc_value_set(value, "%llu", (unsigned long long)pool->page_faults);
}

static void pool_delay(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__UtilizationPool *pool = sample_of(object)->pool;

	(void)text;
	if (is_sample(object) && pool->has_page_in_delay_us)
		hmc_value_set(value, "%llu", (unsigned long long)pool->page_in_delay_us);
}

/* text: m for the pool's memory, e for entitled, r for logical, f for firmware. */
static void pool_memory(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__UtilizationPool *pool = sample_of(object)->pool;

	if (!has_config(object) || (text[0] == 'f' && !pool->has_firmware_bytes))
		return;
	if (text[0] == 'm')
		set_mib(value, pool->pool_bytes);
	if (text[0] == 'e')
		set_mib(value, pool->entitled_bytes + HMC_MIB - 1);
	if (text[0] == 'r')
		set_mib(value, pool->run_bytes);
	if (text[0] == 'f')
		set_mib(value, pool->firmware_bytes + HMC_MIB - 1);
}

/* Now, so a change of the configuration does not say it. */
static void pool_mapped(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__UtilizationPool *pool = sample_of(object)->pool;

	(void)text;
	if (is_sample(object) && pool->has_mapped_bytes)
		set_mib(value, pool->mapped_bytes + HMC_MIB - 1);
}

/* ---- partitions ---- */

static const Tarn__UtilizationLpar *lpar_of(const void *object)
{
	return row_of(object)->lpar;
}

static bool is_shared(const void *object)
{
	return lpar_of(object)->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
}

static void lpar_name(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, lpar_of(object)->name);
}

static void lpar_id(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%u", lpar_of(object)->lpar_id);
}

static void lpar_uptime(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (is_sample(object) && lpar_of(object)->has_uptime_s)
		hmc_value_set(value, "%llu",
			      (unsigned long long)lpar_of(object)->uptime_s);
}

static void lpar_proc_mode(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (has_config(object))
		hmc_value_text(value,
			       lpar_of(object)->shared_processors ? "shared" : "ded");
}

static void lpar_units(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (has_config(object) && lpar_of(object)->shared_processors)
		hmc_value_units(value, lpar_of(object)->processors);
}

static void lpar_procs(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (has_config(object))
		hmc_value_set(value, "%u", lpar_of(object)->virtual_processors);
}

static void lpar_sharing(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__UtilizationLpar *lpar = lpar_of(object);

	(void)text;
	if (!has_config(object))
		return;
	if (lpar->sharing_mode != NULL)
		hmc_value_text(value, lpar->sharing_mode);
	else
		hmc_value_text(value,
			       lpar->shared_processors ? "cap" : "keep_idle_procs");
}

static void lpar_uncap(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (has_config(object) && lpar_of(object)->has_uncap_weight)
		hmc_value_set(value, "%u", lpar_of(object)->uncap_weight);
}

static void lpar_proc_pool(const void *object, const char *text, struct hmc_value *value)
{
	if (has_config(object) && lpar_of(object)->shared_processors)
		hmc_value_text(value, text);
}

static void lpar_mode(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (has_config(object))
		hmc_value_text(value, is_shared(object) ? "shared" : "ded");
}

static void lpar_memory(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (has_config(object))
		set_mib(value, lpar_of(object)->mem_bytes);
}

static void lpar_backed(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (is_sample(object) && lpar_of(object)->has_backed_bytes)
		set_mib(value, lpar_of(object)->backed_bytes + HMC_MIB - 1);
}

static void lpar_entitled(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (has_config(object) && is_shared(object))
		set_mib(value, lpar_of(object)->entitled_bytes + HMC_MIB - 1);
}

static void lpar_mapped(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (is_sample(object) && is_shared(object) && lpar_of(object)->has_mapped_bytes)
		set_mib(value, lpar_of(object)->mapped_bytes + HMC_MIB - 1);
}

static void lpar_weight(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (has_config(object) && is_shared(object))
		hmc_value_set(value, "%u", lpar_of(object)->weight);
}

/* Cycles of the time base, whose 512 MHz proc_cycles_per_second tells. */
static void set_cycles(struct hmc_value *value, uint64_t us)
{
	hmc_value_set(value, "%llu", (unsigned long long)us * CYCLES_PER_US);
}

static void lpar_entitled_cycles(const void *object, const char *text,
				 struct hmc_value *value)
{
	(void)text;
	if (is_sample(object) && lpar_of(object)->has_entitled_us)
		set_cycles(value, lpar_of(object)->entitled_us);
}

/* What it used of its own, and beyond: only an uncapped one has the latter. */
static void lpar_capped_cycles(const void *object, const char *text,
			       struct hmc_value *value)
{
	const Tarn__UtilizationLpar *lpar = lpar_of(object);

	(void)text;
	if (is_sample(object) && lpar->has_cpu_us)
		set_cycles(value, lpar->cpu_us > lpar->uncapped_us
					  ? lpar->cpu_us - lpar->uncapped_us
					  : 0);
}

static void lpar_uncapped_cycles(const void *object, const char *text,
				 struct hmc_value *value)
{
	(void)text;
	if (is_sample(object) && lpar_of(object)->has_cpu_us)
		set_cycles(value, lpar_of(object)->uncapped_us);
}

/* The time base itself: it runs with the clock. */
static void row_cycles(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (is_sample(object))
		set_cycles(value, sample_of(object)->wall_ms * 1000);
}

/* Less than nothing: so much its operating system has loaned. */
static void lpar_overage(const void *object, const char *text, struct hmc_value *value)
{
	uint64_t mib;

	(void)text;
	if (!is_sample(object) || !is_shared(object) ||
	    !lpar_of(object)->has_loaned_bytes)
		return;
	mib = lpar_of(object)->loaned_bytes / HMC_MIB;
	hmc_value_set(value, "%s%llu", mib > 0 ? "-" : "", (unsigned long long)mib);
}

/* ---- states ---- */

static const char *state_of(const struct hmc_utilization_row *row)
{
	const Tarn__UtilizationSys *sys = row->sample->sys;

	if (row->resource == HMC_RESOURCE_LPAR) {
		if (row->lpar->changing)
			return row->lpar->running ? "Starting" : "Stopping";
		return row->lpar->running ? "Started" : "Stopped";
	}
	if (!sys->connected)
		return "Not Available";
	return sys->operating ? "Started" : "Stopped";
}

static void row_state(const void *object, const char *text, struct hmc_value *value)
{
	const char *state = state_of(object);
	bool is_known = strcmp(state, "Not Available") != 0;

	if (has_config(object))
		return;
	if (text[0] == 'p')
		hmc_value_text(value, state);
	else
		hmc_value_text(value, is_known ? "None" : "Unknown");
}

/* clang-format off */
#define SYS      HMC_RESOURCE_SYS
#define POOL     HMC_RESOURCE_POOL
#define PROCPOOL HMC_RESOURCE_PROCPOOL
#define MEMPOOL  HMC_RESOURCE_MEMPOOL
#define LPAR     HMC_RESOURCE_LPAR
#define ALL      HMC_RESOURCE_ALL
#define COLUMN(kinds_, name_, show_, text_) \
	{ .name = (name_), .show = (show_), .text = (text_), .kinds = (kinds_) }
#define ON_REQUEST(kinds_, name_, show_, text_) \
	{ .name = (name_), .show = (show_), .text = (text_), .is_on_request = true, .kinds = (kinds_) }

static const struct hmc_attribute columns[] = {
	COLUMN(ALL, "time", row_time, NULL),
	COLUMN(ALL, "event_type", row_event, NULL),
	COLUMN(ALL, "resource_type", row_resource, NULL),
	COLUMN(ALL, "sys_time", row_time, NULL),
	COLUMN(LPAR, "lpar_name", lpar_name, NULL),
	COLUMN(LPAR, "lpar_id", lpar_id, NULL),
	COLUMN(SYS | LPAR, "primary_state", row_state, "p"),
	COLUMN(SYS | LPAR, "detailed_state", row_state, "d"),
	COLUMN(SYS, "state", sys_state, NULL),
	COLUMN(SYS, "configurable_sys_proc_units", sys_units, "i"),
	COLUMN(SYS, "configurable_sys_mem", sys_memory, "c"),
	COLUMN(SYS, "curr_avail_sys_proc_units", sys_units, "f"),
	COLUMN(SYS, "curr_avail_5250_cpw_percent", config_text, "0.0"),
	COLUMN(SYS, "curr_avail_sys_mem", sys_memory, "a"),
	COLUMN(SYS, "sys_firmware_mem", sys_memory, "f"),
	COLUMN(SYS, "proc_cycles_per_second", sample_text, "512000000"),
	COLUMN(PROCPOOL, "shared_proc_pool_name", config_text, "DefaultPool"),
	COLUMN(PROCPOOL, "shared_proc_pool_id", config_text, "0"),
	COLUMN(POOL | PROCPOOL, "total_pool_cycles", nothing, NULL),
	COLUMN(POOL | PROCPOOL, "utilized_pool_cycles", nothing, NULL),
	COLUMN(POOL, "configurable_pool_proc_units", sys_units, "p"),
	COLUMN(POOL, "borrowed_pool_proc_units", config_text, "0.0"),
	COLUMN(POOL, "curr_avail_pool_proc_units", sys_units, "f"),
	COLUMN(PROCPOOL, "max_pool_units", nothing, NULL),
	COLUMN(MEMPOOL, "page_faults", pool_faults, NULL),
	COLUMN(MEMPOOL, "page_in_delay", pool_delay, NULL),
	COLUMN(MEMPOOL, "curr_pool_mem", pool_memory, "m"),
	COLUMN(MEMPOOL, "lpar_curr_io_entitled_mem", pool_memory, "e"),
	COLUMN(MEMPOOL, "lpar_mapped_io_entitled_mem", pool_mapped, NULL),
	COLUMN(MEMPOOL, "lpar_run_mem", pool_memory, "r"),
	COLUMN(MEMPOOL, "sys_firmware_pool_mem", pool_memory, "f"),
	COLUMN(LPAR, "uptime", lpar_uptime, NULL),
	COLUMN(LPAR, "curr_proc_mode", lpar_proc_mode, NULL),
	COLUMN(LPAR, "curr_proc_units", lpar_units, NULL),
	COLUMN(LPAR, "curr_procs", lpar_procs, NULL),
	COLUMN(LPAR, "curr_sharing_mode", lpar_sharing, NULL),
	COLUMN(LPAR, "curr_uncap_weight", lpar_uncap, NULL),
	ON_REQUEST(LPAR, "curr_shared_proc_pool_name", lpar_proc_pool, "DefaultPool"),
	COLUMN(LPAR, "curr_shared_proc_pool_id", lpar_proc_pool, "0"),
	ON_REQUEST(LPAR, "curr_5250_cpw_percent", config_text, "0.0"),
	COLUMN(LPAR, "entitled_cycles", lpar_entitled_cycles, NULL),
	COLUMN(LPAR, "capped_cycles", lpar_capped_cycles, NULL),
	COLUMN(LPAR, "uncapped_cycles", lpar_uncapped_cycles, NULL),
	COLUMN(LPAR, "donated_cycles", nothing, NULL),
	COLUMN(LPAR, "idle_cycles", nothing, NULL),
	COLUMN(LPAR, "shared_cycles_while_active", nothing, NULL),
	COLUMN(LPAR | POOL | PROCPOOL, "time_cycles", row_cycles, NULL),
	COLUMN(LPAR, "mem_mode", lpar_mode, NULL),
	COLUMN(LPAR, "curr_mem", lpar_memory, NULL),
	COLUMN(LPAR, "phys_run_mem", lpar_backed, NULL),
	COLUMN(LPAR, "curr_io_entitled_mem", lpar_entitled, NULL),
	COLUMN(LPAR, "mapped_io_entitled_mem", lpar_mapped, NULL),
	COLUMN(LPAR, "run_mem_weight", lpar_weight, NULL),
	COLUMN(LPAR, "mem_overage_cooperation", lpar_overage, NULL),
};
/* clang-format on */

void hmc_utilization_columns(unsigned resources,
			     struct hmc_attribute ret_table[HMC_FIELDS_MAX])
{
	size_t count = 0;

	static_assert(HV_COUNT(columns) < HMC_FIELDS_MAX, "a table has an end");
	for (size_t i = 0; i < HV_COUNT(columns); i++)
		if ((columns[i].kinds & resources) != 0)
			ret_table[count++] = columns[i];
	ret_table[count] = (struct hmc_attribute){ 0 };
}

unsigned hmc_utilization_kind(const void *object)
{
	return row_of(object)->resource;
}

static bool has_resource(const Tarn__UtilizationSample *sample,
			 enum hmc_resource resource)
{
	if (resource == HMC_RESOURCE_MEMPOOL)
		return sample->pool != NULL;
	if (resource == HMC_RESOURCE_POOL || resource == HMC_RESOURCE_PROCPOOL)
		return sample->sys != NULL && sample->sys->has_processors &&
		       sample->event != TARN__UTILIZATION_EVENT__UTILIZATION_STATE_CHANGE;
	return sample->sys != NULL;
}

void hmc_utilization_add(struct hmc_list *list, const struct hmc_utilization *wanted,
			 const Tarn__UtilizationSample *sample)
{
	static const enum hmc_resource order[] = { HMC_RESOURCE_SYS, HMC_RESOURCE_POOL,
						   HMC_RESOURCE_PROCPOOL,
						   HMC_RESOURCE_MEMPOOL };
	struct hmc_utilization_row row = { .utc_offset_s = wanted->utc_offset_s,
					   .sample = sample };

	for (size_t i = 0; i < HV_COUNT(order) && list->rows < wanted->most; i++) {
		row.resource = order[i];
		if ((wanted->resources & order[i]) != 0 && has_resource(sample, order[i]))
			hmc_list_add(list, &row);
	}
	row.resource = HMC_RESOURCE_LPAR;
	if ((wanted->resources & HMC_RESOURCE_LPAR) == 0)
		return;
	for (size_t i = 0; i < sample->n_lpars && list->rows < wanted->most; i++) {
		row.lpar = sample->lpars[i];
		hmc_list_add(list, &row);
	}
}
