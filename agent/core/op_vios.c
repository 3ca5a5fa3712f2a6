/*
 * op_vios - what a drill does to a VIOS, or to this agent. None of it is repeated by
 * the next agent; what the last one had stopped, that one continues.
 */
#include "agent/core/core_priv.h"

#include <signal.h>

#define STOP_MS_MAX 600000 /* of HostOp.ms */
#define AWAY_MS_MAX 10000  /* the same; arbitrary */

/* False: it is answered. */
static bool may_do(struct agent_core *core, struct core_op *op)
{
	if (!core->config.drills_allowed) {
		core_op_finish(core, op, HV_E_REFUSED,
			       "this host was started without --allow-drills");
		return false;
	}
	if (op->is_resumed) {
		core_op_finish(core, op, HV_E_GONE,
			       "the agent was restarted in the middle of it; it is not "
			       "repeated");
		return false;
	}
	return true;
}

/* Whom to: NULL, and it is answered. */
static struct core_vios *find_victim(struct agent_core *core, struct core_op *op)
{
	struct core_vios *vios = core_vios_get(core, core_op_target(op), false);
	char text[AGENT_TEXT_BYTES];

	if (!may_do(core, op))
		return NULL;
	if (core_op_target(op)[0] == '\0' || vios == NULL || !vios->process.is_alive) {
		core_text_set(text, "no VIOS '%.31s' runs here", core_op_target(op));
		core_op_finish(core, op, HV_E_NOTFOUND, text);
		return NULL;
	}
	return vios;
}

/* It is not started again before that time is over. */
static void kill_one(struct agent_core *core, struct core_vios *vios, uint64_t away_ms)
{
	if (away_ms > AWAY_MS_MAX)
		away_ms = AWAY_MS_MAX;
	if (away_ms != 0)
		vios->away_until_ms = core->now_ms + away_ms;
	core_process_kill(core, &vios->process, AGENT_VIOS, vios->name);
}

static void kill_all(struct agent_core *core, struct core_op *op)
{
	char text[AGENT_TEXT_BYTES];
	unsigned count = 0;

	if (!may_do(core, op) || !core_op_begin(core, op))
		return;
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		struct core_vios *vios = &core->vios[i];

		if (vios->name[0] == '\0' || !vios->process.is_alive)
			continue;
		kill_one(core, vios, op->desired->ms);
		count++;
	}
	core_text_set(text, "%u VIOS killed", count);
	core_op_finish(core, op, count > 0 ? HV_OK : HV_E_NOTFOUND, text);
}

void core_op_vios_kill(struct agent_core *core, struct core_op *op)
{
	struct core_vios *vios;
	char text[AGENT_TEXT_BYTES];

	/* Nobody kills all of them who does not say for how long. */
	if (core_op_target(op)[0] == '\0' && op->desired->ms != 0) {
		kill_all(core, op);
		return;
	}
	vios = find_victim(core, op);
	if (vios == NULL || !core_op_begin(core, op))
		return;
	kill_one(core, vios, op->desired->ms);
	core_text_set(text, "%s killed (pid %lld)", vios->name,
		      (long long)vios->process.instance.pid);
	core_op_finish(core, op, HV_OK, text);
}

void core_op_agent_kill(struct agent_core *core, struct core_op *op)
{
	uint32_t away_ms = op->desired->ms < AWAY_MS_MAX ? op->desired->ms : AWAY_MS_MAX;
	struct hv_err err = { 0 };
	enum hv_code code;

	if (op->is_resumed) { /* that it was begun was saved by the one before us */
		core_op_finish(core, op, HV_OK, "the agent was killed and started again");
		return;
	}
	if (op->is_asked || !may_do(core, op) || !core_op_begin(core, op))
		return;
	op->is_asked = true;
	code = core->ops->again(core->env, away_ms, &err);
	if (code != HV_OK)
		core_op_finish(core, op, code, hv_err_text(&err));
}

static void begin_stop(struct agent_core *core, struct core_op *op)
{
	struct core_vios *vios = find_victim(core, op);

	if (vios == NULL || !core_op_begin(core, op))
		return;
	op->stopped = vios->process.instance;
	op->stopped_ms = core->now_ms;
	core->ops->kill(core->env, AGENT_VIOS, vios->name, SIGSTOP);
}

/* The VIOS of that name, if it is still the process that was stopped. */
static struct core_vios *find_stopped(struct agent_core *core, const struct core_op *op)
{
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		const struct core_process *process = &core->vios[i].process;

		if (core->vios[i].name[0] != '\0' && process->is_alive &&
		    process->instance.pid == op->stopped.pid &&
		    process->instance.starttime == op->stopped.starttime)
			return &core->vios[i];
	}
	return NULL;
}

void core_op_vios_stop(struct agent_core *core, struct core_op *op)
{
	uint64_t ms = op->desired->ms < STOP_MS_MAX ? op->desired->ms : STOP_MS_MAX;
	struct core_vios *vios;
	char text[AGENT_TEXT_BYTES];

	if (op->stopped.pid == 0) {
		begin_stop(core, op);
		if (op->stopped.pid != 0)
			core_wake(core, op->stopped_ms + ms);
		return;
	}
	vios = find_stopped(core, op);
	if (vios == NULL) {
		core_text_set(text,
			      "%.31s (pid %lld) was ended %llu ms after it was stopped",
			      core_op_target(op), (long long)op->stopped.pid,
			      (unsigned long long)(core->now_ms - op->stopped_ms));
		core_op_finish(core, op, HV_OK, text);
	} else if (core_is_due(core, op->stopped_ms + ms)) {
		core->ops->kill(core->env, AGENT_VIOS, vios->name, SIGCONT);
		core_text_set(text,
			      "%s (pid %lld) was continued %llu ms after it was stopped",
			      vios->name, (long long)op->stopped.pid,
			      (unsigned long long)(core->now_ms - op->stopped_ms));
		core_op_finish(core, op, HV_OK, text);
	}
}

void core_op_undo(struct agent_core *core, const struct core_op *op)
{
	const struct core_vios *stopped = find_stopped(core, op);

	if (!op->is_done && stopped != NULL)
		core->ops->kill(core->env, AGENT_VIOS, stopped->name, SIGCONT);
}

/* Which one it was is not known: it hurts nobody else. */
void core_op_undo_old(struct agent_core *core)
{
	bool is_resumed = false;

	for (size_t i = 0; i < CORE_OPS_MAX; i++)
		is_resumed = is_resumed || core->ops_[i].is_resumed;
	for (size_t i = 0; is_resumed && i < CORE_VIOS_MAX; i++) {
		if (core->vios[i].name[0] != '\0' && core->vios[i].process.is_alive)
			core->ops->kill(core->env, AGENT_VIOS, core->vios[i].name,
					SIGCONT);
	}
}
