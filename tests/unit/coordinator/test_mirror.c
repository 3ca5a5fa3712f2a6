/* Devices behind one VIOS alone, and LPARs whose pages lie behind each of both. */
#include "tests/unit/coordinator/drill_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REQUIRED TARN__REDUNDANCY__REDUNDANCY_REQUIRED
#define MIRRORED TARN__REDUNDANCY__REDUNDANCY_MIRRORED
#define IF_POSSIBLE TARN__REDUNDANCY__REDUNDANCY_IF_POSSIBLE
#define NONE TARN__REDUNDANCY__REDUNDANCY_NONE

static void create(const char *name, uint64_t mem, Tarn__Redundancy redundancy)
{
	struct test_lpar lpar = {
		.name = name, .host = "h1", .mem = mem, .redundancy = redundancy
	};
	struct hv_err err = { 0 };

	if (test_lpar_create(&c, &lpar, &err) != HV_OK)
		fail_msg("%s", err.text);
}

static void activate(const char *name)
{
	struct hv_err err = { 0 };

	if (test_lpar_activate(&c, name, &err, NULL) != HV_OK)
		fail_msg("%s", err.text);
	test_settle(&c, &host);
}

static void end(const char *name)
{
	assert_int_equal(test_lpar_shutdown(&c, name, false, NULL, NULL), HV_OK);
	test_settle(&c, &host);
}

static const Tarn__DeviceRecord *device(const char *name)
{
	return cluster_device(test_cluster(&c), "h1", name);
}

static const char *mirror_of(const char *name)
{
	return lpar_of(name)->mirror != NULL ? lpar_of(name)->mirror : "";
}

static void check(const char *name, const char *first, const char *mirror,
		  const char *primary)
{
	const struct model_lpar *lpar = model_host_lpar(&host, name);

	assert_string_equal(lpar_of(name)->device, first);
	assert_string_equal(mirror_of(name), mirror);
	assert_string_equal(lpar_of(name)->primary, primary);
	assert_string_equal(lpar->device, first);
	assert_string_equal(lpar->mirror, mirror);
	assert_string_equal(device(first)->lpar, name);
	if (mirror[0] != '\0')
		assert_string_equal(device(mirror)->lpar, name);
}

static void a_device_lies_behind_the_vios_that_was_named(void **state)
{
	Tarn__ClusterReply *status;
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_pgdev_behind(&c, "h1", "a", 64 * MIB, "vios3", &err),
			 HV_E_NOTFOUND);
	assert_non_null(strstr(err.text, "has no VIOS 'vios3'"));
	add_device_behind("a", 64 * MIB, "vios1");
	assert_string_equal(device("a")->device->vios, "vios1");
	assert_string_equal(host.desired->devices[0]->vios, "vios1");
	status = test_status(&c);
	assert_string_equal(status->status->devices[0]->state, "Inactive");
	assert_false(status->status->devices[0]->redundant);
	assert_string_equal(status->status->devices[0]->reason, "behind vios1 alone");
	test_reply_free(status);
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 0);
	test_settle(&c, &host);
	status = test_status(&c);
	assert_string_equal(status->status->devices[0]->reason,
			    "behind vios1 alone, which is down");
	test_reply_free(status);
}

/* What an agent says of it does not make it more. */
static void a_device_behind_one_vios_is_not_redundant_by_itself(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	add_device_behind("a", 128 * MIB, "vios1");
	host.devices[0].is_alone = false; /* it says that both reach it */
	test_settle(&c, &host);
	create("db1", 64 * MIB, REQUIRED);
	assert_int_equal(test_lpar_activate(&c, "db1", &err, NULL), HV_E_NOSPC);
	assert_non_null(strstr(err.text, "redundant paging device"));
	add_device_behind("b", 32 * MIB, "vios2");
	assert_int_equal(test_lpar_activate(&c, "db1", &err, NULL), HV_E_NOSPC);
	assert_non_null(strstr(err.text, "the largest of host 'h1' holds 32 MiB"));
	add_device_behind("c", 64 * MIB, "vios2");
	activate("db1");
	check("db1", "a", "c", "vios1");
	end("db1");
	assert_null(device("a")->lpar);
	assert_null(device("c")->lpar);
	assert_null(lpar_of("db1")->device);
	assert_null(lpar_of("db1")->mirror);
}

static void a_shared_device_is_taken_before_a_pair_and_the_best_pair_of_several(
	void **state)
{
	(void)state;
	add_device_behind("a1", 128 * MIB, "vios1");
	add_device_behind("a2", 64 * MIB, "vios1");
	add_device_behind("b1", 96 * MIB, "vios2");
	add_device_behind("b2", 48 * MIB, "vios2");
	add_device("s", 256 * MIB);
	create("r1", 64 * MIB, REQUIRED);
	create("r2", 64 * MIB, REQUIRED);
	create("r3", 48 * MIB, IF_POSSIBLE);
	activate("r1");
	check("r1", "s", "", "vios1");
	activate("r2");
	check("r2", "b1", "a2", "vios2"); /* the primary of fewer is vios2 */
	activate("r3");
	check("r3", "a1", "b2", "vios1");
}

static void mirrored_insists_on_two(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	add_device("s", 64 * MIB);
	add_device_behind("a", 96 * MIB, "vios1");
	create("m", 64 * MIB, MIRRORED);
	assert_int_equal(test_lpar_activate(&c, "m", &err, NULL), HV_E_NOSPC);
	assert_string_equal(err.text,
			    "LPAR 'm' needs two free paging devices of at least 64 MiB, "
			    "one behind each VIOS, and those of host 'h1' hold 96 MiB "
			    "behind 'vios1' and nothing behind 'vios2'; add one with "
			    "'tarn pgdev add --vios'");
	add_device_behind("b", 64 * MIB, "vios2");
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 0);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "m", &err, NULL), HV_E_STATE);
	assert_non_null(strstr(err.text, "redundant pair of paging VIOS"));
	host.vios_stay_down = false;
	test_settle(&c, &host);
	activate("m");
	check("m", "a", "b", "vios1");
	assert_int_equal(test_pgdev_remove(&c, "h1", "a", &err, NULL), HV_E_BUSY);
	assert_int_equal(test_pgdev_remove(&c, "h1", "b", &err, NULL), HV_E_BUSY);
	model_host_end_lpar(&host, "m");
	test_settle(&c, &host);
	assert_null(device("b")->lpar);
	assert_int_equal(test_pgdev_remove(&c, "h1", "b", &err, NULL), HV_OK);
	test_settle(&c, &host);
}

/* One device alone: its VIOS is the primary, and must serve. */
static void who_needs_no_pair_takes_what_nobody_else_would_miss(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	add_device("s", 64 * MIB);
	add_device_behind("b", 128 * MIB, "vios2");
	create("n1", 64 * MIB, NONE);
	create("n2", 64 * MIB, NONE);
	activate("n1");
	check("n1", "b", "", "vios2");
	activate("n2");
	check("n2", "s", "", "vios1");
	end("n1");
	end("n2");
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 1);
	test_settle(&c, &host);
	activate("n1"); /* behind vios2 nothing is to be had now */
	check("n1", "s", "", "vios1");
	assert_int_equal(test_lpar_activate(&c, "n2", &err, NULL), HV_E_NOSPC);
	assert_non_null(strstr(err.text, "has none free"));
}

static void who_wants_a_pair_if_possible_takes_one_device_at_last(void **state)
{
	(void)state;
	add_device_behind("a", 64 * MIB, "vios1");
	add_device_behind("b", 64 * MIB, "vios2");
	add_device("s", 128 * MIB);
	host.devices[2].is_alone = true;
	test_settle(&c, &host);
	create("i1", 64 * MIB, IF_POSSIBLE);
	create("i2", 64 * MIB, IF_POSSIBLE);
	create("i3", 64 * MIB, IF_POSSIBLE);
	activate("i1");
	check("i1", "a", "b", "vios1");
	activate("i2");
	check("i2", "s", "", "vios2");
	add_device_behind("b2", 64 * MIB, "vios2");
	activate("i3");
	check("i3", "b2", "", "vios2");
}

static void the_balance_of_primaries_stays(void **state)
{
	static const char *const names[] = { "m1", "m2", "m3", "m4" };
	unsigned first = 0;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(names); i++) {
		char a[8] = "a1", b[8] = "b1";

		a[1] = b[1] = (char)('1' + i);
		add_device_behind(a, 64 * MIB, "vios1");
		add_device_behind(b, 64 * MIB, "vios2");
		create(names[i], 64 * MIB, MIRRORED);
		activate(names[i]);
		first += strcmp(lpar_of(names[i])->primary, "vios1") == 0;
		assert_string_equal(device(lpar_of(names[i])->device)->device->vios,
				    lpar_of(names[i])->primary);
	}
	assert_int_equal(first, 2);
}

/* Those that are off and want pairs leave as much less. */
static void placement_counts_pairs(void **state)
{
	struct test_lpar lpar = { .name = "p1", .mem = 64 * MIB, .redundancy = MIRRORED };
	struct hv_err err = { 0 };

	(void)state;
	add_device("s1", 64 * MIB);
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_E_NOFIT);
	assert_non_null(strstr(err.text, "no free pair of paging devices of 64 MiB"));
	add_device_behind("a1", 64 * MIB, "vios1");
	add_device_behind("b1", 48 * MIB, "vios2");
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_E_NOFIT);
	assert_non_null(strstr(err.text, "(largest holds 48 MiB)"));
	add_device_behind("b2", 64 * MIB, "vios2");
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_OK);
	lpar.name = "p2";
	lpar.redundancy = REQUIRED;
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_OK); /* the shared one */
	lpar.name = "p3";
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_E_NOFIT);
	assert_non_null(strstr(err.text, "no free redundant paging device"));
	add_device_behind("a2", 64 * MIB, "vios1");
	add_device_behind("b3", 64 * MIB, "vios2");
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_OK); /* a pair will do */
}

static void must_refuse_vios(const char *vios, Tarn__ViosVerb verb, bool force,
			     const char *says)
{
	struct hv_err err = { 0 };

	assert_int_equal(test_vios(&c, "h1", vios, verb, force, &err, NULL),
			 HV_E_REFUSED);
	if (strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
}

/* "m": mirrored, on "a" behind vios1, its primary, and "b" behind vios2. */
static void run_mirrored(void)
{
	add_device_behind("a", 64 * MIB, "vios1");
	add_device_behind("b", 64 * MIB, "vios2");
	create("m", 64 * MIB, MIRRORED);
	activate("m");
	check("m", "a", "b", "vios1");
	model_host_work(&host);
	test_settle(&c, &host);
}

static void pages_behind_one_vios_alone_hold_it(void **state)
{
	struct model_lpar *lpar;

	(void)state;
	run_mirrored();
	host.no_resync = true;
	lpar = model_host_lpar(&host, "m");
	lpar->missed = 1234567; /* "a" lacks them */
	test_settle(&c, &host);
	for (unsigned force = 0; force < 2; force++)
		must_refuse_vios("vios2", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN, force,
				 "VIOS 'vios2' of host 'h1' cannot go: LPAR 'm' has "
				 "1,234,567 pages behind it alone; wait until they are "
				 "brought to 'vios1'");
	must_refuse_vios("vios2", TARN__VIOS_VERB__VIOS_VERB_KILL, false,
			 "behind it alone");
	must_refuse_vios("vios2", TARN__VIOS_VERB__VIOS_VERB_UNASSIGN, false,
			 "is behind it alone");
	lpar->missed = 0;
	lpar->mirror_missed = 1;
	test_settle(&c, &host);
	must_refuse_vios("vios1", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN, false,
			 "has 1 pages behind it alone; wait until they are brought to "
			 "'vios2'");
	assert_int_equal(test_vios(&c, "h1", "vios2", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN,
				   false, NULL, NULL),
			 HV_OK);
	test_settle(&c, &host);
	model_host_work(&host); /* what goes out is behind vios1 alone */
	assert_int_equal(lpar->mirror_missed, 6);
	assert_int_equal(test_vios(&c, "h1", "vios2", TARN__VIOS_VERB__VIOS_VERB_RESUME,
				   false, NULL, NULL),
			 HV_OK);
	test_settle(&c, &host);
	must_refuse_vios("vios1", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN, false,
			 "has 6 pages behind it alone");
	host.no_resync = false;
	model_host_work(&host);
	test_settle(&c, &host);
	assert_int_equal(test_vios(&c, "h1", "vios1", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN,
				   false, NULL, NULL),
			 HV_OK);
	test_settle(&c, &host);
}

/* Its pages are nowhere else. */
static void one_device_alone_holds_its_vios(void **state)
{
	(void)state;
	add_device_behind("b", 64 * MIB, "vios2");
	create("n", 64 * MIB, NONE);
	assert_int_equal(test_lpar_activate(&c, "n", NULL, NULL), HV_OK);
	must_refuse_vios("vios2", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN, true,
			 "LPAR 'n' is being started on paging device 'b'");
	test_settle(&c, &host);
	assert_int_equal(test_vios(&c, "h1", "vios2", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN,
				   false, NULL, NULL),
			 HV_OK); /* nothing is out yet */
	test_settle(&c, &host);
	assert_int_equal(test_vios(&c, "h1", "vios2", TARN__VIOS_VERB__VIOS_VERB_RESUME,
				   false, NULL, NULL),
			 HV_OK);
	test_settle(&c, &host);
	model_host_work(&host);
	test_settle(&c, &host);
	must_refuse_vios("vios2", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN, true,
			 "LPAR 'n' has 100 pages behind it alone, on paging device 'b'; "
			 "shut that LPAR down first");
	must_refuse_vios("vios2", TARN__VIOS_VERB__VIOS_VERB_KILL, false,
			 "shut that LPAR down first");
	assert_int_equal(test_vios(&c, "h1", "vios1", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN,
				   false, NULL, NULL),
			 HV_OK);
	test_settle(&c, &host);
}

static void a_drill_needs_and_restores_what_is_behind_both(void **state)
{
	struct model_lpar *lpar;

	(void)state;
	run_mirrored();
	lpar = model_host_lpar(&host, "m");
	lpar->mirror_missed = 7;
	test_settle(&c, &host);
	must_refuse(HV_E_REFUSED, KILL, NULL, "LPAR 'm': 7 pages are behind vios1 alone");
	model_host_work(&host);
	test_settle(&c, &host);
	assert_int_equal(lpar->resynced, 7);
	(void)start(KILL);
	host.no_resync = true;
	run_until("restore", 60);
	model_host_kill_vios(&host, 0); /* what goes out meanwhile it will lack */
	model_host_work(&host);
	for (unsigned i = 0; i < 20; i++) {
		test_coordinator_run(&c, 250);
		model_host_work(&host);
		test_settle(&c, &host);
	}
	assert_string_equal(drill()->phase, "restore"); /* not restored until resynced */
	assert_true(lpar->missed > 0);
	host.no_resync = false;
	run_until("done", 60);
	must_be("passed", "none bad");
	assert_int_equal(lpar->missed, 0);
	assert_int_equal(drill()->pages_resynced, lpar->resynced - 7);
	assert_true(drill()->has_pages_healed);
	assert_int_equal(drill()->pages_healed, 0);
}

static void a_mirror_that_is_not_brought_back_is_a_failure(void **state)
{
	(void)state;
	run_mirrored();
	(void)start(KILL);
	host.no_resync = true;
	run_until("restore", 60);
	model_host_lpar(&host, "m")->missed = 9;
	run_until("done", 100);
	must_be("failed", "redundancy was not restored: no progress for 60 s: LPAR 'm': "
			  "9 pages are behind vios2 alone");
	assert_false(model_host_lpar(&host, "m")->is_over);
}

/* More and more that one side lacks is no progress, and an abort ends it, too. */
static void a_side_that_lacks_more_and_more_is_no_progress(void **state)
{
	(void)state;
	run_mirrored();
	(void)start(KILL);
	host.no_resync = true;
	run_until("restore", 60);
	for (unsigned i = 0; i < 400 && !is_done(); i++) {
		model_host_lpar(&host, "m")->missed++;
		test_coordinator_run(&c, 250);
		test_settle(&c, &host);
	}
	assert_true(is_done());
	must_be("failed",
		"redundancy was not restored: no progress for 60 s: LPAR 'm': ");
}

static void check_pace(bool is_known, uint64_t per_s)
{
	Tarn__ClusterReply *status = test_status(&c);
	const Tarn__LparView *view = test_lpar_view(status, "m");

	assert_int_equal(view->has_resynced_per_s, is_known);
	if (is_known)
		assert_int_equal(view->resynced_per_s, per_s);
	test_reply_free(status);
}

/* By the host's own clock, over a second at least. */
static void how_fast_pages_are_brought_is_known(void **state)
{
	struct model_lpar *lpar;

	(void)state;
	run_mirrored();
	lpar = model_host_lpar(&host, "m");
	host.no_resync = true;
	check_pace(false, 0);
	model_host_work(&host); /* half a second */
	assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	for (unsigned i = 0; i < 4; i++) {
		lpar->resynced += 100;
		model_host_work(&host);
		assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	}
	check_pace(true, 200);
	host.clock_ms = 1000; /* another hypervisor counts anew */
	lpar->resynced = 0;
	assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	check_pace(false, 0);
	host.clock_ms = 0;
	assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	check_pace(false, 0);
}

/* Without mirrors its report has no figures of them. */
static void a_drill_without_mirrors_says_nothing_of_them(void **state)
{
	(void)state;
	run_db1(REQUIRED);
	model_host_work(&host);
	test_settle(&c, &host);
	(void)start(PLANNED);
	run_until("done", 60);
	must_be("passed", "");
	assert_false(drill()->has_pages_resynced);
	assert_false(drill()->has_pages_healed);
}

static size_t count_events(const char *kind)
{
	size_t count = 0;

	for (size_t i = 0; i < cluster_count(test_cluster(&c), RECORD_EVENT); i++)
		count += strcmp(cluster_event_at(test_cluster(&c), i)->kind, kind) == 0;
	return count;
}

/* Told once, also over a restart; more of it later, and not with each report. */
static void bad_pages_of_the_background_check_are_told(void **state)
{
	struct model_lpar *lpar;

	(void)state;
	run_db1(REQUIRED);
	lpar = model_host_lpar(&host, "db1");
	lpar->cross_bad = 1;
	test_settle(&c, &host);
	test_settle(&c, &host);
	assert_int_equal(count_events("lpar.cross_bad"), 1);
	assert_non_null(strstr(last_event("lpar.cross_bad")->text, "LPAR 'db1' (run "));
	assert_non_null(strstr(last_event("lpar.cross_bad")->text,
			       "page 4711, read over vios2, is not as it was written"));
	assert_int_equal(last_event("lpar.cross_bad")->level,
			 TARN__EVENT_LEVEL__EVENT_ERROR);
	test_coordinator_restart(&c);
	test_settle(&c, &host);
	assert_int_equal(count_events("lpar.cross_bad"), 1);
	for (unsigned i = 0; i < 30; i++) {
		lpar->cross_bad++;
		test_coordinator_run(&c, 1000);
		assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	}
	assert_true(count_events("lpar.cross_bad") >= 3);
	assert_true(count_events("lpar.cross_bad") <= 5);
}

/* What is not as it was written is what a drill excludes. */
/* ... but where faults of the device are what it brings about. */
static void a_check_that_meets_injected_faults_fails_no_drill(void **state)
{
	static const Tarn__DrillKind kinds[] = { DEVICE_ERROR, DEVICE_LOST, CORRUPT };

	(void)state;
	run_mirrored();
	for (size_t i = 0; i < HV_COUNT(kinds); i++) {
		(void)start(kinds[i]);
		run_until("switch", 60);
		model_host_lpar(&host, "m")->cross_bad += 2;
		run_until("done", 60);
		must_be("passed", "none bad");
		assert_true(has_step("2 more were found by reading over the other path"));
	}
}

static void a_bad_page_of_the_background_check_fails_a_drill(void **state)
{
	(void)state;
	run_mirrored();
	(void)start(PLANNED);
	run_until("restore", 60);
	model_host_lpar(&host, "m")->cross_bad = 2;
	run_until("done", 60);
	must_be("failed", "LPAR 'm' met 2 page errors");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)
	const struct CMUnitTest tests[] = {
		TEST(a_device_lies_behind_the_vios_that_was_named),
		TEST(a_device_behind_one_vios_is_not_redundant_by_itself),
		TEST(a_shared_device_is_taken_before_a_pair_and_the_best_pair_of_several),
		TEST(mirrored_insists_on_two),
		TEST(who_needs_no_pair_takes_what_nobody_else_would_miss),
		TEST(who_wants_a_pair_if_possible_takes_one_device_at_last),
		TEST(the_balance_of_primaries_stays),
		TEST(placement_counts_pairs),
		TEST(pages_behind_one_vios_alone_hold_it),
		TEST(one_device_alone_holds_its_vios),
		TEST(a_drill_needs_and_restores_what_is_behind_both),
		TEST(a_mirror_that_is_not_brought_back_is_a_failure),
		TEST(a_side_that_lacks_more_and_more_is_no_progress),
		TEST(how_fast_pages_are_brought_is_known),
		TEST(a_drill_without_mirrors_says_nothing_of_them),
		TEST(bad_pages_of_the_background_check_are_told),
		TEST(a_bad_page_of_the_background_check_fails_a_drill),
		TEST(a_check_that_meets_injected_faults_fails_no_drill),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
