/*
 * pager_explorer - every interleaving of a small world, breadth first; where there are
 * too many, every one of at most so many transitions.
 *
 * One partition of two pages (or two of them), three slots, two frames (fewer, while the
 * pool is squeezed), a pair of VIOS with room for one page-in (two where a page may bring
 * its neighbour) and two page-outs, and one
 * ended incarnation of each that may still write. A scenario says what may happen in it.
 * After every transition the engine is audited and compared with the models
 * (world_check); every so many-th state is healed and must then serve its threads
 * and show every page right.
 *
 * Contract: single-threaded; prints one line a scenario, and the shortest way to the
 * violation if there is one.
 */
#ifndef TESTS_PROPERTY_PAGER_EXPLORER_H
#define TESTS_PROPERTY_PAGER_EXPLORER_H

#include <stdint.h>

enum pager_kind {
	PAGER_START,   /* a thread begins to touch, or to call madvise */
	PAGER_STEP,    /* a thread that was woken runs */
	PAGER_EVENT,   /* the event of one thread is read and delivered */
	PAGER_RUN,     /* hv_pager_run, time passes */
	PAGER_WORK,    /* a VIOS carries out a request */
	PAGER_ANSWER,  /* ... and answers it */
	PAGER_LATE,    /* an ended incarnation carries out a page */
	PAGER_END,     /* an epoch ends */
	PAGER_BEGIN,   /* a new incarnation */
	PAGER_OPEN,    /* ... opens the device */
	PAGER_MOVE,    /* a partition asks another path, or none */
	PAGER_LEAVE,   /* a path is not asked any more */
	PAGER_DRAIN,   /* nothing of the ended incarnation is left */
	PAGER_SQUEEZE, /* the pool has one frame less, or again one more */
	PAGER_DISCARD, /* by message */
	PAGER_PUNCH,   /* by the partition, without a word */
	PAGER_SWEEP,   /* hv_pager_sweep */
	PAGER_CHECK,   /* a page is to be read back over the other path */
	PAGER_UNLOAD,  /* the oldest pages of the tier are to be written */
	PAGER_HEDGE,   /* a page-in is asked for over the other path, too */
	PAGER_CHANGE,  /* a path's device is closed, is a new one, is the other's */
	PAGER_KIND_COUNT
};

/* A rule that is broken on purpose. */
enum pager_mutation {
	PAGER_MUTATION_NONE,
	PAGER_MUTATION_MINOR_PLAIN, /* minor on STEALING: plain CONTINUE, no cancel */
	PAGER_MUTATION_CLEAN_PLAIN, /* minor on a clean page: not protected (P5) */
	PAGER_MUTATION_EARLY_DRAIN, /* P9: slots come back before the drain */
	PAGER_MUTATION_STALE_AHEAD, /* P4: a page read ahead comes for what is gone */
	PAGER_MUTATION_HASTY_UNLOAD, /* M3: an unloaded page is gone before it is written */
	PAGER_MUTATION_EARLY_DROP,   /* ... its place is another's before it is written */
	PAGER_MUTATION_FORGOTTEN_LATE, /* P4: a read that lost its race is forgotten */
	PAGER_MUTATION_HASTY_MOVE, /* M3: a move takes what is being written for written */
};

/* Among `kinds`, and none: each partition has two devices, one a path (P17). */
#define PAGER_MIRRORED (UINT32_C(1) << 31)
/* ... each fault goes on from a stream: the neighbour comes with the page. */
#define PAGER_AHEAD (UINT32_C(1) << 30)
/* ... of one that writes all: the neighbour comes writable, without its slot. */
#define PAGER_WRITTEN (UINT32_C(1) << 28)
/* ... each page that was written when it left is expected to be written again. */
#define PAGER_WROTE (UINT32_C(1) << 27)
/* ... there is a compressed tier, with two chunks. */
#define PAGER_TIER (UINT32_C(1) << 29)

struct pager_scenario {
	const char *name;
	uint32_t kinds;    /* bit a kind that may happen */
	uint32_t threads;  /* 1 or 2 */
	uint32_t ops[2];   /* bit an enum model_op, by thread */
	uint32_t pages[2]; /* bit a page it touches, by thread */
	uint32_t frames;   /* one less while the pool is squeezed */
	enum pager_mutation mutation;
	unsigned depth;   /* most transitions from the start; 0 = all there are */
	unsigned members; /* 1, or 2: thread n is partition n's */
};

/* The violation, or NULL when all states are right. */
const char *pager_explore(const struct pager_scenario *scenario);

#endif
