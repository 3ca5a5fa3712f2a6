/*
 * Read-ahead on the models: when neighbours come with a page, and that each of them is
 * dropped where anything happened to it meanwhile.
 */
#include "tests/unit/pager/ahead_bench.h"

static void a_stream_brings_neighbours_and_ever_more(void **state)
{
	(void)state;
	put_all_away();
	learn();
	assert_int_equal(counts().ahead_fills, 1);
	assert_int_equal(state_of(6), HV_PAGE_RESIDENT);
	assert_true(member()->kernel.pages[6].is_protected); /* clean, with its slot */
	assert_true(space()->table.pages[6].slot != HV_SLOT_NONE);
	touch(MODEL_READ, 6); /* no fault */
	assert_int_equal(counts().page_ins, LEARN);
	touch(MODEL_READ, 7);
	assert_int_equal(counts().ahead_used, 1); /* the stream went past it */
	assert_int_equal(counts().ahead_page_ins, 4);
	for (uint32_t page = 8; page < PAGES; page++)
		touch(MODEL_READ, page);
	assert_int_equal(counts().page_ins, LEARN + 2);
	assert_int_equal(counts().ahead_wasted, 0);
}

static void a_stream_may_go_down(void **state)
{
	(void)state;
	put_all_away();
	for (uint32_t page = PAGES; page-- > 0;)
		touch(MODEL_READ, page);
	assert_true(counts().ahead_page_ins > PAGES / 3);
	assert_int_equal(counts().ahead_page_ins + counts().page_ins, PAGES);
}

static void one_request_brings_a_run_and_one_wake_ends_it(void **state)
{
	struct hv_vasi_ask *ask = &world.vios[0].requests[0].ask;

	(void)state;
	put_all_away();
	learn();
	bench_touch(MODEL_READ, 7);
	assert_int_equal(bench_out(0), 1);
	assert_int_equal(ask->pages, 4);
	assert_int_equal(ask->slot, space()->table.pages[7].slot);
	assert_int_equal(state_of(10), HV_PAGE_INFLIGHT);
	finish();
	assert_int_equal(state_of(10), HV_PAGE_RESIDENT);
}

static void faults_here_and_there_bring_nothing(void **state)
{
	static const uint32_t pages[] = { 0, 12, 2, 14, 4, 15, 1, 11, 3, 13 };

	(void)state;
	put_all_away();
	for (unsigned i = 0; i < HV_COUNT(pages); i++)
		touch(MODEL_READ, pages[i]);
	assert_int_equal(counts().ahead_fills, 0);
}

static void switched_off_nothing_comes(void **state)
{
	(void)state;
	again(0, false);
	put_all_away();
	for (uint32_t page = 0; page < PAGES; page++)
		touch(MODEL_READ, page);
	assert_int_equal(counts().ahead_fills, 0);
	assert_int_equal(counts().page_ins, PAGES);
}

/* Two threads, each in order: neither is lost in the other. */
static void threads_have_streams_of_their_own(void **state)
{
	(void)state;
	put_all_away();
	for (uint32_t i = 0; i < LEARN + 1; i++) {
		touch(MODEL_READ, i);
		bench_start(0, 1, MODEL_READ, PAGES - 1 - i);
		for (unsigned n = 0; n < 10 && !bench_is_idle(0, 1); n++) {
			bench_turn();
			serve_all();
		}
		assert_true(bench_is_idle(0, 1));
	}
	assert_true(counts().ahead_fills >= 2);
}

static void any_thread_number_is_as_good(void **state)
{
	struct hv_parked fault = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		fault.page = i % PAGES;
		hv_ahead_observe(space(), &fault, i * 2654435761u);
		assert_true(fault.stream < HV_STREAMS && fault.ahead == 0);
	}
}

/* P12: frames go to who asked. */
static void it_gives_way_when_frames_are_short(void **state)
{
	const uint64_t shrink = BENCH_FRAMES - LEARN - 2; /* one is free then */

	(void)state;
	put_all_away();
	learn();
	hv_frames_shrink(&world.frames, shrink);
	world.pager->is_reclaiming = false;
	bench_touch(MODEL_READ, 7);
	assert_int_equal(counts().ahead_fills, 1);
	hv_frames_grow(&world.frames, shrink);
	finish();
}

/* The others are left for faults. */
static void it_leaves_a_quarter_of_the_fills(void **state)
{
	(void)state;
	put_all_away();
	learn();
	for (unsigned i = 0; i < HV_STREAMS; i++)
		space()->streams[i].window = HV_AHEAD_MAX;
	bench_touch(MODEL_READ, 7);
	assert_int_equal(__builtin_popcountll(world.pager->free_fills), FILLS / 4);
	finish();
}

static void a_run_ends_where_the_slots_do(void **state)
{
	(void)state;
	put_all_away();
	learn();
	bench_start(0, 1, MODEL_WRITE, 9); /* not STOLEN any more */
	bench_turn();
	serve_all();
	bench_turn();
	assert_int_equal(state_of(9), HV_PAGE_RESIDENT);
	bench_touch(MODEL_READ, 7);
	assert_int_equal(world.vios[0].requests[0].ask.pages, 2);
	finish();
}

/* ---- what happens to them meanwhile ---- */

/* 7 is asked for, 8 to 10 come with it. */
static void begin_run(void)
{
	put_all_away();
	learn();
	bench_touch(MODEL_READ, 7);
	assert_int_equal(state_of(8), HV_PAGE_INFLIGHT);
	assert_int_equal(space()->aheads, 3);
}

static void a_fault_on_what_comes_waits_for_it(void **state)
{
	(void)state;
	begin_run();
	bench_start(0, 1, MODEL_WRITE, 9);
	bench_turn();
	assert_int_equal(bench_out(0), 1);
	assert_int_equal(counts().ahead_taken, 1);
	assert_int_equal(space()->pending, 2);
	serve_all();
	bench_turn();
	assert_true(bench_is_idle(0, 1));
	assert_int_equal(space()->table.pages[9].slot, HV_SLOT_NONE); /* P5 */
	finish();
}

/* Its event is read only when the page is there. */
static void a_fault_while_it_is_installed_is_woken(void **state)
{
	(void)state;
	begin_run();
	bench_start(0, 1, MODEL_READ, 9);
	serve_all();
	assert_int_equal(state_of(9), HV_PAGE_RESIDENT);
	bench_turn();
	bench_turn();
	assert_true(bench_is_idle(0, 1));
	assert_int_equal(counts().ahead_used, 2); /* 6, and this one */
}

/* P4, P13: its slot is nobody's until the read is answered; then nothing is installed. */
static void p4_one_that_is_discarded_is_dropped(void **state)
{
	uint32_t slot;

	(void)state;
	begin_run();
	slot = space()->table.pages[8].slot;
	assert_true(world_member_discard(&world, 0, 8, 1));
	bench_check();
	assert_int_equal(hv_slot_class(&space()->table, slot), HV_SLOT_CONDEMNED);
	finish();
	assert_int_equal(state_of(8), HV_PAGE_ZERO);
	assert_int_equal(hv_slot_class(&space()->table, slot), HV_SLOT_FREE);
	assert_int_equal(state_of(9), HV_PAGE_RESIDENT);
}

static void the_page_itself_may_be_discarded(void **state)
{
	(void)state;
	begin_run();
	assert_true(world_member_discard(&world, 0, 7, 1));
	finish();
	assert_int_equal(state_of(9), HV_PAGE_RESIDENT);
}

/* M4: the one that is damaged is not installed, and whoever wants it finds out. */
static void m4_a_damaged_one_is_dropped(void **state)
{
	uint32_t slot;

	(void)state;
	begin_run();
	slot = space()->table.pages[9].slot;
	member()->devices[0].slots[slot].tail ^= 1;
	world.is_damaged = true;
	finish();
	assert_int_equal(state_of(8), HV_PAGE_RESIDENT);
	assert_int_equal(state_of(9), HV_PAGE_STOLEN);
	assert_int_equal(counts().checksum_errors, 0);
	member()->devices[0].slots[slot].tail ^= 1;
	touch(MODEL_READ, 9);
}

/* The run fails, whichever page it was: the one that was asked for is read alone. */
static void an_error_leaves_the_page_alone(void **state)
{
	(void)state;
	begin_run();
	bench_answer(0, MODEL_ERROR);
	assert_int_equal(state_of(8), HV_PAGE_STOLEN);
	assert_int_equal(state_of(7), HV_PAGE_INFLIGHT);
	assert_int_equal(counts().io_errors, 1);
	assert_int_equal(world.vios[1].requests[0].ask.pages, 1);
	finish();
}

static void m5_a_failover_drops_them_and_reads_the_page_again(void **state)
{
	(void)state;
	begin_run();
	assert_true(world_vios_end(&world, 0));
	assert_int_equal(world.toll.resent_reads, 1);
	assert_int_equal(state_of(8), HV_PAGE_STOLEN);
	bench_check();
	world_vios_activate(&world, 1);
	bench_turn();
	finish();
	assert_int_equal(state_of(7), HV_PAGE_RESIDENT);
}

static void p12_no_memory_drops_them(void **state)
{
	(void)state;
	begin_run();
	member()->kernel.fail_in = 1; /* the first that is installed came unasked */
	member()->kernel.fail_code = HV_E_NOMEM;
	finish();
	assert_int_equal(state_of(8), HV_PAGE_STOLEN);
	assert_int_equal(state_of(9), HV_PAGE_RESIDENT);
}

static void p6_one_that_is_there_already_is_poisoned(void **state)
{
	(void)state;
	begin_run();
	model_pwrite(&member()->kernel, 8, ++world.version);
	finish();
	assert_int_equal(state_of(8), HV_PAGE_POISONED);
	assert_int_equal(counts().integrity_errors, 1);
}

static void m7_one_that_a_device_is_to_use_is_there_then(void **state)
{
	(void)state;
	begin_run();
	model_io_map(&member()->kernel, 8, true);
	assert_int_equal(hv_pager_map(world.pager, space(), 8, true, world.now_ns),
			 HV_MAP_WAITS);
	finish();
	assert_int_equal(hv_pager_map(world.pager, space(), 8, true, world.now_ns),
			 HV_MAP_READY);
	assert_int_equal(space()->table.pages[8].slot, HV_SLOT_NONE);
	model_io_end(&member()->kernel, 8);
}

static void p2_the_end_of_a_partition_takes_them_along(void **state)
{
	(void)state;
	begin_run();
	world_member_kill(&world, 0);
	bench_check();
	assert_int_equal(hv_frames_free(&world.frames), BENCH_FRAMES);
	serve_all();
	assert_true(world_member_reap(&world, 0));
}

/* P17: what the side that is asked has missed does not come from it. */
static void p17_one_that_its_side_missed_does_not_come(void **state)
{
	(void)state;
	again(HV_AHEAD_MAX, true);
	put_all_away();
	learn();
	hv_slot_miss(&space()->table, space()->table.pages[9].slot, 0, true);
	world.members[0].space->no_resync_until_ns = UINT64_MAX;
	bench_touch(MODEL_READ, 7);
	assert_int_equal(world.vios[0].requests[0].ask.pages, 2);
	finish();
}

/* ---- and then ---- */

static void a_wrong_guess_leaves_first_and_is_counted(void **state)
{
	const uint64_t spare = BENCH_FRAMES - LEARN - 1; /* none is free */

	(void)state;
	put_all_away();
	learn();
	hv_frames_shrink(&world.frames, spare);
	hv_pager_target(world.pager, space(), LEARN - 1, LEARN - 1); /* 5 leaves, too */
	(void)bench_turn_after(10 * BENCH_TURN_NS);
	assert_int_equal(state_of(6), HV_PAGE_STOLEN);
	assert_int_equal(space()->table.pages_in[HV_PAGE_RESIDENT], LEARN - 1);
	assert_int_equal(counts().ahead_wasted, 1);
	hv_frames_grow(&world.frames, spare);
}

static void a_write_shows_that_it_was_right(void **state)
{
	(void)state;
	begin_run();
	finish();
	touch(MODEL_WRITE, 9);
	assert_int_equal(counts().ahead_used, 2);
	assert_int_equal(space()->unproven, 2);
	bench_steal(0, 10); /* clean */
	assert_int_equal(counts().ahead_wasted, 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_stream_brings_neighbours_and_ever_more),
		T(a_stream_may_go_down),
		T(one_request_brings_a_run_and_one_wake_ends_it),
		T(faults_here_and_there_bring_nothing),
		T(switched_off_nothing_comes),
		T(threads_have_streams_of_their_own),
		T(any_thread_number_is_as_good),
		T(it_gives_way_when_frames_are_short),
		T(it_leaves_a_quarter_of_the_fills),
		T(a_run_ends_where_the_slots_do),
		T(a_fault_on_what_comes_waits_for_it),
		T(a_fault_while_it_is_installed_is_woken),
		T(p4_one_that_is_discarded_is_dropped),
		T(the_page_itself_may_be_discarded),
		T(m4_a_damaged_one_is_dropped),
		T(an_error_leaves_the_page_alone),
		T(m5_a_failover_drops_them_and_reads_the_page_again),
		T(p12_no_memory_drops_them),
		T(p6_one_that_is_there_already_is_poisoned),
		T(m7_one_that_a_device_is_to_use_is_there_then),
		T(p2_the_end_of_a_partition_takes_them_along),
		T(p17_one_that_its_side_missed_does_not_come),
		T(a_wrong_guess_leaves_first_and_is_counted),
		T(a_write_shows_that_it_was_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
