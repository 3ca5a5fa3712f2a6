/*
 * trial - lines run by a shell of the test's own, with what they print kept.
 *
 * Threads: one.
 */
#ifndef TESTS_UNIT_CLI_HMCSH_TRIAL_H
#define TESTS_UNIT_CLI_HMCSH_TRIAL_H

#include "cli/hmcsh/shell.h"

#define TRIAL_TEXT_BYTES 65536

struct trial {
	struct hmcsh shell;
	char out[TRIAL_TEXT_BYTES], err[TRIAL_TEXT_BYTES];
	int out_fd, err_fd, in_fd; /* files without names */
};

struct trial_row {
	const char *line, *out, *err;
	int status;
};

/* A shell of user hscroot with the commands of `directory`. */
void trial_open(struct trial *trial, const char *directory);
void trial_close(struct trial *trial);

/* The status; `input` is what stdin has (NULL: nothing). */
int trial_run(struct trial *trial, const char *line, const char *input);

/* Each row in a fresh set of variables; fails the test at the first that differs. */
void trial_check(const struct trial_row *rows, size_t count, const char *input);

/* Can this kernel confine? Skips the test where it cannot. */
void trial_need_confinement(void);

#endif
