/*
 * placement - which host takes a partition, and why the others do not.
 *
 * Exact: every host is looked at under every constraint. Columns of 32-bit pages,
 * one array a dimension, so that the scan vectorises (scan.c). Among the hosts that
 * fit, the one with the largest dot product of need and what is free; ties to the
 * lowest index.
 *
 * Contract
 *   Threads  one at a time. Pure: no I/O, no clock, no randomness.
 *   Memory   names are copied. placement_free() accepts NULL.
 *   Errors   NOMEM only. PLACEMENT_NONE is an answer, not an error.
 *   Units    bytes at this interface; pages of 4096 inside, sizes saturate at 16 TiB.
 *   Order    hosts keep the order in which they were added.
 */
#ifndef COORDINATOR_PLACEMENT_PLACEMENT_H
#define COORDINATOR_PLACEMENT_PLACEMENT_H

#include "hvcore/base/units.h"

#define PLACEMENT_NONE SIZE_MAX
#define PLACEMENT_TEXT_BYTES 512

enum placement_flag {
	PLACEMENT_CONNECTED = HV_BIT(0),
	PLACEMENT_POOL = HV_BIT(1),
	PLACEMENT_VIOS = HV_BIT(2), /* at least one paging VIOS serves */
	PLACEMENT_PAIR = HV_BIT(3), /* both do */
	PLACEMENT_ROOM = HV_BIT(4), /* for one more partition at all */
};

struct placement_host {
	char name[HV_NAME_BYTES];
	unsigned flags;
	uint64_t lmb_bytes;
	uint64_t memory_total_bytes; /* for dedicated partitions */
	uint64_t memory_free_bytes;
	uint64_t entitled_total_bytes; /* the pool */
	uint64_t entitled_free_bytes;
	uint64_t logical_total_bytes; /* the overcommit limit */
	uint64_t logical_free_bytes;
	unsigned shared_free;  /* of the most shared partitions of a pool */
	uint64_t device_bytes; /* largest partition a free device can back */
	uint64_t
		pair_device_bytes; /* the same of those that both VIOS reach, and of pairs */
	uint64_t mirror_device_bytes; /* of pairs alone, one device behind each VIOS */
};

struct placement_need {
	bool is_shared;
	bool needs_pair;
	bool needs_mirror;     /* with needs_pair */
	uint64_t memory_bytes; /* dedicated: physical; shared: logical */
	uint64_t entitled_bytes;
	uint64_t max_bytes; /* what its paging device must hold */
};

struct placement;

HV_MUST_USE
enum hv_code placement_new(size_t room, struct placement **ret_placement,
			   struct hv_err *err);
void placement_free(struct placement *placement);
void placement_clear(struct placement *placement);
/* At most `room` hosts. */
void placement_add(struct placement *placement, const struct placement_host *host);
size_t placement_count(const struct placement *placement);
const struct placement_host *placement_host_at(const struct placement *placement,
					       size_t at);

size_t placement_choose(const struct placement *placement,
			const struct placement_need *need);
/* The same by the plainest loop: what tests compare with. */
size_t placement_choose_reference(const struct placement *placement,
				  const struct placement_need *need);
/* Reserves the need on a host that placement_choose() gave. */
void placement_take(struct placement *placement, size_t at,
		    const struct placement_need *need);

enum placement_limit {
	PLACEMENT_LIMIT_CONNECTED,
	PLACEMENT_LIMIT_ROOM,
	PLACEMENT_LIMIT_POOL,
	PLACEMENT_LIMIT_VIOS,
	PLACEMENT_LIMIT_MEMORY,
	PLACEMENT_LIMIT_ENTITLED,
	PLACEMENT_LIMIT_LOGICAL,
	PLACEMENT_LIMIT_SHARED,
	PLACEMENT_LIMIT_DEVICE,
	PLACEMENT_LIMIT_COUNT
};

struct placement_verdict {
	double score;                                /* where it fits */
	unsigned unmet;                              /* HV_BIT(enum placement_limit) */
	uint64_t short_bytes[PLACEMENT_LIMIT_COUNT]; /* of the unmet ones with a size */
};
struct placement_verdict placement_judge(const struct placement *placement, size_t at,
					 const struct placement_need *need);

/* "entitled memory short by 3 LMB; no free paging device of 2 GiB (largest 1 GiB)" */
void placement_explain_host(const struct placement *placement, size_t at,
			    const struct placement_need *need,
			    char text[PLACEMENT_TEXT_BYTES]);
/* "12 hosts: 7 entitled memory short by 3-9 LMB, ...; nearest: h7, 3 LMB short" */
void placement_explain(const struct placement *placement,
		       const struct placement_need *need, size_t chosen,
		       char text[PLACEMENT_TEXT_BYTES]);

#endif
