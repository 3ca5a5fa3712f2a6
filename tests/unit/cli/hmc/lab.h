/*
 * lab - the HMC commands against a coordinator in the same thread: no process, no
 * network, virtual time. The system is S1, a declared power770; where a test wants
 * one, h1 is a machine beside it, with a pool and its pair of VIOS.
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
	struct model_host host;
	bool has_host;
	struct cli cli;
	void (*pause)(bool is_paused); /* oom_pause(), where a test counts allocations */
	unsigned asked;                /* requests of the last run */
	bool has_consoles;             /* the machine opens consoles */
	const char *const *typed;      /* lines for a menu; NULL at the end */
	unsigned conversations;        /* at consoles; the next one ends so: */
	struct hv_err conversed;
	char *out, *err;
};

extern struct lab lab;

/* Setup and teardown of a test. */
int lab_open(void **state);
int lab_open_host(void **state);
int lab_close(void **state);

/* The machine does what is wanted of it and tells so. */
void lab_settle(void);
/* A paging device of the machine: /dev/h1-NAME. */
void lab_device(const char *name, unsigned mib);

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
