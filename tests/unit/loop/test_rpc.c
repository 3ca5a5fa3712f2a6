/* Unit tests of hvcore/loop/rpc.h: server and client in one loop, over ipc. */
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
#include <sys/un.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/loop/rpc.h"
#include "tests/support/oom.h"
#include "tests/support/tmpdir.h"

#define BYTES_MAX 65536
#define CONTEXTS 4
#define HELD_MAX 8
#define DEADLINE_MS 10000 /* never reached where all is well */
#define URL_BYTES (TEST_PATH_BYTES + 16)

struct fixture {
	struct test_tmpdir dir;
	char path[TEST_PATH_BYTES];
	char url[URL_BYTES];
	struct hv_loop *loop;
	struct hv_server *server;
	struct hv_client *client;
	struct hv_exchange *held[HELD_MAX];
	unsigned held_count;
	unsigned requests;
	bool is_holding;
	unsigned stop_when_held; /* 0: never */
	size_t answer_bytes;     /* 0: echo */
	unsigned calls_left;
	struct hv_job stop_job;
};

struct asked {
	struct hv_call call;
	struct fixture *fixture;
	enum hv_code code;
	unsigned done;
	size_t count;
	char text[64];
};

static void run_stop(struct hv_job *job)
{
	hv_loop_stop(HV_CONTAINER(job, struct fixture, stop_job)->loop);
}

static void stop_from_thread(struct fixture *fixture)
{
	fixture->stop_job.run = run_stop;
	hv_loop_post(fixture->loop, &fixture->stop_job);
}

static void echo(struct fixture *fixture, struct hv_exchange *exchange)
{
	size_t count;
	const uint8_t *bytes = hv_exchange_bytes(exchange, &count);
	uint8_t *big;

	if (fixture->answer_bytes == 0) {
		hv_exchange_answer(exchange, bytes, count);
		return;
	}
	big = calloc(1, fixture->answer_bytes);
	assert_non_null(big);
	hv_exchange_answer(exchange, big, fixture->answer_bytes);
	free(big);
}

static void on_request(void *arg, struct hv_exchange *exchange)
{
	struct fixture *fixture = arg;

	fixture->requests++;
	if (!fixture->is_holding) {
		echo(fixture, exchange);
		return;
	}
	assert_true(fixture->held_count < HELD_MAX);
	hv_exchange_set_user(exchange, fixture);
	fixture->held[fixture->held_count++] = exchange;
	if (fixture->held_count == fixture->stop_when_held)
		hv_loop_stop(fixture->loop);
}

static void open_server(struct fixture *fixture)
{
	struct hv_server_config config = { .url = fixture->url,
					   .contexts = CONTEXTS,
					   .bytes_max = BYTES_MAX,
					   .on_request = on_request,
					   .arg = fixture };
	struct hv_err err = { 0 };

	if (hv_server_open(fixture->loop, &config, &fixture->server, &err) != HV_OK)
		fail_msg("%s", err.text);
}

static void open_client(struct fixture *fixture)
{
	assert_int_equal(hv_client_open(fixture->loop, fixture->url, BYTES_MAX,
					&fixture->client, NULL),
			 HV_OK);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	test_tmpdir_make(&fixture->dir);
	(void)test_tmpdir_file(&fixture->dir, "rpc.ipc", fixture->path,
			       sizeof(fixture->path));
	(void)snprintf(fixture->url, sizeof(fixture->url), "ipc://%s", fixture->path);
	assert_int_equal(hv_loop_open(&fixture->loop, NULL), HV_OK);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	hv_client_close(fixture->client);
	hv_server_close(fixture->server);
	hv_loop_close(fixture->loop);
	test_tmpdir_remove(&fixture->dir);
	free(fixture);
	return 0;
}

static void on_done(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		    size_t count)
{
	struct asked *asked = HV_CONTAINER(call, struct asked, call);

	assert_null(call->impl);
	asked->code = code;
	asked->done++;
	asked->count = count;
	if (code == HV_OK)
		memcpy(asked->text, bytes,
		       count < sizeof(asked->text) ? count : sizeof(asked->text));
	else
		assert_null(bytes);
	if (--asked->fixture->calls_left == 0)
		hv_loop_stop(asked->fixture->loop);
}

static void ask(struct fixture *fixture, struct asked *asked, const char *text,
		uint64_t deadline_ms)
{
	*asked = (struct asked){ .call.on_done = on_done, .fixture = fixture };
	fixture->calls_left++;
	assert_int_equal(hv_call_start(fixture->client, &asked->call, text, strlen(text),
				       deadline_ms, NULL),
			 HV_OK);
	assert_int_equal(asked->done, 0);
}

static void a_call_is_answered(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked;
	struct stat status;

	open_server(fixture);
	open_client(fixture);
	ask(fixture, &asked, "hello", DEADLINE_MS);
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
	struct fixture *fixture = *state;
	struct asked asked;

	open_server(fixture);
	open_client(fixture);
	ask(fixture, &asked, "", DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_OK);
	assert_int_equal(asked.count, 0);
}

static void many_calls_find_their_answers(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked[32];
	char text[8];

	open_server(fixture);
	open_client(fixture);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < HV_COUNT(asked); i++) {
			(void)snprintf(text, sizeof(text), "%u.%u", round, i);
			ask(fixture, &asked[i], text, DEADLINE_MS);
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
	struct fixture *fixture = *state;
	struct asked first, second;
	size_t count;

	open_server(fixture);
	open_client(fixture);
	fixture->is_holding = true;
	fixture->stop_when_held = 1;
	ask(fixture, &first, "first", DEADLINE_MS);
	hv_loop_run(fixture->loop);
	fixture->is_holding = false;
	ask(fixture, &second, "second", DEADLINE_MS);
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
	struct fixture *fixture = *state;
	struct asked asked;

	open_server(fixture);
	open_client(fixture);
	fixture->is_holding = true;
	ask(fixture, &asked, "slow", 60);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_TIMEOUT);
	assert_int_equal(fixture->held_count, 1);
	/* The late answer is nobody's, and the slot works again. */
	hv_exchange_answer(fixture->held[0], "late", 4);
	fixture->is_holding = false;
	ask(fixture, &asked, "next", DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_OK);
	assert_memory_equal(asked.text, "next", 4);
}

static void nobody_there_ends_at_the_deadline(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked;

	open_client(fixture);
	ask(fixture, &asked, "hello", 30);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_TIMEOUT);
}

static void a_call_waits_for_a_server_that_comes(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked;

	open_client(fixture);
	ask(fixture, &asked, "early", DEADLINE_MS);
	open_server(fixture);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_OK);
}

/* The lost call is GONE, not sent again behind the caller's back. */
static void a_restarted_server_is_found_again(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked;

	open_server(fixture);
	open_client(fixture);
	for (unsigned i = 0; i < 3; i++) {
		fixture->held_count = 0;
		fixture->is_holding = true;
		fixture->stop_when_held = 1;
		ask(fixture, &asked, "lost", DEADLINE_MS);
		hv_loop_run(fixture->loop);
		hv_server_close(fixture->server);
		fixture->server = NULL;
		hv_loop_run(fixture->loop);
		assert_int_equal(asked.code, HV_E_GONE);
		assert_int_equal(asked.done, 1);
		fixture->is_holding = false;
		fixture->requests = 0;
		open_server(fixture);
		ask(fixture, &asked, "again", DEADLINE_MS);
		hv_loop_run(fixture->loop);
		assert_int_equal(asked.code, HV_OK);
		assert_int_equal(fixture->requests, 1);
	}
}

static void a_stale_socket_file_is_taken_over(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct asked asked;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, fixture->path, strlen(fixture->path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd); /* as after kill -9: the file stays */
	open_server(fixture);
	open_client(fixture);
	ask(fixture, &asked, "hello", DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_OK);
}

static void an_address_in_use_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct hv_server *second = NULL;
	struct hv_server_config config = { .url = fixture->url,
					   .contexts = CONTEXTS,
					   .bytes_max = BYTES_MAX,
					   .on_request = on_request };
	struct hv_err err;

	open_server(fixture);
	assert_int_equal(hv_server_open(fixture->loop, &config, &second, &err),
			 HV_E_BUSY);
	assert_null(second);
	assert_non_null(strstr(err.text, fixture->url));
}

static void too_long_a_request_is_not_sent(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked = { .call.on_done = on_done };
	uint8_t *big = calloc(1, BYTES_MAX + 1);
	struct hv_err err;

	open_client(fixture);
	assert_int_equal(hv_call_start(fixture->client, &asked.call, big, BYTES_MAX + 1,
				       DEADLINE_MS, &err),
			 HV_E_LIMIT);
	assert_null(asked.call.impl);
	free(big);
}

/* A client without our limit: its connection is closed, others go on. */
static void too_long_a_request_ends_its_connection(void **state)
{
	struct fixture *fixture = *state;
	struct hv_client *rude;
	struct asked asked = { .call.on_done = on_done, .fixture = fixture };
	uint8_t *big = calloc(1, 2 * BYTES_MAX);

	open_server(fixture);
	assert_int_equal(
		hv_client_open(fixture->loop, fixture->url, 4 * BYTES_MAX, &rude, NULL),
		HV_OK);
	fixture->calls_left = 1;
	assert_int_equal(
		hv_call_start(rude, &asked.call, big, 2 * BYTES_MAX, DEADLINE_MS, NULL),
		HV_OK);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_GONE);
	assert_int_equal(fixture->requests, 0);
	hv_client_close(rude);
	open_client(fixture);
	ask(fixture, &asked, "polite", DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_OK);
	free(big);
}

static void too_long_an_answer_is_dropped(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked;

	open_server(fixture);
	open_client(fixture);
	fixture->answer_bytes = BYTES_MAX + 1;
	ask(fixture, &asked, "much", 60);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_TIMEOUT);
	fixture->answer_bytes = 0;
	for (unsigned i = 0; i < CONTEXTS + 1; i++) { /* no context was lost */
		ask(fixture, &asked, "little", DEADLINE_MS);
		hv_loop_run(fixture->loop);
		assert_int_equal(asked.code, HV_OK);
	}
}

static void a_canceled_call_ends_once(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked;

	open_client(fixture); /* nobody there: the send waits */
	ask(fixture, &asked, "wait", DEADLINE_MS);
	hv_call_cancel(&asked.call);
	hv_call_cancel(&asked.call);
	assert_int_equal(asked.done, 0); /* never from inside */
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_CANCELED);
	assert_int_equal(asked.done, 1);
	hv_call_cancel(&asked.call); /* of nothing */
	open_server(fixture);
	fixture->is_holding = true;
	fixture->stop_when_held = 1;
	ask(fixture, &asked, "held", DEADLINE_MS);
	hv_loop_run(fixture->loop);
	hv_call_cancel(&asked.call);
	hv_loop_run(fixture->loop);
	assert_int_equal(asked.code, HV_E_CANCELED);
}

static void cancels_that_race_with_answers_end_once(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked[8];
	unsigned canceled = 0, answered = 0;

	open_server(fixture);
	open_client(fixture);
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < HV_COUNT(asked); i++)
			ask(fixture, &asked[i], "race", round % 3 == 0 ? 0 : DEADLINE_MS);
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
	struct fixture *fixture = *state;
	struct asked held, waiting;

	open_server(fixture);
	open_client(fixture);
	fixture->is_holding = true;
	fixture->stop_when_held = 1;
	ask(fixture, &held, "held", DEADLINE_MS);
	hv_loop_run(fixture->loop);
	ask(fixture, &waiting, "waiting", DEADLINE_MS);
	hv_client_close(fixture->client);
	fixture->client = NULL;
	assert_int_equal(held.code, HV_E_CANCELED);
	assert_int_equal(held.done, 1);
	assert_int_equal(waiting.code, HV_E_CANCELED);
	assert_int_equal(waiting.done, 1);
}

static void calls_have_a_limit(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked[65];
	struct hv_err err;

	open_client(fixture);
	for (unsigned i = 0; i < 64; i++)
		ask(fixture, &asked[i], "x", DEADLINE_MS);
	asked[64] = (struct asked){ .call.on_done = on_done, .fixture = fixture };
	assert_int_equal(hv_call_start(fixture->client, &asked[64].call, "x", 1,
				       DEADLINE_MS, &err),
			 HV_E_LIMIT);
	hv_client_close(fixture->client); /* while `asked` is there */
	fixture->client = NULL;
}

static void tcp_works_the_same(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	struct asked asked;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	/* A port that the kernel has just given us is free. */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	(void)close(fd);
	(void)snprintf(fixture->url, sizeof(fixture->url), "tcp://127.0.0.1:%u",
		       ntohs(address.sin_port));
	for (unsigned i = 0; i < 3; i++) {
		open_server(fixture);
		if (fixture->client == NULL)
			open_client(fixture);
		do { /* on the old connection, whose end is not noticed yet: GONE */
			ask(fixture, &asked, "hello", DEADLINE_MS);
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
	struct fixture *fixture = *state;
	struct asked asked = { .call.on_done = on_done, .fixture = fixture };
	uint8_t *big = malloc(BYTES_MAX);

	memset(big, 'b', BYTES_MAX);
	open_server(fixture);
	open_client(fixture);
	for (unsigned i = 0; i < 20; i++) {
		fixture->calls_left = 1;
		assert_int_equal(hv_call_start(fixture->client, &asked.call, big,
					       BYTES_MAX, DEADLINE_MS, NULL),
				 HV_OK);
		hv_loop_run(fixture->loop);
		assert_int_equal(asked.code, HV_OK);
		assert_int_equal(asked.count, BYTES_MAX);
		assert_memory_equal(asked.text, "bbbbb", 5);
	}
	free(big);
}

static void an_answer_to_one_who_left_goes_nowhere(void **state)
{
	struct fixture *fixture = *state;
	struct asked held, next;

	open_server(fixture);
	open_client(fixture);
	fixture->is_holding = true;
	fixture->stop_when_held = 1;
	ask(fixture, &held, "held", DEADLINE_MS);
	hv_loop_run(fixture->loop);
	hv_client_close(fixture->client);
	open_client(fixture);
	fixture->is_holding = false;
	ask(fixture, &next, "next", DEADLINE_MS);
	hv_loop_run(fixture->loop); /* the server has seen the first one leave */
	hv_exchange_answer(fixture->held[0], "late", 4);
	ask(fixture, &next, "again", DEADLINE_MS);
	hv_loop_run(fixture->loop);
	assert_int_equal(next.code, HV_OK);
	assert_memory_equal(next.text, "again", 5);
}

static void *ask_with_nng(void *arg)
{
	struct fixture *fixture = arg;
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
	stop_from_thread(fixture);
	/* Nothing is on its way to it now, so this close is safe (rpc_priv.h). */
	(void)nng_close(socket);
	return rv == 0 ? arg : NULL;
}

static void a_plain_nng_socket_can_ask(void **state)
{
	struct fixture *fixture = *state;
	pthread_t thread;
	void *result;

	open_server(fixture);
	assert_int_equal(pthread_create(&thread, NULL, ask_with_nng, fixture), 0);
	hv_loop_run(fixture->loop);
	(void)pthread_join(thread, &result);
	assert_ptr_equal(result, fixture);
}

struct garbage {
	const char *bytes;
	size_t count;
};

static int dial_raw(const struct fixture *fixture)
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
	struct fixture *fixture = *state;
	struct asked asked;
	int stalled[HV_COUNT(garbage)], fd;

	open_server(fixture);
	open_client(fixture);
	for (unsigned i = 0; i < HV_COUNT(garbage); i++) {
		stalled[i] = dial_raw(fixture);
		fd = dial_raw(fixture);
		(void)send(stalled[i], garbage[i].bytes, garbage[i].count, MSG_NOSIGNAL);
		(void)send(fd, garbage[i].bytes, garbage[i].count, MSG_NOSIGNAL);
		(void)close(fd);
		ask(fixture, &asked, "fine", DEADLINE_MS);
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
	struct fixture *fixture = *state;
	pthread_t thread;
	uint8_t *bytes = NULL;
	size_t count = 0;

	open_server(fixture);
	assert_int_equal(pthread_create(&thread, NULL, run_loop, fixture->loop), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(hv_rpc_ask(fixture->url, "hello", 5, DEADLINE_MS, &bytes,
					    &count, NULL),
				 HV_OK);
		assert_int_equal(count, 5);
		assert_memory_equal(bytes, "hello", 5);
		free(bytes);
	}
	stop_from_thread(fixture);
	(void)pthread_join(thread, NULL);
}

static void asking_nobody_fails_at_once(void **state)
{
	struct fixture *fixture = *state;
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
	struct fixture *fixture = *state;
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
	struct fixture *fixture = *state;
	struct hv_server_config config = { .contexts = 1,
					   .bytes_max = BYTES_MAX,
					   .on_request = on_request };

	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		config.url = cases[i].url;
		assert_int_equal(hv_client_open(fixture->loop, cases[i].url, BYTES_MAX,
						&fixture->client, NULL),
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
	struct fixture *fixture = *state;
	struct hv_server_config config = { .url = "ipc:///nowhere/at/all.ipc",
					   .contexts = 1,
					   .bytes_max = BYTES_MAX,
					   .on_request = on_request };

	assert_int_not_equal(
		hv_server_open(fixture->loop, &config, &fixture->server, NULL), HV_OK);
	assert_null(fixture->server);
}

static enum hv_code open_and_call(struct fixture *fixture, struct asked *asked)
{
	struct hv_server_config config = { .url = fixture->url,
					   .contexts = CONTEXTS,
					   .bytes_max = BYTES_MAX,
					   .on_request = on_request,
					   .arg = fixture };
	enum hv_code code;

	code = hv_server_open(fixture->loop, &config, &fixture->server, NULL);
	if (code == HV_OK)
		code = hv_client_open(fixture->loop, fixture->url, BYTES_MAX,
				      &fixture->client, NULL);
	*asked = (struct asked){ .call.on_done = on_done, .fixture = fixture };
	if (code == HV_OK)
		code = hv_call_start(fixture->client, &asked->call, "x", 1, DEADLINE_MS,
				     NULL);
	return code;
}

static void every_failed_allocation_is_nomem(void **state)
{
	struct fixture *fixture = *state;
	struct asked asked;
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
	struct fixture *fixture = *state;
	pthread_t thread;
	uint8_t *bytes = NULL;
	size_t count;
	enum hv_code code;
	bool was_hit = true;

	open_server(fixture);
	assert_int_equal(pthread_create(&thread, NULL, run_loop, fixture->loop), 0);
	for (unsigned nth = 1; was_hit; nth++) {
		oom_arm(nth);
		code = hv_rpc_ask(fixture->url, "x", 1, DEADLINE_MS, &bytes, &count,
				  NULL);
		was_hit = oom_disarm();
		assert_int_equal(code, was_hit ? HV_E_NOMEM : HV_OK);
	}
	free(bytes);
	stop_from_thread(fixture);
	(void)pthread_join(thread, NULL);
}

#define RPC_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RPC_TEST(a_call_is_answered),
		RPC_TEST(an_empty_message_travels),
		RPC_TEST(many_calls_find_their_answers),
		RPC_TEST(a_held_exchange_is_answered_later),
		RPC_TEST(a_call_ends_at_its_deadline),
		RPC_TEST(nobody_there_ends_at_the_deadline),
		RPC_TEST(a_call_waits_for_a_server_that_comes),
		RPC_TEST(a_restarted_server_is_found_again),
		RPC_TEST(a_stale_socket_file_is_taken_over),
		RPC_TEST(an_address_in_use_is_refused),
		RPC_TEST(too_long_a_request_is_not_sent),
		RPC_TEST(too_long_a_request_ends_its_connection),
		RPC_TEST(too_long_an_answer_is_dropped),
		RPC_TEST(a_canceled_call_ends_once),
		RPC_TEST(cancels_that_race_with_answers_end_once),
		RPC_TEST(closing_the_client_ends_its_calls),
		RPC_TEST(calls_have_a_limit),
		RPC_TEST(tcp_works_the_same),
		RPC_TEST(long_messages_arrive_whole),
		RPC_TEST(an_answer_to_one_who_left_goes_nowhere),
		RPC_TEST(a_plain_nng_socket_can_ask),
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
