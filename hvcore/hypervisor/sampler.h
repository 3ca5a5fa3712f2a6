/*
 * sampler - how many pages of a partition were referenced since the last look, by its
 * page tables' accessed bits: /proc/PID/clear_refs and smaps (paging.md 3.4: 0.12 us a
 * page and look). A thread of its own: a look at a large partition takes milliseconds,
 * in which the loop must see to failovers. One look at a time.
 *
 * Contract
 *   Threads  the loop thread; run() of a look is called there.
 *   Memory   a look is its owner's until `done` ran. It lends a descriptor of
 *            /proc/PID, which names one process for ever (ESRCH once it is gone).
 *   Errors   open: NOMEM, OS. A look: GONE, OS; its partition is then not observed.
 */
#ifndef HVCORE_HYPERVISOR_SAMPLER_H
#define HVCORE_HYPERVISOR_SAMPLER_H

#include "hvcore/loop/loop.h"

struct sampler;

struct sampler_look {
	int process;   /* /proc/PID */
	uint64_t base; /* of the region; only mappings inside it count */
	uint64_t bytes;
	void (*done)(struct sampler_look *look); /* L */
	/* out */
	enum hv_code code;
	uint64_t referenced_pages; /* since the last look cleared them */
	uint64_t cpu_ns;           /* what it took */
	/* private */
	struct sampler *sampler;
	struct hv_job job;
};

HV_MUST_USE
enum hv_code sampler_open(struct hv_loop *loop, struct sampler **ret_sampler,
			  struct hv_err *err);
/* Waits for the look under way; its job is posted, the loop must run once more. */
void sampler_stop(struct sampler *sampler);
void sampler_close(struct sampler *sampler); /* NULL is fine; stops it, too */

bool sampler_is_busy(const struct sampler *sampler);
/* Not while it is busy. */
void sampler_start(struct sampler *sampler, struct sampler_look *look);

#endif
