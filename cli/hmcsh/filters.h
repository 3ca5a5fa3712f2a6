/*
 * filters - the programs of the system that may stand in a pipe, and the words that
 * they may be given: no file, nothing that writes one or runs a program.
 *
 * What is not listed is refused. This is for a clear message; what holds a filter that
 * finds a way past it is confine.h.
 *
 * Contract
 *   Threads  any.
 *   Memory   tables; the words that are given back point to the caller's.
 *   Errors   REFUSED, LIMIT: the sentence is what is said after the shell's name.
 */
#ifndef CLI_HMCSH_FILTERS_H
#define CLI_HMCSH_FILTERS_H

#include "hvcore/base/err.h"

#include <stdbool.h>

#define HMCSH_FILTER_WORDS_MAX 4 /* that the shell adds */

struct hmcsh_filter;

/* NULL: there is none of that name. */
const struct hmcsh_filter *hmcsh_filter_find(const char *name);
/* The nth name, in order; NULL behind the last. */
const char *hmcsh_filter_name(unsigned nth);

/* The program's path, which does not depend on PATH. */
const char *hmcsh_filter_path(const struct hmcsh_filter *filter);
/* Words that come before the user's, NULL at the end. */
const char *const *hmcsh_filter_words(const struct hmcsh_filter *filter);

/* words[0] is the filter's name; NULL at the end. */
HV_MUST_USE
enum hv_code hmcsh_filter_check(const struct hmcsh_filter *filter,
				const char *const *words, struct hv_err *err);

#endif
