/*
 * Partitions of one pager that ask different VIOS, and move from one to the other, rule
 * by rule, on the models. The explorer and the random runs try the same in every order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_world.h"

#define PAGES 16u
#define FRAMES 64u /* more than pages: nothing is stolen but by the test */
#define FILLS 8u

static struct world world;

static struct hv_space *space(unsigned member)
{
	return world.members[member].space;
}

static enum hv_page_state state_of(unsigned member, uint32_t page)
{
	return hv_page_state(&space(member)->table, page);
}

static unsigned out(unsigned path)
{
	return hv_pager_path_out(world.pager, path);
}

static void check(void)
{
	assert_null(world_check(&world));
}

/* Partition n asks path n. */
static int set_up(void **state)
{
	(void)state;
	world_init(&world, &(struct world_config){ .members = 2,
						   .pages = PAGES,
						   .slots = PAGES + 8,
						   .threads = FILLS,
						   .frames = FRAMES,
						   .fills = FILLS,
						   .reads = FILLS,
						   .writes = 8 });
	world_member_move(&world, 1, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	check();
	world_fini(&world);
	return 0;
}

static void start(unsigned member, unsigned thread, enum model_op op, uint32_t page)
{
	struct model_kernel *kernel = &world.members[member].kernel;

	model_start(kernel, thread, op, page, 1, ++world.version);
	model_step(kernel, thread);
}

static bool is_idle(unsigned member, unsigned thread)
{
	return world.members[member].kernel.threads[thread].state == MODEL_IDLE;
}

/* One turn of the fault thread; the VIOS do nothing. */
static void turn(void)
{
	for (unsigned i = 0; i < world.config.members; i++) {
		struct model_kernel *kernel = &world.members[i].kernel;

		world_member_events(&world, i, 0, MODEL_THREADS_MAX);
		(void)world_run(&world);
		for (unsigned n = 0; n < world.config.threads; n++)
			if (kernel->threads[n].state == MODEL_READY)
				model_step(kernel, n);
	}
	world.now_ns += 1000000;
	check();
}

/* All that is out on that path is done and answered. */
static void serve(unsigned path)
{
	while (world_vios_work(&world, path, 0, MODEL_FINE))
		continue;
	while (world_vios_answer(&world, path, 0))
		continue;
	check();
}

static void touch(unsigned member, enum model_op op, uint32_t page)
{
	start(member, 0, op, page);
	for (unsigned i = 0; i < 4; i++) {
		turn();
		for (unsigned path = 0; path < HV_PATHS; path++)
			serve(path);
	}
	assert_true(is_idle(member, 0));
}

/* The write of that page is out. */
static void steal(unsigned member, uint32_t page)
{
	struct hv_page_table *table = &space(member)->table;
	uint32_t others[PAGES];
	unsigned count = 0;
	uint32_t next;

	while ((next = hv_queue_pop(table, HV_QUEUE_SMALL)) != HV_PAGE_NONE)
		if (next != page)
			others[count++] = next;
	for (unsigned i = 0; i < count; i++)
		hv_queue_push(table, HV_QUEUE_SMALL, others[i]);
	(void)hv_steal(space(member), &page, 1, world.now_ns);
	hv_paths_flush(world.pager);
	assert_int_equal(state_of(member, page), HV_PAGE_STEALING);
}

/* Pages 0.. of it are on its device. */
static void put_away(unsigned member, uint32_t pages)
{
	for (uint32_t page = 0; page < pages; page++) {
		touch(member, MODEL_WRITE, page);
		steal(member, page);
		serve(hv_space_current(space(member)));
		assert_int_equal(state_of(member, page), HV_PAGE_STOLEN);
	}
}

static void each_partition_asks_its_own_path(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		touch(i, MODEL_WRITE, 0);
	steal(0, 0);
	assert_int_equal(out(0), 1);
	assert_int_equal(out(1), 0);
	steal(1, 0);
	assert_int_equal(out(1), 1);
	for (unsigned i = 0; i < 2; i++) {
		serve(i);
		assert_int_equal(state_of(i, 0), HV_PAGE_STOLEN);
		start(i, 0, MODEL_READ, 0);
	}
	turn();
	assert_int_equal(out(0), 1);
	assert_int_equal(out(1), 1);
	serve(0);
	serve(1);
	turn();
	assert_true(is_idle(0, 0) && is_idle(1, 0));
}

/* M3: what is being written stays in its frame until the old path has answered. */
static void a_page_written_on_the_old_path_is_not_read_on_the_new_one_too_early(
	void **state)
{
	(void)state;
	touch(0, MODEL_WRITE, 0);
	steal(0, 0);
	world_member_move(&world, 0, 1);
	start(0, 0, MODEL_READ, 0); /* it is in its frame */
	turn();
	assert_true(is_idle(0, 0));
	assert_int_equal(out(1), 0);
	serve(0);
	touch(0, MODEL_WRITE, 1);
	steal(0, 1); /* over the new path; and back before it is answered */
	assert_int_equal(out(1), 1);
	world_member_move(&world, 0, 0);
	serve(1);
	assert_int_equal(state_of(0, 1), HV_PAGE_STOLEN); /* its answer counts */
	start(0, 0, MODEL_READ, 1);
	turn();
	assert_int_equal(out(0), 1);
	serve(0);
	turn();
	assert_true(is_idle(0, 0));
}

static void a_read_that_is_out_is_answered_where_it_was_sent(void **state)
{
	(void)state;
	put_away(0, 2);
	start(0, 0, MODEL_READ, 0);
	turn();
	assert_int_equal(out(0), 1);
	world_member_move(&world, 0, 1);
	start(0, 1, MODEL_READ, 1);
	turn();
	assert_int_equal(out(0), 1);
	assert_int_equal(out(1), 1);
	serve(0);
	turn();
	assert_true(is_idle(0, 0));
	assert_false(is_idle(0, 1));
	assert_int_equal(hv_pager_moved_ns(world.pager, 1), 0);
	serve(1);
	turn();
	assert_true(is_idle(0, 1));
	assert_true(hv_pager_moved_ns(world.pager, 1) > 0);
}

/* M5, for those alone that asked it. */
static void the_end_of_a_path_concerns_only_those_that_asked_it(void **state)
{
	struct hv_space_stat stat;

	(void)state;
	put_away(0, 1);
	put_away(1, 1);
	touch(0, MODEL_WRITE, 1);
	touch(1, MODEL_WRITE, 1);
	for (unsigned i = 0; i < 2; i++) {
		steal(i, 1);
		start(i, 0, MODEL_READ, 0);
	}
	turn();
	assert_true(world_vios_end(&world, 0));
	assert_int_equal(hv_space_current(space(0)), HV_PATHS);
	assert_int_equal(hv_space_current(space(1)), 1);
	hv_space_stat(space(0), world.now_ns, &stat);
	assert_int_equal(stat.slots_in[HV_SLOT_QUARANTINED], 1);
	hv_space_stat(space(1), world.now_ns, &stat);
	assert_int_equal(stat.slots_in[HV_SLOT_QUARANTINED], 0);
	serve(1);
	turn();
	assert_true(is_idle(1, 0));
	assert_int_equal(state_of(1, 1), HV_PAGE_STOLEN);
	assert_false(is_idle(0, 0)); /* it has no path */
	hv_space_stat(space(0), world.now_ns, &stat);
	assert_int_equal(stat.wait, HV_WAIT_PATH);
	world_member_move(&world, 0, 1);
	turn();
	serve(1);
	turn();
	assert_true(is_idle(0, 0));
}

/* Planned: nothing is sent any more, not even a second try, and nothing is lost. */
static void a_path_that_leaves_is_not_asked(void **state)
{
	(void)state;
	put_away(0, 1);
	put_away(1, 1);
	start(0, 0, MODEL_READ, 0);
	turn();
	assert_true(world_vios_leave(&world, 0));
	assert_int_equal(out(0), 1);
	start(1, 0, MODEL_READ, 0);
	turn();
	assert_true(world_vios_work(&world, 1, 0, MODEL_ERROR));
	assert_true(world_vios_answer(&world, 1, 0));
	turn();
	assert_int_equal(out(0), 1); /* the read that failed waits for its own path */
	serve(0);
	turn();
	assert_true(is_idle(0, 0)); /* the last answer counts */
	assert_int_equal(out(0), 0);
	assert_true(world_vios_end(&world, 0));
	assert_int_equal(world.toll.quarantined_slots, 0);
	for (unsigned i = 0; i < 100; i++)
		turn();
	serve(1);
	turn();
	assert_true(is_idle(1, 0));
}

/* A read that failed is tried on the other path, whichever the partition asks. */
static void a_failed_read_is_tried_on_the_other_path(void **state)
{
	(void)state;
	put_away(1, 1);
	start(1, 0, MODEL_READ, 0);
	turn();
	assert_true(world_vios_work(&world, 1, 0, MODEL_ERROR));
	assert_true(world_vios_answer(&world, 1, 0));
	assert_int_equal(out(1), 0);
	assert_int_equal(out(0), 1);
	serve(0);
	turn();
	assert_true(is_idle(1, 0));
}

/* The write that is out on that path fails. */
static void refuse(unsigned path)
{
	assert_true(world_vios_work(&world, path, 0, MODEL_ERROR));
	assert_true(world_vios_answer(&world, path, 0));
	check();
}

static enum hv_pause pause_of(unsigned member, unsigned *ret_sides)
{
	return hv_steal_pause(space(member), world.now_ns, ret_sides);
}

/* ... and neither path holds up the other one's partitions. */
static void a_failed_write_is_tried_on_the_other_path(void **state)
{
	unsigned sides = 0;

	(void)state;
	touch(0, MODEL_WRITE, 0);
	steal(0, 0);
	assert_int_equal(out(0), 1);
	refuse(0);
	assert_int_equal(state_of(0, 0), HV_PAGE_RESIDENT);
	assert_int_equal(pause_of(0, &sides), HV_PAUSE_NONE);
	assert_int_equal(sides, HV_BIT(1));
	steal(0, 0);
	assert_int_equal(out(1), 1);
	refuse(1);
	assert_int_equal(pause_of(0, &sides), HV_PAUSE_ERROR); /* nobody is left */
	assert_int_equal(pause_of(1, &sides), HV_PAUSE_NONE);
	world.now_ns += HV_WRITE_WAIT_NS;
	assert_int_equal(pause_of(0, &sides), HV_PAUSE_NONE);
	assert_int_equal(sides, HV_BIT(0)); /* the one that it asks, again */
	steal(0, 0);
	refuse(0); /* once more, and for twice as long */
	world.now_ns += HV_WRITE_WAIT_NS;
	assert_int_equal(pause_of(0, &sides), HV_PAUSE_NONE);
	assert_int_equal(sides, HV_BIT(1));
	steal(0, 0);
	serve(1);
	assert_int_equal(state_of(0, 0), HV_PAGE_STOLEN);
	touch(0, MODEL_READ, 0); /* what is there is there for both */
}

/* Where a VIOS hangs, those who ask the other one still get their pages. */
static void a_silent_path_leaves_page_ins_to_the_other(void **state)
{
	(void)state;
	put_away(0, FILLS);
	put_away(1, 2);
	for (unsigned i = 0; i < FILLS; i++)
		start(0, i, MODEL_READ, i);
	turn();
	assert_int_equal(out(0), FILLS - FILLS / 4);
	start(1, 0, MODEL_READ, 0);
	start(1, 1, MODEL_READ, 1);
	turn();
	assert_int_equal(out(1), 2);
	serve(1);
	turn();
	assert_true(is_idle(1, 0) && is_idle(1, 1));
	/* alone, one may have them all */
	world_member_move(&world, 1, 0);
	turn();
	assert_int_equal(out(0), FILLS);
	serve(0);
	turn();
	for (unsigned i = 0; i < FILLS; i++)
		assert_true(is_idle(0, i));
}

/*
 * Frames that a silent path is writing out are not free before long: pages of others
 * leave for a fault that waits, long before that path is given up.
 */
static void a_silent_path_holds_up_no_fault_of_the_other(void **state)
{
	uint32_t page;

	(void)state;
	put_away(1, 1);
	for (page = 0; page < PAGES; page++)
		touch(0, MODEL_WRITE, page);
	for (page = 1; page < PAGES; page++)
		touch(1, MODEL_WRITE, page);
	hv_frames_shrink(&world.frames, (uint64_t)hv_frames_free(&world.frames));
	for (page = 0; page < 8; page++)
		steal(0, page); /* over path 0, which says no more */
	assert_true(hv_frames_soon(&world.frames) >= 8);
	start(1, 0, MODEL_READ, 0);
	for (unsigned i = 0; i < 40; i++) { /* 40 ms */
		turn();
		serve(1);
	}
	assert_false(is_idle(1, 0)); /* these frames may come any moment */
	for (unsigned i = 0; i < 40; i++) {
		turn();
		serve(1);
	}
	assert_true(is_idle(1, 0));
	serve(0); /* it was asleep, no more */
	turn();
	for (page = 0; page < 8; page++)
		assert_int_equal(state_of(0, page), HV_PAGE_STOLEN);
	hv_frames_grow(&world.frames, FRAMES);
}

/* What it had of pages that came back, or ended with their partition, is no loss. */
static void a_silent_path_holds_no_frame_of_a_page_that_stays(void **state)
{
	uint32_t page;
	int64_t free;

	(void)state;
	for (page = 0; page < 8; page++)
		touch(0, MODEL_WRITE, page);
	for (page = 0; page < 8; page++)
		steal(0, page);
	free = hv_frames_free(&world.frames);
	for (unsigned i = 0; i < 60; i++)
		turn();
	assert_int_equal(hv_frames_soon(&world.frames), free);
	start(0, 0, MODEL_WRITE, 0);
	turn();
	assert_true(is_idle(0, 0));
	turn();
	assert_int_equal(hv_frames_free(&world.frames), free);
	assert_int_equal(hv_frames_soon(&world.frames), free);
	world_member_kill(&world, 0);
	turn();
	assert_int_equal(hv_frames_soon(&world.frames), FRAMES);
	serve(0);
	assert_true(world_member_reap(&world, 0));
}

static void one_without_a_path_waits_and_goes_on(void **state)
{
	struct hv_space_stat stat;

	(void)state;
	put_away(0, 1);
	world_member_move(&world, 0, HV_PATHS);
	start(0, 0, MODEL_READ, 0);
	turn();
	hv_space_stat(space(0), world.now_ns, &stat);
	assert_int_equal(stat.wait, HV_WAIT_PATH);
	assert_int_equal(out(0) + out(1), 0);
	world_member_move(&world, 0, 0);
	turn();
	serve(0);
	turn();
	assert_true(is_idle(0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(each_partition_asks_its_own_path),
		TEST(a_page_written_on_the_old_path_is_not_read_on_the_new_one_too_early),
		TEST(a_read_that_is_out_is_answered_where_it_was_sent),
		TEST(the_end_of_a_path_concerns_only_those_that_asked_it),
		TEST(a_path_that_leaves_is_not_asked),
		TEST(a_failed_read_is_tried_on_the_other_path),
		TEST(a_failed_write_is_tried_on_the_other_path),
		TEST(a_silent_path_leaves_page_ins_to_the_other),
		TEST(a_silent_path_holds_up_no_fault_of_the_other),
		TEST(a_silent_path_holds_no_frame_of_a_page_that_stays),
		TEST(one_without_a_path_waits_and_goes_on),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
