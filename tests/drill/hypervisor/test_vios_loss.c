/*
 * Claim   an active paging VIOS that dies, stops or hangs under full paging load
 *         loses no page and ends no partition.
 * Inject  SIGKILL; SIGSTOP; requests that hang; a second one before the first is
 *         replaced; both at once.
 * Expect  the partner is active; every page of every partition verifies, no
 *         counter is off. Bound: longest stall 1 s for a kill, 3 s for a hang with
 *         hang_ms 500, 7 s where only requests hang, which is judged by their age, ten
 *         times hang_ms (all times three under a sanitizer).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/host.h"
#include "tests/support/inject.h"
#include "tests/support/wait.h"

#define KILL_STALL_US 1000000u
#define HANG_STALL_US 3000000u
#define REQUESTS_STALL_US 7000000u
#define HANG_REQUESTS 0 /* as a signal */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW 3u
#else
#define SLOW 1u
#endif

static struct test_host host;

static const struct test_partition load[] = {
	{ .name = "db1", .mem_mib = 32, .write_percent = 50, .threads = 2 },
	{ .name = "db2", .mem_mib = 32, .write_percent = 50, .workload = "scan" },
};

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ .hang_ms = 500 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	for (size_t i = 0; i < HV_COUNT(load); i++)
		(void)test_host_run(&host, &load[i]);
	test_host_wait_page_ins(&host, "db1", 500);
	test_host_wait_page_ins(&host, "db2", 500);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

static void reset_stalls(void)
{
	for (unsigned i = 0; i < host.guest_count; i++)
		assert_int_equal(
			test_host_control(
				&host, &host.guests[i],
				TARN__PARTITION_COMMAND__PARTITION_COMMAND_RESET_STALL),
			HV_OK);
}

static bool is_taken_over(const Tarn__HvReply *reply, void *arg)
{
	const char *to = arg;
	Tarn__ViosStat *stat = test_stat_vios(reply, to);

	return stat != NULL && stat->state == TARN__VIOS_STATE__VIOS_ACTIVE;
}

/* What the hypervisor wrote down about the last failover. */
static void check_log(const char *kind, const char *from, const char *to, bool is_hang)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	Tarn__Failover *last;

	assert_true(reply->stat->n_failovers > 0);
	last = reply->stat->failovers[reply->stat->n_failovers - 1];
	print_message(
		"failover %s: detected %llu us, switched %llu us, first page %llu us, "
		"%llu reads, %llu steals, %llu slots\n",
		last->kind, (unsigned long long)last->detected_us,
		(unsigned long long)last->switched_us,
		(unsigned long long)last->first_page_us,
		(unsigned long long)last->resent_reads,
		(unsigned long long)last->canceled_steals,
		(unsigned long long)last->quarantined_slots);
	assert_string_equal(last->kind, kind);
	if (from != NULL)
		assert_string_equal(last->from, from);
	assert_string_equal(last->to, to);
	if (is_hang)
		assert_true(last->detected_us >= 400000);
	assert_true(last->has_first_page_us);
	tarn__hv_reply__free_unpacked(reply, NULL);
}

static void go_on_and_verify(uint64_t stall_us)
{
	uint64_t longest;

	test_host_wait_page_ins(&host, "db1", 300);
	test_host_wait_page_ins(&host, "db2", 300);
	test_host_verify(&host);
	longest = test_host_longest_stall_us(&host);
	print_message("longest stall %llu us\n", (unsigned long long)longest);
	assert_true(longest <= stall_us * SLOW);
	test_host_audit(&host);
}

static void replace(unsigned index, int code)
{
	const char *name = index == 0 ? "vios1" : "vios2";

	assert_int_equal(test_process_wait(&host.vios[index], TEST_WAIT_MS), code);
	(void)test_process_end(&host.vios[index], 0);
	test_host_vios(&host, index);
	test_host_wait_vios(&host, name, TARN__VIOS_STATE__VIOS_STANDBY);
}

struct row {
	int signal;
	const char *kind;
	uint64_t stall_us;
};

static void hit(unsigned index, int signal)
{
	const char *name = index == 0 ? "vios1" : "vios2";
	struct hv_injection hang = test_injection(HV_INJECTION_HANG, HV_INJECTION_BOTH);

	if (signal != HANG_REQUESTS)
		test_process_signal(&host.vios[index], signal);
	else
		assert_int_equal(test_inject(host.dir.path, name, &hang, NULL, NULL),
				 HV_OK);
}

static void lose_the_active_one(const struct row *row)
{
	reset_stalls();
	hit(0, row->signal);
	test_host_wait(&host, is_taken_over, (void *)(uintptr_t) "vios2", TEST_WAIT_MS,
		       "vios2 active");
	go_on_and_verify(row->stall_us);
	check_log(row->kind, "vios1", "vios2", strcmp(row->kind, "hang") == 0);
	replace(0, 128 + SIGKILL);
	/* and back again: the one that was replaced serves now */
	reset_stalls();
	hit(1, row->signal);
	test_host_wait(&host, is_taken_over, (void *)(uintptr_t) "vios1", TEST_WAIT_MS,
		       "vios1 active");
	go_on_and_verify(row->stall_us);
	check_log(row->kind, "vios2", "vios1", strcmp(row->kind, "hang") == 0);
	replace(1, 128 + SIGKILL);
}

static void a_killed_vios_loses_nothing(void **state)
{
	(void)state;
	lose_the_active_one(&(struct row){ SIGKILL, "exit", KILL_STALL_US });
	test_host_end(&host);
}

/* P9: SIGKILL works on a stopped process; its late writes hit quarantined slots. */
static void a_stopped_vios_loses_nothing(void **state)
{
	(void)state;
	lose_the_active_one(&(struct row){ SIGSTOP, "hang", HANG_STALL_US });
	test_host_end(&host);
}

static void a_hanging_vios_loses_nothing(void **state)
{
	(void)state;
	lose_the_active_one(&(struct row){ HANG_REQUESTS, "hang", REQUESTS_STALL_US });
	test_host_end(&host);
}

static void a_standby_that_dies_is_not_noticed(void **state)
{
	(void)state;
	reset_stalls();
	test_process_signal(&host.vios[1], SIGKILL);
	assert_int_equal(test_process_wait(&host.vios[1], TEST_WAIT_MS), 128 + SIGKILL);
	go_on_and_verify(KILL_STALL_US);
	replace(1, 128 + SIGKILL);
	test_host_end(&host);
}

static bool all_wait(const Tarn__HvReply *reply, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < reply->stat->n_partitions; i++) {
		Tarn__PartitionStat *p = reply->stat->partitions[i];

		if (p->state != TARN__PARTITION_STATE__PARTITION_WAITING ||
		    strcmp(p->reason, "no paging VIOS") != 0)
			return false;
	}
	return true;
}

/* V6: both gone: who needs a page waits, is shown so, and goes on afterwards. */
static void with_both_gone_partitions_wait_and_go_on(void **state)
{
	(void)state;
	test_process_signal(&host.vios[0], SIGKILL);
	test_process_signal(&host.vios[1], SIGKILL);
	test_host_wait(&host, all_wait, NULL, TEST_WAIT_MS, "both partitions wait");
	for (unsigned i = 0; i < host.guest_count; i++)
		assert_true(test_process_is_running(&host.guests[i].process));
	assert_int_equal(test_process_wait(&host.vios[1], TEST_WAIT_MS), 128 + SIGKILL);
	(void)test_process_end(&host.vios[1], 0);
	test_host_vios(&host, 1);
	test_host_wait_vios(&host, "vios2", TARN__VIOS_STATE__VIOS_ACTIVE);
	go_on_and_verify(UINT64_MAX / SLOW);
	check_log("exit", NULL, "vios2", false); /* who died last: either */
	replace(0, 128 + SIGKILL);
	test_host_end(&host);
}

/* Planned: nothing is cancelled, nothing is in doubt, and it ends by itself. */
static void maintenance_moves_away_and_back(void **state)
{
	Tarn__HvReply *reply;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		const char *away = round == 0 ? "vios1" : "vios2";
		const char *other = round == 0 ? "vios2" : "vios1";

		reset_stalls();
		assert_int_equal(test_host_expect(&host, away), HV_OK);
		test_host_wait_vios(&host, away, TARN__VIOS_STATE__VIOS_MAINTENANCE);
		test_host_wait_vios(&host, other, TARN__VIOS_STATE__VIOS_ACTIVE);
		assert_int_equal(test_process_wait(&host.vios[round], TEST_WAIT_MS), 0);
		(void)test_process_end(&host.vios[round], 0);
		go_on_and_verify(KILL_STALL_US);
		check_log("planned", away, other, false);
		reply = test_host_stat(&host, false);
		assert_int_equal(reply->stat->failovers[reply->stat->n_failovers - 1]
					 ->quarantined_slots,
				 0);
		tarn__hv_reply__free_unpacked(reply, NULL);
		/* its partner is the only one left: it may not go as well */
		assert_int_equal(test_host_expect(&host, other), HV_E_REFUSED);
		assert_int_equal(test_host_expect(&host, NULL), HV_OK);
		test_host_vios(&host, round);
		test_host_wait_vios(&host, away, TARN__VIOS_STATE__VIOS_STANDBY);
	}
	test_host_end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_killed_vios_loses_nothing),
		TEST(a_stopped_vios_loses_nothing),
		TEST(a_hanging_vios_loses_nothing),
		TEST(a_standby_that_dies_is_not_noticed),
		TEST(with_both_gone_partitions_wait_and_go_on),
		TEST(maintenance_moves_away_and_back),
#undef TEST
	};

	if (argc > 1) /* one of them, by a pattern */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
