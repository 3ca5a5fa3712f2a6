/*
 * chhwres_mem - chhwres -r mem: dynamic memory of a partition (SPEC D2).
 *
 * Of a running one it is given and taken in blocks; of one that is off it is what it
 * keeps (resource_config). Less than was asked for is an error that says how much.
 */
#include "cli/hmc/hwres.h"

#include <string.h>

#include "hvcore/base/units.h"

#define MIB_MAX (HV_LPAR_BYTES_MAX / HMC_MIB)
#define MINUTES_MAX 1440
#define DETAIL_MAX 5

struct memory_change {
	enum hmc_hwres_operation operation;
	const Tarn__LparView *lpar;
	const Tarn__LparView *to; /* of a move */
	uint64_t bytes;
	uint64_t minutes;
	bool has_minutes;
};

static enum hv_code take_numbers(const struct hmc *hmc, const struct hmc_system *system,
				 struct memory_change *change, struct hv_err *err)
{
	uint64_t block = hmc_block_bytes(system), mib, detail;
	const char *text = hmc_text(hmc, "q");
	char unit[32];
	enum hv_code code = hmc_number(hmc, "q", MIB_MAX, 0, &mib, err);

	(void)snprintf(unit, sizeof(unit), "%llu", (unsigned long long)(block / HMC_MIB));
	if (code == HV_OK && mib == 0)
		return hmc_fail(err, HMC_INVALID_VALUE, text, "-q", "a number of MB");
	if (code == HV_OK && mib * HMC_MIB % block != 0)
		return hmc_fail(err, HMC_MEMORY_UNIT, "-q", text, unit);
	change->bytes = mib * HMC_MIB;
	change->has_minutes = hmc_has(hmc, "w");
	if (code == HV_OK)
		code = hmc_number(hmc, "w", MINUTES_MAX, 0, &change->minutes, err);
	if (code == HV_OK)
		code = hmc_number(hmc, "d", DETAIL_MAX, 0, &detail, err);
	return code;
}

static enum hv_code find_partitions(struct hmc *hmc, const struct hmc_system *system,
				    struct memory_change *change, struct hv_err *err)
{
	const char *name = hmc_text(hmc, "p"), *id = hmc_text(hmc, "id");
	const char *to = hmc_text(hmc, "t"), *to_id = hmc_text(hmc, "tid");
	bool is_move = change->operation == HMC_HWRES_MOVE;
	enum hv_code code;

	if ((name == NULL) == (id == NULL))
		return hmc_usage(hmc, err, "Enter one of these options:", "-p or --id");
	if (is_move && (to == NULL) == (to_id == NULL))
		return hmc_usage(hmc, err, "Enter one of these options:", "-t or --tid");
	if (!is_move && (to != NULL || to_id != NULL))
		return hmc_usage(hmc, err, "An option is only for -o m:",
				 to != NULL ? "-t" : "--tid");
	code = hmc_partition_find(system, name, id, &change->lpar, err);
	if (code == HV_OK && is_move)
		code = hmc_partition_find(system, to, to_id, &change->to, err);
	return code;
}

static enum hv_code resize(struct hmc *hmc, const struct memory_change *change,
			   struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparResize resize = TARN__LPAR_RESIZE__INIT;
	const Tarn__LparRecord *record = change->lpar->record;

	resize.name = record->spec->name;
	if (change->operation == HMC_HWRES_ADD) {
		resize.has_add_bytes = 1;
		resize.add_bytes = change->bytes;
	} else {
		resize.has_remove_bytes = 1;
		resize.remove_bytes = change->bytes;
	}
	resize.has_wait_s = change->has_minutes;
	resize.wait_s = (uint32_t)change->minutes * 60;
	resize.kept = !record->running && !record->has_job;
	resize.has_kept = resize.kept;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_RESIZE;
	request.lpar_resize = &resize;
	return hmc_change(hmc, &request, err);
}

static enum hv_code move(struct hmc *hmc, const struct memory_change *change,
			 struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparMoveMemory move = TARN__LPAR_MOVE_MEMORY__INIT;

	move.name = change->lpar->record->spec->name;
	move.to = change->to->record->spec->name;
	move.bytes = change->bytes;
	move.has_wait_s = change->has_minutes;
	move.wait_s = (uint32_t)change->minutes * 60;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_MOVE_MEMORY;
	request.lpar_move_memory = &move;
	return hmc_change(hmc, &request, err);
}

enum hv_code hmc_chhwres_mem(struct hmc *hmc, const struct hmc_system *system,
			     enum hmc_hwres_operation operation, struct hv_err *err)
{
	struct memory_change change = { .operation = operation };
	struct hv_err below;
	enum hv_code code;

	if (operation == HMC_HWRES_SET)
		return hmc_chhwres_share(hmc, system, err);
	if (hmc_text(hmc, "q") == NULL)
		return hmc_usage(hmc, err, "A required option is missing:", "-q");
	code = find_partitions(hmc, system, &change, err);
	if (code == HV_OK)
		code = take_numbers(hmc, system, &change, err);
	if (code != HV_OK)
		return code;
	code = operation == HMC_HWRES_MOVE ? move(hmc, &change, &below)
					   : resize(hmc, &change, &below);
	if (code == HV_OK)
		return HV_OK;
	return hmc_fail(err,
			operation == HMC_HWRES_ADD ? HMC_MEMORY_ADD : HMC_MEMORY_REMOVE,
			hv_err_text(&below), NULL, NULL);
}
