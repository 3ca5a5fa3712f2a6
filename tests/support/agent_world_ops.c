/*
 * agent_world_ops - what the agent can do to the world. Each operation can be the
 * last one before the agent is killed, with its effect or without.
 */
#include "tests/support/agent_world.h"

#include "hvcore/base/invariant.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum gate { GATE_OPEN, GATE_LAST, GATE_SHUT };

/* Whether this operation has an effect; GATE_LAST: it has, and the agent is dead. */
static enum gate pass(struct agent_world *world)
{
	if (world->is_crashed)
		return GATE_SHUT;
	if (world->crash_in == 0 || --world->crash_in > 0)
		return GATE_OPEN;
	world->is_crashed = true;
	return world->crash_after ? GATE_LAST : GATE_SHUT;
}

static uint64_t op_now(void *env)
{
	return ((struct agent_world *)env)->now_ms;
}

static uint64_t op_wall(void *env)
{
	return ((struct agent_world *)env)->now_ms + 1700000000000u;
}

static enum hv_code do_find(void *env, enum agent_kind kind, const char *name,
			    struct agent_instance *ret, struct hv_err *err)
{
	struct agent_world *world = env;
	struct world_process *process;

	if (pass(world) == GATE_SHUT)
		return HV_E_NOTFOUND;
	process = world_find(world, kind, name);
	if (process == NULL || process->locked_ms > world->now_ms)
		return hv_fail(err, HV_E_NOTFOUND, "no such process");
	process->is_watched = true;
	*ret = process->instance;
	return HV_OK;
}

static struct world_process *new_process(struct agent_world *world,
					 const struct agent_spawn *what)
{
	struct world_process *process = world_by_pid(world, 0);

	HV_INVARIANT(process != NULL);
	*process = (struct world_process){ .kind = what->kind,
					   .run_id = what->run_id,
					   .is_child = true,
					   .is_watched = true };
	(void)snprintf(process->name, sizeof(process->name), "%s", what->name);
	if (what->remote_url != NULL)
		(void)snprintf(process->remote_url, sizeof(process->remote_url), "%s",
			       what->remote_url);
	process->cut_direction = what->cut_direction;
	process->cut_ms = what->cut_ms;
	if (what->token != NULL)
		memcpy(process->token, what->token, HV_TOKEN_BYTES);
	process->instance.pid = ++world->next_pid;
	process->instance.starttime = world->now_ms + 1;
	return process;
}

static void check_spawn(struct agent_world *world, const struct agent_spawn *what)
{
	if (what->kind == AGENT_HYPERVISOR && world->hypervisor_lost_ms != 0 &&
	    world->now_ms - world->hypervisor_lost_ms < 10000 &&
	    (world_alive(world, AGENT_PARTITION) > 0 ||
	     world_alive(world, AGENT_VIOS) > 0))
		world_fail(world, "a hypervisor starts over what is left of the last",
			   "");
	if (what->kind == AGENT_PARTITION && world_ran(world, what->name, what->run_id))
		world_fail(world, "a run is started again", what->name);
}

static enum hv_code do_spawn(void *env, const struct agent_spawn *what,
			     struct agent_instance *ret, struct hv_err *err)
{
	struct agent_world *world = env;
	enum gate gate = pass(world);
	struct world_process *old = world_find(world, what->kind, what->name);
	struct world_process *process;
	struct world_happening *it;

	if (gate == GATE_SHUT)
		return HV_E_OS;
	/* A partition's pid file is locked before the fork, the others' after it. */
	if (old != NULL &&
	    (what->kind == AGENT_PARTITION || old->locked_ms <= world->now_ms))
		return hv_fail(err, HV_E_EXISTS, "runs already");
	if (old == NULL)
		check_spawn(world, what);
	world->spawns[what->kind]++;
	process = new_process(world, what);
	process->locked_ms = what->kind == AGENT_PARTITION
				     ? 0
				     : world->now_ms + world_between(world, 0, 5);
	process->is_stubborn = what->kind == AGENT_VIOS && world->vios_are_stubborn;
	process->is_loser = old != NULL;
	*ret = process->instance;
	if (what->kind == AGENT_EXPORTER && !process->is_loser)
		return HV_OK; /* of no hypervisor */
	if (process->is_loser ||
	    (what->kind == AGENT_HYPERVISOR && world->hypervisor_fails) ||
	    (what->kind == AGENT_VIOS && world->vios_fail)) {
		process->is_dying = true;
		it = world_at(world, world_between(world, 5, 30), WORLD_DIES);
		it->b = 1;
	} else {
		it = world_at(world, world_between(world, 5, 50), WORLD_ATTACHES);
	}
	it->a = (uint64_t)process->instance.pid;
	return HV_OK;
}

/* What find or spawn returned last. */
static struct world_process *last_watched(struct agent_world *world, enum agent_kind kind,
					  const char *name)
{
	struct world_process *last = NULL;

	for (size_t i = 0; i < WORLD_PROCESSES; i++) {
		struct world_process *it = &world->processes[i];

		if (it->instance.pid != 0 && it->is_watched && it->kind == kind &&
		    strcmp(it->name, name) == 0 &&
		    (last == NULL || last->instance.pid < it->instance.pid))
			last = it;
	}
	return last;
}

static void do_kill(void *env, enum agent_kind kind, const char *name, int number)
{
	struct agent_world *world = env;
	struct world_process *process;

	if (pass(world) == GATE_SHUT)
		return;
	process = last_watched(world, kind, name);
	if (process == NULL)
		return;
	if (number == SIGSTOP || number == SIGCONT) {
		process->is_stopped = number == SIGSTOP;
		return;
	}
	if (number == SIGKILL || !process->is_stubborn) {
		process->is_dying = false; /* SIGKILL is quicker than its own end */
		world_die(world, process, number == SIGKILL ? -SIGKILL : 0);
	}
}

static enum hv_code do_again(void *env, uint32_t away_ms, struct hv_err *err)
{
	struct agent_world *world = env;

	(void)away_ms;
	if (pass(world) == GATE_SHUT)
		return HV_OK;
	if (world->again_code != HV_OK)
		return hv_fail(err, world->again_code, "no helper, as told");
	world->is_crashed = true;
	return HV_OK;
}

static enum hv_code do_ask(void *env, uint32_t tag, const Tarn__HvRequest *request,
			   uint64_t deadline_ms, struct hv_err *err)
{
	struct agent_world *world = env;

	(void)err;
	if (pass(world) != GATE_SHUT)
		world_hv_ask(world, tag, request, deadline_ms);
	return HV_OK;
}

static enum hv_code do_tool(void *env, uint32_t tag, const struct agent_tool *tool,
			    struct hv_err *err)
{
	struct agent_world *world = env;
	struct world_happening *it;

	(void)err;
	if (pass(world) == GATE_SHUT)
		return HV_OK;
	it = world_at(world, world_between(world, 2, 40), WORLD_TOOL_DONE);
	it->agent = world->config.incarnation; /* it dies with its agent */
	it->a = tag;
	it->tool = *tool;
	(void)snprintf(it->path, sizeof(it->path), "%s", tool->path);
	memcpy(it->id, tool->id, AGENT_ID_BYTES);
	memcpy(it->owner_id, tool->owner_id, AGENT_ID_BYTES);
	(void)snprintf(it->owner_name, sizeof(it->owner_name), "%s", tool->owner_name);
	return HV_OK;
}

static enum hv_code do_inject(void *env, uint32_t tag, const struct agent_inject *what,
			      struct hv_err *err)
{
	struct agent_world *world = env;
	struct world_happening *it;

	if (pass(world) == GATE_SHUT)
		return HV_OK;
	if (world->order_code != HV_OK)
		return hv_fail(err, world->order_code, "told not to be sent");
	it = world_at(world, world_between(world, 2, 40), WORLD_INJECTED);
	it->agent = world->config.incarnation; /* nobody else is told */
	it->a = tag;
	it->code = world->inject_code;
	(void)snprintf(it->name, sizeof(it->name), "%s", what->vios);
	/* It reaches the VIOS, whatever becomes of who sent it. */
	if (what->injection == NULL) {
		world->clears++;
		return HV_OK;
	}
	world->injections++;
	world->injected = *what->injection;
	memset(world->injected_id, 0, sizeof(world->injected_id));
	if (what->id != NULL)
		memcpy(world->injected_id, what->id, AGENT_ID_BYTES);
	return HV_OK;
}

static enum hv_code do_ask_exporter(void *env, uint32_t tag, struct hv_err *err)
{
	struct agent_world *world = env;
	const struct world_process *exporter;
	struct world_happening *it;

	if (pass(world) == GATE_SHUT)
		return HV_OK;
	exporter = world_find(world, AGENT_EXPORTER, "");
	if (exporter == NULL)
		return hv_fail(err, HV_E_GONE, "nobody listens");
	world->questions++;
	it = world_at(world, exporter->is_stopped ? 5000 : world_between(world, 1, 20),
		      WORLD_INJECTED);
	it->agent = world->config.incarnation; /* nobody else is told */
	it->a = tag;
	it->code = exporter->is_stopped ? HV_E_TIMEOUT : HV_OK;
	return HV_OK;
}

static enum hv_code do_send(void *env, uint32_t tag, const Tarn__HostRequest *request,
			    uint64_t deadline_ms, struct hv_err *err)
{
	struct agent_world *world = env;

	(void)err;
	if (pass(world) == GATE_SHUT)
		return HV_OK;
	world->send_deadline_ms = deadline_ms;
	if (world->on_send != NULL)
		world->on_send(world, tag, request, world->arg);
	else
		world_coordinator_answer(world, tag, HV_E_TIMEOUT, NULL, deadline_ms);
	return HV_OK;
}

static enum hv_code do_save(void *env, enum agent_file file, const uint8_t *bytes,
			    size_t count, bool is_durable, struct hv_err *err)
{
	struct agent_world *world = env;
	enum gate gate = pass(world);

	if (gate == GATE_SHUT || world->disk_is_full)
		return hv_fail(err, HV_E_NOSPC, "the disk is full");
	world->saves++;
	world->durable_saves += is_durable;
	if (file == AGENT_FILE_DESIRED && world->desired_is_lost)
		return HV_OK;
	free(world->files[file]);
	world->files[file] = malloc(count + 1);
	HV_INVARIANT(world->files[file] != NULL);
	memcpy(world->files[file], bytes, count);
	world->file_counts[file] = count;
	return HV_OK;
}

/* ---- groups ---- */

struct world_group *world_group(struct agent_world *world, const char *name)
{
	for (size_t i = 0; i < WORLD_LPARS; i++)
		if (strcmp(world->groups[i].name, name) == 0)
			return &world->groups[i];
	return NULL;
}

unsigned world_groups(const struct agent_world *world)
{
	unsigned count = 0;

	for (size_t i = 0; i < WORLD_LPARS; i++)
		count += world->groups[i].name[0] != '\0';
	return count;
}

static enum hv_code do_limit(struct agent_world *world, const char *name, int64_t pid,
			     const struct agent_limits *limits, struct hv_err *err)
{
	struct world_process *process = world_by_pid(world, pid);
	struct world_group *group;

	if (pass(world) == GATE_SHUT)
		return HV_E_OS;
	if (limits->share == 0 || (process != NULL && strcmp(process->name, name) != 0))
		world_fail(world, "a limit of nothing, or another one's", name);
	if (process == NULL)
		return hv_fail(err, HV_E_GONE, "no such process");
	group = world_group(world, name);
	if (group == NULL)
		group = world_group(world, "");
	HV_INVARIANT(group != NULL);
	(void)snprintf(group->name, sizeof(group->name), "%s", name);
	if (world->limit_code != HV_OK)
		return hv_fail(err, world->limit_code, "the kernel does not like it");
	group->pid = pid;
	group->limits = *limits;
	group->changes++;
	return HV_OK;
}

static enum hv_code op_limit(void *env, const char *name, int64_t pid,
			     const struct agent_limits *limits, struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_limit(env, name, pid, limits, err);
	world_core_side(env, true);
	return code;
}

static enum hv_code op_usage(void *env, const char *name, struct agent_usage *ret,
			     struct hv_err *err)
{
	const struct world_group *group = world_group(env, name);

	if (group == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "no such group");
	*ret = group->usage;
	return HV_OK;
}

static enum hv_code op_record(void *env, int64_t pid, struct hv_err *err)
{
	struct agent_world *world = env;

	world->recorded_pid = world->record_code == HV_OK ? pid : 0;
	return world->record_code == HV_OK
		       ? HV_OK
		       : hv_fail(err, world->record_code, "nobody may look");
}

static size_t op_recorded(void *env, struct agent_switch list[AGENT_SWITCHES_MAX])
{
	struct agent_world *world = env;

	if (world->recorded_pid == 0)
		return 0;
	list[0] = (struct agent_switch){ 500, 900, world->recorded_pid, true };
	list[1] = (struct agent_switch){ 100, 200, world->recorded_pid, false };
	return 2;
}

static uint64_t op_idle(void *env)
{
	return ((struct agent_world *)env)->idle_us;
}

static enum hv_code do_unlimit(struct agent_world *world, const char *name,
			       struct hv_err *err)
{
	struct world_group *group = world_group(world, name);

	if (pass(world) == GATE_SHUT)
		return HV_E_OS;
	if (world->groups_stay ||
	    (group != NULL && group->pid != 0 && world_by_pid(world, group->pid) != NULL))
		return hv_fail(err, HV_E_OS, "somebody is there");
	if (group != NULL)
		*group = (struct world_group){ 0 };
	return HV_OK;
}

static enum hv_code op_unlimit(void *env, const char *name, struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_unlimit(env, name, err);
	world_core_side(env, true);
	return code;
}

static enum hv_code op_claim_disks(void *env, const char *name, uint64_t made,
				   struct hv_err *err)
{
	struct agent_world *world = env;

	if (world->disks_code != HV_OK)
		return hv_fail(err, world->disks_code, "the file system is full");
	(void)snprintf(world->disks_of, sizeof(world->disks_of), "%s", name);
	world->disks_made = made;
	return HV_OK;
}

static enum hv_code op_remove_disks(void *env, const char *name, struct hv_err *err)
{
	struct agent_world *world = env;

	if (world->disks_code != HV_OK)
		return hv_fail(err, world->disks_code, "the file system is gone");
	if (strcmp(world->disks_of, name) == 0)
		world->disks_of[0] = '\0';
	return HV_OK;
}

static enum hv_code op_find(void *env, enum agent_kind kind, const char *name,
			    struct agent_instance *ret, struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_find(env, kind, name, ret, err);
	world_core_side(env, true);
	return code;
}

static enum hv_code op_spawn(void *env, const struct agent_spawn *what,
			     struct agent_instance *ret, struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_spawn(env, what, ret, err);
	world_core_side(env, true);
	return code;
}

static enum hv_code op_again(void *env, uint32_t away_ms, struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_again(env, away_ms, err);
	world_core_side(env, true);
	return code;
}

static void op_kill(void *env, enum agent_kind kind, const char *name, int number)
{
	world_core_side(env, false);
	do_kill(env, kind, name, number);
	world_core_side(env, true);
}

static enum hv_code op_ask(void *env, uint32_t tag, const Tarn__HvRequest *request,
			   uint64_t deadline_ms, struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_ask(env, tag, request, deadline_ms, err);
	world_core_side(env, true);
	return code;
}

static enum hv_code op_tool(void *env, uint32_t tag, const struct agent_tool *tool,
			    struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_tool(env, tag, tool, err);
	world_core_side(env, true);
	return code;
}

static enum hv_code op_inject(void *env, uint32_t tag, const struct agent_inject *what,
			      struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_inject(env, tag, what, err);
	world_core_side(env, true);
	return code;
}

static enum hv_code op_ask_exporter(void *env, uint32_t tag, struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_ask_exporter(env, tag, err);
	world_core_side(env, true);
	return code;
}

static enum hv_code op_send(void *env, uint32_t tag, const Tarn__HostRequest *request,
			    uint64_t deadline_ms, struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_send(env, tag, request, deadline_ms, err);
	world_core_side(env, true);
	return code;
}

static enum hv_code op_save(void *env, enum agent_file file, const uint8_t *bytes,
			    size_t count, bool is_durable, struct hv_err *err)
{
	enum hv_code code;

	world_core_side(env, false);
	code = do_save(env, file, bytes, count, is_durable, err);
	world_core_side(env, true);
	return code;
}

static void op_tell(void *env, Tarn__EventLevel level, const char *kind, const char *text)
{
	(void)env;
	(void)level;
	if (kind[0] == '\0' || text[0] == '\0')
		abort();
}

static void op_show(void *env, const struct agent_shown *list, size_t count)
{
	struct agent_world *world = env;

	world->shown = count;
	for (size_t i = 0; i < count; i++)
		if (list[i].stat->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
		    list[i].pool == NULL)
			abort();
}

static void op_wake_at(void *env, uint64_t at_ms)
{
	((struct agent_world *)env)->wake_ms = at_ms;
}

const struct agent_ops world_ops = {
	.now_ms = op_now,
	.wall_ms = op_wall,
	.find = op_find,
	.spawn = op_spawn,
	.kill = op_kill,
	.limit = op_limit,
	.usage = op_usage,
	.idle_us = op_idle,
	.record = op_record,
	.recorded = op_recorded,
	.again = op_again,
	.unlimit = op_unlimit,
	.claim_disks = op_claim_disks,
	.remove_disks = op_remove_disks,
	.ask = op_ask,
	.tool = op_tool,
	.inject = op_inject,
	.ask_exporter = op_ask_exporter,
	.send = op_send,
	.save = op_save,
	.tell = op_tell,
	.show = op_show,
	.wake_at = op_wake_at,
};
