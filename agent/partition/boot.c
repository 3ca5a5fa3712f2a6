/* boot - see boot.h. */
#include "agent/partition/boot.h"

#include <unistd.h>

#include "agent/partition/launch.h"
#include "agent/partition/privilege.h"
#include "agent/partition/qemu_launch.h"
#include "hvcore/base/log.h"
#include "hvcore/base/pidfile.h"

static enum hv_code reach(const struct partition_options *options, int *ret_socket,
			  struct hv_err *err)
{
	if (options->socket != NULL)
		return hv_local_connect(options->socket, ret_socket, err);
	*ret_socket = (int)options->socket_fd;
	return HV_OK;
}

static enum hv_code attach(const struct partition_options *options,
			   struct partition_attachment *ret_attachment,
			   struct hv_err *err)
{
	struct partition_attach_config config = partition_options_attach(options);
	enum hv_code code = reach(options, &config.socket, err);

	if (code == HV_OK)
		code = partition_attach_open(&config, ret_attachment, err);
	return code;
}

/* A partition without a console works as well. */
static void open_tty(const struct partition_console_config *config, uint64_t fd,
		     struct partition_tty **ret_tty)
{
	struct hv_err err = { 0 };

	if (fd != 0 && partition_tty_open(config, (int)fd, ret_tty, &err) != HV_OK)
		log_warn("partition.no_console", "reason='%s'", hv_err_text(&err));
}

static void open_ttys(const struct partition_options *options,
		      const struct partition_attachment *attachment,
		      struct partition_booted *booted)
{
	struct partition_console_config config = partition_options_console(
		options, attachment, booted->control.guest, booted->control.crew);

	config.load.os = partition_crew_os(booted->control.crew);
	open_tty(&config, options->console_fd, &booted->console);
	config.is_debugger = true;
	open_tty(&config, options->debug_fd, &booted->debugger);
}

enum hv_code partition_boot(const struct partition_options *options,
			    struct partition_booted *booted, struct hv_err *err)
{
	struct partition_control_config *control = &booted->control;
	struct partition_attachment attachment;
	struct partition_crew_config crew;
	struct os_guest *os = NULL;
	enum hv_code code = partition_control_block_signals(err);

	if (code == HV_OK && options->pid_file_fd != 0)
		code = hv_pidfile_take_open((int)options->pid_file_fd, err);
	if (code == HV_OK)
		code = attach(options, &attachment, err);
	if (code != HV_OK)
		return code;
	code = partition_options_guest(options, &attachment, &control->guest, err);
	if (code == HV_OK && options->via_hpt)
		code = partition_guest_via(control->guest, attachment.calls, err);
	if (code == HV_OK && options->hints)
		code = partition_guest_hint_by(control->guest, attachment.calls, err);
	if (code == HV_OK)
		code = partition_options_os(options, &attachment, control->guest, &os,
					    err);
	if (code == HV_OK)
		code = partition_privilege_drop(err);
	if (code == HV_OK)
		code = partition_guest_catch_poison(err);
	if (code != HV_OK)
		return code;
	control->socket = attachment.socket;
	crew = partition_options_crew(options, &attachment);
	crew.os = os;
	code = partition_options_io(options, &attachment, control->guest, &crew.io, err);
	if (code != HV_OK)
		return code;
	log_info("partition.started", "pages=%llu mode=%s workload=%s",
		 (unsigned long long)partition_guest_pages(control->guest),
		 attachment.mode == HV_MODE_SHARED ? "shared" : "dedicated",
		 partition_workload_names[crew.workload.kind]);
	code = partition_crew_open(&crew, control->guest, &control->crew, err);
	if (code == HV_OK)
		open_ttys(options, &attachment, booted);
	return code;
}

enum hv_code partition_boot_guest(const struct partition_options *options,
				  struct hv_err *err)
{
	int socket = -1;
	enum hv_code code = HV_OK;

	if (options->pid_file_fd != 0)
		code = hv_pidfile_take_open((int)options->pid_file_fd, err);
	if (code == HV_OK)
		code = reach(options, &socket, err);
	if (code != HV_OK)
		return code;
	return options->program != NULL ? launch_program(options, socket, err)
					: qemu_launch(options, socket, err);
}
