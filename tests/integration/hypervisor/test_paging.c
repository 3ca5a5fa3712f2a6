/* Paging end to end: hypervisor, a pair of VIOS and partitions as real processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/host.h"

/* The pool's own figures have all that its partitions have. */
static void check_pool(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, false);
	const Tarn__PoolStat *pool = reply->stat->pool;
	uint64_t page_ins = 0, page_in_us = 0;

	for (size_t i = 0; i < reply->stat->n_partitions; i++) {
		page_ins += reply->stat->partitions[i]->page_ins;
		page_in_us += reply->stat->partitions[i]->page_in_us;
		assert_true(reply->stat->partitions[i]->cpu_us > 0);
		assert_true(reply->stat->partitions[i]->run_ms > 0);
	}
	assert_int_equal(pool->page_faults, page_ins);
	assert_true(pool->page_in_delay_us > pool->page_faults);
	assert_true(page_in_us > page_ins);
	assert_true(pool->clock_ms > 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
}

static void twice_the_pool_goes_in_and_out_and_every_page_is_right(void **state)
{
	static struct test_host host;

	(void)state;
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){ .name = "db1",
							     .mem_mib = 32,
							     .write_percent = 50 });
	(void)test_host_run(&host, &(struct test_partition){ .name = "db2",
							     .mem_mib = 32,
							     .write_percent = 50 });
	test_host_wait_page_ins(&host, "db1", 2000);
	test_host_audit(&host);
	check_pool(&host);
	test_host_verify(&host);
	test_host_end(&host);
}

struct mark {
	const char *name;
	uint64_t enters, invalidations;
};

static bool has_come(const Tarn__HvReply *reply, void *arg)
{
	const struct mark *mark = arg;
	const Tarn__PartitionStat *stat = test_stat_partition(reply, mark->name);

	return stat->hpt_enters >= mark->enters &&
	       stat->hpt_invalidations >= mark->invalidations;
}

/*
 * SPEC R3: every access is translated by entries that H_ENTER made; those of a page
 * that is paged out end, and are made again. Dedicated memory never loses one.
 */
static void every_page_is_right_through_page_tables(void **state)
{
	static struct test_host host;
	struct mark shared = { "db1", 2 * 32 * 256, 32 * 256 };
	struct mark dedicated = { "ded", 8 * 256, 0 };
	Tarn__HvReply *reply;
	Tarn__PartitionStat *stat;

	(void)state;
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){ .name = "db1",
							     .mem_mib = 32,
							     .write_percent = 50,
							     .threads = 2,
							     .via_hpt = true });
	(void)test_host_run(&host, &(struct test_partition){ .name = "db2",
							     .mem_mib = 32,
							     .write_percent = 50 });
	(void)test_host_run(&host, &(struct test_partition){ .name = "ded",
							     .mem_mib = 8,
							     .is_dedicated = true,
							     .via_hpt = true });
	test_host_wait(&host, has_come, &shared, TEST_HOST_WAIT_MS, "entries made again");
	test_host_wait(&host, has_come, &dedicated, TEST_HOST_WAIT_MS, "entries made");
	reply = test_host_stat(&host, true);
	stat = test_stat_partition(reply, "db1");
	assert_true(stat->hpt_hits > 0 &&
		    stat->hpt_misses >= stat->hpt_invalidations / 2);
	assert_true(stat->hpt_entries <= 32 * 256);
	assert_int_equal(stat->hcalls_refused, 0);
	assert_int_equal(test_stat_partition(reply, "ded")->hpt_entries, 8 * 256);
	assert_int_equal(test_stat_partition(reply, "ded")->hpt_invalidations, 0);
	assert_false(test_stat_partition(reply, "db2")->has_hpt_bytes);
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_verify(&host);
	test_host_end(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twice_the_pool_goes_in_and_out_and_every_page_is_right),
		cmocka_unit_test(every_page_is_right_through_page_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
