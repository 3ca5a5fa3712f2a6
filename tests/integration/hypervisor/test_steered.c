/* A thread that waits for pages is kept to the processor of its faults, and let go (steer.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/host.h"
#include "tests/support/wait.h"

/* Of its threads those that may run on one processor alone. */
static unsigned kept(const struct test_guest *guest)
{
	const struct dirent *entry;
	unsigned count = 0;
	cpu_set_t cpus;
	char path[64];
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", guest->process.pid);
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((entry = readdir(tasks)) != NULL)
		if (entry->d_name[0] != '.' &&
		    sched_getaffinity((int)strtol(entry->d_name, NULL, 10), sizeof(cpus),
				      &cpus) == 0)
			count += CPU_COUNT(&cpus) == 1;
	(void)closedir(tasks);
	return count;
}

struct wanted {
	const struct test_guest *guest;
	unsigned kept;
};

static bool has_so_many(void *arg)
{
	const struct wanted *wanted = arg;

	return kept(wanted->guest) == wanted->kept;
}

static void who_waits_for_pages_is_kept_and_let_go(void **state)
{
	static struct test_host host;
	struct wanted wanted;
	cpu_set_t cpus;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	if (CPU_COUNT(&cpus) < 2) {
		print_message("skipped: one processor\n");
		skip();
	}
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){ .name = "pages",
							     .mem_mib = 192,
							     .threads = 3 });
	/* the first worker keeps itself there */
	wanted = (struct wanted){ &host.guests[0], 3 };
	assert_true(test_wait(has_so_many, &wanted, TEST_HOST_WAIT_MS));
	assert_int_equal(test_host_pool(&host, 256, NULL),
			 HV_OK); /* all have all of it */
	wanted.kept = 1;
	assert_true(test_wait(has_so_many, &wanted, TEST_HOST_WAIT_MS));
	test_host_end_well(&host);
}

static void nobody_is_kept_where_it_is_switched_off(void **state)
{
	static struct test_host host;

	(void)state;
	test_host_start(&host, &(struct test_host_config){ .is_steer_off = true });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){ .name = "pages",
							     .mem_mib = 192,
							     .threads = 3 });
	test_host_wait_page_ins(&host, "pages", 5000);
	assert_int_equal(kept(&host.guests[0]), 1);
	test_host_end_well(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_for_pages_is_kept_and_let_go),
		cmocka_unit_test(nobody_is_kept_where_it_is_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
