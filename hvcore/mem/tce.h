/*
 * tce - translation control entries of one partition (SPEC R4): I/O bus addresses of
 * its virtual adapters to its logical pages.
 *
 *   window n, LIOBN HV_LIOBN_FIRST + n: I/O bus addresses from 0, an entry of 8 bytes
 *   for each 4 KiB page of them
 *
 *   entry  logical address of the page | may be written 2 | may be read 1
 *
 * An entry with neither permission maps nothing. It names a logical page, as one of
 * the page table does (hpt.h), and unlike that one it stays when the page leaves its
 * frame: it is the address of a transfer, not a promise that the page is there.
 *
 * Contract
 *   Threads  one: the partition's fault thread.
 *   Memory   everything is mapped by open; nothing later.
 *   Errors   what a partition asks wrongly is a LoPAR code, never an invariant: a
 *            LIOBN or a page that is not its own is H_PARAMETER, and changes nothing.
 *   Units    ioba: bytes on the I/O bus; its place within a page does not matter.
 */
#ifndef HVCORE_MEM_TCE_H
#define HVCORE_MEM_TCE_H

#include "hvcore/wire/hcall.h"

#include <stddef.h>

#define HV_TCE_WINDOW_PAGES 2048u /* 8 MiB: 16 KiB of entries, as profiles charge */
#define HV_TCE_WINDOWS_MAX 1024u  /* virtual adapters of a partition; arbitrary */

struct hv_tces;

/* INVAL: no window, more than the maximum, no pages; NOMEM. */
HV_MUST_USE
enum hv_code hv_tces_open(unsigned windows, uint32_t pages, struct hv_tces **ret_tces,
			  struct hv_err *err);
void hv_tces_close(struct hv_tces *tces);

/* Logical memory has so many pages now; entries of others are cleared. */
void hv_tces_resize(struct hv_tces *tces, uint32_t pages);

size_t hv_tces_memory_bytes(const struct hv_tces *tces);
/* Entries with a permission. */
uint64_t hv_tces_mapped(const struct hv_tces *tces);

/* H_PUT_TCE. */
HV_MUST_USE
int64_t hv_tce_put(struct hv_tces *tces, uint64_t liobn, uint64_t ioba, uint64_t tce);
/* H_STUFF_TCE: the same entry `count` times, all of them or none. */
HV_MUST_USE
int64_t hv_tce_stuff(struct hv_tces *tces, uint64_t liobn, uint64_t ioba, uint64_t tce,
		     uint64_t count);
/* H_GET_TCE. */
HV_MUST_USE
int64_t hv_tce_get(const struct hv_tces *tces, uint64_t liobn, uint64_t ioba,
		   uint64_t *ret_tce);

/* O(entries): every one maps nothing, or a page of the partition; the count is right. */
HV_MUST_USE
enum hv_code hv_tces_audit(const struct hv_tces *tces, struct hv_err *err);

#endif
