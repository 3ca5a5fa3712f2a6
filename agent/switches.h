/*
 * switches - when the threads of one process were taken from a processor, and when they
 * got one again: the kernel's own records (perf_event), kept for the last of them.
 *
 * Nothing is derived: a host that forbids the records, or a kernel without them, has
 * none, and says why. One process at a time, those of its threads that are there when it
 * begins; what is recorded costs the process about a microsecond a switch.
 *
 * Contract
 *   Threads  L.
 *   Memory   rings of AGENT_SWITCHES_BYTES a thread, mapped until the end.
 *   Errors   DENIED the host forbids it; OS; NOTFOUND no such process; NOMEM.
 *   Time     CLOCK_MONOTONIC, nanoseconds, as the hypervisor's.
 */
#ifndef AGENT_SWITCHES_H
#define AGENT_SWITCHES_H

#include "agent/core/core.h"

#define AGENT_SWITCHES_THREADS 32 /* arbitrary; a partition has half of that */
#define AGENT_SWITCHES_BYTES (16 * 4096)

struct agent_switches;

HV_MUST_USE
enum hv_code agent_switches_open(int64_t pid, struct agent_switches **ret_switches,
				 struct hv_err *err);
void agent_switches_close(struct agent_switches *switches); /* NULL is fine */

/* The last ones, oldest first of each thread; at most AGENT_SWITCHES_MAX. */
size_t agent_switches_read(struct agent_switches *switches,
			   struct agent_switch list[AGENT_SWITCHES_MAX]);

#endif
