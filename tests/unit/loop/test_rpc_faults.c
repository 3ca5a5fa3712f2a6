/* Unit tests of hvcore/loop/rpc.h: lost, stale, rude and absent peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "tests/support/oom.h"
#include "tests/unit/loop/rpc_fixture.h"

static void nobody_there_ends_at_the_deadline(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked;

	rpc_open_client(fixture);
	rpc_ask(fixture, &asked, "hello", 30);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_TIMEOUT);
}

static void a_call_waits_for_a_server_that_comes(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked;

	rpc_open_client(fixture);
	rpc_ask(fixture, &asked, "early", RPC_DEADLINE_MS);
	rpc_open_server(fixture);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_OK);
}

/* The lost call is GONE, not sent again behind the caller's back. */
static void a_restarted_server_is_found_again(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked;

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	for (unsigned i = 0; i < 3; i++) {
		fixture->held_count = 0;
		fixture->is_holding = true;
		fixture->stop_when_held = 1;
		rpc_ask(fixture, &asked, "lost", RPC_DEADLINE_MS);
		hv_loop_run(fixture->loop);
		hv_server_close(fixture->server);
		fixture->server = NULL;
		hv_loop_run(fixture->loop);
		assert_int_equal(asked.code, HV_E_GONE);
		assert_int_equal(asked.done, 1);
		fixture->is_holding = false;
		fixture->requests = 0;
		rpc_open_server(fixture);
		rpc_ask(fixture, &asked, "again", RPC_DEADLINE_MS);
		hv_loop_run(fixture->loop);
		assert_int_equal(asked.code, HV_OK);
		assert_int_equal(fixture->requests, 1);
	}
}

static void a_stale_socket_file_is_taken_over(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct rpc_asked asked;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, fixture->path, strlen(fixture->path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd); /* as after kill -9: the file stays */
	rpc_open_server(fixture);
	rpc_open_client(fixture);
	rpc_ask(fixture, &asked, "hello", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_OK);
}

static void an_address_in_use_is_refused(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct hv_server *second = NULL;
	struct hv_server_config config = { .url = fixture->url,
					   .contexts = RPC_CONTEXTS,
					   .bytes_max = RPC_BYTES_MAX,
					   .on_request = rpc_on_request };
	struct hv_err err;

	rpc_open_server(fixture);
	assert_int_equal(hv_server_open(fixture->loop, &config, &second, &err),
			 HV_E_BUSY);
	assert_null(second);
	assert_non_null(strstr(err.text, fixture->url));
}

static void too_long_a_request_is_not_sent(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked = { .call.on_done = rpc_on_done };
	uint8_t *big = calloc(1, RPC_BYTES_MAX + 1);
	struct hv_err err;

	rpc_open_client(fixture);
	assert_int_equal(hv_call_start(fixture->client, &asked.call, big,
				       RPC_BYTES_MAX + 1, RPC_DEADLINE_MS, &err),
			 HV_E_LIMIT);
	assert_null(asked.call.impl);
	free(big);
}

/* A client without our limit: its connection is closed, others go on. */
static void too_long_a_request_ends_its_connection(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct hv_client *rude;
	struct rpc_asked asked = { .call.on_done = rpc_on_done, .fixture = fixture };
	uint8_t *big = calloc(1, 2 * RPC_BYTES_MAX);

	rpc_open_server(fixture);
	assert_int_equal(hv_client_open(fixture->loop, fixture->url, 4 * RPC_BYTES_MAX,
					&rude, NULL),
			 HV_OK);
	fixture->calls_left = 1;
	assert_int_equal(hv_call_start(rude, &asked.call, big, 2 * RPC_BYTES_MAX,
				       RPC_DEADLINE_MS, NULL),
			 HV_OK);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_GONE);
	assert_int_equal(fixture->requests, 0);
	hv_client_close(rude);
	rpc_open_client(fixture);
	rpc_ask(fixture, &asked, "polite", RPC_DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_OK);
	free(big);
}

static void too_long_an_answer_is_dropped(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked;

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	fixture->answer_bytes = RPC_BYTES_MAX + 1;
	rpc_ask(fixture, &asked, "much", 60);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_TIMEOUT);
	fixture->answer_bytes = 0;
	for (unsigned i = 0; i < RPC_CONTEXTS + 1; i++) { /* no context was lost */
		rpc_ask(fixture, &asked, "little", RPC_DEADLINE_MS);
		hv_loop_run(fixture->loop);
		assert_int_equal(asked.code, HV_OK);
	}
}

struct garbage {
	const char *bytes;
	size_t count;
};

static int dial_raw(const struct rpc_fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, fixture->path, strlen(fixture->path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Bytes that are no SP handshake, no frame, a frame of 8 EiB; some stay connected. */
static void garbage_on_the_socket_disturbs_nobody(void **state)
{
	static const struct garbage garbage[] = {
		{ "", 0 },
		{ "GET / HTTP/1.0\r\n\r\n", 18 },
		{ "\0SP\0\0\x30\0\0", 8 },
		{ "\0SP\0\0\x30\0\0\x01\x7f\xff\xff\xff\xff\xff\xff\xff", 17 },
		{ "\0SP\0\0\x30\0\0\x01\0\0\0\0\0\0\0\x02zz", 19 },
		{ "\0SP\0\0\x30\0\0\xff\0\0\0\0\0\0\0\0", 17 },
		{ "\0SP\0\x12\x34\0\0", 8 },
	};
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked;
	int stalled[HV_COUNT(garbage)], fd;

	rpc_open_server(fixture);
	rpc_open_client(fixture);
	for (unsigned i = 0; i < HV_COUNT(garbage); i++) {
		stalled[i] = dial_raw(fixture);
		fd = dial_raw(fixture);
		(void)send(stalled[i], garbage[i].bytes, garbage[i].count, MSG_NOSIGNAL);
		(void)send(fd, garbage[i].bytes, garbage[i].count, MSG_NOSIGNAL);
		(void)close(fd);
		rpc_ask(fixture, &asked, "fine", RPC_DEADLINE_MS);
		hv_loop_run(fixture->loop);
		assert_int_equal(asked.code, HV_OK);
	}
	for (unsigned i = 0; i < HV_COUNT(garbage); i++)
		(void)close(stalled[i]);
	assert_int_equal(fixture->requests, HV_COUNT(garbage));
}

static void *run_loop(void *loop)
{
	hv_loop_run(loop);
	return NULL;
}

static void a_program_without_a_loop_asks(void **state)
{
	struct rpc_fixture *fixture = *state;
	pthread_t thread;
	uint8_t *bytes = NULL;
	size_t count = 0;

	rpc_open_server(fixture);
	assert_int_equal(pthread_create(&thread, NULL, run_loop, fixture->loop), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(hv_rpc_ask(fixture->url, "hello", 5, RPC_DEADLINE_MS,
					    &bytes, &count, NULL),
				 HV_OK);
		assert_int_equal(count, 5);
		assert_memory_equal(bytes, "hello", 5);
		free(bytes);
	}
	rpc_stop_from_thread(fixture);
	(void)pthread_join(thread, NULL);
}

static void asking_nobody_fails_at_once(void **state)
{
	struct rpc_fixture *fixture = *state;
	uint8_t *bytes = NULL;
	size_t count;
	uint64_t start = hv_clock_ms();
	struct hv_err err;

	assert_int_equal(
		hv_rpc_ask(fixture->url, "hello", 5, 60000, &bytes, &count, &err),
		HV_E_GONE);
	assert_non_null(strstr(err.text, "nobody answers"));
	assert_null(bytes);
	assert_true(hv_clock_ms() - start < 30000);
	assert_int_equal(
		hv_rpc_ask("tcp://127.0.0.1:1", "hello", 5, 60000, &bytes, &count, &err),
		HV_E_GONE);
}

/* Somebody accepts and never speaks: as a stopped process does. */
static void asking_a_mute_peer_ends_at_the_deadline(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	uint8_t *bytes = NULL;
	size_t count;

	memcpy(address.sun_path, fixture->path, strlen(fixture->path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(hv_rpc_ask(fixture->url, "hello", 5, 150, &bytes, &count, NULL),
			 HV_E_TIMEOUT);
	(void)close(fd);
}

struct url_case {
	const char *url;
	enum hv_code code;
};

static void only_local_urls_are_taken(void **state)
{
	static const struct url_case cases[] = {
		{ "tcp://0.0.0.0:4000", HV_E_REFUSED },
		{ "tcp://10.1.2.3:4000", HV_E_REFUSED },
		{ "tcp://*:4000", HV_E_REFUSED },
		{ "tcp://127.0.0.1.example.org:1", HV_E_REFUSED },
		{ "tls+tcp://127.0.0.1:4000", HV_E_REFUSED },
		{ "ws://127.0.0.1:80/", HV_E_REFUSED },
		{ "inproc://x", HV_E_REFUSED },
		{ "", HV_E_REFUSED },
		{ "tcp://127.0.0.1:", HV_E_INVAL },
		{ "tcp://127.0.0.1:0", HV_E_INVAL },
		{ "tcp://127.0.0.1:65536", HV_E_INVAL },
		{ "tcp://127.0.0.1:80x", HV_E_INVAL },
		{ "ipc://relative", HV_E_INVAL },
		{ "ipc:///tmp/"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  HV_E_LIMIT },
	};
	struct rpc_fixture *fixture = *state;
	struct hv_server_config config = { .contexts = 1,
					   .bytes_max = RPC_BYTES_MAX,
					   .on_request = rpc_on_request };

	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		config.url = cases[i].url;
		assert_int_equal(hv_client_open(fixture->loop, cases[i].url,
						RPC_BYTES_MAX, &fixture->client, NULL),
				 cases[i].code);
		assert_int_equal(
			hv_server_open(fixture->loop, &config, &fixture->server, NULL),
			cases[i].code);
		assert_null(fixture->client);
		assert_null(fixture->server);
	}
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct hv_server_config config = { .url = "ipc:///nowhere/at/all.ipc",
					   .contexts = 1,
					   .bytes_max = RPC_BYTES_MAX,
					   .on_request = rpc_on_request };

	assert_int_not_equal(
		hv_server_open(fixture->loop, &config, &fixture->server, NULL), HV_OK);
	assert_null(fixture->server);
}

static enum hv_code open_and_call(struct rpc_fixture *fixture, struct rpc_asked *asked)
{
	struct hv_server_config config = { .url = fixture->url,
					   .contexts = RPC_CONTEXTS,
					   .bytes_max = RPC_BYTES_MAX,
					   .on_request = rpc_on_request,
					   .arg = fixture };
	enum hv_code code;

	code = hv_server_open(fixture->loop, &config, &fixture->server, NULL);
	if (code == HV_OK)
		code = hv_client_open(fixture->loop, fixture->url, RPC_BYTES_MAX,
				      &fixture->client, NULL);
	*asked = (struct rpc_asked){ .call.on_done = rpc_on_done, .fixture = fixture };
	if (code == HV_OK)
		code = hv_call_start(fixture->client, &asked->call, "x", 1,
				     RPC_DEADLINE_MS, NULL);
	return code;
}

static void every_failed_allocation_is_nomem(void **state)
{
	struct rpc_fixture *fixture = *state;
	struct rpc_asked asked;
	enum hv_code code;
	bool was_hit = true;
	unsigned nth;

	for (nth = 1; was_hit; nth++) {
		fixture->calls_left = 1;
		oom_arm(nth);
		code = open_and_call(fixture, &asked);
		was_hit = oom_disarm();
		assert_int_equal(code, was_hit ? HV_E_NOMEM : HV_OK);
		hv_client_close(fixture->client);
		hv_server_close(fixture->server);
		fixture->client = NULL;
		fixture->server = NULL;
	}
	assert_true(nth > 5);
}

static void asking_without_memory_is_nomem(void **state)
{
	struct rpc_fixture *fixture = *state;
	pthread_t thread;
	uint8_t *bytes = NULL;
	size_t count;
	enum hv_code code;
	bool was_hit = true;

	rpc_open_server(fixture);
	assert_int_equal(pthread_create(&thread, NULL, run_loop, fixture->loop), 0);
	for (unsigned nth = 1; was_hit; nth++) {
		oom_arm(nth);
		code = hv_rpc_ask(fixture->url, "x", 1, RPC_DEADLINE_MS, &bytes, &count,
				  NULL);
		was_hit = oom_disarm();
		assert_int_equal(code, was_hit ? HV_E_NOMEM : HV_OK);
	}
	free(bytes);
	rpc_stop_from_thread(fixture);
	(void)pthread_join(thread, NULL);
}

#define RPC_TEST(f) cmocka_unit_test_setup_teardown(f, rpc_set_up, rpc_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RPC_TEST(nobody_there_ends_at_the_deadline),
		RPC_TEST(a_call_waits_for_a_server_that_comes),
		RPC_TEST(a_restarted_server_is_found_again),
		RPC_TEST(a_stale_socket_file_is_taken_over),
		RPC_TEST(an_address_in_use_is_refused),
		RPC_TEST(too_long_a_request_is_not_sent),
		RPC_TEST(too_long_a_request_ends_its_connection),
		RPC_TEST(too_long_an_answer_is_dropped),
		RPC_TEST(garbage_on_the_socket_disturbs_nobody),
		RPC_TEST(a_program_without_a_loop_asks),
		RPC_TEST(asking_nobody_fails_at_once),
		RPC_TEST(asking_a_mute_peer_ends_at_the_deadline),
		RPC_TEST(only_local_urls_are_taken),
		RPC_TEST(a_directory_that_is_not_there_is_an_error),
		RPC_TEST(every_failed_allocation_is_nomem),
		RPC_TEST(asking_without_memory_is_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
