/* Rolling maintenance: one VIOS after the other, and what ends it. */
#include "tests/unit/coordinator/drill_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROLLING TARN__DRILL_KIND__DRILL_ROLLING

static const Tarn__DrillRecord *rolling(void)
{
	for (size_t i = cluster_count(test_cluster(&c), RECORD_DRILL); i-- > 0;)
		if (cluster_drill_at(test_cluster(&c), i)->kind == ROLLING)
			return cluster_drill_at(test_cluster(&c), i);
	return NULL;
}

static enum hv_code roll(const char *on, struct hv_err *err)
{
	return test_drill(&c, ROLLING, on, NULL, err, NULL);
}

/* Until that leg has begun, or all is over; both of a pair are never away. */
static void run_legs(size_t begun, unsigned seconds)
{
	for (unsigned i = 0; i < 4 * seconds && rolling()->verdict == NULL; i++) {
		const Tarn__HostRecord *record = cluster_host(test_cluster(&c), "h1");

		assert_false(record->vios[0]->maintenance &&
			     record->vios[1]->maintenance);
		if (begun < rolling()->n_legs && rolling()->legs[begun]->has_drill)
			return;
		test_coordinator_run(&c, 250);
		model_host_work(&host);
		test_settle(&c, &host);
	}
}

static void must_have_rolled(const char *verdict, const char *says)
{
	assert_non_null(rolling()->verdict);
	if (strcmp(rolling()->verdict, verdict) != 0 ||
	    strstr(rolling()->reason, says) == NULL)
		fail_msg("%s: %s", rolling()->verdict, rolling()->reason);
	assert_string_equal(rolling()->phase, "done");
	assert_true(cluster_job(test_cluster(&c), rolling()->job)->done);
	assert_false(cluster_host(test_cluster(&c), "h1")->vios[0]->maintenance);
	assert_false(cluster_host(test_cluster(&c), "h1")->vios[1]->maintenance);
}

static void must_be_leg(size_t at, const char *vios, const char *verdict)
{
	assert_string_equal(rolling()->legs[at]->vios, vios);
	assert_string_equal(rolling()->legs[at]->verdict, verdict);
}

static void each_vios_has_its_turn(void **state)
{
	(void)state;
	assert_int_equal(roll("", NULL), HV_OK);
	assert_int_equal(rolling()->n_legs, 2);
	run_legs(9, 120);
	must_have_rolled("passed",
			 "2 of 2 VIOS passed, longest stall 5.0 ms, 98304 pages");
	assert_string_equal(last_event("drill.done")->text,
			    "drill 1 passed: 2 of 2 VIOS passed, longest stall 5.0 ms, "
			    "98304 pages verified, 0 bad");
	must_be_leg(0, "vios1", "passed");
	must_be_leg(1, "vios2", "passed");
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_DRILL), 3);
	assert_int_equal(rolling()->legs[1]->drill, 3);
	assert_int_equal(host.failover_count, 2);
}

static void a_host_without_shared_lpars_is_left_out(void **state)
{
	(void)state;
	bring_second();
	assert_int_equal(roll("", NULL), HV_OK);
	run_legs(9, 120);
	must_have_rolled("passed", "2 of 2 VIOS passed");
	assert_int_equal(rolling()->n_legs, 3);
	must_be_leg(2, "", "skipped");
	assert_string_equal(rolling()->skipped[0],
			    "host 'h2': no shared LPAR runs there");
	assert_int_equal(roll("h1", NULL), HV_OK); /* or only there */
	assert_int_equal(rolling()->n_legs, 2);
	run_legs(9, 120);
	must_have_rolled("passed", "2 of 2 VIOS passed");
}

static void what_is_missing_anywhere_is_told_before_anything_is_done(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(roll("h9", &err), HV_E_NOTFOUND);
	assert_int_equal(test_drill(&c, ROLLING, "", "vios1", &err, NULL), HV_E_INVAL);
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 1);
	test_settle(&c, &host);
	assert_int_equal(roll("", &err), HV_E_REFUSED);
	assert_non_null(strstr(err.text, "host 'h1' is not ready for a drill: VIOS "
					 "'vios2' is down; paging device 'd1'"));
	assert_int_equal(test_lpar_shutdown(&c, "db1", true, NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_shutdown(&c, "db2", true, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(roll("", &err), HV_E_REFUSED);
	assert_non_null(strstr(err.text, "nothing would be shown"));
	assert_null(rolling());
}

static void one_that_fails_ends_it(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(roll("", NULL), HV_OK);
	assert_int_equal(roll("", &err), HV_E_BUSY);
	run_legs(0, 60);
	model_host_end_lpar(&host, "db1");
	run_legs(9, 120);
	must_have_rolled("failed", "0 of 1 VIOS passed");
	must_be_leg(0, "vios1", "failed");
	must_be_leg(1, "vios2", "skipped");
	assert_string_equal(rolling()->legs[1]->reason, "the one before it did not pass");
}

static void one_that_never_gets_ready_ends_it_in_doubt(void **state)
{
	(void)state;
	assert_int_equal(roll("", NULL), HV_OK);
	run_legs(0, 60);
	run_until("restore", 60);
	host.is_silent_op = true;
	run_until("verify", 60);
	host.is_silent_op = false;
	host.devices[0].is_alone = true; /* what the first one does not need any more */
	run_legs(9, 200);
	must_have_rolled("inconclusive", "1 of 2 VIOS passed");
	must_be_leg(0, "vios1", "passed");
	must_be_leg(1, "vios2", "inconclusive");
	assert_non_null(strstr(rolling()->legs[1]->reason, "is not reached by both"));
}

/* Each has a time of its own: neither keeps the other from going on. */
static void it_waits_for_a_drill_that_was_first_on_the_host(void **state)
{
	(void)state;
	assert_int_equal(roll("", NULL), HV_OK);
	(void)start(AGENT);
	assert_false(rolling()->legs[0]->has_drill);
	run_legs(9, 120);
	must_have_rolled("passed", "2 of 2 VIOS passed");
	assert_string_equal(cluster_drill(test_cluster(&c), 2)->verdict, "passed");
	assert_int_equal(rolling()->legs[0]->drill, 3);
}

static void a_restart_in_the_middle_does_no_harm(void **state)
{
	(void)state;
	assert_int_equal(roll("", NULL), HV_OK);
	for (size_t i = 0; i < 2; i++) {
		run_legs(i, 120);
		test_coordinator_restart(&c);
		test_settle(&c, &host);
	}
	run_legs(9, 120);
	must_have_rolled("passed", "2 of 2 VIOS passed");
}

static void an_abort_ends_the_one_that_runs_and_all_after_it(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__DrillAbort abort = TARN__DRILL_ABORT__INIT;

	(void)state;
	assert_int_equal(roll("", NULL), HV_OK);
	run_legs(0, 60);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILL_ABORT;
	request.drill_abort = &abort;
	abort.number = rolling()->number;
	assert_int_equal(test_change(&c, &request, NULL, NULL), HV_OK);
	run_legs(9, 120);
	must_have_rolled("inconclusive", "aborted: 0 of 1 VIOS passed");
	must_be_leg(0, "vios1", "inconclusive");
	must_be_leg(1, "vios2", "skipped");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_drill, close_one)
		TEST(each_vios_has_its_turn),
		TEST(a_host_without_shared_lpars_is_left_out),
		TEST(what_is_missing_anywhere_is_told_before_anything_is_done),
		TEST(one_that_fails_ends_it),
		TEST(one_that_never_gets_ready_ends_it_in_doubt),
		TEST(it_waits_for_a_drill_that_was_first_on_the_host),
		TEST(a_restart_in_the_middle_does_no_harm),
		TEST(an_abort_ends_the_one_that_runs_and_all_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
