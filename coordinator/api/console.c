/* console - see console.h. */
#include "coordinator/api/console.h"

#include "coordinator/cluster/guest.h"
#include "hvcore/base/invariant.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES HV_CONSOLE_INPUT_MAX
#define OUTPUT_BYTES (2 * HV_CONSOLE_OUTPUT_MAX)
#define REASON_BYTES 256

/* Bytes that one side has sent and the other has not confirmed. */
struct flow {
	uint64_t at; /* place of the first one */
	size_t count, room;
	uint8_t *bytes;
};

struct console_session {
	struct console_session *next;
	uint64_t number;
	uint8_t id[HV_KEY_BYTES];
	char lpar[HV_NAME_BYTES];
	char host[HV_NAME_BYTES];
	bool is_debugger;
	bool is_open;              /* the agent has said so */
	bool is_closed;            /* nothing comes any more */
	uint64_t incarnation;      /* of the agent that opened it; 0: none yet */
	uint64_t opened_ms;        /* when it was asked for */
	uint64_t client_ms;        /* last heard of */
	uint64_t agent_ms;         /* the same */
	uint64_t tell_ms;          /* the agent is not told of it before */
	char reason[REASON_BYTES]; /* closed; "" by its user's exit */
	struct flow input, output;
	uint8_t input_bytes[INPUT_BYTES], output_bytes[OUTPUT_BYTES];
};

/* ---- flows ---- */

/* Takes what is new of bytes from place `at` on, as far as there is room. */
static void flow_put(struct flow *flow, uint64_t at, const ProtobufCBinaryData *data)
{
	uint64_t end = flow->at + flow->count;
	size_t skip, count;

	if (at > end || data->len < end - at) /* a gap is no peer of ours */
		return;
	skip = (size_t)(end - at);
	count = data->len - skip;
	if (count > flow->room - flow->count)
		count = flow->room - flow->count;
	if (count > 0)
		memcpy(flow->bytes + flow->count, data->data + skip, count);
	flow->count += count;
}

/* The other side has everything before `seen`. */
static void flow_confirm(struct flow *flow, uint64_t seen)
{
	size_t count;

	if (seen <= flow->at || seen > flow->at + flow->count)
		return;
	count = (size_t)(seen - flow->at);
	flow->count -= count;
	flow->at = seen;
	memmove(flow->bytes, flow->bytes + count, flow->count);
}

static uint64_t flow_end(const struct flow *flow)
{
	return flow->at + flow->count;
}

/* ---- table ---- */

static struct console_session *find(const struct console_table *table, const uint8_t *id)
{
	struct console_session *at = table->first;

	while (at != NULL && memcmp(at->id, id, sizeof(at->id)) != 0)
		at = at->next;
	return at;
}

static struct console_session *find_number(const struct console_table *table,
					   const char *host, uint64_t number)
{
	struct console_session *at = table->first;

	while (at != NULL && (at->number != number || strcmp(at->host, host) != 0))
		at = at->next;
	return at;
}

/* The one that has the console of that partition, or its debugger. */
static struct console_session *find_lpar(const struct console_table *table,
					 const char *lpar, bool is_debugger)
{
	struct console_session *at = table->first;

	while (at != NULL && (at->is_closed || at->is_debugger != is_debugger ||
			      strcmp(at->lpar, lpar) != 0))
		at = at->next;
	return at;
}

static void end(struct console_session *session, const char *format, ...) HV_PRINTF(2, 3);

static void end(struct console_session *session, const char *format, ...)
{
	va_list args;

	if (session->is_closed)
		return;
	session->is_closed = true;
	va_start(args, format);
	(void)vsnprintf(session->reason, sizeof(session->reason), format, args);
	va_end(args);
}

static void drop(struct console_table *table, struct console_session *session)
{
	struct console_session **at = &table->first;

	while (*at != session)
		at = &(*at)->next;
	*at = session->next;
	table->count--;
	free(session);
}

void console_fini(struct console_table *table)
{
	while (table->first != NULL)
		drop(table, table->first);
}

/* ---- clients ---- */

static bool wants_debugger(const Tarn__ConsoleOpen *open)
{
	return open->has_debugger && open->debugger;
}

static enum hv_code check_open(const struct console_table *table,
			       const struct cluster *cluster,
			       const Tarn__ConsoleOpen *open, struct hv_err *err)
{
	const char *name = open->lpar;
	const Tarn__LparRecord *lpar = cluster_lpar(cluster, name);

	if (lpar == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "lpar '%s' is not known", name);
	if (!lpar->running)
		return hv_fail(err, HV_E_STATE, "lpar '%s' does not run", name);
	if (wants_debugger(open) && guest_check_debugger(lpar, err) != HV_OK)
		return HV_E_REFUSED;
	if (find_lpar(table, name, wants_debugger(open)) != NULL)
		return hv_fail(err, HV_E_BUSY, "the %s of lpar '%s' is already open",
			       wants_debugger(open) ? "debugger" : "console", name);
	if (!cluster_is_connected(cluster, lpar->host))
		return hv_fail(err, HV_E_GONE, "host '%s' is not connected", lpar->host);
	if (table->count >= CONSOLE_SESSIONS_MAX)
		return hv_fail(err, HV_E_LIMIT, "%u consoles are open, that is the limit",
			       table->count);
	return HV_OK;
}

static enum hv_code make(struct console_table *table, const struct cluster *cluster,
			 const Tarn__ConsoleOpen *open, struct console_session **ret,
			 struct hv_err *err)
{
	const Tarn__LparRecord *lpar = cluster_lpar(cluster, open->lpar);
	struct console_session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a console");
	memcpy(session->id, open->session.data, sizeof(session->id));
	(void)snprintf(session->lpar, sizeof(session->lpar), "%s", open->lpar);
	(void)snprintf(session->host, sizeof(session->host), "%s", lpar->host);
	session->is_debugger = wants_debugger(open);
	session->number = ++table->next;
	session->opened_ms = session->client_ms = session->agent_ms = cluster->now_ms;
	session->input.bytes = session->input_bytes;
	session->input.room = sizeof(session->input_bytes);
	session->output.bytes = session->output_bytes;
	session->output.room = sizeof(session->output_bytes);
	session->next = table->first;
	table->first = session;
	table->count++;
	*ret = session;
	return HV_OK;
}

static void fill(struct console_session *session, Tarn__ConsoleReply *ret_reply)
{
	size_t count = session->output.count < HV_CONSOLE_OUTPUT_MAX
			       ? session->output.count
			       : HV_CONSOLE_OUTPUT_MAX;

	tarn__console_reply__init(ret_reply);
	ret_reply->input_seen = flow_end(&session->input);
	ret_reply->output_at = session->output.at;
	ret_reply->has_output = count > 0;
	ret_reply->output = (ProtobufCBinaryData){ count, session->output.bytes };
	ret_reply->has_closed = session->is_closed;
	ret_reply->closed = session->is_closed && count == session->output.count;
	if (session->is_closed && session->reason[0] != '\0')
		ret_reply->reason = session->reason;
}

enum hv_code console_open(struct console_table *table, const struct cluster *cluster,
			  const Tarn__ConsoleOpen *open, Tarn__ConsoleReply *ret_reply,
			  struct hv_err *err)
{
	struct console_session *session = find(table, open->session.data);
	enum hv_code code;

	if (session == NULL) {
		code = check_open(table, cluster, open, err);
		if (code == HV_OK)
			code = make(table, cluster, open, &session, err);
		if (code != HV_OK)
			return code;
	}
	session->client_ms = cluster->now_ms;
	if (strcmp(session->lpar, open->lpar) != 0)
		return hv_fail(err, HV_E_EXISTS, "that session is of lpar '%s'",
			       session->lpar);
	if (session->is_closed && !session->is_open)
		return hv_fail(err, HV_E_GONE, "%s", session->reason);
	if (!session->is_open)
		return HV_E_AGAIN;
	fill(session, ret_reply);
	return HV_OK;
}

enum hv_code console_exchange(struct console_table *table, const struct cluster *cluster,
			      const Tarn__ConsoleExchange *exchange,
			      Tarn__ConsoleReply *ret_reply, struct hv_err *err)
{
	struct console_session *session = find(table, exchange->session.data);
	uint64_t before;

	if (session == NULL)
		return hv_fail(err, HV_E_NOTFOUND,
			       "the console was closed, or the coordinator restarted");
	session->client_ms = cluster->now_ms;
	before = exchange->input_at;
	if (exchange->has_input)
		flow_put(&session->input, exchange->input_at, &exchange->input);
	flow_confirm(&session->output, exchange->output_seen);
	fill(session, ret_reply);
	if (!session->is_closed && !ret_reply->has_output &&
	    (!exchange->has_input || ret_reply->input_seen <= before))
		return HV_E_AGAIN;
	return HV_OK;
}

enum hv_code console_close(struct console_table *table, const struct cluster *cluster,
			   const Tarn__ConsoleClose *close, struct hv_err *err)
{
	struct console_session *session = NULL;

	if (close->has_session == (close->lpar != NULL))
		return hv_fail(err, HV_E_INVAL,
			       "exactly one of session and lpar is needed");
	if (close->has_session) {
		session = find(table, close->session.data);
		if (session != NULL)
			drop(table, session);
		return HV_OK; /* also where it is over already */
	}
	if (cluster_lpar(cluster, close->lpar) == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "lpar '%s' is not known", close->lpar);
	session = find_lpar(table, close->lpar, false);
	if (session != NULL)
		end(session, "another user closed the console");
	return HV_OK;
}

/* ---- agents ---- */

static const Tarn__ConsoleReport *report_of(const Tarn__HostConsole *console,
					    uint64_t number)
{
	for (size_t i = 0; i < console->n_sessions; i++) {
		if (console->sessions[i]->session == number)
			return console->sessions[i];
	}
	return NULL;
}

static void take_report(struct console_session *session, uint64_t incarnation,
			const Tarn__ConsoleReport *report)
{
	if (session->is_closed)
		return;
	session->incarnation = incarnation;
	flow_confirm(&session->input, report->input_seen);
	if (report->has_output)
		flow_put(&session->output, report->output_at, &report->output);
	if (!report->has_ended || !report->ended) {
		session->is_open = true;
		return;
	}
	/* Not before all its last words are here. */
	if (report->output_at + (report->has_output ? report->output.len : 0) >
	    flow_end(&session->output))
		return;
	if (report->error != NULL)
		end(session, "%.200s", report->error->text);
	else
		end(session, "%s", "");
}

void console_see(struct console_table *table, const Tarn__HostIdentity *identity)
{
	for (struct console_session *at = table->first; at != NULL; at = at->next) {
		if (at->incarnation != 0 && at->incarnation != identity->incarnation &&
		    strcmp(at->host, identity->name) == 0)
			end(at, "the agent of host '%s' was restarted", at->host);
	}
}

void console_take(struct console_table *table, const struct cluster *cluster,
		  const Tarn__HostConsole *console)
{
	const Tarn__HostIdentity *identity = console->identity;

	console_see(table, identity);
	for (struct console_session *at = table->first; at != NULL; at = at->next) {
		const Tarn__ConsoleReport *report = report_of(console, at->number);

		if (strcmp(at->host, identity->name) != 0)
			continue;
		at->agent_ms = cluster->now_ms;
		if (report != NULL)
			take_report(at, identity->incarnation, report);
	}
}

/* Whether the agent, which said `report` of it, has to learn something. */
static bool is_news(const struct console_session *session,
		    const Tarn__ConsoleReport *report)
{
	uint64_t output = report->output_at;

	if (report->has_output)
		output += report->output.len;
	return flow_end(&session->input) > report->input_seen ||
	       (report->output_at < output &&
		flow_end(&session->output) > report->output_at) ||
	       (output > flow_end(&session->output) &&
		session->output.count < session->output.room); /* say it again */
}

bool console_has_news(const struct console_table *table, const Tarn__HostConsole *console)
{
	const char *host = console->identity->name;

	for (const struct console_session *at = table->first; at != NULL; at = at->next) {
		const Tarn__ConsoleReport *report = report_of(console, at->number);

		if (!at->is_closed && strcmp(at->host, host) == 0 &&
		    (report == NULL || is_news(at, report)))
			return true;
	}
	for (size_t i = 0; i < console->n_sessions; i++) {
		const struct console_session *session =
			find_number(table, host, console->sessions[i]->session);

		if (session == NULL || session->is_closed)
			return true;
	}
	return console->n_sessions == 0; /* nothing to hold it for */
}

static Tarn__ConsoleOrder *make_order(struct console_session *session)
{
	Tarn__ConsoleOrder *order = malloc(sizeof(*order));

	if (order == NULL)
		return NULL;
	tarn__console_order__init(order);
	order->session = session->number;
	order->lpar = session->lpar;
	order->input_at = session->input.at;
	order->has_input = session->input.count > 0;
	order->input = (ProtobufCBinaryData){ session->input.count,
					      session->input.bytes };
	order->output_seen = flow_end(&session->output);
	order->has_debugger = session->is_debugger;
	order->debugger = session->is_debugger;
	return order;
}

enum hv_code console_orders(const struct console_table *table, const char *host,
			    Tarn__HostConsoleReply *ret_reply, struct hv_err *err)
{
	tarn__host_console_reply__init(ret_reply);
	ret_reply->sessions = calloc(table->count + 1, sizeof(*ret_reply->sessions));
	if (ret_reply->sessions == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for %u consoles",
			       table->count);
	for (struct console_session *at = table->first; at != NULL; at = at->next) {
		Tarn__ConsoleOrder *order;

		if (at->is_closed || strcmp(at->host, host) != 0)
			continue;
		order = make_order(at);
		if (order == NULL) {
			console_free_orders(ret_reply);
			return hv_fail(err, HV_E_NOMEM, "no memory for a console");
		}
		ret_reply->sessions[ret_reply->n_sessions++] = order;
	}
	return HV_OK;
}

void console_free_orders(Tarn__HostConsoleReply *reply)
{
	for (size_t i = 0; i < reply->n_sessions; i++)
		free(reply->sessions[i]);
	free(reply->sessions);
	reply->sessions = NULL;
	reply->n_sessions = 0;
}

bool console_must_tell(struct console_table *table, const struct cluster *cluster,
		       const char *host)
{
	bool is_told = false;

	for (struct console_session *at = table->first; at != NULL; at = at->next) {
		if (at->is_closed || at->incarnation != 0 ||
		    strcmp(at->host, host) != 0 || cluster->now_ms < at->tell_ms)
			continue;
		at->tell_ms = cluster->now_ms + CONSOLE_TELL_MS;
		is_told = true;
	}
	return is_told;
}

/* ---- time ---- */

static void age(struct console_session *session, uint64_t now_ms)
{
	if (!session->is_open && now_ms - session->opened_ms >= CONSOLE_OPEN_MS)
		end(session, "host '%s' did not open the console in %d s", session->host,
		    CONSOLE_OPEN_MS / 1000);
	else if (now_ms - session->agent_ms >= CONSOLE_AGENT_MS)
		end(session, "host '%s' is silent", session->host);
}

void console_tick(struct console_table *table, const struct cluster *cluster)
{
	struct console_session *next;

	for (struct console_session *at = table->first; at != NULL; at = next) {
		const Tarn__LparRecord *lpar = cluster_lpar(cluster, at->lpar);

		next = at->next;
		if (lpar == NULL || strcmp(lpar->host, at->host) != 0)
			end(at, "lpar '%s' was removed", at->lpar);
		age(at, cluster->now_ms);
		if (cluster->now_ms - at->client_ms >= CONSOLE_CLIENT_MS)
			drop(table, at);
	}
}
