/*
 * Claim   a hypervisor that is killed takes its partitions with it: none goes on
 *         with zeros in place of its pages (P1). One that is only stopped for a
 *         while loses nothing and blames nobody.
 * Inject  SIGKILL; SIGSTOP for longer than hang_ms, then SIGCONT.
 * Expect  killed: every partition dead by SIGKILL within 2 s, none has seen a wrong
 *         page; VIOS end; the same host starts again on the same devices. Stopped:
 *         no failover, every page verifies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>

#include "hvcore/base/clock.h"
#include "tests/support/host.h"
#include "tests/support/wait.h"

static struct test_host host;

static void start_loaded(unsigned hang_ms)
{
	test_host_start(&host, &(struct test_host_config){ .hang_ms = hang_ms });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){ .name = "db1",
							     .mem_mib = 32,
							     .write_percent = 50,
							     .threads = 2 });
	(void)test_host_run(&host, &(struct test_partition){ .name = "db2",
							     .mem_mib = 32,
							     .workload = "scan" });
	test_host_wait_page_ins(&host, "db1", 500);
	test_host_wait_page_ins(&host, "db2", 500);
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

static void its_partitions_die_and_none_saw_a_zero(void **state)
{
	uint64_t start_ms;

	(void)state;
	start_loaded(0);
	start_ms = hv_clock_ms();
	test_process_signal(&host.hypervisor, SIGKILL);
	for (unsigned i = 0; i < host.guest_count; i++) {
		struct test_process *process = &host.guests[i].process;

		assert_int_equal(test_process_wait(process, TEST_WAIT_MS), 128 + SIGKILL);
		test_process_read(process);
		assert_null(strstr(process->err, "mismatch"));
	}
	assert_true(hv_clock_ms() - start_ms < 2000);
	for (unsigned i = 0; i < 2; i++)
		assert_true(test_process_wait(&host.vios[i], TEST_WAIT_MS) < 128);

	/* the host is usable again, on the same state directory */
	(void)test_process_end(&host.hypervisor, 0);
	host.guest_count = 0;
	test_host_hypervisor(&host);
	assert_int_equal(test_host_expect(&host, NULL), HV_OK);
	for (unsigned i = 0; i < 2; i++) {
		(void)test_process_end(&host.vios[i], 0);
		test_host_vios(&host, i);
	}
	test_host_wait_pair(&host);
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host,
			    &(struct test_partition){ .name = "db1", .mem_mib = 64 });
	test_host_wait_page_ins(&host, "db1", 100);
	test_host_verify(&host);
	test_host_end(&host);
}

static bool has_passed(void *arg)
{
	return hv_clock_ms() >= *(uint64_t *)arg;
}

static void one_that_was_stopped_loses_nothing_and_blames_nobody(void **state)
{
	uint64_t until_ms;
	Tarn__HvReply *reply;

	(void)state;
	start_loaded(500);
	test_process_signal(&host.hypervisor, SIGSTOP);
	until_ms = hv_clock_ms() + 1500;
	assert_true(test_wait(has_passed, &until_ms, TEST_WAIT_MS));
	test_process_signal(&host.hypervisor, SIGCONT);
	test_host_verify(&host);
	reply = test_host_stat(&host, true);
	assert_int_equal(reply->stat->n_failovers, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_end(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(its_partitions_die_and_none_saw_a_zero,
					  tear_down),
		cmocka_unit_test_teardown(
			one_that_was_stopped_loses_nothing_and_blames_nobody, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
