/* engine - see engine.h: the inbox, the thread, and what ends at the device. */
#include "hvcore/io/engine.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/base/thread.h"
#include "hvcore/io/disk.h"
#include "hvcore/io/lan.h"

#define WAIT_MS 1000u /* nothing depends on it: everything rings */
#define PAUSE_MS 100  /* after an error of the ring itself */
#define STOP_WAIT_MS 20u

void hv_io_engine_init(struct hv_io_engine *engine, struct hv_aio *aio)
{
	engine->aio = aio;
	engine->doorbell = -1;
	HV_INVARIANT(pthread_mutex_init(&engine->lock, NULL) == 0);
	HV_INVARIANT(pthread_cond_init(&engine->moved, NULL) == 0);
	static_assert(HV_IO_OPERATIONS <= UINT16_MAX, "a cookie is 16 bits");
	for (unsigned i = 0; i < HV_IO_OPERATIONS; i++)
		engine->free[i] = (uint16_t)i;
	engine->free_count = HV_IO_OPERATIONS;
}

void hv_io_engine_fini(struct hv_io_engine *engine)
{
	(void)pthread_cond_destroy(&engine->moved);
	(void)pthread_mutex_destroy(&engine->lock);
}

bool hv_io_engine_is_idle(const struct hv_io_engine *engine)
{
	return engine->free_count == HV_IO_OPERATIONS;
}

void hv_io_engine_post(struct hv_io_engine *engine, struct hv_io_job *job)
{
	static const uint64_t one = 1;
	struct hv_io_job *head = atomic_load_explicit(&engine->inbox,
						      memory_order_relaxed);

	do
		job->next = head;
	while (!atomic_compare_exchange_weak_explicit(
		&engine->inbox, &head, job, memory_order_release, memory_order_relaxed));
	if (!atomic_exchange(&engine->is_rung, true) && engine->doorbell >= 0)
		(void)!write(engine->doorbell, &one, sizeof(one)); /* never full */
}

static struct hv_io_job *take_inbox(struct hv_io_engine *engine)
{
	struct hv_io_job *newest, *oldest = NULL;

	/* The bell before the box: who posts meanwhile rings again. */
	atomic_store(&engine->is_rung, false);
	newest = atomic_exchange_explicit(&engine->inbox, NULL, memory_order_acquire);
	while (newest != NULL) {
		struct hv_io_job *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

static void run_job(struct hv_io_engine *engine, struct hv_io_job *job)
{
	switch (job->kind) {
	case HV_IO_REQUEST:
		hv_io_run_request(engine, HV_CONTAINER(job, struct hv_disk_request, job));
		return;
	case HV_IO_FRAME:
		hv_io_run_frame(engine, HV_CONTAINER(job, struct hv_lan_frame, job));
		return;
	}
}

void hv_io_engine_turn(struct hv_io_engine *engine)
{
	struct hv_io_job *job = take_inbox(engine);
	struct hv_aio_done done;

	while (job != NULL) {
		struct hv_io_job *next = job->next;

		run_job(engine, job); /* may be posted again at once */
		job = next;
	}
	while (engine->aio->ops->next(engine->aio, &done)) {
		struct hv_disk_request *request;

		if (done.cookie == HV_AIO_DOORBELL)
			continue;
		HV_INVARIANT(done.cookie < HV_IO_OPERATIONS);
		request = engine->active[done.cookie];
		HV_INVARIANT(request != NULL);
		engine->active[done.cookie] = NULL;
		engine->free[engine->free_count++] = (uint16_t)done.cookie;
		hv_io_run_done(engine, request, done.result);
	}
}

/* ---- the thread ---- */

struct start {
	struct hv_io_engine *engine;
	sem_t ready;
	enum hv_code code;
	struct hv_err *err;
};

static void wait_for_work(struct hv_io_engine *engine, unsigned timeout_ms)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	struct hv_err err;

	if (engine->aio->ops->wait(engine->aio, timeout_ms, &err) == HV_OK)
		return;
	log_error("io.wait", "error=\"%s\"", err.text);
	(void)nanosleep(&pause, NULL);
}

static void work(struct hv_io_engine *engine)
{
	uint64_t stop_ms = 0;

	while (!atomic_load(&engine->is_stopping)) {
		wait_for_work(engine, WAIT_MS);
		hv_io_engine_turn(engine);
	}
	/* what was posted before it was told to stop: nobody posts any more */
	hv_io_engine_turn(engine);
	stop_ms = hv_clock_ms() + HV_IO_STOP_MS;
	while (!hv_io_engine_is_idle(engine) && hv_clock_ms() < stop_ms) {
		wait_for_work(engine, STOP_WAIT_MS);
		hv_io_engine_turn(engine);
	}
}

static void *run(void *arg)
{
	struct start *start = arg;
	struct hv_io_engine *engine = start->engine;
	struct hv_aio_config config = {
		.doorbell = engine->doorbell,
		.operations = HV_IO_OPERATIONS,
		.helpers = HV_IO_HELPERS,
	};
	enum hv_code code = hv_aio_open(&config, &engine->aio, start->err);

	start->code = code;
	(void)sem_post(&start->ready); /* `start` is gone now */
	if (code != HV_OK)
		return NULL;
	work(engine);
	if (hv_io_engine_is_idle(engine)) /* else the kernel has our buffers */
		engine->aio->ops->close(engine->aio);
	return NULL;
}

static enum hv_code start_thread(struct hv_io_engine *engine, struct hv_err *err)
{
	struct start start = { .engine = engine, .err = err };
	enum hv_code code;

	HV_INVARIANT(sem_init(&start.ready, 0, 0) == 0);
	code = hv_thread_start(&engine->thread, run, &start, err);
	if (code == HV_OK) {
		while (sem_wait(&start.ready) != 0)
			continue; /* EINTR */
		code = start.code;
		if (code != HV_OK)
			(void)pthread_join(engine->thread, NULL);
	}
	engine->is_started = code == HV_OK;
	(void)sem_destroy(&start.ready);
	return code;
}

enum hv_code hv_io_engine_open(struct hv_io_engine **ret_engine, struct hv_err *err)
{
	struct hv_io_engine *engine = calloc(1, sizeof(*engine));
	enum hv_code code = HV_OK;

	if (engine == NULL)
		return hv_fail(err, HV_E_NOMEM, "the I/O thread");
	hv_io_engine_init(engine, NULL);
	engine->doorbell = eventfd(0, EFD_CLOEXEC);
	if (engine->doorbell < 0)
		code = hv_fail_os(err, HV_E_OS, errno, "make a doorbell for I/O");
	if (code == HV_OK)
		code = start_thread(engine, err);
	if (code != HV_OK) {
		hv_io_engine_close(engine);
		return code;
	}
	*ret_engine = engine;
	return HV_OK;
}

bool hv_io_engine_stop(struct hv_io_engine *engine)
{
	static const uint64_t one = 1;

	if (engine->is_started) {
		atomic_store(&engine->is_stopping, true);
		(void)!write(engine->doorbell, &one, sizeof(one));
		(void)pthread_join(engine->thread, NULL);
		engine->is_started = false;
	}
	return hv_io_engine_is_idle(engine);
}

void hv_io_engine_close(struct hv_io_engine *engine)
{
	if (engine == NULL)
		return;
	HV_INVARIANT(!engine->is_started);
	if (engine->doorbell >= 0)
		(void)close(engine->doorbell);
	hv_io_engine_fini(engine);
	free(engine);
}
