/* The pool's tmpfs, on the real kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hvcore/base/units.h"
#include "hvcore/mem/pool.h"
#include "tests/support/oom.h"
#include "tests/support/region.h"

#define MIB (UINT64_C(1) << 20)

static char dir[] = "/tmp/tarn-pool-XXXXXX";
static char mount_point[64];

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(mount_point, sizeof(mount_point), "%s/pool", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)rmdir(mount_point);
	return rmdir(dir);
}

static struct hv_pool *mount_mib(uint64_t mib)
{
	struct hv_pool *pool = NULL;
	struct hv_err err = { 0 };

	if (hv_pool_mount(mount_point, mib * MIB, &pool, &err) != HV_OK)
		fail_msg("%s", err.text);
	return pool;
}

static uint64_t fill(int fd, uint64_t pages)
{
	static const char page[HV_PAGE_BYTES] = { 1 };
	uint64_t n = 0;

	while (n < pages && pwrite(fd, page, sizeof(page), (off_t)(n * sizeof(page))) ==
				    (ssize_t)sizeof(page))
		n++;
	return n;
}

static uint64_t used(struct hv_pool *pool)
{
	uint64_t pages = 0;

	assert_int_equal(hv_pool_used(pool, &pages, NULL), HV_OK);
	return pages;
}

/* P12: whatever anybody does, the kernel gives out no more than the pool. */
static void the_kernel_enforces_the_size_within_the_slack(void **state)
{
	struct hv_pool *pool = mount_mib(4);
	int fd = -1;
	uint64_t got;
	uint64_t in_file = 0;

	(void)state;
	assert_int_equal(hv_pool_file_make(pool, "db1", 16 * MIB, &fd, NULL), HV_OK);
	got = fill(fd, 4096);
	assert_int_equal(errno, ENOSPC);
	assert_true(got <= 1024);
	assert_true(got + hv_pool_slack_pages() >= 1024);
	assert_int_equal(hv_file_pages(fd, &in_file, NULL), HV_OK);
	assert_int_equal(in_file, got);
	hv_pool_file_remove(pool, "db1", fd);
	assert_int_equal(used(pool), 0);
	(void)close(fd);
	hv_pool_unmount(pool);
}

/* P14 */
static void it_grows_at_once_and_shrinks_only_to_what_is_in_use(void **state)
{
	struct hv_pool *pool = mount_mib(2);
	struct hv_err err;
	int fd = -1;

	(void)state;
	assert_int_equal(hv_pool_file_make(pool, "db1", 16 * MIB, &fd, NULL), HV_OK);
	assert_int_equal(hv_pool_resize(pool, 4 * MIB, &err), HV_OK);
	assert_int_equal(fill(fd, 800), 800);
	assert_int_equal(hv_pool_resize(pool, 2 * MIB, &err), HV_E_BUSY);
	assert_int_equal(hv_pool_bytes(pool), 4 * MIB);
	assert_int_equal(hv_pool_resize(pool, 3 * MIB + 256 * 1024, &err), HV_OK);
	assert_int_equal(hv_pool_resize(pool, 0, &err), HV_E_INVAL);
	assert_int_equal(hv_pool_resize(pool, 4097, &err), HV_E_INVAL);
	(void)close(fd);
	hv_pool_unmount(pool);
}

static void a_file_is_sparse_private_and_made_anew_each_time(void **state)
{
	struct hv_pool *pool = mount_mib(2);
	struct stat st;
	uint64_t pages = 9;
	int first = -1;
	int second = -1;

	(void)state;
	assert_int_equal(hv_pool_file_make(pool, "db1", 64 * MIB, &first, NULL), HV_OK);
	assert_int_equal(fill(first, 3), 3);
	assert_int_equal(hv_pool_file_make(pool, "db1", 64 * MIB, &second, NULL), HV_OK);
	assert_int_equal(hv_file_pages(second, &pages, NULL), HV_OK);
	assert_int_equal(pages, 0);
	assert_int_equal(fstat(second, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 64 * MIB);
	(void)close(first);
	(void)close(second);
	assert_int_equal(hv_pool_file_make(pool, "../up", MIB, &first, NULL), HV_E_INVAL);
	hv_pool_unmount(pool);
}

static void memory_of_our_own_has_no_name_and_goes_with_its_descriptor(void **state)
{
	struct hv_pool *pool = mount_mib(2);
	struct stat st;
	int fd = -1;

	(void)state;
	assert_int_equal(hv_pool_memory_make(pool, 64 * MIB, &fd, NULL), HV_OK);
	assert_int_equal(used(pool), 0);
	assert_int_equal(fill(fd, 100), 100);
	assert_int_equal(used(pool), 100);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_size, 64 * MIB);
	(void)close(fd);
	assert_int_equal(used(pool), 0);
	hv_pool_unmount(pool);
}

static void frames_are_back_when_the_file_is_removed_though_it_is_open(void **state)
{
	struct hv_pool *pool = mount_mib(2);
	int fd = -1;

	(void)state;
	assert_int_equal(hv_pool_file_make(pool, "db1", 16 * MIB, &fd, NULL), HV_OK);
	assert_int_equal(fill(fd, 100), 100);
	assert_int_equal(used(pool), 100);
	hv_pool_file_remove(pool, "db1", fd);
	assert_int_equal(used(pool), 0);
	hv_pool_file_remove(pool, "db1", fd); /* again: nothing happens */
	(void)close(fd);
	hv_pool_unmount(pool);
}

static void nobody_outside_sees_the_mount(void **state)
{
	char line[512];
	bool is_outside = false;
	bool is_inside = false;
	struct hv_pool *pool = mount_mib(1);
	FILE *mounts;
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "/proc/%d/mounts", (int)getppid());
	mounts = fopen(path, "r");
	assert_non_null(mounts);
	while (fgets(line, sizeof(line), mounts) != NULL)
		is_outside |= strstr(line, mount_point) != NULL;
	(void)fclose(mounts);
	mounts = fopen("/proc/self/mounts", "r");
	while (fgets(line, sizeof(line), mounts) != NULL)
		if (strstr(line, mount_point) != NULL)
			is_inside = true;
	(void)fclose(mounts);
	assert_false(is_outside);
	assert_true(is_inside);
	hv_pool_unmount(pool);
}

static void mounting_fails_clearly(void **state)
{
	char long_path[700];
	struct hv_pool *pool = NULL;
	struct hv_err err;

	(void)state;
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(hv_pool_mount(mount_point, 5, &pool, &err), HV_E_INVAL);
	assert_int_equal(hv_pool_mount(long_path, MIB, &pool, &err), HV_E_LIMIT);
	assert_int_equal(hv_pool_mount("/nowhere/at/all", MIB, &pool, &err), HV_E_OS);
	oom_arm(1);
	assert_int_equal(hv_pool_mount(mount_point, MIB, &pool, &err), HV_E_NOMEM);
	assert_true(oom_disarm());
	assert_null(pool);
	hv_pool_unmount(NULL);
}

static void dedicated_memory_keeps_its_size(void **state)
{
	uint64_t pages = 9;
	int fd = -1;

	(void)state;
	assert_int_equal(hv_memory_file_make("test", 8 * MIB, &fd, NULL), HV_OK);
	assert_int_equal(ftruncate(fd, MIB), -1);
	assert_int_equal(ftruncate(fd, 9 * MIB), -1);
	assert_int_equal(hv_file_pages(fd, &pages, NULL), HV_OK);
	assert_int_equal(pages, 0);
	(void)close(fd);
	assert_int_equal(hv_file_pages(fd, &pages, NULL), HV_E_OS);
}

/* P15 */
static void promises_beyond_the_machines_memory_are_refused(void **state)
{
	struct hv_machine machine;
	struct hv_err err;

	(void)state;
	assert_int_equal(hv_machine_read(&machine, &err), HV_OK);
	assert_true(machine.available_bytes > 0);
	assert_true(machine.total_bytes >= machine.available_bytes);
	machine = (struct hv_machine){ 4096 * MIB, 1024 * MIB };
	assert_int_equal(hv_machine_check(&machine, 1024 * MIB - HV_MACHINE_RESERVE_BYTES,
					  0, &err),
			 HV_OK);
	assert_int_equal(hv_machine_check(&machine, 1024 * MIB, 0, &err), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "1024 MiB available"));
	/* what is in use already does not count twice */
	assert_int_equal(hv_machine_check(&machine, 1024 * MIB, 200 * MIB, &err), HV_OK);
	assert_int_equal(hv_machine_check(&machine, 1, 2, &err), HV_OK);
	machine.available_bytes = MIB;
	assert_int_equal(hv_machine_check(&machine, 1, 0, &err), HV_E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_enforces_the_size_within_the_slack),
		cmocka_unit_test(it_grows_at_once_and_shrinks_only_to_what_is_in_use),
		cmocka_unit_test(a_file_is_sparse_private_and_made_anew_each_time),
		cmocka_unit_test(
			memory_of_our_own_has_no_name_and_goes_with_its_descriptor),
		cmocka_unit_test(
			frames_are_back_when_the_file_is_removed_though_it_is_open),
		cmocka_unit_test(nobody_outside_sees_the_mount),
		cmocka_unit_test(mounting_fails_clearly),
		cmocka_unit_test(dedicated_memory_keeps_its_size),
		cmocka_unit_test(promises_beyond_the_machines_memory_are_refused),
	};
	struct hv_err err;

	test_need_root();
	if (hv_pool_namespace_enter(&err) != HV_OK)
		test_skip(err.text);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
