/* Unit tests of hvcore/loop/rpc.h: calls and answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/loop/rpc_fixture.h"

static void a_call_is_answered(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked;
	struct stat status;

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	rpc_ask(fixture, &asked, "hello", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.code, HV_OK);
	assert_int_equal(asked.count, 5);
	assert_memory_equal(asked.text, "hello", 5);
	assert_int_equal(stat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void an_empty_message_travels(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked;

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	rpc_ask(fixture, &asked, "", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_OK);
	assert_int_equal(asked.count, 0);
}

static void many_calls_find_their_answers(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked[32];
	char text[8];

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < HV_COUNT(asked); i++) {
			(void)snprintf(text, sizeof(text), "%u.%u", round, i);
			rpc_ask(fixture, &asked[i], text, RPC_DEADLINE_MS);
		}
		hv_loop_run(fixture->loop);
		for (unsigned i = 0; i < HV_COUNT(asked); i++) {
			(void)snprintf(text, sizeof(text), "%u.%u", round, i);
			assert_int_equal(asked[i].code, HV_OK);
			assert_memory_equal(asked[i].text, text, strlen(text));
		}
	}
}

static void a_held_exchange_is_answered_later(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked first, second;
	size_t count;

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	fixture->is_holding = true;
	fixture->stop_when_held = 1;
	rpc_ask(fixture, &first, "first", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop);
	fixture->is_holding = false;
	rpc_ask(fixture, &second, "second", RPC_DEADLINE_MS);
	fixture->calls_left = 1; /* stop at the second */
	hv_loop_run(fixture->loop);
	assert_int_equal(second.code, HV_OK);
	assert_int_equal(first.done, 0);
	assert_ptr_equal(hv_exchange_user(fixture->held[0]), fixture);
	assert_memory_equal(hv_exchange_bytes(fixture->held[0], &count), "first", 5);
	fixture->calls_left = 1;
	hv_exchange_answer(fixture->held[0], "late", 4);
	hv_loop_run(fixture->loop);
	assert_int_equal(first.code, HV_OK);
	assert_memory_equal(first.text, "late", 4);
}

static void a_call_ends_at_its_deadline(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked;

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	fixture->is_holding = true;
	/* a busy machine may not even have brought it to the server by then */
	for (unsigned ms = 60; fixture->held_count == 0; ms *= 2) {
		assert_true(ms < RPC_DEADLINE_MS);
		rpc_ask(fixture, &asked, "slow", ms);
		hv_loop_run(fixture->loop);
		assert_int_equal(asked.code, HV_E_TIMEOUT);
	}
	/* The late answer is nobody's, and the slot works again. */
	for (unsigned i = 0; i < fixture->held_count; i++)
		hv_exchange_answer(fixture->held[i], "late", 4);
	fixture->is_holding = false;
	rpc_ask(fixture, &asked, "next", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_OK);
	assert_memory_equal(asked.text, "next", 4);
}

static void a_canceled_call_ends_once(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked;

	rpc_open_client(fixture); /* nobody there: the send waits */
	rpc_ask(fixture, &asked, "wait", RPC_DEADLINE_MS);
	hv_call_cancel(&asked.call);
	hv_call_cancel(&asked.call);
	assert_int_equal(asked.done, 0); /* never from inside */
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_CANCELED);
	assert_int_equal(asked.done, 1);
	hv_call_cancel(&asked.call); /* of nothing */
	rpc_open_server(fixture);
	fixture->is_holding = true;
	fixture->stop_when_held = 1;
	rpc_ask(fixture, &asked, "held", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop);
	hv_call_cancel(&asked.call);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_CANCELED);
}

static void cancels_that_race_with_answers_end_once(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked[8];
	unsigned canceled = 0, answered = 0;

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < HV_COUNT(asked); i++)
			rpc_ask(fixture, &asked[i], "race",
				round % 3 == 0 ? 0 : RPC_DEADLINE_MS);
		for (unsigned i = 0; i < HV_COUNT(asked); i += 2)
			hv_call_cancel(&asked[i].call);
		hv_loop_run(fixture->loop);
		for (unsigned i = 0; i < HV_COUNT(asked); i++) {
			assert_int_equal(asked[i].done, 1);
			answered += asked[i].code == HV_OK;
			canceled += asked[i].code == HV_E_CANCELED;
		}
	}
	assert_true(answered > 0);
	assert_true(canceled > 0);
}

static void closing_the_client_ends_its_calls(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked held, waiting;

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	fixture->is_holding = true;
	fixture->stop_when_held = 1;
	rpc_ask(fixture, &held, "held", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop);
	rpc_ask(fixture, &waiting, "waiting", RPC_DEADLINE_MS);
	hv_client_close(fixture->client);
	fixture->client = NULL;
	assert_int_equal(held.code, HV_E_CANCELED);
	assert_int_equal(held.done, 1);
	assert_int_equal(waiting.code, HV_E_CANCELED);
	assert_int_equal(waiting.done, 1);
}

static void calls_have_a_limit(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked[65];
	struct hv_err err;

	rpc_open_client(fixture);
	for (unsigned i = 0; i < 64; i++)
		rpc_ask(fixture, &asked[i], "x", RPC_DEADLINE_MS);
	asked[64] = (struct rpc_asked){ .call.on_done = rpc_on_done, .fixture = fixture };
	assert_int_equal(hv_call_start(fixture->client, &asked[64].call, "x", 1,
				       RPC_DEADLINE_MS, &err),
			 HV_E_LIMIT);
	hv_client_close(fixture->client); /* while `asked` is there */
	fixture->client = NULL;
}

static void tcp_works_the_same(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	struct rpc_asked asked;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	/* A port that the kernel has just given us is free. */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	(void)close(fd);
	(void)snprintf(fixture->url, sizeof(fixture->url), "tcp://127.0.0.1:%u",
		       ntohs(address.sin_port));
	for (unsigned i = 0; i < 3; i++) {
		rpc_open_server(fixture);
		if (fixture->client == NULL)
			rpc_open_client(fixture);
		do { /* on the old connection, whose end is not noticed yet: GONE */
			rpc_ask(fixture, &asked, "hello", RPC_DEADLINE_MS);
			hv_loop_run(fixture->loop);
		} while (asked.code == HV_E_GONE);
		assert_int_equal(asked.code, HV_OK);
		assert_memory_equal(asked.text, "hello", 5);
		hv_server_close(fixture->server);
		fixture->server = NULL;
	}
}

/* Larger than a socket's buffer, and exactly at the limit. */
static void long_messages_arrive_whole(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked = { .call.on_done = rpc_on_done, .fixture = fixture };
	uint8_t *big = malloc(RPC_BYTES_MAX);

	memset(big, 'b', RPC_BYTES_MAX);
	rpc_open_server(fixture);
	rpc_open_client(fixture);
	for (unsigned i = 0; i < 20; i++) {
		fixture->calls_left = 1;
		assert_int_equal(hv_call_start(fixture->client, &asked.call, big,
					       RPC_BYTES_MAX, RPC_DEADLINE_MS, NULL),
				 HV_OK);
		hv_loop_run(fixture->loop);
		assert_int_equal(asked.code, HV_OK);
		assert_int_equal(asked.count, RPC_BYTES_MAX);
		assert_memory_equal(asked.text, "bbbbb", 5);
	}
	free(big);
}

static void an_answer_to_one_who_left_goes_nowhere(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked held, next;

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	fixture->is_holding = true;
	fixture->stop_when_held = 1;
	rpc_ask(fixture, &held, "held", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop);
	hv_client_close(fixture->client);
	rpc_open_client(fixture);
	fixture->is_holding = false;
	rpc_ask(fixture, &next, "next", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop); /* the server has seen the first one leave */
	hv_exchange_answer(fixture->held[0], "late", 4);
	rpc_ask(fixture, &next, "again", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(next.code, HV_OK);
	assert_memory_equal(next.text, "again", 5);
}

static void *ask_with_nng(void *arg)
{
	struct rpc_fixture *fixture = arg;
	nng_socket socket;
	char text[16];
	size_t count = sizeof(text);
	int rv = nng_req0_open(&socket);

	if (rv == 0)
		rv = nng_dial(socket, fixture->url, NULL, 0);
	if (rv == 0)
		rv = nng_send(socket, (void *)(uintptr_t) "standard", 8, 0);
	if (rv == 0)
		rv = nng_recv(socket, text, &count, 0);
	if (rv == 0 && (count != 8 || memcmp(text, "standard", 8) != 0))
		rv = -1;
	rpc_stop_from_thread(fixture);
	/* Nothing is on its way to it now, so this close is safe (rpc_priv.h). */
	(void)nng_close(socket);
	return rv == 0 ? arg : NULL;
}

static void a_plain_nng_socket_can_ask(void **state)
{
	struct rpc_fixture *fixture = *state;
	pthread_t thread;
	void *result;

	rpc_open_server(fixture);
	assert_int_equal(pthread_create(&thread, NULL, ask_with_nng, fixture), 0);
	hv_loop_run(fixture->loop);
	(void)pthread_join(thread, &result);
	assert_ptr_equal(result, fixture);
}

#define RPC_TEST(f) cmocka_unit_test_setup_teardown(f, rpc_set_up, rpc_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RPC_TEST(a_call_is_answered),
		RPC_TEST(an_empty_message_travels),
		RPC_TEST(many_calls_find_their_answers),
		RPC_TEST(a_held_exchange_is_answered_later),
		RPC_TEST(a_call_ends_at_its_deadline),
		RPC_TEST(a_canceled_call_ends_once),
		RPC_TEST(cancels_that_race_with_answers_end_once),
		RPC_TEST(closing_the_client_ends_its_calls),
		RPC_TEST(calls_have_a_limit),
		RPC_TEST(tcp_works_the_same),
		RPC_TEST(long_messages_arrive_whole),
		RPC_TEST(an_answer_to_one_who_left_goes_nowhere),
		RPC_TEST(a_plain_nng_socket_can_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
