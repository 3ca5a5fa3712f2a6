/*
 * fault - the fault threads (F): one per processor, each drives one pager.
 *
 *              epoll                       mail (L -> F)      rounds (L -> all F -> L)
 *   userfaultfds  ---.                        |
 *   doorbells     ---+--> fault thread  <-----'   nudges of other fault threads
 *                            |
 *                        hv_pager --> userfaultfd, pool file, lanes of the VIOS pair
 *
 * A wake-up: mail, answers, messages of the kernel (REMOVE, WRITE, MINOR, MISSING
 * over the batch of one userfaultfd), then hv_pager_run(). Before it sleeps a
 * thread raises the sleep flag of its lanes and looks once more.
 *
 * Contract
 *   Threads  open, close, rounds: the loop thread. What a round visits runs on F
 *            and must neither block, log nor allocate.
 *   Memory   rounds are embedded in their owner and its own until done() ran.
 *   Order    rounds are visited in the order started, on each thread.
 */
#ifndef HVCORE_HYPERVISOR_FAULT_H
#define HVCORE_HYPERVISOR_FAULT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "hvcore/loop/loop.h"
#include "hvcore/pager/pager.h"

struct fault_thread;
struct fault_team;
struct memory;
struct hcalls;

struct fault_mail {
	void (*run)(struct fault_thread *thread, struct fault_mail *mail); /* F */
	struct fault_mail *next;                                           /* private */
};

/* One job on some fault threads, then once on the loop. */
struct fault_round {
	void (*visit)(struct fault_thread *thread, struct fault_round *round); /* F */
	void (*done)(struct fault_round *round);                               /* L */
	/* private */
	struct hv_job job;
	struct hv_loop *loop;
	atomic_uint left;
	bool is_out;
	struct fault_leg {
		struct fault_mail mail;
		struct fault_round *round;
	} legs[HV_LANES_MAX];
};

enum fault_source_kind {
	FAULT_SOURCE_WAKE,
	FAULT_SOURCE_LANE,
	FAULT_SOURCE_MEMORY,
	FAULT_SOURCE_HCALLS,
};
struct fault_source { /* what epoll points to */
	enum fault_source_kind kind;
};

/* One lane of a VIOS session; F only, but for what is atomic. */
struct fault_lane {
	struct fault_source source;
	bool is_open;
	uint64_t epoch;
	int doorbell;
	struct hv_vasi_client client;
	/* read by L: requests out, when the oldest was sent, protocol broken */
	_Atomic uint64_t out;
	_Atomic uint64_t oldest_ns;
	_Atomic uint64_t broken_epoch;
	_Atomic uint64_t moved_ns; /* hv_pager_moved_ns */
};

struct fault_thread {
	struct fault_team *team;
	unsigned index;
	int cpu; /* pinned to; -1 = not pinned */
	int epoll;
	int wake;         /* eventfd: mail or a nudge */
	pthread_t thread; /* if it is_started */
	bool is_started;
	struct fault_source wake_source;
	_Atomic(struct fault_mail *) mail; /* newest first */
	atomic_bool is_nudged;
	bool must_stop;
	struct hv_pager *pager;
	struct fault_lane lanes[HV_PATHS];
	struct memory *memories[HV_PAGER_SPACES_MAX];
	unsigned memory_count;
	struct hcalls *hcalls;    /* first of those it serves */
	_Atomic uint64_t batches; /* wake-ups, for tests and people */
};

struct fault_team {
	struct hv_loop *loop;
	struct hv_frames frames;
	unsigned count;
	unsigned ahead;
	unsigned hedge_us;
	bool expects_writes;
	bool is_stopped;
	struct fault_thread *threads[HV_LANES_MAX];
	/* rounds in which all threads stand still together (audit) */
	_Atomic uint64_t standing;
};

/* `count` 0: one for each processor we may run on, at most HV_LANES_MAX. `ahead` and
 * `hedge_us`, `expects_writes`: of hv_pager_config. */
HV_MUST_USE
enum hv_code fault_team_open(struct hv_loop *loop, unsigned count, unsigned ahead,
			     unsigned hedge_us, bool expects_writes,
			     struct fault_team **ret_team, struct hv_err *err);
/* Joins the threads; every round started before has posted its end. */
void fault_team_stop(struct fault_team *team);
/* After stop: takes their lanes and memories from them. */
void fault_team_abandon(struct fault_team *team);
/* No memory may be left. Half-built and NULL are fine. */
void fault_team_close(struct fault_team *team);
size_t fault_team_bytes(const struct fault_team *team);

/* Any thread: `mail` is its owner's again when run() was entered. After stop it never is:
 * nobody looks at it until the team is closed. */
void fault_mail_post(struct fault_thread *thread, struct fault_mail *mail);

/* On every thread. */
void fault_round_start(struct fault_team *team, struct fault_round *round);
/* On one. */
void fault_errand_start(struct fault_thread *thread, struct fault_round *round);
static inline bool fault_round_is_out(const struct fault_round *round)
{
	return round->is_out;
}

/* F: waits until every thread of the team is here. Only in rounds, once or more. */
void fault_stand_still(struct fault_thread *thread);

/* F: a window's lane in use; then hv_pager_path_open was called. */
void fault_lane_open(struct fault_thread *thread, unsigned path,
		     const struct hv_window *window, uint64_t epoch);
/* F: hv_pager_path_end first; the window is not touched after this. */
void fault_lane_close(struct fault_thread *thread, unsigned path);

#endif
