/*
 * hypervisor - the one process whose end costs the partitions their memory.
 *
 *   ABSENT --spawn, find--> STARTING --first stat--> UP
 *     ^                        |                      |
 *     |  all of its partitions and VIOS gone,         | ends
 *     +------------- back-off over ------ LOST <------+
 *
 * A3: LOST begins with SIGKILL to every partition. A new one is started only when
 * the processes of the old are gone (their memory counts), but after
 * CORE_CLEAN_MS in any case. A hypervisor that does not answer is told, not killed:
 * it may be serving faults all the same.
 */
#include "agent/core/core_priv.h"

static void forget_answers(struct agent_core *core)
{
	struct core_hypervisor *hv = &core->hypervisor;

	hv->generation++;
	hv->has_answered = false;
	hv->is_asked = false;
	hv->is_silent = false;
	hv->is_going = false;
	hv->expect_is_known = false;
	hv->expect_is_asked = false;
	hv->expect_retry_ms = 0;
	hv->expect_why[0] = '\0';
	hv->stat = NULL;
	if (hv->reply != NULL)
		tarn__hv_reply__free_unpacked(hv->reply, NULL);
	hv->reply = NULL;
	core->pool.applied = 0;
	core->pool.is_asked = false;
	core->reserve = (struct core_reserve){ 0 };
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		core->lpars[i].stat = NULL;
		core->lpars[i].defined = 0;
		core->lpars[i].is_busy = false;
	}
}

static bool is_same(const struct agent_instance *a, const struct agent_instance *b)
{
	return a->pid == b->pid && a->starttime == b->starttime;
}

/* It ended; what it held is gone with it. */
static void lose(struct agent_core *core, const char *why)
{
	struct core_hypervisor *hv = &core->hypervisor;
	unsigned ended = core_lpar_lose(core) + hv->ended_runs;

	core_event(core, TARN__EVENT_LEVEL__EVENT_ERROR, "hypervisor.lost",
		   "hypervisor (pid %lld): %s; %u partition%s ended",
		   (long long)core->known_hypervisor.pid, why, ended,
		   ended == 1 ? "" : "s");
	hv->ended_runs = 0;
	hv->lost_ms = core->now_ms;
	core->known_hypervisor = (struct agent_instance){ 0 };
	core->failover = 0;
	core_state_touch(core, true);
}

static void adopt(struct agent_core *core, const struct agent_instance *instance,
		  bool was_started)
{
	struct core_hypervisor *hv = &core->hypervisor;

	if (core->known_hypervisor.pid != 0 &&
	    !is_same(instance, &core->known_hypervisor))
		lose(core, "ended while no agent was there");
	core->known_hypervisor = *instance;
	core_state_touch(core, true);
	core_process_set(core, &hv->process, instance);
	forget_answers(core);
	hv->was_started = was_started;
	hv->is_unclear = false;
	hv->answered_ms = core->now_ms;
	hv->asked_ms = 0;
}

void core_hypervisor_find(struct agent_core *core)
{
	struct agent_instance instance;
	enum hv_code code = core->ops->find(core->env, AGENT_HYPERVISOR, "", &instance,
					    NULL);

	core->hypervisor.is_unclear = code == HV_E_AGAIN;
	if (code == HV_OK) {
		adopt(core, &instance, false);
		return;
	}
	if (code == HV_E_AGAIN)
		return;
	core->hypervisor.lost_ms = core->now_ms; /* whatever is left goes first */
	if (core->known_hypervisor.pid != 0)
		lose(core, "ended while no agent was there");
}

static void tell_failure(struct agent_core *core, const char *why)
{
	struct core_hypervisor *hv = &core->hypervisor;

	if (strcmp(hv->why, why) == 0)
		return;
	core_text_set(hv->why, "%s", why);
	core_event(core, TARN__EVENT_LEVEL__EVENT_ERROR, "hypervisor.failed",
		   "the hypervisor does not start: %s", why);
}

static void spawn(struct agent_core *core)
{
	struct core_hypervisor *hv = &core->hypervisor;
	struct agent_spawn what = { .kind = AGENT_HYPERVISOR, .name = "" };
	struct agent_instance instance;
	struct hv_err err = { 0 };
	enum hv_code code = core->ops->spawn(core->env, &what, &instance, &err);

	if (code == HV_OK) {
		adopt(core, &instance, true);
		return;
	}
	if (code == HV_E_EXISTS) {
		core_hypervisor_find(core);
		return;
	}
	core_backoff_next(&hv->backoff, 0, core->now_ms);
	core_wake(core, hv->backoff.at_ms);
	tell_failure(core, hv_err_text(&err));
}

/* True when nothing of a lost hypervisor is left, or it was waited for long enough. */
static bool is_clean(struct agent_core *core)
{
	struct core_hypervisor *hv = &core->hypervisor;
	bool lpars_gone, vios_gone;

	if (hv->lost_ms == 0)
		return true;
	lpars_gone = core_lpar_clean(core);
	vios_gone = core_vios_clean(core);
	if ((!lpars_gone || !vios_gone) &&
	    !core_is_due(core, hv->lost_ms + CORE_CLEAN_MS))
		return false;
	hv->lost_ms = 0;
	return true;
}

static void watch_silence(struct agent_core *core)
{
	struct core_hypervisor *hv = &core->hypervisor;

	if (hv->is_silent || !core_is_due(core, hv->answered_ms + CORE_SILENT_MS))
		return;
	hv->is_silent = true;
	core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "hypervisor.silent",
		   "the hypervisor (pid %lld) has not answered for %llu ms; it is left "
		   "alone",
		   (long long)hv->process.instance.pid,
		   (unsigned long long)(core->now_ms - hv->answered_ms));
}

void core_hypervisor_step(struct agent_core *core)
{
	struct core_hypervisor *hv = &core->hypervisor;

	if (hv->process.is_alive) {
		watch_silence(core);
		return;
	}
	if (hv->is_unclear) {
		core_wake(core, core->now_ms + CORE_STAT_BUSY_MS);
		core_hypervisor_find(core);
		return;
	}
	if (is_clean(core) && core_is_due(core, hv->backoff.at_ms))
		spawn(core);
}

void core_hypervisor_poll(struct agent_core *core)
{
	struct core_hypervisor *hv = &core->hypervisor;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvStatGet get = TARN__HV_STAT_GET__INIT;
	struct core_call what = { .kind = CORE_CALL_STAT };
	bool is_busy = hv->is_busy || !hv->has_answered;
	uint64_t pause = is_busy ? CORE_STAT_BUSY_MS : CORE_STAT_IDLE_MS;

	if (!hv->process.is_alive || hv->is_going || hv->is_asked ||
	    !core_is_due(core, hv->asked_ms + pause))
		return;
	get.has_histograms = true;
	get.histograms = true;
	get.trace = core->trace.name;
	request.kind_case = TARN__HV_REQUEST__KIND_STAT;
	request.stat = &get;
	hv->asked_ms = core->now_ms;
	hv->is_asked = core_call(core, &what, &request, CORE_STAT_ASK_MS) == HV_OK;
	if (!hv->is_asked)
		core_wake(core, core->now_ms + pause);
}

void core_hypervisor_answered(struct agent_core *core, const struct core_call *call,
			      enum hv_code code, Tarn__HvReply *take_reply)
{
	struct core_hypervisor *hv = &core->hypervisor;

	if (call->hypervisor == hv->generation)
		hv->is_asked = false;
	if (code != HV_OK || take_reply->stat == NULL) {
		if (take_reply != NULL)
			tarn__hv_reply__free_unpacked(take_reply, NULL);
		return; /* watch_silence() counts it */
	}
	if (hv->is_silent)
		core_event(core, TARN__EVENT_LEVEL__EVENT_INFO, "hypervisor.answering",
			   "the hypervisor answers again, after %llu ms",
			   (unsigned long long)(core->now_ms - hv->answered_ms));
	if (!hv->has_answered && hv->was_started)
		core_event(core, TARN__EVENT_LEVEL__EVENT_INFO, "hypervisor.started",
			   "hypervisor started (pid %lld)",
			   (long long)hv->process.instance.pid);
	if (hv->reply != NULL)
		tarn__hv_reply__free_unpacked(hv->reply, NULL);
	hv->reply = take_reply;
	hv->stat = take_reply->stat;
	hv->has_answered = true;
	hv->is_silent = false;
	hv->answered_ms = core->now_ms;
	hv->why[0] = '\0';
	hv->stats++;
	core_observe(core);
}

bool core_hypervisor_is_up(const struct agent_core *core)
{
	const struct core_hypervisor *hv = &core->hypervisor;

	return hv->process.is_alive && !hv->is_going && hv->has_answered;
}

uint64_t core_hypervisor_next_stat(const struct agent_core *core)
{
	return core->hypervisor.stats + (core->hypervisor.is_asked ? 2 : 1);
}

void core_hypervisor_check(struct agent_core *core)
{
	struct core_hypervisor *hv = &core->hypervisor;
	struct agent_instance instance;

	if (!hv->process.is_alive || hv->is_going)
		return;
	if (core->ops->find(core->env, AGENT_HYPERVISOR, "", &instance, NULL) == HV_OK &&
	    is_same(&instance, &hv->process.instance))
		return;
	/* Its exit is told next; its partitions do not wait for that. */
	hv->is_going = true;
	hv->ended_runs = core_lpar_lose(core);
}

void core_hypervisor_exited(struct agent_core *core, const struct agent_exit *end)
{
	struct core_hypervisor *hv = &core->hypervisor;
	char why[AGENT_TEXT_BYTES];
	bool has_served = hv->has_answered || !hv->was_started;

	if (!hv->process.is_alive || hv->process.instance.pid != end->pid)
		return;
	core_backoff_next(&hv->backoff, core->now_ms - hv->process.since_ms,
			  core->now_ms);
	hv->process.is_alive = false;
	(void)core_exit_text(end, why);
	forget_answers(core);
	if (has_served) {
		lose(core, why);
		return;
	}
	tell_failure(core, why); /* it never had a partition */
	hv->lost_ms = core->now_ms;
	core->known_hypervisor = (struct agent_instance){ 0 };
	core_state_touch(core, true);
}
