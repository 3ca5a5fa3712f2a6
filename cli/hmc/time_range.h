/*
 * time_range - which time lslparutil is asked about (domain.md 1.9).
 *
 *   -d -h --minutes          so long until now, added up
 *   --start... --end...      two moments; what is left out of one is its earliest or
 *                            latest value, the whole end is now
 *   neither                  the last day
 *
 * Contract
 *   Threads  one.
 *   Errors   messages of errors.h.
 *   Units    milliseconds since 1970 UTC; what is typed is local.
 */
#ifndef CLI_HMC_TIME_RANGE_H
#define CLI_HMC_TIME_RANGE_H

#include "cli/hmc/hmc.h"

#define HMC_DAY_S (24 * 3600)

struct hmc_time_range {
	uint64_t from_ms, to_ms; /* both included */
};

HV_MUST_USE
enum hv_code hmc_time_range_take(struct hmc *hmc, uint64_t now_ms,
				 struct hmc_time_range *ret_range, struct hv_err *err);

#endif
