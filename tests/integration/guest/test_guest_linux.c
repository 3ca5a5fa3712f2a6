/*
 * test_guest_linux ARCH - an unmodified Linux (deploy/guest, with a workload that knows
 * every byte of its memory) as a partition, in a pool of half its memory: paged and right,
 * what it frees comes back, its kernel's figures arrive, and its power button works.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/units.h"
#include "tests/support/guest.h"
#include "tests/support/region.h"

#define KIT_MISSING 3 /* exit status of deploy/guest/make */
#define PATH_ROOM 512
#define LENT_BYTES (UINT64_C(4) << 20)

struct kind {
	const char *arch, *guest, *program, *package, *console;
	unsigned mem_mib, pool_mib, work_mib;
};

static const struct kind kinds[] = {
	{ "amd64", "qemu-x86_64", "qemu-system-x86_64", "qemu-system-x86", "ttyS0", 128,
	  48, 64 },
	{ "ppc64el", "qemu-ppc64", "qemu-system-ppc64", "qemu-system-ppc", "hvc0", 256,
	  128, 128 },
};

static const struct kind *kind = kinds;
static long filled; /* pages of its workload: as many as its kernel let it have */
static struct test_host host;
static struct test_console console;

static void make_kit(char out[PATH_ROOM])
{
	const char *source = getenv("TARN_SOURCE");
	static struct test_process make;
	char program[PATH_ROOM];
	int code;

	(void)snprintf(program, sizeof(program), "%s/deploy/guest/make",
		       source != NULL ? source : ".");
	(void)snprintf(out, PATH_ROOM, "%s/build/guest", source != NULL ? source : ".");
	code = test_process_run(
		&make, program,
		(const char *[]){ "--arch", kind->arch, "--out", out, NULL });
	if (code == KIT_MISSING)
		test_skip("the packages for the guest cannot be had here");
	if (code != 0)
		fail_msg("deploy/guest/make:\n%s%s", make.out, make.err);
}

static struct test_guest *boot(const char *kit)
{
	char kernel[PATH_ROOM + 32], initrd[PATH_ROOM + 32], append[128];
	const char *const options[] = {
		"--guest",      kind->guest,     "--kernel", kernel,
		"--initrd",     initrd,          "--append", append,
		"--console-fd", console.fd_text, NULL,
	};

	(void)snprintf(kernel, sizeof(kernel), "%s/%s/vmlinux", kit, kind->arch);
	(void)snprintf(initrd, sizeof(initrd), "%s/%s/initrd.img", kit, kind->arch);
	(void)snprintf(append, sizeof(append),
		       "console=%s quiet mitigations=off tarn.mem=%u tarn.pace=0 "
		       "tarn.run=1",
		       kind->console, kind->work_mib);
	return test_host_run(&host, &(struct test_partition){ .name = "lin1",
							      .mem_mib = kind->mem_mib,
							      .options = options });
}

static void expect_line(struct test_guest *guest, const char *text)
{
	if (test_console_says(&console, text))
		return;
	test_process_read(&guest->process);
	test_host_tell(&host);
	fail_msg("the guest did not say '%s':\n%s\n%s", text, console.text,
		 guest->process.err);
}

static void expect_verified(struct test_guest *guest)
{
	char text[64];

	test_console_forget(&console);
	test_console_say(&console, "verify\n");
	(void)snprintf(text, sizeof(text), "tarn-guest: verified pages=%ld bad=0",
		       filled);
	expect_line(guest, text);
	assert_null(strstr(console.text, "BAD"));
}

/* All in all: a workload that settles in the pool pages no more. */
static bool was_paged(const Tarn__HvReply *reply, void *arg)
{
	(void)arg;
	return test_stat_partition(reply, "lin1")->page_ins > 500;
}

/* Its kernel has spoken, and what it never used, or freed again, was given back. */
static bool has_spoken(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__GuestStat *guest = test_stat_partition(reply, "lin1")->guest;

	(void)arg;
	return guest != NULL && guest->has_total_bytes && guest->has_available_bytes &&
	       guest->has_said_ms && guest->discarded_pages > 0;
}

/* Frames are short, so it is asked to lend, and does what its policy lets it. */
static bool lends(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__GuestStat *guest = test_stat_partition(reply, "lin1")->guest;

	(void)arg;
	return guest->balloon_target_bytes > 0 && guest->balloon_bytes >= LENT_BYTES;
}

/* Pages that are anywhere at all: in the pool or out. */
static bool holds_little(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "lin1");
	uint64_t has = stat->logical_pages - stat->zero_pages;

	return has < *(const uint64_t *)arg;
}

static void it_is_paged_and_right_and_gives_back(void **state)
{
	uint64_t little;
	struct test_guest *guest;
	Tarn__HvReply *reply;
	char kit[PATH_ROOM];

	(void)state;
	test_need_qemu(kind->program, kind->package);
	make_kit(kit);
	test_host_start(&host, &(struct test_host_config){ .hang_ms = 10000 });
	assert_int_equal(test_host_pool(&host, kind->pool_mib, NULL), HV_OK);
	test_console_open(&console, &host, "console");
	guest = boot(kit);
	expect_line(guest, "tarn-guest: filled pages=");
	expect_line(guest, "tarn-guest: status");
	filled = test_console_number(&console, "filled pages=");
	assert_true(filled >= (long)kind->work_mib * 128);
	test_host_wait(&host, was_paged, NULL, TEST_GUEST_WAIT_MS, "page-ins");
	expect_verified(guest);
	test_host_audit(&host);
	test_host_wait(&host, has_spoken, NULL, TEST_GUEST_WAIT_MS, "figures of a guest");
	test_host_wait(&host, lends, NULL, TEST_GUEST_WAIT_MS, "a balloon that lends");
	reply = test_host_stat(&host, false);
	little = (test_stat_partition(reply, "lin1")->logical_pages -
		  test_stat_partition(reply, "lin1")->zero_pages) -
		 (uint64_t)filled / 2;
	assert_string_not_equal(test_stat_partition(reply, "lin1")->guest->accel_reason,
				"");
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_console_say(&console, "free 100\n");
	expect_line(guest, "tarn-guest: freed pages=");
	test_host_wait(&host, holds_little, &little, TEST_GUEST_WAIT_MS,
		       "free pages given back");
	test_console_forget(&console);
	test_console_say(&console, "fill\n");
	expect_line(guest, "tarn-guest: filled pages=");
	expect_verified(guest);
	assert_int_equal(
		test_host_control(&host, guest,
				  TARN__PARTITION_COMMAND__PARTITION_COMMAND_SHUTDOWN),
		HV_OK);
	expect_line(guest, "tarn-guest: bye");
	assert_int_equal(test_process_wait(&guest->process, TEST_GUEST_WAIT_MS), 0);
	test_host_end(&host);
	test_console_close(&console);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_paged_and_right_and_gives_back),
	};

	for (unsigned i = 0; i < HV_COUNT(kinds); i++)
		if (argc > 1 && strcmp(argv[1], kinds[i].arch) == 0)
			kind = &kinds[i];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
