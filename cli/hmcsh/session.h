/*
 * session - from a configuration to an exit status: a shell that is confined, and the
 * lines that it runs.
 *
 * Contract
 *   Threads  one.
 *   Errors   said on stderr.
 */
#ifndef CLI_HMCSH_SESSION_H
#define CLI_HMCSH_SESSION_H

#include "cli/hmcsh/config.h"
#include "cli/hmcsh/shell.h"

/* Where lines come from. */
struct hmcsh_input {
	/*
	 * The next line, without its newline, valid until the next call; NULL at the
	 * end. An interrupt gives an empty one. has_begun: of a command that goes on.
	 */
	const char *(*next)(struct hmcsh_input *input, bool has_begun);
};

/* The environment that a session begins with. */
HV_MUST_USE
enum hv_code hmcsh_session_start(struct hmcsh *shell, const struct hmcsh_config *config,
				 char *const *environment, struct hv_err *err);

/* Runs lines until there are none, or exit was run; the status. */
int hmcsh_session_loop(struct hmcsh *shell, struct hmcsh_input *input);

/* All of it. */
int hmcsh_session_main(const struct hmcsh_config *config, char *const *environment);

#endif
