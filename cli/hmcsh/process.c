/* process - see process.h. */
#include "cli/hmcsh/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/hmcsh/confine.h"
#include "cli/hmcsh/filters.h"

#define MS_PER_S 1000
#define NS_PER_MS 1000000L
#define SAVED_MIN 10 /* descriptors that a redirection cannot name */

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	is_interrupted = 1;
}

bool hmcsh_is_interrupted(void)
{
	return is_interrupted != 0;
}

void hmcsh_interrupt_clear(void)
{
	is_interrupted = 0;
}

int hmcsh_wait_readable(int fd, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct timespec timeout = { .tv_sec = timeout_ms / MS_PER_S,
				    .tv_nsec = timeout_ms % MS_PER_S * NS_PER_MS };
	sigset_t blocked, before;
	int n = -1;

	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &blocked, &before);
	if (is_interrupted)
		errno = EINTR;
	else
		n = ppoll(&pollfd, 1, timeout_ms < 0 ? NULL : &timeout, &before);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return n;
}

static void set_signal(int signal, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	(void)sigaction(signal, &action, NULL); /* fails only for a wrong number */
}

/* Children are to find the world as any program expects it. */
static void reset_signals(void)
{
	static const int all[] = { SIGINT,  SIGQUIT, SIGPIPE, SIGTTIN, SIGTTOU,
				   SIGCHLD, SIGTERM, SIGHUP,  SIGALRM };

	for (size_t i = 0; i < HV_COUNT(all); i++)
		set_signal(all[i], SIG_DFL);
}

void hmcsh_signals_start(struct hmcsh *shell)
{
	reset_signals();
	set_signal(SIGTSTP, SIG_IGN);
	if (shell->terminal < 0)
		return;
	set_signal(SIGINT, on_interrupt);
	set_signal(SIGQUIT, SIG_IGN);
	set_signal(SIGTTOU, SIG_IGN);
	set_signal(SIGTTIN, SIG_IGN);
	(void)setpgid(0, 0); /* a session's leader has its group */
	shell->own_group = getpgrp();
	(void)tcsetpgrp(shell->terminal, shell->own_group);
}

pid_t hmcsh_fork(struct hmcsh *shell, pid_t *group, struct hv_err *err)
{
	bool has_terminal = shell->terminal >= 0;
	bool has_group = group != NULL && has_terminal;
	pid_t pid, leader;

	(void)fflush(stdout);
	pid = fork();
	if (pid < 0) {
		(void)hv_fail_os(err, HV_E_OS, errno, "fork");
		return pid;
	}
	/* both sides, so that neither depends on who is first */
	if (has_group) {
		leader = *group != 0 ? *group : (pid != 0 ? pid : getpid());
		(void)setpgid(pid, leader);
		if (*group == 0)
			(void)tcsetpgrp(shell->terminal, leader);
		*group = leader;
	}
	if (pid == 0) {
		reset_signals();
		/* came before: the handler was still the shell's */
		if (has_terminal && hmcsh_is_interrupted())
			_exit(HMCSH_SIGNAL + SIGINT);
		shell->is_child = true;
		shell->loops = 0; /* those outside cannot be left from here */
		shell->terminal = -1;
	}
	return pid;
}

static int status_of(int status)
{
	if (WIFSIGNALED(status))
		return HMCSH_SIGNAL + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int wait_for(pid_t pid)
{
	int status;
	pid_t rv;

	do
		rv = waitpid(pid, &status, 0);
	while (rv < 0 && errno == EINTR);
	return rv > 0 ? status_of(status) : HMCSH_FAILED;
}

/*
 * A key that interrupts reaches the group that has the terminal: the shell's, until the
 * first process has a group, and then those of it that there are. The others are told.
 */
static void pass_interrupt(pid_t group)
{
	if (group > 0)
		(void)kill(-group, SIGINT);
}

int hmcsh_wait(struct hmcsh *shell, const pid_t *pids, unsigned count, pid_t group)
{
	int last = HMCSH_FAILED;

	if (shell->terminal < 0)
		group = 0;
	if (hmcsh_is_interrupted())
		pass_interrupt(group);
	for (unsigned i = 0; i < count; i++) {
		last = wait_for(pids[i]);
		if (shell->terminal < 0 || last != HMCSH_SIGNAL + SIGINT)
			continue;
		is_interrupted = 1;
		if (i + 1 < count)
			pass_interrupt(group);
	}
	if (shell->terminal >= 0)
		(void)tcsetpgrp(shell->terminal, shell->own_group);
	return last;
}

int hmcsh_find(const struct hmcsh *shell, char *const *words)
{
	const struct hmcsh_filter *filter = hmcsh_filter_find(words[0]);
	char path[HV_FILE_PATH_BYTES];
	struct hv_err err;

	if (strchr(words[0], '/') != NULL) {
		(void)hv_fail(&err, HV_E_REFUSED,
			      "%.200s: restricted: cannot specify `/' in command names",
			      words[0]);
		hmcsh_complain(&err);
		return HMCSH_FAILED;
	}
	if (filter != NULL) {
		if (hmcsh_filter_check(filter, (const char *const *)words, &err) == HV_OK)
			return HMCSH_DONE;
		hmcsh_complain(&err);
		return HMCSH_FAILED;
	}
	if (hmcsh_commands_find(&shell->commands, words[0], path))
		return HMCSH_DONE;
	(void)hv_fail(&err, HV_E_NOTFOUND, "%.200s: command not found", words[0]);
	hmcsh_complain(&err);
	return HMCSH_NOT_FOUND;
}

/* Runs the program, whose own words come between its name and the user's. */
static void exec_filter(const struct hmcsh_filter *filter, char *const *words,
			char *const *environment, struct hv_err *err)
{
	static char *all[HMCSH_FIELDS_MAX + HMCSH_FILTER_WORDS_MAX];
	const char *const *own = hmcsh_filter_words(filter);
	unsigned count = 0;

	all[count++] = words[0];
	while (*own != NULL)
		all[count++] = (char *)*own++;
	for (words++; *words != NULL; words++)
		all[count++] = *words;
	all[count] = NULL;
	if (hmcsh_confine_filter(hmcsh_filter_path(filter), err) != HV_OK)
		return;
	(void)execve(hmcsh_filter_path(filter), all, environment);
	(void)hv_fail_os(err, HV_E_OS, errno, "%s", words[0]);
}

static void exec_command(const char *path, char *const *words, char *const *environment,
			 struct hv_err *err)
{
	if (hmcsh_confine_command(path, err) != HV_OK)
		return;
	(void)execve(path, words, environment);
	(void)hv_fail_os(err, HV_E_OS, errno, "%s", words[0]);
}

int hmcsh_exec(struct hmcsh *shell, char *const *words)
{
	const struct hmcsh_filter *filter = hmcsh_filter_find(words[0]);
	char **environment = hmcsh_environment_make(&shell->variables);
	char path[HV_FILE_PATH_BYTES];
	struct hv_err err = { 0 };

	if (environment == NULL) {
		(void)hv_fail(&err, HV_E_NOMEM, "cannot allocate memory");
	} else if (filter != NULL) {
		exec_filter(filter, words, environment, &err);
	} else if (hmcsh_commands_find(&shell->commands, words[0], path)) {
		exec_command(path, words, environment, &err);
	}
	hmcsh_environment_free(environment);
	hmcsh_complain(&err);
	return HMCSH_CANNOT_RUN;
}

/* What the descriptor becomes, as a descriptor to close afterwards, or -1. */
static int open_target(const struct hmcsh_redirect *redirect, int *ret_from)
{
	int fd = -1;

	*ret_from = redirect->from;
	if (redirect->kind != HMCSH_TO_DESCRIPTOR) {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		*ret_from = fd;
	}
	return fd;
}

static enum hv_code redirect_one(const struct hmcsh_redirect *redirect,
				 struct hmcsh_saved *saved, struct hv_err *err)
{
	int descriptor = redirect->descriptor, from, fd, rv;

	if (redirect->kind == HMCSH_TO_FILE || redirect->kind == HMCSH_FROM_FILE) {
		const char *name = hmcsh_word_bare(redirect->file);

		return hv_fail(err, HV_E_REFUSED,
			       "%.200s: restricted: cannot redirect %s",
			       name != NULL ? name : "file",
			       redirect->kind == HMCSH_TO_FILE ? "output" : "input");
	}
	if (saved->descriptors[descriptor] < 0)
		saved->descriptors[descriptor] = fcntl(descriptor, F_DUPFD_CLOEXEC,
						       SAVED_MIN);
	fd = open_target(redirect, &from);
	rv = saved->descriptors[descriptor] >= 0 && from >= 0 ? dup2(from, descriptor)
							      : -1;
	if (rv < 0)
		(void)hv_fail_os(err, HV_E_OS, errno, "%d", from);
	if (fd >= 0)
		(void)close(fd);
	return rv < 0 ? HV_E_OS : HV_OK;
}

enum hv_code hmcsh_redirect(const struct hmcsh_redirect *redirects,
			    struct hmcsh_saved *ret_saved, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	*ret_saved = (struct hmcsh_saved){ { -1, -1, -1 } };
	if (redirects != NULL)
		(void)fflush(stdout);
	for (; redirects != NULL && code == HV_OK; redirects = redirects->next)
		code = redirect_one(redirects, ret_saved, err);
	if (code != HV_OK)
		hmcsh_redirect_undo(ret_saved);
	return code;
}

void hmcsh_redirect_undo(struct hmcsh_saved *saved)
{
	for (int i = 0; i < 3; i++) {
		if (saved->descriptors[i] < 0)
			continue;
		(void)fflush(stdout);
		(void)dup2(saved->descriptors[i], i);
		(void)close(saved->descriptors[i]);
		saved->descriptors[i] = -1;
	}
}
