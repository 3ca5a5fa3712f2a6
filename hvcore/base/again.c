/* again - see again.h. */
#include "hvcore/base/again.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include "hvcore/base/pidfile.h"

#define LOOK_MS 5

/* Among them are locks of the program that is to end. */
static void close_all_but(int kept)
{
	unsigned first = STDERR_FILENO + 1;

	if (kept >= 0 && (unsigned)kept > first)
		(void)close_range(first, (unsigned)kept - 1, 0);
	(void)close_range(kept >= 0 ? (unsigned)kept + 1 : first, ~0U, 0);
}

/* Its end is that of any program: handlers of who was forked would look for a loop. */
static void be_mortal(void)
{
	sigset_t none;

	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void come_back(char *const arguments[], unsigned away_ms, int pid_file,
				pid_t before)
{
	(void)setsid();
	be_mortal();
	close_all_but(pid_file);
	if (pid_file >= 0) /* else it is held, and names nobody */
		(void)!hv_pidfile_name(pid_file, getpid(), NULL);
	while (getppid() == before)
		(void)poll(NULL, 0, LOOK_MS);
	(void)poll(NULL, 0, (int)away_ms);
	(void)execv("/proc/self/exe", arguments);
	_exit(127);
}

enum hv_code hv_again(char *const arguments[], unsigned away_ms, int pid_file,
		      struct hv_err *err)
{
	pid_t before = getpid();
	pid_t pid = fork();

	if (pid == 0)
		come_back(arguments, away_ms, pid_file, before);
	if (pid < 0)
		return hv_fail_os(err, HV_E_OS, errno, "start a helper");
	(void)kill(before, SIGKILL);
	for (;;)
		(void)pause();
}
