/*
 * Unit tests of hvcore/hypervisor/dabr: real breakpoints on a child's threads, asked for
 * as a fault thread does. Skips (77) where the kernel has none for us.
 */
#include "hvcore/hypervisor/dabr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/units.h"
#include "tests/support/wait.h"

#define BYTES (4 * HV_PAGE_BYTES)

/* What the child does with its memory is said byte by byte: 'w' and 'r' at word 1. */
struct child {
	int pid, pidfd, orders, answers;
};

static struct hv_loop *loop;
static struct dabr dabr;
static struct child child;
static volatile uint64_t *memory; /* at the same address in the child */

static void *second(void *arg) /* child */
{
	(void)arg;
	for (;;)
		(void)pause();
	return NULL;
}

static _Noreturn void be_child(int orders, int answers)
{
	pthread_t thread;
	char order;

	(void)pthread_setname_np(pthread_self(), "first");
	if (pthread_create(&thread, NULL, second, NULL) != 0)
		_exit(1);
	(void)pthread_setname_np(thread, "sec\tond");
	(void)!write(answers, "!", 1);
	while (read(orders, &order, 1) == 1) {
		if (order == 'w')
			memory[1] = memory[0] + 1;
		else if (order == 'r')
			memory[0] = memory[1];
		(void)!write(answers, &order, 1);
	}
	_exit(0);
}

static void order(char what)
{
	char answer;

	assert_int_equal(write(child.orders, &what, 1), 1);
	assert_int_equal(read(child.answers, &answer, 1), 1);
}

static int open_all(void **state)
{
	int down[2], up[2];
	char ready;

	(void)state;
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(pipe(down), 0);
	assert_int_equal(pipe(up), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0)
		be_child(down[0], up[1]);
	child.orders = down[1];
	child.answers = up[0];
	(void)close(down[0]);
	(void)close(up[1]);
	child.pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
	assert_true(child.pidfd >= 0);
	assert_int_equal(read(child.answers, &ready, 1), 1);
	assert_int_equal(hv_loop_open(&loop, NULL), HV_OK);
	dabr = (struct dabr){ 0 };
	dabr_attach(&dabr, loop,
		    &(struct dabr_target){ child.pid, &child.pidfd, (uintptr_t)memory,
					   BYTES });
	return 0;
}

static void end_child(void)
{
	if (child.pid == 0)
		return;
	(void)kill(child.pid, SIGKILL);
	assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
	child.pid = 0;
}

static int close_all(void **state)
{
	(void)state;
	end_child();
	dabr_close(&dabr);
	hv_loop_close(loop);
	(void)close(child.pidfd);
	(void)close(child.orders);
	(void)close(child.answers);
	(void)munmap((void *)(uintptr_t)memory, BYTES);
	return 0;
}

static void on_enough(struct hv_timer *timer)
{
	(void)timer;
	hv_loop_stop(loop);
}

static void run_for(uint64_t ms)
{
	struct hv_timer timer = { .run = on_enough };

	assert_int_equal(hv_timer_start(loop, &timer, ms, 0, NULL), HV_OK);
	hv_loop_run(loop);
	hv_timer_stop(&timer);
}

/* Until it is done, as a partition asks. */
static int64_t set(uint64_t address, unsigned flags, uint64_t *ret_os)
{
	uint64_t until_ms = hv_clock_ms() + TEST_WAIT_MS, values[HV_HCALL_VALUES] = { 0 };
	int64_t code;

	while ((code = dabr_watch.set(&dabr, address, flags, values)) ==
	       H_LONG_BUSY_1_MSEC) {
		assert_true(hv_clock_ms() < until_ms);
		run_for(1);
	}
	*ret_os = values[0];
	return code;
}

static void watch(uint64_t address, unsigned flags)
{
	uint64_t os = 0;
	int64_t code = set(address, flags, &os);

	if (code != H_SUCCESS)
		fail_msg("code %lld, errno %d", (long long)code, (int)os);
}

static void each_hit_is_counted_for_its_thread(void **state)
{
	uint64_t values[HV_HCALL_VALUES] = { 0 };
	unsigned threads = 0;
	bool has_second = false;

	(void)state;
	watch(8, HV_DABR_WRITE);
	assert_true(dabr.is_set);
	for (unsigned i = 0; i < 5; i++)
		order('w');
	order('r'); /* reads are not watched */
	run_for(3 * DABR_LOOK_MS);
	assert_int_equal(dabr_hits(&dabr), 5);
	for (; dabr_watch.hits(&dabr, threads, values) == H_SUCCESS; threads++) {
		bool is_first = values[1] == (uint64_t)child.pid;

		assert_int_equal(values[0], is_first ? 5 : 0);
		assert_int_equal(values[2], 8);
		assert_int_equal(values[3], HV_DABR_WRITE);
		if (is_first)
			assert_string_equal((const char *)&values[4], "first");
		has_second |= strcmp((const char *)&values[4], "sec?ond") == 0;
	}
	assert_true(has_second);
	assert_true(threads >= 2); /* a sanitizer may have one of its own */
}

static void reads_are_watched_where_they_are_asked_for(void **state)
{
	(void)state;
	watch(8, HV_DABR_WRITE | HV_DABR_READ);
	order('w');
	order('r');
	order('r');
	run_for(3 * DABR_LOOK_MS);
	assert_int_equal(dabr_hits(&dabr), 3);
	watch(16, HV_DABR_WRITE); /* another place: counted anew */
	order('w');
	run_for(3 * DABR_LOOK_MS);
	assert_int_equal(dabr_hits(&dabr), 0);
	watch(0, 0);
	assert_false(dabr.is_set);
	assert_int_equal(dabr.count, 0);
}

static void what_cannot_be_watched_is_refused_with_why(void **state)
{
	uint64_t os = 0, values[HV_HCALL_VALUES] = { 0 };

	(void)state;
	assert_int_equal(set(BYTES, HV_DABR_WRITE, &os), H_PARAMETER);
	assert_int_equal(set(UINT64_MAX - 7, HV_DABR_WRITE, &os), H_PARAMETER);
	assert_int_equal(set(8, HV_DABR_READ, &os), H_HARDWARE);
	assert_int_equal(os, EOPNOTSUPP);
	assert_int_equal(dabr_watch.hits(&dabr, 0, values), H_NOT_FOUND);
	assert_int_equal(set(1, HV_DABR_WRITE, &os), H_HARDWARE); /* not aligned */
	assert_int_equal(os, EINVAL);
	assert_false(dabr.is_set);
	watch(BYTES - 8, HV_DABR_WRITE);
}

/* Its pid may be another's by then. */
static void a_process_that_has_ended_is_not_watched(void **state)
{
	struct pollfd at = { .fd = child.pidfd, .events = POLLIN };
	uint64_t os = 0;

	(void)state;
	assert_int_equal(kill(child.pid, SIGKILL), 0);
	assert_int_equal(poll(&at, 1, TEST_WAIT_MS), 1);
	assert_int_equal(set(8, HV_DABR_WRITE, &os), H_HARDWARE);
	assert_int_equal(os, ESRCH);
	assert_int_equal(dabr.count, 0);
	end_child();
}

/* Who asks without end has one set each DABR_PAUSE_MS. */
static void asking_again_and_again_is_paced(void **state)
{
	uint64_t until_ms = hv_clock_ms() + 10 * DABR_PAUSE_MS;
	uint64_t values[HV_HCALL_VALUES] = { 0 };
	unsigned done = 0;

	(void)state;
	for (unsigned i = 0; hv_clock_ms() < until_ms; i++) {
		if (dabr_watch.set(&dabr, 8, HV_DABR_WRITE, values) == H_SUCCESS)
			done++;
		run_for(1);
	}
	assert_true(done > 0 && done <= 11);
}

static bool is_possible(void)
{
	bool is_set;

	(void)open_all(NULL);
	(void)dabr_watch.set(&dabr, 8, HV_DABR_WRITE, (uint64_t[HV_HCALL_VALUES]){ 0 });
	run_for(10);
	is_set = dabr.is_set;
	(void)close_all(NULL);
	return is_set;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_hit_is_counted_for_its_thread),
		TEST(reads_are_watched_where_they_are_asked_for),
		TEST(what_cannot_be_watched_is_refused_with_why),
		TEST(a_process_that_has_ended_is_not_watched),
		TEST(asking_again_and_again_is_paced),
	};

	if (!is_possible()) {
		(void)fprintf(stderr, "skipped: the kernel gives us no breakpoints\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
