/*
 * workers - a few threads for what may block: opening and closing devices.
 *
 * A device that does not answer holds one of them, not the main thread with its
 * heartbeat, nor a lane; and not the end of the program, which may leave it behind.
 *
 * Contract
 *   Threads  post: any; start and stop: one owner.
 *   Memory   a job is its owner's; it may be posted again after its run(). Whatever a
 *            worker that was left behind uses, this struct too, is there for ever.
 *   Order    jobs begin in the order posted.
 */
#ifndef HVCORE_AIO_WORKERS_H
#define HVCORE_AIO_WORKERS_H

#include "hvcore/base/err.h"

#include <limits.h>
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
	pthread_cond_t moved, ended;
	struct hv_work *first, **last;
	bool is_stopping;
	unsigned count, running;
	pthread_t threads[HV_WORKERS];
};

/* On failure nothing runs. */
HV_MUST_USE
enum hv_code hv_workers_start(struct hv_workers *workers, struct hv_err *err);
void hv_workers_post(struct hv_workers *workers, struct hv_work *job);
/*
 * Jobs that have not begun never do. true: none runs any more. false: one has not ended
 * within `wait_ms`, and may still; ask again, or leave it to the end of the process.
 */
#define HV_WORKERS_FOREVER UINT_MAX
HV_MUST_USE
bool hv_workers_stop(struct hv_workers *workers, unsigned wait_ms);

#endif
