/* child - see child.h. */
#include "agent/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void set_oom_score(int score)
{
	char text[16];
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof(text), "%d", score);

	/* Not permitted in some containers: the program is started all the same. */
	if (fd < 0 || write(fd, text, (size_t)n) < 0)
		return; /* exec closes it */
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

/* In the child. `null` is /dev/null, `program` the open executable. */
_Noreturn static void become(const struct child *child, int program, int null)
{
	sigset_t none;

	(void)setsid();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	set_oom_score(child->oom_score);
	if (dup2(null, STDIN_FILENO) < 0 ||
	    dup2(child->out >= 0 ? child->out : null, STDOUT_FILENO) < 0 ||
	    dup2(child->error, STDERR_FILENO) < 0)
		_exit(CHILD_EXEC_FAILED);
	for (unsigned i = 0; i < child->inherited_count; i++)
		if (fcntl(child->inherited[i], F_SETFD, 0) != 0)
			_exit(CHILD_EXEC_FAILED);
	if (child->dies_with_us && prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
		_exit(CHILD_EXEC_FAILED);
	if (child->is_unprivileged && !drop_user())
		_exit(CHILD_EXEC_FAILED);
	/* By descriptor: another user may not be able to walk to the program. */
	(void)syscall(SYS_execveat, program, "", child->arguments, environ,
		      AT_EMPTY_PATH);
	_exit(CHILD_EXEC_FAILED);
}

enum hv_code child_start(const struct child *child, pid_t *ret_pid, int *ret_pidfd,
			 struct hv_err *err)
{
	int program = open(child->program, O_PATH | O_CLOEXEC);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	enum hv_code code = HV_OK;
	pid_t pid = -1;
	int os;

	if (program < 0 || null < 0) {
		os = errno;
		code = hv_fail_os(err, os == ENOENT ? HV_E_NOTFOUND : HV_E_OS, os,
				  "start %s", child->program);
		goto close_both;
	}
	pid = fork();
	if (pid == 0)
		become(child, program, null);
	if (pid < 0) {
		code = hv_fail_os(err, HV_E_NOMEM, errno, "start %s", child->program);
		goto close_both;
	}
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*ret_pidfd < 0) { /* no descriptors left: nobody could watch it */
		code = hv_fail_os(err, HV_E_OS, errno, "watch %s", child->program);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
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
