/* pager_world - see pager_world.h. */
#include "tests/support/pager_world.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/pager/pager_priv.h"

#define SETTLE_ROUNDS 20000 /* far more than any back-off needs */

void world_init(struct world *world, const struct world_config *config)
{
	struct hv_pager_config pager = {
		.fills = config->fills,
		.checks_per_s = config->checks_per_s,
		.ahead = config->ahead,
		.expects_writes = true,
		.hedge_ns = config->hedge_ns,
		.frames = &world->frames,
	};

	HV_INVARIANT(config->members <= WORLD_MEMBERS_MAX);
	HV_INVARIANT(config->slots <= MODEL_SLOTS_MAX);
	*world = (struct world){ .config = *config, .now_ns = 1000000 };
	if (config->olds == 0)
		world->config.olds = WORLD_OLD_MAX;
	world->windows = calloc(WORLD_WINDOWS * MODEL_BUFFERS_MAX, HV_PAGE_BYTES);
	HV_INVARIANT(world->windows != NULL);
	world->pool.limit = UINT32_MAX;
	hv_frames_init(&world->frames, config->frames);
	HV_INVARIANT(hv_pager_open(&pager, &world->pager, NULL) == HV_OK);
	world_tier_open(world);
	for (unsigned i = 0; i < config->members; i++) {
		world->members[i].at[1] = config->is_mirrored;
		HV_INVARIANT(world_member_start(world, i));
	}
	for (unsigned i = 0; i < HV_PATHS; i++) {
		HV_INVARIANT(world_vios_start(world, i));
		for (unsigned member = 0; member < config->members; member++)
			HV_INVARIANT(world_vios_open(world, i, member));
	}
	world_vios_activate(world, 0);
}

void world_fini(struct world *world)
{
	world->config.olds = WORLD_OLD_MAX;
	for (unsigned i = 0; i < HV_PATHS; i++)
		(void)world_vios_end(world, i);
	for (unsigned i = 0; i < world->config.members; i++) {
		if (world->members[i].space == NULL)
			continue;
		world_member_kill(world, i);
		(void)world_member_reap(world, i);
	}
	world_tier_close(world);
	hv_pager_close(world->pager);
	free(world->windows);
}

/* ---- partitions ---- */

bool world_member_start(struct world *world, unsigned index)
{
	struct world_member *member = &world->members[index];
	const struct world_config *config = &world->config;
	struct hv_space_config space = {
		.pages = config->pages,
		.slots = config->slots,
		.is_mirrored = member->at[0] != member->at[1],
		.entitled_pages = config->entitled,
		.target_pages =
			(uint32_t)(config->frames - hv_frames_high(&world->frames)) /
			config->members,
		.ops = &model_kernel_ops,
		.ctx = &member->kernel,
	};

	if (member->space != NULL)
		return false;
	for (unsigned path = 0; path < HV_PATHS; path++)
		for (unsigned i = 0; i < WORLD_OLD_MAX; i++)
			if (world->has_old[path][i] &&
			    model_vios_has(&world->old[path][i], index))
				return false;
	model_kernel_init(&member->kernel, &world->pool, config->pages, config->threads);
	HV_INVARIANT(hv_space_new(&space, &member->space, NULL) == HV_OK);
	HV_INVARIANT(hv_pager_add(world->pager, member->space, NULL) == HV_OK);
	return true;
}

void world_member_kill(struct world *world, unsigned index)
{
	struct world_member *member = &world->members[index];

	model_kernel_kill(&member->kernel);
	hv_pager_end(world->pager, member->space);
}

bool world_member_reap(struct world *world, unsigned index)
{
	struct world_member *member = &world->members[index];
	enum hv_life life;

	if (member->space == NULL)
		return false;
	life = hv_space_life(member->space);
	if (life != HV_LIFE_ENDED && life != HV_LIFE_IN_DOUBT)
		return false;
	hv_pager_remove(world->pager, member->space);
	hv_space_free(member->space);
	member->space = NULL;
	return true;
}

void world_member_events(struct world *world, unsigned index, uint32_t from,
			 unsigned room)
{
	struct world_member *member = &world->members[index];
	struct model_event events[MODEL_THREADS_MAX];
	unsigned count;

	if (room > MODEL_THREADS_MAX)
		room = MODEL_THREADS_MAX;
	count = model_read_events(&member->kernel, from, events, room);
	model_deliver(world->pager, member->space, events, count, world->now_ns);
}

void world_member_stream(struct world *world, unsigned index, uint32_t thread, bool is_up)
{
	struct world_member *member = &world->members[index];
	uint32_t count = world->config.threads, page;

	for (uint32_t i = 0; i < count; i++)
		if (member->kernel.threads[thread % count].state != MODEL_WAITS)
			thread++;
	page = member->kernel.threads[thread % count].page;
	if (is_up ? page == 0 : page + 1 >= world->config.pages)
		return;
	page = is_up ? page - 1 : page + 1;
	for (unsigned i = 0; i < HV_STREAMS; i++) {
		struct hv_stream *stream = &member->space->streams[i];

		stream->low = stream->high = page;
		stream->up = stream->down = UINT8_MAX;
		stream->window = HV_AHEAD_MAX;
		stream->written = world->version % 2 == 0 ? 0 : HV_STREAM_WRITTEN;
	}
	if (world->version % 4 < 2)
		member->space->wrote.score = HV_WROTE_MOST;
}

bool world_member_discard(struct world *world, unsigned index, uint32_t first,
			  uint32_t count)
{
	struct world_member *member = &world->members[index];

	for (uint32_t i = 0; i < count; i++)
		model_io_end(&member->kernel, first + i);
	if (hv_pager_discard(world->pager, member->space, first, count) != HV_OK)
		return false;
	model_discarded(&member->kernel, first, count);
	return true;
}

void world_end_io(struct world *world)
{
	for (unsigned i = 0; i < world->config.members; i++)
		for (uint32_t page = 0; page < world->config.pages; page++)
			model_io_end(&world->members[i].kernel, page);
}

/* ---- VIOS ---- */

static uint8_t *window_take(struct world *world)
{
	for (unsigned i = 0; i < WORLD_WINDOWS; i++) {
		if (world->window_used[i])
			continue;
		world->window_used[i] = true;
		return world->windows + (size_t)i * MODEL_BUFFERS_MAX * HV_PAGE_BYTES;
	}
	HV_UNREACHABLE("as many windows as incarnations");
}

static void window_give(struct world *world, const uint8_t *window)
{
	size_t index = (size_t)(window - world->windows) /
		       ((size_t)MODEL_BUFFERS_MAX * HV_PAGE_BYTES);

	world->window_used[index] = false;
}

bool world_vios_start(struct world *world, unsigned path)
{
	if (world->has_session[path] || world->is_lost[path])
		return false;
	world->has_session[path] = true;
	model_vios_init(&world->vios[path], ++world->epoch, world->config.reads,
			world->config.writes, window_take(world));
	hv_pager_path_open(world->pager, path, world->epoch, &model_vios_ops,
			   &world->vios[path]);
	return true;
}

/* Whether an ended incarnation still holds its lock on the device (P9). */
static bool is_locked(const struct world *world, unsigned path, unsigned member)
{
	for (unsigned i = 0; i < WORLD_OLD_MAX; i++)
		if (world->has_old[path][i] &&
		    model_vios_has(&world->old[path][i], member))
			return true;
	return false;
}

static struct model_device *device_of(struct world *world, unsigned path, unsigned member)
{
	struct world_member *at = &world->members[member];

	return &at->devices[at->at[path]];
}

bool world_device_close(struct world *world, unsigned path, unsigned member)
{
	struct hv_space *space = world->members[member].space;

	/* as the hypervisor does it: only where the other path can stand for all */
	if (space == NULL || !space->devices[path].is_open ||
	    !space->devices[1 - path].is_open || space->table.missed[1 - path] > 0)
		return false;
	return hv_pager_device(world->pager, space, path, false, 0, NULL) == HV_OK;
}

bool world_device_renew(struct world *world, unsigned path, unsigned member)
{
	struct world_member *at = &world->members[member];

	if (at->space == NULL || at->space->devices[path].is_open ||
	    hv_pager_renew(world->pager, at->space, path, NULL) != HV_OK)
		return false;
	at->at[path] = 1 - at->at[1 - path];
	memset(device_of(world, path, member), 0x5a, sizeof(struct model_device));
	return true;
}

bool world_device_join(struct world *world, unsigned path, unsigned member)
{
	struct world_member *at = &world->members[member];

	if (at->space == NULL || at->space->devices[path].is_open ||
	    at->at[0] == at->at[1] ||
	    hv_pager_join(world->pager, at->space, path, NULL) != HV_OK)
		return false;
	at->at[path] = at->at[1 - path];
	return true;
}

void world_ruin(struct world *world, unsigned path)
{
	world->is_damaged = true;
	for (unsigned i = 0; i < world->config.members; i++)
		memset(device_of(world, path, i), 0xa5, sizeof(struct model_device));
}

void world_lose(struct world *world, unsigned path)
{
	world->is_lost[path] = true;
	for (unsigned i = 0; i < world->config.members; i++)
		world_drain(world, path, i);
	(void)world_vios_end(world, path);
	world_ruin(world, path);
}

bool world_vios_open(struct world *world, unsigned path, unsigned member)
{
	struct hv_space *space = world->members[member].space;
	enum hv_code code;

	if (!world->has_session[path] || space == NULL)
		return false;
	if (is_locked(world, path, member)) {
		if (hv_space_is_mirrored(space) && !space->is_ended)
			HV_INVARIANT(hv_pager_device(world->pager, space, path, true,
						     member, NULL) == HV_E_STATE);
		return false;
	}
	world->vios[path].devices[member] = device_of(world, path, member);
	code = hv_pager_device(world->pager, space, path, true, member, NULL);
	HV_INVARIANT(code == HV_OK || code == HV_E_STATE);
	return code == HV_OK;
}

void world_member_move(struct world *world, unsigned index, unsigned path)
{
	struct hv_space *space = world->members[index].space;

	if (space != NULL && (path == HV_PATHS || world->has_session[path]))
		hv_pager_current(world->pager, space, path);
}

void world_vios_activate(struct world *world, unsigned path)
{
	for (unsigned i = 0; i < world->config.members; i++)
		world_member_move(world, i, path);
}

bool world_vios_leave(struct world *world, unsigned path)
{
	if (!world->has_session[path] ||
	    world->pager->paths[path].role == HV_ROLE_LEAVING)
		return false;
	hv_pager_path_leave(world->pager, path);
	return true;
}

bool world_vios_end(struct world *world, unsigned path)
{
	struct hv_path_toll toll;

	if (!world->has_session[path])
		return false;
	for (unsigned i = 0; i < world->config.olds; i++) {
		if (world->has_old[path][i])
			continue;
		/* The engine's view first: it must not touch the lane any more. */
		model_vios_end(&world->vios[path]);
		hv_pager_path_end(world->pager, path, world->vios[path].epoch, &toll);
		world->toll.resent_reads += toll.resent_reads;
		world->toll.canceled_steals += toll.canceled_steals;
		world->toll.quarantined_slots += toll.quarantined_slots;
		world->old[path][i] = world->vios[path];
		world->has_old[path][i] = true;
		world->has_session[path] = false;
		return true;
	}
	return false;
}

/* The other side has it, and is never damaged. */
static bool is_safe(const struct world *world, const struct hv_space *space,
		    unsigned path, const struct hv_vasi_ask *ask)
{
	return world->is_one_side && ask->op == HV_OP_READ &&
	       hv_slot_class(&space->table, ask->slot) == HV_SLOT_LIVE &&
	       !hv_slot_is_missed(&space->table, ask->slot, HV_PATHS - 1 - path);
}

/* The injected damage is a good reason to poison the pages concerned. */
static void excuse(struct world *world, unsigned path, const struct hv_vasi_ask *ask)
{
	struct world_member *member = &world->members[ask->device];

	if (member->space == NULL || is_safe(world, member->space, path, ask))
		return;
	for (uint32_t page = 0; page < world->config.pages; page++)
		if (member->space->table.pages[page].slot - ask->slot < ask->pages)
			member->kernel.pages[page].may_poison = true;
}

/* What is done to a cross-check is no reason for anything. */
static bool is_walk(const struct world *world, unsigned path,
		    const struct hv_vasi_ask *ask)
{
	return world->pager->paths[path].flights[ask->buffer].is_walk != 0;
}

bool world_vios_work(struct world *world, unsigned path, unsigned nth,
		     enum model_fault fault)
{
	struct model_vios *vios = &world->vios[path];
	unsigned count, index;

	if (!world->has_session[path])
		return false;
	count = model_vios_open_requests(vios);
	if (count == 0)
		return false;
	index = model_vios_nth(vios, false, nth % count);
	world->is_damaged |= fault != MODEL_FINE;
	if (fault != MODEL_FINE && !is_walk(world, path, &vios->requests[index].ask))
		excuse(world, path, &vios->requests[index].ask);
	model_vios_carry_out(vios, index, fault);
	return true;
}

bool world_vios_late(struct world *world, unsigned path, unsigned old, unsigned nth)
{
	struct model_vios *vios = &world->old[path][old];
	unsigned count = model_vios_open_requests(vios);

	if (!world->has_old[path][old] || count == 0)
		return false;
	return model_vios_carry_out_page(vios, model_vios_nth(vios, false, nth % count));
}

bool world_vios_answer(struct world *world, unsigned path, unsigned nth)
{
	struct model_vios *vios = &world->vios[path];
	unsigned count;
	uint64_t user;
	int result;

	if (!world->has_session[path])
		return false;
	count = model_vios_done_requests(vios);
	if (count == 0)
		return false;
	model_vios_answer(vios, model_vios_nth(vios, true, nth % count), &user, &result);
	hv_pager_on_answer(world->pager, path, user, result, world->now_ns);
	return true;
}

void world_drain(struct world *world, unsigned path, unsigned member)
{
	struct hv_space *space = world->members[member].space;

	for (unsigned i = 0; i < WORLD_OLD_MAX; i++) {
		struct model_vios *old = &world->old[path][i];

		if (!world->has_old[path][i])
			continue;
		model_vios_drain(old, member);
		if (model_vios_open_requests(old) > 0)
			continue;
		window_give(world, old->window);
		world->has_old[path][i] = false;
	}
	if (space != NULL)
		hv_pager_drained(world->pager, space, path);
}

/* ---- all together ---- */

struct hv_pager_run world_run(struct world *world)
{
	return hv_pager_run(world->pager, world->now_ns);
}

/* Mirrored: not redundant again. */
static bool is_behind(const struct hv_space *space)
{
	return space != NULL && !space->is_ended && hv_space_is_mirrored(space) &&
	       space->table.missed[0] + space->table.missed[1] > 0;
}

/* Checks never come to an end while pages are out that they find to be bad. */
static bool is_settled(const struct world *world)
{
	unsigned out = 0, checks = 0;

	for (unsigned i = 0; i < HV_PATHS; i++)
		out += hv_pager_path_out(world->pager, i);
	for (unsigned i = 0; i < world->config.members; i++)
		if (world->members[i].space != NULL)
			checks += world->members[i].space->walks;
	if (out > checks)
		return false;
	for (unsigned i = 0; i < world->config.members; i++)
		if (!world->is_damaged && is_behind(world->members[i].space))
			return false;
	for (unsigned i = 0; i < world->config.members; i++) {
		const struct world_member *member = &world->members[i];

		if (member->space == NULL || member->space->is_ended)
			continue;
		for (uint32_t n = 0; n < world->config.threads; n++)
			if (member->kernel.threads[n].state != MODEL_IDLE)
				return false;
	}
	return true;
}

static void settle_round(struct world *world)
{
	struct hv_pager_run run;

	for (unsigned i = 0; i < world->config.members; i++) {
		struct world_member *member = &world->members[i];

		if (member->space == NULL || member->space->is_ended)
			continue;
		for (uint32_t n = 0; n < world->config.threads; n++)
			if (member->kernel.threads[n].state == MODEL_READY)
				model_step(&member->kernel, n);
		world_member_events(world, i, 0, MODEL_THREADS_MAX);
	}
	run = world_run(world);
	for (unsigned path = 0; path < HV_PATHS; path++) {
		while (world_vios_work(world, path, 0, MODEL_FINE))
			continue;
		while (world_vios_answer(world, path, 0))
			continue;
	}
	world->now_ns += run.is_busy ? 1000 : 1000000;
}

/* A VIOS with everything open, as the agent sees to. */
static void heal_vios(struct world *world, unsigned path)
{
	if (world->has_session[path] && world->pager->paths[path].role == HV_ROLE_LEAVING)
		HV_INVARIANT(world_vios_end(world, path));
	for (unsigned i = 0; i < world->config.members; i++)
		world_drain(world, path, i);
	if (world->is_lost[path])
		return;
	(void)world_vios_start(world, path);
	for (unsigned i = 0; i < world->config.members; i++)
		if (world->members[i].space != NULL)
			HV_INVARIANT(world_vios_open(world, path, i));
}

/* Each VIOS of the pair is asked by half of the members. */
static void heal(struct world *world)
{
	world->pool.limit = UINT32_MAX;
	for (unsigned path = 0; path < HV_PATHS; path++) {
		for (unsigned i = 0; i < world->config.members; i++)
			world_drain(world, path, i);
		heal_vios(world, path);
	}
	for (unsigned i = 0; i < world->config.members; i++) {
		struct world_member *member = &world->members[i];

		member->kernel.fail_in = 0;
		world_member_move(world, i,
				  world->is_lost[i % HV_PATHS] ? (i + 1) % HV_PATHS
							       : i % HV_PATHS);
		if (member->space != NULL && !member->space->is_ended)
			hv_pager_block(world->pager, member->space, false);
	}
}

bool world_settle(struct world *world)
{
	heal(world);
	for (unsigned round = 0; round < SETTLE_ROUNDS; round++) {
		settle_round(world);
		if (world_check(world) != NULL)
			return false;
		if (is_settled(world))
			return true;
	}
	return false;
}

bool world_read_all(struct world *world)
{
	for (unsigned i = 0; i < world->config.members; i++) {
		struct world_member *member = &world->members[i];

		if (member->space == NULL || member->space->is_ended)
			continue;
		for (uint32_t page = 0; page < world->config.pages; page++) {
			model_start(&member->kernel, 0, MODEL_READ, page, 1, 0);
			if (!world_settle(world))
				return false;
		}
	}
	return true;
}
