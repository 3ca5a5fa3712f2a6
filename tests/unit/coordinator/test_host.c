/* Hosts come, join and go. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_name_is_given_once(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	assert_int_equal(test_host_add(&c, "h1"), HV_E_EXISTS);
	assert_int_equal(test_host_remove(&c, "h2", &err), HV_E_NOTFOUND);
	assert_string_equal(err.text,
			    "host 'h2' is not known; add it with 'tarn host add h2'");
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_HOST), 1);
}

static void hosts_are_bounded(void **state)
{
	char name[HV_NAME_BYTES];

	(void)state;
	for (unsigned i = 0; i < HV_HOSTS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "h%u", i);
		assert_int_equal(test_host_add(&c, name), HV_OK);
	}
	assert_int_equal(test_host_add(&c, "one-more"), HV_E_LIMIT);
}

static void an_unknown_host_is_told_so_until_it_is_added(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_poll(&c, &host, &err), HV_E_NOTFOUND);
	assert_int_equal(test_report(&c, &host, &err), HV_E_NOTFOUND);
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	assert_int_equal(test_poll(&c, &host, &err), HV_OK);
	assert_int_equal(host.desired->n_vios, 2);
	assert_int_equal(host.desired->epoch, 1);
}

static void the_first_agent_is_remembered_and_another_refused(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
	assert_memory_equal(cluster_host(test_cluster(&c), "h1")->agent_id.data, host.id,
			    16);
	test_coordinator_restart(&c);
	host.id[0] ^= 1;
	assert_int_equal(test_report(&c, &host, &err), HV_E_REFUSED);
	assert_int_equal(test_poll(&c, &host, &err), HV_E_REFUSED);
	assert_non_null(strstr(err.text, "belongs to another agent"));
	/* Removed and added, the name is free for it. */
	assert_int_equal(test_host_remove(&c, "h1", &err), HV_OK);
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
}

static void what_a_host_has_is_recorded_when_it_changes(void **state)
{
	uint64_t revision;

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(cluster_host(test_cluster(&c), "h1")->memory_bytes, 1024 * MIB);
	assert_true(cluster_host(test_cluster(&c), "h1")->drills_allowed);
	revision = test_cluster(&c)->now.revision;
	test_settle(&c, &host);
	assert_int_equal(test_cluster(&c)->now.revision, revision); /* nothing new */
	host.drills_allowed = false;
	host.memory_bytes = 2048 * MIB;
	test_settle(&c, &host);
	assert_int_equal(cluster_host(test_cluster(&c), "h1")->memory_bytes, 2048 * MIB);
	assert_false(cluster_host(test_cluster(&c), "h1")->drills_allowed);
}

static void an_identity_that_cannot_be_is_refused(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	host.memory_bytes = HV_LPAR_BYTES_MAX + 1;
	assert_int_equal(test_report(&c, &host, &err), HV_E_INVAL);
	assert_false(cluster_host(test_cluster(&c), "h1")->has_agent_id);
}

static void a_host_in_use_is_not_removed(void **state)
{
	struct test_lpar lpar = { .name = "db1", .host = "h1", .mem = 64 * MIB };
	struct hv_err err = { 0 };

	(void)state;
	test_host_up(&c, &host, "h1");
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_host_remove(&c, "h1", &err), HV_E_BUSY);
	assert_non_null(strstr(err.text, "1 LPARs, 1 paging devices and a pool"));
	assert_int_equal(test_lpar_remove(&c, "db1", NULL), HV_OK);
	assert_int_equal(test_host_remove(&c, "h1", NULL), HV_E_BUSY);
	assert_int_equal(test_pgdev_remove(&c, "h1", "d1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_host_remove(&c, "h1", NULL), HV_E_BUSY);
	assert_int_equal(test_pool_remove(&c, "h1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_host_remove(&c, "h1", NULL), HV_OK);
	assert_int_equal(test_poll(&c, &host, &err), HV_E_NOTFOUND);
}

/* An order and its job do not outlive the host. */
static void removing_a_host_ends_its_jobs(void **state)
{
	uint64_t job;

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	host.is_silent_op = true;
	assert_int_equal(test_vios(&c, "h1", "vios1", TARN__VIOS_VERB__VIOS_VERB_KILL,
				   false, NULL, &job),
			 HV_OK);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_OP), 1);
	assert_int_equal(test_host_remove(&c, "h1", NULL), HV_OK);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_OP), 0);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_int_equal(cluster_job(test_cluster(&c), job)->error->code, HV_E_CANCELED);
}

static void a_silent_host_is_not_connected(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, &err, NULL),
			 HV_E_STATE);
	assert_non_null(strstr(err.text, "has not joined yet"));
	test_settle(&c, &host);
	assert_true(cluster_is_connected(test_cluster(&c), "h1"));
	test_coordinator_run(&c, LIVE_SILENT_MS + 1000);
	assert_false(cluster_is_connected(test_cluster(&c), "h1"));
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, &err, NULL),
			 HV_E_STATE);
	assert_non_null(strstr(err.text, "has not reported for 7 s"));
	test_coordinator_restart(&c);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, &err, NULL),
			 HV_E_STATE);
	assert_non_null(strstr(err.text, "since the coordinator started"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_unknown, close_one)
		TEST(a_name_is_given_once),
		TEST(hosts_are_bounded),
		TEST(an_unknown_host_is_told_so_until_it_is_added),
		TEST(the_first_agent_is_remembered_and_another_refused),
		TEST(what_a_host_has_is_recorded_when_it_changes),
		TEST(an_identity_that_cannot_be_is_refused),
		TEST(a_host_in_use_is_not_removed),
		TEST(removing_a_host_ends_its_jobs),
		TEST(a_silent_host_is_not_connected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
