/*
 * agent - polls and reports of agents.
 *
 * A report is hostile input. It was bounded when it was decoded; here it can only
 * name its own host's objects, give generations that were given to it, and add
 * events under its own host's name, a slice at a time.
 */
#include "coordinator/api/engine_priv.h"

#include "coordinator/cluster/desired.h"
#include "hvcore/loop/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_A_REPORT 64 /* kept of one report; the agent sends the rest again */
#define EVENT_KIND_BYTES 40
#define EXPORT_URL_BYTES 200 /* what tarn-vios takes */

const char *agent_name(const struct request *request)
{
	switch (request->host->kind_case) {
	case TARN__HOST_REQUEST__KIND_POLL:
		return request->host->poll->identity->name;
	case TARN__HOST_REQUEST__KIND_CONSOLE:
		return request->host->console->identity->name;
	default:
		return request->host->report->identity->name;
	}
}

static bool is_event_kind(const char *kind)
{
	size_t n = strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n > 0 && n < EVENT_KIND_BYTES && kind[n] == '\0';
}

/* The lowest source number above `after`; NULL: none. Agents may send in any order. */
static const Tarn__Event *next_event(const Tarn__HostReport *report, uint64_t after)
{
	const Tarn__Event *best = NULL;

	for (size_t i = 0; i < report->n_events; i++) {
		const Tarn__Event *event = report->events[i];

		if (!event->has_source_number || event->source_number <= after)
			continue;
		if (best == NULL || event->source_number < best->source_number)
			best = event;
	}
	return best;
}

static void put_event(struct draft *draft, const char *host, const Tarn__Event *from)
{
	Tarn__Event event = *from;

	event.has_number = 0;
	event.host = (char *)host;
	if (!is_event_kind(event.kind))
		event.kind = (char *)"agent.event";
	draft_put(draft, RECORD_EVENT, draft->is_out ? NULL : record_copy(&event.base));
}

static void keep_events(struct draft *draft, const Tarn__HostRecord *host,
			const Tarn__HostReport *report)
{
	uint64_t seen = host->events_seen;
	Tarn__HostRecord *edit;

	for (unsigned i = 0; i < EVENTS_A_REPORT; i++) {
		const Tarn__Event *event = next_event(report, seen);

		if (event == NULL)
			break;
		put_event(draft, host->name, event);
		seen = event->source_number;
	}
	if (seen == host->events_seen)
		return;
	edit = draft_edit_host(draft, host->name);
	if (edit == NULL)
		return;
	edit->has_events_seen = 1;
	edit->events_seen = seen;
	draft_name(draft, "host '%s' reports events", host->name);
}

/*
 * Where its exporter listens is kept, as hosts that have devices there are told. What is
 * no URL for us is as if nothing had been said.
 */
static void keep_export(struct draft *draft, const Tarn__HostRecord *host,
			const Tarn__HostReport *report)
{
	const char *url = report->exporter != NULL ? report->exporter->url : NULL;
	Tarn__HostRecord *edit;

	if (url == NULL || strlen(url) >= EXPORT_URL_BYTES ||
	    hv_rpc_url_check(url, NULL) != HV_OK ||
	    (host->export_url != NULL && strcmp(host->export_url, url) == 0))
		return;
	edit = draft_edit_host(draft, host->name);
	if (edit == NULL)
		return;
	draft_set_text(draft, &edit->export_url, "%s", url);
	draft_name(draft, "host '%s' says where it exports devices", host->name);
}

/* Who is it, and what of its news must be durable? */
static enum hv_code join(struct engine *engine, const Tarn__HostIdentity *identity,
			 const Tarn__HostReport *report, struct hv_err *err)
{
	struct plan plan = { .cluster = &engine->cluster };
	enum hv_code code;

	draft_init(&plan.draft, &engine->cluster);
	code = plan_host_join(&plan, identity, err);
	if (code == HV_OK && report != NULL) {
		const Tarn__HostRecord *host = cluster_host(&engine->cluster,
							    identity->name);

		keep_events(&plan.draft, host, report);
		keep_export(&plan.draft, host, report);
	}
	if (code == HV_OK)
		code = engine_apply(engine, &plan.draft, err);
	draft_fini(&plan.draft);
	return code;
}

static enum hv_code see(struct engine *engine, const Tarn__HostIdentity *identity,
			struct live_host **ret_live, struct hv_err *err)
{
	struct cluster *cluster = &engine->cluster;
	enum hv_code code = live_make(&cluster->live, identity->name,
				      cluster->now.revision, ret_live, err);

	if (code != HV_OK)
		return code;
	(*ret_live)->is_seen = true;
	console_see(&engine->consoles, identity);
	(*ret_live)->seen_ms = cluster->now_ms;
	return HV_OK;
}

static void handle_report(struct engine *engine, struct request *request)
{
	Tarn__HostReport *report = request->host->report;
	Tarn__HostReportReply reply = TARN__HOST_REPORT_REPLY__INIT;
	Tarn__HostReply host = TARN__HOST_REPLY__INIT;
	struct hv_err err = { 0 };
	struct live_host *live;
	enum hv_code code;

	code = join(engine, report->identity, report, &err);
	if (code == HV_OK)
		code = see(engine, report->identity, &live, &err);
	if (code != HV_OK) {
		request_reply_error(request, &err);
		return;
	}
	reply.has_events_acknowledged = 1;
	reply.events_acknowledged =
		cluster_host(&engine->cluster, report->identity->name)->events_seen;
	if (engine->cluster.now_ms < live->traced_ms)
		reply.traced = live->traced;
	host.kind_case = TARN__HOST_REPLY__KIND_REPORT;
	host.report = &reply;
	request_reply(request, &host.base);
	(void)snprintf(request->name, sizeof(request->name), "%s", live->name);
	if (live_take_report(live, report, engine->cluster.now_ms)) {
		request->host->report = NULL;
		request->host->kind_case = TARN__HOST_REQUEST__KIND__NOT_SET;
	}
}

/* A poll, or a console: they wait. */
static bool let_in(struct engine *engine, struct request *request,
		   const Tarn__HostIdentity *identity)
{
	struct hv_err err = { 0 };
	struct live_host *live;
	enum hv_code code = join(engine, identity, NULL, &err);

	if (code == HV_OK)
		code = see(engine, identity, &live, &err);
	if (code != HV_OK)
		request_reply_error(request, &err);
	return code == HV_OK;
}

static void handle_console(struct engine *engine, struct request *request)
{
	const Tarn__HostConsole *console = request->host->console;

	if (let_in(engine, request, console->identity))
		console_take(&engine->consoles, &engine->cluster, console);
}

void agent_handle(struct engine *engine, struct request *request)
{
	if (request->shape == SHAPE_POLL)
		(void)let_in(engine, request, request->host->poll->identity);
	else if (request->shape == SHAPE_CONSOLE)
		handle_console(engine, request);
	else
		handle_report(engine, request);
}

static void reply_desired(struct engine *engine, struct request *request,
			  const Tarn__HostRecord *host, uint64_t revision)
{
	Tarn__HostPollReply poll = TARN__HOST_POLL_REPLY__INIT;
	Tarn__HostReply reply = TARN__HOST_REPLY__INIT;
	Tarn__HostDesired *desired;
	struct hv_err err = { 0 };

	if (desired_make(&engine->cluster, host, revision, &desired, &err) != HV_OK) {
		request_reply_error(request, &err);
		return;
	}
	poll.desired = desired;
	reply.kind_case = TARN__HOST_REPLY__KIND_POLL;
	reply.poll = &poll;
	request_reply(request, &reply.base);
	desired_free(desired);
}

static void reply_console_waits(struct request *request)
{
	Tarn__HostPollReply poll = TARN__HOST_POLL_REPLY__INIT;
	Tarn__HostReply reply = TARN__HOST_REPLY__INIT;

	poll.has_console = 1;
	poll.console = 1;
	reply.kind_case = TARN__HOST_REPLY__KIND_POLL;
	reply.poll = &poll;
	request_reply(request, &reply.base);
}

bool agent_answer_console(struct engine *engine, struct request *request, bool is_last)
{
	const Tarn__HostConsole *console = request->host->console;
	Tarn__HostConsoleReply answer;
	Tarn__HostReply reply = TARN__HOST_REPLY__INIT;
	struct hv_err err = { 0 };

	if (!is_last && !console_has_news(&engine->consoles, console))
		return false;
	if (console_orders(&engine->consoles, console->identity->name, &answer, &err) !=
	    HV_OK) {
		request_reply_error(request, &err);
		return true;
	}
	answer.has_number = 1;
	answer.number = console->number;
	reply.kind_case = TARN__HOST_REPLY__KIND_CONSOLE;
	reply.console = &answer;
	request_reply(request, &reply.base);
	console_free_orders(&answer);
	return true;
}

bool agent_answer_poll(struct engine *engine, struct request *request)
{
	const Tarn__HostPoll *poll = request->host->poll;
	const char *name = poll->identity->name;
	const Tarn__HostRecord *host = cluster_host(&engine->cluster, name);
	const struct live_host *live = cluster_live(&engine->cluster, name);
	struct hv_err err = { 0 };

	if (host == NULL || live == NULL) {
		hv_fail(&err, HV_E_NOTFOUND, "host '%s' was removed", name);
		request_reply_error(request, &err);
		return true;
	}
	if (live->desired_revision == poll->revision) {
		if (!console_must_tell(&engine->consoles, &engine->cluster, name))
			return false;
		reply_console_waits(request);
		return true;
	}
	reply_desired(engine, request, host, live->desired_revision);
	return true;
}
