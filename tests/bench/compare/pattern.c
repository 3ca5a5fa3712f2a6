/* pattern - see pattern.h. */
#include "tests/bench/compare/pattern.h"

#define HOT_PERCENT 30
#define LOOP_PERCENT 60
#define DRIFT_PERCENT 35
#define DRIFT_TOUCHES 40           /* for each page that it moves on */
#define APART UINT64_C(2147483647) /* prime, more than there are pages: all are reached */

const char *const pattern_names[PATTERN_KIND_COUNT] = {
	[PATTERN_UNIFORM] = "uniform",
	[PATTERN_ZIPF] = "zipf",
	[PATTERN_HOT_AND_SCAN] = "hot_and_scan",
	[PATTERN_LOOP] = "loop",
	[PATTERN_DRIFT] = "drift",
	[PATTERN_SCAN] = "scan",
};

static uint64_t part_of(const struct pattern *pattern, unsigned percent)
{
	uint64_t pages = pattern->count * percent / 100;

	return pages > 0 ? pages : 1;
}

void pattern_init(struct pattern *pattern, enum pattern_kind kind, uint64_t first,
		  uint64_t count, uint64_t seed)
{
	*pattern = (struct pattern){
		.kind = kind, .first = first, .count = count, .rng = { .state = seed }
	};
	if (kind == PATTERN_ZIPF)
		partition_zipf_init(&pattern->zipf, count);
}

static uint64_t next_hot_or_scanned(struct pattern *pattern)
{
	uint64_t hot = part_of(pattern, HOT_PERCENT);

	if (hot == pattern->count || hv_rng_below(&pattern->rng, 10) != 0)
		return hv_rng_below(&pattern->rng, hot);
	return hot + pattern->at++ % (pattern->count - hot);
}

static uint64_t next_within(struct pattern *pattern)
{
	switch (pattern->kind) {
	case PATTERN_ZIPF:
		return partition_zipf_next(&pattern->zipf, &pattern->rng) * APART %
		       pattern->count;
	case PATTERN_HOT_AND_SCAN:
		return next_hot_or_scanned(pattern);
	case PATTERN_LOOP:
		return pattern->at++ % part_of(pattern, LOOP_PERCENT);
	case PATTERN_DRIFT:
		return (pattern->at++ / DRIFT_TOUCHES +
			hv_rng_below(&pattern->rng, part_of(pattern, DRIFT_PERCENT))) %
		       pattern->count;
	case PATTERN_SCAN:
		return pattern->at++ % pattern->count;
	default:
		return hv_rng_below(&pattern->rng, pattern->count);
	}
}

uint64_t pattern_next(struct pattern *pattern)
{
	return pattern->first + next_within(pattern);
}
