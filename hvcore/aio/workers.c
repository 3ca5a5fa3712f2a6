/* workers - see workers.h. */
#include "hvcore/aio/workers.h"

#include <time.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/thread.h"

static struct hv_work *take(struct hv_workers *workers)
{
	struct hv_work *job = NULL;

	(void)pthread_mutex_lock(&workers->lock);
	while (workers->first == NULL && !workers->is_stopping)
		(void)pthread_cond_wait(&workers->moved, &workers->lock);
	if (!workers->is_stopping) {
		job = workers->first;
		workers->first = job->next;
		if (workers->first == NULL)
			workers->last = &workers->first;
	}
	(void)pthread_mutex_unlock(&workers->lock);
	return job;
}

static void *worker_main(void *arg)
{
	struct hv_workers *workers = arg;

	for (;;) {
		struct hv_work *job = take(workers);

		if (job == NULL)
			break;
		job->run(job);
	}
	(void)pthread_mutex_lock(&workers->lock);
	workers->running--;
	(void)pthread_cond_signal(&workers->ended);
	(void)pthread_mutex_unlock(&workers->lock);
	return NULL;
}

static void init_ended(struct hv_workers *workers)
{
	pthread_condattr_t attr;

	HV_INVARIANT(pthread_condattr_init(&attr) == 0);
	HV_INVARIANT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	HV_INVARIANT(pthread_cond_init(&workers->ended, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
}

enum hv_code hv_workers_start(struct hv_workers *workers, struct hv_err *err)
{
	*workers = (struct hv_workers){ .last = &workers->first };
	HV_INVARIANT(pthread_mutex_init(&workers->lock, NULL) == 0);
	HV_INVARIANT(pthread_cond_init(&workers->moved, NULL) == 0);
	init_ended(workers);
	workers->running = HV_WORKERS;
	for (; workers->count < HV_WORKERS; workers->count++) {
		enum hv_code code = hv_thread_start(&workers->threads[workers->count],
						    worker_main, workers, err);

		if (code != HV_OK) {
			(void)pthread_mutex_lock(&workers->lock);
			workers->running -= HV_WORKERS - workers->count;
			(void)pthread_mutex_unlock(&workers->lock);
			HV_INVARIANT(hv_workers_stop(workers, HV_WORKERS_FOREVER));
			return code;
		}
	}
	return HV_OK;
}

void hv_workers_post(struct hv_workers *workers, struct hv_work *job)
{
	job->next = NULL;
	(void)pthread_mutex_lock(&workers->lock);
	*workers->last = job;
	workers->last = &job->next;
	(void)pthread_cond_signal(&workers->moved);
	(void)pthread_mutex_unlock(&workers->lock);
}

static bool wait_ended(struct hv_workers *workers, unsigned wait_ms)
{
	uint64_t until_ms = hv_clock_ms() + wait_ms;
	struct timespec until = { (time_t)(until_ms / 1000),
				  (long)(until_ms % 1000) * 1000000 };
	int rv = 0;

	while (workers->running > 0 && rv == 0)
		rv = pthread_cond_timedwait(&workers->ended, &workers->lock, &until);
	return workers->running == 0;
}

bool hv_workers_stop(struct hv_workers *workers, unsigned wait_ms)
{
	bool is_ended;

	(void)pthread_mutex_lock(&workers->lock);
	workers->is_stopping = true;
	(void)pthread_cond_broadcast(&workers->moved);
	is_ended = wait_ended(workers, wait_ms);
	(void)pthread_mutex_unlock(&workers->lock);
	if (!is_ended)
		return false;
	for (unsigned i = 0; i < workers->count; i++)
		(void)pthread_join(workers->threads[i], NULL);
	workers->count = 0;
	(void)pthread_cond_destroy(&workers->ended);
	(void)pthread_cond_destroy(&workers->moved);
	(void)pthread_mutex_destroy(&workers->lock);
	return true;
}
