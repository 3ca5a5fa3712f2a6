/* What people see: records beside reports, and nothing invented. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int open_one(void **state)
{
	struct test_lpar lpar = { .name = "db1", .host = "h1", .mem = 64 * MIB };

	(void)open_up(state);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	return 0;
}

static void must_show(const char *lpar_state, const char *device_state,
		      const char *reason)
{
	Tarn__ClusterReply *status = test_status(&c);
	const Tarn__LparView *lpar = test_lpar_view(status, "db1");

	assert_string_equal(lpar->state, lpar_state);
	assert_string_equal(status->status->devices[0]->state, device_state);
	if (reason != NULL) {
		assert_non_null(lpar->reason);
		if (strstr(lpar->reason, reason) == NULL)
			fail_msg("'%s' does not say '%s'", lpar->reason, reason);
	}
	test_reply_free(status);
}

static void an_lpar_goes_through_its_states(void **state)
{
	(void)state;
	must_show("Not Activated", "Inactive", NULL);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	must_show("Starting", "Active", NULL);
	test_settle(&c, &host);
	must_show("Running", "Active", NULL);
	host.lpars[0].is_waiting = true;
	test_settle(&c, &host);
	must_show("Waiting for paging", "Active", NULL);
	host.lpars[0].is_waiting = false;
	test_settle(&c, &host);
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, NULL), HV_OK);
	must_show("Shutting Down", "Active", NULL);
	test_settle(&c, &host);
	must_show("Not Activated", "Inactive", "ended");
}

static void what_is_not_reported_is_unknown(void **state)
{
	Tarn__ClusterReply *status;

	(void)state;
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	test_coordinator_restart(&c);
	must_show("Unknown", "Active", "no report from host 'h1' yet");
	status = test_status(&c);
	assert_false(status->status->hosts[0]->connected);
	assert_false(status->status->hosts[0]->has_last_seen_ms);
	assert_null(status->status->hosts[0]->stat);
	assert_false(status->status->devices[0]->redundant);
	assert_non_null(status->status->devices[0]->reason);
	assert_int_equal(status->status->epoch, 2);
	test_reply_free(status);
	test_settle(&c, &host);
	must_show("Running", "Active", NULL);
	test_coordinator_run(&c, 8000);
	must_show("Unknown", "Active", "host 'h1' has not reported for 8 s");
}

static void a_device_shows_what_is_wrong_with_it(void **state)
{
	Tarn__ClusterReply *status;

	(void)state;
	assert_int_equal(test_pgdev(&c, "h1", "d2", 64 * MIB, NULL, NULL), HV_OK);
	status = test_status(&c);
	assert_string_equal(status->status->devices[1]->state, "Defined");
	assert_true(status->status->devices[0]->redundant);
	test_reply_free(status);
	test_settle(&c, &host);
	host.devices[0].has_error = true;
	test_settle(&c, &host);
	status = test_status(&c);
	assert_string_equal(status->status->devices[0]->state, "Missing backing device");
	assert_string_equal(status->status->devices[0]->reason,
			    "the model was told to fail");
	assert_false(status->status->devices[0]->redundant);
	assert_string_equal(status->status->devices[1]->state, "Inactive");
	test_reply_free(status);
	/* Missing, it is not given to anybody. */
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	assert_string_equal(cluster_lpar(test_cluster(&c), "db1")->device, "d2");
}

static void filters_name_what_they_want(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	struct test_lpar lpar = { .name = "db2", .host = "h1", .mem = 64 * MIB };
	Tarn__ClusterReply *reply;

	(void)state;
	assert_int_equal(test_host_add(&c, "h2"), HV_OK);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_STATUS;
	request.status = &query;
	reply = test_ask(&c, &request);
	assert_int_equal(reply->status->n_hosts, 2);
	assert_int_equal(reply->status->n_lpars, 2);
	test_reply_free(reply);
	query.host = (char *)"h2";
	reply = test_ask(&c, &request);
	assert_int_equal(reply->status->n_hosts, 1);
	assert_int_equal(reply->status->n_devices, 0);
	assert_int_equal(reply->status->n_lpars, 0);
	test_reply_free(reply);
	query.host = (char *)"";
	query.name = (char *)"db2";
	reply = test_ask(&c, &request);
	assert_int_equal(reply->status->n_lpars, 1);
	assert_int_equal(reply->status->n_hosts, 1);
	test_reply_free(reply);
	query.name = (char *)"nix";
	reply = test_ask(&c, &request);
	assert_int_equal(reply->error->code, HV_E_NOTFOUND);
	test_reply_free(reply);
	query.name = NULL;
	query.host = (char *)"nix";
	reply = test_ask(&c, &request);
	assert_int_equal(reply->error->code, HV_E_NOTFOUND);
	test_reply_free(reply);
}

static void drills_are_listed_and_looked_up(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	Tarn__ClusterReply *reply;

	(void)state;
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	model_host_work(&host);
	test_settle(&c, &host);
	assert_int_equal(
		test_drill(&c, TARN__DRILL_KIND__DRILL_KILL, "h1", NULL, NULL, NULL),
		HV_OK);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILLS;
	request.drills = &query;
	reply = test_ask(&c, &request);
	assert_int_equal(reply->n_drills, 1);
	assert_null(reply->drills[0]->verdict); /* while it runs */
	test_reply_free(reply);
	query.name = (char *)"1";
	reply = test_ask(&c, &request);
	assert_int_equal(reply->n_drills, 1);
	test_reply_free(reply);
	query.name = (char *)"2";
	reply = test_ask(&c, &request);
	assert_int_equal(reply->error->code, HV_E_NOTFOUND);
	test_reply_free(reply);
	query.name = NULL;
	query.host = (char *)"h2";
	reply = test_ask(&c, &request);
	assert_int_equal(reply->n_drills, 0);
	test_reply_free(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)
		TEST(an_lpar_goes_through_its_states),
		TEST(what_is_not_reported_is_unknown),
		TEST(a_device_shows_what_is_wrong_with_it),
		TEST(filters_name_what_they_want),
		TEST(drills_are_listed_and_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
