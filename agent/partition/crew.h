/*
 * crew - the worker threads of a partition: each runs a workload over its own part
 * of the pages, checks every page it reads, and stops to verify when told to.
 *
 *   WORKING --verify--> VERIFYING --all pages seen--> WORKING
 *   WORKING --pause--> PAUSED --resume--> WORKING, over other pages
 *      any --stop--> ENDED
 *
 * Workers touch memory, so any of them may be stuck in a fault at any time, for as
 * long as no paging VIOS answers. Whoever commands them therefore never waits: it
 * sets what is wanted, and reads the notice descriptor to learn that something has
 * happened (a pass ended, a discard is wanted, a worker ended).
 *
 * Contract
 *   Threads  the control thread; access and look: one other. The workers are the
 *            crew's own.
 *   Memory   the guest is lent until partition_crew_close(), which waits for the
 *            workers to end.
 *   Units    rate in operations a second of all workers together, 0 = unlimited.
 */
#ifndef AGENT_PARTITION_CREW_H
#define AGENT_PARTITION_CREW_H

#include "agent/partition/access.h"
#include "agent/partition/io.h"
#include "agent/partition/os_guest.h"
#include "agent/partition/workload.h"
#include "hvcore/base/hist.h"

#define PARTITION_WORKERS_MAX 16

struct partition_crew;

struct partition_crew_config {
	struct partition_workload_config workload;
	unsigned workers; /* 1..PARTITION_WORKERS_MAX; no more than pages */
	uint64_t rate;
	int home_cpu;            /* the first worker runs there; -1 = anywhere */
	struct os_guest *os;     /* PARTITION_OS, with one worker; lent; else NULL */
	struct partition_io *io; /* lent; NULL: it does none */
};

struct partition_progress {
	uint64_t operations;
	uint64_t longest_stall_ns; /* since the reset, with one that goes on */
	uint64_t verified;         /* pages of the pass that runs, or ran last */
	uint64_t verified_bad;
	bool is_verifying;
	bool is_paused; /* all workers, since the pause */
	bool is_ended;  /* all workers */
};

struct partition_wanted_discard {
	unsigned worker;
	uint64_t page;
	uint64_t pages;
};

/* NOMEM; OS where a thread cannot be started. No worker is left then. */
HV_MUST_USE
enum hv_code partition_crew_open(const struct partition_crew_config *config,
				 struct partition_guest *guest,
				 struct partition_crew **ret_crew, struct hv_err *err);
/* Stops and waits. NULL is fine. */
void partition_crew_close(struct partition_crew *crew);

void partition_crew_stop(struct partition_crew *crew);

/* Readable after something happened; partition_crew_progress() clears it. */
int partition_crew_notice(const struct partition_crew *crew);

/* Begins a pass over every page. STATE while one runs. */
HV_MUST_USE
enum hv_code partition_crew_verify(struct partition_crew *crew, struct hv_err *err);

/*
 * Workers stop between two operations, or after a pass that runs; those that wait for
 * a page do so when it is there. Only while all are paused may the guest be resized.
 */
void partition_crew_pause(struct partition_crew *crew);
/* The guest's pages are shared out anew, and work goes on. It must be paused. */
void partition_crew_resume(struct partition_crew *crew);
/* NULL: its pages are the workers' own. */
struct os_guest *partition_crew_os(struct partition_crew *crew);
struct partition_io *partition_crew_io(struct partition_crew *crew); /* or NULL */
unsigned partition_crew_workers(const struct partition_crew *crew);

void partition_crew_reset_stall(struct partition_crew *crew);

/* What the console asks for (access.h): the first worker serves it between operations. */
struct partition_access_box *partition_crew_access(struct partition_crew *crew);
/* Something was asked for: look now. */
void partition_crew_wake(struct partition_crew *crew);

/* The same figures for another thread: clears no notice. */
struct partition_progress partition_crew_look(struct partition_crew *crew);
/* Adds the stalls of all workers to *into, which may be NULL. */
struct partition_progress partition_crew_progress(struct partition_crew *crew,
						  struct hv_hist *into);

/* A discard that a worker waits for and nobody has taken yet. */
HV_MUST_USE
bool partition_crew_take_discard(struct partition_crew *crew,
				 struct partition_wanted_discard *ret_discard);
/* The pages of that worker's discard are zero now: it goes on. STATE: it wants none. */
HV_MUST_USE
enum hv_code partition_crew_discarded(struct partition_crew *crew, unsigned worker,
				      struct hv_err *err);

#endif
