/* workload: which pages are touched, how often, and that a seed repeats it. */
#include "agent/partition/workload.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST 1000
#define COUNT 500
#define DRAWS 200000

static struct partition_workload_config config_of(enum partition_workload_kind kind)
{
	return (struct partition_workload_config){
		.kind = kind,
		.working_set_percent = 50,
		.write_percent = 50,
		.phase_ms = PARTITION_PHASE_MS,
		.seed = 1,
	};
}

/* Past its filling. */
static void start(struct partition_workload *workload,
		  const struct partition_workload_config *config)
{
	partition_workload_init(workload, config, FIRST, COUNT, 0);
	while (!partition_workload_is_filled(workload))
		(void)partition_workload_next(workload, 0);
}

static void every_kind_writes_its_working_set_first(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < PARTITION_WORKLOAD_KIND_COUNT; kind++) {
		struct partition_workload_config config =
			config_of((enum partition_workload_kind)kind);
		struct partition_workload workload;

		config.write_percent = 0;
		partition_workload_init(&workload, &config, FIRST, COUNT, 0);
		for (uint64_t i = 0; i < COUNT / 2; i++) {
			struct partition_operation operation =
				partition_workload_next(&workload, 0);

			assert_false(i + 1 < COUNT / 2 &&
				     partition_workload_is_filled(&workload));
			assert_int_equal(operation.action, PARTITION_WRITE);
			assert_int_equal(operation.page, FIRST + i);
			assert_int_equal(operation.pages, 1);
		}
		assert_true(partition_workload_is_filled(&workload));
		assert_int_equal(partition_workload_next(&workload, 0).action,
				 PARTITION_READ);
	}
}

static void no_kind_leaves_its_pages(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < PARTITION_WORKLOAD_KIND_COUNT; kind++) {
		struct partition_workload_config config =
			config_of((enum partition_workload_kind)kind);
		struct partition_workload workload;

		config.may_discard = true;
		config.working_set_percent = 30;
		start(&workload, &config);
		for (uint64_t i = 0; i < DRAWS; i++) {
			struct partition_operation operation =
				partition_workload_next(&workload, i * 10);

			assert_in_range(operation.pages, 1, PARTITION_DISCARD_PAGES);
			assert_in_range(operation.page, FIRST, FIRST + COUNT - 1);
			assert_in_range(operation.page + operation.pages - 1, FIRST,
					FIRST + COUNT - 1);
		}
	}
}

static void the_smallest_partition_has_a_working_set(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < PARTITION_WORKLOAD_KIND_COUNT; kind++) {
		struct partition_workload_config config =
			config_of((enum partition_workload_kind)kind);
		struct partition_workload workload;

		config.working_set_percent = 1;
		config.may_discard = true;
		partition_workload_init(&workload, &config, 3, 1, 0);
		for (uint64_t i = 0; i < 100; i++) {
			assert_int_equal(
				partition_workload_next(&workload, i * 1000).page, 3);
		}
	}
}

static bool same(struct partition_operation a, struct partition_operation b)
{
	return a.action == b.action && a.page == b.page && a.pages == b.pages;
}

static void a_seed_repeats_itself_and_others_differ(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < PARTITION_WORKLOAD_KIND_COUNT; kind++) {
		struct partition_workload_config config =
			config_of((enum partition_workload_kind)kind);
		struct partition_workload one, again, other, neighbour;
		unsigned differs = 0, differs_too = 0;

		config.may_discard = true;
		start(&one, &config);
		start(&again, &config);
		partition_workload_init(&neighbour, &config, FIRST, COUNT, 1);
		while (!partition_workload_is_filled(&neighbour))
			(void)partition_workload_next(&neighbour, 0);
		config.seed++;
		start(&other, &config);
		for (uint64_t i = 0; i < 10000; i++) {
			struct partition_operation operation =
				partition_workload_next(&one, i);

			assert_true(same(operation, partition_workload_next(&again, i)));
			differs += !same(operation, partition_workload_next(&other, i));
			differs_too += !same(operation,
					     partition_workload_next(&neighbour, i));
		}
		assert_in_range(differs, 1000, 10000);
		assert_in_range(differs_too, 1000, 10000);
	}
}

static void the_share_of_writes_is_as_asked(void **state)
{
	static const unsigned percents[] = { 0, 1, 30, 50, 99, 100 };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(percents); i++) {
		struct partition_workload_config config = config_of(PARTITION_ZIPF);
		struct partition_workload workload;
		double counts[PARTITION_ACTION_COUNT] = { 0 };

		config.write_percent = percents[i];
		start(&workload, &config);
		for (unsigned n = 0; n < DRAWS; n++)
			counts[partition_workload_next(&workload, 0).action]++;
		assert_true(fabs(counts[PARTITION_READ] / DRAWS -
				 (100 - percents[i]) / 100.0) < 0.01);
		assert_true(fabs(counts[PARTITION_WRITE] - counts[PARTITION_UPDATE]) /
				    DRAWS <
			    0.01);
		assert_true(counts[PARTITION_DISCARD] == 0);
	}
}

/* The share of each rank is 1/rank^theta of the sum: 5 sigma for the first ones. */
static void zipf_follows_its_law(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 10, 1000, 1000000 };

	(void)state;
	for (unsigned s = 0; s < HV_COUNT(sizes); s++) {
		struct hv_rng rng = { .state = s };
		struct partition_zipf zipf;
		double counts[11] = { 0 }, sum = 0;

		for (uint64_t k = 1; k <= sizes[s]; k++)
			sum += pow((double)k, -PARTITION_ZIPF_THETA);
		partition_zipf_init(&zipf, sizes[s]);
		for (unsigned n = 0; n < DRAWS; n++) {
			uint64_t rank = partition_zipf_next(&zipf, &rng);

			assert_in_range(rank, 1, sizes[s]);
			if (rank < HV_COUNT(counts))
				counts[rank]++;
		}
		for (unsigned k = 1; k < HV_COUNT(counts) && k <= sizes[s]; k++) {
			double want = pow(k, -PARTITION_ZIPF_THETA) / sum;
			double sigma = sqrt(want * (1 - want) / DRAWS);

			assert_true(fabs(counts[k] / DRAWS - want) <= 5 * sigma);
		}
	}
}

static void zipf_reaches_every_page_and_keeps_hot_ones_apart(void **state)
{
	struct partition_workload_config config = config_of(PARTITION_ZIPF);
	struct partition_workload workload;
	unsigned counts[COUNT / 2] = { 0 };
	uint64_t hottest[8];

	(void)state;
	start(&workload, &config);
	for (unsigned n = 0; n < DRAWS; n++)
		counts[partition_workload_next(&workload, 0).page - FIRST]++;
	for (unsigned i = 0; i < COUNT / 2; i++)
		assert_int_not_equal(counts[i], 0);
	for (unsigned h = 0; h < HV_COUNT(hottest); h++) {
		hottest[h] = 0;
		for (unsigned i = 0; i < COUNT / 2; i++) {
			if (counts[i] > counts[hottest[h]])
				hottest[h] = i;
		}
		counts[hottest[h]] = 0;
		for (unsigned other = 0; other < h; other++) {
			int64_t gap = (int64_t)hottest[h] - (int64_t)hottest[other];

			assert_true(llabs(gap) > 4);
		}
	}
}

static void scan_goes_round_in_order(void **state)
{
	struct partition_workload_config config = config_of(PARTITION_SCAN);
	struct partition_workload workload;

	(void)state;
	start(&workload, &config);
	for (unsigned i = 0; i < 3 * COUNT; i++) {
		assert_int_equal(partition_workload_next(&workload, 0).page,
				 FIRST + i % (COUNT / 2));
	}
}

static void idle_draws_from_its_whole_working_set(void **state)
{
	struct partition_workload_config config = config_of(PARTITION_IDLE);
	struct partition_workload workload;
	bool seen[COUNT] = { false };

	(void)state;
	start(&workload, &config);
	for (unsigned n = 0; n < DRAWS; n++)
		seen[partition_workload_next(&workload, 0).page - FIRST] = true;
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(seen[i], i < COUNT / 2);
}

/* One phase: which pages are touched, which are given back. */
static void run_phase(struct partition_workload *workload, uint64_t now_ms,
		      bool touched[COUNT], bool discarded[COUNT])
{
	memset(touched, 0, COUNT * sizeof *touched);
	memset(discarded, 0, COUNT * sizeof *discarded);
	for (unsigned n = 0; n < DRAWS / 10; n++) {
		struct partition_operation operation = partition_workload_next(workload,
									       now_ms);

		for (uint64_t i = 0; i < operation.pages; i++) {
			uint64_t page = operation.page + i - FIRST;

			if (operation.action == PARTITION_DISCARD)
				discarded[page] = true;
			else
				touched[page] = true;
		}
	}
}

static unsigned count_of(const bool pages[COUNT])
{
	unsigned count = 0;

	for (unsigned i = 0; i < COUNT; i++)
		count += pages[i];
	return count;
}

static void a_phase_leaves_its_window_and_gives_part_of_it_back(void **state)
{
	static const unsigned percents[] = { 20, 50, 70, 100 };
	bool before[COUNT], after[COUNT], discarded[COUNT];

	(void)state;
	for (unsigned p = 0; p < HV_COUNT(percents); p++) {
		struct partition_workload_config config = config_of(PARTITION_PHASES);
		struct partition_workload workload;
		unsigned window = COUNT * percents[p] / 100;
		unsigned moved = window < COUNT - window ? window : COUNT - window;

		config.working_set_percent = percents[p];
		config.may_discard = true;
		start(&workload, &config);
		run_phase(&workload, 1, before, discarded);
		assert_int_equal(count_of(before), window);
		assert_int_equal(count_of(discarded), 0);
		for (unsigned phase = 1; phase < 20; phase++) {
			unsigned left = 0;

			run_phase(&workload, phase * PARTITION_PHASE_MS + 1, after,
				  discarded);
			assert_int_equal(count_of(after), window);
			for (unsigned i = 0; i < COUNT; i++) {
				left += before[i] && !after[i];
				assert_false(discarded[i] && after[i]);
				assert_false(discarded[i] && !before[i]);
			}
			assert_int_equal(left, moved);
			if (moved > 2 * PARTITION_DISCARD_PAGES) {
				assert_in_range(count_of(discarded), 1, moved - 1);
			}
			memcpy(before, after, sizeof before);
		}
	}
}

static void without_leave_nothing_is_given_back(void **state)
{
	struct partition_workload_config config = config_of(PARTITION_PHASES);
	struct partition_workload workload;
	bool touched[COUNT], discarded[COUNT];

	(void)state;
	start(&workload, &config);
	for (unsigned phase = 0; phase < 20; phase++) {
		run_phase(&workload, phase * PARTITION_PHASE_MS + 1, touched, discarded);
		assert_int_equal(count_of(discarded), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_writes_its_working_set_first),
		cmocka_unit_test(no_kind_leaves_its_pages),
		cmocka_unit_test(the_smallest_partition_has_a_working_set),
		cmocka_unit_test(a_seed_repeats_itself_and_others_differ),
		cmocka_unit_test(the_share_of_writes_is_as_asked),
		cmocka_unit_test(zipf_follows_its_law),
		cmocka_unit_test(zipf_reaches_every_page_and_keeps_hot_ones_apart),
		cmocka_unit_test(scan_goes_round_in_order),
		cmocka_unit_test(idle_draws_from_its_whole_working_set),
		cmocka_unit_test(a_phase_leaves_its_window_and_gives_part_of_it_back),
		cmocka_unit_test(without_leave_nothing_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
