/*
 * pager_state - all that matters of a small pager_world: to save, to restore, and to
 * tell whether two are the same.
 *
 * Two states are the same when they differ only in times, counters, ages, serial
 * numbers and the names of versions: contents are compared by who equals whom.
 *
 * Contract: the world has one or two members, and the sizes below; one ended incarnation a
 * path. `extra` is the caller's own state, bytes that count as they are.
 */
#ifndef TESTS_SUPPORT_PAGER_STATE_H
#define TESTS_SUPPORT_PAGER_STATE_H

#include "tests/support/pager_world.h"

#define PAGER_STATE_MEMBERS 2
#define PAGER_STATE_PAGES 2 /* of each */
#define PAGER_STATE_SLOTS 3
#define PAGER_STATE_READS 2 /* at most: as many as the world has */
#define PAGER_STATE_WRITES 2
#define PAGER_STATE_REGIONS_MAX 256

struct pager_region {
	void *at;
	uint32_t bytes;
};

struct pager_state {
	struct world *world;
	void *extra;
	size_t extra_bytes;
	size_t bytes; /* of a saved state */
	unsigned region_count;
	struct pager_region regions[PAGER_STATE_REGIONS_MAX];
};

void pager_state_open(struct pager_state *state, struct world *world, void *extra,
		      size_t extra_bytes);
/* Undoes what makes no difference; before each save. */
void pager_state_normalise(struct pager_state *state);
void pager_state_save(const struct pager_state *state, uint8_t *to);
void pager_state_restore(const struct pager_state *state, const uint8_t *from);
uint64_t pager_state_hash(const struct pager_state *state);

#endif
