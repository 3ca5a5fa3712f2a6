/*
 * boot - from a command line to a partition at work, in this order: be the only one
 * (pid file), attach, give up every privilege, start the workers, open the console.
 *
 * Contract
 *   Threads  the first thread; workers and console get threads of their own.
 *   Memory   options are lent for good. What was begun is not undone: after a failure
 *            the process ends.
 */
#ifndef AGENT_PARTITION_BOOT_H
#define AGENT_PARTITION_BOOT_H

#include "agent/partition/control.h"
#include "agent/partition/options.h"
#include "agent/partition/tty.h"

struct partition_booted {
	struct partition_control_config control;
	struct partition_tty *console, *debugger; /* NULL: there is none */
};

HV_MUST_USE
enum hv_code partition_boot(const struct partition_options *options,
			    struct partition_booted *ret_booted, struct hv_err *err);

/* This process becomes QEMU (qemu_launch.h) or another program (launch.h). Comes back
 * where that failed. */
HV_MUST_USE
enum hv_code partition_boot_guest(const struct partition_options *options,
				  struct hv_err *err);

#endif
