/* command - see command.h. */
#include "agent/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/machine.h"
#include "agent/tty.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/base/pidfile.h"
#include "hvcore/wire/local.h"

#define WORKERS_MAX 16 /* of the built-in workload */

enum hv_code command_begin(struct command *command, const char *bin, const char *program,
			   struct hv_err *err)
{
	*command = (struct command){ 0 };
	command_add(command, "%s", program);
	return hv_path_join(command->program, sizeof(command->program), bin, program,
			    err);
}

void command_add(struct command *command, const char *format, ...)
{
	size_t room = sizeof(command->text) - command->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(command->text + command->used, room, format, args);
	va_end(args);
	/* All that goes in is bounded: names, paths, numbers. */
	HV_INVARIANT(n >= 0 && (size_t)n < room);
	HV_INVARIANT(command->count < COMMAND_ARGUMENTS_MAX);
	command->arguments[command->count++] = command->text + command->used;
	command->used += (size_t)n + 1;
}

void command_add_hex(struct command *command, const uint8_t *bytes, size_t count)
{
	char hex[2 * 64 + 1] = "";

	HV_INVARIANT(count <= 64);
	for (size_t i = 0; i < count; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	command_add(command, "%s", hex);
}

void command_add_loan_policy(struct command *command, const Tarn__Workload *load)
{
	static const char *const policies[] = { "0", "1", "2", "balloon" };

	HV_INVARIANT(load->loan_policy < HV_COUNT(policies)); /* hv_lpar_spec_check() */
	command_add(command, "--loan-policy=%s", policies[load->loan_policy]);
}

void command_close(struct command *command)
{
	for (unsigned i = 0; i < command->fd_count; i++)
		(void)close(command->fds[i]);
	command->fd_count = 0;
}

static void hypervisor(const struct agent_options *options, struct command *command)
{
	command_add(command, "--state=%s", options->state);
	command_add(command, "--memory=%llu", (unsigned long long)options->memory);
	command_add(command, "--lmb=%llu", (unsigned long long)options->lmb);
	command_add(command, "--hang-ms=%llu", (unsigned long long)options->hang_ms);
	command_add(command, "--home-near=%s", options->home_near ? "yes" : "no");
	command_add(command, "--steer=%s", options->steer ? "yes" : "no");
	command_add(command, "--read-ahead=%llu",
		    (unsigned long long)options->read_ahead);
	command_add(command, "--expect-writes=%s", options->expect_writes ? "yes" : "no");
	command_add(command, "--hedge-us=%llu", (unsigned long long)options->hedge_us);
	command_add(command, "--tier-share=%llu",
		    (unsigned long long)options->tier_share);
}

static void vios(const struct agent_options *options, const struct agent_spawn *what,
		 struct command *command)
{
	command_add(command, "--state=%s", options->state);
	command_add(command, "--name=%s", what->name);
	if (what->remote_url == NULL)
		command_add(command, "--spin-us=%llu",
			    (unsigned long long)options->spin_us);
	if (what->remote_url != NULL) {
		command_add(command, "--remote=%s", what->remote_url);
		command_add(command, "--host-id");
		command_add_hex(command, what->host_id, AGENT_ID_BYTES);
	}
	if (what->cut_ms != 0 && options->allow_drills) {
		command_add(command, "--cut=%u", what->cut_direction);
		command_add(command, "--cut-ms=%u", what->cut_ms);
	}
	if (options->allow_drills)
		command_add(command, "--allow-drills");
}

static void exporter(const struct agent_options *options, struct command *command)
{
	char url[AGENT_URL_BYTES];

	agent_export_url(options->state, url);
	command_add(command, "--state=%s", options->state);
	command_add(command, "--name=" AGENT_EXPORTER_NAME);
	command_add(command, "--serve=%s", url);
	if (options->allow_drills)
		command_add(command, "--allow-drills");
}

/* ---- descriptors ---- */

static enum hv_code give(struct command *command, const char *option, int fd,
			 const char *what, struct hv_err *err)
{
	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "open %s", what);
	command->fds[command->fd_count++] = fd;
	command_add(command, "--%s=%d", option, fd);
	return HV_OK;
}

static enum hv_code give_pid_file(const struct agent_options *options,
				  const struct agent_spawn *what, struct command *command,
				  struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code = agent_pid_path(options->state, what->kind, what->name, path,
					   err);
	int fd = -1;

	if (code == HV_OK)
		code = hv_pidfile_hold(path, &fd, err);
	if (code == HV_E_BUSY)
		return hv_fail(err, HV_E_EXISTS, "one is alive already");
	command->pid_file = fd;
	return code == HV_OK ? give(command, "pid-file-fd", fd, path, err) : code;
}

static enum hv_code give_memory(const struct agent_options *options,
				const struct agent_spawn *what, struct command *command,
				struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_path_join(path, sizeof(path), options->state,
					 "run/attach.sock", err);
	int fd = -1;

	if (code == HV_OK)
		code = hv_local_connect(path, &fd, err);
	if (code == HV_OK)
		code = give(command, "socket-fd", fd, path, err);
	if (code == HV_OK && what->spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		code = give(command, "uffd-device",
			    open("/dev/userfaultfd", O_RDWR | O_CLOEXEC),
			    "/dev/userfaultfd", err);
	return code;
}

/* It is better without a console than not at all. */
static void give_tty(const struct agent_options *options, const char *name,
		     enum agent_tty kind, struct command *command)
{
	static const char *const names[AGENT_TTY_COUNT] = { "console-fd", "debug-fd" };
	struct hv_err err = { 0 };
	int fd = -1;

	if (agent_tty_listen(options->state, kind, name, &fd, &err) != HV_OK ||
	    give(command, names[kind], fd, "a console", &err) != HV_OK)
		log_warn("agent.no_console", "lpar=%s reason='%s'", name,
			 hv_err_text(&err));
}

static const char *workload_name(Tarn__WorkloadKind kind)
{
	switch (kind) {
	case TARN__WORKLOAD_KIND__WORKLOAD_ZIPF:
		return "zipf";
	case TARN__WORKLOAD_KIND__WORKLOAD_SCAN:
		return "scan";
	case TARN__WORKLOAD_KIND__WORKLOAD_PHASES:
		return "phases";
	case TARN__WORKLOAD_KIND__WORKLOAD_OS:
		return "os";
	default:
		return "idle";
	}
}

/* Gone when the partition is, and in the way of nobody. */
static enum hv_code give_disk(const struct agent_options *options, const char *name,
			      const char *option, struct command *command,
			      struct hv_err *err)
{
	char file[HV_NAME_BYTES + 16], path[HV_FILE_PATH_BYTES];
	enum hv_code code;
	int fd;

	(void)snprintf(file, sizeof(file), "run/disk-%s", name);
	code = hv_path_join(path, sizeof(path), options->state, file, err);
	if (code != HV_OK)
		return code;
	(void)unlink(path); /* ENOENT is the rule */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	code = give(command, option, fd, path, err);
	if (code == HV_OK)
		(void)unlink(path);
	return code;
}

/* A file beside it, or the block device that the file is on. */
static bool is_on_disk_of(int fd, const char *device)
{
	struct stat own, other;

	if (fstat(fd, &own) != 0 || stat(device, &other) != 0)
		return false;
	return own.st_dev == (S_ISBLK(other.st_mode) ? other.st_rdev : other.st_dev);
}

static enum hv_code give_os(const struct agent_options *options,
			    const struct agent_spawn *what, struct command *command,
			    struct hv_err *err)
{
	const char *devices[] = { what->pgdev, what->mirror };
	enum hv_code code;

	if (what->spec->workload->kind != TARN__WORKLOAD_KIND__WORKLOAD_OS)
		return HV_OK;
	command_add_loan_policy(command, what->spec->workload);
	code = give_disk(options, what->name, "os-file-fd", command, err);
	if (code == HV_OK)
		code = give_disk(options, what->name, "os-paging-fd", command, err);
	for (size_t i = 0; code == HV_OK && i < HV_COUNT(devices); i++)
		if (devices[i] != NULL &&
		    is_on_disk_of(command->fds[command->fd_count - 1], devices[i]))
			command->shares_disk = true;
	return code;
}

/* Which windows are disks and which are ethernets: hvcore/wire/io.h. */
static void add_adapters(const Tarn__LparSpec *spec, struct command *command)
{
	if (spec->n_disks + spec->n_ethernets == 0)
		return;
	command_add(command, "--disks=%zu", spec->n_disks);
	command_add(command, "--ethernets=%zu", spec->n_ethernets);
	command_add(command, "--io-percent=%u", spec->workload->io_percent);
}

static enum hv_code workload(const struct agent_options *options,
			     const struct agent_spawn *what, struct command *command,
			     struct hv_err *err)
{
	const Tarn__Workload *load = what->spec->workload;

	give_tty(options, what->name, AGENT_TTY_DEBUGGER, command);
	command_add(command, "--workload=%s", workload_name(load->kind));
	command_add(command, "--working-set=%u", load->working_set_percent);
	command_add(command, "--write-percent=%u", load->write_percent);
	command_add(command, "--rate=%llu", (unsigned long long)load->rate);
	command_add(command, "--seed=%llu", (unsigned long long)load->seed);
	if (load->via_hpt)
		command_add(command, "--via-hpt");
	if (what->processors != 0) /* a worker on each virtual processor */
		command_add(command, "--threads=%u",
			    what->processors < WORKERS_MAX ? what->processors
							   : WORKERS_MAX);
	if (load->hints && load->kind == TARN__WORKLOAD_KIND__WORKLOAD_PHASES)
		command_add(command, "--discard");
	if (load->hints)
		command_add(command, "--hints");
	add_adapters(what->spec, command);
	return give_os(options, what, command, err);
}

static enum hv_code partition(const struct agent_options *options,
			      const struct agent_spawn *what, struct command *command,
			      struct hv_err *err)
{
	enum hv_code code = give_memory(options, what, command, err);

	if (code != HV_OK)
		return code;
	give_tty(options, what->name, AGENT_TTY_CONSOLE, command);
	command_add(command, "--name=%s", what->name);
	command_add(command, "--run-id=%llu", (unsigned long long)what->run_id);
	command_add(command, "--token");
	command_add_hex(command, what->token, HV_TOKEN_BYTES);
	return what->spec->guest != NULL ? agent_machine_add(what->spec, command, err)
					 : workload(options, what, command, err);
}

enum hv_code command_make(const struct agent_options *options, const char *bin,
			  const struct agent_spawn *what, struct command *ret_command,
			  struct hv_err *err)
{
	static const char *const programs[AGENT_KIND_COUNT] = {
		[AGENT_HYPERVISOR] = "tarn-hypervisor",
		[AGENT_VIOS] = "tarn-vios",
		[AGENT_PARTITION] = "tarn-partition",
		[AGENT_EXPORTER] = "tarn-vios",
	};
	enum hv_code code = command_begin(ret_command, bin, programs[what->kind], err);

	if (code == HV_OK)
		code = give_pid_file(options, what, ret_command, err);
	if (code != HV_OK)
		return code;
	if (what->kind == AGENT_HYPERVISOR)
		hypervisor(options, ret_command);
	else if (what->kind == AGENT_VIOS)
		vios(options, what, ret_command);
	else if (what->kind == AGENT_EXPORTER)
		exporter(options, ret_command);
	else
		code = partition(options, what, ret_command, err);
	if (code != HV_OK)
		command_close(ret_command);
	return code;
}
