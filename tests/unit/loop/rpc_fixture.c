/* rpc_fixture - see rpc_fixture.h. */
#include "tests/unit/loop/rpc_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void run_stop(struct hv_job *job)
{
	hv_loop_stop(HV_CONTAINER(job, struct rpc_fixture, stop_job)->loop);
}

void rpc_stop_from_thread(struct rpc_fixture *fixture)
{
	fixture->stop_job.run = run_stop;
	hv_loop_post(fixture->loop, &fixture->stop_job);
}

static void echo(struct rpc_fixture *fixture, struct hv_exchange *exchange)
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

void rpc_on_request(void *arg, struct hv_exchange *exchange)
{
	struct rpc_fixture *fixture = arg;

	fixture->requests++;
	if (!fixture->is_holding) {
		echo(fixture, exchange);
		return;
	}
	assert_true(fixture->held_count < RPC_HELD_MAX);
	hv_exchange_set_user(exchange, fixture);
	fixture->held[fixture->held_count++] = exchange;
	if (fixture->held_count == fixture->stop_when_held)
		hv_loop_stop(fixture->loop);
}

void rpc_open_server(struct rpc_fixture *fixture)
{
	struct hv_server_config config = { .url = fixture->url,
					   .contexts = RPC_CONTEXTS,
					   .bytes_max = RPC_BYTES_MAX,
					   .on_request = rpc_on_request,
					   .arg = fixture };
	struct hv_err err = { 0 };

	if (hv_server_open(fixture->loop, &config, &fixture->server, &err) != HV_OK)
		fail_msg("%s", err.text);
}

void rpc_open_client(struct rpc_fixture *fixture)
{
	assert_int_equal(hv_client_open(fixture->loop, fixture->url, RPC_BYTES_MAX,
					&fixture->client, NULL),
			 HV_OK);
}

int rpc_set_up(void **state)
{
	struct rpc_fixture *fixture = calloc(1, sizeof(*fixture));

	test_tmpdir_make(&fixture->dir);
	(void)test_tmpdir_file(&fixture->dir, "rpc.ipc", fixture->path,
			       sizeof(fixture->path));
	(void)snprintf(fixture->url, sizeof(fixture->url), "ipc://%s", fixture->path);
	assert_int_equal(hv_loop_open(&fixture->loop, NULL), HV_OK);
	*state = fixture;
	return 0;
}

int rpc_tear_down(void **state)
{
	struct rpc_fixture *fixture = *state;

	hv_client_close(fixture->client);
	hv_server_close(fixture->server);
	hv_loop_close(fixture->loop);
	test_tmpdir_remove(&fixture->dir);
	free(fixture);
	return 0;
}

void rpc_on_done(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		 size_t count)
{
	struct rpc_asked *asked = HV_CONTAINER(call, struct rpc_asked, call);

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

void rpc_ask(struct rpc_fixture *fixture, struct rpc_asked *asked, const char *text,
	     uint64_t deadline_ms)
{
	*asked = (struct rpc_asked){ .call.on_done = rpc_on_done, .fixture = fixture };
	fixture->calls_left++;
	assert_int_equal(hv_call_start(fixture->client, &asked->call, text, strlen(text),
				       deadline_ms, NULL),
			 HV_OK);
	assert_int_equal(asked->done, 0);
}
