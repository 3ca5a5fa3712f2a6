/*
 * stop - `tarn-agent --stop`: ends everything of one host, whoever is still alive.
 *
 *   agent       SIGTERM, then SIGKILL: or it would start the others again
 *   partitions  SIGTERM (OS shutdown), then SIGKILL
 *   VIOS        SIGTERM, then SIGKILL
 *   hypervisor  SIGTERM, then SIGKILL; its mounts go with it
 *
 * and removes the sockets and pid files in run/. A stopped process is continued so
 * that it sees its SIGTERM; one that the agent had just started is waited for until it
 * can be named. Idempotent; each wait is bounded, and what does not end does not keep
 * the rest alive.
 *
 * Contract
 *   Threads  any; blocks for at most AGENT_STOP_MS.
 *   Errors   TIMEOUT: a process survives its SIGKILL (the text says which). AGAIN,
 *            CORRUPT: a pid file is held by nobody that can be named. run/ is left
 *            as it is then.
 */
#ifndef AGENT_STOP_H
#define AGENT_STOP_H

#include "agent/config.h"

#define AGENT_STOP_MS 32000 /* the sum of all waits */

HV_MUST_USE
enum hv_code agent_stop(const char *state, struct hv_err *err);

#endif
