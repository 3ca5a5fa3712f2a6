/*
 * Two real tarn-vios, one that forwards and one that exports: pages between them, what
 * is left when either is killed or the network between them is cut, and the fence.
 */
#include "tests/support/exporter.h"
#include "tests/support/inject.h"
#include "tests/support/relay.h"
#include "tests/support/vasi_host.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/rng.h"
#include "tests/support/seed.h"
#include "tests/support/wait.h"

#define SLOTS 4000u
#define BYTES (HV_PGDEV_HEADER_BYTES + SLOTS * HV_PAGE_BYTES)
#define ID 0xd1
#define HANDLE 3
#define LANES 2
#define ROUNDS 60
#define PATIENCE_MS 5000 /* where silence is not meant */
#define SHORT_MS 1000    /* where it is, on a machine that is busy */

struct world {
	struct vasi_host host;
	struct test_exporter exporter;
	struct test_relay relay;
	char url[64]; /* through the relay */
	struct vasi_vios vios;
	struct hv_rng rng;
	char path[HV_PATH_BYTES];
	uint64_t version[SLOTS]; /* acknowledged; 0 = never written */
	uint64_t sent[SLOTS];
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->rng.state = test_seed();
	vasi_host_open(&world->host);
	vasi_host_format(&world->host, "device", BYTES, ID, world->path);
	test_exporter_open(&world->exporter);
	test_exporter_start(&world->exporter);
	test_relay_open(&world->relay, world->exporter.port);
	(void)snprintf(world->url, sizeof(world->url), "tcp://127.0.0.1:%u",
		       world->relay.port);
	world->host.remote_url = world->url;
	world->host.patience_ms = PATIENCE_MS;
	vasi_host_listen(&world->host);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	test_relay_close(&world->relay);
	test_exporter_close(&world->exporter);
	vasi_host_close(&world->host);
	free(world);
	return 0;
}

static void open_device(struct vasi_vios *vios, const char *path)
{
	struct hv_session_device_open open = vasi_open_of(HANDLE, path, ID);
	struct hv_session_device_opened opened = vasi_vios_open(vios, &open);

	if (opened.code != HV_OK)
		fail_msg("%s", opened.text);
	assert_int_equal(opened.slots, SLOTS);
}

static void run_vios(struct world *world, uint64_t epoch)
{
	vasi_vios_run(&world->host, &world->vios, "vios1", epoch, LANES);
	open_device(&world->vios, world->path);
}

/* A request for slots that no other one has; false: no buffer. */
static bool send_one(struct world *world, unsigned lane, enum hv_request_op op,
		     uint32_t slot, unsigned pages)
{
	struct hv_vasi_client *client = &world->vios.clients[lane];
	struct hv_vasi_ask ask = {
		.device = HANDLE,
		.slot = slot,
		.op = (uint16_t)op,
		.pages = (uint16_t)pages,
		.now_ns = hv_clock_ns(),
	};

	if (!hv_vasi_take(client, op, pages, &ask.buffer))
		return false;
	for (unsigned i = 0; i < pages && op == HV_OP_WRITE; i++)
		vasi_page_make(hv_vasi_buffer(client, ask.buffer + i), slot + i,
			       ++world->sent[slot + i]);
	hv_vasi_send(client, &ask);
	return true;
}

static void take_one(struct world *world, unsigned lane)
{
	struct hv_vasi_client *client = &world->vios.clients[lane];
	struct hv_vasi_answer answer;

	if (!vasi_vios_answer(&world->vios, lane, &answer, TEST_WAIT_MS)) {
		test_process_read(&world->vios.process);
		test_process_read(&world->exporter.process);
		fail_msg("no answer\n%s\n%s", world->vios.process.err,
			 world->exporter.process.err);
	}
	assert_int_equal(answer.result, 0);
	for (unsigned i = 0; i < answer.ask.pages; i++) {
		uint32_t slot = answer.ask.slot + i;

		if (answer.ask.op == HV_OP_WRITE)
			world->version[slot] = world->sent[slot];
		else if (world->version[slot] != 0)
			assert_true(vasi_page_is(
				hv_vasi_buffer(client, answer.ask.buffer + i), slot,
				world->version[slot]));
	}
	hv_vasi_give(client, answer.ask.buffer, answer.ask.pages);
}

/* Requests of any size in parts of the device of their own, all at once. */
static void one_round(struct world *world, enum hv_request_op op)
{
	unsigned share = SLOTS / LANES;

	for (unsigned lane = 0; lane < LANES; lane++) {
		uint32_t slot = lane * share;

		for (;;) {
			unsigned pages = 1 + (unsigned)hv_rng_below(&world->rng, 12);

			slot += (unsigned)hv_rng_below(&world->rng, 30);
			if (slot + pages > (lane + 1) * share ||
			    !send_one(world, lane, op, slot, pages))
				break;
			slot += pages;
		}
		hv_vasi_flush(&world->vios.clients[lane]);
	}
	for (unsigned lane = 0; lane < LANES; lane++)
		while (hv_vasi_out(&world->vios.clients[lane]) > 0)
			take_one(world, lane);
}

/* Every page that was acknowledged, as it is on the device itself. */
static void check_device(struct world *world)
{
	uint8_t page[HV_PAGE_BYTES];
	int fd = open(world->path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if (world->version[slot] == 0)
			continue;
		assert_int_equal(
			pread(fd, page, sizeof(page), (off_t)hv_pgdev_slot_offset(slot)),
			sizeof(page));
		assert_true(vasi_page_is(page, slot, world->version[slot]));
	}
	(void)close(fd);
}

static void pages_written_over_there_are_read_back(void **state)
{
	struct world *world = *state;

	run_vios(world, 1);
	for (unsigned i = 0; i < ROUNDS; i++)
		one_round(world,
			  hv_rng_below(&world->rng, 2) == 0 ? HV_OP_READ : HV_OP_WRITE);
	check_device(world);
	assert_true(vasi_vios_close(&world->vios, HANDLE));
	assert_int_equal(vasi_vios_end(&world->vios, SIGTERM), 0);
	assert_int_equal(test_process_end(&world->exporter.process, SIGTERM), 0);
}

static void what_is_asked_wrongly_is_refused(void **state)
{
	struct world *world = *state;
	struct hv_session_device_open open = vasi_open_of(HANDLE, world->path, ID + 1);
	uint8_t page[HV_PAGE_BYTES] = { 0 };

	vasi_vios_run(&world->host, &world->vios, "vios1", 1, 1);
	assert_int_equal(vasi_vios_open(&world->vios, &open).code, HV_E_BUSY);
	open = vasi_open_of(HANDLE, world->path, ID);
	open.owner_epoch = 0;
	assert_int_equal(vasi_vios_open(&world->vios, &open).code, HV_E_STALE);
	open = vasi_open_of(HANDLE, "/nowhere/at/all", ID);
	assert_int_equal(vasi_vios_open(&world->vios, &open).code, HV_E_NOTFOUND);
	assert_int_equal(vasi_vios_read(&world->vios, 0, HANDLE, 1, page), -EINVAL);
	open_device(&world->vios, world->path);
	assert_int_equal(vasi_vios_read(&world->vios, 0, HANDLE, SLOTS, page), -EINVAL);
	assert_int_equal(vasi_vios_write(&world->vios, 0, HANDLE + 1, 0, page), -EINVAL);
	assert_int_equal(vasi_vios_write(&world->vios, 0, HANDLE, SLOTS - 1, page), 0);
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

/* The forwarding one ends by itself, with a sentence; what was acknowledged is there. */
static void expect_lost(struct world *world)
{
	struct hv_vasi_answer answer;

	assert_int_equal(test_process_wait(&world->vios.process, TEST_WAIT_MS), 1);
	for (unsigned lane = 0; lane < LANES; lane++)
		assert_false(vasi_vios_answer(&world->vios, lane, &answer, 0));
	(void)vasi_vios_end(&world->vios, 0);
	assert_non_null(strstr(world->vios.process.err, "vios.link_lost"));
	check_device(world);
}

static void an_exporter_that_is_killed_loses_nothing_acknowledged(void **state)
{
	struct world *world = *state;

	run_vios(world, 1);
	one_round(world, HV_OP_WRITE);
	assert_true(send_one(world, 0, HV_OP_WRITE, 0, 64)); /* in flight, or not */
	hv_vasi_flush(&world->vios.clients[0]);
	memset(world->version, 0, 64 * sizeof(world->version[0]));
	(void)test_process_end(&world->exporter.process, SIGKILL);
	expect_lost(world);

	/* One that comes before there is an exporter waits for it, unseen. */
	vasi_vios_start(&world->host, &world->vios, "vios1", false);
	assert_true(
		test_process_says(&world->vios.process, "vios.link_waits", TEST_WAIT_MS));
	test_exporter_start(&world->exporter);
	assert_true(vasi_vios_hello(&world->host, &world->vios, "vios1"));
	vasi_vios_welcome(&world->vios, 2, LANES, 0);
	open_device(&world->vios, world->path);
	one_round(world, HV_OP_READ);
	one_round(world, HV_OP_WRITE);
	check_device(world);
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

/* Reads are errors soon, writes are nobody's word, and the process ends. */
static void cut(struct world *world, bool there, bool back)
{
	uint8_t page[HV_PAGE_BYTES];

	memset(world->version, 0, 64 * sizeof(world->version[0])); /* in doubt below */
	test_relay_cut(&world->relay, RELAY_THERE, there);
	test_relay_cut(&world->relay, RELAY_BACK, back);
	assert_true(send_one(world, 1, HV_OP_WRITE, 0, 64));
	hv_vasi_flush(&world->vios.clients[1]);
	assert_int_equal(vasi_vios_read(&world->vios, 0, HANDLE, 70, page), -EIO);
	expect_lost(world);
	test_relay_cut(&world->relay, RELAY_THERE, false);
	test_relay_cut(&world->relay, RELAY_BACK, false);
}

static void a_cut_in_either_direction_is_seen_and_mended(void **state)
{
	struct world *world = *state;

	world->host.patience_ms = SHORT_MS;
	run_vios(world, 1);
	one_round(world, HV_OP_WRITE);
	cut(world, true, true);
	run_vios(world, 2);
	one_round(world, HV_OP_READ);
	one_round(world, HV_OP_WRITE);
	cut(world, true, false);
	run_vios(world, 3);
	one_round(world, HV_OP_WRITE);
	cut(world, false, true);
	run_vios(world, 4);
	one_round(world, HV_OP_READ);
	check_device(world);
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

static void a_device_that_is_slow_is_no_silence(void **state)
{
	struct world *world = *state;
	struct hv_injection slow = test_injection(HV_INJECTION_DELAY, HV_INJECTION_BOTH);
	uint8_t page[HV_PAGE_BYTES];

	world->host.patience_ms = SHORT_MS;
	run_vios(world, 1);
	slow.delay_ms = 2 * SHORT_MS;
	assert_int_equal(
		test_inject(world->exporter.state.path, EXPORTER_NAME, &slow, NULL, NULL),
		HV_OK);
	vasi_page_make(page, 5, 1);
	assert_int_equal(vasi_vios_write(&world->vios, 0, HANDLE, 5, page), 0);
	assert_int_equal(test_inject_clear(world->exporter.state.path, EXPORTER_NAME),
			 HV_OK);
	assert_int_equal(vasi_vios_read(&world->vios, 0, HANDLE, 5, page), 0);
	assert_true(vasi_page_is(page, 5, 1));
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

/* ---- the fence, by clients that the test plays ---- */

static struct test_asker asker_of(const struct world *world, uint8_t incarnation)
{
	return (struct test_asker){ .url = world->exporter.url,
				    .incarnation = incarnation };
}

static void expect_page(struct world *world, struct test_asker *asker, uint32_t slot,
			uint64_t version)
{
	uint8_t page[HV_PAGE_BYTES];
	int result = 0;

	(void)world;
	assert_int_equal(test_ask_read(asker, HANDLE, slot, page, &result), HV_OK);
	assert_int_equal(result, 1);
	assert_true(vasi_page_is(page, slot, version));
}

static void a_session_that_is_over_writes_nothing(void **state)
{
	struct world *world = *state;
	struct test_asker old = asker_of(world, 1), new = asker_of(world, 2);
	int result = 0;

	assert_int_equal(test_ask_hello(&old), HV_OK);
	assert_int_equal(test_ask_open(&old, HANDLE, world->path, ID), HV_OK);
	assert_int_equal(test_ask_write(&old, HANDLE, 9, 1, 1, &result), HV_OK);
	assert_int_equal(test_ask_hello(&new), HV_OK);
	assert_int_equal(test_ask_open(&new, HANDLE, world->path, ID), HV_OK);
	expect_page(world, &new, 9, 1);
	assert_int_equal(test_ask_write(&new, HANDLE, 9, 1, 2, &result), HV_OK);
	/* It has been asleep, and goes on where it was. */
	assert_int_equal(test_ask_write(&old, HANDLE, 9, 1, 3, &result), HV_E_STALE);
	assert_int_equal(test_ask_ping(&old), HV_E_STALE);
	assert_int_equal(test_ask_close(&old, HANDLE), HV_E_STALE);
	assert_int_equal(test_ask_open(&old, HANDLE + 1, world->path, ID), HV_E_STALE);
	assert_int_equal(test_ask_hello(&old), HV_E_STALE);
	expect_page(world, &new, 9, 2);
	old.session = new.session + 1; /* one that never was */
	assert_int_equal(test_ask_ping(&old), HV_E_STALE);
}

static bool is_hanging(void *arg)
{
	return test_process_says(arg, "vios.injection_hit", 0);
}

/* Writes of one that is killed: some at a device that hangs, more than fit there. */
static void start_hanging(struct world *world)
{
	struct hv_injection hang = test_injection(HV_INJECTION_HANG, HV_INJECTION_WRITE);

	assert_int_equal(
		test_inject(world->exporter.state.path, EXPORTER_NAME, &hang, NULL, NULL),
		HV_OK);
	for (unsigned i = 0; i < 4; i++) /* all that fits a lane there */
		assert_true(send_one(world, 0, HV_OP_WRITE, i * 64, 64));
	hv_vasi_flush(&world->vios.clients[0]);
	for (unsigned i = 0; i < 4; i++) /* and what waits for room */
		assert_true(send_one(world, 1, HV_OP_WRITE, 256 + i * 64, 64));
	assert_true(test_wait(is_hanging, &world->exporter.process, TEST_WAIT_MS));
	hv_vasi_flush(&world->vios.clients[1]);
}

static void the_next_one_begins_when_the_last_ones_writes_have_ended(void **state)
{
	struct world *world = *state;
	struct test_asker next = asker_of(world, 2);
	uint8_t page[HV_PAGE_BYTES];
	int result = 0;

	run_vios(world, 1);
	start_hanging(world);
	(void)vasi_vios_end(&world->vios, SIGKILL);
	next.wait_ms = 300;
	assert_int_equal(test_ask_hello(&next), HV_E_TIMEOUT);
	assert_int_equal(test_ask_hello(&next), HV_E_TIMEOUT); /* asking again is fine */
	assert_int_equal(test_inject_clear(world->exporter.state.path, EXPORTER_NAME),
			 HV_OK);
	next.wait_ms = 0;
	assert_int_equal(test_ask_hello(&next), HV_OK);
	assert_int_equal(test_ask_open(&next, HANDLE, world->path, ID), HV_OK);
	expect_page(world, &next, 0, 1); /* late, but before us */
	assert_int_equal(test_ask_write(&next, HANDLE, 0, 64, 2, &result), HV_OK);
	assert_int_equal(result, 64);
	/* What had not begun never does. */
	assert_int_equal(test_ask_read(&next, HANDLE, 256 + 3 * 64, page, &result),
			 HV_OK);
	assert_false(vasi_page_is(page, 256 + 3 * 64, 1));
	expect_page(world, &next, 0, 2);
}

static void a_client_that_says_nothing_keeps_no_device(void **state)
{
	struct world *world = *state;
	struct test_asker asker = asker_of(world, 1);

	assert_int_equal(test_ask_hello(&asker), HV_OK);
	assert_int_equal(test_ask_open(&asker, HANDLE, world->path, ID), HV_OK);
	assert_true(test_process_says(&world->exporter.process, "vios.client_silent",
				      TEST_WAIT_MS));
	assert_true(test_process_says(&world->exporter.process, "vios.device_closed",
				      TEST_WAIT_MS));
	assert_int_equal(test_ask_ping(&asker), HV_E_STALE);
}

static void a_page_that_was_damaged_on_the_way_is_not_written(void **state)
{
	struct world *world = *state;
	struct test_asker asker = asker_of(world, 1);
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemoteBatch batch = TARN__REMOTE_BATCH__INIT;
	Tarn__RemoteRun run = TARN__REMOTE_RUN__INIT, *runs[] = { &run };
	uint8_t page[HV_PAGE_BYTES] = { 1 };
	uint64_t sum = hv_remote_sum(page, HANDLE, 6); /* of a neighbour's place */
	Tarn__RemoteReply *reply;
	int result = 0;

	assert_int_equal(test_ask_hello(&asker), HV_OK);
	assert_int_equal(test_ask_open(&asker, HANDLE, world->path, ID), HV_OK);
	assert_int_equal(test_ask_write(&asker, HANDLE, 7, 1, 1, &result), HV_OK);
	run.device = HANDLE;
	run.slot = 7;
	run.pages = 1;
	batch.op = TARN__REMOTE_OP__REMOTE_OP_WRITE;
	batch.runs = runs;
	batch.n_runs = 1;
	batch.has_pages = 1;
	batch.pages = (ProtobufCBinaryData){ sizeof(page), page };
	batch.sums = &sum;
	batch.n_sums = 1;
	request.kind_case = TARN__REMOTE_REQUEST__KIND_BATCH;
	request.batch = &batch;
	assert_int_equal(test_ask(&asker, &request, &reply), HV_E_CORRUPT);
	expect_page(world, &asker, 7, 1);
}

static void one_that_waits_for_an_exporter_may_be_ended(void **state)
{
	struct world *world = *state;

	(void)test_process_end(&world->exporter.process, SIGKILL);
	vasi_vios_start(&world->host, &world->vios, "vios1", false);
	assert_true(
		test_process_says(&world->vios.process, "vios.link_waits", TEST_WAIT_MS));
	assert_int_equal(vasi_vios_end(&world->vios, SIGTERM), 0);
}

static void clients_are_apart_and_bounded(void **state)
{
	static const char *const names[] = { "v1", "v2", "v3", "v4",
					     "v5", "v6", "v7", "v8" };
	struct world *world = *state;
	struct test_asker askers[HV_COUNT(names)], more = asker_of(world, 1);
	int result = 0;

	more.host = "ffffffffffffffffffffffffffffffff"; /* the device is not its own */
	more.vios = names[0];
	assert_int_equal(test_ask_hello(&more), HV_OK);
	assert_int_equal(test_ask_open(&more, HANDLE, world->path, ID), HV_E_BUSY);
	for (unsigned i = 0; i + 1 < HV_COUNT(names); i++) {
		askers[i] = asker_of(world, 1); /* the same incarnation, of another */
		askers[i].vios = names[i];
		assert_int_equal(test_ask_hello(&askers[i]), HV_OK);
	}
	assert_int_equal(test_ask_open(&askers[0], HANDLE, world->path, ID), HV_OK);
	assert_int_equal(test_ask_open(&askers[0], HANDLE, world->path, ID), HV_E_EXISTS);
	assert_int_equal(test_ask_open(&askers[1], HANDLE, world->path, ID), HV_E_BUSY);
	assert_int_equal(test_ask_write(&askers[0], HANDLE, 3, 1, 1, &result), HV_OK);
	assert_int_equal(result, 1);
	assert_int_equal(test_ask_write(&askers[1], HANDLE, 3, 1, 2, &result), HV_OK);
	assert_int_equal(result, -EINVAL); /* a handle is its client's */
	expect_page(world, &askers[0], 3, 1);
	more.host = NULL;
	more.vios = "v9";
	assert_int_equal(test_ask_hello(&more), HV_E_LIMIT);
	assert_int_equal(test_ask_ping(&askers[0]), HV_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(pages_written_over_there_are_read_back),
		TEST(what_is_asked_wrongly_is_refused),
		TEST(an_exporter_that_is_killed_loses_nothing_acknowledged),
		TEST(a_cut_in_either_direction_is_seen_and_mended),
		TEST(a_device_that_is_slow_is_no_silence),
		TEST(a_session_that_is_over_writes_nothing),
		TEST(the_next_one_begins_when_the_last_ones_writes_have_ended),
		TEST(a_client_that_says_nothing_keeps_no_device),
		TEST(a_page_that_was_damaged_on_the_way_is_not_written),
		TEST(one_that_waits_for_an_exporter_may_be_ended),
		TEST(clients_are_apart_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
