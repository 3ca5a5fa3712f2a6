/*
 * Unit tests of agent/consoles.h: sockets of the kind that partitions have on one side,
 * real nng and a coordinator that answers as told on the other.
 */
#include "tests/support/oom.h"
#include "tests/unit/agent/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/consoles.h"
#include "agent/tty.h"
#include "hvcore/base/clock.h"

#define HELD_MAX 4

struct stage {
	struct shell *shell;
	struct agent_core *core;
	struct agent_link *link;
	struct agent_consoles *consoles;
	struct hv_server *server;
	struct hv_exchange *held[HELD_MAX]; /* oldest first */
	unsigned held_count, requests;
	bool answers;             /* at once, with the same orders */
	Tarn__HostConsole *asked; /* the last one */
	Tarn__HostRequest *request;
	unsigned wanted;
	char url[128];
	int listener, peer; /* the partition's */
	/* of the order in an answer */
	unsigned orders;
	uint64_t seen; /* of input, so far */
	uint64_t input_at, output_seen;
	char input[HV_CONSOLE_INPUT_MAX];
	size_t input_count;
};

static uint64_t now_ms(void *env)
{
	(void)env;
	return hv_clock_ms();
}

/* Answers the oldest request, as if it were of that number; 0: its own. */
static void answer(struct stage *stage, uint64_t number)
{
	Tarn__HostReply reply = TARN__HOST_REPLY__INIT;
	Tarn__HostConsoleReply console = TARN__HOST_CONSOLE_REPLY__INIT;
	Tarn__ConsoleOrder order = TARN__CONSOLE_ORDER__INIT, *list = &order;
	Tarn__HostRequest *request;
	struct hv_exchange *exchange = stage->held[0];
	const uint8_t *asked;
	uint8_t *bytes;
	size_t count;

	assert_true(stage->held_count > 0);
	asked = hv_exchange_bytes(exchange, &count);
	assert_int_equal(hv_host_request_decode(asked, count, &request, NULL), HV_OK);
	stage->held_count--;
	memmove(stage->held, stage->held + 1, stage->held_count * sizeof(exchange));
	order.session = 5;
	order.lpar = (char *)"db1";
	order.input_at = stage->input_at;
	order.has_input = stage->input_count > 0;
	order.input = (ProtobufCBinaryData){ stage->input_count,
					     (uint8_t *)stage->input };
	order.output_seen = stage->output_seen;
	console.has_number = 1;
	console.number = number != 0 ? number : request->console->number;
	console.n_sessions = stage->orders;
	console.sessions = &list;
	reply.kind_case = TARN__HOST_REPLY__KIND_CONSOLE;
	reply.console = &console;
	assert_int_equal(hv_message_encode(&reply.base, &bytes, &count, NULL), HV_OK);
	hv_exchange_answer(exchange, bytes, count);
	free(bytes);
	tarn__host_request__free_unpacked(request, NULL);
}

static void on_request(void *arg, struct hv_exchange *exchange)
{
	struct stage *stage = arg;
	const uint8_t *bytes;
	size_t count;

	if (stage->request != NULL)
		tarn__host_request__free_unpacked(stage->request, NULL);
	bytes = hv_exchange_bytes(exchange, &count);
	assert_int_equal(hv_host_request_decode(bytes, count, &stage->request, NULL),
			 HV_OK);
	stage->asked = stage->request->console;
	stage->requests++;
	assert_true(stage->held_count < HELD_MAX);
	stage->held[stage->held_count++] = exchange;
	if (stage->answers)
		answer(stage, 0);
}

static void on_hypervisor(void *arg, uint32_t tag, enum hv_code code,
			  Tarn__HvReply *take_reply)
{
	(void)arg;
	(void)tag;
	(void)code;
	(void)take_reply;
	fail_msg("nobody asked the hypervisor");
}

static void on_coordinator(void *arg, uint32_t tag, enum hv_code code,
			   Tarn__HostReply *take_reply)
{
	(void)arg;
	(void)tag;
	(void)code;
	(void)take_reply;
	fail_msg("nobody polled");
}

static void on_console(void *arg, enum hv_code code, const Tarn__HostReply *reply)
{
	struct stage *stage = arg;

	if (stage->consoles != NULL)
		agent_consoles_answered(stage->consoles, code, reply);
}

static void open_server(struct stage *stage)
{
	struct hv_server_config config = { .url = stage->url,
					   .contexts = HELD_MAX,
					   .bytes_max = HV_MESSAGE_BYTES_MAX,
					   .on_request = on_request,
					   .arg = stage };

	assert_int_equal(
		hv_server_open(stage->shell->loop, &config, &stage->server, NULL), HV_OK);
}

static void open_stage(struct stage *stage, struct shell *shell)
{
	static const struct agent_ops ops = { .now_ms = now_ms };
	const struct agent_config config = { .name = "h1", .incarnation = 3 };
	struct agent_link_config link = { &shell->options, on_hypervisor, on_coordinator,
					  on_console, stage };
	struct agent_consoles_config consoles = { .state = shell->state };

	*stage = (struct stage){ .shell = shell, .listener = -1, .peer = -1 };
	(void)snprintf(stage->url, sizeof(stage->url), "ipc://%s/c.ipc", shell->state);
	shell->options.coordinator = stage->url;
	open_server(stage);
	assert_int_equal(agent_core_new(&config, &ops, NULL, NULL, &stage->core, NULL),
			 HV_OK);
	assert_int_equal(agent_link_open(shell->loop, &link, &stage->link, NULL), HV_OK);
	consoles.core = stage->core;
	consoles.link = stage->link;
	assert_int_equal(
		agent_consoles_open(shell->loop, &consoles, &stage->consoles, NULL),
		HV_OK);
	assert_int_equal(agent_tty_listen(shell->state, AGENT_TTY_CONSOLE, "db1",
					  &stage->listener, NULL),
			 HV_OK);
}

static void close_stage(struct stage *stage)
{
	struct agent_consoles *consoles = stage->consoles;

	stage->consoles = NULL;
	agent_link_close(stage->link);
	agent_consoles_close(consoles);
	agent_consoles_close(NULL);
	agent_core_free(stage->core);
	hv_server_close(stage->server);
	if (stage->request != NULL)
		tarn__host_request__free_unpacked(stage->request, NULL);
	if (stage->peer >= 0)
		(void)close(stage->peer);
	(void)close(stage->listener);
}

static bool has_requests(void *arg)
{
	const struct stage *stage = arg;

	return stage->requests >= stage->wanted;
}

/* Until that many requests have come, ever. */
static void await(struct stage *stage, unsigned requests)
{
	stage->wanted = requests;
	assert_true(shell_wait(stage->shell, has_requests, stage));
}

static bool has_time(void *arg)
{
	return hv_clock_ms() >= *(const uint64_t *)arg;
}

static void run_for(struct stage *stage, uint64_t ms)
{
	uint64_t until = hv_clock_ms() + ms;

	assert_true(shell_wait(stage->shell, has_time, &until));
}

static bool has_hung_up(void *arg)
{
	char got;

	return recv(((struct stage *)arg)->peer, &got, 1, MSG_PEEK) == 0;
}

static bool is_told_ended(void *arg)
{
	const struct stage *stage = arg;

	return stage->asked->n_sessions == 1 && stage->asked->sessions[0]->ended;
}

static bool has_taken_more(void *arg)
{
	const struct stage *stage = arg;

	return stage->asked->sessions[0]->input_seen > stage->seen;
}

static void accept_peer(struct stage *stage)
{
	stage->peer = accept4(stage->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(stage->peer >= 0);
}

/* The coordinator names the session; its first report is there. */
static void open_session(struct stage *stage)
{
	agent_consoles_wake(stage->consoles);
	await(stage, 1);
	assert_int_equal(stage->asked->n_sessions, 0);
	assert_string_equal(stage->asked->identity->name, "h1");
	assert_int_equal(stage->asked->identity->incarnation, 3);
	stage->orders = 1;
	answer(stage, 0);
	await(stage, 2);
	assert_int_equal(stage->asked->n_sessions, 1);
	assert_int_equal(stage->asked->sessions[0]->session, 5);
	accept_peer(stage);
}

static void type(struct stage *stage, uint64_t at, const char *text)
{
	stage->input_at = at;
	stage->input_count = strlen(text);
	memcpy(stage->input, text, stage->input_count);
}

static void bytes_go_both_ways_once(void **state)
{
	struct stage stage;
	char got[16];

	open_stage(&stage, *state);
	open_session(&stage);
	type(&stage, 0, "help");
	answer(&stage, 0);
	await(&stage, 3);
	assert_int_equal(stage.asked->sessions[0]->input_seen, 4);
	assert_int_equal(recv(stage.peer, got, sizeof(got), 0), 4);
	assert_memory_equal(got, "help", 4);
	type(&stage, 2, "lp!"); /* the same again, and one more */
	answer(&stage, 0);
	await(&stage, 4);
	assert_int_equal(stage.asked->sessions[0]->input_seen, 5);
	assert_int_equal(recv(stage.peer, got, sizeof(got), 0), 1);
	type(&stage, 9, "gap");
	assert_int_equal(send(stage.peer, "list", 4, 0), 4);
	await(&stage, 5); /* beside the one that is held */
	assert_int_equal(stage.held_count, 2);
	assert_int_equal(stage.asked->sessions[0]->output_at, 0);
	assert_memory_equal(stage.asked->sessions[0]->output.data, "list", 4);
	stage.output_seen = 3;
	answer(&stage, 0);
	answer(&stage, 0);
	await(&stage, 6);
	assert_int_equal(stage.asked->sessions[0]->output_at, 3);
	assert_int_equal(stage.asked->sessions[0]->output.len, 1);
	assert_int_equal(recv(stage.peer, got, sizeof(got), 0), -1);
	close_stage(&stage);
}

static void a_late_answer_counts_not(void **state)
{
	struct stage stage;
	char got[16];

	open_stage(&stage, *state);
	open_session(&stage);
	assert_int_equal(send(stage.peer, "x", 1, 0), 1);
	await(&stage, 3);
	type(&stage, 0, "new");
	answer(&stage, 9);
	stage.orders = 0; /* an older one, which knows nothing of the session */
	answer(&stage, 2);
	await(&stage, 4);
	assert_int_equal(stage.asked->n_sessions, 1);
	assert_int_equal(recv(stage.peer, got, sizeof(got), 0), 3);
	close_stage(&stage);
}

static void what_is_not_named_is_closed(void **state)
{
	struct stage stage;
	unsigned requests;

	open_stage(&stage, *state);
	open_session(&stage);
	stage.orders = 0;
	answer(&stage, 0);
	assert_true(shell_wait(stage.shell, has_hung_up, &stage));
	requests = stage.requests;
	run_for(&stage, 200);
	assert_int_equal(stage.requests, requests); /* nothing to ask about */
	close_stage(&stage);
}

static void an_end_is_told_after_the_last_words(void **state)
{
	static const struct {
		const char *words;
		const char *error;
	} ends[] = {
		{ "bye\x04", NULL },
		{ "by", "the partition ended, or hung up" },
	};

	for (unsigned i = 0; i < HV_COUNT(ends); i++) {
		struct stage stage;
		size_t count = strlen(ends[i].words) - (ends[i].error == NULL);

		open_stage(&stage, *state);
		open_session(&stage);
		assert_true(send(stage.peer, ends[i].words, strlen(ends[i].words), 0) >
			    0);
		(void)close(stage.peer);
		stage.peer = -1;
		stage.answers = true;
		answer(&stage, 0);
		assert_true(shell_wait(stage.shell, is_told_ended, &stage));
		stage.answers = false;
		assert_int_equal(stage.asked->sessions[0]->output.len, count);
		assert_memory_equal(stage.asked->sessions[0]->output.data, ends[i].words,
				    count);
		if (ends[i].error == NULL)
			assert_null(stage.asked->sessions[0]->error);
		else
			assert_string_equal(stage.asked->sessions[0]->error->text,
					    ends[i].error);
		close_stage(&stage);
	}
}

static void type_and_see(struct stage *stage, const char *bytes, unsigned request,
			 const char *seen)
{
	const Tarn__ConsoleReport *report;

	assert_true(send(stage->peer, bytes, strlen(bytes), 0) > 0);
	await(stage, request);
	report = stage->asked->sessions[0];
	assert_int_equal(report->output.len, strlen(seen));
	assert_memory_equal(report->output.data, seen, report->output.len);
	stage->output_seen += report->output.len;
	answer(stage, 0);
	answer(stage, 0); /* the one that is held beside it */
	await(stage, request + 1);
}

/* All that was said is acknowledged before the socket closes. */
static void an_end_may_be_long_after_the_last_words(void **state)
{
	struct stage stage;

	open_stage(&stage, *state);
	open_session(&stage);
	type_and_see(&stage, "a\x04", 3, "a");
	type_and_see(&stage, "b\x04", 5,
		     "\x04"
		     "b");
	(void)close(stage.peer);
	stage.peer = -1;
	stage.answers = true;
	answer(&stage, 0);
	assert_true(shell_wait(stage.shell, is_told_ended, &stage));
	stage.answers = false;
	assert_int_equal(stage.asked->sessions[0]->output.len, 0);
	assert_null(stage.asked->sessions[0]->error);
	close_stage(&stage);
}

static void a_partition_that_does_not_run_has_none(void **state)
{
	struct stage stage;

	open_stage(&stage, *state);
	(void)close(stage.listener);
	agent_consoles_wake(stage.consoles);
	await(&stage, 1);
	stage.orders = 1;
	answer(&stage, 0);
	await(&stage, 2);
	assert_true(stage.asked->sessions[0]->ended);
	assert_int_equal(stage.asked->sessions[0]->error->code, HV_E_GONE);
	assert_non_null(strstr(stage.asked->sessions[0]->error->text, "does not run"));
	stage.listener = dup(0);
	close_stage(&stage);
}

/* Types until nothing is taken any more. */
static void fill_up(struct stage *stage)
{
	uint64_t seen = 0, before;

	stage->input_count = sizeof(stage->input);
	memset(stage->input, 'i', sizeof(stage->input));
	do {
		before = seen;
		stage->input_at = seen;
		for (unsigned i = 0; i < 20 && seen == before; i++) {
			run_for(stage, 5);
			seen = stage->asked->sessions[0]->input_seen;
		}
	} while (seen > before);
	assert_true(seen > 0);
}

/* The coordinator, which has input, answers at once each time. */
static void a_partition_that_reads_nothing_is_not_asked_about_in_a_hurry(void **state)
{
	static char filler[1 << 20];
	struct stage stage;
	unsigned before;

	open_stage(&stage, *state);
	open_session(&stage);
	stage.answers = true;
	answer(&stage, 0);
	fill_up(&stage);
	before = stage.requests;
	run_for(&stage, 500);
	assert_true(stage.requests - before <= 8);
	stage.seen = stage.asked->sessions[0]->input_seen;
	while (recv(stage.peer, filler, sizeof(filler), 0) > 0)
		; /* it reads at last */
	assert_true(shell_wait(stage.shell, has_taken_more, &stage));
	stage.answers = false;
	close_stage(&stage);
}

static void it_goes_on_after_the_coordinator_was_away(void **state)
{
	struct stage stage;
	char got[16];

	open_stage(&stage, *state);
	open_session(&stage);
	hv_server_close(stage.server);
	stage.held_count = 0;
	assert_int_equal(send(stage.peer, "kept", 4, 0), 4);
	run_for(&stage, 50);
	open_server(&stage);
	await(&stage, 3);
	assert_int_equal(stage.asked->n_sessions, 1);
	while (!stage.asked->sessions[0]->has_output)
		await(&stage, stage.requests + 1);
	assert_memory_equal(stage.asked->sessions[0]->output.data, "kept", 4);
	assert_int_equal(recv(stage.peer, got, sizeof(got), 0), -1);
	close_stage(&stage);
}

static void each_allocation_may_fail(void **state)
{
	struct agent_consoles_config config = { .state = "/nowhere" };
	struct shell *shell = *state;
	struct agent_consoles *consoles = NULL;
	struct stage stage;
	enum hv_code code;

	for (unsigned nth = 1;; nth++) {
		oom_arm(nth);
		code = agent_consoles_open(shell->loop, &config, &consoles, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
	}
	agent_consoles_close(consoles);
	open_stage(&stage, shell);
	for (unsigned nth = 1;; nth++) { /* a request that cannot be sent is sent later */
		oom_arm(nth);
		agent_consoles_wake(stage.consoles);
		if (!oom_disarm())
			break;
		run_for(&stage, 110);
	}
	await(&stage, 1);
	close_stage(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(bytes_go_both_ways_once),
		SHELL_TEST(a_late_answer_counts_not),
		SHELL_TEST(what_is_not_named_is_closed),
		SHELL_TEST(an_end_is_told_after_the_last_words),
		SHELL_TEST(an_end_may_be_long_after_the_last_words),
		SHELL_TEST(a_partition_that_does_not_run_has_none),
		SHELL_TEST(a_partition_that_reads_nothing_is_not_asked_about_in_a_hurry),
		SHELL_TEST(it_goes_on_after_the_coordinator_was_away),
		SHELL_TEST(each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
