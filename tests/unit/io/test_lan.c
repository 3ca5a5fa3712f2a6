/* Frames on the switch inside of a hypervisor: who gets them, and who does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hvcore/base/units.h"
#include "hvcore/io/lan.h"
#include "tests/support/fake_io.h"
#include "tests/support/oom.h"

#define PAGES 256u
#define PORTS 4u
#define MAC(n) (UINT64_C(0x020000000000) + (n))

struct world {
	struct hv_io_owner owner; /* first */
	unsigned told;
	struct fake_io fake;
	struct hv_io_engine engine;
	struct hv_io_memory memory;
	uint8_t *at;
	struct hv_lan_port *ports[PORTS]; /* 0, 1, 2 on VLAN 1, 3 on VLAN 2 */
};

static void on_notify(struct hv_io_owner *owner)
{
	((struct world *)(void *)owner)->told++;
}

static void open_world(struct world *world)
{
	*world = (struct world){ .owner.notify = on_notify };
	fake_io_init(&world->fake);
	hv_io_engine_init(&world->engine, &world->fake.io);
	world->memory.is_paged = true;
	world->memory.file = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(ftruncate(world->memory.file, (off_t)PAGES * HV_PAGE_BYTES), 0);
	world->at = mmap(NULL, (size_t)PAGES * HV_PAGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE, world->memory.file, 0);
	assert_true(world->at != MAP_FAILED);
	for (unsigned i = 0; i < PORTS; i++) {
		assert_int_equal(hv_lan_port_open(i == 3 ? 2 : 1, MAC(i), &world->memory,
						  &world->owner, &world->ports[i], NULL),
				 HV_OK);
		hv_lan_port_add(&world->engine, world->ports[i]);
		hv_gate_open(&world->ports[i]->gate); /* registered */
	}
}

static void close_world(struct world *world)
{
	for (unsigned i = 0; i < PORTS; i++) {
		hv_lan_port_remove(&world->engine, world->ports[i]);
		hv_lan_port_remove(&world->engine, world->ports[i]); /* twice is fine */
		hv_lan_port_close(world->ports[i]);
	}
	hv_lan_port_close(NULL);
	hv_io_engine_fini(&world->engine);
	(void)munmap(world->at, (size_t)PAGES * HV_PAGE_BYTES);
	(void)close(world->memory.file);
}

static bool post(struct world *world, unsigned port, uint32_t page, uint16_t bytes)
{
	struct hv_lan_buffer *buffer = hv_lan_buffer_next(world->ports[port]);

	if (buffer == NULL)
		return false;
	buffer->address = page * HV_PAGE_BYTES;
	buffer->bytes = bytes;
	buffer->count = 1;
	buffer->spans[0] = (struct hv_tce_span){ page, 0, bytes, 0 };
	hv_lan_post(world->ports[port]);
	return true;
}

static void send(struct world *world, unsigned port, uint64_t to, uint32_t bytes)
{
	struct hv_lan_frame *frame = hv_lan_frame_take(world->ports[port]);

	assert_non_null(frame);
	hv_lan_mac_put(frame->data, to);
	hv_lan_mac_put(frame->data + 6, MAC(port));
	memset(frame->data + 12, 'f', bytes - 12);
	frame->bytes = bytes;
	hv_lan_send(&world->engine, frame);
}

/* Page of the buffer in which a frame came, 0: none. */
static uint32_t arrival(struct world *world, unsigned port, uint32_t *ret_bytes)
{
	struct hv_lan_buffer *buffer = hv_lan_arrival(world->ports[port]);

	if (buffer == NULL)
		return 0;
	*ret_bytes = buffer->arrived;
	hv_lan_buffer_give(world->ports[port], buffer);
	return buffer->address / HV_PAGE_BYTES;
}

static void a_frame_goes_to_the_port_with_that_address(void **state)
{
	struct world world;
	uint32_t bytes = 0;

	(void)state;
	open_world(&world);
	assert_true(post(&world, 1, 10, 4096));
	assert_true(post(&world, 2, 11, 4096));
	send(&world, 0, MAC(1), 100);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(world.told, 1);
	assert_int_equal(arrival(&world, 1, &bytes), 10);
	assert_int_equal(bytes, 100);
	assert_int_equal(world.at[10 * HV_PAGE_BYTES + 99], 'f');
	assert_int_equal(world.at[10 * HV_PAGE_BYTES + 100], 0);
	assert_int_equal(arrival(&world, 2, &bytes), 0);
	close_world(&world);
}

/* IO7 */
static void no_frame_leaves_its_vlan(void **state)
{
	struct world world;
	uint32_t bytes;

	(void)state;
	open_world(&world);
	assert_true(post(&world, 3, 12, 4096));
	send(&world, 0, MAC(3), 60);
	send(&world, 0, HV_LAN_BROADCAST, 60);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(arrival(&world, 3, &bytes), 0);
	assert_int_equal(world.ports[0]->dropped, 1); /* nobody has that address */
	close_world(&world);
}

static void a_group_is_everybody_else(void **state)
{
	struct world world;
	uint32_t bytes;

	(void)state;
	open_world(&world);
	for (unsigned i = 0; i < PORTS; i++)
		assert_true(post(&world, i, 20 + i, 4096));
	send(&world, 0, HV_LAN_BROADCAST, 60);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(arrival(&world, 0, &bytes), 0);
	assert_int_equal(arrival(&world, 1, &bytes), 21);
	assert_int_equal(arrival(&world, 2, &bytes), 22);
	assert_int_equal(arrival(&world, 3, &bytes), 0);
	close_world(&world);
}

static void without_a_buffer_a_frame_is_dropped_and_counted(void **state)
{
	struct world world;
	uint32_t bytes;

	(void)state;
	open_world(&world);
	send(&world, 0, MAC(1), 60);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(world.ports[1]->dropped, 1);
	assert_true(post(&world, 1, 10, 50)); /* too small, and stays */
	send(&world, 0, MAC(1), 60);
	send(&world, 0, MAC(1), 50);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(world.ports[1]->dropped, 2);
	assert_int_equal(arrival(&world, 1, &bytes), 10);
	assert_int_equal(world.told, 1);
	close_world(&world);
}

static void frames_and_buffers_are_bounded(void **state)
{
	struct world world;
	uint32_t bytes = 0;

	(void)state;
	open_world(&world);
	for (unsigned i = 0; i < HV_LAN_FRAMES; i++)
		send(&world, 0, MAC(1), 60);
	assert_null(hv_lan_frame_take(world.ports[0]));
	assert_false(hv_lan_port_is_idle(world.ports[0]));
	hv_io_engine_turn(&world.engine);
	assert_true(hv_lan_port_is_idle(world.ports[0]));
	for (unsigned i = 0; i < HV_LAN_BUFFERS; i++)
		assert_true(post(&world, 1, 1 + i, 4096));
	assert_false(post(&world, 1, 250, 4096));
	for (unsigned i = 0; i < HV_LAN_BUFFERS; i++) { /* in the order posted */
		send(&world, 0, MAC(1), HV_LAN_FRAME_BYTES_MIN);
		hv_io_engine_turn(&world.engine);
		assert_int_equal(arrival(&world, 1, &bytes), 1 + i);
	}
	assert_true(post(&world, 1, 250, 4096));
	close_world(&world);
}

/* IO3 */
static void after_the_cut_nothing_arrives_and_all_comes_back(void **state)
{
	struct world world;
	struct hv_lan_buffer *buffer;
	uint32_t bytes = 0;

	(void)state;
	open_world(&world);
	assert_true(post(&world, 1, 10, 4096));
	assert_true(post(&world, 1, 11, 4096));
	send(&world, 0, MAC(1), 60);
	hv_io_engine_turn(&world.engine);
	assert_true(hv_gate_cut(&world.ports[1]->gate));
	assert_true(hv_gate_cut(&world.ports[1]->gate));
	send(&world, 0, MAC(1), 60);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(world.at[11 * HV_PAGE_BYTES + 13], 0);
	assert_int_equal(world.ports[1]->dropped, 0); /* it is not there */
	assert_int_equal(arrival(&world, 1, &bytes), 10);
	buffer = hv_lan_take_back(world.ports[1]);
	assert_non_null(buffer);
	assert_int_equal(buffer->address, 11 * HV_PAGE_BYTES);
	hv_lan_buffer_give(world.ports[1], buffer);
	assert_null(hv_lan_take_back(world.ports[1]));
	hv_gate_open(&world.ports[1]->gate); /* registered again */
	assert_true(post(&world, 1, 12, 4096));
	send(&world, 0, MAC(1), 60);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(arrival(&world, 1, &bytes), 12);
	close_world(&world);
}

static void while_a_copy_is_under_way_the_cut_waits(void **state)
{
	struct hv_gate gate = { 0 };

	(void)state;
	assert_true(hv_gate_enter(&gate));
	assert_false(hv_gate_cut(&gate));
	hv_gate_leave(&gate);
	assert_true(hv_gate_cut(&gate));
	assert_false(hv_gate_enter(&gate));
	hv_gate_open(&gate);
	assert_true(hv_gate_enter(&gate));
}

/* IO2 */
static void a_buffer_without_its_frame_gets_none(void **state)
{
	struct world world;
	uint32_t bytes;

	(void)state;
	open_world(&world);
	assert_true(post(&world, 1, 10, 4096));
	assert_int_equal(fallocate(world.memory.file,
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   10 * HV_PAGE_BYTES, HV_PAGE_BYTES),
			 0);
	send(&world, 0, MAC(1), 60);
	hv_io_engine_turn(&world.engine);
	assert_int_equal(arrival(&world, 1, &bytes), 0);
	assert_int_equal(world.memory.waits, 1);
	assert_int_equal(world.ports[1]->dropped, 1);
	assert_int_equal(lseek(world.memory.file, 10 * HV_PAGE_BYTES, SEEK_DATA),
			 11 * HV_PAGE_BYTES);
	close_world(&world);
}

static void a_port_without_memory_is_none(void **state)
{
	struct hv_lan_port *port = NULL;
	struct hv_io_memory memory = { .file = -1 };
	struct hv_io_owner owner = { on_notify };

	(void)state;
	oom_arm(1);
	assert_int_equal(hv_lan_port_open(1, 1, &memory, &owner, &port, NULL),
			 HV_E_NOMEM);
	assert_true(oom_disarm());
	assert_null(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_goes_to_the_port_with_that_address),
		cmocka_unit_test(no_frame_leaves_its_vlan),
		cmocka_unit_test(a_group_is_everybody_else),
		cmocka_unit_test(without_a_buffer_a_frame_is_dropped_and_counted),
		cmocka_unit_test(frames_and_buffers_are_bounded),
		cmocka_unit_test(after_the_cut_nothing_arrives_and_all_comes_back),
		cmocka_unit_test(while_a_copy_is_under_way_the_cut_waits),
		cmocka_unit_test(a_buffer_without_its_frame_gets_none),
		cmocka_unit_test(a_port_without_memory_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
