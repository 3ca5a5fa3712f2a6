/* Unit tests of agent/agent.h: opening and closing the whole, and failing on the way. */
#include "tests/support/oom.h"
#include "tests/unit/agent/shell.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/stop.h"
#include "hvcore/base/pidfile.h"

#define SWEEP_MAX 400 /* it ends long before */

/* The sweep needs a loop of its own each time: what closed clients leave is its. */
static void open_loop(struct shell *shell)
{
	assert_int_equal(hv_loop_open(&shell->loop, NULL), HV_OK);
}

static void close_loop(struct shell *shell)
{
	hv_timer_stop(&shell->timer);
	hv_loop_close(shell->loop);
	shell->loop = NULL;
}

static void end_programs(struct shell *shell)
{
	assert_int_equal(agent_stop(shell->state, NULL), HV_OK);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

/* nng closes a socket of a closed client in a thread of its own. */
static bool is_back_to(void *arg)
{
	return shell_descriptors() <= *(unsigned *)arg;
}

static bool is_named(void *arg)
{
	struct hv_pidfile_holder holder;

	return hv_pidfile_look(arg, &holder, NULL) == HV_OK;
}

/* Each start keeps an event more: what is loaded would grow with the sweep. */
static void forget_state(struct shell *shell)
{
	char path[HV_FILE_PATH_BYTES];

	(void)unlink(shell_path(shell, "state", path));
}

static void closing_an_agent_disturbs_nothing_that_runs(void **state)
{
	struct shell *shell = *state;
	struct hv_pidfile_holder holder;
	struct agent *agent = NULL;
	char path[HV_FILE_PATH_BYTES];

	shell_script("lock");
	assert_int_equal(
		agent_open(shell->loop, &shell->options, shell->bin, &agent, NULL),
		HV_OK);
	agent_close(agent);
	(void)shell_path(shell, "run/hypervisor.pid", path);
	/* AGAIN: it has the file, and has not written its pid yet */
	assert_true(test_wait(is_named, path, TEST_WAIT_MS));
	assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_OK);
	assert_int_equal(kill(holder.pid, 0), 0);
	end_programs(shell);
	agent_close(NULL);
}

static void each_allocation_of_an_open_may_fail(void **state)
{
	struct shell *shell = *state;
	unsigned refused = 0;
	unsigned fds = UINT_MAX;
	bool was_hit = true;

	shell_script("lock");
	close_loop(shell);
	for (unsigned nth = 1; was_hit; nth++) {
		unsigned now = shell_descriptors();
		struct agent *agent = NULL;
		enum hv_code code;

		/* that thread may still be at it: the least that was seen is right */
		fds = now < fds ? now : fds;
		open_loop(shell);
		oom_arm(nth);
		code = agent_open(shell->loop, &shell->options, shell->bin, &agent, NULL);
		was_hit = oom_disarm();
		if (code == HV_OK) {
			agent_close(agent); /* it tries again later */
		} else {
			assert_null(agent);
			assert_int_equal(shell_children(), 0);
			refused++;
		}
		close_loop(shell);
		assert_true(test_wait(is_back_to, &fds, TEST_WAIT_MS));
		end_programs(shell);
		forget_state(shell);
		assert_true(nth < SWEEP_MAX);
	}
	assert_true(refused >= 5); /* itself, its tables, its timer */
	open_loop(shell);
}

static void a_damaged_state_opens_nothing(void **state)
{
	struct shell *shell = *state;
	struct agent *agent = NULL;
	struct hv_err err;

	shell_write(shell, "state", "\xff\xff\xff", 3);
	assert_int_equal(
		agent_open(shell->loop, &shell->options, shell->bin, &agent, &err),
		HV_E_CORRUPT);
	assert_null(agent);
	assert_int_equal(shell_children(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(closing_an_agent_disturbs_nothing_that_runs),
		SHELL_TEST(each_allocation_of_an_open_may_fail),
		SHELL_TEST(a_damaged_state_opens_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
