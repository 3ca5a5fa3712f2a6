/*
 * Partitions of one pager that ask different VIOS, and move from one to the other, rule
 * by rule, on the models. The explorer and the random runs try the same in every order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_bench.h"

#define PAGES BENCH_PAGES
#define FILLS 8u

static struct hv_space *space(unsigned member)
{
	return world.members[member].space;
}

static enum hv_page_state state_of(unsigned member, uint32_t page)
{
	return hv_page_state(&space(member)->table, page);
}

/* Partition n asks path n. */
static int set_up(void **state)
{
	struct world_config config = bench_config(2, FILLS);

	(void)state;
	world_init(&world, &config);
	world_member_move(&world, 1, 1);
	return 0;
}

static void touch(unsigned member, enum model_op op, uint32_t page)
{
	bench_start(member, 0, op, page);
	for (unsigned i = 0; i < 4; i++) {
		bench_turn();
		for (unsigned path = 0; path < HV_PATHS; path++)
			bench_serve(path);
	}
	assert_true(bench_is_idle(member, 0));
}

/* The write of that page is out. */
static void steal(unsigned member, uint32_t page)
{
	bench_steal(member, page);
	assert_int_equal(state_of(member, page), HV_PAGE_STEALING);
}

/* Pages 0.. of it are on its device. */
static void put_away(unsigned member, uint32_t pages)
{
	for (uint32_t page = 0; page < pages; page++) {
		touch(member, MODEL_WRITE, page);
		steal(member, page);
		bench_serve(hv_space_current(space(member)));
		assert_int_equal(state_of(member, page), HV_PAGE_STOLEN);
	}
}

static void each_partition_asks_its_own_path(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		touch(i, MODEL_WRITE, 0);
	steal(0, 0);
	assert_int_equal(bench_out(0), 1);
	assert_int_equal(bench_out(1), 0);
	steal(1, 0);
	assert_int_equal(bench_out(1), 1);
	for (unsigned i = 0; i < 2; i++) {
		bench_serve(i);
		assert_int_equal(state_of(i, 0), HV_PAGE_STOLEN);
		bench_start(i, 0, MODEL_READ, 0);
	}
	bench_turn();
	assert_int_equal(bench_out(0), 1);
	assert_int_equal(bench_out(1), 1);
	bench_serve(0);
	bench_serve(1);
	bench_turn();
	assert_true(bench_is_idle(0, 0) && bench_is_idle(1, 0));
}

/* M3: what is being written stays in its frame until the old path has answered. */
static void a_page_written_on_the_old_path_is_not_read_on_the_new_one_too_early(
	void **state)
{
	(void)state;
	touch(0, MODEL_WRITE, 0);
	steal(0, 0);
	world_member_move(&world, 0, 1);
	bench_start(0, 0, MODEL_READ, 0); /* it is in its frame */
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	assert_int_equal(bench_out(1), 0);
	bench_serve(0);
	touch(0, MODEL_WRITE, 1);
	steal(0, 1); /* over the new path; and back before it is answered */
	assert_int_equal(bench_out(1), 1);
	world_member_move(&world, 0, 0);
	bench_serve(1);
	assert_int_equal(state_of(0, 1), HV_PAGE_STOLEN); /* its answer counts */
	bench_start(0, 0, MODEL_READ, 1);
	bench_turn();
	assert_int_equal(bench_out(0), 1);
	bench_serve(0);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

static void a_read_that_is_out_is_answered_where_it_was_sent(void **state)
{
	(void)state;
	put_away(0, 2);
	bench_start(0, 0, MODEL_READ, 0);
	bench_turn();
	assert_int_equal(bench_out(0), 1);
	world_member_move(&world, 0, 1);
	bench_start(0, 1, MODEL_READ, 1);
	bench_turn();
	assert_int_equal(bench_out(0), 1);
	assert_int_equal(bench_out(1), 1);
	bench_serve(0);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	assert_false(bench_is_idle(0, 1));
	assert_int_equal(hv_pager_moved_ns(world.pager, 1), 0);
	bench_serve(1);
	bench_turn();
	assert_true(bench_is_idle(0, 1));
	assert_true(hv_pager_moved_ns(world.pager, 1) > 0);
}

/* M5, for those alone that asked it. */
static void the_end_of_a_path_concerns_only_those_that_asked_it(void **state)
{
	struct hv_space_stat stat;

	(void)state;
	put_away(0, 1);
	put_away(1, 1);
	touch(0, MODEL_WRITE, 1);
	touch(1, MODEL_WRITE, 1);
	for (unsigned i = 0; i < 2; i++) {
		steal(i, 1);
		bench_start(i, 0, MODEL_READ, 0);
	}
	bench_turn();
	assert_true(world_vios_end(&world, 0));
	assert_int_equal(hv_space_current(space(0)), HV_PATHS);
	assert_int_equal(hv_space_current(space(1)), 1);
	hv_space_stat(space(0), world.now_ns, &stat);
	assert_int_equal(stat.slots_in[HV_SLOT_QUARANTINED], 1);
	hv_space_stat(space(1), world.now_ns, &stat);
	assert_int_equal(stat.slots_in[HV_SLOT_QUARANTINED], 0);
	bench_serve(1);
	bench_turn();
	assert_true(bench_is_idle(1, 0));
	assert_int_equal(state_of(1, 1), HV_PAGE_STOLEN);
	assert_false(bench_is_idle(0, 0)); /* it has no path */
	hv_space_stat(space(0), world.now_ns, &stat);
	assert_int_equal(stat.wait, HV_WAIT_PATH);
	world_member_move(&world, 0, 1);
	bench_turn();
	bench_serve(1);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

/* Planned: nothing is sent any more, not even a second try, and nothing is lost. */
static void a_path_that_leaves_is_not_asked(void **state)
{
	(void)state;
	put_away(0, 1);
	put_away(1, 1);
	bench_start(0, 0, MODEL_READ, 0);
	bench_turn();
	assert_true(world_vios_leave(&world, 0));
	assert_int_equal(bench_out(0), 1);
	bench_start(1, 0, MODEL_READ, 0);
	bench_turn();
	bench_answer(1, MODEL_ERROR);
	bench_turn();
	assert_int_equal(bench_out(0),
			 1); /* the read that failed waits for its own path */
	bench_serve(0);
	bench_turn();
	assert_true(bench_is_idle(0, 0)); /* the last answer counts */
	assert_int_equal(bench_out(0), 0);
	assert_true(world_vios_end(&world, 0));
	assert_int_equal(world.toll.quarantined_slots, 0);
	for (unsigned i = 0; i < 100; i++)
		bench_turn();
	bench_serve(1);
	bench_turn();
	assert_true(bench_is_idle(1, 0));
}

/* A read that failed is tried on the other path, whichever the partition asks. */
static void a_failed_read_is_tried_on_the_other_path(void **state)
{
	(void)state;
	put_away(1, 1);
	bench_start(1, 0, MODEL_READ, 0);
	bench_turn();
	bench_answer(1, MODEL_ERROR);
	assert_int_equal(bench_out(1), 0);
	assert_int_equal(bench_out(0), 1);
	bench_serve(0);
	bench_turn();
	assert_true(bench_is_idle(1, 0));
}

static enum hv_pause pause_of(unsigned member, unsigned *ret_sides)
{
	return hv_steal_pause(space(member), world.now_ns, ret_sides);
}

/* ... and neither path holds up the other one's partitions. */
static void a_failed_write_is_tried_on_the_other_path(void **state)
{
	unsigned sides = 0;

	(void)state;
	touch(0, MODEL_WRITE, 0);
	steal(0, 0);
	assert_int_equal(bench_out(0), 1);
	bench_answer(0, MODEL_ERROR);
	assert_int_equal(state_of(0, 0), HV_PAGE_RESIDENT);
	assert_int_equal(pause_of(0, &sides), HV_PAUSE_NONE);
	assert_int_equal(sides, HV_BIT(1));
	steal(0, 0);
	assert_int_equal(bench_out(1), 1);
	bench_answer(1, MODEL_ERROR);
	assert_int_equal(pause_of(0, &sides), HV_PAUSE_ERROR); /* nobody is left */
	assert_int_equal(pause_of(1, &sides), HV_PAUSE_NONE);
	world.now_ns += HV_WRITE_WAIT_NS;
	assert_int_equal(pause_of(0, &sides), HV_PAUSE_NONE);
	assert_int_equal(sides, HV_BIT(0)); /* the one that it asks, again */
	steal(0, 0);
	bench_answer(0, MODEL_ERROR); /* once more, and for twice as long */
	world.now_ns += HV_WRITE_WAIT_NS;
	assert_int_equal(pause_of(0, &sides), HV_PAUSE_NONE);
	assert_int_equal(sides, HV_BIT(1));
	steal(0, 0);
	bench_serve(1);
	assert_int_equal(state_of(0, 0), HV_PAGE_STOLEN);
	touch(0, MODEL_READ, 0); /* what is there is there for both */
}

/* Where a VIOS hangs, those who ask the other one still get their pages. */
static void a_silent_path_leaves_page_ins_to_the_other(void **state)
{
	(void)state;
	put_away(0, FILLS);
	put_away(1, 2);
	for (unsigned i = 0; i < FILLS; i++)
		bench_start(0, i, MODEL_READ, i);
	bench_turn();
	assert_int_equal(bench_out(0), FILLS - FILLS / 4);
	bench_start(1, 0, MODEL_READ, 0);
	bench_start(1, 1, MODEL_READ, 1);
	bench_turn();
	assert_int_equal(bench_out(1), 2);
	bench_serve(1);
	bench_turn();
	assert_true(bench_is_idle(1, 0) && bench_is_idle(1, 1));
	/* alone, one may have them all */
	world_member_move(&world, 1, 0);
	bench_turn();
	assert_int_equal(bench_out(0), FILLS);
	bench_serve(0);
	bench_turn();
	for (unsigned i = 0; i < FILLS; i++)
		assert_true(bench_is_idle(0, i));
}

/*
 * Frames that a silent path is writing out are not free before long: pages of others
 * leave for a fault that waits, long before that path is given up.
 */
static void a_silent_path_holds_up_no_fault_of_the_other(void **state)
{
	uint32_t page;

	(void)state;
	put_away(1, 1);
	for (page = 0; page < PAGES; page++)
		touch(0, MODEL_WRITE, page);
	for (page = 1; page < PAGES; page++)
		touch(1, MODEL_WRITE, page);
	hv_frames_shrink(&world.frames, (uint64_t)hv_frames_free(&world.frames));
	for (page = 0; page < 8; page++)
		steal(0, page); /* over path 0, which says no more */
	assert_true(hv_frames_soon(&world.frames) >= 8);
	bench_start(1, 0, MODEL_READ, 0);
	for (unsigned i = 0; i < 40; i++) { /* 40 ms */
		bench_turn();
		bench_serve(1);
	}
	assert_false(bench_is_idle(1, 0)); /* these frames may come any moment */
	for (unsigned i = 0; i < 40; i++) {
		bench_turn();
		bench_serve(1);
	}
	assert_true(bench_is_idle(1, 0));
	bench_serve(0); /* it was asleep, no more */
	bench_turn();
	for (page = 0; page < 8; page++)
		assert_int_equal(state_of(0, page), HV_PAGE_STOLEN);
	hv_frames_grow(&world.frames, BENCH_FRAMES);
}

/* What it had of pages that came back, or ended with their partition, is no loss. */
static void a_silent_path_holds_no_frame_of_a_page_that_stays(void **state)
{
	uint32_t page;
	int64_t free;

	(void)state;
	for (page = 0; page < 8; page++)
		touch(0, MODEL_WRITE, page);
	for (page = 0; page < 8; page++)
		steal(0, page);
	free = hv_frames_free(&world.frames);
	for (unsigned i = 0; i < 60; i++)
		bench_turn();
	assert_int_equal(hv_frames_soon(&world.frames), free);
	bench_start(0, 0, MODEL_WRITE, 0);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	bench_turn();
	assert_int_equal(hv_frames_free(&world.frames), free);
	assert_int_equal(hv_frames_soon(&world.frames), free);
	world_member_kill(&world, 0);
	bench_turn();
	assert_int_equal(hv_frames_soon(&world.frames), BENCH_FRAMES);
	bench_serve(0);
	assert_true(world_member_reap(&world, 0));
}

static void one_without_a_path_waits_and_goes_on(void **state)
{
	struct hv_space_stat stat;

	(void)state;
	put_away(0, 1);
	world_member_move(&world, 0, HV_PATHS);
	bench_start(0, 0, MODEL_READ, 0);
	bench_turn();
	hv_space_stat(space(0), world.now_ns, &stat);
	assert_int_equal(stat.wait, HV_WAIT_PATH);
	assert_int_equal(bench_out(0) + bench_out(1), 0);
	world_member_move(&world, 0, 0);
	bench_turn();
	bench_serve(0);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

/* However many there are. One that goes leaves the others as they were. */
static void who_has_nothing_to_do_is_not_looked_at(void **state)
{
	(void)state;
	put_away(0, 1);
	put_away(1, 1);
	bench_turn();
	assert_false(hv_space_is_awake(space(0)) || hv_space_is_awake(space(1)));
	bench_start(1, 0, MODEL_READ, 0);
	bench_turn();
	assert_true(hv_space_is_awake(space(1)) && !hv_space_is_awake(space(0)));
	world_member_kill(&world, 0);
	assert_true(world_member_reap(&world, 0));
	assert_int_equal(space(1)->index, 0);
	assert_true(hv_space_is_awake(space(1)));
	bench_serve(1);
	bench_turn();
	assert_true(bench_is_idle(1, 0));
	assert_false(hv_space_is_awake(space(1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)
		TEST(each_partition_asks_its_own_path),
		TEST(a_page_written_on_the_old_path_is_not_read_on_the_new_one_too_early),
		TEST(a_read_that_is_out_is_answered_where_it_was_sent),
		TEST(the_end_of_a_path_concerns_only_those_that_asked_it),
		TEST(a_path_that_leaves_is_not_asked),
		TEST(a_failed_read_is_tried_on_the_other_path),
		TEST(a_failed_write_is_tried_on_the_other_path),
		TEST(a_silent_path_leaves_page_ins_to_the_other),
		TEST(a_silent_path_holds_up_no_fault_of_the_other),
		TEST(a_silent_path_holds_no_frame_of_a_page_that_stays),
		TEST(one_without_a_path_waits_and_goes_on),
		TEST(who_has_nothing_to_do_is_not_looked_at),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
