/*
 * The machine behind a declared host: what is declared stays accounting, what runs is
 * real and must fit (coordinator/cluster/machine.h).
 */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* h1 is a Power 770 of 386 GiB; behind it is a machine of 4 GiB in LMBs of 16 MiB. */
static int open_joined(void **state)
{
	(void)open_with_profiles(state);
	host.memory_bytes = 4 * GIB;
	assert_int_equal(declare("h1", "power770", NULL), HV_OK);
	test_settle(&c, &host);
	return 0;
}

static void define(const char *name, uint64_t mem, uint64_t max)
{
	assert_int_equal(test_lpar_create(&c,
					  &(struct test_lpar){ .name = name,
							       .host = "h1",
							       .is_dedicated = true,
							       .mem = mem,
							       .max = max },
					  NULL),
			 HV_OK);
}

static void run(const char *name)
{
	assert_int_equal(test_lpar_activate(&c, name, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_true(model_host_lpar(&host, name)->is_running);
}

static void what_is_declared_stays(void **state)
{
	(void)state;
	assert_int_equal(memory_of("h1").configurable_bytes, 386 * GIB);
	assert_int_equal(memory_of("h1").firmware_bytes, 2816 * MIB);
	assert_int_equal(memory_of("h1").lmb_bytes, 256 * MIB);
	test_coordinator_restart(&c);
	test_settle(&c, &host);
	assert_int_equal(memory_of("h1").configurable_bytes, 386 * GIB);
}

static void what_fits_the_machine_runs(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	define("a", 2 * GIB, 4 * GIB);
	define("b", 1 * GIB, 2 * GIB);
	define("c", 8 * GIB, 16 * GIB);
	run("a");
	run("b");
	assert_int_equal(memory_of("h1").assigned_bytes, 3 * GIB);
	assert_int_equal(test_lpar_activate(&c, "c", &err, NULL), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "LPAR 'c': host 'h1' is declared"));
	assert_non_null(strstr(err.text, "8 GiB of real memory cannot be had"));
	assert_int_equal(test_lpar_shutdown(&c, "a", true, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	/* what it keeps is kept on paper */
	assert_int_equal(memory_of("h1").retained_bytes, 2 * GIB);
	define("d", 2 * GIB, 2 * GIB);
	run("d");
}

static void the_hypervisor_keeps_what_it_really_takes(void **state)
{
	uint64_t before;

	(void)state;
	before = host.desired->firmware_lmbs;
	assert_in_range(before, 1, 2); /* a lab host's, not the declared 2.75 GiB */
	define("a", 256 * MIB, 64 * GIB);
	test_settle(&c, &host);
	assert_int_equal(host.desired->firmware_lmbs, before);
	run("a"); /* its page table of 1 GiB, 1:64, and 16 bytes a page */
	assert_in_range(host.desired->firmware_lmbs, before + 79, before + 81);
}

/* A table that does not fit is no memory of its own. */
static void tables_are_real(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	define("a", 256 * MIB, 256 * GIB); /* 4 GiB of page table */
	assert_int_equal(test_lpar_activate(&c, "a", &err, NULL), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "the machine behind it has 4 GiB"));
}

static void growth_must_fit_the_machine(void **state)
{
	struct hv_err err = { 0 };
	uint64_t job;

	(void)state;
	define("a", 1 * GIB, 8 * GIB);
	run("a");
	assert_int_equal(test_lpar_resize(&c, "a", 6 * GIB, &err, NULL), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "real memory"));
	assert_int_equal(test_lpar_resize(&c, "a", 2 * GIB, &err, &job), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(model_host_lpar(&host, "a")->mem_bytes, 2 * GIB);
}

static void a_pool_is_made_on_the_machine(void **state)
{
	struct hv_err err = { 0 };
	uint64_t job = 0;

	(void)state;
	assert_int_equal(test_pool(&c, "h1", 64 * GIB, 128 * GIB, true, &err, NULL),
			 HV_E_LIMIT);
	assert_non_null(strstr(err.text, "real"));
	assert_int_equal(test_pool(&c, "h1", GIB, 128 * GIB, true, &err, &job), HV_OK);
	assert_int_not_equal(job, 0);
	test_settle(&c, &host);
	assert_int_equal(host.pool_bytes, GIB);
	assert_int_equal(test_pool(&c, "h1", 5 * GIB, 128 * GIB, false, &err, NULL),
			 HV_E_LIMIT);
	assert_int_equal(test_pool_remove(&c, "h1", &err, &job), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(host.pool_bytes, 0);
}

/* It was declared with a pool before any machine came. */
static void a_pool_on_paper_is_made_by_the_machine_that_joins(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(declare("h1", "power770", NULL), HV_OK);
	assert_int_equal(test_pool(&c, "h1", GIB, GIB, true, &err, NULL), HV_OK);
	assert_int_equal(test_poll(&c, &host, &err), HV_E_REFUSED);
	assert_non_null(strstr(err.text, "declared with a pool of 1 GiB"));
	assert_int_equal(test_pool(&c, "h1", 512 * MIB, GIB, false, &err, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(host.pool_bytes, 512 * MIB);
}

static void a_machine_of_other_blocks_is_refused(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(declare("h1", "power770", NULL), HV_OK);
	host.lmb_bytes = 512 * MIB;
	assert_int_equal(test_poll(&c, &host, &err), HV_E_INVAL);
	host.lmb_bytes = 256 * MIB;
	assert_int_equal(declare("h2", "lab", NULL), HV_OK);
	memcpy(host.name, "h2", sizeof("h2"));
	assert_int_equal(test_poll(&c, &host, &err), HV_E_REFUSED);
	assert_non_null(strstr(err.text, "LMB of 16 MiB"));
	host.lmb_bytes = 16 * MIB;
	assert_int_equal(test_poll(&c, &host, &err), HV_OK);
}

/* Started again with less memory than what runs there has: it is not sent away. */
static void a_machine_that_shrank_still_joins(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	define("a", 3 * GIB, 4 * GIB);
	run("a");
	model_host_restart(&host);
	host.memory_bytes = 2 * GIB;
	assert_int_equal(test_poll(&c, &host, &err), HV_OK);
	assert_int_equal(test_lpar_resize(&c, "a", 4 * GIB, &err, NULL), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "the machine behind it has 2 GiB"));
}

static void on_paper_there_are_more_lpars_than_on_a_machine(void **state)
{
	char name[HV_NAME_BYTES];
	struct hv_err err = { 0 };

	(void)state;
	host.memory_bytes = 4 * GIB;
	assert_int_equal(declare("h1", "power770", NULL), HV_OK);
	for (unsigned i = 0; i <= HV_HOST_LPARS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "a%u", i);
		define(name, 256 * MIB, 256 * MIB);
	}
	assert_int_equal(cluster_lpar(test_cluster(&c), name)->lpar_id,
			 HV_HOST_LPARS_MAX + 1);
	assert_int_equal(test_report(&c, &host, &err), HV_E_REFUSED);
	assert_non_null(strstr(err.text, "declared with 513 LPARs, and a machine has"));
	assert_int_equal(test_lpar_remove(&c, "a0", NULL), HV_OK);
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
	assert_int_equal(test_lpar_create(&c,
					  &(struct test_lpar){ .name = "b",
							       .host = "h1",
							       .is_dedicated = true,
							       .mem = 256 * MIB },
					  &err),
			 HV_E_LIMIT);
	assert_non_null(strstr(err.text, "has 512 LPARs, the most it may have"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_declared_stays, open_joined,
						close_one),
		cmocka_unit_test_setup_teardown(what_fits_the_machine_runs, open_joined,
						close_one),
		cmocka_unit_test_setup_teardown(the_hypervisor_keeps_what_it_really_takes,
						open_joined, close_one),
		cmocka_unit_test_setup_teardown(tables_are_real, open_joined, close_one),
		cmocka_unit_test_setup_teardown(growth_must_fit_the_machine, open_joined,
						close_one),
		cmocka_unit_test_setup_teardown(a_pool_is_made_on_the_machine,
						open_joined, close_one),
		cmocka_unit_test_setup_teardown(
			a_pool_on_paper_is_made_by_the_machine_that_joins,
			open_with_profiles, close_one),
		cmocka_unit_test_setup_teardown(
			on_paper_there_are_more_lpars_than_on_a_machine,
			open_with_profiles, close_one),
		cmocka_unit_test_setup_teardown(a_machine_of_other_blocks_is_refused,
						open_with_profiles, close_one),
		cmocka_unit_test_setup_teardown(a_machine_that_shrank_still_joins,
						open_joined, close_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
