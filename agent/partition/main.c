/*
 * tarn-partition - see README.md here.
 *
 * The process ends by _exit(): workers may still wait in a fault, and nothing may run
 * that could touch the memory after the userfaultfd is gone.
 */
#include "agent/partition/boot.h"

#include <stdio.h>
#include <unistd.h>

#include "hvcore/base/log.h"

#define EXIT_FAILED 1

int main(int argc, char **argv)
{
	struct partition_booted booted = { .control.socket = -1 };
	struct partition_options options;
	struct hv_option_result result;
	struct hv_err err = { 0 };
	char who[HV_NAME_BYTES + sizeof "partition@"];
	int status = hv_option_main(&partition_options_table, argc, argv, &options,
				    &result);

	if (status >= 0)
		return status;
	options.arguments = argv + result.operand;
	if (partition_options_check(&options, &err) != HV_OK) {
		(void)fprintf(stderr, "tarn-partition: %s\n", hv_err_text(&err));
		return 2;
	}
	if (result.is_check)
		return 0;
	(void)snprintf(who, sizeof who, "partition@%s", options.name);
	hv_log_open(who, options.verbose ? HV_LOG_DEBUG : HV_LOG_INFO);
	if ((options.guest != 0 || options.program != NULL
		     ? partition_boot_guest(&options, &err)
		     : partition_boot(&options, &booted, &err)) != HV_OK) {
		log_error("partition.not_started", "reason='%s'", hv_err_text(&err));
		_exit(EXIT_FAILED);
	}
	status = partition_control_run(&booted.control);
	partition_tty_close(booted.debugger);
	partition_tty_close(booted.console);
	if (status == 0)
		partition_crew_close(booted.control.crew); /* all have ended: no wait */
	_exit(status);
}
