/* The I/O thread with a real io_uring, a file as the device and one as the memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hvcore/base/rng.h"
#include "hvcore/base/units.h"
#include "hvcore/io/disk.h"
#include "hvcore/io/lan.h"
#include "tests/support/seed.h"

#define DISK_PAGES 64u
#define ROUNDS 4000u
#define STOPS 50u

struct world {
	struct hv_io_owner owner; /* first */
	sem_t told;
	struct hv_io_engine *engine;
	struct hv_io_memory memory;
	uint8_t *at; /* a page for each request, then one for each IU */
	struct hv_disk *disk;
	uint64_t content[DISK_PAGES];
	bool is_busy[DISK_PAGES]; /* requests under way on one block have no order */
	struct hv_rng rng;
};

static void on_notify(struct hv_io_owner *owner)
{
	(void)sem_post(&((struct world *)(void *)owner)->told);
}

static int make_fd(size_t bytes)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static void open_world(struct world *world)
{
	size_t bytes = 2 * (size_t)HV_DISK_REQUESTS * HV_PAGE_BYTES;
	struct hv_err err = { 0 };

	*world = (struct world){ .owner.notify = on_notify };
	world->rng.state = test_seed();
	(void)sem_init(&world->told, 0, 0);
	world->memory = (struct hv_io_memory){ .file = make_fd(bytes), .is_paged = true };
	world->at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			 world->memory.file, 0);
	assert_true(world->at != MAP_FAILED);
	if (hv_io_engine_open(&world->engine, &err) != HV_OK)
		fail_msg("%s", err.text);
	assert_int_equal(hv_disk_open(make_fd(DISK_PAGES * HV_PAGE_BYTES),
				      DISK_PAGES * HV_PAGE_BYTES, &world->memory,
				      &world->owner, &world->disk, NULL),
			 HV_OK);
}

static void close_world(struct world *world)
{
	assert_true(hv_io_engine_stop(world->engine));
	assert_true(hv_io_engine_stop(world->engine));
	hv_io_engine_close(world->engine);
	hv_disk_close(world->disk);
	(void)munmap(world->at, 2 * (size_t)HV_DISK_REQUESTS * HV_PAGE_BYTES);
	(void)close(world->memory.file);
	(void)sem_destroy(&world->told);
}

static uint64_t *words(struct world *world, const struct hv_disk_request *request)
{
	return (uint64_t *)(void *)(world->at + request->index * (size_t)HV_PAGE_BYTES);
}

static void begin(struct world *world, struct hv_disk_request *request)
{
	unsigned page = (unsigned)hv_rng_below(&world->rng, DISK_PAGES);
	struct hv_scsi scsi = { HV_SCSI_READ, .blocks = 8 };
	struct hv_srp_command command = { .bytes = HV_PAGE_BYTES };

	while (world->is_busy[page])
		page = (page + 1) % DISK_PAGES;
	world->is_busy[page] = true;
	command.tag = page;
	command.direction = HV_SRP_IN;
	scsi.block = page * UINT64_C(8);
	if (hv_rng_below(&world->rng, 2) == 0) {
		scsi.kind = HV_SCSI_WRITE;
		command.direction = HV_SRP_OUT;
		world->content[page] = hv_rng_next(&world->rng);
		for (unsigned i = 0; i < HV_PAGE_BYTES / 8; i++)
			words(world, request)[i] = world->content[page];
	}
	hv_scsi_put(command.cdb, &scsi);
	hv_disk_plan(&command, world->disk->bytes, &request->plan);
	request->data[0] = (struct hv_tce_span){ request->index, 0, HV_PAGE_BYTES, 0 };
	request->data_count = 1;
	request->iu[0] = (struct hv_tce_span){ HV_DISK_REQUESTS + request->index, 0,
					       HV_SRP_IU_BYTES, 0 };
	request->iu_count = 1;
	hv_disk_submit(world->engine, request);
}

static void end(struct world *world, struct hv_disk_request *request)
{
	uint64_t page = request->plan.response.tag;

	if (request->plan.response.status != HV_SCSI_GOOD)
		fail_msg("sense %x %x, device %d", request->plan.response.sense.key,
			 request->plan.response.sense.code, request->is_device_error);
	world->is_busy[page] = false;
	if (request->plan.work == HV_DISK_READ)
		for (unsigned i = 0; i < HV_PAGE_BYTES / 8; i++)
			assert_int_equal(words(world, request)[i], world->content[page]);
	hv_disk_give(request);
}

static void what_was_written_is_read_with_many_under_way(void **state)
{
	struct world world;
	unsigned begun = 0;
	unsigned ended = 0;

	(void)state;
	open_world(&world);
	while (ended < ROUNDS) {
		struct hv_disk_request *request;

		while (begun < ROUNDS && (request = hv_disk_take(world.disk)) != NULL) {
			begin(&world, request);
			begun++;
		}
		(void)sem_wait(&world.told);
		while ((request = hv_disk_finished(world.disk)) != NULL) {
			end(&world, request);
			ended++;
		}
	}
	assert_int_equal(world.memory.waits, 0);
	close_world(&world);
}

static void frames_come_in_order_from_another_thread(void **state)
{
	struct world world;
	struct hv_lan_port *from = NULL;
	struct hv_lan_port *to = NULL;
	uint32_t sent = 0;
	uint32_t seen = 0;

	(void)state;
	open_world(&world);
	assert_int_equal(hv_lan_port_open(7, 1, &world.memory, &world.owner, &from, NULL),
			 HV_OK);
	assert_int_equal(hv_lan_port_open(7, 2, &world.memory, &world.owner, &to, NULL),
			 HV_OK);
	hv_lan_port_add(world.engine, from);
	hv_lan_port_add(world.engine, to);
	hv_gate_open(&to->gate);
	for (uint16_t i = 0; i < 32; i++) {
		struct hv_lan_buffer *buffer = hv_lan_buffer_next(to);

		*buffer = (struct hv_lan_buffer){ .bytes = 64, .count = 1 };
		buffer->spans[0] = (struct hv_tce_span){ i, 0, 64, 0 };
		hv_lan_post(to);
	}
	while (seen < ROUNDS) {
		struct hv_lan_frame *frame = hv_lan_frame_take(from);
		struct hv_lan_buffer *buffer;

		/* never more than there are buffers: nothing may be dropped */
		if (frame != NULL && sent < ROUNDS && sent - seen < 16) {
			hv_lan_mac_put(frame->data, 2);
			memcpy(frame->data + 16, &sent, sizeof(sent));
			frame->bytes = 64;
			sent++;
			hv_lan_send(world.engine, frame);
		} else {
			(void)sem_wait(&world.told);
		}
		while ((buffer = hv_lan_arrival(to)) != NULL) {
			const uint8_t *at = world.at +
					    buffer->spans[0].page * (size_t)HV_PAGE_BYTES;
			uint16_t page = (uint16_t)buffer->spans[0].page;

			assert_memory_equal(at + 16, &seen, sizeof(seen));
			seen++;
			hv_lan_buffer_give(to, buffer);
			buffer = hv_lan_buffer_next(to);
			*buffer = (struct hv_lan_buffer){ .bytes = 64, .count = 1 };
			buffer->spans[0] = (struct hv_tce_span){ page, 0, 64, 0 };
			hv_lan_post(to);
		}
	}
	assert_int_equal(to->dropped, 0);
	while (!hv_lan_port_is_idle(from))
		(void)sched_yield();
	hv_lan_port_remove(world.engine, from);
	hv_lan_port_remove(world.engine, to);
	hv_lan_port_close(from);
	hv_lan_port_close(to);
	close_world(&world);
}

/* The last thing before the stop, whatever the thread is at just then. */
static void what_was_posted_before_the_stop_is_settled(void **state)
{
	struct hv_disk_request *request;
	struct world world;

	(void)state;
	for (unsigned i = 0; i < STOPS; i++) {
		open_world(&world);
		while ((request = hv_disk_take(world.disk)) != NULL)
			begin(&world, request);
		assert_true(hv_io_engine_stop(world.engine));
		assert_true(hv_disk_is_idle(world.disk));
		close_world(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_with_many_under_way),
		cmocka_unit_test(frames_come_in_order_from_another_thread),
		cmocka_unit_test(what_was_posted_before_the_stop_is_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
