/* Keys that interrupt, whenever they come. */
#include "cli/hmcsh/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <pty.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/support/wait.h"

static int keyboard, terminal;

static int set_up(void **state)
{
	struct hmcsh shell = { 0 };

	(void)state;
	if (openpty(&keyboard, &terminal, NULL, NULL, NULL) != 0)
		return -1;
	shell.terminal = terminal;
	hmcsh_signals_start(&shell);
	hmcsh_interrupt_clear();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)signal(SIGINT, SIG_DFL);
	(void)close(keyboard);
	(void)close(terminal);
	return 0;
}

static void an_interrupt_before_the_wait_ends_it(void **state)
{
	(void)state;
	(void)raise(SIGINT);
	assert_true(hmcsh_is_interrupted());
	assert_int_equal(hmcsh_wait_readable(terminal, TEST_WAIT_MS), -1);
	assert_int_equal(errno, EINTR);
	/* also where there is something to read */
	assert_int_equal(write(keyboard, "a\n", 2), 2);
	assert_int_equal(hmcsh_wait_readable(terminal, TEST_WAIT_MS), -1);
	hmcsh_interrupt_clear();
	assert_int_equal(hmcsh_wait_readable(terminal, TEST_WAIT_MS), 1);
}

static void interrupt(int signal)
{
	(void)signal;
	(void)raise(SIGINT);
}

static void one_during_the_wait_ends_it(void **state)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 10000 } };
	struct sigaction action = { .sa_handler = interrupt };

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	while (hmcsh_wait_readable(terminal, TEST_WAIT_MS) == -1 &&
	       !hmcsh_is_interrupted())
		continue;
	assert_true(hmcsh_is_interrupted());
	(void)signal(SIGALRM, SIG_DFL);
}

static void a_wait_ends_by_time_and_by_a_hang_up(void **state)
{
	(void)state;
	assert_int_equal(hmcsh_wait_readable(terminal, 1), 0);
	assert_int_equal(hmcsh_wait_readable(-1, 1), 0); /* nothing to wait for */
	(void)close(keyboard);
	keyboard = -1;
	assert_int_equal(hmcsh_wait_readable(terminal, -1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(an_interrupt_before_the_wait_ends_it),
		TEST(one_during_the_wait_ends_it),
		TEST(a_wait_ends_by_time_and_by_a_hang_up),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
