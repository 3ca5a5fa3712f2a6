/*
 * ahead_bench - a pager_bench for tests of read-ahead: sixteen pages that left together,
 * and a thread that comes back for them in order.
 *
 * Contract: as pager_bench.h.
 */
#ifndef TESTS_UNIT_PAGER_AHEAD_BENCH_H
#define TESTS_UNIT_PAGER_AHEAD_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_bench.h"

#define PAGES BENCH_PAGES
#define FILLS 12u
#define LEARN 6u /* a first fault, and five that go on: most of eight */

static inline struct world_member *member(void)
{
	return &world.members[0];
}

static inline struct hv_space *space(void)
{
	return member()->space;
}

static inline struct hv_space_counts counts(void)
{
	return space()->counts;
}

static inline enum hv_page_state state_of(uint32_t page)
{
	return hv_page_state(&space()->table, page);
}

static inline void open_world(unsigned ahead, bool is_mirrored)
{
	struct world_config config = bench_config(1, FILLS);

	config.ahead = ahead;
	config.is_mirrored = is_mirrored;
	world_init(&world, &config);
}

static inline int set_up(void **state)
{
	(void)state;
	open_world(HV_AHEAD_MAX, false);
	return 0;
}

static inline void again(unsigned ahead, bool is_mirrored)
{
	world_fini(&world);
	open_world(ahead, is_mirrored);
}

static inline void serve_all(void)
{
	for (unsigned path = 0; path < HV_PATHS; path++)
		bench_serve(path);
}

/* All of them left together, in order. */
static inline void put_all_away(void)
{
	uint32_t pages[PAGES];

	for (uint32_t page = 0; page < PAGES; page++) {
		bench_touch(MODEL_WRITE, page);
		pages[page] = page;
		assert_int_equal(hv_queue_pop(&space()->table, HV_QUEUE_SMALL), page);
	}
	(void)hv_steal(space(), pages, 8, world.now_ns);
	serve_all();
	(void)hv_steal(space(), pages + 8, 8, world.now_ns);
	serve_all();
	assert_int_equal(space()->table.pages_in[HV_PAGE_STOLEN], PAGES);
	for (uint32_t page = 1; page < PAGES; page++)
		assert_int_equal(space()->table.pages[page].slot,
				 space()->table.pages[0].slot + page);
}

static inline void finish(void)
{
	for (unsigned i = 0; i < 100 && !bench_is_idle(0, 0); i++) {
		serve_all();
		bench_turn();
	}
	assert_true(bench_is_idle(0, 0));
}

static inline void touch(enum model_op op, uint32_t page)
{
	bench_touch(op, page);
	finish();
}

/* Pages 0 to 5 are read in order; 6 comes with the last of them. */
static inline void learn(void)
{
	for (uint32_t page = 0; page < LEARN; page++)
		touch(MODEL_READ, page);
}

#endif
