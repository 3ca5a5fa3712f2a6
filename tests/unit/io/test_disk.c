/* Requests of a virtual disk, from the fault thread to the device and back: the device
 * does what the test says, the partition's memory is a file of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hvcore/base/units.h"
#include "hvcore/io/disk.h"
#include "tests/support/fake_io.h"
#include "tests/support/oom.h"

#define PAGES 16u
#define DISK_BYTES (UINT64_C(1) << 20)
#define IU_PAGE 15u

struct world {
	struct hv_io_owner owner; /* first */
	unsigned told;
	struct fake_io fake;
	struct hv_io_engine engine;
	struct hv_io_memory memory;
	uint8_t *at; /* the memory, mapped */
	struct hv_disk *disk;
};

static void on_notify(struct hv_io_owner *owner)
{
	((struct world *)(void *)owner)->told++;
}

static int make_fd(size_t bytes)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static void open_world(struct world *world)
{
	*world = (struct world){ .owner.notify = on_notify };
	fake_io_init(&world->fake);
	hv_io_engine_init(&world->engine, &world->fake.io);
	world->memory.is_paged = true;
	world->memory.file = make_fd(PAGES * HV_PAGE_BYTES);
	world->at = mmap(NULL, (size_t)PAGES * HV_PAGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED, world->memory.file, 0);
	assert_true(world->at != MAP_FAILED);
	for (unsigned i = 0; i < PAGES; i++) /* every page has its frame */
		world->at[i * HV_PAGE_BYTES] = 1;
	assert_int_equal(hv_disk_open(make_fd(DISK_BYTES), DISK_BYTES, &world->memory,
				      &world->owner, &world->disk, NULL),
			 HV_OK);
}

static void close_world(struct world *world)
{
	assert_true(hv_io_engine_is_idle(&world->engine));
	assert_int_equal(hv_disk_under_way(world->disk), 0);
	hv_disk_close(world->disk);
	hv_io_engine_fini(&world->engine);
	(void)munmap(world->at, (size_t)PAGES * HV_PAGE_BYTES);
	(void)close(world->memory.file);
}

/* A request for blocks from page `page` on, its IU in a page of its own. */
static struct hv_disk_request *ask(struct world *world, enum hv_scsi_kind kind,
				   uint64_t block, uint32_t pages, uint32_t page)
{
	struct hv_scsi scsi = { kind, .block = block, .blocks = pages * 8 };
	struct hv_srp_command command = {
		.tag = 100 + page,
		.direction = kind == HV_SCSI_WRITE ? HV_SRP_OUT : HV_SRP_IN,
		.bytes = pages * HV_PAGE_BYTES,
	};
	struct hv_disk_request *request = hv_disk_take(world->disk);

	assert_non_null(request);
	if (kind == HV_SCSI_SYNC) {
		command.direction = HV_SRP_NONE;
		command.bytes = 0;
	}
	hv_scsi_put(command.cdb, &scsi);
	hv_disk_plan(&command, DISK_BYTES, &request->plan);
	request->iu[0] = (struct hv_tce_span){ IU_PAGE, (uint16_t)(page * 64),
					       HV_SRP_IU_BYTES, 0 };
	request->iu_count = 1;
	for (uint32_t i = 0; i < pages; i++)
		request->data[i] = (struct hv_tce_span){ page + i, 0, HV_PAGE_BYTES, 0 };
	request->data_count = pages;
	hv_disk_submit(&world->engine, request);
	return request;
}

/* What the partition finds where its command was. */
static struct hv_srp_response response_of(const struct world *world, uint32_t page)
{
	struct hv_srp_response response = { 0 };

	assert_true(hv_srp_response_take(world->at + IU_PAGE * HV_PAGE_BYTES + page * 64,
					 &response));
	assert_int_equal(response.tag, 100 + page);
	return response;
}

static void give_finished(struct world *world, struct hv_disk_request *request)
{
	assert_ptr_equal(hv_disk_finished(world->disk), request);
	hv_disk_give(request);
}

static void what_is_read_lands_where_the_spans_say(void **state)
{
	struct world world;
	struct hv_disk_request *request;

	(void)state;
	open_world(&world);
	request = ask(&world, HV_SCSI_READ, 8, 2, 3);
	request->data[0].page = 5; /* not one behind the other */
	hv_io_engine_turn(&world.engine);
	assert_int_equal(world.fake.queued_count, 1);
	assert_int_equal(world.fake.queued[0].offset, 4096);
	assert_int_equal(world.fake.queued[0].bytes, 8192);
	assert_null(hv_disk_finished(world.disk));
	memset(world.fake.queued[0].at, 'a', HV_PAGE_BYTES);
	memset((uint8_t *)world.fake.queued[0].at + HV_PAGE_BYTES, 'b', HV_PAGE_BYTES);
	fake_io_finish(&world.fake, 0, 8192);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(world.told, 1);
	assert_int_equal(request->copied, 8192);
	give_finished(&world, request);
	assert_int_equal(response_of(&world, 3).status, HV_SCSI_GOOD);
	assert_int_equal(world.at[5 * HV_PAGE_BYTES], 'a');
	assert_int_equal(world.at[6 * HV_PAGE_BYTES - 1], 'a');
	assert_int_equal(world.at[4 * HV_PAGE_BYTES], 'b');
	assert_int_equal(world.at[3 * HV_PAGE_BYTES], 1);
	assert_true(hv_disk_is_idle(world.disk));
	close_world(&world);
}

static void what_is_written_is_taken_before_the_device_is_asked(void **state)
{
	struct world world;
	struct hv_disk_request *request;

	(void)state;
	open_world(&world);
	memset(world.at + 2 * HV_PAGE_BYTES, 'w', HV_PAGE_BYTES);
	request = ask(&world, HV_SCSI_WRITE, 0, 1, 2);
	hv_io_engine_turn(&world.engine);
	memset(world.at + 2 * HV_PAGE_BYTES, 'x', HV_PAGE_BYTES);
	assert_int_equal(world.fake.queued[0].kind, HV_AIO_WRITE);
	assert_true(world.fake.queued[0].may_block);
	assert_int_equal(((uint8_t *)world.fake.queued[0].at)[4095], 'w');
	fake_io_finish(&world.fake, 0, 4096);
	hv_io_engine_turn(&world.engine);
	give_finished(&world, request);
	assert_int_equal(response_of(&world, 2).status, HV_SCSI_GOOD);
	close_world(&world);
}

static void an_error_ends_that_request_alone(void **state)
{
	static const struct {
		enum hv_scsi_kind kind;
		int result;
		struct hv_scsi_sense sense;
	} rows[] = {
		{ HV_SCSI_READ, -EIO, HV_SENSE_READ_ERROR },
		{ HV_SCSI_READ, 512, HV_SENSE_READ_ERROR }, /* short */
		{ HV_SCSI_WRITE, -ENOSPC, HV_SENSE_NO_SPACE },
		{ HV_SCSI_WRITE, 512, HV_SENSE_NO_SPACE }, /* the rest had no room */
		{ HV_SCSI_WRITE, -EIO, HV_SENSE_WRITE_ERROR },
		{ HV_SCSI_SYNC, -EIO, HV_SENSE_WRITE_ERROR },
	};
	struct world world;

	(void)state;
	open_world(&world);
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		uint32_t pages = rows[i].kind != HV_SCSI_SYNC;
		struct hv_disk_request *request = ask(&world, rows[i].kind, 0, pages, 2);
		struct hv_srp_response response;

		hv_io_engine_turn(&world.engine);
		fake_io_finish(&world.fake, 0, rows[i].result);
		hv_io_engine_turn(&world.engine);
		assert_true(request->is_device_error);
		assert_int_equal(request->copied, 0);
		give_finished(&world, request);
		response = response_of(&world, 2);
		assert_int_equal(response.status, HV_SCSI_CHECK_CONDITION);
		assert_int_equal(response.residual, pages * HV_PAGE_BYTES);
		assert_memory_equal(&response.sense, &rows[i].sense,
				    sizeof(response.sense));
	}
	assert_int_equal(world.at[2 * HV_PAGE_BYTES], 1); /* nothing was read */
	close_world(&world);
}

/* IO5 */
static void a_disk_has_its_depth_at_the_device_and_no_more(void **state)
{
	struct hv_disk_request *requests[HV_DISK_REQUESTS];
	struct world world;

	(void)state;
	open_world(&world);
	for (unsigned i = 0; i < HV_DISK_REQUESTS; i++)
		requests[i] = ask(&world, HV_SCSI_READ, i, 1, i % 8);
	assert_null(hv_disk_take(world.disk));
	assert_int_equal(hv_disk_under_way(world.disk), HV_DISK_REQUESTS);
	hv_io_engine_turn(&world.engine);
	for (unsigned i = 0; i < HV_DISK_REQUESTS; i++) {
		unsigned left = HV_DISK_REQUESTS - i;

		assert_int_equal(world.fake.queued_count,
				 left < HV_DISK_DEPTH ? left : HV_DISK_DEPTH);
		assert_int_equal(world.fake.queued[0].offset,
				 i * HV_DISK_BLOCK_BYTES); /* in turn */
		fake_io_finish(&world.fake, 0, HV_PAGE_BYTES);
		hv_io_engine_turn(&world.engine);
		give_finished(&world, requests[i]);
	}
	assert_true(hv_disk_is_idle(world.disk));
	close_world(&world);
}

/* What needs no device does not wait for one that hangs, but in its turn. */
static void a_hanging_disk_holds_up_no_other(void **state)
{
	struct world world;
	struct hv_disk *hanging;
	struct hv_disk_request *request;

	(void)state;
	open_world(&world);
	hanging = world.disk;
	for (unsigned i = 0; i < HV_DISK_REQUESTS; i++)
		(void)ask(&world, HV_SCSI_READ, 0, 1, 2);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(hv_disk_open(make_fd(DISK_BYTES), DISK_BYTES, &world.memory,
				      &world.owner, &world.disk, NULL),
			 HV_OK);
	request = ask(&world, HV_SCSI_WRITE, 0, 1, 3);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(world.fake.queued_count, HV_DISK_DEPTH + 1);
	fake_io_finish(&world.fake, HV_DISK_DEPTH, HV_PAGE_BYTES);
	hv_io_engine_turn(&world.engine);
	give_finished(&world, request);
	assert_false(hv_disk_is_idle(hanging));
	while (world.fake.queued_count > 0) {
		fake_io_finish(&world.fake, 0, HV_PAGE_BYTES);
		hv_io_engine_turn(&world.engine);
	}
	while ((request = hv_disk_finished(hanging)) != NULL)
		hv_disk_give(request);
	hv_disk_close(hanging);
	close_world(&world);
}

/* IO3: its partition is dead, its frames belong to somebody else. */
static void after_the_cut_no_byte_is_touched(void **state)
{
	struct hv_disk_request *read, *write, *late;
	struct world world;
	uint8_t *before = malloc((size_t)PAGES * HV_PAGE_BYTES);

	(void)state;
	open_world(&world);
	assert_non_null(before);
	read = ask(&world, HV_SCSI_READ, 0, 1, 2);
	write = ask(&world, HV_SCSI_WRITE, 8, 1, 3);
	hv_io_engine_turn(&world.engine);
	late = ask(&world, HV_SCSI_WRITE, 16, 1, 4);
	assert_true(hv_gate_cut(&world.disk->gate));
	memcpy(before, world.at, (size_t)PAGES * HV_PAGE_BYTES);
	memset(world.fake.queued[0].at, 'r', HV_PAGE_BYTES);
	fake_io_finish(&world.fake, 0, HV_PAGE_BYTES);
	fake_io_finish(&world.fake, 0, HV_PAGE_BYTES);
	hv_io_engine_turn(&world.engine);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(world.fake.queued_count, 0); /* the late one never began */
	assert_memory_equal(before, world.at, (size_t)PAGES * HV_PAGE_BYTES);
	for (unsigned i = 0; i < 3; i++) {
		struct hv_disk_request *request = hv_disk_finished(world.disk);

		assert_true(request == read || request == write || request == late);
		hv_disk_give(request);
	}
	assert_int_equal(read->copied, 0);
	free(before);
	close_world(&world);
}

/* A disk that is slow would hold its file long after its partition's end. */
static void after_the_cut_the_device_is_asked_for_nothing(void **state)
{
	static const enum hv_scsi_kind kinds[] = { HV_SCSI_READ, HV_SCSI_SYNC,
						   HV_SCSI_WRITE, HV_SCSI_READ };
	struct hv_disk_request *request;
	struct world world;
	unsigned finished = 0;

	(void)state;
	open_world(&world);
	for (unsigned i = 0; i < HV_DISK_DEPTH; i++)
		(void)ask(&world, HV_SCSI_READ, i, 1, 2);
	for (unsigned i = 0; i < HV_COUNT(kinds); i++)
		(void)ask(&world, kinds[i], 0, kinds[i] != HV_SCSI_SYNC, 3 + i);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(world.fake.queued_count, HV_DISK_DEPTH);
	assert_true(hv_gate_cut(&world.disk->gate));
	fake_io_finish(&world.fake, 0, HV_PAGE_BYTES);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(world.fake.queued_count, HV_DISK_DEPTH - 1);
	while ((request = hv_disk_finished(world.disk)) != NULL) {
		assert_int_equal(request->copied, 0);
		hv_disk_give(request);
		finished++;
	}
	assert_int_equal(finished, 1 + HV_COUNT(kinds));
	assert_false(hv_disk_is_idle(world.disk)); /* what is at the device ends there */
	while (world.fake.queued_count > 0) {
		fake_io_finish(&world.fake, 0, HV_PAGE_BYTES);
		hv_io_engine_turn(&world.engine);
	}
	while ((request = hv_disk_finished(world.disk)) != NULL)
		hv_disk_give(request);
	assert_true(hv_disk_is_idle(world.disk));
	close_world(&world);
}

/* IO2: the partition has punched the page in the middle of it. */
static void a_page_without_a_frame_gets_none(void **state)
{
	static const struct hv_scsi_sense no_page = HV_SENSE_NO_PAGE;
	struct hv_srp_response response;
	struct hv_disk_request *request;
	struct world world;

	(void)state;
	open_world(&world);
	for (unsigned is_write = 0; is_write < 2; is_write++) {
		uint64_t pages_before, pages_after;

		assert_int_equal(fallocate(world.memory.file,
					   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					   4 * HV_PAGE_BYTES, HV_PAGE_BYTES),
				 0);
		assert_int_equal(lseek(world.memory.file, 4 * HV_PAGE_BYTES, SEEK_DATA),
				 5 * HV_PAGE_BYTES);
		pages_before = world.memory.waits;
		request = ask(&world, is_write ? HV_SCSI_WRITE : HV_SCSI_READ, 0, 2, 3);
		hv_io_engine_turn(&world.engine);
		if (!is_write) {
			fake_io_finish(&world.fake, 0, 2 * HV_PAGE_BYTES);
			hv_io_engine_turn(&world.engine);
		}
		assert_int_equal(world.fake.queued_count, 0);
		pages_after = world.memory.waits;
		assert_int_equal(pages_after, pages_before + 1);
		give_finished(&world, request);
		response = response_of(&world, 3);
		assert_int_equal(response.status, HV_SCSI_CHECK_CONDITION);
		assert_memory_equal(&response.sense, &no_page, sizeof(no_page));
		assert_int_equal(lseek(world.memory.file, 4 * HV_PAGE_BYTES, SEEK_DATA),
				 5 * HV_PAGE_BYTES);
	}
	world.memory.is_paged = false; /* dedicated: its own memory, made as it is used */
	request = ask(&world, HV_SCSI_READ, 0, 2, 3);
	hv_io_engine_turn(&world.engine);
	fake_io_finish(&world.fake, 0, 2 * HV_PAGE_BYTES);
	hv_io_engine_turn(&world.engine);
	give_finished(&world, request);
	assert_int_equal(response_of(&world, 3).status, HV_SCSI_GOOD);
	close_world(&world);
}

static void an_iu_that_was_thrown_away_harms_nobody(void **state)
{
	struct hv_disk_request *request;
	struct world world;

	(void)state;
	open_world(&world);
	request = ask(&world, HV_SCSI_SYNC, 0, 0, 0);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(fallocate(world.memory.file,
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   IU_PAGE * HV_PAGE_BYTES, HV_PAGE_BYTES),
			 0);
	fake_io_finish(&world.fake, 0, 0);
	hv_io_engine_turn(&world.engine);
	give_finished(&world, request);
	close_world(&world);
}

static void a_disk_without_memory_is_none(void **state)
{
	struct world world;
	struct hv_disk *disk = NULL;

	(void)state;
	open_world(&world);
	for (unsigned nth = 1;; nth++) {
		int fd = make_fd(DISK_BYTES);
		enum hv_code code;

		oom_arm(nth);
		code = hv_disk_open(fd, DISK_BYTES, &world.memory, &world.owner, &disk,
				    NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(disk);
		assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken over */
	}
	hv_disk_close(disk);
	hv_disk_close(NULL);
	assert_true(hv_disk_memory_bytes() > HV_DISK_DEPTH * HV_DISK_TRANSFER_BYTES);
	close_world(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_lands_where_the_spans_say),
		cmocka_unit_test(what_is_written_is_taken_before_the_device_is_asked),
		cmocka_unit_test(an_error_ends_that_request_alone),
		cmocka_unit_test(a_disk_has_its_depth_at_the_device_and_no_more),
		cmocka_unit_test(a_hanging_disk_holds_up_no_other),
		cmocka_unit_test(after_the_cut_no_byte_is_touched),
		cmocka_unit_test(after_the_cut_the_device_is_asked_for_nothing),
		cmocka_unit_test(a_page_without_a_frame_gets_none),
		cmocka_unit_test(an_iu_that_was_thrown_away_harms_nobody),
		cmocka_unit_test(a_disk_without_memory_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
