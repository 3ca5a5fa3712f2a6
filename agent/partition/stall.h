/*
 * stall - how long a worker's touches of its memory waited for a page.
 *
 * A touch that faults puts its thread to sleep until the fault is served, and a
 * thread that sleeps counts a voluntary context switch. So an operation that took
 * longer than PARTITION_TOUCH_NS is a stall if, and only if, that counter has moved:
 * being preempted is not a stall. The worker publishes when it began, so that a
 * stall that is still going on can be seen from the control thread.
 *
 * Contract
 *   Threads  begin, end, rest: the worker. The others: any.
 *   Memory   nothing allocates. The lock is never held while memory of the
 *            partition is touched.
 *   Time     CLOCK_MONOTONIC.
 */
#ifndef AGENT_PARTITION_STALL_H
#define AGENT_PARTITION_STALL_H

#include "hvcore/base/hist.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Measured: a full check takes 0.8 us, with a rewrite 1.0 us (p99 1.6), when nothing
 * faults; a page fault takes 5 us at least. Below this the counter is not even read.
 */
#define PARTITION_TOUCH_NS 1500

#define PARTITION_ONGOING_NS 1000000 /* a stall shorter than this is not looked for */

struct partition_stall {
	pthread_mutex_t lock;      /* guards hist, longest_ns, reset_ns */
	struct hv_hist hist;       /* since the start */
	uint64_t longest_ns;       /* since the last reset */
	uint64_t reset_ns;         /* when that was */
	_Atomic uint64_t began_ns; /* of the operation that runs; 0 = none */
	_Atomic uint64_t switches; /* voluntary ones, when last looked at */
	_Atomic int thread;        /* the worker's kernel thread id; 0 = none yet */
};

void partition_stall_init(struct partition_stall *stall);
void partition_stall_fini(struct partition_stall *stall);

/* Once, in the worker's thread, before its first operation. */
void partition_stall_adopt(struct partition_stall *stall);

/* Around one operation. Both return the time they took it for. */
uint64_t partition_stall_begin(struct partition_stall *stall);
uint64_t partition_stall_end(struct partition_stall *stall);

/* After the worker slept for another reason than a fault. */
void partition_stall_rest(struct partition_stall *stall);

void partition_stall_reset(struct partition_stall *stall);

/*
 * The longest stall since the reset, with the one that is going on; adds the
 * worker's histogram to *into, which may be NULL.
 */
uint64_t partition_stall_longest_ns(struct partition_stall *stall, struct hv_hist *into);

#endif
