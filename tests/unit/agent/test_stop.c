/* Unit tests of agent/stop.h: `tarn-agent --stop` on real processes. */
#include "tests/unit/agent/shell.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/process.h"
#include "agent/stop.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/pidfile.h"

static void on_exit_of(void *arg, enum agent_kind kind, const char *name,
		       const struct agent_exit *end)
{
	(void)arg;
	(void)kind;
	(void)name;
	(void)end;
	fail_msg("nobody looks");
}

/* Starts programs and forgets them, as an agent that is killed does. */
static pid_t leave(struct shell *shell, const struct agent_spawn *what, const char *words)
{
	struct agent_processes_config config = { &shell->options, shell->bin, on_exit_of,
						 NULL };
	struct agent_processes *processes = NULL;
	struct agent_instance instance;
	char script[256], log[64];

	(void)snprintf(script, sizeof(script), "%s,say:ready", words);
	(void)snprintf(log, sizeof(log), "log/%s.log",
		       what->kind == AGENT_VIOS       ? what->name
		       : what->kind == AGENT_EXPORTER ? AGENT_EXPORTER_NAME
						      : "hypervisor");
	shell_script(script);
	assert_int_equal(agent_processes_open(shell->loop, &config, &processes, NULL),
			 HV_OK);
	assert_int_equal(agent_process_spawn(processes, what, &instance, NULL), HV_OK);
	agent_processes_close(processes);
	shell_wait_text(shell, log, "ready");
	return (pid_t)instance.pid;
}

/* A process in the place of a partition, which needs an attach socket otherwise. */
static pid_t leave_partition(struct shell *shell, const char *name)
{
	char file[64], path[HV_FILE_PATH_BYTES];
	pid_t pid;
	int fd = -1;

	(void)snprintf(file, sizeof(file), "run/lpar-%s.pid", name);
	assert_int_equal(hv_pidfile_hold(shell_path(shell, file, path), &fd, NULL),
			 HV_OK);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(hv_pidfile_take_open(fd, NULL) == HV_OK && pause() == 0);
	hv_pidfile_give(fd);
	return pid;
}

static int end_of(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, WNOHANG), pid); /* it has ended */
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static const struct agent_spawn hypervisor = { .kind = AGENT_HYPERVISOR, .name = "" };
static const struct agent_spawn exporter = { .kind = AGENT_EXPORTER, .name = "" };
static const struct agent_spawn vios1 = { .kind = AGENT_VIOS, .name = "vios1" };
static const struct agent_spawn vios2 = { .kind = AGENT_VIOS, .name = "vios2" };

static void everything_of_a_host_is_ended(void **state)
{
	struct shell *shell = *state;
	pid_t pids[6] = {
		leave(shell, &hypervisor, "lock"), leave(shell, &vios1, "lock"),
		leave(shell, &vios2, "lock"),      leave(shell, &exporter, "lock"),
		leave_partition(shell, "db1"),     leave_partition(shell, "db2")
	};
	char path[HV_FILE_PATH_BYTES];
	struct hv_err err;

	shell_write(shell, "run/hv.ipc", "", 0);
	shell_write(shell, "run/vasi.sock", "", 0);
	assert_int_equal(mkdir(shell_path(shell, "run/pool", path), 0700), 0);
	if (agent_stop(shell->state, &err) != HV_OK)
		fail_msg("%s", err.text);
	for (unsigned i = 0; i < HV_COUNT(pids); i++)
		assert_int_equal(end_of(pids[i]), -SIGTERM);
	assert_int_equal(rmdir(shell_path(shell, "run", path)), 0); /* it is empty */
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(agent_stop(shell->state, &err), HV_OK); /* again */
}

/* Without asking for grace twice: one waits for all of a kind. */
static void what_does_not_obey_is_killed_in_time(void **state)
{
	struct shell *shell = *state;
	pid_t deaf1 = leave(shell, &vios1, "deaf,lock");
	pid_t deaf2 = leave(shell, &vios2, "deaf,lock");
	uint64_t before = hv_clock_ms();

	assert_int_equal(agent_stop(shell->state, NULL), HV_OK);
	assert_true(hv_clock_ms() - before < 6000);
	assert_int_equal(end_of(deaf1), -SIGKILL);
	assert_int_equal(end_of(deaf2), -SIGKILL);
}

static void what_is_stopped_is_ended_too(void **state)
{
	struct shell *shell = *state;
	pid_t stopped = leave(shell, &hypervisor, "lock");

	assert_int_equal(kill(stopped, SIGSTOP), 0);
	assert_int_equal(agent_stop(shell->state, NULL), HV_OK);
	assert_int_equal(end_of(stopped), -SIGTERM);
}

static bool is_free(void *arg)
{
	struct hv_pidfile_holder holder;

	return hv_pidfile_look(arg, &holder, NULL) == HV_E_NOTFOUND;
}

/* Its agent was killed before it could name it: it is waited for. */
static void what_was_started_a_moment_ago_is_ended_too(void **state)
{
	struct shell *shell = *state;
	pid_t other = leave_partition(shell, "db1");
	char path[HV_FILE_PATH_BYTES], first[HV_FILE_PATH_BYTES];
	pid_t late;
	int fd = -1;

	(void)shell_path(shell, "run/lpar-db1.pid", first);
	(void)shell_path(shell, "run/hypervisor.pid", path);
	assert_int_equal(hv_pidfile_hold(path, &fd, NULL), HV_OK);
	late = fork();
	assert_true(late >= 0);
	if (late == 0) {
		(void)test_wait(is_free, first, TEST_WAIT_MS);
		_exit(hv_pidfile_take_open(fd, NULL) == HV_OK && pause() == 0);
	}
	hv_pidfile_give(fd);
	assert_int_equal(agent_stop(shell->state, NULL), HV_OK);
	assert_int_equal(end_of(other), -SIGTERM);
	assert_int_equal(end_of(late), -SIGTERM);
}

/* Whom the file names is not who holds it: nobody is killed on its word. */
static void a_lie_kills_nobody_and_keeps_nothing_else_alive(void **state)
{
	struct shell *shell = *state;
	pid_t liar = leave(shell, &vios1, "lock,forge");
	pid_t other = leave(shell, &vios2, "lock");
	char path[HV_FILE_PATH_BYTES];
	struct hv_err err = { 0 };

	assert_int_equal(agent_stop(shell->state, &err), HV_E_CORRUPT); /* and we live */
	assert_non_null(strstr(err.text, "vios1.pid"));
	assert_int_equal(end_of(other), -SIGTERM);
	assert_int_equal(access(shell_path(shell, "run/vios1.pid", path), F_OK), 0);
	assert_int_equal(kill(liar, SIGKILL), 0);
	assert_int_equal(waitpid(liar, NULL, 0), liar);
}

static void where_nothing_ever_was_nothing_is_done(void **state)
{
	struct shell *shell = *state;
	char path[HV_FILE_PATH_BYTES];

	assert_int_equal(agent_stop(shell_path(shell, "none", path), NULL), HV_OK);
	assert_int_equal(access(path, F_OK), -1);
	shell_write(shell, "file", "", 0);
	assert_int_equal(agent_stop(shell_path(shell, "file", path), NULL), HV_E_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(everything_of_a_host_is_ended),
		SHELL_TEST(what_does_not_obey_is_killed_in_time),
		SHELL_TEST(what_is_stopped_is_ended_too),
		SHELL_TEST(what_was_started_a_moment_ago_is_ended_too),
		SHELL_TEST(a_lie_kills_nobody_and_keeps_nothing_else_alive),
		SHELL_TEST(where_nothing_ever_was_nothing_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
