/*
 * A virtual machine of QEMU as a partition: it boots, is paged, obeys, and ends, with the
 * real hypervisor and a pair of VIOS. The guest is tests/guest/tiny.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "tests/support/guest.h"

static struct test_host host;
static struct test_console console;

/* 64 MiB of guest in a pool of 32. */
static struct test_guest *run_tiny(const char *name)
{
	char kernel[TEST_PATH_BYTES * 2];
	const char *options[] = { "--guest",
				  "qemu-x86_64",
				  "--kernel",
				  test_tiny_guest(kernel, sizeof(kernel)),
				  "--accel",
				  "tcg",
				  "--console-fd",
				  console.fd_text,
				  NULL };

	return test_host_run(&host, &(struct test_partition){ .name = name,
							      .mem_mib = 64,
							      .options = options });
}

static void start(void)
{
	test_need_qemu("qemu-system-x86_64", "qemu-system-x86");
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	test_console_open(&console, &host, "console");
}

static void expect_line(struct test_guest *guest, const char *text)
{
	if (test_console_says(&console, text))
		return;
	test_process_read(&guest->process);
	fail_msg("the guest did not say '%s':\n%s\n%s", text, console.text,
		 guest->process.err);
}

static void a_guest_runs_in_half_its_memory_and_shuts_down(void **state)
{
	struct test_guest *guest;

	(void)state;
	start();
	guest = run_tiny("web1");
	expect_line(guest, "tiny: pass=2 bad=");
	assert_int_equal(test_console_number(&console, " bad="), 0);
	test_host_wait_page_ins(&host, "web1", 1000);
	test_host_audit(&host);
	assert_int_equal(
		test_host_control(&host, guest,
				  TARN__PARTITION_COMMAND__PARTITION_COMMAND_SHUTDOWN),
		HV_OK);
	expect_line(guest, "tiny: off");
	assert_int_equal(test_process_wait(&guest->process, TEST_GUEST_WAIT_MS), 0);
	assert_true(test_process_says(&guest->process, "guest.shutdown", 0));
	assert_int_equal(test_console_number(&console, " bad="), 0);
	test_host_end(&host);
	test_console_close(&console);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_runs_in_half_its_memory_and_shuts_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
