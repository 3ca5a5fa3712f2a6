/*
 * Read-ahead with real programs: who reads in order gets pages before it asks for them,
 * who does not, or whose hypervisor has it switched off, gets none; all are right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/host.h"

#define PAGES_IN 3000

static struct test_host host;

struct wanted {
	uint64_t page_ins, used;
};

static bool has_come(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "db1");

	return stat->page_ins >= wanted->page_ins &&
	       stat->read_ahead_used >= wanted->used;
}

/* Until it has had so many; gives the pages that came ahead. */
static uint64_t run(const char *workload, bool is_off, struct wanted wanted)
{
	const struct test_partition spec = { .name = "db1",
					     .mem_mib = 64,
					     .workload = workload };
	Tarn__HvReply *reply;
	const Tarn__PartitionStat *stat;
	uint64_t ahead;

	test_host_start(&host, &(struct test_host_config){ .is_ahead_off = is_off });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host, &spec);
	test_host_wait(&host, has_come, &wanted, TEST_HOST_WAIT_MS, "pages");
	reply = test_host_stat(&host, true);
	stat = test_stat_partition(reply, "db1");
	assert_true(stat->has_read_ahead && stat->has_read_ahead_wasted);
	assert_true(stat->read_ahead_used + stat->read_ahead_wasted <= stat->read_ahead);
	ahead = stat->read_ahead;
	tarn__hv_reply__free_unpacked(reply, NULL);
	return ahead;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

static void a_scan_gets_pages_before_it_asks_for_them(void **state)
{
	(void)state;
	assert_true(run("scan", false, (struct wanted){ .used = PAGES_IN }) >= PAGES_IN);
	test_host_end_well(&host);
}

static void who_reads_here_and_there_gets_hardly_any(void **state)
{
	(void)state;
	assert_true(run("zipf", false, (struct wanted){ .page_ins = PAGES_IN }) <
		    PAGES_IN / 20);
	test_host_end_well(&host);
}

static void none_comes_where_it_is_switched_off(void **state)
{
	(void)state;
	assert_int_equal(run("scan", true, (struct wanted){ .page_ins = PAGES_IN }), 0);
	test_host_end_well(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
		TEST(a_scan_gets_pages_before_it_asks_for_them),
		TEST(who_reads_here_and_there_gets_hardly_any),
		TEST(none_comes_where_it_is_switched_off),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
