/* pager_state - see pager_state.h. */
#include "tests/support/pager_state.h"

#include <string.h>

#include <xxhash.h>

#include "hvcore/pager/pager_priv.h"
#include "hvcore/pager/tier_priv.h"

#define PAGES PAGER_STATE_PAGES
#define SLOTS PAGER_STATE_SLOTS
#define WRITES PAGER_STATE_WRITES
#define VERSIONS_MAX 4096

static unsigned reads_of(const struct pager_state *state)
{
	return state->world->config.reads;
}

static unsigned requests_of(const struct pager_state *state)
{
	return reads_of(state) + WRITES;
}

/* ---- save and restore ---- */

static void add_region(struct pager_state *state, void *at, size_t bytes)
{
	HV_INVARIANT(state->region_count < PAGER_STATE_REGIONS_MAX);
	state->regions[state->region_count++] = (struct pager_region){ at,
								       (uint32_t)bytes };
	state->bytes += bytes;
}

static void add_vios(struct pager_state *state, struct model_vios *vios)
{
	add_region(state, vios,
		   offsetof(struct model_vios, requests) +
			   requests_of(state) * sizeof(struct model_request));
}

static void add_windows(struct pager_state *state)
{
	for (unsigned window = 0; window < WORLD_WINDOWS; window++)
		for (unsigned i = 0; i < requests_of(state); i++) {
			unsigned reads = reads_of(state);
			unsigned place = i < reads ? i : i - reads + MODEL_READS_MAX;
			uint8_t *page = state->world->windows +
					((size_t)window * MODEL_BUFFERS_MAX + place) *
						HV_PAGE_BYTES;

			add_region(state, page, 8);
			add_region(state, page + HV_PAGE_BYTES - 8, 8);
		}
}

static void add_pager(struct pager_state *state)
{
	struct hv_pager *pager = state->world->pager;
	size_t head = offsetof(struct hv_pager_path, flights);

	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct hv_pager_path *path = &pager->paths[i];

		add_region(state, path, head);
		add_region(state, path->flights, reads_of(state) * sizeof *path->flights);
		add_region(state, path->fills, reads_of(state));
		add_region(state, &path->flights[HV_LANE_READ_BUFFERS],
			   WRITES * sizeof *path->flights);
		add_region(state, &path->pages[HV_LANE_READ_BUFFERS],
			   WRITES * sizeof *path->pages);
	}
	add_region(state, &pager->next_space, sizeof pager->next_space);
	add_region(state, pager->fills, pager->fill_count * sizeof *pager->fills);
	add_region(state, &pager->free_fills,
		   sizeof *pager - offsetof(struct hv_pager, free_fills));
	for (unsigned i = 0; i < pager->fill_count; i++) {
		uint8_t *page = pager->private_pages + (size_t)i * HV_PAGE_BYTES;

		add_region(state, page, 8);
		add_region(state, page + HV_PAGE_BYTES - 8, 8);
	}
}

static void add_tier(struct pager_state *state)
{
	struct world *world = state->world;
	struct hv_tier *tier = world->tier;

	if (tier == NULL)
		return;
	add_region(state, tier, offsetof(struct hv_tier, lz4));
	add_region(state, tier->chunks, tier->count * sizeof *tier->chunks);
	for (unsigned i = 0; i < tier->count; i++)
		add_region(state, world->tier_memory + (size_t)i * HV_PAGE_BYTES,
			   WORLD_CHUNK_BYTES);
}

static void add_space(struct pager_state *state, struct hv_space *space)
{
	size_t parked = offsetof(struct hv_space, parked_why);

	add_region(state, space, offsetof(struct hv_space, parked));
	add_region(state, space->parked, PAGES * sizeof *space->parked);
	add_region(state, &space->parked_why,
		   offsetof(struct hv_space, latency) - parked);
	add_region(state, space->table.pages, PAGES * sizeof *space->table.pages);
	add_region(state, space->table.free_slots, sizeof *space->table.free_slots);
	add_region(state, space->table.extra_slots, SLOTS - PAGES);
	for (unsigned i = 0; i < HV_PATHS; i++)
		add_region(state, space->table.missed_slots[i], sizeof(uint64_t));
}

static void add_member(struct pager_state *state, struct world_member *member)
{
	add_region(state, &member->kernel,
		   offsetof(struct model_kernel, threads) +
			   state->world->config.threads * sizeof(struct model_thread));
	add_region(state, member->kernel.pages, PAGES * sizeof *member->kernel.pages);
	for (unsigned i = 0; i < HV_COUNT(member->devices); i++)
		add_region(state, member->devices[i].slots,
			   SLOTS * sizeof *member->devices[i].slots);
	add_region(state, member->at, sizeof member->at);
	add_space(state, member->space);
}

static void add_world(struct pager_state *state)
{
	struct world *world = state->world;

	add_region(state, state->extra, state->extra_bytes);
	add_region(state, &world->frames, sizeof world->frames);
	add_region(state, &world->pool, sizeof world->pool);
	add_region(state, &world->now_ns,
		   offsetof(struct world, members) - offsetof(struct world, now_ns));
	for (unsigned i = 0; i < world->config.members; i++)
		add_member(state, &world->members[i]);
	add_region(state, world->has_session, sizeof world->has_session);
	add_region(state, world->has_old, sizeof world->has_old);
	add_region(state, world->window_used, sizeof world->window_used);
	for (unsigned i = 0; i < HV_PATHS; i++) {
		add_vios(state, &world->vios[i]);
		add_vios(state, &world->old[i][0]);
	}
	add_windows(state);
	add_pager(state);
	add_tier(state);
}

/* The parking ring turns; where it starts makes no difference. */
static void turn_ring(struct hv_space *space)
{
	struct hv_parked parked[PAGES];

	HV_INVARIANT(space->parked_count <= PAGES);
	for (uint32_t i = 0; i < space->parked_count; i++)
		parked[i] = space->parked[(space->parked_head + i) % HV_PARKED_MAX];
	for (uint32_t i = 0; i < PAGES; i++)
		space->parked[i] = i < space->parked_count ? parked[i]
							   : (struct hv_parked){ 0 };
	space->parked_head = 0;
}

void pager_state_save(const struct pager_state *state, uint8_t *to)
{
	for (unsigned i = 0; i < state->region_count; i++) {
		memcpy(to, state->regions[i].at, state->regions[i].bytes);
		to += state->regions[i].bytes;
	}
}

void pager_state_restore(const struct pager_state *state, const uint8_t *from)
{
	for (unsigned i = 0; i < state->region_count; i++) {
		memcpy(state->regions[i].at, from, state->regions[i].bytes);
		from += state->regions[i].bytes;
	}
}

void pager_state_open(struct pager_state *state, struct world *world, void *extra,
		      size_t extra_bytes)
{
	*state = (struct pager_state){
		.world = world,
		.extra = extra,
		.extra_bytes = extra_bytes,
	};
	HV_INVARIANT(world->config.members <= PAGER_STATE_MEMBERS &&
		     world->config.pages == PAGES && world->config.slots == SLOTS &&
		     world->config.reads <= PAGER_STATE_READS &&
		     world->config.writes == WRITES && world->config.olds == 1);
	add_world(state);
}

/* Which page leaves first is policy: one queue, nobody hot. Its order stays. */
static void level_queues(struct hv_page_table *table)
{
	uint32_t page;

	while ((page = hv_queue_pop(table, HV_QUEUE_MAIN)) != HV_PAGE_NONE)
		hv_queue_push(table, HV_QUEUE_SMALL, page);
	while ((page = hv_queue_pop(table, HV_QUEUE_AHEAD)) != HV_PAGE_NONE)
		hv_queue_push(table, HV_QUEUE_SMALL, page);
	for (page = 0; page < table->page_count; page++)
		hv_page_frequency_set(table, page, 0);
}

void pager_state_normalise(struct pager_state *state)
{
	for (unsigned i = 0; i < state->world->config.members; i++) {
		turn_ring(state->world->members[i].space);
		level_queues(&state->world->members[i].space->table);
	}
}

/* ---- what makes two states the same ---- */

struct print { /* a canonical description being written */
	uint8_t bytes[4096];
	size_t length;
	uint64_t names[64]; /* of versions, in order of appearance */
	unsigned name_count;
};

static uint32_t checksum_of(uint64_t value)
{
	static uint32_t known[VERSIONS_MAX];
	static bool is_known[VERSIONS_MAX];
	uint8_t page[HV_PAGE_BYTES];

	HV_INVARIANT(value < VERSIONS_MAX);
	if (!is_known[value]) {
		model_page_fill(page, value);
		known[value] = (uint32_t)XXH3_64bits(page, sizeof page);
		is_known[value] = true;
	}
	return known[value];
}

static void put(struct print *print, uint64_t small)
{
	HV_INVARIANT(print->length + 2 <= sizeof print->bytes && small < 0x10000);
	print->bytes[print->length++] = (uint8_t)small;
	print->bytes[print->length++] = (uint8_t)(small >> 8);
}

/* A checksum stands for the version that has it. */
static void put_checksum(struct print *print, uint32_t checksum)
{
	for (unsigned i = 0; i < print->name_count; i++)
		if (print->names[i] == checksum) {
			put(print, i);
			return;
		}
	HV_INVARIANT(print->name_count < HV_COUNT(print->names));
	print->names[print->name_count] = checksum;
	put(print, print->name_count++);
}

static void put_value(struct print *print, uint64_t value)
{
	put_checksum(print, checksum_of(value));
}

static void put_page_bytes(struct print *print, const uint8_t *page)
{
	put_value(print, model_page_value(page));
	put(print, model_page_is(page, model_page_value(page)));
}

static void put_kernel(struct print *print, const struct model_kernel *kernel,
		       unsigned threads)
{
	for (unsigned i = 0; i < PAGES; i++) {
		const struct model_page *page = &kernel->pages[i];

		put_value(print, page->value);
		put_value(print, page->expected);
		put(print, page->is_cached | page->is_mapped << 1 |
				   page->is_protected << 2 | page->is_poisoned << 3 |
				   page->may_be_zero << 4);
	}
	for (unsigned i = 0; i < threads; i++) {
		const struct model_thread *thread = &kernel->threads[i];

		put(print, thread->state);
		if (thread->state == MODEL_IDLE)
			continue;
		put(print, thread->op | thread->page << 4 | thread->is_seen << 8);
		put(print, thread->is_minor | thread->is_wp << 1);
	}
	put(print, kernel->changing);
}

static bool is_expecting(const struct hv_space *space)
{
	return space->wrote.score >= HV_WROTE_ENOUGH;
}

/* `wrote`: HV_PAGE_WROTE, where it matters. */
static void put_table(struct print *print, const struct hv_page_table *table,
		      uint32_t wrote)
{
	for (unsigned page = 0; page < PAGES; page++) {
		const struct hv_page *entry = &table->pages[page];

		put(print, entry->word & (0x3ffu | wrote)); /* all but fill and age */
		put(print, entry->slot & 0xfffu);           /* or its place */
		if (entry->slot != HV_SLOT_NONE)
			put_checksum(print, entry->checksum);
	}
	for (unsigned slot = 0; slot < SLOTS; slot++)
		put(print, hv_slot_class(table, slot) |
				   hv_slot_in_doubt(table, slot, 0) << 4 |
				   hv_slot_in_doubt(table, slot, 1) << 5);
	put(print, table->slot_cursor);
	for (unsigned queue = HV_QUEUE_SMALL; queue < HV_QUEUE_COUNT; queue++) {
		uint32_t page = table->queues[queue].head;

		put(print, table->queues[queue].length);
		for (; page != HV_PAGE_NONE;
		     page = table->pages[page].link & HV_PAGE_NONE)
			put(print, page);
	}
}

static void put_space(struct print *print, const struct hv_space *space)
{
	put(print, is_expecting(space) ? 1 + space->wrote.turn % HV_WROTE_PROBE : 0);
	put_table(print, &space->table, is_expecting(space) ? HV_PAGE_WROTE : 0);
	put(print, space->frames | space->pending << 8);
	put(print, space->current);
	for (unsigned i = 0; i < HV_PATHS; i++)
		put(print, space->devices[i].is_open);
	put(print, space->parked_count | space->has_overflow << 8);
	for (unsigned i = 0; i < space->parked_count; i++)
		put(print, space->parked[i].page | space->parked[i].is_write << 8 |
				   space->parked[i].is_pending << 9);
	put(print, space->parked_count > 0 ? space->parked_why : 0);
	put(print, space->sweep_at | space->sweep_end << 8);
	put(print, space->sweep_cursor | space->void_cursor << 8);
	put(print, space->check_cursor | space->walks << 8);
	if (!hv_space_is_mirrored(space))
		return;
	for (unsigned slot = 0; slot < SLOTS; slot++)
		put(print, hv_slot_is_missed(&space->table, slot, 0) |
				   hv_slot_is_missed(&space->table, slot, 1) << 1);
	put(print, space->in_doubt[0] | space->in_doubt[1] << 1);
	put(print, space->resync_cursor | space->resync_looked << 8);
}

static void put_flight(struct print *print, const struct hv_pager_path *path, unsigned at)
{
	const struct hv_flight *flight = &path->flights[at];

	put(print, flight->user != 0);
	if (flight->user == 0)
		return;
	put(print, flight->slot | flight->pages << 4 | flight->fill << 8);
	put(print, flight->is_walk | flight->twin << 1);
	put(print, flight->twin == HV_TWIN_OUT ? flight->twin_at : 0);
	put(print, flight->space->index);
	for (unsigned p = 0; p < flight->pages; p++)
		if (flight->is_write)
			put(print, path->pages[at + p]);
		else if (!flight->is_walk)
			put(print, path->fills[at + p]);
}

/* What lies in a chunk: whose, where. Its content is what the page's checksum says. */
static void put_chunk(struct print *print, const struct hv_tier *tier, uint32_t index)
{
	const struct hv_tier_chunk *chunk = &tier->chunks[index];

	put(print, chunk->is_there | chunk->used << 1);
	put(print, chunk->live | chunk->held << 8);
	put(print, chunk->older & 0xffu);
	put(print, chunk->newer & 0xffu);
}

static void put_tier(struct print *print, const struct hv_pager *pager)
{
	const struct hv_tier *tier = pager->tier;

	if (tier == NULL)
		return;
	for (uint32_t i = 0; i < tier->count; i++)
		put_chunk(print, tier, i);
	put(print, tier->there | tier->fresh << 8);
	put(print, (tier->unused & 0xffu) | (tier->reserve & 0xffu) << 8);
	put(print, (tier->filling & 0xffu) | (tier->moving & 0xffu) << 8);
	put(print, tier->source & 0xffu);
	put(print, tier->fresh > 0 ? tier->cursor % tier->fresh : 0);
	for (unsigned i = 0; i < pager->unload_count; i++) {
		put(print, pager->unloads[i].page | pager->unloads[i].space->index << 8);
		put(print, pager->unloads[i].place);
	}
}

static void put_pager(struct print *print, const struct hv_pager *pager, unsigned reads)
{
	put(print, pager->is_squeezed);
	put_tier(print, pager);
	put(print, pager->is_retry_due | pager->is_reclaiming << 1 |
			   pager->is_nomem << 2 | (pager->retry_ns != 0) << 3);
	for (unsigned i = 0; i < pager->fill_count; i++) {
		const struct hv_fill *fill = &pager->fills[i];

		put(print, fill->state);
		if (fill->state == HV_FILL_FREE)
			continue;
		put(print, fill->page | fill->last_path << 8 | fill->wants_other << 12);
		put(print, fill->space->index | fill->is_ahead << 4 |
				   (fill->was_written & is_expecting(fill->space)) << 5);
		put(print, fill->is_hedged | fill->first_path << 1 |
				   (fill->is_hedged ? fill->hedge_buffer << 4 : 0));
		put(print, fill->checksum_tries | fill->error_tries << 8);
		if (fill->state == HV_FILL_LOADED)
			put_page_bytes(print,
				       pager->private_pages + (size_t)i * HV_PAGE_BYTES);
	}
	for (unsigned i = 0; i < HV_WALKERS; i++) {
		const struct hv_walker *check = &pager->walkers[i];

		put(print, check->state | check->path << 4 | check->tries << 8 |
				   check->is_resync << 12 | check->is_writing << 13);
		if (check->state == HV_WALKER_FREE)
			continue;
		put(print, check->page | check->slot << 4 | check->space->index << 8);
		put_checksum(print, check->checksum);
	}
	put(print, pager->space_count > 0 ? pager->check_space % pager->space_count : 0);
	for (unsigned i = 0; i < HV_PATHS; i++) {
		const struct hv_pager_path *path = &pager->paths[i];

		put(print, path->role | path->is_dirty << 4 | path->is_full << 5);
		for (unsigned n = 0; n < reads + WRITES; n++)
			put_flight(print, path,
				   n < reads ? n : n - reads + HV_LANE_READ_BUFFERS);
	}
}

static void put_vios(struct print *print, const struct model_vios *vios,
		     unsigned requests)
{
	for (unsigned i = 0; i < requests; i++) {
		const struct model_request *request = &vios->requests[i];
		const struct hv_vasi_ask *ask = &request->ask;

		put(print, request->is_used | request->is_done << 1 |
				   (request->is_used ? request->left : 0) << 2);
		if (!request->is_used)
			continue;
		put(print, ask->slot | ask->pages << 4 | ask->op << 8);
		put(print, ask->device);
		put(print, ask->buffer);
		for (unsigned p = 0; p < ask->pages; p++) {
			unsigned at = ask->buffer + p < HV_LANE_READ_BUFFERS
					      ? ask->buffer + p
					      : ask->buffer + p - HV_LANE_READ_BUFFERS +
							MODEL_READS_MAX;

			if (!vios->is_over &&
			    (ask->op == HV_OP_WRITE) != request->is_done)
				put_page_bytes(print,
					       vios->window + (size_t)at * HV_PAGE_BYTES);
		}
	}
}

/*
 * Nobody reads a slot but a LIVE one: what others hold makes no difference. (That late
 * writes hit no LIVE one is checked after each transition, not left to this.)
 */
static void put_device(struct print *print, const struct world_member *member,
		       unsigned side)
{
	const struct hv_page_table *table = &member->space->table;

	for (unsigned slot = 0; slot < SLOTS; slot++) {
		const struct model_copy *copy =
			&member->devices[member->at[side]].slots[slot];

		if (hv_slot_class(table, slot) != HV_SLOT_LIVE ||
		    (hv_space_is_mirrored(member->space) &&
		     hv_slot_is_missed(table, slot, side)))
			continue;
		put_value(print, copy->head);
		put(print, copy->tail == (copy->head == 0 ? 0 : ~copy->head));
	}
}

uint64_t pager_state_hash(const struct pager_state *state)
{
	struct print print = { .length = 0 };
	const struct world *world = state->world;

	put_value(&print, 0);
	for (unsigned i = 0; i < world->config.members; i++) {
		const struct world_member *member = &world->members[i];

		put_kernel(&print, &member->kernel, world->config.threads);
		put_space(&print, member->space);
		put(&print, member->at[0] | member->at[1] << 1);
		put_device(&print, member, 0);
		if (hv_space_is_mirrored(member->space))
			put_device(&print, member, 1);
	}
	put_pager(&print, world->pager, reads_of(state));
	for (unsigned i = 0; i < HV_PATHS; i++) {
		put(&print, world->has_session[i] | world->has_old[i][0] << 1);
		if (world->has_session[i])
			put_vios(&print, &world->vios[i], requests_of(state));
		if (world->has_old[i][0])
			put_vios(&print, &world->old[i][0], requests_of(state));
	}
	for (size_t i = 0; i < state->extra_bytes; i++)
		put(&print, ((const uint8_t *)state->extra)[i]);
	put(&print, (uint64_t)(hv_frames_free(&world->frames) + 8));
	put(&print, (uint64_t)(hv_frames_soon(&world->frames) + 8));
	return XXH3_64bits(print.bytes, print.length);
}
