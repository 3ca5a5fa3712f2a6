/*
 * workload - which page a worker touches next, and how.
 *
 * Each worker has a workload of its own over the pages it owns, so no page has two
 * owners and a version needs no lock. Five kinds:
 *
 *   idle    fills its working set, then one operation every 100 ms
 *   zipf    theta 0.99 over the working set; hot pages lie apart
 *   scan    the working set in order, again and again
 *   phases  uniform within a window that moves on every phase_ms; with
 *           may_discard it gives back every other piece of what it leaves
 *   os      as zipf, over the pages of a process of an operating system (os_guest.h)
 *
 * Every kind begins by writing its whole working set once, in order, so that a
 * partition holds what its size says. The same seed and the same times give the
 * same operations.
 *
 * Contract
 *   Threads  one thread per struct.
 *   Memory   nothing allocates.
 *   Units    pages, counted from the start of the partition's memory.
 */
#ifndef AGENT_PARTITION_WORKLOAD_H
#define AGENT_PARTITION_WORKLOAD_H

#include "hvcore/base/rng.h"
#include "hvcore/base/units.h"

#define PARTITION_ZIPF_THETA 0.99
#define PARTITION_PHASE_MS 4000    /* usual; arbitrary: long enough to become resident */
#define PARTITION_IDLE_RATE 10     /* operations a second of an idle partition */
#define PARTITION_DISCARD_PAGES 64 /* of one request; arbitrary: 256 KiB */

enum partition_workload_kind {
	PARTITION_IDLE,
	PARTITION_ZIPF,
	PARTITION_SCAN,
	PARTITION_PHASES,
	PARTITION_OS,
	PARTITION_WORKLOAD_KIND_COUNT
};

struct partition_workload_config {
	enum partition_workload_kind kind;
	unsigned working_set_percent; /* 1..100 of the pages owned; at least one page */
	unsigned write_percent;       /* 0..100 */
	unsigned phase_ms;            /* phases: how long a window stays */
	bool may_discard;             /* phases gives back pages that it leaves */
	uint64_t seed;
};

enum partition_action {
	PARTITION_READ,    /* check the page */
	PARTITION_WRITE,   /* write a new version, unseen */
	PARTITION_UPDATE,  /* check, then write a new version */
	PARTITION_DISCARD, /* give `pages` pages back */
	PARTITION_ACTION_COUNT
};

struct partition_operation {
	enum partition_action action;
	uint64_t page;
	uint64_t pages; /* 1 except for PARTITION_DISCARD */
};

/* Ranks 1..n with probability ~ rank^-theta, by rejection-inversion. */
struct partition_zipf {
	uint64_t n;
	double h_first, h_last, shift;
};

struct partition_workload {
	struct partition_workload_config config;
	uint64_t first, count; /* pages owned */
	uint64_t window;       /* pages of the working set; phases: of one window */
	uint64_t filled;       /* of the working set, at the beginning */
	bool fills_anew;       /* after a resize: pages are looked at first */
	struct hv_rng rng;
	struct partition_zipf zipf; /* zipf */
	uint64_t stride;            /* zipf: scatters ranks over the working set */
	uint64_t at;                /* scan: next page; phases: start of the window */
	uint64_t next_phase_ms;     /* phases; 0 before the first operation */
	uint64_t left_at, left;     /* phases: pages left and not looked at yet */
};

/* An idle workload does PARTITION_IDLE_RATE operations a second at most: its caller's
 * duty, as is the rate. */
bool partition_workload_is_filled(const struct partition_workload *workload);

/* count > 0. A worker's number makes its seed differ from its neighbours'. */
void partition_workload_init(struct partition_workload *workload,
			     const struct partition_workload_config *config,
			     uint64_t first, uint64_t count, unsigned worker);

/*
 * It owns other pages from now on: its working set is filled again, but no page is
 * written unseen, since some hold what was written before.
 */
void partition_workload_resize(struct partition_workload *workload, uint64_t first,
			       uint64_t count, unsigned worker);

struct partition_operation partition_workload_next(struct partition_workload *workload,
						   uint64_t now_ms);

void partition_zipf_init(struct partition_zipf *zipf, uint64_t n);
uint64_t partition_zipf_next(const struct partition_zipf *zipf, struct hv_rng *rng);

/* By enum partition_workload_kind; NULL at the end. */
extern const char *const partition_workload_names[PARTITION_WORKLOAD_KIND_COUNT + 1];

#endif
