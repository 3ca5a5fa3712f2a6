/* A lane, turn by turn, against a device that does what the test says. */
#include "hvcore/vasi/client.h"
#include "tests/support/fake_io.h"
#include "vios/lane.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EPOCH 11
#define LANE 1
#define DIRECT 4   /* handle of a device with O_DIRECT */
#define BUFFERED 5 /* and of one without */
#define SLOTS 1000
#define DIRECT_FD 700 /* never used: the I/O is a fake */
#define BUFFERED_FD 701
#define SYNC_FD 710

struct world {
	struct hv_window window;
	struct hv_vasi_client client;
	struct vios_table table;
	struct fake_io fake;
	struct vios_lane *lane;
	unsigned unused; /* calls of on_unused */
	uint32_t unused_handle;
	uint32_t buffers[8]; /* of the requests sent, by user */
};

static void on_unused(void *arg, uint32_t handle)
{
	struct world *world = arg;

	world->unused++;
	world->unused_handle = handle;
}

static void on_broken(void *arg, const struct hv_err *err)
{
	(void)arg;
	(void)err;
	fail(); /* only the thread calls it */
}

static void add_device(struct world *world, uint32_t handle, int fd, bool is_direct)
{
	struct vios_device device = {
		.target = { .fd = fd, .is_direct = is_direct },
		.slots = SLOTS,
	};

	for (unsigned i = 0; i < HV_LANES_MAX; i++)
		device.sync_fd[i] = is_direct ? -1 : SYNC_FD + (int)i;
	assert_true(vios_table_begin(&world->table, handle));
	vios_table_settle(&world->table, handle, &device);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct vios_lane_config config;

	assert_non_null(world);
	assert_int_equal(hv_window_create(2, &world->window, NULL), HV_OK);
	hv_vasi_client_init(&world->client, &world->window, LANE, EPOCH);
	vios_table_init(&world->table, on_unused, world);
	add_device(world, DIRECT, DIRECT_FD, true);
	add_device(world, BUFFERED, BUFFERED_FD, false);
	config = (struct vios_lane_config){
		.window = &world->window,
		.lane = LANE,
		.epoch = EPOCH,
		.heartbeat_ms = 50,
		.table = &world->table,
		.on_broken = on_broken,
	};
	assert_int_equal(vios_lane_open(&config, &world->lane, NULL), HV_OK);
	fake_io_init(&world->fake);
	vios_lane_set_io(world->lane, &world->fake.io);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	vios_lane_close(world->lane);
	assert_true(world->fake.is_closed);
	hv_window_close(&world->window);
	free(world);
	return 0;
}

static void turn(struct world *world)
{
	assert_int_equal(vios_lane_step(world->lane, NULL), HV_OK);
}

static void send(struct world *world, unsigned user, uint32_t device,
		 enum hv_request_op op, unsigned pages)
{
	struct hv_vasi_ask ask = {
		.user = user,
		.now_ns = 1,
		.device = device,
		.slot = 100 * user,
		.op = (uint16_t)op,
		.pages = (uint16_t)pages,
	};

	assert_true(hv_vasi_take(&world->client, op, pages, &ask.buffer));
	world->buffers[user] = ask.buffer;
	hv_vasi_send(&world->client, &ask);
	hv_vasi_flush(&world->client);
}

static void expect_answer(struct world *world, unsigned user, int result)
{
	struct hv_vasi_answer answer;

	assert_int_equal(hv_vasi_receive(&world->client, &answer, NULL), HV_OK);
	assert_int_equal(answer.ask.user, user);
	assert_int_equal(answer.result, result);
	hv_vasi_give(&world->client, answer.ask.buffer, answer.ask.pages);
}

static void expect_no_answer(struct world *world)
{
	struct hv_vasi_answer answer;

	assert_int_equal(hv_vasi_receive(&world->client, &answer, NULL), HV_E_AGAIN);
}

static void expect_queued(struct world *world, enum hv_aio_kind kind, int fd,
			  uint64_t first_page, unsigned pages)
{
	const struct hv_aio_op *op = &world->fake.queued[0];

	assert_int_equal(world->fake.queued_count, 1);
	assert_int_equal(op->kind, kind);
	assert_int_equal(op->fd, fd);
	assert_int_equal(op->offset, HV_PGDEV_HEADER_BYTES + first_page * HV_PAGE_BYTES);
	assert_int_equal(op->bytes, pages * HV_PAGE_BYTES);
}

static void a_request_becomes_one_operation_and_one_answer(void **state)
{
	struct world *world = *state;
	const struct hv_window_head *counts = hv_window_top(&world->window);

	send(world, 1, DIRECT, HV_OP_READ, 3);
	turn(world);
	expect_queued(world, HV_AIO_READ, DIRECT_FD, 100, 3);
	assert_ptr_equal(world->fake.queued[0].at,
			 hv_vasi_buffer(&world->client, world->buffers[1]));
	expect_no_answer(world);
	fake_io_finish(&world->fake, 0, 3 * HV_PAGE_BYTES);
	turn(world);
	expect_answer(world, 1, 0);

	send(world, 2, DIRECT, HV_OP_WRITE, 64);
	turn(world);
	expect_queued(world, HV_AIO_WRITE, DIRECT_FD, 200, 64);
	fake_io_finish(&world->fake, 0, 64 * HV_PAGE_BYTES);
	turn(world);
	expect_answer(world, 2, 0);
	assert_int_equal(world->fake.syncs, 0); /* O_DIRECT: it is on the device */
	assert_int_equal(counts->reads, 3);
	assert_int_equal(counts->writes, 64);
	assert_int_equal(counts->errors, 0);
}

static void short_io_goes_on_from_the_last_whole_page(void **state)
{
	struct world *world = *state;

	send(world, 1, DIRECT, HV_OP_WRITE, 8);
	turn(world);
	fake_io_finish(&world->fake, 0, 3 * HV_PAGE_BYTES + 512);
	turn(world);
	expect_queued(world, HV_AIO_WRITE, DIRECT_FD, 103, 5);
	assert_ptr_equal(world->fake.queued[0].at,
			 hv_vasi_buffer(&world->client, world->buffers[1] + 3));
	fake_io_finish(&world->fake, 0, 5 * HV_PAGE_BYTES);
	turn(world);
	expect_answer(world, 1, 0);
}

static void io_without_progress_is_given_up(void **state)
{
	struct world *world = *state;
	unsigned tries = 0;

	send(world, 1, DIRECT, HV_OP_READ, 1);
	turn(world);
	while (world->fake.queued_count > 0) {
		static const int results[] = { 512, -EINTR, -EAGAIN };

		fake_io_finish(&world->fake, 0, results[tries++ % 3]);
		turn(world);
		assert_true(tries <= VIOS_TRIES_MAX + 1);
	}
	assert_int_equal(tries, VIOS_TRIES_MAX + 1);
	expect_answer(world, 1, -EIO);
}

static void progress_forgives_earlier_tries(void **state)
{
	struct world *world = *state;

	send(world, 1, DIRECT, HV_OP_READ, 4);
	turn(world);
	for (unsigned page = 0; page < 4; page++) {
		for (unsigned i = 0; i < VIOS_TRIES_MAX; i++) {
			fake_io_finish(&world->fake, 0, -EINTR);
			turn(world);
		}
		fake_io_finish(&world->fake, 0, HV_PAGE_BYTES);
		turn(world);
	}
	expect_answer(world, 1, 0);
}

static void a_device_error_is_the_answer(void **state)
{
	static const struct {
		int result, answer;
	} rows[] = {
		{ -EIO, -EIO },
		{ -ENOSPC, -ENOSPC },
		{ -ENODEV, -ENODEV },
		{ 0, -EIO },                     /* the device ends here */
		{ 2 * HV_PAGE_BYTES + 1, -EIO }, /* more than asked */
	};
	struct world *world = *state;

	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		send(world, 1, DIRECT, HV_OP_READ, 2);
		turn(world);
		fake_io_finish(&world->fake, 0, rows[i].result);
		turn(world);
		expect_answer(world, 1, rows[i].answer);
	}
	assert_int_equal(hv_window_top(&world->window)->errors, HV_COUNT(rows));
	assert_int_equal(world->table.entries[DIRECT].errors, HV_COUNT(rows));
	assert_int_equal(vios_table_state(&world->table, DIRECT), VIOS_STATE_OPEN);
}

/* P16 */
static void a_buffered_write_is_answered_after_its_sync(void **state)
{
	struct world *world = *state;

	send(world, 1, BUFFERED, HV_OP_WRITE, 4);
	turn(world);
	expect_queued(world, HV_AIO_WRITE, BUFFERED_FD, 100, 4);
	fake_io_finish(&world->fake, 0, 4 * HV_PAGE_BYTES);
	turn(world);
	expect_no_answer(world);
	assert_int_equal(world->fake.queued_count, 1);
	assert_int_equal(world->fake.queued[0].kind, HV_AIO_SYNC);
	assert_int_equal(world->fake.queued[0].fd, SYNC_FD + LANE); /* its own */
	fake_io_finish(&world->fake, 0, 0);
	turn(world);
	expect_answer(world, 1, 0);

	send(world, 2, BUFFERED, HV_OP_READ, 1); /* a read needs none */
	turn(world);
	fake_io_finish(&world->fake, 0, HV_PAGE_BYTES);
	turn(world);
	expect_answer(world, 2, 0);
	assert_int_equal(world->fake.syncs, 1);
}

static void writes_during_a_sync_share_the_next(void **state)
{
	struct world *world = *state;

	for (unsigned user = 1; user <= 4; user++)
		send(world, user, BUFFERED, HV_OP_WRITE, 1);
	turn(world);
	assert_int_equal(world->fake.queued_count, 4);
	fake_io_finish(&world->fake, 0, HV_PAGE_BYTES);
	turn(world); /* 1 is synced; 2, 3, 4 are written meanwhile */
	for (unsigned i = 0; i < 3; i++)
		fake_io_finish(&world->fake, 0, HV_PAGE_BYTES);
	turn(world);
	assert_int_equal(world->fake.queued_count, 1);
	expect_no_answer(world);
	fake_io_finish(&world->fake, 0, 0);
	turn(world);
	expect_answer(world, 1, 0);
	expect_no_answer(world); /* that sync began before they were written */
	assert_int_equal(world->fake.syncs, 2);
	fake_io_finish(&world->fake, 0, 0);
	turn(world);
	for (unsigned i = 0; i < 3; i++) {
		struct hv_vasi_answer answer;

		assert_int_equal(hv_vasi_receive(&world->client, &answer, NULL), HV_OK);
		assert_int_equal(answer.result, 0);
	}
	assert_int_equal(world->fake.syncs, 2);
}

/* P16: one fdatasync error means device lost, not retried. */
static void a_failed_sync_loses_the_device(void **state)
{
	struct world *world = *state;

	for (unsigned user = 1; user <= 3; user++)
		send(world, user, BUFFERED, HV_OP_WRITE, 1);
	turn(world);
	fake_io_finish(&world->fake, 0, HV_PAGE_BYTES); /* 1: sync begins */
	turn(world);
	fake_io_finish(&world->fake, 0, HV_PAGE_BYTES); /* 2: waits for the next */
	turn(world);
	assert_int_equal(world->fake.queued_count, 2); /* 3, the sync */
	fake_io_finish(&world->fake, 1, -EIO);
	turn(world);
	expect_answer(world, 2, -EIO);
	expect_answer(world, 1, -EIO);
	assert_int_equal(vios_table_state(&world->table, BUFFERED), VIOS_STATE_LOST);
	assert_int_equal(world->fake.syncs, 1);

	send(world, 4, BUFFERED, HV_OP_READ, 1);
	turn(world);
	expect_answer(world, 4, -EIO);
	/* Another sync would succeed: the kernel tells an error once. */
	fake_io_finish(&world->fake, 0, HV_PAGE_BYTES);
	turn(world);
	assert_int_equal(world->fake.syncs, 1);
	expect_answer(world, 3, -EIO);
	assert_int_equal(vios_table_state(&world->table, BUFFERED), VIOS_STATE_LOST);
}

static void what_another_lane_lost_is_lost_here(void **state)
{
	struct world *world = *state;

	send(world, 1, BUFFERED, HV_OP_WRITE, 1);
	turn(world);
	fake_io_finish(&world->fake, 0, HV_PAGE_BYTES);
	turn(world);
	assert_true(vios_table_lose(&world->table, BUFFERED));
	assert_false(vios_table_lose(&world->table, BUFFERED));
	fake_io_finish(&world->fake, 0, 0);
	turn(world);
	expect_answer(world, 1, -EIO);
	vios_table_end(&world->table, BUFFERED); /* a lost device can be closed */
	assert_true(vios_table_is_unused(&world->table, BUFFERED));
}

struct bad {
	const char *name;
	struct hv_request request;
	int answer;
};

static const struct bad bads[] = {
	{ "old epoch", { 1, EPOCH - 1, DIRECT, 0, HV_OP_READ, 1, 0 }, -ESTALE },
	{ "no operation", { 1, EPOCH, DIRECT, 0, 77, 1, 0 }, -EINVAL },
	{ "no device", { 1, EPOCH, DIRECT + 100, 0, HV_OP_READ, 1, 0 }, -EINVAL },
	{ "wild handle", { 1, EPOCH, UINT32_MAX, 0, HV_OP_READ, 1, 0 }, -EINVAL },
	{ "handle at the end",
	  { 1, EPOCH, HV_DEVICES_MAX, 0, HV_OP_READ, 1, 0 },
	  -EINVAL },
	{ "slot at the end", { 1, EPOCH, DIRECT, SLOTS, HV_OP_READ, 1, 0 }, -EINVAL },
	{ "over the end", { 1, EPOCH, DIRECT, SLOTS - 1, HV_OP_READ, 2, 0 }, -EINVAL },
	{ "slots overflow",
	  { 1, EPOCH, DIRECT, UINT32_MAX, HV_OP_WRITE, 64, 64 },
	  -EINVAL },
	{ "no pages", { 1, EPOCH, DIRECT, 0, HV_OP_READ, 0, 0 }, -EINVAL },
	{ "not its buffers", { 1, EPOCH, DIRECT, 0, HV_OP_WRITE, 1, 0 }, -EINVAL },
};

static void a_bad_request_touches_nothing(void **state)
{
	struct world *world = *state;
	struct hv_lane *lane = hv_window_lane(&world->window, LANE);

	for (unsigned i = 0; i < HV_COUNT(bads); i++) {
		lane->requests[i] = bads[i].request;
		atomic_store(&lane->request_tail, i + 1);
		turn(world);
		assert_int_equal(world->fake.queued_count, 0);
		assert_int_equal(atomic_load(&lane->completion_tail), i + 1);
		atomic_store(&lane->completion_head, i + 1);
		if (lane->completions[i].result != bads[i].answer ||
		    lane->completions[i].epoch != EPOCH ||
		    lane->completions[i].tag != bads[i].request.tag)
			fail_msg("%s: %d", bads[i].name, lane->completions[i].result);
	}
	assert_int_equal(world->table.entries[DIRECT].users, 0);
}

static void an_impossible_ring_breaks_the_lane(void **state)
{
	struct world *world = *state;
	struct hv_err err;

	atomic_store(&hv_window_lane(&world->window, LANE)->request_tail, 5000);
	assert_int_equal(vios_lane_step(world->lane, &err), HV_E_CORRUPT);
}

static void a_failed_wait_breaks_the_lane(void **state)
{
	struct world *world = *state;
	struct hv_err err;

	world->fake.wait_code = HV_E_OS;
	assert_int_equal(vios_lane_step(world->lane, &err), HV_E_OS);
}

static void closing_waits_for_the_last_request(void **state)
{
	struct world *world = *state;

	send(world, 1, DIRECT, HV_OP_WRITE, 1);
	send(world, 2, DIRECT, HV_OP_WRITE, 1);
	turn(world);
	vios_table_end(&world->table, DIRECT);
	assert_false(vios_table_is_unused(&world->table, DIRECT));
	send(world, 3, DIRECT, HV_OP_READ, 1); /* too late */
	turn(world);
	expect_answer(world, 3, -EINVAL);
	fake_io_finish(&world->fake, 0, HV_PAGE_BYTES);
	turn(world);
	expect_answer(world, 1, 0);
	assert_int_equal(world->unused, 0);
	fake_io_finish(&world->fake, 0, HV_PAGE_BYTES);
	turn(world);
	expect_answer(world, 2, 0);
	assert_int_equal(world->unused, 1);
	assert_int_equal(world->unused_handle, DIRECT);
	assert_true(vios_table_is_unused(&world->table, DIRECT));
	vios_table_clear(&world->table, DIRECT);
	assert_true(vios_table_begin(&world->table, DIRECT));
	assert_false(vios_table_begin(&world->table, DIRECT));
	vios_table_settle(&world->table, DIRECT, NULL);
	assert_int_equal(vios_table_state(&world->table, DIRECT), VIOS_STATE_FREE);
}

static void a_stopped_lane_ends_what_it_has_begun(void **state)
{
	struct world *world = *state;

	send(world, 1, DIRECT, HV_OP_WRITE, 1);
	turn(world);
	vios_lane_stop(world->lane);
	send(world, 2, DIRECT, HV_OP_WRITE, 1);
	turn(world);
	assert_int_equal(world->fake.queued_count, 1); /* 2 was not taken */
	assert_false(vios_lane_is_done(world->lane));
	fake_io_finish(&world->fake, 0, HV_PAGE_BYTES);
	turn(world);
	expect_answer(world, 1, 0);
	expect_no_answer(world);
	assert_true(vios_lane_is_done(world->lane));
}

static void an_idle_lane_sleeps_half_a_heartbeat_and_beats(void **state)
{
	struct world *world = *state;

	turn(world);
	turn(world);
	assert_int_equal(world->fake.last_timeout_ms, 25);
	assert_int_equal(hv_window_lane_heartbeat(&world->window, LANE), 2);
}

static void a_full_ring_of_requests_is_served(void **state)
{
	struct world *world = *state;
	struct hv_vasi_answer answer;
	struct hv_vasi_ask ask = { .now_ns = 1, .device = DIRECT, .pages = 1 };
	unsigned sent = 0;

	for (ask.op = HV_OP_READ; ask.op < HV_OP_COUNT; ask.op++)
		while (hv_vasi_take(&world->client, (enum hv_request_op)ask.op, 1,
				    &ask.buffer)) {
			ask.slot = sent++;
			hv_vasi_send(&world->client, &ask);
		}
	hv_vasi_flush(&world->client);
	assert_int_equal(sent, HV_LANE_BUFFERS);
	turn(world);
	assert_int_equal(world->fake.queued_count, HV_LANE_BUFFERS);
	while (world->fake.queued_count > 0)
		fake_io_finish(&world->fake, world->fake.queued_count / 2, HV_PAGE_BYTES);
	turn(world);
	while (hv_vasi_receive(&world->client, &answer, NULL) == HV_OK) {
		assert_int_equal(answer.result, 0);
		hv_vasi_give(&world->client, answer.ask.buffer, 1);
		sent--;
	}
	assert_int_equal(sent, 0);
	hv_vasi_client_audit(&world->client);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_request_becomes_one_operation_and_one_answer),
		WITH_WORLD(short_io_goes_on_from_the_last_whole_page),
		WITH_WORLD(io_without_progress_is_given_up),
		WITH_WORLD(progress_forgives_earlier_tries),
		WITH_WORLD(a_device_error_is_the_answer),
		WITH_WORLD(a_buffered_write_is_answered_after_its_sync),
		WITH_WORLD(writes_during_a_sync_share_the_next),
		WITH_WORLD(a_failed_sync_loses_the_device),
		WITH_WORLD(what_another_lane_lost_is_lost_here),
		WITH_WORLD(a_bad_request_touches_nothing),
		WITH_WORLD(an_impossible_ring_breaks_the_lane),
		WITH_WORLD(a_failed_wait_breaks_the_lane),
		WITH_WORLD(closing_waits_for_the_last_request),
		WITH_WORLD(a_stopped_lane_ends_what_it_has_begun),
		WITH_WORLD(an_idle_lane_sleeps_half_a_heartbeat_and_beats),
		WITH_WORLD(a_full_ring_of_requests_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
