/*
 * memory - where the memory of a host is: the figures of the HMC, which add up.
 *
 *   configurable = available + assigned + firmware + pool
 *
 * Memory that an LPAR keeps though it is off (SPEC D1, HMC resource_config) is
 * assigned, until an activation, a pool or the hypervisor needs it.
 *
 * Contract
 *   Threads  L.
 *   Units    bytes in whole LMBs; regions exact.
 */
#ifndef COORDINATOR_CLUSTER_MEMORY_H
#define COORDINATOR_CLUSTER_MEMORY_H

#include "coordinator/cluster/draft.h"
#include "coordinator/cluster/limits.h"

/* Of a use in scope RUNNING. False: the host has not said how large it is. */
bool memory_view(const struct host_use *use, Tarn__HostMemory *ret_memory);

/*
 * `bytes` are about to be taken: LPARs that are off give up what they keep, by name,
 * until that many are available. `taker`: whose own is not touched, or NULL.
 */
void memory_make_available(struct draft *draft, const char *host, const char *taker,
			   uint64_t bytes);

#endif
