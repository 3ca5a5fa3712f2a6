/* The pair of paging VIOS: what would break it is refused. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENABLE TARN__VIOS_VERB__VIOS_VERB_ENABLE
#define DISABLE TARN__VIOS_VERB__VIOS_VERB_DISABLE
#define MAINTAIN TARN__VIOS_VERB__VIOS_VERB_MAINTAIN
#define RESUME TARN__VIOS_VERB__VIOS_VERB_RESUME
#define KILL TARN__VIOS_VERB__VIOS_VERB_KILL
#define ASSIGN TARN__VIOS_VERB__VIOS_VERB_ASSIGN
#define UNASSIGN TARN__VIOS_VERB__VIOS_VERB_UNASSIGN
#define NONE TARN__REDUNDANCY__REDUNDANCY_NONE
#define REQUIRED TARN__REDUNDANCY__REDUNDANCY_REQUIRED

static enum hv_code order(const char *name, Tarn__ViosVerb verb, bool force,
			  const char *says)
{
	struct hv_err err = { 0 };
	enum hv_code code = test_vios(&c, "h1", name, verb, force, &err, NULL);

	if (says != NULL && strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
	test_settle(&c, &host);
	return code;
}

/* A running LPAR, with pages outside the pool. */
static void run_lpar(Tarn__Redundancy redundancy)
{
	run_db1(redundancy);
	model_host_work(&host);
	test_settle(&c, &host);
}

static void unknown_names_are_refused(void **state)
{
	(void)state;
	assert_int_equal(order("vios3", MAINTAIN, false, "it has vios1, vios2"),
			 HV_E_NOTFOUND);
	assert_int_equal(test_vios(&c, "h9", "vios1", MAINTAIN, false, NULL, NULL),
			 HV_E_NOTFOUND);
}

static void maintenance_and_back(void **state)
{
	uint64_t job;

	(void)state;
	assert_int_equal(model_host_active(&host), 0);
	assert_int_equal(test_vios(&c, "h1", "vios1", MAINTAIN, false, NULL, &job),
			 HV_OK);
	assert_false(cluster_job(test_cluster(&c), job)->done);
	/* A report that was made before the order says nothing about it. */
	assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	assert_false(cluster_job(test_cluster(&c), job)->done);
	test_settle(&c, &host);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_string_equal(cluster_job(test_cluster(&c), job)->text,
			    "VIOS 'vios1' is in maintenance");
	assert_int_equal(model_host_active(&host), 1);
	assert_int_equal(order("vios1", MAINTAIN, false, "in maintenance already"),
			 HV_E_STATE);
	assert_int_equal(order("vios2", RESUME, false, "is not in maintenance"),
			 HV_E_STATE);
	assert_int_equal(order("vios1", RESUME, false, NULL), HV_OK);
	assert_int_equal(host.vios[0].state, TARN__VIOS_STATE__VIOS_STANDBY);
}

static void maintenance_needs_a_healthy_partner(void **state)
{
	(void)state;
	run_lpar(REQUIRED);
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 1);
	test_settle(&c, &host);
	assert_int_equal(order("vios1", MAINTAIN, false, "its partner 'vios2' is down"),
			 HV_E_REFUSED);
	assert_int_equal(order("vios1", MAINTAIN, true, "100 pages outside the pool"),
			 HV_E_REFUSED);
	host.vios_stay_down = false;
	test_settle(&c, &host);
	assert_int_equal(order("vios1", MAINTAIN, false, NULL), HV_OK);
	assert_int_equal(order("vios2", MAINTAIN, false, "'vios1' is in maintenance"),
			 HV_E_REFUSED);
}

static void force_is_for_when_nothing_can_be_lost(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(order("vios1", MAINTAIN, false, NULL), HV_OK);
	assert_int_equal(order("vios2", MAINTAIN, false, NULL), HV_E_REFUSED);
	/* What was paged out is unknown while the host is silent. */
	test_coordinator_run(&c, LIVE_SILENT_MS + 500);
	assert_int_equal(test_vios(&c, "h1", "vios2", MAINTAIN, true, &err, NULL),
			 HV_E_REFUSED);
	assert_non_null(strstr(err.text, "cannot be forced: the host does not report"));
	test_settle(&c, &host);
	assert_int_equal(order("vios2", MAINTAIN, true, NULL), HV_OK);
}

static void only_one_that_is_not_assigned_is_disabled(void **state)
{
	(void)state;
	assert_int_equal(order("vios2", DISABLE, false, "tarn pool unassign"),
			 HV_E_REFUSED);
	assert_int_equal(order("vios2", UNASSIGN, false, NULL), HV_OK);
	assert_int_equal(host.vios[1].state, TARN__VIOS_STATE__VIOS_ABSENT);
	assert_int_equal(order("vios2", ENABLE, false, "enabled already"), HV_E_STATE);
	assert_int_equal(order("vios2", DISABLE, false, NULL), HV_OK);
	assert_int_equal(order("vios2", DISABLE, false, "disabled already"), HV_E_STATE);
	assert_int_equal(order("vios9", DISABLE, false, "has no VIOS"), HV_E_NOTFOUND);
	assert_int_equal(order("vios2", MAINTAIN, false, "not assigned"), HV_E_STATE);
	assert_int_equal(order("vios2", KILL, false, "not assigned"), HV_E_STATE);
	assert_int_equal(order("vios2", ASSIGN, false, "enable it first"), HV_E_STATE);
	assert_int_equal(order("vios2", ENABLE, false, NULL), HV_OK);
	assert_int_equal(order("vios2", ASSIGN, false, NULL), HV_OK);
	assert_int_equal(order("vios2", ENABLE, false, "enabled already"), HV_E_STATE);
	assert_int_equal(host.vios[1].state, TARN__VIOS_STATE__VIOS_STANDBY);
}

/* As a state directory of before has it: of the pair, and disabled. */
static void one_that_was_disabled_when_all_paged_is_still_of_the_pair(void **state)
{
	Tarn__HostRecord *record;

	(void)state;
	record = (Tarn__HostRecord *)(uintptr_t)cluster_host(test_cluster(&c), "h1");
	record->vios[1]->enabled = false;
	assert_int_equal(order("vios2", MAINTAIN, false, "enable it first"), HV_E_STATE);
	assert_int_equal(order("vios2", KILL, false, "enable it first"), HV_E_STATE);
	assert_int_equal(order("vios2", ENABLE, false, NULL), HV_OK);
	assert_int_equal(host.vios[1].state, TARN__VIOS_STATE__VIOS_STANDBY);
}

static void killing_is_for_drills(void **state)
{
	uint64_t job;

	(void)state;
	host.drills_allowed = false;
	test_settle(&c, &host);
	assert_int_equal(order("vios1", KILL, false, "--allow-drills"), HV_E_DENIED);
	host.drills_allowed = true;
	test_settle(&c, &host);
	assert_int_equal(test_vios(&c, "h1", "vios1", KILL, false, NULL, &job), HV_OK);
	test_settle(&c, &host);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_null(cluster_job(test_cluster(&c), job)->error);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_OP), 0);
	assert_int_equal(model_host_active(&host), 1);
	host.op_error = HV_E_IO;
	assert_int_equal(test_vios(&c, "h1", "vios2", KILL, false, NULL, &job), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(cluster_job(test_cluster(&c), job)->error->code, HV_E_IO);
	assert_int_equal(order("vios2", MAINTAIN, false, NULL), HV_OK);
	assert_int_equal(order("vios2", KILL, false, "resume it first"), HV_E_STATE);
	assert_int_equal(order("vios1", KILL, false, "its partner 'vios2'"),
			 HV_E_REFUSED);
}

/* Before its agent has even heard of the first order. */
static void both_of_a_pair_are_not_killed(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	run_lpar(REQUIRED);
	assert_int_equal(test_vios(&c, "h1", "vios1", KILL, false, NULL, NULL), HV_OK);
	assert_int_equal(test_vios(&c, "h1", "vios2", KILL, false, &err, NULL),
			 HV_E_REFUSED);
	assert_non_null(strstr(err.text, "its partner 'vios1' is being killed"));
	assert_int_equal(test_vios(&c, "h1", "vios2", MAINTAIN, false, NULL, NULL),
			 HV_E_REFUSED);
	assert_int_equal(test_vios(&c, "h1", "vios2", KILL, true, NULL, NULL),
			 HV_E_REFUSED); /* 100 pages outside the pool */
	assert_int_equal(
		test_drill(&c, TARN__DRILL_KIND__DRILL_KILL, "h1", NULL, &err, NULL),
		HV_E_REFUSED);
	assert_non_null(strstr(err.text, "VIOS 'vios1' is being killed"));
	test_settle(&c, &host);
	assert_int_equal(order("vios2", KILL, false, NULL), HV_OK);
}

static void orders_not_carried_out_are_bounded(void **state)
{
	struct hv_err err = { 0 };
	enum hv_code code = HV_OK;
	unsigned count = 0;

	(void)state;
	host.is_silent_op = true;
	for (; count < HV_HOST_OPS_MAX && code == HV_OK; count++)
		code = test_vios(&c, "h1", "vios1", KILL, false, &err, NULL);
	assert_int_equal(code, HV_E_BUSY);
	assert_non_null(strstr(err.text, "32 orders"));
}

static void an_order_that_is_not_reached_times_out_and_stands(void **state)
{
	const Tarn__JobRecord *record;
	uint64_t job;

	(void)state;
	assert_int_equal(order("vios1", MAINTAIN, false, NULL), HV_OK);
	host.vios_stay_down = true;
	assert_int_equal(test_vios(&c, "h1", "vios1", RESUME, false, NULL, &job), HV_OK);
	test_settle(&c, &host);
	test_coordinator_run(&c, 61000);
	record = cluster_job(test_cluster(&c), job);
	assert_true(record->done);
	assert_int_equal(record->error->code, HV_E_TIMEOUT);
	assert_non_null(strstr(record->error->text, "the order stands"));
	assert_false(cluster_host(test_cluster(&c), "h1")->vios[0]->maintenance);
}

static void a_newer_order_replaces_one_that_waits(void **state)
{
	uint64_t first, second;

	(void)state;
	assert_int_equal(test_vios(&c, "h1", "vios1", MAINTAIN, false, NULL, &first),
			 HV_OK);
	assert_int_equal(test_vios(&c, "h1", "vios1", RESUME, false, NULL, &second),
			 HV_OK);
	assert_int_equal(cluster_job(test_cluster(&c), first)->error->code,
			 HV_E_CANCELED);
	test_settle(&c, &host);
	assert_null(cluster_job(test_cluster(&c), second)->error);
	assert_true(cluster_job(test_cluster(&c), second)->done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)
		TEST(unknown_names_are_refused),
		TEST(maintenance_and_back),
		TEST(maintenance_needs_a_healthy_partner),
		TEST(force_is_for_when_nothing_can_be_lost),
		TEST(only_one_that_is_not_assigned_is_disabled),
		TEST(one_that_was_disabled_when_all_paged_is_still_of_the_pair),
		TEST(killing_is_for_drills),
		TEST(both_of_a_pair_are_not_killed),
		TEST(orders_not_carried_out_are_bounded),
		TEST(an_order_that_is_not_reached_times_out_and_stands),
		TEST(a_newer_order_replaces_one_that_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
