/*
 * load - threads that touch pages of some memory, whoever pages it, and check every
 * page that they touch: each byte, and that it is the version last written.
 *
 * The very same code runs on a partition's memory and on that of a plain process. A
 * touch is one load or one store, and is timed alone; what checks the page and fills
 * it anew is not timed, but is part of the throughput.
 *
 * Contract
 *   Threads  one; load_run starts its own, and waits for them.
 *   Memory   versions and samples are shared and were touched before (load_share), so
 *            that neither is charged to a control group that is measured, or paged.
 *   Units    nanoseconds, pages.
 */
#ifndef TESTS_BENCH_COMPARE_LOAD_H
#define TESTS_BENCH_COMPARE_LOAD_H

#include "tests/bench/compare/pattern.h"

#define LOAD_THREADS 16
#define LOAD_WAITED_NS \
	2500 /* usual: a touch below this met its page; a fault takes 5000 */

struct load_shared; /* versions and samples */

struct load_memory {
	uint8_t *base;
	uint64_t pages;
	struct load_shared *shared;
	struct pattern patterns[LOAD_THREADS]; /* go on where the last order ended */
	unsigned threads;                      /* of those; 0: none yet */
};

struct load_order {
	enum pattern_kind pattern;
	bool is_write;
	bool is_half; /* half of what it writes, and finds, compresses to nothing */
	unsigned threads;
	uint64_t ns;        /* 0: without limit */
	uint64_t touches;   /* of each thread; 0: without limit */
	uint64_t waited_ns; /* touches of that and more are those that waited */
	int cpu;            /* -1: anywhere */
};

struct load_result {
	uint64_t touches, waited; /* waited: those of waited_ns and more */
	uint64_t waiting_ns;      /* all that waited, in sum */
	uint64_t bad;             /* pages that were not what was written */
	uint64_t ns, cpu_ns;      /* wall clock; of this process, kernel included */
	uint64_t major_faults;
	uint64_t p50_ns, p99_ns; /* of those that waited */
	uint64_t longest_ns;     /* of them, the longest */
};

/* NULL: no memory. */
struct load_shared *load_share(uint64_t pages);
void load_unshare(struct load_shared *shared, uint64_t pages);

void load_run(struct load_memory *memory, const struct load_order *order,
	      struct load_result *ret_result);

#endif
