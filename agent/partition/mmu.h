/*
 * mmu - memory as a program of a Power partition reaches it: virtual pages, translated
 * by a cache of the processor (TLB), by a walk of the page table, and where that finds
 * nothing by the operating system, which makes the entry with H_ENTER.
 *
 *   TLB --miss--> H_WALK --H_NOT_FOUND--> H_ENTER --> H_WALK
 *    ^ an entry whose page the hypervisor took is forgotten (partition_calls_left)
 *
 * This operating system maps virtual page n to logical page n; what is used is what
 * the walk answers all the same, so a wrong translation shows as a wrong page.
 *
 * Contract
 *   Threads  translate: any.
 *   Memory   the calls are lent, and outlive it.
 *   Errors   a translation that the hypervisor refuses is an answer, and logged once.
 */
#ifndef AGENT_PARTITION_MMU_H
#define AGENT_PARTITION_MMU_H

#include "agent/partition/calls.h"

#define PARTITION_TLB_ENTRIES 1024u /* as many as a POWER7 core has four ways of 256 */

struct partition_mmu;

HV_MUST_USE
enum hv_code partition_mmu_open(struct partition_calls *calls, uint64_t pages,
				struct partition_mmu **ret_mmu, struct hv_err *err);
void partition_mmu_close(struct partition_mmu *mmu); /* NULL is fine */

/* Whether the TLB has it: then translate makes no call. */
bool partition_mmu_is_cached(struct partition_mmu *mmu, uint64_t page, bool is_store);

/* False: the hypervisor refuses it. */
HV_MUST_USE
bool partition_mmu_translate(struct partition_mmu *mmu, uint64_t page, bool is_store,
			     uint64_t *ret_logical);

/* ---- the data address breakpoint ---- */

/* Of one thread of this process. */
struct partition_hits {
	uint64_t hits, tid, address; /* logical */
	unsigned flags;              /* HV_DABR_READ, HV_DABR_WRITE */
	char name[17];
};

/*
 * H_SET_DABR on eight bytes at a logical address, a multiple of 8; no flags: none is set
 * any more. The page is translated, and not touched. Waits until it is done, some
 * milliseconds. HARDWARE: *ret_os says why.
 */
HV_MUST_USE
int64_t partition_mmu_watch(struct partition_mmu *mmu, uint64_t address, unsigned flags,
			    int *ret_os);
/* Of the nth thread; false: there is none. */
HV_MUST_USE
bool partition_mmu_hits(struct partition_mmu *mmu, unsigned index,
			struct partition_hits *ret_hits);

#endif
