/*
 * utilization - a host, its pool and its LPARs as one sample has them (SPEC C5).
 *
 * Figures come from the records, from the host's memory as the HMC counts it, and
 * from the last report; what none of them says is absent.
 *
 * Contract
 *   Threads  L. Pure.
 *   Memory   a sample points into the cluster's records: it holds no longer than
 *            they do. utilization_free() with NULL is fine.
 *   Errors   NOMEM.
 */
#ifndef COORDINATOR_CLUSTER_UTILIZATION_H
#define COORDINATOR_CLUSTER_UTILIZATION_H

#include "coordinator/cluster/limits.h"

/* The host with its pool, and all its LPARs that run; `use` in scope RUNNING. */
HV_MUST_USE
enum hv_code utilization_sample(const struct cluster *cluster,
				const Tarn__HostRecord *host, const struct host_use *use,
				Tarn__UtilizationSample **ret_sample, struct hv_err *err);
/* Only these LPARs, whether they run or not. `with_host` adds the host and its pool. */
HV_MUST_USE
enum hv_code utilization_change(const struct cluster *cluster,
				const Tarn__HostRecord *host, bool with_host,
				const Tarn__LparRecord *const *lpars, size_t count,
				Tarn__UtilizationSample **ret_sample, struct hv_err *err);
void utilization_free(Tarn__UtilizationSample *sample);

/* Would a sample show another state, or another configuration? `old` may be NULL. */
bool utilization_state_differs(const Tarn__LparRecord *old, const Tarn__LparRecord *now);
bool utilization_config_differs(const Tarn__LparRecord *old, const Tarn__LparRecord *now);

#endif
