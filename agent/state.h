/*
 * state - the agent's files: who it is, which start this is, what it must remember.
 *
 *   version      "tarn host 1"; another one is refused
 *   identity     16 random bytes, made once
 *   incarnation  decimal, one more with each start
 *   state        Tarn__AgentState       desired   Tarn__HostDesired
 *   run/ log/    made where they are missing
 *
 * Contract
 *   Threads  L.
 *   Memory   messages from load are the caller's; NULL: there is no such file.
 *   Errors   VERSION, CORRUPT, IO, NOSPC; a damaged file is never taken for none.
 */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include "agent/config.h"

HV_MUST_USE
enum hv_code agent_state_open(const char *state, uint8_t ret_id[AGENT_ID_BYTES],
			      uint64_t *ret_incarnation, struct hv_err *err);
HV_MUST_USE
enum hv_code agent_state_load(const char *state, Tarn__AgentState **ret_state,
			      Tarn__HostDesired **ret_desired, struct hv_err *err);
HV_MUST_USE
enum hv_code agent_state_save(const char *state, enum agent_file file,
			      const uint8_t *bytes, size_t count, struct hv_err *err);

/* Each VIOS and partition that has a pid file in run/. */
HV_MUST_USE
enum hv_code agent_state_each_pid_file(const char *state,
				       void (*run)(void *arg, enum agent_kind kind,
						   const char *name),
				       void *arg, struct hv_err *err);

#endif
