/*
 * run_priv - what the two halves of running have of each other.
 */
#ifndef CLI_HMCSH_RUN_PRIV_H
#define CLI_HMCSH_RUN_PRIV_H

#include "cli/hmcsh/shell.h"

/* Says it; the status. */
int hmcsh_fail(struct hmcsh *shell, const struct hv_err *err);

/* is_last: this process has nothing else to do, and may become the program. */
int hmcsh_run_command(struct hmcsh *shell, const struct hmcsh_node *node, bool is_last);

/* Appends what the words become. */
HV_MUST_USE
enum hv_code hmcsh_expand_words(struct hmcsh *shell, const struct hmcsh_word *word,
				struct hmcsh_fields *fields, struct hv_err *err);

#endif
