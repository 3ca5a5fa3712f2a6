/* Paging devices: added, owned, removed, and every way in which not. */
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

static const Tarn__DeviceRecord *device(const char *name)
{
	return cluster_device(test_cluster(&c), "h1", name);
}

static void a_device_is_added_and_its_usable_size_counts(void **state)
{
	uint64_t job;

	(void)state;
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, NULL, &job), HV_OK);
	assert_false(device("d1")->ready);
	assert_int_equal(device("d1")->device->id.len, 16);
	assert_true(device("d1")->device->owner_epoch > 0);
	test_settle(&c, &host);
	assert_true(device("d1")->ready);
	assert_int_equal(device("d1")->usable_bytes, 64 * MIB - 8192);
	assert_int_equal(limits_device_bytes(device("d1")), 64 * MIB); /* P11 */
	assert_true(cluster_job(test_cluster(&c), job)->done);
}

static void a_device_that_cannot_be_taken_is_forgotten(void **state)
{
	uint64_t job;

	(void)state;
	host.device_error = HV_E_BUSY;
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, NULL, &job), HV_OK);
	test_settle(&c, &host);
	assert_null(device("d1"));
	assert_int_equal(cluster_job(test_cluster(&c), job)->error->code, HV_E_IO);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, NULL, &job), HV_OK);
	test_settle(&c, &host);
	assert_true(device("d1")->ready);
}

static void wrong_input_is_refused(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_pgdev(&c, "h9", "d1", 64 * MIB, &err, NULL), HV_E_NOTFOUND);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB + 1, &err, NULL),
			 HV_E_INVAL);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 8192, &err, NULL), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "between"));
	assert_int_equal(test_pgdev(&c, "h1", "d1", UINT64_C(1) << 50, &err, NULL),
			 HV_E_LIMIT);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, &err, NULL), HV_OK);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, &err, NULL), HV_E_EXISTS);
	assert_int_equal(test_pgdev_remove(&c, "h1", "d1", &err, NULL), HV_E_BUSY);
	assert_non_null(strstr(err.text, "wait for job"));
	assert_int_equal(test_pgdev_remove(&c, "h1", "d2", &err, NULL), HV_E_NOTFOUND);
	assert_int_equal(test_pgdev_remove(&c, "h9", "d2", &err, NULL), HV_E_NOTFOUND);
}

static void one_path_is_one_device(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__PgdevAdd add = TARN__PGDEV_ADD__INIT;
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, &err, NULL), HV_OK);
	add.host = (char *)"h1";
	add.name = (char *)"d2";
	add.path = (char *)"/dev/h1-d1";
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PGDEV_ADD;
	request.pgdev_add = &add;
	assert_int_equal(test_change(&c, &request, &err, NULL), HV_E_BUSY);
	assert_non_null(strstr(err.text, "as paging device 'd1'"));
	add.path = (char *)"/dev/other"; /* as it is: no size given */
	assert_int_equal(test_change(&c, &request, &err, NULL), HV_OK);
	assert_false(device("d2")->device->create);
}

static void a_device_in_use_is_not_removed(void **state)
{
	struct hv_err err = { 0 };
	uint64_t job;

	(void)state;
	run_db1(TARN__REDUNDANCY__REDUNDANCY_REQUIRED);
	assert_string_equal(device("d1")->lpar, "db1");
	assert_int_equal(test_pgdev_remove(&c, "h1", "d1", &err, NULL), HV_E_BUSY);
	assert_non_null(strstr(err.text, "in use by LPAR 'db1'"));
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, NULL), HV_OK);
	assert_int_equal(test_pgdev_remove(&c, "h1", "d1", &err, NULL), HV_E_BUSY);
	test_settle(&c, &host);
	assert_null(device("d1")->lpar);
	assert_int_equal(test_pgdev_remove(&c, "h1", "d1", &err, &job), HV_OK);
	test_settle(&c, &host);
	assert_null(device("d1"));
	assert_true(cluster_job(test_cluster(&c), job)->done);
}

static void a_removal_that_fails_keeps_the_device(void **state)
{
	uint64_t job, generation;

	(void)state;
	add_device("d1", 64 * MIB);
	host.device_error = HV_E_IO;
	assert_int_equal(test_pgdev_remove(&c, "h1", "d1", NULL, &job), HV_OK);
	generation = device("d1")->device->generation;
	test_settle(&c, &host);
	assert_non_null(cluster_job(test_cluster(&c), job)->error);
	assert_true(device("d1")->ready);
	assert_false(device("d1")->device->removed);
	assert_true(device("d1")->device->generation > generation);
	assert_true(limits_device_is_free(test_cluster(&c), device("d1")));
}

static void a_size_that_cannot_be_is_not_believed(void **state)
{
	uint64_t job;

	(void)state;
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, NULL, &job), HV_OK);
	assert_int_equal(test_poll(&c, &host, NULL), HV_OK);
	model_host_converge(&host);
	host.devices[0].bytes = 128 * MIB; /* more than it was told to make */
	assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	assert_int_equal(cluster_job(test_cluster(&c), job)->error->code, HV_E_CORRUPT);
	assert_null(device("d1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)
		TEST(a_device_is_added_and_its_usable_size_counts),
		TEST(a_device_that_cannot_be_taken_is_forgotten),
		TEST(wrong_input_is_refused),
		TEST(one_path_is_one_device),
		TEST(a_device_in_use_is_not_removed),
		TEST(a_removal_that_fails_keeps_the_device),
		TEST(a_size_that_cannot_be_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
