/*
 * P9, the fact it rests on (the dagger): after SIGKILL of a process with direct writes
 * in flight, its open-file-description lock is gone only when the kernel has ended the
 * writes. Also: what a slow or failing device does to a real tarn-vios.
 *
 * The device is a FUSE file whose server holds writes until told.
 */
#include "tests/support/slow_fs.h"
#include "tests/support/vasi_host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#include "tests/support/wait.h"
#include "vios/format.h"

#define SLOTS 256u
#define BYTES (HV_PGDEV_HEADER_BYTES + SLOTS * HV_PAGE_BYTES)
#define ID 0x77
#define HANDLE 0

struct world {
	struct vasi_host host;
	struct slow_fs fs;
	struct vasi_vios vios;
};

static struct world world;

static void format_device(void)
{
	struct vios_format format = {
		.path = world.fs.file,
		.host_name = VASI_HOST_NAME,
		.owner_epoch = 1,
	};
	struct hv_err err;

	memset(format.id, ID, sizeof(format.id));
	memset(format.host, 1, sizeof(format.host));
	if (vios_format(&format, &err) != HV_OK)
		fail_msg("%s", err.text);
}

static int setup(void **state, bool async)
{
	struct hv_session_device_open open;
	struct hv_session_device_opened opened;

	(void)state;
	vasi_host_open(&world.host);
	if (!slow_fs_open(&world.fs, BYTES, async))
		exit(77);
	format_device();
	vasi_host_listen(&world.host);
	vasi_vios_run(&world.host, &world.vios, "vios1", 1, 1);
	open = vasi_open_of(HANDLE, world.fs.file, ID);
	opened = vasi_vios_open(&world.vios, &open);
	if (opened.code != HV_OK)
		fail_msg("%s", opened.text);
	assert_true(opened.is_direct);
	return 0;
}

static int setup_async(void **state)
{
	return setup(state, true);
}

static int setup_sync(void **state)
{
	return setup(state, false);
}

static int teardown(void **state)
{
	(void)state;
	atomic_store(&world.fs.control->hold_writes, false);
	atomic_store(&world.fs.control->hold_reads, false);
	(void)vasi_vios_end(&world.vios, SIGKILL);
	slow_fs_close(&world.fs);
	vasi_host_close(&world.host);
	return 0;
}

static void send_writes(unsigned count)
{
	struct hv_vasi_client *client = &world.vios.clients[0];

	for (unsigned i = 0; i < count; i++) {
		struct hv_vasi_ask ask = {
			.device = HANDLE, .slot = i * 4, .op = HV_OP_WRITE, .pages = 4
		};

		assert_true(hv_vasi_take(client, HV_OP_WRITE, 4, &ask.buffer));
		for (unsigned page = 0; page < 4; page++)
			vasi_page_make(hv_vasi_buffer(client, ask.buffer + page),
				       ask.slot + page, 1);
		hv_vasi_send(client, &ask);
	}
	hv_vasi_flush(client);
}

/* Without async the kernel lets one direct write at a time into the file; a read of
 * the header may be held beside it. */
static bool holds(void *arg)
{
	unsigned most = *(const unsigned *)arg;

	return atomic_load(&world.fs.control->held) >=
	       (world.fs.control->is_async ? most : 1);
}

/* Requests of four pages that are on the device; each is there in full or not. */
static unsigned count_written(int fd, unsigned count)
{
	uint8_t page[HV_PAGE_BYTES];
	unsigned written = 0;

	for (uint32_t i = 0; i < count; i++) {
		unsigned pages = 0;

		for (uint32_t slot = 4 * i; slot < 4 * i + 4; slot++) {
			assert_int_equal(pread(fd, page, sizeof(page),
					       (off_t)hv_pgdev_slot_offset(slot)),
					 sizeof(page));
			pages += vasi_page_is(page, slot, 1);
		}
		assert_true(pages == 0 || pages == 4);
		written += pages == 4;
	}
	return written;
}

static bool lock_is_gone(void *arg)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = HV_PGDEV_LOCK_BASE,
		.l_len = 1,
	};

	assert_int_equal(fcntl(*(const int *)arg, F_OFD_GETLK, &lock), 0);
	return lock.l_type == F_UNLCK;
}

static bool is_exited(int pidfd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	return poll(&poll_fd, 1, timeout_ms) == 1;
}

/* Long against an exit (milliseconds), short against the test's limit. */
#define STILL_MS 1000

static void the_lock_outlives_a_killed_process_until_its_writes_end(void **state)
{
	unsigned count = 3, held;
	int fd = open(world.fs.file, O_RDWR | O_CLOEXEC);
	int pidfd = (int)syscall(SYS_pidfd_open, world.vios.process.pid, 0);
	uint64_t writes;

	(void)state;
	assert_true(fd >= 0);
	assert_true(pidfd >= 0);
	atomic_store(&world.fs.control->hold_writes, true);
	send_writes(count);
	assert_true(test_wait(holds, &count, TEST_WAIT_MS));
	held = atomic_load(&world.fs.control->held);
	assert_false(lock_is_gone(&fd));

	test_process_signal(&world.vios.process, SIGKILL);
	(void)printf("exit seen while %u writes are held: %s\n", held,
		     is_exited(pidfd, STILL_MS) ? "yes" : "no");
	assert_false(test_wait(lock_is_gone, &fd, STILL_MS));
	assert_int_equal(atomic_load(&world.fs.control->held), held);

	atomic_store(&world.fs.control->hold_writes, false);
	assert_true(test_wait(lock_is_gone, &fd, TEST_WAIT_MS));
	/* Gone means ended: what was in flight is on the device, nothing comes later. */
	writes = atomic_load(&world.fs.control->writes);
	assert_int_equal(atomic_load(&world.fs.control->held), 0);
	assert_true(count_written(fd, count) >= held);
	assert_true(is_exited(pidfd, TEST_WAIT_MS));
	assert_int_equal(atomic_load(&world.fs.control->writes), writes);
	(void)close(pidfd);
	(void)close(fd);
}

struct beats {
	uint64_t main, lane;
};

static bool both_beat(void *arg)
{
	const struct beats *beats = arg;

	return hv_window_heartbeat(&world.vios.window) >= beats->main + 5 &&
	       hv_window_lane_heartbeat(&world.vios.window, 0) >= beats->lane + 5;
}

static void hearts_beat_while_the_device_is_slow(void **state)
{
	struct hv_session_device_open open = vasi_open_of(9, world.fs.file, ID);
	struct hv_vasi_answer answer;
	unsigned count = 5;
	struct beats beats;

	(void)state;
	atomic_store(&world.fs.control->hold_writes, true);
	atomic_store(&world.fs.control->hold_reads, true);
	send_writes(4);
	open.lock_byte = 1;
	vasi_vios_send(&world.vios, &open, sizeof(open)); /* hangs in its header */
	assert_true(test_wait(holds, &count, TEST_WAIT_MS));
	beats = (struct beats){ hv_window_heartbeat(&world.vios.window),
				hv_window_lane_heartbeat(&world.vios.window, 0) };
	assert_true(test_wait(both_beat, &beats, TEST_WAIT_MS));
	assert_int_equal(hv_vasi_receive(&world.vios.clients[0], &answer, NULL),
			 HV_E_AGAIN);
	atomic_store(&world.fs.control->hold_writes, false);
	atomic_store(&world.fs.control->hold_reads, false);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(vasi_vios_answer(&world.vios, 0, &answer, TEST_WAIT_MS));
		assert_int_equal(answer.result, 0);
		hv_vasi_give(&world.vios.clients[0], answer.ask.buffer, 4);
	}
}

static void a_failing_device_answers_with_its_errno(void **state)
{
	uint8_t page[HV_PAGE_BYTES];

	(void)state;
	vasi_page_make(page, 7, 1);
	atomic_store(&world.fs.control->write_error, ENOSPC);
	assert_int_equal(vasi_vios_write(&world.vios, 0, HANDLE, 7, page), -ENOSPC);
	atomic_store(&world.fs.control->write_error, EIO);
	assert_int_equal(vasi_vios_write(&world.vios, 0, HANDLE, 7, page), -EIO);
	atomic_store(&world.fs.control->write_error, 0);
	assert_int_equal(vasi_vios_write(&world.vios, 0, HANDLE, 7, page), 0);
	atomic_store(&world.fs.control->read_error, EIO);
	assert_int_equal(vasi_vios_read(&world.vios, 0, HANDLE, 7, page), -EIO);
	atomic_store(&world.fs.control->read_error, 0);
	assert_int_equal(vasi_vios_read(&world.vios, 0, HANDLE, 7, page), 0);
	assert_true(vasi_page_is(page, 7, 1));
	assert_int_equal(hv_window_top(&world.vios.window)->errors, 3);
}

static void a_device_that_writes_little_at_a_time_gets_it_all(void **state)
{
	struct hv_vasi_client *client = &world.vios.clients[0];
	struct hv_vasi_answer answer;
	uint8_t page[HV_PAGE_BYTES];

	(void)state;
	atomic_store(&world.fs.control->write_most, 3 * HV_PAGE_BYTES / 2);
	send_writes(2);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(vasi_vios_answer(&world.vios, 0, &answer, TEST_WAIT_MS));
		assert_int_equal(answer.result, 0);
		hv_vasi_give(client, answer.ask.buffer, 4);
	}
	for (uint32_t slot = 0; slot < 8; slot++) {
		assert_int_equal(vasi_vios_read(&world.vios, 0, HANDLE, slot, page), 0);
		assert_true(vasi_page_is(page, slot, 1));
	}
}

#define WITH_ASYNC(test) cmocka_unit_test_setup_teardown(test, setup_async, teardown)
#define WITH_SYNC(test) cmocka_unit_test_setup_teardown(test, setup_sync, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ASYNC(the_lock_outlives_a_killed_process_until_its_writes_end),
		WITH_SYNC(the_lock_outlives_a_killed_process_until_its_writes_end),
		WITH_ASYNC(hearts_beat_while_the_device_is_slow),
		WITH_SYNC(hearts_beat_while_the_device_is_slow),
		WITH_ASYNC(a_failing_device_answers_with_its_errno),
		WITH_SYNC(a_device_that_writes_little_at_a_time_gets_it_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
