/*
 * P17, on the models: a partition with two devices, one behind each VIOS, that share
 * nothing. The explorer and the random runs try the same in every order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/pager/pager_priv.h"
#include "tests/support/oom.h"
#include "tests/support/pager_bench.h"

#define PAGES BENCH_PAGES
#define FILLS 4u

static struct hv_space *space(void)
{
	return world.members[0].space;
}

static struct hv_page_table *table(void)
{
	return &space()->table;
}

static struct hv_space_stat stat_of(void)
{
	struct hv_space_stat stat;

	hv_space_stat(space(), world.now_ns, &stat);
	return stat;
}

static int set_up(void **state)
{
	struct world_config config = bench_config(1, FILLS);

	(void)state;
	config.is_mirrored = true;
	world_init(&world, &config);
	return 0;
}

/* Gives its slot. */
static uint32_t put_away(uint32_t page)
{
	bench_put_away(page);
	return table()->pages[page].slot;
}

static void check_missed(uint32_t page, bool by_0, bool by_1)
{
	uint32_t slot = table()->pages[page].slot;

	assert_int_equal(hv_slot_is_missed(table(), slot, 0), by_0);
	assert_int_equal(hv_slot_is_missed(table(), slot, 1), by_1);
}

/* Back, with nothing of the one before it left. */
static void come_back(unsigned path)
{
	world_drain(&world, path, 0);
	assert_true(world_vios_start(&world, path));
	assert_true(world_vios_open(&world, path, 0));
}

static void a_page_is_written_to_both_and_safe_after_both(void **state)
{
	uint32_t slot;

	(void)state;
	bench_send_away(3);
	assert_int_equal(bench_out(0), 1);
	assert_int_equal(bench_out(1), 1);
	bench_answer(1, MODEL_FINE);
	assert_int_equal(hv_page_state(table(), 3), HV_PAGE_STEALING);
	bench_answer(0, MODEL_FINE);
	assert_int_equal(hv_page_state(table(), 3), HV_PAGE_STOLEN);
	check_missed(3, false, false);
	slot = table()->pages[3].slot;
	assert_true(world.members[0].devices[0].slots[slot].head ==
		    world.members[0].devices[1].slots[slot].head);
	assert_int_equal(stat_of().counts.page_outs, 1);
}

/* One success is enough; the other side is brought what it missed. */
static void a_write_that_fails_on_one_side_is_missed_there(void **state)
{
	(void)state;
	bench_send_away(3);
	bench_answer(0, MODEL_ERROR);
	bench_answer(1, MODEL_FINE);
	world.is_damaged = true;
	assert_int_equal(hv_page_state(table(), 3), HV_PAGE_STOLEN);
	check_missed(3, true, false);
	assert_int_equal(stat_of().pause, HV_PAUSE_NONE);
	assert_int_equal(stat_of().missed[0], 1);
	bench_touch(MODEL_READ, 3); /* not from its own path */
	assert_int_equal(bench_out(1), 1);
	bench_answer(1, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

static void a_write_that_fails_on_both_keeps_the_page(void **state)
{
	(void)state;
	bench_send_away(3);
	bench_answer(0, MODEL_ERROR);
	assert_int_equal(hv_page_state(table(), 3), HV_PAGE_STEALING);
	bench_answer(1, MODEL_ERROR);
	assert_int_equal(hv_page_state(table(), 3), HV_PAGE_RESIDENT);
	assert_int_equal(stat_of().pause, HV_PAUSE_ERROR);
	assert_int_equal(stat_of().counts.io_errors, 2);
	assert_int_equal(stat_of().slots_in[HV_SLOT_FREE], PAGES + 8);
}

/* In either order of answer and end. */
static void end_while_written(unsigned lost, bool is_answered_first)
{
	unsigned other = HV_PATHS - 1 - lost;

	bench_send_away(3);
	if (is_answered_first)
		bench_answer(other, MODEL_FINE);
	assert_true(world_vios_end(&world, lost));
	bench_check();
	if (!is_answered_first)
		bench_answer(other, MODEL_FINE);
	assert_int_equal(hv_page_state(table(), 3), HV_PAGE_STOLEN);
	check_missed(3, lost == 0, lost == 1);
	assert_int_equal(stat_of().slots_in[HV_SLOT_QUARANTINED], 0);
	assert_true(world_vios_late(&world, lost, 0, 0));
	bench_check();
	bench_touch(MODEL_READ, 3);
	bench_answer(other, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	come_back(lost);
	while (bench_turn_after(BENCH_TURN_NS).is_busy || bench_out(0) + bench_out(1) > 0)
		for (unsigned path = 0; path < HV_PATHS; path++)
			while (bench_out(path) > 0)
				bench_answer(path, MODEL_FINE);
	assert_int_equal(stat_of().missed[0] + stat_of().missed[1], 0);
	world_vios_activate(&world, 0);
}

static void m5_the_end_of_a_path_loses_no_write_that_the_other_has(void **state)
{
	(void)state;
	end_while_written(0, false);
	end_while_written(1, false);
	end_while_written(0, true);
	end_while_written(1, true);
	assert_int_equal(world.toll.canceled_steals, 0);
}

/* P4: two halves of a write that nobody wants any more. */
static void p4_a_slot_is_free_after_both_answers(void **state)
{
	uint32_t slot;

	(void)state;
	bench_send_away(3);
	slot = table()->pages[3].slot;
	bench_touch(MODEL_WRITE, 3);
	assert_true(bench_is_idle(0, 0));
	assert_int_equal(hv_slot_class(table(), slot), HV_SLOT_CONDEMNED);
	bench_answer(0, MODEL_FINE);
	assert_int_equal(hv_slot_class(table(), slot), HV_SLOT_CONDEMNED);
	bench_answer(1, MODEL_FINE);
	assert_int_equal(hv_slot_class(table(), slot), HV_SLOT_FREE);
}

/* P9: what it may still write to is not opened. */
static void p9_a_side_in_doubt_is_not_opened(void **state)
{
	struct hv_err err;

	(void)state;
	bench_send_away(3);
	assert_true(world_vios_end(&world, 1));
	bench_answer(0, MODEL_FINE);
	assert_true(world_vios_start(&world, 1));
	assert_int_equal(hv_pager_device(world.pager, space(), 1, true, 0, &err),
			 HV_E_STATE);
	assert_non_null(strstr(err.text, "may still write"));
	world_member_kill(&world, 0);
	assert_int_equal(hv_space_life(space()), HV_LIFE_IN_DOUBT);
	world_drain(&world, 1, 0);
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDED);
}

static void a_partition_ends_with_both_halves_out(void **state)
{
	(void)state;
	bench_send_away(3);
	world_member_kill(&world, 0);
	bench_check();
	bench_answer(0, MODEL_FINE);
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDING);
	assert_true(world_vios_end(&world, 1));
	bench_check();
	assert_int_equal(hv_space_life(space()), HV_LIFE_IN_DOUBT);
	assert_true(world_member_reap(&world, 0));
}

/* A page that only a side has that is away waits for it, and is never given up. */
static void a_page_waits_for_the_side_that_has_it(void **state)
{
	(void)state;
	assert_true(world_vios_end(&world, 1));
	(void)put_away(3);
	check_missed(3, false, true);
	come_back(1);
	assert_true(world_vios_end(&world, 0));
	bench_touch(MODEL_READ, 3);
	assert_int_equal(bench_out(1), 0);
	assert_int_equal(stat_of().wait, HV_WAIT_DEVICE);
	for (unsigned i = 0; i < 20; i++)
		bench_turn();
	assert_int_equal(hv_page_state(table(), 3), HV_PAGE_STOLEN);
	come_back(0);
	bench_turn();
	assert_int_equal(bench_out(0), 1); /* a fault goes first */
	bench_answer(0, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

static void damage_on_one_side_is_healed_from_the_other(void **state)
{
	(void)state;
	world.is_damaged = true;
	world.is_one_side = true;
	world.members[0].devices[0].slots[put_away(3)].tail ^= 1;
	bench_touch(MODEL_READ, 3);
	bench_answer(0, MODEL_FINE);
	assert_int_equal(bench_out(0), 0);
	bench_answer(1, MODEL_FINE);
	check_missed(3, true, false);
	assert_int_equal(stat_of().counts.healed, 1);
	assert_int_equal(stat_of().counts.checksum_errors, 1);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	bench_answer(1, MODEL_FINE); /* resync, though the page is in its frame again */
	bench_answer(0, MODEL_FINE);
	check_missed(3, false, false);
	assert_int_equal(stat_of().counts.resynced, 1);
	assert_true(world.members[0].devices[0].slots[table()->pages[3].slot].tail ==
		    world.members[0].devices[1].slots[table()->pages[3].slot].tail);
}

/* However often: the other side may come back. */
static void damage_waits_for_a_side_that_is_away(void **state)
{
	(void)state;
	world.is_damaged = true;
	world.is_one_side = true;
	world.members[0].devices[0].slots[put_away(3)].tail ^= 1;
	assert_true(world_vios_end(&world, 1));
	bench_touch(MODEL_READ, 3);
	for (unsigned i = 0, served = 0; i < 2000; i++) {
		if (bench_out(0) > 0)
			bench_answer(0, served++ % 2 == 0 ? MODEL_FINE : MODEL_ERROR);
		world.now_ns += 50000000;
		bench_turn();
	}
	assert_int_equal(hv_page_state(table(), 3), HV_PAGE_INFLIGHT);
	assert_true(stat_of().counts.checksum_errors > 3);
	come_back(1);
	for (unsigned i = 0; i < 10000 && bench_out(1) == 0; i++) {
		if (bench_out(0) > 0)
			bench_answer(0, MODEL_FINE);
		bench_turn();
	}
	bench_answer(1, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

static void damage_on_both_sides_is_a_lost_page(void **state)
{
	uint32_t slot;

	(void)state;
	world.is_damaged = true;
	slot = put_away(3);
	world.members[0].devices[0].slots[slot].tail ^= 1;
	world.members[0].devices[1].slots[slot].tail ^= 1;
	world.members[0].kernel.pages[3].may_poison = true;
	bench_touch(MODEL_READ, 3);
	for (unsigned i = 0; i < HV_CHECKSUM_TRIES; i++)
		bench_answer(i % 2, MODEL_FINE);
	assert_int_equal(hv_page_state(table(), 3), HV_PAGE_POISONED);
}

/* A page that is in its frame does not leave it for what a closed side alone has. */
static void p17_a_page_does_not_leave_for_a_copy_that_may_be_lost(void **state)
{
	uint32_t page = 3;

	(void)state;
	assert_true(world_vios_end(&world, 1));
	(void)put_away(page);
	bench_touch(MODEL_READ, page); /* clean now */
	bench_answer(0, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	check_missed(page, false, true);
	come_back(1);
	assert_true(world_vios_end(&world, 0));
	bench_steal(0, page);
	assert_int_equal(hv_page_state(table(), page), HV_PAGE_STEALING);
	bench_answer(1, MODEL_FINE);
	check_missed(page, true, false);
	assert_int_equal(stat_of().slots_in[HV_SLOT_LIVE], 1);
	world_lose(&world, 0);
	bench_touch(MODEL_READ, page);
	bench_answer(1, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
}

/* Nor is a write safe that only a side has answered that is closed since. */
static void p17_an_answer_of_a_side_that_is_gone_is_not_enough(void **state)
{
	(void)state;
	for (unsigned first = 0; first < HV_PATHS; first++) {
		bench_send_away(3);
		bench_answer(first, MODEL_FINE);
		assert_true(world_vios_end(&world, first));
		bench_answer(HV_PATHS - 1 - first, MODEL_ERROR);
		assert_int_equal(hv_page_state(table(), 3), HV_PAGE_RESIDENT);
		assert_int_equal(stat_of().slots_in[HV_SLOT_FREE], PAGES + 8);
		come_back(first);
		world.now_ns += 10 * (uint64_t)HV_WRITE_WAIT_NS;
		bench_send_away(3);
		bench_answer(first, MODEL_FINE);
		assert_true(world_vios_end(&world, first));
		assert_true(world_vios_end(&world, HV_PATHS - 1 - first));
		assert_int_equal(hv_page_state(table(), 3), HV_PAGE_RESIDENT);
		come_back(0);
		come_back(1);
	}
}

/* Everything is brought, a few at a time, verified, and nothing is left to do. */
static void what_a_side_missed_is_brought(void **state)
{
	unsigned most = 0, rounds = 0;

	(void)state;
	assert_true(world_vios_end(&world, 1));
	for (uint32_t page = 0; page < PAGES; page++)
		(void)put_away(page);
	assert_int_equal(stat_of().missed[1], PAGES);
	come_back(1);
	while (stat_of().missed[1] > 0 && rounds++ < 1000) {
		bench_turn();
		most = bench_out(0) > most ? bench_out(0) : most;
		for (unsigned path = 0; path < HV_PATHS; path++)
			while (bench_out(path) > 0)
				bench_answer(path, MODEL_FINE);
	}
	assert_int_equal(stat_of().missed[1], 0);
	assert_int_equal(stat_of().counts.resynced, PAGES);
	assert_int_equal(most, FILLS);
	assert_true(bench_turn_after(BENCH_TURN_NS).wake_ns == UINT64_MAX);
	assert_int_equal(bench_out(0) + bench_out(1), 0);
	world_ruin(&world, 0);
	assert_true(world_read_all(&world));
}

/* The page goes while it is being brought: read, then written. */
static void p4_a_slot_that_is_brought_is_condemned_when_its_page_goes(void **state)
{
	uint32_t slot;

	(void)state;
	for (unsigned half = 0; half < 2; half++) {
		assert_true(world_vios_end(&world, 1));
		slot = put_away(3);
		come_back(1);
		bench_turn();
		assert_int_equal(bench_out(0), 1);
		if (half == 1)
			bench_answer(0, MODEL_FINE);
		assert_int_equal(bench_out(1), half);
		assert_true(world_member_discard(&world, 0, 3, 1));
		bench_check();
		assert_int_equal(hv_slot_class(table(), slot), HV_SLOT_CONDEMNED);
		assert_int_equal(stat_of().missed[1], 0);
		bench_answer(half, MODEL_FINE);
		assert_int_equal(hv_slot_class(table(), slot), HV_SLOT_FREE);
	}
	assert_int_equal(stat_of().counts.resynced, 0);
}

/*
 * A resync that waits for a buffer pins nothing: its page may leave again by the same
 * slot, with the same content. Until that write is answered, the slot is none to read.
 */
static void p4_a_slot_that_is_written_again_is_not_brought(void **state)
{
	uint32_t page = 3, slot, buffers[FILLS];
	uint64_t version;

	(void)state;
	assert_true(world_vios_end(&world, 1));
	slot = put_away(page);
	version = world.version;
	bench_touch(MODEL_READ, page);
	bench_answer(0, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	for (unsigned i = 0; i < FILLS; i++)
		assert_true(
			model_vios_ops.take(&world.vios[0], HV_OP_READ, 1, &buffers[i]));
	come_back(1);
	bench_turn();
	assert_int_equal(world.pager->walkers[HV_CHECKS].state, HV_WALKER_QUEUED);
	model_start(&world.members[0].kernel, 0, MODEL_WRITE, page, 1, version);
	model_step(&world.members[0].kernel, 0);
	world_member_events(&world, 0, 0, MODEL_THREADS_MAX);
	model_step(&world.members[0].kernel, 0);
	assert_true(bench_is_idle(0, 0));
	table()->slot_cursor = slot;
	bench_steal(0, page);
	assert_int_equal(table()->pages[page].slot, slot);
	for (unsigned i = 0; i < FILLS; i++)
		model_vios_ops.give(&world.vios[0], buffers[i], 1);
	bench_turn();
	assert_int_equal(bench_out(0), 1); /* the page-out alone */
	bench_answer(0, MODEL_FINE);
	bench_answer(1, MODEL_FINE);
	assert_int_equal(hv_page_state(table(), page), HV_PAGE_STOLEN);
	check_missed(page, false, false);
}

/* M3: until it is answered, the side has it not. */
static void m3_a_slot_is_missed_until_its_write_is_answered(void **state)
{
	(void)state;
	assert_true(world_vios_end(&world, 1));
	(void)put_away(3);
	come_back(1);
	bench_turn();
	bench_answer(0, MODEL_FINE);
	check_missed(3, false, true);
	assert_true(world_vios_end(&world, 1));
	check_missed(3, false, true);
	come_back(1);
	bench_turn();
	bench_answer(0, MODEL_FINE);
	bench_answer(1, MODEL_ERROR);
	check_missed(3, false, true);
	assert_int_equal(bench_out(0) + bench_out(1), 0);
	world.now_ns += HV_WRITE_WAIT_NS;
	bench_turn();
	bench_answer(0, MODEL_FINE);
	bench_answer(1, MODEL_FINE);
	check_missed(3, false, false);
}

/* Silent both, or one of them: what is not free soon is one frame a page. */
static void a_frame_that_both_write_out_is_one(void **state)
{
	int64_t free;

	(void)state;
	for (uint32_t page = 0; page < 3; page++)
		bench_send_away(page);
	free = hv_frames_free(&world.frames);
	assert_int_equal(hv_frames_soon(&world.frames), free + 3);
	world.now_ns += HV_QUIET_NS;
	bench_turn();
	assert_int_equal(hv_frames_soon(&world.frames), free);
	bench_answer(0, MODEL_FINE);
	bench_turn();
	assert_int_equal(hv_frames_soon(&world.frames), free);
	for (unsigned i = 0; i < 3; i++)
		bench_answer(1, MODEL_FINE);
	bench_turn();
	assert_int_equal(hv_frames_free(&world.frames), free + 1);
	assert_int_equal(hv_frames_soon(&world.frames), free + 3);
}

/* Without a buffer on one side nothing is written: neither to be had half. */
static void without_buffers_on_one_side_the_page_stays(void **state)
{
	uint32_t buffer, page = 3;

	(void)state;
	assert_true(model_vios_ops.take(&world.vios[1], HV_OP_WRITE, 8, &buffer));
	bench_touch(MODEL_WRITE, page);
	bench_steal(0, page);
	assert_int_equal(hv_page_state(table(), page), HV_PAGE_RESIDENT);
	assert_int_equal(bench_out(0) + bench_out(1), 0);
	model_vios_ops.give(&world.vios[1], buffer, 8);
	assert_int_equal(stat_of().slots_in[HV_SLOT_FREE], PAGES + 8);
	(void)put_away(page);
}

static void a_planned_end_of_a_side_is_made_up_for(void **state)
{
	(void)state;
	(void)put_away(1);
	assert_true(world_vios_leave(&world, 0));
	(void)put_away(2); /* over the other one alone */
	check_missed(2, true, false);
	bench_touch(MODEL_READ, 1);
	assert_int_equal(bench_out(1), 1);
	bench_answer(1, MODEL_FINE);
	bench_turn();
	assert_true(bench_is_idle(0, 0));
	assert_true(world_vios_end(&world, 0));
	come_back(0);
	bench_turn();
	bench_answer(1, MODEL_FINE);
	bench_answer(0, MODEL_FINE);
	assert_int_equal(stat_of().missed[0], 0);
}

static void no_memory_is_an_error(void **state)
{
	struct hv_space_config config = { .pages = 8, .slots = 8, .is_mirrored = true };
	struct hv_space *made = NULL;
	struct hv_err err;

	(void)state;
	for (unsigned nth = 1; made == NULL; nth++) {
		enum hv_code code;
		bool is_reached;

		oom_arm(nth);
		code = hv_space_new(&config, &made, &err);
		is_reached = oom_disarm();
		assert_int_equal(code, is_reached ? HV_E_NOMEM : HV_OK);
	}
	assert_non_null(made);
	assert_true(hv_space_table_bytes(made) > sizeof(struct hv_space));
	hv_space_free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)
		TEST(a_page_is_written_to_both_and_safe_after_both),
		TEST(a_write_that_fails_on_one_side_is_missed_there),
		TEST(a_write_that_fails_on_both_keeps_the_page),
		TEST(m5_the_end_of_a_path_loses_no_write_that_the_other_has),
		TEST(p4_a_slot_is_free_after_both_answers),
		TEST(p9_a_side_in_doubt_is_not_opened),
		TEST(a_partition_ends_with_both_halves_out),
		TEST(a_page_waits_for_the_side_that_has_it),
		TEST(damage_on_one_side_is_healed_from_the_other),
		TEST(damage_waits_for_a_side_that_is_away),
		TEST(damage_on_both_sides_is_a_lost_page),
		TEST(p17_a_page_does_not_leave_for_a_copy_that_may_be_lost),
		TEST(p17_an_answer_of_a_side_that_is_gone_is_not_enough),
		TEST(what_a_side_missed_is_brought),
		TEST(p4_a_slot_that_is_brought_is_condemned_when_its_page_goes),
		TEST(p4_a_slot_that_is_written_again_is_not_brought),
		TEST(m3_a_slot_is_missed_until_its_write_is_answered),
		TEST(a_frame_that_both_write_out_is_one),
		TEST(without_buffers_on_one_side_the_page_stays),
		TEST(a_planned_end_of_a_side_is_made_up_for),
#undef TEST
		cmocka_unit_test(no_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
