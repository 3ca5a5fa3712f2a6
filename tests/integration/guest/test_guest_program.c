/*
 * A program that knows nothing of paging, with libtarn-attach.so in it: all that QEMU
 * does to its memory, in a pool that has half of it (tests/guest/pool_program.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/guest.h"

static struct test_host host;

static void what_a_program_does_to_its_memory_is_survived(void **state)
{
	char path[TEST_PATH_BYTES * 2];
	const char *const options[] = { "--program", path, NULL };
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_program_does_to_its_memory_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
