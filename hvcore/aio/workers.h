/*
 * workers - a few threads for what may block: opening and closing devices.
 *
 * A device that does not answer holds one of them, not the main thread with its
 * heartbeat, nor a lane.
 *
 * Contract
 *   Threads  post: any; start and stop: one owner.
 *   Memory   a job is its owner's; it may be posted again after its run().
 *   Order    jobs begin in the order posted.
 */
#ifndef HVCORE_AIO_WORKERS_H
#define HVCORE_AIO_WORKERS_H

#include "hvcore/base/err.h"

#include <pthread.h>
#include <stdbool.h>

#define HV_WORKERS 4 /* devices that may be stuck before others wait; arbitrary */

struct hv_work {
	void (*run)(struct hv_work *job);
	struct hv_work *next; /* private */
};

struct hv_workers {
	/* private */
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t moved;
	struct hv_work *first, **last;
	bool is_stopping;
	unsigned count;
	pthread_t threads[HV_WORKERS];
};

/* On failure nothing runs. */
HV_MUST_USE
enum hv_code hv_workers_start(struct hv_workers *workers, struct hv_err *err);
void hv_workers_post(struct hv_workers *workers, struct hv_work *job);
/* Waits for jobs that run; those that have not begun never do. */
void hv_workers_stop(struct hv_workers *workers);

#endif
