/* Pages through a real tarn-vios, and what is left of them when it is killed, stopped
 * or told to hang. */
#include "tests/support/inject.h"
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
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/rng.h"
#include "tests/support/seed.h"
#include "tests/support/wait.h"

#define SLOTS 10000u
#define BYTES (HV_PGDEV_HEADER_BYTES + SLOTS * HV_PAGE_BYTES)
#define ID 0xd1
#define HANDLE 3
#define LANES 2

struct world {
	struct vasi_host host;
	struct vasi_vios vios, other;
	struct hv_rng rng;
	char path[HV_PATH_BYTES];
	uint64_t version[SLOTS]; /* acknowledged; 0 = never written */
	uint64_t sent[SLOTS];    /* the last one that was sent */
	bool is_out[SLOTS];      /* part of a request that is not answered */
};

static void open_device(struct vasi_vios *vios, const char *path, unsigned lock_byte)
{
	struct hv_session_device_open open = vasi_open_of(HANDLE, path, ID);
	struct hv_session_device_opened opened;

	open.lock_byte = lock_byte;
	opened = vasi_vios_open(vios, &open);
	if (opened.code != HV_OK)
		fail_msg("%s", opened.text);
	assert_int_equal(opened.slots, SLOTS);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->rng.state = test_seed();
	vasi_host_open(&world->host);
	vasi_host_format(&world->host, "device", BYTES, ID, world->path);
	vasi_host_listen(&world->host);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	vasi_host_close(&world->host);
	free(world);
	return 0;
}

static bool is_any_out(const struct world *world, uint32_t slot, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		if (world->is_out[slot + i])
			return true;
	return false;
}

/* A write of new versions; false where no buffer is free or a slot is busy. */
static bool send_write(struct world *world, struct vasi_vios *vios, unsigned lane,
		       uint32_t slot, unsigned pages)
{
	struct hv_vasi_client *client = &vios->clients[lane];
	struct hv_vasi_ask ask = {
		.device = HANDLE,
		.slot = slot,
		.op = HV_OP_WRITE,
		.pages = (uint16_t)pages,
		.now_ns = hv_clock_ns(),
	};

	if (is_any_out(world, slot, pages) ||
	    !hv_vasi_take(client, HV_OP_WRITE, pages, &ask.buffer))
		return false;
	for (unsigned i = 0; i < pages; i++) {
		world->is_out[slot + i] = true;
		world->sent[slot + i]++;
		vasi_page_make(hv_vasi_buffer(client, ask.buffer + i), slot + i,
			       world->sent[slot + i]);
	}
	hv_vasi_send(client, &ask);
	return true;
}

static bool send_read(struct world *world, struct vasi_vios *vios, unsigned lane,
		      uint32_t slot, unsigned pages)
{
	struct hv_vasi_client *client = &vios->clients[lane];
	struct hv_vasi_ask ask = {
		.device = HANDLE,
		.slot = slot,
		.op = HV_OP_READ,
		.pages = (uint16_t)pages,
		.now_ns = hv_clock_ns(),
	};

	if (is_any_out(world, slot, pages) ||
	    !hv_vasi_take(client, HV_OP_READ, pages, &ask.buffer))
		return false;
	for (unsigned i = 0; i < pages; i++)
		world->is_out[slot + i] = true;
	hv_vasi_send(client, &ask);
	return true;
}

static void take_answer(struct world *world, struct vasi_vios *vios, unsigned lane,
			const struct hv_vasi_answer *answer)
{
	const struct hv_vasi_ask *ask = &answer->ask;
	struct hv_vasi_client *client = &vios->clients[lane];

	assert_int_equal(answer->result, 0);
	for (unsigned i = 0; i < ask->pages; i++) {
		uint32_t slot = ask->slot + i;

		assert_true(world->is_out[slot]);
		world->is_out[slot] = false;
		if (ask->op == HV_OP_WRITE)
			world->version[slot] = world->sent[slot];
		else if (world->version[slot] != 0)
			assert_true(vasi_page_is(hv_vasi_buffer(client, ask->buffer + i),
						 slot, world->version[slot]));
	}
	hv_vasi_give(client, ask->buffer, ask->pages);
}

static void drain(struct world *world, struct vasi_vios *vios, unsigned at_most)
{
	struct hv_vasi_answer answer;

	for (unsigned lane = 0; lane < LANES; lane++)
		while (hv_vasi_out(&vios->clients[lane]) > at_most) {
			assert_true(vasi_vios_answer(vios, lane, &answer, TEST_WAIT_MS));
			take_answer(world, vios, lane, &answer);
		}
}

/* Every slot read through the VIOS holds what was acknowledged last. */
static void verify_all(struct world *world, struct vasi_vios *vios)
{
	for (uint32_t slot = 0; slot < SLOTS; slot += 16) {
		while (!send_read(world, vios, slot / 16 % LANES, slot, 16))
			drain(world, vios, 0);
		hv_vasi_flush(&vios->clients[slot / 16 % LANES]);
	}
	drain(world, vios, 0);
}

static void load(struct world *world, struct vasi_vios *vios, unsigned requests)
{
	for (unsigned i = 0; i < requests; i++) {
		unsigned lane = (unsigned)hv_rng_below(&world->rng, LANES);
		bool is_read = hv_rng_below(&world->rng, 3) == 0;
		unsigned pages = 1 +
				 (unsigned)hv_rng_below(&world->rng, is_read ? 8 : 64);
		uint32_t slot = (uint32_t)hv_rng_below(&world->rng, SLOTS - pages);

		if (is_read)
			(void)send_read(world, vios, lane, slot, pages);
		else
			(void)send_write(world, vios, lane, slot, pages);
		hv_vasi_flush(&vios->clients[lane]);
		if (hv_rng_below(&world->rng, 4) == 0)
			drain(world, vios, (unsigned)hv_rng_below(&world->rng, 12));
	}
}

static void fill(struct world *world, struct vasi_vios *vios)
{
	for (uint32_t slot = 0; slot < SLOTS;) {
		unsigned pages = SLOTS - slot < 64 ? SLOTS - slot : 64;

		while (!send_write(world, vios, 0, slot, pages))
			drain(world, vios, 1);
		hv_vasi_flush(&vios->clients[0]);
		slot += pages;
	}
	drain(world, vios, 0);
}

static void ten_thousand_pages_come_back(void **state)
{
	struct world *world = *state;

	vasi_vios_run(&world->host, &world->vios, "vios1", 1, LANES);
	open_device(&world->vios, world->path, 0);
	fill(world, &world->vios);
	load(world, &world->vios, 1500);
	drain(world, &world->vios, 0);
	verify_all(world, &world->vios);
	for (unsigned lane = 0; lane < LANES; lane++)
		hv_vasi_client_audit(&world->vios.clients[lane]);
	assert_int_equal(hv_window_top(&world->vios.window)->errors, 0);
	assert_true(hv_window_top(&world->vios.window)->writes >= SLOTS);
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);

	/* A new incarnation finds the same. */
	vasi_vios_run(&world->host, &world->vios, "vios1", 2, LANES);
	open_device(&world->vios, world->path, 0);
	verify_all(world, &world->vios);
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

struct lock_watch {
	int fd;
	unsigned byte;
};

static bool lock_is_gone(void *arg)
{
	const struct lock_watch *watch = arg;
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = HV_PGDEV_LOCK_BASE + watch->byte,
		.l_len = 1,
	};

	assert_int_equal(fcntl(watch->fd, F_OFD_GETLK, &lock), 0);
	return lock.l_type == F_UNLCK;
}

static bool wait_drained(const struct world *world, unsigned byte)
{
	struct lock_watch watch = { open(world->path, O_RDWR | O_CLOEXEC), byte };
	bool is_gone;

	assert_true(watch.fd >= 0);
	is_gone = test_wait(lock_is_gone, &watch, TEST_WAIT_MS);
	(void)close(watch.fd);
	return is_gone;
}

static bool is_locked(const struct world *world, unsigned byte)
{
	struct lock_watch watch = { open(world->path, O_RDWR | O_CLOEXEC), byte };
	bool is_gone = lock_is_gone(&watch);

	(void)close(watch.fd);
	return !is_gone;
}

/* M5: what is unanswered belongs to the epoch; each slot holds the old or the new. */
static void end_epoch(struct world *world, struct vasi_vios *vios, unsigned *ret_count)
{
	struct hv_vasi_ask ask;

	*ret_count = 0;
	for (unsigned lane = 0; lane < LANES; lane++)
		while (hv_vasi_take_unanswered(&vios->clients[lane], &ask)) {
			++*ret_count;
			for (unsigned i = 0; i < ask.pages; i++)
				world->is_out[ask.slot + i] = false;
			if (ask.op != HV_OP_WRITE)
				continue;
			for (unsigned i = 0; i < ask.pages; i++)
				world->version[ask.slot + i] = 0; /* in doubt */
		}
}

static void a_killed_vios_loses_nothing_that_it_acknowledged(void **state)
{
	struct world *world = *state;
	unsigned lost = 0;

	vasi_vios_run(&world->host, &world->vios, "vios1", 1, LANES);
	open_device(&world->vios, world->path, 0);
	fill(world, &world->vios);
	for (uint64_t epoch = 2; epoch < 6; epoch++) {
		unsigned count;

		load(world, &world->vios, 100 + (unsigned)hv_rng_below(&world->rng, 100));
		(void)vasi_vios_end(&world->vios, SIGKILL);
		end_epoch(world, &world->vios, &count);
		lost += count;
		assert_true(wait_drained(world, 0)); /* P9 */
		vasi_vios_run(&world->host, &world->vios, "vios1", epoch, LANES);
		open_device(&world->vios, world->path, 0);
		verify_all(world, &world->vios);
	}
	assert_true(lost > 0); /* it was killed with requests out */
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

/* Every request that was in its rings is answered. */
static bool has_answered_all(void *arg)
{
	const struct vasi_vios *vios = arg;

	for (unsigned i = 0; i < LANES; i++) {
		struct hv_lane *lane = hv_window_lane(&vios->window, i);

		if (atomic_load(&lane->completion_tail) !=
		    atomic_load(&lane->request_tail))
			return false;
	}
	return true;
}

enum still { STOPPED, HUNG };

static void stand_still(struct world *world, enum still how)
{
	struct hv_injection hang = test_injection(HV_INJECTION_HANG, HV_INJECTION_WRITE);

	if (how == STOPPED)
		test_process_signal(&world->vios.process, SIGSTOP);
	else
		assert_int_equal(
			test_inject(world->host.state.path, "vios1", &hang, NULL, NULL),
			HV_OK);
}

static void go_on(struct world *world, enum still how)
{
	if (how == STOPPED)
		test_process_signal(&world->vios.process, SIGCONT);
	else
		assert_int_equal(test_inject_clear(world->host.state.path, "vios1"),
				 HV_OK);
}

/*
 * P9, M5: a VIOS stands still with writes in its ring (stopped, or hanging by injection). Its
 * partner takes over and never uses those slots. When the old one wakes up, late, its
 * writes land in them and nowhere else.
 */
static void wake_late(struct world *world, enum still how)
{
	static const unsigned stale = 50; /* slots 0..49: in doubt */
	struct vasi_vios *old = &world->vios, *new = &world->other;
	unsigned count;

	memset(world->version, 0, sizeof(world->version));
	memset(world->sent, 0, sizeof(world->sent));
	vasi_vios_run(&world->host, old, "vios1", 1, LANES);
	open_device(old, world->path, 0);
	fill(world, old);
	stand_still(world, how);
	for (uint32_t slot = 0; slot < stale; slot++)
		assert_true(send_write(world, old, slot % LANES, slot, 1));
	for (unsigned lane = 0; lane < LANES; lane++)
		hv_vasi_flush(&old->clients[lane]);
	/* The hypervisor gives it up, but here the kill comes late. */
	end_epoch(world, old, &count);
	assert_int_equal(count, stale);

	vasi_vios_run(&world->host, new, "vios2", 2, LANES);
	open_device(new, world->path, 1);
	for (uint32_t slot = stale; slot < SLOTS - 64; slot += 64)
		if (send_write(world, new, 0, slot, 64))
			hv_vasi_flush(&new->clients[0]);
	drain(world, new, 0);
	assert_true(is_locked(world, 0)); /* not drained: quarantine goes on */

	go_on(world, how);
	assert_true(test_wait(has_answered_all, old, TEST_WAIT_MS));
	for (unsigned lane = 0; lane < LANES; lane++) {
		struct hv_vasi_answer answer;

		/* Its answers are of an epoch that is over. */
		assert_int_equal(hv_vasi_receive(&old->clients[lane], &answer, NULL),
				 HV_E_CORRUPT);
	}
	(void)vasi_vios_end(old, SIGKILL);
	assert_true(wait_drained(world, 0));
	verify_all(world, new);
	for (uint32_t slot = 0; slot < stale; slot++) {
		uint8_t page[HV_PAGE_BYTES];

		/* They did land: the case is real. */
		assert_int_equal(vasi_vios_read(new, 0, HANDLE, slot, page), 0);
		assert_true(vasi_page_is(page, slot, world->sent[slot]));
	}
	assert_int_equal(vasi_vios_end(new, 0), 0);
}

static void a_late_write_of_a_stopped_vios_lands_only_in_its_slots(void **state)
{
	wake_late(*state, STOPPED);
}

static void a_late_write_of_a_hung_vios_lands_only_in_its_slots(void **state)
{
	wake_late(*state, HUNG);
}

static void a_stopped_vios_can_be_killed_and_is_drained(void **state)
{
	struct world *world = *state;
	unsigned count;

	vasi_vios_run(&world->host, &world->vios, "vios1", 1, LANES);
	open_device(&world->vios, world->path, 0);
	fill(world, &world->vios);
	test_process_signal(&world->vios.process, SIGSTOP);
	assert_true(send_write(world, &world->vios, 0, 0, 64));
	hv_vasi_flush(&world->vios.clients[0]);
	(void)vasi_vios_end(&world->vios, SIGKILL);
	end_epoch(world, &world->vios, &count);
	assert_int_equal(count, 1);
	assert_true(wait_drained(world, 0));
	vasi_vios_run(&world->host, &world->vios, "vios1", 2, LANES);
	open_device(&world->vios, world->path, 0);
	verify_all(world, &world->vios);
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

static void bad_requests_are_answered_and_the_good_go_on(void **state)
{
	struct world *world = *state;
	struct vasi_vios *vios = &world->vios;
	uint8_t page[HV_PAGE_BYTES];

	vasi_vios_run(&world->host, vios, "vios1", 5, LANES);
	open_device(vios, world->path, 0);
	vasi_page_make(page, 1, 1);
	assert_int_equal(vasi_vios_write(vios, 0, HANDLE, SLOTS, page), -EINVAL);
	assert_int_equal(vasi_vios_write(vios, 0, HANDLE, UINT32_MAX, page), -EINVAL);
	assert_int_equal(vasi_vios_write(vios, 0, HANDLE + 1, 1, page), -EINVAL);
	assert_int_equal(vasi_vios_write(vios, 0, UINT32_MAX, 1, page), -EINVAL);
	vios->clients[0].epoch = 4; /* as an old hypervisor would */
	assert_int_equal(vasi_vios_write(vios, 0, HANDLE, 1, page), -ETIME);
	assert_true(vios->clients[0].is_broken); /* answered, in the epoch of its own */
	assert_int_equal(vasi_vios_write(vios, 1, HANDLE, 1, page), 0);
	memset(page, 0, sizeof(page));
	assert_int_equal(vasi_vios_read(vios, 1, HANDLE, 1, page), 0);
	assert_true(vasi_page_is(page, 1, 1));
	assert_true(vasi_vios_close(vios, HANDLE));
	assert_int_equal(vasi_vios_read(vios, 1, HANDLE, 1, page), -EINVAL);
	assert_int_equal(vasi_vios_end(vios, 0), 0);
}

static void a_device_may_close_under_load(void **state)
{
	struct world *world = *state;
	struct vasi_vios *vios = &world->vios;

	vasi_vios_run(&world->host, vios, "vios1", 1, LANES);
	for (unsigned round = 0; round < 10; round++) {
		struct hv_vasi_answer answer;
		unsigned out = 0;

		open_device(vios, world->path, 0);
		for (uint32_t slot = 0; slot < 240; slot += 4)
			out += send_write(world, vios, slot / 4 % LANES, slot, 4);
		hv_vasi_flush(&vios->clients[0]);
		hv_vasi_flush(&vios->clients[1]);
		assert_true(vasi_vios_close(vios, HANDLE));
		assert_false(is_locked(world, 0)); /* closed: nothing is in flight */
		for (unsigned lane = 0; lane < LANES; lane++)
			while (hv_vasi_out(&vios->clients[lane]) > 0) {
				assert_true(vasi_vios_answer(vios, lane, &answer,
							     TEST_WAIT_MS));
				assert_true(answer.result == 0 ||
					    answer.result == -EINVAL);
				hv_vasi_give(&vios->clients[lane], answer.ask.buffer,
					     answer.ask.pages);
				out--;
			}
		assert_int_equal(out, 0);
		memset(world->is_out, 0, sizeof(world->is_out));
	}
	assert_int_equal(vasi_vios_end(vios, 0), 0);
}

static void a_broken_ring_ends_the_process(void **state)
{
	struct world *world = *state;
	struct vasi_vios *vios = &world->vios;

	vasi_vios_run(&world->host, vios, "vios1", 1, LANES);
	open_device(vios, world->path, 0);
	atomic_store(&hv_window_lane(&vios->window, 1)->request_tail, 1u << 20);
	assert_int_equal(test_process_wait(&vios->process, TEST_WAIT_MS), 1);
	(void)vasi_vios_end(vios, 0);
	assert_non_null(strstr(vios->process.err, "request tail"));
	assert_true(wait_drained(world, 0));
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(ten_thousand_pages_come_back),
		WITH_WORLD(a_killed_vios_loses_nothing_that_it_acknowledged),
		WITH_WORLD(a_late_write_of_a_stopped_vios_lands_only_in_its_slots),
		WITH_WORLD(a_late_write_of_a_hung_vios_lands_only_in_its_slots),
		WITH_WORLD(a_stopped_vios_can_be_killed_and_is_drained),
		WITH_WORLD(bad_requests_are_answered_and_the_good_go_on),
		WITH_WORLD(a_device_may_close_under_load),
		WITH_WORLD(a_broken_ring_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
