/* The load of a host is on both VIOS of its pair; partitions go back to their own. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/cluster/live.h"

static void add_lpar(const char *name)
{
	struct test_lpar lpar = { .name = name, .host = "h1", .mem = 64 * MIB };
	char device[HV_NAME_BYTES];

	(void)snprintf(device, sizeof(device), "d-%s", name);
	assert_int_equal(test_pgdev(&c, "h1", device, 64 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
}

static void activate(const char *name)
{
	assert_int_equal(test_lpar_activate(&c, name, NULL, NULL), HV_OK);
	test_settle(&c, &host);
}

static void end(const char *name)
{
	assert_int_equal(test_lpar_shutdown(&c, name, false, NULL, NULL), HV_OK);
	test_settle(&c, &host);
}

static void check_primary(const char *name, const char *vios)
{
	assert_string_equal(lpar_of(name)->primary, vios);
	assert_string_equal(model_host_lpar(&host, name)->primary, vios);
}

/* Of those that run, each VIOS is the primary of half. */
static void each_activation_is_given_the_vios_with_fewer(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	(void)state;
	for (size_t i = 0; i < HV_COUNT(names); i++) {
		add_lpar(names[i]);
		activate(names[i]);
	}
	check_primary("a", "vios1");
	check_primary("b", "vios2");
	check_primary("c", "vios1");
	check_primary("d", "vios2");
	end("a");
	end("c");
	activate("a");
	check_primary("a", "vios1");
	end("b");
	end("d");
	activate("c");
	check_primary("c", "vios2");
}

static void a_vios_that_is_not_assigned_is_nobodys_primary(void **state)
{
	struct test_lpar lpar = { .name = "a",
				  .host = "h1",
				  .mem = 64 * MIB,
				  .redundancy = TARN__REDUNDANCY__REDUNDANCY_NONE };

	(void)state;
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, NULL, NULL), HV_OK);
	assert_int_equal(test_vios(&c, "h1", "vios1", TARN__VIOS_VERB__VIOS_VERB_UNASSIGN,
				   false, NULL, NULL),
			 HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	activate("a");
	check_primary("a", "vios2");
}

/* Where a profile names its primary, that is it, as long as there is such a VIOS. */
static void a_profile_may_name_the_primary(void **state)
{
	static const char *const named[][2] = { { "vios2", "vios2" },
						{ "vios1", "vios1" },
						{ "vios9", "vios1" },
						{ "none", "vios1" } };
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ProfileSet set = TARN__PROFILE_SET__INIT;
	Tarn__LparAttribute attribute = TARN__LPAR_ATTRIBUTE__INIT, *list = &attribute;

	(void)state;
	add_lpar("a");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_SET;
	request.profile_set = &set;
	set.lpar = (char *)(uintptr_t) "a";
	attribute.name = (char *)(uintptr_t) "primary_paging_vios_name";
	for (size_t i = 0; i < HV_COUNT(named); i++) {
		Tarn__LparProfile profile = *lpar_of("a")->profiles[0];

		attribute.value = (char *)(uintptr_t)named[i][0];
		profile.attributes = &list;
		profile.n_attributes = 1;
		set.profile = &profile;
		set.was = lpar_of("a")->profiles[0];
		assert_int_equal(test_change(&c, &request, NULL, NULL), HV_OK);
		activate("a");
		check_primary("a", named[i][1]);
		end("a");
	}
}

static enum hv_code fail_back(const char *name, const char *lpar, struct hv_err *err,
			      uint64_t *ret_job)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ViosChange change = TARN__VIOS_CHANGE__INIT;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE;
	request.vios_change = &change;
	change.host = (char *)(uintptr_t)name;
	change.name = (char *)(uintptr_t) "";
	change.verb = TARN__VIOS_VERB__VIOS_VERB_FAILBACK;
	change.lpar = (char *)(uintptr_t)lpar;
	return test_change(&c, &request, err, ret_job);
}

static void an_order_to_fail_back_is_carried_out(void **state)
{
	struct hv_err err;
	uint64_t job;

	(void)state;
	add_lpar("a");
	assert_int_equal(fail_back("h9", NULL, &err, NULL), HV_E_NOTFOUND);
	assert_int_equal(fail_back("h1", "nobody", &err, NULL), HV_E_NOTFOUND);
	assert_int_equal(fail_back("h1", "a", &err, NULL), HV_E_STATE);
	assert_non_null(strstr(err.text, "does not run"));
	activate("a");
	assert_int_equal(fail_back("h1", "a", &err, &job), HV_OK);
	assert_false(cluster_job(test_cluster(&c), job)->done);
	test_settle(&c, &host);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_null(cluster_job(test_cluster(&c), job)->error);
	assert_string_equal(host.failed_back, "a");
	assert_int_equal(fail_back("h1", NULL, &err, &job), HV_OK);
	test_settle(&c, &host);
	assert_string_equal(host.failed_back, "");
	assert_int_equal(host.failbacks, 2);
	host.op_error = HV_E_STATE;
	assert_int_equal(fail_back("h1", "a", &err, &job), HV_OK);
	test_settle(&c, &host);
	assert_non_null(cluster_job(test_cluster(&c), job)->error);
	/* an order of the pair does not cancel it, and it is no order of a VIOS */
	assert_int_equal(test_vios(&c, "h1", "", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN,
				   false, NULL, NULL),
			 HV_E_NOTFOUND);
}

static enum hv_code set(uint64_t ms)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostSet change = TARN__HOST_SET__INIT;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_SET;
	request.host_set = &change;
	change.host = (char *)(uintptr_t) "h1";
	change.has_failback_ms = ms != UINT64_MAX;
	change.failback_ms = ms;
	return test_change(&c, &request, NULL, NULL);
}

static void when_they_go_back_is_the_hosts(void **state)
{
	static const uint64_t good[] = { 1000, 0, 60000, 86400000 };
	static const uint64_t bad[] = { 1, 999, 86400001, UINT64_MAX };

	(void)state;
	test_settle(&c, &host);
	assert_int_equal(cluster_host(test_cluster(&c), "h1")->failback_ms, 30000);
	for (size_t i = 0; i < HV_COUNT(good); i++) {
		assert_int_equal(set(good[i]), HV_OK);
		assert_int_equal(set(good[i]), HV_OK);
		test_settle(&c, &host);
		for (unsigned n = 0; n < 2; n++)
			assert_int_equal(host.desired->vios[n]->failback_ms, good[i]);
	}
	for (size_t i = 0; i < HV_COUNT(bad); i++)
		assert_int_equal(set(bad[i]), HV_E_INVAL);
}

static void a_drill_takes_the_one_that_serves_most(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	const struct live_host *live;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(names); i++) {
		add_lpar(names[i]);
		activate(names[i]);
		(void)snprintf(model_host_lpar(&host, names[i])->current, HV_NAME_BYTES,
			       "%s", i == 0 ? "vios1" : "vios2");
	}
	assert_int_equal(host.vios[0].state, TARN__VIOS_STATE__VIOS_ACTIVE);
	host.vios[1].state = TARN__VIOS_STATE__VIOS_ACTIVE;
	model_host_work(&host);
	test_settle(&c, &host);
	live = cluster_live(test_cluster(&c), "h1");
	assert_int_equal(live_served(live, "vios1"), 1);
	assert_int_equal(live_served(live, "vios2"), 2);
	assert_int_equal(live_served(NULL, "vios2"), 0);
	assert_int_equal(
		test_drill(&c, TARN__DRILL_KIND__DRILL_PLANNED, "h1", NULL, NULL, NULL),
		HV_OK);
	assert_string_equal(cluster_drill_at(test_cluster(&c), 0)->vios, "vios2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)
	const struct CMUnitTest tests[] = {
		TEST(each_activation_is_given_the_vios_with_fewer),
		TEST(a_vios_that_is_not_assigned_is_nobodys_primary),
		TEST(a_profile_may_name_the_primary),
		TEST(an_order_to_fail_back_is_carried_out),
		TEST(when_they_go_back_is_the_hosts),
		TEST(a_drill_takes_the_one_that_serves_most),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
