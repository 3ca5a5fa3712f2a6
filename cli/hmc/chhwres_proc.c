/*
 * chhwres_proc - chhwres -r proc: processors of a running partition. Virtual processors
 * and processing units are added and taken, sharing mode and weight are set; at once.
 */
#include "cli/hmc/hwres.h"

#include <string.h>

#include "hvcore/base/units.h"
#include "hvcore/wire/lpar_profile.h"

#define PROCS_MAX 256

static enum hv_code find(struct hmc *hmc, const struct hmc_system *system,
			 const Tarn__LparView **ret_lpar, struct hv_err *err)
{
	const char *name = hmc_text(hmc, "p"), *id = hmc_text(hmc, "id");

	if ((name == NULL) == (id == NULL))
		return hmc_usage(hmc, err, "Enter one of these options:", "-p or --id");
	return hmc_partition_find(system, name, id, ret_lpar, err);
}

/* --procs and --procunits, one of them at least. */
static enum hv_code take_amount(struct hmc *hmc, int sign, Tarn__LparSetProcessors *set,
				struct hv_err *err)
{
	const char *text = hmc_text(hmc, "procunits");
	uint64_t procs = 0, units = 0;
	enum hv_code code = hmc_number(hmc, "procs", PROCS_MAX, 0, &procs, err);

	if (code != HV_OK)
		return code;
	if (hmc_text(hmc, "procs") == NULL && text == NULL)
		return hmc_usage(hmc, err, "A required option is missing:",
				 "--procs or --procunits");
	if (text != NULL && (hv_units_parse(text, &units, NULL) != HV_OK ||
			     units > PROCS_MAX * HV_PROCESSOR_UNITS))
		return hmc_fail(err, HMC_INVALID_VALUE, text, "--procunits",
				"a number such as 0.5");
	set->has_more_procs = procs != 0;
	set->more_procs = sign * (int32_t)procs;
	set->has_more_units = units != 0;
	set->more_units = sign * (int32_t)units;
	return HV_OK;
}

static enum hv_code take_pair(const struct hmc_pair *pair, Tarn__LparSetProcessors *set,
			      struct hv_err *err)
{
	uint64_t weight = 0;

	if (strcmp(pair->name, "sharing_mode") == 0) {
		set->has_uncapped = true;
		set->uncapped = strcmp(pair->value, "uncap") == 0;
		if (pair->op == HMC_SET &&
		    (set->uncapped || strcmp(pair->value, "cap") == 0))
			return HV_OK;
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
				"cap or uncap");
	}
	if (strcmp(pair->name, "uncap_weight") != 0)
		return hmc_fail(err, HMC_INVALID_ATTRIBUTE, pair->name, NULL, NULL);
	if (pair->op != HMC_SET ||
	    hv_u64_parse(pair->value, HV_WEIGHT_MAX, &weight, NULL) != HV_OK)
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
				"0 to 255");
	set->has_weight = true;
	set->weight = (uint32_t)weight;
	return HV_OK;
}

static enum hv_code take_settings(struct hmc *hmc, Tarn__LparSetProcessors *set,
				  struct hv_err *err)
{
	struct hmc_record record;
	enum hv_code code;

	if (hmc_text(hmc, "a") == NULL)
		return hmc_usage(hmc, err, "A required option is missing:", "-a");
	code = hmc_record_parse(hmc_text(hmc, "a"), &record, err);
	for (unsigned i = 0; code == HV_OK && i < record.count; i++)
		code = take_pair(&record.pairs[i], set, err);
	hmc_record_fini(&record);
	return code;
}

enum hv_code hmc_chhwres_proc(struct hmc *hmc, const struct hmc_system *system,
			      enum hmc_hwres_operation operation, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparSetProcessors set = TARN__LPAR_SET_PROCESSORS__INIT;
	const Tarn__LparView *lpar;
	struct hv_err below;
	enum hv_code code;

	if (operation == HMC_HWRES_MOVE)
		return hmc_fail(err, HMC_UNSUPPORTED, "Moving processors with -o m",
				"Take them with -o r and add them with -o a.", NULL);
	code = find(hmc, system, &lpar, err);
	if (code != HV_OK)
		return code;
	set.name = lpar->record->spec->name;
	code = operation == HMC_HWRES_SET
		       ? take_settings(hmc, &set, err)
		       : take_amount(hmc, operation == HMC_HWRES_ADD ? 1 : -1, &set, err);
	if (code != HV_OK)
		return code;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_SET_PROCESSORS;
	request.lpar_set_processors = &set;
	if (hmc_change(hmc, &request, &below) == HV_OK)
		return HV_OK;
	return hmc_fail(err, HMC_PROCESSORS, hv_err_text(&below), NULL, NULL);
}
