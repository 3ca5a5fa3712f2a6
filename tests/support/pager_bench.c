/* pager_bench - see pager_bench.h. */
#include "tests/support/pager_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/pager/pager_priv.h"

struct world world;

struct world_config bench_config(unsigned members, unsigned fills)
{
	return (struct world_config){ .members = members,
				      .pages = BENCH_PAGES,
				      .slots = BENCH_PAGES + 8,
				      .threads = fills,
				      .frames = BENCH_FRAMES,
				      .fills = fills,
				      .reads = fills,
				      .writes = 8 };
}

int bench_tear_down(void **state)
{
	(void)state;
	bench_check();
	world_fini(&world);
	return 0;
}

void bench_check(void)
{
	assert_null(world_check(&world));
}

void bench_start(unsigned member, unsigned thread, enum model_op op, uint32_t page)
{
	struct model_kernel *kernel = &world.members[member].kernel;

	model_start(kernel, thread, op, page, 1, ++world.version);
	model_step(kernel, thread);
}

bool bench_is_idle(unsigned member, unsigned thread)
{
	return world.members[member].kernel.threads[thread].state == MODEL_IDLE;
}

void bench_touch(enum model_op op, uint32_t page)
{
	bench_start(0, 0, op, page);
	bench_turn();
}

struct hv_pager_run bench_turn_after(uint64_t ns)
{
	struct hv_pager_run run;

	world.now_ns += ns;
	for (unsigned i = 0; i < world.config.members; i++)
		world_member_events(&world, i, 0, MODEL_THREADS_MAX);
	run = world_run(&world);
	for (unsigned i = 0; i < world.config.members; i++) {
		struct model_kernel *kernel = &world.members[i].kernel;

		for (unsigned n = 0; n < world.config.threads; n++)
			if (kernel->threads[n].state == MODEL_READY)
				model_step(kernel, n);
	}
	bench_check();
	return run;
}

void bench_turn(void)
{
	(void)bench_turn_after(BENCH_TURN_NS);
}

void bench_answer(unsigned path, enum model_fault fault)
{
	assert_true(world_vios_work(&world, path, 0, fault));
	assert_true(world_vios_answer(&world, path, 0));
	bench_check();
}

void bench_serve(unsigned path)
{
	while (world_vios_work(&world, path, 0, MODEL_FINE))
		continue;
	while (world_vios_answer(&world, path, 0))
		continue;
	bench_check();
}

unsigned bench_out(unsigned path)
{
	return hv_pager_path_out(world.pager, path);
}

static void unqueue(struct hv_page_table *table, enum hv_page_queue queue, uint32_t page)
{
	uint32_t others[BENCH_PAGES], next;
	unsigned count = 0;

	while ((next = hv_queue_pop(table, queue)) != HV_PAGE_NONE) {
		if (next == page)
			continue;
		assert_true(count < BENCH_PAGES);
		others[count++] = next;
	}
	for (unsigned i = 0; i < count; i++)
		hv_queue_push(table, queue, others[i]);
}

void bench_steal(unsigned member, uint32_t page)
{
	struct hv_space *space = world.members[member].space;

	unqueue(&space->table, HV_QUEUE_SMALL, page);
	unqueue(&space->table, HV_QUEUE_MAIN, page);
	unqueue(&space->table, HV_QUEUE_AHEAD, page);
	(void)hv_steal(space, &page, 1, world.now_ns);
	hv_paths_flush(world.pager);
}

static enum hv_page_state state_of(uint32_t page)
{
	return hv_page_state(&world.members[0].space->table, page);
}

void bench_send_away(uint32_t page)
{
	bench_touch(MODEL_WRITE, page);
	assert_true(bench_is_idle(0, 0));
	bench_steal(0, page);
	assert_int_equal(state_of(page), HV_PAGE_STEALING);
}

void bench_put_away(uint32_t page)
{
	bench_send_away(page);
	for (unsigned path = 0; path < HV_PATHS; path++)
		if (bench_out(path) > 0)
			bench_answer(path, MODEL_FINE);
	assert_int_equal(state_of(page), HV_PAGE_STOLEN);
}
