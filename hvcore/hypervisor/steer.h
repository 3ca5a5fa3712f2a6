/*
 * steer - threads that mostly wait for pages run where their faults are served.
 *
 *   F counts faults by thread --> L looks each tick --> one that faults often, and computes
 *   little for each fault: kept to its home processor --> faults seldom, or computes: let go
 *
 * A fault that is served on another processor is two wake-ups across processors: 50 us
 * and more where processors sleep (paging.md 3.1), as much again as the device takes. The
 * scheduler does not mend it: a thread goes back to the idle processor where it was.
 *
 * Only threads that may run wherever this process may are steered: others were placed by
 * somebody. Threads that a steered one starts inherit its place, and are steered from then
 * on as well. What is let go may run anywhere again; a process ends with its partition.
 *
 * Contract
 *   Threads  count: F, the one that serves the memory. The rest: the loop thread.
 *   Time     look: none of what the partition does holds it up. A thread is two small
 *            files of /proc, only where threads fault often, or are steered.
 *   Errors   none: what cannot be placed stays where it is.
 */
#ifndef HVCORE_HYPERVISOR_STEER_H
#define HVCORE_HYPERVISOR_STEER_H

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STEER_SEEN 64  /* threads that fault between two looks; power of two; arbitrary */
#define STEER_PROBES 8 /* places that a thread may have there */
#define STEER_THREADS 64 /* known at once; more of them are left alone; arbitrary */

enum steer_place { STEER_GONE, STEER_ANYWHERE, STEER_HOME, STEER_PLACED };

/* The operating system's threads, or a test's. */
struct steer_os {
	/* How long it has run. False: the process has no such thread. */
	bool (*run_ns)(void *ctx, int pid, uint32_t thread, uint64_t *ret_ns);
	enum steer_place (*place)(void *ctx, uint32_t thread, int home);
	bool (*put)(void *ctx, uint32_t thread, int home); /* home < 0: anywhere */
	/* All threads of the process, at most `most`; returns how many. */
	unsigned (*threads)(void *ctx, int pid, uint32_t *threads, unsigned most);
};

struct steer_thread {
	uint32_t thread;
	bool is_put;     /* by us, or inherited from one that was */
	bool is_own;     /* the partition keeps it there itself */
	bool has_run_ns; /* at the look before: */
	uint64_t run_ns;
	uint32_t faults;        /* since then */
	unsigned rests;         /* looks in a row in which it hardly faulted */
	uint64_t not_before_ns; /* let go because it computes: left alone so long */
};

struct steer {
	/* F adds, L takes away: hints, so that nothing needs to be in order */
	_Atomic uint32_t events;
	struct steer_seen {
		_Atomic uint32_t thread, faults;
	} seen[STEER_SEEN];
	/* L's */
	uint32_t events_seen;
	unsigned count, put_count;
	unsigned looks; /* since somebody is put */
	uint64_t looked_ns;
	struct steer_thread threads[STEER_THREADS];
	uint64_t puts; /* ever */
};

struct steer_target {
	int pid;  /* whose threads may be steered */
	int home; /* processor */
};

extern const struct steer_os steer_linux; /* ctx: cpu_set_t that "anywhere" means */

static inline void steer_count(struct steer *steer, uint32_t thread)
{
	uint32_t at = thread * 0x9e3779b9u >> 26;

	static_assert(STEER_SEEN == 64, "six upper bits of a hash");
	for (unsigned i = 0; i < STEER_PROBES; i++) {
		struct steer_seen *seen = &steer->seen[(at + i) % STEER_SEEN];
		uint32_t has = atomic_load_explicit(&seen->thread, memory_order_relaxed);

		if (has != thread && has != 0)
			continue;
		atomic_store_explicit(&seen->thread, thread, memory_order_relaxed);
		atomic_store_explicit(
			&seen->faults,
			atomic_load_explicit(&seen->faults, memory_order_relaxed) + 1,
			memory_order_relaxed);
		break;
	}
	atomic_store_explicit(&steer->events,
			      atomic_load_explicit(&steer->events, memory_order_relaxed) +
				      1,
			      memory_order_relaxed);
}

/* Some times a second. */
void steer_look(struct steer *steer, const struct steer_target *target,
		const struct steer_os *os, void *ctx, uint64_t now_ns);

#endif
