/*
 * visits - whether those who go into a partition's file come out again.
 *
 * The kernel lets one at a time change a file, and the partition has the file too: it can
 * keep everybody else in the call for as long as it likes. Who goes in says so here, and
 * somebody who never does looks from time to time (H10).
 *
 * Contract
 *   Threads  enter, leave: any. look: one, with its own hv_visits_seen.
 */
#ifndef HVCORE_IO_VISITS_H
#define HVCORE_IO_VISITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hvcore/base/thread.h"

struct hv_visits {
	_Atomic uint32_t entered, left; /* ever */
	_Atomic int thread;             /* who entered last */
};
struct hv_visits_seen {
	uint32_t left;
	bool was_in;
};

static inline void hv_visits_enter(struct hv_visits *visits)
{
	atomic_store_explicit(&visits->thread, hv_thread_id(), memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&visits->entered, 1, memory_order_relaxed);
}
static inline void hv_visits_leave(struct hv_visits *visits)
{
	(void)atomic_fetch_add_explicit(&visits->left, 1, memory_order_relaxed);
}

/* true: somebody was in at the last look, nobody has come out since, and who went in
 * last waits for something. */
static inline bool hv_visits_look(const struct hv_visits *visits,
				  struct hv_visits_seen *seen)
{
	uint32_t left = atomic_load_explicit(&visits->left, memory_order_relaxed);
	uint32_t entered = atomic_load_explicit(&visits->entered, memory_order_relaxed);
	bool is_stuck = seen->was_in && seen->left == left;

	seen->left = left;
	seen->was_in = entered != left;
	/* on a machine that is too busy it waits for a processor, and nobody keeps it */
	return is_stuck && !hv_thread_is_runnable(atomic_load_explicit(
				   &visits->thread, memory_order_relaxed));
}

#endif
