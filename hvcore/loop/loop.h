/*
 * loop - the one libuv loop of a program: timers, signals, descriptors, and a
 * bridge by which other threads hand it work.
 *
 * This directory is the only one that includes <uv.h> and <nng/...>.
 *
 * Contract
 *   Threads  everything on the loop thread (L), except hv_loop_post().
 *   Memory   timers, watches and jobs are embedded in their owner; the owner
 *            stops them before it frees itself. hv_loop_close() runs the loop
 *            until every handle is closed, and insists that none is left.
 *            Zero-initialise the embedded structs, but for `run`.
 *   Order    jobs of one poster run in the order posted.
 *   Time     hv_loop_now_ms() is monotonic, sampled once a wake-up.
 */
#ifndef HVCORE_LOOP_LOOP_H
#define HVCORE_LOOP_LOOP_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct hv_loop;
struct hv_loop_timer_impl; /* libuv handles, freed by their close callback */
struct hv_loop_watch_impl;

HV_MUST_USE
enum hv_code hv_loop_open(struct hv_loop **ret_loop, struct hv_err *err);
void hv_loop_close(struct hv_loop *loop); /* NULL is fine */

void hv_loop_run(struct hv_loop *loop);  /* until hv_loop_stop() */
void hv_loop_stop(struct hv_loop *loop); /* L, or posted */
/*
 * One wake-up, in place of a run: what is there; may_wait: the next thing, if nothing is.
 * A timer that was started since the last turn counts from the time of that one, and may
 * run before the wait: let it repeat where it is to bound the wait.
 */
void hv_loop_turn(struct hv_loop *loop, bool may_wait);
uint64_t hv_loop_now_ms(struct hv_loop *loop);

/* A job runs once on L. It may be posted again only after run() was entered. */
struct hv_job {
	void (*run)(struct hv_job *job);
	struct hv_job *next; /* private */
};
void hv_loop_post(struct hv_loop *loop,
		  struct hv_job *job); /* any thread; never blocks */

/* Runs `run` once after the callbacks of this wake-up: where a batch is closed. */
struct hv_idle {
	void (*run)(struct hv_idle *idle);
	struct hv_idle *next; /* private */
	bool is_queued;       /* private */
};
void hv_loop_after(struct hv_loop *loop, struct hv_idle *idle);
void hv_loop_after_cancel(struct hv_loop *loop, struct hv_idle *idle);

struct hv_timer {
	void (*run)(struct hv_timer *timer);
	struct hv_loop_timer_impl *impl; /* private */
};
/* NOMEM is the only failure. repeat_ms 0: once. Starting again moves it. */
HV_MUST_USE
enum hv_code hv_timer_start(struct hv_loop *loop, struct hv_timer *timer,
			    uint64_t after_ms, uint64_t repeat_ms, struct hv_err *err);
void hv_timer_stop(struct hv_timer *timer); /* also where it was never started */
/* As stop, but keeps what a start needs: the next one cannot fail. Stop it at last. */
void hv_timer_pause(struct hv_timer *timer);

enum { HV_WATCH_READ = 1, HV_WATCH_WRITE = 2, HV_WATCH_HANGUP = 4 };
struct hv_watch {
	/* `events` 0: the descriptor is bad or has failed */
	void (*run)(struct hv_watch *watch, unsigned events);
	struct hv_loop_watch_impl *impl; /* private */
};
/*
 * Does not own fd: stop the watch, then close it. Works for pidfds; makes fd
 * non-blocking. Starting again changes the events. One watch a descriptor.
 */
HV_MUST_USE
enum hv_code hv_watch_start(struct hv_loop *loop, struct hv_watch *watch, int fd,
			    unsigned events, struct hv_err *err);
void hv_watch_stop(struct hv_watch *watch);

/* SIGINT and SIGTERM call run once each time. One handler a loop. */
HV_MUST_USE
enum hv_code hv_loop_on_terminate(struct hv_loop *loop,
				  void (*run)(void *arg, int signal), void *arg,
				  struct hv_err *err);

#endif
