/* A VIOS that is silent, and not judged yet: page-ins go on over the other one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "tests/support/host.h"

#define HANG_MS 30000 /* longer than this test */
#define PAGE_INS 2000 /* more than read buffers of a lane */

static Tarn__PartitionStat *stat_of(const Tarn__HvReply *reply)
{
	return test_stat_partition(reply, "reads");
}

static uint64_t page_ins(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, false);
	uint64_t count = stat_of(reply)->page_ins;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return count;
}

static void page_ins_go_on_while_the_vios_that_is_asked_is_stopped(void **state)
{
	static struct test_host host;
	Tarn__HvReply *reply;

	(void)state;
	test_host_start(&host, &(struct test_host_config){ .hang_ms = HANG_MS });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host,
			    &(struct test_partition){ .name = "reads", .mem_mib = 96 });
	test_host_wait_page_ins(&host, "reads", PAGE_INS);
	test_process_signal(&host.vios[0], SIGSTOP);
	test_host_wait_page_ins(&host, "reads", page_ins(&host) + PAGE_INS);
	test_process_signal(&host.vios[0], SIGCONT);
	reply = test_host_stat(&host, false);
	assert_true(stat_of(reply)->hedges >= 4);
	assert_true(stat_of(reply)->hedges_won >= 4);
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_wait_page_ins(&host, "reads", page_ins(&host) + PAGE_INS);
	test_host_end_well(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_ins_go_on_while_the_vios_that_is_asked_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
