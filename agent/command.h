/*
 * command - the command line and the descriptors of a program of the host.
 *
 * Every program gets its pid file, held for it since before it exists: at no moment is
 * it there and not to be found. A partition may open nothing of ours by itself and gets
 * its connection to the hypervisor's attach socket, the sockets that its console and
 * its debugger listen on and, where its memory is shared, /dev/userfaultfd as well; the
 * workload os two files without a name in the state directory, which are its disks. A
 * QEMU guest gets names of files as well (agent/machine.h), and no debugger.
 *
 * Contract
 *   Memory   command_close() closes the descriptors: after fork, also on failure of
 *            what followed. On failure of command_make nothing is open.
 *   Errors   EXISTS the pid file is held: that program is alive already.
 */
#ifndef AGENT_COMMAND_H
#define AGENT_COMMAND_H

#include "agent/config.h"
#include "hvcore/base/file.h"

#define COMMAND_ARGUMENTS_MAX 96 /* a program's are up to 64 */
#define COMMAND_TEXT_BYTES 8192  /* of all arguments that are made here */
#define COMMAND_FDS_MAX 7

struct command {
	char program[HV_FILE_PATH_BYTES];
	char *arguments[COMMAND_ARGUMENTS_MAX + 1];
	unsigned count;
	char text[COMMAND_TEXT_BYTES];
	size_t used;
	int fds[COMMAND_FDS_MAX];
	unsigned fd_count;
	int pid_file;     /* one of them */
	bool shares_disk; /* the system's own paging is on that of its paging device */
};

HV_MUST_USE
enum hv_code command_make(const struct agent_options *options, const char *bin,
			  const struct agent_spawn *what, struct command *ret_command,
			  struct hv_err *err);
void command_close(struct command *command);

/* The pieces, for one-shots: an empty command, and one more argument. */
HV_MUST_USE
enum hv_code command_begin(struct command *command, const char *bin, const char *program,
			   struct hv_err *err);
void command_add(struct command *command, const char *format, ...) HV_PRINTF(2, 3);
void command_add_loan_policy(struct command *command, const Tarn__Workload *load);
void command_add_hex(struct command *command, const uint8_t *bytes, size_t count);

#endif
