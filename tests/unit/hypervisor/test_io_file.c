/* The file behind a virtual disk: what is opened, and what is not. */
#include "hvcore/hypervisor/io_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hvcore/wire/pgdev.h"
#include "tests/support/tmpdir.h"

#define BYTES (UINT64_C(1) << 20)

static struct test_tmpdir dir;
static char path[TEST_PATH_BYTES + 32], run[TEST_PATH_BYTES + 32];

static int set_up(void **state)
{
	(void)state;
	test_tmpdir_make(&dir);
	(void)test_tmpdir_file(&dir, "disk", path, sizeof(path));
	assert_int_equal(mkdir(test_tmpdir_file(&dir, "run", run, sizeof(run)), 0700), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_tmpdir_remove(&dir);
	return 0;
}

static enum hv_code open_disk(const char *at, int *ret_fd, struct hv_err *err)
{
	struct io_file_ask ask = { at, BYTES, dir.path };

	return io_file_open(&ask, ret_fd, err);
}

static void one_that_is_not_there_is_made_sparse(void **state)
{
	struct stat at;
	int fd = -1;

	(void)state;
	assert_int_equal(open_disk(path, &fd, NULL), HV_OK);
	assert_int_equal(fstat(fd, &at), 0);
	assert_int_equal(at.st_size, BYTES);
	assert_int_equal(at.st_blocks, 0);
	assert_int_equal(at.st_mode & 0777, 0600);
	/* or io_uring would fail what has to wait */
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	(void)close(fd);
}

static void one_that_is_longer_stays_so(void **state)
{
	struct stat at;
	int fd;

	(void)state;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 2 * BYTES), 0);
	(void)close(fd);
	assert_int_equal(open_disk(path, &fd, NULL), HV_OK);
	assert_int_equal(fstat(fd, &at), 0);
	assert_int_equal(at.st_size, 2 * BYTES);
	(void)close(fd);
}

static void two_cannot_have_it(void **state)
{
	struct hv_err err = { 0 };
	int fd = -1;
	int other = -1;

	(void)state;
	assert_int_equal(open_disk(path, &fd, NULL), HV_OK);
	assert_int_equal(open_disk(path, &other, &err), HV_E_BUSY);
	assert_non_null(strstr(err.text, "in use"));
	assert_int_equal(other, -1);
	(void)close(fd);
	assert_int_equal(open_disk(path, &other, NULL), HV_OK);
	(void)close(other);
}

/* P9's lock of a byte, as a VIOS has it. */
static void nobody_has_what_a_vios_has(void **state)
{
	struct flock byte = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = HV_PGDEV_LOCK_BASE + 7,
			      .l_len = 1 };
	int fd, other = -1;

	(void)state;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &byte), 0);
	assert_int_equal(open_disk(path, &other, NULL), HV_E_BUSY);
	(void)close(fd);
}

static void a_paging_device_is_none(void **state)
{
	struct hv_pgdev_header header = { .bytes = BYTES,
					  .page_bytes = HV_PAGE_BYTES,
					  .sequence = 1,
					  .host_name = "h1" };
	uint8_t page[HV_PAGE_BYTES];
	struct hv_err err = { 0 };
	int fd, other = -1;

	(void)state;
	hv_pgdev_encode(&header, page);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(fd, page, sizeof(page), HV_PAGE_BYTES), sizeof(page));
	(void)close(fd);
	assert_int_equal(open_disk(path, &other, &err), HV_E_REFUSED);
	assert_non_null(strstr(err.text, "paging device"));
}

static void must_be_none(const char *at)
{
	struct hv_err err = { 0 };
	int fd = -1;

	assert_int_equal(open_disk(at, &fd, &err), HV_E_INVAL);
	assert_int_equal(fd, -1);
	if (strstr(err.text, "memory of partitions") == NULL)
		fail_msg("%s", err.text);
}

/* Of none of them, its own or another one's, by whatever way. */
static void memory_of_partitions_is_none(void **state)
{
	char store[TEST_PATH_BYTES + 32], way[TEST_PATH_BYTES + 32], at[512];
	int fd;

	(void)state;
	(void)test_tmpdir_file(&dir, "run/memory-other", store, sizeof(store));
	assert_int_equal(mkdir(store, 0700), 0);
	(void)test_tmpdir_file(&dir, "way", way, sizeof(way));
	assert_int_equal(symlink(store, way), 0);
	(void)snprintf(at, sizeof(at), "%s/file", store);
	must_be_none(at);
	assert_int_equal(access(at, F_OK), -1); /* not even made */
	fd = open(at, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must_be_none(at);
	(void)snprintf(at, sizeof(at), "%s/file", way);
	must_be_none(at);
	(void)snprintf(at, sizeof(at), "%s/other", way);
	must_be_none(at);
	(void)snprintf(at, sizeof(at), "%s/way/../pool", dir.path);
	must_be_none(at);
	(void)snprintf(at, sizeof(at), "/proc/self/root%s/file", store);
	must_be_none(at);
	(void)snprintf(at, sizeof(at), "/proc/self/fd/%d", fd);
	must_be_none(at);
	(void)close(fd);
	(void)snprintf(at, sizeof(at), "%s-beside", run); /* another directory */
	assert_int_equal(open_disk(at, &fd, NULL), HV_OK);
	(void)close(fd);
}

static void without_a_run_directory_there_is_none(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(rmdir(run), 0);
	assert_int_equal(open_disk(path, &fd, NULL), HV_E_OS);
	assert_int_equal(access(path, F_OK), -1);
}

static void what_is_no_file_is_refused_at_once(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_disk(path, &fd, NULL), HV_E_INVAL);
	assert_int_equal(open_disk("/dev/null", &fd, NULL), HV_E_INVAL);
	assert_int_equal(open_disk(dir.path, &fd, NULL), HV_E_OS);
	assert_int_equal(open_disk("/nowhere/at/all", &fd, NULL), HV_E_OS);
	assert_int_equal(open_disk("nowhere", &fd, NULL), HV_E_INVAL);
	assert_int_equal(fd, -1);
}

static void its_own_is_named_by_partition_and_slot(void **state)
{
	char own[512], want[TEST_PATH_BYTES + 32], tiny[8];
	struct stat at;

	(void)state;
	assert_int_equal(io_file_own_path(dir.path, "db1", 10, own, sizeof(own), NULL),
			 HV_OK);
	assert_string_equal(own,
			    test_tmpdir_file(&dir, "disks/db1-10", want, sizeof(want)));
	(void)test_tmpdir_file(&dir, "disks", want, sizeof(want));
	assert_int_equal(stat(want, &at), 0);
	assert_true(S_ISDIR(at.st_mode));
	assert_int_not_equal(
		io_file_own_path(dir.path, "db1", 10, tiny, sizeof(tiny), NULL), HV_OK);
	assert_int_not_equal(
		io_file_own_path("/dev/null", "db1", 10, own, sizeof(own), NULL), HV_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_is_not_there_is_made_sparse),
		TEST(one_that_is_longer_stays_so),
		TEST(two_cannot_have_it),
		TEST(nobody_has_what_a_vios_has),
		TEST(a_paging_device_is_none),
		TEST(memory_of_partitions_is_none),
		TEST(without_a_run_directory_there_is_none),
		TEST(what_is_no_file_is_refused_at_once),
		TEST(its_own_is_named_by_partition_and_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
