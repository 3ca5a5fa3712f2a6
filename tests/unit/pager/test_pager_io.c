/*
 * Unit tests of hvcore/pager: pages that devices use (M7, and P5 of a store that raises
 * no fault), on the model kernel, which checks every read and every transfer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_world.h"

#define PAGES 64
#define FRAMES 40
#define ENTITLED 12

static struct world world;

static struct hv_space *space(void)
{
	return world.members[0].space;
}

static struct model_kernel *kernel(void)
{
	return &world.members[0].kernel;
}

static const struct hv_space_counts *counts(void)
{
	return &space()->counts;
}

static enum hv_page_state state_of(uint32_t page)
{
	return hv_page_state(&space()->table, page);
}

static uint32_t slot_of(uint32_t page)
{
	return space()->table.pages[page].slot;
}

static int set_up_with(unsigned members)
{
	world_init(&world, &(struct world_config){ .members = members,
						   .pages = PAGES,
						   .slots = PAGES + 16,
						   .threads = 4,
						   .frames = FRAMES,
						   .entitled = ENTITLED,
						   .fills = 4,
						   .reads = 4,
						   .writes = 8 });
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	return set_up_with(1);
}

static int set_up_three(void **state)
{
	(void)state;
	return set_up_with(3);
}

static int tear_down(void **state)
{
	(void)state;
	assert_null(world_check(&world));
	world_fini(&world);
	return 0;
}

static void touch(unsigned member, enum model_op op, uint32_t page)
{
	model_start(&world.members[member].kernel, 0, op, page, 1, ++world.version);
	assert_true(world_settle(&world));
}

static void touch_all(enum model_op op, uint32_t first, uint32_t end)
{
	for (uint32_t page = first; page < end; page++)
		touch(0, op, page);
}

/* Written, and then on the paging device alone. */
static uint32_t stolen_page(void)
{
	uint32_t page = 0;

	touch_all(MODEL_WRITE, 0, PAGES);
	while (state_of(page) != HV_PAGE_STOLEN)
		page++;
	return page;
}

/* As H_PUT_TCE does. */
static enum hv_map map(uint32_t page, bool is_write)
{
	struct model_page *at = &kernel()->pages[page];
	enum hv_map map;

	if (!at->is_under_io)
		model_io_map(kernel(), page, is_write);
	map = hv_pager_map(world.pager, space(), page, is_write, world.now_ns);
	at->is_io_ready = map == HV_MAP_READY;
	return map;
}

static void m7_a_page_of_zeros_is_there_at_once(void **state)
{
	(void)state;
	assert_int_equal(map(5, true), HV_MAP_READY);
	assert_int_equal(state_of(5), HV_PAGE_RESIDENT);
	assert_int_equal(map(5, true), HV_MAP_READY); /* again: the same */
	assert_int_equal(counts()->map_fills, 1);
	assert_int_equal(counts()->map_zero_fills, 1);
	assert_int_equal(counts()->faults, 0);
	assert_int_equal(counts()->zero_fills, 0);
	model_io_write(kernel(), 5, ++world.version);
	touch(0, MODEL_READ, 5);
}

static void m7_a_page_is_brought_and_counted_apart(void **state)
{
	uint32_t page = stolen_page();
	uint64_t page_ins = counts()->page_ins, faults = counts()->faults;
	uint64_t traced = hv_space_trace(space())->count;
	struct hv_pager_stat stat;

	(void)state;
	hv_pager_stat(world.pager, &stat);
	assert_int_equal(map(page, false), HV_MAP_WAITS);
	assert_int_equal(map(page, false), HV_MAP_WAITS); /* nothing more is begun */
	assert_int_equal(counts()->map_fills, 1);
	assert_true(world_settle(&world));
	assert_int_equal(map(page, false), HV_MAP_READY);
	assert_int_equal(counts()->map_page_ins, 1);
	assert_int_equal(counts()->page_ins, page_ins);
	assert_int_equal(counts()->faults, faults);
	assert_int_equal(hv_space_trace(space())->count, traced);
	assert_int_equal(stat.page_ins, page_ins);
	model_io_read(kernel(), page);
	assert_int_not_equal(slot_of(page), HV_SLOT_NONE); /* a reader leaves it clean */
	touch_all(MODEL_WRITE, 0, PAGES);
	assert_int_equal(state_of(page), HV_PAGE_RESIDENT);
	model_io_end(kernel(), page);
	touch_all(MODEL_WRITE, 0, PAGES);
	touch_all(MODEL_READ, 0, PAGES);
}

static void fault_on(uint32_t page, enum model_op op)
{
	uint64_t faults = counts()->faults;

	model_start(kernel(), 0, op, page, 1, ++world.version);
	model_step(kernel(), 0);
	world_member_events(&world, 0, 0, 4);
	assert_int_equal(counts()->faults, faults + 1);
}

/* How long it waits is how long page-ins take, whoever wanted the page first. */
static void a_thread_that_waits_for_it_too_makes_it_a_fault(void **state)
{
	uint32_t page = stolen_page();
	uint64_t page_ins = counts()->page_ins, stale = counts()->stale_faults;
	uint64_t traced = hv_space_trace(space())->count;
	uint64_t timed = hv_space_latency(space())->count;
	uint64_t since_ns;

	(void)state;
	assert_int_equal(map(page, false), HV_MAP_WAITS);
	world.now_ns += 1000000;
	since_ns = world.now_ns;
	fault_on(page, MODEL_READ);
	assert_int_equal(space()->pending, 1);
	assert_int_equal(space()->pending_maps, 0);
	assert_int_equal(counts()->map_ends, 1);
	assert_true(world_settle(&world));
	assert_int_equal(map(page, false), HV_MAP_READY);
	assert_int_equal(counts()->page_ins, page_ins + 1);
	assert_int_equal(counts()->stale_faults, stale);
	assert_int_equal(counts()->map_page_ins, 0);
	assert_int_equal(hv_space_latency(space())->count, timed + 1);
	assert_int_equal(hv_space_trace(space())->count, traced + 1);
	assert_true(hv_space_trace(space())->at[traced % HV_TRACE_MAX].start_ns >=
		    since_ns);
}

/* The same where it waits for a path, or for the kernel. */
static void so_it_does_where_it_has_not_begun_yet(void **state)
{
	uint32_t page = stolen_page();
	uint64_t page_ins = counts()->page_ins, stale = counts()->stale_faults;

	(void)state;
	assert_true(world_vios_end(&world, 0));
	assert_true(world_vios_end(&world, 1));
	assert_int_equal(map(page, false), HV_MAP_WAITS);
	fault_on(page, MODEL_WRITE);
	assert_int_equal(space()->pending, 1);
	assert_int_equal(space()->pending_maps, 0);
	assert_true(world_settle(&world));
	assert_int_equal(counts()->page_ins, page_ins + 1);
	assert_int_equal(counts()->stale_faults, stale);
	assert_int_equal(slot_of(page), HV_SLOT_NONE); /* it is written to */
	assert_int_equal(map(page, false), HV_MAP_READY);
}

static void a_second_thread_is_served_with_the_first(void **state)
{
	uint32_t page = stolen_page();
	uint64_t page_ins = counts()->page_ins, stale = counts()->stale_faults;

	(void)state;
	assert_int_equal(map(page, false), HV_MAP_WAITS);
	fault_on(page, MODEL_READ);
	model_start(kernel(), 1, MODEL_READ, page, 1, 0);
	model_step(kernel(), 1);
	world_member_events(&world, 0, 0, 4);
	assert_int_equal(space()->pending, 1);
	assert_true(world_settle(&world));
	assert_int_equal(counts()->page_ins, page_ins + 1);
	assert_int_equal(counts()->stale_faults, stale + 1);
}

static void p5_a_device_that_writes_leaves_no_copy(void **state)
{
	uint32_t page = stolen_page();

	(void)state;
	touch(0, MODEL_READ, page);
	assert_int_not_equal(slot_of(page), HV_SLOT_NONE);
	assert_true(hv_page_has(&space()->table, page, HV_PAGE_PROTECTED));
	assert_int_equal(map(page, false), HV_MAP_READY);
	assert_int_not_equal(slot_of(page), HV_SLOT_NONE);
	kernel()->pages[page].is_io_write = true;
	assert_int_equal(map(page, true), HV_MAP_READY);
	assert_int_equal(slot_of(page), HV_SLOT_NONE);
	assert_false(hv_page_has(&space()->table, page, HV_PAGE_PROTECTED));
	model_io_write(kernel(), page, ++world.version);
	model_io_end(kernel(), page);
	touch_all(MODEL_WRITE, 0, page);
	touch_all(MODEL_WRITE, page + 1, PAGES);
	touch_all(MODEL_READ, 0, PAGES); /* what the device wrote is there */
}

static void p5_brought_for_writing_it_has_no_copy_either(void **state)
{
	uint32_t page = stolen_page();

	(void)state;
	assert_int_equal(map(page, true), HV_MAP_WAITS);
	assert_true(world_settle(&world));
	assert_int_equal(map(page, true), HV_MAP_READY);
	assert_int_equal(slot_of(page), HV_SLOT_NONE);
}

/* A fault is bringing it to be read; then a device wants to write to it. */
static void p5_a_read_under_way_becomes_one_for_writing(void **state)
{
	uint32_t page = stolen_page();

	(void)state;
	model_start(kernel(), 0, MODEL_READ, page, 1, 0);
	model_step(kernel(), 0);
	world_member_events(&world, 0, 0, 4);
	assert_int_equal(state_of(page), HV_PAGE_INFLIGHT);
	assert_int_equal(map(page, true), HV_MAP_WAITS);
	assert_int_equal(counts()->map_fills, 0);
	assert_true(world_settle(&world));
	assert_int_equal(map(page, true), HV_MAP_READY);
	assert_int_equal(slot_of(page), HV_SLOT_NONE);
}

static void m7_what_is_being_stolen_is_taken_back(void **state)
{
	uint32_t page = 0;
	uint64_t canceled;

	(void)state;
	touch_all(MODEL_WRITE, 0, FRAMES - 10);
	for (uint32_t next = FRAMES - 10; space()->table.pages_in[HV_PAGE_STEALING] == 0;
	     next++) {
		model_start(kernel(), 0, MODEL_WRITE, next, 1, ++world.version);
		model_step(kernel(), 0);
		world_member_events(&world, 0, 0, 4);
		model_step(kernel(), 0);
		world.now_ns += 10000000;
		(void)world_run(&world);
	}
	while (state_of(page) != HV_PAGE_STEALING)
		page++;
	canceled = counts()->canceled_steals;
	assert_int_equal(map(page, true), HV_MAP_READY);
	assert_int_equal(state_of(page), HV_PAGE_RESIDENT);
	assert_int_equal(counts()->canceled_steals, canceled + 1);
	model_io_write(kernel(), page, ++world.version);
	assert_true(world_settle(&world));
	model_io_end(kernel(), page);
	touch_all(MODEL_READ, 0, PAGES);
}

static void an_address_space_that_changes_is_waited_for(void **state)
{
	uint32_t page = stolen_page();

	(void)state;
	touch(0, MODEL_READ, page);
	kernel()->fail_in = 1;
	kernel()->fail_code = HV_E_AGAIN;
	assert_int_equal(map(page, true), HV_MAP_WAITS);
	assert_int_equal(slot_of(page), HV_SLOT_NONE); /* first of all */
	assert_int_equal(map(page, true), HV_MAP_READY);
	assert_int_equal(counts()->integrity_errors, 0);
}

/* The slot is what counts: a page that stays protected loses nothing. */
static void a_protection_that_cannot_be_lifted_is_counted(void **state)
{
	uint32_t page = stolen_page();

	(void)state;
	touch(0, MODEL_READ, page);
	kernel()->fail_in = 1;
	kernel()->fail_code = HV_E_OS;
	assert_int_equal(map(page, true), HV_MAP_READY);
	assert_int_equal(slot_of(page), HV_SLOT_NONE);
	assert_int_equal(counts()->integrity_errors, 1);
	model_io_write(kernel(), page, ++world.version);
	touch(0, MODEL_WRITE, page);
}

static void what_the_kernel_refuses_is_begun_again(void **state)
{
	static const enum hv_code codes[] = { HV_E_AGAIN, HV_E_NOMEM };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(codes); i++) {
		kernel()->fail_in = 1;
		kernel()->fail_code = codes[i];
		assert_int_equal(map(i, true), HV_MAP_WAITS);
		assert_int_equal(space()->pending_maps, 1);
		assert_true(world_settle(&world));
		assert_int_equal(map(i, true), HV_MAP_READY);
		assert_int_equal(counts()->map_fills, i + 1);
	}
	kernel()->fail_in = 1;
	kernel()->fail_code = HV_E_OS;
	assert_int_equal(map(9, true), HV_MAP_WAITS); /* it is over, in nothing */
	assert_int_equal(counts()->map_ends, 1);
	assert_int_equal(map(9, true), HV_MAP_READY);
	assert_int_equal(counts()->faults, 0);
}

static void a_lost_page_is_never_ready(void **state)
{
	uint32_t page = stolen_page();

	(void)state;
	assert_int_equal(map(page, false), HV_MAP_WAITS);
	for (unsigned i = 0; i < 100 && state_of(page) == HV_PAGE_INFLIGHT; i++) {
		(void)world_run(&world);
		for (unsigned path = 0; path < HV_PATHS; path++) {
			(void)world_vios_work(&world, path, 0, MODEL_CORRUPT);
			(void)world_vios_answer(&world, path, 0);
		}
	}
	assert_int_equal(state_of(page), HV_PAGE_POISONED);
	assert_int_equal(map(page, false), HV_MAP_LOST);
	assert_int_equal(counts()->map_ends, 1);
	assert_int_equal(counts()->failed_faults, 0);
	assert_int_equal(counts()->io_lost, 0); /* not the partition's doing */
	model_io_end(kernel(), page);
}

static void without_a_vios_it_waits(void **state)
{
	uint32_t page = stolen_page();

	(void)state;
	assert_true(world_vios_end(&world, 0));
	assert_true(world_vios_end(&world, 1));
	assert_int_equal(map(page, true), HV_MAP_WAITS);
	(void)world_run(&world);
	assert_int_equal(map(page, true), HV_MAP_WAITS);
	assert_int_equal(space()->pending_maps, 1);
	assert_true(world_settle(&world)); /* starts them anew */
	assert_int_equal(map(page, true), HV_MAP_READY);
}

/* Every frame is somebody's, and everybody wants more: what is entitled is had. */
static void m7_with_all_frames_contended_what_is_entitled_is_mapped(void **state)
{
	(void)state;
	for (uint32_t page = 0; page < PAGES; page++)
		for (unsigned member = 1; member < 3; member++)
			touch(member, MODEL_WRITE, page);
	for (uint32_t page = 0; page < ENTITLED; page++) {
		for (unsigned i = 0; map(page, page % 2) != HV_MAP_READY && i < 100;
		     i++) {
			touch(1, MODEL_WRITE, (page * 7 + i) % PAGES);
			touch(2, MODEL_WRITE, (page * 5 + i) % PAGES);
		}
		assert_true(kernel()->pages[page].is_io_ready);
	}
	for (uint32_t page = 0; page < PAGES; page++)
		for (unsigned member = 1; member < 3; member++)
			touch(member, MODEL_WRITE, page);
	for (uint32_t page = 0; page < ENTITLED; page++)
		model_io_read(kernel(),
			      page); /* it finds its frame, or the model objects */
}

/* It waits for a frame: one that others give back serves it. */
static void a_mapping_that_finds_no_frame_gets_the_next(void **state)
{
	(void)state;
	while (hv_frames_free(&world.frames) > 0)
		hv_frames_shrink(&world.frames, (uint64_t)hv_frames_free(&world.frames));
	assert_int_equal(map(3, true), HV_MAP_WAITS);
	assert_int_equal(counts()->frame_waits, 0); /* no fault did */
	assert_int_equal(map(3, true), HV_MAP_WAITS);
	assert_int_equal(space()->parked_count, 1);
	hv_frames_grow(&world.frames, FRAMES);
	(void)world_run(&world);
	assert_int_equal(map(3, true), HV_MAP_READY);
}

static void a_page_given_up_while_it_is_mapped_is_counted(void **state)
{
	(void)state;
	assert_int_equal(map(3, true), HV_MAP_READY);
	assert_int_equal(map(4, true), HV_MAP_READY);
	assert_int_equal(hv_pager_discard(world.pager, space(), 3, 1), HV_OK);
	model_discarded(kernel(), 3, 1);
	assert_int_equal(counts()->io_lost, 1);
	assert_non_null(kernel()->violation);
	kernel()->violation = NULL; /* it is meant here */
	model_io_end(kernel(), 3);
	assert_int_equal(hv_pager_discard(world.pager, space(), 3, 1), HV_OK);
	assert_int_equal(counts()->io_lost, 1);
	model_punch_bare(kernel(), 4); /* and without a word */
	kernel()->pages[4].is_under_io = true;
	assert_int_equal(hv_pager_sweep(world.pager, space(), PAGES), 1);
	assert_int_equal(counts()->io_lost, 2);
	model_io_end(kernel(), 4);
}

static void p13_a_hole_is_seen_before_it_is_mapped(void **state)
{
	(void)state;
	touch(0, MODEL_WRITE, 7);
	model_punch_bare(kernel(), 7);
	hv_pager_look(world.pager, space(), 7);
	assert_int_equal(state_of(7), HV_PAGE_ZERO);
	assert_int_equal(map(7, true), HV_MAP_READY);
	assert_int_equal(counts()->io_lost, 0);
	hv_pager_look(world.pager, space(), 7); /* there is none */
	assert_int_equal(state_of(7), HV_PAGE_RESIDENT);
}

static void a_dead_partition_maps_nothing(void **state)
{
	uint32_t page = stolen_page();

	(void)state;
	assert_int_equal(map(page, true), HV_MAP_WAITS);
	world_member_kill(&world, 0);
	assert_int_equal(counts()->map_ends, 1);
	assert_int_equal(space()->pending_maps, 0);
	assert_int_equal(hv_pager_map(world.pager, space(), 1, true, world.now_ns),
			 HV_MAP_LOST);
	hv_pager_look(world.pager, space(), 1);
}

static void an_audit_finds_a_page_that_is_not_there(void **state)
{
	uint32_t page = stolen_page();
	struct hv_err err;

	(void)state;
	assert_int_equal(hv_space_audit_io(space(), page, false, &err), HV_E_CORRUPT);
	touch(0, MODEL_READ, page);
	assert_int_equal(hv_space_audit_io(space(), page, false, &err), HV_OK);
	assert_int_equal(hv_space_audit_io(space(), page, true, &err), HV_E_CORRUPT);
	space()->counts.map_fills++;
	assert_int_equal(hv_space_audit(space(), &err), HV_E_CORRUPT);
	space()->counts.map_fills--;
	assert_int_equal(hv_space_audit(space(), &err), HV_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(m7_a_page_of_zeros_is_there_at_once),
		TEST(m7_a_page_is_brought_and_counted_apart),
		TEST(a_thread_that_waits_for_it_too_makes_it_a_fault),
		TEST(so_it_does_where_it_has_not_begun_yet),
		TEST(a_second_thread_is_served_with_the_first),
		TEST(p5_a_device_that_writes_leaves_no_copy),
		TEST(p5_brought_for_writing_it_has_no_copy_either),
		TEST(p5_a_read_under_way_becomes_one_for_writing),
		TEST(m7_what_is_being_stolen_is_taken_back),
		TEST(an_address_space_that_changes_is_waited_for),
		TEST(a_protection_that_cannot_be_lifted_is_counted),
		TEST(what_the_kernel_refuses_is_begun_again),
		TEST(a_lost_page_is_never_ready),
		TEST(without_a_vios_it_waits),
		cmocka_unit_test_setup_teardown(
			m7_with_all_frames_contended_what_is_entitled_is_mapped,
			set_up_three, tear_down),
		TEST(a_mapping_that_finds_no_frame_gets_the_next),
		TEST(a_page_given_up_while_it_is_mapped_is_counted),
		TEST(p13_a_hole_is_seen_before_it_is_mapped),
		TEST(a_dead_partition_maps_nothing),
		TEST(an_audit_finds_a_page_that_is_not_there),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
