/* show_pool - what lshwres and lsmemdev print of the shared memory pool; see show.h. */
#include "cli/hmc/show.h"

#include <string.h>

static const struct hmc_row *row_of(const void *object)
{
	return object;
}

static void set_mib(struct hmc_value *value, uint64_t bytes)
{
	hmc_value_set(value, "%llu", (unsigned long long)(bytes / HMC_MIB));
}

/* While a change is under way, what was before it is current, what comes is pending. */
static void pool_memory(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__HostRecord *host = row_of(object)->host->record;
	const Tarn__DesiredPool *pool = host->pool;

	if (text[0] == 'c' && host->has_pool_job && host->pool_before != NULL)
		pool = host->pool_before;
	set_mib(value, text[1] == 'x' ? pool->max_bytes : pool->mem_bytes);
}

static void pool_firmware(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__HostMemory *memory = row_of(object)->host->memory;

	(void)text;
	if (memory != NULL)
		set_mib(value, memory->pool_firmware_bytes + HMC_MIB - 1);
	else
		hmc_value_set(value, "unavailable");
}

static void pool_vios(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__HostRecord *host = row_of(object)->host->record;
	const char *first = NULL, *second = NULL;

	(void)text;
	for (size_t i = 0; i < host->n_vios; i++) {
		if (!host->vios[i]->enabled)
			continue;
		if (first == NULL)
			first = host->vios[i]->name;
		else
			second = host->vios[i]->name;
	}
	hmc_value_set(value, "%s%s%s", first != NULL ? first : "none",
		      second != NULL ? "," : "", second != NULL ? second : "");
}

/* clang-format off */
#define FIXED(name_, text_) { .name = (name_), .show = hmc_show_text, .text = (text_) }
const struct hmc_attribute hmc_show_pool[] = {
	{ .name = "curr_pool_mem", .show = pool_memory, .text = "cd" },
	{ .name = "curr_max_pool_mem", .show = pool_memory, .text = "cx" },
	{ .name = "pend_pool_mem", .show = pool_memory, .text = "pd" },
	{ .name = "pend_max_pool_mem", .show = pool_memory, .text = "px" },
	{ .name = "sys_firmware_pool_mem", .show = pool_firmware },
	{ .name = "paging_vios_names", .show = pool_vios },
	FIXED("paging_vios_ids", "none"),
	{ 0 },
};
/* clang-format on */

static const Tarn__DeviceRecord *device_of(const void *object)
{
	return row_of(object)->device->record;
}

static void dev_name(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, device_of(object)->device->name);
}

static void dev_size(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	set_mib(value, device_of(object)->usable_bytes);
}

/* A block device below /dev is a disk; a file is what a logical volume is to a VIOS. */
static void dev_type(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, strncmp(device_of(object)->device->path, "/dev/", 5) == 0
				      ? "phys"
				      : "logical");
}

static void dev_state(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, row_of(object)->device->state);
}

static void dev_path(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_text(value, device_of(object)->device->path);
}

static void dev_redundant(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%d", row_of(object)->device->redundant);
}

static void dev_vios(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__HostRecord *host = row_of(object)->host->record;
	const char *only = device_of(object)->device->vios;
	size_t at = text[0] == 'p' ? 0 : 1;

	if (only != NULL && at == 0) {
		hmc_value_text(value, only);
		return;
	}
	if (at == 1 && !row_of(object)->device->redundant)
		return;
	if (at < host->n_vios)
		hmc_value_text(value, host->vios[at]->name);
}

/* What a device has only where both of a pair reach it. */
static void dev_second(const void *object, const char *text, struct hmc_value *value)
{
	if (!row_of(object)->device->redundant)
		return;
	switch (text[0]) {
	case 'n':
		dev_name(object, text, value);
		break;
	case 'p':
		dev_path(object, text, value);
		break;
	case 's':
		dev_state(object, text, value);
		break;
	default:
		hmc_value_set(value, "none");
		break;
	}
}

static const Tarn__LparView *owner_of(const void *object)
{
	const struct hmc_row *row = object;
	const char *name = row->device->record->lpar;

	for (size_t i = 0; name != NULL && i < row->system->status->n_lpars; i++)
		if (strcmp(row->system->status->lpars[i]->record->spec->name, name) == 0)
			return row->system->status->lpars[i];
	return NULL;
}

static void dev_lpar(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__LparView *lpar = owner_of(object);

	(void)text;
	if (lpar != NULL)
		hmc_value_text(value, lpar->record->spec->name);
}

static void dev_lpar_id(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__LparView *lpar = owner_of(object);

	(void)text;
	if (lpar != NULL)
		hmc_value_set(value, "%u", lpar->record->lpar_id);
	else
		hmc_value_set(value, "none");
}

/* clang-format off */
const struct hmc_attribute hmc_show_pgdev[] = {
	{ .name = "device_name", .show = dev_name },
	{ .name = "paging_vios_name", .show = dev_vios, .text = "p" },
	FIXED("paging_vios_id", "none"),
	{ .name = "size", .show = dev_size },
	{ .name = "type", .show = dev_type },
	{ .name = "state", .show = dev_state },
	{ .name = "phys_loc", .show = dev_path },
	{ .name = "is_redundant", .show = dev_redundant },
	{ .name = "redundant_device_name", .show = dev_second, .text = "n" },
	{ .name = "redundant_paging_vios_name", .show = dev_vios, .text = "s" },
	{ .name = "redundant_paging_vios_id", .show = dev_second, .text = "i" },
	{ .name = "redundant_phys_loc", .show = dev_second, .text = "p" },
	{ .name = "redundant_state", .show = dev_second, .text = "s" },
	{ .name = "lpar_name", .show = dev_lpar },
	{ .name = "lpar_id", .show = dev_lpar_id },
	{ 0 },
};

const struct hmc_attribute hmc_show_device[] = {
	{ .name = "device_name", .show = dev_name },
	{ .name = "phys_loc", .show = dev_path },
	{ .name = "redundant_capable", .show = dev_redundant },
	{ .name = "size", .show = dev_size },
	FIXED("storage_pool", "none"),
	{ .name = "type", .show = dev_type },
	{ 0 },
};
/* clang-format on */
