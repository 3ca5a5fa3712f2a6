/*
 * Property: two threads, one lane. Whatever the order and timing, every request is
 * answered once with the bytes it asked for, and nobody sleeps for ever.
 * Property: whatever a peer scribbles over the lane, the other half keeps its
 * equations and never takes an answer to a question it did not ask.
 */
#include "hvcore/base/clock.h"
#include "hvcore/base/rng.h"
#include "hvcore/vasi/client.h"
#include "hvcore/vasi/server.h"
#include "tests/support/seed.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define EPOCH 3
#define SLOTS 4096u
#define REQUESTS 60000u
#define LOST_WAKE_MS 10000 /* far above any scheduling delay: a lost wake-up */

struct world {
	struct hv_window window;
	uint64_t seed;
	uint64_t device[SLOTS]; /* the server's: one word a page */
	_Atomic bool is_over;
};

static bool wait_bell(int doorbell)
{
	struct pollfd poll_fd = { .fd = doorbell, .events = POLLIN };
	uint64_t count;

	if (poll(&poll_fd, 1, LOST_WAKE_MS) != 1)
		return false;
	return read(doorbell, &count, sizeof(count)) == sizeof(count);
}

static void serve(struct world *world, struct hv_vasi_server *server,
		  const struct hv_request *request)
{
	for (unsigned i = 0; i < request->pages; i++) {
		uint8_t *page = hv_vasi_server_buffer(server, request->buffer + i);
		uint64_t *slot = &world->device[request->slot + i];

		if (request->op == HV_OP_WRITE)
			memcpy(slot, page, sizeof(*slot));
		else
			memcpy(page, slot, sizeof(*slot));
	}
	hv_vasi_server_answer(server, request->tag, request->pages);
}

/* Takes what is there and answers some of it, in any order. */
static void *server_main(void *arg)
{
	struct world *world = arg;
	struct hv_rng rng = { world->seed ^ 1 };
	struct hv_request held[HV_RING_SIZE];
	struct hv_vasi_server server;
	unsigned held_count = 0;

	hv_vasi_server_init(&server, &world->window, 0, EPOCH);
	while (!atomic_load(&world->is_over)) {
		while (hv_vasi_server_take(&server, &held[held_count], NULL) == HV_OK)
			held_count++;
		for (uint64_t n = hv_rng_below(&rng, 32); n > 0 && held_count > 0; n--) {
			uint64_t i = hv_rng_below(&rng, held_count);

			if (hv_vasi_server_check(&server, &held[i]) != 0)
				abort();
			serve(world, &server, &held[i]);
			held[i] = held[--held_count];
		}
		hv_vasi_server_flush(&server);
		hv_vasi_server_beat(&server);
		if (held_count > 0 || !hv_vasi_server_may_sleep(&server))
			continue;
		if (!wait_bell(world->window.request_doorbell[0]))
			abort();
		hv_vasi_server_awake(&server);
	}
	return NULL;
}

struct asker {
	struct hv_vasi_client client;
	struct hv_rng rng;
	uint64_t model[SLOTS];
	bool is_busy[SLOTS];
	unsigned sent, answered;
};

static bool slots_are_free(const struct asker *asker, uint32_t slot, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		if (asker->is_busy[slot + i])
			return false;
	return true;
}

static void send_one(struct asker *asker)
{
	bool is_read = hv_rng_below(&asker->rng, 2) == 0;
	unsigned most = is_read ? 4 : HV_RUN_PAGES;
	struct hv_vasi_ask ask = {
		.user = asker->sent,
		.now_ns = hv_clock_ns(),
		.op = is_read ? HV_OP_READ : HV_OP_WRITE,
		.pages = (uint16_t)(1 + hv_rng_below(&asker->rng, most)),
	};

	ask.slot = (uint32_t)hv_rng_below(&asker->rng, SLOTS - ask.pages);
	if (!slots_are_free(asker, ask.slot, ask.pages) ||
	    !hv_vasi_take(&asker->client, (enum hv_request_op)ask.op, ask.pages,
			  &ask.buffer))
		return;
	for (unsigned i = 0; i < ask.pages; i++) {
		uint64_t word = hv_rng_next(&asker->rng);

		asker->is_busy[ask.slot + i] = true;
		if (is_read)
			continue;
		asker->model[ask.slot + i] = word;
		memcpy(hv_vasi_buffer(&asker->client, ask.buffer + i), &word,
		       sizeof(word));
	}
	hv_vasi_send(&asker->client, &ask);
	asker->sent++;
}

static void take_answers(struct asker *asker)
{
	struct hv_vasi_answer answer;
	enum hv_code code;

	while ((code = hv_vasi_receive(&asker->client, &answer, NULL)) == HV_OK) {
		assert_int_equal(answer.result, 0);
		for (unsigned i = 0; i < answer.ask.pages; i++) {
			uint64_t word;

			memcpy(&word,
			       hv_vasi_buffer(&asker->client, answer.ask.buffer + i),
			       sizeof(word));
			assert_int_equal(word, asker->model[answer.ask.slot + i]);
			assert_true(asker->is_busy[answer.ask.slot + i]);
			asker->is_busy[answer.ask.slot + i] = false;
		}
		hv_vasi_give(&asker->client, answer.ask.buffer, answer.ask.pages);
		asker->answered++;
	}
	assert_int_equal(code, HV_E_AGAIN);
}

static void every_request_is_answered_once(void **state)
{
	static struct world world;
	static struct asker asker;
	pthread_t thread;

	(void)state;
	world.seed = test_seed();
	asker.rng.state = world.seed;
	assert_int_equal(hv_window_create(1, &world.window, NULL), HV_OK);
	hv_vasi_client_init(&asker.client, &world.window, 0, EPOCH);
	assert_int_equal(pthread_create(&thread, NULL, server_main, &world), 0);
	while (asker.answered < asker.sent || asker.sent < REQUESTS) {
		uint64_t batch = hv_rng_below(&asker.rng, 40);

		for (; batch > 0 && asker.sent < REQUESTS; batch--)
			send_one(&asker);
		hv_vasi_flush(&asker.client);
		take_answers(&asker);
		if (hv_vasi_out(&asker.client) == 0 || !hv_vasi_may_sleep(&asker.client))
			continue;
		assert_true(wait_bell(world.window.completion_doorbell[0]));
		hv_vasi_awake(&asker.client);
	}
	assert_int_equal(hv_vasi_room(&asker.client, HV_OP_WRITE), 256);
	hv_vasi_client_audit(&asker.client);
	atomic_store(&world.is_over, true);

	const uint64_t one = 1;

	assert_int_equal(write(world.window.request_doorbell[0], &one, sizeof(one)),
			 sizeof(one));
	assert_int_equal(pthread_join(thread, NULL), 0);
	hv_window_close(&world.window);
}

/* A value that is likely to hurt. */
static uint32_t nasty(struct hv_rng *rng, uint32_t near)
{
	switch (hv_rng_below(rng, 6)) {
	case 0:
		return near + (uint32_t)hv_rng_below(rng, 4);
	case 1:
		return near - (uint32_t)hv_rng_below(rng, 4);
	case 2:
		return near + HV_RING_SIZE + (uint32_t)hv_rng_below(rng, 2);
	case 3:
		return (uint32_t)hv_rng_below(rng, HV_LANE_BUFFERS + 2);
	case 4:
		return 0;
	default:
		return (uint32_t)hv_rng_next(rng);
	}
}

static void scribble(struct hv_rng *rng, struct hv_lane *lane)
{
	uint32_t tail = atomic_load(&lane->completion_tail);
	struct hv_completion *entry = &lane->completions[tail % HV_RING_SIZE];

	switch (hv_rng_below(rng, 8)) {
	case 0:
		atomic_store(&lane->completion_tail, nasty(rng, tail));
		return;
	case 1:
		atomic_store(&lane->request_head, nasty(rng, 0));
		return;
	case 2:
		atomic_store(&lane->request_asleep, nasty(rng, 0));
		return;
	case 3:
		atomic_store(&lane->completion_head, nasty(rng, tail));
		return;
	default:
		/* often nearly right: a request that is there, answered somehow */
		entry->tag = lane->requests[hv_rng_below(rng, HV_RING_SIZE)].tag;
		entry->epoch = hv_rng_below(rng, 8) == 0 ? nasty(rng, EPOCH) : EPOCH;
		entry->result = (int32_t)(hv_rng_below(rng, 8) == 0 ? nasty(rng, 1) : 1);
		atomic_store(&lane->completion_tail, tail + 1);
	}
}

struct victim {
	struct hv_vasi_client client;
	struct hv_rng rng;
	bool is_out[1 << 16]; /* by user */
	uint16_t next_user;
};

static void victim_step(struct victim *victim)
{
	enum hv_request_op op = hv_rng_below(&victim->rng, 2) == 0 ? HV_OP_READ
								   : HV_OP_WRITE;
	struct hv_vasi_ask ask = { .op = (uint16_t)op, .pages = 1 };
	struct hv_vasi_answer answer;

	if (hv_vasi_take(&victim->client, op, 1, &ask.buffer)) {
		ask.user = victim->next_user++;
		assert_false(victim->is_out[ask.user]);
		victim->is_out[ask.user] = true;
		hv_vasi_send(&victim->client, &ask);
	}
	hv_vasi_flush(&victim->client);
	if (hv_vasi_receive(&victim->client, &answer, NULL) == HV_OK) {
		assert_true(victim->is_out[answer.ask.user]);
		victim->is_out[answer.ask.user] = false;
		hv_vasi_give(&victim->client, answer.ask.buffer, answer.ask.pages);
	}
	if (hv_vasi_may_sleep(&victim->client))
		hv_vasi_awake(&victim->client);
}

static void failover(struct victim *victim, struct hv_window *window)
{
	struct hv_vasi_ask ask;

	while (hv_vasi_take_unanswered(&victim->client, &ask)) {
		assert_true(victim->is_out[ask.user]);
		victim->is_out[ask.user] = false;
	}
	/* A real one gets a new window (P8); this is the same, and fast. */
	memset((void *)hv_window_lane(window, 0), 0, sizeof(struct hv_lane));
	hv_vasi_client_init(&victim->client, window, 0, EPOCH);
}

static void a_hostile_server_cannot_confuse_a_client(void **state)
{
	static struct victim victim;
	struct hv_window window;
	unsigned broken = 0;

	(void)state;
	victim.rng.state = test_seed();
	assert_int_equal(hv_window_create(1, &window, NULL), HV_OK);
	hv_vasi_client_init(&victim.client, &window, 0, EPOCH);
	for (unsigned i = 0; i < 40000; i++) {
		if (hv_rng_below(&victim.rng, 2) == 0)
			scribble(&victim.rng, hv_window_lane(&window, 0));
		victim_step(&victim);
		if (i % 16 == 0)
			hv_vasi_client_audit(&victim.client);
		if (!victim.client.is_broken)
			continue;
		broken++;
		failover(&victim, &window);
	}
	assert_true(broken > 100); /* it did hurt */
	failover(&victim, &window);
	for (unsigned i = 0; i < HV_COUNT(victim.is_out); i++)
		assert_false(victim.is_out[i]);
	hv_window_close(&window);
}

static void a_hostile_client_cannot_confuse_a_server(void **state)
{
	struct hv_rng rng = { test_seed() };
	struct hv_vasi_server server;
	struct hv_request request;
	struct hv_window window;
	unsigned taken = 0;

	(void)state;
	assert_int_equal(hv_window_create(1, &window, NULL), HV_OK);
	hv_vasi_server_init(&server, &window, 0, EPOCH);
	for (unsigned i = 0; i < 200000; i++) {
		struct hv_lane *lane = hv_window_lane(&window, 0);
		uint32_t tail = atomic_load(&lane->request_tail);

		for (unsigned byte = 0; byte < sizeof(request); byte++)
			((uint8_t *)&lane->requests[tail % HV_RING_SIZE])[byte] =
				(uint8_t)hv_rng_next(&rng);
		lane->requests[tail % HV_RING_SIZE].op = (uint16_t)hv_rng_below(&rng, 4);
		lane->requests[tail % HV_RING_SIZE].epoch = EPOCH;
		lane->requests[tail % HV_RING_SIZE].buffer = nasty(&rng, 64);
		lane->requests[tail % HV_RING_SIZE].pages = (uint16_t)hv_rng_below(&rng,
										   70);
		atomic_store(&lane->request_tail,
			     hv_rng_below(&rng, 64) == 0 ? nasty(&rng, tail) : tail + 1);
		if (hv_vasi_server_take(&server, &request, NULL) != HV_OK) {
			memset((void *)lane, 0, sizeof(*lane));
			hv_vasi_server_init(&server, &window, 0, EPOCH);
			continue;
		}
		taken++;
		if (hv_vasi_server_check(&server, &request) == 0) {
			uint8_t *first = hv_vasi_server_buffer(&server, request.buffer);

			/* inside the window, whatever it said */
			assert_true(first >= hv_window_buffer(&window, 0, 0));
			assert_true(first + (size_t)request.pages * HV_PAGE_BYTES <=
				    window.base + window.bytes);
			memset(first, 1, (size_t)request.pages * HV_PAGE_BYTES);
		}
		hv_vasi_server_answer(&server, request.tag, -1);
		hv_vasi_server_flush(&server);
		atomic_store(&lane->completion_head,
			     hv_rng_below(&rng, 64) == 0
				     ? nasty(&rng, atomic_load(&lane->completion_tail))
				     : atomic_load(&lane->completion_tail));
	}
	assert_true(taken > 1000);
	hv_window_close(&window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_is_answered_once),
		cmocka_unit_test(a_hostile_server_cannot_confuse_a_client),
		cmocka_unit_test(a_hostile_client_cannot_confuse_a_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
