/*
 * process - children of the shell: forks, the terminal that they are lent, their end.
 *
 * With a terminal each pipeline is a group of its own that has the terminal while it
 * runs; keys that interrupt reach it and not the shell. Children do not stop (^Z): there
 * is nothing that could go on with them.
 *
 * Contract
 *   Threads  one.
 *   Errors   OS, NOMEM; ends of children are statuses.
 */
#ifndef CLI_HMCSH_PROCESS_H
#define CLI_HMCSH_PROCESS_H

#include "cli/hmcsh/shell.h"

/* The shell's own signals; with a terminal it is made the shell's. */
void hmcsh_signals_start(struct hmcsh *shell);

/* Was the shell interrupted since hmcsh_interrupt_clear()? */
bool hmcsh_is_interrupted(void);
void hmcsh_interrupt_clear(void);

/*
 * Until there is something to read (or its end): 1. 0: not within the time, in
 * milliseconds; -1 is for ever. -1 with errno: EINTR for any signal, and at once where
 * the shell was interrupted before: no interrupt is slept through.
 */
int hmcsh_wait_readable(int fd, int timeout_ms);

/*
 * Like fork(). *group: of the pipeline, 0 for its first process, which sets it. With
 * NULL the child stays in the shell's group.
 */
pid_t hmcsh_fork(struct hmcsh *shell, pid_t *group, struct hv_err *err);

/*
 * Waits for all of a pipeline, in order; the status of the last. `group` as hmcsh_fork()
 * set it, or 0. The terminal is the shell's again.
 */
int hmcsh_wait(struct hmcsh *shell, const pid_t *pids, unsigned count, pid_t group);

/*
 * Becomes the program that words[0] names. Returns only where it cannot, with the
 * status, after it said why.
 */
int hmcsh_exec(struct hmcsh *shell, char *const *words);

/* Is there such a program? If not, 127 or what fits, after it said so; 0 there is. */
int hmcsh_find(const struct hmcsh *shell, char *const *words);

/* The three descriptors as they were before redirections. */
struct hmcsh_saved {
	int descriptors[3]; /* -1: unchanged */
};

/* Both flush stdout. On failure what was changed is as before. */
HV_MUST_USE
enum hv_code hmcsh_redirect(const struct hmcsh_redirect *redirects,
			    struct hmcsh_saved *ret_saved, struct hv_err *err);
void hmcsh_redirect_undo(struct hmcsh_saved *saved);

#endif
