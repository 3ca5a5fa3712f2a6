/*
 * test_pager_random - the page table and the engine under everything the outside can
 * do, in random order: touches, discards by message and bare, hostile writes, REMOVE
 * storms, full pool, failed ioctls, failovers, late writes of ended epochs, errors,
 * damage, lies, partitions that move between the paths, blocked stealing, dying partitions, a pool that
 * shrinks and grows, pages that devices read and write without a word, pages that are
 * read back over the other path, neighbours that are read ahead, a compressed tier that
 * fills, grows and shrinks; a third of the worlds mirrored, sides that go and come
 * back, damage to one side or both; devices that become others, one path at a time.
 *
 * Claim: after every step all equations hold (hv_pager_audit, frames, blocks, late
 * writes only on quarantined slots); every read sees the last write, or zeros after
 * a discard; SIGBUS only where the device failed, mirrored only where both did; at the
 * end of an episode every thread is served and every page is right; mirrored, it is
 * redundant again: either side may be lost.
 *
 * HV_SEED repeats a run, HV_EPISODE one episode of it; HV_STEPS its length (default
 * 400000; `long` runs more).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "hvcore/base/rng.h"
#include "hvcore/pager/pager_priv.h"
#include "tests/property/pager_random.h"
#include "tests/support/pager_counts.h"
#include "tests/support/seed.h"

#define EPISODE_STEPS 4000
#define LOST_STEPS 1000 /* with one side */
#define STEPS_DEFAULT 400000

static uint64_t moves;           /* of partitions between paths */
static uint64_t renewed, joined; /* devices that became others; the other path's */
static uint64_t unloads;         /* of the tier, by hand */
static uint64_t condemned;       /* steps with a slot condemned for a cross-check */
static uint64_t shared;          /* steps in which both paths had a request out */

/* ---- steps ---- */

static uint32_t touched_page(struct run *run)
{
	return run->is_orderly && random_below(run, 16) > 0
		       ? run->at++ % run->world.config.pages
		       : random_page(run);
}

static void step_thread(struct run *run)
{
	unsigned index;
	struct world_member *member = random_member(run, &index);
	uint32_t thread = random_below(run, run->world.config.threads),
		 page = touched_page(run);
	uint32_t count = 1 + random_below(run, 3);
	enum model_op op = random_below(run, run->is_orderly ? 8 : 2) ? MODEL_WRITE
								      : MODEL_READ;

	if (member == NULL)
		return;
	if (member->kernel.threads[thread].state == MODEL_READY) {
		model_step(&member->kernel, thread);
		return;
	}
	if (member->kernel.threads[thread].state != MODEL_IDLE)
		return;
	if (random_below(run, 40) == 0)
		op = random_below(run, 2) ? MODEL_DONTNEED : MODEL_REMOVE;
	if (count > run->world.config.pages - page)
		count = 1;
	model_start(&member->kernel, thread, op, page, count, ++run->world.version);
	model_step(&member->kernel, thread);
}

static void step_events(struct run *run)
{
	unsigned index, thread;
	struct world_member *member = random_member(run, &index);

	if (member == NULL)
		return;
	thread = random_below(run, run->world.config.threads);
	if (random_below(run, 2))
		world_member_stream(&run->world, index, thread, random_below(run, 2));
	world_member_events(&run->world, index, thread,
			    1 + random_below(run, MODEL_THREADS_MAX));
}

static void step_run(struct run *run)
{
	run->world.now_ns += random_below(run, 100) == 0 ? 1000000000
							 : random_below(run, 200000);
	(void)world_run(&run->world);
	for (unsigned path = 0; path < HV_PATHS; path++) /* as the director does */
		if (run->world.pager->paths[path].role == HV_ROLE_LEAVING &&
		    hv_pager_path_out(run->world.pager, path) == 0)
			(void)world_vios_end(&run->world, path);
}

static void step_work(struct run *run)
{
	enum model_fault fault = MODEL_FINE;
	unsigned path = random_below(run, HV_PATHS);

	if (run->may_damage && run->damaged != HV_PATHS - 1 - path &&
	    random_below(run, 60) == 0)
		fault = (enum model_fault)(1 + random_below(run, 3));
	(void)world_vios_work(&run->world, path, random_below(run, 16), fault);
}

static void step_answer(struct run *run)
{
	(void)world_vios_answer(&run->world, random_below(run, HV_PATHS),
				random_below(run, 16));
}

static void step_late(struct run *run)
{
	(void)world_vios_late(&run->world, random_below(run, HV_PATHS),
			      random_below(run, WORLD_OLD_MAX), random_below(run, 16));
}

static void step_failover(struct run *run)
{
	unsigned path = random_below(run, HV_PATHS);
	unsigned kept =
		random_below(run, 1 << WORLD_MEMBERS_MAX); /* sometimes not all follow */

	if (!world_vios_end(&run->world, path))
		return;
	for (unsigned i = 0; i < run->world.config.members; i++) {
		const struct hv_space *space = run->world.members[i].space;

		if (space != NULL && hv_space_current(space) == HV_PATHS &&
		    (random_below(run, 4) != 0 || (kept >> i & 1) == 0))
			world_member_move(&run->world, i, HV_PATHS - 1 - path);
	}
}

/* A partition asks another path: it fails back, or is to wait for a while. */
static void step_move(struct run *run)
{
	unsigned index;
	struct world_member *member = random_member(run, &index);
	unsigned path = random_below(run, 20) == 0 ? HV_PATHS
						   : random_below(run, HV_PATHS);

	if (member == NULL || hv_space_current(member->space) == path)
		return;
	world_member_move(&run->world, index, path);
	moves += hv_space_current(member->space) == path;
}

static void step_vios(struct run *run)
{
	unsigned path = random_below(run, HV_PATHS);

	switch (random_below(run, 8)) {
	case 0:
	case 1:
		(void)world_vios_start(&run->world, path);
		return;
	case 2:
		world_vios_activate(&run->world, path);
		return;
	case 3:
		(void)world_vios_leave(&run->world, path);
		return;
	default:
		(void)world_vios_open(&run->world, path,
				      random_below(run, run->world.config.members));
	}
}

static void step_drain(struct run *run)
{
	world_drain(&run->world, random_below(run, HV_PATHS),
		    random_below(run, run->world.config.members));
}

/* A path is to reach another device, or the one that the other path reaches. */
static void step_device(struct run *run)
{
	unsigned path = random_below(run, HV_PATHS), index;

	if (random_member(run, &index) == NULL)
		return;
	if (world_device_close(&run->world, path, index))
		return;
	run->world.is_one_side = false; /* what is left may be the damaged one */
	if (random_below(run, 3) == 0)
		joined += world_device_join(&run->world, path, index);
	else
		renewed += world_device_renew(&run->world, path, index);
}

static void step_discard(struct run *run)
{
	unsigned index;
	struct world_member *member = random_member(run, &index);
	uint32_t page = random_page(run);
	uint32_t count = 1 + random_below(run, 4);

	if (member == NULL)
		return;
	if (count > run->world.config.pages - page)
		count = run->world.config.pages - page;
	(void)world_member_discard(&run->world, index, page, count);
}

/* A page that nobody uses is said to be this or that. */
static void step_hint(struct run *run)
{
	unsigned index;
	struct world_member *member = random_member(run, &index);
	uint32_t page = random_page(run);

	if (member == NULL || model_is_touched(&member->kernel, page) ||
	    member->kernel.pages[page].is_tainted)
		return;
	model_hint(&member->kernel, page, (enum hv_hint)random_below(run, HV_HINT_COUNT));
}

static void step_hostile(struct run *run)
{
	unsigned index;
	struct world_member *member = random_member(run, &index);
	uint32_t page = random_page(run);

	if (member == NULL)
		return;
	if (run->may_be_hostile && index == 0 && random_below(run, 2))
		model_pwrite(&member->kernel, page, ++run->world.version);
	else
		model_punch_bare(&member->kernel, page);
}

static void step_kernel(struct run *run)
{
	static const enum hv_code codes[] = { HV_E_AGAIN, HV_E_NOMEM, HV_E_OS };
	unsigned index;
	struct world_member *member = random_member(run, &index);

	if (member == NULL)
		return;
	switch (random_below(run, 8)) {
	case 0: /* the pool is fuller than we count */
		run->world.pool.limit = run->world.pool.blocks;
		return;
	case 1:
		model_remap(&member->kernel);
		hv_pager_reregistered(run->world.pager, member->space);
		return;
	case 2:
		hv_pager_block(run->world.pager, member->space,
			       random_below(run, 4) == 0);
		return;
	case 3:
		(void)hv_pager_sweep(run->world.pager, member->space,
				     random_below(run, 20));
		return;
	case 4:
		member->kernel.fail_in = 1 + random_below(run, 5);
		member->kernel.fail_code = codes[random_below(run, HV_COUNT(codes))];
		return;
	default:
		run->world.pool.limit = UINT32_MAX;
	}
}

static void step_lie(struct run *run)
{
	struct hv_pager *pager = run->world.pager;
	unsigned path = random_below(run, HV_PATHS);
	uint32_t buffer = random_below(run, 100);
	uint64_t user = pager->paths[path].flights[buffer].user;

	switch (random_below(run, 3)) {
	case 0: /* a tag of long ago, or of nobody */
		hv_pager_on_answer(pager, path, hv_rng_next(&run->rng), 0,
				   run->world.now_ns);
		return;
	case 1: /* more pages than were asked for */
		hv_pager_on_answer(pager, path, user, 1 + (int)random_below(run, 100),
				   run->world.now_ns);
		return;
	default: /* the answer of one path on the other */
		if (pager->paths[1 - path].flights[buffer].user != user)
			hv_pager_on_answer(pager, 1 - path, user, 0, run->world.now_ns);
	}
}

static void step_life(struct run *run)
{
	unsigned index;
	struct world_member *member = random_member(run, &index);

	if (member != NULL) {
		if (random_below(run, 10) == 0)
			world_member_kill(&run->world, index);
		return;
	}
	(void)world_member_reap(&run->world, index);
	if (!world_member_start(&run->world, index))
		return;
	for (unsigned path = 0; path < HV_PATHS; path++)
		(void)world_vios_open(&run->world, path, index);
	world_member_move(&run->world, index, random_below(run, HV_PATHS));
}

static void step_pool(struct run *run)
{
	if (run->shrunk > 0) {
		hv_frames_grow(&run->world.frames, (uint64_t)run->shrunk);
		run->shrunk = 0;
		return;
	}
	run->shrunk = 1 + random_below(run, run->world.config.frames / 4 + 1);
	hv_frames_shrink(&run->world.frames, (uint64_t)run->shrunk);
}

/* The tier may have less, or more again; its pages leave it; its owner goes past it. */
static void step_tier(struct run *run)
{
	unsigned index;
	struct world_member *member = random_member(run, &index);

	switch (random_below(run, 8)) {
	case 0:
		world_tier_most(&run->world,
				random_below(run, 2 + run->world.config.tier_chunks));
		return;
	case 1:
		run->world.pager->is_squeezed = true;
		return;
	case 2:
		if (member != NULL)
			hv_pack_past(member->space, random_below(run, 20));
		return;
	case 3:
	case 4:
		unloads += world_unload(&run->world);
		return;
	default:
		world_tier_most(&run->world, run->world.config.tier_chunks);
	}
}

/* clang-format off */
static const struct {
	void (*act)(struct run *run);
	unsigned weight;
} steps[] = {
	{ step_thread,   3000 },
	{ step_events,   1500 },
	{ step_run,      1500 },
	{ step_work,     1200 },
	{ step_answer,   1200 },
	{ step_late,      150 },
	{ step_vios,      100 },
	{ step_move,       60 },
	{ step_drain,      80 },
	{ step_failover,   25 },
	{ step_device,     40 },
	{ step_discard,    50 },
	{ step_hint,      300 },
	{ random_step_io,        400 },
	{ step_hostile,    50 },
	{ step_kernel,     40 },
	{ step_lie,        40 },
	{ step_life,       10 },
	{ step_pool,       10 },
	{ step_tier,      100 },
};
/* clang-format on */

static void step(struct run *run)
{
	unsigned sum = 0, at;

	for (unsigned i = 0; i < HV_COUNT(steps); i++)
		sum += steps[i].weight;
	at = random_below(run, sum);
	for (unsigned i = 0; i < HV_COUNT(steps); i++) {
		if (at < steps[i].weight) {
			steps[i].act(run);
			return;
		}
		at -= steps[i].weight;
	}
}

/* ---- episodes ---- */

static struct world_config some_config(struct run *run)
{
	struct world_config config = {
		.members = 1 + random_below(run, WORLD_MEMBERS_MAX),
		.pages = 4 + random_below(run, 40),
		.threads = 1 + random_below(run, MODEL_THREADS_MAX),
		.fills = 1 + random_below(run, 8),
		.reads = 1 + random_below(run, MODEL_READS_MAX),
		.writes = 1 + random_below(run, MODEL_WRITES_MAX),
		.checks_per_s = random_below(run, 2) * 20000, /* one in five runs or so */
		.is_mirrored = random_below(run, 3) == 0,
		.hedge_ns = random_below(run, 2) * 1000,
		.ahead = random_below(run, 4) == 0 ? 0
						   : 1 + random_below(run, HV_AHEAD_MAX),
	};
	uint32_t logical = config.members * config.pages, charged = 0;

	/* Often fewer slots than a partition could use (P10, P11): then the pages that
	 * find none are charged for. */
	config.slots = random_below(run, 3) == 0 ? 1 + random_below(run, config.pages)
						 : config.pages + random_below(run, 40);
	if (config.slots < config.pages)
		charged = config.members * (config.pages - config.slots);
	config.tier_chunks = random_below(run, 2) == 0 ? 0 : 1 + random_below(run, 8);
	config.entitled = random_below(run, 4);
	config.frames = charged + config.members * 3 + random_below(run, logical) +
			config.tier_chunks;
	return config;
}

static void check(struct run *run, uint64_t seed, unsigned step_number)
{
	const char *wrong = world_check(&run->world);

	if (wrong == NULL)
		return;
	fail_msg("episode seed 0x%llx, step %u: %s", (unsigned long long)seed,
		 step_number, wrong);
}

static uint64_t ruined;

/*
 * Redundant again, so either may go, its content or all of it for ever: every page is
 * read, and right.
 */
static void lose_a_side(struct run *run, uint64_t seed)
{
	unsigned path = random_below(run, HV_PATHS);

	ruined++;
	run->may_damage = false;
	if (random_below(run, 2)) {
		world_ruin(&run->world, path);
	} else {
		world_lose(&run->world, path);
		for (unsigned i = 0; i < LOST_STEPS; i++) {
			step(run);
			check(run, seed, EPISODE_STEPS + i);
		}
		if (run->shrunk > 0)
			hv_frames_grow(&run->world.frames, (uint64_t)run->shrunk);
		world_end_io(&run->world);
	}
	if (world_settle(&run->world) && world_read_all(&run->world))
		return;
	check(run, seed, EPISODE_STEPS);
	world_dump(&run->world);
	fail_msg("episode seed 0x%llx: something hangs without one side",
		 (unsigned long long)seed);
}

static void episode(uint64_t seed, struct hv_space_counts *sum)
{
	static struct run run;
	struct world_config config;

	run = (struct run){ .rng = { seed } };
	run.may_be_hostile = random_below(&run, 3) == 0;
	run.may_damage = random_below(&run, 2) == 0;
	run.is_orderly = random_below(&run, 2);
	config = some_config(&run);
	world_init(&run.world, &config);
	run.damaged = random_below(&run, HV_PATHS + 1);
	run.world.is_one_side = config.is_mirrored && run.damaged < HV_PATHS;
	for (unsigned i = 0; i < EPISODE_STEPS; i++) {
		step(&run);
		shared += hv_pager_path_out(run.world.pager, 0) > 0 &&
			  hv_pager_path_out(run.world.pager, 1) > 0;
		condemned += world_is_walker_alone(&run.world);
		check(&run, seed, i);
	}
	if (run.shrunk > 0)
		hv_frames_grow(&run.world.frames, (uint64_t)run.shrunk);
	run.shrunk = 0;
	world_end_io(&run.world);
	if (!world_settle(&run.world) || !world_read_all(&run.world)) {
		check(&run, seed, EPISODE_STEPS);
		world_dump(&run.world);
		fail_msg("episode seed 0x%llx: something hangs",
			 (unsigned long long)seed);
	}
	if (world_are_mirrored(&run.world) && !run.world.is_damaged)
		lose_a_side(&run, seed);
	for (unsigned i = 0; i < config.members; i++)
		if (run.world.members[i].space != NULL)
			pager_counts_add(sum, &run.world.members[i].space->counts);
	world_fini(&run.world);
}

static void no_page_is_ever_lost_or_mixed_up(void **state)
{
	const char *given = getenv("HV_STEPS");
	uint64_t steps_left = given != NULL ? strtoull(given, NULL, 0) : STEPS_DEFAULT;
	struct hv_rng seeds = { test_seed() };
	struct hv_space_counts sum = { 0 };
	uint64_t episodes = steps_left / EPISODE_STEPS + 1;

	(void)state;
	given = getenv("HV_EPISODE");
	if (given != NULL) {
		episode(strtoull(given, NULL, 0), &sum);
		return;
	}
	for (uint64_t i = 0; i < episodes; i++)
		episode(hv_rng_next(&seeds), &sum);
	printf("episodes=%" PRIu64 " moves=%" PRIu64 " shared=%" PRIu64
	       " condemned=%" PRIu64 " ruined=%" PRIu64 " renewed=%" PRIu64
	       " joined=%" PRIu64 " transfers=%" PRIu64 " unloads=%" PRIu64 "\n",
	       episodes, moves, shared, condemned, ruined, renewed, joined,
	       random_transfers, unloads);
	pager_counts_print(&sum);
	/* A run in which nothing happened proves nothing. */
	assert_true(pager_counts_are_full(&sum));
	assert_true(random_transfers > 0 && moves > 0 && shared > 0 && condemned > 0);
	assert_true(renewed > 0 && joined > 0 && ruined > 0 && unloads > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_page_is_ever_lost_or_mixed_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
