/*
 * Page-ins that are late and asked for over both paths, on the models: who is first
 * counts, and what the other one still reads is not given out (P4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_bench.h"

#define FILLS 8u
#define LATE_NS (10 * (uint64_t)BENCH_TURN_NS)

static struct hv_space *space(void)
{
	return world.members[0].space;
}

static struct hv_space_counts counts(void)
{
	return space()->counts;
}

static enum hv_slot_class class_of(uint32_t slot)
{
	return hv_slot_class(&space()->table, slot);
}

static int set_up(void **state)
{
	struct world_config config = bench_config(1, FILLS);

	(void)state;
	config.hedge_ns = LATE_NS;
	world_init(&world, &config);
	return 0;
}

/* A thread waits for a page that is away: it is out over path 0, then over 1 as well. */
static uint32_t wait_for(unsigned thread, uint32_t page)
{
	unsigned out = bench_out(0);

	bench_start(0, thread, MODEL_READ, page);
	bench_turn();
	assert_int_equal(bench_out(0), out + 1);
	assert_int_equal(bench_out(1), 0);
	(void)bench_turn_after(2 * LATE_NS); /* those before raised what is late */
	assert_int_equal(bench_out(0), out + 1);
	assert_int_equal(bench_out(1), 1);
	return space()->table.pages[page].slot;
}

static uint32_t ask_both(unsigned thread, uint32_t page)
{
	bench_put_away(page);
	return wait_for(thread, page);
}

static void a_page_in_on_time_is_asked_for_once(void **state)
{
	struct hv_pager_run run;

	(void)state;
	bench_put_away(3);
	bench_start(0, 0, MODEL_READ, 3);
	bench_turn();
	run = bench_turn_after(LATE_NS / 2);
	assert_int_equal(bench_out(1), 0);
	assert_true(run.wake_ns > world.now_ns);
	assert_true(run.wake_ns <= world.now_ns + LATE_NS / 2); /* it looks again then */
	bench_answer(0, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	assert_int_equal(counts().hedges, 0);
}

static void the_second_one_may_be_first(void **state)
{
	uint32_t slot;

	(void)state;
	slot = ask_both(0, 3);
	bench_answer(1, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	assert_int_equal(counts().hedges_won, 1);
	assert_int_equal(bench_out(0), 1);
	assert_int_equal(class_of(slot), HV_SLOT_LIVE);
	bench_answer(0, MODEL_FINE); /* nobody is surprised */
	assert_int_equal(class_of(slot), HV_SLOT_LIVE);
	assert_int_equal(counts().page_ins, 1);
}

static void the_first_one_may_be_first(void **state)
{
	uint32_t slot;

	(void)state;
	slot = ask_both(0, 3);
	bench_answer(0, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	bench_answer(1, MODEL_FINE);
	assert_int_equal(class_of(slot), HV_SLOT_LIVE);
	assert_int_equal(counts().hedges, 1);
	assert_int_equal(counts().hedges_won, 0);
}

static void p4_a_slot_that_is_read_late_is_condemned_when_its_page_drops_it(void **state)
{
	uint32_t slot;

	(void)state;
	slot = ask_both(0, 3);
	bench_answer(1, MODEL_FINE);
	bench_turn();
	bench_touch(MODEL_WRITE, 3); /* P5 */
	bench_turn();
	assert_int_equal(space()->table.pages[3].slot, HV_SLOT_NONE);
	assert_int_equal(class_of(slot), HV_SLOT_CONDEMNED);
	bench_answer(0, MODEL_FINE);
	assert_int_equal(class_of(slot), HV_SLOT_FREE);
}

static void p4_a_page_that_goes_meanwhile_frees_its_slot_after_both_answers(void **state)
{
	(void)state;
	for (unsigned first = 0; first < HV_PATHS; first++) {
		uint32_t slot = ask_both(0, 3);

		assert_true(world_member_discard(&world, 0, 3, 1));
		bench_check();
		bench_answer(first, MODEL_FINE);
		assert_int_equal(class_of(slot), HV_SLOT_CONDEMNED);
		bench_answer(HV_PATHS - 1 - first, MODEL_FINE);
		assert_int_equal(class_of(slot), HV_SLOT_FREE);
		bench_turn();
		bench_turn();
		assert_true(bench_is_idle(0, 0));
	}
}

/* M4: what is not whole does not count; the other one is waited for. */
static void bad_answers_leave_it_to_the_other_one(void **state)
{
	static const enum model_fault faults[] = { MODEL_CORRUPT, MODEL_ERROR };

	(void)state;
	for (unsigned i = 0; i < 2 * HV_COUNT(faults); i++) {
		(void)ask_both(0, 3);
		bench_answer(i % 2, faults[i / 2]);
		bench_turn();
		assert_false(bench_is_idle(0, 0));
		bench_answer(HV_PATHS - 1 - i % 2, MODEL_FINE);
		bench_turn();
		assert_true(bench_is_idle(0, 0));
	}
	assert_int_equal(counts().checksum_errors, 2);
	assert_int_equal(counts().io_errors, 2);
	assert_int_equal(space()->table.pages_in[HV_PAGE_POISONED], 0);
}

static void the_end_of_one_epoch_leaves_it_to_the_other_one(void **state)
{
	(void)state;
	(void)ask_both(0, 3);
	assert_true(world_vios_end(&world, 0));
	bench_check();
	assert_int_equal(bench_out(1), 1);
	bench_answer(1, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

static void the_end_of_both_epochs_asks_again(void **state)
{
	(void)state;
	(void)ask_both(0, 3);
	assert_true(world_vios_end(&world, 1));
	assert_true(world_vios_end(&world, 0));
	bench_turn();
	assert_false(bench_is_idle(0, 0));
	world_drain(&world, 1, 0);
	assert_true(world_vios_start(&world, 1));
	assert_true(world_vios_open(&world, 1, 0));
	world_member_move(&world, 0, 1);
	bench_turn();
	bench_serve(1);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

static void a_partition_may_end_while_it_is_asked_for_twice(void **state)
{
	(void)state;
	bench_put_away(5);
	(void)ask_both(0, 3);
	bench_answer(1, MODEL_FINE);
	(void)wait_for(1, 5);
	world_member_kill(&world, 0);
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDING);
	bench_serve(1);
	bench_serve(0);
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDED);
	assert_int_equal(world.pager->paths[0].late, 0);
}

/* A device that is slow whoever asks it is not asked twice for all. */
static void page_ins_that_gain_nothing_are_a_few(void **state)
{
	unsigned asked = 0;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		bench_put_away(3);
		bench_start(0, 0, MODEL_READ, 3);
		bench_turn();
		(void)bench_turn_after(60 * LATE_NS); /* more than it ever is */
		asked += bench_out(1);
		bench_answer(0, MODEL_FINE);
		bench_serve(1);
		bench_turn();
		assert_true(bench_is_idle(0, 0));
	}
	assert_in_range(asked, 16, 18);
	assert_int_equal(counts().hedges, asked);
}

/* One that keeps losing is not asked until it has answered. */
static void a_silent_path_is_gone_around(void **state)
{
	(void)state;
	for (uint32_t page = 0; page < 8; page++)
		bench_put_away(page);
	for (unsigned i = 0; i < 4; i++) {
		(void)wait_for(i, i);
		bench_answer(1, MODEL_FINE);
		bench_turn();
		assert_true(bench_is_idle(0, i));
	}
	assert_int_equal(bench_out(0), 4);
	bench_touch(MODEL_READ, 7);
	assert_int_equal(bench_out(0), 4);
	assert_int_equal(bench_out(1), 1);
	bench_serve(1);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	bench_serve(0);
	bench_put_away(9);
	bench_touch(MODEL_READ, 9);
	assert_int_equal(bench_out(0), 1);
	bench_serve(0);
	bench_turn();
}

static void it_can_be_switched_off(void **state)
{
	(void)state;
	world.pager->hedge_ns = 0;
	bench_put_away(3);
	bench_start(0, 0, MODEL_READ, 3);
	bench_turn();
	(void)bench_turn_after(100 * LATE_NS);
	assert_int_equal(bench_out(1), 0);
	bench_answer(0, MODEL_FINE);
	bench_turn();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_page_in_on_time_is_asked_for_once),
		TEST(the_second_one_may_be_first),
		TEST(the_first_one_may_be_first),
		TEST(p4_a_slot_that_is_read_late_is_condemned_when_its_page_drops_it),
		TEST(p4_a_page_that_goes_meanwhile_frees_its_slot_after_both_answers),
		TEST(bad_answers_leave_it_to_the_other_one),
		TEST(the_end_of_one_epoch_leaves_it_to_the_other_one),
		TEST(the_end_of_both_epochs_asks_again),
		TEST(a_partition_may_end_while_it_is_asked_for_twice),
		TEST(page_ins_that_gain_nothing_are_a_few),
		TEST(a_silent_path_is_gone_around),
		TEST(it_can_be_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
