/*
 * hpt - the hashed page table of one partition (SPEC R3; Power ISA, LoPAR).
 *
 *   hash of a virtual address -> group of 8 entries of 16 bytes, the primary one;
 *   when it is full, the group of the hash's complement, the secondary one
 *
 *   entry v   AVPN | software bits (bolted) | H secondary | V valid
 *         r   pp, key | logical page | R | C | WIMG | N
 *
 * An entry names the *logical* page that it maps. The page's frame has no identity
 * that an entry could hold: frames of the pool are counted, not numbered
 * (hvcore/pager/frames.h), and the kernel translates logical to physical. What an
 * entry promises is weaker: it was made, or used, since the page last left its
 * frame. So whoever takes a frame calls hv_hpt_invalidate(), which finds the entries
 * of a page by the reverse map: 8 bytes a logical page, 8 an entry.
 *
 * Equations, checked by hv_hpt_audit():
 *   every valid entry is on the list of the page it names, once, and nobody else is
 *   the lengths of the lists sum to the valid entries; no list is longer than
 *   HV_HPT_ALIASES_MAX, so that a steal's work is bounded
 *
 * Contract
 *   Threads  one: the partition's fault thread.
 *   Memory   everything is mapped by open; nothing later.
 *   Errors   what a partition asks wrongly is a LoPAR code, never an invariant.
 *   Units    ptex: index of an entry; pages of HV_PAGE_BYTES.
 */
#ifndef HVCORE_MEM_HPT_H
#define HVCORE_MEM_HPT_H

#include "hvcore/wire/hcall.h"

#include <stdbool.h>
#include <stddef.h>

/* 2^18: the AVPN leaves 11 bits of the address to the group's number. */
#define HV_HPT_TABLE_BYTES_MIN (UINT64_C(1) << 18)
#define HV_HPT_TABLE_BYTES_MAX (UINT64_C(1) << 35) /* 1 TiB at 1:32 */
#define HV_HPT_ALIASES_MAX 256 /* entries of a page; arbitrary: 3 us of a steal */

struct hv_hpt;

struct hv_hpt_counts {
	uint64_t entries;       /* valid now */
	uint64_t enters;        /* H_ENTERs that made one */
	uint64_t hits;          /* walks that found an entry */
	uint64_t misses;        /* walks that found none */
	uint64_t invalidations; /* entries ended because their page left its frame */
};

/*
 * pages_max: logical memory at its largest, which is what it begins with. INVAL: bytes
 * not a power of two within the limits, no pages; NOMEM.
 */
HV_MUST_USE
enum hv_code hv_hpt_open(uint64_t table_bytes, uint32_t pages_max,
			 struct hv_hpt **ret_hpt, struct hv_err *err);
void hv_hpt_close(struct hv_hpt *hpt);

/* Logical memory has so many pages now, at most pages_max. Entries of others end. */
void hv_hpt_resize(struct hv_hpt *hpt, uint32_t pages);

/* Really mapped: the table, and the reverse map. */
size_t hv_hpt_table_bytes(const struct hv_hpt *hpt);
size_t hv_hpt_memory_bytes(const struct hv_hpt *hpt);
void hv_hpt_count(const struct hv_hpt *hpt, struct hv_hpt_counts *ret_counts);

/*
 * H_ENTER. PTEG_FULL: all eight of ptex's group are valid, with H_EXACT that one is.
 * PARAMETER: a flag that is not known, an entry that is not one of a valid 4 KiB page
 * of memory (WIMG 0010) of this partition. RESOURCE: HV_HPT_ALIASES_MAX.
 */
HV_MUST_USE
int64_t hv_hpt_enter(struct hv_hpt *hpt, uint64_t flags, uint64_t ptex,
		     const struct hv_hpte *entry, uint64_t *ret_ptex);

/* H_REMOVE; *ret_old is what it was. NOT_FOUND: not valid, or the condition is not met. */
HV_MUST_USE
int64_t hv_hpt_remove(struct hv_hpt *hpt, uint64_t flags, uint64_t ptex, uint64_t avpn,
		      struct hv_hpte *ret_old);

/* H_READ: one entry, or with H_READ_4 the four around it. *ret_count is which. */
HV_MUST_USE
int64_t hv_hpt_read(const struct hv_hpt *hpt, uint64_t flags, uint64_t ptex,
		    struct hv_hpte *ret_entries, unsigned *ret_count);

/* H_PROTECT: pp, N and key of the entry become those of the flags. */
HV_MUST_USE
int64_t hv_hpt_protect(struct hv_hpt *hpt, uint64_t flags, uint64_t ptex, uint64_t avpn);

/*
 * What a processor does on an access: looks in both groups, and sets R, on a store C
 * too. As a program sees it (key 1): pp 10 reads and writes, 01 and 11 only read, 00
 * does neither. NOT_FOUND: no entry; PERMISSION: nothing is set.
 */
HV_MUST_USE
int64_t hv_hpt_walk(struct hv_hpt *hpt, uint64_t va, bool is_store, uint64_t *ret_ptex,
		    struct hv_hpte *ret_entry);

/* The page left its frame: O(its entries). Returns how many there were. */
unsigned hv_hpt_invalidate(struct hv_hpt *hpt, uint32_t page);

/* O(entries + pages). CORRUPT with the first equation that does not hold. */
HV_MUST_USE
enum hv_code hv_hpt_audit(const struct hv_hpt *hpt, struct hv_err *err);

#endif
