/*
 * test_pager_explore - all interleavings of steal x fault x failover x discard x
 * cross-check x resync of a mirror x compressed tier, see pager_explorer.h.
 *
 * Claim: in none of them a read misses the last write, a frame is lost, a late write
 * can hit a slot in use, or an equation of the engine fails; and the same search
 * finds each rule that is broken on purpose.
 *
 * argv[1] bounds the depth of the search (sanitizers are slow), 0 does not; argv[2] is
 * which half of the scenarios: 0 those with even numbers and the mutants, 1 the others.
 * HV_SCENARIO=n runs one alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hvcore/base/err.h"
#include "tests/property/pager_explorer.h"
#include "tests/support/model_kernel.h"

#define PAGING \
	(HV_BIT(PAGER_START) | HV_BIT(PAGER_STEP) | HV_BIT(PAGER_EVENT) | \
	 HV_BIT(PAGER_RUN) | HV_BIT(PAGER_WORK) | HV_BIT(PAGER_ANSWER))
#define SQUEEZE HV_BIT(PAGER_SQUEEZE)
#define FAILOVER \
	(HV_BIT(PAGER_LATE) | HV_BIT(PAGER_END) | HV_BIT(PAGER_MOVE) | \
	 HV_BIT(PAGER_DRAIN))
#define RETURN (HV_BIT(PAGER_BEGIN) | HV_BIT(PAGER_OPEN))
#define CHECK HV_BIT(PAGER_CHECK)
#define HEDGE HV_BIT(PAGER_HEDGE)
#define TOUCH (HV_BIT(MODEL_READ) | HV_BIT(MODEL_WRITE))
#define WRITES HV_BIT(MODEL_WRITE)
#define KEEP HV_BIT(MODEL_DONTNEED)
#define TWO_PAGES_DEPTH 20
#define FAILOVER_DEPTH 18 /* a steal, an end, a late write and a refault fit */
#define TWO_PARTITIONS_DEPTH 14
#define CHECK_DEPTH 16
#define HEDGE_DEPTH 18  /* a steal, both answers, and the page leaves again */
#define MIRROR_DEPTH 16 /* a side that is lost, late writes, comes back, resync */
#define CHANGE (HV_BIT(PAGER_CHANGE) | HV_BIT(PAGER_OPEN))
#define UNLOAD HV_BIT(PAGER_UNLOAD)
#define TIER_DEPTH 16   /* a page leaves for the tier, from there, and comes back */
#define CHANGE_DEPTH 20 /* a steal, close, renew, open, resync, and the same again */
#define DROP HV_BIT(MODEL_REMOVE)
#define AHEAD_DEPTH 22 /* two pages leave, one brings the other, which is discarded */

/* clang-format off */
static const struct pager_scenario scenarios[] = {
	{ "steal x fault, cancel with a write in flight",
	  PAGING | SQUEEZE, 1, { TOUCH }, { 3 }, 2, PAGER_MUTATION_NONE, TWO_PAGES_DEPTH, 1 },
	{ "steal x two faults on one page",
	  PAGING | SQUEEZE, 2, { TOUCH, TOUCH }, { 1, 1 }, 1, PAGER_MUTATION_NONE, 0, 1 },
	{ "minor on a clean page",
	  PAGING | SQUEEZE, 2, { TOUCH, KEEP }, { 1, 1 }, 1, PAGER_MUTATION_NONE, 0, 1 },
	{ "MADV_REMOVE against touches",
	  PAGING | SQUEEZE, 2, { TOUCH, DROP }, { 1, 1 }, 1, PAGER_MUTATION_NONE, 0, 1 },
	{ "discard by message in each state",
	  PAGING | SQUEEZE | HV_BIT(PAGER_DISCARD), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, 0, 1 },
	{ "hole by the partition in each state",
	  PAGING | SQUEEZE | HV_BIT(PAGER_PUNCH) | HV_BIT(PAGER_SWEEP), 1,
	  { TOUCH }, { 1 }, 1, PAGER_MUTATION_NONE, 0, 1 },
	{ "failover, late writes and late reads",
	  PAGING | SQUEEZE | FAILOVER, 1, { TOUCH }, { 1 }, 1, PAGER_MUTATION_NONE, FAILOVER_DEPTH, 1 },
	{ "second failover, the first not drained",
	  PAGING | SQUEEZE | FAILOVER | RETURN, 1, { TOUCH }, { 1 }, 1, PAGER_MUTATION_NONE, FAILOVER_DEPTH, 1 },
	{ "failover x discard",
	  PAGING | SQUEEZE | FAILOVER | HV_BIT(PAGER_DISCARD), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, FAILOVER_DEPTH, 1 },
	{ "failover x hole",
	  PAGING | SQUEEZE | FAILOVER | HV_BIT(PAGER_PUNCH), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, FAILOVER_DEPTH, 1 },
	{ "moves to and fro, both paths healthy",
	  PAGING | SQUEEZE | HV_BIT(PAGER_MOVE), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, 0, 1 },
	{ "moves, and a path that leaves and comes back",
	  PAGING | SQUEEZE | RETURN | HV_BIT(PAGER_MOVE) | HV_BIT(PAGER_LEAVE) |
	  HV_BIT(PAGER_END) | HV_BIT(PAGER_DRAIN), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, FAILOVER_DEPTH, 1 },
	{ "two partitions, each with its own path, that move",
	  PAGING | SQUEEZE | HV_BIT(PAGER_MOVE), 2, { TOUCH, WRITES }, { 1, 1 }, 2,
	  PAGER_MUTATION_NONE, TWO_PARTITIONS_DEPTH, 2 },
	{ "two partitions, each with its own path; failures of either",
	  PAGING | SQUEEZE | FAILOVER, 2, { TOUCH, WRITES }, { 1, 1 }, 2,
	  PAGER_MUTATION_NONE, TWO_PARTITIONS_DEPTH, 2 },
	{ "cross-check x steal x fault x move",
	  PAGING | SQUEEZE | CHECK | HV_BIT(PAGER_MOVE), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, CHECK_DEPTH, 1 },
	{ "cross-check of two pages x discard",
	  PAGING | SQUEEZE | CHECK | HV_BIT(PAGER_DISCARD), 1, { TOUCH }, { 3 }, 1,
	  PAGER_MUTATION_NONE, CHECK_DEPTH, 1 },
	{ "cross-check x failover, late writes and late reads",
	  PAGING | SQUEEZE | CHECK | FAILOVER | RETURN, 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, CHECK_DEPTH, 1 },
	{ "cross-check x failover x discard",
	  PAGING | SQUEEZE | CHECK | FAILOVER | HV_BIT(PAGER_DISCARD), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, CHECK_DEPTH, 1 },
	{ "mirrored: steal x fault x move",
	  PAGER_MIRRORED | PAGING | SQUEEZE | HV_BIT(PAGER_MOVE), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, MIRROR_DEPTH, 1 },
	{ "mirrored: two pages, a side that is lost and comes back",
	  PAGER_MIRRORED | PAGING | SQUEEZE | FAILOVER | RETURN, 1, { WRITES }, { 3 }, 1,
	  PAGER_MUTATION_NONE, MIRROR_DEPTH - 2, 1 },
	{ "mirrored: failover, late writes, resync",
	  PAGER_MIRRORED | PAGING | SQUEEZE | FAILOVER | RETURN, 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, MIRROR_DEPTH, 1 },
	{ "mirrored: failover, resync, discard",
	  PAGER_MIRRORED | PAGING | SQUEEZE | FAILOVER | RETURN | HV_BIT(PAGER_DISCARD), 1,
	  { TOUCH }, { 1 }, 1, PAGER_MUTATION_NONE, MIRROR_DEPTH, 1 },
	{ "mirrored: a side that leaves and comes back, cross-check",
	  PAGER_MIRRORED | PAGING | SQUEEZE | RETURN | CHECK | HV_BIT(PAGER_LEAVE) |
	  HV_BIT(PAGER_END) | HV_BIT(PAGER_DRAIN), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, MIRROR_DEPTH, 1 },
	{ "read-ahead x fault x steal",
	  PAGER_AHEAD | PAGING | SQUEEZE, 1, { TOUCH }, { 3 }, 2, PAGER_MUTATION_NONE, AHEAD_DEPTH, 1 },
	{ "read-ahead x fault on what comes",
	  PAGER_AHEAD | PAGING | SQUEEZE, 2, { TOUCH, WRITES }, { 2, 1 }, 2,
	  PAGER_MUTATION_NONE, AHEAD_DEPTH, 1 },
	{ "read-ahead x discard",
	  PAGER_AHEAD | PAGING | SQUEEZE | HV_BIT(PAGER_DISCARD), 1, { TOUCH }, { 3 }, 2,
	  PAGER_MUTATION_NONE, AHEAD_DEPTH, 1 },
	{ "read-ahead x failover, late reads",
	  PAGER_AHEAD | PAGING | SQUEEZE | FAILOVER, 1, { WRITES }, { 3 }, 2,
	  PAGER_MUTATION_NONE, AHEAD_DEPTH - 2, 1 },
	{ "mirrored: read-ahead x a side that is lost",
	  PAGER_MIRRORED | PAGER_AHEAD | PAGING | SQUEEZE | HV_BIT(PAGER_END) | HV_BIT(PAGER_MOVE), 1,
	  { WRITES }, { 3 }, 2, PAGER_MUTATION_NONE, AHEAD_DEPTH - 2, 1 },
	{ "compressed tier: steal x fault x unload",
	  PAGER_TIER | PAGING | SQUEEZE | UNLOAD, 1, { TOUCH }, { 3 }, 4, PAGER_MUTATION_NONE, TIER_DEPTH, 1 },
	{ "compressed tier: two threads on one page, frames come and go",
	  PAGER_TIER | PAGING | SQUEEZE | UNLOAD, 2, { TOUCH, TOUCH }, { 1, 1 }, 4,
	  PAGER_MUTATION_NONE, TIER_DEPTH, 1 },
	{ "compressed tier x discard, MADV_REMOVE",
	  PAGER_TIER | PAGING | SQUEEZE | UNLOAD | HV_BIT(PAGER_DISCARD), 2, { TOUCH, DROP }, { 1, 1 }, 4,
	  PAGER_MUTATION_NONE, TIER_DEPTH, 1 },
	{ "compressed tier x hole",
	  PAGER_TIER | PAGING | SQUEEZE | UNLOAD | HV_BIT(PAGER_PUNCH) | HV_BIT(PAGER_SWEEP), 1,
	  { TOUCH }, { 3 }, 4, PAGER_MUTATION_NONE, TIER_DEPTH, 1 },
	{ "compressed tier x failover, late writes",
	  PAGER_TIER | PAGING | SQUEEZE | UNLOAD | FAILOVER | RETURN, 1, { WRITES }, { 3 }, 4,
	  PAGER_MUTATION_NONE, TIER_DEPTH - 2, 1 },
	{ "mirrored: compressed tier x a side that is lost",
	  PAGER_MIRRORED | PAGER_TIER | PAGING | SQUEEZE | UNLOAD | HV_BIT(PAGER_END) | HV_BIT(PAGER_MOVE), 1,
	  { WRITES }, { 3 }, 4, PAGER_MUTATION_NONE, TIER_DEPTH - 2, 1 },
	{ "page-ins asked for twice x steal x move",
	  PAGING | SQUEEZE | HEDGE | HV_BIT(PAGER_MOVE), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, HEDGE_DEPTH, 1 },
	{ "page-ins asked for twice x discard",
	  PAGING | SQUEEZE | HEDGE | HV_BIT(PAGER_DISCARD), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, HEDGE_DEPTH, 1 },
	{ "page-ins asked for twice x failover, late reads",
	  PAGING | SQUEEZE | HEDGE | FAILOVER, 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, HEDGE_DEPTH, 1 },
	{ "page-ins asked for twice x cross-check",
	  PAGING | SQUEEZE | HEDGE | CHECK, 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, HEDGE_DEPTH, 1 },
	{ "mirrored: page-ins asked for twice x a side that is lost",
	  PAGER_MIRRORED | PAGING | SQUEEZE | HEDGE | FAILOVER, 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, MIRROR_DEPTH, 1 },
	{ "page-ins with a neighbour, asked for twice",
	  PAGER_AHEAD | PAGING | SQUEEZE | HEDGE, 1, { TOUCH }, { 3 }, 2, PAGER_MUTATION_NONE, AHEAD_DEPTH, 1 },
	{ "another device: one path, then both, and back to one device",
	  PAGING | SQUEEZE | CHANGE, 1, { TOUCH }, { 1 }, 1, PAGER_MUTATION_NONE, CHANGE_DEPTH, 1 },
	{ "another device x failover, late writes",
	  PAGING | SQUEEZE | FAILOVER | RETURN | CHANGE, 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, MIRROR_DEPTH - 2, 1 },
	{ "mirrored: another device x failover",
	  PAGER_MIRRORED | PAGING | SQUEEZE | FAILOVER | RETURN | CHANGE, 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, MIRROR_DEPTH - 2, 1 },
	{ "expected to be written x faults",
	  PAGER_WROTE | PAGING | SQUEEZE, 2, { TOUCH, TOUCH }, { 1, 1 }, 1,
	  PAGER_MUTATION_NONE, 0, 1 },
	{ "expected to be written x discard, failover",
	  PAGER_WROTE | PAGING | SQUEEZE | FAILOVER | HV_BIT(PAGER_DISCARD), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_NONE, FAILOVER_DEPTH, 1 },
	{ "expected to be written, from the tier",
	  PAGER_WROTE | PAGER_TIER | PAGING | SQUEEZE, 1, { TOUCH }, { 3 }, 4,
	  PAGER_MUTATION_NONE, TIER_DEPTH, 1 },
	{ "read-ahead of a writer x fault on what comes",
	  PAGER_WRITTEN | PAGER_AHEAD | PAGING | SQUEEZE, 2, { WRITES, TOUCH }, { 2, 1 }, 2,
	  PAGER_MUTATION_NONE, AHEAD_DEPTH, 1 },
	{ "read-ahead of a writer x discard",
	  PAGER_WRITTEN | PAGER_AHEAD | PAGING | SQUEEZE | HV_BIT(PAGER_DISCARD), 1, { WRITES }, { 3 }, 2,
	  PAGER_MUTATION_NONE, AHEAD_DEPTH, 1 },
	{ "read-ahead of a writer x failover, late reads",
	  PAGER_WRITTEN | PAGER_AHEAD | PAGING | SQUEEZE | FAILOVER, 1, { WRITES }, { 3 }, 2,
	  PAGER_MUTATION_NONE, AHEAD_DEPTH - 4, 1 },
};

static const struct pager_scenario mutants[] = {
	{ "MUTANT minor on STEALING answered plainly",
	  PAGING | SQUEEZE, 2, { TOUCH, KEEP }, { 1, 1 }, 1, PAGER_MUTATION_MINOR_PLAIN, 0, 1 },
	{ "MUTANT minor on a clean page answered plainly",
	  PAGING | SQUEEZE, 2, { TOUCH, KEEP }, { 1, 1 }, 1, PAGER_MUTATION_CLEAN_PLAIN, 0, 1 },
	{ "MUTANT a page read ahead comes for what is gone",
	  PAGER_AHEAD | PAGING | SQUEEZE | HV_BIT(PAGER_DISCARD), 1, { WRITES }, { 3 }, 2,
	  PAGER_MUTATION_STALE_AHEAD, AHEAD_DEPTH, 1 },
	{ "MUTANT a page that leaves the tier is gone before it is written",
	  PAGER_TIER | PAGING | SQUEEZE | UNLOAD, 1, { TOUCH }, { 1 }, 4, PAGER_MUTATION_HASTY_UNLOAD, 0, 1 },
	{ "MUTANT its place in the tier is another's before it is written",
	  PAGER_TIER | PAGING | SQUEEZE | UNLOAD, 1, { TOUCH }, { 1 }, 4, PAGER_MUTATION_EARLY_DROP, 0, 1 },
	{ "MUTANT a slot that is read late is free at once",
	  PAGING | SQUEEZE | HEDGE, 1, { TOUCH }, { 1 }, 1, PAGER_MUTATION_FORGOTTEN_LATE, HEDGE_DEPTH, 1 },
	{ "MUTANT slots come back before the drain",
	  PAGING | SQUEEZE | FAILOVER, 1, { TOUCH }, { 1 }, 1, PAGER_MUTATION_EARLY_DRAIN, 0, 1 },
	{ "MUTANT a move takes what is being written for written",
	  PAGING | SQUEEZE | HV_BIT(PAGER_MOVE), 1, { TOUCH }, { 1 }, 1,
	  PAGER_MUTATION_HASTY_MOVE, 0, 1 },
};
/* clang-format on */

static unsigned depth_max; /* 0 = as deep as the scenario says */
static unsigned half;

static const char *explore(const struct pager_scenario *scenario)
{
	struct pager_scenario bounded = *scenario;

	if (depth_max != 0 && (bounded.depth == 0 || bounded.depth > depth_max))
		bounded.depth = depth_max;
	return pager_explore(&bounded);
}

static void no_interleaving_breaks_a_rule(void **state)
{
	const char *only = getenv("HV_SCENARIO");

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(scenarios); i++)
		if (only != NULL ? strtoul(only, NULL, 10) == i : i % 2 == half)
			assert_null(explore(&scenarios[i]));
}

static void a_broken_rule_is_found(void **state)
{
	(void)state;
	if (half != 0)
		skip(); /* the other half does */
	for (unsigned i = 0; i < HV_COUNT(mutants); i++)
		assert_non_null(pager_explore(&mutants[i]));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_interleaving_breaks_a_rule),
		cmocka_unit_test(a_broken_rule_is_found),
	};

	if (argc != 3)
		return 2;
	depth_max = (unsigned)strtoul(argv[1], NULL, 10);
	half = (unsigned)strtoul(argv[2], NULL, 10) % 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
