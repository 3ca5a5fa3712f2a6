/*
 * process - the programs of the host that are alive: started by this agent or found
 * by their pid files, each watched by its pidfd until it ends.
 *
 * Contract
 *   Threads  L.
 *   Memory   agent_processes_close() stops watching; it disturbs nobody.
 *   Errors   find, spawn: as agent_ops.
 *   Order    on_exit comes once for each process that find or spawn returned, and
 *            after the process is no longer in the table.
 */
#ifndef AGENT_PROCESS_H
#define AGENT_PROCESS_H

#include "agent/config.h"
#include "hvcore/loop/loop.h"

struct agent_processes;

struct agent_processes_config {
	const struct agent_options *options;
	const char *bin;
	void (*on_exit)(void *arg, enum agent_kind kind, const char *name,
			const struct agent_exit *end);
	void *arg;
};

HV_MUST_USE
enum hv_code agent_processes_open(struct hv_loop *loop,
				  const struct agent_processes_config *config,
				  struct agent_processes **ret_processes,
				  struct hv_err *err);
void agent_processes_close(struct agent_processes *processes);

HV_MUST_USE
enum hv_code agent_process_find(struct agent_processes *processes, enum agent_kind kind,
				const char *name, struct agent_instance *ret,
				struct hv_err *err);
HV_MUST_USE
enum hv_code agent_process_spawn(struct agent_processes *processes,
				 const struct agent_spawn *what,
				 struct agent_instance *ret, struct hv_err *err);
void agent_process_kill(struct agent_processes *processes, enum agent_kind kind,
			const char *name, int signal);

#endif
