/*
 * tarn-partition against the plain pager: pages that come and go lose nothing, a
 * page that does is found, and the partition ends when and how it must.
 */
#include "tests/integration/partition/plain_pager.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"
#include "tests/support/process.h"
#include "tests/support/region.h"
#include "tests/support/seed.h"
#include "tests/support/tmpdir.h"
#include "tests/support/wait.h"

#define PAGES 2048
#define BYTES ((uint64_t)PAGES * HV_PAGE_BYTES)
#define WAIT_MS 30000 /* generous: the machine may be busy */
#define ARGUMENTS_MAX 32
#define TOKEN "000102030405060708090a0b0c0d0e0f"

static uint64_t seed;

/* One partition and its pager. */
struct pair {
	struct test_tmpdir dir;
	char path[TEST_PATH_BYTES + 16];
	struct plain_pager pager;
	struct test_process process;
	int device; /* /dev/userfaultfd */
};

static void start_partition(struct pair *pair, const char *const *more)
{
	char device[16], seed_text[32];
	const char *arguments[ARGUMENTS_MAX] = {
		"--socket", pair->path, "--name",        "db1",  "--run-id", "3",
		"--token",  TOKEN,      "--uffd-device", device, "--seed",   seed_text,
	};
	unsigned count = 12;

	(void)snprintf(device, sizeof device, "%d", pair->device);
	(void)snprintf(seed_text, sizeof seed_text, "%llu", (unsigned long long)seed);
	for (; *more != NULL; more++) {
		assert_true(count < ARGUMENTS_MAX - 1);
		arguments[count++] = *more;
	}
	test_process_start(&pair->process, "tarn-partition", arguments);
}

static void start(struct pair *pair, const struct plain_pager_config *given,
		  const char *const *more)
{
	struct plain_pager_config config = *given;

	test_tmpdir_make(&pair->dir);
	(void)test_tmpdir_file(&pair->dir, "attach.sock", pair->path, sizeof pair->path);
	pair->device = open("/dev/userfaultfd", O_RDWR); /* inherited */
	assert_true(pair->device >= 0);
	config.path = pair->path;
	config.bytes = BYTES;
	config.seed = seed;
	plain_pager_open(&pair->pager, &config);
	start_partition(pair, more);
	plain_pager_attach(&pair->pager);
}

static const struct plain_pager_config thieving = {
	.mode = HV_MODE_SHARED,
	.home_cpu = -1,
	.may_steal = true,
};

static void clean_up(struct pair *pair)
{
	plain_pager_close(&pair->pager);
	assert_int_equal(close(pair->device), 0);
	test_tmpdir_remove(&pair->dir);
}

/* OS shutdown by the hypervisor's word. */
static void shut_down(struct pair *pair)
{
	plain_pager_command(&pair->pager, HV_CONTROL_SHUTDOWN, 1000);
	assert_int_equal(test_process_end(&pair->process, 0), 0);
	clean_up(pair);
}

static bool has_worked(void *arg)
{
	struct pair *pair = arg;
	struct hv_attach_report report = plain_pager_report(&pair->pager);

	/* a steal is canceled when its page is touched meanwhile: sooner or later */
	return report.operations >= 20000 && atomic_load(&pair->pager.steals) >= 10000 &&
	       atomic_load(&pair->pager.page_ins) >= 1000 &&
	       atomic_load(&pair->pager.cancels) > 0;
}

static bool has_filled(void *arg)
{
	struct pair *pair = arg;

	return plain_pager_report(&pair->pager).operations >= PAGES &&
	       atomic_load(&pair->pager.steals) >= 100;
}

static bool has_verified(void *arg)
{
	struct pair *pair = arg;

	return plain_pager_report(&pair->pager).verify_passes >= 1;
}

static struct hv_attach_report verify(struct pair *pair)
{
	plain_pager_command(&pair->pager, HV_CONTROL_VERIFY, 1);
	assert_true(test_wait(has_verified, pair, WAIT_MS));
	return plain_pager_report(&pair->pager);
}

static void every_workload_survives_theft(void **state)
{
	static const char *const rows[][10] = {
		{ "--workload", "zipf", NULL },
		{ "--workload", "zipf", "--threads", "4", NULL },
		{ "--workload", "scan", "--write-percent", "20", NULL },
		{ "--workload", "phases", "--working-set", "30", "--phase-ms", "200",
		  "--discard", "--threads", "2", NULL },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct hv_attach_report report;
		struct pair pair;

		start(&pair, &thieving, rows[i]);
		assert_true(test_wait(has_worked, &pair, WAIT_MS));
		report = verify(&pair);
		assert_int_equal(report.pages_verified, PAGES);
		assert_int_equal(report.verify_bad, 0);
		assert_int_equal(report.mismatches, 0);
		/* It was stolen from in earnest, and has seen its faults. */
		assert_true(report.stall_sum_ns > 0);
		assert_true(report.longest_stall_us > 0);
		assert_true(atomic_load(&pair.pager.cancels) > 0);
		if (strcmp(rows[i][1], "phases") == 0)
			assert_true(atomic_load(&pair.pager.discards) > 0);
		shut_down(&pair);
	}
}

/* The check can fail. */
static void one_bit_changed_while_stolen_is_found(void **state)
{
	static const char *const idle[] = { "--workload", "idle", NULL };
	static const unsigned bytes[] = { 0, 2000, HV_PAGE_BYTES - 1 };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(bytes); i++) {
		struct hv_attach_report report;
		char line[64];
		struct pair pair;
		uint64_t page;

		start(&pair, &thieving, idle);
		assert_true(test_wait(has_filled, &pair, WAIT_MS));
		page = plain_pager_corrupt(&pair.pager, bytes[i]);
		report = verify(&pair);
		assert_int_equal(report.pages_verified, PAGES);
		assert_int_equal(report.verify_bad, 1);
		assert_int_equal(report.mismatches, 1);
		(void)snprintf(line, sizeof line, "partition.mismatch page=%llu ",
			       (unsigned long long)page);
		assert_true(test_process_says(&pair.process, line, WAIT_MS));
		shut_down(&pair);
	}
}

static void a_poisoned_page_is_counted_and_not_the_end(void **state)
{
	static const char *const idle[] = { "--workload", "idle", NULL };
	struct hv_attach_report report;
	struct pair pair;

	(void)state;
	start(&pair, &thieving, idle);
	assert_true(test_wait(has_filled, &pair, WAIT_MS));
	(void)plain_pager_poison(&pair.pager);
	report = verify(&pair);
	assert_int_equal(report.pages_verified, PAGES);
	assert_int_equal(report.verify_bad, 1);
	assert_int_equal(report.mismatches, 1);
	assert_true(test_process_says(&pair.process, "found=poison", WAIT_MS));
	shut_down(&pair);
}

static bool has_waited_long(void *arg)
{
	struct pair *pair = arg;

	return plain_pager_report(&pair->pager).longest_stall_us >= 1500000;
}

struct going {
	struct pair *pair;
	uint64_t operations;
};

static bool has_gone_on(void *arg)
{
	struct going *going = arg;

	return plain_pager_report(&going->pair->pager).operations > going->operations;
}

static void a_partition_that_waits_says_how_long(void **state)
{
	static const char *const scan[] = { "--workload", "scan", NULL };
	struct hv_attach_report before, after;
	struct pair pair;
	struct going going = { .pair = &pair };

	(void)state;
	start(&pair, &thieving, scan);
	assert_true(test_wait(has_filled, &pair, WAIT_MS));
	plain_pager_freeze(&pair.pager);
	assert_true(test_wait(has_waited_long, &pair, WAIT_MS));
	before = plain_pager_report(&pair.pager);
	plain_pager_thaw(&pair.pager);
	going.operations = before.operations;
	assert_true(test_wait(has_gone_on, &going, WAIT_MS));
	after = plain_pager_report(&pair.pager);
	/* It is counted once it is over, and still the longest. */
	assert_true(after.stall_max_ns / 1000 >= before.longest_stall_us);
	assert_true(after.longest_stall_us >= before.longest_stall_us);
	assert_int_equal(after.mismatches, 0);
	shut_down(&pair);
}

/* P1: however it is held up, it is gone before the userfaultfd could be. */
static void a_hang_up_kills_it_at_once(void **state)
{
	static const char *const zipf[] = { "--workload", "zipf", "--threads", "4",
					    NULL };
	uint64_t fastest_ms = UINT64_MAX;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct pair pair;
		uint64_t began_ms, took_ms;

		start(&pair, &thieving, zipf);
		assert_true(test_wait(has_filled, &pair, WAIT_MS));
		if (i % 2 == 1) /* its workers wait for pages */
			plain_pager_freeze(&pair.pager);
		began_ms = hv_clock_ms();
		plain_pager_hang_up(&pair.pager);
		assert_int_equal(test_process_wait(&pair.process, WAIT_MS),
				 128 + SIGKILL);
		took_ms = hv_clock_ms() - began_ms;
		if (took_ms < fastest_ms)
			fastest_ms = took_ms;
		(void)test_process_end(&pair.process, 0);
		clean_up(&pair);
	}
	/* Of five, since other tests may have the processors. */
	assert_in_range(fastest_ms, 0, 100);
}

static void a_termination_signal_ends_it_well(void **state)
{
	static const char *const zipf[] = { "--workload", "zipf", NULL };
	struct pair pair;

	(void)state;
	start(&pair, &thieving, zipf);
	assert_true(test_wait(has_filled, &pair, WAIT_MS));
	assert_int_equal(test_process_end(&pair.process, SIGTERM), 0);
	clean_up(&pair);
}

/* Whether a line "key: value" of /proc/PID/name has this value. */
static bool proc_says(int pid, const char *name, const char *key, const char *value)
{
	char path[64], line[256], got[64];
	bool is_said = false;
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0 &&
		    sscanf(line + strlen(key), ": %63s", got) == 1)
			is_said = strcmp(got, value) == 0;
	}
	assert_int_equal(fclose(file), 0);
	return is_said;
}

static void it_keeps_no_privilege(void **state)
{
	static const char *const idle[] = { "--workload", "idle", NULL };
	static const char *const rows[][2] = {
		{ "CapEff", "0000000000000000" },
		{ "CapPrm", "0000000000000000" },
		{ "CapInh", "0000000000000000" },
		{ "NoNewPrivs", "1" },
		{ "Uid", "65534" },
		{ "Gid", "65534" },
		{ "VmPin", "0" },
	};
	struct pair pair;

	(void)state;
	start(&pair, &thieving, idle);
	assert_true(test_wait(has_filled, &pair, WAIT_MS));
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		if (!proc_says(pair.process.pid, "status", rows[i][0], rows[i][1]))
			fail_msg("%s is not %s", rows[i][0], rows[i][1]);
	}
	shut_down(&pair);
}

/* P7: the one mapping of the file, and its flags in smaps. */
static void its_memory_is_registered_and_not_inherited(void **state)
{
	static const char *const idle[] = { "--workload", "idle", NULL };
	static const char *const flags[] = { " dc", " dd", " um", " uw", " ui" };
	char path[64], line[512], found[512] = "";
	unsigned mappings = 0;
	struct pair pair;
	FILE *file;

	(void)state;
	start(&pair, &thieving, idle);
	assert_true(test_wait(has_filled, &pair, WAIT_MS));
	(void)snprintf(path, sizeof path, "/proc/%d/smaps", pair.process.pid);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file) != NULL) {
		if (strstr(line, "plain_pager") != NULL) {
			mappings++;
			found[0] = '?';
		} else if (found[0] == '?' && strncmp(line, "VmFlags:", 8) == 0) {
			memcpy(found, line, sizeof found);
		}
	}
	assert_int_equal(fclose(file), 0);
	assert_int_equal(mappings, 1);
	for (unsigned i = 0; i < HV_COUNT(flags); i++) {
		if (strstr(found, flags[i]) == NULL)
			fail_msg("no '%s' in '%s'", flags[i], found);
	}
	shut_down(&pair);
}

static void dedicated_memory_is_checked_as_well(void **state)
{
	static const char *const zipf[] = { "--workload", "zipf", NULL };
	static const struct plain_pager_config dedicated = {
		.mode = HV_MODE_DEDICATED,
		.home_cpu = 0,
	};
	struct hv_attach_report report;
	struct pair pair;

	(void)state;
	start(&pair, &dedicated, zipf);
	report = verify(&pair);
	assert_int_equal(report.pages_verified, PAGES);
	assert_int_equal(report.verify_bad, 0);
	shut_down(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_workload_survives_theft),
		cmocka_unit_test(one_bit_changed_while_stolen_is_found),
		cmocka_unit_test(a_poisoned_page_is_counted_and_not_the_end),
		cmocka_unit_test(a_partition_that_waits_says_how_long),
		cmocka_unit_test(a_hang_up_kills_it_at_once),
		cmocka_unit_test(a_termination_signal_ends_it_well),
		cmocka_unit_test(it_keeps_no_privilege),
		cmocka_unit_test(its_memory_is_registered_and_not_inherited),
		cmocka_unit_test(dedicated_memory_is_checked_as_well),
	};

	test_need_root();
	seed = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
