/*
 * lpar_stat - tarn lpar stat, and the figures it shows (cli/meter.h): what is divided
 * by what, and what is not known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/meter.h"
#include "tests/unit/cli/fake.h"
#include "tests/unit/cli/golden.h"

static Tarn__PartitionStat *stat_of(Tarn__StatusReply *status, unsigned lpar)
{
	return status->lpars[lpar]->stat;
}

/* db1 ran on for two seconds and a half, web is as it was. */
static void answer_later(struct fake *fake)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__PartitionStat *db1;

	reply.status = fake_status();
	reply.status->wall_ms += 2500;
	db1 = stat_of(reply.status, 0);
	db1->run_ms += 2500;
	db1->cpu_us += 625000;
	db1->page_ins += 120;
	db1->page_in_us += 9500;
	db1->resident_pages -= 256;
	db1->has_loaned_pages = true;
	db1->loaned_pages = 512;
	fake_answer(fake, &reply);
}

static void without_an_interval_it_is_since_activation(void **state)
{
	static const char *const rows[][2] = {
		{ "lpar stat", "lpar_stat.txt" },
		{ "lpar stat off db1", "lpar_stat_named.txt" },
		{ "lpar stat --json", "lpar_stat.json" },
		{ "pool table", "pool_table.txt" },
		{ "pool table --host h1 --csv", "pool_table.csv" },
		{ "pool table --json", "pool_table.json" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();

		fake_answer_status(fake);
		assert_int_equal(fake_run(fake, rows[i][0]), CLI_DONE);
		check_golden(rows[i][1], fake->out);
		fake_free(fake);
	}
}

static void an_interval_is_what_lies_between_two_looks(void **state)
{
	static const char *const rows[][2] = {
		{ "lpar stat --interval 2 --count 2", "lpar_stat_interval.txt" },
		{ "lpar stat db1 --interval 2 --count 2", "lpar_stat_interval_one.txt" },
		{ "lpar stat db1 --interval 2 --count 2 --json",
		  "lpar_stat_interval.json" },
		{ "pool table --csv -d 2 -n 2", "pool_table_interval.csv" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();

		fake_answer_status(fake);
		answer_later(fake);
		answer_later(fake); /* the host has not looked since */
		assert_int_equal(fake_run(fake, rows[i][0]), CLI_DONE);
		check_golden(rows[i][1], fake->out);
		assert_int_equal(fake->asked, 3);
		assert_int_equal(fake->now_ms, 1000 + 2 * 2000);
		fake_free(fake);
	}
}

/* Its host is silent, or the coordinator has only just begun. */
static void answer_without_figures(struct fake *fake)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;

	reply.status = fake_status();
	reply.status->lpars[0]->stat = NULL;
	fake_answer(fake, &reply);
}

/* 5000 page-ins since activation: that many is no interval's. */
static void a_gap_does_not_count_from_activation(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake_answer_status(fake);
	answer_without_figures(fake);
	answer_without_figures(fake);
	answer_later(fake);
	assert_int_equal(fake_run(fake, "lpar stat db1 -d 2 -n 3 --json"), CLI_DONE);
	assert_null(strstr(fake->out, "\"hpi\":5"));
	assert_non_null(strstr(fake->out, "\"seconds\":2.5,"));
	assert_non_null(strstr(fake->out, "\"hpi\":120,"));
	fake_free(fake);
	fake = fake_new();
	answer_without_figures(fake); /* what was before is not known */
	fake_answer_status(fake);
	answer_later(fake);
	assert_int_equal(fake_run(fake, "pool table --csv -d 2 -n 2"), CLI_DONE);
	assert_non_null(strstr(fake->out, ",,db1,0,128,40960000,,,"));
	assert_non_null(strstr(fake->out, ",2.500,db1,0,128,39911424,120,"));
	fake_free(fake);
}

/* One partition is asked for by its name: a watcher is cheap in a large cluster. */
static void one_name_asks_for_one_partition(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	fake_answer_status(fake);
	fake_answer_status(fake);
	assert_int_equal(fake_run(fake, "lpar stat db1"), CLI_DONE);
	request = fake_request(fake, 0);
	assert_string_equal(request->status->name, "db1");
	assert_false(request->status->histograms);
	tarn__cluster_request__free_unpacked(request, NULL);
	assert_int_equal(fake_run(fake, "lpar stat db1 web"), CLI_DONE);
	request = fake_request(fake, 1);
	assert_null(request->status->name);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void wrong_lines_are_refused(void **state)
{
	static const struct {
		const char *line, *sentence;
		int status;
	} rows[] = {
		{ "lpar stat nix", "partition 'nix' is not known", CLI_FAILED },
		{ "lpar stat --interval 0", "must be more than 0", CLI_WRONG_USAGE },
		{ "lpar stat --interval 1 --count 0", "must be more than 0",
		  CLI_WRONG_USAGE },
		{ "lpar stat --count 3", "needs an --interval", CLI_WRONG_USAGE },
		{ "lpar stat /", "is not a name", CLI_WRONG_USAGE },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();

		fake_answer_status(fake);
		assert_int_equal(fake_run(fake, rows[i].line), rows[i].status);
		assert_non_null(strstr(fake->err, rows[i].sentence));
		assert_string_equal(fake->out, "");
		fake_free(fake);
	}
}

static void where_nothing_runs_it_says_so(void **state)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	struct fake *fake = fake_new();

	(void)state;
	reply.status = fake_status();
	reply.status->n_lpars = 0;
	fake_answer(fake, &reply);
	assert_int_equal(fake_run(fake, "lpar stat"), CLI_DONE);
	assert_string_equal(fake->out,
			    "no partition runs: start one with 'tarn lpar activate'\n");
	fake_free(fake);
}

/* ---- the figures ---- */

static void another_run_is_counted_from_its_beginning(void **state)
{
	double figures[CLI_METER_COUNT];
	struct cli_reading before, now;
	Tarn__StatusReply *status = fake_status();

	(void)state;
	cli_meter_read(status->lpars[0], &before);
	stat_of(status, 0)->run_id++;
	stat_of(status, 0)->run_ms = 4000;
	stat_of(status, 0)->page_ins = 7;
	cli_meter_read(status->lpars[0], &now);
	assert_true(cli_meter_between(&before, &now, figures) == 4.0);
	assert_true(figures[CLI_HPI] == 7);
}

static void a_run_that_only_begins_is_counted_from_there(void **state)
{
	double figures[CLI_METER_COUNT];
	struct cli_reading before, now;
	Tarn__StatusReply *status = fake_status();
	Tarn__LparView starting = *status->lpars[0];

	(void)state;
	starting.stat = NULL;
	cli_meter_read(&starting, &before);
	cli_meter_read(status->lpars[0], &now);
	assert_true(isnan(cli_meter_between(&before, &now, figures)));
	assert_true(isnan(figures[CLI_HPI]) && isnan(figures[CLI_PHYSB]));
	assert_true(figures[CLI_PMEM] == 10000 * 4096.0);
	starting.record->has_job = true;
	cli_meter_read(&starting, &before);
	assert_true(cli_meter_between(&before, &now, figures) == 100);
	assert_true(figures[CLI_HPI] == 5000);
	starting.record->running = false; /* it is being shut down: an old one */
	cli_meter_read(&starting, &before);
	assert_true(isnan(cli_meter_between(&before, &now, figures)));
}

static void what_is_not_measured_is_not_a_number(void **state)
{
	double figures[CLI_METER_COUNT];
	struct cli_reading now;
	Tarn__StatusReply *status = fake_status();

	(void)state;
	cli_meter_read(status->lpars[2], &now); /* dedicated */
	assert_true(cli_meter_between(NULL, &now, figures) == 100);
	assert_true(isnan(figures[CLI_HPI]) && isnan(figures[CLI_IOMF]));
	assert_true(isnan(figures[CLI_PHYSB]) && isnan(figures[CLI_ENTC]));
	assert_true(figures[CLI_PMEM] == 32 * 1048576.0);
	cli_meter_read(status->lpars[3], &now); /* off */
	assert_true(isnan(cli_meter_between(NULL, &now, figures)));
	for (unsigned i = 0; i < CLI_METER_COUNT; i++)
		assert_true(isnan(figures[i]));
}

static void a_look_that_is_no_newer_counts_nothing(void **state)
{
	double figures[CLI_METER_COUNT];
	struct cli_reading before, now;
	Tarn__StatusReply *status = fake_status();

	(void)state;
	cli_meter_read(status->lpars[0], &before);
	now = before;
	assert_true(cli_meter_between(&before, &now, figures) == 0);
	assert_true(isnan(figures[CLI_HPI]) && isnan(figures[CLI_PHYSB]));
	assert_true(figures[CLI_PMEM] == 10000 * 4096.0);
}

/* A host counts on from less: nothing is shown rather than a difference below zero. */
static void a_counter_that_went_back_is_not_shown(void **state)
{
	double figures[CLI_METER_COUNT];
	struct cli_reading before, now;
	Tarn__StatusReply *status = fake_status();

	(void)state;
	cli_meter_read(status->lpars[0], &before);
	stat_of(status, 0)->run_ms += 1000;
	stat_of(status, 0)->page_ins -= 10;
	cli_meter_read(status->lpars[0], &now);
	assert_true(cli_meter_between(&before, &now, figures) == 1);
	assert_true(isnan(figures[CLI_HPI]));
	assert_true(figures[CLI_HPO] == 0);
}

/* Reports are hostile: a count of pages can be any, in bytes it is more than a count. */
static void a_figure_that_is_no_count_becomes_the_nearest(void **state)
{
	static const char *const lines[] = { "lpar stat --json",   "pool table --json",
					     "top -b -n 1 --json", "lpar stat",
					     "pool table",         "top -b -n 1" };
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;

	(void)state;
	assert_int_equal(cli_meter_whole(1e300), INT64_MAX);
	assert_int_equal(cli_meter_whole(-1), 0);
	assert_int_equal(cli_meter_whole(NAN), 0);
	assert_int_equal(cli_meter_whole(41.6), 42);
	for (unsigned i = 0; i < HV_COUNT(lines); i++) {
		struct fake *fake = fake_new();

		reply.status = fake_status();
		stat_of(reply.status, 0)->logical_pages = UINT64_MAX;
		stat_of(reply.status, 0)->resident_pages = UINT64_MAX;
		stat_of(reply.status, 0)->page_ins = UINT64_MAX;
		stat_of(reply.status, 0)->run_ms = 1;
		fake_answer(fake, &reply);
		assert_int_equal(fake_run(fake, lines[i]), CLI_DONE);
		fake_free(fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_interval_it_is_since_activation),
		cmocka_unit_test(an_interval_is_what_lies_between_two_looks),
		cmocka_unit_test(a_gap_does_not_count_from_activation),
		cmocka_unit_test(one_name_asks_for_one_partition),
		cmocka_unit_test(wrong_lines_are_refused),
		cmocka_unit_test(where_nothing_runs_it_says_so),
		cmocka_unit_test(another_run_is_counted_from_its_beginning),
		cmocka_unit_test(a_run_that_only_begins_is_counted_from_there),
		cmocka_unit_test(what_is_not_measured_is_not_a_number),
		cmocka_unit_test(a_look_that_is_no_newer_counts_nothing),
		cmocka_unit_test(a_counter_that_went_back_is_not_shown),
		cmocka_unit_test(a_figure_that_is_no_count_becomes_the_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
