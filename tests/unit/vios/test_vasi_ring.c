/* Both halves of a lane, and what each does with a peer that lies. */
#include "hvcore/vasi/client.h"
#include "hvcore/vasi/server.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define EPOCH 7

struct pair {
	struct hv_window window;
	struct hv_vasi_client client;
	struct hv_vasi_server server;
};

static int setup(void **state)
{
	static struct pair pair;

	assert_int_equal(hv_window_create(2, &pair.window, NULL), HV_OK);
	hv_vasi_client_init(&pair.client, &pair.window, 1, EPOCH);
	hv_vasi_server_init(&pair.server, &pair.window, 1, EPOCH);
	*state = &pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	hv_vasi_client_audit(&pair->client);
	hv_window_close(&pair->window);
	return 0;
}

static uint32_t ask(struct pair *pair, enum hv_request_op op, unsigned pages,
		    uint64_t user)
{
	struct hv_vasi_ask ask = {
		.user = user,
		.now_ns = 1000 + user,
		.device = 3,
		.slot = (uint32_t)user * 64,
		.op = (uint16_t)op,
		.pages = (uint16_t)pages,
	};

	assert_true(hv_vasi_take(&pair->client, op, pages, &ask.buffer));
	hv_vasi_send(&pair->client, &ask);
	return ask.buffer;
}

static bool rings(int doorbell)
{
	struct pollfd poll_fd = { .fd = doorbell, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

static void a_request_travels_and_its_answer_returns(void **state)
{
	struct pair *pair = *state;
	uint32_t buffer = ask(pair, HV_OP_WRITE, 5, 42);
	struct hv_vasi_answer answer;
	struct hv_request request;

	memset(hv_vasi_buffer(&pair->client, buffer), 0x5a, 5 * (size_t)HV_PAGE_BYTES);
	assert_int_equal(hv_vasi_server_take(&pair->server, &request, NULL), HV_E_AGAIN);
	hv_vasi_flush(&pair->client);
	assert_int_equal(hv_vasi_server_take(&pair->server, &request, NULL), HV_OK);
	assert_int_equal(hv_vasi_server_take(&pair->server, &request, NULL), HV_E_AGAIN);
	assert_int_equal(hv_vasi_server_check(&pair->server, &request), 0);
	assert_int_equal(request.device, 3);
	assert_int_equal(request.slot, 42 * 64);
	assert_int_equal(request.pages, 5);
	assert_int_equal(hv_vasi_server_buffer(&pair->server, request.buffer)[4 * 4096],
			 0x5a);
	hv_vasi_server_answer(&pair->server, request.tag, 5);
	assert_int_equal(hv_vasi_receive(&pair->client, &answer, NULL), HV_E_AGAIN);
	hv_vasi_server_flush(&pair->server);
	assert_int_equal(hv_vasi_out(&pair->client), 1);
	assert_int_equal(hv_vasi_oldest_ns(&pair->client), 1042);
	assert_int_equal(hv_vasi_receive(&pair->client, &answer, NULL), HV_OK);
	assert_int_equal(answer.ask.user, 42);
	assert_int_equal(answer.ask.buffer, buffer);
	assert_int_equal(answer.result, 0);
	assert_int_equal(hv_vasi_out(&pair->client), 0);
	assert_int_equal(hv_vasi_oldest_ns(&pair->client), 0);
	hv_vasi_give(&pair->client, buffer, 5);
	assert_int_equal(hv_vasi_room(&pair->client, HV_OP_WRITE), 256);
}

static void an_error_comes_back_as_errno(void **state)
{
	struct pair *pair = *state;
	uint32_t buffer = ask(pair, HV_OP_READ, 1, 1);
	struct hv_vasi_answer answer;
	struct hv_request request;

	hv_vasi_flush(&pair->client);
	assert_int_equal(hv_vasi_server_take(&pair->server, &request, NULL), HV_OK);
	hv_vasi_server_answer(&pair->server, request.tag, -EIO);
	hv_vasi_server_flush(&pair->server);
	assert_int_equal(hv_vasi_receive(&pair->client, &answer, NULL), HV_OK);
	assert_int_equal(answer.result, -EIO);
	hv_vasi_give(&pair->client, buffer, 1);
}

static void the_ring_is_never_full(void **state)
{
	struct pair *pair = *state;
	struct hv_vasi_answer answer;
	struct hv_request request;
	uint64_t next = 1;

	for (unsigned round = 0; round < 20; round++) {
		uint32_t buffer;

		while (hv_vasi_room(&pair->client, HV_OP_WRITE) > 0)
			(void)ask(pair, HV_OP_WRITE, 1, next++);
		while (hv_vasi_room(&pair->client, HV_OP_READ) > 0)
			(void)ask(pair, HV_OP_READ, 1, next++);
		assert_false(hv_vasi_take(&pair->client, HV_OP_READ, 1, &buffer));
		assert_int_equal(hv_vasi_out(&pair->client), HV_LANE_BUFFERS);
		hv_vasi_flush(&pair->client);
		while (hv_vasi_server_take(&pair->server, &request, NULL) == HV_OK)
			hv_vasi_server_answer(&pair->server, request.tag, 1);
		hv_vasi_server_flush(&pair->server);
		while (hv_vasi_receive(&pair->client, &answer, NULL) == HV_OK)
			hv_vasi_give(&pair->client, answer.ask.buffer, 1);
		assert_int_equal(hv_vasi_out(&pair->client), 0);
		hv_vasi_client_audit(&pair->client);
	}
}

static void the_bell_rings_only_for_a_sleeper(void **state)
{
	struct pair *pair = *state;
	int request_bell = pair->window.request_doorbell[1];
	int completion_bell = pair->window.completion_doorbell[1];
	struct hv_request request;

	(void)ask(pair, HV_OP_READ, 1, 1);
	hv_vasi_flush(&pair->client);
	assert_false(rings(request_bell));
	assert_false(hv_vasi_server_may_sleep(&pair->server)); /* a request is there */
	assert_int_equal(hv_vasi_server_take(&pair->server, &request, NULL), HV_OK);
	assert_true(hv_vasi_server_may_sleep(&pair->server));
	(void)ask(pair, HV_OP_READ, 1, 2);
	assert_false(rings(request_bell));
	hv_vasi_flush(&pair->client);
	assert_true(rings(request_bell));
	hv_vasi_server_awake(&pair->server);

	assert_true(hv_vasi_may_sleep(&pair->client));
	hv_vasi_server_answer(&pair->server, request.tag, 1);
	hv_vasi_server_flush(&pair->server);
	assert_true(rings(completion_bell));
	hv_vasi_awake(&pair->client);
	assert_false(hv_vasi_may_sleep(&pair->client));
}

static void a_full_bell_does_not_stop_the_ringer(void **state)
{
	struct pair *pair = *state;
	uint64_t most = UINT64_MAX - 1;

	assert_int_equal(write(pair->window.request_doorbell[1], &most, sizeof(most)),
			 sizeof(most));
	assert_true(hv_vasi_server_may_sleep(&pair->server));
	(void)ask(pair, HV_OP_READ, 1, 1);
	hv_vasi_flush(&pair->client);
	assert_true(rings(pair->window.request_doorbell[1]));
}

static void unanswered_requests_come_back_oldest_first(void **state)
{
	struct pair *pair = *state;
	struct hv_vasi_answer answer;
	struct hv_request request[3];
	struct hv_vasi_ask left;

	for (unsigned i = 0; i < 3; i++)
		(void)ask(pair, HV_OP_WRITE, 2, i + 1);
	hv_vasi_flush(&pair->client);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(hv_vasi_server_take(&pair->server, &request[i], NULL),
				 HV_OK);
	hv_vasi_server_answer(&pair->server, request[1].tag, 2);
	hv_vasi_server_flush(&pair->server);
	assert_int_equal(hv_vasi_receive(&pair->client, &answer, NULL), HV_OK);
	assert_int_equal(answer.ask.user, 2);
	hv_vasi_give(&pair->client, answer.ask.buffer, 2);

	assert_true(hv_vasi_take_unanswered(&pair->client, &left));
	assert_int_equal(left.user, 1);
	assert_true(hv_vasi_take_unanswered(&pair->client, &left));
	assert_int_equal(left.user, 3);
	assert_false(hv_vasi_take_unanswered(&pair->client, &left));
	assert_int_equal(hv_vasi_room(&pair->client, HV_OP_WRITE), 256);

	/* M5: an answer of an ended epoch is not believed. */
	hv_vasi_server_answer(&pair->server, request[0].tag, 2);
	hv_vasi_server_flush(&pair->server);
	assert_int_equal(hv_vasi_receive(&pair->client, &answer, NULL), HV_E_CORRUPT);
}

/* One good request is out (tag 1<<32, 4 pages); the peer says this of it. */
struct lie {
	const char *name;
	struct hv_completion completion;
	uint32_t tail;
};

#define TAG (UINT64_C(1) << 32)

static const struct lie lies[] = {
	{ "tag of no flight", { TAG | 5, EPOCH, 4, 0 }, 1 },
	{ "tag out of range", { TAG | HV_LANE_BUFFERS, EPOCH, 4, 0 }, 1 },
	{ "tag of an earlier use", { 0, EPOCH, 4, 0 }, 1 },
	{ "tag of a later use", { 2 * TAG, EPOCH, 4, 0 }, 1 },
	{ "another epoch", { TAG, EPOCH - 1, 4, 0 }, 1 },
	{ "nothing done", { TAG, EPOCH, 0, 0 }, 1 },
	{ "a part done", { TAG, EPOCH, 3, 0 }, 1 },
	{ "more done", { TAG, EPOCH, 5, 0 }, 1 },
	{ "no errno", { TAG, EPOCH, -4096, 0 }, 1 },
	{ "no number", { TAG, EPOCH, INT32_MIN, 0 }, 1 },
	{ "tail too far", { TAG, EPOCH, 4, 0 }, HV_RING_SIZE + 1 },
	{ "tail goes back", { TAG, EPOCH, 4, 0 }, UINT32_MAX },
};

static void a_lie_ends_the_session_for_ever(void **state)
{
	struct pair *pair = *state;
	struct hv_vasi_answer answer;
	struct hv_err err;

	for (unsigned i = 0; i < HV_COUNT(lies); i++) {
		struct hv_lane *lane = hv_window_lane(&pair->window, 1);

		memset((void *)lane, 0, sizeof(*lane));
		hv_vasi_client_init(&pair->client, &pair->window, 1, EPOCH);
		(void)ask(pair, HV_OP_WRITE, 4, 9);
		hv_vasi_flush(&pair->client);
		lane->completions[0] = lies[i].completion;
		atomic_store(&lane->completion_tail, lies[i].tail);
		if (hv_vasi_receive(&pair->client, &answer, &err) != HV_E_CORRUPT)
			fail_msg("believed: %s", lies[i].name);
		lane->completions[1] = (struct hv_completion){ TAG, EPOCH, 4, 0 };
		atomic_store(&lane->completion_tail, 2);
		assert_int_equal(hv_vasi_receive(&pair->client, &answer, &err),
				 HV_E_CORRUPT);
		assert_false(hv_vasi_may_sleep(&pair->client));
		assert_int_equal(hv_vasi_out(&pair->client), 1);
		hv_vasi_client_audit(&pair->client);
	}
}

static void an_answer_counts_once(void **state)
{
	struct pair *pair = *state;
	struct hv_lane *lane = hv_window_lane(&pair->window, 1);
	uint32_t buffer = ask(pair, HV_OP_WRITE, 4, 9);
	struct hv_vasi_answer answer;

	hv_vasi_flush(&pair->client);
	lane->completions[0] = (struct hv_completion){ TAG, EPOCH, 4, 0 };
	lane->completions[1] = (struct hv_completion){ TAG, EPOCH, 4, 0 };
	atomic_store(&lane->completion_tail, 2);
	assert_int_equal(hv_vasi_receive(&pair->client, &answer, NULL), HV_OK);
	hv_vasi_give(&pair->client, buffer, 4);
	(void)ask(pair, HV_OP_WRITE, 4, 10); /* the same flight, used again */
	assert_int_equal(hv_vasi_receive(&pair->client, &answer, NULL), HV_E_CORRUPT);
}

struct bad_request {
	const char *name;
	struct hv_request request;
	int error;
};

static const struct bad_request bad_requests[] = {
	{ "fine read", { 1, EPOCH, 0, 0, HV_OP_READ, 1, 63 }, 0 },
	{ "fine write", { 1, EPOCH, 0, 0, HV_OP_WRITE, 64, 256 }, 0 },
	{ "old epoch", { 1, EPOCH - 1, 0, 0, HV_OP_READ, 1, 0 }, ESTALE },
	{ "new epoch", { 1, EPOCH + 1, 0, 0, HV_OP_READ, 1, 0 }, ESTALE },
	{ "no operation", { 1, EPOCH, 0, 0, 0, 1, 0 }, EINVAL },
	{ "unknown operation", { 1, EPOCH, 0, 0, HV_OP_COUNT, 1, 0 }, EINVAL },
	{ "no pages", { 1, EPOCH, 0, 0, HV_OP_READ, 0, 0 }, EINVAL },
	{ "too many pages", { 1, EPOCH, 0, 0, HV_OP_WRITE, 65, 64 }, EINVAL },
	{ "read past its buffers", { 1, EPOCH, 0, 0, HV_OP_READ, 2, 63 }, EINVAL },
	{ "read into a write's", { 1, EPOCH, 0, 0, HV_OP_READ, 1, 64 }, EINVAL },
	{ "write from a read's", { 1, EPOCH, 0, 0, HV_OP_WRITE, 1, 63 }, EINVAL },
	{ "past the end", { 1, EPOCH, 0, 0, HV_OP_WRITE, 64, 257 }, EINVAL },
	{ "buffer overflows", { 1, EPOCH, 0, 0, HV_OP_WRITE, 2, UINT32_MAX }, EINVAL },
};

static void a_bad_descriptor_is_answered_with_an_error(void **state)
{
	struct pair *pair = *state;

	for (unsigned i = 0; i < HV_COUNT(bad_requests); i++)
		if (hv_vasi_server_check(&pair->server, &bad_requests[i].request) !=
		    bad_requests[i].error)
			fail_msg("%s", bad_requests[i].name);
}

static void a_server_refuses_impossible_rings(void **state)
{
	struct pair *pair = *state;
	struct hv_lane *lane = hv_window_lane(&pair->window, 1);
	struct hv_request request;
	struct hv_err err;

	atomic_store(&lane->request_tail, HV_RING_SIZE + 1);
	assert_int_equal(hv_vasi_server_take(&pair->server, &request, &err),
			 HV_E_CORRUPT);
	atomic_store(&lane->request_tail, 1);
	atomic_store(&lane->completion_head, 1);
	assert_int_equal(hv_vasi_server_take(&pair->server, &request, &err),
			 HV_E_CORRUPT);
	atomic_store(&lane->completion_head, 0);
	for (unsigned i = 0; i < HV_RING_SIZE; i++) {
		atomic_store(&lane->request_tail, i + 1);
		assert_int_equal(hv_vasi_server_take(&pair->server, &request, &err),
				 HV_OK);
	}
	atomic_store(&lane->request_tail, HV_RING_SIZE + 1);
	assert_int_equal(hv_vasi_server_take(&pair->server, &request, &err),
			 HV_E_CORRUPT);
}

static void a_beat_is_seen_through_the_window(void **state)
{
	struct pair *pair = *state;

	hv_vasi_server_beat(&pair->server);
	hv_vasi_server_beat(&pair->server);
	assert_int_equal(hv_window_lane_heartbeat(&pair->window, 1), 2);
	assert_int_equal(hv_window_lane_heartbeat(&pair->window, 0), 0);
	assert_int_equal(hv_window_heartbeat(&pair->window), 0);
}

static void runs_are_adjacent_and_stay_in_their_word(void **state)
{
	struct hv_runs runs;
	uint32_t at;

	(void)state;
	hv_runs_init(&runs);
	assert_true(hv_runs_take(&runs, HV_OP_WRITE, 1, &at));
	assert_int_equal(at, 64);
	assert_true(hv_runs_take(&runs, HV_OP_WRITE, 64, &at));
	assert_int_equal(at, 128);
	assert_true(hv_runs_take(&runs, HV_OP_WRITE, 63, &at));
	assert_int_equal(at, 65);
	hv_runs_give(&runs, 70, 3); /* part of a run may go first */
	assert_true(hv_runs_take(&runs, HV_OP_WRITE, 4, &at));
	assert_int_equal(at, 192);
	assert_true(hv_runs_take(&runs, HV_OP_WRITE, 3, &at));
	assert_int_equal(at, 70);
	assert_int_equal(hv_runs_free(&runs, HV_OP_WRITE), 64 + 60);
	assert_true(hv_runs_take(&runs, HV_OP_READ, 64, &at));
	assert_int_equal(at, 0);
	assert_false(hv_runs_take(&runs, HV_OP_READ, 1, &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_request_travels_and_its_answer_returns,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_error_comes_back_as_errno, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_ring_is_never_full, setup, teardown),
		cmocka_unit_test_setup_teardown(the_bell_rings_only_for_a_sleeper, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_full_bell_does_not_stop_the_ringer,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			unanswered_requests_come_back_oldest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lie_ends_the_session_for_ever, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_answer_counts_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_bad_descriptor_is_answered_with_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(a_server_refuses_impossible_rings, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_beat_is_seen_through_the_window, setup,
						teardown),
		cmocka_unit_test(runs_are_adjacent_and_stay_in_their_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
