/*
 * shell - a session: what it knows, and how it runs scripts.
 *
 *   script --> run.c ------> builtins.c        in this process, or in a stage of a pipe
 *                |
 *                +---------> process.c         HMC commands and filters, in children
 *
 * Statuses are those of a shell: 127 no such command, 126 it cannot be run, 128 + n a
 * signal ended it, 2 wrong syntax, 1 what is restricted.
 *
 * Contract
 *   Threads  one.
 *   Memory   hmcsh_open() gives the session to the caller until hmcsh_close().
 *   Errors   what goes wrong in a script is said on stderr and becomes a status; the
 *            session goes on.
 */
#ifndef CLI_HMCSH_SHELL_H
#define CLI_HMCSH_SHELL_H

#include "cli/hmcsh/commands.h"
#include "cli/hmcsh/expand.h"

#include <sys/types.h>

#define HMCSH_NAME "hmcsh" /* in front of messages */

enum {
	HMCSH_DONE = 0,
	HMCSH_FAILED = 1,
	HMCSH_WRONG = 2,
	HMCSH_CANNOT_RUN = 126,
	HMCSH_NOT_FOUND = 127,
	HMCSH_SIGNAL = 128
};

struct hmcsh {
	struct hmcsh_variables variables;
	struct hmcsh_commands commands;
	int status;      /* of the last command */
	bool has_output; /* a $( ) was run for the command that is run now */
	bool is_leaving; /* exit was run */
	/* break and continue: how many loops are to be left, and what is done then */
	unsigned loops, leave_loops;
	bool is_continuing;
	bool is_child; /* a stage of a pipe, or a subshell */
	/* job control: the terminal's descriptor, -1 where there is none */
	int terminal;
	pid_t own_group;
};

/* With the commands of `directory`; without job control. */
HV_MUST_USE
enum hv_code hmcsh_open(struct hmcsh *shell, const char *directory, struct hv_err *err);
void hmcsh_close(struct hmcsh *shell);

/* Parses and runs it. Nothing of it ran after a failure; AGAIN: it is incomplete. */
HV_MUST_USE
enum hv_code hmcsh_try_line(struct hmcsh *shell, const char *line, struct hv_err *err);
/* The same, with the failure said; the status. */
int hmcsh_run_line(struct hmcsh *shell, const char *line);
/* Runs a list; the status is also the shell's. */
int hmcsh_run(struct hmcsh *shell, const struct hmcsh_node *node);

/* "hmcsh: sentence" on stderr. */
void hmcsh_complain(const struct hv_err *err);

#endif
