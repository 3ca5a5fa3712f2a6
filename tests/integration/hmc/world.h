/*
 * world - a coordinator with the shipped profiles, and the HMC commands in PATH.
 *
 * Threads: one.
 */
#ifndef TESTS_INTEGRATION_HMC_WORLD_H
#define TESTS_INTEGRATION_HMC_WORLD_H

#include "tests/support/process.h"

/* Setup and teardown of a test. The system is a declared power770. */
#define HMC_WORLD_SYSTEM "SVRP7770-02"
int hmc_world_open(void **state);
int hmc_world_close(void **state);

/* A declared system more. */
void hmc_world_add(const char *name, const char *profile);

/*
 * Runs a command line as a shell does; its exit status. What it printed is in out and
 * err until the next one.
 */
int hmc_run(const char *line);
const char *hmc_out(void);
const char *hmc_err(void);

/* The line succeeds and prints exactly this; fails the test otherwise. */
void hmc_prints(const char *line, const char *out);
/* A change: succeeds silently. */
void hmc_does(const char *line);
/* Exit 1, nothing on stdout, one line on stderr that has this in it. */
void hmc_refuses(const char *line, const char *says);

#endif
