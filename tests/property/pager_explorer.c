/* pager_explorer - see pager_explorer.h. */
#include "tests/property/pager_explorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/pager/hedge_priv.h"
#include "hvcore/pager/pager_priv.h"
#include "hvcore/pager/tier_priv.h"
#include "tests/support/pager_state.h"

#define PAGES PAGER_STATE_PAGES
#define STATES_MAX 2000000    /* never reached; a scenario that does is too large */
#define TABLE_SIZE (1u << 22) /* twice that */
#define SETTLE_EVERY 512      /* arbitrary: it costs some hundred transitions */
#define STEP_NS 10000000      /* more than any youth or back-off */

static const char *const kind_names[PAGER_KIND_COUNT] = {
	"start",   "step",  "event", "run",   "work",   "answer", "late",
	"end",     "begin", "open",  "move",  "leave",  "drain",  "squeeze",
	"discard", "punch", "sweep", "check", "unload", "hedge",  "change",
};

struct action {
	uint8_t kind; /* enum pager_kind */
	uint8_t a;
	uint8_t b;
};

struct node {
	uint32_t parent;
	struct action action;
	uint16_t depth;
};

struct explorer {
	const struct pager_scenario *scenario;
	struct world world;
	bool is_squeezed;
	struct pager_state state;
	uint64_t *seen;     /* hashes, open addressing */
	struct node *nodes; /* by state number */
	uint8_t **states;   /* frontier: saved ones, by state number */
	uint32_t count;
	uint64_t transitions;
	uint64_t aheads; /* page-ins under way after them that nobody asked for */
	uint64_t packed, unloads; /* with pages in the tier; that leave it */
	uint32_t settled;
	const char *violation;
	uint32_t violation_state;
	struct action violation_action;
};

/* False: seen before. */
static bool remember(struct explorer *explorer, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & (TABLE_SIZE - 1);

	hash |= hash == 0;
	while (explorer->seen[at] != 0) {
		if (explorer->seen[at] == hash)
			return false;
		at = (at + 1) & (TABLE_SIZE - 1);
	}
	explorer->seen[at] = hash;
	return true;
}

/* ---- transitions ---- */

static bool (*const changes[])(struct world *world, unsigned path, unsigned member) = {
	world_device_close,
	world_device_renew,
	world_device_join,
};

/* Whose thread it is, and which of its own; `thread` counts over all. */
static struct world_member *member_of(struct explorer *explorer, unsigned *thread)
{
	unsigned members = explorer->scenario->members;
	struct world_member *member = &explorer->world.members[*thread % members];

	*thread /= members;
	return member;
}

/* Mutated: what a hypervisor without the rule would do with this event. */
static bool deliver_wrongly(struct explorer *explorer, struct world_member *member,
			    const struct model_event *event)
{
	enum hv_page_state state = hv_page_state(&member->space->table, event->page);
	bool is_clean = state == HV_PAGE_RESIDENT &&
			member->space->table.pages[event->page].slot != HV_SLOT_NONE;

	if (event->kind != MODEL_EVENT_MINOR)
		return false;
	if ((explorer->scenario->mutation == PAGER_MUTATION_MINOR_PLAIN &&
	     state == HV_PAGE_STEALING) ||
	    (explorer->scenario->mutation == PAGER_MUTATION_CLEAN_PLAIN && is_clean)) {
		(void)model_kernel_ops.resume(&member->kernel, event->page, false);
		return true;
	}
	return false;
}

static bool is_ahead(const struct explorer *explorer)
{
	return (explorer->scenario->kinds & PAGER_AHEAD) != 0;
}

static bool has_tier(const struct explorer *explorer)
{
	return (explorer->scenario->kinds & PAGER_TIER) != 0;
}

static unsigned reads_of(const struct explorer *explorer)
{
	bool is_many = is_ahead(explorer) ||
		       (explorer->scenario->kinds & HV_BIT(PAGER_HEDGE)) != 0;

	return is_many ? PAGER_STATE_READS : 1;
}

/* All its faults so far went down, and this one does: page 1 brings page 0. */
static void prime(struct hv_space *space, uint32_t thread, bool is_writer)
{
	for (unsigned i = 0; i < HV_STREAMS; i++)
		space->streams[i] = (struct hv_stream){
			.thread = thread,
			.low = PAGES,
			.high = PAGES - 1, /* it brought nothing */
			.down = UINT8_MAX,
			.written = is_writer ? HV_STREAM_WRITTEN : 0,
		};
}

static bool act_event(struct explorer *explorer, unsigned thread)
{
	struct world *world = &explorer->world;
	struct world_member *member = member_of(explorer, &thread);
	struct model_event event;

	if (member->kernel.threads[thread].state != MODEL_WAITS)
		return false;
	(void)model_read_events(&member->kernel, thread, &event, 1);
	if (is_ahead(explorer))
		prime(member->space, event.thread,
		      (explorer->scenario->kinds & PAGER_WRITTEN) != 0);
	if ((explorer->scenario->kinds & PAGER_WROTE) != 0)
		member->space->wrote = (struct hv_wrote){ .score = HV_WROTE_MOST };
	if (!deliver_wrongly(explorer, member, &event))
		model_deliver(world->pager, member->space, &event, 1, world->now_ns);
	return true;
}

static bool act_start(struct explorer *explorer, unsigned thread, unsigned what)
{
	const struct pager_scenario *scenario = explorer->scenario;
	enum model_op op = (enum model_op)(what / PAGES);
	unsigned own = thread;
	struct world_member *member = member_of(explorer, &own);

	if (member->kernel.threads[own].state != MODEL_IDLE ||
	    (scenario->ops[thread] & HV_BIT(op)) == 0 ||
	    (scenario->pages[thread] & HV_BIT(what % PAGES)) == 0)
		return false;
	model_start(&member->kernel, own, op, what % PAGES, 1, ++explorer->world.version);
	model_step(&member->kernel, own);
	return true;
}

static bool act_step(struct explorer *explorer, unsigned thread)
{
	struct model_kernel *kernel = &member_of(explorer, &thread)->kernel;

	if (kernel->threads[thread].state != MODEL_READY)
		return false;
	model_step(kernel, thread);
	return true;
}

/* Two pages leave at once where they are to be neighbours; for the tier is one more, the
 * reserve. */
static bool act_squeeze(struct explorer *explorer)
{
	uint64_t frames = has_tier(explorer) ? 3 : is_ahead(explorer) ? 2 : 1;

	if (explorer->is_squeezed)
		hv_frames_grow(&explorer->world.frames, frames);
	else
		hv_frames_shrink(&explorer->world.frames, frames);
	explorer->is_squeezed = !explorer->is_squeezed;
	return true;
}

/* Mutated: its writes that are out on the old path count as answered. */
static void finish_writes(struct world *world, struct hv_space *space)
{
	struct hv_pager_path *path = &world->pager->paths[space->current];

	for (uint32_t buffer = 0; buffer < HV_LANE_BUFFERS; buffer++) {
		const struct hv_flight *flight = &path->flights[buffer];

		if (flight->user != 0 && flight->is_write && flight->space == space)
			hv_pager_on_answer(world->pager, space->current, flight->user, 0,
					   world->now_ns);
	}
}

static bool act_move(struct explorer *explorer, unsigned path, unsigned member)
{
	struct world *world = &explorer->world;
	struct hv_space *space = world->members[member].space;

	if (space->current == path || !world->has_session[path])
		return false;
	if (explorer->scenario->mutation == PAGER_MUTATION_HASTY_MOVE &&
	    space->current < HV_PATHS)
		finish_writes(world, space);
	world_member_move(world, member, path);
	return true;
}

/* Mutated: what was read for nobody any more is put where it was read for. */
static void install_stale(struct world *world, unsigned index)
{
	struct hv_pager_path *path = &world->pager->paths[index];
	const struct hv_flight *flight = &path->flights[0];

	if (flight->user == 0 || flight->is_walk || flight->pages != 2 ||
	    path->fills[0] != HV_FILL_NONE || path->fills[1] == HV_FILL_NONE)
		return;
	(void)model_kernel_ops.install(&world->members[0].kernel, 0,
				       path->ops->buffer(path->ctx, 0), true, true);
}

/* Mutated: what still reads a slot is not known of. */
static void forget_late(struct world *world)
{
	for (unsigned i = 0; i < world->config.members; i++)
		world->members[i].space->late = 0;
}

static bool act_answer(struct explorer *explorer, unsigned path, unsigned nth)
{
	struct world *world = &explorer->world;

	if (!world->has_session[path] ||
	    nth >= model_vios_done_requests(&world->vios[path]))
		return false;
	if (explorer->scenario->mutation == PAGER_MUTATION_STALE_AHEAD)
		install_stale(world, path);
	if (!world_vios_answer(world, path, nth))
		return false;
	if (explorer->scenario->mutation == PAGER_MUTATION_FORGOTTEN_LATE)
		forget_late(world);
	return true;
}

static bool act_vios(struct explorer *explorer, struct action action)
{
	struct world *world = &explorer->world;
	const struct model_vios *vios = &world->vios[action.a];

	switch (action.kind) {
	case PAGER_WORK:
		return world->has_session[action.a] &&
		       action.b < model_vios_open_requests(vios) &&
		       world_vios_work(world, action.a, action.b, MODEL_FINE);
	case PAGER_ANSWER:
		return act_answer(explorer, action.a, action.b);
	case PAGER_LATE:
		return world->has_old[action.a][0] &&
		       action.b < model_vios_open_requests(&world->old[action.a][0]) &&
		       world_vios_late(world, action.a, 0, action.b);
	case PAGER_END:
		if (!world_vios_end(world, action.a))
			return false;
		if (explorer->scenario->mutation == PAGER_MUTATION_EARLY_DRAIN)
			hv_pager_drained(world->pager, world->members[0].space, action.a);
		return true;
	case PAGER_BEGIN:
		return world_vios_start(world, action.a);
	case PAGER_OPEN:
		return !world->members[action.b].space->devices[action.a].is_open &&
		       world_vios_open(world, action.a, action.b);
	case PAGER_MOVE:
		return act_move(explorer, action.a, action.b);
	case PAGER_LEAVE:
		return world_vios_leave(world, action.a);
	case PAGER_CHANGE:
		return changes[action.b](world, action.a, 0);
	default:
		if (!world->has_old[action.a][0])
			return false;
		world_drain(world, action.a, action.b);
		return true;
	}
}

/* Mutated: what lies where pages are that are being written is another's. */
static void overwrite_unloads(struct world *world)
{
	struct hv_pager *pager = world->pager;

	for (unsigned i = 0; i < pager->unload_count; i++) {
		uint32_t place = pager->unloads[i].place;

		memset(world->tier_memory + (size_t)place * HV_TIER_UNIT +
			       sizeof(struct hv_tier_head),
		       0x77, HV_TIER_UNIT);
	}
}

static bool act_unload(struct explorer *explorer)
{
	struct world *world = &explorer->world;
	bool is_any = world_unload(world);

	if (explorer->scenario->mutation == PAGER_MUTATION_EARLY_DROP)
		overwrite_unloads(world);
	if (explorer->scenario->mutation == PAGER_MUTATION_HASTY_UNLOAD && is_any)
		finish_writes(world, world->members[0].space);
	return is_any;
}

/* False: it cannot happen here. */
static bool act(struct explorer *explorer, struct action action)
{
	struct world *world = &explorer->world;

	switch (action.kind) {
	case PAGER_START:
		return act_start(explorer, action.a, action.b);
	case PAGER_STEP:
		return act_step(explorer, action.a);
	case PAGER_EVENT:
		return act_event(explorer, action.a);
	case PAGER_RUN:
		world->now_ns += STEP_NS;
		(void)world_run(world);
		return true;
	case PAGER_SQUEEZE:
		return act_squeeze(explorer);
	case PAGER_DISCARD:
		return world_member_discard(world, 0, action.a, 1);
	case PAGER_PUNCH:
		model_punch_bare(&world->members[0].kernel, action.a);
		return true;
	case PAGER_SWEEP:
		(void)hv_pager_sweep(world->pager, world->members[0].space, PAGES);
		return true;
	case PAGER_UNLOAD:
		return act_unload(explorer);
	case PAGER_CHECK:
		if (!hv_check_start(world->pager, world->now_ns))
			return false;
		hv_paths_flush(world->pager);
		return true;
	case PAGER_HEDGE:
		if (!hv_hedge_start(world->pager, world->now_ns))
			return false;
		hv_paths_flush(world->pager);
		return true;
	default:
		return act_vios(explorer, action);
	}
}

/* How many values a and b have for this kind. */
static void ranges(const struct explorer *explorer, unsigned kind, unsigned *ret_a,
		   unsigned *ret_b)
{
	*ret_b = 1;
	switch (kind) {
	case PAGER_START:
		*ret_b = MODEL_OP_COUNT * PAGES;
		HV_FALLTHROUGH;
	case PAGER_STEP:
	case PAGER_EVENT:
		*ret_a = explorer->scenario->threads;
		return;
	case PAGER_WORK:
	case PAGER_ANSWER:
	case PAGER_LATE:
		*ret_b = reads_of(explorer) + PAGER_STATE_WRITES;
		*ret_a = HV_PATHS;
		return;
	case PAGER_OPEN:
	case PAGER_MOVE:
	case PAGER_DRAIN:
		*ret_b = explorer->scenario->members;
		*ret_a = HV_PATHS;
		return;
	case PAGER_CHANGE:
		*ret_b = HV_COUNT(changes);
		*ret_a = HV_PATHS;
		return;
	case PAGER_RUN:
	case PAGER_SQUEEZE:
	case PAGER_SWEEP:
	case PAGER_CHECK:
	case PAGER_UNLOAD:
	case PAGER_HEDGE:
		*ret_a = 1;
		return;
	default: /* a path or a page: two of each */
		*ret_a = 2;
	}
}

/* ---- the search ---- */

static void keep(struct explorer *explorer, uint32_t parent, struct action action)
{
	uint8_t *state = malloc(explorer->state.bytes);

	HV_INVARIANT(state != NULL);
	pager_state_save(&explorer->state, state);
	explorer->nodes[explorer->count] = (struct node){
		parent, action,
		explorer->count == 0 ? 0 : (uint16_t)(explorer->nodes[parent].depth + 1)
	};
	explorer->states[explorer->count++] = state;
}

static void try_action(struct explorer *explorer, uint32_t from, struct action action)
{
	const char *wrong;

	pager_state_restore(&explorer->state, explorer->states[from]);
	if (!act(explorer, action))
		return;
	pager_state_normalise(&explorer->state);
	explorer->transitions++;
	explorer->aheads += explorer->world.members[0].space->aheads;
	explorer->packed += explorer->world.members[0].space->packed_bytes > 0;
	explorer->unloads += explorer->world.pager->unload_count > 0;
	wrong = world_check(&explorer->world);
	if (wrong != NULL) {
		explorer->violation = wrong;
		explorer->violation_state = from;
		explorer->violation_action = action;
		return;
	}
	if (!remember(explorer, pager_state_hash(&explorer->state)))
		return;
	HV_INVARIANT(explorer->count < STATES_MAX);
	keep(explorer, from, action);
}

static void expand(struct explorer *explorer, uint32_t from)
{
	unsigned count_a, count_b;

	if (explorer->scenario->depth != 0 &&
	    explorer->nodes[from].depth >= explorer->scenario->depth)
		return;
	for (unsigned kind = 0; kind < PAGER_KIND_COUNT; kind++) {
		if ((explorer->scenario->kinds & HV_BIT(kind)) == 0)
			continue;
		ranges(explorer, kind, &count_a, &count_b);
		for (unsigned n = 0; n < count_a * count_b; n++) {
			try_action(explorer, from,
				   (struct action){ (uint8_t)kind, (uint8_t)(n / count_b),
						    (uint8_t)(n % count_b) });
			if (explorer->violation != NULL)
				return;
		}
	}
}

/* Healed, every state must serve its threads and show its pages right. */
static void settle(struct explorer *explorer, uint32_t from)
{
	pager_state_restore(&explorer->state, explorer->states[from]);
	if (explorer->is_squeezed)
		(void)act_squeeze(explorer);
	explorer->settled++;
	if (world_settle(&explorer->world) && world_read_all(&explorer->world))
		return;
	explorer->violation = world_check(&explorer->world);
	if (explorer->violation == NULL)
		explorer->violation = "a healed world does not serve its threads";
	explorer->violation_state = from;
	explorer->violation_action = (struct action){ .kind = PAGER_RUN };
}

static void print_trace(const struct explorer *explorer, uint32_t at)
{
	if (at == 0)
		return;
	print_trace(explorer, explorer->nodes[at].parent);
	printf("  %s %u %u\n", kind_names[explorer->nodes[at].action.kind],
	       explorer->nodes[at].action.a, explorer->nodes[at].action.b);
}

static void open_world(struct explorer *explorer)
{
	const struct world_config config = {
		.members = explorer->scenario->members,
		.pages = PAGER_STATE_PAGES,
		.slots = PAGER_STATE_SLOTS,
		.threads = explorer->scenario->threads / explorer->scenario->members,
		.frames = explorer->scenario->frames,
		.is_mirrored = (explorer->scenario->kinds & PAGER_MIRRORED) != 0,
		.fills = reads_of(explorer),
		.reads = reads_of(explorer),
		.ahead = is_ahead(explorer),
		.tier_chunks = has_tier(explorer) ? 2 : 0,
		.writes = PAGER_STATE_WRITES,
		.olds = 1,
	};

	world_init(&explorer->world, &config);
	pager_state_open(&explorer->state, &explorer->world, &explorer->is_squeezed,
			 sizeof explorer->is_squeezed);
	explorer->seen = calloc(TABLE_SIZE, sizeof *explorer->seen);
	explorer->nodes = calloc(STATES_MAX, sizeof *explorer->nodes);
	explorer->states = calloc(STATES_MAX, sizeof *explorer->states);
	HV_INVARIANT(explorer->seen != NULL && explorer->nodes != NULL &&
		     explorer->states != NULL);
	(void)remember(explorer, pager_state_hash(&explorer->state));
	keep(explorer, 0, (struct action){ 0 });
}

static void close_world(struct explorer *explorer, uint32_t next)
{
	pager_state_restore(&explorer->state, explorer->states[next - 1]);
	for (uint32_t i = next - 1; i < explorer->count; i++)
		free(explorer->states[i]);
	world_fini(&explorer->world);
	free(explorer->seen);
	free(explorer->nodes);
	free(explorer->states);
}

const char *pager_explore(const struct pager_scenario *scenario)
{
	static struct explorer explorer;
	uint32_t next = 0;

	explorer = (struct explorer){ .scenario = scenario };
	open_world(&explorer);
	while (next < explorer.count && explorer.violation == NULL) {
		if (next > 0)
			free(explorer.states[next - 1]);
		expand(&explorer, next);
		if (explorer.violation == NULL && next % SETTLE_EVERY == 0)
			settle(&explorer, next);
		next++;
		if (getenv("HV_PROGRESS") != NULL && next % 50000 == 0)
			printf("%u of %u\n", next, explorer.count), fflush(stdout);
	}
	printf("%-48s %7u states %8llu transitions %4u settled\n", scenario->name,
	       explorer.count, (unsigned long long)explorer.transitions,
	       explorer.settled);
	if (is_ahead(&explorer))
		printf("  read ahead in %llu of them\n",
		       (unsigned long long)explorer.aheads);
	if (has_tier(&explorer))
		printf("  packed in %llu, being written from there in %llu\n",
		       (unsigned long long)explorer.packed,
		       (unsigned long long)explorer.unloads);
	if (explorer.violation != NULL) {
		print_trace(&explorer, explorer.violation_state);
		printf("  %s %u %u: %s\n", kind_names[explorer.violation_action.kind],
		       explorer.violation_action.a, explorer.violation_action.b,
		       explorer.violation);
	}
	(void)fflush(stdout);
	close_world(&explorer, next);
	return explorer.violation;
}
