/*
 * debugger - a debugger's lines on a second console: what is watched, and who hits it.
 *
 *   in     watch ADDR write | watch ADDR read-write | off
 *   out    watching ADDR        error: SENTENCE        hits COUNT TID NAME
 *
 * A line of hits is said whenever the count of a thread has grown. Nothing is echoed.
 *
 * Contract
 *   Threads  that of its console.
 *   Memory   embedded in the console, whose ring it writes to.
 */
#ifndef AGENT_PARTITION_DEBUGGER_H
#define AGENT_PARTITION_DEBUGGER_H

#include "agent/partition/guest.h"
#include "agent/partition/ring.h"

#define PARTITION_WATCHED_MAX 64 /* threads; more than a partition has */
#define PARTITION_WATCH_MS 100   /* between two looks */

struct partition_debugger {
	bool is_set;
	uint64_t told[PARTITION_WATCHED_MAX]; /* hits, by thread */
};

void partition_debugger_run(struct partition_debugger *debugger,
			    struct partition_guest *guest, char *line,
			    struct partition_ring *out);
void partition_debugger_look(struct partition_debugger *debugger,
			     struct partition_guest *guest, struct partition_ring *out);
/* Nobody is there any more: nothing is watched. */
void partition_debugger_end(struct partition_debugger *debugger,
			    struct partition_guest *guest);

/* "0x1000", "4096", "16M". */
HV_MUST_USE
bool partition_number_parse(const char *text, uint64_t *ret_value);

#endif
