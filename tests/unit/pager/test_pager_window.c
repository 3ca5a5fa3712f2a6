/*
 * The window of a steady stream on the models: more than one request for a fault, each for
 * itself, and what a stream is taken to go on over.
 */
#include <string.h>

#include "tests/unit/pager/ahead_bench.h"

#define EACH 3u /* pages of a request */
#define FAR 40u

static void open_with(unsigned ahead, uint32_t pages)
{
	struct world_config config = bench_config(1, FILLS);

	config.ahead = ahead;
	config.pages = pages;
	config.slots = pages + 8;
	world_fini(&world);
	world_init(&world, &config);
}

/* What a fault brings from here on is as much as it can. */
static void steady(void)
{
	for (unsigned i = 0; i < HV_STREAMS; i++)
		space()->streams[i].window = HV_AHEAD_WINDOW(EACH - 1);
}

static const struct hv_vasi_ask *ask(unsigned request)
{
	assert_true(world.vios[0].requests[request].is_used);
	return &world.vios[0].requests[request].ask;
}

/* 7 is asked for, 8 to 15 come with it, by three requests. */
static void begin_window(void)
{
	open_with(EACH - 1, PAGES);
	put_all_away();
	learn();
	steady();
	bench_touch(MODEL_READ, 7);
}

static void a_steady_stream_has_three_requests_out(void **state)
{
	(void)state;
	begin_window();
	assert_int_equal(bench_out(0), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ask(i)->pages, EACH);
		assert_int_equal(ask(i)->slot, space()->table.pages[7 + i * EACH].slot);
	}
	finish();
	for (uint32_t page = 8; page < PAGES; page++)
		assert_int_equal(state_of(page), HV_PAGE_RESIDENT);
	assert_int_equal(counts().page_ins, LEARN + 1);
}

/* It goes on when the first one is answered, and nothing else. */
static void the_page_does_not_wait_for_the_others(void **state)
{
	(void)state;
	begin_window();
	bench_answer(0, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	assert_int_equal(state_of(9), HV_PAGE_RESIDENT);
	assert_int_equal(state_of(10), HV_PAGE_INFLIGHT);
	touch(MODEL_WRITE, 10);
	assert_int_equal(counts().ahead_taken, 1);
}

static void a_stream_that_is_not_steady_has_one(void **state)
{
	(void)state;
	put_all_away();
	learn();
	bench_touch(MODEL_READ, 7);
	assert_int_equal(bench_out(0), 1);
	finish();
}

static void an_error_drops_one_request(void **state)
{
	(void)state;
	begin_window();
	assert_true(world_vios_work(&world, 0, 1, MODEL_ERROR));
	assert_true(world_vios_answer(&world, 0, 0));
	bench_check();
	for (uint32_t page = 10; page < 13; page++)
		assert_int_equal(state_of(page), HV_PAGE_STOLEN);
	assert_int_equal(counts().ahead_drops, 3);
	finish();
	assert_int_equal(state_of(8), HV_PAGE_RESIDENT);
	assert_int_equal(state_of(13), HV_PAGE_RESIDENT);
	assert_int_equal(state_of(10), HV_PAGE_STOLEN);
}

static void m5_the_end_of_an_epoch_drops_all_but_the_page(void **state)
{
	(void)state;
	begin_window();
	assert_true(world_vios_end(&world, 0));
	assert_int_equal(world.toll.resent_reads, 1);
	assert_int_equal(space()->aheads, 0);
	bench_check();
	world_vios_activate(&world, 1);
	bench_turn();
	finish();
}

/* However its requests were answered. */
static void what_comes_leaves_in_the_order_of_pages(void **state)
{
	struct hv_page_table *table = &space()->table;

	(void)state;
	begin_window();
	table = &space()->table;
	for (unsigned i = 0; i < 3; i++) {
		assert_true(world_vios_work(&world, 0, 2 - i, MODEL_FINE));
		assert_true(world_vios_answer(&world, 0, 0));
		bench_check();
	}
	bench_turn();
	for (uint32_t page = LEARN - 1; page < PAGES; page++)
		assert_int_equal(hv_queue_pop(table, HV_QUEUE_AHEAD), page);
}

/* Each gets the next slot; whoever did that is forgotten. */
static void move(const uint32_t *pages, unsigned count)
{
	put_all_away();
	for (unsigned i = 0; i < count; i++) {
		touch(MODEL_WRITE, pages[i]);
		bench_steal(0, pages[i]);
		serve_all();
	}
	memset(space()->streams, 0, sizeof(space()->streams));
	learn();
	for (unsigned i = 0; i < HV_STREAMS; i++)
		space()->streams[i].window = HV_AHEAD_MAX;
}

static void slots_apart_are_asked_for_apart(void **state)
{
	const uint32_t page = 9;

	(void)state;
	move(&page, 1);
	bench_touch(MODEL_READ, 7);
	assert_int_equal(bench_out(0), 3);
	assert_int_equal(ask(0)->pages, 2);
	assert_int_equal(ask(1)->pages, 1);
	assert_int_equal(ask(2)->pages, 6);
	finish();
	assert_int_equal(state_of(15), HV_PAGE_RESIDENT);
}

static void pages_that_are_there_are_passed_over(void **state)
{
	(void)state;
	put_all_away();
	bench_start(0, 1, MODEL_WRITE, 9);
	bench_turn();
	serve_all();
	bench_turn();
	learn();
	for (unsigned i = 0; i < HV_STREAMS; i++)
		space()->streams[i].window = HV_AHEAD_MAX;
	bench_touch(MODEL_READ, 7);
	assert_int_equal(bench_out(0), 2);
	assert_int_equal(ask(0)->pages, 2);
	assert_int_equal(ask(1)->slot, space()->table.pages[10].slot);
	finish();
}

/* Requests are bounded, however the slots lie. */
static void slots_that_are_all_apart_make_no_more_than_six(void **state)
{
	static const uint32_t pages[] = { 7, 15, 9, 13, 11, 8, 14, 10, 12 };

	(void)state;
	move(pages, HV_COUNT(pages));
	bench_touch(MODEL_READ, 7);
	assert_int_equal(bench_out(0), HV_AHEAD_REQUESTS);
	finish();
}

/* ---- what goes on ---- */

#define THREAD 5u

static struct hv_stream *stream(void)
{
	struct hv_parked fault = { .page = 0 };

	hv_ahead_observe(space(), &fault, THREAD);
	return &space()->streams[fault.stream];
}

/* Its last eight faults went up, and it is at `page`. */
static void be_at(uint32_t page)
{
	*stream() = (struct hv_stream){ .thread = THREAD,
					.low = page,
					.high = page,
					.stray = page,
					.up = UINT8_MAX,
					.window = HV_AHEAD_MAX };
}

static int brings(uint32_t page)
{
	struct hv_parked fault = { .page = page };

	hv_ahead_observe(space(), &fault, THREAD);
	return fault.ahead;
}

static void over_pages_that_are_there_it_goes_on(void **state)
{
	(void)state;
	open_with(HV_AHEAD_MAX, 64);
	for (uint32_t page = 11; page < FAR; page++)
		bench_touch(MODEL_WRITE, page);
	be_at(10);
	assert_true(brings(FAR) > HV_AHEAD_MAX);
	be_at(10);
	assert_int_equal(brings(FAR + 1), 0); /* one in between is not there */
}

static void two_faults_elsewhere_are_where_it_is_now(void **state)
{
	(void)state;
	open_with(HV_AHEAD_MAX, 64);
	be_at(1);
	assert_int_equal(brings(FAR), 0);
	assert_true(brings(FAR + 1) > 0);
	assert_true(brings(2) > 0); /* and back */
}

/* As a copy does: from there, to here. */
static void two_places_in_turn_are_two_streams(void **state)
{
	unsigned brought = 0;

	(void)state;
	open_with(HV_AHEAD_MAX, 64);
	be_at(0);
	for (uint32_t page = 2; page < 20; page += 2) {
		brought += brings(FAR + page) > 0;
		brought += brings(FAR + page + 1) > 0;
		brought += brings(page) > 0;
		brought += brings(page + 1) > 0;
	}
	assert_int_equal(brought, 35); /* of 36: all but the first there */
}

static void one_fault_elsewhere_changes_nothing(void **state)
{
	(void)state;
	open_with(HV_AHEAD_MAX, 64);
	be_at(1);
	assert_int_equal(brings(FAR), 0);
	assert_true(brings(2) > 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_steady_stream_has_three_requests_out),
		T(the_page_does_not_wait_for_the_others),
		T(a_stream_that_is_not_steady_has_one),
		T(an_error_drops_one_request),
		T(m5_the_end_of_an_epoch_drops_all_but_the_page),
		T(what_comes_leaves_in_the_order_of_pages),
		T(slots_apart_are_asked_for_apart),
		T(pages_that_are_there_are_passed_over),
		T(slots_that_are_all_apart_make_no_more_than_six),
		T(over_pages_that_are_there_it_goes_on),
		T(two_faults_elsewhere_are_where_it_is_now),
		T(two_places_in_turn_are_two_streams),
		T(one_fault_elsewhere_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
