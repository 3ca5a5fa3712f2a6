/*
 * tty - the console's thread: one peer at a time on a socket that the agent listens on
 * for it, bytes both ways, as on a serial line.
 *
 * Who comes is shown the last lines that were said. Who reads slowly is answered
 * slowly; nobody else waits. After `exit` the last byte is PARTITION_TTY_END, so that
 * leaving can be told from the partition's end.
 *
 * Contract
 *   Threads  a thread of its own, which touches no memory of the partition. close waits
 *            for it, and it waits for nobody.
 *   Memory   the listener is taken, also where open fails. What the configuration names
 *            is lent until close.
 *   Errors   NOMEM, OS.
 */
#ifndef AGENT_PARTITION_TTY_H
#define AGENT_PARTITION_TTY_H

#include "agent/partition/console.h"

#define PARTITION_TTY_END 4        /* ^D, which nothing else says */
#define PARTITION_TTY_REPLAY 2048u /* bytes of what was said before; arbitrary */

struct partition_tty;

HV_MUST_USE
enum hv_code partition_tty_open(const struct partition_console_config *config,
				int listener, struct partition_tty **ret_tty,
				struct hv_err *err);
void partition_tty_close(struct partition_tty *tty); /* NULL is fine */

#endif
