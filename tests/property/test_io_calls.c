/*
 * Calls of virtual adapters at random, right and wrong, on the tables of a partition and
 * a device that answers when and as it likes.
 *
 * Claim: after every step each entry is held as often as something that is under way
 * needs it, every request comes home once, and what is cut is held by nobody and
 * touched by nobody (IO3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hvcore/base/rng.h"
#include "hvcore/hypervisor/io.h"
#include "tests/support/fake_io.h"
#include "tests/support/seed.h"

#define PAGES 64u
#define DISKS 2u
#define WINDOWS (HV_SERIAL_ADAPTERS + DISKS + 1)
#define DISK_BYTES (UINT64_C(1) << 20)
#define STEPS 300000u
#define LIVES 20u

struct world {
	struct hv_rng rng;
	struct fake_io fake;
	struct hv_io_engine engine;
	struct hv_tces *tces;
	_Atomic uint32_t events;
	struct io io;
	uint8_t *at;
	uint64_t accepted, answered;
};

static void on_notify(struct hv_io_owner *owner)
{
	(void)owner; /* the test looks anyway */
}

static int make_fd(size_t bytes)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static void open_world(struct world *world, uint64_t seed)
{
	struct io *io = &world->io;

	memset(world, 0, sizeof(*world));
	world->rng.state = seed;
	fake_io_init(&world->fake);
	hv_io_engine_init(&world->engine, &world->fake.io);
	assert_int_equal(hv_tces_open(WINDOWS, PAGES, &world->tces, NULL), HV_OK);
	io->owner.notify = on_notify;
	io->engine = &world->engine;
	io->memory = (struct hv_io_memory){ .file = make_fd(PAGES * HV_PAGE_BYTES),
					    .is_paged = true };
	world->at = mmap(NULL, PAGES * HV_PAGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE, io->memory.file, 0);
	assert_true(world->at != MAP_FAILED);
	io->disk_count = DISKS;
	for (unsigned i = 0; i < DISKS; i++)
		assert_int_equal(hv_disk_open(make_fd(DISK_BYTES), DISK_BYTES,
					      &io->memory, &io->owner, &io->disks[i].disk,
					      NULL),
				 HV_OK);
	io->lan_count = 1;
	assert_int_equal(hv_lan_port_open(1, 0x020000000001, &io->memory, &io->owner,
					  &io->lans[0].port, NULL),
			 HV_OK);
	hv_lan_port_add(&world->engine, io->lans[0].port);
	io_add(io, NULL, world->tces, &world->events);
}

static void close_world(struct world *world)
{
	struct io *io = &world->io;

	io_leave(io);
	assert_true(io_is_settled(io));
	for (unsigned i = 0; i < DISKS; i++)
		hv_disk_close(io->disks[i].disk);
	hv_lan_port_close(io->lans[0].port);
	hv_io_engine_fini(&world->engine);
	hv_tces_close(world->tces);
	(void)munmap(world->at, PAGES * HV_PAGE_BYTES);
	(void)close(io->memory.file);
}

/* ---- what must be so ---- */

static uint64_t count_ring(const struct hv_lan_port *port, const struct hv_io_ring *ring)
{
	uint64_t held = 0;

	for (uint32_t i = ring->head; i != ring->tail; i++)
		held += port->buffers[ring->at[i % HV_IO_RING_SLOTS]].count;
	return held;
}

static void check(const struct world *world)
{
	const struct io *io = &world->io;
	const struct hv_lan_port *port = io->lans[0].port;
	uint64_t held = io->lans[0].queue.is_registered;

	for (unsigned i = 0; i < DISKS; i++) {
		held += io->disks[i].queue.is_registered;
		for (unsigned n = 0; n < HV_DISK_REQUESTS; n++)
			held += io->disks[i].disk->requests[n].iu_count +
				io->disks[i].disk->requests[n].data_count;
	}
	held += count_ring(port, &port->posted) + count_ring(port, &port->arrived);
	assert_int_equal(hv_tces_held(world->tces), held);
	assert_int_equal(world->accepted - world->answered,
			 hv_disk_under_way(io->disks[0].disk) +
				 hv_disk_under_way(io->disks[1].disk));
	assert_int_equal(io->memory.waits, 0);
}

/* ---- steps ---- */

static uint64_t below(struct world *world, uint64_t n)
{
	return hv_rng_below(&world->rng, n);
}

static uint64_t any_unit(struct world *world)
{
	return HV_LIOBN_FIRST + below(world, WINDOWS + 1);
}

/* Whatever comes of it. */
static void stuff(struct world *world, uint64_t liobn, uint64_t ioba, uint64_t tce,
		  uint64_t count)
{
	struct hv_tce_range range = { liobn, ioba, tce, count };
	int64_t change;

	(void)!hv_tces_stuff(world->tces, &range, &change);
}

static void put(struct world *world, uint64_t liobn, uint64_t ioba, uint64_t tce)
{
	stuff(world, liobn, ioba, tce, 1);
}

/* Most entries of the first pages map something, for some direction. */
static void map(struct world *world)
{
	uint64_t page = below(world, PAGES);

	/* many at once, so that transfers of some pages find them */
	stuff(world, any_unit(world), page * HV_PAGE_BYTES,
	      below(world, PAGES) * HV_PAGE_BYTES | 3, below(world, 24));
	page = below(world, PAGES);
	put(world, any_unit(world), page * HV_PAGE_BYTES,
	    below(world, 8) == 0 ? 0
				 : below(world, PAGES) * HV_PAGE_BYTES +
					   (below(world, 3) == 0 ? below(world, 4) : 3));
}

static uint64_t any_address(struct world *world)
{
	uint64_t address = below(world, PAGES) * HV_PAGE_BYTES;

	return below(world, 2) == 0 ? address : address + below(world, HV_PAGE_BYTES);
}

static void put_command(struct world *world, uint8_t *iu)
{
	struct hv_srp_command command = {
		.direction = (enum hv_srp_direction)below(world, 3),
		.address = any_address(world),
		.bytes = (uint32_t)(1 + below(world, below(world, 2) == 0
							     ? HV_DISK_TRANSFER_BYTES
							     : 8192)),
	};
	struct hv_scsi scsi = {
		.kind = (enum hv_scsi_kind)below(world, 6),
		.block = below(world, DISK_BYTES / HV_DISK_BLOCK_BYTES + 9),
		.blocks = (uint32_t)below(world, 20),
		.room = 36,
	};

	if (command.direction == HV_SRP_NONE)
		command.address = command.bytes = 0;
	hv_scsi_put(command.cdb, &scsi);
	hv_srp_command_put(iu, &command);
}

static void send(struct world *world, uint64_t unit)
{
	struct hv_hcall_ask ask = { .number = H_SEND_CRQ };
	uint64_t values[HV_HCALL_VALUES] = { 0 };
	uint64_t bus = below(world, PAGES);
	uint64_t page = below(world, PAGES);
	uint64_t slot = below(world, 8) * HV_SRP_IU_BYTES;

	put_command(world, world->at + page * HV_PAGE_BYTES + slot);
	if (below(world, 8) != 0) /* H_BUSY, where something holds it */
		put(world, unit, bus * HV_PAGE_BYTES,
		    page * HV_PAGE_BYTES | HV_TCE_READ | HV_TCE_WRITE);
	ask.args[0] = unit;
	ask.args[1] = below(world, 20) == 0 ? hv_rng_next(&world->rng) : hv_crq_high();
	ask.args[2] = bus * HV_PAGE_BYTES + slot;
	world->accepted += io_serve(&world->io, &ask, values) == H_SUCCESS;
}

static void call(struct world *world)
{
	static const uint32_t numbers[] = { H_REG_CRQ,
					    H_FREE_CRQ,
					    H_REGISTER_LOGICAL_LAN,
					    H_FREE_LOGICAL_LAN,
					    H_ADD_LOGICAL_LAN_BUFFER,
					    H_ADD_LOGICAL_LAN_BUFFER,
					    H_SEND_LOGICAL_LAN };
	struct hv_hcall_ask ask = { .number = numbers[below(world, 7)] };
	uint64_t values[HV_HCALL_VALUES] = { 0 };
	uint64_t descriptor = hv_lan_descriptor((uint32_t)any_address(world),
						(uint32_t)below(world, 14000));
	uint64_t page = below(world, PAGES) * HV_PAGE_BYTES;

	ask.args[0] = any_unit(world);
	ask.args[1] = ask.number == H_REG_CRQ ? page : 0;
	ask.args[2] = ask.number == H_REG_CRQ ? HV_IO_QUEUE_BYTES : 0;
	if (ask.number == H_REGISTER_LOGICAL_LAN)
		ask.args[2] = hv_lan_descriptor((uint32_t)page, HV_IO_QUEUE_BYTES);
	if (ask.number == H_ADD_LOGICAL_LAN_BUFFER || ask.number == H_SEND_LOGICAL_LAN)
		ask.args[1] = descriptor;
	if (below(world, 20) == 0)
		ask.args[below(world, HV_HCALL_ARGS)] = hv_rng_next(&world->rng);
	if (io_is_call(ask.number))
		(void)!io_serve(&world->io, &ask, values);
}

static void answer_device(struct world *world)
{
	static const int results[] = { -EIO, -ENOSPC, 0, 512 };
	unsigned nth;

	if (world->fake.queued_count == 0)
		return;
	nth = (unsigned)below(world, world->fake.queued_count);
	fake_io_finish(&world->fake, nth,
		       below(world, 4) == 0 ? results[below(world, 4)]
					    : (int)world->fake.queued[nth].bytes);
}

static uint64_t under_way(const struct world *world)
{
	return hv_disk_under_way(world->io.disks[0].disk) +
	       hv_disk_under_way(world->io.disks[1].disk);
}

static void take(struct world *world)
{
	uint64_t before = under_way(world);

	for (unsigned i = 0; i < DISKS; i++)
		(void)io_disk_take_finished(&world->io, &world->io.disks[i]);
	(void)io_lan_take_arrived(&world->io, &world->io.lans[0]);
	world->answered += before - under_way(world);
}

/* A frame from somebody else on that VLAN. */
static void arrive(struct world *world, struct hv_lan_port *stranger)
{
	struct hv_lan_frame *frame = hv_lan_frame_take(stranger);

	if (frame == NULL)
		return;
	hv_lan_mac_put(frame->data, HV_LAN_BROADCAST);
	frame->bytes = (uint32_t)(14 + below(world, 9000));
	hv_lan_send(&world->engine, frame);
}

static void step(struct world *world, struct hv_lan_port *stranger)
{
	switch (below(world, 8)) {
	case 0:
	case 1:
		map(world);
		break;
	case 2:
	case 3:
		send(world, below(world, 9) == 0
				    ? any_unit(world)
				    : hv_io_disk_unit((unsigned)below(world, DISKS)));
		break;
	case 4:
		call(world);
		break;
	case 5:
		answer_device(world);
		break;
	case 6:
		arrive(world, stranger);
		hv_io_engine_turn(&world->engine);
		break;
	default:
		take(world);
		break;
	}
}

/* Its end, with whatever is under way: nothing is held or touched from here on. */
static void end(struct world *world, uint8_t *before)
{
	struct io *io = &world->io;
	struct hv_hcall_ask ask = { .number = H_FREE_CRQ,
				    .args = { hv_io_disk_unit(0) } };
	uint64_t values[HV_HCALL_VALUES] = { 0 };

	take(world);
	io_leave(io);
	assert_true(io_cut(io));
	assert_int_equal(hv_tces_held(world->tces), 0);
	assert_int_equal(io_serve(io, &ask, values), H_PARAMETER);
	memcpy(before, world->at, PAGES * HV_PAGE_BYTES);
	while (!io_is_settled(io)) {
		answer_device(world);
		hv_io_engine_turn(&world->engine);
		take(world);
	}
	assert_int_equal(world->answered, world->accepted);
	assert_memory_equal(before, world->at, PAGES * HV_PAGE_BYTES);
}

static void live(uint64_t seed, uint64_t *accepted)
{
	static struct world world;
	uint8_t *before = malloc(PAGES * HV_PAGE_BYTES);
	struct hv_lan_port *stranger = NULL;

	assert_non_null(before);
	open_world(&world, seed);
	assert_int_equal(hv_lan_port_open(1, 2, &world.io.memory, &world.io.owner,
					  &stranger, NULL),
			 HV_OK);
	for (unsigned i = 0; i < STEPS / LIVES; i++) {
		step(&world, stranger);
		check(&world);
	}
	end(&world, before);
	assert_int_equal(hv_tces_audit(world.tces, NULL), HV_OK);
	*accepted += world.accepted;
	while (!hv_lan_port_is_idle(stranger))
		hv_io_engine_turn(&world.engine);
	hv_lan_port_close(stranger);
	close_world(&world);
	free(before);
}

static void whatever_is_asked_holds_are_exact(void **state)
{
	uint64_t seed = test_seed();
	uint64_t accepted = 0;

	(void)state;
	for (unsigned i = 0; i < LIVES; i++)
		live(seed + i, &accepted);
	assert_true(accepted > 1000); /* else it shows nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_asked_holds_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
