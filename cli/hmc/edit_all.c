/*
 * edit_all - a profile with all_resources=1: what it has is derived when it is defined.
 *
 *   memory      all that the system has beside its hypervisor, were the partition the
 *               only one that runs; at least one block of it at activation
 *   processors  all of them, at least one
 *
 * At activation it gets what is free then, and only while no other partition runs: the
 * coordinator sees to that.
 */
#include "cli/hmc/edit_all.h"

#include <string.h>

#include "hvcore/base/units.h"
#include "hvcore/reserve/reserve.h"

#define PROCESSORS_MAX 256 /* of one partition: hvcore/wire/lpar_profile.c */

static const char *const derived[] = {
	"min_mem",        "desired_mem",  "max_mem",        "min_procs",
	"desired_procs",  "max_procs",    "min_proc_units", "desired_proc_units",
	"max_proc_units", "sharing_mode", "uncap_weight",   NULL,
};

bool hmc_is_derived(const char *name)
{
	for (unsigned i = 0; derived[i] != NULL; i++)
		if (strcmp(derived[i], name) == 0)
			return true;
	return false;
}

bool hmc_has_all_resources(const Tarn__LparProfile *profile)
{
	return strcmp(hv_lpar_profile_value(profile, "all_resources"), "1") == 0;
}

/* What the definition that it has now costs: the new one takes its place. */
static uint64_t own_bytes(const struct hmc_edit *edit, const struct hv_profile *model)
{
	struct hv_reserve_partition partition = { 0 };

	if (edit->lpar == NULL)
		return 0;
	partition.max_bytes = edit->lpar->record->spec->max_bytes;
	return hv_reserve_cost(model, &partition).creation_bytes;
}

/* What the hypervisor keeps if it runs with that maximum, and nothing else. */
static uint64_t firmware_bytes(const struct hmc_edit *edit,
			       const struct hv_profile *model, uint64_t max_bytes)
{
	const Tarn__HostMemory *memory = edit->system->host->memory;
	struct hv_reserve_partition partition = {
		.max_bytes = max_bytes,
		.hpt_ratio = edit->profile.hpt_ratio,
		.virtual_adapters = edit->profile.virtual_adapters,
		.is_active = true,
	};
	struct hv_reserve_cost cost = hv_reserve_cost(model, &partition);
	uint64_t others = memory->management_bytes + memory->tce_bytes;
	uint64_t own = own_bytes(edit, model);
	uint64_t exact = (others > own ? others - own : 0) + cost.creation_bytes +
			 cost.hpt_bytes + cost.tce_bytes;
	uint64_t blocks = (exact + edit->block_bytes - 1) / edit->block_bytes;

	return blocks * edit->block_bytes;
}

static bool fits(const struct hmc_edit *edit, const struct hv_profile *model,
		 uint64_t blocks)
{
	uint64_t bytes = blocks * edit->block_bytes;
	uint64_t total = edit->system->host->memory->configurable_bytes;

	return bytes <= HV_LPAR_BYTES_MAX && bytes <= total &&
	       firmware_bytes(edit, model, bytes) <= total - bytes;
}

/* The most blocks that fit; 0: not even one. Costs never fall with the maximum. */
static uint64_t most_blocks(const struct hmc_edit *edit, const struct hv_profile *model)
{
	uint64_t low = 0;
	uint64_t high =
		edit->system->host->memory->configurable_bytes / edit->block_bytes + 1;

	while (low + 1 < high) {
		uint64_t middle = low + (high - low) / 2;

		if (fits(edit, model, middle))
			low = middle;
		else
			high = middle;
	}
	return low;
}

static enum hv_code derive_memory(struct hmc_edit *edit, struct hv_err *err)
{
	const Tarn__HostView *host = edit->system->host;
	struct hv_profile model;
	uint64_t blocks;

	if (host->memory == NULL || host->record->profile == NULL)
		return hmc_fail(err, HMC_UNSUPPORTED, "A profile with all resources",
				"The size of the system is not known: enter min_mem, "
				"desired_mem and max_mem.",
				NULL);
	if (hv_profile_from_message(host->record->profile, &model, err) != HV_OK)
		return hmc_translate(err);
	blocks = most_blocks(edit, &model);
	if (blocks == 0)
		return hmc_fail(err, HMC_CAPACITY,
				"the system has no memory beside its hypervisor's", NULL,
				NULL);
	edit->profile.min_bytes = edit->block_bytes;
	edit->profile.mem_bytes = edit->profile.max_bytes = blocks * edit->block_bytes;
	return HV_OK;
}

static enum hv_code derive_processors(struct hmc_edit *edit, struct hv_err *err)
{
	uint32_t count = edit->system->host->record->profile->processors;
	char text[16];
	enum hv_code code = hmc_edit_set(edit, "min_procs", "1", err);

	if (count > PROCESSORS_MAX)
		count = PROCESSORS_MAX;
	(void)snprintf(text, sizeof(text), "%u", count > 0 ? count : 1);
	if (code == HV_OK)
		code = hmc_edit_set(edit, "desired_procs", text, err);
	if (code == HV_OK)
		code = hmc_edit_set(edit, "max_procs", text, err);
	return code;
}

enum hv_code hmc_edit_derive(struct hmc_edit *edit, struct hv_err *err)
{
	char reason[128];
	enum hv_code code;

	(void)snprintf(reason, sizeof(reason),
		       "%.31s cannot be entered where all_resources is 1",
		       edit->derived != NULL ? edit->derived : "");
	if (edit->derived != NULL)
		return hmc_fail(err, HMC_BAD_RECORD, reason, NULL, NULL);
	if (edit->profile.mode != TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED ||
	    strcmp(hv_lpar_profile_value(&edit->profile, "proc_mode"), "ded") != 0)
		return hmc_fail(err, HMC_BAD_RECORD,
				"mem_mode and proc_mode are ded where all_resources is 1",
				NULL, NULL);
	hmc_edit_forget(edit);
	code = derive_memory(edit, err);
	return code == HV_OK ? derive_processors(edit, err) : code;
}

void hmc_edit_forget(struct hmc_edit *edit)
{
	size_t kept = 0;

	edit->profile.min_bytes = edit->profile.mem_bytes = edit->profile.max_bytes = 0;
	for (size_t i = 0; i < edit->profile.n_attributes; i++) {
		if (hmc_is_derived(edit->attributes[i].name))
			continue;
		edit->attributes[kept].name = edit->attributes[i].name;
		edit->attributes[kept].value = edit->attributes[i].value;
		kept++;
	}
	edit->profile.n_attributes = kept;
}
