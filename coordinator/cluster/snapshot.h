/*
 * snapshot - the cluster as placement sees it: what all configured LPARs leave.
 *
 * LPARs count whether they run or not, so that they spread; activation looks at
 * the running ones again.
 *
 * Contract
 *   Threads  L.
 *   Memory   the result is the caller's: placement_free().
 *   Errors   NOMEM only.
 */
#ifndef COORDINATOR_CLUSTER_SNAPSHOT_H
#define COORDINATOR_CLUSTER_SNAPSHOT_H

#include "coordinator/cluster/cluster.h"
#include "coordinator/placement/placement.h"

/* `only`: that host alone; NULL: all. */
HV_MUST_USE
enum hv_code snapshot_take(const struct cluster *cluster, const char *only,
			   struct placement **ret_placement, struct hv_err *err);

struct placement_need snapshot_need(const Tarn__LparSpec *spec);

#endif
