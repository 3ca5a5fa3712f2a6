/*
 * complete - which names of commands a word begins.
 *
 * Contract
 *   Threads  one.
 *   Memory   names point into the shell's tables.
 */
#ifndef CLI_HMCSH_COMPLETE_H
#define CLI_HMCSH_COMPLETE_H

#include "cli/hmcsh/shell.h"

#define HMCSH_MATCHES_MAX 192 /* more than there are names */

struct hmcsh_matches {
	unsigned count;
	const char *names[HMCSH_MATCHES_MAX]; /* sorted */
	size_t common; /* how many characters all of them begin with */
};

/*
 * What the last word of `line`, of `count` characters, may become. None where no command
 * stands there. *ret_word: how long the word is.
 */
void hmcsh_complete(const struct hmcsh *shell, const char *line, size_t count,
		    struct hmcsh_matches *ret_matches, size_t *ret_word);

#endif
