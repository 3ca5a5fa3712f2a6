/* child - see child.h. */
#include "agent/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void child_set_oom_score(int score)
{
	char text[16];
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof(text), "%d", score);

	/* Not permitted in some containers: the program is started all the same. */
	if (fd < 0)
		return;
	(void)!write(fd, text, (size_t)n);
	(void)close(fd);
}

static bool drop_user(void)
{
	return setgroups(0, NULL) == 0 &&
	       setresgid(CHILD_UNPRIVILEGED_ID, CHILD_UNPRIVILEGED_ID,
			 CHILD_UNPRIVILEGED_ID) == 0 &&
	       setresuid(CHILD_UNPRIVILEGED_ID, CHILD_UNPRIVILEGED_ID,
			 CHILD_UNPRIVILEGED_ID) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* The last words of a child that could not become the program. */
_Noreturn static void give_up(const char *what)
{
	const char *why =
		strerrordesc_np(errno); /* async-signal-safe, as strerror is not */
	char line[160];
	int n = snprintf(line, sizeof(line), "%s: %s\n", what, why != NULL ? why : "?");

	(void)!write(STDERR_FILENO, line, (size_t)n);
	_exit(CHILD_EXEC_FAILED);
}

/*
 * All signals are blocked here until now: a handler of ours, run in the child, would
 * write to the pipe of our loop. What we ignore would stay ignored over exec.
 */
static void reset_signals(const struct child *child)
{
	sigset_t none;

	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		(void)signal(signal_number, SIG_DFL);
	if (child->file_bytes_max != 0)
		(void)signal(SIGXFSZ, SIG_IGN); /* it sees EFBIG */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool limit_files(const struct child *child)
{
	struct rlimit limit = { child->file_bytes_max, child->file_bytes_max };

	return child->file_bytes_max == 0 || setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

static bool pass_descriptors(const struct child *child)
{
	/* Libraries of ours may have opened some without O_CLOEXEC. */
	if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		return false;
	for (unsigned i = 0; i < child->inherited_count; i++)
		if (fcntl(child->inherited[i], F_SETFD, 0) != 0)
			return false;
	return true;
}

/* In the child. `null` is /dev/null, `program` the open executable. */
_Noreturn static void become(const struct child *child, int program, int null,
			     pid_t parent)
{
	(void)setsid();
	child_set_oom_score(child->oom_score);
	if (dup2(null, STDIN_FILENO) < 0 ||
	    dup2(child->out >= 0 ? child->out : null, STDOUT_FILENO) < 0 ||
	    dup2(child->error, STDERR_FILENO) < 0)
		_exit(CHILD_EXEC_FAILED);
	reset_signals(child);
	if (!limit_files(child) || !pass_descriptors(child))
		give_up("cannot be prepared");
	if (child->dies_with_us && prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
		give_up("cannot be tied to the agent");
	if (child->dies_with_us && getppid() != parent)
		_exit(CHILD_EXEC_FAILED); /* the agent has ended already */
	if (child->is_unprivileged && !drop_user())
		give_up("cannot become another user");
	/* By descriptor: another user may not be able to walk to the program. */
	(void)syscall(SYS_execveat, program, "", child->arguments, environ,
		      AT_EMPTY_PATH);
	give_up("cannot be executed");
}

/* With all signals blocked in the child. */
static pid_t fork_blocked(void)
{
	sigset_t all, before;
	pid_t pid;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid != 0)
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

void child_abandon(pid_t pid, int pidfd)
{
	(void)kill(pid, SIGKILL); /* our child, not waited for: nobody else's pid */
	(void)waitpid(pid, NULL, 0);
	if (pidfd >= 0)
		(void)close(pidfd);
}

enum hv_code child_start(const struct child *child, pid_t *ret_pid, int *ret_pidfd,
			 struct hv_err *err)
{
	int program = open(child->program, O_PATH | O_CLOEXEC);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	enum hv_code code = HV_OK;
	pid_t parent = getpid();
	pid_t pid;
	int os;

	if (program < 0 || null < 0) {
		os = errno;
		code = hv_fail_os(err, os == ENOENT ? HV_E_NOTFOUND : HV_E_OS, os,
				  "start %s", child->program);
		goto close_both;
	}
	pid = fork_blocked();
	if (pid == 0)
		become(child, program, null, parent);
	if (pid < 0) {
		code = hv_fail_os(err, HV_E_NOMEM, errno, "start %s", child->program);
		goto close_both;
	}
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*ret_pidfd < 0) { /* no descriptors left: nobody could watch it */
		code = hv_fail_os(err, HV_E_OS, errno, "watch %s", child->program);
		child_abandon(pid, -1);
		goto close_both;
	}
	*ret_pid = pid;

close_both:
	if (program >= 0)
		(void)close(program);
	if (null >= 0)
		(void)close(null);
	return code;
}
