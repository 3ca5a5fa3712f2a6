/* The compressed tier on the models: when pages leave it, and what it is worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/base/rng.h"
#include "tests/unit/pager/tier_bench.h"

static void nearly_full_its_oldest_leave_ahead_of_need(void **state)
{
	(void)state;
	open_again(3, false);
	for (uint32_t page = 0; page < PAGES && bench_out(0) == 0; page++) {
		bench_touch(MODEL_WRITE, page);
		bench_steal(0, page);
		assert_int_equal(state_of(page), HV_PAGE_PACKED); /* there is room */
		bench_turn();
	}
	assert_true(bench_out(0) > 0);
	assert_int_equal(state_of(0), HV_PAGE_UNLOADING);
	bench_serve(0);
	assert_int_equal(state_of(0), HV_PAGE_STOLEN);
}

static void p14_what_it_may_not_have_any_more_it_gives_back(void **state)
{
	(void)state;
	for (uint32_t page = 0; page < PAGES; page++)
		pack(page);
	assert_true(hv_tier_frames(world.tier) >= 3);
	world_tier_most(&world, 0);
	for (unsigned i = 0; i < 20; i++) {
		bench_turn();
		bench_serve(0);
	}
	assert_int_equal(hv_tier_frames(world.tier), 0);
	assert_int_equal(space()->table.pages_in[HV_PAGE_STOLEN], PAGES);
	assert_int_equal(hv_frames_free(&world.frames), BENCH_FRAMES);
}

static void where_no_page_may_leave_it_gives_way(void **state)
{
	(void)state;
	for (uint32_t page = 0; page < PAGES; page++)
		pack(page);
	hv_pager_target(world.pager, space(), PAGES, PAGES); /* entitled to all */
	hv_frames_shrink(&world.frames, BENCH_FRAMES - PAGES);
	for (unsigned i = 0; i < 20; i++) {
		(void)bench_turn_after(10000000);
		bench_serve(0);
	}
	for (uint32_t page = 0; page < PAGES; page++)
		touch(MODEL_WRITE, page);
	assert_int_equal(space()->table.pages_in[HV_PAGE_RESIDENT], PAGES);
	hv_frames_grow(&world.frames, BENCH_FRAMES - PAGES);
}

static void what_it_took_targets_do_not_know_of(void **state)
{
	(void)state;
	hv_pager_target(world.pager, space(), 0, PAGES);
	for (uint32_t page = 0; page < PAGES; page++)
		bench_touch(MODEL_WRITE, page);
	/* the space is at its target, and the pool below low water */
	hv_frames_shrink(&world.frames, (uint64_t)hv_frames_free(&world.frames) - 2);
	for (unsigned i = 0; i < 20; i++) {
		(void)bench_turn_after(10000000);
		bench_serve(0);
	}
	assert_true(packed() > 0);
	hv_frames_grow(&world.frames,
		       BENCH_FRAMES - (uint64_t)hv_frames_total(&world.frames));
}

/* ---- what it is worth ---- */

static void a_space_that_does_not_compress_goes_past_it_and_is_tried_again(void **state)
{
	struct hv_rng rng = { 5 };
	uint8_t noise[HV_PAGE_BYTES];
	unsigned tries = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)hv_rng_next(&rng);
	bench_touch(MODEL_WRITE, 1);
	for (; hv_pack_may(space()); tries++)
		assert_false(hv_pack(space(), 1, noise));
	assert_true(tries > 8 && tries <= 64);
	assert_int_equal(counts().tier_refused, tries);
	bench_steal(0, 1);
	assert_int_equal(state_of(1), HV_PAGE_STEALING);
	bench_serve(0);
	for (tries = 0; !hv_pack_may(space()); tries++)
		assert_false(hv_pack(space(), 1, noise));
	assert_in_range(tries, 512, 2048);
	pack(2);
}

static void a_space_that_never_faults_on_it_goes_past_it_and_leaves_it(void **state)
{
	unsigned rounds = 0;

	(void)state;
	for (; space()->gain.past == 0; rounds++) {
		pack(1);
		assert_true(world_unload(&world));
		bench_serve(0);
		assert_true(rounds < 1000);
		if (space()->gain.left == 200)
			pack(2); /* stays */
	}
	(void)world_unload(&world);
	for (unsigned i = 0; i < 4; i++) {
		bench_turn();
		bench_serve(0);
	}
	assert_int_equal(packed(), 0);
	assert_int_equal(hv_tier_frames(world.tier), 0); /* nor a reserve */
	touch(MODEL_READ, 2);
}

static void a_space_that_faults_on_it_stays(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		pack(1);
		touch(MODEL_READ, 1);
	}
	assert_true(hv_pack_may(space()));
	assert_int_equal(counts().tier_hits, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)
		TEST(nearly_full_its_oldest_leave_ahead_of_need),
		TEST(p14_what_it_may_not_have_any_more_it_gives_back),
		TEST(where_no_page_may_leave_it_gives_way),
		TEST(what_it_took_targets_do_not_know_of),
		TEST(a_space_that_does_not_compress_goes_past_it_and_is_tried_again),
		TEST(a_space_that_never_faults_on_it_goes_past_it_and_leaves_it),
		TEST(a_space_that_faults_on_it_stays),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
