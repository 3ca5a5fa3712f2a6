/*
 * tty - the sockets of a partition's console and of its debugger, <state>/run/tty-NAME
 * and <state>/run/dbg-NAME.
 *
 * The agent makes it, since a partition may open nothing of ours, and the partition
 * listens on it; so the console outlives the agent, and the next one finds it.
 *
 * Contract
 *   Memory   descriptors are the caller's.
 *   Errors   listen: OS. connect: GONE where nobody listens (no such partition runs),
 *            BUSY where somebody else is being served, OS.
 */
#ifndef AGENT_TTY_H
#define AGENT_TTY_H

#include "hvcore/base/err.h"

enum agent_tty { AGENT_TTY_CONSOLE, AGENT_TTY_DEBUGGER, AGENT_TTY_COUNT };

/* Replaces what lies there: the partition that had it is over. */
HV_MUST_USE
enum hv_code agent_tty_listen(const char *state, enum agent_tty kind, const char *name,
			      int *ret_fd, struct hv_err *err);
/* Both sockets of a partition that is over. */
void agent_tty_remove(const char *state, const char *name);
/* Never blocks; the socket does not either. */
HV_MUST_USE
enum hv_code agent_tty_connect(const char *state, enum agent_tty kind, const char *name,
			       int *ret_fd, struct hv_err *err);

#endif
