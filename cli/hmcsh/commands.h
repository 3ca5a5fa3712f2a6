/*
 * commands - which HMC commands there are: the links of a directory, read once.
 *
 * Contract
 *   Threads  one.
 *   Memory   owns the names; pointers are valid until fini.
 *   Errors   NOTFOUND no such directory, OS, NOMEM. More than HMCSH_COMMANDS_MAX, and
 *            names that are no words, are left out.
 */
#ifndef CLI_HMCSH_COMMANDS_H
#define CLI_HMCSH_COMMANDS_H

#include "hvcore/base/err.h"
#include "hvcore/base/file.h"

#include <stdbool.h>

#define HMCSH_COMMANDS_MAX 128      /* a real HMC has about 100 */
#define HMCSH_COMMAND_NAME_BYTES 32 /* arbitrary */

struct hmcsh_commands {
	char directory[HV_FILE_PATH_BYTES];
	unsigned count;
	char names[HMCSH_COMMANDS_MAX][HMCSH_COMMAND_NAME_BYTES]; /* sorted */
};

HV_MUST_USE
enum hv_code hmcsh_commands_load(struct hmcsh_commands *commands, const char *directory,
				 struct hv_err *err);

/* Its path into `path`; false: there is no such command. */
bool hmcsh_commands_find(const struct hmcsh_commands *commands, const char *name,
			 char path[HV_FILE_PATH_BYTES]);

/* The directory `hmc` beside the program that runs. */
HV_MUST_USE
enum hv_code hmcsh_commands_directory(char directory[HV_FILE_PATH_BYTES],
				      struct hv_err *err);

#endif
