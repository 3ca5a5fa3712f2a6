/*
 * Consoles: bytes between clients and agents, one user at a time, and every way a
 * session ends.
 */
#include "coordinator/api/console.h"
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t mine[HV_KEY_BYTES] = { 1 }, other[HV_KEY_BYTES] = { 2 };

/* What the agent says of its one session, and what it was answered last. */
struct agent {
	uint64_t number; /* of its messages */
	uint64_t incarnation;
	uint64_t session; /* 0: it knows none */
	uint64_t input_seen, output_at;
	const char *output;
	bool is_ended;
	const char *error;
	struct test_answer answers[8];
	unsigned asked;
};

static struct agent agent;

/* An agent that knows of no session, and has asked for nothing. */
static void forget_all(void)
{
	for (unsigned i = 0; i < HV_COUNT(agent.answers); i++)
		free(agent.answers[i].bytes);
	agent = (struct agent){ .incarnation = host.incarnation, .number = agent.number };
}

static int set_up(void **state)
{
	const struct test_lpar lpar = { .name = "db1",
					.is_dedicated = true,
					.mem = MIB * 64 };
	int status = open_up(state);

	forget_all();
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	return status;
}

static int tear_down(void **state)
{
	forget_all();
	return close_one(state);
}

static ProtobufCBinaryData data_of(const uint8_t *bytes, size_t count)
{
	return (ProtobufCBinaryData){ count, (uint8_t *)bytes };
}

static void submit_and_flush(Tarn__ClusterRequest *request, struct test_answer *to)
{
	test_submit(&c, request, to);
	c.wants_flush = false;
	engine_flush(c.engine);
}

static void open(const char *lpar, const uint8_t *session, struct test_answer *to)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ConsoleOpen message = TARN__CONSOLE_OPEN__INIT;

	message.lpar = (char *)lpar;
	message.session = data_of(session, HV_KEY_BYTES);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_CONSOLE_OPEN;
	request.console_open = &message;
	submit_and_flush(&request, to);
}

static void exchange(const uint8_t *session, uint64_t input_at, const char *input,
		     uint64_t output_seen, struct test_answer *to)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ConsoleExchange message = TARN__CONSOLE_EXCHANGE__INIT;

	message.session = data_of(session, HV_KEY_BYTES);
	message.input_at = input_at;
	message.has_input = input != NULL;
	if (input != NULL)
		message.input = data_of((const uint8_t *)input, strlen(input));
	message.output_seen = output_seen;
	message.has_wait_ms = 1;
	message.wait_ms = 5000;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_CONSOLE_EXCHANGE;
	request.console_exchange = &message;
	submit_and_flush(&request, to);
}

static enum hv_code close_it(const char *lpar, const uint8_t *session, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ConsoleClose message = TARN__CONSOLE_CLOSE__INIT;

	message.lpar = (char *)lpar;
	message.has_session = session != NULL;
	if (session != NULL)
		message.session = data_of(session, HV_KEY_BYTES);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_CONSOLE_CLOSE;
	request.console_close = &message;
	return test_change(&c, &request, err, NULL);
}

static enum hv_code code_of(struct test_answer *from, struct hv_err *err)
{
	Tarn__ClusterReply *reply = test_reply(from);
	enum hv_code code = HV_OK;

	assert_non_null(reply);
	if (reply->error != NULL)
		code = hv_fail(err, (enum hv_code)reply->error->code, "%s",
			       reply->error->text);
	test_reply_free(reply);
	return code;
}

/* The console of an answer, which must be there; the caller frees the reply. */
static Tarn__ClusterReply *console_of(struct test_answer *from)
{
	Tarn__ClusterReply *reply = test_reply(from);

	assert_non_null(reply);
	if (reply->error != NULL)
		fail_msg("%s", reply->error->text);
	assert_non_null(reply->console);
	return reply;
}

/* ---- the agent's side ---- */

static void fill_report(Tarn__ConsoleReport *report, Tarn__Error *error)
{
	report->session = agent.session;
	report->input_seen = agent.input_seen;
	report->output_at = agent.output_at;
	report->has_output = agent.output != NULL;
	if (agent.output != NULL)
		report->output = data_of((const uint8_t *)agent.output,
					 strlen(agent.output));
	report->has_ended = agent.is_ended;
	report->ended = agent.is_ended;
	if (agent.error == NULL)
		return;
	error->code = HV_E_GONE;
	error->text = (char *)agent.error;
	report->error = error;
}

/* Sends what it has; the answer may come later. Returns its place. */
static struct test_answer *say(void)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	Tarn__HostConsole console = TARN__HOST_CONSOLE__INIT;
	Tarn__HostIdentity identity = TARN__HOST_IDENTITY__INIT;
	Tarn__ConsoleReport report = TARN__CONSOLE_REPORT__INIT, *list = &report;
	Tarn__Error error = TARN__ERROR__INIT;
	struct test_answer *to = &agent.answers[agent.asked++ % HV_COUNT(agent.answers)];
	uint8_t *bytes;
	size_t count;

	identity.name = host.name;
	identity.agent_id = data_of(host.id, sizeof(host.id));
	identity.incarnation = agent.incarnation;
	identity.version = HOST_PROTOCOL_VERSION;
	console.identity = &identity;
	console.number = ++agent.number;
	fill_report(&report, &error);
	console.n_sessions = agent.session != 0;
	console.sessions = &list;
	request.kind_case = TARN__HOST_REQUEST__KIND_CONSOLE;
	request.console = &console;
	assert_int_equal(hv_message_encode(&request.base, &bytes, &count, NULL), HV_OK);
	free(to->bytes);
	*to = (struct test_answer){ 0 };
	engine_submit(c.engine, bytes, count, to);
	free(bytes);
	c.wants_flush = false;
	engine_flush(c.engine);
	return to;
}

/* The answer, which must be there. */
static Tarn__HostReply *heard(struct test_answer *from)
{
	Tarn__HostReply *reply;

	assert_true(from->is_there);
	assert_int_equal(hv_host_reply_decode(from->bytes, from->count, &reply, NULL),
			 HV_OK);
	assert_int_equal(reply->kind_case, TARN__HOST_REPLY__KIND_CONSOLE);
	assert_null(reply->console->error);
	return reply;
}

/* Hears of the session and opens it. */
static void adopt(void)
{
	Tarn__HostReply *reply = heard(say());

	assert_int_equal(reply->console->n_sessions, 1);
	assert_string_equal(reply->console->sessions[0]->lpar, "db1");
	agent.session = reply->console->sessions[0]->session;
	tarn__host_reply__free_unpacked(reply, NULL);
	(void)say();
}

/* A client and an agent with an open session. */
static void open_mine(void)
{
	struct test_answer opened = { 0 };

	open("db1", mine, &opened);
	assert_false(opened.is_there);
	adopt();
	assert_int_equal(code_of(&opened, NULL), HV_OK);
}

/* ---- tests ---- */

static void bytes_go_both_ways(void **state)
{
	struct test_answer client = { 0 }, *held;
	Tarn__ClusterReply *reply;
	Tarn__HostReply *orders;

	(void)state;
	open_mine();
	held = say();
	assert_false(held->is_there); /* nothing to tell */
	exchange(mine, 0, "help\r", 0, &client);
	reply = console_of(&client); /* it is taken */
	assert_int_equal(reply->console->input_seen, 5);
	assert_false(reply->console->has_output);
	test_reply_free(reply);
	orders = heard(held);
	assert_int_equal(orders->console->sessions[0]->input_at, 0);
	assert_int_equal(orders->console->sessions[0]->input.len, 5);
	assert_memory_equal(orders->console->sessions[0]->input.data, "help\r", 5);
	tarn__host_reply__free_unpacked(orders, NULL);
	agent.input_seen = 5;
	held = say();
	assert_false(held->is_there);
	exchange(mine, 5, NULL, 0, &client);
	assert_false(client.is_there);
	agent.output = "a list";
	orders = heard(say());
	assert_int_equal(orders->console->sessions[0]->output_seen, 6);
	assert_false(orders->console->sessions[0]->has_input);
	tarn__host_reply__free_unpacked(orders, NULL);
	assert_true(held->is_there); /* given up for the newer one */
	reply = console_of(&client);
	assert_int_equal(reply->console->output_at, 0);
	assert_memory_equal(reply->console->output.data, "a list", 6);
	test_reply_free(reply);
}

static void a_repeat_changes_nothing(void **state)
{
	struct test_answer client = { 0 }, again = { 0 };
	Tarn__ClusterReply *reply;
	Tarn__HostReply *orders;

	(void)state;
	open_mine();
	open("db1", mine, &client);
	assert_int_equal(code_of(&client, NULL), HV_OK); /* the same session */
	open("db1", other, &client);
	assert_int_equal(code_of(&client, NULL), HV_E_BUSY);
	exchange(mine, 0, "abc", 0, &client);
	test_reply_free(console_of(&client));
	exchange(mine, 0, "abcd", 0, &client);
	reply = console_of(&client);
	assert_int_equal(reply->console->input_seen, 4);
	test_reply_free(reply);
	exchange(mine, 2, "c", 0, &client); /* older */
	test_reply_free(console_of(&client));
	exchange(mine, 9, "gap", 0, &client);
	assert_false(client.is_there);
	orders = heard(say());
	assert_memory_equal(orders->console->sessions[0]->input.data, "abcd", 4);
	assert_int_equal(orders->console->sessions[0]->input.len, 4);
	tarn__host_reply__free_unpacked(orders, NULL);
	agent.input_seen = 4;
	agent.output = "xyz";
	(void)say();
	agent.output = "xyzzy"; /* the first three again */
	(void)say();
	reply = console_of(&client);
	assert_memory_equal(reply->console->output.data, "xyz", 3);
	test_reply_free(reply);
	exchange(mine, 4, NULL, 3, &client);
	reply = console_of(&client);
	assert_int_equal(reply->console->output_at, 3);
	assert_int_equal(reply->console->output.len, 2);
	test_reply_free(reply);
	exchange(mine, 4, NULL, 1, &client); /* older: what was confirmed is gone */
	reply = console_of(&client);
	assert_int_equal(reply->console->output_at, 3);
	test_reply_free(reply);
	/* a second one of the same client ends the first */
	exchange(mine, 4, NULL, 5, &client);
	assert_false(client.is_there);
	exchange(mine, 4, NULL, 5, &again);
	test_reply_free(console_of(&client));
	assert_false(again.is_there);
	test_coordinator_run(&c, 6000);
	test_reply_free(console_of(&again));
}

static void one_user_at_a_time(void **state)
{
	struct test_answer client = { 0 };
	struct hv_err err = { 0 };
	Tarn__ClusterReply *reply;

	(void)state;
	open_mine();
	open("db1", other, &client);
	assert_int_equal(code_of(&client, &err), HV_E_BUSY);
	assert_string_equal(err.text, "the console of lpar 'db1' is already open");
	exchange(mine, 0, NULL, 0, &client);
	assert_int_equal(close_it("db1", NULL, NULL), HV_OK);
	reply = console_of(&client);
	assert_true(reply->console->closed);
	assert_string_equal(reply->console->reason, "another user closed the console");
	test_reply_free(reply);
	assert_int_equal(close_it("db1", NULL, NULL), HV_OK); /* again: fine */
	open("db1", other, &client); /* and free for the next one */
	assert_false(client.is_there);
	agent.session = 0;
	adopt();
	assert_int_equal(code_of(&client, NULL), HV_OK);
	assert_int_equal(close_it(NULL, other, NULL), HV_OK);
	assert_int_equal(close_it(NULL, other, NULL), HV_OK);
	exchange(other, 0, NULL, 0, &client);
	assert_int_equal(code_of(&client, &err), HV_E_NOTFOUND);
	assert_int_equal(close_it("db9", NULL, NULL), HV_E_NOTFOUND);
	assert_int_equal(close_it(NULL, NULL, NULL), HV_E_INVAL);
	assert_int_equal(close_it("db1", mine, NULL), HV_E_INVAL);
}

static void only_what_runs_on_a_host_that_is_there_has_a_console(void **state)
{
	const struct test_lpar off = { .name = "db2",
				       .is_dedicated = true,
				       .mem = MIB * 64 };
	struct test_answer client = { 0 };
	struct hv_err err = { 0 };

	(void)state;
	open("db9", mine, &client);
	assert_int_equal(code_of(&client, &err), HV_E_NOTFOUND);
	assert_int_equal(test_lpar_create(&c, &off, NULL), HV_OK);
	open("db2", mine, &client);
	assert_int_equal(code_of(&client, &err), HV_E_STATE);
	assert_string_equal(err.text, "lpar 'db2' does not run");
	test_coordinator_run(&c, LIVE_SILENT_MS);
	open("db1", mine, &client);
	assert_int_equal(code_of(&client, &err), HV_E_GONE);
	assert_string_equal(err.text, "host 'h1' is not connected");
}

static void a_host_that_does_not_open_it_is_named(void **state)
{
	struct test_answer client = { 0 };
	struct hv_err err = { 0 };

	(void)state;
	open("db1", mine, &client);
	test_coordinator_run(&c, CONSOLE_OPEN_MS);
	assert_int_equal(code_of(&client, &err), HV_E_GONE);
	assert_string_equal(err.text, "host 'h1' did not open the console in 5 s");
	/* the agent that hears of it too late is told that it is over */
	agent.session = 1;
	tarn__host_reply__free_unpacked(heard(say()), NULL);
}

static void a_poll_says_that_a_session_waits(void **state)
{
	struct test_answer client = { 0 }, poll = { 0 };
	Tarn__HostReply *reply;
	size_t count;
	uint8_t *bytes;

	(void)state;
	bytes = model_host_poll(&host, &count);
	engine_submit(c.engine, bytes, count, &poll);
	engine_flush(c.engine);
	assert_false(poll.is_there);
	open("db1", mine, &client);
	assert_true(poll.is_there);
	assert_int_equal(hv_host_reply_decode(poll.bytes, poll.count, &reply, NULL),
			 HV_OK);
	assert_true(reply->poll->console);
	assert_null(reply->poll->desired);
	tarn__host_reply__free_unpacked(reply, NULL);
	free(poll.bytes);
	/* once, and again only after a while */
	poll = (struct test_answer){ 0 };
	engine_submit(c.engine, bytes, count, &poll);
	engine_flush(c.engine);
	assert_false(poll.is_there);
	test_coordinator_run(&c, CONSOLE_TELL_MS);
	assert_true(poll.is_there);
	free(poll.bytes);
	free(bytes);
	test_coordinator_run(&c, CONSOLE_OPEN_MS);
	assert_int_equal(code_of(&client, NULL), HV_E_GONE);
}

/* How it ends on the host: after its last words, with or without a reason. */
static void the_last_words_come_before_the_end(void **state)
{
	static const char *const errors[] = { NULL, "the partition hung up" };
	struct test_answer client = { 0 };
	Tarn__ClusterReply *reply;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(errors); i++) {
		open_mine();
		agent.output = "bye";
		agent.is_ended = true;
		agent.error = errors[i];
		(void)say();
		exchange(mine, 0, NULL, 0, &client);
		reply = console_of(&client);
		assert_memory_equal(reply->console->output.data, "bye", 3);
		assert_true(reply->console->closed);
		if (errors[i] == NULL)
			assert_null(reply->console->reason);
		else
			assert_string_equal(reply->console->reason, errors[i]);
		test_reply_free(reply);
		assert_int_equal(close_it(NULL, mine, NULL), HV_OK);
		forget_all();
	}
}

static void who_is_not_heard_of_loses_the_session(void **state)
{
	struct test_answer client = { 0 };
	Tarn__ClusterReply *reply;
	struct hv_err err = { 0 };

	(void)state;
	open_mine(); /* the client */
	for (unsigned i = 0; i < CONSOLE_CLIENT_MS / 1000; i++) {
		test_coordinator_run(&c, 1000);
		assert_int_equal(test_report(&c, &host, NULL), HV_OK);
		(void)say();
	}
	exchange(mine, 0, NULL, 0, &client);
	assert_int_equal(code_of(&client, &err), HV_E_NOTFOUND);
	agent.session = 0;
	open_mine(); /* the host */
	for (unsigned i = 0; i < CONSOLE_AGENT_MS / 5000; i++) {
		exchange(mine, 0, NULL, 0, &client);
		assert_false(client.is_there);
		test_coordinator_run(&c, 5000);
		reply = console_of(&client);
		assert_int_equal(reply->console->closed,
				 i + 1 == CONSOLE_AGENT_MS / 5000);
		if (reply->console->closed)
			assert_string_equal(reply->console->reason,
					    "host 'h1' is silent");
		test_reply_free(reply);
	}
}

static void another_agent_ends_it(void **state)
{
	struct test_answer client = { 0 };
	Tarn__ClusterReply *reply;

	(void)state;
	open_mine();
	exchange(mine, 0, NULL, 0, &client);
	model_host_restart(&host);
	assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	reply = console_of(&client);
	assert_true(reply->console->closed);
	assert_string_equal(reply->console->reason,
			    "the agent of host 'h1' was restarted");
	test_reply_free(reply);
}

static void a_restart_of_the_coordinator_ends_it(void **state)
{
	struct test_answer client = { 0 };
	Tarn__HostReply *orders;
	struct hv_err err = { 0 };

	(void)state;
	open_mine();
	test_coordinator_restart(&c);
	exchange(mine, 0, NULL, 0, &client);
	assert_int_equal(code_of(&client, &err), HV_E_NOTFOUND);
	assert_string_equal(err.text,
			    "the console was closed, or the coordinator restarted");
	orders = heard(say());
	assert_int_equal(orders->console->n_sessions, 0); /* the agent closes it */
	tarn__host_reply__free_unpacked(orders, NULL);
}

/* Neither a slow client nor a slow partition makes anything grow, or loses a byte. */
static void what_is_not_taken_waits(void **state)
{
	static char much[HV_CONSOLE_INPUT_MAX + 1], chunk[HV_CONSOLE_OUTPUT_MAX + 1];
	struct test_answer client = { 0 }, *held;
	Tarn__ClusterReply *reply;

	(void)state;
	open_mine();
	memset(much, 'i', sizeof(much) - 1);
	memset(chunk, 'o', sizeof(chunk) - 1);
	exchange(mine, 0, much, 0, &client);
	test_reply_free(console_of(&client));
	exchange(mine, sizeof(much) - 1, "more", 0, &client);
	assert_false(client.is_there); /* full */
	agent.input_seen = 100;
	(void)say();
	reply = console_of(&client);
	assert_int_equal(reply->console->input_seen, sizeof(much) + 3);
	test_reply_free(reply);
	agent.input_seen = sizeof(much) + 3;
	agent.output = chunk;
	for (unsigned i = 0; i < 2; i++) {
		(void)say();
		agent.output_at += HV_CONSOLE_OUTPUT_MAX;
	}
	held = say(); /* no room for the third */
	assert_false(held->is_there);
	exchange(mine, agent.input_seen, NULL, HV_CONSOLE_OUTPUT_MAX, &client);
	reply = console_of(&client);
	assert_int_equal(reply->console->output.len, HV_CONSOLE_OUTPUT_MAX);
	test_reply_free(reply);
	tarn__host_reply__free_unpacked(heard(held), NULL); /* say it again */
	tarn__host_reply__free_unpacked(heard(say()), NULL);
	exchange(mine, agent.input_seen, NULL, 3 * HV_CONSOLE_OUTPUT_MAX - 1, &client);
	reply = console_of(&client);
	assert_int_equal(reply->console->output.len, 1);
	test_reply_free(reply);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_go_both_ways),
		TEST(a_repeat_changes_nothing),
		TEST(one_user_at_a_time),
		TEST(only_what_runs_on_a_host_that_is_there_has_a_console),
		TEST(a_host_that_does_not_open_it_is_named),
		TEST(a_poll_says_that_a_session_waits),
		TEST(the_last_words_come_before_the_end),
		TEST(who_is_not_heard_of_loses_the_session),
		TEST(another_agent_ends_it),
		TEST(a_restart_of_the_coordinator_ends_it),
		TEST(what_is_not_taken_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
