/*
 * control - the thread of a partition that never touches its memory: obeys the
 * hypervisor, reports, relays discards, and ends the process when the hypervisor is
 * gone.
 *
 * It reports once a second, and at once when a pass over all pages begins or ends,
 * after a reset and at the end. It goes on while every worker is stuck in a fault,
 * so a partition that waits for a paging VIOS shows how long it has waited.
 *
 *   hang-up of the socket   SIGKILL to ourselves (P1): what was paged out is lost
 *   CONTROL shutdown        workers end, last report, exit status 0
 *   SIGTERM, SIGINT         the same
 *   CONTROL verify          one pass over every page; another one waits its turn
 *   CONTROL reset stall     longest stall 0
 *   RESIZE                  workers pause, then go on over the memory it names; what
 *                           is given up is said in steps, from the top (resize.h)
 * A command id that was done already is done no second time; id 0 always is.
 *
 * Contract
 *   Threads  the first thread; SIGTERM and SIGINT are blocked in all threads by
 *            partition_control_block_signals(), called before there are others.
 *   Memory   crew and guest are lent.
 *   Errors   an exit status: 0 shut down; 1 a worker did not end within
 *            PARTITION_STOP_MS (it waits for a page), or poll failed.
 */
#ifndef AGENT_PARTITION_CONTROL_H
#define AGENT_PARTITION_CONTROL_H

#include "agent/partition/crew.h"

#define PARTITION_REPORT_MS 1000
#define PARTITION_STOP_MS 10000    /* arbitrary: longer than any failover takes */
#define PARTITION_COMMANDS_KEPT 64 /* ids that are known as done; arbitrary */

struct partition_control_config {
	int socket; /* attached */
	struct partition_guest *guest;
	struct partition_crew *crew;
};

HV_MUST_USE
enum hv_code partition_control_block_signals(struct hv_err *err);

int partition_control_run(const struct partition_control_config *config);

#endif
