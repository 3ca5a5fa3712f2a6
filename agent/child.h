/*
 * child - fork and exec of one program, with everything that must be right before
 * its first instruction: a session of its own, stderr to its log, its OOM score, no
 * signal ignored or blocked, the descriptors it is given and no others, and for
 * partitions another user.
 *
 * Contract
 *   Threads  L. The child makes only async-signal-safe calls until exec: other
 *            threads of ours (nng's) may hold any lock at that moment.
 *   Memory   descriptors stay the caller's.
 *   Errors   NOTFOUND the program is not there, OS, NOMEM: there is no child then. That
 *            exec itself failed is seen as exit status 127 and said in `error`.
 */
#ifndef AGENT_CHILD_H
#define AGENT_CHILD_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

#define CHILD_OOM_SERVICE (-1000) /* P15 */
#define CHILD_OOM_PARTITION 500
#define CHILD_UNPRIVILEGED_ID 65534
#define CHILD_EXEC_FAILED 127

struct child {
	const char *program;    /* absolute path */
	char *const *arguments; /* NULL at the end */
	int out, error;         /* its stdout (-1: /dev/null) and stderr */
	const int *inherited;   /* kept open across exec under their numbers */
	unsigned inherited_count;
	int oom_score;
	uint64_t file_bytes_max; /* no file it writes grows beyond; 0: no limit */
	bool is_unprivileged;
	bool dies_with_us; /* SIGTERM when the agent ends */
};

/* *ret_pidfd is the caller's. */
HV_MUST_USE
enum hv_code child_start(const struct child *child, pid_t *ret_pid, int *ret_pidfd,
			 struct hv_err *err);
/* Of a child that nobody will watch after all: SIGKILL, and waits for its end. */
void child_abandon(pid_t pid, int pidfd);

/* Of the calling process; not permitted in some containers, which is fine. */
void child_set_oom_score(int score);

#endif
