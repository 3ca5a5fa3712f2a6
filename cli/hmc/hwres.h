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
#include "hvcore/base/units.h"

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

/* A change of the VIOS that page for the pool: "" nobody. */
struct hmc_paging_vios {
	char leaves[HV_NAME_BYTES], comes[HV_NAME_BYTES];
};
/* From paging_vios_names; one may change at a time. */
HV_MUST_USE
enum hv_code hmc_take_paging_vios(const struct hmc_system *system,
				  const struct hmc_pair *pair,
				  struct hmc_paging_vios *ret, struct hv_err *err);
bool hmc_paging_vios_is_change(const struct hmc_paging_vios *vios);
HV_MUST_USE
enum hv_code hmc_change_paging_vios(struct hmc *hmc, const struct hmc_system *system,
				    const struct hmc_paging_vios *vios,
				    struct hv_err *err);

HV_MUST_USE
enum hv_code hmc_chhwres_proc(struct hmc *hmc, const struct hmc_system *system,
			      enum hmc_hwres_operation operation, struct hv_err *err);

#endif
