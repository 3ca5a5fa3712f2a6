/*
 * desired - what a host's agent is told: HostDesired made from the records.
 *
 * Contract
 *   Threads  L.
 *   Memory   the message points into the records: encode it before the next change,
 *            and free it with desired_free() alone.
 */
#ifndef COORDINATOR_CLUSTER_DESIRED_H
#define COORDINATOR_CLUSTER_DESIRED_H

#include "coordinator/cluster/cluster.h"

HV_MUST_USE
enum hv_code desired_make(const struct cluster *cluster, const Tarn__HostRecord *host,
			  uint64_t revision, Tarn__HostDesired **ret_desired,
			  struct hv_err *err);
void desired_free(Tarn__HostDesired *desired);

#endif
