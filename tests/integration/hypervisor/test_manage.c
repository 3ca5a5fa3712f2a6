/*
 * The AMS manager over real partitions.
 *
 * Claim: a working set that fits stays while a neighbour scans more than the pool; an
 * idle partition gives up what it does not use, and works on unharmed when it wakes;
 * pages that a partition says are unused leave without I/O, and no page is lost by it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>

#include "hvcore/base/units.h"
#include "tests/support/host.h"

#define MIB_PAGES 256u
#define POOL_MIB 32u

static struct test_host host;

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host,
			&(struct test_host_config){ .window_ms = 500, .hang_ms = 30000 });
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

struct resident {
	const char *name;
	uint64_t least, most; /* pages */
};

static bool is_resident(const Tarn__HvReply *reply, void *arg)
{
	const struct resident *wanted = arg;
	const Tarn__PartitionStat *stat = test_stat_partition(reply, wanted->name);

	return stat->resident_pages >= wanted->least &&
	       stat->resident_pages <= wanted->most;
}

static void an_idle_partition_gives_up_what_it_does_not_use(void **state)
{
	struct resident filled = { "idle", 20 * MIB_PAGES, UINT64_MAX };
	struct resident small = { "idle", 0, 2 * MIB_PAGES }; /* entitled to 1.5 */
	Tarn__HvReply *reply;
	const Tarn__ManagerStat *manager;

	(void)state;
	(void)test_host_run(&host, &(struct test_partition){ .name = "idle",
							     .mem_mib = 24,
							     .workload = "idle",
							     .rate = 1,
							     .threads = 1 });
	test_host_wait(&host, is_resident, &filled, TEST_HOST_WAIT_MS, "it to be filled");
	(void)test_host_run(&host, &(struct test_partition){
					   .name = "busy", .mem_mib = 64, .threads = 1 });
	test_host_wait(&host, is_resident, &small, TEST_HOST_WAIT_MS, "it to give");
	reply = test_host_stat(&host, true);
	manager = test_stat_partition(reply, "idle")->manager;
	assert_non_null(manager);
	assert_true(manager->target_pages <= 2 * MIB_PAGES);
	assert_true(reply->stat->pool->looks > 0);
	assert_true(reply->stat->pool->n_decisions > 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_verify(&host); /* it wakes, and every page is what it was */
	test_host_end(&host);
}

static void a_working_set_that_fits_is_kept_beside_a_scan(void **state)
{
	struct resident kept = { "work", 15 * MIB_PAGES, UINT64_MAX };

	(void)state;
	(void)test_host_run(&host, &(struct test_partition){
					   .name = "work", .mem_mib = 16, .threads = 1 });
	(void)test_host_run(&host, &(struct test_partition){ .name = "scan",
							     .mem_mib = 128,
							     .workload = "scan",
							     .threads = 1 });
	test_host_wait_page_ins(&host, "scan", 3 * POOL_MIB * MIB_PAGES);
	test_host_wait(&host, is_resident, &kept, TEST_HOST_WAIT_MS, "it to be back");
	test_host_wait_page_ins(&host, "scan", POOL_MIB * MIB_PAGES);
	test_host_wait(&host, is_resident, &kept, TEST_HOST_WAIT_MS, "it to stay");
	test_host_end(&host);
}

static bool has_dropped(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "phases");

	return stat->unused_steals >= *(const uint64_t *)arg;
}

static void unused_pages_leave_without_io(void **state)
{
	uint64_t wanted = 5000;

	(void)state;
	(void)test_host_run(&host, &(struct test_partition){ .name = "phases",
							     .mem_mib = 96,
							     .workload = "phases",
							     .working_set = 30,
							     .phase_ms = 500,
							     .discards = true,
							     .hints = true,
							     .threads = 2 });
	test_host_wait(&host, has_dropped, &wanted, TEST_HOST_WAIT_MS, "pages to go");
	test_host_verify(&host);
	test_host_wait(&host, has_dropped, &wanted, TEST_HOST_WAIT_MS, "pages to go");
	test_host_end(&host);
}

static struct test_guest *greedy(const char *name)
{
	return test_host_run(&host, &(struct test_partition){
					    .name = name, .mem_mib = 48, .threads = 1 });
}

static void share(const struct test_guest *guest, uint32_t weight, unsigned entitled_mib)
{
	assert_int_equal(
		test_host_share(&host, guest->name, guest->run_id, weight,
				entitled_mib * (uint64_t)MIB_PAGES * HV_PAGE_BYTES, NULL),
		HV_OK);
}

struct pair {
	const char *more, *less;
};

static bool has_thrice(const Tarn__HvReply *reply, void *arg)
{
	const struct pair *pair = arg;

	return test_stat_partition(reply, pair->more)->resident_pages >
	       3 * test_stat_partition(reply, pair->less)->resident_pages;
}

/* Two that want more than there is; nothing but what they may count on changes. */
static void shares_move_with_weight_and_entitlement(void **state)
{
	struct pair ab = { "a", "b" }, ba = { "b", "a" };
	struct resident kept = { "a", 12 * MIB_PAGES, 14 * MIB_PAGES };
	struct test_guest *a, *b;
	struct hv_err err = { 0 };

	(void)state;
	a = greedy("a");
	b = greedy("b");
	share(a, 255, 0);
	share(b, 0, 0);
	test_host_wait(&host, has_thrice, &ab, TEST_HOST_WAIT_MS, "a to have more");
	share(a, 0, 0);
	share(b, 255, 0);
	test_host_wait(&host, has_thrice, &ba, TEST_HOST_WAIT_MS, "b to have more");
	share(a, 0, 12); /* its weight is worth nothing, its guarantee is */
	test_host_wait(&host, is_resident, &kept, TEST_HOST_WAIT_MS, "a to have 12 MiB");
	assert_int_equal(test_host_share(&host, "b", b->run_id, 255,
					 24 * (uint64_t)MIB_PAGES * HV_PAGE_BYTES, &err),
			 HV_E_REFUSED); /* 36 of 32 MiB */
	assert_int_equal(test_host_share(&host, "b", b->run_id, 255,
					 20 * (uint64_t)MIB_PAGES * HV_PAGE_BYTES, &err),
			 HV_E_REFUSED); /* what is kept free is promised to nobody */
	assert_int_equal(test_host_share(&host, "b", b->run_id, 256, 0, &err),
			 HV_E_INVAL);
	assert_int_equal(test_host_share(&host, "b", b->run_id + 1, 1, 0, &err),
			 HV_E_NOTFOUND);
	assert_int_equal(test_host_share(&host, "b", b->run_id, 1, UINT64_MAX, &err),
			 HV_E_INVAL);
	test_host_verify(&host);
	test_host_end(&host);
}

static bool is_shrinking(const Tarn__HvReply *reply, void *arg)
{
	(void)arg;
	return reply->stat->pool->has_target_bytes;
}

static uint64_t pool_bytes(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	uint64_t bytes = reply->stat->pool->pool_bytes;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return bytes;
}

static void signal_vios(int signal)
{
	for (unsigned i = 0; i < HV_COUNT(host.vios); i++)
		test_process_signal(&host.vios[i], signal);
}

/* The answer comes when it is over. */
static void *shrink(void *arg)
{
	*(enum hv_code *)arg = test_host_pool(&host, 16, NULL);
	return NULL;
}

/* P14: carried out under load; given up while nothing can be paged out. */
static void a_pool_shrinks_under_load_or_is_given_up(void **state)
{
	enum hv_code code = HV_OK;
	pthread_t asking;

	(void)state;
	(void)test_host_run(&host, &(struct test_partition){ .name = "busy",
							     .mem_mib = 64,
							     .write_percent = 50,
							     .threads = 2 });
	test_host_wait_page_ins(&host, "busy", 2000);
	assert_int_equal(test_host_pool(&host, 16, NULL), HV_OK);
	assert_int_equal(pool_bytes(), 16 * MIB_PAGES * (uint64_t)HV_PAGE_BYTES);
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
	test_host_wait_page_ins(&host, "busy", 20 * MIB_PAGES);
	signal_vios(SIGSTOP);
	assert_int_equal(pthread_create(&asking, NULL, shrink, &code), 0);
	test_host_wait(&host, is_shrinking, NULL, TEST_HOST_WAIT_MS, "it to shrink");
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
	signal_vios(SIGCONT);
	assert_int_equal(pthread_join(asking, NULL), 0);
	assert_int_equal(code, HV_E_CANCELED);
	assert_int_equal(pool_bytes(), POOL_MIB * MIB_PAGES * (uint64_t)HV_PAGE_BYTES);
	test_host_verify(&host);
	test_host_end(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_idle_partition_gives_up_what_it_does_not_use, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_working_set_that_fits_is_kept_beside_a_scan, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unused_pages_leave_without_io, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(shares_move_with_weight_and_entitlement,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_pool_shrinks_under_load_or_is_given_up,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
