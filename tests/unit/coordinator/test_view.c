/* What people see: records beside reports, and nothing invented. */
#include "coordinator/cluster/view.h"
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

#define MANY 40
#define LONG_BYTES 2000

/* LPARs whose profiles are so large that a page holds only some of them. */
static void define_many(void)
{
	static char text[LONG_BYTES + 1];
	static const char *const names[] = { "virtual_scsi_adapters",
					     "virtual_eth_adapters" };
	Tarn__LparAttribute attributes[HV_COUNT(names)], *list[HV_COUNT(names)];
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparProfile profile = TARN__LPAR_PROFILE__INIT;
	Tarn__ProfileSet set = TARN__PROFILE_SET__INIT;
	char lpar[HV_NAME_BYTES], name[HV_NAME_BYTES];
	struct hv_err err = { 0 };

	memset(text, 'x', LONG_BYTES);
	for (unsigned i = 0; i < HV_COUNT(names); i++) {
		tarn__lpar_attribute__init(&attributes[i]);
		attributes[i].name = (char *)names[i];
		attributes[i].value = text;
		list[i] = &attributes[i];
	}
	profile.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	profile.min_bytes = profile.mem_bytes = profile.max_bytes = 64 * MIB;
	profile.attributes = list;
	profile.n_attributes = HV_COUNT(list);
	profile.name = name;
	set.profile = &profile;
	set.lpar = lpar;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_SET;
	request.profile_set = &set;
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(lpar, sizeof(lpar), "many%02u", i);
		assert_int_equal(
			test_lpar_create(&c,
					 &(struct test_lpar){ .name = lpar,
							      .host = "h1",
							      .is_dedicated = true,
							      .mem = 64 * MIB },
					 NULL),
			HV_OK);
		for (unsigned j = 0; j < 9; j++) {
			(void)snprintf(name, sizeof(name), "p%u", j);
			if (test_change(&c, &request, &err, NULL) != HV_OK)
				fail_msg("%s", err.text);
		}
	}
}

static void pages_have_every_lpar_once(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	char next[HV_NAME_BYTES] = "", last[HV_NAME_BYTES] = "";
	unsigned pages = 0, lpars = 0;

	(void)state;
	define_many();
	query.has_lpars = 1;
	query.lpars = TARN__LPAR_DETAIL__LPAR_DETAIL_PROFILES;
	query.has_pages = query.pages = 1;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_STATUS;
	request.status = &query;
	do {
		Tarn__ClusterReply *reply = test_ask(&c, &request);
		const Tarn__StatusReply *page = reply->status;

		assert_int_equal(page->n_hosts, pages == 0 ? 1 : 0);
		assert_true(page->n_lpars > 0);
		assert_true(tarn__cluster_reply__get_packed_size(reply) <
			    VIEW_PAGE_BYTES + (64u << 10));
		for (size_t i = 0; i < page->n_lpars; i++) {
			const char *name = page->lpars[i]->record->spec->name;

			assert_true(strcmp(last, name) < 0);
			(void)snprintf(last, sizeof(last), "%s", name);
		}
		lpars += (unsigned)page->n_lpars;
		pages++;
		(void)snprintf(next, sizeof(next), "%s",
			       page->next_lpar != NULL ? page->next_lpar : "");
		query.from_lpar = next;
		test_reply_free(reply);
	} while (next[0] != '\0');
	assert_int_equal(lpars, MANY + 1);
	assert_true(pages > 1);
}

static void an_answer_has_the_detail_that_was_asked_for(void **state)
{
	static const struct {
		Tarn__LparDetail detail;
		size_t lpars, attributes, profiles;
	} rows[] = {
		{ TARN__LPAR_DETAIL__LPAR_DETAIL_NONE, 0, 0, 0 },
		{ TARN__LPAR_DETAIL__LPAR_DETAIL_PLAIN, 1, 0, 0 },
		{ TARN__LPAR_DETAIL__LPAR_DETAIL_ATTRIBUTES, 1, 1, 0 },
		{ TARN__LPAR_DETAIL__LPAR_DETAIL_PROFILES, 1, 1, 1 },
	};
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparChange change = TARN__LPAR_CHANGE__INIT;
	Tarn__LparAttribute attribute = TARN__LPAR_ATTRIBUTE__INIT, *list = &attribute;
	Tarn__Query query = TARN__QUERY__INIT;

	(void)state;
	attribute.name = (char *)"auto_start";
	attribute.value = (char *)"1";
	change.name = (char *)"db1";
	change.attributes = &list;
	change.n_attributes = 1;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CHANGE;
	request.lpar_change = &change;
	assert_int_equal(test_change(&c, &request, NULL, NULL), HV_OK);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_STATUS;
	request.status = &query;
	query.has_lpars = 1;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		Tarn__ClusterReply *reply;

		query.lpars = rows[i].detail;
		reply = test_ask(&c, &request);
		assert_int_equal(reply->status->n_lpars, rows[i].lpars);
		if (rows[i].lpars > 0) {
			const Tarn__LparRecord *record = reply->status->lpars[0]->record;

			assert_int_equal(record->n_attributes, rows[i].attributes);
			assert_int_equal(record->n_profiles, rows[i].profiles);
		}
		test_reply_free(reply);
	}
}

static void expect_events(Tarn__ClusterRequest *request, uint64_t first, size_t count)
{
	Tarn__ClusterReply *reply = test_ask(&c, request);

	assert_int_equal(reply->n_events, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(reply->events[i]->number, first + i);
	test_reply_free(reply);
}

static uint64_t last_number(void)
{
	size_t count = cluster_count(test_cluster(&c), RECORD_EVENT);

	return cluster_event_at(test_cluster(&c), count - 1)->number;
}

static void the_last_events_are_given_or_the_first_after_one(void **state)
{
	static const char *const names[] = { "x1", "x2", "x3", "x4" };
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__EventQuery query = TARN__EVENT_QUERY__INIT;
	uint64_t before = last_number();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(names); i++)
		assert_int_equal(test_host_add(&c, names[i]), HV_OK);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_EVENTS;
	request.events = &query;
	query.has_limit = 1;
	query.limit = 3;
	expect_events(&request, 1, 3);
	query.has_newest = query.newest = 1;
	expect_events(&request, before + 2, 3);
	query.has_after = 1;
	query.after = before + 3;
	expect_events(&request, before + 4, 1);
	query.after = before + 4;
	expect_events(&request, 0, 0);
	query.after = 0;
	query.host = (char *)(uintptr_t)names[1];
	expect_events(&request, before + 2, 1);
	query.newest = 0;
	expect_events(&request, before + 2, 1);
	query.host = (char *)(uintptr_t) "nobody";
	expect_events(&request, 0, 0);
	query.host = (char *)(uintptr_t) "a name that is longer than any name may be";
	assert_int_equal(test_change(&c, &request, NULL, NULL), HV_E_INVAL);
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
		TEST(pages_have_every_lpar_once),
		TEST(an_answer_has_the_detail_that_was_asked_for),
		TEST(the_last_events_are_given_or_the_first_after_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
