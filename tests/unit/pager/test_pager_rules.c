/*
 * The rules of the pager, one by one, on the models: what the explorer and the random
 * runs try in every order is here said once, by name. Rules that need a kernel, a VIOS
 * or a whole host are tested there: hvcore/pager/README.md lists them all.
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
#define FRAMES BENCH_FRAMES
#define HOUR_NS UINT64_C(3600000000000)

static struct world_member *member(void)
{
	return &world.members[0];
}

static struct hv_space *space(void)
{
	return member()->space;
}

static struct hv_space_stat get(void)
{
	struct hv_space_stat stat;

	hv_space_stat(space(), world.now_ns, &stat);
	return stat;
}

static enum hv_page_state state_of(uint32_t page)
{
	return hv_page_state(&space()->table, page);
}

static uint32_t slot_of(uint32_t page)
{
	return space()->table.pages[page].slot;
}

static void open_world(uint32_t slots)
{
	struct world_config config = bench_config(1, 4);

	config.slots = slots;
	world_init(&world, &config);
}

static int set_up(void **state)
{
	(void)state;
	open_world(PAGES + 8);
	return 0;
}

static void start(enum model_op op, uint32_t page)
{
	bench_start(0, 0, op, page);
}

static void steal(uint32_t page)
{
	bench_steal(0, page);
}

static void finish_touch(void)
{
	for (unsigned i = 0; i < 100; i++) {
		if (bench_is_idle(0, 0))
			return;
		bench_turn();
		bench_serve(0);
	}
	fail_msg("a touch is not served");
}

static void touch(enum model_op op, uint32_t page)
{
	start(op, page);
	finish_touch();
}

static void steal_out(uint32_t page)
{
	touch(MODEL_WRITE, page);
	steal(page);
	bench_serve(0);
	assert_int_equal(state_of(page), HV_PAGE_STOLEN);
}

static void p2_the_end_of_a_partition_gives_everything_back(void **state)
{
	(void)state;
	steal_out(0);
	touch(MODEL_WRITE, 1);
	touch(MODEL_WRITE, 2);
	steal(2);
	world_member_kill(&world, 0);
	assert_int_equal(hv_frames_free(&world.frames), FRAMES);
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDING); /* a write is out */
	bench_serve(0);
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDED);
	assert_true(world_member_reap(&world, 0));
}

/* A write event that was raised before the punch and is read after it. */
static void p3_an_event_older_than_the_punch_finds_the_page_stolen(void **state)
{
	(void)state;
	touch(MODEL_WRITE, 0);
	steal(0);
	start(MODEL_WRITE, 0); /* protected: it waits, its event is not read yet */
	bench_serve(0);
	assert_int_equal(state_of(0), HV_PAGE_STOLEN);
	finish_touch();
	assert_int_equal(get().counts.page_ins, 1);
	assert_int_equal(slot_of(0), HV_SLOT_NONE);
	touch(MODEL_READ, 0);
}

static void p4_a_slot_is_condemned_until_its_write_is_answered(void **state)
{
	uint64_t free_before;

	(void)state;
	touch(MODEL_WRITE, 0);
	free_before = get().slots_in[HV_SLOT_FREE];
	steal(0);
	start(MODEL_WRITE, 0);
	bench_turn();
	assert_int_equal(state_of(0), HV_PAGE_RESIDENT);
	assert_int_equal(get().counts.canceled_steals, 1);
	assert_int_equal(get().slots_in[HV_SLOT_CONDEMNED], 1);
	assert_int_equal(get().slots_in[HV_SLOT_FREE], free_before - 1);
	bench_serve(0);
	assert_int_equal(get().slots_in[HV_SLOT_CONDEMNED], 0);
	assert_int_equal(get().slots_in[HV_SLOT_FREE], free_before);
}

static void p5_a_clean_page_stays_protected_until_its_slot_is_void(void **state)
{
	(void)state;
	steal_out(0);
	touch(MODEL_READ, 0);
	assert_true(slot_of(0) != HV_SLOT_NONE);
	touch(MODEL_DONTNEED, 0); /* unmapped, still in the file: a minor fault follows */
	touch(MODEL_READ, 0);
	assert_true(slot_of(0) != HV_SLOT_NONE);
	assert_true(member()->kernel.pages[0].is_protected);
	touch(MODEL_WRITE, 0);
	assert_int_equal(slot_of(0), HV_SLOT_NONE);
	assert_false(member()->kernel.pages[0].is_protected);
	assert_int_equal(get().counts.write_faults, 1);
}

static void p5_a_new_registration_voids_every_slot(void **state)
{
	(void)state;
	for (uint32_t page = 0; page < 3; page++) {
		steal_out(page);
		touch(MODEL_READ, page);
		assert_true(slot_of(page) != HV_SLOT_NONE);
	}
	model_remap(&member()->kernel);
	hv_pager_reregistered(world.pager, space());
	for (uint32_t page = 0; page < 3; page++)
		assert_int_equal(slot_of(page), HV_SLOT_NONE);
}

static void p6_a_page_put_under_a_stolen_one_is_poisoned(void **state)
{
	(void)state;
	steal_out(0);
	model_pwrite(&member()->kernel, 0, ++world.version);
	touch(MODEL_READ, 0);
	assert_int_equal(state_of(0), HV_PAGE_POISONED);
	assert_int_equal(get().counts.integrity_errors, 1);
	assert_int_equal(member()->kernel.sigbus, 1);
}

/* What translates to a page is forgotten when it leaves, whichever way that is. */
static void who_translates_is_told_of_each_page_that_leaves(void **state)
{
	(void)state;
	touch(MODEL_WRITE, 1);
	assert_true(member()->kernel.pages[1].is_entered);
	steal_out(0); /* written out */
	assert_false(member()->kernel.pages[0].is_entered);
	touch(MODEL_READ, 0);
	assert_true(member()->kernel.pages[0].is_entered);
	steal(0); /* clean */
	assert_int_equal(state_of(0), HV_PAGE_STOLEN);
	assert_false(member()->kernel.pages[0].is_entered);
	assert_int_equal(hv_pager_discard(world.pager, space(), 1, 1), HV_OK);
	model_discarded(&member()->kernel, 1, 1);
	assert_false(member()->kernel.pages[1].is_entered);
	touch(MODEL_READ, 2);
	steal(2); /* all zeros */
	assert_int_equal(state_of(2), HV_PAGE_ZERO);
	assert_false(member()->kernel.pages[2].is_entered);
}

/* P7: stopping takes back what is under way, and nothing more leaves. */
static void p7_a_blocked_space_is_not_stolen_from(void **state)
{
	(void)state;
	touch(MODEL_WRITE, 0);
	steal(0);
	hv_pager_block(world.pager, space(), true);
	assert_int_equal(state_of(0), HV_PAGE_RESIDENT);
	assert_int_equal(get().pause, HV_PAUSE_BLOCKED);
	hv_frames_shrink(&world.frames, FRAMES - 1);
	for (unsigned i = 0; i < 10; i++)
		bench_turn();
	assert_int_equal(get().pages_in[HV_PAGE_STEALING], 0);
	assert_int_equal(state_of(0), HV_PAGE_RESIDENT);
	hv_frames_grow(&world.frames, FRAMES - 1);
}

static void p9_no_time_ends_quarantine(void **state)
{
	(void)state;
	touch(MODEL_WRITE, 0);
	steal(0);
	assert_true(world_vios_end(&world, 0));
	assert_int_equal(state_of(0), HV_PAGE_RESIDENT);
	assert_int_equal(get().slots_in[HV_SLOT_QUARANTINED], 1);
	world_vios_activate(&world, 1);
	for (unsigned i = 0; i < 10; i++) {
		world.now_ns += HOUR_NS;
		bench_turn();
		bench_serve(1);
	}
	assert_int_equal(get().slots_in[HV_SLOT_QUARANTINED], 1);
	world_drain(&world, 0, 0);
	assert_int_equal(get().slots_in[HV_SLOT_QUARANTINED], 0);
}

static void p10_a_clean_page_gives_its_slot_to_a_dirty_one(void **state)
{
	(void)state;
	world_fini(&world);
	open_world(2);
	steal_out(0);
	steal_out(1);
	touch(MODEL_READ, 0);
	touch(MODEL_READ, 1);
	assert_int_equal(get().slots_in[HV_SLOT_FREE], 0);
	steal_out(2);
	assert_int_equal(state_of(2), HV_PAGE_STOLEN);
	assert_true((slot_of(0) == HV_SLOT_NONE) != (slot_of(1) == HV_SLOT_NONE));
}

/* A space of its own: more slots than the model's device has. */
static void p10_page_out_stops_while_more_than_w_slots_are_in_quarantine(void **state)
{
	struct hv_page_table *table;
	uint32_t first;

	(void)state;
	world_member_kill(&world, 0);
	assert_true(world_member_reap(&world, 0));
	world.config.slots = PAGES + 2 * HV_PAGER_WRITES;
	assert_true(world_member_start(&world, 0));
	assert_true(world_vios_open(&world, 0, 0));
	world_member_move(&world, 0, 0);
	table = &space()->table;
	for (unsigned left = HV_PAGER_WRITES + 1; left > 0;) {
		uint32_t count = hv_slots_take(table, left, &first);

		assert_true(count > 0);
		left -= count;
		for (uint32_t slot = first; slot < first + count; slot++) {
			hv_slot_doubt(table, slot, 1); /* as of an ended epoch */
			hv_slot_release(table, slot);
		}
	}
	for (uint32_t page = 0; page < PAGES; page++)
		touch(MODEL_WRITE, page);
	hv_frames_shrink(&world.frames, FRAMES - PAGES); /* none is free */
	for (unsigned i = 0; i < 10; i++)
		bench_turn();
	assert_int_equal(get().pause, HV_PAUSE_QUARANTINE);
	assert_int_equal(hv_pager_path_out(world.pager, 0), 0);
	hv_pager_drained(world.pager, space(), 1);
	assert_int_equal(get().pause, HV_PAUSE_NONE);
	bench_turn();
	assert_true(hv_pager_path_out(world.pager, 0) > 0);
	(void)world_vios_end(&world, 0); /* the model's device has no such slots */
	hv_frames_grow(&world.frames, FRAMES - PAGES);
}

static void p11_no_more_slots_are_kept_than_can_be_used(void **state)
{
	struct hv_space_config config = { .pages = PAGES,
					  .slots = 1000000,
					  .ops = &model_kernel_ops,
					  .ctx = &member()->kernel };
	struct hv_space *large;

	(void)state;
	assert_int_equal(hv_space_new(&config, &large, NULL), HV_OK);
	assert_int_equal(large->table.slot_count, PAGES + 2 * HV_PAGER_WRITES);
	hv_space_free(large);
}

static void p12_a_frame_is_reserved_before_a_page_in_is_sent(void **state)
{
	(void)state;
	steal_out(0);
	hv_frames_shrink(&world.frames, FRAMES);
	start(MODEL_READ, 0);
	bench_turn();
	assert_int_equal(hv_pager_path_out(world.pager, 0), 0);
	assert_int_equal(get().wait, HV_WAIT_FRAME);
	hv_frames_grow(&world.frames, FRAMES);
	bench_turn();
	assert_int_equal(hv_pager_path_out(world.pager, 0), 1);
	finish_touch();
}

static void p12_no_memory_keeps_the_data_and_is_tried_again(void **state)
{
	struct hv_pager_stat stat;

	(void)state;
	steal_out(0);
	world.pool.limit = world.pool.blocks; /* fuller than we count */
	start(MODEL_READ, 0);
	for (unsigned i = 0; i < 10; i++) {
		bench_turn();
		bench_serve(0);
	}
	hv_pager_stat(world.pager, &stat);
	assert_true(stat.nomems > 0);
	assert_int_equal(state_of(0), HV_PAGE_INFLIGHT);
	world.pool.limit = UINT32_MAX;
	finish_touch(); /* and the model has looked at what was read */
	assert_int_equal(get().counts.page_ins, 1);
	assert_int_equal(get().pages_in[HV_PAGE_POISONED], 0);
}

/* What an HMC shows of a pool never falls. */
static void page_ins_count_beyond_the_end_of_their_partition(void **state)
{
	struct hv_pager_stat stat;

	(void)state;
	steal_out(0);
	touch(MODEL_READ, 0);
	hv_pager_stat(world.pager, &stat);
	assert_int_equal(stat.page_ins, 1);
	assert_int_equal(stat.page_in_ns, hv_space_latency(member()->space)->sum_ns);
	world_member_kill(&world, 0);
	assert_true(world_member_reap(&world, 0));
	hv_pager_stat(world.pager, &stat);
	assert_int_equal(stat.spaces, 0);
	assert_int_equal(stat.page_ins, 1);
}

static void the_last_page_ins_are_traced(void **state)
{
	const struct hv_trace *trace = hv_space_trace(member()->space);
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < HV_TRACE_MAX + 3; i++) {
		steal_out(0);
		touch(MODEL_READ, 0);
	}
	assert_int_equal(trace->count, HV_TRACE_MAX + 3); /* the ring went around */
	for (unsigned i = 0; i < HV_TRACE_MAX; i++) {
		assert_int_equal(trace->at[i].page, 0);
		assert_true(trace->at[i].start_ns > 0);
		assert_true(trace->at[i].end_ns >= trace->at[i].start_ns);
		sum += trace->at[i].end_ns - trace->at[i].start_ns;
	}
	assert_true(sum <= hv_space_latency(member()->space)->sum_ns);
}

static void p13_a_discard_cancels_and_gives_the_frame_back_once(void **state)
{
	(void)state;
	touch(MODEL_WRITE, 0);
	steal(0);
	assert_int_equal(hv_frames_free(&world.frames), FRAMES - 1);
	assert_true(world_member_discard(&world, 0, 0, 1));
	assert_int_equal(state_of(0), HV_PAGE_ZERO);
	assert_int_equal(hv_frames_free(&world.frames), FRAMES);
	assert_int_equal(get().slots_in[HV_SLOT_CONDEMNED], 1);
	assert_true(world_member_discard(&world, 0, 0, 1)); /* again: idempotent */
	assert_int_equal(hv_frames_free(&world.frames), FRAMES);
	bench_serve(0);
	assert_int_equal(get().slots_in[HV_SLOT_CONDEMNED], 0);
	touch(MODEL_READ, 0); /* zeros */
}

static void p14_a_shrink_is_a_debt_that_reclaim_pays(void **state)
{
	(void)state;
	for (uint32_t page = 0; page < PAGES; page++)
		touch(MODEL_WRITE, page);
	hv_frames_shrink(&world.frames, FRAMES - PAGES / 2);
	assert_true(hv_frames_free(&world.frames) < 0);
	start(MODEL_READ, 0);
	for (unsigned i = 0; i < 100 && hv_frames_free(&world.frames) < 0; i++) {
		bench_turn();
		bench_serve(0);
	}
	assert_true(hv_frames_free(&world.frames) >= 0);
	assert_true(get().frames <= PAGES / 2);
	hv_frames_grow(&world.frames, FRAMES - PAGES / 2);
	finish_touch();
}

static void p18_memory_shrinks_only_by_pages_that_hold_nothing(void **state)
{
	(void)state;
	touch(MODEL_WRITE, PAGES - 1);
	assert_int_equal(hv_pager_resize(world.pager, space(), PAGES / 2), HV_E_BUSY);
	assert_int_equal(get().pages, PAGES);
	assert_true(world_member_discard(&world, 0, PAGES - 1, 1));
	assert_int_equal(hv_pager_resize(world.pager, space(), PAGES / 2), HV_OK);
	assert_int_equal(hv_space_pages(space()), PAGES / 2);
	assert_int_equal(get().pages_in[HV_PAGE_ZERO], PAGES / 2);
	bench_check();
	assert_int_equal(hv_pager_resize(world.pager, space(), PAGES), HV_OK);
	assert_int_equal(get().pages_in[HV_PAGE_ZERO], PAGES);
	touch(MODEL_READ, PAGES - 1); /* zeros */
}

static void p18_a_fault_that_waits_beyond_the_memory_is_forgotten(void **state)
{
	(void)state;
	hv_frames_shrink(&world.frames, FRAMES); /* no frame: faults are parked */
	start(MODEL_READ, PAGES - 1);
	bench_turn();
	assert_int_equal(get().wait, HV_WAIT_FRAME);
	assert_int_equal(hv_pager_resize(world.pager, space(), PAGES / 2), HV_OK);
	assert_int_equal(get().pending_faults, 0);
	bench_check();
	assert_int_equal(hv_pager_resize(world.pager, space(), PAGES), HV_OK);
	hv_frames_grow(&world.frames, FRAMES);
	finish_touch(); /* it was woken, and faulted again */
}

static void p18_a_lost_page_cannot_be_given(void **state)
{
	(void)state;
	touch(MODEL_WRITE, PAGES - 1);
	assert_false(hv_space_has_poison(space(), 0, PAGES));
	hv_page_poison(space(), PAGES - 1);
	assert_true(hv_space_has_poison(space(), PAGES / 2, PAGES / 2));
	assert_false(hv_space_has_poison(space(), 0, PAGES / 2));
	assert_int_equal(hv_pager_discard(world.pager, space(), PAGES / 2, PAGES / 2),
			 HV_OK);
	assert_int_equal(hv_pager_resize(world.pager, space(), PAGES / 2), HV_E_BUSY);
}

static void p18_the_audit_sees_a_page_beyond_the_memory(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	touch(MODEL_WRITE, PAGES - 1);
	space()->pages = PAGES - 1;
	assert_int_equal(hv_space_audit(space(), &err), HV_E_CORRUPT);
	assert_non_null(strstr(err.text, "beyond"));
	space()->pages = PAGES;
	world_member_kill(&world, 0);
	assert_int_equal(hv_pager_resize(world.pager, space(), PAGES), HV_E_GONE);
}

static void p18_the_table_is_for_the_maximum(void **state)
{
	struct hv_space_config config = { .pages = PAGES,
					  .max_pages = 4 * PAGES,
					  .slots = 1000000,
					  .ops = &model_kernel_ops,
					  .ctx = &member()->kernel };
	struct hv_space_stat stat;
	struct hv_space *large;

	(void)state;
	assert_int_equal(hv_space_new(&config, &large, NULL), HV_OK);
	assert_int_equal(large->table.page_count, 4 * PAGES);
	assert_int_equal(large->table.slot_count, 4 * PAGES + 2 * HV_PAGER_WRITES);
	hv_space_stat(large, 1, &stat);
	assert_int_equal(stat.pages, PAGES);
	assert_int_equal(stat.pages_in[HV_PAGE_ZERO], PAGES);
	hv_space_free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)
		TEST(p2_the_end_of_a_partition_gives_everything_back),
		TEST(p3_an_event_older_than_the_punch_finds_the_page_stolen),
		TEST(p4_a_slot_is_condemned_until_its_write_is_answered),
		TEST(p5_a_clean_page_stays_protected_until_its_slot_is_void),
		TEST(p5_a_new_registration_voids_every_slot),
		TEST(p6_a_page_put_under_a_stolen_one_is_poisoned),
		TEST(who_translates_is_told_of_each_page_that_leaves),
		TEST(p7_a_blocked_space_is_not_stolen_from),
		TEST(p9_no_time_ends_quarantine),
		TEST(p10_a_clean_page_gives_its_slot_to_a_dirty_one),
		TEST(p10_page_out_stops_while_more_than_w_slots_are_in_quarantine),
		TEST(p11_no_more_slots_are_kept_than_can_be_used),
		TEST(p12_a_frame_is_reserved_before_a_page_in_is_sent),
		TEST(p12_no_memory_keeps_the_data_and_is_tried_again),
		TEST(page_ins_count_beyond_the_end_of_their_partition),
		TEST(the_last_page_ins_are_traced),
		TEST(p13_a_discard_cancels_and_gives_the_frame_back_once),
		TEST(p14_a_shrink_is_a_debt_that_reclaim_pays),
		TEST(p18_memory_shrinks_only_by_pages_that_hold_nothing),
		TEST(p18_a_fault_that_waits_beyond_the_memory_is_forgotten),
		TEST(p18_a_lost_page_cannot_be_given),
		TEST(p18_the_audit_sees_a_page_beyond_the_memory),
		TEST(p18_the_table_is_for_the_maximum),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
