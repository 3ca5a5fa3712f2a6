/* agent - see agent.h. */
#include "agent/agent.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/cgroup.h"
#include "agent/consoles.h"
#include "agent/disks.h"
#include "agent/guest.h"
#include "agent/injector.h"
#include "agent/link.h"
#include "agent/process.h"
#include "agent/state.h"
#include "agent/switches.h"
#include "agent/tool.h"
#include "hvcore/base/again.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/log.h"

struct agent {
	const struct agent_options *options;
	struct hv_loop *loop;
	struct agent_core *core;
	struct agent_processes *processes;
	struct agent_cgroups *cgroups;
	struct agent_switches *switches; /* NULL: of nobody */
	struct agent_tools *tools;
	struct agent_injector *injector;
	struct agent_link *link;
	struct agent_consoles *consoles;
	struct agent_guests *guests;
	struct hv_timer timer;
	uint8_t id[AGENT_ID_BYTES];
	char export_url[AGENT_URL_BYTES];
	bool is_closing; /* what ends now is not the core's business any more */
};

/* ---- the core's table ---- */

static uint64_t now_ms(void *env)
{
	(void)env;
	return hv_clock_ms();
}

static uint64_t wall_ms(void *env)
{
	(void)env;
	return hv_clock_wall_ms();
}

static enum hv_code find(void *env, enum agent_kind kind, const char *name,
			 struct agent_instance *ret, struct hv_err *err)
{
	struct agent *agent = env;

	return agent_process_find(agent->processes, kind, name, ret, err);
}

static enum hv_code spawn(void *env, const struct agent_spawn *what,
			  struct agent_instance *ret, struct hv_err *err)
{
	static const char *const kinds[AGENT_KIND_COUNT] = { "hypervisor", "vios",
							     "partition", "exporter" };
	struct agent *agent = env;
	struct hv_err local = { 0 };
	enum hv_code code = agent_process_spawn(agent->processes, what, ret, &local);

	if (code == HV_OK)
		log_info("agent.spawned", "kind=%s name=%s pid=%lld", kinds[what->kind],
			 what->name, (long long)ret->pid);
	else
		log_warn("agent.not_spawned", "kind=%s name=%s error=\"%s\"",
			 kinds[what->kind], what->name, hv_err_text(&local));
	if (err != NULL)
		*err = local;
	return code;
}

static void send_signal(void *env, enum agent_kind kind, const char *name, int signal)
{
	struct agent *agent = env;

	agent_process_kill(agent->processes, kind, name, signal);
}

static enum hv_code limit(void *env, const char *name, int64_t pid,
			  const struct agent_limits *limits, struct hv_err *err)
{
	struct agent *agent = env;

	return agent_cgroup_limit(agent->cgroups, name, pid, limits, err);
}

static enum hv_code usage(void *env, const char *name, struct agent_usage *ret,
			  struct hv_err *err)
{
	struct agent *agent = env;

	return agent_cgroup_usage(agent->cgroups, name, ret, err);
}

static enum hv_code record(void *env, int64_t pid, struct hv_err *err)
{
	struct agent *agent = env;

	agent_switches_close(agent->switches);
	agent->switches = NULL;
	return pid != 0 ? agent_switches_open(pid, &agent->switches, err) : HV_OK;
}

static size_t recorded(void *env, struct agent_switch list[AGENT_SWITCHES_MAX])
{
	struct agent *agent = env;

	return agent->switches != NULL ? agent_switches_read(agent->switches, list) : 0;
}

static uint64_t idle_us(void *env)
{
	(void)env;
	return agent_idle_us(AGENT_IDLE_STAT);
}

static enum hv_code claim_disks(void *env, const char *name, uint64_t made,
				struct hv_err *err)
{
	struct agent *agent = env;

	return agent_disks_claim(agent->options->state, name, made, err);
}

static enum hv_code remove_disks(void *env, const char *name, struct hv_err *err)
{
	struct agent *agent = env;

	return agent_disks_remove(agent->options->state, name, err);
}

static enum hv_code again(void *env, uint32_t away_ms, struct hv_err *err)
{
	struct agent *agent = env;

	log_warn("agent.drill",
		 "away_ms=%u text=\"killed by a drill, and started again\"", away_ms);
	return hv_again(agent->options->arguments, away_ms, agent->options->pid_file,
			err);
}

static enum hv_code unlimit(void *env, const char *name, struct hv_err *err)
{
	struct agent *agent = env;

	return agent_cgroup_remove(agent->cgroups, name, err);
}

static enum hv_code ask(void *env, uint32_t tag, const Tarn__HvRequest *request,
			uint64_t deadline_ms, struct hv_err *err)
{
	struct agent *agent = env;

	return agent_link_ask_hypervisor(agent->link, tag, request, deadline_ms, err);
}

static enum hv_code tool(void *env, uint32_t tag, const struct agent_tool *what,
			 struct hv_err *err)
{
	struct agent *agent = env;

	return agent_tool_start(agent->tools, tag, what, err);
}

static enum hv_code inject(void *env, uint32_t tag, const struct agent_inject *what,
			   struct hv_err *err)
{
	struct agent *agent = env;

	return agent_injector_order(agent->injector, tag, what, err);
}

static enum hv_code ask_exporter(void *env, uint32_t tag, struct hv_err *err)
{
	const struct agent_inject what = { .vios = AGENT_EXPORTER_NAME,
					   .is_question = true };
	struct agent *agent = env;

	return agent_injector_order(agent->injector, tag, &what, err);
}

static enum hv_code send(void *env, uint32_t tag, const Tarn__HostRequest *request,
			 uint64_t deadline_ms, struct hv_err *err)
{
	struct agent *agent = env;

	return agent_link_ask_coordinator(agent->link, tag, request, deadline_ms, err);
}

static enum hv_code save(void *env, enum agent_file file, const uint8_t *bytes,
			 size_t count, bool is_durable, struct hv_err *err)
{
	struct agent *agent = env;
	struct hv_err local = { 0 };
	enum hv_code code;

	(void)is_durable; /* 0.1 ms more: not worth a second way */
	code = agent_state_save(agent->options->state, file, bytes, count, &local);
	if (code != HV_OK)
		log_error("agent.not_saved", "error=\"%s\"", hv_err_text(&local));
	if (err != NULL)
		*err = local;
	return code;
}

static void tell(void *env, Tarn__EventLevel level, const char *kind, const char *text)
{
	static const enum hv_log_level levels[] = {
		[TARN__EVENT_LEVEL__EVENT_INFO] = HV_LOG_INFO,
		[TARN__EVENT_LEVEL__EVENT_WARN] = HV_LOG_WARN,
		[TARN__EVENT_LEVEL__EVENT_ERROR] = HV_LOG_ERROR,
	};

	(void)env;
	hv_log(levels[level], kind, "text=\"%s\"", text);
}

static void show(void *env, const struct agent_shown *list, size_t count)
{
	agent_guests_show(((struct agent *)env)->guests, list, count);
}

static void wake_at(void *env, uint64_t at_ms)
{
	struct agent *agent = env;
	uint64_t now = hv_clock_ms();

	/* Only the first start can fail, and agent_open() made it. */
	(void)!hv_timer_start(agent->loop, &agent->timer, at_ms > now ? at_ms - now : 0,
			      0, NULL);
}

static const struct agent_ops ops = {
	.now_ms = now_ms,
	.wall_ms = wall_ms,
	.find = find,
	.spawn = spawn,
	.kill = send_signal,
	.limit = limit,
	.usage = usage,
	.idle_us = idle_us,
	.record = record,
	.recorded = recorded,
	.again = again,
	.unlimit = unlimit,
	.claim_disks = claim_disks,
	.remove_disks = remove_disks,
	.ask = ask,
	.tool = tool,
	.inject = inject,
	.ask_exporter = ask_exporter,
	.send = send,
	.save = save,
	.tell = tell,
	.show = show,
	.wake_at = wake_at,
};

/* ---- what happens ---- */

static void on_timer(struct hv_timer *timer)
{
	struct agent *agent = HV_CONTAINER(timer, struct agent, timer);

	agent_core_step(agent->core);
}

static void on_exit_of(void *arg, enum agent_kind kind, const char *name,
		       const struct agent_exit *end)
{
	struct agent *agent = arg;

	log_info("agent.ended", "name=%s pid=%lld status=%d known=%d last=\"%s\"",
		 kind == AGENT_HYPERVISOR ? "hypervisor"
		 : kind == AGENT_EXPORTER ? AGENT_EXPORTER_NAME
					  : name,
		 (long long)end->pid, end->status, end->is_known, end->text);
	agent_core_exited(agent->core, kind, name, end);
}

static void on_tool_done(void *arg, uint32_t tag, const struct agent_tool_result *result)
{
	struct agent *agent = arg;

	agent_core_tool_done(agent->core, tag, result);
}

static void on_injected(void *arg, uint32_t tag, const struct agent_injected *result)
{
	struct agent *agent = arg;

	agent_core_injected(agent->core, tag, result);
}

static void on_hypervisor(void *arg, uint32_t tag, enum hv_code code,
			  Tarn__HvReply *take_reply)
{
	struct agent *agent = arg;

	if (!agent->is_closing)
		agent_core_answered(agent->core, tag, code, take_reply);
	else if (take_reply != NULL)
		tarn__hv_reply__free_unpacked(take_reply, NULL);
}

static void on_coordinator(void *arg, uint32_t tag, enum hv_code code,
			   Tarn__HostReply *take_reply)
{
	struct agent *agent = arg;
	bool has_console = code == HV_OK && take_reply != NULL &&
			   take_reply->kind_case == TARN__HOST_REPLY__KIND_POLL &&
			   take_reply->poll->has_console && take_reply->poll->console;

	if (!agent->is_closing)
		agent_core_coordinator_answered(agent->core, tag, code, take_reply);
	else if (take_reply != NULL)
		tarn__host_reply__free_unpacked(take_reply, NULL);
	if (has_console && !agent->is_closing)
		agent_consoles_wake(agent->consoles);
}

static void on_console(void *arg, enum hv_code code, const Tarn__HostReply *reply)
{
	struct agent *agent = arg;

	if (!agent->is_closing)
		agent_consoles_answered(agent->consoles, code, reply);
}

/* ---- open and close ---- */

static enum hv_code open_consoles(struct agent *agent, struct hv_err *err)
{
	const struct agent_consoles_config config = { agent->options->state, agent->core,
						      agent->link };

	return agent_consoles_open(agent->loop, &config, &agent->consoles, err);
}

static enum hv_code open_parts(struct agent *agent, const char *bin, struct hv_err *err)
{
	struct agent_processes_config processes = { agent->options, bin, on_exit_of,
						    agent };
	struct agent_tools_config tools = { agent->options, bin, agent->id, on_tool_done,
					    agent };
	struct agent_injector_config injector = { agent->options->state,
						  INJECTOR_ANSWER_MS, on_injected,
						  agent };
	struct agent_link_config link = { agent->options, on_hypervisor, on_coordinator,
					  on_console, agent };
	enum hv_code code;

	code = agent_processes_open(agent->loop, &processes, &agent->processes, err);
	if (code == HV_OK)
		code = agent_tools_open(agent->loop, &tools, &agent->tools, err);
	if (code == HV_OK)
		code = agent_injector_open(agent->loop, &injector, &agent->injector, err);
	if (code == HV_OK)
		code = agent_link_open(agent->loop, &link, &agent->link, err);
	if (code == HV_OK)
		code = open_consoles(agent, err);
	if (code == HV_OK)
		code = hv_timer_start(agent->loop, &agent->timer, 0, 0, err);
	return code;
}

static void on_pid_file(void *arg, enum agent_kind kind, const char *name)
{
	struct agent *agent = arg;

	agent_core_mention(agent->core, kind, name);
}

static enum hv_code open_cgroups(struct agent *agent, struct hv_err *err)
{
	const struct agent_cgroups_config config = {
		.state = agent->options->state,
		.id = agent->id,
		.mounts = AGENT_CGROUPS_MOUNTS,
		.membership = AGENT_CGROUPS_MEMBERSHIP,
	};
	enum hv_code code = agent_cgroups_open(&config, &agent->cgroups, err);

	if (code == HV_OK && agent_cgroups_where(agent->cgroups)[0] == '\0')
		log_warn("agent.processors_unlimited", "reason=\"%s\"",
			 agent_cgroups_why(agent->cgroups));
	return code;
}

static enum hv_code open_core(struct agent *agent, uint64_t incarnation,
			      struct hv_err *err)
{
	const struct agent_options *o = agent->options;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct agent_config config = {
		.name = o->name,
		.incarnation = incarnation,
		.memory_bytes = o->memory,
		.lmb_bytes = o->lmb,
		.drills_allowed = o->allow_drills,
		.processors = processors > 0 ? (unsigned)processors : 1,
		.groups = agent_cgroups_where(agent->cgroups),
		.unlimited = agent_cgroups_why(agent->cgroups),
		.export_url = agent->export_url,
	};
	Tarn__HostDesired *desired = NULL;
	Tarn__AgentState *state = NULL;
	enum hv_code code = agent_state_load(o->state, &state, &desired, err);

	if (code != HV_OK)
		return code;
	for (size_t i = 0; i < AGENT_ID_BYTES; i++)
		config.id[i] = agent->id[i];
	code = agent_core_new(&config, &ops, agent, state, &agent->core, err);
	if (state != NULL)
		tarn__agent_state__free_unpacked(state, NULL);
	if (code == HV_OK && desired != NULL)
		agent_core_take_desired(agent->core, desired);
	else if (desired != NULL)
		tarn__host_desired__free_unpacked(desired, NULL);
	return code;
}

enum hv_code agent_open(struct hv_loop *loop, const struct agent_options *options,
			const char *bin, struct agent **ret_agent, struct hv_err *err)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	uint64_t incarnation = 0;
	enum hv_code code;

	if (agent == NULL)
		return hv_fail(err, HV_E_NOMEM, "the agent");
	agent->options = options;
	agent->loop = loop;
	agent->timer.run = on_timer;
	agent_export_url(options->state, agent->export_url);
	code = agent_state_open(options->state, agent->id, &incarnation, err);
	if (code == HV_OK)
		code = open_cgroups(agent, err);
	if (code == HV_OK)
		code = agent_guests_open(options->state, &agent->guests, err);
	if (code == HV_OK)
		code = open_core(agent, incarnation, err);
	if (code == HV_OK)
		code = open_parts(agent, bin, err);
	if (code == HV_OK)
		code = agent_state_each_pid_file(options->state, on_pid_file, agent, err);
	if (code != HV_OK) {
		agent_close(agent);
		return code;
	}
	agent_core_start(agent->core);
	*ret_agent = agent;
	return HV_OK;
}

void agent_close(struct agent *agent)
{
	if (agent == NULL)
		return;
	agent->is_closing = true;
	hv_timer_stop(&agent->timer);
	agent_link_close(agent->link);
	agent_consoles_close(agent->consoles);
	agent_tools_close(agent->tools);
	agent_injector_close(agent->injector);
	agent_processes_close(agent->processes);
	agent_core_free(agent->core);
	agent_cgroups_close(agent->cgroups);
	agent_switches_close(agent->switches);
	agent_guests_close(agent->guests);
	free(agent);
}
