/*
 * Claim   pages that are out on a device are read back over the VIOS that nobody asks for
 *         them, while all goes on; what does not come back as it was written is known
 *         before anybody needs it, and from whom.
 * Inject  the standby VIOS returns damage; the device is scribbled on where pages are
 *         paged out.
 * Expect  counted, logged, named; no page-in, no poisoned page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/wire/pgdev.h"
#include "tests/support/host.h"
#include "tests/support/inject.h"
#include "tests/support/wait.h"

static struct test_host host;

static const struct test_partition load[] = {
	{ .name = "db1", .mem_mib = 24, .write_percent = 50, .primary = "vios1" },
	{ .name = "db2", .mem_mib = 24, .write_percent = 50, .primary = "vios2" },
};

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	test_host_run_all(&host, load, HV_COUNT(load), 100);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

struct wanted {
	const char *name;
	uint64_t checked, bad;
};

static bool is_there(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	const Tarn__PartitionStat *stat = test_stat_partition(reply, wanted->name);

	return stat != NULL && stat->cross_checked >= wanted->checked &&
	       stat->cross_bad >= wanted->bad;
}

static void wait_for(const char *name, uint64_t checked, uint64_t bad)
{
	struct wanted wanted = { name, checked, bad };

	test_host_wait(&host, is_there, &wanted, TEST_HOST_WAIT_MS, "cross-checks");
}

static void pages_are_checked_while_a_load_runs(void **state)
{
	Tarn__HvReply *reply;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(load); i++)
		wait_for(load[i].name, 20, 0);
	reply = test_host_stat(&host, true);
	for (size_t i = 0; i < HV_COUNT(load); i++) {
		const Tarn__PartitionStat *stat = test_stat_partition(reply,
								      load[i].name);

		assert_true(stat->has_cross_bad && !stat->has_cross_bad_page);
		assert_int_equal(stat->cross_bad, 0);
		assert_null(stat->cross_bad_vios);
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_verify(&host);
	test_host_end(&host);
}

/* Nobody asks vios2 for a page of db1, so that nobody else would know. */
static void a_standby_that_returns_damage_is_known(void **state)
{
	struct hv_injection damage = test_injection(HV_INJECTION_CORRUPT,
						    HV_INJECTION_READ);
	Tarn__HvReply *reply;
	const Tarn__PartitionStat *stat;

	(void)state;
	test_process_signal(&host.guests[1].process, SIGSTOP);
	host.config.changes_reads = true; /* page-ins of db2 may be under way */
	assert_int_equal(test_inject(host.dir.path, "vios2", &damage, NULL, NULL), HV_OK);
	wait_for("db1", 1, 1);
	reply = test_host_stat(&host, true);
	stat = test_stat_partition(reply, "db1");
	assert_string_equal(stat->current, "vios1");
	assert_string_equal(stat->cross_bad_vios, "vios2");
	assert_int_equal(stat->checksum_errors, 0);
	assert_int_equal(stat->poisoned_pages, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_true(test_process_says(&host.hypervisor, "hypervisor.cross_bad",
				      TEST_WAIT_MS));
	assert_int_equal(test_inject_clear(host.dir.path, "vios2"), HV_OK);
	test_process_signal(&host.guests[1].process, SIGCONT);
	test_host_verify(&host);
	test_host_end(&host);
}

static bool is_quiet(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "db1");
	uint64_t *last = arg;
	bool is_same = stat->page_ins == *last && stat->pending_faults == 0 &&
		       stat->slots_writing + stat->inflight_pages == 0;

	*last = stat->page_ins;
	return is_same;
}

static void scribble(const struct test_device *device)
{
	static const uint8_t junk[HV_PAGE_BYTES] = { 0xa5, 0x5a };
	int fd = open(device->path, O_WRONLY | O_CLOEXEC);
	off_t bytes = lseek(fd, 0, SEEK_END);

	assert_true(fd >= 0 && bytes > 0);
	for (off_t at = HV_PGDEV_HEADER_BYTES; at + HV_PAGE_BYTES <= bytes;
	     at += HV_PAGE_BYTES)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	assert_int_equal(fdatasync(fd), 0);
	assert_int_equal(close(fd), 0);
}

static void a_scribbled_device_is_found_before_a_fault(void **state)
{
	uint64_t page_ins = UINT64_MAX;
	Tarn__HvReply *reply;
	const Tarn__PartitionStat *stat;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(load); i++)
		test_process_signal(&host.guests[i].process, SIGSTOP);
	test_host_wait(&host, is_quiet, &page_ins, TEST_HOST_WAIT_MS, "no page-in");
	scribble(&host.guests[0].reach.device);
	wait_for("db1", 1, 1);
	reply = test_host_stat(&host, true);
	stat = test_stat_partition(reply, "db1");
	assert_int_equal(stat->page_ins, page_ins);
	assert_string_equal(stat->cross_bad_vios, "vios1 and vios2");
	assert_true(stat->has_cross_bad_page && stat->cross_bad_page < 24 * 256);
	assert_int_equal(stat->checksum_errors, 0);
	assert_int_equal(stat->poisoned_pages, 0);
	stat = test_stat_partition(reply, "db2");
	assert_int_equal(stat->cross_bad, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_true(test_process_says(&host.hypervisor, "hypervisor.cross_bad",
				      TEST_WAIT_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(pages_are_checked_while_a_load_runs),
		TEST(a_standby_that_returns_damage_is_known),
		TEST(a_scribbled_device_is_found_before_a_fault),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
