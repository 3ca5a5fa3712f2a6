/* A VIOS that waits awake takes no processor from who computes there (vios/spin.h). */
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

#define NOTICED_MS 2000 /* a second, and a probe */
#define MEASURED_MS 2000

struct figures {
	uint64_t cpu_us, page_ins, clock_ms;
};

static struct figures look(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, false);
	struct figures figures = {
		.cpu_us = test_stat_partition(reply, "computes")->cpu_us,
		.page_ins = test_stat_partition(reply, "pages")->page_ins,
		.clock_ms = reply->stat->pool->clock_ms,
	};

	tarn__hv_reply__free_unpacked(reply, NULL);
	return figures;
}

static bool is_past(const Tarn__HvReply *reply, void *arg)
{
	const uint64_t *clock_ms = arg;

	return reply->stat->pool->clock_ms >= *clock_ms;
}

static void pass(struct test_host *host, uint64_t ms)
{
	uint64_t clock_ms = look(host).clock_ms + ms;

	test_host_wait(host, is_past, &clock_ms, TEST_HOST_WAIT_MS, "time");
}

/* All its threads, to the processor of the one fault thread and its lanes. */
static void pin(const struct test_guest *guest)
{
	char path[64];
	const struct dirent *entry;
	cpu_set_t cpus;
	DIR *tasks;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	while (!CPU_ISSET((unsigned)cpu, &cpus))
		cpu++;
	CPU_ZERO(&cpus);
	CPU_SET((unsigned)cpu, &cpus);
	(void)snprintf(path, sizeof(path), "/proc/%d/task", guest->process.pid);
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((entry = readdir(tasks)) != NULL)
		if (entry->d_name[0] != '.')
			assert_int_equal(
				sched_setaffinity((int)strtol(entry->d_name, NULL, 10),
						  sizeof(cpus), &cpus),
				0);
	(void)closedir(tasks);
}

/* How much of a processor one has that computes where another one waits for pages. */
static unsigned percent_beside_paging(bool is_spin_off)
{
	static struct test_host host;
	struct figures before, after;

	test_host_start(&host, &(struct test_host_config){ .fault_threads = 1,
							   .is_spin_off = is_spin_off });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host,
			    &(struct test_partition){ .name = "pages", .mem_mib = 96 });
	test_host_wait_page_ins(&host, "pages", 2000);
	(void)test_host_run(&host, &(struct test_partition){ .name = "computes",
							     .mem_mib = 8,
							     .is_dedicated = true });
	pin(&host.guests[1]);
	pass(&host, NOTICED_MS);
	before = look(&host);
	pass(&host, MEASURED_MS);
	after = look(&host);
	assert_true(after.page_ins - before.page_ins > 100);
	test_host_end_well(&host);
	return (unsigned)((after.cpu_us - before.cpu_us) / 10 /
			  (after.clock_ms - before.clock_ms));
}

static void who_computes_beside_it_keeps_its_share(void **state)
{
	unsigned asleep = percent_beside_paging(true);
	unsigned awake = percent_beside_paging(false);

	(void)state;
	print_message("of a processor: %u %%, %u %% where the VIOS never waits awake\n",
		      awake, asleep);
	assert_true(asleep > 0);
	assert_true(awake >= asleep * 2 / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_computes_beside_it_keeps_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
