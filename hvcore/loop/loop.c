/*
 * loop - see loop.h.
 *
 * The bridge is a stack that any thread pushes on with one compare-and-swap; only
 * the push onto an empty stack wakes the loop, so a burst costs one wake-up. The
 * loop takes all of it at once and turns it round.
 *
 * `after` callbacks run in libuv's check phase, which follows the I/O callbacks,
 * and in its prepare phase, which follows the timers and precedes the wait.
 */
#include "hvcore/loop/loop.h"

#include "hvcore/base/invariant.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

struct hv_loop {
	uv_loop_t uv;
	uv_async_t bridge;
	uv_check_t check;
	uv_prepare_t prepare;
	uv_signal_t signals[2]; /* SIGINT, SIGTERM */
	_Atomic(struct hv_job *) posted;
	struct hv_idle *after; /* in order; tail points at the last `next` */
	struct hv_idle **after_tail;
	void (*on_terminate)(void *arg, int signal); /* NULL: signals are not watched */
	void *terminate_arg;
};

struct hv_loop_timer_impl {
	uv_timer_t uv;
	struct hv_timer *timer; /* NULL once stopped */
};

struct hv_loop_watch_impl {
	uv_poll_t uv;
	struct hv_watch *watch; /* NULL once stopped */
};

static enum hv_code fail_uv(struct hv_err *err, int rv, const char *doing)
{
	return hv_fail_os(err, rv == UV_ENOMEM ? HV_E_NOMEM : HV_E_OS, -rv, "%s", doing);
}

static void run_jobs(struct hv_loop *loop)
{
	struct hv_job *job = atomic_exchange(&loop->posted, NULL);
	struct hv_job *first = NULL, *next;

	for (; job != NULL; job = next) {
		next = job->next;
		job->next = first;
		first = job;
	}
	for (job = first; job != NULL; job = next) {
		next = job->next; /* run() may post it again, or free it */
		job->run(job);
	}
}

static void on_bridge(uv_async_t *bridge)
{
	run_jobs(bridge->data);
}

static void run_after(struct hv_loop *loop)
{
	while (loop->after != NULL) {
		struct hv_idle *idle = loop->after;

		loop->after = idle->next;
		if (loop->after == NULL)
			loop->after_tail = &loop->after;
		idle->is_queued = false;
		idle->run(idle);
	}
}

static void on_check(uv_check_t *check)
{
	run_after(check->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
	run_after(prepare->data);
}

enum hv_code hv_loop_open(struct hv_loop **ret_loop, struct hv_err *err)
{
	struct hv_loop *loop = calloc(1, sizeof(*loop));
	int rv;

	if (loop == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a loop");
	loop->after_tail = &loop->after;
	rv = uv_loop_init(&loop->uv);
	if (rv != 0)
		goto undo_loop;
	rv = uv_async_init(&loop->uv, &loop->bridge, on_bridge);
	if (rv != 0)
		goto undo_init;
	loop->bridge.data = loop;
	(void)uv_check_init(&loop->uv, &loop->check); /* these four cannot fail */
	(void)uv_check_start(&loop->check, on_check);
	(void)uv_prepare_init(&loop->uv, &loop->prepare);
	(void)uv_prepare_start(&loop->prepare, on_prepare);
	loop->check.data = loop;
	loop->prepare.data = loop;
	*ret_loop = loop;
	return HV_OK;

undo_init:
	(void)uv_loop_close(&loop->uv);
undo_loop:
	free(loop);
	return fail_uv(err, rv, "open a loop");
}

static void on_handle_left(uv_handle_t *handle, void *arg)
{
	(void)arg;
	/* A timer or watch that its owner did not stop would be used after free. */
	HV_INVARIANT(uv_is_closing(handle));
}

void hv_loop_close(struct hv_loop *loop)
{
	if (loop == NULL)
		return;
	while (atomic_load(&loop->posted) != NULL)
		run_jobs(loop); /* what servers and clients left to free */
	uv_close((uv_handle_t *)&loop->bridge, NULL);
	uv_close((uv_handle_t *)&loop->check, NULL);
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	if (loop->on_terminate != NULL) {
		uv_close((uv_handle_t *)&loop->signals[0], NULL);
		uv_close((uv_handle_t *)&loop->signals[1], NULL);
	}
	uv_walk(&loop->uv, on_handle_left, NULL);
	while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
		; /* a stop that was asked for before ends a run early */
	HV_INVARIANT(uv_loop_close(&loop->uv) == 0);
	HV_INVARIANT(atomic_load(&loop->posted) == NULL);
	free(loop);
}

void hv_loop_run(struct hv_loop *loop)
{
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void hv_loop_turn(struct hv_loop *loop, bool may_wait)
{
	(void)uv_run(&loop->uv, may_wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

void hv_loop_stop(struct hv_loop *loop)
{
	uv_stop(&loop->uv);
}

uint64_t hv_loop_now_ms(struct hv_loop *loop)
{
	return uv_now(&loop->uv);
}

void hv_loop_post(struct hv_loop *loop, struct hv_job *job) /* any thread */
{
	struct hv_job *head = atomic_load(&loop->posted);

	do
		job->next = head;
	while (!atomic_compare_exchange_weak(&loop->posted, &head, job));
	if (head == NULL)
		(void)uv_async_send(&loop->bridge);
}

void hv_loop_after(struct hv_loop *loop, struct hv_idle *idle)
{
	if (idle->is_queued)
		return;
	idle->is_queued = true;
	idle->next = NULL;
	*loop->after_tail = idle;
	loop->after_tail = &idle->next;
}

void hv_loop_after_cancel(struct hv_loop *loop, struct hv_idle *idle)
{
	struct hv_idle **at = &loop->after;

	if (!idle->is_queued)
		return;
	while (*at != idle)
		at = &(*at)->next;
	*at = idle->next;
	if (loop->after_tail == &idle->next)
		loop->after_tail = at;
	idle->is_queued = false;
}

static void on_timer(uv_timer_t *uv)
{
	struct hv_loop_timer_impl *impl = uv->data;

	impl->timer->run(impl->timer);
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

enum hv_code hv_timer_start(struct hv_loop *loop, struct hv_timer *timer,
			    uint64_t after_ms, uint64_t repeat_ms, struct hv_err *err)
{
	struct hv_loop_timer_impl *impl = timer->impl;

	if (impl == NULL) {
		impl = calloc(1, sizeof(*impl));
		if (impl == NULL)
			return hv_fail(err, HV_E_NOMEM, "no memory for a timer");
		(void)uv_timer_init(&loop->uv, &impl->uv); /* cannot fail */
		impl->uv.data = impl;
		impl->timer = timer;
		timer->impl = impl;
	}
	(void)uv_timer_start(&impl->uv, on_timer, after_ms, repeat_ms); /* nor this */
	return HV_OK;
}

void hv_timer_stop(struct hv_timer *timer)
{
	struct hv_loop_timer_impl *impl = timer->impl;

	if (impl == NULL)
		return;
	timer->impl = NULL;
	impl->timer = NULL;
	uv_close((uv_handle_t *)&impl->uv, on_timer_closed);
}

void hv_timer_pause(struct hv_timer *timer)
{
	if (timer->impl != NULL)
		(void)uv_timer_stop(&timer->impl->uv); /* cannot fail */
}

static void on_poll(uv_poll_t *uv, int status, int events)
{
	struct hv_loop_watch_impl *impl = uv->data;
	unsigned got = 0;

	if (status == 0) {
		got |= (events & UV_READABLE) != 0 ? HV_WATCH_READ : 0;
		got |= (events & UV_WRITABLE) != 0 ? HV_WATCH_WRITE : 0;
		got |= (events & UV_DISCONNECT) != 0 ? HV_WATCH_HANGUP : 0;
	}
	impl->watch->run(impl->watch, got);
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Starting it again changes the events; the descriptor must be the same. */
enum hv_code hv_watch_start(struct hv_loop *loop, struct hv_watch *watch, int fd,
			    unsigned events, struct hv_err *err)
{
	struct hv_loop_watch_impl *impl = watch->impl;
	int wanted = 0, rv;

	wanted |= (events & HV_WATCH_READ) != 0 ? UV_READABLE : 0;
	wanted |= (events & HV_WATCH_WRITE) != 0 ? UV_WRITABLE : 0;
	wanted |= (events & HV_WATCH_HANGUP) != 0 ? UV_DISCONNECT : 0;
	if (impl == NULL) {
		impl = calloc(1, sizeof(*impl));
		if (impl == NULL)
			return hv_fail(err, HV_E_NOMEM, "no memory for a watch");
		rv = uv_poll_init(&loop->uv, &impl->uv, fd);
		if (rv != 0) {
			free(impl);
			return fail_uv(err, rv, "watch a descriptor");
		}
		impl->uv.data = impl;
		impl->watch = watch;
		watch->impl = impl;
	}
	(void)uv_poll_start(&impl->uv, wanted, on_poll); /* cannot fail */
	return HV_OK;
}

void hv_watch_stop(struct hv_watch *watch)
{
	struct hv_loop_watch_impl *impl = watch->impl;

	if (impl == NULL)
		return;
	watch->impl = NULL;
	impl->watch = NULL;
	uv_close((uv_handle_t *)&impl->uv, on_watch_closed);
}

static void on_signal(uv_signal_t *uv, int signal)
{
	struct hv_loop *loop = uv->data;

	loop->on_terminate(loop->terminate_arg, signal);
}

enum hv_code hv_loop_on_terminate(struct hv_loop *loop,
				  void (*run)(void *arg, int signal), void *arg,
				  struct hv_err *err)
{
	static const int numbers[HV_COUNT(loop->signals)] = { SIGINT, SIGTERM };
	int rv = 0;

	HV_INVARIANT(loop->on_terminate == NULL);
	loop->on_terminate = run;
	loop->terminate_arg = arg;
	for (unsigned i = 0; i < HV_COUNT(loop->signals) && rv == 0; i++) {
		(void)uv_signal_init(&loop->uv, &loop->signals[i]);
		loop->signals[i].data = loop;
	}
	for (unsigned i = 0; i < HV_COUNT(loop->signals) && rv == 0; i++)
		rv = uv_signal_start(&loop->signals[i], on_signal, numbers[i]);
	return rv == 0 ? HV_OK : fail_uv(err, rv, "watch SIGINT and SIGTERM");
}
