/*
 * tarn-partition - see README.md here.
 *
 * In this order: be the only one (pid file), attach, give up every privilege, start
 * the workers, obey. The process ends by _exit(): workers may still wait in a fault,
 * and nothing may run that could touch the memory after the userfaultfd is gone.
 */
#include "agent/partition/control.h"
#include "agent/partition/guest.h"
#include "agent/partition/options.h"
#include "agent/partition/privilege.h"

#include <stdio.h>
#include <unistd.h>

#include "hvcore/base/log.h"
#include "hvcore/base/pidfile.h"

#define EXIT_FAILED 1

static enum hv_code attach(const struct partition_options *options,
			   struct partition_attachment *ret_attachment,
			   struct hv_err *err)
{
	struct partition_attach_config config = partition_options_attach(options);
	enum hv_code code = HV_OK;

	config.socket = (int)options->socket_fd;
	if (options->socket != NULL)
		code = hv_local_connect(options->socket, &config.socket, err);
	if (code == HV_OK)
		code = partition_attach_open(&config, ret_attachment, err);
	return code;
}

static enum hv_code start(const struct partition_options *options,
			  struct partition_control_config *control, struct hv_err *err)
{
	struct partition_attachment attachment;
	struct partition_crew_config crew;
	enum hv_code code = partition_control_block_signals(err);

	if (code == HV_OK && options->pid_file_fd != 0)
		code = hv_pidfile_take_open((int)options->pid_file_fd, err);
	if (code == HV_OK)
		code = attach(options, &attachment, err);
	if (code != HV_OK)
		return code;
	code = partition_options_guest(options, &attachment, &control->guest, err);
	if (code == HV_OK && attachment.calls != NULL)
		code = partition_guest_via(control->guest, attachment.calls, err);
	if (code == HV_OK)
		code = partition_privilege_drop(err);
	if (code == HV_OK)
		code = partition_guest_catch_poison(err);
	if (code != HV_OK)
		return code;
	control->socket = attachment.socket;
	crew = partition_options_crew(options, &attachment);
	log_info("partition.started", "pages=%llu mode=%s workload=%s",
		 (unsigned long long)partition_guest_pages(control->guest),
		 attachment.mode == HV_MODE_SHARED ? "shared" : "dedicated",
		 partition_workload_names[crew.workload.kind]);
	return partition_crew_open(&crew, control->guest, &control->crew, err);
}

int main(int argc, char **argv)
{
	struct partition_control_config control = { .socket = -1 };
	struct partition_options options;
	struct hv_option_result result;
	struct hv_err err = { 0 };
	char who[HV_NAME_BYTES + sizeof "partition@"];
	int status = hv_option_main(&partition_options_table, argc, argv, &options,
				    &result);

	if (status >= 0)
		return status;
	if (partition_options_check(&options, &err) != HV_OK) {
		(void)fprintf(stderr, "tarn-partition: %s\n", hv_err_text(&err));
		return 2;
	}
	if (result.is_check)
		return 0;
	(void)snprintf(who, sizeof who, "partition@%s", options.name);
	hv_log_open(who, options.verbose ? HV_LOG_DEBUG : HV_LOG_INFO);
	if (start(&options, &control, &err) != HV_OK) {
		log_error("partition.not_started", "reason='%s'", hv_err_text(&err));
		_exit(EXIT_FAILED);
	}
	status = partition_control_run(&control);
	if (status == 0)
		partition_crew_close(control.crew); /* all have ended: no wait */
	_exit(status);
}
