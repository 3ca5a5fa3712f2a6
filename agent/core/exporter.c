/*
 * exporter - tarn-vios --serve: it serves devices that lie here to VIOS of other hosts.
 *
 *   wanted --spawn--> alive --ends--> back-off --> spawn
 *                       |--wanted no more--> SIGTERM --> SIGKILL
 *                       '--a question is not answered--> SIGKILL
 *
 * It is asked each second whether it is there: those whose devices it serves notice
 * sooner that it hangs, and can do nothing about it.
 *
 * It has nothing to do with the hypervisor of this host, and goes on whatever becomes
 * of that, of the agent (A1), or of the coordinator (A11).
 */
#include "agent/core/core_priv.h"

#include <signal.h>

static bool is_wanted(const struct agent_core *core)
{
	return core->desired != NULL && core->desired->exports;
}

void core_exporter_find(struct agent_core *core)
{
	struct agent_instance instance;

	if (core->ops->find(core->env, AGENT_EXPORTER, "", &instance, NULL) == HV_OK)
		core_process_set(core, &core->exporter.process, &instance);
}

static void spawn(struct agent_core *core)
{
	struct core_exporter *exporter = &core->exporter;
	struct agent_spawn what = { .kind = AGENT_EXPORTER, .name = "" };
	struct agent_instance instance;
	struct hv_err err = { 0 };
	enum hv_code code;

	if (!core_is_due(core, exporter->backoff.at_ms))
		return;
	code = core->ops->spawn(core->env, &what, &instance, &err);
	if (code == HV_E_EXISTS) {
		core_exporter_find(core);
		exporter->backoff.at_ms = core->now_ms + CORE_STAT_BUSY_MS;
		core_wake(core, exporter->backoff.at_ms);
		return;
	}
	if (code != HV_OK) {
		core_backoff_next(&exporter->backoff, 0, core->now_ms);
		core_wake(core, exporter->backoff.at_ms);
		core_text_set(exporter->why, "%s", hv_err_text(&err));
		return;
	}
	core_process_set(core, &exporter->process, &instance);
	if (!exporter->is_ended)
		return;
	exporter->is_ended = false;
	exporter->restarts++;
	core_event(core, TARN__EVENT_LEVEL__EVENT_INFO, "exporter.restarted",
		   "the exporter was started again (pid %lld) after: %s",
		   (long long)instance.pid, exporter->why);
}

static void take_down(struct agent_core *core)
{
	struct core_process *process = &core->exporter.process;

	if (process->kill_at_ms == 0) {
		core->ops->kill(core->env, AGENT_EXPORTER, "", SIGTERM);
		process->kill_at_ms = core->now_ms + CORE_VIOS_WAIT_MS;
	}
}

/* One that has no socket yet, or is ending, is asked again later. */
static void ask(struct agent_core *core)
{
	struct core_exporter *exporter = &core->exporter;
	uint32_t tag;

	if (exporter->question != 0 || !core_is_due(core, exporter->question_ms))
		return;
	exporter->question_ms = core->now_ms + CORE_EXPORTER_ASK_MS;
	tag = ++core->next_tag;
	if (core->ops->ask_exporter(core->env, tag, NULL) == HV_OK)
		exporter->question = tag;
	else
		core_wake(core, exporter->question_ms);
}

bool core_exporter_answered(struct agent_core *core, uint32_t tag, enum hv_code code)
{
	struct core_exporter *exporter = &core->exporter;
	struct core_process *process = &exporter->process;

	if (exporter->question == 0 || exporter->question != tag)
		return false;
	exporter->question = 0;
	exporter->question_ms = core->now_ms + CORE_EXPORTER_ASK_MS;
	if (code != HV_E_TIMEOUT || process->is_killed || process->kill_at_ms != 0)
		return true;
	core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "exporter.hung",
		   "the exporter (pid %lld) does not answer: it is killed, and started "
		   "again",
		   (long long)process->instance.pid);
	core_process_kill(core, process, AGENT_EXPORTER, "");
	return true;
}

void core_exporter_step(struct agent_core *core)
{
	struct core_process *process = &core->exporter.process;

	if (core->desired == NULL)
		return; /* A7 */
	if (!process->is_alive) {
		if (is_wanted(core))
			spawn(core);
		return;
	}
	if (!is_wanted(core))
		take_down(core);
	else if (process->kill_at_ms == 0 && !process->is_killed)
		ask(core);
	/* Also of one that is wanted again: it has been told to end. */
	if (process->kill_at_ms != 0 && core_is_due(core, process->kill_at_ms))
		core_process_kill(core, process, AGENT_EXPORTER, "");
}

void core_exporter_exited(struct agent_core *core, const struct agent_exit *end)
{
	struct core_exporter *exporter = &core->exporter;
	bool is_expected = !is_wanted(core) || exporter->process.kill_at_ms != 0;
	char why[AGENT_TEXT_BYTES];

	if (!exporter->process.is_alive || exporter->process.instance.pid != end->pid)
		return;
	exporter->process.is_alive = false;
	exporter->question = 0; /* whatever is said of it now */
	(void)core_exit_text(end, why);
	core_event(core,
		   is_expected ? TARN__EVENT_LEVEL__EVENT_INFO
			       : TARN__EVENT_LEVEL__EVENT_WARN,
		   "exporter.exit", "the exporter (pid %lld): %s", (long long)end->pid,
		   why);
	if (is_expected) {
		exporter->backoff = (struct core_backoff){ 0 };
		return;
	}
	exporter->is_ended = true;
	core_text_set(exporter->why, "%s", why);
	core_backoff_next(&exporter->backoff, core->now_ms - exporter->process.since_ms,
			  core->now_ms);
}

bool core_exporter_report(const struct agent_core *core, Tarn__ExporterStat *ret)
{
	const struct core_exporter *exporter = &core->exporter;
	const struct core_process *process = &exporter->process;

	if (!is_wanted(core) && !process->is_alive)
		return false;
	tarn__exporter_stat__init(ret);
	ret->up = process->is_alive && process->kill_at_ms == 0 && !process->is_killed;
	ret->url = (char *)core->config.export_url; /* only encoded */
	ret->has_pid = process->is_alive;
	ret->pid = process->instance.pid;
	ret->has_restarts = true;
	ret->restarts = exporter->restarts;
	if (!ret->up && exporter->why[0] != '\0')
		ret->reason = (char *)exporter->why;
	return true;
}
