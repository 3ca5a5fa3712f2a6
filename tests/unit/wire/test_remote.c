/* What a VIOS of another host may ask, and what it may answer. */
#include "hvcore/wire/remote.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUNS 3

struct world {
	Tarn__RemoteRequest request;
	Tarn__RemoteBatch batch;
	Tarn__RemoteRun run[HV_REMOTE_RUNS_MAX + 1];
	Tarn__RemoteRun *runs[HV_REMOTE_RUNS_MAX + 1];
	uint8_t pages[(HV_REMOTE_PAGES_MAX + 1) * HV_PAGE_BYTES];
	uint64_t sums[HV_REMOTE_PAGES_MAX + 1];
};

/* A write of RUNS runs of two pages each, which is right. */
static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	tarn__remote_request__init(&world->request);
	tarn__remote_batch__init(&world->batch);
	for (unsigned i = 0; i <= HV_REMOTE_RUNS_MAX; i++) {
		tarn__remote_run__init(&world->run[i]);
		world->run[i].device = i;
		world->run[i].slot = 10 * i;
		world->run[i].pages = 2;
		world->runs[i] = &world->run[i];
	}
	for (size_t i = 0; i < sizeof(world->pages); i++)
		world->pages[i] = (uint8_t)(i >> 8);
	for (unsigned i = 0; i < 2 * RUNS; i++)
		world->sums[i] = hv_remote_sum(world->pages + (size_t)i * HV_PAGE_BYTES,
					       i / 2, 10 * (i / 2) + i % 2);
	world->batch.op = TARN__REMOTE_OP__REMOTE_OP_WRITE;
	world->batch.runs = world->runs;
	world->batch.n_runs = RUNS;
	world->batch.has_pages = 1;
	world->batch.pages = (ProtobufCBinaryData){ 2 * RUNS * HV_PAGE_BYTES,
						    world->pages };
	world->batch.sums = world->sums;
	world->batch.n_sums = 2 * RUNS;
	world->request.version = HV_REMOTE_VERSION;
	world->request.has_session = 1;
	world->request.session = 7;
	world->request.kind_case = TARN__REMOTE_REQUEST__KIND_BATCH;
	world->request.batch = &world->batch;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static enum hv_code pass(const Tarn__RemoteRequest *request, Tarn__RemoteRequest **ret)
{
	uint8_t *bytes;
	struct hv_err err;
	enum hv_code code;
	size_t count;

	assert_int_equal(hv_message_encode(&request->base, &bytes, &count, NULL), HV_OK);
	code = hv_remote_request_decode(bytes, count, ret, &err);
	free(bytes);
	return code;
}

static enum hv_code decode(const struct world *world)
{
	Tarn__RemoteRequest *request;
	enum hv_code code = pass(&world->request, &request);

	if (code == HV_OK)
		tarn__remote_request__free_unpacked(request, NULL);
	return code;
}

static void a_batch_that_adds_up_comes_through(void **state)
{
	struct world *world = *state;
	Tarn__RemoteRequest *request;
	struct hv_err err;

	assert_int_equal(pass(&world->request, &request), HV_OK);
	assert_int_equal(request->batch->n_runs, RUNS);
	assert_int_equal(hv_remote_batch_verify(request->batch, &err), HV_OK);
	request->batch->pages.data[5 * HV_PAGE_BYTES] ^= 1;
	assert_int_equal(hv_remote_batch_verify(request->batch, &err), HV_E_CORRUPT);
	request->batch->pages.data[5 * HV_PAGE_BYTES] ^= 1;
	request->batch->runs[1]->slot++; /* whole, but for another place */
	assert_int_equal(hv_remote_batch_verify(request->batch, &err), HV_E_CORRUPT);
	request->batch->runs[1]->slot--;
	request->batch->runs[0]->device = 9;
	assert_int_equal(hv_remote_batch_verify(request->batch, &err), HV_E_CORRUPT);
	tarn__remote_request__free_unpacked(request, NULL);
}

static void a_batch_is_bounded(void **state)
{
	struct world *world = *state;
	Tarn__RemoteBatch *batch = &world->batch;

	batch->n_runs = 0;
	assert_int_equal(decode(world), HV_E_INVAL);
	batch->n_runs = HV_REMOTE_RUNS_MAX + 1;
	assert_int_equal(decode(world), HV_E_LIMIT);
	batch->n_runs = HV_REMOTE_PAGES_MAX / 2 + 1; /* of two pages: one too many */
	assert_int_equal(decode(world), HV_E_LIMIT);
	batch->n_runs = RUNS;
	batch->n_sums--;
	assert_int_equal(decode(world), HV_E_INVAL);
	batch->n_sums++;
	batch->pages.len -= 1;
	assert_int_equal(decode(world), HV_E_INVAL);
	batch->pages.len = sizeof(world->pages);
	assert_int_equal(decode(world), HV_E_LIMIT);
	batch->has_pages = 0;
	assert_int_equal(decode(world), HV_E_INVAL);
	batch->n_sums = 0; /* a write of nothing */
	assert_int_equal(decode(world), HV_E_INVAL);
	batch->op = TARN__REMOTE_OP__REMOTE_OP_READ;
	assert_int_equal(decode(world), HV_OK);
	batch->n_sums = 1; /* a read that carries something */
	assert_int_equal(decode(world), HV_E_INVAL);
}

static void a_run_is_bounded(void **state)
{
	static const struct {
		uint32_t device, slot, pages;
		enum hv_code code;
	} rows[] = {
		{ HV_DEVICES_MAX - 1, 0, 1, HV_OK },
		{ HV_DEVICES_MAX, 0, 1, HV_E_INVAL },
		{ 0, 0, 0, HV_E_INVAL },
		{ 0, 0, HV_RUN_PAGES, HV_OK },
		{ 0, 0, HV_RUN_PAGES + 1, HV_E_INVAL },
		{ 0, 0, UINT32_MAX, HV_E_INVAL },
		{ 0, UINT32_MAX - 1, 1, HV_OK },
		{ 0, UINT32_MAX - 1, 2, HV_E_INVAL },
	};
	struct world *world = *state;

	world->batch = (Tarn__RemoteBatch)TARN__REMOTE_BATCH__INIT;
	world->batch.op = TARN__REMOTE_OP__REMOTE_OP_READ;
	world->batch.runs = world->runs;
	world->batch.n_runs = 1;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		world->run[0].device = rows[i].device;
		world->run[0].slot = rows[i].slot;
		world->run[0].pages = rows[i].pages;
		if (decode(world) != rows[i].code)
			fail_msg("row %u", i);
	}
}

static void a_request_is_of_a_session_but_hello(void **state)
{
	struct world *world = *state;
	uint8_t id[HV_KEY_BYTES] = { 1 };
	Tarn__RemoteHello hello = TARN__REMOTE_HELLO__INIT;
	Tarn__RemotePing ping = TARN__REMOTE_PING__INIT;
	Tarn__RemoteRequest *request = &world->request;

	request->kind_case = TARN__REMOTE_REQUEST__KIND__NOT_SET;
	assert_int_equal(decode(world), HV_E_INVAL);
	request->kind_case = TARN__REMOTE_REQUEST__KIND_PING;
	request->ping = &ping;
	assert_int_equal(decode(world), HV_OK);
	request->has_session = 0;
	assert_int_equal(decode(world), HV_E_INVAL);
	request->kind_case = TARN__REMOTE_REQUEST__KIND_HELLO;
	request->hello = &hello;
	hello.host_id = hello.incarnation = (ProtobufCBinaryData){ sizeof(id), id };
	hello.vios = (char *)(uintptr_t) "vios1";
	assert_int_equal(decode(world), HV_OK);
	request->has_session = 1;
	assert_int_equal(decode(world), HV_E_INVAL);
	request->has_session = 0;
	hello.incarnation.len--;
	assert_int_equal(decode(world), HV_E_INVAL);
	hello.incarnation.len++;
	hello.vios = (char *)(uintptr_t) "../vios1";
	assert_int_equal(decode(world), HV_E_INVAL);
	hello.vios = (char *)(uintptr_t) "vios1";
	request->version++;
	assert_int_equal(decode(world), HV_E_VERSION);
}

static void what_is_opened_has_a_place(void **state)
{
	struct world *world = *state;
	uint8_t id[HV_KEY_BYTES] = { 1 };
	Tarn__RemoteOpen open = TARN__REMOTE_OPEN__INIT;
	Tarn__RemoteClose close = TARN__REMOTE_CLOSE__INIT;

	open.id = (ProtobufCBinaryData){ sizeof(id), id };
	open.path = (char *)(uintptr_t) "/dev/sdx";
	world->request.kind_case = TARN__REMOTE_REQUEST__KIND_OPEN;
	world->request.open = &open;
	assert_int_equal(decode(world), HV_OK);
	open.handle = HV_DEVICES_MAX;
	assert_int_equal(decode(world), HV_E_INVAL);
	open.handle = 0;
	open.lock_byte = 2;
	assert_int_equal(decode(world), HV_E_INVAL);
	open.lock_byte = 1;
	open.path = (char *)(uintptr_t) "dev/sdx";
	assert_int_equal(decode(world), HV_E_INVAL);
	close.handle = HV_DEVICES_MAX;
	world->request.kind_case = TARN__REMOTE_REQUEST__KIND_CLOSE;
	world->request.close = &close;
	assert_int_equal(decode(world), HV_E_INVAL);
}

static void an_answer_is_that_of_its_batch(void **state)
{
	struct world *world = *state;
	int32_t results[RUNS] = { 2, -EIO, 2 };
	Tarn__RemoteDone done = TARN__REMOTE_DONE__INIT;
	struct hv_err err;

	done.results = results;
	done.n_results = RUNS;
	assert_int_equal(hv_remote_done_check(&world->batch, &done, &err), HV_OK);
	done.n_results = RUNS - 1;
	assert_int_equal(hv_remote_done_check(&world->batch, &done, &err), HV_E_CORRUPT);
	done.n_results = RUNS;
	results[0] = 1; /* part of a run is none */
	assert_int_equal(hv_remote_done_check(&world->batch, &done, &err), HV_E_CORRUPT);
	results[0] = 0;
	assert_int_equal(hv_remote_done_check(&world->batch, &done, &err), HV_E_CORRUPT);
	results[0] = -4096;
	assert_int_equal(hv_remote_done_check(&world->batch, &done, &err), HV_E_CORRUPT);
	results[0] = 2;
	done.n_sums = 1; /* a write gives no pages */
	assert_int_equal(hv_remote_done_check(&world->batch, &done, &err), HV_E_CORRUPT);

	world->batch.op = TARN__REMOTE_OP__REMOTE_OP_READ;
	done.sums = world->sums;
	done.n_sums = 4;
	assert_int_equal(hv_remote_done_check(&world->batch, &done, &err), HV_E_CORRUPT);
	done.has_pages = 1;
	done.pages = (ProtobufCBinaryData){ 4 * HV_PAGE_BYTES, world->pages };
	assert_int_equal(hv_remote_done_check(&world->batch, &done, &err), HV_OK);
	done.n_sums = 3;
	assert_int_equal(hv_remote_done_check(&world->batch, &done, &err), HV_E_CORRUPT);
}

static void a_reply_is_checked(void **state)
{
	static const struct {
		uint32_t version, code;
		uint64_t slots;
		enum hv_code result;
	} rows[] = {
		{ HV_REMOTE_VERSION, HV_OK, 5, HV_OK },
		{ HV_REMOTE_VERSION + 1, HV_OK, 5, HV_E_VERSION },
		{ HV_REMOTE_VERSION, HV_CODE_COUNT, 5, HV_E_INVAL },
		{ HV_REMOTE_VERSION, HV_OK, 0, HV_E_INVAL },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		Tarn__RemoteReply reply = TARN__REMOTE_REPLY__INIT, *decoded;
		Tarn__RemoteOpened opened = TARN__REMOTE_OPENED__INIT;
		uint8_t *bytes;
		size_t count;

		reply.version = rows[i].version;
		reply.code = rows[i].code;
		reply.opened = &opened;
		opened.slots = rows[i].slots;
		assert_int_equal(hv_message_encode(&reply.base, &bytes, &count, NULL),
				 HV_OK);
		if (hv_remote_reply_decode(bytes, count, &decoded, NULL) !=
		    rows[i].result)
			fail_msg("row %u", i);
		if (rows[i].result == HV_OK)
			tarn__remote_reply__free_unpacked(decoded, NULL);
		free(bytes);
	}
	assert_int_equal(hv_remote_reply_decode(NULL, 0, NULL, NULL), HV_E_CORRUPT);
}

static void the_largest_batch_fits_a_message(void **state)
{
	struct world *world = *state;
	uint8_t *bytes;
	size_t count;

	for (unsigned i = 0; i < HV_REMOTE_RUNS_MAX; i++) {
		world->run[i].device = HV_DEVICES_MAX - 1;
		world->run[i].slot = UINT32_MAX - 1;
		world->run[i].pages = 1;
	}
	world->batch.n_runs = HV_REMOTE_RUNS_MAX;
	world->batch.pages.len = HV_REMOTE_PAGES_MAX * (size_t)HV_PAGE_BYTES;
	world->batch.n_sums = HV_REMOTE_PAGES_MAX;
	world->request.session = UINT64_MAX;
	assert_int_equal(hv_message_encode(&world->request.base, &bytes, &count, NULL),
			 HV_OK);
	free(bytes);
	assert_true(count <= HV_REMOTE_BYTES_MAX);
	assert_int_equal(decode(world), HV_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_batch_that_adds_up_comes_through),
		TEST(a_batch_is_bounded),
		TEST(a_run_is_bounded),
		TEST(a_request_is_of_a_session_but_hello),
		TEST(what_is_opened_has_a_place),
		TEST(an_answer_is_that_of_its_batch),
		TEST(a_reply_is_checked),
		TEST(the_largest_batch_fits_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
