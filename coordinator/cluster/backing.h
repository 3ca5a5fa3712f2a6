/*
 * backing - which paging devices a shared LPAR is given, of those that are free.
 *
 *   required     one that both VIOS reach, else a pair, one behind each VIOS
 *   mirrored     a pair
 *   if possible  as required; else one that both are to reach, else one behind a VIOS
 *   none         one: behind a VIOS alone first, which nobody else would miss
 *
 * Of each kind the best fit: the smallest that is large enough, of equals the first; of
 * a pair the smallest of each side, so that the least is wasted in sum. What lies behind
 * one VIOS counts only while that VIOS serves; what lies on another host as half of a pair alone.
 *
 * Contract
 *   Threads  any. Pure.
 *   Units    bytes; devices are named by their place among the offers.
 */
#ifndef COORDINATOR_CLUSTER_BACKING_H
#define COORDINATOR_CLUSTER_BACKING_H

#include "coordinator/cluster/cluster.h"

#define BACKING_NONE SIZE_MAX

enum backing_reach {
	BACKING_SHARED, /* both VIOS are to reach it */
	BACKING_FIRST,  /* behind the host's first one alone */
	BACKING_SECOND,
};

struct backing_offer {
	uint64_t bytes; /* the largest partition it can back; 0: none */
	enum backing_reach reach;
	bool is_served; /* shared: both reach it now; else: its VIOS serves */
	bool is_taken;
	bool is_remote; /* it lies on another host: half of a pair, and nothing else */
};

struct backing_need {
	uint64_t bytes;
	Tarn__Redundancy redundancy;
	/* A VIOS that it must be given where one device is all: BACKING_SHARED = any. */
	enum backing_reach alone;
};

/* `second` of a pair only, behind the second VIOS. */
struct backing {
	size_t first, second;
};

/* False: there is nothing that will do. */
bool backing_choose(const struct backing_offer *offers, size_t count,
		    const struct backing_need *need, struct backing *ret_backing);

/* The largest partition that what is not taken could back, in each way. */
struct backing_room {
	uint64_t one, redundant, mirrored;
	uint64_t first, second; /* behind one VIOS alone */
};
struct backing_room backing_room(const struct backing_offer *offers, size_t count);

/* What a device is for whoever looks for one; taken where it is not free. */
struct backing_offer backing_offer(const struct cluster *cluster,
				   const Tarn__HostRecord *host,
				   const Tarn__DeviceRecord *device);

/* Among all devices of a host. `mirror` is behind the second VIOS. */
struct backing_found {
	const Tarn__DeviceRecord *device, *mirror;
};
/* False: nothing will do, and *ret_room is what there is. */
bool backing_find(const struct cluster *cluster, const Tarn__HostRecord *host,
		  const struct backing_need *need, struct backing_found *ret_found,
		  struct backing_room *ret_room);

#endif
