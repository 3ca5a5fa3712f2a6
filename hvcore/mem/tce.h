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
 * A page of shared memory is brought into its frame first: its entry is there and keeps
 * the page (M7), but no transfer may use it before it is ready. The pages that are
 * mapped are bounded by what the partition is entitled to.
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

/* Logical memory has so many pages now; entries of others, not held, are cleared:
 * O(entries), and nothing where there are not fewer than before. */
void hv_tces_resize(struct hv_tces *tces, uint32_t pages);

size_t hv_tces_memory_bytes(const struct hv_tces *tces);
/* Some entry maps it. */
bool hv_tces_is_mapped(const struct hv_tces *tces, uint32_t page);
/* One of them: O(those of them that there are). */
bool hv_tces_any_mapped(const struct hv_tces *tces, uint32_t first, uint32_t count);
/* Entries that transfers hold, each as often as it is. */
uint64_t hv_tces_held(const struct hv_tces *tces);

/* So many pages may be mapped; more that are stay so. From open on there is no limit. */
void hv_tces_entitle(struct hv_tces *tces, uint32_t pages);

struct hv_tces_stat {
	uint64_t entries;   /* with a permission */
	uint32_t entitled;  /* pages; UINT32_MAX: no limit */
	uint32_t pages;     /* that some entry maps now, each once */
	uint32_t pages_max; /* at once, ever */
	uint64_t failures;  /* beyond the limit */
	uint64_t held;
};
void hv_tces_stat(const struct hv_tces *tces, struct hv_tces_stat *ret_stat);

/* `count` entries of a window from `ioba` on, all of them `tce`. */
struct hv_tce_range {
	uint64_t liobn, ioba, tce, count;
};

/* Of H_PUT_TCE and H_STUFF_TCE. */
static inline struct hv_tce_range hv_tce_range_of(const struct hv_hcall_ask *ask)
{
	return (struct hv_tce_range){
		.liobn = ask->args[0],
		.ioba = ask->args[1],
		.tce = ask->args[2],
		.count = ask->number == H_PUT_TCE ? 1 : ask->args[3],
	};
}

/*
 * The entries are written, all of them or none; those that are others now are not
 * ready. H_BUSY: a transfer holds one that would be another. H_RESOURCE: it would be
 * more than HV_TCE_PAGE_MAX of a page. H_NOT_ENOUGH_RESOURCES: more pages would be
 * mapped than may be; counted. *ret_change: pages mapped more than before.
 */
HV_MUST_USE
int64_t hv_tces_map(struct hv_tces *tces, const struct hv_tce_range *range,
		    int64_t *ret_change);
/* Its page is in its frame: transfers may use them. The range was mapped before. */
void hv_tces_ready(struct hv_tces *tces, const struct hv_tce_range *range);
/* Its page is lost: they map nothing, but for what is held. */
void hv_tces_lost(struct hv_tces *tces, const struct hv_tce_range *range,
		  int64_t *ret_change);

/* H_PUT_TCE, H_STUFF_TCE where memory never leaves: mapped, and ready at once. */
HV_MUST_USE
int64_t hv_tces_stuff(struct hv_tces *tces, const struct hv_tce_range *range,
		      int64_t *ret_change);
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
 * H_PARAMETER (foreign, out of range, nothing), H_PERMISSION (unmapped, not ready, not
 * allowed), H_RESOURCE (too many pages, too many holds): nothing is held then.
 */
HV_MUST_USE
int64_t hv_tces_hold(struct hv_tces *tces, uint64_t liobn, uint64_t ioba, uint32_t bytes,
		     uint64_t permission, struct hv_tce_span *spans, unsigned *ret_count);
/* All of what one hold gave, or a part of it: each span once. */
void hv_tces_release(struct hv_tces *tces, const struct hv_tce_span *spans,
		     unsigned count);

/*
 * O(entries): the first page that a ready entry maps, from entry *at on, and whether it
 * may be written to; *at goes on behind it. False: there is none. For audits.
 */
bool hv_tces_next(const struct hv_tces *tces, uint64_t *at, uint32_t *ret_page,
		  bool *ret_is_write);

/* O(entries): every one maps nothing, or a page of the partition; the counts are right. */
HV_MUST_USE
enum hv_code hv_tces_audit(const struct hv_tces *tces, struct hv_err *err);

#endif
