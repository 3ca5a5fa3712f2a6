/* A lane's I/O over a connection, against an exporter that answers as the test says. */
#include "vios/link_io.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"
#include "tests/support/oom.h"
#include "tests/support/tmpdir.h"
#include "tests/support/wait.h"

#define SESSION 4711
#define PATIENCE_MS 2000
#define HANDLE 5
#define BUFFERS 64
#define EXCHANGES 32
#define NS_PER_MS UINT64_C(1000000)

struct world {
	struct test_tmpdir dir;
	char url[128];
	struct hv_loop *loop; /* the exporter's */
	struct hv_server *server;
	struct vios_link_state state;
	struct hv_aio *io;
	int bell;
	/* what has arrived, oldest first, and was not answered */
	struct hv_exchange *exchanges[EXCHANGES];
	Tarn__RemoteRequest *requests[EXCHANGES];
	unsigned count;
	_Alignas(64) uint8_t buffers[BUFFERS][HV_PAGE_BYTES];
};

static void on_request(void *arg, struct hv_exchange *exchange)
{
	struct world *world = arg;
	const uint8_t *bytes;
	size_t count;

	assert_true(world->count < EXCHANGES);
	bytes = hv_exchange_bytes(exchange, &count);
	assert_int_equal(hv_remote_request_decode(bytes, count,
						  &world->requests[world->count], NULL),
			 HV_OK);
	world->exchanges[world->count++] = exchange;
}

static void open_server(struct world *world)
{
	const struct hv_server_config config = {
		.url = world->url,
		.contexts = EXCHANGES,
		.bytes_max = HV_REMOTE_BYTES_MAX,
		.on_request = on_request,
		.arg = world,
	};

	assert_int_equal(hv_server_open(world->loop, &config, &world->server, NULL),
			 HV_OK);
}

static enum hv_code open_io(struct world *world, struct hv_err *err)
{
	const struct vios_link_io_config config = {
		.url = world->url,
		.patience_ms = PATIENCE_MS,
		.state = &world->state,
		.doorbell = world->bell,
	};

	return vios_link_io_open(&config, &world->io, err);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	test_tmpdir_make(&world->dir);
	(void)snprintf(world->url, sizeof(world->url), "ipc://%s/s", world->dir.path);
	assert_int_equal(hv_loop_open(&world->loop, NULL), HV_OK);
	open_server(world);
	world->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(world->bell >= 0);
	atomic_store(&world->state.session, SESSION);
	vios_link_heard(&world->state);
	assert_int_equal(open_io(world, NULL), HV_OK);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	world->io->ops->close(world->io);
	for (unsigned i = 0; i < world->count; i++)
		tarn__remote_request__free_unpacked(world->requests[i], NULL);
	hv_server_close(world->server);
	hv_loop_close(world->loop);
	(void)close(world->bell);
	test_tmpdir_remove(&world->dir);
	free(world);
	return 0;
}

/* One turn of both sides. */
static enum hv_code turn(struct world *world)
{
	enum hv_code code = world->io->ops->wait(world->io, 1, NULL);

	hv_loop_turn(world->loop, false);
	return code;
}

static void turn_until_arrived(struct world *world, unsigned count)
{
	uint64_t end = hv_clock_ms() + TEST_WAIT_MS;

	while (world->count < count && hv_clock_ms() < end)
		assert_int_equal(turn(world), HV_OK);
	assert_int_equal(world->count, count);
}

/* `first`..: the buffer, and the cookie; the slot is ten times that. */
static void queue(struct world *world, enum hv_aio_kind kind, unsigned first,
		  unsigned pages)
{
	const struct hv_aio_op op = {
		.kind = kind,
		.fd = HANDLE,
		.at = world->buffers[first],
		.bytes = pages * HV_PAGE_BYTES,
		.offset = hv_pgdev_slot_offset(10 * first),
		.cookie = first,
	};

	world->io->ops->queue(world->io, &op);
}

static void expect(struct world *world, unsigned cookie, int result)
{
	uint64_t end = hv_clock_ms() + TEST_WAIT_MS;
	struct hv_aio_done done;

	while (!world->io->ops->next(world->io, &done)) {
		assert_true(hv_clock_ms() < end);
		assert_int_equal(turn(world), HV_OK);
	}
	assert_int_equal(done.cookie, cookie);
	assert_int_equal(done.result, result);
}

static void expect_nothing(struct world *world)
{
	struct hv_aio_done done;

	for (unsigned i = 0; i < 3; i++)
		(void)turn(world);
	assert_false(world->io->ops->next(world->io, &done));
}

/* The nth that arrived is answered, and is no more. */
static void answer(struct world *world, unsigned nth, Tarn__RemoteReply *reply)
{
	uint8_t *bytes;
	size_t count;

	reply->version = HV_REMOTE_VERSION;
	assert_int_equal(hv_message_encode(&reply->base, &bytes, &count, NULL), HV_OK);
	hv_exchange_answer(world->exchanges[nth], bytes, count);
	free(bytes);
	tarn__remote_request__free_unpacked(world->requests[nth], NULL);
	world->count--;
	for (; nth < world->count; nth++) {
		world->exchanges[nth] = world->exchanges[nth + 1];
		world->requests[nth] = world->requests[nth + 1];
	}
}

static void answer_code(struct world *world, unsigned nth, enum hv_code code)
{
	Tarn__RemoteReply reply = TARN__REMOTE_REPLY__INIT;

	reply.code = code;
	answer(world, nth, &reply);
}

/* All runs went well; what is read says its slot. damaged: page of it, or none. */
static void answer_well(struct world *world, unsigned nth, int damaged)
{
	static uint8_t pages[HV_REMOTE_PAGES_MAX][HV_PAGE_BYTES];
	const Tarn__RemoteBatch *batch = world->requests[nth]->batch;
	Tarn__RemoteReply reply = TARN__REMOTE_REPLY__INIT;
	Tarn__RemoteDone done = TARN__REMOTE_DONE__INIT;
	int32_t results[HV_REMOTE_RUNS_MAX];
	uint64_t sums[HV_REMOTE_PAGES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < batch->n_runs; i++) {
		const Tarn__RemoteRun *run = batch->runs[i];

		results[i] = (int32_t)run->pages;
		for (uint32_t j = 0; j < run->pages; j++, count++) {
			memset(pages[count], (int)(run->slot + j), HV_PAGE_BYTES);
			sums[count] = hv_remote_sum(pages[count], run->device,
						    run->slot + j);
		}
	}
	if (damaged >= 0)
		pages[damaged][17] ^= 1;
	done.results = results;
	done.n_results = batch->n_runs;
	if (batch->op == TARN__REMOTE_OP__REMOTE_OP_READ) {
		done.has_pages = 1;
		done.pages = (ProtobufCBinaryData){ count * HV_PAGE_BYTES, pages[0] };
		done.sums = sums;
		done.n_sums = count;
	}
	reply.done = &done;
	answer(world, nth, &reply);
}

static void expect_run(const Tarn__RemoteBatch *batch, unsigned nth, uint32_t slot,
		       uint32_t pages)
{
	assert_true(nth < batch->n_runs);
	assert_int_equal(batch->runs[nth]->device, HANDLE);
	assert_int_equal(batch->runs[nth]->slot, slot);
	assert_int_equal(batch->runs[nth]->pages, pages);
}

static void expect_read(const struct world *world, unsigned first, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++) {
		assert_int_equal(world->buffers[first + i][0], 10 * first + i);
		assert_int_equal(world->buffers[first + i][HV_PAGE_BYTES - 1],
				 10 * first + i);
	}
}

static void a_bell_is_heard(void **state)
{
	struct world *world = *state;
	const uint64_t one = 1;

	assert_int_equal(write(world->bell, &one, sizeof(one)), sizeof(one));
	expect(world, HV_AIO_DOORBELL, 0);
	expect_nothing(world); /* once */
}

static void what_waits_goes_together(void **state)
{
	struct world *world = *state;

	queue(world, HV_AIO_READ, 1, 1);
	queue(world, HV_AIO_WRITE, 4, 2);
	queue(world, HV_AIO_READ, 2, 2);
	memset(world->buffers[4], 4, 2 * (size_t)HV_PAGE_BYTES);
	turn_until_arrived(world, 2);
	assert_int_equal(world->requests[0]->session, SESSION);
	assert_int_equal(world->requests[0]->batch->n_runs, 2);
	expect_run(world->requests[0]->batch, 0, 10, 1);
	expect_run(world->requests[0]->batch, 1, 20, 2);
	assert_int_equal(world->requests[1]->batch->n_runs, 1);
	expect_run(world->requests[1]->batch, 0, 40, 2);
	assert_int_equal(hv_remote_batch_verify(world->requests[1]->batch, NULL), HV_OK);
	assert_int_equal(world->requests[1]->batch->pages.data[HV_PAGE_BYTES], 4);
	answer_well(world, 0, -1);
	expect(world, 1, HV_PAGE_BYTES);
	expect(world, 2, 2 * HV_PAGE_BYTES);
	expect_read(world, 1, 1);
	expect_read(world, 2, 2);
	answer_well(world, 0, -1);
	expect(world, 4, 2 * HV_PAGE_BYTES);
}

static void answers_come_in_any_order(void **state)
{
	struct world *world = *state;

	for (unsigned i = 1; i <= 3; i++) {
		queue(world, HV_AIO_READ, i, 1);
		turn_until_arrived(world, i);
	}
	answer_well(world, 2, -1);
	expect(world, 3, HV_PAGE_BYTES);
	answer_well(world, 0, -1);
	expect(world, 1, HV_PAGE_BYTES);
	answer_well(world, 0, -1);
	expect(world, 2, HV_PAGE_BYTES);
	for (unsigned i = 1; i <= 3; i++)
		expect_read(world, i, 1);
}

static void only_so_many_are_out(void **state)
{
	struct world *world = *state;

	for (unsigned i = 1; i <= 12; i++) {
		queue(world, HV_AIO_READ, i, 1);
		if (i <= 8)
			turn_until_arrived(world, i);
	}
	expect_nothing(world);
	assert_int_equal(world->count, 8);
	answer_well(world, 7, -1);
	expect(world, 8, HV_PAGE_BYTES);
	turn_until_arrived(world, 8);
	assert_int_equal(world->requests[7]->batch->n_runs, 4); /* all that waited */
	queue(world, HV_AIO_WRITE, 20, 1); /* and writes do not wait for reads */
	turn_until_arrived(world, 9);
}

static void a_refusal_is_an_error_of_its_requests(void **state)
{
	struct world *world = *state;

	queue(world, HV_AIO_WRITE, 1, 1);
	queue(world, HV_AIO_WRITE, 2, 1);
	turn_until_arrived(world, 1);
	answer_code(world, 0, HV_E_CORRUPT);
	expect(world, 1, -EIO);
	expect(world, 2, -EIO);
	queue(world, HV_AIO_READ, 3, 1); /* it goes on */
	turn_until_arrived(world, 1);
	answer_well(world, 0, -1);
	expect(world, 3, HV_PAGE_BYTES);
}

static void a_damaged_page_is_an_error_of_its_run(void **state)
{
	struct world *world = *state;

	queue(world, HV_AIO_READ, 1, 2);
	queue(world, HV_AIO_READ, 5, 1);
	turn_until_arrived(world, 1);
	answer_well(world, 0, 1);
	expect(world, 1, -EIO);
	expect(world, 5, HV_PAGE_BYTES);
	expect_read(world, 5, 1);
}

static void fail_with(struct world *world, enum hv_code code)
{
	uint64_t end = hv_clock_ms() + TEST_WAIT_MS;
	struct hv_aio_done done;
	enum hv_code last;

	do
		last = turn(world);
	while (last == HV_OK && hv_clock_ms() < end);
	assert_int_equal(last, code);
	assert_int_equal(turn(world), code); /* for good */
	assert_true(atomic_load(&world->state.is_over));
	assert_false(world->io->ops->next(world->io, &done)); /* nobody's word */
}

static void a_session_that_is_over_answers_nothing(void **state)
{
	struct world *world = *state;

	queue(world, HV_AIO_WRITE, 1, 1);
	turn_until_arrived(world, 1);
	answer_code(world, 0, HV_E_STALE);
	fail_with(world, HV_E_STALE);
}

static void nonsense_ends_the_link(void **state)
{
	struct world *world = *state;

	queue(world, HV_AIO_WRITE, 1, 1);
	turn_until_arrived(world, 1);
	hv_exchange_answer(world->exchanges[0], "\377\377\377", 3);
	fail_with(world, HV_E_CORRUPT);
}

static void results_of_another_batch_end_the_link(void **state)
{
	struct world *world = *state;
	Tarn__RemoteReply reply = TARN__REMOTE_REPLY__INIT;
	Tarn__RemoteDone done = TARN__REMOTE_DONE__INIT;
	int32_t results[] = { 1, 1 };

	queue(world, HV_AIO_WRITE, 1, 1);
	turn_until_arrived(world, 1);
	done.results = results;
	done.n_results = 2;
	reply.done = &done;
	answer(world, 0, &reply);
	fail_with(world, HV_E_CORRUPT);
}

static void a_connection_that_ends_answers_nothing(void **state)
{
	struct world *world = *state;

	queue(world, HV_AIO_WRITE, 1, 1);
	queue(world, HV_AIO_READ, 2, 1);
	turn_until_arrived(world, 2);
	hv_server_close(world->server);
	world->server = NULL;
	fail_with(world, HV_E_GONE);
}

static void be_silent_for(struct world *world, unsigned ms)
{
	atomic_store(&world->state.heard_ns, hv_clock_ns() - ms * NS_PER_MS);
}

static void silence_ends_the_link(void **state)
{
	struct world *world = *state;

	be_silent_for(world, 2 * PATIENCE_MS); /* nothing was asked: no matter */
	expect_nothing(world);
	assert_int_equal(turn(world), HV_OK);
	vios_link_heard(&world->state);
	queue(world, HV_AIO_WRITE, 1, 1);
	turn_until_arrived(world, 1);
	be_silent_for(world, 2 * PATIENCE_MS);
	fail_with(world, HV_E_TIMEOUT);
}

/* Half the patience: reads are given up, writes are not, and the link is not yet. */
static void a_read_that_was_given_up_is_not_touched_again(void **state)
{
	struct world *world = *state;
	uint64_t end = hv_clock_ms() + TEST_WAIT_MS;
	struct hv_aio_done done;

	queue(world, HV_AIO_READ, 1, 1);
	queue(world, HV_AIO_WRITE, 9, 1);
	turn_until_arrived(world, 2);
	do {
		be_silent_for(world, PATIENCE_MS / 2 + PATIENCE_MS / 10);
		assert_int_equal(turn(world), HV_OK);
		assert_true(hv_clock_ms() < end);
	} while (!world->io->ops->next(world->io, &done));
	assert_int_equal(done.cookie, 1);
	assert_int_equal(done.result, -EIO);
	vios_link_heard(&world->state);
	answer_well(world, 0, -1); /* late: its buffer is another's */
	answer_well(world, 0, -1);
	expect(world, 9, HV_PAGE_BYTES);
	expect_nothing(world);
	assert_int_equal(world->buffers[1][0], 0);
}

static void opening_it_fails_cleanly(void **state)
{
	struct world *world = *state;

	world->io->ops->close(world->io);
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = open_io(world, NULL);
		if (!oom_disarm()) {
			assert_int_equal(code, HV_OK);
			return;
		}
		assert_int_equal(code, HV_E_NOMEM);
	}
}

static void what_a_cut_holds_up_is_late(void **state)
{
	struct world *world = *state;

	vios_link_cut(&world->state, HV_INJECTION_THERE, 60000);
	queue(world, HV_AIO_WRITE, 1, 1);
	memset(world->buffers[1], 7, HV_PAGE_BYTES);
	expect_nothing(world);
	assert_int_equal(world->count, 0); /* it did not get there */
	assert_true(atomic_load(&world->state.cut_hits) > 0);
	vios_link_cut(&world->state, HV_INJECTION_BOTH_WAYS, 0);
	turn_until_arrived(world, 1);
	assert_int_equal(world->requests[0]->batch->pages.data[0], 7);
	vios_link_cut(&world->state, HV_INJECTION_BACK, 60000);
	answer_well(world, 0, -1);
	expect_nothing(world);
	vios_link_cut(&world->state, HV_INJECTION_BOTH_WAYS, 0);
	expect(world, 1, HV_PAGE_BYTES); /* once */
	expect_nothing(world);
}

static void a_cut_link_is_a_silent_one(void **state)
{
	struct world *world = *state;
	uint64_t end = hv_clock_ms() + TEST_WAIT_MS;
	enum hv_code code = HV_OK;

	vios_link_cut(&world->state, HV_INJECTION_BACK, 60000);
	queue(world, HV_AIO_WRITE, 1, 1);
	turn_until_arrived(world, 1);
	answer_well(world, 0, -1);
	while (code == HV_OK && hv_clock_ms() < end)
		code = turn(world);
	assert_int_equal(code, HV_E_TIMEOUT);
	assert_false(world->io->ops->next(world->io, &(struct hv_aio_done){ 0 }));
}

static void a_cut_ends_by_itself(void **state)
{
	struct world *world = *state;

	vios_link_cut(&world->state, HV_INJECTION_BOTH_WAYS, 1);
	while (!vios_link_passes(&world->state, HV_INJECTION_THERE) ||
	       !vios_link_passes(&world->state, HV_INJECTION_BACK))
		(void)turn(world);
	queue(world, HV_AIO_READ, 2, 1);
	turn_until_arrived(world, 1);
	answer_well(world, 0, -1);
	expect(world, 2, HV_PAGE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_bell_is_heard),
		TEST(what_waits_goes_together),
		TEST(answers_come_in_any_order),
		TEST(only_so_many_are_out),
		TEST(a_refusal_is_an_error_of_its_requests),
		TEST(a_damaged_page_is_an_error_of_its_run),
		TEST(a_session_that_is_over_answers_nothing),
		TEST(nonsense_ends_the_link),
		TEST(results_of_another_batch_end_the_link),
		TEST(a_connection_that_ends_answers_nothing),
		TEST(silence_ends_the_link),
		TEST(a_read_that_was_given_up_is_not_touched_again),
		TEST(what_a_cut_holds_up_is_late),
		TEST(a_cut_link_is_a_silent_one),
		TEST(a_cut_ends_by_itself),
		TEST(opening_it_fails_cleanly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
