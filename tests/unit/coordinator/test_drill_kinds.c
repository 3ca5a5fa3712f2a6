/* Kinds of drills beyond the switch: hang, both lost, agent, coordinator; aborts. */
#include "tests/unit/coordinator/drill_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_hang_is_seen_and_what_wakes_up_late_does_no_harm(void **state)
{
	uint64_t epoch = host.vios[0].epoch;

	(void)state;
	(void)start(HANG);
	assert_int_equal(drill()->bound_us, 600000); /* 500 ms to see it, and 100 */
	run_until("done", 60);
	must_be("passed", "longest stall 5.0 ms of at most 600 ms");
	assert_true(has_step("SIGSTOP of VIOS 'vios1' is ordered"));
	assert_true(has_step("VIOS 'vios2' took over (hang)"));
	assert_true(host.vios[0].epoch > epoch);
}

static void a_hang_that_nobody_sees_fails_it(void **state)
{
	(void)state;
	host.no_hang_seen = true;
	(void)start(HANG);
	run_until("done", 120);
	must_be("failed", "no switch away from VIOS 'vios1' within 30 s");
}

static void slots_that_stay_in_quarantine_leave_a_doubt(void **state)
{
	(void)state;
	(void)start(HANG);
	run_until("verify", 60);
	host.quarantined = 2;
	run_until("done", 60);
	must_be("inconclusive", "6 slots are still in quarantine");
}

static void a_stop_that_is_not_carried_out_proves_nothing(void **state)
{
	(void)state;
	(void)start(HANG);
	run_until("inject", 60);
	host.op_error = HV_E_REFUSED;
	run_until("done", 120);
	must_be("inconclusive", "VIOS 'vios1' could not be stopped: the model was told");
}

static void a_hang_is_refused_where_it_could_not_be_judged(void **state)
{
	(void)state;
	host.drills_allowed = false;
	host.hang_ms = 0;
	test_settle(&c, &host);
	must_refuse(
		HV_E_REFUSED, HANG, NULL,
		"its agent was not started with --allow-drills; its hypervisor does not "
		"say what silence of a VIOS counts as a hang");
	host.hang_ms = UINT32_MAX; /* a report may say anything */
	test_settle(&c, &host);
	must_refuse(HV_E_REFUSED, HANG, NULL, "its hypervisor does not say");
}

static void a_hang_goes_on_after_a_restart(void **state)
{
	(void)state;
	restart_in_each_phase(HANG);
	must_be("passed", "none bad");
}

/* ---- both VIOS lost ---- */

static void while_both_are_gone_partitions_wait_and_go_on(void **state)
{
	uint64_t epochs[2] = { host.vios[0].epoch, host.vios[1].epoch };

	(void)state;
	(void)start(BOTH);
	assert_string_equal(drill()->vios, "");
	run_until("done", 60);
	must_be("passed", "longest stall 5.0 ms of at most 10000 ms");
	assert_string_equal(last_event("drill.done")->text,
			    "drill 1 on host 'h1' passed: longest stall 5.0 ms of at "
			    "most 10000 ms, 49152 pages verified, none bad");
	assert_true(has_step("LPAR 'db1' waits: no paging VIOS"));
	assert_string_equal(drill()->partitions[2]->waited, "no paging VIOS");
	assert_null(drill()->partitions[0]->waited); /* dedicated */
	assert_true(host.vios[0].epoch > epochs[0] && host.vios[1].epoch > epochs[1]);
}

static void a_loss_that_nobody_waits_in_proves_nothing(void **state)
{
	(void)state;
	(void)start(BOTH);
	run_until("inject", 60);
	for (unsigned i = 0; i < 100 && !is_done(); i++) {
		test_coordinator_run(&c, 250);
		test_settle(&c, &host);
		host.away = 0; /* back at once */
		test_settle(&c, &host);
		model_host_work(&host);
	}
	run_until("done", 60);
	must_be("inconclusive", "no partition was seen to wait");
}

static void both_lost_for_good_fails_it(void **state)
{
	(void)state;
	host.vios_stay_down = true;
	(void)start(BOTH);
	run_until("done", 200);
	must_be("failed", "partitions did not go on within 20 s");
	assert_true(has_step("not redundant again within 60 s: VIOS 'vios2' is down"));
}

static void a_loss_that_is_not_carried_out_proves_nothing(void **state)
{
	(void)state;
	(void)start(BOTH);
	run_until("inject", 60);
	host.op_error = HV_E_REFUSED;
	run_until("done", 120);
	must_be("inconclusive", "the VIOS could not be killed: the model was told");
}

static void both_lost_goes_on_after_a_restart(void **state)
{
	(void)state;
	restart_in_each_phase(BOTH);
	must_be("passed", "none bad");
}

/* ---- devices that fail, or lie ---- */

static void faults_of_a_device_lose_nothing(void **state)
{
	static const struct {
		Tarn__DrillKind kind;
		const char *seen;
	} cases[] = { { DEVICE_ERROR, "errors were seen" },
		      { DEVICE_LOST, "errors were seen" },
		      { CORRUPT, "wrong checksums were seen" } };

	(void)state;
	for (size_t i = 0; i < HV_COUNT(cases); i++) {
		(void)start(cases[i].kind);
		run_until("done", 60);
		must_be("passed", "none bad");
		assert_true(has_step("pages came in under faults"));
		assert_true(has_step(cases[i].seen));
		assert_true(drill()->hits > 0);
		assert_int_equal(host.injecting, 0);
	}
	assert_int_equal(host.failover_count, 0);
}

static void faults_that_nobody_meets_prove_nothing(void **state)
{
	(void)state;
	host.no_hits = true;
	(void)start(CORRUPT);
	run_until("done", 120);
	must_be("inconclusive", "no request met a fault within 30 s");
	assert_int_equal(host.injecting, 0);
}

static void faults_that_cannot_be_injected_prove_nothing(void **state)
{
	(void)state;
	(void)start(DEVICE_ERROR);
	run_until("inject", 60);
	host.op_error = HV_E_REFUSED;
	run_until("done", 120);
	must_be("inconclusive", "nothing could be injected into VIOS 'vios1': the model");
}

static void a_page_that_is_lost_under_faults_fails_it(void **state)
{
	(void)state;
	(void)start(CORRUPT);
	run_until("switch", 60);
	model_host_lpar(&host, "db1")->bad_pages = 1;
	run_until("done", 60);
	must_be("failed", "LPAR 'db1' has 1 bad pages");
}

static void wrong_checksums_of_another_drill_fail_it(void **state)
{
	(void)state;
	(void)start(DEVICE_ERROR);
	run_until("switch", 60);
	model_host_lpar(&host, "db1")->checksum_errors++;
	run_until("done", 60);
	must_be("failed", "LPAR 'db1' met 1 page errors during the drill");
}

static void drills_of_devices_go_on_after_a_restart(void **state)
{
	(void)state;
	restart_in_each_phase(DEVICE_LOST);
	must_be("passed", "none bad");
	assert_int_equal(host.injecting, 0);
}

/* ---- agent ---- */

static void nobody_notices_that_the_agent_is_killed(void **state)
{
	uint64_t incarnation = host.incarnation;

	(void)state;
	(void)start(AGENT);
	run_until("done", 60);
	must_be("passed", "none bad");
	assert_int_equal(host.incarnation, incarnation + 1);
	assert_true(has_step("another agent reports"));
	assert_true(has_step("no failover, the same hypervisor and VIOS as before"));
	assert_int_equal(host.failover_count, 0);
}

static void an_agent_that_does_not_come_back_fails_it(void **state)
{
	(void)state;
	host.agent_stays = true;
	(void)start(AGENT);
	run_until("done", 120);
	must_be("failed", "no other agent has reported within 30 s");
}

static void a_failover_that_comes_with_it_fails_it(void **state)
{
	(void)state;
	(void)start(AGENT);
	run_until("inject", 60);
	model_host_kill_vios(&host, 0);
	run_until("done", 120);
	must_be("failed", "VIOS 'vios1' was started again meanwhile");
	assert_true(has_step("there was a failover meanwhile"));
}

static void a_hypervisor_that_is_another_one_fails_it(void **state)
{
	(void)state;
	(void)start(AGENT);
	run_until("inject", 60);
	host.hypervisor++;
	run_until("done", 120);
	must_be("failed", "the hypervisor was started again meanwhile");
}

static void an_agent_that_cannot_be_killed_proves_nothing(void **state)
{
	(void)state;
	(void)start(AGENT);
	run_until("inject", 60);
	host.op_error = HV_E_OS;
	run_until("done", 120);
	must_be("inconclusive", "the agent could not be killed: the model was told");
}

static void without_traffic_a_killed_agent_proves_nothing(void **state)
{
	(void)state;
	host.no_paging = true;
	(void)start(AGENT);
	run_until("done", 120);
	must_be("inconclusive", "no page came in within 20 s");
}

static void an_agent_drill_goes_on_after_a_restart(void **state)
{
	(void)state;
	restart_in_each_phase(AGENT);
	must_be("passed", "none bad");
}

/* ---- coordinator ---- */

static void nobody_notices_that_the_coordinator_is_killed(void **state)
{
	uint64_t epoch = test_cluster(&c)->now.epoch;

	(void)state;
	(void)start(COORDINATOR);
	run_until("done", 60);
	must_be("passed", "none bad");
	assert_int_equal(test_cluster(&c)->now.epoch, epoch + 1);
	assert_true(has_step("the coordinator is back"));
}

static void a_coordinator_that_nobody_would_start_again_is_not_killed(void **state)
{
	(void)state;
	c.env.again = NULL;
	(void)start(COORDINATOR);
	run_until("done", 60);
	must_be("inconclusive", "the coordinator could not be killed");
}

/* What failed once is tried again, in the same epoch. */
static void the_next_drill_kills_it_all_the_same(void **state)
{
	enum hv_code (*again)(struct engine_env * env, unsigned away_ms,
			      struct hv_err *err) = c.env.again;

	(void)state;
	c.env.again = NULL;
	(void)start(COORDINATOR);
	run_until("done", 60);
	c.env.again = again;
	(void)start(COORDINATOR);
	run_until("done", 60);
	must_be("passed", "none bad");
}

static void a_coordinator_that_is_not_killed_proves_nothing(void **state)
{
	(void)state;
	(void)start(COORDINATOR);
	for (unsigned i = 0; i < 400 && !is_done(); i++) {
		test_coordinator_run(&c, 250); /* and goes on, whatever was asked */
		model_host_work(&host);
		test_settle(&c, &host);
	}
	must_be("inconclusive", "the coordinator could not be killed");
}

static void they_are_refused_where_no_drills_are_allowed(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	host.drills_allowed = false;
	test_settle(&c, &host);
	must_refuse(HV_E_REFUSED, COORDINATOR, NULL, "not started with --allow-drills");
	must_refuse(HV_E_REFUSED, AGENT, NULL, "not started with --allow-drills");
	must_refuse(HV_E_REFUSED, BOTH, NULL, "not started with --allow-drills");
	must_refuse(HV_E_REFUSED, CORRUPT, NULL, "not started with --allow-drills");
	assert_int_equal(test_drill(&c, AGENT, "h1", "vios1", &err, NULL), HV_E_INVAL);
	assert_non_null(strstr(err.text, "not of one VIOS"));
}

/* ---- abort ---- */

static enum hv_code abort_drill(uint64_t number, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__DrillAbort abort = TARN__DRILL_ABORT__INIT;
	uint64_t job = 0;
	enum hv_code code;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILL_ABORT;
	request.drill_abort = &abort;
	abort.number = number;
	code = test_change(&c, &request, err, &job);
	assert_true(code != HV_OK || job == drill()->job);
	return code;
}

/* In each phase of each kind: what was there before is there again. */
static void an_aborted_drill_leaves_what_it_found(void **state)
{
	static const Tarn__DrillKind kinds[] = { PLANNED, KILL, HANG,  DEVICE_LOST,
						 CORRUPT, BOTH, AGENT, COORDINATOR };
	static const char *const phases[] = { "ready", "inject", "switch", "restore",
					      "verify" };
	struct hv_err err = { 0 };
	unsigned aborted = 0;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(kinds) * HV_COUNT(phases); i++) {
		(void)start(kinds[i / HV_COUNT(phases)]);
		run_until(phases[i % HV_COUNT(phases)], 60);
		if (is_done())
			continue; /* it went through that phase between two looks */
		aborted++;
		assert_int_equal(abort_drill(drill()->number, &err), HV_OK);
		assert_int_equal(abort_drill(drill()->number, &err), HV_OK); /* as well */
		run_until("done", 90);
		must_be("inconclusive", "aborted while it was in phase");
		for (unsigned k = 0; k < 40; k++) { /* an agent that was killed is back */
			model_host_work(&host);
			test_coordinator_run(&c, 250);
			test_settle(&c, &host);
		}
		assert_int_not_equal(model_host_active(&host), 2);
	}
	assert_true(aborted > 2 * HV_COUNT(kinds));
}

static void only_what_runs_is_aborted(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(abort_drill(7, &err), HV_E_NOTFOUND);
	(void)start(PLANNED);
	run_until("done", 60);
	assert_int_equal(abort_drill(1, &err), HV_E_STATE);
	assert_string_equal(err.text, "drill 1 is over: passed");
	must_be("passed", "");
}

static void an_abort_hides_no_failure(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	(void)start(KILL);
	run_until("switch", 60);
	model_host_end_lpar(&host, "db1");
	test_settle(&c, &host);
	assert_int_equal(abort_drill(1, &err), HV_OK);
	run_until("done", 60);
	must_be("failed", "LPAR 'db1' ended during the drill");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_drill, close_one)
		TEST(a_hang_is_seen_and_what_wakes_up_late_does_no_harm),
		TEST(a_hang_that_nobody_sees_fails_it),
		TEST(slots_that_stay_in_quarantine_leave_a_doubt),
		TEST(a_stop_that_is_not_carried_out_proves_nothing),
		TEST(a_hang_is_refused_where_it_could_not_be_judged),
		TEST(a_hang_goes_on_after_a_restart),
		TEST(while_both_are_gone_partitions_wait_and_go_on),
		TEST(a_loss_that_nobody_waits_in_proves_nothing),
		TEST(both_lost_for_good_fails_it),
		TEST(a_loss_that_is_not_carried_out_proves_nothing),
		TEST(both_lost_goes_on_after_a_restart),
		TEST(faults_of_a_device_lose_nothing),
		TEST(faults_that_nobody_meets_prove_nothing),
		TEST(faults_that_cannot_be_injected_prove_nothing),
		TEST(a_page_that_is_lost_under_faults_fails_it),
		TEST(wrong_checksums_of_another_drill_fail_it),
		TEST(drills_of_devices_go_on_after_a_restart),
		TEST(nobody_notices_that_the_agent_is_killed),
		TEST(an_agent_that_does_not_come_back_fails_it),
		TEST(a_failover_that_comes_with_it_fails_it),
		TEST(a_hypervisor_that_is_another_one_fails_it),
		TEST(an_agent_that_cannot_be_killed_proves_nothing),
		TEST(without_traffic_a_killed_agent_proves_nothing),
		TEST(an_agent_drill_goes_on_after_a_restart),
		TEST(nobody_notices_that_the_coordinator_is_killed),
		TEST(a_coordinator_that_nobody_would_start_again_is_not_killed),
		TEST(the_next_drill_kills_it_all_the_same),
		TEST(a_coordinator_that_is_not_killed_proves_nothing),
		TEST(they_are_refused_where_no_drills_are_allowed),
		TEST(an_aborted_drill_leaves_what_it_found),
		TEST(only_what_runs_is_aborted),
		TEST(an_abort_hides_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
