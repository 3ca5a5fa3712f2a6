/* When reclaim acts, and when it waits (hvcore/pager/reclaim.c), on the models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_world.h"

#define PAGES 16u
#define FRAMES 32u
#define WRITES 8u /* buffers for page-outs */

static struct world world;

static int set_up(void **state)
{
	(void)state;
	world_init(&world, &(struct world_config){ .members = 1,
						   .pages = PAGES,
						   .slots = PAGES + WRITES,
						   .threads = 1,
						   .frames = FRAMES,
						   .fills = 4,
						   .reads = 4,
						   .writes = WRITES });
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_null(world_check(&world));
	world_fini(&world);
	return 0;
}

static uint64_t stealing(void)
{
	return world.members[0].space->table.pages_in[HV_PAGE_STEALING];
}

/* One turn of the fault thread; the VIOS does nothing. */
static struct hv_pager_run turn(void)
{
	struct hv_pager_run run;

	world_member_events(&world, 0, 0, MODEL_THREADS_MAX);
	run = world_run(&world);
	assert_null(world_check(&world));
	return run;
}

static void fill(void)
{
	struct model_kernel *kernel = &world.members[0].kernel;

	for (uint32_t page = 0; page < PAGES; page++) {
		model_start(kernel, 0, MODEL_WRITE, page, 1, ++world.version);
		while (kernel->threads[0].state != MODEL_IDLE) {
			model_step(kernel, 0);
			(void)turn();
		}
	}
	world.now_ns += 10000000; /* none is young any more */
}

static void serve(void)
{
	while (world_vios_work(&world, 0, 0, MODEL_FINE))
		continue;
	while (world_vios_answer(&world, 0, 0))
		continue;
}

/* The window is full and frames are owed: nothing can be done until an answer comes. */
static void it_rests_while_its_writes_are_out(void **state)
{
	struct hv_pager_run run = { .is_busy = true };

	(void)state;
	fill();
	hv_frames_shrink(&world.frames, FRAMES);
	(void)turn();
	assert_int_equal(stealing(), WRITES);
	for (unsigned i = 0; i < 8 && run.is_busy; i++)
		run = turn();
	assert_false(run.is_busy);
	assert_true(run.wake_ns > world.now_ns);
	serve();
	(void)turn(); /* an answer: at once, whatever it waited for */
	assert_int_equal(stealing(), PAGES - WRITES);
	serve();
	hv_frames_grow(&world.frames, FRAMES);
}

/* Whose pager has nothing else to do: the other one's faults need the frames. */
static void what_is_above_its_target_leaves_when_targets_are_told(void **state)
{
	struct world_member *member = &world.members[0];

	(void)state;
	fill();
	hv_frames_shrink(&world.frames, FRAMES - PAGES - hv_frames_high(&world.frames));
	(void)turn();
	assert_int_equal(stealing(), 0); /* above low water */
	hv_pager_target(world.pager, member->space, 2, 4);
	(void)turn();
	assert_int_equal(stealing(), WRITES);
	serve();
	hv_pager_target(world.pager, member->space, 2, PAGES);
	(void)turn();
	assert_int_equal(stealing(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_rests_while_its_writes_are_out, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_above_its_target_leaves_when_targets_are_told, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
