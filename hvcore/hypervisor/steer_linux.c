/* steer_linux - threads of other processes, by /proc and their affinity: see steer.h. */
#include "hvcore/hypervisor/steer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Its first number; no more than the kernel keeps anyway. */
static bool run_ns(void *ctx, int pid, uint32_t thread, uint64_t *ret_ns)
{
	char path[64], text[64];
	ssize_t n;
	int fd;

	(void)ctx;
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%" PRIu32 "/schedstat", pid,
		       thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return sscanf(text, "%" SCNu64, ret_ns) == 1;
}

static enum steer_place place(void *ctx, uint32_t thread, int home)
{
	const cpu_set_t *anywhere = ctx;
	cpu_set_t cpus, one;

	CPU_ZERO(&cpus);
	CPU_ZERO(&one);
	CPU_SET((unsigned)home, &one);
	if (sched_getaffinity((pid_t)thread, sizeof(cpus), &cpus) != 0)
		return errno == ESRCH ? STEER_GONE : STEER_PLACED;
	if (CPU_EQUAL(&cpus, anywhere))
		return STEER_ANYWHERE;
	return CPU_EQUAL(&cpus, &one) ? STEER_HOME : STEER_PLACED;
}

static bool put(void *ctx, uint32_t thread, int home)
{
	const cpu_set_t *anywhere = ctx;
	cpu_set_t one;

	CPU_ZERO(&one);
	if (home >= 0)
		CPU_SET((unsigned)home, &one);
	return sched_setaffinity((pid_t)thread, sizeof(one),
				 home >= 0 ? &one : anywhere) == 0;
}

static unsigned threads(void *ctx, int pid, uint32_t *ret_threads, unsigned most)
{
	const struct dirent *entry;
	unsigned count = 0;
	char path[64];
	DIR *tasks;

	(void)ctx;
	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (tasks == NULL)
		return 0;
	while (count < most && (entry = readdir(tasks)) != NULL)
		if (entry->d_name[0] != '.')
			ret_threads[count++] = (uint32_t)strtoul(entry->d_name, NULL, 10);
	(void)closedir(tasks);
	return count;
}

const struct steer_os steer_linux = { run_ns, place, put, threads };
