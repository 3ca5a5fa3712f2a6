/*
 * builtins - what the shell does itself.
 *
 * Contract
 *   Threads  one.
 *   Errors   said on stderr, after the shell's and the builtin's names; the status is
 *            what a shell gives.
 */
#ifndef CLI_HMCSH_BUILTINS_H
#define CLI_HMCSH_BUILTINS_H

#include "cli/hmcsh/shell.h"

struct hmcsh_builtin {
	const char *name;
	/* words[0] is the name; NULL at the end. Prints to stdout, unflushed. */
	int (*run)(struct hmcsh *shell, char *const *words);
	const char *summary; /* NULL: one that a restricted shell refuses */
};

/* NULL: there is none. */
const struct hmcsh_builtin *hmcsh_builtin_find(const char *name);
/* The nth that there is, by name; NULL behind the last. */
const struct hmcsh_builtin *hmcsh_builtin_nth(unsigned nth);

/* Those with a file of their own. */
int hmcsh_echo(struct hmcsh *shell, char *const *words);
int hmcsh_printf(struct hmcsh *shell, char *const *words);
int hmcsh_read(struct hmcsh *shell, char *const *words);
int hmcsh_test(struct hmcsh *shell, char *const *words);

/* "hmcsh: NAME: sentence", with a status to return. */
int hmcsh_say(int status, const char *name, const char *format, ...) HV_PRINTF(3, 4);

#endif
