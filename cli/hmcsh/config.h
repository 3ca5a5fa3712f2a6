/*
 * config - how the shell was started: by sshd as a login shell (`-c LINE`, or nothing)
 * or as a forced command (SSH_ORIGINAL_COMMAND), or by hand.
 *
 * Contract
 *   Threads  one.
 *   Memory   strings are those of argv, of the environment, or the config's own.
 *   Errors   wrong usage is said on stderr; exit status 2.
 */
#ifndef CLI_HMCSH_CONFIG_H
#define CLI_HMCSH_CONFIG_H

#include "hvcore/base/units.h"

#include <limits.h>
#include <stdint.h>

struct hmcsh_config {
	const char *line; /* NULL: lines come from stdin */
	const char *name; /* of the HMC */
	const char *user;
	const char *coordinator; /* NULL: none was named */
	uint64_t idle_s;         /* 0: for ever */
	/* private */
	char own_name[HOST_NAME_MAX + 1];
	char own_user[HV_NAME_BYTES];
};

/* -1: go on; else the exit status. */
HV_MUST_USE
int hmcsh_config_parse(int argc, char **argv, struct hmcsh_config *config);

#endif
