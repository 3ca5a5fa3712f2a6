/*
 * The I/O of a workload, against adapters that move bytes at once: what was saved is what
 * is loaded, what is wrong is found, what is refused is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/partition/io.h"
#include "agent/partition/io_lan.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "tests/support/fake_adapters.h"

#define PAGES 512u
#define KEY UINT64_C(0x1122334455667788)
#define WAIT_MS 5000

static struct fake_adapters fake;
static struct partition_calls *calls;
static uint8_t *memory;

static int set_up(void **state)
{
	(void)state;
	memory = fake_adapters_start(&fake, PAGES);
	calls = fake.calls;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_adapters_end(&fake);
	return 0;
}

static uint8_t *page_at(uint64_t page)
{
	return memory + page * HV_PAGE_BYTES;
}

/* ---- a partition's workload ---- */

static struct partition_guest *guest;
static struct partition_io *io;
static struct partition_stall stall;

static void open_io(unsigned disks, unsigned ethernets, bool has_os)
{
	struct partition_guest_config config = {
		.base = memory,
		.bytes = PAGES * HV_PAGE_BYTES,
		.max_bytes = PAGES * HV_PAGE_BYTES,
		.key = KEY,
		.reserved = 4,
		.driver = partition_io_driver_pages(disks, ethernets, PAGES),
	};
	struct partition_io_config adapters = { .disks = disks,
						.ethernets = ethernets,
						.percent = 100,
						.workers = 2,
						.has_os = has_os,
						.key = KEY,
						.seed = 5,
						.calls = calls };
	uint64_t until = hv_clock_ms() + WAIT_MS;

	assert_int_equal(partition_guest_open(&config, &guest, NULL), HV_OK);
	partition_stall_init(&stall);
	partition_stall_adopt(&stall);
	adapters.guest = guest;
	assert_int_equal(partition_io_open(&adapters, &io, NULL), HV_OK);
	while (!partition_io_is_ready(io)) {
		assert_true(hv_clock_ms() < until);
		(void)sched_yield();
	}
}

static void close_io(void)
{
	partition_io_close(io);
	partition_guest_close(guest);
	partition_stall_fini(&stall);
}

/* True: it was I/O. */
static bool is_io(uint64_t page, enum partition_action action)
{
	struct partition_operation operation = { action, page, 1 };

	return partition_io_operate(io, 1, &operation, &stall);
}

static void operate(uint64_t page, enum partition_action action)
{
	if (is_io(page, action))
		return;
	if (action == PARTITION_READ)
		(void)partition_guest_check(guest, page);
	else
		(void)partition_guest_write(guest, page);
}

static void what_is_saved_is_loaded_in_every_byte(void **state)
{
	struct hv_rng rng = { .state = 3 };
	struct partition_io_figures figures;
	uint64_t kept;

	(void)state;
	open_io(2, 0, false);
	kept = partition_guest_kept(guest);
	assert_int_equal(kept, 4 + 2 * IO_DISK_DRIVER_PAGES + 1);
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t page = hv_rng_below(&rng, PAGES);

		operate(page,
			hv_rng_below(&rng, 2) == 0 ? PARTITION_READ : PARTITION_WRITE);
		if (page >= kept && hv_rng_below(&rng, 4) == 0)
			assert_true(partition_guest_write(guest, page));
	}
	for (uint64_t page = 0; page < PAGES; page++)
		assert_true(partition_guest_check(guest, page));
	figures = partition_io_figures(io);
	assert_int_equal(figures.disks, 2);
	assert_true(figures.disk_reads > 100 && figures.disk_writes > 100);
	assert_int_equal(figures.failed + figures.not_entitled, 0);
	assert_int_equal(partition_guest_mismatches(guest), 0);
	partition_io_forget(io); /* nothing is loaded that is another's by now */
	fake_adapters_sync(&fake);
	memset(fake.units[0].bytes, 0xee, FAKE_DISK_BYTES);
	memset(fake.units[1].bytes, 0xee, FAKE_DISK_BYTES);
	fake_adapters_sync(&fake);
	operate(kept, PARTITION_READ);
	assert_int_equal(partition_guest_mismatches(guest), 0);
	close_io();
}

/* From here on what is logged goes into a file. */
static int begin_capture(void)
{
	int kept = dup(STDERR_FILENO), log = memfd_create("log", MFD_CLOEXEC);

	assert_true(kept >= 0 && log >= 0);
	assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(log), 0);
	return kept;
}

static void end_capture(int kept, char *text, size_t room)
{
	ssize_t got = pread(STDERR_FILENO, text, room - 1, 0);

	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(kept), 0);
	assert_true(got >= 0);
	text[got] = '\0';
}

static void a_wrong_byte_from_a_disk_is_a_mismatch(void **state)
{
	char text[1024], unit[64];
	uint64_t page;
	int kept;

	(void)state;
	(void)snprintf(unit, sizeof(unit),
		       " unit=%llx holds=", (unsigned long long)hv_io_disk_unit(0));
	for (unsigned has_os = 0; has_os < 2; has_os++) {
		open_io(1, 0, has_os != 0);
		page = partition_guest_kept(guest) + 1;
		assert_true(partition_guest_write(guest, page));
		operate(page, PARTITION_WRITE);
		operate(page, PARTITION_READ);
		assert_int_equal(partition_io_figures(io).disk_reads, 1);
		assert_int_equal(partition_guest_mismatches(guest), 0);
		atomic_store(&fake.flips, true);
		kept = begin_capture();
		operate(page, PARTITION_READ);
		end_capture(kept, text, sizeof(text));
		assert_int_equal(partition_guest_mismatches(guest), 1);
		assert_non_null(strstr(text, "error tarn partition.mismatch page="));
		assert_non_null(strstr(text, has_os != 0 ? unit : " found=own"));
		assert_non_null(strstr(text, " first_bad_byte=4088"));
		atomic_store(&fake.flips, false);
		close_io();
	}
}

/* What it was to bring is there from before, or was. */
static void a_read_that_moves_nothing_is_a_mismatch(void **state)
{
	uint64_t page;

	(void)state;
	for (unsigned has_os = 0; has_os < 2; has_os++) {
		open_io(1, 0, has_os != 0);
		page = partition_guest_kept(guest) + 1;
		assert_true(partition_guest_write(guest, page));
		operate(page, PARTITION_WRITE);
		atomic_store(&fake.moves_nothing, true);
		operate(page, PARTITION_READ);
		assert_int_equal(partition_io_figures(io).disk_reads, 1);
		assert_int_equal(partition_guest_mismatches(guest), 1);
		atomic_store(&fake.moves_nothing, false);
		operate(page, PARTITION_READ);
		operate(page, PARTITION_READ);
		assert_int_equal(partition_guest_mismatches(guest), 1);
		close_io();
	}
}

/* As when a store of the device is lost with the page's next way out. */
static void an_old_page_is_found_after_it_was_loaded(void **state)
{
	static uint8_t old[HV_PAGE_BYTES];
	uint64_t page;

	(void)state;
	open_io(1, 0, false);
	page = partition_guest_kept(guest) + 1;
	assert_true(partition_guest_write(guest, page));
	operate(page, PARTITION_WRITE);
	assert_true(partition_guest_write(guest, page));
	memcpy(old, page_at(page), HV_PAGE_BYTES);
	operate(page, PARTITION_READ);
	assert_true(partition_guest_write(guest, page)); /* as many as before */
	assert_memory_not_equal(page_at(page), old, HV_PAGE_BYTES);
	memcpy(page_at(page), old, HV_PAGE_BYTES);
	assert_false(partition_guest_check(guest, page));
	assert_int_equal(partition_guest_mismatches(guest), 1);
	close_io();
}

static void a_read_that_was_not_sent_hides_no_wrong_page(void **state)
{
	static const unsigned refused[] = { 0, H_PUT_TCE, H_SEND_CRQ };
	uint64_t page;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(refused); i++) {
		open_io(1, 0, false);
		page = partition_guest_kept(guest) + 1;
		operate(page, PARTITION_WRITE);
		assert_true(partition_guest_write(guest, page));
		page_at(page)[100] ^= 1;
		atomic_store(&fake.refuses, refused[i]);
		if (refused[i] == 0)
			fake.entitled = atomic_load(&fake.mapped);
		operate(page, PARTITION_READ);
		fake.entitled = 0;
		atomic_store(&fake.refuses, 0);
		assert_int_equal(partition_io_figures(io).failed, refused[i] != 0);
		assert_int_equal(partition_io_figures(io).not_entitled, refused[i] == 0);
		assert_false(partition_guest_check(guest, page));
		assert_int_equal(partition_guest_mismatches(guest), 1);
		close_io();
	}
}

/* A page beyond the end of a file raises SIGBUS, as a poisoned one does. */
static void a_poisoned_buffer_is_a_mismatch_like_any_other(void **state)
{
	int file = memfd_create("none", MFD_CLOEXEC);
	uint64_t buffer;

	(void)state;
	assert_int_equal(partition_guest_catch_poison(NULL), HV_OK);
	open_io(1, 0, true);
	buffer = partition_guest_kept(guest) - 1;
	operate(PAGES - 1, PARTITION_WRITE);
	assert_ptr_equal(mmap(page_at(buffer), HV_PAGE_BYTES, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, file, 0),
			 page_at(buffer));
	for (unsigned i = 0; i < 4; i++)
		operate(PAGES - 1, i % 2 == 0 ? PARTITION_READ : PARTITION_WRITE);
	assert_int_equal(partition_guest_mismatches(guest), 1);
	assert_int_equal(partition_io_figures(io).disk_writes, 1);
	assert_int_equal(partition_io_figures(io).disk_reads, 0);
	close_io();
	assert_int_equal(close(file), 0);
}

static void what_fails_is_counted_and_left_out(void **state)
{
	uint64_t page;

	(void)state;
	open_io(1, 0, false);
	page = partition_guest_kept(guest) + 1;
	operate(page, PARTITION_WRITE);
	atomic_store(&fake.fails, true);
	operate(page, PARTITION_READ);  /* of it nothing is known: written anew */
	operate(page, PARTITION_WRITE); /* and not on the disk any more */
	atomic_store(&fake.fails, false);
	assert_int_equal(partition_io_figures(io).failed, 2);
	assert_int_equal(partition_io_figures(io).disk_reads, 0);
	operate(page, PARTITION_READ); /* so it is saved */
	assert_int_equal(partition_io_figures(io).disk_writes, 2);
	fake.entitled = atomic_load(&fake.mapped);
	operate(page, PARTITION_WRITE);
	fake.entitled = 0;
	assert_int_equal(partition_io_figures(io).not_entitled, 1);
	assert_true(partition_guest_check(guest, page));
	assert_int_equal(partition_guest_mismatches(guest), 0);
	close_io();
}

static void packets_come_in_while_nobody_asks(void **state)
{
	static char text[64 * 1024];
	uint64_t until = hv_clock_ms() + WAIT_MS;
	struct partition_io_figures figures;
	const char *line = NULL;
	char unit[64];
	int kept;

	(void)state;
	open_io(2, 2, false);
	do { /* the two of them greet each other */
		operate(PAGES - 1, PARTITION_READ);
		figures = partition_io_figures(io);
		assert_true(hv_clock_ms() < until);
	} while (figures.received < 100);
	assert_int_equal(figures.ethernets, 2);
	assert_int_equal(figures.bad + figures.failed, 0);
	kept = begin_capture();
	atomic_store(&fake.flips, true);
	until = hv_clock_ms() + WAIT_MS;
	while (partition_io_figures(io).bad == 0 ||
	       partition_guest_mismatches(guest) < partition_io_figures(io).bad) {
		operate(PAGES - 1, PARTITION_READ);
		assert_true(hv_clock_ms() < until);
	}
	close_io();
	end_capture(kept, text, sizeof(text));
	for (unsigned nth = 0; nth < 2 && line == NULL; nth++) {
		(void)snprintf(unit, sizeof(unit), "partition.mismatch unit=%llx bytes=",
			       (unsigned long long)hv_io_ethernet_unit(2, nth));
		line = strstr(text, unit);
	}
	assert_non_null(line);
	assert_non_null(strstr(line, " found="));
}

/* The ordinary operation runs instead. */
static void what_no_adapter_can_do_is_no_io(void **state)
{
	uint64_t page;

	(void)state;
	atomic_store(&fake.refuses, H_PUT_TCE);
	open_io(2, 2, false);
	page = PAGES - 1;
	for (unsigned i = 0; i < 100; i++) {
		assert_false(is_io(page, i % 2 == 0 ? PARTITION_READ : PARTITION_WRITE));
		operate(page, i % 2 == 0 ? PARTITION_READ : PARTITION_WRITE);
	}
	assert_int_equal(partition_guest_version(guest, page), 50);
	assert_int_equal(partition_io_figures(io).disks, 0);
	assert_int_equal(partition_io_figures(io).ethernets, 0);
	assert_int_equal(partition_guest_mismatches(guest), 0);
	close_io();
	atomic_store(&fake.refuses, 0);
	open_io(0, 1, false); /* there is nobody else */
	assert_int_equal(partition_io_figures(io).ethernets, 1);
	assert_false(is_io(page, PARTITION_WRITE));
	assert_int_equal(partition_io_figures(io).failed, 0);
	close_io();
}

/* Whatever anybody does, the buffers stay as they are. */
static void pages_of_drivers_are_nobody_elses(void **state)
{
	struct partition_guest_config config = { .base = memory,
						 .bytes = PAGES * HV_PAGE_BYTES,
						 .max_bytes = PAGES * HV_PAGE_BYTES,
						 .key = KEY,
						 .reserved = 2,
						 .driver = 3 };

	(void)state;
	assert_int_equal(partition_guest_open(&config, &guest, NULL), HV_OK);
	assert_int_equal(partition_guest_kept(guest), 5);
	assert_ptr_equal(partition_guest_driver(guest, 0), page_at(2));
	assert_int_equal(partition_guest_driver_page(guest, 2), 4);
	memset(page_at(2), 0xaa, 3 * HV_PAGE_BYTES);
	for (uint64_t page = 0; page < 8; page++) {
		assert_true(partition_guest_check(guest, page));
		assert_true(partition_guest_write(guest, page));
		assert_true(partition_guest_peek(guest, page));
	}
	for (uint64_t i = 0; i < 3 * HV_PAGE_BYTES; i++)
		assert_int_equal(page_at(2)[i], 0xaa);
	partition_guest_close(guest);
}

static void buffers_of_a_small_memory_are_few(void **state)
{
	(void)state;
	assert_int_equal(partition_io_driver_pages(0, 0, 4096), 0);
	assert_int_equal(partition_io_driver_pages(1, 0, 4096), 3);
	assert_int_equal(partition_io_driver_pages(0, 1, 4096),
			 2 + IO_LAN_BUFFERS_MAX + 1);
	assert_int_equal(partition_io_driver_pages(0, 1, 64), 2 + 8 + 1);
	assert_int_equal(partition_io_driver_pages(2, 2, 16),
			 4 + 2 * (2 + IO_LAN_BUFFERS_MIN) + 1);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_saved_is_loaded_in_every_byte),
		TEST(a_wrong_byte_from_a_disk_is_a_mismatch),
		TEST(a_read_that_moves_nothing_is_a_mismatch),
		TEST(an_old_page_is_found_after_it_was_loaded),
		TEST(a_read_that_was_not_sent_hides_no_wrong_page),
		TEST(a_poisoned_buffer_is_a_mismatch_like_any_other),
		TEST(what_fails_is_counted_and_left_out),
		TEST(packets_come_in_while_nobody_asks),
		TEST(what_no_adapter_can_do_is_no_io),
		TEST(pages_of_drivers_are_nobody_elses),
		TEST(buffers_of_a_small_memory_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
