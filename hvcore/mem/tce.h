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
 * the page table does (hpt.h). A page that is mapped may be so by many entries and
 * counts once.
 *
 * A transfer holds the entries that its pages are mapped by: until it has released
 * them they stay as they are.
 *
 * Contract
 *   Threads  one: the partition's fault thread.
 *   Memory   everything is mapped by open, 8 bytes an entry and 2 a page; nothing
 *            later.
 *   Errors   what a partition asks wrongly is a LoPAR code, never an invariant: a
 *            LIOBN or a page that is not its own is H_PARAMETER, and changes nothing.
 *   Units    ioba: bytes on the I/O bus; its place within a page does not matter.
 */
#ifndef HVCORE_MEM_TCE_H
#define HVCORE_MEM_TCE_H

#include "hvcore/wire/hcall.h"

#include <stdbool.h>
#include <stddef.h>

#define HV_TCE_WINDOW_PAGES 2048u /* 8 MiB: 16 KiB of entries, as profiles charge */
#define HV_TCE_WINDOWS_MAX 1024u  /* virtual adapters of a partition; arbitrary */
#define HV_TCE_PAGE_MAX 65535u    /* entries of one page: what 2 bytes count */
#define HV_TCE_HOLDS_MAX 65535u   /* of one entry */
#define HV_TCE_SPANS_MAX 64       /* pages of one transfer; arbitrary: 256 KiB */

struct hv_tces;

/* INVAL: no window, more than the maximum, no pages; NOMEM. */
HV_MUST_USE
enum hv_code hv_tces_open(unsigned windows, uint32_t pages, struct hv_tces **ret_tces,
			  struct hv_err *err);
void hv_tces_close(struct hv_tces *tces);

/* Logical memory has so many pages now; entries of others, not held, are cleared. */
void hv_tces_resize(struct hv_tces *tces, uint32_t pages);

size_t hv_tces_memory_bytes(const struct hv_tces *tces);
/* Entries with a permission. */
uint64_t hv_tces_mapped(const struct hv_tces *tces);
/* Pages that some entry maps, each once. */
uint32_t hv_tces_mapped_pages(const struct hv_tces *tces);
bool hv_tces_is_mapped(const struct hv_tces *tces, uint32_t page);
/* Entries that transfers hold, each as often as it is. */
uint64_t hv_tces_held(const struct hv_tces *tces);

/*
 * H_PUT_TCE. H_BUSY: a transfer holds the entry, and this is another one. H_RESOURCE:
 * HV_TCE_PAGE_MAX entries map the page.
 */
HV_MUST_USE
int64_t hv_tce_put(struct hv_tces *tces, uint64_t liobn, uint64_t ioba, uint64_t tce);
/* H_STUFF_TCE: the same entry `count` times, all of them or none. Codes: as put. */
HV_MUST_USE
int64_t hv_tce_stuff(struct hv_tces *tces, uint64_t liobn, uint64_t ioba, uint64_t tce,
		     uint64_t count);
/* H_GET_TCE. */
HV_MUST_USE
int64_t hv_tce_get(const struct hv_tces *tces, uint64_t liobn, uint64_t ioba,
		   uint64_t *ret_tce);

/* A part of a transfer that lies in one page. */
struct hv_tce_span {
	uint32_t page;
	uint16_t offset, bytes; /* bytes: 1 to a whole page */
	uint32_t entry;         /* private */
};

/*
 * [ioba, +bytes) of that window, every page of it mapped with all of `permission`: its
 * entries are held once more, spans (of HV_TCE_SPANS_MAX) says where it lies, in order.
 * H_PARAMETER (foreign, out of range, nothing), H_PERMISSION (unmapped or not
 * allowed), H_RESOURCE (too many pages, too many holds): nothing is held then.
 */
HV_MUST_USE
int64_t hv_tces_hold(struct hv_tces *tces, uint64_t liobn, uint64_t ioba, uint32_t bytes,
		     uint64_t permission, struct hv_tce_span *spans, unsigned *ret_count);
/* All of what one hold gave, or a part of it: each span once. */
void hv_tces_release(struct hv_tces *tces, const struct hv_tce_span *spans,
		     unsigned count);

/* O(entries): every one maps nothing, or a page of the partition; the counts are right. */
HV_MUST_USE
enum hv_code hv_tces_audit(const struct hv_tces *tces, struct hv_err *err);

#endif
