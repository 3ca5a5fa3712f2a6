/*
 * hcalls - hypervisor calls of one partition, from its shared memory to its tables.
 *
 * A doorbell in the fault thread's epoll: a ring has every slot that asks served once,
 * so a turn is HV_HCALL_SLOTS calls at most, and who rings without end waits behind
 * everybody else's faults. A partition without calls has none of this, and the fault
 * path does not know that there are any.
 *
 * Contract
 *   Threads  open and close: the loop thread, while no fault thread has it. The rest:
 *            its fault thread.
 *   Memory   owns the shared memory, the doorbell and the tables. Nothing is allocated
 *            after open.
 *   Errors   whatever a partition writes into the shared memory is its own loss.
 */
#ifndef HVCORE_HYPERVISOR_HCALLS_H
#define HVCORE_HYPERVISOR_HCALLS_H

#include "hvcore/hypervisor/dabr.h"
#include "hvcore/hypervisor/fault.h"
#include "hvcore/hypervisor/io.h"
#include "hvcore/hypervisor/mpp.h"
#include "hvcore/mem/calls.h"

struct hcalls {
	struct fault_source source;
	struct hv_calls *calls;
	struct hv_hcall_area *area; /* mapped, shared with the partition; then hints */
	uint32_t pages_max;
	struct memory *memory;       /* lent by its partition */
	int fd;                      /* of the area: a sealed memfd */
	int doorbell;                /* rung by the partition */
	struct fault_thread *thread; /* NULL: none has it */
	struct hcalls *next;         /* on that thread */
	uint32_t left_serial;        /* pages told of as gone, ever */
	struct dabr dabr;
	struct io *io; /* lent by its partition; NULL: no disk, no ethernet */
	struct mpp_order mpp;
	uint64_t map_waits; /* H_LONG_BUSY of a mapping */
	/* filled in a stat round, read by L when it is done */
	struct hv_calls_stat stat;
	uint64_t stat_map_waits;
};

/* NOMEM, OS, or what hv_calls_open says; nothing is left then. */
HV_MUST_USE
enum hv_code hcalls_open(const struct hv_calls_config *config, struct memory *memory,
			 struct hcalls **ret_hcalls, struct hv_err *err);
void hcalls_close(struct hcalls *hcalls); /* NULL is fine */

/* F: from now on its calls are served; of shared memory memory_add does it. */
HV_MUST_USE
enum hv_code hcalls_add(struct fault_thread *thread, struct hcalls *hcalls,
			struct hv_err *err);
/* F; where no thread has it nothing. */
void hcalls_remove(struct hcalls *hcalls);
/* F: its doorbell rang. */
void hcalls_serve(struct hcalls *hcalls);
/* F: the page left its frame. */
void hcalls_left(struct hcalls *hcalls, uint32_t page);

/* ---- hcall_pages.c: calls about pages and the share of the pool ---- */

/* F: H_PAGE_INIT, H_SET_MPP and H_GET_MPP; H_FUNCTION: none of them. */
int64_t hcalls_serve_pages(struct hcalls *hcalls, const struct hv_hcall_ask *ask,
			   uint64_t *values);
/* F: of the space's operations (hvcore/pager/pager.h). */
enum hv_importance hcalls_importance(const struct hcalls *hcalls, uint32_t page);
uint32_t hcalls_find_spare(const struct hcalls *hcalls, uint32_t from, uint32_t end,
			   enum hv_hint last);
enum hv_hint hcalls_claim(struct hcalls *hcalls, uint32_t page);
void hcalls_claimed(struct hcalls *hcalls, uint32_t page, enum hv_hint hint,
		    bool is_taken);
/* F: a page that was given up is used again. */
void hcalls_use(struct hcalls *hcalls, uint32_t page);

/* ---- hcall_tce.c: pages of shared memory that devices use ---- */

/* F: H_PUT_TCE and H_STUFF_TCE of shared memory. */
int64_t hcalls_serve_tce(struct hcalls *hcalls, const struct hv_hcall_ask *ask,
			 uint64_t *values);
/* F: a device may use one of these pages, or is to. */
bool hcalls_maps_any(const struct hcalls *hcalls, uint32_t first, uint32_t count);
/* F: the tables, and that they and the pages agree. */
HV_MUST_USE
enum hv_code hcalls_audit(const struct hcalls *hcalls, struct hv_err *err);

#endif
