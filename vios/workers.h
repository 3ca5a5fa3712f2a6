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
#ifndef VIOS_WORKERS_H
#define VIOS_WORKERS_H

#include "hvcore/base/err.h"

#include <pthread.h>
#include <stdbool.h>

#define VIOS_WORKERS 4 /* devices that may be stuck before others wait; arbitrary */

struct vios_job {
	void (*run)(struct vios_job *job);
	struct vios_job *next; /* private */
};

struct vios_workers {
	/* private */
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t moved;
	struct vios_job *first, **last;
	bool is_stopping;
	unsigned count;
	pthread_t threads[VIOS_WORKERS];
};

/* On failure nothing runs. */
HV_MUST_USE
enum hv_code vios_workers_start(struct vios_workers *workers, struct hv_err *err);
void vios_workers_post(struct vios_workers *workers, struct vios_job *job);
/* Waits for jobs that run; those that have not begun never do. */
void vios_workers_stop(struct vios_workers *workers);

#endif
