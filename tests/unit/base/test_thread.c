/* thread: whether one of ours waits, or only wants a processor. */
#include "hvcore/base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/wait.h"

struct subject {
	pthread_t thread;
	_Atomic int id;
	_Atomic bool is_over;
	int pipe[2];
};

static void *spin(void *arg)
{
	struct subject *subject = arg;

	atomic_store(&subject->id, hv_thread_id());
	while (!atomic_load(&subject->is_over))
		;
	return NULL;
}

static void *sleep_long(void *arg)
{
	struct subject *subject = arg;
	char byte;

	atomic_store(&subject->id, hv_thread_id());
	assert_int_equal(read(subject->pipe[0], &byte, 1), 1);
	return NULL;
}

static bool is_there(void *arg)
{
	return atomic_load((_Atomic int *)arg) != 0;
}

static bool waits(void *arg)
{
	return !hv_thread_is_runnable(atomic_load((_Atomic int *)arg));
}

static void start(struct subject *subject, void *(*run)(void *arg))
{
	assert_int_equal(pipe(subject->pipe), 0);
	assert_int_equal(hv_thread_start(&subject->thread, run, subject, NULL), HV_OK);
	assert_true(test_wait(is_there, &subject->id, TEST_WAIT_MS));
}

static void end(struct subject *subject)
{
	atomic_store(&subject->is_over, true);
	assert_int_equal(write(subject->pipe[1], "x", 1), 1);
	assert_int_equal(pthread_join(subject->thread, NULL), 0);
	(void)close(subject->pipe[0]);
	(void)close(subject->pipe[1]);
}

static void one_that_computes_is_runnable(void **state)
{
	struct subject subject = { 0 };

	(void)state;
	start(&subject, spin);
	for (unsigned i = 0; i < 100; i++)
		assert_true(hv_thread_is_runnable(atomic_load(&subject.id)));
	end(&subject);
}

static void one_that_waits_is_not(void **state)
{
	struct subject subject = { 0 };

	(void)state;
	start(&subject, sleep_long);
	assert_true(test_wait(waits, &subject.id, TEST_WAIT_MS));
	for (unsigned i = 0; i < 100; i++)
		assert_false(hv_thread_is_runnable(atomic_load(&subject.id)));
	end(&subject);
}

static void there_is_no_such_thread(void **state)
{
	(void)state;
	assert_false(hv_thread_is_runnable(0));
	assert_false(hv_thread_is_runnable(-1));
	assert_false(hv_thread_is_runnable(1)); /* of another process */
}

static void a_thread_has_its_own_id(void **state)
{
	struct subject subject = { 0 };

	(void)state;
	assert_int_equal(hv_thread_id(), getpid());
	start(&subject, spin);
	assert_int_not_equal(atomic_load(&subject.id), hv_thread_id());
	end(&subject);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_computes_is_runnable),
		cmocka_unit_test(one_that_waits_is_not),
		cmocka_unit_test(there_is_no_such_thread),
		cmocka_unit_test(a_thread_has_its_own_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
