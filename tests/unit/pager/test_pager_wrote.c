/*
 * Pages that are written each time they come back, on the models: they come writable for
 * a read as well, without a slot (P5), as long as those that come protected are written.
 */
#include "tests/unit/pager/ahead_bench.h"

static int set_up_alone(void **state)
{
	(void)state;
	open_world(0, false); /* no read-ahead */
	return 0;
}

static void assume_score(unsigned score)
{
	space()->wrote = (struct hv_wrote){ .score = (uint8_t)score };
}

static unsigned score(void)
{
	return space()->wrote.score;
}

static bool is_writable(uint32_t page)
{
	return state_of(page) == HV_PAGE_RESIDENT &&
	       space()->table.pages[page].slot == HV_SLOT_NONE &&
	       !member()->kernel.pages[page].is_protected;
}

static void send_away(uint32_t page)
{
	bench_steal(0, page);
	serve_all();
	assert_int_equal(state_of(page), HV_PAGE_STOLEN);
}

static void what_was_written_comes_writable_for_a_read(void **state)
{
	uint32_t slot;
	uint64_t events;

	(void)state;
	put_all_away();
	assume_score(HV_WROTE_MOST);
	slot = space()->table.pages[3].slot;
	touch(MODEL_READ, 3);
	assert_true(is_writable(3));
	assert_int_equal(hv_slot_class(&space()->table, slot), HV_SLOT_FREE);
	events = counts().faults;
	touch(MODEL_WRITE, 3);
	assert_int_equal(counts().faults, events); /* the store was no event */
	send_away(3);
	assume_score(HV_WROTE_MOST);
	touch(MODEL_READ, 3); /* with what was written */
	assert_true(is_writable(3));
}

static void one_of_some_comes_protected_to_see(void **state)
{
	unsigned protected = 0;

	(void)state;
	put_all_away();
	assume_score(HV_WROTE_MOST);
	for (uint32_t page = 0; page < HV_WROTE_PROBE && page < PAGES; page++) {
		touch(MODEL_READ, page);
		protected += !is_writable(page);
		touch(MODEL_WRITE, page);
		send_away(page);
	}
	assert_int_equal(protected, 1);
}

static void a_store_is_a_hit_and_counted_once(void **state)
{
	(void)state;
	put_all_away();
	touch(MODEL_READ, 3);
	assert_false(is_writable(3));
	assert_int_equal(score(), 0);
	touch(MODEL_WRITE, 3);
	assert_int_equal(score(), 1);
	touch(MODEL_WRITE, 3);
	assert_int_equal(score(), 1);
	assume_score(HV_WROTE_MOST);
	touch(MODEL_WRITE, 4); /* brought for it: tells nothing */
	assert_int_equal(score(), HV_WROTE_MOST);
}

static void who_leaves_without_one_is_a_miss_and_not_expected_again(void **state)
{
	(void)state;
	put_all_away();
	assume_score(HV_WROTE_ENOUGH - 1);
	touch(MODEL_READ, 3);
	assert_false(is_writable(3));
	send_away(3);
	assert_int_equal(score(), HV_WROTE_ENOUGH - 1 - HV_WROTE_MISS);
	assume_score(HV_WROTE_MOST);
	touch(MODEL_READ, 3);
	assert_false(is_writable(3));
	send_away(3);
	assert_int_equal(score(), HV_WROTE_MOST); /* nobody expected it */
	touch(MODEL_READ, 3);
	touch(MODEL_WRITE, 3);
	send_away(3);
	touch(MODEL_READ, 3);
	assert_true(is_writable(3)); /* it was written once more */
}

static void a_score_ends_at_none(void **state)
{
	(void)state;
	put_all_away();
	assume_score(HV_WROTE_MISS - 1);
	touch(MODEL_READ, 3);
	send_away(3);
	assert_int_equal(score(), 0);
}

/* It was dirty without a store: its content is what it was. */
static void a_wrong_guess_costs_a_write_alone(void **state)
{
	uint64_t page_outs;

	(void)state;
	put_all_away();
	assume_score(HV_WROTE_MOST);
	page_outs = counts().page_outs;
	touch(MODEL_READ, 3);
	send_away(3);
	assert_int_equal(counts().page_outs, page_outs + 1);
	touch(MODEL_READ, 3);
}

static void what_a_device_reads_comes_protected(void **state)
{
	(void)state;
	put_all_away();
	assume_score(HV_WROTE_MOST);
	assert_int_equal(hv_pager_map(world.pager, space(), 3, false, world.now_ns),
			 HV_MAP_WAITS);
	bench_turn(); /* it is sent */
	serve_all();
	assert_int_equal(state_of(3), HV_PAGE_RESIDENT);
	assert_false(is_writable(3));
}

static void who_is_discarded_was_not_written(void **state)
{
	(void)state;
	put_all_away();
	assert_true(hv_page_has(&space()->table, 3, HV_PAGE_WROTE));
	assert_true(world_member_discard(&world, 0, 3, 1));
	bench_check();
	assert_int_equal(state_of(3), HV_PAGE_ZERO);
	assert_false(hv_page_has(&space()->table, 3, HV_PAGE_WROTE));
}

static void a_neighbour_that_was_written_comes_writable_as_well(void **state)
{
	(void)state;
	again(HV_AHEAD_MAX, false);
	put_all_away();
	for (uint32_t page = 0; page < LEARN; page++) {
		assume_score(HV_WROTE_MOST);
		touch(MODEL_READ, page);
	}
	assert_true(is_writable(LEARN)); /* it came with the last of them */
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up_alone, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_written_comes_writable_for_a_read),
		T(one_of_some_comes_protected_to_see),
		T(a_store_is_a_hit_and_counted_once),
		T(who_leaves_without_one_is_a_miss_and_not_expected_again),
		T(a_score_ends_at_none),
		T(a_wrong_guess_costs_a_write_alone),
		T(what_a_device_reads_comes_protected),
		T(who_is_discarded_was_not_written),
		T(a_neighbour_that_was_written_comes_writable_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
