/*
 * rows - what the harness measures, a row each: one or more members of its document.
 *
 * Contract
 *   Threads  one.
 *   Errors   as side.h.
 *   Order    a row opens the partitions that it needs, and closes them: none finds
 *            anything of the one before.
 */
#ifndef TESTS_BENCH_COMPARE_ROWS_H
#define TESTS_BENCH_COMPARE_ROWS_H

#include "tests/bench/compare/pairs.h"

struct compare {
	struct test_host host;
	unsigned pool_mib;
	const char
		*group; /* file of the control group, as large as the pool; NULL none */
	uint64_t slice_ns; /* of each measurement */
	unsigned rounds;
	bool is_quick;
};

/* Both sides of a comparison, filled where they are to be. */
struct row_sides {
	struct side ours, plain;
	struct side *peer; /* &plain; NULL: no control group */
};

void row_open(struct compare *compare, const char *name, unsigned mib,
	      struct row_sides *sides);
void row_close(struct row_sides *sides);

void row_random(struct compare *compare);
void row_patterns(struct compare *compare);
void row_scan(struct compare *compare);
void row_first_touch(struct compare *compare);
void row_steal(struct compare *compare);
void row_idle(struct compare *compare);
void row_metadata(struct compare *compare);
void row_growth(struct compare *compare);
void row_partitions(struct compare *compare);
void row_stages(struct compare *compare);
void row_home(struct compare *compare);
void row_spin(struct compare *compare);
void row_steer(struct compare *compare);
void row_expect_writes(struct compare *compare);
void row_read_ahead(struct compare *compare);
void row_hedge(struct compare *compare);
/* Alone: `group` has an eighth of the logical memory, and swap is on zram. */
void row_tier(struct compare *compare);

#endif
