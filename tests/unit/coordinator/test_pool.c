/* The pool of a host: made, changed, taken away, and every way in which not. */
#include "tests/unit/coordinator/one_host.h"

#include "coordinator/cluster/limits.h"

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
	(void)open_unknown(state);
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	return 0;
}

static const Tarn__HostRecord *record(void)
{
	return cluster_host(test_cluster(&c), "h1");
}

static void a_pool_is_made_and_its_job_done(void **state)
{
	uint64_t job;

	(void)state;
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 128 * MIB, true, NULL, &job),
			 HV_OK);
	assert_false(cluster_job(test_cluster(&c), job)->done);
	assert_false(limits_has_pool(record()));
	test_settle(&c, &host);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_null(cluster_job(test_cluster(&c), job)->error);
	assert_true(limits_has_pool(record()));
	assert_int_equal(host.pool_bytes, 64 * MIB);
	assert_int_equal(test_pool(&c, "h1", 96 * MIB, 128 * MIB, false, NULL, &job),
			 HV_OK);
	assert_true(limits_has_pool(record())); /* while it grows */
	test_settle(&c, &host);
	assert_int_equal(host.pool_bytes, 96 * MIB);
	assert_int_equal(record()->pool->mem_bytes, 96 * MIB);
}

static void a_failed_change_goes_back(void **state)
{
	uint64_t job;

	(void)state;
	host.pool_error = HV_E_NOMEM;
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 128 * MIB, true, NULL, &job),
			 HV_OK);
	test_settle(&c, &host);
	assert_int_equal(cluster_job(test_cluster(&c), job)->error->code, HV_E_IO);
	assert_null(record()->pool);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 128 * MIB, true, NULL, &job),
			 HV_OK);
	test_settle(&c, &host);
	host.pool_error = HV_E_NOMEM;
	assert_int_equal(test_pool(&c, "h1", 96 * MIB, 128 * MIB, false, NULL, &job),
			 HV_OK);
	test_settle(&c, &host);
	assert_non_null(cluster_job(test_cluster(&c), job)->error);
	assert_int_equal(record()->pool->mem_bytes, 64 * MIB);
	assert_false(record()->has_pool_job);
	assert_int_equal(host.pool_bytes, 64 * MIB); /* under a new generation */
}

static void wrong_sizes_are_refused(void **state)
{
	static const struct {
		uint64_t mem, max;
		enum hv_code code;
		const char *says;
	} rows[] = {
		{ 0, 64 * MIB, HV_E_INVAL, "multiples of its LMB of 16 MiB" },
		{ 65 * MIB, 128 * MIB, HV_E_INVAL, "multiples" },
		{ 64 * MIB, 100 * MIB, HV_E_INVAL, "multiples" },
		{ 64 * MIB, 32 * MIB, HV_E_INVAL,
		  "maximum 32 MiB is less than memory 64 MiB" },
		{ 64 * MIB, 2048 * MIB, HV_E_LIMIT,
		  "more than the host's memory of 1 GiB" },
		{ 1024 * MIB, 1024 * MIB, HV_E_LIMIT, "64 LMB wanted, 63 LMB free" },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hv_err err = { 0 };

		assert_int_equal(
			test_pool(&c, "h1", rows[i].mem, rows[i].max, true, &err, NULL),
			rows[i].code);
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, rows[i].says);
		assert_null(record()->pool);
	}
}

static void a_pool_is_there_once_or_not_at_all(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_pool(&c, "h9", 64 * MIB, 64 * MIB, true, &err, NULL),
			 HV_E_NOTFOUND);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, false, &err, NULL),
			 HV_E_NOTFOUND);
	assert_int_equal(test_pool_remove(&c, "h1", &err, NULL), HV_E_NOTFOUND);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, &err, NULL),
			 HV_OK);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, &err, NULL),
			 HV_E_BUSY); /* its job runs */
	test_settle(&c, &host);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, &err, NULL),
			 HV_E_EXISTS);
}

static void a_pool_that_is_used_is_neither_removed_nor_made_too_small(void **state)
{
	struct test_lpar lpar = {
		.name = "db1", .host = "h1", .mem = 128 * MIB, .entitled = 40 * MIB
	};
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, &err, NULL),
			 HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 128 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_pool_remove(&c, "h1", &err, NULL), HV_E_BUSY);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_pool(&c, "h1", 32 * MIB, 64 * MIB, false, &err, NULL),
			 HV_E_LIMIT);
	assert_non_null(strstr(err.text,
			       "what 32 MiB can guarantee, 30 MiB, is less than "
			       "the entitled memory"));
	/* 40 of 48 MiB, and the reserve is 2.5 */
	assert_int_equal(test_pool(&c, "h1", 48 * MIB, 64 * MIB, false, &err, NULL),
			 HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_pool(&c, "h1", 16 * MIB, 64 * MIB, false, &err, NULL),
			 HV_E_LIMIT);
	assert_int_equal(record()->pool->mem_bytes, 48 * MIB);
}

static void the_overcommit_limit_holds_when_the_pool_shrinks(void **state)
{
	struct test_lpar lpar = { .name = "db1", .host = "h1", .mem = 240 * MIB };
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, &err, NULL),
			 HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 240 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	assert_int_equal(test_pool(&c, "h1", 48 * MIB, 64 * MIB, false, &err, NULL),
			 HV_E_LIMIT);
	assert_non_null(strstr(err.text, "keep at least 64 MiB"));
}

static void a_pool_is_removed(void **state)
{
	uint64_t job;

	(void)state;
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, NULL, NULL),
			 HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_pool_remove(&c, "h1", NULL, &job), HV_OK);
	assert_false(limits_has_pool(record()));
	test_settle(&c, &host);
	assert_null(record()->pool);
	assert_int_equal(host.pool_bytes, 0);
	assert_null(cluster_job(test_cluster(&c), job)->error);
}

static void a_job_goes_on_after_a_restart(void **state)
{
	uint64_t job;

	(void)state;
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, NULL, &job),
			 HV_OK);
	test_coordinator_restart(&c);
	assert_false(cluster_job(test_cluster(&c), job)->done);
	test_settle(&c, &host);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_int_equal(host.pool_bytes, 64 * MIB);
}

static enum hv_code cancel(struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__PoolCancel order = TARN__POOL_CANCEL__INIT;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_POOL_CANCEL;
	request.pool_cancel = &order;
	order.host = (char *)"h1";
	return test_change(&c, &request, err, NULL);
}

static void a_change_under_way_is_given_up(void **state)
{
	struct hv_err err = { 0 };
	uint64_t job;

	(void)state;
	assert_int_equal(cancel(&err), HV_E_STATE);
	assert_int_equal(test_pool(&c, "h1", 128 * MIB, 128 * MIB, true, NULL, &job),
			 HV_OK);
	assert_int_equal(cancel(&err), HV_E_STATE); /* it is only being made */
	test_settle(&c, &host);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 128 * MIB, false, NULL, &job),
			 HV_OK);
	assert_int_equal(cancel(&err), HV_OK);
	assert_int_equal(cluster_job(test_cluster(&c), job)->error->code, HV_E_CANCELED);
	assert_int_equal(cluster_host(test_cluster(&c), "h1")->pool->mem_bytes,
			 128 * MIB);
	assert_int_equal(cancel(&err), HV_E_STATE);
	test_settle(&c, &host);
	assert_int_equal(host.pool_bytes, 128 * MIB);
	/* and it can be changed again */
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 128 * MIB, false, NULL, &job),
			 HV_OK);
	test_settle(&c, &host);
	assert_int_equal(host.pool_bytes, 64 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)
		TEST(a_pool_is_made_and_its_job_done),
		TEST(a_failed_change_goes_back),
		TEST(wrong_sizes_are_refused),
		TEST(a_pool_is_there_once_or_not_at_all),
		TEST(a_pool_that_is_used_is_neither_removed_nor_made_too_small),
		TEST(the_overcommit_limit_holds_when_the_pool_shrinks),
		TEST(a_pool_is_removed),
		TEST(a_job_goes_on_after_a_restart),
		TEST(a_change_under_way_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
