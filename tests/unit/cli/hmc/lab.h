/*
 * lab - the HMC commands against a coordinator in the same thread: no process, no
 * network, virtual time. The system is S1, a declared power770.
 *
 * Threads: one.
 */
#ifndef TESTS_UNIT_CLI_HMC_LAB_H
#define TESTS_UNIT_CLI_HMC_LAB_H

#include "cli/cli.h"
#include "tests/support/coordinator.h"

struct lab {
	struct cli_world world; /* must be first */
	struct test_coordinator coordinator;
	struct cli cli;
	unsigned asked; /* requests of the last run */
	char *out, *err;
};

extern struct lab lab;

/* Setup and teardown of a test. */
int lab_open(void **state);
int lab_close(void **state);

/* A line as a shell splits it, quotes and all; its exit status. */
int lab_run(const char *line);
/* Whose commands the next ones are; NULL: nobody's. */
void lab_as(const char *user);

/* Succeeds, and prints exactly this; a change prints nothing. */
void lab_prints(const char *line, const char *out);
void lab_does(const char *line);
/* Exit 1, nothing on stdout, stderr begins with a line that has this; nothing changed. */
void lab_refuses(const char *line, const char *says);

#endif
