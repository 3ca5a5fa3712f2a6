/*
 * agent - the core (agent/core) with the real world behind its table of functions.
 *
 *   process  programs that are alive      tool   one-shot tarn-vios commands
 *   link     hypervisor and coordinator   state  files
 *
 * Contract
 *   Threads  L.
 *   Memory   agent_close() disturbs nothing that runs: the next agent finds it.
 *   Errors   open: as its parts; nothing is started then.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/config.h"
#include "hvcore/loop/loop.h"

struct agent;

/* `bin` is kept: where the host's programs are. */
HV_MUST_USE
enum hv_code agent_open(struct hv_loop *loop, const struct agent_options *options,
			const char *bin, struct agent **ret_agent, struct hv_err *err);
void agent_close(struct agent *agent);

#endif
