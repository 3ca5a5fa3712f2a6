/*
 * The compressed tier on the models: what leaves for it, comes back from it, and goes on
 * to the device, and that nothing of it is lost on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/pager/tier_bench.h"

static void a_page_leaves_for_the_tier_without_io_and_comes_back(void **state)
{
	(void)state;
	pack(3);
	assert_false(member()->kernel.pages[3].is_cached);
	assert_int_equal(bench_out(0), 0);
	assert_int_equal(slots_in(HV_SLOT_FREE), space()->table.slot_count);
	assert_int_equal(space()->frames, 0);
	bench_touch(MODEL_READ, 3); /* one turn */
	assert_true(bench_is_idle(0, 0));
	assert_int_equal(state_of(3), HV_PAGE_RESIDENT);
	assert_int_equal(counts().tier_packs, 1);
	assert_int_equal(counts().tier_hits, 1);
	assert_int_equal(counts().page_ins, 1);
	assert_int_equal(member()->kernel.sigbus, 0);
}

static void what_was_read_leaves_again_for_nothing(void **state)
{
	(void)state;
	pack(3);
	for (unsigned i = 1; i <= 3; i++) {
		bench_touch(MODEL_READ, 3);
		assert_true(member()->kernel.pages[3].is_protected);
		assert_int_equal(packed(), 1);
		bench_steal(0, 3);
		assert_int_equal(state_of(3), HV_PAGE_PACKED);
		assert_int_equal(counts().clean_steals, i);
	}
	assert_int_equal(counts().tier_packs, 1);
	touch(MODEL_READ, 3);
}

static void p5_its_copy_goes_before_it_is_written_to(void **state)
{
	(void)state;
	pack(3);
	bench_touch(MODEL_READ, 3);
	touch(MODEL_WRITE, 3);
	assert_int_equal(counts().write_faults, 1);
	assert_int_equal(packed(), 0);
	bench_steal(0, 3);
	assert_int_equal(counts().tier_packs, 2);
	touch(MODEL_WRITE, 3); /* brought for that: no second fault */
	assert_int_equal(counts().write_faults, 1);
	assert_false(member()->kernel.pages[3].is_protected);
	assert_int_equal(packed(), 0);
}

static void p5_nor_is_there_one_after_a_new_registration(void **state)
{
	(void)state;
	pack(3);
	bench_touch(MODEL_READ, 3);
	model_remap(&member()->kernel);
	hv_pager_reregistered(world.pager, space());
	bench_check();
	assert_int_equal(packed(), 0);
	touch(MODEL_READ, 3);
}

static void m7_a_device_that_writes_leaves_no_copy(void **state)
{
	(void)state;
	pack(3);
	bench_touch(MODEL_READ, 3);
	model_io_map(&member()->kernel, 3, true);
	assert_int_equal(hv_pager_map(world.pager, space(), 3, true, world.now_ns),
			 HV_MAP_READY);
	assert_int_equal(packed(), 0);
	model_io_end(&member()->kernel, 3);
}

static void copies_of_what_is_in_frames_go_first(void **state)
{
	(void)state;
	pack(1);
	pack(2);
	bench_touch(MODEL_READ, 2);
	assert_true(world_unload(&world));
	assert_int_equal(bench_out(0), 0);
	assert_int_equal(state_of(1), HV_PAGE_PACKED);
	assert_int_equal(state_of(2), HV_PAGE_RESIDENT);
	assert_int_equal(packed(), 1);
	bench_check();
	touch(MODEL_READ, 2);
	bench_steal(0, 2);
	assert_int_equal(counts().tier_packs, 3);
}

static void a_clean_page_keeps_its_slot_and_is_not_packed(void **state)
{
	(void)state;
	unload(3);
	serve_all();
	assert_int_equal(state_of(3), HV_PAGE_STOLEN);
	touch(MODEL_READ, 3);
	bench_steal(0, 3);
	assert_int_equal(state_of(3), HV_PAGE_STOLEN);
	assert_int_equal(counts().clean_steals, 1);
}

static void no_path_is_needed_there_and_back(void **state)
{
	(void)state;
	bench_touch(MODEL_WRITE, 1);
	for (unsigned path = 0; path < HV_PATHS; path++)
		assert_true(world_vios_end(&world, path));
	bench_steal(0, 1);
	assert_int_equal(state_of(1), HV_PAGE_PACKED);
	assert_false(world_unload(&world));
	bench_touch(MODEL_READ, 1);
	assert_true(bench_is_idle(0, 0));
}

static void reclaim_goes_on_without_a_path(void **state)
{
	(void)state;
	for (uint32_t page = 0; page < PAGES; page++)
		bench_touch(MODEL_WRITE, page);
	for (unsigned path = 0; path < HV_PATHS; path++)
		assert_true(world_vios_end(&world, path));
	bench_turn();
	hv_pager_target(world.pager, space(), 0, 4);
	hv_frames_shrink(&world.frames, BENCH_FRAMES - 14);
	for (unsigned i = 0; i < 20; i++)
		(void)bench_turn_after(10000000);
	assert_true(packed() >= PAGES / 2);
	assert_true(hv_frames_free(&world.frames) >= 0);
	hv_frames_grow(&world.frames, BENCH_FRAMES - 14);
	for (uint32_t page = 0; page < PAGES; page++)
		touch(MODEL_READ, page);
}

static void without_room_a_page_goes_to_the_device(void **state)
{
	(void)state;
	world_tier_most(&world, 0);
	bench_turn();
	bench_touch(MODEL_WRITE, 2);
	bench_steal(0, 2);
	assert_int_equal(state_of(2), HV_PAGE_STEALING);
	bench_serve(0);
	assert_int_equal(state_of(2), HV_PAGE_STOLEN);
	assert_int_equal(counts().tier_outs, 0);
}

static void the_oldest_go_on_to_the_device_in_adjacent_slots(void **state)
{
	(void)state;
	for (uint32_t page = 0; page < 4; page++)
		pack(page);
	assert_true(world_unload(&world));
	assert_int_equal(bench_out(0), 1); /* request */
	assert_int_equal(packed(), 4);     /* until it is answered */
	bench_serve(0);
	assert_int_equal(packed(), 0);
	for (uint32_t page = 0; page < 4; page++) {
		assert_int_equal(state_of(page), HV_PAGE_STOLEN);
		assert_int_equal(space()->table.pages[page].slot,
				 space()->table.pages[0].slot + page);
	}
	assert_int_equal(counts().tier_outs, 4);
	assert_int_equal(counts().page_outs, 4);
	for (uint32_t page = 0; page < 4; page++)
		touch(MODEL_READ, page);
}

static void p4_a_fault_on_what_is_being_written_is_served_at_once(void **state)
{
	(void)state;
	unload(5);
	bench_touch(MODEL_WRITE, 5);
	assert_true(bench_is_idle(0, 0));
	assert_int_equal(state_of(5), HV_PAGE_RESIDENT);
	assert_int_equal(slots_in(HV_SLOT_CONDEMNED), 1);
	bench_serve(0);
	assert_int_equal(slots_in(HV_SLOT_FREE), space()->table.slot_count);
	touch(MODEL_READ, 5);
}

static void p13_a_discard_ends_what_is_packed_or_being_written(void **state)
{
	(void)state;
	pack(1);
	assert_true(world_member_discard(&world, 0, 1, 1));
	assert_int_equal(state_of(1), HV_PAGE_ZERO);
	assert_int_equal(packed(), 0);
	unload(2);
	assert_true(world_member_discard(&world, 0, 2, 1));
	assert_int_equal(packed(), 0);
	assert_int_equal(slots_in(HV_SLOT_CONDEMNED), 1);
	bench_check();
	bench_serve(0);
	assert_int_equal(slots_in(HV_SLOT_FREE), space()->table.slot_count);
	touch(MODEL_READ, 1);
	touch(MODEL_READ, 2);
}

static void damage(uint32_t page)
{
	uint32_t place = space()->table.pages[page].slot & ~HV_SLOT_PLACE;

	world.is_tier_damaged = true;
	member()->kernel.pages[page].may_poison = true;
	memset(world.tier_memory + (size_t)place * HV_TIER_UNIT +
		       sizeof(struct hv_tier_head),
	       0x55, 8);
}

static void m4_a_page_that_does_not_read_back_is_poisoned_alone(void **state)
{
	(void)state;
	pack(1);
	pack(2);
	damage(1);
	bench_touch(MODEL_READ, 1);
	assert_int_equal(state_of(1), HV_PAGE_POISONED);
	assert_int_equal(counts().checksum_errors, 1);
	assert_int_equal(counts().failed_faults, 1);
	bench_turn();
	assert_int_equal(member()->kernel.sigbus, 1);
	touch(MODEL_READ, 2);
}

static void m4_damage_is_not_written_to_the_device(void **state)
{
	(void)state;
	pack(1);
	pack(2);
	damage(1);
	assert_true(world_unload(&world));
	assert_int_equal(state_of(1), HV_PAGE_POISONED);
	assert_int_equal(state_of(2), HV_PAGE_UNLOADING);
	bench_serve(0);
	touch(MODEL_READ, 2);
}

static void m7_a_page_of_the_tier_is_brought_for_a_device(void **state)
{
	(void)state;
	pack(1);
	unload(2); /* the oldest go: page 1 as well */
	for (uint32_t page = 1; page <= 2; page++) {
		model_io_map(&member()->kernel, page, true);
		assert_int_equal(
			hv_pager_map(world.pager, space(), page, true, world.now_ns),
			HV_MAP_READY);
		assert_int_equal(hv_space_audit_io(space(), page, true, NULL), HV_OK);
		bench_check();
		model_io_end(&member()->kernel, page);
	}
	assert_int_equal(counts().map_page_ins, 2);
	assert_int_equal(counts().page_ins, 0);
	serve_all();
}

static void p2_the_end_of_a_partition_empties_the_tier(void **state)
{
	(void)state;
	pack(1);
	unload(2);
	pack(3);
	world_member_kill(&world, 0);
	bench_check();
	assert_int_equal(packed(), 0);
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDING);
	serve_all();
	assert_int_equal(hv_space_life(space()), HV_LIFE_ENDED);
}

static void m5_a_failover_leaves_it_where_it_was(void **state)
{
	(void)state;
	pack(1);
	unload(2);
	assert_true(world_vios_end(&world, 0));
	bench_check();
	assert_int_equal(state_of(1), HV_PAGE_PACKED);
	assert_int_equal(state_of(2), HV_PAGE_PACKED);
	assert_int_equal(slots_in(HV_SLOT_QUARANTINED), 2);
	bench_touch(MODEL_WRITE, 2); /* nobody is asked */
	assert_true(bench_is_idle(0, 0));
	world_vios_activate(&world, 1);
	assert_true(world_unload(&world));
	bench_serve(1);
	assert_int_equal(state_of(1), HV_PAGE_STOLEN);
}

static void a_write_that_fails_leaves_it_where_it_was(void **state)
{
	(void)state;
	unload(2);
	bench_answer(0, MODEL_ERROR);
	assert_int_equal(state_of(2), HV_PAGE_PACKED);
	assert_int_equal(slots_in(HV_SLOT_FREE), space()->table.slot_count);
	assert_int_equal(counts().io_errors, 1);
}

static void p17_it_goes_to_both_sides_and_one_is_enough(void **state)
{
	(void)state;
	open_again(CHUNKS, true);
	unload(2);
	assert_int_equal(bench_out(0), 1);
	assert_int_equal(bench_out(1), 1);
	bench_answer(0, MODEL_FINE);
	assert_int_equal(state_of(2), HV_PAGE_UNLOADING);
	assert_true(world_vios_end(&world, 1));
	assert_int_equal(state_of(2), HV_PAGE_STOLEN);
	assert_int_equal(hv_space_missed(space(), 1), 1);
	touch(MODEL_READ, 2);
}

static void p7_a_blocked_space_gives_nothing_to_its_device(void **state)
{
	(void)state;
	unload(2);
	hv_pager_block(world.pager, space(), true);
	assert_int_equal(state_of(2), HV_PAGE_PACKED);
	assert_false(world_unload(&world));
	bench_touch(MODEL_READ, 2);
	assert_true(bench_is_idle(0, 0));
	serve_all();
}

static void p12_what_cannot_be_installed_stays_packed(void **state)
{
	static const enum hv_code codes[] = { HV_E_NOMEM, HV_E_AGAIN };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(codes); i++) {
		pack(i);
		member()->kernel.fail_in = 1;
		member()->kernel.fail_code = codes[i];
		bench_start(0, 0, MODEL_READ, i);
		world_member_events(&world, 0, 0, 1);
		bench_check();
		assert_int_equal(state_of(i), HV_PAGE_PACKED);
		assert_int_equal(space()->frames, i);
		bench_turn();
		bench_turn();
		assert_true(bench_is_idle(0, 0));
	}
}

static void p6_a_page_that_somebody_put_there_is_poisoned(void **state)
{
	(void)state;
	pack(1);
	model_pwrite(&member()->kernel, 1, 77);
	bench_touch(MODEL_READ, 1);
	assert_int_equal(state_of(1), HV_PAGE_POISONED);
	assert_int_equal(counts().integrity_errors, 1);
	assert_int_equal(packed(), 0);
}

static void a_failed_punch_leaves_the_page_in_its_frame(void **state)
{
	(void)state;
	bench_touch(MODEL_WRITE, 1);
	member()->kernel.fail_in = 2; /* protect, punch */
	member()->kernel.fail_code = HV_E_AGAIN;
	bench_steal(0, 1);
	bench_check();
	assert_int_equal(state_of(1), HV_PAGE_RESIDENT);
	assert_int_equal(packed(), 0);
	touch(MODEL_WRITE, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)
		TEST(a_page_leaves_for_the_tier_without_io_and_comes_back),
		TEST(what_was_read_leaves_again_for_nothing),
		TEST(p5_its_copy_goes_before_it_is_written_to),
		TEST(p5_nor_is_there_one_after_a_new_registration),
		TEST(m7_a_device_that_writes_leaves_no_copy),
		TEST(copies_of_what_is_in_frames_go_first),
		TEST(a_clean_page_keeps_its_slot_and_is_not_packed),
		TEST(no_path_is_needed_there_and_back),
		TEST(reclaim_goes_on_without_a_path),
		TEST(without_room_a_page_goes_to_the_device),
		TEST(the_oldest_go_on_to_the_device_in_adjacent_slots),
		TEST(p4_a_fault_on_what_is_being_written_is_served_at_once),
		TEST(p13_a_discard_ends_what_is_packed_or_being_written),
		TEST(m4_a_page_that_does_not_read_back_is_poisoned_alone),
		TEST(m4_damage_is_not_written_to_the_device),
		TEST(m7_a_page_of_the_tier_is_brought_for_a_device),
		TEST(p2_the_end_of_a_partition_empties_the_tier),
		TEST(m5_a_failover_leaves_it_where_it_was),
		TEST(a_write_that_fails_leaves_it_where_it_was),
		TEST(p17_it_goes_to_both_sides_and_one_is_enough),
		TEST(p7_a_blocked_space_gives_nothing_to_its_device),
		TEST(p12_what_cannot_be_installed_stays_packed),
		TEST(p6_a_page_that_somebody_put_there_is_poisoned),
		TEST(a_failed_punch_leaves_the_page_in_its_frame),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
