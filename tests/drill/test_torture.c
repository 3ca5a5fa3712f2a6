/*
 * Claim   whatever happens to one paging VIOS of a pair while the other one is well, no
 *         page is lost, no partition ends, and the pair is redundant again afterwards.
 * Inject  under full paging load, with partitions whose primary is either VIOS, on one
 *         device or on two that mirror each other: kill -9,
 *         a short SIGSTOP, a long one that must be found, maintenance, and device I/O
 *         that is slow, fails in part or wholly, comes back changed, or never ends. One
 *         after the other, on either side, the next one when the pair is whole.
 * Expect  so many failovers as were asked for; every page verified every 100 failovers
 *         and at the end, and once more after the counters were checked.
 *
 * test_torture FAILOVERS [MINUTES]: until either is reached. tests/drill/torture runs it
 * for long. The order is that of HV_SEED.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/rng.h"
#include "tests/drill/trouble.h"
#include "tests/support/inject.h"
#include "tests/support/seed.h"

#define POOL_MIB 48
#define LPAR_MIB 24 /* four of them: twice the pool */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HANG_MS 1000
#else
#define HANG_MS 300
#endif
#define FAULT_MS 600    /* of device I/O, at most */
#define CALM_MS 100     /* between two, at most */
#define FAILBACK_MS 200 /* soon: who is asked by nobody is not missed */
#define VERIFY_EACH 100
#define WARM_PAGE_INS 500
#define MS_PER_MINUTE 60000u

static const char *const names[2] = { "vios1", "vios2" };

static const struct test_partition load[] = {
	{ .name = "zipf",
	  .mem_mib = LPAR_MIB,
	  .write_percent = 50,
	  .threads = 2,
	  .primary = "vios1" },
	{ .name = "scan",
	  .mem_mib = LPAR_MIB,
	  .workload = "scan",
	  .write_percent = 20,
	  .is_mirrored = true,
	  .vios = "vios2",
	  .primary = "vios2" },
	{ .name = "phases",
	  .mem_mib = LPAR_MIB,
	  .workload = "phases",
	  .working_set = 40,
	  .write_percent = 50,
	  .phase_ms = 700,
	  .discards = true,
	  .is_mirrored = true,
	  .primary = "vios1" },
	{ .name = "any", .mem_mib = LPAR_MIB, .write_percent = 50, .rate = 5000 },
};

static struct test_host host;
static struct hv_rng rng;
static uint64_t failovers_wanted, end_ms;

static uint64_t count_failovers(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	uint64_t count = 0;

	for (size_t i = 0; i < reply->stat->n_failovers; i++)
		if (reply->stat->failovers[i]->number > count)
			count = reply->stat->failovers[i]->number;
	tarn__hv_reply__free_unpacked(reply, NULL);
	return count;
}

/* ---- what is done to a VIOS ---- */

static void kill_it(unsigned vios)
{
	test_process_signal(&host.vios[vios], SIGKILL);
}

static void stop_briefly(unsigned vios)
{
	trouble_stop_vios(&host, vios, hv_rng_below(&rng, HANG_MS));
}

static void stop_long(unsigned vios)
{
	trouble_stop_vios(&host, vios, 2 * HANG_MS);
}

static void maintain(unsigned vios)
{
	assert_int_equal(test_host_expect(&host, names[vios]), HV_OK);
	trouble_pass_time(&host, hv_rng_below(&rng, FAULT_MS));
	assert_int_equal(test_host_expect(&host, NULL), HV_OK);
}

static void inject(unsigned vios, struct hv_injection injection, uint64_t ms)
{
	enum hv_code code;

	injection.time_ms = (uint32_t)ms;
	injection.seed = 1 + hv_rng_below(&rng, 1000000);
	code = test_inject(host.dir.path, names[vios], &injection, NULL, NULL);
	/* on a machine that is busy it may be judged to hang, and be gone */
	assert_true(code == HV_OK || code == HV_E_GONE);
	trouble_pass_time(&host, ms);
}

static void slow_down(unsigned vios)
{
	struct hv_injection delay = test_injection(HV_INJECTION_DELAY, HV_INJECTION_BOTH);

	delay.delay_ms = 1 + (uint32_t)hv_rng_below(&rng, 20);
	inject(vios, delay, 1 + hv_rng_below(&rng, FAULT_MS));
}

static void fail_in_part(unsigned vios)
{
	struct hv_injection error = test_injection(
		HV_INJECTION_ERROR,
		(enum hv_injection_op)(1 + hv_rng_below(&rng, HV_INJECTION_BOTH)));

	error.rate_ppm = 1 + (uint32_t)hv_rng_below(&rng, HV_INJECTION_ALL);
	inject(vios, error, 1 + hv_rng_below(&rng, FAULT_MS));
}

static void lose_devices(unsigned vios)
{
	inject(vios, test_injection(HV_INJECTION_ERROR, HV_INJECTION_BOTH),
	       1 + hv_rng_below(&rng, FAULT_MS));
}

static void change_what_is_read(unsigned vios)
{
	struct hv_injection corrupt = test_injection(HV_INJECTION_CORRUPT,
						     HV_INJECTION_READ);

	corrupt.rate_ppm = 1 + (uint32_t)hv_rng_below(&rng, HV_INJECTION_ALL);
	inject(vios, corrupt, 1 + hv_rng_below(&rng, FAULT_MS));
}

/* Too short to be found. */
static void keep_requests(unsigned vios)
{
	inject(vios, test_injection(HV_INJECTION_HANG, HV_INJECTION_BOTH),
	       1 + hv_rng_below(&rng, FAULT_MS));
}

static const struct {
	const char *name;
	void (*run)(unsigned vios);
	unsigned share; /* of all */
} deeds[] = {
	{ "killed", kill_it, 8 },
	{ "stopped briefly", stop_briefly, 2 },
	{ "hung", stop_long, 1 },
	{ "maintained", maintain, 4 },
	{ "devices slow", slow_down, 1 },
	{ "devices fail in part", fail_in_part, 1 },
	{ "devices lost", lose_devices, 1 },
	{ "reads changed", change_what_is_read, 1 },
	{ "requests kept", keep_requests, 1 },
};
#define DEEDS HV_COUNT(deeds)

static unsigned counts[DEEDS];

static unsigned choose_deed(void)
{
	uint64_t sum = 0, at;
	unsigned i = 0;

	for (unsigned n = 0; n < DEEDS; n++)
		sum += deeds[n].share;
	at = hv_rng_below(&rng, sum);
	while (at >= deeds[i].share)
		at -= deeds[i++].share;
	return i;
}

/* ---- the run ---- */

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ .hang_ms = HANG_MS,
							   .failback_ms = FAILBACK_MS,
							   .keeps_vios = true,
							   .changes_reads = true });
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
	test_host_wait_redundant(&host);
	for (unsigned i = 0; i < HV_COUNT(load); i++)
		(void)test_host_run(&host, &load[i]);
	test_host_wait_page_ins(&host, "zipf", WARM_PAGE_INS);
	test_host_wait_page_ins(&host, "scan", WARM_PAGE_INS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

static void print_summary(uint64_t failovers)
{
	(void)printf("%5llu  failovers\n", (unsigned long long)failovers);
	for (unsigned i = 0; i < DEEDS; i++)
		(void)printf("%5u  %s\n", counts[i], deeds[i].name);
	trouble_print_partitions(&host);
}

static void nothing_that_happens_to_one_vios_loses_a_page(void **state)
{
	uint64_t failovers = count_failovers(), first = failovers;
	uint64_t verify_at = first + VERIFY_EACH;

	(void)state;
	while (failovers - first < failovers_wanted && hv_clock_ms() < end_ms) {
		unsigned deed = choose_deed();

		test_host_wait_redundant(&host);
		deeds[deed].run((unsigned)hv_rng_below(&rng, 2));
		counts[deed]++;
		trouble_pass_time(&host, hv_rng_below(&rng, CALM_MS));
		failovers = count_failovers();
		if (failovers < verify_at)
			continue;
		verify_at = failovers + VERIFY_EACH;
		test_host_wait_redundant(&host);
		test_host_verify(&host);
	}
	test_host_wait_redundant(&host);
	test_host_verify(&host);
	test_host_check(&host);
	test_host_wait_page_ins(&host, "scan", WARM_PAGE_INS); /* they go on */
	test_host_verify(&host);
	print_summary(failovers - first);
	test_host_end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			nothing_that_happens_to_one_vios_loses_a_page, set_up, tear_down),
	};
	uint64_t minutes = argc > 2 ? strtoull(argv[2], NULL, 10) : 60;

	failovers_wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 50;
	end_ms = hv_clock_ms() + minutes * MS_PER_MINUTE;
	rng.state = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
