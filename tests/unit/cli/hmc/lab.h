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

/* Attributes of a profile: one processor, or 0.1 units of shared ones. */
#define LAB_PROCS "proc_mode=ded,min_procs=1,desired_procs=1,max_procs=2"
#define LAB_SHARED_PROCS \
	"proc_mode=shared,min_proc_units=0.1,desired_proc_units=0.1,max_proc_units=1," \
	"min_procs=1,desired_procs=1,max_procs=1,sharing_mode=cap"

/* By mksyscfg, on h1 with a profile "normal": of dedicated memory, or shared. */
void lab_make(const char *name);
void lab_make_shared(const char *name);

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
