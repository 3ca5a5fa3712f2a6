/*
 * aio on the kernel that runs the test, with a file that hangs: a thread writes to it
 * from a page that nobody brings, and so keeps the kernel's lock of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "hvcore/aio/aio.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/units.h"
#include "hvcore/mem/uffd.h"
#include "tests/support/region.h"
#include "tests/support/toucher.h"

#define HELPERS 64u
#define HANGING 4u /* cookies from 0 on */
#define OTHERS 16u
#define PATIENCE_MS UINT64_C(10000)

struct hang {
	int file; /* that hangs */
	int memory;
	struct test_region region;
	pthread_t thread;
};

static struct hv_aio *aio;
static int doorbell;
static uint8_t buffer[HV_PAGE_BYTES];

static int set_up(void **state)
{
	struct hv_aio_config config = { .operations = 128, .helpers = HELPERS };

	(void)state;
	doorbell = eventfd(0, EFD_CLOEXEC);
	config.doorbell = doorbell;
	return hv_aio_open(&config, &aio, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	aio->ops->close(aio);
	return close(doorbell);
}

static int make_file(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, HV_PAGE_BYTES), 0);
	return fd;
}

static void queue(enum hv_aio_kind kind, int fd, uint32_t cookie)
{
	const struct hv_aio_op op = { .kind = kind,
				      .may_block = true,
				      .fd = fd,
				      .at = buffer,
				      .bytes = kind == HV_AIO_SYNC ? 0 : HV_PAGE_BYTES,
				      .cookie = cookie };

	aio->ops->queue(aio, &op);
}

/* Waits for `count` results; those of cookies below HANGING. */
static unsigned take(unsigned count)
{
	uint64_t end_ms = hv_clock_ms() + PATIENCE_MS;
	unsigned hanging = 0;
	struct hv_aio_done done;

	while (count > 0 && hv_clock_ms() < end_ms) {
		assert_int_equal(aio->ops->wait(aio, 100, NULL), HV_OK);
		while (aio->ops->next(aio, &done)) {
			assert_true(done.result >= 0);
			hanging += done.cookie < HANGING;
			count--;
		}
	}
	assert_int_equal(count, 0);
	return hanging;
}

static void *write_from_nowhere(void *arg)
{
	struct hang *hang = arg;
	ssize_t n = write(hang->file, hang->region.at, HV_PAGE_BYTES);

	return n == HV_PAGE_BYTES ? hang : NULL;
}

static void begin_hang(struct hang *hang)
{
	hang->file = make_file();
	hang->memory = make_file();
	hang->region = test_region_make(hang->memory, HV_PAGE_BYTES);
	assert_int_equal(pthread_create(&hang->thread, NULL, write_from_nowhere, hang),
			 0);
	test_wait_readable(hang->region.uffd); /* it has the lock, and waits */
}

static void end_hang(struct hang *hang)
{
	unsigned done = 0;
	void *was_written;

	assert_int_equal(hv_uffd_zero(hang->region.uffd, (uintptr_t)hang->region.at, 1,
				      HV_UFFD_PLAIN, &done),
			 HV_OK);
	assert_int_equal(pthread_join(hang->thread, &was_written), 0);
	assert_non_null(was_written);
}

static void free_hang(struct hang *hang)
{
	test_region_free(&hang->region);
	(void)close(hang->memory);
	(void)close(hang->file);
}

/* Before 6.10 writes share 64 queues, by their files (hvcore/io, Limits). */
static bool is_write_alone(void)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%u.%u", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 10);
}

/* IO5 */
static void a_file_that_hangs_holds_up_no_other(void **state)
{
	struct hang hang;
	int others[OTHERS];
	unsigned queued = 0;
	bool writes = is_write_alone();

	(void)state;
	begin_hang(&hang);
	for (unsigned i = 0; i < HANGING; i++)
		queue(HV_AIO_WRITE, hang.file, i);
	for (unsigned i = 0; i < OTHERS; i++) {
		others[i] = make_file();
		if (writes)
			queue(HV_AIO_WRITE, others[i], HANGING + queued++);
		queue(HV_AIO_READ, others[i], HANGING + queued++);
		queue(HV_AIO_SYNC, others[i], HANGING + queued++);
	}
	assert_int_equal(take(queued), 0);
	end_hang(&hang);
	assert_int_equal(take(HANGING), HANGING);
	for (unsigned i = 0; i < OTHERS; i++)
		(void)close(others[i]);
	free_hang(&hang);
}

static int find_ring(void)
{
	DIR *all = opendir("/proc/self/fd");
	struct dirent *entry;
	int ring = -1;

	assert_non_null(all);
	while ((entry = readdir(all)) != NULL) {
		char path[64], target[64] = "";

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%.20s", entry->d_name);
		(void)!readlink(path, target, sizeof(target) - 1);
		if (strcmp(target, "anon_inode:[io_uring]") == 0)
			ring = (int)strtol(entry->d_name, NULL, 10);
	}
	(void)closedir(all);
	return ring;
}

/*
 * The kernel counts helpers of files apart from others, and from 6.10 on what goes to
 * a helper from the start is with the others, whatever it is.
 */
static void helpers_of_either_kind_are_limited(void **state)
{
	unsigned limits[2] = { 0, 0 }; /* as they are */

	(void)state;
	assert_int_equal(syscall(SYS_io_uring_register, find_ring(),
				 IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2),
			 0);
	assert_int_equal(limits[0], HELPERS);
	assert_int_equal(limits[1], HELPERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(helpers_of_either_kind_are_limited),
		TEST(a_file_that_hangs_holds_up_no_other),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
