/*
 * pattern - which page a thread of a load touches next.
 *
 *   uniform        every page as likely as any other
 *   zipf           theta 0.99, hot pages apart from each other
 *   hot_and_scan   nine of ten touches within the hot 30 %, the tenth goes on with a
 *                  scan of the rest
 *   loop           60 % of the pages in order, again and again
 *   drift          uniform within 35 %, which move on by a page every 40 touches
 *   scan           all pages in order, again and again
 *
 * Contract
 *   Threads  one thread per struct.
 *   Memory   nothing allocates.
 *   Units    pages.
 */
#ifndef TESTS_BENCH_COMPARE_PATTERN_H
#define TESTS_BENCH_COMPARE_PATTERN_H

#include "agent/partition/workload.h"

enum pattern_kind {
	PATTERN_UNIFORM,
	PATTERN_ZIPF,
	PATTERN_HOT_AND_SCAN,
	PATTERN_LOOP,
	PATTERN_DRIFT,
	PATTERN_SCAN,
	PATTERN_KIND_COUNT
};

struct pattern {
	enum pattern_kind kind;
	uint64_t first, count; /* of the pages that this thread owns */
	uint64_t at;           /* what goes in order; touches of drift */
	struct hv_rng rng;
	struct partition_zipf zipf;
};

extern const char *const pattern_names[PATTERN_KIND_COUNT];

/* count > 0 */
void pattern_init(struct pattern *pattern, enum pattern_kind kind, uint64_t first,
		  uint64_t count, uint64_t seed);
uint64_t pattern_next(struct pattern *pattern);

#endif
