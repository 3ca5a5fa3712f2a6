/* The paging device of a running LPAR becomes another one: by order, or a spare one. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define REQUIRED TARN__REDUNDANCY__REDUNDANCY_REQUIRED
#define MIRRORED TARN__REDUNDANCY__REDUNDANCY_MIRRORED

static const Tarn__JobRecord *job_of(uint64_t job)
{
	return cluster_job(test_cluster(&c), job);
}

static const char *owner_of(const char *name)
{
	const char *lpar = cluster_device(test_cluster(&c), "h1", name)->lpar;

	return lpar != NULL ? lpar : "";
}

static enum hv_code replace(const char *name, const char *with, const char *says)
{
	struct hv_err err = { 0 };
	enum hv_code code = test_pgdev_replace(&c, "h1", name, with, &err, NULL);

	if (says != NULL && strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
	return code;
}

static void copy_to(char name[HV_NAME_BYTES], const char *value)
{
	(void)snprintf(name, HV_NAME_BYTES, "%s", value);
}

static void settle(void)
{
	test_settle(&c, &host);
	test_settle(&c, &host); /* and what follows from it */
}

static void run_mirrored(void)
{
	struct test_lpar lpar = {
		.name = "db1", .host = "h1", .mem = 64 * MIB, .redundancy = MIRRORED
	};

	add_device_behind("m1", 64 * MIB, "vios1");
	add_device_behind("m2", 64 * MIB, "vios2");
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	settle();
}

static void another_device_has_every_page_in_the_end(void **state)
{
	uint64_t job = 0;

	(void)state;
	run_db1(REQUIRED);
	add_device("d2", 64 * MIB);
	host.is_slow_to_copy = true;
	assert_int_equal(test_pgdev_replace(&c, "h1", "d1", "d2", NULL, &job), HV_OK);
	settle();
	assert_false(job_of(job)->done);
	assert_string_equal(owner_of("d1"), "db1");
	assert_string_equal(owner_of("d2"), "db1");
	assert_string_equal(lpar_of("db1")->device, "d1");
	assert_int_equal(replace("d1", "d2", "wait for job"), HV_E_BUSY);
	test_coordinator_restart(&c); /* it goes on */
	host.is_slow_to_copy = false;
	settle();
	assert_true(job_of(job)->done);
	assert_null(job_of(job)->error);
	assert_string_equal(lpar_of("db1")->device, "d2");
	assert_string_equal(model_host_lpar(&host, "db1")->device, "d2");
	assert_string_equal(owner_of("d1"), "");
	assert_string_equal(owner_of("d2"), "db1");
	assert_null(lpar_of("db1")->new_device);
	assert_non_null(last_event("pgdev.replaced"));
	assert_int_equal(test_pgdev_remove(&c, "h1", "d1", NULL, NULL), HV_OK);
	settle();
}

static void either_side_of_a_pair_is_replaced(void **state)
{
	(void)state;
	run_mirrored();
	add_device_behind("m3", 64 * MIB, "vios1");
	add_device_behind("m4", 64 * MIB, "vios2");
	assert_int_equal(replace("m2", "m3", "is behind VIOS vios1, and 'm2' is behind"),
			 HV_E_REFUSED);
	assert_int_equal(replace("m2", "m4", NULL), HV_OK);
	settle();
	assert_string_equal(lpar_of("db1")->device, "m1");
	assert_string_equal(lpar_of("db1")->mirror, "m4");
	assert_int_equal(replace("m1", "m3", NULL), HV_OK);
	settle();
	assert_string_equal(lpar_of("db1")->device, "m3");
	assert_string_equal(model_host_lpar(&host, "db1")->device, "m3");
	assert_string_equal(model_host_lpar(&host, "db1")->mirror, "m4");
	assert_string_equal(owner_of("m1"), "");
	assert_string_equal(owner_of("m2"), "");
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	run_db1(REQUIRED);
	add_device("small", 32 * MIB);
	add_device("spare", 64 * MIB);
	add_device_behind("single", 64 * MIB, "vios1");
	assert_int_equal(replace("d9", "spare", "no paging device 'd9'"), HV_E_NOTFOUND);
	assert_int_equal(replace("d1", "d9", "no paging device 'd9'"), HV_E_NOTFOUND);
	assert_int_equal(replace("spare", "small", "nothing to copy"), HV_E_STATE);
	assert_int_equal(replace("d1", "d1", "in use by LPAR 'db1'"), HV_E_BUSY);
	assert_int_equal(replace("d1", "small", "take a larger one"), HV_E_NOSPC);
	assert_int_equal(replace("d1", "single", "reached by both VIOS"), HV_E_REFUSED);
	host.devices[2].has_error = true; /* the spare one */
	settle();
	assert_int_equal(replace("d1", "spare", "missing"), HV_E_STATE);
	host.devices[2].has_error = false;
	settle();
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, NULL), HV_OK);
	assert_int_equal(replace("d1", "spare", "shuts down"), HV_E_STATE);
	settle();
	assert_int_equal(replace("d1", "spare", "nothing to copy"), HV_E_STATE);
}

/* The one before is wanted again; the new one is free when the host has let go of it. */
static void what_the_host_refuses_is_as_before(void **state)
{
	uint64_t job = 0;

	(void)state;
	run_db1(REQUIRED);
	add_device("d2", 64 * MIB);
	host.copy_error = HV_E_BUSY;
	host.is_slow_then = true; /* not every page is on the old one: it may be lost */
	assert_int_equal(test_pgdev_replace(&c, "h1", "d1", "d2", NULL, &job), HV_OK);
	settle();
	assert_true(job_of(job)->done);
	host.is_slow_to_copy = false;
	settle();
	assert_non_null(strstr(job_of(job)->error->text, "was not replaced by 'd2'"));
	assert_string_equal(lpar_of("db1")->device, "d1");
	assert_string_equal(host.desired->lpars[0]->device, "d1");
	assert_string_equal(owner_of("d2"), "");
	assert_string_equal(owner_of("d1"), "db1");
	assert_non_null(last_event("pgdev.not_replaced"));
	assert_int_equal(replace("d1", "d2", NULL), HV_OK); /* another try */
	settle();
	assert_string_equal(lpar_of("db1")->device, "d2");
}

/* What cannot finish is not for ever, and the way back is an order like the other. */
static void it_is_taken_back_by_order(void **state)
{
	uint64_t job = 0, back = 0;

	(void)state;
	run_db1(REQUIRED);
	add_device("d2", 64 * MIB);
	assert_int_equal(replace("d2", "d1", "nothing to copy"), HV_E_STATE);
	host.is_slow_to_copy = true;
	assert_int_equal(test_pgdev_replace(&c, "h1", "d1", "d2", NULL, &job), HV_OK);
	settle();
	assert_string_equal(host.desired->lpars[0]->device, "d2");
	copy_to(model_host_lpar(&host, "db1")->device, "d2"); /* one path has it */
	assert_int_equal(test_pgdev_replace(&c, "h1", "d2", "d1", NULL, &back), HV_OK);
	settle();
	assert_int_equal(job_of(job)->error->code, HV_E_CANCELED);
	assert_non_null(strstr(job_of(job)->error->text, "taken back by order"));
	assert_string_equal(host.desired->lpars[0]->device, "d1");
	assert_false(job_of(back)->done);
	assert_string_equal(owner_of("d2"), "db1");
	assert_int_equal(replace("d2", "d1", "wait for job"), HV_E_BUSY);
	host.is_slow_to_copy = false;
	settle();
	assert_true(job_of(back)->done);
	assert_null(job_of(back)->error);
	assert_string_equal(lpar_of("db1")->device, "d1");
	assert_string_equal(owner_of("d2"), "");
	assert_null(lpar_of("db1")->new_device);
}

/* It is copied from one path to the other. */
static void a_shared_device_needs_both_vios(void **state)
{
	(void)state;
	run_db1(REQUIRED);
	add_device("d2", 64 * MIB);
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 1);
	settle();
	assert_int_equal(replace("d1", "d2", "both VIOS of the pool must serve, and 1"),
			 HV_E_REFUSED);
	host.vios_stay_down = false;
	settle();
	assert_int_equal(replace("d1", "d2", NULL), HV_OK);
	settle();
}

/* Which of the two has what is not told: both stay. */
static void while_it_is_copied_no_vios_goes(void **state)
{
	static const Tarn__ViosVerb verbs[] = { TARN__VIOS_VERB__VIOS_VERB_MAINTAIN,
						TARN__VIOS_VERB__VIOS_VERB_KILL };
	struct hv_err err = { 0 };

	(void)state;
	run_db1(REQUIRED);
	add_device("d2", 64 * MIB);
	host.is_slow_to_copy = true;
	assert_int_equal(replace("d1", "d2", NULL), HV_OK);
	settle();
	for (size_t i = 0; i < 2 * HV_COUNT(verbs); i++) {
		assert_int_equal(test_vios(&c, "h1", i % 2 == 0 ? "vios1" : "vios2",
					   verbs[i / 2], false, &err, NULL),
				 HV_E_REFUSED);
		assert_non_null(strstr(err.text, "'d1' of LPAR 'db1' is being replaced"));
	}
	host.is_slow_to_copy = false;
	settle();
	assert_int_equal(test_vios(&c, "h1", "vios2", verbs[0], false, NULL, NULL),
			 HV_OK);
	settle();
}

static void a_run_that_ends_frees_both(void **state)
{
	uint64_t job = 0;

	(void)state;
	run_mirrored();
	add_device_behind("m4", 64 * MIB, "vios2");
	host.is_slow_to_copy = true;
	assert_int_equal(test_pgdev_replace(&c, "h1", "m2", "m4", NULL, &job), HV_OK);
	settle();
	model_host_end_lpar(&host, "db1");
	settle();
	assert_int_equal(job_of(job)->error->code, HV_E_CANCELED);
	assert_string_equal(owner_of("m1"), "");
	assert_string_equal(owner_of("m2"), "");
	assert_string_equal(owner_of("m4"), "");
	assert_null(lpar_of("db1")->new_device);
}

/* ---- spare devices ---- */

static void use_spares(bool is_on)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostSet set = TARN__HOST_SET__INIT;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_SET;
	request.host_set = &set;
	set.host = (char *)(uintptr_t) "h1";
	set.has_spare = 1;
	set.spare = is_on;
	assert_int_equal(test_change(&c, &request, NULL, NULL), HV_OK);
}

static void lose(const char *name)
{
	for (size_t i = 0; i < MODEL_DEVICES; i++)
		if (strcmp(host.devices[i].name, name) == 0)
			host.devices[i].has_error = true;
	settle();
}

static void pass(uint64_t ms)
{
	for (uint64_t at = 0; at < ms; at += 1000) {
		test_coordinator_run(&c, 1000);
		settle();
	}
}

static void a_spare_device_takes_the_place_of_one_that_is_lost(void **state)
{
	(void)state;
	run_mirrored();
	add_device_behind("big", 128 * MIB, "vios2");
	add_device_behind("fits", 96 * MIB, "vios2");
	add_device_behind("wrong", 64 * MIB, "vios1");
	lose("m2");
	pass(15000);
	assert_string_equal(lpar_of("db1")->mirror, "m2"); /* off at first */
	use_spares(true);
	pass(5000);
	assert_string_equal(lpar_of("db1")->mirror, "m2");
	pass(10000);
	assert_string_equal(lpar_of("db1")->mirror, "fits");
	assert_string_equal(owner_of("m2"), "");
	assert_non_null(strstr(last_event("pgdev.spare")->text, "'fits'"));
	use_spares(false);
	lose("fits");
	pass(15000);
	assert_string_equal(lpar_of("db1")->mirror, "fits");
}

/* What is on the lost one alone could not be copied. */
static void a_device_with_the_only_copy_is_not_given_up(void **state)
{
	(void)state;
	run_mirrored();
	add_device_behind("fits", 64 * MIB, "vios2");
	use_spares(true);
	model_host_lpar(&host, "db1")->missed = 3; /* the other one lacks them */
	lose("m2");
	pass(15000);
	assert_string_equal(lpar_of("db1")->mirror, "m2");
	model_host_lpar(&host, "db1")->missed = 0;
	pass(15000);
	assert_string_equal(lpar_of("db1")->mirror, "fits");
}

static unsigned events(const char *kind)
{
	const struct cluster *cluster = test_cluster(&c);
	unsigned count = 0;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_EVENT); i++)
		count += strcmp(cluster_event_at(cluster, i)->kind, kind) == 0;
	return count;
}

/* The next best one has its turn, and nobody is told the same every ten seconds. */
static void a_spare_that_was_refused_is_not_tried_again_soon(void **state)
{
	(void)state;
	run_mirrored();
	add_device_behind("bad", 64 * MIB, "vios2");
	use_spares(true);
	host.copy_error = HV_E_CORRUPT;
	lose("m2");
	pass(15000);
	assert_int_equal(events("pgdev.spare"), 1);
	assert_int_equal(events("pgdev.not_replaced"), 1);
	assert_string_equal(lpar_of("db1")->mirror, "m2");
	assert_null(lpar_of("db1")->new_device);
	pass(120000);
	assert_int_equal(events("pgdev.spare"), 1);
	add_device_behind("good", 96 * MIB, "vios2");
	pass(15000);
	assert_string_equal(lpar_of("db1")->mirror, "good");
}

static void one_that_comes_back_in_time_stays(void **state)
{
	(void)state;
	run_mirrored();
	add_device_behind("fits", 64 * MIB, "vios2");
	use_spares(true);
	lose("m2");
	pass(6000);
	for (size_t i = 0; i < MODEL_DEVICES; i++)
		host.devices[i].has_error = false;
	pass(3000);
	lose("m2");
	pass(6000);
	assert_string_equal(lpar_of("db1")->mirror, "m2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)
		TEST(another_device_has_every_page_in_the_end),
		TEST(either_side_of_a_pair_is_replaced),
		TEST(what_does_not_fit_is_refused),
		TEST(what_the_host_refuses_is_as_before),
		TEST(it_is_taken_back_by_order),
		TEST(a_shared_device_needs_both_vios),
		TEST(while_it_is_copied_no_vios_goes),
		TEST(a_run_that_ends_frees_both),
		TEST(a_spare_device_takes_the_place_of_one_that_is_lost),
		TEST(a_spare_that_was_refused_is_not_tried_again_soon),
		TEST(a_device_with_the_only_copy_is_not_given_up),
		TEST(one_that_comes_back_in_time_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
