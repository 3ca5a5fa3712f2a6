/*
 * Claim   a partition with a device behind each VIOS, which share nothing, loses no page
 *         with either of them, or its device; it is redundant again by itself, and no
 *         order takes away what is behind one VIOS alone.
 * Inject  SIGKILL of either VIOS, a device that is gone with its VIOS, damage to one,
 *         maintenance while pages are missed, and the partner's end in the middle of it.
 * Expect  what is missed is brought back; every page verifies, no counter is off.
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

#include "hvcore/base/units.h"
#include "tests/support/host.h"
#include "tests/support/inject.h"
#include "tests/support/wait.h"

static struct test_host host;

static const struct test_partition load[] = {
	{ .name = "db1",
	  .mem_mib = 24,
	  .write_percent = 50,
	  .is_mirrored = true,
	  .primary = "vios1" },
	{ .name = "db2",
	  .mem_mib = 24,
	  .write_percent = 50,
	  .is_mirrored = true,
	  .vios = "vios2",
	  .primary = "vios2" },
	{ .name = "db3", .mem_mib = 24, .workload = "scan" },
};

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	test_host_run_all(&host, load, HV_COUNT(load), 200);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

static void all_go_on(void)
{
	test_host_wait_all_page_ins(&host, load, HV_COUNT(load), 200);
}

/* arg: whether they are to be. */
static bool are_redundant(const Tarn__HvReply *reply, void *arg)
{
	const bool *wanted = arg;

	for (size_t i = 0; i < HV_COUNT(load); i++)
		if (test_stat_partition(reply, load[i].name)->redundant != *wanted)
			return false;
	return true;
}

static void wait_redundant(bool wanted)
{
	test_host_wait(&host, are_redundant, &wanted, TEST_WAIT_MS,
		       wanted ? "all are redundant" : "none is redundant");
}

static bool has_missed(const Tarn__HvReply *reply, void *arg)
{
	(void)arg;
	return test_stat_partition(reply, "db1")->missed > 100 &&
	       test_stat_partition(reply, "db2")->mirror_missed > 100;
}

/* vios1 ends; what is paged out meanwhile is behind vios2 alone. */
static void miss_on_vios1(void)
{
	test_host_kill_vios(&host, 0);
	test_host_wait(&host, has_missed, NULL, TEST_WAIT_MS, "pages are missed");
}

static void both_sides_are_there(void **state)
{
	Tarn__HvReply *reply;
	const Tarn__PartitionStat *stat;

	(void)state;
	wait_redundant(true);
	reply = test_host_stat(&host, true);
	stat = test_stat_partition(reply, "db1");
	assert_string_equal(stat->pgdev, "device-1");
	assert_string_equal(stat->mirror, "device-2");
	assert_int_equal(stat->missed + stat->mirror_missed, 0);
	assert_int_equal(stat->healed, 0);
	stat = test_stat_partition(reply, "db3");
	assert_null(stat->mirror);
	assert_false(stat->has_missed);
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_end_well(&host);
}

static void each_vios_in_turn_may_go(void **state)
{
	Tarn__HvReply *reply;

	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		unsigned path = round % 2;

		test_host_kill_vios(&host, path);
		wait_redundant(false);
		all_go_on();
		test_host_vios(&host, path);
		wait_redundant(true);
		all_go_on();
	}
	reply = test_host_stat(&host, false);
	assert_true(test_stat_partition(reply, "db1")->resynced > 0);
	/* an ended incarnation writes to its own side: no slot waits for it */
	assert_int_equal(test_stat_partition(reply, "db1")->slots_quarantined, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_end_well(&host);
}

/* P17: the other one has all of it. */
static void a_device_may_be_gone_with_its_vios(void **state)
{
	(void)state;
	wait_redundant(true);
	test_host_kill_vios(&host, 1);
	assert_int_equal(unlink(host.guests[0].reach.mirror.path), 0);
	assert_int_equal(unlink(host.guests[1].reach.device.path), 0);
	all_go_on();
	test_host_end_well(&host);
}

static void damage_on_one_side_is_healed(void **state)
{
	static const uint8_t junk[HV_PAGE_BYTES] = { 0xee };
	const struct test_device *device = &host.guests[0].reach.device;
	Tarn__HvReply *reply;
	int fd;

	(void)state;
	wait_redundant(true);
	host.config.changes_reads = true;
	fd = open(device->path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (off_t slot = 2; slot < 2048; slot++)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), slot * HV_PAGE_BYTES),
				 HV_PAGE_BYTES);
	(void)close(fd);
	test_host_verify(&host);
	reply = test_host_stat(&host, false);
	assert_true(test_stat_partition(reply, "db1")->healed > 0);
	assert_int_equal(test_stat_partition(reply, "db1")->failed_faults, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	wait_redundant(true);
	test_host_end_well(&host);
}

static bool may_go(void *arg)
{
	(void)arg;
	return test_host_expect(&host, "vios2") == HV_OK;
}

static void maintenance_waits_for_what_is_behind_one_alone(void **state)
{
	(void)state;
	miss_on_vios1();
	assert_int_equal(test_host_expect(&host, "vios2"), HV_E_REFUSED);
	all_go_on();
	test_host_vios(&host, 0);
	test_host_wait_vios(&host, "vios1", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_true(test_wait(may_go, NULL, TEST_WAIT_MS)); /* vios1 opens devices */
	test_host_wait_vios(&host, "vios2", TARN__VIOS_STATE__VIOS_MAINTENANCE);
	assert_int_equal(test_process_wait(&host.vios[1], TEST_WAIT_MS), 0);
	(void)test_process_end(&host.vios[1], 0);
	all_go_on();
	test_host_end_well(&host);
}

/* Resync is slow: it reads from vios2. */
static void one_that_has_pages_alone_stays_when_its_partner_goes(void **state)
{
	struct hv_injection slow = test_injection(HV_INJECTION_DELAY, HV_INJECTION_READ);

	(void)state;
	slow.delay_ms = 200;
	miss_on_vios1();
	assert_int_equal(test_inject(host.dir.path, "vios2", &slow, NULL, NULL), HV_OK);
	test_host_vios(&host, 0);
	assert_true(test_wait(may_go, NULL, TEST_WAIT_MS));
	test_host_kill_vios(&host, 0);
	assert_int_equal(test_inject_clear(host.dir.path, "vios2"), HV_OK);
	test_host_wait_page_ins(&host, "db1", 200);
	test_host_wait_page_ins(&host, "db2", 200);
	test_host_vios(&host, 0);
	test_host_wait_vios(&host, "vios2", TARN__VIOS_STATE__VIOS_MAINTENANCE);
	assert_int_equal(test_process_wait(&host.vios[1], TEST_WAIT_MS), 0);
	(void)test_process_end(&host.vios[1], 0);
	all_go_on();
	test_host_end_well(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(both_sides_are_there),
		TEST(each_vios_in_turn_may_go),
		TEST(a_device_may_be_gone_with_its_vios),
		TEST(damage_on_one_side_is_healed),
		TEST(maintenance_waits_for_what_is_behind_one_alone),
		TEST(one_that_has_pages_alone_stays_when_its_partner_goes),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
