/* VIOS whose devices lie on another host: h1 pages with "rv", whose devices are h2's. */
#include "tests/unit/coordinator/drill_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ASSIGN TARN__VIOS_VERB__VIOS_VERB_ASSIGN
#define UNASSIGN TARN__VIOS_VERB__VIOS_VERB_UNASSIGN
#define MIRRORED TARN__REDUNDANCY__REDUNDANCY_MIRRORED
#define IF_POSSIBLE TARN__REDUNDANCY__REDUNDANCY_IF_POSSIBLE
#define NONE TARN__REDUNDANCY__REDUNDANCY_NONE
#define CUT TARN__DRILL_KIND__DRILL_CUT
#define URL "ipc:///run/h2/export.ipc"

static void check_says(const struct hv_err *err, const char *says)
{
	if (strstr(err->text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err->text, says);
}

static void settle(void)
{
	for (unsigned i = 0; i < 3; i++) {
		test_settle(&c, &second_host);
		test_settle(&c, &host);
	}
}

static void order(const char *name, Tarn__ViosVerb verb)
{
	struct hv_err err = { 0 };

	if (test_vios(&c, "h1", name, verb, false, &err, NULL) != HV_OK)
		fail_msg("%s", err.text);
	settle();
}

static int open_two(void **state)
{
	(void)open_up(state);
	test_host_up(&c, &second_host, "h2");
	return 0;
}

/* "rv" in the place of vios2. */
static int open_remote(void **state)
{
	(void)open_two(state);
	assert_int_equal(test_vios_add_remote(&c, "h1", "rv", "h2", NULL), HV_OK);
	settle();
	order("vios2", UNASSIGN);
	order("rv", ASSIGN);
	return 0;
}

static void add_behind(const char *name, uint64_t bytes, const char *vios)
{
	struct hv_err err = { 0 };

	if (test_pgdev_behind(&c, "h1", name, bytes, vios, &err) != HV_OK)
		fail_msg("%s", err.text);
	settle();
}

static const Tarn__DeviceRecord *device(const char *name)
{
	return cluster_device(test_cluster(&c), "h1", name);
}

static const Tarn__DesiredDevice *told(const struct model_host *of, const char *name)
{
	for (size_t i = 0; i < of->desired->n_devices; i++)
		if (strcmp(of->desired->devices[i]->name, name) == 0)
			return of->desired->devices[i];
	return NULL;
}

static void create(const char *name, Tarn__Redundancy redundancy)
{
	struct test_lpar lpar = {
		.name = name, .host = "h1", .mem = 64 * MIB, .redundancy = redundancy
	};

	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
}

static void activate(const char *name)
{
	struct hv_err err = { 0 };

	if (test_lpar_activate(&c, name, &err, NULL) != HV_OK)
		fail_msg("%s", err.text);
	settle();
}

static void both_hosts_are_told_of_it(void **state)
{
	(void)state;
	assert_false(second_host.desired->exports);
	assert_int_equal(test_vios_add_remote(&c, "h1", "rv", "h2", NULL), HV_OK);
	settle();
	assert_true(second_host.desired->exports); /* before it is assigned */
	assert_string_equal(cluster_host(test_cluster(&c), "h2")->export_url, URL);
	order("vios2", UNASSIGN);
	order("rv", ASSIGN);
	assert_string_equal(host.desired->vios[1]->name, "rv");
	assert_string_equal(host.desired->vios[1]->remote_host, "h2");
	assert_string_equal(host.desired->vios[1]->remote_url, URL);
	assert_null(host.desired->vios[0]->remote_url);
	assert_false(host.desired->exports);
	order("rv", UNASSIGN);
	assert_int_equal(test_vios_remove(&c, "h1", "rv", NULL), HV_OK);
	settle();
	assert_false(second_host.desired->exports);
}

static void one_that_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *name, *remote, *says;
		enum hv_code code;
	} cases[] = {
		{ "rv", "h3", "host 'h3' is not known", HV_E_NOTFOUND },
		{ "rv", "h1", "is no other host", HV_E_INVAL },
		{ "export", NULL, "cannot be called 'export'", HV_E_INVAL },
		{ "hypervisor", "h2", "cannot be called 'hypervisor'", HV_E_INVAL },
		{ "vios2", "h2", "has a VIOS 'vios2' already", HV_E_EXISTS },
	};
	struct hv_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < HV_COUNT(cases); i++) {
		assert_int_equal(test_vios_add_remote(&c, "h1", cases[i].name,
						      cases[i].remote, &err),
				 cases[i].code);
		check_says(&err, cases[i].says);
	}
}

static void what_a_report_says_of_an_exporter_is_not_believed_unseen(void **state)
{
	(void)state;
	second_host.export_url = "tcp://192.0.2.7:4711"; /* not of this machine */
	assert_int_equal(test_vios_add_remote(&c, "h1", "rv", "h2", NULL), HV_OK);
	settle();
	assert_null(cluster_host(test_cluster(&c), "h2")->export_url);
	second_host.export_url = NULL;
	settle();
	assert_string_equal(cluster_host(test_cluster(&c), "h2")->export_url, URL);
}

static void its_device_lies_on_the_other_host(void **state)
{
	const Tarn__DesiredDevice *there, *here;
	Tarn__ClusterReply *status;

	(void)state;
	add_behind("d1", 64 * MIB, "rv");
	assert_string_equal(device("d1")->remote_host, "h2");
	assert_true(device("d1")->ready);
	assert_int_equal(device("d1")->usable_bytes, 64 * MIB - 8192);
	there = told(&second_host, "d1");
	assert_non_null(there);
	assert_memory_equal(there->owner_host_id.data, host.id, sizeof(host.id));
	assert_string_equal(there->owner_host_name, "h1");
	assert_null(there->vios);
	assert_false(there->remote);
	here = told(&host, "d1");
	assert_true(here->remote);
	assert_string_equal(here->vios, "rv");
	assert_false(here->has_owner_host_id);
	status = test_status(&c);
	assert_string_equal(status->status->devices[0]->reason,
			    "on host h2, behind rv alone");
	test_reply_free(status);
	assert_int_equal(test_pgdev_remove(&c, "h1", "d1", NULL, NULL), HV_OK);
	settle();
	assert_null(device("d1"));
	assert_null(told(&second_host, "d1"));
}

static void only_the_host_where_it_lies_says_how_it_is(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	second_host.device_error = HV_E_IO;
	assert_int_equal(test_pgdev_behind(&c, "h1", "d1", 64 * MIB, "rv", &err), HV_OK);
	test_settle(&c, &host);
	assert_false(device("d1")->ready); /* whatever h1 says */
	settle();
	assert_null(device("d1"));
}

static void its_name_is_free_on_both_and_its_path_where_it_lies(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_pgdev(&c, "h2", "d1", 64 * MIB, NULL, NULL), HV_OK);
	settle();
	assert_int_equal(test_pgdev_behind(&c, "h1", "d1", 64 * MIB, "rv", &err),
			 HV_E_EXISTS);
	check_says(&err, "host 'h2' has a paging device 'd1' already");
	add_behind("d2", 64 * MIB, "rv");
	assert_int_equal(test_pgdev(&c, "h2", "d2", 64 * MIB, &err, NULL), HV_E_EXISTS);
	check_says(&err, "host 'h2' has a paging device 'd2' already");
}

static void only_mirrored_lpars_use_it(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	add_behind("d1", 64 * MIB, "rv");
	create("one", NONE);
	assert_int_equal(test_lpar_activate(&c, "one", &err, NULL), HV_E_NOSPC);
	create("two", IF_POSSIBLE);
	assert_int_equal(test_lpar_activate(&c, "two", &err, NULL), HV_E_NOSPC);
	create("db1", MIRRORED);
	add_behind("d2", 64 * MIB, "vios1");
	activate("db1");
	assert_string_equal(lpar_of("db1")->primary, "vios1"); /* the nearer one */
	assert_string_equal(lpar_of("db1")->device, "d2");
	assert_string_equal(lpar_of("db1")->mirror, "d1");
}

static void no_device_is_meant_for_both(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, &err, NULL), HV_E_STATE);
	check_says(&err, "has its devices on host 'h2', so no device is reached by both");
	order("rv", UNASSIGN);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, NULL, NULL), HV_OK);
	settle();
	assert_int_equal(test_vios(&c, "h1", "rv", ASSIGN, false, &err, NULL),
			 HV_E_REFUSED);
	check_says(&err, "would not reach paging device 'd1'");
}

static void one_of_a_pair_has_its_devices_on_its_own_host(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_vios_add_remote(&c, "h1", "rw", "h2", NULL), HV_OK);
	order("vios1", UNASSIGN);
	assert_int_equal(test_vios(&c, "h1", "rw", ASSIGN, false, &err, NULL),
			 HV_E_REFUSED);
	check_says(&err, "one of a pair must have them on its own");
}

static void the_host_of_the_devices_stays(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_pool_remove(&c, "h2", NULL, NULL), HV_OK);
	settle();
	assert_int_equal(test_host_remove(&c, "h2", &err), HV_E_BUSY);
	check_says(&err, "VIOS 'rv' of host 'h1' has its devices on host 'h2'");
	order("rv", UNASSIGN);
	assert_int_equal(test_vios_remove(&c, "h1", "rv", NULL), HV_OK);
	settle();
	assert_int_equal(test_host_remove(&c, "h2", &err), HV_OK);
}

static void check_reason(const char *says)
{
	Tarn__ClusterReply *status = test_status(&c);
	const Tarn__HostStat *stat = status->status->hosts[0]->stat;

	assert_string_equal(stat->vios[1]->name, "rv");
	assert_string_equal(stat->vios[1]->reason != NULL ? stat->vios[1]->reason : "",
			    says);
	test_reply_free(status);
}

static void why_it_does_not_serve_is_shown(void **state)
{
	(void)state;
	check_reason("");
	second_host.exporter_is_down = true;
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 1);
	settle();
	check_reason("the exporter of host 'h2' is not up");
	for (unsigned i = 0; i < 10; i++) { /* h2 says nothing */
		test_coordinator_run(&c, 1000);
		test_settle(&c, &host);
	}
	check_reason("host 'h2', where its devices lie, does not report");
}

static void a_device_needs_both_hosts(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		test_coordinator_run(&c, 1000);
		test_settle(&c, &host);
	}
	assert_int_equal(test_pgdev_behind(&c, "h1", "d1", 64 * MIB, "rv", &err),
			 HV_E_STATE);
	check_says(&err, "host 'h2' has not reported");
}

static void the_state_holds_over_a_restart(void **state)
{
	(void)state;
	add_behind("d1", 64 * MIB, "rv");
	test_coordinator_restart(&c);
	settle();
	assert_string_equal(device("d1")->remote_host, "h2");
	assert_true(second_host.desired->exports);
	assert_string_equal(host.desired->vios[1]->remote_url, URL);
}

/* ---- cuts ---- */

static void a_cut_is_ordered_of_a_link_only(void **state)
{
	Tarn__Injection cut = TARN__INJECTION__INIT;
	struct hv_err err = { 0 };

	(void)state;
	cut.kind = TARN__INJECTION_KIND__INJECTION_CUT;
	cut.op = TARN__INJECTION_OP__INJECTION_BOTH;
	cut.rate_ppm = 1000000;
	cut.time_ms = 5000;
	cut.has_direction = 1;
	cut.direction = TARN__INJECTION_DIRECTION__INJECTION_THERE;
	assert_int_equal(test_vios_inject(&c, "h1", "vios1", &cut, &err, NULL),
			 HV_E_STATE);
	check_says(&err, "there is no link to cut");
	assert_int_equal(test_vios_inject(&c, "h1", "rv", &cut, NULL, NULL), HV_OK);
	settle();
	assert_int_equal(host.cut_count, 1);
	assert_int_equal(host.cuts[0], TARN__INJECTION_DIRECTION__INJECTION_THERE);
	assert_non_null(strstr(last_event("vios.inject")->text,
			       "cut of its link, there, for 5.000 s, ordered by alice"));
}

static void run_mirrored(void)
{
	add_behind("d1", 64 * MIB, "rv");
	add_behind("d2", 64 * MIB, "vios1");
	create("db1", MIRRORED);
	activate("db1");
	model_host_work(&host);
	settle();
}

static void run_drill(unsigned seconds)
{
	for (unsigned i = 0; i < 4 * seconds && !is_done(); i++) {
		test_coordinator_run(&c, 250);
		model_host_work(&host);
		settle();
	}
}

static unsigned moments(const char *what)
{
	unsigned count = 0;

	for (size_t i = 0; i < drill()->n_timeline; i++)
		count += strcmp(drill()->timeline[i]->what, what) == 0;
	return count;
}

static void a_drill_cuts_both_ways_then_there_then_back(void **state)
{
	static const uint32_t expected[] = {
		TARN__INJECTION_DIRECTION__INJECTION_BOTH_WAYS,
		TARN__INJECTION_DIRECTION__INJECTION_THERE,
		TARN__INJECTION_DIRECTION__INJECTION_BACK,
	};

	(void)state;
	run_mirrored();
	(void)start(CUT);
	assert_string_equal(drill()->vios, "rv");
	run_drill(120);
	must_be("passed", "none bad");
	assert_int_equal(host.cut_count, HV_COUNT(expected));
	assert_memory_equal(host.cuts, expected, sizeof(expected));
	assert_int_equal(host.clears, 3);
	assert_true(has_step("the cut both ways was noticed"));
	assert_true(has_step("the cut there was noticed"));
	assert_true(has_step("the cut back was noticed"));
	assert_true(has_step("3 of 3 cuts were noticed"));
	/* the first that is seen of each, and when it is over for good */
	assert_int_equal(moments("detected"), 1);
	assert_int_equal(moments("pages served meanwhile"), 1);
	assert_int_equal(moments("redundancy restored"), 1);
	assert_string_equal(drill()->timeline[drill()->n_timeline - 2]->what,
			    "redundancy restored");
}

/*
 * Who has the devices may have a drill of its own at the same time: none of them touches
 * its exporter. One host has one drill.
 */
static void a_drill_there_is_no_hindrance(void **state)
{
	struct test_lpar lpar = {
		.name = "w1", .host = "h2", .mem = 64 * MIB, .redundancy = IF_POSSIBLE
	};
	const Tarn__DrillRecord *there;
	struct hv_err err = { 0 };
	uint64_t number;

	(void)state;
	run_mirrored();
	assert_int_equal(test_pgdev(&c, "h2", "pg2", 64 * MIB, NULL, NULL), HV_OK);
	settle();
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	activate("w1");
	model_host_work(&second_host);
	settle();
	if (test_drill(&c, TARN__DRILL_KIND__DRILL_PLANNED, "h2", NULL, &err, NULL) !=
	    HV_OK)
		fail_msg("%s", err.text);
	number = drill()->number;
	if (test_drill(&c, CUT, "h1", NULL, &err, NULL) != HV_OK)
		fail_msg("%s", err.text);
	assert_int_equal(test_drill(&c, CUT, "h1", NULL, &err, NULL), HV_E_BUSY);
	for (unsigned i = 0; i < 800 && !is_done(); i++) {
		test_coordinator_run(&c, 250);
		model_host_work(&second_host);
		run_drill(1);
	}
	must_be("passed", "none bad");
	assert_int_equal(host.cut_count, 3);
	there = cluster_drill(test_cluster(&c), number);
	assert_string_equal(there->verdict, "passed");
}

static void a_cut_that_nobody_notices_fails_it(void **state)
{
	(void)state;
	run_mirrored();
	host.no_cut_noticed = true;
	(void)start(CUT);
	run_drill(200);
	must_be("failed", "the cut both ways was not noticed within 30 s");
	assert_int_equal(host.cut_count, 1);
}

static void a_cut_is_refused_where_it_would_show_nothing(void **state)
{
	(void)state;
	must_refuse(HV_E_REFUSED, CUT, NULL, "no LPAR that runs is mirrored");
	must_refuse(HV_E_REFUSED, CUT, "vios1",
		    "VIOS 'vios1' has its devices on this host, 'rv' has not");
	order("rv", UNASSIGN);
	must_refuse(HV_E_REFUSED, CUT, NULL,
		    "no VIOS of its pair has its devices on another host");
}

static void a_mirror_that_is_not_whole_is_not_drilled(void **state)
{
	(void)state;
	run_mirrored();
	host.no_resync = true;
	model_host_lpar(&host, "db1")->mirror_missed = 5;
	settle();
	must_refuse(HV_E_REFUSED, CUT, NULL, "LPAR 'db1'");
}

static void abort_drill(void)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__DrillAbort abort = TARN__DRILL_ABORT__INIT;

	abort.number = drill()->number;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILL_ABORT;
	request.drill_abort = &abort;
	assert_int_equal(test_change(&c, &request, NULL, NULL), HV_OK);
}

static void a_cut_that_is_aborted_ends(void **state)
{
	(void)state;
	run_mirrored();
	(void)start(CUT);
	for (unsigned i = 0; i < 100 && strcmp(drill()->phase, "switch") != 0; i++) {
		test_coordinator_run(&c, 250);
		model_host_work(&host);
		settle();
	}
	assert_true(host.is_cut);
	abort_drill();
	run_drill(60);
	must_be("inconclusive", "aborted");
	assert_false(host.is_cut);
	assert_int_equal(host.cut_count, 1);
}

static void a_cut_goes_on_after_a_restart(void **state)
{
	(void)state;
	run_mirrored();
	(void)start(CUT);
	for (unsigned i = 0; i < 400 && !is_done(); i++) {
		test_coordinator_run(&c, 250);
		if (i % 16 == 7)
			test_coordinator_restart(&c);
		model_host_work(&host);
		settle();
	}
	must_be("passed", "none bad");
}

#define ON(name, open) cmocka_unit_test_setup_teardown(name, open, close_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(both_hosts_are_told_of_it, open_two),
		ON(one_that_cannot_be_is_refused, open_two),
		ON(what_a_report_says_of_an_exporter_is_not_believed_unseen, open_two),
		ON(its_device_lies_on_the_other_host, open_remote),
		ON(only_the_host_where_it_lies_says_how_it_is, open_remote),
		ON(its_name_is_free_on_both_and_its_path_where_it_lies, open_remote),
		ON(only_mirrored_lpars_use_it, open_remote),
		ON(no_device_is_meant_for_both, open_remote),
		ON(one_of_a_pair_has_its_devices_on_its_own_host, open_remote),
		ON(the_host_of_the_devices_stays, open_remote),
		ON(why_it_does_not_serve_is_shown, open_remote),
		ON(a_device_needs_both_hosts, open_remote),
		ON(the_state_holds_over_a_restart, open_remote),
		ON(a_cut_is_ordered_of_a_link_only, open_remote),
		ON(a_drill_cuts_both_ways_then_there_then_back, open_remote),
		ON(a_drill_there_is_no_hindrance, open_remote),
		ON(a_cut_that_nobody_notices_fails_it, open_remote),
		ON(a_cut_is_refused_where_it_would_show_nothing, open_remote),
		ON(a_mirror_that_is_not_whole_is_not_drilled, open_remote),
		ON(a_cut_that_is_aborted_ends, open_remote),
		ON(a_cut_goes_on_after_a_restart, open_remote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
