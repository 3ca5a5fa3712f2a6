/*
 * mpp - what a partition asks for itself by H_SET_MPP: less of what it was given, or all
 * of it again.
 *
 * The pool's promises are the loop's, so the fault thread that is asked hands it on and
 * answers H_LONG_BUSY_1_MSEC; who asks the same again gets the outcome, once the fault
 * thread has been told of it.
 *
 *   IDLE --H_SET_MPP--> ASKED --loop: what may be--> DONE --the same again--> IDLE
 *                                                     other values: ASKED anew
 *
 * One each MPP_PAUSE_MS is handed on: until then the answer is H_LONG_BUSY_1_MSEC, too.
 *
 * It is kept within what the administrator gave (else a partition could take what is
 * others'), what the pool can guarantee now, and what is mapped for I/O: then, and where
 * it is not whole pages, H_CONSTRAINED with what it is.
 *
 * Contract
 *   Threads  mpp_set: its fault thread. While ASKED the loop has the order.
 *   Memory   embedded in a partition's calls, zero-initialised.
 */
#ifndef HVCORE_HYPERVISOR_MPP_H
#define HVCORE_HYPERVISOR_MPP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "hvcore/loop/loop.h"

#define MPP_PAUSE_MS 20 /* between two orders: each one takes a round of all F */

enum mpp_at { MPP_IDLE, MPP_ASKED, MPP_DONE };

struct mpp_order {
	_Atomic enum mpp_at at;
	uint64_t entitled_bytes, weight; /* asked */
	uint64_t mapped_pages;           /* then */
	uint64_t got_pages, got_weight;  /* the outcome */
	uint32_t number;                 /* of orders; comes back with the targets */
	uint64_t next_ms;                /* F: not before is another one handed on */
	/* L */
	struct hv_loop *loop; /* NULL: not attached */
	struct hv_job job;
	void (*decide)(struct mpp_order *order);
	void *partition;
};

/* Before F has it. */
void mpp_attach(struct mpp_order *order, struct hv_loop *loop,
		void (*decide)(struct mpp_order *order), void *partition);

/* F: what an order that is not over lets be mapped; UINT64_MAX: there is none. */
uint64_t mpp_asked_pages(const struct mpp_order *order);

/* F: `told` is the number that came with the last targets. */
int64_t mpp_set(struct mpp_order *order, const uint64_t *args, uint64_t mapped_pages,
		uint32_t told, uint64_t *values);

#endif
