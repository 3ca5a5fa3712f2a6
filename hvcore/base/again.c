/* again - see again.h. */
#include "hvcore/base/again.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#define LOOK_MS 5

/* Descriptors first: one of them is the lock of the program that is to end. */
_Noreturn static void come_back(char *const arguments[], unsigned away_ms, pid_t before)
{
	sigset_t none;

	(void)setsid();
	(void)close_range(STDERR_FILENO + 1, ~0U, 0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	while (getppid() == before)
		(void)poll(NULL, 0, LOOK_MS);
	(void)poll(NULL, 0, (int)away_ms);
	(void)execv("/proc/self/exe", arguments);
	_exit(127);
}

enum hv_code hv_again(char *const arguments[], unsigned away_ms, struct hv_err *err)
{
	pid_t before = getpid();
	pid_t pid = fork();

	if (pid == 0)
		come_back(arguments, away_ms, before);
	if (pid < 0)
		return hv_fail_os(err, HV_E_OS, errno, "start a helper");
	(void)kill(before, SIGKILL);
	for (;;)
		(void)pause();
}
