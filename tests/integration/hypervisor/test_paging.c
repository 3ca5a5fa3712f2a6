/* Paging end to end: hypervisor, a pair of VIOS and partitions as real processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/host.h"

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
	test_host_verify(&host);
	test_host_end(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twice_the_pool_goes_in_and_out_and_every_page_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
