/*
 * Pages that are read back over the path that their partition does not ask, on the
 * models: what is found, what is not, and that no slot is free too early (P4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_bench.h"

#define FILLS 4u
#define PER_S 100u
#define EVERY_NS (1000000000u / PER_S)

static struct hv_space *space(void)
{
	return world.members[0].space;
}

static struct hv_space_counts counts(void)
{
	return space()->counts;
}

static enum hv_slot_class slot_of(uint32_t slot)
{
	return hv_slot_class(&space()->table, slot);
}

static int set_up(void **state)
{
	struct world_config config = bench_config(1, FILLS);

	(void)state;
	config.checks_per_s = PER_S;
	world_init(&world, &config);
	return 0;
}

/* The page is on its device; no check has begun. Gives its slot. */
static uint32_t put_away(uint32_t page)
{
	unsigned current = hv_space_current(space());

	world.pager->check_ns = world.now_ns + EVERY_NS;
	bench_touch(MODEL_WRITE, page);
	assert_true(bench_is_idle(0, 0));
	bench_steal(0, page);
	bench_answer(current, MODEL_FINE);
	assert_int_equal(hv_page_state(&space()->table, page), HV_PAGE_STOLEN);
	return space()->table.pages[page].slot;
}

/* A check of it is out, on the path that the partition does not ask. */
static void begin_check(void)
{
	(void)bench_turn_after(EVERY_NS);
	assert_int_equal(bench_out(1), 1);
	assert_int_equal(bench_out(0), 0);
}

static void a_page_is_read_back_over_the_other_path(void **state)
{
	(void)state;
	(void)put_away(3);
	begin_check();
	bench_answer(1, MODEL_FINE);
	assert_int_equal(counts().cross_checked, 1);
	assert_int_equal(counts().cross_bad, 0);
	assert_int_equal(counts().faults, 1); /* none of its own */
	assert_int_equal(hv_page_state(&space()->table, 3), HV_PAGE_STOLEN);
}

/* So many a second, each page in turn, and the thread sleeps in between. */
static void checks_are_budgeted_and_go_round(void **state)
{
	struct hv_pager_run run;

	(void)state;
	for (uint32_t page = 0; page < 4; page++)
		(void)put_away(page);
	begin_check();
	bench_answer(1, MODEL_FINE);
	run = bench_turn_after(EVERY_NS / 2);
	assert_int_equal(bench_out(1), 0);
	assert_false(run.is_busy);
	assert_true(run.wake_ns > world.now_ns && run.wake_ns <= world.now_ns + EVERY_NS);
	for (unsigned i = 0; i < 7; i++) {
		begin_check();
		assert_int_equal(world.vios[1].requests[0].ask.slot,
				 space()->table.pages[(i + 1) % 4].slot);
		bench_answer(1, MODEL_FINE);
	}
	assert_int_equal(counts().cross_checked, 8);
}

/* Nobody needs a frame for 10 s: a fourth as many, until somebody does. */
static void where_nothing_happens_they_are_fewer(void **state)
{
	(void)state;
	(void)put_away(0);
	(void)put_away(1);
	begin_check();
	bench_answer(1, MODEL_FINE);
	(void)bench_turn_after(UINT64_C(10000000000));
	bench_answer(1, MODEL_FINE);
	(void)bench_turn_after(3 * EVERY_NS);
	assert_int_equal(bench_out(1), 0);
	begin_check();
	bench_answer(1, MODEL_FINE);
	bench_touch(MODEL_WRITE, 2);
	(void)bench_turn_after(4 * EVERY_NS); /* when it was due */
	bench_answer(1, MODEL_FINE);
	begin_check();
	bench_answer(1, MODEL_FINE);
}

static void without_anything_to_check_the_thread_sleeps(void **state)
{
	(void)state;
	assert_true(bench_turn_after(EVERY_NS).wake_ns ==
		    UINT64_MAX); /* nothing is away */
	(void)put_away(0);
	assert_true(world_vios_leave(&world, 1));
	assert_true(bench_turn_after(EVERY_NS).wake_ns ==
		    UINT64_MAX); /* one path serves */
	assert_true(world_vios_end(&world, 1));
	assert_true(bench_turn_after(EVERY_NS).wake_ns == UINT64_MAX);
	assert_true(world_vios_start(&world, 1));
	assert_true(bench_turn_after(EVERY_NS).wake_ns ==
		    UINT64_MAX); /* it has no device there */
	assert_true(world_vios_open(&world, 1, 0));
	begin_check();
	bench_answer(1, MODEL_FINE);
	assert_int_equal(counts().cross_checked, 1);
}

/* The other VIOS sees another device: it is named, and nobody is harmed. */
static void a_page_that_is_not_there_is_found(void **state)
{
	struct hv_space_stat stat;

	(void)state;
	(void)put_away(5);
	begin_check();
	bench_answer(1, MODEL_CORRUPT);
	assert_int_equal(counts().cross_checked, 0);
	bench_answer(1, MODEL_ERROR);
	assert_int_equal(bench_out(0), 1); /* ... and over its own */
	bench_answer(0, MODEL_FINE);
	hv_space_stat(space(), world.now_ns, &stat);
	assert_int_equal(stat.counts.cross_checked, 1);
	assert_int_equal(stat.counts.cross_bad, 1);
	assert_int_equal(stat.bad.page, 5);
	assert_int_equal(stat.bad.paths, 2);
	assert_int_equal(stat.counts.checksum_errors + stat.counts.io_errors, 0);
	bench_touch(MODEL_READ, 5);
	bench_answer(0, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

/* Before anybody faults on it; whoever does, gets no wrong page. */
static void a_slot_that_was_scribbled_on_is_found(void **state)
{
	struct hv_space_stat stat;
	uint32_t slot;

	(void)state;
	slot = put_away(5);
	world.members[0].devices[0].slots[slot].tail ^= 1;
	world.is_damaged = true;
	world.members[0].kernel.pages[5].may_poison = true;
	begin_check();
	bench_answer(1, MODEL_FINE);
	bench_answer(1, MODEL_FINE);
	bench_answer(0, MODEL_FINE);
	hv_space_stat(space(), world.now_ns, &stat);
	assert_int_equal(stat.counts.cross_bad, 1);
	assert_int_equal(stat.bad.paths, 3);
	assert_int_equal(hv_page_state(&space()->table, 5), HV_PAGE_STOLEN);
}

static void a_read_that_fails_once_is_tried_again(void **state)
{
	(void)state;
	(void)put_away(5);
	begin_check();
	bench_answer(1, MODEL_ERROR);
	assert_int_equal(bench_out(1), 1);
	bench_answer(1, MODEL_FINE);
	assert_int_equal(counts().cross_checked, 1);
	assert_int_equal(counts().cross_bad, 0);
}

/* Its own path is gone meanwhile: what is known is said. */
static void a_bad_page_counts_without_its_own_path(void **state)
{
	struct hv_space_stat stat;

	(void)state;
	(void)put_away(5);
	begin_check();
	bench_answer(1, MODEL_CORRUPT);
	assert_true(world_vios_end(&world, 0));
	bench_answer(1, MODEL_CORRUPT);
	hv_space_stat(space(), world.now_ns, &stat);
	assert_int_equal(stat.counts.cross_bad, 1);
	assert_int_equal(stat.bad.paths, 2);
}

static void p4_a_slot_that_is_checked_is_condemned_when_its_page_goes(void **state)
{
	uint32_t slot;

	(void)state;
	slot = put_away(2);
	begin_check();
	assert_true(world_member_discard(&world, 0, 2, 1));
	bench_check();
	assert_int_equal(slot_of(slot), HV_SLOT_CONDEMNED);
	bench_answer(1, MODEL_FINE);
	assert_int_equal(slot_of(slot), HV_SLOT_FREE);
	assert_int_equal(counts().cross_checked, 0); /* nobody wanted to know */
}

/* The last of the two answers frees it, whichever that is. */
static void discard_while_read_twice(unsigned first)
{
	uint32_t slot = put_away(2);

	begin_check();
	bench_touch(MODEL_READ, 2);
	assert_int_equal(bench_out(0), 1);
	assert_true(world_member_discard(&world, 0, 2, 1));
	bench_check();
	bench_answer(first, MODEL_FINE);
	assert_int_equal(slot_of(slot), HV_SLOT_CONDEMNED);
	bench_answer(HV_PATHS - 1 - first, MODEL_FINE);
	assert_int_equal(slot_of(slot), HV_SLOT_FREE);
	bench_turn();
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

static void p4_a_slot_read_twice_is_free_after_both_answers(void **state)
{
	(void)state;
	discard_while_read_twice(0);
	discard_while_read_twice(1);
}

/* A page that came back and is written to again gives its slot up, too. */
static void p4_a_page_that_is_written_to_gives_its_slot_up_later(void **state)
{
	uint32_t slot;

	(void)state;
	slot = put_away(2);
	begin_check();
	bench_touch(MODEL_READ, 2);
	bench_answer(0, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	assert_int_equal(slot_of(slot), HV_SLOT_LIVE);
	bench_touch(MODEL_WRITE, 2);
	assert_true(bench_is_idle(0, 0));
	assert_int_equal(slot_of(slot), HV_SLOT_CONDEMNED);
	bench_answer(1, MODEL_FINE);
	assert_int_equal(slot_of(slot), HV_SLOT_FREE);
}

static void m5_the_end_of_its_path_ends_a_check(void **state)
{
	uint32_t slot;

	(void)state;
	slot = put_away(2);
	begin_check();
	assert_true(world_vios_end(&world, 1));
	bench_check();
	assert_int_equal(slot_of(slot), HV_SLOT_LIVE);
	assert_int_equal(world.toll.resent_reads, 0);
	assert_true(bench_turn_after(EVERY_NS).wake_ns == UINT64_MAX);
	assert_int_equal(bench_out(0), 0);
	assert_true(world_member_discard(&world, 0, 2, 1));
	assert_int_equal(slot_of(slot), HV_SLOT_QUARANTINED);
	world_drain(&world, 1, 0);
	assert_int_equal(slot_of(slot), HV_SLOT_FREE);
}

static void a_partition_ends_while_it_is_checked(void **state)
{
	(void)state;
	(void)put_away(2);
	begin_check();
	world_member_kill(&world, 0);
	bench_check();
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDING);
	bench_answer(1, MODEL_CORRUPT);
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDED);
	assert_int_equal(counts().cross_checked, 0);
	assert_true(world_member_reap(&world, 0));
	assert_true(bench_turn_after(EVERY_NS).wake_ns == UINT64_MAX);
}

/* A second try that waits for a buffer is forgotten with its partition. */
static void a_partition_ends_between_two_tries(void **state)
{
	uint32_t buffer[FILLS];

	(void)state;
	(void)put_away(2);
	begin_check();
	for (unsigned i = 0; i < FILLS - 1; i++)
		assert_true(
			model_vios_ops.take(&world.vios[1], HV_OP_READ, 1, &buffer[i]));
	bench_answer(1, MODEL_ERROR); /* its own buffer is given back after the answer */
	assert_int_equal(bench_out(1), 0);
	assert_int_equal(world.pager->walkers[0].state, HV_WALKER_QUEUED);
	world_member_kill(&world, 0);
	bench_check();
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDED);
	assert_true(world_member_reap(&world, 0));
	(void)hv_pager_run(world.pager, world.now_ns);
	for (unsigned i = 0; i < FILLS - 1; i++)
		model_vios_ops.give(&world.vios[1], buffer[i], 1);
}

/* While page-ins are many, no check takes a buffer from them. */
static void faults_go_first(void **state)
{
	(void)state;
	for (uint32_t page = 0; page < 4; page++)
		(void)put_away(page);
	for (unsigned i = 0; i < FILLS / 2; i++)
		bench_start(0, i, MODEL_READ, i);
	bench_turn();
	assert_int_equal(bench_out(0), FILLS / 2);
	(void)bench_turn_after(EVERY_NS);
	assert_int_equal(bench_out(1), 0);
	while (world_vios_work(&world, 0, 0, MODEL_FINE))
		assert_true(world_vios_answer(&world, 0, 0));
	bench_turn();
	begin_check();
	bench_answer(1, MODEL_FINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)
		TEST(a_page_is_read_back_over_the_other_path),
		TEST(checks_are_budgeted_and_go_round),
		TEST(where_nothing_happens_they_are_fewer),
		TEST(without_anything_to_check_the_thread_sleeps),
		TEST(a_page_that_is_not_there_is_found),
		TEST(a_slot_that_was_scribbled_on_is_found),
		TEST(a_read_that_fails_once_is_tried_again),
		TEST(a_bad_page_counts_without_its_own_path),
		TEST(p4_a_slot_that_is_checked_is_condemned_when_its_page_goes),
		TEST(p4_a_slot_read_twice_is_free_after_both_answers),
		TEST(p4_a_page_that_is_written_to_gives_its_slot_up_later),
		TEST(m5_the_end_of_its_path_ends_a_check),
		TEST(a_partition_ends_while_it_is_checked),
		TEST(a_partition_ends_between_two_tries),
		TEST(faults_go_first),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
