/*
 * Programs that know nothing of paging, with libtarn-attach.so in them, in a pool that has
 * half of their memory: one that does all that QEMU does (tests/guest/pool_program.c), one
 * that does what programs do (any_program.c), and one that nobody wrote for this.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/guest.h"

static struct test_host host;

static void what_a_program_does_to_its_memory_is_survived(void **state)
{
	char path[TEST_PATH_BYTES * 2];
	const char *const options[] = { "--program", path, "--large", "0", NULL };
	const char *bin = getenv("TARN_BIN");
	struct test_guest *guest;
	Tarn__HvReply *reply;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/pool-program", bin != NULL ? bin : ".");
	test_host_start(&host, &(struct test_host_config){ .hang_ms = 10000 });
	assert_int_equal(test_host_pool(&host, 16, NULL), HV_OK);
	guest = test_host_run(&host, &(struct test_partition){ .name = "prog1",
							       .mem_mib = 32,
							       .options = options });
	if (!test_process_says(&guest->process, "program: all ok", TEST_GUEST_WAIT_MS))
		fail_msg("the program did not end well:\n%s", guest->process.err);
	test_host_audit(&host);
	reply = test_host_stat(&host, false);
	assert_true(test_stat_partition(reply, "prog1")->page_ins > 1000);
	assert_true(test_stat_partition(reply, "prog1")->discards > 0);
	if (test_stat_partition(reply, "prog1")->reason != NULL)
		assert_string_equal(test_stat_partition(reply, "prog1")->reason, "");
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_end(&host);
}

/* Waits until its memory in the pool is so much at most. */
struct rest {
	const char *name;
	uint64_t most_pages;
};

static bool is_at_rest(const Tarn__HvReply *reply, void *arg)
{
	const struct rest *rest = arg;

	return test_stat_partition(reply, rest->name)->resident_pages <= rest->most_pages;
}

static void expect_paged(const char *name)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, name);

	/* what is read in order comes many pages at a time */
	if (stat->page_ins < 100 || stat->page_outs < 16 * 256 ||
	    stat->resident_pages > 16 * 256)
		fail_msg("%llu page-ins, %llu page-outs, %llu pages resident",
			 (unsigned long long)stat->page_ins,
			 (unsigned long long)stat->page_outs,
			 (unsigned long long)stat->resident_pages);
	if (stat->reason != NULL)
		assert_string_equal(stat->reason, "");
	tarn__hv_reply__free_unpacked(reply, NULL);
}

static void any_program_has_its_large_memory_in_the_pool(void **state)
{
	char path[TEST_PATH_BYTES * 2];
	const char *const options[] = { "--program", path, "--", "32", NULL };
	struct rest rest = { "any1", 8 * 256 };
	const char *bin = getenv("TARN_BIN");
	struct test_guest *guest;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/any-program", bin != NULL ? bin : ".");
	test_host_start(&host, &(struct test_host_config){ .hang_ms = 10000 });
	assert_int_equal(test_host_pool(&host, 16, NULL), HV_OK);
	guest = test_host_run(&host, &(struct test_partition){ .name = "any1",
							       .mem_mib = 64,
							       .options = options });
	if (!test_process_says(&guest->process, "program: all ok", TEST_GUEST_WAIT_MS))
		fail_msg("the program did not end well:\n%s", guest->process.err);
	expect_paged("any1");
	/* what was freed holds no frame; an allocator keeps some */
	test_host_wait(&host, is_at_rest, &rest, TEST_GUEST_WAIT_MS, "frames given back");
	assert_int_equal(
		test_host_control(&host, guest,
				  TARN__PARTITION_COMMAND__PARTITION_COMMAND_SHUTDOWN),
		HV_OK);
	assert_int_equal(test_process_wait(&guest->process, TEST_HOST_WAIT_MS), 0);
	test_process_read(&guest->process);
	assert_non_null(strstr(guest->process.err, "program.memory mib=64"));
	test_host_end(&host);
}

static void dedicated_memory_serves_as_well(void **state)
{
	char path[TEST_PATH_BYTES * 2];
	const char *const options[] = { "--program", path, "--", "16", NULL };
	const char *bin = getenv("TARN_BIN");
	struct test_guest *guest;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/any-program", bin != NULL ? bin : ".");
	test_host_start(&host, &(struct test_host_config){ .hang_ms = 10000 });
	guest = test_host_run(&host, &(struct test_partition){ .name = "any2",
							       .mem_mib = 32,
							       .is_dedicated = true,
							       .options = options });
	if (!test_process_says(&guest->process, "program: all ok", TEST_GUEST_WAIT_MS))
		fail_msg("the program did not end well:\n%s", guest->process.err);
	test_host_end(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_program_does_to_its_memory_is_survived),
		cmocka_unit_test(any_program_has_its_large_memory_in_the_pool),
		cmocka_unit_test(dedicated_memory_serves_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
