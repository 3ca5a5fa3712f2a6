/* Unit tests of agent/child.h and agent/tail.h. */
#include "tests/unit/agent/shell.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/tail.h"

static char *const no_arguments[] = { (char *)(uintptr_t) "stub", NULL };

/* Runs the stub with that script to its end; gives its wait status. */
static int run(struct shell *shell, const char *words, const struct child *how,
	       char said[4096])
{
	char program[HV_FILE_PATH_BYTES];
	struct child child = *how;
	pid_t pid = -1;
	int pidfd = -1;
	int status;

	(void)snprintf(program, sizeof(program), "%s/tarn-vios", shell->bin);
	if (child.program == NULL)
		child.program = program;
	child.arguments = no_arguments;
	child.out = -1;
	child.error = memfd_create("said", MFD_CLOEXEC);
	shell_script(words);
	assert_int_equal(child_start(&child, &pid, &pidfd, NULL), HV_OK);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	tail_read(child.error, said, 4096);
	(void)close(child.error);
	(void)close(pidfd);
	return status;
}

/* Signals of ours, ignored or blocked, are not the child's. */
static void a_service_starts_with_everything_as_it_must_be(void **state)
{
	struct child how = { .oom_score = 0 };
	char said[4096];
	sigset_t term, before;

	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, &before);
	assert_int_equal(run(*state, "state,exit:7", &how, said), 7 << 8);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)signal(SIGHUP, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	assert_non_null(strstr(said, "leader=1 oom=0 "));
	assert_non_null(strstr(said, "hup=0 pipe=0 blocked=0"));
}

static void a_partition_is_another_user(void **state)
{
	struct child how = { .oom_score = CHILD_OOM_PARTITION, .is_unprivileged = true };
	char said[4096];

	if (geteuid() != 0)
		skip();
	assert_int_equal(run(*state, "state,exit:0", &how, said), 0);
	assert_non_null(strstr(said, "oom=500 uid=65534"));
}

static void only_descriptors_that_are_given_are_inherited(void **state)
{
	int leaked = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	int given = fcntl(leaked, F_DUPFD_CLOEXEC, leaked + 3);
	struct child how = { .inherited = &given, .inherited_count = 1 };
	char said[4096], wanted[32];

	(void)snprintf(wanted, sizeof(wanted), "fds %d\n", given);
	assert_int_equal(run(*state, "fds,exit:0", &how, said), 0);
	assert_string_equal(said, wanted);
	(void)close(leaked);
	(void)close(given);
}

/* It sees errors, and lives. */
static void what_a_child_may_write_is_bounded(void **state)
{
	struct child how = { .file_bytes_max = 65536 };
	char said[4096];

	assert_int_equal(run(*state, "flood,exit:3", &how, said), 3 << 8);
	assert_int_equal(said[0], 'x');
}

static void a_program_that_is_not_there_is_not_started(void **state)
{
	struct child child = { .program = "/nowhere/tarn-vios",
			       .arguments = no_arguments };
	struct hv_err err;
	unsigned before = shell_descriptors();
	pid_t pid = -1;
	int pidfd = -1;

	(void)state;
	assert_int_equal(child_start(&child, &pid, &pidfd, &err), HV_E_NOTFOUND);
	assert_non_null(strstr(err.text, "/nowhere/tarn-vios"));
	assert_int_equal(pid, -1);
	assert_int_equal(shell_descriptors(), before);
	assert_int_equal(shell_children(), 0);
}

static void a_program_that_cannot_run_says_why(void **state)
{
	struct shell *shell = *state;
	struct child how = { 0 };
	char said[4096], path[HV_FILE_PATH_BYTES];

	shell_write(shell, "no-program", "not an executable", 17);
	how.program = shell_path(shell, "no-program", path);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(run(shell, "exit:0", &how, said), CHILD_EXEC_FAILED << 8);
	assert_string_equal(said, "cannot be executed: Exec format error\n");
}

/* Nobody could watch it: it must not be. */
static void without_descriptors_there_is_no_child(void **state)
{
	struct shell *shell = *state;
	char program[HV_FILE_PATH_BYTES];
	struct child child = { .program = program, .arguments = no_arguments };
	struct rlimit before, few;
	unsigned failures = 0;
	enum hv_code code;

	(void)snprintf(program, sizeof(program), "%s/tarn-vios", shell->bin);
	child.out = child.error = open("/dev/null", O_RDWR | O_CLOEXEC);
	shell_script("");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	for (few.rlim_cur = (rlim_t)child.error + 1;; few.rlim_cur++) {
		pid_t pid = -1;
		int pidfd = -1;

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		code = child_start(&child, &pid, &pidfd, NULL);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(shell_children(), code == HV_OK);
		if (code == HV_OK) {
			child_abandon(pid, pidfd);
			break;
		}
		failures++;
	}
	assert_true(failures >= 3); /* the program, /dev/null, the pidfd */
	assert_int_equal(shell_children(), 0);
	(void)close(child.error);
}

static void a_tied_child_goes_with_its_parent(void **state)
{
	struct shell *shell = *state;
	char program[HV_FILE_PATH_BYTES];
	int ends[2], parent;
	struct child child = { .program = program,
			       .arguments = no_arguments,
			       .dies_with_us = true };
	struct pollfd at;

	(void)snprintf(program, sizeof(program), "%s/tarn-vios", shell->bin);
	shell_script("");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		pid_t pid;
		int pidfd;

		child.out = child.error = ends[1];
		_exit(child_start(&child, &pid, &pidfd, NULL) == HV_OK ? 0 : 1);
	}
	(void)close(ends[1]);
	assert_int_equal(waitpid(parent, &(int){ 0 }, 0), parent);
	at = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	assert_int_equal(poll(&at, 1, TEST_WAIT_MS), 1); /* nobody can write any more */
	assert_int_equal(at.revents, POLLHUP);
	(void)close(ends[0]);
}

static const struct {
	const char *said, *line;
} tails[] = {
	{ "", "" },
	{ "\n\n", "" },
	{ "one", "one" },
	{ "one\ntwo\n\n", "two" },
	{ "one\n\x1b[31mred\x07\ta \xc3\xa9\n", "?[31mred? a ??" },
	{ "0123456789abcdefghij", "0123456789abcde" },
};

static void the_last_line_is_cut_and_made_printable(void **state)
{
	char line[16];

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(tails); i++) {
		int fd = memfd_create("tail", MFD_CLOEXEC);

		assert_int_equal(write(fd, tails[i].said, strlen(tails[i].said)),
				 strlen(tails[i].said));
		tail_line(fd, line, sizeof(line));
		assert_string_equal(line, tails[i].line);
		(void)close(fd);
	}
	tail_line(-1, line, sizeof(line));
	assert_string_equal(line, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(a_service_starts_with_everything_as_it_must_be),
		SHELL_TEST(a_partition_is_another_user),
		SHELL_TEST(only_descriptors_that_are_given_are_inherited),
		SHELL_TEST(what_a_child_may_write_is_bounded),
		SHELL_TEST(a_program_that_is_not_there_is_not_started),
		SHELL_TEST(a_program_that_cannot_run_says_why),
		SHELL_TEST(without_descriptors_there_is_no_child),
		SHELL_TEST(a_tied_child_goes_with_its_parent),
		cmocka_unit_test(the_last_line_is_cut_and_made_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
