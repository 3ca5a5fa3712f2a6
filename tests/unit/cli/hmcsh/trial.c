/* trial - see trial.h. */
#include "tests/unit/cli/hmcsh/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/hmcsh/confine.h"
#include "cli/hmcsh/session.h"

static int open_file(void)
{
	int fd = memfd_create("trial", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

void trial_open(struct trial *trial, const char *directory)
{
	static char *const nothing[] = { NULL };
	struct hmcsh_config config = { .name = "hmc1", .user = "hscroot" };
	struct hv_err err;

	if (hmcsh_open(&trial->shell, directory, &err) != HV_OK ||
	    hmcsh_session_start(&trial->shell, &config, nothing, &err) != HV_OK)
		fail_msg("%s", err.text);
	trial->out_fd = open_file();
	trial->err_fd = open_file();
	trial->in_fd = open_file();
}

void trial_close(struct trial *trial)
{
	hmcsh_close(&trial->shell);
	(void)close(trial->out_fd);
	(void)close(trial->err_fd);
	(void)close(trial->in_fd);
}

static void take_text(int fd, char text[TRIAL_TEXT_BYTES])
{
	ssize_t n = pread(fd, text, TRIAL_TEXT_BYTES - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

static void put_text(int fd, const char *text)
{
	size_t count = text != NULL ? strlen(text) : 0;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	if (count > 0)
		assert_int_equal(write(fd, text, count), (ssize_t)count);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

/* The descriptors 0 to 2 are the trial's, and are given back. */
static void swap(struct trial *trial, int old[3], bool is_in)
{
	const int own[3] = { trial->in_fd, trial->out_fd, trial->err_fd };

	(void)fflush(NULL);
	for (int i = 0; i < 3; i++) {
		if (is_in)
			old[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
		(void)dup2(is_in ? own[i] : old[i], i);
		if (!is_in)
			(void)close(old[i]);
	}
}

int trial_run(struct trial *trial, const char *line, const char *input)
{
	int old[3], status;

	put_text(trial->in_fd, input);
	swap(trial, old, true);
	status = hmcsh_run_line(&trial->shell, line);
	swap(trial, old, false);
	take_text(trial->out_fd, trial->out);
	take_text(trial->err_fd, trial->err);
	return status;
}

void trial_check(const struct trial_row *rows, size_t count, const char *input)
{
	static struct trial trial;

	for (size_t i = 0; i < count; i++) {
		const struct trial_row *row = &rows[i];
		int status;

		trial_open(&trial, "/");
		status = trial_run(&trial, row->line, input);
		if (status != row->status || strcmp(trial.out, row->out) != 0 ||
		    strcmp(trial.err, row->err) != 0)
			fail_msg("%s\n  status %d not %d\n  out '%s'\n  not '%s'\n"
				 "  err '%s'\n  not '%s'",
				 row->line, status, row->status, trial.out, row->out,
				 trial.err, row->err);
		trial_close(&trial);
	}
}

void trial_need_confinement(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(hmcsh_confine_filter("/usr/bin/cat", NULL) == HV_OK ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status == 0)
		return;
	(void)fprintf(stderr, "skipped: this kernel has no Landlock, or no seccomp\n");
	skip();
}
