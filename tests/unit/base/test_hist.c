/* Unit tests of hvcore/base/hist.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "hvcore/base/err.h"
#include "hvcore/base/hist.h"
#include "hvcore/base/rng.h"
#include "tests/support/seed.h"

static void every_value_lies_in_its_bucket(void **state)
{
	struct hv_rng rng = { test_seed() };

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t value = hv_rng_next(&rng) >> hv_rng_below(&rng, 64);
		unsigned bucket = hv_hist_bucket_of(value);

		assert_true(bucket < HV_HIST_BUCKETS);
		if (bucket == HV_HIST_BUCKETS - 1)
			continue; /* takes all that is larger */
		assert_true(value <= hv_hist_bucket_top_ns(bucket));
		if (bucket > 0)
			assert_true(value > hv_hist_bucket_top_ns(bucket - 1));
	}
}

static void buckets_are_an_eighth_wide(void **state)
{
	(void)state;
	for (unsigned bucket = 8; bucket < HV_HIST_BUCKETS; bucket++) {
		uint64_t low = hv_hist_bucket_top_ns(bucket - 1) + 1;
		uint64_t high = hv_hist_bucket_top_ns(bucket);

		assert_true(high >= low);
		assert_true((high - low + 1) * 8 <= low);
	}
}

static void quantiles_bound_the_sample(void **state)
{
	struct hv_hist *hist = calloc(1, sizeof(*hist));

	(void)state;
	assert_int_equal(hv_hist_quantile_ns(hist, 0.5), 0);
	for (uint64_t ns = 1; ns <= 1000; ns++)
		hv_hist_add(hist, ns * 1000);
	assert_int_equal(hv_hist_count(hist), 1000);
	assert_int_equal(hv_hist_max_ns(hist), 1000000);
	assert_in_range(hv_hist_quantile_ns(hist, 0.5), 500000, 500000 * 9 / 8);
	assert_in_range(hv_hist_quantile_ns(hist, 0.99), 990000, 990000 * 9 / 8);
	assert_in_range(hv_hist_quantile_ns(hist, 1.0), 1000000, 1000000 * 9 / 8);
	assert_in_range(hv_hist_quantile_ns(hist, 0.0), 1000, 1000 * 9 / 8);
	hv_hist_clear(hist);
	assert_int_equal(hv_hist_count(hist), 0);
	assert_int_equal(hv_hist_max_ns(hist), 0);
	assert_int_equal(hv_hist_quantile_ns(hist, 0.99), 0);
	free(hist);
}

static void merging_is_adding(void **state)
{
	struct hv_hist *both = calloc(1, sizeof(*both)), *a = calloc(1, sizeof(*a)),
		       *b = calloc(1, sizeof(*b));
	struct hv_rng rng = { 7 };

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		uint64_t ns = hv_rng_below(&rng, 1u << 30);

		hv_hist_add(both, ns);
		hv_hist_add(i % 3 == 0 ? a : b, ns);
	}
	hv_hist_merge(a, b);
	for (unsigned i = 0; i < HV_HIST_BUCKETS; i++)
		assert_int_equal(a->bucket[i], both->bucket[i]);
	assert_int_equal(a->count, both->count);
	assert_int_equal(a->sum_ns, both->sum_ns);
	assert_int_equal(a->max_ns, both->max_ns);
	free(both);
	free(a);
	free(b);
}

static void the_largest_values_have_a_bucket(void **state)
{
	(void)state;
	assert_int_equal(hv_hist_bucket_of(UINT64_MAX), HV_HIST_BUCKETS - 1);
	assert_int_equal(hv_hist_bucket_of(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_lies_in_its_bucket),
		cmocka_unit_test(buckets_are_an_eighth_wide),
		cmocka_unit_test(quantiles_bound_the_sample),
		cmocka_unit_test(merging_is_adding),
		cmocka_unit_test(the_largest_values_have_a_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
