/*
 * Claim   whatever ends, stops or comes back of a host's paging VIOS and partitions,
 *         in any order, no page of a partition that lives is lost, and every counter
 *         adds up afterwards.
 * Inject  under full paging load, on one device or two that mirror each other, at random
 *         moments: kill -9 of the active VIOS, of
 *         the standby, of both; SIGSTOP shorter and longer than hang detection;
 *         planned switches; kill -9 and OS shutdown of partitions, which come back; and
 *         all that while device I/O of either VIOS, or both, is slow, fails or is kept.
 * Expect  every page verified, and once more after the counters were checked; no
 *         partition ends that was not told to. Bound: none is still waiting at the
 *         end, a redundant pair is there within a minute.
 *
 * Lasts the seconds given as argument; the order is that of HV_SEED.
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

#define POOL_MIB 64
#define LPAR_MIB 32 /* four of them: twice the pool */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HANG_MS 1000
#else
#define HANG_MS 300
#endif
#define FAILBACK_MS 300 /* so that they move back in between */
#define PAUSE_MS 600    /* at most, between two injections */
#define FAULT_MS 1500   /* at most, of device I/O */
#define WARM_PAGE_INS 500

enum injection {
	KILL_ACTIVE,
	KILL_STANDBY,
	KILL_BOTH,
	STOP_BRIEFLY, /* a false alarm, or none */
	STOP_LONG,    /* a hang: found, and killed by the hypervisor */
	SWITCH,       /* maintain the active one, resume it */
	KILL_PARTITION,
	SHUT_DOWN_PARTITION,
	SLOW_DEVICES, /* of a VIOS; these go on while the next ones happen */
	FAILING_DEVICES,
	KEPT_REQUESTS,
	INJECTION_COUNT
};

static const char *const names[INJECTION_COUNT] = {
	[KILL_ACTIVE] = "active VIOS killed",
	[KILL_STANDBY] = "standby VIOS killed",
	[KILL_BOTH] = "both VIOS killed",
	[STOP_BRIEFLY] = "active VIOS stopped briefly",
	[STOP_LONG] = "active VIOS hung",
	[SWITCH] = "planned switch",
	[KILL_PARTITION] = "partition killed",
	[SHUT_DOWN_PARTITION] = "partition shut down",
	[SLOW_DEVICES] = "devices slow",
	[FAILING_DEVICES] = "devices fail",
	[KEPT_REQUESTS] = "requests kept",
};

static const char *const vios_names[2] = { "vios1", "vios2" };

static const struct test_partition load[] = {
	{ .name = "zipf",
	  .mem_mib = LPAR_MIB,
	  .write_percent = 50,
	  .threads = 2,
	  .is_mirrored = true,
	  .primary = "vios1" },
	{ .name = "scan",
	  .mem_mib = LPAR_MIB,
	  .workload = "scan",
	  .write_percent = 20,
	  .primary = "vios2" },
	{ .name = "phases",
	  .mem_mib = LPAR_MIB,
	  .workload = "phases",
	  .primary = "vios2",
	  .is_mirrored = true,
	  .vios = "vios2",
	  .working_set = 40,
	  .write_percent = 50,
	  .threads = 3,
	  .phase_ms = 700,
	  .discards = true },
	{ .name = "light",
	  .mem_mib = LPAR_MIB,
	  .weight = 10,
	  .primary = "vios1",
	  .working_set = 60,
	  .write_percent = 50,
	  .rate = 2000 },
};

/* One run; cmocka gives a test no other place. */
static struct test_host host;
static struct hv_rng rng;
static unsigned counts[INJECTION_COUNT];
static uint64_t seconds;

/* One of them; -1: none. */
static int find_active(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	int active = -1;
	bool is_any = hv_rng_below(&rng, 2) == 0;

	for (unsigned i = 0; i < HV_COUNT(vios_names); i++) {
		const Tarn__ViosStat *vios = test_stat_vios(reply, vios_names[i]);

		if (vios != NULL && vios->state == TARN__VIOS_STATE__VIOS_ACTIVE &&
		    (active < 0 || is_any))
			active = (int)i;
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	return active;
}

/* Refused where the partner is not ready, which is right. */
static bool switch_vios(unsigned vios)
{
	if (test_host_expect(&host, vios_names[vios]) != HV_OK)
		return false;
	trouble_pass_time(&host, hv_rng_below(&rng, PAUSE_MS));
	assert_int_equal(test_host_expect(&host, NULL), HV_OK);
	return true;
}

/* Never so long that both together keep a page away for the 6 s that it is tried. */
static bool inject_io(enum injection injection)
{
	static const enum hv_injection_kind kinds[] = {
		[SLOW_DEVICES] = HV_INJECTION_DELAY,
		[FAILING_DEVICES] = HV_INJECTION_ERROR,
		[KEPT_REQUESTS] = HV_INJECTION_HANG,
	};
	struct hv_injection order = test_injection(kinds[injection], HV_INJECTION_BOTH);

	order.time_ms = 1 + (uint32_t)hv_rng_below(&rng, FAULT_MS);
	order.rate_ppm = 1 + (uint32_t)hv_rng_below(&rng, HV_INJECTION_ALL);
	order.seed = 1 + hv_rng_below(&rng, 1000000);
	return test_inject(host.dir.path, vios_names[hv_rng_below(&rng, 2)], &order, NULL,
			   NULL) == HV_OK;
}

/* False: there was no VIOS to do it to. */
static bool inject_vios(enum injection injection)
{
	int active = find_active();

	if (active < 0)
		return false;
	switch (injection) {
	case KILL_BOTH:
		test_process_signal(&host.vios[1 - active], SIGKILL);
		HV_FALLTHROUGH;
	case KILL_ACTIVE:
		test_process_signal(&host.vios[active], SIGKILL);
		return true;
	case KILL_STANDBY:
		test_process_signal(&host.vios[1 - active], SIGKILL);
		return true;
	case STOP_BRIEFLY:
		trouble_stop_vios(&host, (unsigned)active, hv_rng_below(&rng, HANG_MS));
		return true;
	case STOP_LONG:
		trouble_stop_vios(&host, (unsigned)active, 2 * HANG_MS);
		return true;
	default:
		return switch_vios((unsigned)active);
	}
}

static void restart_partition(bool is_kill)
{
	unsigned at = (unsigned)hv_rng_below(&rng, HV_COUNT(load));
	struct test_guest *guest = &host.guests[at];
	int status;

	assert_true(test_process_is_running(&guest->process));
	if (is_kill) {
		test_process_signal(&guest->process, SIGKILL);
		status = test_process_wait(&guest->process, TEST_HOST_WAIT_MS);
		assert_int_equal(status, 128 + SIGKILL);
	} else {
		test_host_wait_pair(
			&host); /* whose page waits for a VIOS cannot end by itself */
		assert_int_equal(
			test_host_control(
				&host, guest,
				TARN__PARTITION_COMMAND__PARTITION_COMMAND_SHUTDOWN),
			HV_OK);
		status = test_process_wait(&guest->process, TEST_HOST_WAIT_MS);
		assert_int_equal(status, 0);
	}
	test_host_run_again(&host, guest, &load[at]);
}

static void inject(enum injection injection)
{
	bool is_done = true;

	if (injection == KILL_PARTITION || injection == SHUT_DOWN_PARTITION)
		restart_partition(injection == KILL_PARTITION);
	else if (injection >= SLOW_DEVICES)
		is_done = inject_io(injection);
	else
		is_done = inject_vios(injection);
	counts[injection] += is_done;
}

static void print_summary(void)
{
	for (unsigned i = 0; i < INJECTION_COUNT; i++)
		(void)printf("%5u  %s\n", counts[i], names[i]);
	trouble_print_partitions(&host);
}

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ .hang_ms = HANG_MS,
							   .failback_ms = FAILBACK_MS,
							   .keeps_vios = true });
	assert_int_equal(test_host_expect(&host, NULL), HV_OK);
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
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

static void no_order_of_failures_loses_a_page(void **state)
{
	uint64_t end_ms = hv_clock_ms() + seconds * 1000;

	(void)state;
	while (hv_clock_ms() < end_ms) {
		inject((enum injection)hv_rng_below(&rng, INJECTION_COUNT));
		trouble_pass_time(&host, hv_rng_below(&rng, PAUSE_MS));
	}
	test_host_wait_redundant(&host);
	test_host_verify(&host);
	test_host_check(&host);
	test_host_wait_page_ins(&host, "scan", WARM_PAGE_INS); /* they go on */
	test_host_verify(&host);
	print_summary();
	test_host_end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_order_of_failures_loses_a_page, set_up,
						tear_down),
	};

	seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 20;
	rng.state = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
