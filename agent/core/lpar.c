/*
 * lpar - partitions: started once a run, never again, watched to their end.
 *
 *   run_id > ended, wanted       nothing runs, process gone
 *     OFF --define, save, spawn--> STARTING --attached--> RUNNING
 *      ^                              |                      |
 *      +---- removed there <-- ended saved <-- process exit -+
 *
 * Only two numbers are kept (core_run): the highest run whose process was started
 * and the highest that is over. A5: `started` is saved before the process exists, so
 * a run that was started and is not there is over, whoever saw it end; the one
 * exception is a partition that the hypervisor has DEFINED and that never attached.
 */
#include "agent/core/core_priv.h"

#include <signal.h>

struct core_lpar *core_lpar_get(struct agent_core *core, const char *name, bool may_add)
{
	struct core_lpar *found = NULL;

	if (!hv_name_is_valid(name))
		return NULL;
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		if (strcmp(core->lpars[i].name, name) == 0)
			return &core->lpars[i];
		if (found == NULL && core->lpars[i].name[0] == '\0')
			found = &core->lpars[i];
	}
	if (!may_add || found == NULL)
		return NULL;
	*found = (struct core_lpar){ 0 };
	(void)snprintf(found->name, sizeof(found->name), "%s", name);
	return found;
}

void core_lpar_find(struct agent_core *core, struct core_lpar *lpar)
{
	struct agent_instance instance;
	enum hv_code code = core->ops->find(core->env, AGENT_PARTITION, lpar->name,
					    &instance, NULL);

	lpar->is_unsure = lpar->run.started > lpar->run.ended;
	if (code != HV_OK)
		return;
	lpar->is_unsure = false;
	core_process_set(core, &lpar->process, &instance);
}

bool core_lpar_is_attached(const struct core_lpar *lpar)
{
	return lpar->process.is_alive && lpar->stat != NULL &&
	       lpar->stat->run_id == lpar->run.started &&
	       (lpar->stat->state == TARN__PARTITION_STATE__PARTITION_RUNNING ||
		lpar->stat->state == TARN__PARTITION_STATE__PARTITION_WAITING ||
		lpar->stat->state == TARN__PARTITION_STATE__PARTITION_VERIFYING);
}

uint64_t core_lpar_wanted(const struct core_lpar *lpar)
{
	const Tarn__DesiredLpar *desired = lpar->desired;

	if (desired == NULL || !desired->running || desired->run_id <= lpar->run.ended)
		return 0;
	return desired->run_id;
}

void core_lpar_end(struct agent_core *core, struct core_lpar *lpar, uint64_t run_id,
		   enum hv_code code, const char *text)
{
	if (run_id <= lpar->run.ended)
		return;
	lpar->run.ended = run_id;
	lpar->run.is_announced = false;
	lpar->run.is_waiting = false;
	lpar->run.is_blocked = false;
	lpar->run.is_degraded = false;
	lpar->degraded_ms = 0;
	lpar->lost_vios[0] = '\0';
	lpar->run.page_errors = 0;
	lpar->run.error.code = HV_OK;
	core_text_set(lpar->run.text, "%s", text);
	if (code != HV_OK)
		core_error_set(&lpar->run.error, code, text);
	core_event(core,
		   code == HV_OK ? TARN__EVENT_LEVEL__EVENT_INFO
				 : TARN__EVENT_LEVEL__EVENT_ERROR,
		   "lpar.ended", "partition '%s': %s", lpar->name, text);
	core_state_touch(core, true);
}

unsigned core_lpar_lose(struct agent_core *core)
{
	unsigned ended = 0;

	for (size_t i = 0; i < CORE_LPARS_MAX; i++)
		core_process_kill(core, &core->lpars[i].process, AGENT_PARTITION,
				  core->lpars[i].name); /* A3: first of all */
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		struct core_lpar *lpar = &core->lpars[i];

		lpar->is_unsure = false;
		if (lpar->run.started <= lpar->run.ended)
			continue;
		core_lpar_end(core, lpar, lpar->run.started, HV_E_GONE,
			      "hypervisor lost");
		ended++;
	}
	return ended;
}

bool core_lpar_clean(struct agent_core *core)
{
	bool is_clean = true;

	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		struct core_lpar *lpar = &core->lpars[i];

		if (!lpar->process.is_alive)
			continue;
		is_clean = false;
		core_process_kill(core, &lpar->process, AGENT_PARTITION, lpar->name);
	}
	return is_clean;
}

bool core_lpar_ask(struct agent_core *core, struct core_lpar *lpar,
		   const struct core_call *what, const Tarn__HvRequest *request)
{
	struct core_call call = *what;

	(void)snprintf(call.name, sizeof(call.name), "%s", lpar->name);
	return core_call(core, &call, request, CORE_ASK_MS) == HV_OK;
}

static void ask_remove(struct agent_core *core, struct core_lpar *lpar)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvPartitionRemove gone = TARN__HV_PARTITION_REMOVE__INIT;
	struct core_call what = { .kind = CORE_CALL_REMOVE,
				  .number = lpar->stat->run_id };

	gone.name = lpar->name;
	gone.run_id = lpar->stat->run_id;
	request.kind_case = TARN__HV_REQUEST__KIND_REMOVE;
	request.remove = &gone;
	lpar->is_busy = core_lpar_ask(core, lpar, &what, &request);
}

static void ask_control(struct agent_core *core, struct core_lpar *lpar,
			const struct core_call *what, Tarn__PartitionCommand command,
			uint64_t command_id)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvPartitionControl control = TARN__HV_PARTITION_CONTROL__INIT;

	control.name = lpar->name;
	control.run_id = lpar->run.started;
	control.command = command;
	control.has_command_id = true;
	control.command_id = command_id;
	request.kind_case = TARN__HV_REQUEST__KIND_CONTROL;
	request.control = &control;
	lpar->is_busy = core_lpar_ask(core, lpar, what, &request);
}

static void kill_for(struct agent_core *core, struct core_lpar *lpar, const char *why)
{
	if (!lpar->process.is_killed)
		core_text_set(lpar->kill_why, "%s", why);
	core_process_kill(core, &lpar->process, AGENT_PARTITION, lpar->name);
}

static void stop(struct agent_core *core, struct core_lpar *lpar)
{
	const Tarn__DesiredLpar *desired = lpar->desired;
	struct core_call what = { .kind = CORE_CALL_SHUTDOWN,
				  .number = lpar->run.started };

	core->hypervisor.is_busy = true;
	if (!lpar->is_stopping)
		lpar->stop_ms = core->now_ms;
	lpar->is_stopping = true;
	if (desired == NULL ? core_is_due(core, lpar->stop_ms + CORE_FORGOTTEN_MS)
			    : desired->immediate || desired->running)
		kill_for(core, lpar, "ended at once, as asked");
	else if (!core_lpar_is_attached(lpar) &&
		 (lpar->run.started == 0 || lpar->stat == NULL ||
		  lpar->stat->state == TARN__PARTITION_STATE__PARTITION_DEFINED))
		kill_for(core, lpar, "ended before it was running, as asked");
	else if (!lpar->is_asked_to_stop && !lpar->is_busy &&
		 core_is_due(core, lpar->retry_ms))
		ask_control(core, lpar, &what,
			    TARN__PARTITION_COMMAND__PARTITION_COMMAND_SHUTDOWN,
			    lpar->run.started);
}

static void send_commands(struct agent_core *core, struct core_lpar *lpar)
{
	static const Tarn__PartitionCommand wire[CORE_COMMAND_COUNT] = {
		[CORE_COMMAND_VERIFY] = TARN__PARTITION_COMMAND__PARTITION_COMMAND_VERIFY,
		[CORE_COMMAND_RESET] =
			TARN__PARTITION_COMMAND__PARTITION_COMMAND_RESET_STALL,
	};

	for (unsigned kind = 0; kind < CORE_COMMAND_COUNT; kind++) {
		struct core_command *command = &lpar->commands[kind];
		struct core_call what = { .kind = CORE_CALL_COMMAND,
					  .number = command->op,
					  .command = kind };

		if (command->op == 0)
			continue;
		core->hypervisor.is_busy = true;
		if (!command->is_acked && !lpar->is_busy &&
		    core_is_due(core, lpar->retry_ms))
			ask_control(core, lpar, &what, wire[kind], command->op);
	}
}

/* Its process is there: it should be, or it must go. */
static void keep_or_stop(struct agent_core *core, struct core_lpar *lpar)
{
	uint64_t wanted = core_lpar_wanted(lpar);

	if (!core->hypervisor.process.is_alive || core->hypervisor.is_going) {
		if (!core->hypervisor.is_unclear)
			kill_for(core, lpar, "hypervisor lost");
		return;
	}
	if (core->desired == NULL || !core_hypervisor_is_up(core))
		return; /* nobody knows better: leave it alone */
	if (wanted == 0 || wanted != lpar->run.started) {
		stop(core, lpar);
		return;
	}
	if (core_lpar_is_attached(lpar)) {
		send_commands(core, lpar);
		core_resize_step(core, lpar);
		core_entitle_step(core, lpar);
		core_primary_step(core, lpar);
		core_backing_step(core, lpar);
		return;
	}
	core_text_set(lpar->wait, "started, not yet attached");
	core->hypervisor.is_busy = true;
	if (core_is_due(core, lpar->process.since_ms + CORE_ATTACH_MS))
		kill_for(core, lpar, "it did not attach in time");
}

/* Started by an agent before us, and no process is there: what became of it? */
static void settle(struct agent_core *core, struct core_lpar *lpar)
{
	const Tarn__PartitionStat *stat = lpar->stat;
	bool is_known = stat != NULL && stat->run_id == lpar->run.started;

	core_lpar_find(core, lpar); /* its pid may have been written meanwhile */
	if (!lpar->is_unsure || !core_hypervisor_is_up(core))
		return;
	core->hypervisor.is_busy = true;
	if (is_known && stat->state == TARN__PARTITION_STATE__PARTITION_DEFINED) {
		lpar->run.started = lpar->run.ended; /* it never ran */
		lpar->is_unsure = false;
		core_state_touch(core, true);
	} else if (!is_known || stat->state == TARN__PARTITION_STATE__PARTITION_ENDED) {
		lpar->is_unsure = false;
		core_lpar_end(core, lpar, lpar->run.started, HV_E_GONE,
			      is_known && stat->reason != NULL && stat->reason[0] != '\0'
				      ? stat->reason
				      : "ended while no agent was there");
	}
}

/* The hypervisor holds no memory and no device for it, and no answer is out. */
static bool is_free_there(const struct core_lpar *lpar)
{
	return lpar->stat == NULL && lpar->defined == 0 && !lpar->is_busy;
}

/* The hypervisor still holds memory and a device for a run that is over. */
static bool remove_rest(struct agent_core *core, struct core_lpar *lpar)
{
	const Tarn__PartitionStat *stat = lpar->stat;

	if (stat == NULL || !core_hypervisor_is_up(core))
		return false;
	if (stat->run_id == core_lpar_wanted(lpar) &&
	    stat->state == TARN__PARTITION_STATE__PARTITION_DEFINED)
		return false;
	core->hypervisor.is_busy = true;
	if (stat->state != TARN__PARTITION_STATE__PARTITION_DEFINED &&
	    stat->state != TARN__PARTITION_STATE__PARTITION_ENDED)
		return true; /* the next stat says that it ended */
	if (!lpar->is_busy && core_is_due(core, lpar->retry_ms))
		ask_remove(core, lpar);
	return true;
}

static void step_one(struct agent_core *core, struct core_lpar *lpar)
{
	if (lpar->process.is_alive) {
		keep_or_stop(core, lpar);
		return;
	}
	if (lpar->is_unsure)
		settle(core, lpar);
	if (lpar->is_unsure || lpar->process.is_alive)
		return;
	if (core->desired == NULL)
		return;
	if (remove_rest(core, lpar))
		return;
	if (core_lpar_wanted(lpar) != 0) {
		core_lpar_start(core, lpar);
	} else if (lpar->desired == NULL && is_free_there(lpar) &&
		   !lpar->processors.is_grouped && core_is_due(core, lpar->retry_ms)) {
		if (core->ops->remove_disks(core->env, lpar->name, NULL) != HV_OK) {
			lpar->retry_ms = core->now_ms + CORE_RETRY_MS;
			core_wake(core, lpar->retry_ms);
			return;
		}
		core_state_touch(core, false);
		*lpar = (struct core_lpar){ 0 };
		core->must_link = true;
	}
}

void core_lpar_step(struct agent_core *core)
{
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		if (core->lpars[i].name[0] != '\0')
			step_one(core, &core->lpars[i]);
	}
}

static void end_as(struct agent_core *core, struct core_lpar *lpar,
		   const struct agent_exit *end)
{
	bool is_asked = lpar->is_stopping && lpar->kill_why[0] == '\0';
	bool is_clean = end->is_known && end->status == 0;
	char why[AGENT_TEXT_BYTES];
	enum hv_code code = HV_E_GONE;

	(void)core_exit_text(end, why);
	if (lpar->kill_why[0] != '\0') {
		core_text_set(why, "%s", lpar->kill_why);
		code = lpar->is_stopping ? HV_OK : HV_E_TIMEOUT;
	} else if (is_asked && (is_clean || !end->is_known)) {
		core_text_set(why, "shut down");
		code = HV_OK;
	} else if (is_clean) {
		core_text_set(why, "ended by itself");
		code = HV_OK;
	}
	core_lpar_end(core, lpar, lpar->run.started, code, why);
}

void core_lpar_exited(struct agent_core *core, const char *name,
		      const struct agent_exit *end)
{
	struct core_lpar *lpar = core_lpar_get(core, name, false);

	if (lpar == NULL || !lpar->process.is_alive ||
	    lpar->process.instance.pid != end->pid)
		return;
	core_hypervisor_check(core); /* its end may be why, and may be told later */
	lpar->process.is_alive = false;
	lpar->retry_ms = 0;
	lpar->entitle = (struct core_entitle){ 0 };
	lpar->backing = (struct core_backing){ .code = HV_OK };
	if (lpar->run.started > lpar->run.ended)
		end_as(core, lpar, end);
	lpar->is_stopping = false;
	lpar->is_asked_to_stop = false;
	lpar->kill_why[0] = '\0';
	for (unsigned kind = 0; kind < CORE_COMMAND_COUNT; kind++) {
		if (lpar->commands[kind].op != 0)
			core_op_command_done(core, lpar, kind, HV_E_GONE,
					     "the partition ended");
	}
	core->hypervisor.is_busy = true;
}

void core_lpar_status(const struct core_lpar *lpar, struct core_status *ret)
{
	const Tarn__DesiredLpar *desired = lpar->desired;
	bool is_gone = !lpar->process.is_alive && is_free_there(lpar);

	*ret = (struct core_status){ .text = "", .is_running = lpar->process.is_alive };
	if (!desired->running || desired->run_id <= lpar->run.ended) {
		bool is_this = lpar->run.ended == desired->run_id;

		ret->is_done = is_gone && !lpar->is_unsure;
		ret->text = !ret->is_done ? "shutting down"
			    : is_this     ? lpar->run.text
					  : "";
		if (ret->is_done && is_this && lpar->run.error.code != HV_OK) {
			ret->code = lpar->run.error.code;
			ret->text = lpar->run.error.text;
		}
		return;
	}
	if (desired->run_id == lpar->run.started && core_lpar_is_attached(lpar)) {
		ret->is_done = true;
		return;
	}
	ret->is_running = false;
	ret->text = lpar->wait;
}
