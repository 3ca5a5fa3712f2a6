/* priority - see priority.h. */
#include "hvcore/base/priority.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

#define NICE_LEAST (-20)
/*
 * A session gets a third of it: three times the weight of a partition's. With all of
 * it, 28 times, agent and command line hardly get through on a busy machine.
 */
#define SESSION_PART 3

/* Absent: the kernel has no such groups. */
static enum hv_code raise_session(int nice, struct hv_err *err)
{
	char text[8];
	int count = snprintf(text, sizeof(text), "%d", nice);
	int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	ssize_t written;

	if (fd < 0)
		return HV_OK;
	written = write(fd, text, (size_t)count);
	if (written != count)
		(void)hv_fail_os(err, HV_E_OS, errno, "raise the session to %d", nice);
	(void)close(fd);
	return written == count ? HV_OK : HV_E_OS;
}

enum hv_code hv_priority_raise(int nice, struct hv_err *err)
{
	int to = getpriority(PRIO_PROCESS, 0) + nice;
	bool is_leader = getsid(0) == getpid(); /* else others are in it, too */

	HV_INVARIANT(nice < 0);
	if (to < NICE_LEAST)
		to = NICE_LEAST;
	if (setpriority(PRIO_PROCESS, 0, to) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "raise the process to %d", to);
	return is_leader ? raise_session(to / SESSION_PART, err) : HV_OK;
}
