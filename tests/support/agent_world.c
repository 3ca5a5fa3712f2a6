/* agent_world - see agent_world.h: clock, processes, disk, and the agent's ops. */
#include "tests/support/agent_world.h"

#include "hvcore/base/invariant.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void world_fail(const struct agent_world *world, const char *rule, const char *name)
{
	fprintf(stderr, "at %llu ms: %s ('%s')\n", (unsigned long long)world->now_ms,
		rule, name);
	abort();
}

uint64_t world_between(struct agent_world *world, uint64_t low, uint64_t high)
{
	return low + hv_rng_below(&world->rng, high - low + 1);
}

struct world_happening *world_at(struct agent_world *world, uint64_t after_ms,
				 enum world_what what)
{
	for (size_t i = 0; i < WORLD_HAPPENINGS; i++) {
		struct world_happening *it = &world->happenings[i];

		if (it->at_ms != 0)
			continue;
		*it = (struct world_happening){ .at_ms = world->now_ms + after_ms,
						.order = ++world->order,
						.what = what };
		if (world->happening_end <= i)
			world->happening_end = i + 1;
		return it;
	}
	world_fail(world, "too many things at once", "");
}

struct world_process *world_find(struct agent_world *world, enum agent_kind kind,
				 const char *name)
{
	for (size_t i = 0; i < WORLD_PROCESSES; i++) {
		struct world_process *it = &world->processes[i];

		if (it->instance.pid != 0 && !it->is_loser && it->kind == kind &&
		    strcmp(it->name, name) == 0)
			return it;
	}
	return NULL;
}

struct world_process *world_by_pid(struct agent_world *world, int64_t pid)
{
	for (size_t i = 0; i < WORLD_PROCESSES; i++) {
		if (world->processes[i].instance.pid == pid)
			return &world->processes[i];
	}
	return NULL;
}

unsigned world_alive(const struct agent_world *world, enum agent_kind kind)
{
	unsigned alive = 0;

	for (size_t i = 0; i < WORLD_PROCESSES; i++)
		alive += world->processes[i].instance.pid != 0 &&
			 world->processes[i].kind == kind;
	return alive;
}

bool world_ran(const struct agent_world *world, const char *name, uint64_t run_id)
{
	for (size_t i = 0; i < world->attached_count; i++) {
		if (world->attached[i].run_id == run_id &&
		    strcmp(world->attached[i].name, name) == 0)
			return true;
	}
	return false;
}

struct world_device *world_device(struct agent_world *world, const char *path)
{
	struct world_device *room = NULL;

	for (size_t i = 0; i < WORLD_DEVICES; i++) {
		if (strcmp(world->devices[i].path, path) == 0)
			return &world->devices[i];
		if (room == NULL && world->devices[i].path[0] == '\0')
			room = &world->devices[i];
	}
	HV_INVARIANT(room != NULL);
	(void)snprintf(room->path, sizeof(room->path), "%s", path);
	room->is_missing = true;
	return room;
}

void world_die(struct agent_world *world, struct world_process *process, int status)
{
	struct world_happening *it;

	if (process == NULL || process->is_dying)
		return;
	process->is_dying = true;
	it = world_at(world, world_between(world, 0, 3), WORLD_DIES);
	it->a = (uint64_t)process->instance.pid;
	it->b = status;
}

static void drop_happening(struct world_happening *it)
{
	free(it->message);
	*it = (struct world_happening){ 0 };
}

/* The core's allocations are its own, the world's are not: see world->inside. */
void world_core_side(struct agent_world *world, bool is_inside)
{
	if (world->inside != NULL)
		world->inside(is_inside);
}

/* ---- the agent's life ---- */

static void bury_if_crashed(struct agent_world *world)
{
	if (world->is_crashed)
		world_agent_kill(world);
}

static void load(struct agent_world *world, Tarn__AgentState **ret_state,
		 Tarn__HostDesired **ret_desired)
{
	struct hv_err err = { 0 };
	enum hv_code code = HV_OK;

	*ret_state = NULL;
	*ret_desired = NULL;
	if (world->files[AGENT_FILE_STATE] != NULL)
		code = hv_agent_state_decode(world->files[AGENT_FILE_STATE],
					     world->file_counts[AGENT_FILE_STATE],
					     ret_state, &err);
	if (code == HV_OK && world->files[AGENT_FILE_DESIRED] != NULL)
		code = hv_host_desired_decode(world->files[AGENT_FILE_DESIRED],
					      world->file_counts[AGENT_FILE_DESIRED],
					      ret_desired, &err);
	if (code != HV_OK)
		world_fail(world, "the agent's own file does not decode", err.text);
}

/* As agent_cgroups_open(): what an agent before could not remove any more. */
static void sweep_groups(struct agent_world *world)
{
	for (size_t i = 0; i < WORLD_LPARS; i++)
		if (world->groups[i].pid == 0 ||
		    world_by_pid(world, world->groups[i].pid) == NULL)
			world->groups[i] = (struct world_group){ 0 };
}

void world_agent_start(struct agent_world *world)
{
	Tarn__AgentState *state;
	Tarn__HostDesired *desired;
	struct hv_err err = { 0 };
	char name[HV_NAME_BYTES];

	HV_INVARIANT(world->core == NULL);
	load(world, &state, &desired);
	world->config.incarnation++;
	world->is_crashed = false;
	if (agent_core_new(&world->config, &world_ops, world, state, &world->core,
			   &err) != HV_OK)
		world_fail(world, "no agent", err.text);
	if (state != NULL)
		tarn__agent_state__free_unpacked(state, NULL);
	if (desired != NULL)
		agent_core_take_desired(world->core, desired);
	world_core_side(world, true);
	for (unsigned i = 0; i < world->old_vios; i++) {
		(void)snprintf(name, sizeof(name), "old%u", i);
		agent_core_mention(world->core, AGENT_VIOS, name);
	}
	for (size_t i = 0; i < WORLD_PROCESSES; i++) {
		struct world_process *process = &world->processes[i];

		if (process->instance.pid != 0 && process->locked_ms <= world->now_ms)
			agent_core_mention(world->core, process->kind, process->name);
	}
	sweep_groups(world);
	world->wake_ms = UINT64_MAX;
	agent_core_start(world->core);
	world_core_side(world, false);
	bury_if_crashed(world);
}

void world_agent_kill(struct agent_world *world)
{
	agent_core_free(world->core);
	world->core = NULL;
	world->is_crashed = false;
	world->crash_in = 0;
	world->wake_ms = UINT64_MAX;
	for (size_t i = 0; i < WORLD_PROCESSES; i++) {
		world->processes[i].is_child = false;
		world->processes[i].is_watched = false;
	}
}

/* ---- time ---- */

static void tell_exit(struct agent_world *world, const struct world_process *gone,
		      int status)
{
	struct agent_exit end = { .pid = gone->instance.pid,
				  .is_known = gone->is_child,
				  .status = gone->is_child ? status : 0,
				  .text = status > 0 ? "it said why" : "" };

	if (world->core == NULL || !gone->is_watched)
		return;
	world_core_side(world, true);
	agent_core_exited(world->core, gone->kind, gone->name, &end);
	world_core_side(world, false);
}

static void die(struct agent_world *world, const struct world_happening *it)
{
	struct world_process *process = world_by_pid(world, (int64_t)it->a);
	struct world_process gone;

	if (process == NULL || it->a == 0)
		return; /* killed twice */
	gone = *process;
	process->instance.pid = 0;
	if (!gone.is_loser && gone.kind == AGENT_HYPERVISOR)
		world_hv_gone(world);
	else if (!gone.is_loser)
		world_hv_ended(world, &gone);
	tell_exit(world, &gone, (int)it->b);
}

static void attach(struct agent_world *world, const struct world_happening *it)
{
	struct world_process *process = world_by_pid(world, (int64_t)it->a);

	if (process != NULL && !process->is_dying)
		world_hv_attach(world, process);
}

/* Open in both VIOS, until the hypervisor has let go of its partition. */
static bool is_locked(const struct agent_world *world, const char *path)
{
	for (size_t i = 0; i < WORLD_LPARS; i++) {
		const struct world_partition *it = &world->partitions[i];

		if (it->name[0] == '\0' ||
		    (strcmp(it->path, path) != 0 && strcmp(it->mirror, path) != 0))
			continue;
		if (it->state != TARN__PARTITION_STATE__PARTITION_ENDED)
			world_fail(world, "a device in use is formatted or wiped", path);
		return true;
	}
	return false;
}

static enum hv_code use_tool(struct agent_world *world, const struct world_happening *it,
			     struct world_device *device, const char **ret_why)
{
	bool is_mine = device->has_header &&
		       memcmp(device->header.id, it->id, AGENT_ID_BYTES) == 0;

	if (device->is_missing &&
	    !(it->tool.kind == AGENT_TOOL_FORMAT && it->tool.may_create)) {
		*ret_why = "no such file";
		return HV_E_IO;
	}
	switch (it->tool.kind) {
	case AGENT_TOOL_INSPECT:
		*ret_why = "no header of ours";
		return device->has_header ? HV_OK : HV_E_IO;
	case AGENT_TOOL_WIPE:
		*ret_why = "not that device";
		if (!is_mine)
			return HV_E_IO;
		*ret_why = "it is locked by a VIOS";
		if (is_locked(world, it->path))
			return HV_E_BUSY;
		device->has_header = false;
		return HV_OK;
	default:
		break;
	}
	*ret_why = "it belongs to another host";
	if (device->is_foreign || world->formats_fail)
		return HV_E_IO;
	*ret_why = "it is locked by a VIOS";
	if (is_locked(world, it->path))
		return HV_E_BUSY;
	device->is_missing = false;
	device->has_header = true;
	device->formats++;
	memcpy(device->header.id, it->id, AGENT_ID_BYTES);
	memcpy(device->header.host_id, it->owner_id, AGENT_ID_BYTES);
	memcpy(device->header.host_name, it->owner_name, HV_NAME_BYTES);
	device->header.owner_epoch = it->tool.owner_epoch;
	device->header.usable_bytes = it->tool.bytes - 8192;
	return HV_OK;
}

static void tool_done(struct agent_world *world, const struct world_happening *it)
{
	struct world_device *device = world_device(world, it->path);
	struct agent_tool_result result = { 0 };

	result.code = use_tool(world, it, device, &result.text);
	if (result.code == HV_OK && it->tool.kind == AGENT_TOOL_INSPECT)
		result.header = &device->header;
	if (world->core == NULL)
		return;
	world_core_side(world, true);
	agent_core_tool_done(world->core, (uint32_t)it->a, &result);
	world_core_side(world, false);
}

static void injected(struct agent_world *world, const struct world_happening *it)
{
	struct agent_injected result = {
		.code = it->code,
		.text = it->code != HV_OK ? "told to refuse" : "",
		.number = 1,
		.seed = 99,
	};

	if (world->core == NULL)
		return;
	world_core_side(world, true);
	agent_core_injected(world->core, (uint32_t)it->a, &result);
	world_core_side(world, false);
}

static void *decode_reply(const struct world_happening *it)
{
	ProtobufCMessage *copy;

	if (it->message == NULL)
		return NULL;
	copy = protobuf_c_message_unpack(it->what == WORLD_ANSWER
						 ? &tarn__hv_reply__descriptor
						 : &tarn__host_reply__descriptor,
					 NULL, (size_t)it->b, it->message);
	HV_INVARIANT(copy != NULL);
	return copy;
}

static void check_lost(const struct agent_world *world, uint64_t lost_ms)
{
	for (size_t i = 0; i < WORLD_PROCESSES; i++) {
		const struct world_process *it = &world->processes[i];

		if (it->instance.pid != 0 && it->kind == AGENT_PARTITION &&
		    it->instance.starttime <= lost_ms)
			world_fail(world, "a partition outlives its hypervisor by 2 s",
				   it->name);
	}
}

static void answer(struct agent_world *world, const struct world_happening *it)
{
	void *reply = decode_reply(it);

	world_core_side(world, true);
	agent_core_answered(world->core, (uint32_t)it->a, it->code, reply);
	world_core_side(world, false);
}

static void coordinator_answer(struct agent_world *world,
			       const struct world_happening *it)
{
	void *reply = decode_reply(it);

	world_core_side(world, true);
	agent_core_coordinator_answered(world->core, (uint32_t)it->a, it->code, reply);
	world_core_side(world, false);
}

static void happen(struct agent_world *world, const struct world_happening *it)
{
	bool is_late = it->agent != 0 &&
		       (world->core == NULL || it->agent != world->config.incarnation);

	if (is_late)
		return;
	switch (it->what) {
	case WORLD_DIES:
		die(world, it);
		break;
	case WORLD_ATTACHES:
		attach(world, it);
		break;
	case WORLD_ANSWER:
		answer(world, it);
		break;
	case WORLD_TOOL_DONE:
		tool_done(world, it);
		break;
	case WORLD_INJECTED:
		injected(world, it);
		break;
	case WORLD_COORDINATOR:
		coordinator_answer(world, it);
		break;
	case WORLD_VIOS_MOVED:
		world_hv_vios_moved(world, it->name);
		break;
	case WORLD_VERIFIED: {
		struct world_partition *partition = world_partition(world, it->name);

		if (partition != NULL && partition->run_id == it->a)
			partition->passes++;
		break;
	}
	case WORLD_RESIZED:
		world_hv_resized(world, it->name, it->a);
		break;
	case WORLD_CHECK_LOST:
		check_lost(world, it->a);
		break;
	case WORLD_CALL:
		it->fn(world, it->arg);
		break;
	default:
		HV_UNREACHABLE("nothing happens");
	}
}

static struct world_happening *next_happening(struct agent_world *world)
{
	struct world_happening *next = NULL;

	while (world->happening_end > 0 &&
	       world->happenings[world->happening_end - 1].at_ms == 0)
		world->happening_end--;
	for (size_t i = 0; i < world->happening_end; i++) {
		struct world_happening *it = &world->happenings[i];

		if (it->at_ms != 0 &&
		    (next == NULL || it->at_ms < next->at_ms ||
		     (it->at_ms == next->at_ms && it->order < next->order)))
			next = it;
	}
	return next;
}

uint64_t world_next_ms(struct agent_world *world)
{
	const struct world_happening *next = next_happening(world);
	uint64_t at_ms = world->core != NULL ? world->wake_ms : UINT64_MAX;

	return next != NULL && next->at_ms < at_ms ? next->at_ms : at_ms;
}

/* One thing, at most at `until`; false: nothing happens until then. */
static bool step(struct agent_world *world, uint64_t until_ms)
{
	struct world_happening *next = next_happening(world);
	struct world_happening now;

	if (world->core != NULL && world->wake_ms <= until_ms &&
	    (next == NULL || world->wake_ms < next->at_ms)) {
		if (world->wake_ms > world->now_ms)
			world->now_ms = world->wake_ms;
		world->wake_ms = UINT64_MAX;
		world_core_side(world, true);
		agent_core_step(world->core);
		world_core_side(world, false);
		bury_if_crashed(world);
		return true;
	}
	if (next == NULL || next->at_ms > until_ms)
		return false;
	if (next->at_ms > world->now_ms)
		world->now_ms = next->at_ms;
	now = *next;
	*next = (struct world_happening){ 0 };
	happen(world, &now);
	drop_happening(&now);
	bury_if_crashed(world);
	return true;
}

void world_run(struct agent_world *world, uint64_t ms)
{
	uint64_t until = world->now_ms + ms;
	bool had_agent = world->core != NULL;

	while (step(world, until)) {
		if (had_agent && world->core == NULL)
			return;
	}
	world->now_ms = until;
}

bool world_wait(struct agent_world *world, uint64_t ms,
		bool (*is_so)(struct agent_world *world, void *arg), void *arg)
{
	uint64_t until = world->now_ms + ms;

	while (!is_so(world, arg)) {
		if (!step(world, until))
			return false;
	}
	return true;
}

void world_coordinator_answer(struct agent_world *world, uint32_t tag, enum hv_code code,
			      const Tarn__HostReply *reply, uint64_t delay_ms)
{
	struct world_happening *it = world_at(world, delay_ms, WORLD_COORDINATOR);
	size_t count = 0;
	uint8_t *bytes = NULL;

	it->agent = world->config.incarnation;
	it->a = tag;
	it->code = code;
	if (reply == NULL)
		return;
	if (hv_message_encode(&reply->base, &bytes, &count, NULL) != HV_OK)
		world_fail(world, "a reply does not encode", "");
	it->message = bytes;
	it->b = (int64_t)count;
}

void world_open(struct agent_world *world, uint64_t seed)
{
	*world = (struct agent_world){ .rng = { seed }, .now_ms = 1000, .next_pid = 100 };
	world->wake_ms = UINT64_MAX;
	world->config.name = "h1";
	memset(world->config.id, 0x17, AGENT_ID_BYTES);
	world->config.export_url = "ipc:///run/here/export.ipc";
	world->config.memory_bytes = UINT64_C(2) << 30;
	world->config.lmb_bytes = WORLD_LMB_BYTES;
	world->config.drills_allowed = true;
	world->config.processors = 4;
	world->config.groups = "/groups";
	world->config.unlimited = "";
}

void world_close(struct agent_world *world)
{
	agent_core_free(world->core);
	for (size_t i = 0; i < WORLD_HAPPENINGS; i++)
		drop_happening(&world->happenings[i]);
	for (size_t i = 0; i < AGENT_FILE_COUNT; i++)
		free(world->files[i]);
	if (world->failover != NULL)
		tarn__failover__free_unpacked(world->failover, NULL);
}
