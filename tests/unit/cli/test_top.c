/*
 * top - tarn top without a terminal: what is taken of the answers, what the keys do, and
 * every line that is drawn (golden files, at two sizes).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/keys.h"
#include "cli/pen.h"
#include "cli/top.h"
#include "tests/support/oom.h"
#include "tests/unit/cli/fake.h"
#include "tests/unit/cli/golden.h"

#define MANY 128

static const struct cli_size small = { 24, 80 }, large = { 60, 200 };

struct view {
	struct cli cli;
	struct top top;
	Tarn__ClusterReply reply;
	char *text; /* what was drawn last */
};

static struct view *open_view(void)
{
	struct view *view = calloc(1, sizeof(*view));

	assert_non_null(view);
	top_init(&view->top, &view->cli);
	tarn__cluster_reply__init(&view->reply);
	view->reply.status = fake_status();
	return view;
}

static void close_view(struct view *view)
{
	top_fini(&view->top);
	free(view->text);
	free(view);
}

static bool take(struct view *view)
{
	return view->top.live.take(&view->top.live, &view->reply);
}

static bool press(struct view *view, int key)
{
	return view->top.live.key(&view->top.live, key);
}

static const char *draw(struct view *view, const struct cli_size *size)
{
	size_t count;
	FILE *out;

	free(view->text);
	out = open_memstream(&view->text, &count);
	assert_non_null(out);
	view->top.live.draw(&view->top.live, size, out);
	assert_int_equal(fclose(out), 0);
	return view->text;
}

/* db1 pages as a wave does, web not at all. */
static void pass(struct view *view, unsigned turns)
{
	Tarn__StatusReply *status = view->reply.status;

	for (unsigned i = 0; i < turns; i++) {
		Tarn__PartitionStat *db1 = status->lpars[0]->stat;
		Tarn__PoolStat *pool = status->hosts[0]->stat->pool;

		for (unsigned j = 0; j < 3; j++)
			status->lpars[j]->stat->run_ms += 2000;
		db1->cpu_us += 500000;
		db1->page_ins += 200 * (i % 7);
		db1->page_in_us += 90 * 200 * (i % 7);
		db1->page_outs += 40;
		db1->operations += 3000;
		pool->has_clock_ms = pool->has_page_faults = true;
		pool->has_page_in_delay_us = true;
		pool->clock_ms += 2000;
		pool->page_faults += 200 * (i % 7);
		pool->page_in_delay_us += 90 * 200 * (i % 7);
		status->hosts[0]->stat->vios[0]->reads += 200 * (i % 7);
		status->wall_ms += 2000;
		assert_false(take(view));
	}
}

/* As many partitions as a pool may have, each a copy of db1 that pages as its number. */
static struct many {
	Tarn__LparView views[MANY], *list[MANY];
	Tarn__LparRecord records[MANY];
	Tarn__LparSpec specs[MANY];
	Tarn__PartitionStat stats[MANY];
	char names[MANY][HV_NAME_BYTES];
} many;

static void make_many(Tarn__StatusReply *status)
{
	for (unsigned i = 0; i < MANY; i++) {
		many.views[i] = *status->lpars[0];
		many.records[i] = *status->lpars[0]->record;
		many.specs[i] = *status->lpars[0]->record->spec;
		many.stats[i] = *status->lpars[0]->stat;
		(void)snprintf(many.names[i], HV_NAME_BYTES, "part%03u", i);
		many.specs[i].name = many.stats[i].name = many.names[i];
		many.records[i].spec = &many.specs[i];
		many.views[i].record = &many.records[i];
		many.views[i].stat = &many.stats[i];
		many.stats[i].page_ins = 100 * i;
		many.list[i] = &many.views[i];
	}
	status->lpars = many.list;
	status->n_lpars = MANY;
}

/* ---- what is drawn ---- */

static void the_screen_is_drawn(void **state)
{
	struct view *view = open_view();

	(void)state;
	check_golden("top_empty.txt", draw(view, &small));
	pass(view, 12);
	check_golden("top_small.txt", draw(view, &small));
	view->top.has_glyphs = true;
	check_golden("top_large.txt", draw(view, &large));
	(void)press(view, CLI_KEY_TAB);
	check_golden("top_hosts.txt", draw(view, &small));
	close_view(view);
}

static void what_is_not_behind_both_vios_is_seen(void **state)
{
	struct view *view = open_view();
	Tarn__PartitionStat *stat;

	(void)state;
	view->reply.status = fake_status_mirrored();
	stat = view->reply.status->lpars[0]->stat;
	assert_false(take(view));
	assert_non_null(strstr(draw(view, &small), "Degraded"));
	assert_int_equal(view->top.counts.running, 1); /* it does run */
	stat->missed = 0;
	stat->redundant = true;
	assert_false(take(view));
	assert_null(strstr(draw(view, &small), "Degraded"));
	assert_int_equal(view->top.counts.running, 1);
	close_view(view);
}

static void many_partitions_are_a_list_that_scrolls(void **state)
{
	struct view *view = open_view();

	(void)state;
	make_many(view->reply.status);
	assert_false(take(view));
	check_golden("top_many.txt", draw(view, &small));
	(void)press(view, CLI_KEY_PAGE_DOWN);
	(void)press(view, CLI_KEY_DOWN);
	assert_int_equal(view->top.first, view->top.page);
	(void)press(view, CLI_KEY_END);
	assert_int_equal(view->top.first, MANY - view->top.page);
	check_golden("top_many_end.txt", draw(view, &small));
	(void)draw(view, &large); /* of a greater window all of it is used */
	assert_int_equal(view->top.first, MANY - view->top.page);
	(void)press(view, CLI_KEY_UP);
	(void)press(view, CLI_KEY_LEFT); /* there is nothing to the sides */
	(void)press(view, CLI_KEY_RIGHT);
	assert_int_equal(view->top.first, MANY - view->top.page - 1);
	(void)press(view, CLI_KEY_PAGE_UP);
	(void)press(view, CLI_KEY_HOME);
	assert_int_equal(view->top.first, 0);
	(void)press(view, CLI_KEY_UP);
	assert_int_equal(view->top.first, 0);
	close_view(view);
}

static unsigned longest_line(const char *text)
{
	unsigned longest = 0;

	while (*text != '\0') {
		size_t count = strcspn(text, "\n");
		char line[4096];
		unsigned width;

		(void)snprintf(line, sizeof(line), "%.*s", (int)count, text);
		width = cli_width(line);
		longest = width > longest ? width : longest;
		text += count + (text[count] != '\0');
	}
	return longest;
}

static unsigned count_lines(const char *text)
{
	unsigned count = 1;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static void no_line_is_longer_than_the_window(void **state)
{
	struct view *view = open_view();

	(void)state;
	view->top.has_glyphs = true;
	pass(view, 70);
	for (unsigned columns = 1; columns < 260; columns++) {
		const struct cli_size size = { 24, columns };

		assert_true(longest_line(draw(view, &size)) <= columns);
		assert_int_equal(count_lines(view->text), 24);
	}
	close_view(view);
}

static void what_is_wrong_is_in_a_line_of_its_own(void **state)
{
	struct view *view = open_view();
	Tarn__Error error = TARN__ERROR__INIT;
	Tarn__StatusReply *status = view->reply.status;

	(void)state;
	pass(view, 2);
	error.code = HV_E_NOMEM;
	error.text = (char *)"out of\nmemory";
	view->reply.error = &error;
	assert_false(take(view));
	assert_non_null(strstr(draw(view, &small), "\nout of memory\n"));
	assert_non_null(strstr(view->text, "\ndb1 "));
	view->reply.error = NULL;
	view->reply.status = NULL;
	assert_false(take(view));
	assert_non_null(strstr(draw(view, &small), "no status in it"));
	view->reply.status = status;
	assert_false(take(view));
	assert_string_equal(view->top.live.trouble, "");
	close_view(view);
}

/* ---- what is taken ---- */

static const char *nth_name(const struct view *view, unsigned nth)
{
	return view->top.rows[view->top.order[nth]].name;
}

static void the_first_turn_is_since_activation_the_others_since_the_last(void **state)
{
	struct view *view = open_view();
	const struct top_row *db1;

	(void)state;
	assert_false(take(view));
	db1 = &view->top.rows[0];
	assert_true(db1->figures[CLI_HPI] == 50); /* 5000 in 100 s */
	pass(view, 2);
	db1 = &view->top.rows[0];
	assert_true(db1->figures[CLI_HPI] == 100);
	assert_true(db1->figures[CLI_PHYSB] == 0.25);
	assert_true(top_past(&view->top, db1, TOP_HPI, 0) == 100);
	assert_true(top_past(&view->top, db1, TOP_HPI, 1) == 0);
	assert_true(top_past(&view->top, db1, TOP_HPI, 2) == 50);
	assert_true(isnan(top_past(&view->top, db1, TOP_HPI, 3)));
	assert_true(view->top.hosts[0].page_ins_per_s == 100);
	assert_true(fabs(view->top.hosts[0].page_in_ms - 0.09) < 1e-9);
	assert_true(view->top.hosts[0].vios[0].reads_per_s == 100);
	assert_false(take(view)); /* the host has not looked since: it stays */
	assert_true(view->top.rows[0].figures[CLI_HPI] == 100);
	assert_true(view->top.hosts[0].page_ins_per_s == 100);
	close_view(view);
}

static void what_ended_has_no_figures_and_what_is_removed_is_gone(void **state)
{
	struct view *view = open_view();
	Tarn__StatusReply *status = view->reply.status;
	Tarn__PartitionStat *stat = status->lpars[0]->stat;

	(void)state;
	pass(view, 2);
	status->lpars[0]->stat = NULL;
	assert_false(take(view));
	assert_true(isnan(view->top.rows[0].figures[CLI_PMEM]));
	status->lpars[0]->stat = stat;
	status->n_lpars = 2;
	assert_false(take(view));
	assert_int_equal(view->top.count, 2);
	assert_int_equal(view->top.shown, 2);
	close_view(view);
}

/* Its host is silent for a turn: the next one is as long as it was, or says nothing. */
static void a_gap_does_not_count_from_activation(void **state)
{
	struct view *view = open_view();
	Tarn__StatusReply *status = view->reply.status;
	Tarn__PartitionStat *stat = status->lpars[0]->stat;

	(void)state;
	pass(view, 3);
	status->lpars[0]->stat = NULL;
	assert_false(take(view));
	assert_true(isnan(view->top.rows[0].figures[CLI_HPI]));
	status->lpars[0]->stat = stat;
	stat->page_ins += 1000;
	stat->run_ms += 4000;
	assert_false(take(view));
	assert_true(view->top.rows[0].seconds == 4);
	assert_true(view->top.rows[0].figures[CLI_HPI] == 250);
	close_view(view);
	view = open_view();
	status = view->reply.status;
	status->lpars[0]->stat = NULL;
	assert_false(take(view));
	status->lpars[0]->stat = stat;
	assert_false(take(view));
	assert_true(isnan(view->top.rows[0].figures[CLI_HPI]));
	assert_true(view->top.rows[0].figures[CLI_PMEM] > 0);
	pass(view, 2);
	assert_true(view->top.rows[0].figures[CLI_HPI] == 100);
	close_view(view);
}

static void a_pool_of_nothing_has_no_share(void **state)
{
	struct view *view = open_view();

	(void)state;
	view->reply.status->hosts[0]->stat->pool->pool_bytes = 0;
	pass(view, 2);
	assert_null(strstr(draw(view, &small), "nan"));
	assert_null(strstr(view->text, "inf"));
	view->reply.status->n_lpars = 0; /* nor of nothing */
	assert_false(take(view));
	assert_null(strstr(draw(view, &small), "nan"));
	close_view(view);
}

static void a_status_in_pages_is_one_turn(void **state)
{
	struct view *view = open_view();
	Tarn__StatusReply *status = view->reply.status;
	Tarn__ClusterRequest request;

	(void)state;
	view->top.live.ask(&view->top.live, &request);
	assert_true(request.status->pages);
	assert_null(request.status->from_lpar);
	make_many(status);
	status->n_lpars = 100;
	status->next_lpar = many.names[100];
	assert_true(take(view));
	assert_int_equal(view->top.turns, 0);
	assert_int_equal(view->top.shown, 0);
	view->top.live.ask(&view->top.live, &request);
	assert_string_equal(request.status->from_lpar, "part100");
	status->lpars = many.list + 100;
	status->n_lpars = MANY - 100;
	status->next_lpar = NULL;
	status->n_hosts = 0; /* a later page has none */
	assert_false(take(view));
	assert_int_equal(view->top.shown, MANY);
	assert_int_equal(view->top.host_count, 2);
	close_view(view);
}

/* A coordinator that says the same page again would keep us for ever. */
static void pages_out_of_order_end_the_turn(void **state)
{
	struct view *view = open_view();
	Tarn__StatusReply *status = view->reply.status;

	(void)state;
	pass(view, 1);
	make_many(status);
	status->n_lpars = 100;
	status->next_lpar = many.names[100];
	assert_non_null(strstr(draw(view, &small), "2 of 4 partitions run"));
	assert_true(take(view));
	(void)press(view, 'n'); /* drawn and sorted in the middle */
	assert_non_null(strstr(draw(view, &small), "\ndb1 "));
	assert_non_null(strstr(view->text, "2 of 4 partitions run"));
	assert_false(take(view));
	assert_non_null(strstr(view->top.live.trouble, "out of order"));
	status->next_lpar = (char *)"not/a name";
	assert_false(take(view));
	status->next_lpar = NULL;
	assert_false(take(view));
	assert_int_equal(view->top.count, 100); /* each once */
	assert_int_equal(view->top.shown, 100);
	close_view(view);
}

static void without_memory_a_turn_is_not_taken(void **state)
{
	unsigned nth;

	(void)state;
	for (nth = 1;; nth++) {
		struct view *view = open_view();
		bool was_hit;

		pass(view, 1);
		make_many(view->reply.status);
		oom_arm(nth);
		(void)take(view);
		was_hit = oom_disarm();
		assert_true(was_hit ==
			    (strcmp(view->top.live.trouble, "out of memory") == 0));
		assert_non_null(
			strstr(draw(view, &small), was_hit ? "\ndb1 " : "part127"));
		assert_false(take(view)); /* and then it is */
		assert_int_equal(view->top.shown, MANY);
		close_view(view);
		if (!was_hit)
			break;
	}
	assert_true(nth > 3);
}

/* ---- keys ---- */

static void keys_sort_and_what_is_unknown_is_last(void **state)
{
	struct view *view = open_view();

	(void)state;
	pass(view, 3);
	assert_string_equal(nth_name(view, 0), "db1");
	(void)press(view, 'm');
	assert_string_equal(nth_name(view, 0), "db1");
	assert_string_equal(nth_name(view, 2), "web");
	assert_string_equal(nth_name(view, 3), "off");
	(void)press(view, 'r');
	assert_string_equal(nth_name(view, 0), "web");
	assert_string_equal(nth_name(view, 3), "off");
	(void)press(view, 'n');
	assert_string_equal(nth_name(view, 0), "web");
	(void)press(view, 'r');
	assert_string_equal(nth_name(view, 0), "db1");
	close_view(view);
}

static void a_filter_is_typed(void **state)
{
	struct view *view = open_view();

	(void)state;
	pass(view, 1);
	(void)press(view, '/');
	assert_true(press(view, 'q')); /* a letter now */
	assert_int_equal(view->top.shown, 0);
	assert_non_null(strstr(draw(view, &small), "filter: q_"));
	(void)press(view, CLI_KEY_BACKSPACE);
	(void)press(view, 'w');
	(void)press(view, 1); /* nothing that is printed */
	(void)press(view, CLI_KEY_ENTER);
	assert_int_equal(view->top.shown, 1);
	assert_string_equal(nth_name(view, 0), "web");
	assert_non_null(strstr(draw(view, &small), "filter: w  "));
	(void)press(view, CLI_KEY_ESCAPE);
	assert_int_equal(view->top.shown, 4);
	(void)press(view, '/');
	for (unsigned i = 0; i < 100; i++)
		(void)press(view, 'x');
	assert_int_equal(strlen(view->top.filter), TOP_FILTER_BYTES - 1);
	(void)press(view, CLI_KEY_ESCAPE);
	assert_int_equal(view->top.shown, 4);
	close_view(view);
}

static void the_pace_has_bounds_and_it_can_be_stopped(void **state)
{
	struct view *view = open_view();

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		(void)press(view, '+');
	assert_int_equal(view->top.live.interval_ms, 500);
	for (unsigned i = 0; i < 20; i++)
		(void)press(view, '-');
	assert_int_equal(view->top.live.interval_ms, 32000);
	view->top.live.interval_ms = 300000; /* of -d */
	(void)press(view, '-');
	assert_int_equal(view->top.live.interval_ms, 300000);
	(void)press(view, '+');
	assert_int_equal(view->top.live.interval_ms, 150000);
	(void)press(view, ' ');
	assert_true(view->top.live.is_paused);
	assert_non_null(strstr(draw(view, &small), "stopped"));
	assert_true(press(view, CLI_KEY_LEFT));
	assert_false(press(view, 'q'));
	assert_false(press(view, CLI_KEY_CANCEL));
	close_view(view);
}

/* ---- the command ---- */

static void a_batch_is_printed_each_interval(void **state)
{
	static const char *const rows[][2] = {
		{ "top --batch -n 2 -d 5", "top_batch.txt" },
		{ "top -b --count=2 --json", "top_batch.json" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();

		fake_answer_status(fake);
		fake_answer_status(fake);
		assert_int_equal(fake_run(fake, rows[i][0]), CLI_DONE);
		check_golden(rows[i][1], fake->out);
		assert_int_equal(fake->now_ms, i == 0 ? 6000 : 3000);
		fake_free(fake);
	}
}

static void wrong_lines_are_refused(void **state)
{
	static const struct {
		const char *line, *sentence;
		int status;
	} rows[] = {
		{ "top", "there is no terminal", CLI_FAILED },
		{ "top --json", "go with --batch", CLI_WRONG_USAGE },
		{ "top -n 3", "go with --batch", CLI_WRONG_USAGE },
		{ "top -b -n 0", "must be more than 0", CLI_WRONG_USAGE },
		{ "top -b -d 0", "must be more than 0", CLI_WRONG_USAGE },
		{ "top -b -n", "--count needs a value", CLI_WRONG_USAGE },
		{ "top -x", "one word too many", CLI_WRONG_USAGE },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();

		assert_int_equal(fake_run(fake, rows[i].line), rows[i].status);
		assert_non_null(strstr(fake->err, rows[i].sentence));
		fake_free(fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_screen_is_drawn),
		cmocka_unit_test(what_is_not_behind_both_vios_is_seen),
		cmocka_unit_test(many_partitions_are_a_list_that_scrolls),
		cmocka_unit_test(no_line_is_longer_than_the_window),
		cmocka_unit_test(what_is_wrong_is_in_a_line_of_its_own),
		cmocka_unit_test(
			the_first_turn_is_since_activation_the_others_since_the_last),
		cmocka_unit_test(what_ended_has_no_figures_and_what_is_removed_is_gone),
		cmocka_unit_test(a_gap_does_not_count_from_activation),
		cmocka_unit_test(a_pool_of_nothing_has_no_share),
		cmocka_unit_test(a_status_in_pages_is_one_turn),
		cmocka_unit_test(pages_out_of_order_end_the_turn),
		cmocka_unit_test(without_memory_a_turn_is_not_taken),
		cmocka_unit_test(keys_sort_and_what_is_unknown_is_last),
		cmocka_unit_test(a_filter_is_typed),
		cmocka_unit_test(the_pace_has_bounds_and_it_can_be_stopped),
		cmocka_unit_test(a_batch_is_printed_each_interval),
		cmocka_unit_test(wrong_lines_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
