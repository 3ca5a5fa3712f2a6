/* Which VIOS of a host page for its pool, and how one takes another one's place. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ASSIGN TARN__VIOS_VERB__VIOS_VERB_ASSIGN
#define UNASSIGN TARN__VIOS_VERB__VIOS_VERB_UNASSIGN
#define MAINTAIN TARN__VIOS_VERB__VIOS_VERB_MAINTAIN
#define SWAP TARN__VIOS_VERB__VIOS_VERB_SWAP
#define NONE TARN__REDUNDANCY__REDUNDANCY_NONE
#define REQUIRED TARN__REDUNDANCY__REDUNDANCY_REQUIRED
#define STANDBY TARN__VIOS_STATE__VIOS_STANDBY
#define ACTIVE TARN__VIOS_STATE__VIOS_ACTIVE

static void check_says(const struct hv_err *err, const char *says)
{
	if (says != NULL && strstr(err->text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err->text, says);
}

static enum hv_code order(const char *name, Tarn__ViosVerb verb, const char *says)
{
	struct hv_err err = { 0 };
	enum hv_code code = test_vios(&c, "h1", name, verb, false, &err, NULL);

	check_says(&err, says);
	test_settle(&c, &host);
	return code;
}

static enum hv_code replace(const char *name, const char *with, const char *says)
{
	struct hv_err err = { 0 };
	enum hv_code code = test_vios_replace(&c, "h1", name, with, &err, NULL);

	check_says(&err, says);
	test_settle(&c, &host);
	return code;
}

static enum hv_code add(const char *name, const char *says)
{
	struct hv_err err = { 0 };
	enum hv_code code = test_vios_add(&c, "h1", name, &err);

	check_says(&err, says);
	return code;
}

static enum hv_code drop(const char *name, const char *says)
{
	struct hv_err err = { 0 };
	enum hv_code code = test_vios_remove(&c, "h1", name, &err);

	check_says(&err, says);
	return code;
}

/* "vios1 vios2, vios3": those that page, and the others. */
static void check_vios(const char *all)
{
	const Tarn__HostRecord *record = cluster_host(test_cluster(&c), "h1");
	char text[256] = "";
	size_t at = 0;

	for (size_t i = 0; i < record->n_vios; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
				       i > 0 ? " " : "", record->vios[i]->name);
	for (size_t i = 0; i < record->n_other_vios; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
				       i > 0 ? " " : ", ", record->other_vios[i]->name);
	assert_string_equal(text, all);
}

static const Tarn__JobRecord *job_of(uint64_t job)
{
	return cluster_job(test_cluster(&c), job);
}

static void a_host_has_four_vios_at_most(void **state)
{
	(void)state;
	assert_int_equal(add("vios1", "choose another name"), HV_E_EXISTS);
	assert_int_equal(add("vios3", NULL), HV_OK);
	assert_int_equal(add("vios3", "choose another name"), HV_E_EXISTS);
	assert_int_equal(add("vios4", NULL), HV_OK);
	assert_int_equal(add("vios5", "has 4 VIOS"), HV_E_LIMIT);
	check_vios("vios1 vios2, vios3 vios4");
	assert_int_equal(drop("vios1", "tarn pool unassign"), HV_E_REFUSED);
	assert_int_equal(drop("vios9", "vios1, vios2, vios3, vios4"), HV_E_NOTFOUND);
	assert_int_equal(drop("vios3", NULL), HV_OK);
	check_vios("vios1 vios2, vios4");
	assert_int_equal(test_vios_add(&c, "h9", "vios3", NULL), HV_E_NOTFOUND);
}

/* Nothing runs for one that is not assigned, so nothing is ordered to it. */
static void one_that_is_not_assigned_runs_nothing(void **state)
{
	(void)state;
	assert_int_equal(add("vios3", NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(host.desired->n_vios, 2);
	assert_int_equal(order("vios3", MAINTAIN, "not assigned"), HV_E_STATE);
	assert_int_equal(order("vios3", UNASSIGN, "not assigned"), HV_E_STATE);
	assert_int_equal(test_vios_inject(&c, "h1", "vios3", NULL, NULL, NULL),
			 HV_E_STATE);
	assert_int_equal(order("vios3", ASSIGN, "'vios1' and 'vios2'"), HV_E_LIMIT);
	assert_int_equal(order("vios1", ASSIGN, "already"), HV_E_STATE);
	assert_int_equal(order("vios9", ASSIGN, "has no VIOS"), HV_E_NOTFOUND);
}

static void a_vios_that_is_needed_stays_assigned(void **state)
{
	(void)state;
	run_db1(REQUIRED);
	assert_int_equal(order("vios2", UNASSIGN, "'db1' is one"), HV_E_REFUSED);
	assert_int_equal(order("vios2", MAINTAIN, NULL), HV_OK);
	assert_int_equal(order("vios2", UNASSIGN, "'db1' is one"), HV_E_REFUSED);
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(order("vios2", UNASSIGN, NULL), HV_OK);
	check_vios("vios1, vios2");
	assert_int_equal(order("vios2", ASSIGN, NULL), HV_OK); /* maintained no more */
	assert_int_equal(host.vios[1].state, STANDBY);
	check_vios("vios1 vios2");
}

/* Who needs no pair is served by the partner, if this one was maintained first. */
static void a_spare_vios_may_be_unassigned_after_maintenance(void **state)
{
	(void)state;
	run_db1(NONE);
	assert_int_equal(order("vios2", UNASSIGN, "maintain it first"), HV_E_REFUSED);
	assert_int_equal(order("vios2", MAINTAIN, NULL), HV_OK);
	assert_int_equal(order("vios2", UNASSIGN, NULL), HV_OK);
	assert_int_equal(order("vios1", UNASSIGN, "'db1' is one"), HV_E_REFUSED);
	assert_int_equal(order("vios1", MAINTAIN, "is not there"), HV_E_REFUSED);
}

/* The place is free for another one, and who asked the one that left asks that. */
static void a_free_place_is_anybodys(void **state)
{
	(void)state;
	run_db1(NONE);
	assert_int_equal(add("vios3", NULL), HV_OK);
	assert_string_equal(lpar_of("db1")->primary, "vios1");
	assert_int_equal(order("vios1", MAINTAIN, NULL), HV_OK);
	assert_int_equal(order("vios1", UNASSIGN, NULL), HV_OK);
	assert_int_equal(order("vios3", ASSIGN, NULL), HV_OK);
	check_vios("vios2 vios3, vios1");
	assert_string_equal(lpar_of("db1")->primary, "vios3");
	assert_string_equal(model_host_lpar(&host, "db1")->primary, "vios3");
	assert_int_equal(host.vios[0].state, STANDBY);
	assert_string_equal(host.vios[0].name, "vios3");
}

static void one_takes_the_place_of_another_online(void **state)
{
	uint64_t job = 0;

	(void)state;
	run_db1(REQUIRED);
	assert_int_equal(add("vios3", NULL), HV_OK);
	assert_int_equal(test_vios_replace(&c, "h1", "vios1", "vios3", NULL, &job),
			 HV_OK);
	check_vios("vios3 vios2, vios1");
	assert_false(job_of(job)->done);
	test_settle(&c, &host);
	assert_true(job_of(job)->done);
	assert_null(job_of(job)->error);
	assert_non_null(strstr(job_of(job)->text, "has the place of 'vios1'"));
	assert_string_equal(model_host_lpar(&host, "db1")->primary, "vios3");
	assert_string_equal(host.vios[0].name, "vios3");
	assert_int_equal(host.vios[0].state, STANDBY);
	assert_int_equal(host.vios[1].state, ACTIVE);
	assert_non_null(last_event("vios.replaced"));
	assert_int_equal(replace("vios3", "vios1", NULL), HV_OK); /* and back */
	check_vios("vios1 vios2, vios3");
}

static void what_breaks_the_pair_is_no_replacement(void **state)
{
	(void)state;
	run_db1(REQUIRED);
	assert_int_equal(replace("vios1", "vios3", "has no VIOS"), HV_E_NOTFOUND);
	assert_int_equal(add("vios3", NULL), HV_OK);
	assert_int_equal(replace("vios1", NULL, "who is to take"), HV_E_INVAL);
	assert_int_equal(replace("vios1", "vios2", "already"), HV_E_STATE);
	assert_int_equal(replace("vios3", "vios1", "not assigned"), HV_E_STATE);
	assert_int_equal(order("vios2", MAINTAIN, NULL), HV_OK);
	assert_int_equal(replace("vios1", "vios3", "its partner 'vios2'"), HV_E_REFUSED);
	assert_int_equal(replace("vios2", "vios3", NULL), HV_OK);
	assert_int_equal(order("vios2", TARN__VIOS_VERB__VIOS_VERB_DISABLE, NULL), HV_OK);
	assert_int_equal(replace("vios3", "vios2", "enable it first"), HV_E_STATE);
	check_vios("vios1 vios3, vios2");
}

/* The one that left comes back as it was, and the job says why. */
static void one_that_does_not_come_gives_the_place_back(void **state)
{
	uint64_t job = 0;

	(void)state;
	run_db1(REQUIRED);
	assert_int_equal(add("vios3", NULL), HV_OK);
	assert_int_equal(order("vios2", MAINTAIN, NULL), HV_OK);
	host.vios_stay_down = true;
	assert_int_equal(test_vios_replace(&c, "h1", "vios2", "vios3", NULL, &job),
			 HV_OK);
	test_settle(&c, &host);
	assert_int_equal(order("vios1", MAINTAIN, "under way"), HV_E_BUSY);
	assert_int_equal(drop("vios2", "under way"), HV_E_BUSY);
	test_coordinator_run(&c, 30000);
	test_settle(&c, &host);
	assert_false(job_of(job)->done);
	test_coordinator_restart(&c); /* nothing of it is only in memory */
	test_settle(&c, &host);
	test_coordinator_run(&c, 31000);
	test_settle(&c, &host);
	assert_int_equal(job_of(job)->error->code, HV_E_TIMEOUT);
	assert_non_null(strstr(job_of(job)->error->text, "'vios2' has its place again"));
	check_vios("vios1 vios2, vios3");
	assert_true(cluster_host(test_cluster(&c), "h1")->vios[1]->maintenance);
	assert_non_null(last_event("vios.not_replaced"));
	assert_string_equal(lpar_of("db1")->primary, "vios1");
	host.vios_stay_down = false;
	assert_int_equal(order("vios2", TARN__VIOS_VERB__VIOS_VERB_RESUME, NULL), HV_OK);
	assert_int_equal(host.vios[1].state, STANDBY);
}

/* Another device keeps the job waiting, and an LPAR is given what is behind the new one. */
static void one_that_has_devices_behind_it_keeps_the_place(void **state)
{
	struct test_lpar lpar = { .name = "m",
				  .host = "h1",
				  .mem = 64 * MIB,
				  .redundancy = TARN__REDUNDANCY__REDUNDANCY_MIRRORED };
	uint64_t job = 0;

	(void)state;
	run_db1(REQUIRED);
	assert_int_equal(add("vios3", NULL), HV_OK);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	host.devices[0].is_alone = true; /* db1's, of both */
	assert_int_equal(test_vios_replace(&c, "h1", "vios2", "vios3", NULL, &job),
			 HV_OK);
	test_settle(&c, &host);
	assert_false(job_of(job)->done);
	add_device_behind("a", 64 * MIB, "vios1");
	add_device_behind("b", 64 * MIB, "vios3");
	assert_int_equal(test_lpar_activate(&c, "m", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	test_coordinator_run(&c, 61000);
	test_settle(&c, &host);
	assert_int_equal(job_of(job)->error->code, HV_E_TIMEOUT);
	assert_non_null(strstr(job_of(job)->error->text,
			       "it keeps the place of 'vios2', as paging device 'b' of "
			       "LPAR 'm' is behind it alone"));
	check_vios("vios1 vios3, vios2");
}

/* What moves for the one is not the other's. */
static void no_drill_begins_while_the_pair_changes(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	run_db1(REQUIRED);
	model_host_work(&host);
	test_settle(&c, &host);
	host.is_slow_to_share = true;
	assert_int_equal(test_vios(&c, "h1", "", SWAP, false, NULL, NULL), HV_OK);
	assert_int_equal(
		test_drill(&c, TARN__DRILL_KIND__DRILL_KILL, "h1", "vios1", &err, NULL),
		HV_E_BUSY);
	check_says(&err, "under way");
}

static void a_swap_is_told_before_anybody_moves(void **state)
{
	uint64_t job = 0;

	(void)state;
	run_db1(REQUIRED);
	host.is_slow_to_share = true;
	assert_int_equal(test_vios(&c, "h1", "", SWAP, false, NULL, &job), HV_OK);
	assert_string_equal(lpar_of("db1")->primary, "vios2");
	test_settle(&c, &host);
	assert_int_equal(host.failbacks, 0);
	assert_int_equal(test_vios(&c, "h1", "", SWAP, false, NULL, NULL), HV_E_BUSY);
	host.is_slow_to_share = false;
	test_settle(&c, &host);
	test_settle(&c, &host); /* and the order */
	assert_string_equal(model_host_lpar(&host, "db1")->primary, "vios2");
	assert_int_equal(host.failbacks, 1);
	assert_string_equal(host.failed_back, "");
	assert_true(job_of(job)->done);
	assert_null(job_of(job)->error);
	assert_int_equal(order("vios1", MAINTAIN, NULL), HV_OK);
	assert_int_equal(order("", SWAP, "not both"), HV_E_REFUSED);
}

/* It lies behind one VIOS alone: that one stays, and its partition asks no other. */
static void a_device_behind_one_vios_holds_it(void **state)
{
	struct test_lpar lpar = { .name = "db1", .mem = 64 * MIB, .redundancy = NONE };

	(void)state;
	add_device_behind("only", 64 * MIB, "vios2");
	assert_int_equal(add("vios3", NULL), HV_OK);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_string_equal(lpar_of("db1")->primary, "vios2");
	assert_int_equal(replace("vios2", "vios3", "'only' of LPAR 'db1'"), HV_E_REFUSED);
	assert_int_equal(order("vios2", UNASSIGN, "'only' of LPAR 'db1'"), HV_E_REFUSED);
	assert_int_equal(order("", SWAP, NULL), HV_OK);
	assert_string_equal(lpar_of("db1")->primary, "vios2");
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(replace("vios2", "vios3", NULL), HV_OK);
	assert_int_equal(drop("vios2", "'only' of host 'h1' is behind"), HV_E_REFUSED);
}

/* What is behind one that does not page is nobody's. */
static void a_device_behind_one_that_is_not_assigned_is_not_given(void **state)
{
	struct test_lpar lpar = {
		.name = "db1", .host = "h1", .mem = 64 * MIB, .redundancy = NONE
	};
	struct test_lpar both = { .name = "db2",
				  .host = "h1",
				  .mem = 64 * MIB,
				  .redundancy = TARN__REDUNDANCY__REDUNDANCY_MIRRORED };
	struct hv_err err = { 0 };

	(void)state;
	add_device_behind("only", 64 * MIB, "vios2");
	add_device_behind("other", 64 * MIB, "vios1");
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_create(&c, &both, NULL), HV_OK);
	assert_int_equal(test_pgdev_remove(&c, "h1", "other", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(order("vios2", UNASSIGN, NULL), HV_OK);
	assert_int_equal(test_pgdev_behind(&c, "h1", "more", 64 * MIB, "vios2", &err),
			 HV_E_STATE);
	check_says(&err, "not assigned");
	assert_int_equal(test_lpar_activate(&c, "db1", &err, NULL), HV_E_NOSPC);
	assert_int_equal(test_lpar_activate(&c, "db2", &err, NULL), HV_E_STATE);
	assert_int_equal(order("vios2", ASSIGN, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
}

static void a_swap_that_is_not_told_times_out(void **state)
{
	uint64_t job = 0;

	(void)state;
	run_db1(REQUIRED);
	host.is_slow_to_share = true;
	assert_int_equal(test_vios(&c, "h1", "", SWAP, false, NULL, &job), HV_OK);
	test_coordinator_run(&c, 61000);
	test_settle(&c, &host);
	assert_int_equal(job_of(job)->error->code, HV_E_TIMEOUT);
	assert_non_null(strstr(job_of(job)->error->text, "LPAR 'db1' has not been told"));
}

/* They have their new primaries, and nobody hears of the order: others may be given. */
static void a_swap_whose_order_is_not_carried_out_times_out(void **state)
{
	uint64_t job = 0;

	(void)state;
	run_db1(REQUIRED);
	host.is_silent_op = true;
	assert_int_equal(test_vios(&c, "h1", "", SWAP, false, NULL, &job), HV_OK);
	test_settle(&c, &host);
	test_settle(&c, &host);
	assert_string_equal(model_host_lpar(&host, "db1")->primary, "vios2");
	test_coordinator_run(&c, 61000); /* all of it has longer */
	test_settle(&c, &host);
	assert_false(job_of(job)->done);
	test_coordinator_restart(&c);
	test_settle(&c, &host);
	test_coordinator_run(&c, 61000);
	test_settle(&c, &host);
	assert_true(job_of(job)->done);
	assert_int_equal(job_of(job)->error->code, HV_E_TIMEOUT);
	assert_non_null(strstr(job_of(job)->error->text, "is taken back"));
	assert_non_null(last_event("vios.not_moved"));
	host.is_silent_op = false;
	test_settle(&c, &host);
	assert_int_equal(host.failbacks, 0);
	assert_string_equal(lpar_of("db1")->primary, "vios2");
	assert_int_equal(test_vios(&c, "h1", "", SWAP, false, NULL, &job), HV_OK);
	test_settle(&c, &host);
	test_settle(&c, &host);
	assert_true(job_of(job)->done);
	assert_null(job_of(job)->error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)
		TEST(a_host_has_four_vios_at_most),
		TEST(one_that_is_not_assigned_runs_nothing),
		TEST(a_vios_that_is_needed_stays_assigned),
		TEST(a_spare_vios_may_be_unassigned_after_maintenance),
		TEST(a_free_place_is_anybodys),
		TEST(one_takes_the_place_of_another_online),
		TEST(what_breaks_the_pair_is_no_replacement),
		TEST(one_that_does_not_come_gives_the_place_back),
		TEST(one_that_has_devices_behind_it_keeps_the_place),
		TEST(no_drill_begins_while_the_pair_changes),
		TEST(a_swap_is_told_before_anybody_moves),
		TEST(a_swap_that_is_not_told_times_out),
		TEST(a_swap_whose_order_is_not_carried_out_times_out),
		TEST(a_device_behind_one_vios_holds_it),
		TEST(a_device_behind_one_that_is_not_assigned_is_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
