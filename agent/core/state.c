/*
 * state - what the next agent must know, as one message in one file.
 *
 * Written at most once a step, and before the one act that must not be repeated
 * (A5: a run's start; A9: an operation's injection).
 */
#include "agent/core/core_priv.h"

#include <stdlib.h>

static enum hv_code error_load(struct core_error *error, const Tarn__Error *from)
{
	if (from == NULL)
		return HV_OK;
	if (from->code == HV_OK || from->code >= HV_CODE_COUNT)
		return HV_E_CORRUPT;
	core_error_set(error, (enum hv_code)from->code, from->text);
	return HV_OK;
}

static enum hv_code load_run(struct agent_core *core, const Tarn__AgentRun *from)
{
	struct core_lpar *lpar = core_lpar_get(core, from->name, true);

	if (lpar == NULL)
		return HV_E_LIMIT;
	lpar->run.started = from->started;
	lpar->run.ended = from->ended;
	lpar->run.is_announced = from->announced;
	lpar->run.is_waiting = from->waiting;
	lpar->run.is_blocked = from->blocked;
	lpar->run.is_degraded = from->mirror_degraded;
	lpar->run.page_errors = from->page_errors;
	lpar->run.resize_refused = from->resize_refused;
	lpar->processors.usage.used_us = from->processor_used_us;
	lpar->processors.uncapped_us = from->processor_uncapped_us;
	lpar->processors.read_ms = from->processor_read_ms;
	if (from->text != NULL)
		core_text_set(lpar->run.text, "%s", from->text);
	if (error_load(&lpar->run.resize_error, from->resize_error) != HV_OK)
		return HV_E_CORRUPT;
	return error_load(&lpar->run.error, from->error);
}

static enum hv_code load_op(struct agent_core *core, const Tarn__AgentOp *from)
{
	struct core_op *op = core_op_get(core, from->id, true);

	if (op == NULL)
		return HV_E_LIMIT;
	op->is_begun = true;
	op->is_resumed = !from->done;
	op->is_done = from->done;
	if (from->text != NULL)
		core_text_set(op->text, "%s", from->text);
	return error_load(&op->error, from->error);
}

static enum hv_code load_device(struct agent_core *core, const Tarn__AgentDevice *from)
{
	struct core_device *device = core_device_get(core, from->name, true);

	if (device == NULL)
		return HV_E_LIMIT;
	device->formatted = from->generation;
	return HV_OK;
}

/* Others than we have room for are those that nobody wanted before, either. */
static enum hv_code load_vios(struct agent_core *core, const Tarn__AgentVios *from)
{
	uint64_t end_ms = core->now_ms + HV_INJECTION_TIME_MAX_MS;

	if (from->url != NULL && strlen(from->url) >= AGENT_URL_BYTES)
		return HV_E_LIMIT;
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		struct core_kept *kept = &core->kept[i];

		if (kept->name[0] != '\0')
			continue;
		(void)snprintf(kept->name, sizeof(kept->name), "%s", from->name);
		(void)snprintf(kept->link.url, sizeof(kept->link.url), "%s",
			       from->url != NULL ? from->url : "");
		kept->link.instance.pid = from->pid;
		kept->link.instance.starttime = from->starttime;
		kept->link.cut_direction = from->cut_direction;
		/* by the clock of an earlier boot */
		if (from->cut_until_ms <= end_ms)
			kept->link.cut_until_ms = from->cut_until_ms;
		break;
	}
	return HV_OK;
}

static enum hv_code load_event(struct agent_core *core, const Tarn__Event *from)
{
	struct core_events *events = &core->events;
	struct core_event *event;

	if (events->count == CORE_EVENTS_MAX)
		return HV_E_LIMIT;
	event = &events->at[events->count++];
	*event = (struct core_event){ .number = from->source_number,
				      .wall_ms = from->wall_ms,
				      .level = from->level };
	(void)snprintf(event->kind, sizeof(event->kind), "%s", from->kind);
	core_text_set(event->text, "%s", from->text);
	if (events->next <= event->number)
		events->next = event->number + 1; /* an incarnation that was lost */
	return HV_OK;
}

enum hv_code core_state_load(struct agent_core *core, const Tarn__AgentState *state,
			     struct hv_err *err)
{
	enum hv_code code = HV_OK;

	core->epoch = state->epoch;
	core->known_hypervisor.pid = state->hypervisor_pid;
	core->known_hypervisor.starttime = state->hypervisor_starttime;
	core->failover = state->failover;
	core->sequence = state->sequence;
	for (size_t i = 0; i < state->n_runs && code == HV_OK; i++)
		code = load_run(core, state->runs[i]);
	for (size_t i = 0; i < state->n_ops && code == HV_OK; i++)
		code = load_op(core, state->ops[i]);
	for (size_t i = 0; i < state->n_devices && code == HV_OK; i++)
		code = load_device(core, state->devices[i]);
	for (size_t i = 0; i < state->n_vios && code == HV_OK; i++)
		code = load_vios(core, state->vios[i]);
	for (size_t i = 0; i < state->n_events && code == HV_OK; i++)
		code = load_event(core, state->events[i]);
	if (code != HV_OK)
		return hv_fail(err, code, "agent state: %s", hv_code_name(code));
	return HV_OK;
}

void core_state_touch(struct agent_core *core, bool must_last)
{
	core->state_is_unsaved = true;
	if (must_last)
		core->state_must_last = true;
}

/* One block for all parts of the message, sized for full tables. */
struct parts {
	Tarn__AgentState state;
	Tarn__Error errors[2 * CORE_LPARS_MAX + CORE_OPS_MAX];
	size_t error_count;
	Tarn__AgentRun runs[CORE_LPARS_MAX];
	Tarn__AgentRun *run_list[CORE_LPARS_MAX];
	Tarn__AgentOp ops[CORE_OPS_MAX];
	Tarn__AgentOp *op_list[CORE_OPS_MAX];
	Tarn__AgentDevice devices[CORE_DEVICES_MAX];
	Tarn__AgentDevice *device_list[CORE_DEVICES_MAX];
	Tarn__AgentVios vios[HV_AGENT_VIOS_MAX];
	Tarn__AgentVios *vios_list[HV_AGENT_VIOS_MAX];
	Tarn__Event events[CORE_EVENTS_MAX];
	Tarn__Event *event_list[CORE_EVENTS_MAX];
};

static Tarn__Error *put_error(struct parts *parts, const struct core_error *error)
{
	Tarn__Error *to;

	if (error->code == HV_OK)
		return NULL;
	HV_INVARIANT(parts->error_count < HV_COUNT(parts->errors));
	to = &parts->errors[parts->error_count++];
	tarn__error__init(to);
	to->code = error->code;
	to->text = (char *)error->text;
	return to;
}

static void put_runs(struct parts *parts, struct agent_core *core)
{
	Tarn__AgentState *state = &parts->state;

	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		struct core_lpar *lpar = &core->lpars[i];
		Tarn__AgentRun *run = &parts->runs[state->n_runs];

		if (lpar->name[0] == '\0' || (lpar->run.started | lpar->run.ended) == 0)
			continue;
		tarn__agent_run__init(run);
		run->name = lpar->name;
		run->started = lpar->run.started;
		run->ended = lpar->run.ended;
		run->error = put_error(parts, &lpar->run.error);
		run->text = lpar->run.text;
		run->has_announced = true;
		run->announced = lpar->run.is_announced;
		run->has_waiting = true;
		run->waiting = lpar->run.is_waiting;
		run->has_blocked = true;
		run->blocked = lpar->run.is_blocked;
		run->has_mirror_degraded = true;
		run->mirror_degraded = lpar->run.is_degraded;
		run->has_page_errors = true;
		run->page_errors = lpar->run.page_errors;
		run->has_resize_refused = true;
		run->resize_refused = lpar->run.resize_refused;
		run->has_processor_used_us = run->has_processor_uncapped_us =
			run->has_processor_read_ms = lpar->processors.read_ms != 0;
		run->processor_used_us = lpar->processors.usage.used_us;
		run->processor_uncapped_us = lpar->processors.uncapped_us;
		run->processor_read_ms = lpar->processors.read_ms;
		run->resize_error = put_error(parts, &lpar->run.resize_error);
		parts->run_list[state->n_runs++] = run;
	}
	state->runs = parts->run_list;
}

static void put_ops(struct parts *parts, struct agent_core *core)
{
	Tarn__AgentState *state = &parts->state;

	for (size_t i = 0; i < CORE_OPS_MAX; i++) {
		struct core_op *op = &core->ops_[i];
		Tarn__AgentOp *to = &parts->ops[state->n_ops];

		if (op->id == 0 || !op->is_begun)
			continue;
		tarn__agent_op__init(to);
		to->id = op->id;
		to->done = op->is_done;
		to->error = put_error(parts, &op->error);
		to->text = op->text;
		parts->op_list[state->n_ops++] = to;
	}
	state->ops = parts->op_list;
}

static void put_devices(struct parts *parts, struct agent_core *core)
{
	Tarn__AgentState *state = &parts->state;

	for (size_t i = 0; i < CORE_DEVICES_MAX; i++) {
		struct core_device *device = &core->devices[i];
		Tarn__AgentDevice *to = &parts->devices[state->n_devices];

		if (device->name[0] == '\0' || device->formatted == 0)
			continue;
		tarn__agent_device__init(to);
		to->name = device->name;
		to->generation = device->formatted;
		parts->device_list[state->n_devices++] = to;
	}
	state->devices = parts->device_list;
}

static void put_link(struct parts *parts, const struct agent_core *core, const char *name,
		     const struct core_link *link)
{
	Tarn__AgentState *state = &parts->state;
	Tarn__AgentVios *to = &parts->vios[state->n_vios];
	bool is_cut = link->cut_until_ms > core->now_ms;

	if (name[0] == '\0' || (link->url[0] == '\0' && !is_cut))
		return;
	tarn__agent_vios__init(to);
	to->name = (char *)name; /* only encoded, as is the next */
	to->url = (char *)link->url;
	to->has_pid = to->has_starttime = true;
	to->pid = link->instance.pid;
	to->starttime = link->instance.starttime;
	to->has_cut_direction = to->has_cut_until_ms = is_cut;
	to->cut_direction = link->cut_direction;
	to->cut_until_ms = link->cut_until_ms;
	parts->vios_list[state->n_vios++] = to;
}

static void put_vios(struct parts *parts, const struct agent_core *core)
{
	for (size_t i = 0; i < CORE_VIOS_MAX; i++)
		put_link(parts, core, core->vios[i].name, &core->vios[i].link);
	for (size_t i = 0; i < CORE_VIOS_MAX; i++)
		put_link(parts, core, core->kept[i].name, &core->kept[i].link);
	parts->state.vios = parts->vios_list;
}

static void put_events(struct parts *parts, struct agent_core *core)
{
	Tarn__AgentState *state = &parts->state;

	for (size_t i = 0; i < core->events.count; i++) {
		core_event_put(core, &core->events.at[i], &parts->events[i]);
		parts->event_list[i] = &parts->events[i];
	}
	state->n_events = core->events.count;
	state->events = parts->event_list;
}

static enum hv_code save(struct agent_core *core, struct hv_err *err)
{
	struct parts *parts = calloc(1, sizeof(*parts));
	uint8_t *bytes = NULL;
	size_t count = 0;
	enum hv_code code;

	if (parts == NULL)
		return hv_fail(err, HV_E_NOMEM, "agent state: out of memory");
	tarn__agent_state__init(&parts->state);
	parts->state.epoch = core->epoch;
	parts->state.has_hypervisor_pid = true;
	parts->state.hypervisor_pid = core->known_hypervisor.pid;
	parts->state.has_hypervisor_starttime = true;
	parts->state.hypervisor_starttime = core->known_hypervisor.starttime;
	parts->state.has_failover = true;
	parts->state.failover = core->failover;
	parts->state.has_sequence = true;
	parts->state.sequence = ++core->sequence;
	put_runs(parts, core);
	put_ops(parts, core);
	put_devices(parts, core);
	put_vios(parts, core);
	put_events(parts, core);
	code = hv_message_encode(&parts->state.base, &bytes, &count, err);
	if (code == HV_OK)
		code = core->ops->save(core->env, AGENT_FILE_STATE, bytes, count,
				       core->state_must_last, err);
	free(bytes);
	free(parts);
	return code;
}

enum hv_code core_state_flush(struct agent_core *core, struct hv_err *err)
{
	struct hv_err own = { 0 };
	enum hv_code code;

	if (!core->state_is_unsaved)
		return HV_OK;
	if (core->now_ms < core->save_retry_ms)
		return hv_fail(err, HV_E_AGAIN, "the agent's state is not saved");
	code = save(core, &own);
	if (code != HV_OK) {
		core->save_retry_ms = core->now_ms + CORE_RETRY_MS;
		if (!core->save_has_failed)
			core_event(core, TARN__EVENT_LEVEL__EVENT_ERROR,
				   "agent.state_unsaved",
				   "no partition can be started: %s", hv_err_text(&own));
		core->save_has_failed = true;
		return hv_fail(err, code, "%s", hv_err_text(&own));
	}
	core->save_has_failed = false;
	core->save_retry_ms = 0;
	core->state_is_unsaved = false;
	core->state_must_last = false;
	return HV_OK;
}
