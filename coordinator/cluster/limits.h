/*
 * limits - what a host has, and what its LPARs take of it.
 *
 * Contract
 *   Threads  L. Pure: reads records and the last report.
 *   Units    bytes, unless the name says otherwise.
 */
#ifndef COORDINATOR_CLUSTER_LIMITS_H
#define COORDINATOR_CLUSTER_LIMITS_H

#include "coordinator/cluster/cluster.h"
#include "hvcore/reserve/reserve.h"

#define LIMITS_SHARED_MAX 128 /* SPEC S5: a platform limit */
#define LIMITS_OVERCOMMIT 4   /* working sets to pool; arbitrary */

enum limits_scope {
	LIMITS_RUNNING,    /* runs, starts, or has not ended yet */
	LIMITS_CONFIGURED, /* every LPAR of the host */
};

/* The machine behind a declared host: see machine.h. */
struct machine_use {
	bool has_profile;
	uint64_t bytes, lmb_bytes; /* 0: no agent has joined, or it is not declared */
	struct hv_profile profile;
	struct hv_reserve reserve; /* of what runs, whatever the scope */
};

struct host_use {
	uint64_t lmb_bytes;
	uint64_t memory_bytes;     /* whole LMBs; 0 until the agent has joined */
	uint64_t hypervisor_bytes; /* by the model, or as reported where that is more */
	uint64_t retained_bytes;   /* of LPARs that are off, until somebody needs it */
	uint64_t pool_lmb_bytes;   /* the larger of the pool now and the one coming */
	uint64_t pool_bytes;       /* the smaller of the two: safe to promise */
	uint64_t dedicated_bytes;  /* in whole LMBs */
	uint64_t entitled_bytes;   /* as the records have it */
	uint64_t guaranteed_bytes; /* the same with what is not given back, or to come */
	uint64_t logical_bytes;
	uint64_t working_bytes; /* logical, or what was measured to be used of it */
	unsigned shared;
	unsigned lpars; /* of both modes */
	bool has_profile;
	struct hv_profile profile;
	struct hv_reserve reserve; /* whatever the scope: a definition costs, too (R6) */
	struct machine_use machine;
};

struct host_use limits_use(const struct cluster *cluster, const Tarn__HostRecord *host,
			   enum limits_scope scope);

/* The same for every host, in one pass: uses[] in the order of cluster_host_at(). */
void limits_use_all(const struct cluster *cluster, enum limits_scope scope,
		    struct host_use *uses);
/* Position of an LPAR's or device's host for cluster_host_at(). */
size_t limits_host_index(const struct cluster *cluster, const char *host);

/* What is left for dedicated partitions, or for the pool, retained memory included. */
uint64_t limits_free_bytes(const struct host_use *use);
/* How much the hypervisor's memory would grow with one more LPAR. */
uint64_t limits_creation_growth(const struct host_use *use, const Tarn__LparSpec *spec);
/* How much with this one, which is there, active; and with a pool of that maximum. */
uint64_t limits_activation_growth(const struct host_use *use, const Tarn__LparSpec *spec);
uint64_t limits_pool_growth(const struct host_use *use, uint64_t max_pool_bytes);
uint64_t limits_logical_max(const struct host_use *use);
/*
 * What a pool of that size may guarantee: the rest are the frames that its hypervisor
 * keeps free (high water of hvcore/pager/frames.c; and what a tmpfs counts inexactly).
 */
uint64_t limits_promise(uint64_t pool_bytes);
/*
 * Of a shared LPAR's memory: its working set as its hypervisor measured it, at most
 * what it has ever touched; all of it where nothing is known (SPEC A7: memory that is
 * not used may be promised again).
 */
uint64_t limits_working_bytes(const struct cluster *cluster,
			      const Tarn__LparRecord *lpar);
uint64_t limits_round_up(uint64_t bytes, uint64_t unit);

struct hv_reserve_partition limits_partition(const Tarn__LparSpec *spec, bool is_active);
bool limits_is_shared(const Tarn__LparSpec *spec);
/* Not without a pair that serves; with one where there is one; only with two devices. */
bool limits_needs_pair(const Tarn__LparSpec *spec);
bool limits_wants_pair(const Tarn__LparSpec *spec);
bool limits_needs_mirror(const Tarn__LparSpec *spec);
uint64_t limits_entitled(const Tarn__LparSpec *spec); /* 0 of a dedicated one */
/*
 * Of an active shared LPAR, what of the pool is not free for others: its entitlement,
 * that of the memory that it waits for, or what its hypervisor was last told, as far as
 * that is reported: the largest. So what shrinks counts until it was given.
 */
uint64_t limits_guaranteed(const struct cluster *cluster, const Tarn__LparRecord *lpar);
/* Does it hold memory and devices, now or in a moment? */
bool limits_is_active(const Tarn__LparRecord *lpar);

/* There is a pool, or a change of one; not one that is only just being made. */
bool limits_has_pool(const Tarn__HostRecord *host);

/* Of the pair, that is: assigned to the pool. NULL: none of that name. */
const Tarn__DesiredVios *limits_vios(const Tarn__HostRecord *host, const char *name);
/* Of the two of a pair: 0 or 1; 2: it is none of them. */
unsigned limits_vios_place(const Tarn__HostRecord *host, const char *name);
/* There, and not of the pair. */
const Tarn__DesiredVios *limits_other_vios(const Tarn__HostRecord *host,
					   const char *name);
/* The other one of the pair; NULL: there is none. */
const Tarn__DesiredVios *limits_partner(const Tarn__HostRecord *host, const char *name);
/* It is ordered to be killed or stopped: what is reported of it will not stay so. */
bool limits_vios_is_going(const struct cluster *cluster, const char *host,
			  const char *name);
/* Enabled, not in maintenance, not going, and reported STANDBY or ACTIVE. */
bool limits_vios_serves(const struct cluster *cluster, const Tarn__HostRecord *host,
			const Tarn__DesiredVios *vios);
unsigned limits_vios_serving(const struct cluster *cluster, const Tarn__HostRecord *host);

/*
 * A host that has a VIOS whose devices lie on that one, and which (where it is asked
 * for); NULL: there is none.
 */
const Tarn__HostRecord *limits_importer(const struct cluster *cluster, const char *host,
					const Tarn__DesiredVios **ret_vios);
/* Of the pair: the one that has its devices from another host; NULL: none. */
const Tarn__DesiredVios *limits_remote_vios(const Tarn__HostRecord *host);

/* The host that a device lies on, whose agent cares for it; and what that one says of it,
 * NULL: nothing yet. */
const char *limits_device_host(const Tarn__DeviceRecord *device);
const Tarn__ObjectStatus *limits_device_status(const struct cluster *cluster,
					       const Tarn__DeviceRecord *device);
/* Of a device as reported: both VIOS reach it, which those behind one are not meant for. */
bool limits_device_is_redundant(const struct cluster *cluster,
				const Tarn__DeviceRecord *device);
/* Ready, without an owner, not on its way in or out, and not reported missing. */
bool limits_device_is_free(const struct cluster *cluster,
			   const Tarn__DeviceRecord *device);
/* The largest partition it can back: P11, usable size and header. */
uint64_t limits_device_bytes(const Tarn__DeviceRecord *device);

/* Pages of running shared LPARs that are not in the pool, as last reported. */
uint64_t limits_stolen_pages(const struct cluster *cluster, const char *host);

#endif
