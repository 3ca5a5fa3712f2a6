/* Faults ordered by a person: who may, where, and what is written down of it. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static Tarn__Injection reads(uint32_t ppm)
{
	Tarn__Injection injection = TARN__INJECTION__INIT;

	injection.kind = TARN__INJECTION_KIND__INJECTION_ERROR;
	injection.op = TARN__INJECTION_OP__INJECTION_READ;
	injection.rate_ppm = ppm;
	injection.time_ms = 10000;
	injection.has_error = 1;
	injection.error = TARN__INJECTION_ERROR__INJECTION_EIO;
	return injection;
}

static enum hv_code inject(const char *name, Tarn__Injection *injection, const char *says)
{
	struct hv_err err = { 0 };
	enum hv_code code = test_vios_inject(&c, "h1", name, injection, &err, NULL);

	if (says != NULL && strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
	test_settle(&c, &host);
	return code;
}

static void an_injection_is_a_job_that_ends_as_the_host_says(void **state)
{
	Tarn__Injection some = reads(10000);
	uint64_t job;

	(void)state;
	assert_int_equal(test_vios_inject(&c, "h1", "vios1", &some, NULL, &job), HV_OK);
	assert_string_equal(last_event("vios.inject")->text,
			    "VIOS 'vios1': error EIO, 1% of reads, for 10.000 s, ordered "
			    "by alice");
	test_settle(&c, &host);
	assert_int_equal(host.injections, 1);
	assert_int_equal(host.injected_ppm, 10000);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_null(cluster_job(test_cluster(&c), job)->error);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_OP), 0);
	host.op_error = HV_E_IO;
	assert_int_equal(test_vios_inject(&c, "h1", "vios1", &some, NULL, &job), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(cluster_job(test_cluster(&c), job)->error->code, HV_E_IO);
	assert_int_equal(test_vios_inject(&c, "h1", "vios1", NULL, NULL, &job), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(host.clears, 1);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_non_null(strstr(last_event("vios.inject")->text, "no more faults"));
}

static void what_may_not_be_is_refused(void **state)
{
	Tarn__Injection some = reads(10000), none = reads(0), device = reads(10000);

	(void)state;
	device.device = (char *)(uintptr_t) "d9";
	assert_int_equal(inject("vios3", &some, "it has vios1, vios2"), HV_E_NOTFOUND);
	assert_int_equal(inject("vios1", &none, "a percentage, or all"), HV_E_INVAL);
	assert_int_equal(inject("vios1", &device, "no paging device 'd9'"),
			 HV_E_NOTFOUND);
	assert_int_equal(test_vios(&c, "h1", "vios1", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN,
				   false, NULL, NULL),
			 HV_OK);
	assert_int_equal(inject("vios1", &some, "resume it first"), HV_E_STATE);
	assert_int_equal(inject("vios1", NULL, NULL), HV_OK); /* is over in any case */
	host.drills_allowed = false;
	test_settle(&c, &host);
	assert_int_equal(inject("vios2", &some, "--allow-drills"), HV_E_DENIED);
	assert_int_equal(inject("vios2", NULL, "--allow-drills"), HV_E_DENIED);
	assert_int_equal(host.injections, 0);
}

static void a_device_of_the_host_may_be_named(void **state)
{
	Tarn__Injection some = reads(10000);

	(void)state;
	some.device = (char *)(uintptr_t) "d1";
	add_device("d1", 64 * MIB);
	assert_int_equal(inject("vios2", &some, NULL), HV_OK);
	assert_int_equal(host.injections, 1);
	assert_non_null(strstr(last_event("vios.inject")->text, "device 'd1'"));
}

/* A newer order about its life leaves the other kind of job alone. */
static void it_is_not_replaced_by_maintenance(void **state)
{
	Tarn__Injection some = reads(10000);
	uint64_t job;

	(void)state;
	assert_int_equal(test_vios_inject(&c, "h1", "vios1", &some, NULL, &job), HV_OK);
	assert_int_equal(test_vios(&c, "h1", "vios1", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN,
				   false, NULL, NULL),
			 HV_OK);
	assert_false(cluster_job(test_cluster(&c), job)->done);
	test_settle(&c, &host);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_null(cluster_job(test_cluster(&c), job)->error);
}

static void not_in_the_middle_of_a_drill(void **state)
{
	Tarn__Injection some = reads(10000);
	struct hv_err err;

	(void)state;
	run_db1(TARN__REDUNDANCY__REDUNDANCY_REQUIRED);
	model_host_work(&host);
	test_settle(&c, &host);
	assert_int_equal(
		test_drill(&c, TARN__DRILL_KIND__DRILL_PLANNED, "h1", NULL, NULL, NULL),
		HV_OK);
	assert_int_equal(test_vios_inject(&c, "h1", "vios1", &some, &err, NULL),
			 HV_E_BUSY);
	assert_non_null(strstr(err.text, "drill"));
	test_settle(&c, &host);
	assert_int_equal(host.injections, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, open_up, close_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_injection_is_a_job_that_ends_as_the_host_says),
		TEST(what_may_not_be_is_refused),
		TEST(a_device_of_the_host_may_be_named),
		TEST(it_is_not_replaced_by_maintenance),
		TEST(not_in_the_middle_of_a_drill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
