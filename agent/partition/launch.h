/*
 * launch - this process becomes another program, with libtarn-attach.so in it, and is the
 * same process for everybody who watches it: pid, pid file, cgroup, exit status.
 *
 *   begin    HELLO, WELCOME: what memory it has, and its file
 *   keep     descriptors that the program is to have
 *   become   a user of its own, no privileges, execve
 *
 * A program's large allocations are of its memory (attach_library/program.h), and those
 * of malloc where an allocator is preloaded as well. With --large 0 it finds its memory as
 * ATTACH_MEMORY_PATH, TARN_MEMORY_BYTES long, and maps all of it, shared, once.
 *
 * Contract
 *   Threads  one thread, and no others.
 *   Memory   nothing is undone where it fails: the process ends.
 *   Errors   NOTFOUND, DENIED the program or the library; REFUSED memory that may change.
 */
#ifndef AGENT_PARTITION_LAUNCH_H
#define AGENT_PARTITION_LAUNCH_H

#include "agent/partition/attach_library/passport.h"
#include "agent/partition/options.h"

#define LAUNCH_KEPT_MAX 32

struct launch {
	const struct partition_options *options;
	struct attach_passport passport; /* the program's caller adds what it knows */
	const char *allocator;           /* preloaded as well; NULL: none */
	bool is_shared;
	uint64_t kept[LAUNCH_KEPT_MAX];
	unsigned kept_count;
};

/* `socket`: connected to attach.sock. */
HV_MUST_USE
enum hv_code launch_begin(struct launch *launch, const struct partition_options *options,
			  int socket, struct hv_err *err);
/* 0 and less are none. */
void launch_keep(struct launch *launch, int64_t fd);
/* Comes back only where it failed. `arguments` ends with NULL. */
HV_MUST_USE
enum hv_code launch_become(const struct launch *launch, const char *program,
			   char *const *arguments, struct hv_err *err);

/* --program: any program. INVAL: one into which no library can be loaded. */
HV_MUST_USE
enum hv_code launch_program(const struct partition_options *options, int socket,
			    struct hv_err *err);

#endif
