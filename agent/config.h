/*
 * config - what tarn-agent was started with, and where its files lie.
 *
 *   <state>/version identity incarnation state desired   what outlives the agent
 *   <state>/run/     sockets and pid files of the host's programs
 *   <state>/log/     their stderr; NAME.log.old is what was there before
 *
 * Contract
 *   Memory   strings are argv's.
 *   Errors   config_parse: as hv_option_main, -1 = go on.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "agent/core/core.h"

#include <stdbool.h>

#define AGENT_STATE_VERSION 1
/* Arbitrary. A partition's log is cut there, another one renamed at the next start. */
#define AGENT_LOG_BYTES_MAX (4 << 20)
#define AGENT_STATE_PATH_MAX 64 /* run/attach.sock below it must fit sun_path */

struct agent_options {
	const char *state, *name, *coordinator, *bin;
	uint64_t memory, lmb, hang_ms, read_ahead, hedge_us, spin_us, tier_share;
	bool home_near, steer, expect_writes, allow_drills, stop, is_check;
	char *const *arguments; /* all of main()'s */
	int pid_file;           /* run/agent.pid, held; -1: not */
};

int agent_options_parse(int argc, char **argv, struct agent_options *options);

/* Where the other programs are: --bin, else the directory of this one. */
HV_MUST_USE
enum hv_code agent_options_bin(const struct agent_options *options, char bin[],
			       struct hv_err *err);

#define AGENT_EXPORTER_NAME "export" /* a VIOS may not be called so */

/* Where the exporter of a host listens: ipc, so nobody beyond this machine reaches it. */
void agent_export_url(const char *state, char url[AGENT_URL_BYTES]);

/* run/hypervisor.pid, run/export.pid, run/NAME.pid, run/lpar-NAME.pid */
HV_MUST_USE
enum hv_code agent_pid_path(const char *state, enum agent_kind kind, const char *name,
			    char path[], struct hv_err *err);
/* log/NAME.log, likewise */
HV_MUST_USE
enum hv_code agent_log_path(const char *state, enum agent_kind kind, const char *name,
			    char path[], struct hv_err *err);

#endif
