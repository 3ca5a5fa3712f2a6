/*
 * rpc_fixture - a server and a client in one loop, for the tests of rpc.
 *
 * The server echoes, holds or overdoes its answers; calls note how they ended and stop
 * the loop when the last one did.
 */
#ifndef TESTS_UNIT_LOOP_RPC_FIXTURE_H
#define TESTS_UNIT_LOOP_RPC_FIXTURE_H

#include "hvcore/loop/rpc.h"
#include "tests/support/tmpdir.h"

#define RPC_BYTES_MAX 65536
#define RPC_CONTEXTS 4
#define RPC_HELD_MAX 8
#define RPC_DEADLINE_MS 10000 /* never reached where all is well */
#define RPC_URL_BYTES (TEST_PATH_BYTES + 16)

struct rpc_fixture {
	struct test_tmpdir dir;
	char path[TEST_PATH_BYTES];
	char url[RPC_URL_BYTES];
	struct hv_loop *loop;
	struct hv_server *server;
	struct hv_client *client;
	struct hv_exchange *held[RPC_HELD_MAX];
	unsigned held_count;
	unsigned requests;
	bool is_holding;
	unsigned stop_when_held; /* 0: never */
	size_t answer_bytes;     /* 0: echo */
	unsigned calls_left;
	struct hv_job stop_job;
};

struct rpc_asked {
	struct hv_call call;
	struct rpc_fixture *fixture;
	enum hv_code code;
	unsigned done;
	size_t count;
	char text[64];
};

int rpc_set_up(void **state); /* *state: struct rpc_fixture, nothing open but the loop */
int rpc_tear_down(void **state);

void rpc_on_request(void *arg, struct hv_exchange *exchange);
void rpc_open_server(struct rpc_fixture *fixture);
void rpc_open_client(struct rpc_fixture *fixture);

void rpc_on_done(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		 size_t count);
void rpc_ask(struct rpc_fixture *fixture, struct rpc_asked *asked, const char *text,
	     uint64_t deadline_ms);
void rpc_stop_from_thread(struct rpc_fixture *fixture); /* any thread */

#endif
