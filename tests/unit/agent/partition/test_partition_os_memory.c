/*
 * The operating system's memory over a model of frames and disks.
 *
 * Claim: every frame is in exactly one place at any time, and every page of the process
 * and of the file is what it must be, whatever leaves, is lent, dropped or paged; the
 * cache goes before working storage; what each policy may lend is lent, and no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/oom.h"
#include "tests/support/seed.h"
#include "tests/unit/agent/partition/os_world.h"

#define FRAMES OS_WORLD_FRAMES
#define FRAMES_MAX OS_WORLD_FRAMES_MAX
#define PAGES OS_WORLD_PAGES
#define KEY OS_WORLD_KEY

static void the_cache_goes_before_working_storage(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_OFF, FRAMES / 2);

	(void)state;
	os_world_use_all(world, FRAMES / 2, false);
	os_world_use_all(world, PAGES, true);
	assert_int_equal(os_memory_figures(world->memory).page_outs, 0);
	assert_int_equal(os_memory_figures(world->memory).working, FRAMES / 2);
	os_world_must_hold(world);
	os_world_close(world);
}

static void working_storage_that_does_not_fit_is_paged_and_comes_back(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_OFF, PAGES);

	(void)state;
	os_world_use_all(world, PAGES, true);
	os_world_use_all(world, PAGES, false);
	assert_true(os_memory_figures(world->memory).page_outs >= PAGES - FRAMES);
	assert_true(os_memory_figures(world->memory).cache > 0); /* its floor */
	os_world_all_is_right(world, PAGES);
	assert_true(os_memory_figures(world->memory).page_ins > 0);
	os_world_close(world);
}

static void a_clean_page_leaves_without_being_written_again(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_OFF, PAGES);
	uint64_t before;

	(void)state;
	os_world_use_all(world, PAGES, false);
	os_world_all_is_right(world, PAGES); /* all that were written have left by now */
	before = os_memory_figures(world->memory).page_outs;
	os_world_all_is_right(world, PAGES);
	assert_int_equal(os_memory_figures(world->memory).page_outs, before);
	os_world_close(world);
}

static void what_is_lent_is_free_pages_then_cache(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_CACHE, FRAMES / 2);

	(void)state;
	os_world_use_all(world, FRAMES / 2, false);
	os_world_use_all(world, FRAMES / 4, true);
	os_memory_loan(world->memory, FRAMES / 8);
	assert_int_equal(os_memory_figures(world->memory).loaned, FRAMES / 8);
	assert_int_equal(os_memory_figures(world->memory).cache, FRAMES / 4);
	os_memory_loan(world->memory, FRAMES);
	assert_in_range(os_memory_figures(world->memory).loaned, FRAMES * 3 / 8,
			FRAMES / 2);
	assert_int_equal(os_memory_figures(world->memory).working, FRAMES / 2);
	assert_int_equal(os_memory_figures(world->memory).page_outs, 0);
	os_memory_loan(world->memory, 0);
	assert_int_equal(os_memory_figures(world->memory).loaned, 0);
	os_world_all_is_right(world, FRAMES / 2);
	os_world_close(world);
}

static void policy_2_pages_working_storage_out_to_lend_it(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_WORKING, FRAMES - 8);

	(void)state;
	os_world_use_all(world, FRAMES - 8, false);
	for (unsigned s = 0; s < 20; s++)
		os_memory_loan(world->memory, FRAMES);
	/* but for an eighth, which stays its own */
	assert_int_equal(os_memory_figures(world->memory).loaned,
			 FRAMES - FRAMES / 8 - 1);
	assert_true(os_memory_figures(world->memory).page_outs > FRAMES / 2);
	os_world_all_is_right(world, FRAMES - 8);
	os_world_close(world);
}

static void what_is_missed_is_taken_back(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_WORKING, FRAMES - 8);
	uint64_t before;

	(void)state;
	os_world_use_all(world, FRAMES - 8, false);
	for (unsigned s = 0; s < 8; s++)
		os_memory_loan(world->memory, FRAMES / 2);
	before = os_memory_figures(world->memory).loaned;
	assert_int_equal(before, FRAMES / 2);
	os_world_all_is_right(world, FRAMES - 8);
	assert_true(os_memory_figures(world->memory).curable > 0);
	os_memory_loan(world->memory, FRAMES / 2);
	assert_true(os_memory_figures(world->memory).loaned < before);
	os_world_close(world);
}

static void a_process_that_grows_takes_back_what_is_lent(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_CACHE, FRAMES - 16);

	(void)state;
	os_memory_loan(world->memory, FRAMES);
	assert_true(os_memory_figures(world->memory).loaned > FRAMES / 2);
	os_world_use_all(world, FRAMES - 16, false);
	assert_int_equal(os_memory_figures(world->memory).page_outs, 0);
	os_world_must_hold(world);
	os_world_close(world);
}

static void a_balloon_is_slow_and_takes_nothing_back_unasked(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_BALLOON, FRAMES - 8);

	(void)state;
	os_memory_loan(world->memory, FRAMES / 2);
	assert_in_range(os_memory_figures(world->memory).loaned, 1, FRAMES / 32);
	for (unsigned s = 0; s < 40; s++)
		os_memory_loan(world->memory, FRAMES / 2);
	os_world_use_all(world, FRAMES - 8, false);
	assert_int_equal(os_memory_figures(world->memory).loaned, FRAMES / 2);
	assert_true(os_memory_figures(world->memory).page_outs > 0);
	os_memory_loan(world->memory, 0);
	assert_in_range(os_memory_figures(world->memory).loaned, FRAMES * 3 / 8,
			FRAMES / 2 - 1);
	os_world_must_hold(world);
	os_world_close(world);
}

static void a_full_disk_loses_nothing(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_WORKING, PAGES);

	(void)state;
	world->is_full = true;
	for (uint32_t page = 0; page < PAGES; page++)
		(void)os_memory_touch(world->memory, page, true);
	assert_true(os_memory_figures(world->memory).io_errors > 0);
	assert_int_equal(os_memory_figures(world->memory).working, FRAMES);
	os_world_must_hold(world);
	world->is_full = false;
	os_world_all_is_right(world, PAGES);
	os_world_close(world);
}

static void a_dropped_page_of_the_cache_is_read_again(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_CACHE, 8);
	uint64_t reads;

	(void)state;
	os_world_use_all(world, FRAMES / 2, true);
	reads = os_memory_figures(world->memory).file_reads;
	world->taken_percent = 100;
	os_world_use_all(world, FRAMES / 2, true);
	assert_int_equal(os_memory_figures(world->memory).dropped, FRAMES / 2);
	assert_int_equal(os_memory_figures(world->memory).file_reads, reads + FRAMES / 2);
	os_world_must_hold(world);
	os_world_close(world);
}

static void a_lost_page_is_one_mismatch(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_OFF, 8);

	(void)state;
	os_world_use_all(world, 8, false);
	for (unsigned i = 0; i < FRAMES_MAX; i++)
		world->frames[i].is_there = false;
	assert_false(os_memory_touch(world->memory, 3, false));
	assert_true(os_memory_touch(world->memory, 3, false));
	assert_int_equal(world->mismatches, 1);
	os_world_close(world);
}

static bool give_all(struct os_world *world)
{
	for (unsigned i = 0; i < FRAMES_MAX && !os_memory_is_given(world->memory); i++)
		(void)os_memory_give(world->memory, 16);
	return os_memory_is_given(world->memory);
}

/* What the hypervisor has taken is gone. */
static void lose_the_rest(struct os_world *world)
{
	uint64_t frames = os_memory_figures(world->memory).frames;

	for (uint64_t frame = frames; frame < FRAMES_MAX; frame++)
		world->frames[frame].is_there = false;
}

static void what_is_given_back_is_emptied_first(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_CACHE, FRAMES / 4);
	struct os_memory_figures now;

	(void)state;
	os_world_use_all(world, FRAMES / 4, false); /* the top is used first */
	os_world_use_all(world, PAGES, true);
	os_memory_loan(world->memory, FRAMES / 4);
	os_memory_offer(world->memory, FRAMES / 2);
	os_world_must_hold(world);
	assert_false(os_memory_is_given(world->memory));
	assert_true(give_all(world));
	now = os_memory_figures(world->memory);
	assert_true(now.moved > 0);
	assert_int_equal(now.working, FRAMES / 4);
	assert_int_equal(now.page_outs, 0); /* there was room for all of it */
	os_world_must_hold(world);
	for (uint32_t frame = FRAMES / 2; frame < FRAMES; frame++)
		assert_int_equal(world->hints[frame], HV_HINT_UNUSED);
	os_memory_resize(world->memory, FRAMES / 2);
	lose_the_rest(world);
	assert_int_equal(os_memory_figures(world->memory).frames, FRAMES / 2);
	os_world_all_is_right(world, FRAMES / 4);
	os_world_use_all(world, PAGES, true);
	os_world_must_hold(world);
	os_world_close(world);
}

static void what_has_no_room_below_is_paged_out(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_OFF, FRAMES - 8);

	(void)state;
	os_world_use_all(world, FRAMES - 8, false);
	os_memory_offer(world->memory, FRAMES / 4);
	assert_true(give_all(world));
	assert_true(os_memory_figures(world->memory).page_outs >= FRAMES / 2);
	os_memory_resize(world->memory, FRAMES / 4);
	lose_the_rest(world);
	os_world_all_is_right(world, FRAMES - 8);
	os_memory_resize(world->memory, FRAMES); /* and back */
	os_world_all_is_right(world, FRAMES - 8);
	os_world_close(world);
}

static void what_was_offered_and_not_taken_is_used_again(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_OFF, FRAMES - 8);

	(void)state;
	os_world_use_all(world, FRAMES - 8, false);
	os_memory_offer(world->memory, FRAMES / 4);
	assert_true(give_all(world));
	os_memory_offer(world->memory, FRAMES / 2); /* less is wanted after all */
	os_world_must_hold(world);
	assert_true(os_memory_is_given(world->memory));
	os_memory_resize(world->memory, FRAMES);
	os_world_use_all(world, FRAMES - 8, false);
	assert_in_range(os_memory_figures(world->memory).working, FRAMES - 16, FRAMES);
	os_world_all_is_right(world, FRAMES - 8);
	os_world_close(world);
}

static void what_cannot_be_written_is_not_given(void **state)
{
	struct os_world *world = os_world_open(OS_LOAN_OFF, FRAMES - 8);

	(void)state;
	os_world_use_all(world, FRAMES - 8, false);
	world->is_full = true;
	os_memory_offer(world->memory, FRAMES / 4);
	assert_false(give_all(world));
	assert_true(os_memory_figures(world->memory).io_errors > 0);
	os_world_must_hold(world);
	world->is_full = false;
	assert_true(give_all(world)); /* tried again */
	os_world_all_is_right(world, FRAMES - 8);
	os_world_close(world);
}

/*
 * Two frames: the upper one holds a clean page, the lower one a dirty page that cannot be
 * written, and the upper one is the next that may leave.
 */
static struct os_world *open_full_world(void)
{
	struct os_world *world = calloc(1, sizeof(*world));
	struct os_memory_config config = { .frames = 2,
					   .frames_max = 2,
					   .process_pages = 3,
					   .file_pages = 1,
					   .key = KEY };
	struct os_memory_env env;

	assert_non_null(world);
	env = os_world_env(world);
	assert_int_equal(os_memory_open(&config, &env, &world->memory, NULL), HV_OK);
	os_world_use_all(world, 3, false);
	assert_true(os_memory_touch(world->memory, 0, false));
	assert_true(os_memory_touch(world->memory, 1, false)); /* both left for it */
	assert_true(os_memory_touch(world->memory, 0, true));
	world->is_full = true;
	assert_true(os_memory_touch(world->memory, 2, false));
	assert_int_equal(os_memory_figures(world->memory).io_errors, 2);
	assert_true(os_memory_touch(world->memory, 0, false)); /* used lately */
	assert_true(os_memory_touch(world->memory, 1, false));
	os_world_must_hold(world);
	return world;
}

static void what_left_to_make_room_for_itself_leaves_once(void **state)
{
	struct os_world *world = open_full_world();
	uint64_t hinted = world->hinted;

	(void)state;
	os_memory_offer(world->memory, 1);
	(void)os_memory_give(world->memory, 1);
	assert_true(os_memory_is_given(world->memory));
	assert_int_equal(world->hinted, hinted + 1);
	assert_int_equal(os_memory_figures(world->memory).moved, 0);
	world->is_full = false;
	os_world_all_is_right(world, 3);
	os_world_close(world);
}

static void step_resize(struct os_world *world, uint64_t draw)
{
	struct os_memory_figures now = os_memory_figures(world->memory);
	uint32_t frames = 1 + (uint32_t)hv_rng_below(&world->rng, FRAMES_MAX);

	if (draw < 2) {
		os_memory_offer(world->memory, frames);
		world->kept = frames < now.frames ? frames : (uint32_t)now.frames;
	} else if (draw < 6) {
		(void)os_memory_give(world->memory, 1 + frames % 64);
	} else if (draw < 8 && now.frames < FRAMES_MAX) {
		world->kept = (uint32_t)now.frames + 1;
		os_memory_resize(world->memory, world->kept);
	} else if (os_memory_is_given(world->memory)) {
		os_memory_resize(world->memory, world->kept);
	}
	lose_the_rest(world);
}

static void step(struct os_world *world, uint32_t process_pages)
{
	uint64_t draw = hv_rng_below(&world->rng, 1000);
	uint32_t page = (uint32_t)hv_rng_below(&world->rng, PAGES);
	struct os_memory_figures now = os_memory_figures(world->memory);

	world->is_full = draw % 16 == 0;
	if (draw < 500)
		assert_true(os_memory_touch(world->memory, page % process_pages,
					    draw % 2 == 0));
	else if (draw < 950)
		assert_true(os_memory_read_file(world->memory, page));
	else if (draw < 990)
		os_memory_loan(world->memory, hv_rng_below(&world->rng, FRAMES_MAX));
	else if (draw < 995)
		assert_true(os_memory_verify(world->memory, page % now.frames));
	else
		step_resize(world, hv_rng_below(&world->rng, 10));
}

static void every_page_is_in_one_place_and_right(void **state)
{
	struct hv_rng rng = { .state = test_seed() };

	(void)state;
	for (unsigned game = 0; game < 12; game++) {
		uint32_t pages = 1 + (uint32_t)hv_rng_below(&rng, PAGES);
		struct os_world *world = os_world_open(game % OS_LOAN_POLICY_COUNT,
						       pages);

		world->rng.state = hv_rng_next(&rng);
		world->taken_percent = (unsigned)hv_rng_below(&rng, 101);
		for (unsigned i = 0; i < 3000; i++) {
			step(world, pages);
			if (i % 64 == 0)
				os_world_must_hold(world);
		}
		world->is_full = false;
		os_world_all_is_right(world, pages);
		os_world_close(world);
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct os_world world = { 0 };
	struct os_memory_config config = { .frames = 1,
					   .frames_max = 1,
					   .process_pages = 1,
					   .file_pages = 1,
					   .policy = OS_LOAN_CACHE };
	struct os_memory_env env = os_world_env(&world);

	(void)state;
	env.hint = NULL;
	assert_int_equal(os_memory_open(&config, &env, &world.memory, NULL), HV_E_INVAL);
	config.policy = OS_LOAN_OFF;
	config.frames = 2;
	assert_int_equal(os_memory_open(&config, &env, &world.memory, NULL), HV_E_INVAL);
}

static void each_allocation_may_fail(void **state)
{
	static struct os_world world;
	struct hv_err err;

	(void)state;
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = os_world_try_open(&world, OS_LOAN_CACHE, 8, &err);
		if (!oom_disarm()) {
			assert_int_equal(code, HV_OK);
			break;
		}
		assert_int_equal(code, HV_E_NOMEM);
	}
	os_memory_close(world.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cache_goes_before_working_storage),
		cmocka_unit_test(
			working_storage_that_does_not_fit_is_paged_and_comes_back),
		cmocka_unit_test(a_clean_page_leaves_without_being_written_again),
		cmocka_unit_test(what_is_lent_is_free_pages_then_cache),
		cmocka_unit_test(policy_2_pages_working_storage_out_to_lend_it),
		cmocka_unit_test(what_is_missed_is_taken_back),
		cmocka_unit_test(a_process_that_grows_takes_back_what_is_lent),
		cmocka_unit_test(a_balloon_is_slow_and_takes_nothing_back_unasked),
		cmocka_unit_test(a_full_disk_loses_nothing),
		cmocka_unit_test(what_is_given_back_is_emptied_first),
		cmocka_unit_test(what_has_no_room_below_is_paged_out),
		cmocka_unit_test(what_was_offered_and_not_taken_is_used_again),
		cmocka_unit_test(what_cannot_be_written_is_not_given),
		cmocka_unit_test(what_left_to_make_room_for_itself_leaves_once),
		cmocka_unit_test(a_dropped_page_of_the_cache_is_read_again),
		cmocka_unit_test(a_lost_page_is_one_mismatch),
		cmocka_unit_test(every_page_is_in_one_place_and_right),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
