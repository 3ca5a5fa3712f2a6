/*
 * Unit tests of agent/switches.h on the records of a real kernel; where it forbids them
 * that is what is tested.
 */
#include "agent/switches.h"
#include "tests/unit/agent/shell.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "tests/support/oom.h"

/* A process that gives its processor up again and again: a pipe to itself and back. */
static pid_t start_talker(int ping[2], int pong[2])
{
	pid_t pid;
	char c = 0;

	assert_int_equal(pipe(ping), 0);
	assert_int_equal(pipe(pong), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	(void)close(ping[1]);
	while (read(ping[0], &c, 1) == 1)
		if (write(pong[1], &c, 1) != 1)
			break;
	_exit(0);
}

static void talk(const int ping[2], const int pong[2], unsigned times)
{
	char c = 1;

	for (unsigned i = 0; i < times; i++) {
		assert_int_equal(write(ping[1], &c, 1), 1);
		assert_int_equal(read(pong[0], &c, 1), 1);
	}
}

static void end_talker(pid_t pid, const int ping[2], const int pong[2])
{
	for (unsigned i = 0; i < 2; i++) {
		(void)close(ping[i]);
		(void)close(pong[i]);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void waits_of_a_process_are_recorded_with_begin_and_end(void **state)
{
	struct agent_switch list[AGENT_SWITCHES_MAX];
	struct agent_switches *switches = NULL;
	struct hv_err err = { 0 };
	uint64_t before = hv_clock_ns();
	int ping[2], pong[2];
	pid_t pid = start_talker(ping, pong);
	enum hv_code code = agent_switches_open(pid, &switches, &err);
	size_t count = 0;

	(void)state;
	if (code == HV_OK) {
		talk(ping, pong, 2 * AGENT_SWITCHES_MAX);
		count = agent_switches_read(switches, list);
	}
	end_talker(pid, ping, pong);
	if (code != HV_OK) { /* and nothing was made up */
		assert_true(code == HV_E_DENIED || code == HV_E_OS);
		assert_null(switches);
		return;
	}
	assert_int_equal(count, AGENT_SWITCHES_MAX); /* the last ones */
	for (size_t i = 0; i < count; i++) {
		assert_true(list[i].start_ns >= before);
		assert_true(list[i].end_ns >= list[i].start_ns);
		assert_true(list[i].end_ns <= hv_clock_ns());
		assert_int_equal(list[i].thread, pid);
		assert_true(i == 0 || list[i].start_ns >= list[i - 1].end_ns);
	}
	agent_switches_close(switches);
}

static void nobody_has_no_records(void **state)
{
	struct agent_switches *switches = NULL;
	struct hv_err err = { 0 };
	unsigned fds = shell_descriptors();

	(void)state;
	assert_int_equal(agent_switches_open(INT32_MAX, &switches, &err), HV_E_NOTFOUND);
	assert_null(switches);
	assert_int_equal(shell_descriptors(), fds);
	agent_switches_close(NULL);
}

static void without_memory_there_are_none(void **state)
{
	struct agent_switches *switches = NULL;
	unsigned fds = shell_descriptors();

	(void)state;
	for (unsigned nth = 1; nth < 100; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = agent_switches_open(getpid(), &switches, NULL);
		if (!oom_disarm())
			break;
		assert_true(code != HV_OK);
		assert_null(switches);
	}
	agent_switches_close(switches);
	assert_int_equal(shell_descriptors(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_of_a_process_are_recorded_with_begin_and_end),
		cmocka_unit_test(nobody_has_no_records),
		cmocka_unit_test(without_memory_there_are_none),
	};

	return cmocka_run_group_tests_name("context switches", tests, NULL, NULL);
}
