/* Unit tests of hvcore/loop/loop.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/loop/loop.h"
#include "tests/support/oom.h"

#define POSTERS 4
#define POSTS 500
#define NOTES 64

/* What happened, in order, as one letter each. */
struct notes {
	struct hv_loop *loop;
	char text[NOTES];
	size_t count;
};

struct noter {
	struct hv_job job;
	struct hv_idle idle;
	struct hv_timer timer;
	struct hv_watch watch;
	struct notes *notes;
	char letter;
	bool is_last;
	unsigned events;
};

static void note(struct noter *noter)
{
	struct notes *notes = noter->notes;

	assert_true(notes->count < NOTES - 1);
	notes->text[notes->count++] = noter->letter;
	if (noter->is_last)
		hv_loop_stop(notes->loop);
}

static void on_job(struct hv_job *job)
{
	note(HV_CONTAINER(job, struct noter, job));
}

static void on_idle(struct hv_idle *idle)
{
	note(HV_CONTAINER(idle, struct noter, idle));
}

static void on_timer(struct hv_timer *timer)
{
	note(HV_CONTAINER(timer, struct noter, timer));
}

static void on_watch(struct hv_watch *watch, unsigned events)
{
	struct noter *noter = HV_CONTAINER(watch, struct noter, watch);

	noter->events = events;
	note(noter);
}

static struct noter noter_of(struct notes *notes, char letter, bool is_last)
{
	return (struct noter){ .job.run = on_job,
			       .idle.run = on_idle,
			       .timer.run = on_timer,
			       .watch.run = on_watch,
			       .notes = notes,
			       .letter = letter,
			       .is_last = is_last };
}

static struct notes open_notes(void)
{
	struct notes notes = { 0 };

	assert_int_equal(hv_loop_open(&notes.loop, NULL), HV_OK);
	return notes;
}

static void jobs_of_one_poster_run_in_order(void **state)
{
	struct notes notes = open_notes();
	struct noter a = noter_of(&notes, 'a', false), b = noter_of(&notes, 'b', false),
		     c = noter_of(&notes, 'c', true);

	(void)state;
	hv_loop_post(notes.loop, &a.job);
	hv_loop_post(notes.loop, &b.job);
	hv_loop_post(notes.loop, &c.job);
	hv_loop_run(notes.loop);
	assert_string_equal(notes.text, "abc");
	hv_loop_close(notes.loop);
}

struct poster {
	struct hv_loop *loop;
	struct hv_job jobs[POSTS];
	pthread_t thread;
};

static unsigned ran;

static void on_counted(struct hv_job *job)
{
	(void)job;
	ran++;
}

static void *post_all(void *arg)
{
	struct poster *poster = arg;

	for (unsigned i = 0; i < POSTS; i++) {
		poster->jobs[i].run = on_counted;
		hv_loop_post(poster->loop, &poster->jobs[i]);
	}
	return NULL;
}

static void on_tick(struct hv_timer *timer)
{
	struct noter *noter = HV_CONTAINER(timer, struct noter, timer);

	if (ran == POSTERS * POSTS)
		hv_loop_stop(noter->notes->loop);
}

static void no_job_of_many_threads_is_lost(void **state)
{
	struct notes notes = open_notes();
	struct noter tick = noter_of(&notes, 't', false);
	struct poster *posters = calloc(POSTERS, sizeof(*posters));

	(void)state;
	ran = 0;
	tick.timer.run = on_tick;
	assert_int_equal(hv_timer_start(notes.loop, &tick.timer, 1, 1, NULL), HV_OK);
	for (unsigned i = 0; i < POSTERS; i++) {
		posters[i].loop = notes.loop;
		assert_int_equal(
			pthread_create(&posters[i].thread, NULL, post_all, &posters[i]),
			0);
	}
	hv_loop_run(notes.loop);
	for (unsigned i = 0; i < POSTERS; i++)
		(void)pthread_join(posters[i].thread, NULL);
	assert_int_equal(ran, POSTERS * POSTS);
	hv_timer_stop(&tick.timer);
	hv_loop_close(notes.loop);
	free(posters);
}

static void jobs_that_never_ran_run_at_close(void **state)
{
	struct notes notes = open_notes();
	struct noter a = noter_of(&notes, 'a', false);

	(void)state;
	hv_loop_post(notes.loop, &a.job);
	hv_loop_close(notes.loop);
	assert_string_equal(notes.text, "a");
}

struct queuer {
	struct hv_job job;
	struct hv_timer timer;
	struct noter *after;
	struct noter self;
};

static void queue_from_job(struct hv_job *job)
{
	struct queuer *queuer = HV_CONTAINER(job, struct queuer, job);

	note(&queuer->self);
	hv_loop_after(queuer->self.notes->loop, &queuer->after->idle);
}

static void after_runs_once_when_the_wakeup_is_over(void **state)
{
	struct notes notes = open_notes();
	struct noter after = noter_of(&notes, 'z', true);
	struct queuer a = { .job.run = queue_from_job, .after = &after },
		      b = { .job.run = queue_from_job, .after = &after };

	(void)state;
	a.self = noter_of(&notes, 'a', false);
	b.self = noter_of(&notes, 'b', false);
	hv_loop_post(notes.loop, &a.job);
	hv_loop_post(notes.loop, &b.job);
	hv_loop_run(notes.loop);
	assert_string_equal(notes.text, "abz");
	hv_loop_close(notes.loop);
}

static void queue_from_timer(struct hv_timer *timer)
{
	struct queuer *queuer = HV_CONTAINER(timer, struct queuer, timer);

	note(&queuer->self);
	hv_loop_after(queuer->self.notes->loop, &queuer->after->idle);
}

/* Otherwise the loop would sleep in poll with a batch that is not closed. */
static void after_a_timer_runs_before_the_next_wait(void **state)
{
	struct notes notes = open_notes();
	struct noter after = noter_of(&notes, 'z', true);
	struct queuer a = { .timer.run = queue_from_timer, .after = &after };
	uint64_t start = hv_clock_ms();

	(void)state;
	a.self = noter_of(&notes, 'a', false);
	assert_int_equal(hv_timer_start(notes.loop, &a.timer, 1, 3600000, NULL), HV_OK);
	hv_loop_run(notes.loop);
	assert_string_equal(notes.text, "az");
	assert_true(hv_clock_ms() - start < 60000);
	hv_timer_stop(&a.timer);
	hv_loop_close(notes.loop);
}

static void a_timer_moves_when_it_is_started_again(void **state)
{
	struct notes notes = open_notes();
	struct noter a = noter_of(&notes, 'a', false), b = noter_of(&notes, 'b', true);

	(void)state;
	assert_int_equal(hv_timer_start(notes.loop, &a.timer, 3600000, 0, NULL), HV_OK);
	assert_int_equal(hv_timer_start(notes.loop, &a.timer, 1, 0, NULL), HV_OK);
	assert_int_equal(hv_timer_start(notes.loop, &b.timer, 5, 0, NULL), HV_OK);
	hv_loop_run(notes.loop);
	assert_string_equal(notes.text, "ab");
	hv_timer_stop(&a.timer);
	hv_timer_stop(&a.timer); /* twice is fine */
	hv_timer_stop(&b.timer);
	hv_loop_close(notes.loop);
}

static void on_timer_that_frees_itself(struct hv_timer *timer)
{
	struct noter *noter = HV_CONTAINER(timer, struct noter, timer);
	struct hv_loop *loop = noter->notes->loop;

	hv_timer_stop(timer);
	free(noter);
	hv_loop_stop(loop);
}

static void a_timer_may_free_its_owner(void **state)
{
	struct notes notes = open_notes();
	struct noter *owner = malloc(sizeof(*owner));

	(void)state;
	*owner = noter_of(&notes, 'o', true);
	owner->timer.run = on_timer_that_frees_itself;
	assert_int_equal(hv_timer_start(notes.loop, &owner->timer, 0, 0, NULL), HV_OK);
	hv_loop_run(notes.loop);
	hv_loop_close(notes.loop);
}

static void a_watch_tells_what_is_readable_and_hung_up(void **state)
{
	struct notes notes = open_notes();
	struct noter a = noter_of(&notes, 'a', true);
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_int_equal(
		hv_watch_start(notes.loop, &a.watch, fds[0], HV_WATCH_WRITE, NULL),
		HV_OK);
	hv_loop_run(notes.loop);
	assert_int_equal(a.events, HV_WATCH_WRITE);
	assert_int_equal(send(fds[1], "x", 1, 0), 1);
	assert_int_equal(
		hv_watch_start(notes.loop, &a.watch, fds[0], HV_WATCH_READ, NULL), HV_OK);
	hv_loop_run(notes.loop);
	assert_int_equal(a.events, HV_WATCH_READ);
	(void)close(fds[1]);
	assert_int_equal(hv_watch_start(notes.loop, &a.watch, fds[0],
					HV_WATCH_READ | HV_WATCH_HANGUP, NULL),
			 HV_OK);
	hv_loop_run(notes.loop);
	assert_int_equal(a.events, HV_WATCH_READ | HV_WATCH_HANGUP);
	hv_watch_stop(&a.watch);
	hv_watch_stop(&a.watch);
	(void)close(fds[0]);
	hv_loop_close(notes.loop);
}

static void a_watched_pidfd_tells_of_the_exit(void **state)
{
	struct notes notes = open_notes();
	struct noter a = noter_of(&notes, 'a', true);
	int pid = fork(), pidfd;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(hv_watch_start(notes.loop, &a.watch, pidfd, HV_WATCH_READ, NULL),
			 HV_OK);
	hv_loop_run(notes.loop);
	assert_int_equal(a.events & HV_WATCH_READ, HV_WATCH_READ);
	hv_watch_stop(&a.watch);
	(void)close(pidfd);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	hv_loop_close(notes.loop);
}

static void a_bad_descriptor_is_an_error(void **state)
{
	struct notes notes = open_notes();
	struct noter a = noter_of(&notes, 'a', true);
	struct hv_err err;

	(void)state;
	assert_int_equal(hv_watch_start(notes.loop, &a.watch, -1, HV_WATCH_READ, &err),
			 HV_E_OS);
	assert_null(a.watch.impl);
	hv_loop_close(notes.loop);
}

static int seen_signal;

static void on_terminate(void *arg, int signal)
{
	seen_signal = signal;
	hv_loop_stop(arg);
}

static void signals_arrive_on_the_loop(void **state)
{
	struct notes notes = open_notes();

	(void)state;
	assert_int_equal(hv_loop_on_terminate(notes.loop, on_terminate, notes.loop, NULL),
			 HV_OK);
	assert_int_equal(raise(SIGTERM), 0);
	hv_loop_run(notes.loop);
	assert_int_equal(seen_signal, SIGTERM);
	assert_int_equal(raise(SIGINT), 0);
	hv_loop_run(notes.loop);
	assert_int_equal(seen_signal, SIGINT);
	hv_loop_close(notes.loop);
}

static void closing_nothing_is_fine(void **state)
{
	struct hv_timer timer = { 0 };
	struct hv_watch watch = { 0 };

	(void)state;
	hv_loop_close(NULL);
	hv_timer_stop(&timer);
	hv_watch_stop(&watch);
}

static enum hv_code open_all(struct notes *notes, struct noter *a, int fd)
{
	enum hv_code code = hv_loop_open(&notes->loop, NULL);

	if (code == HV_OK)
		code = hv_timer_start(notes->loop, &a->timer, 1, 0, NULL);
	if (code == HV_OK)
		code = hv_watch_start(notes->loop, &a->watch, fd, HV_WATCH_READ, NULL);
	return code;
}

static void every_failed_allocation_is_nomem(void **state)
{
	struct notes notes;
	struct noter a;
	enum hv_code code;
	unsigned nth;
	bool was_hit = true;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	for (nth = 1; was_hit; nth++) {
		notes = (struct notes){ 0 };
		a = noter_of(&notes, 'a', true);
		oom_arm(nth);
		code = open_all(&notes, &a, fds[0]);
		was_hit = oom_disarm();
		assert_int_equal(code, was_hit ? HV_E_NOMEM : HV_OK);
		hv_timer_stop(&a.timer);
		hv_watch_stop(&a.watch);
		hv_loop_close(notes.loop);
	}
	assert_int_equal(nth, 5); /* loop, timer, watch, and one that met nothing */
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_of_one_poster_run_in_order),
		cmocka_unit_test(no_job_of_many_threads_is_lost),
		cmocka_unit_test(jobs_that_never_ran_run_at_close),
		cmocka_unit_test(after_runs_once_when_the_wakeup_is_over),
		cmocka_unit_test(after_a_timer_runs_before_the_next_wait),
		cmocka_unit_test(a_timer_moves_when_it_is_started_again),
		cmocka_unit_test(a_timer_may_free_its_owner),
		cmocka_unit_test(a_watch_tells_what_is_readable_and_hung_up),
		cmocka_unit_test(a_watched_pidfd_tells_of_the_exit),
		cmocka_unit_test(a_bad_descriptor_is_an_error),
		cmocka_unit_test(signals_arrive_on_the_loop),
		cmocka_unit_test(closing_nothing_is_fine),
		cmocka_unit_test(every_failed_allocation_is_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
