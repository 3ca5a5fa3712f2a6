/*
 * lmb - the physical map of a host: who owns each logical memory block.
 *
 * LMB 0 is the hypervisor's and can be nobody else's (SPEC R1). Every other block
 * is free, the pool's, the hypervisor's, or one dedicated partition's. Blocks are
 * given out from the lowest address, and taken back from the highest.
 *
 * Contract
 *   Threads  one at a time (the loop thread).
 *   Memory   one byte and one owner number a block, allocated once.
 *   Errors   NOMEM where too few blocks are free: nothing is taken then, and the
 *            text says by how many it fell short.
 *   Units    blocks of hv_lmb_bytes(), unless the name says otherwise.
 */
#ifndef HVCORE_MEM_LMB_H
#define HVCORE_MEM_LMB_H

#include "hvcore/base/err.h"

#include <stdint.h>

#define HV_LMB_BYTES_MIN (UINT64_C(16) << 20) /* PowerVM: 16, 32, 64, 128, 256 MB */
#define HV_LMB_BYTES_MAX (UINT64_C(256) << 20)
#define HV_LMBS_MAX (UINT64_C(1) << 20) /* arbitrary: 16 TiB of the smallest block */

enum hv_lmb_owner {
	HV_LMB_FREE,
	HV_LMB_HYPERVISOR,
	HV_LMB_POOL,
	HV_LMB_DEDICATED, /* with the number of its partition */
	HV_LMB_OWNER_COUNT
};

struct hv_lmb_map; /* opaque */

/* memory_bytes is rounded down to whole blocks; at least two are needed. */
HV_MUST_USE
enum hv_code hv_lmb_map_new(uint64_t memory_bytes, uint64_t lmb_bytes,
			    struct hv_lmb_map **ret_map, struct hv_err *err);
void hv_lmb_map_free(struct hv_lmb_map *map);

/* `number` tells dedicated partitions apart and is 0 for every other owner. */
HV_MUST_USE
enum hv_code hv_lmb_take(struct hv_lmb_map *map, enum hv_lmb_owner owner, uint32_t number,
			 uint64_t count, struct hv_err *err);
/* Gives back `count` blocks that this owner has; LMB 0 stays. */
void hv_lmb_give(struct hv_lmb_map *map, enum hv_lmb_owner owner, uint32_t number,
		 uint64_t count);

uint64_t hv_lmb_bytes(const struct hv_lmb_map *map);
uint64_t hv_lmb_total(const struct hv_lmb_map *map);
uint64_t hv_lmb_count(const struct hv_lmb_map *map, enum hv_lmb_owner owner);
/* Blocks that hold this many bytes. */
uint64_t hv_lmb_for_bytes(const struct hv_lmb_map *map, uint64_t bytes);
enum hv_lmb_owner hv_lmb_owner_of(const struct hv_lmb_map *map, uint64_t block,
				  uint32_t *ret_number);

/* INVAL, with what is wrong, when the counts and the map disagree. */
HV_MUST_USE
enum hv_code hv_lmb_audit(const struct hv_lmb_map *map, struct hv_err *err);

#endif
