/*
 * expand - words of a script into the words that a command is given.
 *
 * Contract
 *   Threads  one.
 *   Memory   the result is the caller's.
 *   Errors   those of `output`, of variables.h and fields.h.
 */
#ifndef CLI_HMCSH_EXPAND_H
#define CLI_HMCSH_EXPAND_H

#include "cli/hmcsh/fields.h"
#include "cli/hmcsh/variables.h"

struct hmcsh_expander {
	const struct hmcsh_variables *variables;
	int status; /* $?; `output` changes it */
	/* Runs a list; what it printed, without newlines at the end, in *ret_text. */
	enum hv_code (*output)(struct hmcsh_expander *expander,
			       const struct hmcsh_node *list, char **ret_text,
			       struct hv_err *err);
	void *owner; /* of `output` */
};

/* Appends what the word becomes: none, one or more. */
HV_MUST_USE
enum hv_code hmcsh_expand(struct hmcsh_expander *expander, const struct hmcsh_word *word,
			  struct hmcsh_fields *fields, struct hv_err *err);

/* One word, never split: a value. */
HV_MUST_USE
enum hv_code hmcsh_expand_whole(struct hmcsh_expander *expander,
				const struct hmcsh_word *word, char **ret_text,
				struct hv_err *err);

#endif
