/*
 * reserve - the reserved-memory model: what the hypervisor of a platform keeps for
 * itself (SPEC R2, R3, R6).
 *
 *   management    base + partitions created + their directory + pool structures
 *   tce           slots + virtual adapters of active partitions
 *   page tables   one hashed page table an active partition, by its maximum memory
 *
 * The sum is taken from the host's memory in whole LMBs; what is left in the last
 * one is the slack that the next partitions fill before anybody sees a step (R8).
 *
 * Contract
 *   Threads  any. Pure: no state, no I/O, no clock.
 *   Units    bytes. Costs are whole pages.
 *   Order    hv_reserve_start(), then _add() for each partition of the host and
 *            _pool() where there is one, in any order, all with one profile; then
 *            read the sum.
 */
#ifndef HVCORE_RESERVE_RESERVE_H
#define HVCORE_RESERVE_RESERVE_H

#include "hvcore/reserve/profile.h"

#include <stdbool.h>

#define HV_HPT_BYTES_MIN (UINT64_C(256) << 10) /* domain.md 4.2 */

struct hv_reserve_partition {
	uint64_t max_bytes;
	uint32_t hpt_ratio; /* 0: the platform's */
	uint32_t virtual_adapters;
	bool is_active;
};

/* What one partition costs, exactly. All but creation_bytes only while active. */
struct hv_reserve_cost {
	uint64_t creation_bytes;
	uint64_t hpt_bytes;
	uint64_t tce_bytes;
};

struct hv_reserve {
	uint32_t partitions;
	uint64_t base_bytes;
	uint64_t creation_bytes;
	uint64_t directory_bytes;
	uint64_t pool_bytes; /* structures for it, not the pool */
	uint64_t slot_tce_bytes;
	uint64_t adapter_tce_bytes;
	uint64_t hpt_bytes;
};

/*
 * P: the largest power of two that is not above max_bytes, doubled where max_bytes is
 * more than 1.25 of it; the table is P / ratio, at least 256 KiB (domain.md 4.2:
 * fits the vendor's script and both published points).
 */
uint64_t hv_hpt_bytes(uint64_t max_bytes, uint32_t ratio);

struct hv_reserve_cost hv_reserve_cost(const struct hv_profile *profile,
				       const struct hv_reserve_partition *partition);

void hv_reserve_start(struct hv_reserve *sum, const struct hv_profile *profile);
void hv_reserve_add(struct hv_reserve *sum, const struct hv_profile *profile,
		    const struct hv_reserve_partition *partition);
/* Structures for the largest the pool may become. */
void hv_reserve_pool(struct hv_reserve *sum, const struct hv_profile *profile,
		     uint64_t max_pool_bytes);

uint64_t hv_reserve_management_bytes(const struct hv_reserve *sum);
uint64_t hv_reserve_tce_bytes(const struct hv_reserve *sum);
uint64_t hv_reserve_exact_bytes(const struct hv_reserve *sum);
/* In whole LMBs, at least one: LMB 0 (SPEC R1). */
uint64_t hv_reserve_firmware_bytes(const struct hv_reserve *sum, uint64_t lmb_bytes);

#endif
