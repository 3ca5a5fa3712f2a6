/*
 * dialog - with the coordinator: one poll that it holds, one report beside it.
 *
 * A report goes out when the status of something changed, else every 500 ms while
 * the hypervisor's numbers move, else every 2 s. Nothing here is needed by a
 * partition (A11): while the coordinator is away, the last desired state holds.
 */
#include "agent/core/core_priv.h"

static void send_poll(struct agent_core *core)
{
	struct core_dialog *dialog = &core->dialog;
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	Tarn__HostPoll poll = TARN__HOST_POLL__INIT;
	Tarn__HostIdentity identity;
	uint32_t tag = ++core->next_tag;

	core_identity_put(core, &identity);
	poll.identity = &identity;
	poll.revision = core->desired != NULL ? core->desired->revision : 0;
	request.kind_case = TARN__HOST_REQUEST__KIND_POLL;
	request.poll = &poll;
	if (core->ops->send(core->env, tag, &request, CORE_POLL_ASK_MS, NULL) == HV_OK)
		dialog->poll_tag = tag;
	else
		dialog->poll_at_ms = core->now_ms + CORE_DIALOG_BACKOFF_MAX_MS;
}

static uint64_t next_report_ms(const struct agent_core *core, uint64_t hash)
{
	const struct core_dialog *dialog = &core->dialog;
	const struct core_events *events = &core->events;
	uint64_t pause = CORE_REPORT_SLOW_MS;

	if (hash != dialog->reported_hash ||
	    (events->count > 0 &&
	     events->at[events->count - 1].number > dialog->reported_event))
		pause = CORE_REPORT_NOW_MS;
	else if (core->hypervisor.stats != dialog->reported_stat)
		pause = CORE_REPORT_FAST_MS;
	if (dialog->reported_ms + pause < dialog->report_at_ms)
		return dialog->report_at_ms;
	return dialog->reported_ms + pause;
}

static void send_report(struct agent_core *core)
{
	struct core_dialog *dialog = &core->dialog;
	uint64_t hash = core_report_hash(core);
	uint32_t tag;

	if (!core_is_due(core, next_report_ms(core, hash)))
		return;
	tag = ++core->next_tag;
	dialog->reported_ms = core->now_ms;
	if (core_report_send(core, tag) != HV_OK) {
		dialog->report_at_ms = core->now_ms + CORE_REPORT_FAST_MS;
		core_wake(core, dialog->report_at_ms);
		return;
	}
	dialog->report_tag = tag;
	dialog->reported_hash = hash;
	dialog->reported_stat = core->hypervisor.stats;
	dialog->reported_event = core->events.next - 1;
}

static void watch_coordinator(struct agent_core *core)
{
	struct core_dialog *dialog = &core->dialog;

	if (dialog->is_lost || !core_is_due(core, dialog->answered_ms + CORE_LOST_MS))
		return;
	dialog->is_lost = true;
	core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "coordinator.lost",
		   "no answer for %llu ms; everything goes on without it",
		   (unsigned long long)(core->now_ms - dialog->answered_ms));
}

void core_dialog_step(struct agent_core *core)
{
	struct core_dialog *dialog = &core->dialog;

	watch_coordinator(core);
	if (dialog->poll_tag == 0 && core_is_due(core, dialog->poll_at_ms))
		send_poll(core);
	if (dialog->poll_tag == 0)
		core_wake(core, dialog->poll_at_ms);
	if (dialog->report_tag == 0)
		send_report(core);
}

static void tell_refusal(struct agent_core *core, const Tarn__Error *error)
{
	struct core_dialog *dialog = &core->dialog;

	if (strcmp(dialog->refusal, error->text) == 0)
		return;
	core_text_set(dialog->refusal, "%s", error->text);
	core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "coordinator.refused", "%s",
		   error->text);
}

/* How long to wait after that answer, 0 = not at all. */
static uint64_t take_answer(struct agent_core *core, enum hv_code code,
			    const Tarn__Error *error)
{
	struct core_dialog *dialog = &core->dialog;

	if (code != HV_OK) {
		dialog->backoff_ms = dialog->backoff_ms == 0
					     ? CORE_DIALOG_BACKOFF_FIRST_MS
					     : dialog->backoff_ms * 2;
		if (dialog->backoff_ms > CORE_DIALOG_BACKOFF_MAX_MS)
			dialog->backoff_ms = CORE_DIALOG_BACKOFF_MAX_MS;
		return dialog->backoff_ms;
	}
	if (dialog->is_lost)
		core_event(core, TARN__EVENT_LEVEL__EVENT_INFO, "coordinator.regained",
			   "it answers again, after %llu ms",
			   (unsigned long long)(core->now_ms - dialog->answered_ms));
	dialog->is_lost = false;
	dialog->answered_ms = core->now_ms;
	dialog->backoff_ms = 0;
	if (error == NULL)
		return 0;
	tell_refusal(core, error);
	return CORE_REFUSED_MS;
}

static void polled(struct agent_core *core, enum hv_code code, Tarn__HostReply *reply)
{
	Tarn__HostPollReply *poll = reply != NULL && reply->kind_case ==
							     TARN__HOST_REPLY__KIND_POLL
					    ? reply->poll
					    : NULL;

	core->dialog.poll_tag = 0;
	if (code == HV_OK && poll == NULL)
		code = HV_E_CORRUPT;
	core->dialog.poll_at_ms =
		core->now_ms + take_answer(core, code, poll != NULL ? poll->error : NULL);
	if (poll == NULL || poll->error != NULL || poll->desired == NULL)
		return;
	core_desired_accept(core, poll->desired);
	poll->desired = NULL;
}

static void reported(struct agent_core *core, enum hv_code code,
		     const Tarn__HostReply *reply)
{
	const Tarn__HostReportReply *report =
		reply != NULL && reply->kind_case == TARN__HOST_REPLY__KIND_REPORT
			? reply->report
			: NULL;

	core->dialog.report_tag = 0;
	if (code == HV_OK && report == NULL)
		code = HV_E_CORRUPT;
	core->dialog.report_at_ms = core->now_ms +
				    take_answer(core, code,
						report != NULL ? report->error : NULL);
	if (report == NULL || report->error != NULL) {
		core->dialog.reported_hash = 0; /* it was not taken: once more */
		return;
	}
	core_events_acknowledge(core, report->events_acknowledged);
	core_trace_want(core, report->traced != NULL ? report->traced : "");
}

void agent_core_coordinator_answered(struct agent_core *core, uint32_t tag,
				     enum hv_code code, Tarn__HostReply *take_reply)
{
	core->now_ms = core->ops->now_ms(core->env);
	HV_INVARIANT(tag == core->dialog.poll_tag || tag == core->dialog.report_tag);
	if (tag == core->dialog.poll_tag)
		polled(core, code, take_reply);
	else
		reported(core, code, take_reply);
	if (take_reply != NULL)
		tarn__host_reply__free_unpacked(take_reply, NULL);
	agent_core_step(core);
}
