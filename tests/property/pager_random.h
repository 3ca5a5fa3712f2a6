/* pager_random - a random run of the engine in a model world, and some of its steps. */
#ifndef TESTS_PROPERTY_PAGER_RANDOM_H
#define TESTS_PROPERTY_PAGER_RANDOM_H

#include "hvcore/base/rng.h"
#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_world.h"

struct run {
	struct world world;
	struct hv_rng rng;
	bool may_be_hostile;
	bool may_damage; /* the devices: behind that path, or both (HV_PATHS) */
	unsigned damaged;
	int64_t shrunk;
	bool is_orderly; /* threads go on from each other's pages */
	uint32_t at;     /* ... up to here */
};

static inline unsigned random_below(struct run *run, unsigned n)
{
	return (unsigned)hv_rng_below(&run->rng, n);
}

/* A member that lives, or NULL. */
static inline struct world_member *random_member(struct run *run, unsigned *ret_index)
{
	unsigned index = random_below(run, run->world.config.members);
	struct world_member *member = &run->world.members[index];

	*ret_index = index;
	return member->space == NULL || member->space->is_ended ? NULL : member;
}

/* Skewed, so that some pages are hot and runs of neighbours occur. */
static inline uint32_t random_page(struct run *run)
{
	uint32_t pages = run->world.config.pages;

	return random_below(run, 2) ? random_below(run, pages)
				    : random_below(run, pages / 4 + 1);
}

/* What devices use: mapped, held by transfers, and not any more. */
void random_step_io(struct run *run);
extern uint64_t random_transfers; /* of all runs */

#endif
