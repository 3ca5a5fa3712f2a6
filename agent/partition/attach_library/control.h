/*
 * control - the library's own thread: what the control thread is in tarn-partition
 * (agent/partition/control.h), for a program that knows nothing of all this. It never
 * touches the memory and takes no lock of the program's.
 *
 *   hang-up of the socket   SIGKILL to the process (P1)
 *   CONTROL shutdown        QEMU: its power button, again each STOP_AGAIN_MS until it has
 *                           ended; else SIGTERM
 *   CONTROL verify          said to be impossible: nobody outside knows what a page holds
 *   LOAN                    the balloon, as the policy lets it (balloon.h)
 *   RESIZE                  said to be impossible: the memory is what it was at the start
 *   each second             REPORT, with no operations: nobody counts them; of a guest
 *                           GUEST with what its balloon and its disks say
 *   QEMU says its guest     panicked, or cannot go on: its last words, exit status 1
 *
 * Contract
 *   Threads  starts one, detached, with all signals blocked.
 *   Memory   the configuration is copied; what it names is lent for good.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_CONTROL_H
#define AGENT_PARTITION_ATTACH_LIBRARY_CONTROL_H

#include "agent/partition/attach_library/discard.h"
#include "agent/partition/attach_library/passport.h"

#define ATTACH_REPORT_MS 1000
#define ATTACH_STOP_AGAIN_MS 5000 /* one pressed while it boots is lost; arbitrary */
#define ATTACH_CRASHED 1          /* exit status */

struct attach_control_config {
	const struct attach_passport *passport;
	struct attach_discards *discards;
};

HV_MUST_USE
enum hv_code attach_control_start(const struct attach_control_config *config,
				  struct hv_err *err);

#endif
