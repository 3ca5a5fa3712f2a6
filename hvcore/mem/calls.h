/*
 * calls - the hypervisor calls of one partition, carried out on its tables: page table
 * and TCE windows. Pure: where asks come from is hypervisor/calling.c's.
 *
 * Contract
 *   Threads  one: the partition's fault thread. open, close: any, while no fault
 *            thread has it.
 *   Memory   everything is mapped by open; serving allocates nothing.
 *   Errors   what a partition asks wrongly is answered with a LoPAR code and counted
 *            as refused, never an invariant.
 *   Time     O(1) a call, H_STUFF_TCE O(HV_TCE_WINDOW_PAGES).
 */
#ifndef HVCORE_MEM_CALLS_H
#define HVCORE_MEM_CALLS_H

#include "hvcore/mem/hpt.h"
#include "hvcore/mem/tce.h"

struct hv_calls;

/*
 * Whoever can set a breakpoint: its codes are the call's. `address` is logical, `flags`
 * are of HV_DABR_READ and _WRITE, 0 for none.
 */
struct hv_calls_watch {
	int64_t (*set)(void *arg, uint64_t address, unsigned flags, uint64_t *values);
	int64_t (*hits)(void *arg, uint64_t index, uint64_t *values);
};

struct hv_calls_config {
	uint64_t hpt_bytes;   /* hv_hpt_open */
	uint32_t pages_max;   /* logical memory at its largest: what it begins with */
	unsigned tce_windows; /* virtual adapters; 0: none */
	const struct hv_calls_watch *watch; /* NULL: there are no breakpoints */
	void *watch_arg;
};

struct hv_calls_stat {
	struct hv_hpt_counts hpt;
	uint64_t calls;
	uint64_t refused; /* not a call, not its own, not allowed */
	struct hv_tces_stat tces;
	uint64_t hpt_bytes, tce_bytes;
};

/* INVAL, NOMEM; nothing is left then. */
HV_MUST_USE
enum hv_code hv_calls_open(const struct hv_calls_config *config,
			   struct hv_calls **ret_calls, struct hv_err *err);
void hv_calls_close(struct hv_calls *calls); /* NULL is fine */

/* Logical memory has so many pages now, at most pages_max. */
void hv_calls_resize(struct hv_calls *calls, uint32_t pages);

/* The ask is the caller's private copy. What a call does not return is 0. */
void hv_calls_serve(struct hv_calls *calls, const struct hv_hcall_ask *ask,
		    struct hv_hcall_answer *ret_answer);

/*
 * What devices may use; NULL: there is no virtual adapter. H_PUT_TCE and H_STUFF_TCE
 * above are those of memory that never leaves.
 */
struct hv_tces *hv_calls_tces(const struct hv_calls *calls);

/* A call that another one served, with its code. */
void hv_calls_count(struct hv_calls *calls, int64_t code);

/* The page left its frame; true: entries translated to it. */
bool hv_calls_left(struct hv_calls *calls, uint32_t page);

void hv_calls_stat(const struct hv_calls *calls, struct hv_calls_stat *ret_stat);

HV_MUST_USE
enum hv_code hv_calls_audit(const struct hv_calls *calls, struct hv_err *err);

#endif
