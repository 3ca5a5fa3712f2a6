/*
 * editor - lines of a terminal: a prompt, history, completion of command names.
 *
 * History is kept in memory alone, and no settings of libedit are read: its files would
 * be files. What of its keys leads to more than editing (a command line of its own, from
 * which an editor can be started) is unbound.
 *
 * Contract
 *   Threads  one. One editor at a time: libedit's callbacks get no more.
 *   Memory   hmcsh_editor_open() gives it to the caller until hmcsh_editor_close().
 *   Errors   NOMEM; OS where stdin is no terminal.
 */
#ifndef CLI_HMCSH_EDITOR_H
#define CLI_HMCSH_EDITOR_H

#include "cli/hmcsh/session.h"

struct hmcsh_editor; /* opaque */

/* With the shell's terminal, which it must have. */
HV_MUST_USE
enum hv_code hmcsh_editor_open(struct hmcsh *shell, const struct hmcsh_config *config,
			       struct hmcsh_editor **ret_editor, struct hv_err *err);
void hmcsh_editor_close(struct hmcsh_editor *editor);

struct hmcsh_input *hmcsh_editor_input(struct hmcsh_editor *editor);

#endif
