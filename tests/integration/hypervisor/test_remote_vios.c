/*
 * Claim   partitions whose VIOS has its devices on another host, with one device that both
 *         reach or with a mirror there, lose nothing when that host's VIOS is killed,
 *         stopped or cannot be reached, one way or both.
 * Inject  SIGKILL and SIGSTOP of the exporter, the network cut, requests that hang there.
 * Expect  they ask the other VIOS soon, the pair comes back by itself, and every page of
 *         every partition verifies; no counter is off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/exporter.h"
#include "tests/support/host.h"
#include "tests/support/inject.h"
#include "tests/support/relay.h"
#include "tests/support/wait.h"

static struct test_host host;
static struct test_exporter exporter;
static struct test_relay relay;
static char url[64];

static const struct test_partition load[] = {
	{ .name = "db2", .mem_mib = 24, .write_percent = 50, .primary = "vios2" },
	{ .name = "db3",
	  .mem_mib = 24,
	  .write_percent = 50,
	  .is_mirrored = true,
	  .primary = "vios2" },
};

static int set_up(void **state)
{
	(void)state;
	test_exporter_open(&exporter);
	test_exporter_start(&exporter);
	test_relay_open(&relay, exporter.port);
	(void)snprintf(url, sizeof(url), "tcp://127.0.0.1:%u", relay.port);
	test_host_start(&host, &(struct test_host_config){
				       .hang_ms = 2000,
				       .failback_ms = 300,
				       .keeps_vios = true,
				       .remote_url = url,
			       });
	assert_int_equal(test_host_expect(&host, NULL), HV_OK);
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	test_host_run_all(&host, load, HV_COUNT(load), 200);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	test_relay_close(&relay);
	test_exporter_close(&exporter);
	return 0;
}

static bool do_all_ask(const Tarn__HvReply *reply, void *arg)
{
	for (size_t i = 0; i < HV_COUNT(load); i++) {
		const Tarn__PartitionStat *stat = test_stat_partition(reply,
								      load[i].name);
		const char *wanted = arg != NULL ? arg : load[i].primary;

		if (stat == NULL || stat->current == NULL ||
		    strcmp(stat->current, wanted) != 0)
			return false;
	}
	return true;
}

/* vios NULL: each its primary. */
static void wait_all_ask(const char *vios)
{
	test_host_wait(&host, do_all_ask, (void *)(uintptr_t)vios, TEST_HOST_WAIT_MS,
		       "each asks its VIOS");
}

static void all_go_on(void)
{
	test_host_wait_all_page_ins(&host, load, HV_COUNT(load), 100);
}

/* The other host is back: so is the pair, and everybody asks its own. */
static void come_back(void)
{
	wait_all_ask(NULL);
	all_go_on();
}

static void cut(bool there, bool back)
{
	test_relay_cut(&relay, RELAY_THERE, there);
	test_relay_cut(&relay, RELAY_BACK, back);
}

static void a_vios_whose_exporter_is_killed_is_replaced(void **state)
{
	(void)state;
	wait_all_ask(NULL);
	(void)test_process_end(&exporter.process, SIGKILL);
	wait_all_ask("vios1");
	all_go_on();
	test_exporter_start(&exporter);
	come_back();
	test_host_end_well(&host);
}

static void a_network_that_is_cut_costs_no_page(void **state)
{
	static const bool ways[][2] = { { true, true },
					{ true, false },
					{ false, true } };

	(void)state;
	wait_all_ask(NULL);
	for (unsigned i = 0; i < HV_COUNT(ways); i++) {
		cut(ways[i][0], ways[i][1]);
		wait_all_ask("vios1");
		all_go_on();
		cut(false, false);
		come_back();
	}
	test_host_end_well(&host);
}

/* Late writes: what it was told before it stood still it does after it goes on. */
static void an_exporter_that_stood_still_does_no_harm(void **state)
{
	(void)state;
	wait_all_ask(NULL);
	test_process_signal(&exporter.process, SIGSTOP);
	wait_all_ask("vios1");
	all_go_on();
	test_process_signal(&exporter.process, SIGCONT);
	come_back();
	test_host_end_well(&host);
}

static void writes_that_hang_over_there_do_no_harm(void **state)
{
	struct hv_injection hang = test_injection(HV_INJECTION_HANG, HV_INJECTION_WRITE);

	(void)state;
	wait_all_ask(NULL);
	assert_int_equal(
		test_inject(exporter.state.path, EXPORTER_NAME, &hang, NULL, NULL),
		HV_OK);
	assert_true(test_process_says(&exporter.process, "vios.injection_hit",
				      TEST_HOST_WAIT_MS));
	test_process_signal(&host.vios[1], SIGKILL); /* sooner than by its age */
	wait_all_ask("vios1");
	all_go_on();
	assert_int_equal(test_inject_clear(exporter.state.path, EXPORTER_NAME), HV_OK);
	come_back();
	test_host_end_well(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_vios_whose_exporter_is_killed_is_replaced),
		TEST(a_network_that_is_cut_costs_no_page),
		TEST(an_exporter_that_stood_still_does_no_harm),
		TEST(writes_that_hang_over_there_do_no_harm),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
