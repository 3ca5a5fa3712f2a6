/* process - see process.h. */
#include "tests/support/process.h"

#include "hvcore/base/invariant.h"
#include "tests/support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 64
#define PATH_BYTES 512
#define EXIT_NO_EXEC 127

static void find_program(const char *program, char *path, size_t room)
{
	const char *bin = getenv("TARN_BIN");
	int n;

	if (strchr(program, '/') != NULL || bin == NULL)
		n = snprintf(path, room, "%s", program);
	else
		n = snprintf(path, room, "%s/%s", bin, program);
	HV_INVARIANT(n > 0 && (size_t)n < room);
}

static void become(const char *path, char *const *arguments, int parent,
		   const struct test_process *process)
{
	/* The parent may have died before the first line ran. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EXIT_NO_EXEC);
	if (dup2(process->out_fd, STDOUT_FILENO) < 0 ||
	    dup2(process->err_fd, STDERR_FILENO) < 0)
		_exit(EXIT_NO_EXEC);
	(void)execvp(path, arguments);
	(void)dprintf(STDERR_FILENO, "cannot run '%s': %s\n", path, strerror(errno));
	_exit(EXIT_NO_EXEC);
}

void test_process_start(struct test_process *process, const char *program,
			const char *const *arguments)
{
	char path[PATH_BYTES];
	char *argv[ARGUMENTS_MAX + 2];
	int parent = getpid();
	size_t n = 0;

	find_program(program, path, sizeof(path));
	argv[n++] = path;
	for (; arguments != NULL && *arguments != NULL; arguments++) {
		HV_INVARIANT(n <= ARGUMENTS_MAX);
		argv[n++] = (char *)(uintptr_t)*arguments;
	}
	argv[n] = NULL;
	process->status = 0;
	process->out[0] = '\0';
	process->err[0] = '\0';
	process->out_fd = memfd_create("stdout", MFD_CLOEXEC);
	process->err_fd = memfd_create("stderr", MFD_CLOEXEC);
	HV_INVARIANT(process->out_fd >= 0 && process->err_fd >= 0);
	/* What the test printed so far must not come out of the child once more. */
	(void)fflush(NULL);
	process->pid = fork();
	HV_INVARIANT(process->pid >= 0);
	if (process->pid == 0)
		become(path, argv, parent, process);
}

bool test_process_is_running(struct test_process *process)
{
	int pid;

	if (process->pid == 0)
		return false;
	do
		pid = waitpid(process->pid, &process->status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid == process->pid)
		process->pid = 0;
	return process->pid != 0;
}

static void read_all(int fd, char *text)
{
	size_t at = 0;
	ssize_t n;

	if (fd < 0)
		return; /* closed: what was read stays */
	do {
		n = pread(fd, text + at, TEST_PROCESS_TEXT_BYTES - 1 - at, (off_t)at);
		at += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	text[at] = '\0';
}

void test_process_read(struct test_process *process)
{
	read_all(process->out_fd, process->out);
	read_all(process->err_fd, process->err);
}

struct saying {
	struct test_process *process;
	const char *text;
};

static bool says_or_ended(void *arg)
{
	struct saying *saying = arg;
	bool runs = test_process_is_running(saying->process);

	test_process_read(saying->process);
	return !runs || strstr(saying->process->err, saying->text) != NULL;
}

bool test_process_says(struct test_process *process, const char *text,
		       uint64_t deadline_ms)
{
	struct saying saying = { .process = process, .text = text };

	(void)test_wait(says_or_ended, &saying, deadline_ms);
	return strstr(process->err, text) != NULL;
}

void test_process_signal(struct test_process *process, int signal)
{
	if (test_process_is_running(process))
		(void)kill(process->pid, signal);
}

static bool has_ended(void *arg)
{
	return !test_process_is_running(arg);
}

int test_process_wait(struct test_process *process, uint64_t deadline_ms)
{
	if (!test_wait(has_ended, process, deadline_ms)) {
		test_process_signal(process, SIGKILL);
		(void)test_wait(has_ended, process, deadline_ms);
		test_process_read(process);
		return -1;
	}
	test_process_read(process);
	return WIFEXITED(process->status) ? WEXITSTATUS(process->status)
					  : 128 + WTERMSIG(process->status);
}

int test_process_end(struct test_process *process, int signal)
{
	int code;

	if (signal != 0)
		test_process_signal(process, signal);
	code = test_process_wait(process, TEST_WAIT_MS);
	if (process->out_fd >= 0)
		(void)close(process->out_fd);
	if (process->err_fd >= 0)
		(void)close(process->err_fd);
	process->out_fd = -1;
	process->err_fd = -1;
	return code;
}

int test_process_run(struct test_process *process, const char *program,
		     const char *const *arguments)
{
	test_process_start(process, program, arguments);
	return test_process_end(process, 0);
}
