/* terminal - see terminal.h. */
#include "tests/integration/hmc/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/wait.h"

struct waiting {
	struct terminal *terminal;
	const char *text;
};

void terminal_open(struct terminal *terminal, const char *program,
		   const char *const *arguments)
{
	struct winsize size = { .ws_row = 24, .ws_col = 200 };

	terminal->count = terminal->seen = 0;
	terminal->text[0] = '\0';
	terminal->pid = forkpty(&terminal->fd, NULL, NULL, &size);
	assert_true(terminal->pid >= 0);
	if (terminal->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)setenv("TERM", "xterm", 1);
		(void)execv(program, (char *const *)arguments);
		_exit(126);
	}
	assert_int_equal(fcntl(terminal->fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(terminal->fd, F_SETFD, FD_CLOEXEC), 0);
}

void terminal_type(struct terminal *terminal, const char *keys)
{
	size_t count = strlen(keys);

	assert_int_equal(write(terminal->fd, keys, count), (ssize_t)count);
}

static void take(struct terminal *terminal)
{
	ssize_t n;

	do {
		size_t room = TERMINAL_TEXT_BYTES - 1 - terminal->count;

		n = read(terminal->fd, terminal->text + terminal->count, room);
		if (n > 0)
			terminal->count += (size_t)n;
	} while (n > 0);
	terminal->text[terminal->count] = '\0';
}

static bool has_text(void *arg)
{
	struct waiting *waiting = arg;
	struct terminal *terminal = waiting->terminal;
	const char *at;

	take(terminal);
	at = strstr(terminal->text + terminal->seen, waiting->text);
	if (at != NULL)
		terminal->seen = (size_t)(at - terminal->text) + strlen(waiting->text);
	return at != NULL;
}

void terminal_expect(struct terminal *terminal, const char *text)
{
	struct waiting waiting = { terminal, text };

	if (!test_wait(has_text, &waiting, TEST_WAIT_MS))
		fail_msg("no '%s' in '%s'", text, terminal->text + terminal->seen);
}

static bool has_ended(void *arg)
{
	struct terminal *terminal = arg;
	int status;

	take(terminal);
	if (waitpid(terminal->pid, &status, WNOHANG) != terminal->pid)
		return false;
	terminal->pid = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return true;
}

int terminal_end(struct terminal *terminal)
{
	if (!test_wait(has_ended, terminal, TEST_WAIT_MS)) {
		(void)kill(terminal->pid, SIGKILL);
		(void)waitpid(terminal->pid, NULL, 0);
		fail_msg("it goes on: '%s'", terminal->text + terminal->seen);
	}
	take(terminal);
	(void)close(terminal->fd);
	return terminal->pid; /* which is its status now */
}
