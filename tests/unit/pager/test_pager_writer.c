/*
 * Read-ahead of a thread that writes all it comes to, on the models: what comes is
 * writable, without a slot (P5), and only as long as it is seen to be written; and pages
 * of a stream leave together, whoever asked for which of them.
 */
#include "tests/unit/pager/ahead_bench.h"

#define RUNS HV_STREAM_WRITTEN

static void assume_written(unsigned runs)
{
	for (unsigned i = 0; i < HV_STREAMS; i++)
		space()->streams[i].written = (uint8_t)runs;
}

static unsigned written_runs(void)
{
	for (unsigned i = 0; i < HV_STREAMS; i++)
		if (space()->streams[i].window > 0)
			return space()->streams[i].written;
	return 0;
}

static uint32_t slot_of(uint32_t page)
{
	return space()->table.pages[page].slot;
}

static bool is_writable(uint32_t page)
{
	return state_of(page) == HV_PAGE_RESIDENT && slot_of(page) == HV_SLOT_NONE &&
	       !member()->kernel.pages[page].is_protected;
}

/* 7 was asked for, 8 to 10 came with it: a run of four, in which nothing is written yet. */
static void bring_a_run(void)
{
	put_all_away();
	for (uint32_t page = 0; page < LEARN + 2; page++)
		touch(page < LEARN ? MODEL_READ : MODEL_WRITE, page);
	assert_int_equal(counts().ahead_page_ins, 4);
	assert_false(is_writable(8));
}

static void write_the_run(void)
{
	for (uint32_t page = 8; page < 11; page++)
		touch(MODEL_WRITE, page);
}

static void what_comes_to_a_writer_is_writable(void **state)
{
	uint64_t events;
	uint32_t slot;

	(void)state;
	bring_a_run();
	write_the_run();
	assume_written(RUNS - 1);
	slot = slot_of(12);
	touch(MODEL_WRITE, 11);
	events = counts().faults;
	for (uint32_t page = 12; page < PAGES; page++) {
		assert_true(is_writable(page));
		touch(MODEL_WRITE, page);
	}
	assert_int_equal(counts().faults, events); /* no store was an event */
	assert_int_equal(hv_slot_class(&space()->table, slot), HV_SLOT_FREE);
}

static void one_run_that_was_written_is_not_enough(void **state)
{
	(void)state;
	bring_a_run();
	write_the_run();
	touch(MODEL_WRITE, 11);
	assert_int_equal(written_runs(), 1);
	assert_int_equal(state_of(12), HV_PAGE_RESIDENT);
	assert_false(is_writable(12));
}

static void one_page_that_was_not_written_ends_it(void **state)
{
	(void)state;
	bring_a_run();
	touch(MODEL_WRITE, 8);
	touch(MODEL_READ, 9);
	touch(MODEL_WRITE, 10);
	assume_written(RUNS);
	touch(MODEL_WRITE, 11);
	assert_int_equal(written_runs(), 0);
	assert_int_equal(state_of(12), HV_PAGE_RESIDENT);
	assert_false(is_writable(12));
}

static void one_page_that_is_read_ends_it(void **state)
{
	(void)state;
	bring_a_run();
	write_the_run();
	assume_written(RUNS);
	touch(MODEL_READ, 11);
	assert_int_equal(written_runs(), 0);
	assert_false(is_writable(12));
}

/* What came writable does not tell; so one run of some comes protected. */
static void it_is_looked_at_again_from_time_to_time(void **state)
{
	unsigned runs = RUNS;

	(void)state;
	bring_a_run();
	write_the_run();
	for (; runs < UINT8_MAX; runs++) {
		struct hv_parked fault = { .page = 11, .is_write = true };

		assume_written(runs);
		for (unsigned i = 0; i < HV_STREAMS; i++)
			space()->streams[i].low = 7, space()->streams[i].high = 10;
		hv_ahead_observe(space(), &fault, space()->streams[0].thread);
		if (!fault.is_written)
			break;
	}
	assert_true(runs > RUNS && runs < 32);
}

/* Nobody wrote it: it is taken for dirty all the same, and counted as wasted. */
static void a_wrong_guess_costs_a_write(void **state)
{
	(void)state;
	bring_a_run();
	write_the_run();
	assume_written(RUNS);
	touch(MODEL_WRITE, 11);
	assert_true(is_writable(13));
	bench_steal(0, 13);
	assert_int_equal(state_of(13), HV_PAGE_STEALING);
	serve_all();
	assert_int_equal(counts().ahead_wasted, 1);
	touch(MODEL_READ, 13);
}

/* P4: its slot is not free before the read is answered, nor twice. */
static void p4_a_writable_one_may_be_discarded_or_dropped(void **state)
{
	uint32_t slot;

	(void)state;
	bring_a_run();
	write_the_run();
	assume_written(RUNS);
	bench_touch(MODEL_WRITE, 11);
	slot = slot_of(12);
	assert_true(world_member_discard(&world, 0, 12, 1));
	bench_check();
	assert_int_equal(hv_slot_class(&space()->table, slot), HV_SLOT_CONDEMNED);
	assert_true(world_vios_end(&world, 0)); /* the others: STOLEN, with their slots */
	assert_int_equal(state_of(13), HV_PAGE_STOLEN);
	assert_false(hv_page_has(&space()->table, 13, HV_PAGE_WANTS_WRITE));
	world_vios_activate(&world, 1);
	bench_turn();
	finish();
	touch(MODEL_READ, 13);
	assert_false(is_writable(13));
}

/* Else its neighbours would get slots that are not beside its own. */
static void who_is_asked_for_leaves_with_its_neighbours(void **state)
{
	struct hv_page_table *table = &space()->table;

	(void)state;
	bring_a_run();
	assert_int_equal(hv_page_queue(table, 7), HV_QUEUE_AHEAD);
	assert_int_equal(hv_page_queue(table, 8), HV_QUEUE_AHEAD);
	assert_int_equal(hv_page_queue(table, 0), HV_QUEUE_SMALL); /* on its own */
}

/* Dirty ones wait where they are; a clean one of another queue leaves. */
static void while_nothing_can_be_written_their_order_stays(void **state)
{
	struct hv_page_table *table = &space()->table;
	uint32_t head;

	(void)state;
	bring_a_run();
	write_the_run();
	touch(MODEL_WRITE, LEARN - 1);
	head = table->queues[HV_QUEUE_AHEAD].head;
	assert_true(slot_of(head) == HV_SLOT_NONE);
	world.pager->paths[0].is_full = true;
	hv_frames_shrink(&world.frames, BENCH_FRAMES - 10); /* one is owed */
	(void)bench_turn_after(10 * BENCH_TURN_NS);
	assert_int_equal(state_of(0), HV_PAGE_STOLEN); /* it was read */
	assert_int_equal(table->queues[HV_QUEUE_AHEAD].head, head);
	hv_frames_grow(&world.frames, BENCH_FRAMES - 10);
	world.pager->paths[0].is_full = false;
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_comes_to_a_writer_is_writable),
		T(one_run_that_was_written_is_not_enough),
		T(one_page_that_was_not_written_ends_it),
		T(one_page_that_is_read_ends_it),
		T(it_is_looked_at_again_from_time_to_time),
		T(a_wrong_guess_costs_a_write),
		T(p4_a_writable_one_may_be_discarded_or_dropped),
		T(who_is_asked_for_leaves_with_its_neighbours),
		T(while_nothing_can_be_written_their_order_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
