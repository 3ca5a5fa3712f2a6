/*
 * Virtual disks and ethernets of real partitions: what is written is read, what is sent
 * arrives, and whatever a partition or a device does wrong is its own loss. A small pool,
 * so that pages come and go all the while.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/aio/workers.h"
#include "tests/integration/hypervisor/io_deeds.h"
#include "tests/support/host.h"
#include "tests/support/rogue.h"
#include "tests/support/slow_fs.h"
#include "tests/support/wait.h"

static struct test_host host;
static struct slow_fs slow; /* before the hypervisor is started, so that it sees it */
static struct rogue rogue, other;

static int set_up(void **state)
{
	(void)state;
	slow.control->hold_writes = slow.control->hold_reads = false;
	slow.control->hold_opens = false;
	slow.control->write_error = slow.control->read_error = 0;
	slow.control->sync_error = 0;
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 16, NULL), HV_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	slow.control->hold_writes = slow.control->hold_reads = false;
	slow.control->hold_opens = false;
	if (rogue.pid != 0)
		(void)kill(rogue.pid, SIGKILL);
	if (other.pid != 0)
		(void)kill(other.pid, SIGKILL);
	test_host_abandon(&host);
	return 0;
}

static void start(struct rogue *who, const char *name, struct test_partition spec)
{
	spec.name = name;
	spec.mem_mib = IO_MEM_MIB;
	spec.entitled_mib = 3;
	rogue_start(who, &host, &spec);
	assert_int_equal(rogue_do(who, ROGUE_FILL, 0, IO_MEM_PAGES), 0);
}

static Tarn__PartitionStat stat_of(const char *name)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	Tarn__PartitionStat stat = *test_stat_partition(reply, name);

	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(stat.io_waits, 0);
	return stat;
}

static void check_file(const char *path, uint64_t first, uint64_t count)
{
	uint64_t page[HV_PAGE_BYTES / 8];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (uint64_t n = first; n < first + count; n++) {
		assert_int_equal(
			pread(fd, page, sizeof(page), (off_t)(n * HV_PAGE_BYTES)),
			sizeof(page));
		assert_int_equal(page[0], io_content(n, 0));
		assert_int_equal(page[511], io_content(n, 511));
	}
	(void)close(fd);
}

static void what_is_written_is_read(const struct test_partition *spec)
{
	Tarn__PartitionStat stat;
	char path[TEST_PATH_BYTES + 32];

	start(&rogue, "rogue", *spec);
	assert_int_equal(rogue_run(&rogue, io_open_disk, 0, 0), H_SUCCESS);
	assert_int_equal(rogue_run(&rogue, io_open_disk, 0, 0), (uint64_t)H_RESOURCE);
	assert_int_equal(rogue_run(&rogue, io_capacity, 0, 0),
			 IO_DISK_PAGES * (HV_PAGE_BYTES / HV_DISK_BLOCK_BYTES));
	assert_int_equal(rogue_run(&rogue, io_write_blocks, 0, 600), 0);
	assert_int_equal(rogue_run(&rogue, io_read_blocks, 0, 600), 0);
	check_file(test_tmpdir_file(&host.dir, "disks/rogue-10", path, sizeof(path)), 0,
		   600);
	stat = stat_of("rogue");
	assert_int_equal(stat.io_transfers, 600 + 600 + 2);
	assert_int_equal(stat.io_bytes, 1200 * HV_PAGE_BYTES + 32);
	assert_int_equal(stat.io_refused, 0);
	assert_int_equal(stat.tces, 2); /* its queue and its IUs */
	assert_int_equal(rogue_run(&rogue, io_close_disk, 0, 0), H_SUCCESS);
	assert_int_equal(rogue_run(&rogue, io_close_disk, 0, 0), H_CLOSED);
	rogue_end(&rogue, &host);
}

static void blocks_of_shared_memory_come_back_as_they_were(void **state)
{
	(void)state;
	what_is_written_is_read(&(struct test_partition){ .disk_mib = { IO_DISK_MIB } });
	/* the next run finds them */
	start(&rogue, "rogue", (struct test_partition){ .disk_mib = { IO_DISK_MIB } });
	assert_int_equal(rogue_run(&rogue, io_open_disk, 0, 0), H_SUCCESS);
	assert_int_equal(rogue_run(&rogue, io_read_blocks, 0, 600), 0);
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

static void so_do_those_of_dedicated_memory(void **state)
{
	(void)state;
	what_is_written_is_read(&(struct test_partition){ .disk_mib = { IO_DISK_MIB },
							  .is_dedicated = true });
	test_host_end(&host);
}

static void packets_reach_the_partition_they_are_for(void **state)
{
	const struct test_partition spec = { .vlan = { 7 } };
	uint64_t unit = hv_io_ethernet_unit(0, 0);
	uint64_t from, to;
	Tarn__PartitionStat stat;

	(void)state;
	start(&rogue, "rogue", spec);
	start(&other, "other", spec);
	from = rogue_run(&rogue, io_open_lan, unit, 0);
	to = rogue_run(&other, io_open_lan, unit, 64);
	assert_int_equal(from, hv_lan_mac_of("rogue", 20));
	assert_int_equal(to, hv_lan_mac_of("other", 20));
	assert_int_equal(rogue_run(&rogue, io_keep_mac, from, 0), 0);
	for (unsigned i = 0; i < 52; i++) { /* never more than there are buffers */
		assert_int_equal(rogue_run(&rogue, io_send_frames, to, 20), 0);
		assert_int_equal(rogue_run(&other, io_receive_frames, from, 20), 0);
	}
	stat = stat_of("other");
	assert_int_equal(stat.io_transfers, 1040);
	assert_int_equal(stat.io_bytes, 1040 * 1012);
	assert_int_equal(stat.io_dropped, 0);
	assert_int_equal(stat_of("rogue").io_transfers, 1040);
	/* not its own source, and nobody's destination */
	assert_int_equal(rogue_run(&rogue, io_send_frames, 0x02ffffffffff, 1), 0);
	assert_int_equal(rogue_run(&rogue, io_keep_mac, to, 0), 0);
	assert_int_equal(rogue_run(&rogue, io_send_frames, to, 1), (uint64_t)H_PARAMETER);
	assert_int_equal(rogue_run(&other, io_close_lan, 0, 0), H_SUCCESS);
	assert_int_equal(rogue_run(&other, io_close_lan, 0, 0), H_CLOSED);
	rogue_end(&other, &host);
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

static void no_packet_leaves_its_vlan(void **state)
{
	uint64_t unit = hv_io_ethernet_unit(0, 0);
	uint64_t from;

	(void)state;
	start(&rogue, "rogue", (struct test_partition){ .vlan = { 7 } });
	start(&other, "other", (struct test_partition){ .vlan = { 8, 7 } });
	from = rogue_run(&rogue, io_open_lan, unit, 0);
	assert_int_equal(rogue_run(&rogue, io_keep_mac, from, 0), 0);
	assert_int_equal(rogue_run(&other, io_open_lan, unit, 4),
			 hv_lan_mac_of("other", 20));
	assert_int_equal(rogue_run(&rogue, io_send_frames, HV_LAN_BROADCAST, 2), 0);
	assert_int_equal(rogue_run(&other, io_has_frame, 0, 0), 0);
	assert_int_equal(rogue_run(&other, io_close_lan, 0, 0), H_SUCCESS);
	/* its other ethernet is on that VLAN */
	assert_int_equal(rogue_run(&other, io_open_lan, unit + 1, 4),
			 hv_lan_mac_of("other", 21));
	assert_int_equal(rogue_run(&rogue, io_send_frames, HV_LAN_BROADCAST, 2), 0);
	assert_int_equal(rogue_run(&other, io_receive_frames, from, 2), 0);
	rogue_end(&other, &host);
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

static void what_is_not_its_own_is_refused_and_counted(void **state)
{
	Tarn__PartitionStat stat;

	(void)state;
	start(&rogue, "rogue",
	      (struct test_partition){ .disk_mib = { IO_DISK_MIB }, .vlan = { 7 } });
	assert_int_equal(rogue_run(&rogue, io_open_disk, 0, 0), H_SUCCESS);
	(void)rogue_run(&rogue, io_open_lan, hv_io_ethernet_unit(1, 0), 8);
	for (unsigned i = 0; i < IO_REFUSALS; i++)
		assert_int_equal(rogue_run(&rogue, io_try_transfer, 0, i),
				 (uint64_t)io_refusals[i].code);
	stat = stat_of("rogue");
	assert_int_equal(stat.io_refused, IO_REFUSALS);
	assert_int_equal(stat.io_transfers, 0);
	/* a disk that it does not have, and an ethernet's unit as one */
	assert_int_equal(rogue_run(&rogue, io_open_disk, 1, 0), (uint64_t)H_PARAMETER);
	assert_int_equal(rogue_run(&rogue, io_open_disk, 7, 0), (uint64_t)H_PARAMETER);
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

static void garbage_in_the_rings_is_its_own_loss(void **state)
{
	const struct test_partition spec = { .disk_mib = { IO_DISK_MIB }, .vlan = { 7 } };

	(void)state;
	start(&rogue, "rogue", spec);
	start(&other, "other", spec);
	assert_int_equal(rogue_run(&other, io_open_disk, 0, 0), H_SUCCESS);
	assert_int_equal(rogue_run(&rogue, io_open_disk, 0, 0), H_SUCCESS);
	(void)rogue_run(&rogue, io_open_lan, hv_io_ethernet_unit(1, 0), 8);
	assert_true(rogue_run(&rogue, io_send_garbage, 1, 3000) > 100);
	assert_int_equal(rogue_run(&other, io_write_blocks, 0, 50), 0);
	assert_int_equal(rogue_run(&other, io_read_blocks, 0, 50), 0);
	(void)stat_of("rogue");
	assert_int_equal(rogue_do(&other, ROGUE_CHECK, 800, 200), 0);
	rogue_end(&rogue, &host);
	rogue_end(&other, &host);
	test_host_end(&host);
}

static void a_device_that_errs_is_told_of_and_counted(void **state)
{
	(void)state;
	start(&rogue, "rogue",
	      (struct test_partition){ .disk_mib = { 1 }, .disk_path = { slow.file } });
	assert_int_equal(rogue_run(&rogue, io_open_disk, 0, 0), H_SUCCESS);
	assert_int_equal(rogue_run(&rogue, io_write_blocks, 0, 8), 0);
	slow.control->write_error = ENOSPC;
	slow.control->sync_error = EIO;
	/* a page cache may take it, and say so when it is asked to be sure */
	assert_true(rogue_run(&rogue, io_one_page, HV_SCSI_WRITE, 3) != 0 ||
		    rogue_run(&rogue, io_one_page, HV_SCSI_SYNC, 0) != 0);
	slow.control->write_error = slow.control->sync_error = 0;
	slow.control->read_error = EIO;
	assert_int_equal(rogue_run(&rogue, io_one_page, HV_SCSI_READ, 100), 0x031100);
	slow.control->read_error = 0;
	assert_int_equal(rogue_run(&rogue, io_one_page, HV_SCSI_READ, 101), 0);
	assert_true(stat_of("rogue").io_device_errors >= 2);
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

static bool is_held(void *arg)
{
	return slow.control->held >= *(uint32_t *)arg;
}

/* Every frame of the pool is free, or the other one's: the first one's are back. */
static bool is_given_back(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "other");
	const Tarn__PoolStat *pool = reply->stat->pool;

	(void)arg;
	return pool->frames_free + pool->tier_frames + stat->resident_pages +
		       stat->stealing_pages + stat->inflight_pages >=
	       pool->frames;
}

/* IO5; and the end of its partition gives its memory back, IO3. */
static void a_device_that_hangs_holds_up_nobody(void **state)
{
	uint32_t one = 1; /* the kernel may read ahead for all of them */

	(void)state;
	start(&rogue, "rogue",
	      (struct test_partition){ .disk_mib = { 1 }, .disk_path = { slow.file } });
	start(&other, "other", (struct test_partition){ .disk_mib = { IO_DISK_MIB } });
	assert_int_equal(rogue_run(&rogue, io_open_disk, 0, 0), H_SUCCESS);
	assert_int_equal(rogue_run(&other, io_open_disk, 0, 0), H_SUCCESS);
	slow.control->hold_reads = true;
	/* blocks that nobody has read yet: the others are in the page cache */
	assert_int_equal(
		rogue_run(&rogue, io_flood, HV_SCSI_READ, IO_FROM(200, HV_DISK_REQUESTS)),
		0);
	assert_int_equal(rogue_run(&rogue, io_flood, HV_SCSI_READ, 1), H_BUSY);
	assert_true(test_wait(is_held, &one, TEST_WAIT_MS));
	assert_int_equal(rogue_run(&other, io_write_blocks, 0, 100), 0);
	assert_int_equal(rogue_run(&other, io_read_blocks, 0, 100), 0);
	slow.control->hold_reads = false;
	assert_int_equal(rogue_run(&rogue, io_drain, HV_DISK_REQUESTS, 0), 0);
	slow.control->hold_reads = true;
	assert_int_equal(
		rogue_run(&rogue, io_flood, HV_SCSI_READ, IO_FROM(150, HV_DISK_REQUESTS)),
		0);
	assert_true(test_wait(is_held, &one, TEST_WAIT_MS));
	/* its end: all of its frames come back though the device has not answered */
	(void)kill(rogue.pid, SIGKILL);
	assert_int_equal(rogue_wait(&rogue, TEST_WAIT_MS), 128 + SIGKILL);
	test_host_wait(&host, is_given_back, NULL, TEST_WAIT_MS, "its frames");
	test_host_audit(&host);
	assert_true(slow.control->held > 0);
	assert_int_equal(rogue_run(&other, io_write_blocks, 100, 100), 0);
	slow.control->hold_reads = false;
	rogue_end(&rogue, &host);
	assert_int_equal(rogue_run(&other, io_read_blocks, 100, 100), 0);
	rogue_end(&other, &host);
	test_host_end(&host);
}

/* IO3: killed again and again with requests under way; its neighbour notices nothing. */
static void killed_in_the_middle_harms_nobody(void **state)
{
	(void)state;
	start(&other, "other", (struct test_partition){ .disk_mib = { IO_DISK_MIB } });
	assert_int_equal(rogue_run(&other, io_open_disk, 0, 0), H_SUCCESS);
	for (unsigned i = 0; i < 5; i++) {
		start(&rogue, "rogue",
		      (struct test_partition){ .disk_mib = { IO_DISK_MIB } });
		assert_int_equal(rogue_run(&rogue, io_open_disk, 0, 0), H_SUCCESS);
		assert_int_equal(rogue_run(&rogue, io_write_blocks, 900, 50), 0);
		rogue_run_order(&rogue, io_churn, 0, 0);
		assert_int_equal(rogue_run(&other, io_write_blocks, 0, 40), 0);
		rogue_end(&rogue, &host);
		assert_int_equal(rogue_run(&other, io_read_blocks, 0, 40), 0);
		assert_int_equal(rogue_do(&other, ROGUE_CHECK, 800, 400), 0);
		(void)stat_of("other");
	}
	rogue_end(&other, &host);
	test_host_end(&host);
}

/* H10: the I/O thread waits for its file, the loop does not, and then nobody does. */
static void h10_who_holds_its_file_holds_up_no_adapter_for_long(void **state)
{
	const struct test_partition spec = { .vlan = { 7 } };
	uint64_t unit = hv_io_ethernet_unit(0, 0);
	uint64_t from;

	(void)state;
	start(&rogue, "rogue", spec);
	start(&other, "other", spec);
	from = rogue_run(&other, io_open_lan, unit, 64);
	assert_int_equal(rogue_run(&other, io_keep_mac, from, 0), 0);
	assert_int_equal(rogue_run(&rogue, io_open_lan, unit, 64),
			 hv_lan_mac_of("rogue", 20));
	assert_int_equal(rogue_do(&rogue, ROGUE_HOLD, 1000, 0), 0);
	assert_int_equal(rogue_run(&other, io_send_frames, HV_LAN_BROADCAST, 20), 0);
	/* a port is added meanwhile, and one removed */
	(void)test_host_run(&host, &(struct test_partition){ .name = "third",
							     .mem_mib = 1,
							     .is_dedicated = true,
							     .vlan = { 7 } });
	assert_int_equal(rogue_wait(&rogue, TEST_WAIT_MS), 128 + SIGKILL);
	rogue_end(&rogue, &host);
	start(&rogue, "rogue", spec);
	assert_int_equal(rogue_run(&rogue, io_open_lan, unit, 64),
			 hv_lan_mac_of("rogue", 20));
	assert_int_equal(rogue_run(&other, io_send_frames, HV_LAN_BROADCAST, 20), 0);
	assert_int_equal(rogue_run(&rogue, io_receive_frames, from, 20), 0);
	rogue_end(&rogue, &host);
	rogue_end(&other, &host);
	test_host_end(&host);
}

/* Nothing that was posted to the I/O thread is left behind. */
static void the_hypervisor_ends_with_requests_under_way(void **state)
{
	(void)state;
	start(&rogue, "rogue", (struct test_partition){ .disk_mib = { IO_DISK_MIB } });
	assert_int_equal(rogue_run(&rogue, io_open_disk, 0, 0), H_SUCCESS);
	rogue_run_order(&rogue, io_churn, 0, 0);
	start(&other, "other", (struct test_partition){ .disk_mib = { IO_DISK_MIB } });
	assert_int_equal(rogue_run(&other, io_open_disk, 0, 0), H_SUCCESS);
	assert_int_equal(rogue_run(&other, io_write_blocks, 0, 40), 0);
	rogue_run_order(&other, io_churn, 0, 0);
	test_process_signal(&host.hypervisor, SIGTERM);
	assert_int_equal(test_process_wait(&host.hypervisor, TEST_WAIT_MS), 0);
	assert_int_equal(rogue_wait(&rogue, TEST_WAIT_MS), 128 + SIGKILL);
	assert_int_equal(rogue_wait(&other, TEST_WAIT_MS), 128 + SIGKILL);
}

static void what_can_be_no_disk_is_refused_when_it_is_defined(void **state)
{
	static const struct {
		struct test_partition spec;
		enum hv_code code;
	} rows[] = {
		{ { .disk_mib = { 1 }, .disk_path = { "/dev/null" } }, HV_E_INVAL },
		{ { .disk_mib = { 1 }, .disk_path = { "/nowhere/disk" } }, HV_E_OS },
		{ { .disk_mib = { 1, 1 }, .disk_path = { slow.file, slow.file } },
		  HV_E_BUSY },
		{ { .vlan = { 4095 } }, HV_E_INVAL },
	};
	char token[33], name[8];
	struct hv_err err = { 0 };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct test_partition spec = rows[i].spec;

		(void)snprintf(name, sizeof(name), "odd%u", i);
		spec.name = name;
		spec.mem_mib = 1;
		spec.is_dedicated = true;
		assert_int_equal(
			test_host_define(&host, &spec, ++host.run_id, token, &err),
			rows[i].code);
	}
	start(&rogue, "rogue", (struct test_partition){ .disk_mib = { 1 } });
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

static void memory_of_another_partition_is_no_disk(void **state)
{
	struct test_partition spec = { .name = "one",
				       .mem_mib = 4,
				       .is_dedicated = true };
	char token[33], path[TEST_PATH_BYTES + 32];
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_host_define(&host, &spec, ++host.run_id, token, &err),
			 HV_OK);
	spec.name = "two";
	spec.disk_mib[0] = 1;
	spec.disk_path[0] = test_tmpdir_file(&host.dir, "run/memory-one/disk", path,
					     sizeof(path));
	assert_int_equal(test_host_define(&host, &spec, ++host.run_id, token, &err),
			 HV_E_INVAL);
	assert_non_null(strstr(err.text, "memory of partitions"));
	test_host_remove(&host, "one", host.run_id - 1);
	test_host_end(&host);
}

/* As many as there are workers for them; nor is the hypervisor's own end. */
static void opens_that_hang_hold_up_nobody(void **state)
{
	struct test_partition spec = { .mem_mib = 1,
				       .is_dedicated = true,
				       .disk_mib = { 1 },
				       .disk_path = { slow.file },
				       .hangs = true };
	char token[33], name[8];

	(void)state;
	slow.control->hold_opens = true;
	spec.name = name;
	for (unsigned i = 0; i < HV_WORKERS; i++) {
		(void)snprintf(name, sizeof(name), "hung%u", i);
		host.run_id++;
		while (slow.control->held <= i)
			(void)test_host_define(&host, &spec, host.run_id, token, NULL);
	}
	start(&rogue, "rogue",
	      (struct test_partition){ .disk_mib = { IO_DISK_MIB }, .vlan = { 7 } });
	assert_int_equal(rogue_run(&rogue, io_open_disk, 0, 0), H_SUCCESS);
	assert_int_equal(rogue_run(&rogue, io_write_blocks, 0, 50), 0);
	rogue_end(&rogue, &host);
	assert_int_equal(slow.control->held, HV_WORKERS);
	(void)kill(host.hypervisor.pid, SIGTERM);
	assert_int_equal(test_process_wait(&host.hypervisor, TEST_WAIT_MS), 0);
	assert_true(test_process_says(&host.hypervisor, "hypervisor.left_behind",
				      TEST_WAIT_MS));
	test_host_abandon(&host);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(blocks_of_shared_memory_come_back_as_they_were),
		TEST(so_do_those_of_dedicated_memory),
		TEST(packets_reach_the_partition_they_are_for),
		TEST(no_packet_leaves_its_vlan),
		TEST(what_is_not_its_own_is_refused_and_counted),
		TEST(garbage_in_the_rings_is_its_own_loss),
		TEST(a_device_that_errs_is_told_of_and_counted),
		TEST(a_device_that_hangs_holds_up_nobody),
		TEST(killed_in_the_middle_harms_nobody),
		TEST(h10_who_holds_its_file_holds_up_no_adapter_for_long),
		TEST(the_hypervisor_ends_with_requests_under_way),
		TEST(what_can_be_no_disk_is_refused_when_it_is_defined),
		TEST(memory_of_another_partition_is_no_disk),
		TEST(opens_that_hang_hold_up_nobody),
	};
	int failed;

	if (argc > 1) /* one of them, by a pattern */
		cmocka_set_test_filter(argv[1]);
	if (!slow_fs_open(&slow, 1u << 20, true))
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	slow_fs_close(&slow);
	return failed;
}
