/*
 * console - what a partition's console says and does: lines in, text out.
 *
 *   help  status  memory  workload  peek ADDR [LEN]  poke ADDR VALUE  exit
 *
 * Looks at memory and stores are carried out by a worker (access.h), so a page that
 * nobody brings holds up that one command: ^C gives it up, the rest goes on. While one
 * is under way what is typed waits, up to PARTITION_TYPED_BYTES.
 *
 * Contract
 *   Threads  one.
 *   Memory   embedded. Guest, crew and strings are lent. Nothing allocates.
 *   Errors   none: they are text on the console.
 *   Time     hv_clock_ms().
 */
#ifndef AGENT_PARTITION_CONSOLE_H
#define AGENT_PARTITION_CONSOLE_H

#include "agent/partition/crew.h"
#include "agent/partition/debugger.h"
#include "agent/partition/line.h"

#define PARTITION_TYPED_BYTES 512
#define PARTITION_OUTPUT_BYTES 8192 /* no new command while so much is not sent */

struct partition_console_config {
	const char *name;
	uint64_t run_id;
	bool is_shared; /* its memory */
	bool is_via_hpt;
	bool is_debugger; /* not for people: debugger.h */
	struct partition_crew_config load;
	struct partition_guest *guest;
	struct partition_crew *crew;
};

struct partition_console {
	struct partition_console_config config;
	struct partition_ring ring; /* all it ever said */
	struct partition_line line;
	struct partition_debugger debugger;
	uint8_t typed[PARTITION_TYPED_BYTES]; /* and not looked at */
	unsigned typed_count;
	bool is_busy;    /* an access is under way */
	bool is_waiting; /* said so */
	bool is_leaving; /* `exit` */
	uint64_t asked_ms;
};

void partition_console_init(struct partition_console *console,
			    const struct partition_console_config *config);
/* Somebody new: begins with the prompt. */
void partition_console_greet(struct partition_console *console);
/* He has gone. */
void partition_console_part(struct partition_console *console);

/* How many bytes it would take now. */
size_t partition_console_room(const struct partition_console *console);
/* At most that many. */
void partition_console_type(struct partition_console *console, const uint8_t *bytes,
			    size_t count);
/* Looks at what was typed, as long as little of what was said is `unsent`. */
void partition_console_step(struct partition_console *console, uint64_t sent);

/* Milliseconds until a step has something to do without anything happening; -1: never. */
int partition_console_wait_ms(const struct partition_console *console);

#endif
