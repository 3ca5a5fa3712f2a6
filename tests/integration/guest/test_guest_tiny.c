/*
 * A virtual machine of QEMU as a partition: it boots, is paged, obeys, and ends, with the
 * real hypervisor and a pair of VIOS. The guest is tests/guest/tiny.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/guest.h"

#define DEATH_MS 2000 /* at once; a busy machine */

static struct test_host host;
static struct test_console console;

static char kernel[TEST_PATH_BYTES * 2], disks[2][TEST_PATH_BYTES + 8];

/* 32 MiB of guest in a pool of 16. */
static const char *const *options_of(void)
{
	static const char *options[20];
	unsigned count = 0;

	options[count++] = "--guest";
	options[count++] = "qemu-x86_64";
	options[count++] = "--kernel";
	options[count++] = test_tiny_guest(kernel, sizeof(kernel));
	options[count++] = "--accel";
	options[count++] = "tcg";
	options[count++] = "--disk";
	options[count++] = disks[0];
	options[count++] = "--disk";
	options[count++] = disks[1];
	options[count++] = "--net";
	options[count++] = "user";
	options[count++] = "--console-fd";
	options[count++] = console.fd_text;
	options[count] = NULL;
	return options;
}

static struct test_partition tiny(void)
{
	return (struct test_partition){ .name = "web1",
					.mem_mib = 32,
					.options = options_of() };
}

/* Which only root may open: the launcher does, before it gives up being root. */
static void make_disks(void)
{
	char path[TEST_PATH_BYTES];

	for (unsigned i = 0; i < 2; i++) {
		int fd;

		(void)test_tmpdir_file(&host.dir, i == 0 ? "disk-a" : "disk-b", path,
				       sizeof(path));
		fd = open(path, O_RDWR | O_CREAT, 0600);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, 1 << 20), 0);
		assert_int_equal(close(fd), 0);
		(void)snprintf(disks[i], sizeof(disks[i]), "%s%s", path,
			       i == 0 ? "" : ",ro");
	}
}

static void start(void)
{
	test_need_qemu("qemu-system-x86_64", "qemu-system-x86");
	test_host_start(&host, &(struct test_host_config){ .hang_ms = 10000 });
	assert_int_equal(test_host_pool(&host, 16, NULL), HV_OK);
	test_console_open(&console, &host, "console");
	make_disks();
}

static void expect_line(struct test_guest *guest, const char *text)
{
	if (test_console_says(&console, text))
		return;
	test_process_read(&guest->process);
	fail_msg("the guest did not say '%s':\n%s\n%s", text, console.text,
		 guest->process.err);
}

static void expect_log(struct test_guest *guest, const char *text)
{
	if (!test_process_says(&guest->process, text, TEST_GUEST_WAIT_MS))
		fail_msg("no '%s' in:\n%s", text, guest->process.err);
}

/* The next boot, of the same process or of another one. */
static void run_anew(struct test_guest *guest)
{
	struct test_partition spec = tiny();

	test_console_again(&console);
	test_host_run_again(&host, guest, &spec);
}

static void shut_down(struct test_guest *guest)
{
	assert_int_equal(
		test_host_control(&host, guest,
				  TARN__PARTITION_COMMAND__PARTITION_COMMAND_SHUTDOWN),
		HV_OK);
	expect_line(guest, "tiny: off");
	assert_int_equal(test_process_wait(&guest->process, TEST_GUEST_WAIT_MS), 0);
	expect_log(guest, "guest.shutdown reason='guest-shutdown'");
}

static void a_guest_runs_in_half_its_memory_and_obeys(void **state)
{
	struct test_partition spec;
	struct test_guest *guest;

	(void)state;
	start();
	spec = tiny();
	guest = test_host_run(&host, &spec);
	expect_line(guest, "tiny: pass=2 bad=");
	assert_int_equal(test_console_number(&console, " bad="), 0);
	test_host_wait_page_ins(&host, "web1", 1000);
	test_host_audit(&host);
	/* a reset is the guest's own affair: the same process, the same memory */
	test_console_forget(&console);
	test_console_say(&console, "r");
	expect_line(guest, "tiny: pass=1 bad=0\n");
	expect_log(guest, "guest.reset reason='guest-reset'");
	/* a panic ends it, with last words */
	test_console_say(&console, "p");
	assert_int_equal(test_process_wait(&guest->process, TEST_GUEST_WAIT_MS), 1);
	expect_log(guest, "guest.crashed");
	/* hangs, and is killed while it waits for pages: nothing stays, and its device
	 * is free */
	run_anew(guest);
	expect_line(guest, "tiny: pass=1 bad=0\n");
	test_process_signal(&guest->process, SIGSTOP);
	test_process_signal(&guest->process, SIGKILL);
	assert_int_equal(test_process_wait(&guest->process, TEST_GUEST_WAIT_MS),
			 128 + SIGKILL);
	run_anew(guest);
	expect_line(guest, "tiny: pass=1 bad=0\n");
	shut_down(guest);
	test_host_end(&host);
	test_console_close(&console);
}

/* P1 */
static void a_guest_dies_with_its_hypervisor(void **state)
{
	struct test_partition spec;
	struct test_guest *guest;

	(void)state;
	start();
	spec = tiny();
	guest = test_host_run(&host, &spec);
	expect_line(guest, "tiny: pass=1 bad=0\n");
	test_process_signal(&host.hypervisor, SIGKILL);
	assert_int_equal(test_process_wait(&guest->process, DEATH_MS), 128 + SIGKILL);
	expect_log(guest, "guest.hypervisor_lost");
	test_host_abandon(&host);
	test_console_close(&console);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_runs_in_half_its_memory_and_obeys),
		cmocka_unit_test(a_guest_dies_with_its_hypervisor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
