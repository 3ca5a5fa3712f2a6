/*
 * chhwres_share - chhwres -r mem -o s: memory weight and I/O entitled memory of a shared
 * partition, at once where it runs.
 */
#include "cli/hmc/hwres.h"
#include "cli/hmc/show.h"

#include <string.h>

#include "hvcore/base/units.h"
#include "hvcore/wire/lpar_adapters.h"

/* What the record says, and from where += and -= go on. */
struct share {
	uint64_t weight, entitled_bytes;
	bool has_weight, has_entitled;
	bool is_auto, is_by_hand; /* auto_io_entitled_mem=1, =0 */
};

/* Of `unit` each; the value and its maximum count ones. */
static enum hv_code take_number(const struct hmc_pair *pair, uint64_t unit, uint64_t max,
				uint64_t *value, struct hv_err *err)
{
	uint64_t number = 0;
	char range[64];
	bool is_number = hv_u64_parse(pair->value, max / unit, &number, NULL) == HV_OK;

	number *= unit;
	if (is_number && pair->op == HMC_SET)
		*value = number;
	else if (is_number && pair->op == HMC_ADD && number <= max - *value)
		*value += number;
	else if (is_number && pair->op == HMC_REMOVE && number <= *value)
		*value -= number;
	else
		is_number = false;
	if (is_number)
		return HV_OK;
	(void)snprintf(range, sizeof(range), "0 to %llu",
		       (unsigned long long)(max / unit));
	return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name, range);
}

static enum hv_code take_entitled(const struct hmc_pair *pair, struct share *share,
				  struct hv_err *err)
{
	if (pair->op == HMC_SET && strcmp(pair->value, "auto") == 0) {
		share->is_auto = true;
		return HV_OK;
	}
	share->has_entitled = true;
	if (take_number(pair, HMC_MIB, HV_LPAR_BYTES_MAX, &share->entitled_bytes, err) ==
		    HV_OK &&
	    share->entitled_bytes != 0)
		return HV_OK;
	return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
			"auto or a number of MB");
}

static enum hv_code take_auto(const struct hmc_pair *pair, struct share *share,
			      struct hv_err *err)
{
	bool is_auto = strcmp(pair->value, "1") == 0;

	if (pair->op != HMC_SET || (!is_auto && strcmp(pair->value, "0") != 0))
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
				"0 or 1");
	*(is_auto ? &share->is_auto : &share->is_by_hand) = true;
	return HV_OK;
}

static enum hv_code take_pair(const struct hmc_pair *pair, struct share *share,
			      struct hv_err *err)
{
	if (strcmp(pair->name, "desired_io_entitled_mem") == 0)
		return take_entitled(pair, share, err);
	if (strcmp(pair->name, "auto_io_entitled_mem") == 0)
		return take_auto(pair, share, err);
	if (strcmp(pair->name, "mem_weight") != 0)
		return hmc_fail(err, HMC_INVALID_ATTRIBUTE, pair->name, NULL, NULL);
	share->has_weight = true;
	return take_number(pair, 1, HV_WEIGHT_MAX, &share->weight, err);
}

static enum hv_code take_settings(struct hmc *hmc, struct share *share,
				  struct hv_err *err)
{
	struct hmc_record record;
	enum hv_code code = hmc_record_parse(hmc_text(hmc, "a"), &record, err);

	for (unsigned i = 0; code == HV_OK && i < record.count; i++)
		code = take_pair(&record.pairs[i], share, err);
	hmc_record_fini(&record);
	if (code == HV_OK && share->is_auto && share->is_by_hand)
		return hmc_fail(err, HMC_INVALID_VALUE, "0", "auto_io_entitled_mem",
				"1 where desired_io_entitled_mem is auto");
	if (code == HV_OK && share->is_auto && share->has_entitled)
		return hmc_fail(err, HMC_INVALID_VALUE, "1", "auto_io_entitled_mem",
				"0 where desired_io_entitled_mem is a number of MB");
	/* by hand without a number: what it has now stays to the byte, whatever its
	 * adapters */
	if (share->is_by_hand)
		share->has_entitled = true;
	return code;
}

static enum hv_code change(struct hmc *hmc, const Tarn__LparSpec *spec,
			   const struct share *share, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparSetMemory set = TARN__LPAR_SET_MEMORY__INIT;
	struct hv_err below;

	set.name = spec->name;
	set.has_weight = share->has_weight;
	set.weight = (uint32_t)share->weight;
	set.has_entitled_bytes = share->is_auto || share->has_entitled;
	if (share->has_entitled)
		set.entitled_bytes = share->entitled_bytes;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_SET_MEMORY;
	request.lpar_set_memory = &set;
	if (hmc_change(hmc, &request, &below) == HV_OK)
		return HV_OK;
	return hmc_fail(err, HMC_MEMORY_SHARE, hv_err_text(&below), NULL, NULL);
}

enum hv_code hmc_chhwres_share(struct hmc *hmc, const struct hmc_system *system,
			       struct hv_err *err)
{
	const char *name = hmc_text(hmc, "p"), *id = hmc_text(hmc, "id");
	const Tarn__LparView *lpar;
	const Tarn__LparSpec *spec;
	struct share share = { 0 };
	char why[HV_NAME_BYTES + 64];
	enum hv_code code;

	if (hmc_text(hmc, "a") == NULL)
		return hmc_usage(hmc, err, "A required option is missing:", "-a");
	if (hmc_has(hmc, "q"))
		return hmc_usage(hmc, err, "An option is not for -o s:", "-q");
	if ((name == NULL) == (id == NULL))
		return hmc_usage(hmc, err, "Enter one of these options:", "-p or --id");
	code = hmc_partition_find(system, name, id, &lpar, err);
	if (code != HV_OK)
		return code;
	spec = lpar->record->spec;
	if (spec->mode != TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		return hmc_fail(err, HMC_NOT_SHARED, spec->name, NULL, NULL);
	if (!hmc_partition_is_configured(lpar)) {
		(void)snprintf(why, sizeof(why), "partition %s has not been activated",
			       spec->name);
		return hmc_fail(err, HMC_STATE, why, NULL, NULL);
	}
	share.weight = spec->weight;
	share.entitled_bytes = hv_lpar_entitled(spec);
	code = take_settings(hmc, &share, err);
	return code == HV_OK ? change(hmc, spec, &share, err) : code;
}
