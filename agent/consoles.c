/* consoles - see consoles.h. */
#include "agent/consoles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/tty.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"

#define OUTPUT_BYTES HV_CONSOLE_OUTPUT_MAX
#define ASK_MS 20000  /* longer than the coordinator holds a HostConsole */
#define AT_ONCE_MAX 2 /* one that is held, one with news */
#define PAUSE_MS 100  /* between two requests that could not change anything */
#define END_BYTE 4    /* PARTITION_TTY_END: its user has left */

struct session {
	struct session *next;
	struct agent_consoles *owner;
	uint64_t number;
	char lpar[HV_NAME_BYTES];
	int fd; /* -1: over */
	struct hv_watch watch;
	bool is_blocked; /* the partition takes no input now */
	bool is_named;   /* by the answer that is being read */
	enum hv_code code;
	char why[AGENT_TEXT_BYTES]; /* over, and not by its user */
	uint64_t input_seen;
	uint64_t output_at;
	bool is_end_held; /* END_BYTE was the last one: output, if another one follows */
	size_t output_count;
	uint8_t output[OUTPUT_BYTES]; /* not acknowledged */
};

struct agent_consoles {
	struct agent_consoles_config config;
	struct hv_loop *loop;
	struct hv_timer timer;
	struct session *first;
	unsigned count;
	unsigned in_flight;
	bool has_news; /* for the coordinator */
	bool is_short; /* a session could not be made */
	uint64_t number, answered;
	uint64_t answered_ms;
	uint64_t pause_until_ms;
};

/* ---- sessions ---- */

static void hang_up(struct session *session)
{
	if (session->fd < 0)
		return;
	hv_watch_stop(&session->watch);
	(void)close(session->fd);
	session->fd = -1;
}

static void drop(struct agent_consoles *consoles, struct session *session)
{
	struct session **at = &consoles->first;

	while (*at != session)
		at = &(*at)->next;
	*at = session->next;
	consoles->count--;
	hang_up(session);
	free(session);
}

static void drop_all(struct agent_consoles *consoles)
{
	while (consoles->first != NULL)
		drop(consoles, consoles->first);
}

static struct session *find(const struct agent_consoles *consoles, uint64_t number)
{
	struct session *at = consoles->first;

	while (at != NULL && at->number != number)
		at = at->next;
	return at;
}

static void end(struct session *session, enum hv_code code, const char *why)
{
	hang_up(session);
	session->code = code;
	(void)snprintf(session->why, sizeof(session->why), "%s", why);
	session->owner->has_news = true;
}

static size_t room_for_output(const struct session *session)
{
	return sizeof(session->output) - session->output_count - session->is_end_held;
}

static void watch(struct session *session)
{
	unsigned events = 0;
	struct hv_err err = { 0 };

	if (room_for_output(session) > 0)
		events |= HV_WATCH_READ;
	if (session->is_blocked)
		events |= HV_WATCH_WRITE;
	if (events == 0)
		hv_watch_stop(&session->watch);
	else if (hv_watch_start(session->owner->loop, &session->watch, session->fd,
				events, &err) != HV_OK)
		end(session, HV_E_NOMEM, hv_err_text(&err));
}

static void on_end(struct session *session)
{
	if (session->is_end_held)
		end(session, HV_OK, "");
	else
		end(session, HV_E_GONE, "the partition ended, or hung up");
}

/* The end may be far behind its byte, which nobody is to see. */
static void hold_end(struct session *session)
{
	size_t count = session->output_count;

	session->is_end_held = session->output[count - 1] == END_BYTE;
	session->output_count -= session->is_end_held;
}

static void read_output(struct session *session)
{
	size_t room = room_for_output(session);
	uint8_t *to = session->output + session->output_count;
	ssize_t n;

	if (room == 0)
		return;
	n = recv(session->fd, to + session->is_end_held, room, 0);
	if (n > 0) {
		if (session->is_end_held)
			to[0] = END_BYTE;
		session->output_count += session->is_end_held + (size_t)n;
		session->owner->has_news = true;
		hold_end(session);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		on_end(session);
	}
}

static void step(struct agent_consoles *consoles);

static void on_socket(struct hv_watch *at, unsigned events)
{
	struct session *session = HV_CONTAINER(at, struct session, watch);

	if (session->is_blocked && (events & HV_WATCH_WRITE) != 0) {
		session->is_blocked = false;
		session->owner->has_news = true; /* the input is named again */
	}
	if (events == 0 || (events & HV_WATCH_READ) != 0)
		read_output(session);
	if (session->fd >= 0)
		watch(session);
	step(session->owner);
}

static struct session *make(struct agent_consoles *consoles,
			    const Tarn__ConsoleOrder *order)
{
	struct session *session = calloc(1, sizeof(*session));
	struct hv_err err = { 0 };
	enum hv_code code;

	if (session == NULL || consoles->count >= HV_CONSOLES_MAX) {
		free(session);
		consoles->is_short = true; /* the coordinator gives up after a while */
		return NULL;
	}
	session->owner = consoles;
	session->number = order->session;
	session->fd = -1;
	session->watch.run = on_socket;
	(void)snprintf(session->lpar, sizeof(session->lpar), "%s", order->lpar);
	session->next = consoles->first;
	consoles->first = session;
	consoles->count++;
	consoles->has_news = true;
	code = agent_tty_connect(consoles->config.state,
				 order->has_debugger && order->debugger
					 ? AGENT_TTY_DEBUGGER
					 : AGENT_TTY_CONSOLE,
				 session->lpar, &session->fd, &err);
	if (code != HV_OK)
		end(session, code, hv_err_text(&err));
	else
		watch(session);
	return session;
}

static void write_input(struct session *session, const Tarn__ConsoleOrder *order)
{
	size_t skip;
	ssize_t n;

	if (session->fd < 0 || !order->has_input ||
	    order->input_at > session->input_seen ||
	    order->input.len <= session->input_seen - order->input_at)
		return;
	skip = (size_t)(session->input_seen - order->input_at);
	n = send(session->fd, order->input.data + skip, order->input.len - skip,
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) {
		session->input_seen += (uint64_t)n;
		session->owner->has_news = true;
	}
	session->is_blocked = n != (ssize_t)(order->input.len - skip);
}

static void acknowledge(struct session *session, uint64_t seen)
{
	size_t count;

	if (seen <= session->output_at ||
	    seen > session->output_at + session->output_count)
		return;
	count = (size_t)(seen - session->output_at);
	session->output_count -= count;
	session->output_at = seen;
	memmove(session->output, session->output + count, session->output_count);
}

/* ---- requests ---- */

static void fill(const struct session *session, Tarn__ConsoleReport *report,
		 Tarn__Error *error)
{
	tarn__console_report__init(report);
	report->session = session->number;
	report->input_seen = session->input_seen;
	report->output_at = session->output_at;
	report->has_output = session->output_count > 0;
	report->output = (ProtobufCBinaryData){ session->output_count,
						(uint8_t *)session->output };
	report->has_ended = session->fd < 0;
	report->ended = session->fd < 0;
	if (session->fd >= 0 || session->why[0] == '\0')
		return;
	tarn__error__init(error);
	error->code = session->code;
	error->text = (char *)session->why;
	report->error = error;
}

static enum hv_code send_sessions(struct agent_consoles *consoles)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	Tarn__HostConsole console = TARN__HOST_CONSOLE__INIT;
	Tarn__ConsoleReport reports[HV_CONSOLES_MAX];
	Tarn__ConsoleReport *list[HV_CONSOLES_MAX];
	Tarn__Error errors[HV_CONSOLES_MAX];
	Tarn__HostIdentity identity;

	agent_core_identity(consoles->config.core, &identity);
	for (const struct session *at = consoles->first; at != NULL; at = at->next) {
		HV_INVARIANT(console.n_sessions < HV_CONSOLES_MAX);
		fill(at, &reports[console.n_sessions], &errors[console.n_sessions]);
		list[console.n_sessions] = &reports[console.n_sessions];
		console.n_sessions++;
	}
	console.identity = &identity;
	console.number = ++consoles->number;
	console.sessions = list;
	request.kind_case = TARN__HOST_REQUEST__KIND_CONSOLE;
	request.console = &console;
	return agent_link_ask_console(consoles->config.link, &request, ASK_MS, NULL);
}

static bool is_wanted(const struct agent_consoles *consoles)
{
	if (consoles->has_news)
		return consoles->in_flight < AT_ONCE_MAX;
	return consoles->in_flight == 0 && consoles->first != NULL;
}

static void step(struct agent_consoles *consoles)
{
	uint64_t now_ms = hv_clock_ms();

	if (!is_wanted(consoles))
		return;
	if (now_ms < consoles->pause_until_ms) {
		/* open() has started it once, so it cannot fail */
		(void)!hv_timer_start(consoles->loop, &consoles->timer,
				      consoles->pause_until_ms - now_ms, 0, NULL);
		return;
	}
	consoles->has_news = false;
	if (send_sessions(consoles) == HV_OK) {
		consoles->in_flight++;
		return;
	}
	consoles->has_news = true;
	consoles->pause_until_ms = now_ms + PAUSE_MS;
	(void)!hv_timer_start(consoles->loop, &consoles->timer, PAUSE_MS, 0, NULL);
}

static void on_timer(struct hv_timer *timer)
{
	step(HV_CONTAINER(timer, struct agent_consoles, timer));
}

/* ---- answers ---- */

static void take_order(struct agent_consoles *consoles, const Tarn__ConsoleOrder *order)
{
	struct session *session = find(consoles, order->session);

	if (session == NULL)
		session = make(consoles, order);
	if (session == NULL)
		return;
	session->is_named = true;
	acknowledge(session, order->output_seen);
	write_input(session, order);
	if (session->is_blocked)
		consoles->is_short = true;
	if (session->fd >= 0)
		watch(session);
}

static void take_answer(struct agent_consoles *consoles,
			const Tarn__HostConsoleReply *reply)
{
	struct session *next;

	if (!reply->has_number || reply->number <= consoles->answered)
		return; /* late */
	consoles->answered = reply->number;
	consoles->is_short = false;
	for (struct session *at = consoles->first; at != NULL; at = at->next)
		at->is_named = false;
	for (size_t i = 0; i < reply->n_sessions; i++)
		take_order(consoles, reply->sessions[i]);
	for (struct session *at = consoles->first; at != NULL; at = next) {
		next = at->next;
		if (!at->is_named)
			drop(consoles, at);
	}
	if (consoles->is_short)
		consoles->pause_until_ms = hv_clock_ms() + PAUSE_MS;
}

void agent_consoles_answered(struct agent_consoles *consoles, enum hv_code code,
			     const Tarn__HostReply *reply)
{
	uint64_t now_ms = hv_clock_ms();

	HV_INVARIANT(consoles->in_flight > 0);
	consoles->in_flight--;
	if (code == HV_OK && reply->kind_case == TARN__HOST_REPLY__KIND_CONSOLE &&
	    reply->console->error == NULL) {
		consoles->answered_ms = now_ms;
		take_answer(consoles, reply->console);
	} else {
		consoles->pause_until_ms = now_ms + PAUSE_MS;
		if (now_ms - consoles->answered_ms >= CONSOLES_LOST_MS)
			drop_all(consoles);
	}
	step(consoles);
}

void agent_consoles_wake(struct agent_consoles *consoles)
{
	if (consoles->first == NULL)
		consoles->answered_ms = hv_clock_ms();
	consoles->has_news = true;
	step(consoles);
}

enum hv_code agent_consoles_open(struct hv_loop *loop,
				 const struct agent_consoles_config *config,
				 struct agent_consoles **ret_consoles, struct hv_err *err)
{
	struct agent_consoles *consoles = calloc(1, sizeof(*consoles));
	enum hv_code code;

	if (consoles == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for consoles");
	consoles->config = *config;
	consoles->loop = loop;
	consoles->timer.run = on_timer;
	code = hv_timer_start(loop, &consoles->timer, 0, 0, err);
	if (code != HV_OK) {
		free(consoles);
		return code;
	}
	*ret_consoles = consoles;
	return HV_OK;
}

void agent_consoles_close(struct agent_consoles *consoles)
{
	if (consoles == NULL)
		return;
	drop_all(consoles);
	hv_timer_stop(&consoles->timer);
	free(consoles);
}
