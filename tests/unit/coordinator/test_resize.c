/* Memory of LPARs: what may be ordered, what is reached, and what is counted. */
#include "tests/unit/coordinator/one_host.h"

#include "coordinator/cluster/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const Tarn__JobRecord *job_of(uint64_t id)
{
	return cluster_job(test_cluster(&c), id);
}

static void create(const char *name, bool is_dedicated)
{
	struct test_lpar lpar = { .name = name,
				  .host = "h1",
				  .is_dedicated = is_dedicated,
				  .mem = 64 * MIB,
				  .min = 32 * MIB,
				  .max = 2048 * MIB };

	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
}

/* A dedicated "ded" and a shared "db1", both with 64 of 32 to 2048 MiB. */
static int open_running(void **state)
{
	(void)open_up(state);
	create("ded", true);
	create("db1", false);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 2048 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "ded", NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_true(model_host_lpar(&host, "db1")->is_running);
	return 0;
}

static uint64_t free_bytes(void)
{
	struct host_use use = limits_use(
		test_cluster(&c), cluster_host(test_cluster(&c), "h1"), LIMITS_RUNNING);

	return limits_free_bytes(&use);
}

static void memory_becomes_what_was_ordered(void **state)
{
	static const char *const names[] = { "ded", "db1" };
	static const uint64_t sizes[] = { 128, 32, 96 };
	uint64_t job;

	(void)state;
	for (size_t k = 0; k < HV_COUNT(names); k++) {
		for (size_t i = 0; i < HV_COUNT(sizes); i++) {
			uint64_t bytes = sizes[i] * MIB;

			assert_int_equal(
				test_lpar_resize(&c, names[k], bytes, NULL, &job), HV_OK);
			assert_non_null(lpar_of(names[k])->resize);
			test_settle(&c, &host);
			assert_true(job_of(job)->done);
			assert_null(job_of(job)->error);
			assert_null(lpar_of(names[k])->resize);
			assert_int_equal(lpar_of(names[k])->spec->mem_bytes, bytes);
			assert_int_equal(model_host_lpar(&host, names[k])->mem_bytes,
					 bytes);
		}
	}
	assert_int_equal(lpar_of("ded")->granted_bytes, 96 * MIB);
}

static void a_part_is_told_and_kept(void **state)
{
	uint64_t job;

	(void)state;
	assert_int_equal(test_lpar_resize(&c, "ded", 256 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	host.gives_at_most = 48 * MIB;
	assert_int_equal(test_lpar_resize(&c, "ded", 64 * MIB, NULL, &job), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(job_of(job)->error->code, HV_E_IO);
	assert_string_equal(
		job_of(job)->error->text,
		"LPAR 'ded': requested 192 MiB, removed 48 MiB: the model was "
		"told to fail");
	assert_int_equal(lpar_of("ded")->spec->mem_bytes, 208 * MIB);
	assert_int_equal(lpar_of("ded")->granted_bytes, 208 * MIB);
}

/* Counted from the order on where it grows, until the report where it shrinks. */
static void nothing_is_promised_twice(void **state)
{
	uint64_t before = free_bytes();

	(void)state;
	assert_int_equal(test_lpar_resize(&c, "ded", 128 * MIB, NULL, NULL), HV_OK);
	assert_int_equal(free_bytes(), before - 64 * MIB);
	test_settle(&c, &host);
	host.is_slow_to_resize = true;
	assert_int_equal(test_lpar_resize(&c, "ded", 32 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(free_bytes(), before - 64 * MIB);
	host.is_slow_to_resize = false;
	test_settle(&c, &host);
	assert_int_equal(free_bytes(), before + 32 * MIB);
}

static void a_change_goes_on_after_a_restart(void **state)
{
	uint64_t job;

	(void)state;
	host.is_slow_to_resize = true;
	assert_int_equal(test_lpar_resize(&c, "db1", 128 * MIB, NULL, &job), HV_OK);
	test_settle(&c, &host);
	test_coordinator_restart(&c);
	model_host_restart(&host);
	host.is_slow_to_resize = false;
	test_settle(&c, &host);
	assert_true(job_of(job)->done);
	assert_int_equal(lpar_of("db1")->spec->mem_bytes, 128 * MIB);
}

static void a_run_that_ends_ends_its_change(void **state)
{
	uint64_t job;

	(void)state;
	host.is_slow_to_resize = true;
	assert_int_equal(test_lpar_resize(&c, "ded", 128 * MIB, NULL, &job), HV_OK);
	test_settle(&c, &host);
	model_host_end_lpar(&host, "ded");
	test_settle(&c, &host);
	assert_int_equal(job_of(job)->error->code, HV_E_GONE);
	assert_null(lpar_of("ded")->resize);
	assert_int_equal(lpar_of("ded")->spec->mem_bytes, 64 * MIB);
	assert_int_equal(lpar_of("ded")->retained_bytes, 64 * MIB);
}

static void one_that_is_off_is_defined_anew(void **state)
{
	uint64_t job = 7;

	(void)state;
	create("off", true);
	assert_int_equal(test_lpar_resize(&c, "off", 512 * MIB, NULL, &job), HV_OK);
	assert_int_equal(job, 0);
	assert_int_equal(lpar_of("off")->spec->mem_bytes, 512 * MIB);
	assert_null(lpar_of("off")->resize);
	assert_int_equal(test_lpar_activate(&c, "off", NULL, NULL), HV_OK);
	assert_int_equal(lpar_of("off")->granted_bytes, 512 * MIB); /* its first run */
	test_settle(&c, &host);
}

/* The profile that an LPAR was made with, changed before its first run. */
static void set_default_profile(const char *name, uint64_t mib, bool is_dedicated)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ProfileSet set = TARN__PROFILE_SET__INIT;
	Tarn__LparProfile profile = *lpar_of(name)->profiles[0];

	profile.mode = is_dedicated ? TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED
				    : TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	profile.min_bytes = mib * MIB / 2;
	profile.mem_bytes = mib * MIB;
	profile.max_bytes = 2 * mib * MIB;
	set.lpar = (char *)name;
	set.profile = &profile;
	set.was = lpar_of(name)->profiles[0];
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_SET;
	request.profile_set = &set;
	assert_int_equal(test_change(&c, &request, NULL, NULL), HV_OK);
}

static enum hv_code change(const Tarn__LparResize *sizes, const char *name,
			   struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparResize resize = *sizes;

	resize.name = (char *)name;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_RESIZE;
	request.lpar_resize = &resize;
	return test_change(&c, &request, err, NULL);
}

/* It has 64 of 32 to 2048 MiB still, and would begin with 256 of 128 to 512. */
static void one_that_never_ran_has_its_default_profile(void **state)
{
	Tarn__LparResize less = TARN__LPAR_RESIZE__INIT;
	Tarn__LparResize kept = TARN__LPAR_RESIZE__INIT;
	struct hv_err err = { 0 };

	(void)state;
	create("off", true);
	set_default_profile("off", 256, true);
	kept.has_kept = kept.kept = true;
	kept.has_mem_bytes = true;
	kept.mem_bytes = 528 * MIB;
	assert_int_equal(change(&kept, "off", &err), HV_E_INVAL);
	assert_non_null(strstr(err.text, "is more than its maximum 512 MiB"));
	assert_int_equal(test_lpar_resize(&c, "off", 64 * MIB, &err, NULL), HV_E_INVAL);
	assert_non_null(strstr(err.text, "its minimum 128 MiB and its maximum 512 MiB"));
	assert_int_equal(test_lpar_resize(&c, "off", 256 * MIB, &err, NULL), HV_E_STATE);
	less.has_remove_bytes = true;
	less.remove_bytes = 16 * MIB;
	assert_int_equal(change(&less, "off", &err), HV_OK);
	assert_int_equal(lpar_of("off")->spec->mem_bytes, 240 * MIB);
	assert_int_equal(lpar_of("off")->spec->min_bytes, 128 * MIB);
}

/* What it is entitled to counts only if it will still be shared. */
static void an_entitlement_of_before_its_profile_is_none(void **state)
{
	struct test_lpar lpar = {
		.name = "off", .host = "h1", .mem = 64 * MIB, .entitled = 64 * MIB
	};

	(void)state;
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	set_default_profile("off", 64, true);
	assert_int_equal(test_lpar_resize(&c, "off", 32 * MIB, NULL, NULL), HV_OK);
	assert_int_equal(lpar_of("off")->spec->mem_bytes, 32 * MIB);
	assert_false(limits_is_shared(lpar_of("off")->spec));
}

struct refusal {
	const char *name;
	uint64_t mem, add, remove; /* MiB; 0 = not given */
	enum hv_code code;
	const char *text;
};

static void what_cannot_be_is_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "nobody", 64, 0, 0, HV_E_NOTFOUND, "is not known" },
		{ "ded", 0, 0, 0, HV_E_INVAL, "one size is needed" },
		{ "ded", 64, 16, 0, HV_E_INVAL, "one size is needed" },
		{ "ded", 16, 0, 0, HV_E_INVAL, "is not between its minimum" },
		{ "ded", 0, 0, 48, HV_E_INVAL, "is not between its minimum" },
		{ "ded", 0, 0, 4096, HV_E_INVAL, "is not between its minimum" },
		{ "ded", 0, 2048, 0, HV_E_INVAL, "is not between its minimum" },
		{ "ded", 72, 0, 0, HV_E_INVAL, "is not whole memory blocks" },
		{ "ded", 2048, 0, 0, HV_E_LIMIT, "more are needed, and host 'h1' has" },
		{ "db1", 2048, 0, 0, HV_E_LIMIT, "makes the working sets" },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(cases); i++) {
		Tarn__LparResize resize = TARN__LPAR_RESIZE__INIT;
		struct hv_err err = { 0 };

		resize.has_mem_bytes = cases[i].mem != 0;
		resize.mem_bytes = cases[i].mem * MIB;
		resize.has_add_bytes = cases[i].add != 0;
		resize.add_bytes = cases[i].add * MIB;
		resize.has_remove_bytes = cases[i].remove != 0;
		resize.remove_bytes = cases[i].remove * MIB;
		assert_int_equal(change(&resize, cases[i].name, &err), cases[i].code);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].text);
	}
}

/* Of 2 MiB its adapters get no more than that; of 16 MiB 2.5 MiB and 32 KiB. */
static void what_adapters_need_grows_with_the_memory(void **state)
{
	struct test_lpar small = { .name = "small",
				   .host = "h1",
				   .mem = 2 * MIB,
				   .max = 64 * MIB,
				   .disks = 4,
				   .ethernets = 4 };
	struct test_lpar greedy = { .name = "greedy", .host = "h1", .mem = 256 * MIB };
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_lpar_shutdown(&c, "db1", true, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	greedy.entitled = limits_promise(256 * MIB) - 2 * MIB;
	assert_int_equal(test_lpar_create(&c, &small, NULL), HV_OK);
	assert_int_equal(test_lpar_create(&c, &greedy, NULL), HV_OK);
	assert_int_equal(test_pgdev(&c, "h1", "d2", 512 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "small", NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "greedy", &err, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(lpar_of("small")->spec->entitled_bytes, 2 * MIB);
	assert_int_equal(test_lpar_resize(&c, "small", 16 * MIB, &err, NULL), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "does not fit the pool of host 'h1', which has "
					 "2 MiB for it"));
	assert_int_equal(test_lpar_shutdown(&c, "greedy", true, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_resize(&c, "small", 16 * MIB, &err, NULL), HV_OK);
	assert_int_equal(lpar_of("small")->spec->entitled_bytes, 5 * MIB / 2 + 32 * 1024);
	test_settle(&c, &host);
	assert_int_equal(model_host_lpar(&host, "small")->entitled_bytes,
			 5 * MIB / 2 + 32 * 1024);
}

static void one_change_at_a_time(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	host.is_slow_to_resize = true;
	assert_int_equal(test_lpar_resize(&c, "ded", 128 * MIB, NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_resize(&c, "ded", 96 * MIB, &err, NULL), HV_E_BUSY);
	assert_non_null(strstr(err.text, "is being changed"));
	assert_int_equal(
		test_drill(&c, TARN__DRILL_KIND__DRILL_PLANNED, "h1", NULL, &err, NULL),
		HV_E_BUSY);
	assert_non_null(strstr(err.text, "is being changed"));
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_resize(&c, "db1", 96 * MIB, &err, NULL), HV_E_BUSY);
	assert_non_null(strstr(err.text, "is being shut down"));
}

static void none_while_a_drill_runs(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	model_host_work(&host);
	test_settle(&c, &host);
	assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	assert_int_equal(
		test_drill(&c, TARN__DRILL_KIND__DRILL_PLANNED, "h1", NULL, &err, NULL),
		HV_OK);
	assert_int_equal(test_lpar_resize(&c, "ded", 96 * MIB, &err, NULL), HV_E_BUSY);
	assert_non_null(strstr(err.text, "wait until it is done"));
}

static void what_it_has_already_is_said(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_lpar_resize(&c, "ded", 64 * MIB, &err, NULL), HV_E_STATE);
	assert_string_equal(err.text, "LPAR 'ded' has 64 MiB of memory already");
	test_coordinator_run(&c, 10000); /* nobody reports any more */
	assert_int_equal(test_lpar_resize(&c, "ded", 96 * MIB, NULL, NULL), HV_E_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_running, close_one)
		TEST(memory_becomes_what_was_ordered),
		TEST(a_part_is_told_and_kept),
		TEST(nothing_is_promised_twice),
		TEST(a_change_goes_on_after_a_restart),
		TEST(a_run_that_ends_ends_its_change),
		TEST(one_that_is_off_is_defined_anew),
		TEST(one_that_never_ran_has_its_default_profile),
		TEST(an_entitlement_of_before_its_profile_is_none),
		TEST(what_cannot_be_is_refused),
		TEST(what_adapters_need_grows_with_the_memory),
		TEST(one_change_at_a_time),
		TEST(none_while_a_drill_runs),
		TEST(what_it_has_already_is_said),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
