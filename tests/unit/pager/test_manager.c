/* Unit tests of hvcore/pager/manager: who may count on how many frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/base/rng.h"
#include "hvcore/pager/manager.h"
#include "tests/support/seed.h"

#define FRAMES 10000
#define LOGICAL 8192
#define WINDOW_MS 4000
#define BEAT_MS 100

struct bench {
	struct hv_manager_member members[3];
	struct hv_manager_input inputs[3];
	unsigned count;
};

static struct bench b;

static int open_bench(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	b.count = 2;
	for (unsigned i = 0; i < HV_COUNT(b.inputs); i++)
		b.inputs[i] = (struct hv_manager_input){
			.logical = LOGICAL,
			.entitled = 100,
			.weight = 128,
			.use = { .bucket_pages = LOGICAL / 16 },
		};
	return 0;
}

static void beat(uint64_t elapsed_ms)
{
	struct hv_manager_member *members[] = { &b.members[0], &b.members[1],
						&b.members[2] };

	hv_manager_beat(members, b.inputs, b.count, FRAMES, elapsed_ms);
}

static void look(unsigned which, uint64_t referenced)
{
	hv_manager_look(&b.members[which],
			&(struct hv_manager_look){ .referenced = referenced,
						   .window_ms = WINDOW_MS });
}

/* So many page-ins of a distance of `bucket` in each of `beats`. */
static void page(unsigned which, unsigned bucket, uint64_t pages, unsigned beats)
{
	for (unsigned i = 0; i < beats; i++) {
		b.inputs[which].use.arrivals += pages;
		b.inputs[which].use.refaults[bucket] += pages;
		beat(BEAT_MS);
	}
}

static void who_was_not_observed_gets_its_share_by_weight(void **state)
{
	(void)state;
	b.inputs[1].weight = 255;
	beat(0);
	assert_in_range(b.members[0].target, 3300, 3450); /* 129 of 385, and entitled */
	assert_in_range(b.members[1].target, 6550, 6700);
	assert_int_equal(b.members[0].reason, HV_MANAGER_UNKNOWN);
}

static void an_idle_partition_keeps_its_entitlement_after_three_windows(void **state)
{
	(void)state;
	b.inputs[1].logical = 2 * FRAMES;
	look(0, 8000);
	look(1, 8000);
	for (unsigned i = 0; i < 3; i++) {
		look(0, 0);
		look(1, 8000);
		page(1, 3, 200, WINDOW_MS / BEAT_MS);
	}
	assert_in_range(b.members[0].target, 100, LOGICAL / 16);
	assert_int_equal(b.members[1].target, FRAMES - b.members[0].target);
}

static void a_working_set_that_fits_is_kept_beside_a_scan(void **state)
{
	(void)state;
	b.inputs[1].logical = 8 * FRAMES;
	b.inputs[1].use.bucket_pages = 8 * FRAMES / 16;
	look(0, 7000);
	look(1, 0); /* what it references arrived in the window, and leaves */
	page(1, 14, 1000, 50);
	assert_in_range(b.members[0].target, 7000, 7500);
	assert_int_equal(b.members[0].reason, HV_MANAGER_FITS);
	assert_int_equal(b.members[1].target, FRAMES - b.members[0].target);
	assert_int_equal(b.members[1].reason, HV_MANAGER_PRESSES);
	assert_true(b.members[1].credit < 1);
}

static void what_comes_back_soon_is_wanted_and_later_forgotten(void **state)
{
	uint64_t most;

	(void)state;
	look(0, 1000);
	look(1, 1000);
	page(0, 2, 100, 20);
	most = b.members[0].want;
	assert_in_range(most, 2500, 3100);
	for (unsigned i = 0; i < 600; i++) /* a minute */
		beat(BEAT_MS);
	assert_in_range(b.members[0].want, 1000, 1300);
}

/* What would have needed more frames than there are was not to be kept. */
static void refaults_out_of_reach_are_no_reason(void **state)
{
	(void)state;
	look(0, 1000);
	b.inputs[0].use.resident = FRAMES - LOGICAL / 16; /* one bucket is in reach */
	beat(BEAT_MS);
	page(0, 0, 100, 1);
	assert_in_range(b.members[0].credit, 95, 100);
	page(0, 1, 100, 1);
	assert_in_range(b.members[0].credit, 95, 100);
	b.inputs[0].use.resident = FRAMES + 100; /* the pool has become smaller */
	page(0, 0, 100, 1);
	assert_in_range(b.members[0].credit, 95, 100);
}

static void what_does_not_fit_is_split_by_weight(void **state)
{
	(void)state;
	b.inputs[0].weight = 64;
	b.inputs[1].weight = 192;
	look(0, LOGICAL);
	look(1, LOGICAL);
	beat(BEAT_MS);
	assert_in_range(b.members[0].target, 2400, 2700);
	assert_in_range(b.members[1].target, 7300, 7600);
	assert_int_equal(b.members[0].reason, HV_MANAGER_WEIGHT);
	b.inputs[0].weight = 192; /* while it runs */
	beat(BEAT_MS);
	assert_int_equal(b.members[0].target, b.members[1].target);
}

static void pages_that_only_arrived_are_no_working_set(void **state)
{
	(void)state;
	hv_manager_look(&b.members[0],
			&(struct hv_manager_look){ .referenced = 5000,
						   .arrived = 4000,
						   .probation = 4500,
						   .window_ms = WINDOW_MS });
	assert_in_range(b.members[0].hot, 999, 1001);
	/* most of what arrived left again: of what is new, only the queue is here */
	hv_manager_look(&b.members[1],
			&(struct hv_manager_look){ .referenced = 5000,
						   .arrived = 40000,
						   .probation = 500,
						   .window_ms = WINDOW_MS });
	assert_in_range(b.members[1].hot, 4499, 4501);
}

static void the_rest_is_everybodys_while_nobody_pages(void **state)
{
	(void)state;
	look(0, 1000);
	look(1, 1000);
	beat(BEAT_MS);
	assert_int_equal(b.members[0].target + b.members[1].target, FRAMES);
	assert_int_equal(b.members[0].reason, HV_MANAGER_SPARE);
}

static void memory_that_changes_is_followed(void **state)
{
	(void)state;
	look(0, LOGICAL);
	beat(BEAT_MS);
	b.inputs[0].logical = 512;
	beat(BEAT_MS);
	assert_in_range(b.members[0].target, 0, 512);
}

static void random_input(struct hv_rng *rng, struct hv_manager_input *input)
{
	input->logical = 1 + hv_rng_below(rng, 4 * FRAMES);
	input->entitled = hv_rng_below(rng, FRAMES);
	input->weight = (uint32_t)hv_rng_below(rng, 256);
	input->use.resident = (uint32_t)hv_rng_below(rng, FRAMES + 1);
	input->use.arrivals += hv_rng_below(rng, 10000);
	input->use.bucket_pages = 1 + (uint32_t)(input->logical / 16);
	input->use.refaults[hv_rng_below(rng, HV_REFAULT_BUCKETS)] += hv_rng_below(rng,
										   5000);
}

static void targets_never_promise_more_than_there_is(void **state)
{
	struct hv_rng rng = { test_seed() };

	(void)state;
	b.count = 3;
	for (unsigned round = 0; round < 20000; round++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < b.count; i++)
			random_input(&rng, &b.inputs[i]);
		if (hv_rng_below(&rng, 8) == 0)
			look((unsigned)hv_rng_below(&rng, 3), hv_rng_below(&rng, FRAMES));
		beat(hv_rng_below(&rng, 1000));
		for (unsigned i = 0; i < b.count; i++) {
			sum += b.members[i].target;
			assert_true(b.members[i].target <= b.inputs[i].logical);
			assert_true(b.members[i].want <= b.inputs[i].logical);
		}
		assert_true(sum <= FRAMES);
	}
}

static void every_reason_has_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HV_MANAGER_REASON_COUNT; i++)
		assert_non_null(hv_manager_reason_text((enum hv_manager_reason)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(who_was_not_observed_gets_its_share_by_weight,
				       open_bench),
		cmocka_unit_test_setup(
			an_idle_partition_keeps_its_entitlement_after_three_windows,
			open_bench),
		cmocka_unit_test_setup(a_working_set_that_fits_is_kept_beside_a_scan,
				       open_bench),
		cmocka_unit_test_setup(what_comes_back_soon_is_wanted_and_later_forgotten,
				       open_bench),
		cmocka_unit_test_setup(refaults_out_of_reach_are_no_reason, open_bench),
		cmocka_unit_test_setup(what_does_not_fit_is_split_by_weight, open_bench),
		cmocka_unit_test_setup(pages_that_only_arrived_are_no_working_set,
				       open_bench),
		cmocka_unit_test_setup(the_rest_is_everybodys_while_nobody_pages,
				       open_bench),
		cmocka_unit_test_setup(memory_that_changes_is_followed, open_bench),
		cmocka_unit_test_setup(targets_never_promise_more_than_there_is,
				       open_bench),
		cmocka_unit_test(every_reason_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
