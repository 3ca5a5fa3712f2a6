/*
 * Claim   a partition killed while its pages leave and come gives everything back,
 *         and no other notices (P2).
 * Inject  SIGKILL of one of three partitions, ten times, the next one at once.
 * Expect  its frames, its pool file and its device are free again; the others'
 *         pages verify; nothing is stolen for the dead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "tests/support/host.h"
#include "tests/support/wait.h"

#define ROUNDS 10

static struct test_host host;

static void everything_comes_back_and_nobody_else_notices(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){ .name = "db1",
							     .mem_mib = 24,
							     .write_percent = 50 });
	(void)test_host_run(&host, &(struct test_partition){ .name = "db2",
							     .mem_mib = 24,
							     .workload = "scan" });
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct test_guest *victim = test_host_run(
			&host, &(struct test_partition){ .name = "victim",
							 .mem_mib = 24,
							 .write_percent = 80,
							 .threads = 2 });

		test_host_wait_page_ins(&host, "victim", 50);
		test_process_signal(&victim->process, SIGKILL);
		assert_int_equal(test_process_wait(&victim->process, TEST_WAIT_MS),
				 128 + SIGKILL);
		test_host_wait_state(&host, "victim",
				     TARN__PARTITION_STATE__PARTITION_ENDED);
		test_host_audit(&host);
		test_host_remove(&host, "victim", victim->run_id);
		(void)test_process_end(&victim->process, 0);
		host.guest_count--;
	}
	test_host_verify(&host);
	test_host_end(&host); /* all frames are free again */
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(everything_comes_back_and_nobody_else_notices,
					  tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
