/*
 * ssh_world - a coordinator (world.h) and an sshd of its own on loopback, with the
 * configuration that deploy/ ships. Its accounts live in a mount namespace: the host's
 * are not touched.
 *
 *   hscroot   login shell tarn-hmcsh
 *   forced    login shell bash, and a key with the forced command
 *             tarn-hmcsh --user alice --name hmc1
 *
 * Threads: one.
 */
#ifndef TESTS_INTEGRATION_HMC_SSH_WORLD_H
#define TESTS_INTEGRATION_HMC_SSH_WORLD_H

#include "tests/integration/hmc/terminal.h"

/* Setup and teardown of a group. Without root or sshd the test program exits 77. */
int ssh_world_open(void **state);
int ssh_world_close(void **state);

/* A path in the test's directory. */
const char *ssh_world_path(const char *name, char *buffer, size_t room);

/* Where the sshd listens, as "127.0.0.1:port". */
const char *ssh_world_address(void);

/*
 * Runs the line over ssh as the user; the exit status. Sessions of one user share a
 * connection. What it printed is kept until the next one.
 */
int ssh_run(const char *user, const char *line);
/* The same without ssh, as sshd runs it. */
int ssh_run_here(const char *line);
const char *ssh_out(void);
const char *ssh_err(void);

/* Runs ssh, scp or sftp with options that lead to the sshd and `arguments` (a NULL ends). */
int ssh_run_client(const char *program, const char *const *arguments);

/* `ssh -tt` as the user. */
void ssh_open_terminal(struct terminal *terminal, const char *user);

#endif
