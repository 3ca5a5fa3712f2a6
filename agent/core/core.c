/* core - see core.h: the way in, the step, and what all files of the core share. */
#include "agent/core/core_priv.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum hv_code agent_core_new(const struct agent_config *config,
			    const struct agent_ops *ops, void *env,
			    const Tarn__AgentState *state, struct agent_core **ret_core,
			    struct hv_err *err)
{
	struct agent_core *core = calloc(1, sizeof(*core));
	enum hv_code code;

	if (core == NULL)
		return hv_fail(err, HV_E_NOMEM, "agent: %zu bytes of tables",
			       sizeof(*core));
	HV_INVARIANT(config->incarnation > 0);
	core->config = *config;
	core->ops = ops;
	core->env = env;
	core->now_ms = ops->now_ms(env);
	/* Grows over restarts without a write for each event. */
	core->events.next = (config->incarnation << 32) + 1;
	if (state != NULL) {
		code = core_state_load(core, state, err);
		if (code != HV_OK) {
			free(core);
			return code;
		}
	}
	*ret_core = core;
	return HV_OK;
}

void agent_core_free(struct agent_core *core)
{
	if (core == NULL)
		return;
	if (core->hypervisor.reply != NULL)
		tarn__hv_reply__free_unpacked(core->hypervisor.reply, NULL);
	if (core->desired != NULL)
		tarn__host_desired__free_unpacked(core->desired, NULL);
	free(core);
}

void agent_core_take_desired(struct agent_core *core, Tarn__HostDesired *desired)
{
	HV_INVARIANT(core->desired == NULL);
	core->desired = desired;
	core_desired_link(core);
}

void agent_core_mention(struct agent_core *core, enum agent_kind kind, const char *name)
{
	struct agent_instance instance;

	if (kind == AGENT_PARTITION)
		(void)core_lpar_get(core, name, true);
	/* Files of those that ended long ago, under whatever names, stay: there is no
	 * room for all, and one that runs must not be missed. */
	if (kind == AGENT_VIOS &&
	    core->ops->find(core->env, kind, name, &instance, NULL) != HV_E_NOTFOUND)
		(void)core_vios_get(core, name, true);
}

static void tell_start(struct agent_core *core)
{
	unsigned lpars = 0;
	unsigned vios = 0;

	for (size_t i = 0; i < CORE_LPARS_MAX; i++)
		lpars += core->lpars[i].process.is_alive;
	for (size_t i = 0; i < CORE_VIOS_MAX; i++)
		vios += core->vios[i].process.is_alive;
	core_event(core, TARN__EVENT_LEVEL__EVENT_INFO, "agent.started",
		   "adopted %u partition%s, %u VIOS and %s", lpars, lpars == 1 ? "" : "s",
		   vios,
		   core->hypervisor.process.is_alive ? "the hypervisor"
						     : "no hypervisor");
}

void agent_core_start(struct agent_core *core)
{
	core->now_ms = core->ops->now_ms(core->env);
	core->dialog.answered_ms = core->now_ms;
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		if (core->vios[i].name[0] != '\0')
			core_vios_find(core, &core->vios[i]);
	}
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		if (core->lpars[i].name[0] != '\0')
			core_lpar_find(core, &core->lpars[i]);
	}
	core_exporter_find(core);
	core_hypervisor_find(core);
	core_op_undo_old(core);
	tell_start(core);
	agent_core_step(core);
}

void agent_core_step(struct agent_core *core)
{
	core->now_ms = core->ops->now_ms(core->env);
	core->wake_ms = UINT64_MAX;
	core->hypervisor.is_busy = false;
	core_desired_flush(core);
	if (core->must_link && core->desired != NULL)
		core_desired_link(core);
	core_exporter_step(core);
	core_hypervisor_step(core);
	core_vios_step(core);
	core_reserve_step(core);
	core_pool_step(core);
	core_device_step(core);
	core_lpar_step(core);
	core_processor_step(core);
	core_op_step(core);
	core_show(core);
	core_hypervisor_poll(core); /* after all who may need its next answer soon */
	if (core_state_flush(core, NULL) != HV_OK)
		core_wake(core, core->save_retry_ms);
	core_dialog_step(core);
	if (core->wake_ms != UINT64_MAX)
		core->ops->wake_at(core->env, core->wake_ms);
}

void agent_core_exited(struct agent_core *core, enum agent_kind kind, const char *name,
		       const struct agent_exit *end)
{
	core->now_ms = core->ops->now_ms(core->env);
	switch (kind) {
	case AGENT_HYPERVISOR:
		core_hypervisor_exited(core, end);
		break;
	case AGENT_VIOS:
		core_vios_exited(core, name, end);
		break;
	case AGENT_PARTITION:
		core_lpar_exited(core, name, end);
		break;
	case AGENT_EXPORTER:
		core_exporter_exited(core, end);
		break;
	default:
		HV_UNREACHABLE("a process of no kind");
	}
	agent_core_step(core);
}

void agent_core_tool_done(struct agent_core *core, uint32_t tag,
			  const struct agent_tool_result *result)
{
	struct core_tool done = { 0 };

	core->now_ms = core->ops->now_ms(core->env);
	for (size_t i = 0; i < CORE_TOOLS_MAX; i++) {
		if (core->tools[i].is_used && core->tools[i].tag == tag) {
			done = core->tools[i];
			core->tools[i] = (struct core_tool){ 0 };
		}
	}
	HV_INVARIANT(done.is_used);
	core_device_tool_done(core, &done, result);
	agent_core_step(core);
}

void core_wake(struct agent_core *core, uint64_t at_ms)
{
	if (at_ms < core->wake_ms)
		core->wake_ms = at_ms;
}

bool core_is_due(struct agent_core *core, uint64_t at_ms)
{
	if (core->now_ms >= at_ms)
		return true;
	core_wake(core, at_ms);
	return false;
}

void core_backoff_next(struct core_backoff *backoff, uint64_t alive_ms, uint64_t now_ms)
{
	if (alive_ms >= CORE_HEALTHY_MS || backoff->delay_ms == 0)
		backoff->delay_ms = CORE_BACKOFF_FIRST_MS;
	else if (backoff->delay_ms < CORE_BACKOFF_MAX_MS / 2)
		backoff->delay_ms *= 2;
	else
		backoff->delay_ms = CORE_BACKOFF_MAX_MS;
	backoff->at_ms = now_ms + backoff->delay_ms;
}

void core_error_set(struct core_error *error, enum hv_code code, const char *text)
{
	error->code = code;
	core_text_set(error->text, "%s", text != NULL ? text : hv_code_name(code));
}

void core_text_set(char text[AGENT_TEXT_BYTES], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, AGENT_TEXT_BYTES, format, args); /* cut is fine */
	va_end(args);
}

void core_process_set(struct agent_core *core, struct core_process *process,
		      const struct agent_instance *instance)
{
	*process = (struct core_process){ .instance = *instance,
					  .is_alive = true,
					  .since_ms = core->now_ms };
}

void core_process_kill(struct agent_core *core, struct core_process *process,
		       enum agent_kind kind, const char *name)
{
	if (!process->is_alive || process->is_killed)
		return;
	process->is_killed = true;
	core->ops->kill(core->env, kind, name, SIGKILL);
}

const char *core_exit_text(const struct agent_exit *end, char text[AGENT_TEXT_BYTES])
{
	const char *colon = end->text != NULL && end->text[0] != '\0' ? ": " : "";
	const char *line = colon[0] != '\0' ? end->text : "";

	if (!end->is_known)
		core_text_set(text, "exit status unknown, its agent was restarted%s%s",
			      colon, line);
	else if (end->status < 0)
		core_text_set(text, "killed by signal %d", -end->status);
	else
		core_text_set(text, "exit status %d%s%s", end->status, colon, line);
	return text;
}
