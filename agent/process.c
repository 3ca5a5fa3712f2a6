/* process - see process.h. */
#include "agent/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/command.h"
#include "agent/machine.h"
#include "agent/tail.h"
#include "agent/tty.h"
#include "hvcore/base/file.h"
#include "hvcore/base/pidfile.h"

struct process {
	struct agent_processes *owner;
	struct process *next;
	struct hv_watch watch;
	enum agent_kind kind;
	char name[HV_NAME_BYTES];
	struct agent_instance instance;
	int pidfd;
};

struct agent_processes {
	struct agent_processes_config config;
	struct hv_loop *loop;
	struct process *first;
};

enum hv_code agent_processes_open(struct hv_loop *loop,
				  const struct agent_processes_config *config,
				  struct agent_processes **ret_processes,
				  struct hv_err *err)
{
	struct agent_processes *processes = calloc(1, sizeof(*processes));

	if (processes == NULL)
		return hv_fail(err, HV_E_NOMEM, "the table of processes");
	processes->config = *config;
	processes->loop = loop;
	*ret_processes = processes;
	return HV_OK;
}

static void forget(struct process *process)
{
	struct process **at = &process->owner->first;

	while (*at != process)
		at = &(*at)->next;
	*at = process->next;
	hv_watch_stop(&process->watch);
	(void)close(process->pidfd);
	free(process);
}

void agent_processes_close(struct agent_processes *processes)
{
	if (processes == NULL)
		return;
	while (processes->first != NULL)
		forget(processes->first);
	free(processes);
}

static struct process *lookup(struct agent_processes *processes, enum agent_kind kind,
			      const char *name)
{
	struct process *process = processes->first;

	while (process != NULL &&
	       (process->kind != kind || strcmp(process->name, name) != 0))
		process = process->next;
	return process;
}

/* ---- the end ---- */

static void read_last_line(const char *path, char text[AGENT_TEXT_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	tail_line(fd, text, AGENT_TEXT_BYTES);
	(void)close(fd);
}

static void reap(const struct process *process, struct agent_exit *end)
{
	siginfo_t info = { 0 };

	end->pid = process->instance.pid;
	/* ECHILD: another agent started it */
	if (waitid((idtype_t)P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) !=
		    0 ||
	    info.si_pid == 0)
		return;
	end->is_known = true;
	end->status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

static void on_end(struct hv_watch *watch, unsigned events)
{
	struct process *process = HV_CONTAINER(watch, struct process, watch);
	struct agent_processes *owner = process->owner;
	enum agent_kind kind = process->kind;
	char text[AGENT_TEXT_BYTES] = "";
	char path[HV_FILE_PATH_BYTES];
	char name[HV_NAME_BYTES];
	struct agent_exit end = { .text = text };

	(void)events; /* a pidfd says only one thing */
	memcpy(name, process->name, sizeof(name));
	reap(process, &end);
	if (agent_log_path(owner->config.options->state, kind, name, path, NULL) == HV_OK)
		read_last_line(path, text);
	if (kind == AGENT_PARTITION)
		agent_tty_remove(owner->config.options->state, name);
	forget(process);
	owner->config.on_exit(owner->config.arg, kind, name, &end);
}

/* Takes the pidfd, also where it fails. */
static enum hv_code watch(struct agent_processes *processes, enum agent_kind kind,
			  const char *name, const struct hv_pidfile_holder *holder,
			  struct hv_err *err)
{
	struct process *process = calloc(1, sizeof(*process));
	enum hv_code code;

	if (process == NULL) {
		(void)close(holder->pidfd);
		return hv_fail(err, HV_E_NOMEM, "watch process %d", holder->pid);
	}
	process->owner = processes;
	process->kind = kind;
	process->pidfd = holder->pidfd;
	process->instance = (struct agent_instance){ .pid = holder->pid,
						     .starttime = holder->start_time };
	process->watch.run = on_end;
	(void)snprintf(process->name, sizeof(process->name), "%s", name);
	process->next = processes->first;
	processes->first = process;
	code = hv_watch_start(processes->loop, &process->watch, process->pidfd,
			      HV_WATCH_READ, err);
	if (code != HV_OK)
		forget(process);
	return code;
}

/* ---- find ---- */

static bool is_ended(const struct process *process)
{
	struct pollfd at = { .fd = process->pidfd, .events = POLLIN };

	/* its partitions see it go before its pidfd does */
	return poll(&at, 1, 0) > 0 || hv_process_is_exiting((int)process->instance.pid);
}

enum hv_code agent_process_find(struct agent_processes *processes, enum agent_kind kind,
				const char *name, struct agent_instance *ret,
				struct hv_err *err)
{
	struct process *known = lookup(processes, kind, name);
	struct hv_pidfile_holder holder;
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code;

	if (known != NULL) {
		if (is_ended(known)) /* on_end() is on its way */
			return hv_fail(err, HV_E_NOTFOUND, "process %lld has ended",
				       (long long)known->instance.pid);
		*ret = known->instance;
		return HV_OK;
	}
	code = agent_pid_path(processes->config.options->state, kind, name, path, err);
	if (code == HV_OK)
		code = hv_pidfile_adopt(path, &holder, err);
	if (code == HV_OK)
		code = watch(processes, kind, name, &holder, err);
	if (code == HV_OK)
		*ret = (struct agent_instance){ .pid = holder.pid,
						.starttime = holder.start_time };
	return code;
}

void agent_process_kill(struct agent_processes *processes, enum agent_kind kind,
			const char *name, int signal)
{
	struct process *process = lookup(processes, kind, name);

	if (process != NULL) /* an error means that it has ended */
		(void)syscall(SYS_pidfd_send_signal, process->pidfd, signal, NULL, 0);
}

/* ---- spawn ---- */

/* A log that has grown to its limit becomes the old one. */
static void make_room(const char *path)
{
	char old[HV_FILE_PATH_BYTES + 8];
	struct stat st;

	if (stat(path, &st) != 0 || st.st_size < AGENT_LOG_BYTES_MAX)
		return;
	(void)snprintf(old, sizeof(old), "%s.old", path);
	(void)rename(path, old); /* else it goes on growing: better than no log */
}

static enum hv_code open_log(const struct agent_processes *processes,
			     const struct agent_spawn *what, int *ret_fd,
			     struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code = agent_log_path(processes->config.options->state, what->kind,
					   what->name, path, err);

	if (code != HV_OK)
		return code;
	make_room(path);
	*ret_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return *ret_fd >= 0 ? HV_OK : hv_fail_os(err, HV_E_OS, errno, "open %s", path);
}

/* Its log; disks are files, too. */
static uint64_t file_limit(const Tarn__LparSpec *spec)
{
	uint64_t disk = spec->max_bytes * (HV_LPAR_OS_SET_MAX / 100);
	bool is_os = spec->workload->kind == TARN__WORKLOAD_KIND__WORKLOAD_OS;

	if (spec->guest != NULL)
		return AGENT_LOG_BYTES_MAX + agent_machine_file_bytes(spec->guest);
	return AGENT_LOG_BYTES_MAX + (is_os ? disk : 0);
}

static enum hv_code start(const struct agent_spawn *what, int log,
			  const struct command *command, struct hv_pidfile_holder *holder,
			  struct hv_err *err)
{
	bool is_partition = what->kind == AGENT_PARTITION;
	struct child child = {
		.program = command->program,
		.arguments = command->arguments,
		.out = -1,
		.error = log,
		.inherited = command->fds,
		.inherited_count = command->fd_count,
		.oom_score = is_partition ? CHILD_OOM_PARTITION : CHILD_OOM_SERVICE,
		.file_bytes_max = is_partition ? file_limit(what->spec) : 0,
		/* one that becomes QEMU opens its files first, and then drops all */
		.is_unprivileged = is_partition && what->spec->guest == NULL,
	};
	enum hv_code code;
	pid_t pid;

	code = child_start(&child, &pid, &holder->pidfd, err);
	if (code != HV_OK)
		return code;
	holder->pid = pid;
	/* It may have ended already, but it is our child: its pid is not used again. */
	code = hv_process_start_time(pid, &holder->start_time, err);
	if (code == HV_OK)
		code = hv_pidfile_name(command->pid_file, pid, err);
	if (code != HV_OK)
		child_abandon(pid, holder->pidfd);
	return code;
}

/* From a log and a command to a process that is watched. */
static enum hv_code launch(struct agent_processes *processes,
			   const struct agent_spawn *what, int log,
			   const struct command *command, struct agent_instance *ret,
			   struct hv_err *err)
{
	struct hv_pidfile_holder holder = { .pidfd = -1 };
	enum hv_code code = start(what, log, command, &holder, err);

	if (code != HV_OK)
		return code;
	code = watch(processes, what->kind, what->name, &holder, err);
	if (code != HV_OK) {
		child_abandon(holder.pid, -1); /* nobody would see its end */
		return code;
	}
	*ret = (struct agent_instance){ holder.pid, holder.start_time,
					command->shares_disk };
	return HV_OK;
}

enum hv_code agent_process_spawn(struct agent_processes *processes,
				 const struct agent_spawn *what,
				 struct agent_instance *ret, struct hv_err *err)
{
	struct command command;
	enum hv_code code;
	int log = -1;

	code = agent_process_find(processes, what->kind, what->name, ret, err);
	if (code == HV_OK || code == HV_E_AGAIN)
		return hv_fail(err, HV_E_EXISTS, "one is alive already");
	code = open_log(processes, what, &log, err);
	if (code != HV_OK)
		return code;
	code = command_make(processes->config.options, processes->config.bin, what,
			    &command, err);
	if (code == HV_OK) {
		code = launch(processes, what, log, &command, ret, err);
		command_close(&command);
	}
	(void)close(log);
	return code;
}
