/*
 * tier_bench - a pager_bench with a compressed tier: for the unit tests of it.
 *
 * Contract: single-threaded, within a cmocka test.
 */
#ifndef TESTS_UNIT_PAGER_TIER_BENCH_H
#define TESTS_UNIT_PAGER_TIER_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/pager/pager_priv.h"
#include "hvcore/pager/tier_priv.h"
#include "tests/support/pager_bench.h"

#define PAGES BENCH_PAGES
#define FILLS 4u
#define CHUNKS 6u

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

static inline uint32_t slots_in(enum hv_slot_class class)
{
	return space()->table.slots_in[class];
}

static inline uint64_t packed(void)
{
	return hv_tier_objects(world.tier);
}

static inline void open_world(unsigned chunks, bool is_mirrored)
{
	struct world_config config = bench_config(1, FILLS);

	config.tier_chunks = chunks;
	config.is_mirrored = is_mirrored;
	world_init(&world, &config);
}

static inline int set_up(void **state)
{
	(void)state;
	open_world(CHUNKS, false);
	return 0;
}

static inline void open_again(unsigned chunks, bool is_mirrored)
{
	world_fini(&world);
	open_world(chunks, is_mirrored);
}

static inline void serve_all(void)
{
	for (unsigned path = 0; path < HV_PATHS; path++)
		bench_serve(path);
}

static inline void touch(enum model_op op, uint32_t page)
{
	bench_touch(op, page);
	for (unsigned i = 0; i < 100 && !bench_is_idle(0, 0); i++) {
		serve_all();
		bench_turn();
	}
	assert_true(bench_is_idle(0, 0));
}

static inline void pack(uint32_t page)
{
	touch(MODEL_WRITE, page);
	bench_steal(0, page);
	bench_check();
	assert_int_equal(state_of(page), HV_PAGE_PACKED);
}

static inline void unload(uint32_t page)
{
	pack(page);
	assert_true(world_unload(&world));
	bench_check();
	assert_int_equal(state_of(page), HV_PAGE_UNLOADING);
}

#endif
