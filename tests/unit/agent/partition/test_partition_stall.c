/* stall: sleeping in an operation is a stall, being busy is none. */
#include "agent/partition/stall.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/err.h"

#define DEADLINE_NS UINT64_C(10000000000)

/* A worker that blocks in read(2) as one in a fault does, until it is written to. */
struct sleeper {
	struct partition_stall stall;
	pthread_t thread;
	int pipe[2];
};

static void *run_sleeper(void *arg)
{
	struct sleeper *sleeper = arg;
	char byte;

	partition_stall_adopt(&sleeper->stall);
	(void)partition_stall_begin(&sleeper->stall);
	assert_int_equal(read(sleeper->pipe[0], &byte, 1), 1);
	(void)partition_stall_end(&sleeper->stall);
	return NULL;
}

static void start(struct sleeper *sleeper, void *(*run)(void *))
{
	partition_stall_init(&sleeper->stall);
	assert_int_equal(pipe(sleeper->pipe), 0);
	assert_int_equal(pthread_create(&sleeper->thread, NULL, run, sleeper), 0);
}

static void finish(struct sleeper *sleeper)
{
	assert_int_equal(write(sleeper->pipe[1], "", 1), 1);
	assert_int_equal(pthread_join(sleeper->thread, NULL), 0);
	(void)close(sleeper->pipe[0]);
	(void)close(sleeper->pipe[1]);
}

/* Polls until the stall that goes on is longer than `ns`. */
static uint64_t await_longer(struct partition_stall *stall, uint64_t ns)
{
	uint64_t until = hv_clock_ns() + DEADLINE_NS, longest;

	do {
		assert_true(hv_clock_ns() < until);
		longest = partition_stall_longest_ns(stall, NULL);
	} while (longest <= ns);
	return longest;
}

static void a_stall_shows_while_it_goes_on(void **state)
{
	struct sleeper sleeper;
	uint64_t seen;

	(void)state;
	start(&sleeper, run_sleeper);
	seen = await_longer(&sleeper.stall, 0);
	assert_true(await_longer(&sleeper.stall, seen) > seen);
	assert_int_equal(hv_hist_count(&sleeper.stall.hist), 0);
	finish(&sleeper);
	assert_int_equal(hv_hist_count(&sleeper.stall.hist), 1);
	assert_true(partition_stall_longest_ns(&sleeper.stall, NULL) >= seen);
	assert_int_equal(partition_stall_longest_ns(&sleeper.stall, NULL),
			 hv_hist_max_ns(&sleeper.stall.hist));
	partition_stall_fini(&sleeper.stall);
}

static void after_a_reset_only_what_follows_counts(void **state)
{
	struct sleeper sleeper;
	uint64_t before, after;

	(void)state;
	start(&sleeper, run_sleeper);
	before = await_longer(&sleeper.stall, 20 * PARTITION_ONGOING_NS);
	partition_stall_reset(&sleeper.stall);
	after = partition_stall_longest_ns(&sleeper.stall, NULL);
	assert_true(after < before);
	finish(&sleeper);
	/* The histogram has all of it, the longest since the reset the rest. */
	assert_true(hv_hist_max_ns(&sleeper.stall.hist) >= before);
	after = partition_stall_longest_ns(&sleeper.stall, NULL);
	assert_true(after > 0 && after < hv_hist_max_ns(&sleeper.stall.hist));
	partition_stall_reset(&sleeper.stall);
	assert_int_equal(partition_stall_longest_ns(&sleeper.stall, NULL), 0);
	partition_stall_fini(&sleeper.stall);
}

static void *run_busy(void *arg)
{
	struct sleeper *sleeper = arg;
	uint64_t began, now;
	char byte;

	partition_stall_adopt(&sleeper->stall);
	for (unsigned i = 0; i < 20; i++) {
		began = partition_stall_begin(&sleeper->stall);
		do {
			now = hv_clock_ns();
		} while (now < began + 2 * (uint64_t)PARTITION_ONGOING_NS);
		(void)partition_stall_end(&sleeper->stall);
	}
	(void)partition_stall_begin(&sleeper->stall);
	assert_int_equal(read(sleeper->pipe[0], &byte, 1), 1);
	(void)partition_stall_end(&sleeper->stall);
	return NULL;
}

static void being_busy_is_no_stall(void **state)
{
	struct sleeper sleeper;

	(void)state;
	start(&sleeper, run_busy);
	(void)await_longer(&sleeper.stall, 0); /* it has come to the read */
	assert_int_equal(hv_hist_count(&sleeper.stall.hist), 0);
	finish(&sleeper);
	assert_int_equal(hv_hist_count(&sleeper.stall.hist), 1);
	partition_stall_fini(&sleeper.stall);
}

static void *run_rested(void *arg)
{
	struct sleeper *sleeper = arg;
	uint64_t began;
	char byte;

	partition_stall_adopt(&sleeper->stall);
	assert_int_equal(read(sleeper->pipe[0], &byte, 1), 1); /* between operations */
	partition_stall_rest(&sleeper->stall);
	began = partition_stall_begin(&sleeper->stall);
	while (hv_clock_ns() < began + 2 * PARTITION_TOUCH_NS)
		;
	(void)partition_stall_end(&sleeper->stall);
	return NULL;
}

static void resting_between_operations_is_no_stall(void **state)
{
	struct sleeper sleeper;

	(void)state;
	start(&sleeper, run_rested);
	assert_int_equal(partition_stall_longest_ns(&sleeper.stall, NULL), 0);
	finish(&sleeper);
	assert_int_equal(hv_hist_count(&sleeper.stall.hist), 0);
	partition_stall_fini(&sleeper.stall);
}

static void histograms_of_workers_add_up(void **state)
{
	struct sleeper sleepers[3];
	static struct hv_hist sum;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(sleepers); i++) {
		start(&sleepers[i], run_sleeper);
		(void)await_longer(&sleepers[i].stall, 0);
		finish(&sleepers[i]);
		(void)partition_stall_longest_ns(&sleepers[i].stall, &sum);
		partition_stall_fini(&sleepers[i].stall);
	}
	assert_int_equal(hv_hist_count(&sum), HV_COUNT(sleepers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stall_shows_while_it_goes_on),
		cmocka_unit_test(after_a_reset_only_what_follows_counts),
		cmocka_unit_test(being_busy_is_no_stall),
		cmocka_unit_test(resting_between_operations_is_no_stall),
		cmocka_unit_test(histograms_of_workers_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
