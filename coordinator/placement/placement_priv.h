/* placement_priv - the columns, shared by placement.c, scan.c and explain.c. */
#ifndef COORDINATOR_PLACEMENT_PLACEMENT_PRIV_H
#define COORDINATOR_PLACEMENT_PLACEMENT_PRIV_H

#include "coordinator/placement/placement.h"

/* Hosts a block of the scan: 1 KiB of scores, stays in the first-level cache. */
#define SCAN_BLOCK 256

enum column {
	COLUMN_FLAGS,
	COLUMN_MEMORY,
	COLUMN_ENTITLED,
	COLUMN_LOGICAL,
	COLUMN_SHARED,
	COLUMN_DEVICE,
	COLUMN_PAIR_DEVICE,
	COLUMN_MIRROR_DEVICE,
	COLUMN_COUNT
};

struct placement {
	size_t count;
	size_t room;                  /* a multiple of SCAN_BLOCK */
	struct placement_host *hosts; /* as given, for explanations */
	uint32_t *columns[COLUMN_COUNT];
	/* the largest total of each dimension: what needs and rests are fractions of */
	uint64_t memory_reference, entitled_reference, logical_reference;
};

/* A need as the scan wants it: score = sum of weight * free over dimensions. */
struct scan {
	const uint32_t *flags, *first, *second, *third, *device;
	uint32_t need_flags, need_first, need_second, need_third, need_device;
	float weight_first, weight_second, weight_third;
};

/* What of a host's devices a need is about. */
uint64_t placement_device_bytes(const struct placement_host *host,
				const struct placement_need *need);

struct scan scan_prepare(const struct placement *placement,
			 const struct placement_need *need);
/* Index of the best host below `count`, a multiple of SCAN_BLOCK; or PLACEMENT_NONE. */
size_t scan_best(const struct scan *scan, size_t count);

static inline float scan_score(const struct scan *scan, size_t at)
{
	return scan->weight_first * (float)scan->first[at] +
	       scan->weight_second * (float)scan->second[at] +
	       scan->weight_third * (float)scan->third[at];
}

static inline bool scan_fits(const struct scan *scan, size_t at)
{
	return (scan->flags[at] & scan->need_flags) == scan->need_flags &&
	       scan->first[at] >= scan->need_first &&
	       scan->second[at] >= scan->need_second &&
	       scan->third[at] >= scan->need_third &&
	       scan->device[at] >= scan->need_device;
}

#endif
