/* What a drill counts: timeline, course, figures of each partition, what was before. */
#include "tests/unit/coordinator/drill_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const Tarn__DrillMoment *moment(const char *what)
{
	for (size_t i = 0; i < drill()->n_timeline; i++)
		if (strcmp(drill()->timeline[i]->what, what) == 0)
			return drill()->timeline[i];
	fail_msg("no moment '%s'", what);
	return NULL;
}

static void the_timeline_is_in_order_and_says_whose_clock_it_is(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("done", 60);
	must_be("passed", "");
	assert_int_equal(drill()->n_timeline, 7);
	for (size_t i = 1; i < drill()->n_timeline; i++)
		assert_true(drill()->timeline[i]->at_us >=
			    drill()->timeline[i - 1]->at_us);
	assert_int_equal(moment("injected")->at_us, 0);
	assert_int_equal(moment("detected")->at_us, 1000);
	assert_int_equal(moment("decided")->at_us, 1020);
	assert_int_equal(moment("switched")->at_us, 1300);
	assert_true(moment("switched")->reported);
	assert_false(moment("redundancy restored")->reported);
	assert_true(moment("verified")->at_us >= moment("redundancy restored")->at_us);
	assert_int_equal(drill()->quarantined_slots, 3);
}

static void what_each_partition_paged_is_counted_from_the_injection(void **state)
{
	const Tarn__DrillPartition *row;
	uint64_t reads, writes;

	(void)state;
	(void)start(PLANNED);
	run_until("inject", 60);
	reads = model_host_lpar(&host, "db1")->page_ins;
	writes = model_host_lpar(&host, "db1")->page_outs;
	host.stall_ns = 80000000; /* from now on */
	run_until("done", 60);
	must_be("passed", "");
	row = drill()->partitions[1];
	assert_string_equal(row->lpar, "db1");
	assert_true(row->pages_read > 0);
	assert_true(row->pages_read <= model_host_lpar(&host, "db1")->page_ins - reads);
	assert_int_equal(row->pages_written * 2, row->pages_read); /* as the model does */
	assert_true(row->pages_written <=
		    model_host_lpar(&host, "db1")->page_outs - writes);
	assert_in_range(row->p99_stall_us, 80000, 90000); /* none of those before */
	assert_int_equal(row->errors, 0);
	assert_null(row->stall_before);
	assert_true(drill()->pages_read >= row->pages_read);
}

static void its_course_is_bounded_and_whole(void **state)
{
	(void)state;
	host.is_silent_op = true; /* nothing is verified: it goes on for a minute */
	(void)start(PLANNED);
	host.is_silent_op = false;
	run_until("restore", 60);
	host.is_silent_op = true;
	for (unsigned i = 0; i < 900 && !is_done(); i++) {
		host.clock_ms += 500;
		test_coordinator_run(&c, 50);
		model_host_work(&host);
		test_settle(&c, &host);
	}
	assert_true(drill()->n_points > 100);
	assert_true(drill()->n_points <= HV_DRILL_POINTS_MAX);
	for (size_t i = 1; i < drill()->n_points; i++)
		assert_true(drill()->points[i]->at_ms >= drill()->points[i - 1]->at_ms);
	assert_int_equal(drill()->points[50]->operations_per_s, 600);
	assert_int_equal(drill()->points[50]->reads_per_s, 20);
	assert_true(drill()->points[0]->at_ms < 5000);
	run_until("done", 200);
	must_be("inconclusive", "verification made no progress");
	assert_null(drill()->last);
	assert_int_equal(drill()->n_skipped, 3);
	assert_non_null(strstr(drill()->skipped[1], "LPAR 'db1' were not verified"));
}

static void a_host_without_a_clock_has_no_course(void **state)
{
	(void)state;
	host.clock_ms = 0;
	(void)start(PLANNED);
	run_until("done", 60);
	must_be("passed", "");
	assert_int_equal(drill()->n_points, 0);
}

static void the_last_one_of_its_kind_is_compared_with(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("done", 60);
	assert_null(drill()->before);
	(void)start(PLANNED);
	run_until("done", 60);
	assert_null(drill()->before); /* of another kind */
	(void)start(KILL);
	run_until("verify", 60);
	model_host_lpar(&host, "db1")->longest_stall_us = 7500;
	run_until("done", 60);
	must_be("passed", "");
	assert_int_equal(drill()->before->number, 1);
	assert_string_equal(drill()->before->verdict, "passed");
	assert_int_equal(drill()->before->longest_stall_us, 5000);
	assert_true(drill()->before->has_restored_us);
	assert_true(
		has_step("drill 1 of that kind (passed) had 5.0 ms: 2.5 ms more now"));
}

/* Counters that go back, and a clock that does, are of a hostile or a new host. */
static void counters_that_go_back_do_no_harm(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("inject", 60);
	model_host_lpar(&host, "db1")->page_outs = 0;
	memset(model_host_lpar(&host, "db1")->stalls, 0, sizeof(host.lpars[0].stalls));
	host.clock_ms = 7;
	run_until("done", 60);
	must_be("passed", "");
	assert_true(drill()->partitions[1]->pages_written < 1000);
	for (size_t i = 0; i < drill()->n_points; i++)
		assert_true(drill()->points[i]->writes_per_s < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_drill, close_one)
		TEST(the_timeline_is_in_order_and_says_whose_clock_it_is),
		TEST(what_each_partition_paged_is_counted_from_the_injection),
		TEST(its_course_is_bounded_and_whole),
		TEST(a_host_without_a_clock_has_no_course),
		TEST(the_last_one_of_its_kind_is_compared_with),
		TEST(counters_that_go_back_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
