/*
 * A partition whose operating system manages its memory, over a real hypervisor.
 *
 * Claim: what the system does not need it lends, more when a neighbour comes, so that
 * the hypervisor does not page it; working storage that does not fit goes to the system's own
 * device; memory that is taken from it is emptied first; no page is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/base/units.h"
#include "tests/support/host.h"

#define MIB_PAGES 256u
#define POOL_MIB 32u

static struct test_host host;

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ .window_ms = 500 });
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

struct wanted {
	uint64_t loaned, taken, file_reads, page_ins, page_outs; /* at least */
};

static bool has_come(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "os");

	return stat->os_loaned_pages >= wanted->loaned &&
	       stat->loaned_pages >= wanted->taken &&
	       stat->os_file_reads >= wanted->file_reads &&
	       stat->os_page_ins >= wanted->page_ins &&
	       stat->os_page_outs >= wanted->page_outs;
}

static void what_it_does_not_need_it_lends(void **state)
{
	struct wanted alone = { .loaned = 24 * MIB_PAGES, .file_reads = 24 * MIB_PAGES };
	struct wanted beside = { .loaned = 34 * MIB_PAGES, .taken = MIB_PAGES };
	Tarn__HvReply *reply;
	const Tarn__PartitionStat *stat;

	(void)state;
	(void)test_host_run(&host, &(struct test_partition){ .name = "os",
							     .mem_mib = 64,
							     .workload = "os",
							     .working_set = 25,
							     .write_percent = 50,
							     .loan_policy = "1" });
	test_host_wait(&host, has_come, &alone, TEST_HOST_WAIT_MS, "it to lend");
	(void)test_host_run(&host, &(struct test_partition){
					   .name = "other", .mem_mib = 8, .threads = 1 });
	test_host_wait(&host, has_come, &beside, TEST_HOST_WAIT_MS, "it to lend more");
	test_host_verify(&host);
	reply = test_host_stat(&host, true);
	stat = test_stat_partition(reply, "os");
	assert_int_equal(stat->os_loan_policy, 1);
	assert_int_equal(stat->os_free_pages + stat->os_working_pages +
				 stat->os_cache_pages + stat->os_loaned_pages,
			 stat->logical_pages);
	assert_int_equal(stat->os_page_outs, 0);
	assert_int_equal(stat->os_io_errors, 0);
	assert_in_range(stat->page_outs, 0, 2 * MIB_PAGES);
	assert_int_equal(stat->mismatches, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_end(&host);
}

static void working_storage_that_does_not_fit_goes_to_its_own_device(void **state)
{
	struct wanted wanted = { .page_ins = 2000 };

	(void)state;
	(void)test_host_run(&host, &(struct test_partition){ .name = "os",
							     .mem_mib = 40,
							     .workload = "os",
							     .working_set = 130,
							     .write_percent = 50,
							     .loan_policy = "2" });
	test_host_wait(&host, has_come, &wanted, TEST_HOST_WAIT_MS, "it to page");
	test_host_verify(&host);
	test_host_end(&host);
}

static uint64_t resized(const struct test_guest *guest, unsigned mib)
{
	uint64_t has_mib;

	assert_int_equal(
		test_host_resize(&host, guest->name, guest->run_id, mib, 60, NULL),
		HV_OK);
	assert_int_equal(test_host_wait_resized(&host, guest->name, &has_mib), HV_OK);
	test_host_audit(&host);
	return has_mib;
}

static bool adds_up(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "os");

	(void)arg;
	return stat->os_free_pages + stat->os_working_pages + stat->os_cache_pages +
			       stat->os_loaned_pages ==
		       stat->logical_pages &&
	       stat->os_io_errors == 0;
}

/* While it works; some of what it uses has no room in what is left. */
static void it_gives_memory_back_block_by_block(void **state)
{
	struct wanted works = { .file_reads = 8 * MIB_PAGES };
	struct wanted pages = { .page_ins = 200, .page_outs = 2 * MIB_PAGES };
	struct test_guest *guest;

	(void)state;
	guest = test_host_run(&host, &(struct test_partition){ .name = "os",
							       .mem_mib = 64,
							       .workload = "os",
							       .working_set = 60,
							       .write_percent = 50,
							       .loan_policy = "1" });
	test_host_wait(&host, has_come, &works, TEST_HOST_WAIT_MS, "it to work");
	assert_int_equal(resized(guest, 32), 32);
	test_host_wait(&host, has_come, &pages, TEST_HOST_WAIT_MS, "it to page");
	test_host_wait(&host, adds_up, NULL, TEST_HOST_WAIT_MS, "figures of 32 MiB");
	test_host_verify(&host);
	assert_int_equal(resized(guest, 64), 64);
	assert_int_equal(resized(guest, 48), 48);
	test_host_verify(&host);
	test_host_end(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_it_does_not_need_it_lends, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			working_storage_that_does_not_fit_goes_to_its_own_device, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(it_gives_memory_back_block_by_block,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
