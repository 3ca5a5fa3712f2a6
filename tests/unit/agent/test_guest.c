/* A partition's view of itself: what the files say, and that they are whole and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guest.h"
#include "agent/guest_files.h"
#include "hvcore/base/file.h"
#include "hvcore/wire/lpar_adapters.h"
#include "tests/support/oom.h"
#include "tests/support/tmpdir.h"

#define MIB (UINT64_C(1) << 20)
#define SET(message, field, value) \
	((message).has_##field = true, (message).field = (value))

struct room {
	Tarn__PartitionStat stat;
	Tarn__ManagerStat manager;
	Tarn__PoolStat pool;
	Tarn__Workload workload;
	Tarn__LparSpec spec;
	struct agent_shown shown;
	struct test_tmpdir state;
	char text[4096];
};

static struct room room;

static void fill_shared(void)
{
	tarn__partition_stat__init(&room.stat);
	tarn__manager_stat__init(&room.manager);
	tarn__pool_stat__init(&room.pool);
	tarn__lpar_spec__init(&room.spec);
	tarn__workload__init(&room.workload);
	room.stat.name = (char *)"db1";
	room.stat.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	SET(room.stat, logical_pages, 16384);
	SET(room.stat, resident_pages, 1000);
	SET(room.stat, loaned_pages, 24);
	SET(room.stat, page_ins, 77);
	SET(room.stat, page_in_us, 9800);
	SET(room.stat, io_entitled_bytes, 4 * MIB);
	SET(room.stat, io_min_bytes, 2 * MIB);
	SET(room.stat, io_mapped_bytes, 3 * MIB);
	SET(room.stat, io_high_bytes, 3 * MIB + 4096);
	SET(room.stat, unallocated_weight, 8);
	SET(room.stat, unallocated_io_bytes, 12288);
	SET(room.stat, sees_pool, true);
	room.manager.weight = 192;
	room.manager.target_pages = 16284;
	room.stat.manager = &room.manager;
	room.pool.pool_bytes = 96 * MIB;
	room.spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	room.spec.mem_bytes = room.spec.min_bytes = 64 * MIB;
	room.spec.max_bytes = 128 * MIB;
	room.spec.workload = &room.workload;
	room.shown = (struct agent_shown){ "db1", &room.stat, &room.spec, &room.pool };
}

static int set_up(void **state)
{
	(void)state;
	fill_shared();
	test_tmpdir_make(&room.state);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_tmpdir_remove(&room.state);
	return 0;
}

static const char *text_of(const char *path)
{
	for (unsigned i = 0; i < AGENT_GUEST_FILES; i++)
		if (strcmp(agent_guest_paths[i], path) == 0) {
			agent_guest_text(&room.shown, i, room.text);
			return room.text;
		}
	fail_msg("no %s", path);
	return NULL;
}

/* ---- what they say ---- */

static void lparcfg_says_what_h_get_mpp_answers(void **state)
{
	(void)state;
	assert_string_equal(text_of("proc/ppc64/lparcfg"),
			    "lparcfg 1.9\n"
			    "entitled_memory=4194304\n"
			    "mapped_entitled_memory=3145728\n"
			    "entitled_memory_group_number=0\n"
			    "entitled_memory_pool_number=0\n"
			    "entitled_memory_weight=192\n"
			    "unallocated_entitled_memory_weight=8\n"
			    "unallocated_io_mapping_entitlement=12288\n"
			    "entitled_memory_pool_size=100663296 bytes\n"
			    "entitled_memory_loan_request=311296\n"
			    "backing_memory=4096000 bytes\n"
			    "cmo_enabled=1\n"
			    "cmo_faults=77\n"
			    "cmo_fault_time_usec=9800\n"
			    "cmo_page_size=4096\n"
			    "DesMem=64\n"
			    "MaxMem=128\n");
	room.manager.target_pages = 16384; /* it may take all back */
	assert_non_null(strstr(text_of("proc/ppc64/lparcfg"),
			       "\nentitled_memory_loan_request=-98304\n"));
}

/* Of a QEMU guest: what its kernel tells its balloon, and nothing before it does. */
static void a_guests_memory_is_as_its_kernel_says(void **state)
{
	Tarn__GuestStat stat = TARN__GUEST_STAT__INIT;
	Tarn__GuestSpec guest = TARN__GUEST_SPEC__INIT;

	(void)state;
	room.spec.guest = &guest;
	room.stat.guest = &stat;
	room.stat.has_os_free_pages = false;
	assert_string_equal(text_of("proc/meminfo"), "");
	stat.has_total_bytes = stat.has_free_bytes = true;
	stat.total_bytes = 60 * MIB;
	stat.free_bytes = 20 * MIB;
	assert_string_equal(text_of("proc/meminfo"), "MemTotal:          61440 kB\n"
						     "MemFree:           20480 kB\n");
	stat.has_available_bytes = stat.has_cache_bytes = true;
	stat.available_bytes = 30 * MIB;
	stat.cache_bytes = 5 * MIB;
	assert_string_equal(text_of("proc/meminfo"), "MemTotal:          61440 kB\n"
						     "MemFree:           20480 kB\n"
						     "MemAvailable:      30720 kB\n"
						     "Cached:             5120 kB\n");
	stat.has_balloon_bytes = stat.has_balloon_target_bytes = true;
	stat.balloon_bytes = 4 * MIB;
	stat.balloon_target_bytes = 8 * MIB;
	room.stat.has_os_loan_policy = false;
	assert_string_equal(text_of("sys/devices/system/cmm/cmm0/loaned_kb"), "4096\n");
	assert_string_equal(text_of("sys/devices/system/cmm/cmm0/loaned_target_kb"),
			    "8192\n");
	/* it can have no more than it began with */
	assert_non_null(strstr(text_of("proc/ppc64/lparcfg"), "DesMem=64\nMaxMem=64\n"));
	room.spec.guest = NULL;
	room.stat.guest = NULL;
}

static void what_is_not_measured_is_not_there(void **state)
{
	(void)state;
	room.stat.has_io_mapped_bytes = room.stat.has_io_entitled_bytes = false;
	room.stat.has_unallocated_weight = room.stat.has_unallocated_io_bytes = false;
	room.stat.manager = NULL;
	room.shown.pool = NULL;
	room.shown.spec = NULL;
	assert_string_equal(text_of("proc/ppc64/lparcfg"),
			    "lparcfg 1.9\n"
			    "entitled_memory_group_number=0\n"
			    "entitled_memory_pool_number=0\n"
			    "entitled_memory_loan_request=-98304\n"
			    "backing_memory=4096000 bytes\n"
			    "cmo_enabled=1\n"
			    "cmo_faults=77\n"
			    "cmo_fault_time_usec=9800\n"
			    "cmo_page_size=4096\n");
	assert_string_equal(text_of("proc/meminfo"), "");
	assert_string_equal(text_of("sys/bus/vio/cmo_entitled"), "");
	assert_string_equal(text_of("sys/bus/vio/cmo_spare"), "");
	assert_string_equal(text_of("sys/bus/vio/cmo_desired"), "");
	assert_string_equal(text_of("sys/devices/system/cmm/cmm0/loaned_kb"), "");
}

static void dedicated_memory_has_no_cmo(void **state)
{
	(void)state;
	room.stat.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	assert_string_equal(text_of("proc/ppc64/lparcfg"),
			    "lparcfg 1.9\ncmo_enabled=0\nDesMem=64\nMaxMem=128\n");
	for (unsigned i = 2; i < AGENT_GUEST_FILES; i++) {
		agent_guest_text(&room.shown, i, room.text);
		assert_string_equal(room.text, "");
	}
}

static uint64_t number_of(const char *path)
{
	return strtoull(text_of(path), NULL, 10);
}

static void the_bus_adds_up(void **state)
{
	(void)state;
	for (uint64_t mapped = 0; mapped <= 4 * MIB; mapped += MIB / 2) {
		room.stat.io_mapped_bytes = mapped;
		assert_int_equal(number_of("sys/bus/vio/cmo_curr"),
				 number_of("sys/bus/vio/cmo_reserve_size") -
					 number_of("sys/bus/vio/cmo_spare") +
					 number_of("sys/bus/vio/cmo_excess_size") -
					 number_of("sys/bus/vio/cmo_excess_free"));
	}
	assert_int_equal(number_of("sys/bus/vio/cmo_entitled"), 4 * MIB);
	assert_int_equal(number_of("sys/bus/vio/cmo_min"), 2 * MIB);
	assert_int_equal(number_of("sys/bus/vio/cmo_high"), 3 * MIB + 4096);
	assert_int_equal(number_of("sys/bus/vio/cmo_desired"),
			 hv_lpar_entitled_auto(&room.spec));
}

static void an_operating_system_tells_of_its_memory(void **state)
{
	(void)state;
	SET(room.stat, os_loan_policy, 1);
	SET(room.stat, os_free_pages, 1000);
	SET(room.stat, os_working_pages, 2000);
	SET(room.stat, os_cache_pages, 3000);
	SET(room.stat, os_loaned_pages, 50);
	assert_string_equal(text_of("proc/meminfo"), "MemTotal:          24000 kB\n"
						     "MemFree:            4000 kB\n"
						     "Buffers:               0 kB\n"
						     "Cached:            12000 kB\n");
	assert_int_equal(number_of("sys/devices/system/cmm/cmm0/loaned_kb"), 200);
	/* asked for 100 in all, of which 24 are loaned: 76 more than the 50 */
	assert_int_equal(number_of("sys/devices/system/cmm/cmm0/loaned_target_kb"), 504);
	room.stat.os_loan_policy = 0; /* it has no part in it */
	assert_string_equal(text_of("sys/devices/system/cmm/cmm0/loaned_kb"), "");
}

static void the_longest_text_fits(void **state)
{
	(void)state;
	room.stat.io_entitled_bytes = room.stat.io_mapped_bytes = UINT64_MAX;
	room.stat.resident_pages = room.stat.page_ins = UINT64_MAX >> 12;
	room.stat.page_in_us = room.pool.pool_bytes = UINT64_MAX;
	room.manager.weight = UINT32_MAX;
	room.stat.logical_pages = UINT64_MAX >> 12;
	room.manager.target_pages = 0;
	room.spec.mem_bytes = room.spec.max_bytes = UINT64_MAX;
	SET(room.stat, os_free_pages, UINT64_MAX >> 14);
	SET(room.stat, os_loan_policy, 2);
	for (unsigned i = 0; i < AGENT_GUEST_FILES; i++)
		agent_guest_text(&room.shown, i, room.text);
}

static void the_pool_is_shown_to_who_is_authorised(void **state)
{
	(void)state;
	assert_non_null(strstr(text_of("proc/ppc64/lparcfg"), "memory_pool_size="));
	room.stat.sees_pool = false;
	assert_null(strstr(text_of("proc/ppc64/lparcfg"), "memory_pool_size="));
}

/* ---- files ---- */

static bool read_file(const char *name, const char *path)
{
	char whole[TEST_PATH_BYTES + 128];
	uint8_t *bytes;
	size_t count;

	(void)snprintf(whole, sizeof(whole), "%s/guest/%s/%s", room.state.path, name,
		       path);
	if (hv_file_read(whole, sizeof(room.text) - 1, &bytes, &count, NULL) != HV_OK)
		return false;
	(void)snprintf(room.text, sizeof(room.text), "%s", (const char *)bytes);
	free(bytes);
	return true;
}

static uint64_t inode_of(const char *name, const char *path)
{
	char whole[TEST_PATH_BYTES + 128];
	struct stat status;

	(void)snprintf(whole, sizeof(whole), "%s/guest/%s/%s", room.state.path, name,
		       path);
	return stat(whole, &status) == 0 ? status.st_ino : 0;
}

static bool is_there(const char *name)
{
	return inode_of(name, "") != 0;
}

static void files_change_only_when_their_text_does(void **state)
{
	struct agent_guests *guests;
	uint64_t lparcfg, high;

	(void)state;
	assert_int_equal(agent_guests_open(room.state.path, &guests, NULL), HV_OK);
	agent_guests_show(guests, &room.shown, 1);
	assert_true(read_file("db1", "proc/ppc64/lparcfg"));
	assert_non_null(strstr(room.text, "cmo_faults=77\n"));
	assert_true(read_file("db1", "sys/bus/vio/cmo_high"));
	assert_string_equal(room.text, "3149824\n");
	assert_false(read_file("db1", "proc/meminfo"));
	lparcfg = inode_of("db1", "proc/ppc64/lparcfg");
	high = inode_of("db1", "sys/bus/vio/cmo_high");
	agent_guests_show(guests, &room.shown, 1);
	assert_int_equal(inode_of("db1", "proc/ppc64/lparcfg"), lparcfg);
	room.stat.page_ins++;
	room.stat.has_io_high_bytes = false;
	agent_guests_show(guests, &room.shown, 1);
	assert_true(read_file("db1", "proc/ppc64/lparcfg"));
	assert_non_null(strstr(room.text, "cmo_faults=78\n"));
	assert_true(inode_of("db1", "proc/ppc64/lparcfg") != lparcfg);
	assert_true(high != 0 && inode_of("db1", "sys/bus/vio/cmo_high") == 0);
	assert_int_equal(inode_of("db1", "new"), 0);
	agent_guests_close(guests);
}

static void a_view_goes_with_its_partition(void **state)
{
	struct agent_shown list[2] = { room.shown, room.shown };
	struct agent_guests *guests;

	(void)state;
	list[1].name = "web";
	assert_int_equal(agent_guests_open(room.state.path, &guests, NULL), HV_OK);
	agent_guests_show(guests, list, 2);
	assert_true(is_there("db1") && is_there("web"));
	agent_guests_show(guests, list + 1, 1);
	assert_false(is_there("db1"));
	assert_true(is_there("web"));
	agent_guests_show(guests, list, 2); /* again, all of it */
	assert_true(read_file("db1", "sys/bus/vio/cmo_min"));
	agent_guests_close(guests);
	assert_true(is_there("db1")); /* the next agent's */
	assert_int_equal(agent_guests_open(room.state.path, &guests, NULL), HV_OK);
	assert_false(is_there("db1") || is_there("web"));
	agent_guests_close(guests);
}

static void put_in_the_way(const char *path)
{
	char whole[TEST_PATH_BYTES + 128];
	int fd;

	(void)snprintf(whole, sizeof(whole), "%s/guest/%s", room.state.path, path);
	fd = open(whole, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static void remove_from_the_way(const char *path)
{
	char whole[TEST_PATH_BYTES + 128];

	(void)snprintf(whole, sizeof(whole), "%s/guest/%s", room.state.path, path);
	assert_int_equal(unlink(whole), 0);
}

/* The others have theirs, and so has it as soon as it can. */
static void a_view_that_cannot_be_written_is_left_out(void **state)
{
	struct agent_shown list[2] = { room.shown, room.shown };
	struct agent_guests *guests;

	(void)state;
	list[1].name = "web";
	assert_int_equal(agent_guests_open(room.state.path, &guests, NULL), HV_OK);
	put_in_the_way("db1");
	agent_guests_show(guests, list, 2);
	assert_true(read_file("web", "sys/bus/vio/cmo_min"));
	remove_from_the_way("db1");
	agent_guests_show(guests, list, 2);
	assert_true(read_file("db1", "sys/bus/vio/cmo_min"));
	agent_guests_show(guests, NULL, 0);
	assert_false(is_there("db1") || is_there("web"));
	agent_guests_close(guests);
}

static const char *path_in(const char *path)
{
	static char whole[TEST_PATH_BYTES + 128];

	(void)snprintf(whole, sizeof(whole), "%s/guest/%s", room.state.path, path);
	return whole;
}

static void a_view_that_is_lost_is_made_anew(void **state)
{
	static const char *const lost[] = { "db1", "db1/sys" };
	struct agent_guests *guests;
	struct test_tmpdir gone;

	(void)state;
	assert_int_equal(agent_guests_open(room.state.path, &guests, NULL), HV_OK);
	agent_guests_show(guests, &room.shown, 1);
	for (unsigned i = 0; i < HV_COUNT(lost); i++) {
		(void)snprintf(gone.path, sizeof(gone.path), "%.*s",
			       (int)sizeof(gone.path) - 1, path_in(lost[i]));
		test_tmpdir_remove(&gone);
		assert_false(is_there(lost[i]));
		agent_guests_show(guests, &room.shown, 1);
		if (i > 0) { /* a part of it: seen when one in there changes */
			room.stat.io_high_bytes++;
			agent_guests_show(guests, &room.shown, 1);
			agent_guests_show(guests, &room.shown, 1);
		}
		/* what did not change, too, and what may be empty */
		assert_true(read_file("db1", "proc/ppc64/lparcfg"));
		assert_true(read_file("db1", "sys/bus/vio/cmo_min"));
		assert_true(inode_of("db1", "sys/bus/vio/devices") != 0);
	}
	agent_guests_close(guests);
}

/* A file that could not be replaced is not taken for one that is not there. */
static void what_a_failure_left_goes_when_it_should(void **state)
{
	struct agent_guests *guests;

	(void)state;
	assert_int_equal(agent_guests_open(room.state.path, &guests, NULL), HV_OK);
	agent_guests_show(guests, &room.shown, 1);
	assert_int_equal(mkdir(path_in("db1/new"), 0700), 0); /* in the way */
	room.stat.io_high_bytes++;
	agent_guests_show(guests, &room.shown, 1);
	assert_true(read_file("db1", "sys/bus/vio/cmo_high")); /* the old one */
	assert_int_equal(rmdir(path_in("db1/new")), 0);
	room.stat.has_io_high_bytes = false;
	agent_guests_show(guests, &room.shown, 1);
	assert_false(read_file("db1", "sys/bus/vio/cmo_high"));
	assert_true(read_file("db1", "sys/bus/vio/cmo_min"));
	agent_guests_close(guests);
}

static void only_root_of_the_host_gets_in(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
	} rows[] = { { "", 0700 },
		     { "db1", 0700 },
		     { "db1/proc/ppc64", 0700 },
		     { "db1/proc/ppc64/lparcfg", 0400 } };
	struct agent_guests *guests;
	struct stat status;

	(void)state;
	assert_int_equal(agent_guests_open(room.state.path, &guests, NULL), HV_OK);
	agent_guests_show(guests, &room.shown, 1);
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		assert_int_equal(stat(path_in(rows[i].path), &status), 0);
		assert_int_equal(status.st_mode & 07777, rows[i].mode);
	}
	agent_guests_close(guests);
}

static void each_allocation_may_fail_once(void **state)
{
	unsigned nth;

	(void)state;
	for (nth = 1;; nth++) {
		struct agent_guests *guests = NULL;
		bool was_hit;

		oom_arm(nth);
		if (agent_guests_open(room.state.path, &guests, NULL) == HV_OK)
			agent_guests_show(guests, &room.shown, 1);
		was_hit = oom_disarm();
		if (guests != NULL) {
			agent_guests_show(guests, &room.shown, 1);
			assert_true(read_file("db1", "sys/bus/vio/cmo_min"));
		}
		agent_guests_close(guests);
		if (!was_hit)
			break;
	}
	assert_true(nth > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lparcfg_says_what_h_get_mpp_answers),
		cmocka_unit_test(a_guests_memory_is_as_its_kernel_says),
		cmocka_unit_test(what_is_not_measured_is_not_there),
		cmocka_unit_test(dedicated_memory_has_no_cmo),
		cmocka_unit_test(the_pool_is_shown_to_who_is_authorised),
		cmocka_unit_test(the_bus_adds_up),
		cmocka_unit_test(an_operating_system_tells_of_its_memory),
		cmocka_unit_test(the_longest_text_fits),
		cmocka_unit_test(files_change_only_when_their_text_does),
		cmocka_unit_test(a_view_goes_with_its_partition),
		cmocka_unit_test(a_view_that_cannot_be_written_is_left_out),
		cmocka_unit_test(a_view_that_is_lost_is_made_anew),
		cmocka_unit_test(what_a_failure_left_goes_when_it_should),
		cmocka_unit_test(only_root_of_the_host_gets_in),
		cmocka_unit_test(each_allocation_may_fail_once),
	};
	struct CMUnitTest each[HV_COUNT(tests)];

	for (unsigned i = 0; i < HV_COUNT(tests); i++) {
		each[i] = tests[i];
		each[i].setup_func = set_up;
		each[i].teardown_func = tear_down;
	}
	return cmocka_run_group_tests(each, NULL, NULL);
}
