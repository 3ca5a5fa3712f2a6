/* workers - see workers.h. */
#include "hvcore/aio/workers.h"

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
			return NULL;
		job->run(job);
	}
}

enum hv_code hv_workers_start(struct hv_workers *workers, struct hv_err *err)
{
	*workers = (struct hv_workers){ .last = &workers->first };
	HV_INVARIANT(pthread_mutex_init(&workers->lock, NULL) == 0);
	HV_INVARIANT(pthread_cond_init(&workers->moved, NULL) == 0);
	for (; workers->count < HV_WORKERS; workers->count++) {
		enum hv_code code = hv_thread_start(&workers->threads[workers->count],
						    worker_main, workers, err);

		if (code != HV_OK) {
			hv_workers_stop(workers);
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

void hv_workers_stop(struct hv_workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	workers->is_stopping = true;
	(void)pthread_cond_broadcast(&workers->moved);
	(void)pthread_mutex_unlock(&workers->lock);
	for (unsigned i = 0; i < workers->count; i++)
		(void)pthread_join(workers->threads[i], NULL);
	workers->count = 0;
	(void)pthread_cond_destroy(&workers->moved);
	(void)pthread_mutex_destroy(&workers->lock);
}
