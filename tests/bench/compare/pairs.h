/*
 * pairs - two sides that carry out the same order in turn, and what comes of it.
 *
 * One warming order each, then the pairs; every other pair begins with the peer. Each
 * side runs where it does best: before the pairs it tries anywhere, its home processor,
 * the first one and the last (whose interrupts a disk has differs). A comparison is printed as an object (README.md says what its keys are).
 *
 * Contract
 *   Threads  one.
 *   Errors   a page that is not what was written is counted in pairs_bad(), and the
 *            comparison says so; everything else fails the test.
 */
#ifndef TESTS_BENCH_COMPARE_PAIRS_H
#define TESTS_BENCH_COMPARE_PAIRS_H

#include "tests/bench/compare/side.h"

#define PAIRS_MOST 64
#define PAIRS_LEAST 5

/* What side_cost comes to, for each of the pairs. */
struct pairs_figures {
	double per_s[PAIRS_MOST], p50_us[PAIRS_MOST], p99_us[PAIRS_MOST];
	double longest_ms[PAIRS_MOST];
	double faults_per_s[PAIRS_MOST], hit_percent[PAIRS_MOST];
	double own_us[PAIRS_MOST], hypervisor_us[PAIRS_MOST], vios_us[PAIRS_MOST];
	int processor; /* where it ran; -1 anywhere */
	unsigned count;
};

void pairs_add(struct pairs_figures *figures, const struct side_cost *cost);
/* peer NULL: there is none, and it says why (pairs_set_why). */
void pairs_print(const char *name, const struct pairs_figures *ours,
		 const struct pairs_figures *peer);

/* For no figure. */
void pairs_settle(struct side *side, const struct load_order *order);
/* Where it is fastest: order->cpu for that side. */
int pairs_place(struct side *side, const struct load_order *order);
/* peer as for pairs_print. order->cpu is not looked at. */
void pairs_run(const char *name, struct side *ours, struct side *peer,
	       const struct load_order *order, unsigned rounds);

/* Why there is no peer, for those that follow; NULL: none is missed. */
void pairs_set_why(const char *why);
uint64_t pairs_bad(void);

#endif
