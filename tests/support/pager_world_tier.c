/* pager_world_tier - see pager_world.h: its compressed tier. */
#include "tests/support/pager_world.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/pager/pager_priv.h"

static bool fill_chunk(void *ctx, uint64_t at, uint64_t bytes)
{
	struct world *world = ctx;

	if (world->pool.blocks + bytes / HV_PAGE_BYTES > world->pool.limit)
		return false;
	world->pool.blocks += (uint32_t)(bytes / HV_PAGE_BYTES);
	memset(world->tier_memory + at, 0, bytes);
	return true;
}

static void punch_chunk(void *ctx, uint64_t at, uint64_t bytes)
{
	struct world *world = ctx;

	world->pool.blocks -= (uint32_t)(bytes / HV_PAGE_BYTES);
	memset(world->tier_memory + at, 0xee, bytes);
}

void world_tier_open(struct world *world)
{
	struct hv_tier_memory memory = {
		.bytes = (uint64_t)world->config.tier_chunks * HV_PAGE_BYTES,
		.chunk_pages = 1,
		.chunk_bytes = WORLD_CHUNK_BYTES,
		.fill = fill_chunk,
		.punch = punch_chunk,
		.ctx = world,
	};

	if (memory.bytes == 0)
		return;
	world->tier_memory = calloc(1, memory.bytes);
	HV_INVARIANT(world->tier_memory != NULL);
	memory.base = world->tier_memory;
	HV_INVARIANT(hv_tier_new(&memory, &world->frames, &world->tier, NULL) == HV_OK);
	hv_frames_pack_most(&world->frames, world->config.tier_chunks);
	hv_pager_tier(world->pager, world->tier);
}

void world_tier_close(struct world *world)
{
	hv_pager_tier(world->pager, NULL);
	hv_tier_free(world->tier);
	free(world->tier_memory);
}

bool world_unload(struct world *world)
{
	bool is_any = world->tier != NULL &&
		      hv_pack_relieve(world->pager, world->now_ns) > 0;

	hv_paths_flush(world->pager);
	return is_any;
}

void world_tier_most(struct world *world, unsigned chunks)
{
	if (chunks > world->config.tier_chunks)
		chunks = world->config.tier_chunks;
	hv_frames_pack_most(&world->frames, chunks);
}
