/* Drills: readiness, phases, verdicts, restarts. */
#include "tests/unit/coordinator/drill_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void planned_maintenance_passes(void **state)
{
	const Tarn__JobRecord *record;
	uint64_t job = start(PLANNED);

	(void)state;
	run_until("done", 60);
	must_be("passed",
		"longest stall 5.0 ms of at most 1000 ms, 49152 pages verified");
	record = cluster_job(test_cluster(&c), job);
	assert_true(record->done && record->error == NULL);
	assert_int_equal(drill()->longest_stall_us, 5000);
	assert_int_equal(drill()->pages_verified, 3 * 64 * MIB / 4096);
	assert_int_equal(drill()->bad_pages, 0);
	assert_int_equal(drill()->n_partitions, 3); /* the dedicated one too */
	assert_int_equal(drill()->n_stalls, 3);
	assert_true(drill()->ended_ms > drill()->started_ms);
	assert_true(has_step("maintenance of VIOS 'vios1' is ordered"));
	assert_true(has_step("VIOS 'vios2' took over (planned)"));
	assert_true(has_step("VIOS 'vios1' is resumed"));
	assert_true(has_step("LPAR 'db2': 16384 pages verified, 0 bad"));
	assert_int_equal(model_host_active(&host), 1);
}

static void sudden_death_passes(void **state)
{
	uint64_t epoch = host.vios[0].epoch;

	(void)state;
	(void)start(KILL);
	run_until("done", 60);
	must_be("passed", "none bad");
	assert_true(has_step("VIOS 'vios2' took over (exit)"));
	assert_true(host.vios[0].epoch > epoch);
	/* And again, of the one that is active now. */
	(void)start(KILL);
	run_until("done", 60);
	must_be("passed", "none bad");
	assert_string_equal(drill()->vios, "vios2");
	assert_int_equal(drill()->number, 2);
}

static void a_host_that_is_not_ready_is_told_everything_that_is_missing(void **state)
{
	(void)state;
	assert_int_equal(test_drill(&c, KILL, "h9", NULL, NULL, NULL), HV_E_NOTFOUND);
	must_refuse(HV_E_NOTFOUND, KILL, "vios3", "it has vios1, vios2");
	must_refuse(HV_E_REFUSED, KILL, "vios2",
		    "VIOS 'vios2' is not the active one, 'vios1' is");
	host.drills_allowed = false;
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 1);
	test_settle(&c, &host);
	must_refuse(
		HV_E_REFUSED, KILL, NULL,
		"host 'h1' is not ready for a drill: its agent was not started with "
		"--allow-drills; VIOS 'vios2' is down; paging device 'd1' of LPAR 'db1' "
		"is not reached by both; paging device 'd2' of LPAR 'db2'");
	model_host_kill_vios(&host, 0);
	test_settle(&c, &host);
	must_refuse(HV_E_REFUSED, PLANNED, NULL, "no VIOS is active");
	host.vios_stay_down = false;
	test_settle(&c, &host);
	host.lpars[0].stolen_pages = host.lpars[1].stolen_pages = 0;
	host.lpars[2].stolen_pages = 0;
	test_settle(&c, &host);
	must_refuse(HV_E_REFUSED, PLANNED, NULL, "no LPAR has pages outside the pool");
	assert_int_equal(test_lpar_shutdown(&c, "db1", true, NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_shutdown(&c, "db2", true, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	must_refuse(HV_E_REFUSED, PLANNED, NULL, "no shared LPAR runs");
	test_coordinator_run(&c, LIVE_SILENT_MS);
	must_refuse(HV_E_STATE, PLANNED, NULL, "has not reported");
}

static void a_host_in_a_drill_is_left_alone(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	(void)start(PLANNED);
	assert_int_equal(test_drill(&c, KILL, "h1", NULL, &err, NULL), HV_E_BUSY);
	assert_non_null(strstr(err.text, "drill 1 runs on host 'h1'"));
	assert_int_equal(test_vios(&c, "h1", "vios2", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN,
				   false, NULL, NULL),
			 HV_E_BUSY);
	assert_int_equal(test_pool(&c, "h1", 128 * MIB, 512 * MIB, false, NULL, NULL),
			 HV_E_BUSY);
	run_until("done", 60);
	must_be("passed", "");
}

/* The coordinator is killed and comes back once in each phase. */
static void a_drill_goes_on_after_a_restart(void **state)
{
	static const char *const phases[] = { "ready", "inject", "switch", "restore",
					      "verify" };

	(void)state;
	(void)start(PLANNED);
	for (size_t i = 0; i < HV_COUNT(phases); i++) {
		run_until(phases[i], 60);
		test_coordinator_restart(&c);
		test_settle(&c, &host);
	}
	run_until("done", 60);
	must_be("passed", "none bad");
}

static void a_lost_page_fails_it(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("verify", 60);
	model_host_lpar(&host, "db2")->bad_pages = 3;
	run_until("done", 60);
	must_be("failed", "LPAR 'db2' has 3 bad pages");
	assert_int_equal(drill()->bad_pages, 3);
}

static void a_stall_over_the_bound_fails_it(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("switch", 60);
	model_host_lpar(&host, "db1")->longest_stall_us = 1500000;
	run_until("done", 60);
	must_be("failed", "a partition stalled for 1500.0 ms, the bound is 1000 ms");
	assert_int_equal(drill()->longest_stall_us, 1500000);
}

/* A partition reports once a second: what it says when the pair is back may be old. */
static void a_stall_that_is_told_late_fails_it_too(void **state)
{
	(void)state;
	(void)start(PLANNED);
	run_until("restore", 60);
	host.is_silent_op = true;
	run_until("verify", 60);
	assert_int_equal(drill()->longest_stall_us, 5000);
	model_host_lpar(&host, "db1")->longest_stall_us = 1500000;
	host.is_silent_op = false;
	run_until("done", 60);
	must_be("failed", "a partition stalled for 1500.0 ms, the bound is 1000 ms");
	assert_int_equal(drill()->longest_stall_us, 1500000);
}

static void a_partition_that_dies_fails_it(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("switch", 60);
	model_host_end_lpar(&host, "db1");
	run_until("done", 60);
	must_be("failed",
		"LPAR 'db1' ended during the drill: the model was told to fail");
	assert_non_null(drill()->partitions[1]->end);
}

static void a_partition_that_is_shut_down_leaves_a_doubt(void **state)
{
	(void)state;
	(void)start(PLANNED);
	run_until("inject", 60);
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, NULL), HV_OK);
	run_until("done", 60);
	must_be("inconclusive", "2 of 3 partitions were verified");
	assert_string_equal(drill()->partitions[1]->end, "shut down by request");
}

static void a_drill_that_no_page_came_in_during_proves_nothing(void **state)
{
	(void)state;
	host.no_paging = true;
	(void)start(PLANNED);
	run_until("done", 120);
	must_be("inconclusive", "no page came in through VIOS 'vios2' within 20 s");
}

static void a_kill_that_is_not_carried_out_proves_nothing(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("inject", 60);
	host.op_error = HV_E_DENIED;
	run_until("done", 120);
	must_be("inconclusive", "VIOS 'vios1' could not be killed: the model was told");
}

static void a_pair_that_stays_broken_fails_it(void **state)
{
	(void)state;
	host.vios_stay_down = true;
	(void)start(KILL);
	run_until("done", 200);
	must_be("failed",
		"the pair was not redundant again within 60 s: VIOS 'vios1' is down");
}

static void nobody_left_fails_it(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("inject", 60);
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 1);
	run_until("done", 200);
	must_be("failed", "nobody took over from VIOS 'vios1'");
}

static void an_accident_is_not_taken_for_the_drill(void **state)
{
	(void)state;
	(void)start(PLANNED);
	run_until("inject", 60);
	model_host_kill_vios(&host, 0); /* before the maintenance arrives */
	run_until("done", 200);
	must_be("inconclusive", "VIOS 'vios1' went by 'exit', not by this drill");
}

/* The agent goes silent in a phase: the drill ends, and the VIOS is resumed. */
static void a_silent_host_ends_in_doubt_and_is_resumed(void **state)
{
	(void)state;
	(void)start(PLANNED);
	run_until("inject", 60);
	assert_true(drill()->vios_held);
	test_coordinator_run(&c, 300000);
	assert_true(is_done());
	assert_false(cluster_host(test_cluster(&c), "h1")->vios[0]->maintenance);
	assert_string_equal(drill()->verdict, "failed"); /* it was not redundant again */
	assert_non_null(strstr(drill()->doubt, "has not reported since"));
	test_settle(&c, &host);
	must_be("failed", "its agent does not report");
}

static void a_host_that_never_gets_ready_ends_it_before_anything_is_done(void **state)
{
	(void)state;
	host.is_silent_op = true;
	(void)start(KILL);
	run_until("done", 60);
	must_be("inconclusive", "host 'h1' did not get ready within 15 s");
	assert_int_equal(host.failover_count, 0);
	host.is_silent_op = false;
	test_settle(&c, &host);
	assert_int_equal(host.failover_count, 0); /* the order was taken back */
}

static void a_reset_that_fails_ends_it_before_anything_is_done(void **state)
{
	(void)state;
	host.op_error = HV_E_IO;
	(void)start(KILL);
	run_until("done", 60);
	must_be("inconclusive", "stalls could not be reset");
}

static enum hv_code start_bound(uint32_t bound_ms, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__DrillRun run = TARN__DRILL_RUN__INIT;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILL_RUN;
	request.drill_run = &run;
	run.kind = KILL;
	run.host = (char *)"h1";
	run.has_bound_ms = 1;
	run.bound_ms = bound_ms;
	return test_change(&c, &request, err, NULL);
}

static void another_bound_may_be_asked_for(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(start_bound(0, &err), HV_E_LIMIT);
	assert_int_equal(start_bound(600001, &err), HV_E_LIMIT);
	assert_int_equal(start_bound(4, &err), HV_OK);
	assert_non_null(strstr(drill()->expectation, "longer than 4 ms"));
	run_until("done", 60);
	must_be("failed", "a partition stalled for 5.0 ms, the bound is 4 ms");
}

/* A coordinator that finds a drill after a restart, and no agent, must end it too. */
static void after_a_restart_time_runs_also_without_a_report(void **state)
{
	(void)state;
	(void)start(PLANNED);
	run_until("switch", 60);
	test_coordinator_restart(&c);
	test_coordinator_run(&c, 300000);
	assert_true(is_done());
	assert_false(cluster_host(test_cluster(&c), "h1")->vios[0]->maintenance);
	test_settle(&c, &host);
	assert_int_equal(host.vios[0].state, TARN__VIOS_STATE__VIOS_STANDBY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_drill, close_one)
		TEST(planned_maintenance_passes),
		TEST(sudden_death_passes),
		TEST(a_host_that_is_not_ready_is_told_everything_that_is_missing),
		TEST(a_host_in_a_drill_is_left_alone),
		TEST(a_drill_goes_on_after_a_restart),
		TEST(a_lost_page_fails_it),
		TEST(a_stall_over_the_bound_fails_it),
		TEST(a_stall_that_is_told_late_fails_it_too),
		TEST(a_partition_that_dies_fails_it),
		TEST(a_partition_that_is_shut_down_leaves_a_doubt),
		TEST(a_drill_that_no_page_came_in_during_proves_nothing),
		TEST(a_kill_that_is_not_carried_out_proves_nothing),
		TEST(a_pair_that_stays_broken_fails_it),
		TEST(nobody_left_fails_it),
		TEST(an_accident_is_not_taken_for_the_drill),
		TEST(a_silent_host_ends_in_doubt_and_is_resumed),
		TEST(a_host_that_never_gets_ready_ends_it_before_anything_is_done),
		TEST(a_reset_that_fails_ends_it_before_anything_is_done),
		TEST(another_bound_may_be_asked_for),
		TEST(after_a_restart_time_runs_also_without_a_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
