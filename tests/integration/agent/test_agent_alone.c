/*
 * Claim   tarn-agent is one a host, says what it cannot start without trying all the
 *         time, and leaves what it started to the next one.
 * Inject  programs that are missing or cannot run; a second agent; kill -9.
 * Expect  each failure in the log, further and further apart; the same hypervisor
 *         process afterwards; `--stop` ends it.
 */
#include "tests/unit/agent/shell.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/pidfile.h"
#include "tests/support/process.h"

#define BACKOFF_MS 700 /* 100 + 200 + 400: what lies between four attempts */

static void start_agent(struct shell *shell, struct test_process *agent)
{
	const char *const arguments[] = { "--state",
					  shell->state,
					  "--bin",
					  shell->bin,
					  "--name",
					  "h1",
					  "--coordinator",
					  "ipc:///nowhere/c.ipc",
					  "--memory",
					  "512M",
					  NULL };

	test_process_start(agent, "tarn-agent", arguments);
}

static void stop_host(struct shell *shell)
{
	const char *const arguments[] = { "--state", shell->state, "--stop", NULL };
	struct test_process *stop = calloc(1, sizeof(*stop));

	assert_non_null(stop);
	assert_int_equal(test_process_run(stop, "tarn-agent", arguments), 0);
	free(stop);
}

struct counting {
	struct test_process *process;
	const char *text;
	unsigned wanted, count;
};

static bool has_said(void *arg)
{
	struct counting *counting = arg;

	test_process_read(counting->process);
	counting->count = 0;
	for (const char *at = counting->process->err;
	     (at = strstr(at, counting->text)) != NULL; at++)
		counting->count++;
	return counting->count >= counting->wanted;
}

static void wait_said(struct test_process *process, const char *text, unsigned times)
{
	struct counting counting = { process, text, times, 0 };

	if (!test_wait(has_said, &counting, TEST_WAIT_MS))
		fail_msg("not %u times '%s' in: %s", times, text, process->err);
}

static void program_path(const struct shell *shell, const char *program,
			 char path[HV_FILE_PATH_BYTES])
{
	(void)snprintf(path, HV_FILE_PATH_BYTES, "%s/%s", shell->bin, program);
}

static void a_missing_program_is_told_and_asked_for_slowly(void **state)
{
	struct shell *shell = *state;
	struct test_process *agent = calloc(1, sizeof(*agent));
	char path[HV_FILE_PATH_BYTES];
	uint64_t before = hv_clock_ms();

	assert_non_null(agent);
	program_path(shell, "tarn-hypervisor", path);
	assert_int_equal(unlink(path), 0);
	start_agent(shell, agent);
	wait_said(agent, "agent.not_spawned kind=hypervisor", 4);
	assert_true(hv_clock_ms() - before >= BACKOFF_MS);
	assert_non_null(strstr(agent->err, path));
	assert_non_null(strstr(agent->err, "No such file or directory"));
	assert_int_equal(test_process_end(agent, SIGTERM), 0);
	free(agent);
}

static void a_program_that_cannot_run_is_told_with_its_reason(void **state)
{
	struct shell *shell = *state;
	struct test_process *agent = calloc(1, sizeof(*agent));
	char path[HV_FILE_PATH_BYTES];
	uint64_t before = hv_clock_ms();
	FILE *file;

	assert_non_null(agent);
	program_path(shell, "tarn-hypervisor", path);
	assert_int_equal(unlink(path), 0);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs("no program", file);
	(void)fclose(file);
	assert_int_equal(chmod(path, 0700), 0);
	start_agent(shell, agent);
	wait_said(agent, "status=127 known=1 last=\"cannot be executed: Exec format", 4);
	assert_true(hv_clock_ms() - before >= BACKOFF_MS);
	assert_non_null(strstr(agent->err, "hypervisor.failed"));
	assert_int_equal(test_process_end(agent, SIGTERM), 0);
	free(agent);
}

static bool is_named(void *arg)
{
	struct hv_pidfile_holder holder;

	return hv_pidfile_look(arg, &holder, NULL) == HV_OK;
}

static void a_killed_agent_leaves_all_to_the_next(void **state)
{
	struct shell *shell = *state;
	struct test_process *agent = calloc(2, sizeof(*agent));
	struct hv_pidfile_holder before, after;
	char path[HV_FILE_PATH_BYTES];

	assert_non_null(agent);
	shell_script("lock");
	start_agent(shell, &agent[0]);
	wait_said(&agent[0], "agent.spawned kind=hypervisor", 1);
	(void)shell_path(shell, "run/hypervisor.pid", path);
	assert_true(test_wait(is_named, path, TEST_WAIT_MS));
	assert_int_equal(hv_pidfile_look(path, &before, NULL), HV_OK);
	start_agent(shell, &agent[1]); /* while the first one is there */
	assert_int_equal(test_process_wait(&agent[1], TEST_WAIT_MS), 1);
	test_process_read(&agent[1]);
	assert_non_null(strstr(agent[1].err, "is running already"));
	(void)test_process_end(&agent[1], 0);
	assert_int_equal(test_process_end(&agent[0], SIGKILL), 128 + SIGKILL);
	start_agent(shell, &agent[1]);
	wait_said(&agent[1], "adopted 0 partitions, 0 VIOS and the hypervisor", 1);
	assert_int_equal(hv_pidfile_look(path, &after, NULL), HV_OK);
	assert_int_equal(after.pid, before.pid);
	assert_null(strstr(agent[1].err, "agent.spawned"));
	stop_host(shell);
	assert_int_equal(test_process_end(&agent[1], 0), 0);
	assert_int_equal(hv_pidfile_look(path, &after, NULL), HV_E_NOTFOUND);
	free(agent);
}

static void a_state_of_another_version_is_refused(void **state)
{
	struct shell *shell = *state;
	struct test_process *agent = calloc(1, sizeof(*agent));

	assert_non_null(agent);
	shell_write(shell, "version", "tarn host 2\n", 12);
	start_agent(shell, agent);
	assert_int_equal(test_process_wait(agent, TEST_WAIT_MS), 1);
	test_process_read(agent);
	assert_non_null(strstr(agent->err, "'tarn host 2', this program needs"));
	assert_string_equal(shell_read(shell, "version"), "tarn host 2\n");
	(void)test_process_end(agent, 0);
	free(agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(a_missing_program_is_told_and_asked_for_slowly),
		SHELL_TEST(a_program_that_cannot_run_is_told_with_its_reason),
		SHELL_TEST(a_killed_agent_leaves_all_to_the_next),
		SHELL_TEST(a_state_of_another_version_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
