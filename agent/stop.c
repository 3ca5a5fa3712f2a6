/* stop - see stop.h. */
#include "agent/stop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/cgroup.h"
#include "agent/state.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/file.h"
#include "hvcore/base/pidfile.h"

#define GRACE_MS 3000   /* from SIGTERM to SIGKILL; arbitrary */
#define KILL_MS 10000   /* from SIGKILL to giving up: I/O in the kernel */
#define NAME_MS 3000    /* from a held pid file to the pid in it; arbitrary */
#define LOOK_MS 10      /* between two looks at a pid file that is being written */
#define GROUPS_MS 10000 /* a group is busy until the kernel let its last process go */
#define GROUP_MAX (HV_HOST_LPARS_MAX + 8)

/* Processes that are ended together. */
struct group {
	const char *state;
	enum agent_kind kind;
	unsigned count;
	struct pollfd at[GROUP_MAX];
	int pids[GROUP_MAX];
	uint64_t named_until_ms;
	enum hv_code code; /* the first failure; the rest is ended all the same */
	struct hv_err err;
};

static void note(struct group *group, enum hv_code code, const struct hv_err *err)
{
	if (group->code != HV_OK)
		return;
	group->code = code;
	group->err = *err;
}

/*
 * AGAIN is a program that was started a moment ago: its pid file is held, and it will
 * write its pid; it must not outlive us. CORRUPT is nobody that can be named.
 */
static void add_path(struct group *group, const char *path)
{
	struct hv_pidfile_holder holder;
	struct hv_err err = { 0 };
	enum hv_code code;

	while ((code = hv_pidfile_adopt(path, &holder, &err)) == HV_E_AGAIN &&
	       hv_clock_ms() < group->named_until_ms)
		(void)poll(NULL, 0, LOOK_MS);
	if (code == HV_E_NOTFOUND)
		return;
	if (code == HV_OK && group->count == GROUP_MAX) {
		(void)close(holder.pidfd);
		code = hv_fail(&err, HV_E_LIMIT, "more than %u processes", group->count);
	}
	if (code != HV_OK) {
		note(group, code, &err);
		return;
	}
	group->pids[group->count] = holder.pid;
	group->at[group->count++] = (struct pollfd){ .fd = holder.pidfd,
						     .events = POLLIN };
}

static void add(void *arg, enum agent_kind kind, const char *name)
{
	struct group *group = arg;
	char path[HV_FILE_PATH_BYTES];

	if (kind == group->kind &&
	    agent_pid_path(group->state, kind, name, path, NULL) == HV_OK)
		add_path(group, path);
}

static void send_all(const struct group *group, int signal)
{
	for (unsigned i = 0; i < group->count; i++)
		(void)syscall(SYS_pidfd_send_signal, group->at[i].fd, signal, NULL, 0);
}

/* Drops those that have ended; waits for the others. */
static void wait_all(struct group *group, uint64_t wait_ms)
{
	uint64_t until = hv_clock_ms() + wait_ms;

	while (group->count > 0) {
		uint64_t now = hv_clock_ms();
		unsigned left = 0;

		if (poll(group->at, group->count, now < until ? (int)(until - now) : 0) <=
			    0 &&
		    now >= until)
			return;
		for (unsigned i = 0; i < group->count; i++) {
			if (group->at[i].revents != 0) {
				(void)close(group->at[i].fd);
				continue;
			}
			group->pids[left] = group->pids[i];
			group->at[left++] = group->at[i];
		}
		group->count = left;
	}
}

static void end_all(struct group *group, const char *what)
{
	struct hv_err err = { 0 };

	send_all(group, SIGTERM);
	send_all(group, SIGCONT);
	wait_all(group, GRACE_MS);
	send_all(group, SIGKILL);
	wait_all(group, KILL_MS);
	if (group->count > 0)
		note(group,
		     hv_fail(&err, HV_E_TIMEOUT, "%s %d does not end", what,
			     group->pids[0]),
		     &err);
	for (unsigned i = 0; i < group->count; i++)
		(void)close(group->at[i].fd);
	group->count = 0;
}

static void end_one(struct group *group, const char *file)
{
	char path[HV_FILE_PATH_BYTES];
	struct hv_err err = { 0 };
	enum hv_code code = hv_path_join(path, sizeof(path), group->state, file, &err);

	if (code != HV_OK) {
		note(group, code, &err);
		return;
	}
	group->named_until_ms = hv_clock_ms() + NAME_MS;
	add_path(group, path);
	end_all(group, file);
}

static void end_kind(struct group *group, enum agent_kind kind, const char *what)
{
	struct hv_err err = { 0 };
	enum hv_code code;

	group->kind = kind;
	group->named_until_ms = hv_clock_ms() + NAME_MS;
	code = agent_state_each_pid_file(group->state, add, group, &err);
	if (code != HV_OK)
		note(group, code, &err);
	end_all(group, what);
}

static bool is_ours(const char *name)
{
	size_t n = strlen(name);

	return n > 4 &&
	       (strcmp(name + n - 4, ".pid") == 0 || strcmp(name + n - 4, ".ipc") == 0 ||
		(n > 5 && strcmp(name + n - 5, ".sock") == 0));
}

static enum hv_code clear_run(const char *state, struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	struct dirent *entry;
	enum hv_code code = hv_path_join(path, sizeof(path), state, "run", err);
	DIR *dir;

	if (code != HV_OK)
		return code;
	dir = opendir(path);
	if (dir == NULL)
		return hv_fail_os(err, HV_E_IO, errno, "read %s", path);
	while ((entry = readdir(dir)) != NULL)
		if (is_ours(entry->d_name))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)unlinkat(dirfd(dir), "pool", AT_REMOVEDIR); /* where the pool was mounted */
	(void)closedir(dir);
	return HV_OK;
}

/* A group is busy for a moment after its last process; one of who is left stays. */
static void clear_groups(const char *state)
{
	uint64_t until = hv_clock_ms() + GROUPS_MS;

	while (agent_cgroups_clear(state) == HV_E_BUSY && hv_clock_ms() < until)
		(void)poll(NULL, 0, LOOK_MS);
}

static enum hv_code stop_with(struct group *group, struct hv_err *err)
{
	end_one(group, "run/agent.pid");
	end_kind(group, AGENT_PARTITION, "partition");
	end_kind(group, AGENT_VIOS, "VIOS");
	end_one(group, "run/" AGENT_EXPORTER_NAME ".pid");
	end_one(group, "run/hypervisor.pid");
	clear_groups(group->state);
	if (group->code != HV_OK)
		return hv_fail(err, group->code, "%s", hv_err_text(&group->err));
	return clear_run(group->state, err);
}

enum hv_code agent_stop(const char *state, struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	struct group *group;
	struct stat st;
	enum hv_code code = hv_path_join(path, sizeof(path), state, "run", err);

	if (code != HV_OK)
		return code;
	if (stat(path, &st) != 0)
		return errno == ENOENT
			       ? HV_OK /* nothing was ever started there */
			       : hv_fail_os(err, HV_E_IO, errno, "look at %s", path);
	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return hv_fail(err, HV_E_NOMEM, "the list of processes");
	group->state = state;
	code = stop_with(group, err);
	free(group);
	return code;
}
