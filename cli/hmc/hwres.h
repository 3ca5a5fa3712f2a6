/*
 * hwres - the parts of chhwres: one file a kind of resource.
 *
 * Contract
 *   Threads  one.
 *   Memory   the system is lent.
 *   Errors   of errors.h; nothing changed, or the part that the error names.
 */
#ifndef CLI_HMC_HWRES_H
#define CLI_HMC_HWRES_H

#include "cli/hmc/commands.h"
#include "cli/hmc/system.h"

enum hmc_hwres_operation {
	HMC_HWRES_ADD,
	HMC_HWRES_REMOVE,
	HMC_HWRES_SET,
	HMC_HWRES_MOVE
};

HV_MUST_USE
enum hv_code hmc_chhwres_mem(struct hmc *hmc, const struct hmc_system *system,
			     enum hmc_hwres_operation operation, struct hv_err *err);
/* Its -o s: memory weight and I/O entitled memory. */
HV_MUST_USE
enum hv_code hmc_chhwres_share(struct hmc *hmc, const struct hmc_system *system,
			       struct hv_err *err);
HV_MUST_USE
enum hv_code hmc_chhwres_proc(struct hmc *hmc, const struct hmc_system *system,
			      enum hmc_hwres_operation operation, struct hv_err *err);

#endif
