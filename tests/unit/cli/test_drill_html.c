/* The page of a drill: whole, of itself alone, and nothing of a host gets out of its text. */
#include "cli/drill_html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli/fake.h"

#define EVIL "<script>alert('x')</script>&\"\n"

static char *page_of(const Tarn__DrillRecord *drill)
{
	struct cli cli = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	cli_drill_html(&cli, drill, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		count++;
	return count;
}

static void must_be_whole(const char *page)
{
	static const char *const pairs[] = { "section", "table", "tr", "td",  "dl",
					     "dt",      "dd",    "h2", "svg", "figure" };
	char bare[16], begin[16], end[16];

	assert_null(strstr(page, "://"));
	assert_null(strstr(page, "<script"));
	assert_non_null(strstr(page, "</body></html>\n"));
	for (size_t i = 0; i < HV_COUNT(pairs); i++) {
		(void)snprintf(bare, sizeof(bare), "<%s>", pairs[i]);
		(void)snprintf(begin, sizeof(begin), "<%s ", pairs[i]);
		(void)snprintf(end, sizeof(end), "</%s>", pairs[i]);
		assert_int_equal(count_of(page, end),
				 count_of(page, bare) + count_of(page, begin));
	}
}

static Tarn__DrillPoint points[3];
static Tarn__DrillPoint *point_rows[] = { &points[0], &points[1], &points[2] };
static Tarn__DrillMoment moments[2];
static Tarn__DrillMoment *moment_rows[] = { &moments[0], &moments[1] };

static void fill_course(Tarn__DrillRecord *drill, uint64_t value)
{
	for (unsigned i = 0; i < HV_COUNT(points); i++) {
		tarn__drill_point__init(&points[i]);
		points[i].at_ms = 500 * i;
		points[i].operations_per_s = value * i;
		points[i].longest_us = value;
	}
	for (unsigned i = 0; i < HV_COUNT(moments); i++) {
		tarn__drill_moment__init(&moments[i]);
		moments[i].what = (char *)EVIL;
		moments[i].at_us = value * i;
	}
	drill->points = point_rows;
	drill->n_points = HV_COUNT(points);
	drill->timeline = moment_rows;
	drill->n_timeline = HV_COUNT(moments);
	drill->has_injected_ms = 1;
	drill->injected_ms = drill->started_ms + 100;
}

static void a_page_is_whole_and_of_itself_alone(void **state)
{
	Tarn__DrillRecord *drill;
	size_t count;
	char *page;

	(void)state;
	drill = fake_drills(&count)[0];
	page = page_of(drill);
	must_be_whole(page);
	assert_non_null(strstr(page, "every page right"));
	assert_int_equal(count_of(page, "<svg"), 0); /* no course, no plot */
	free(page);
	fill_course(drill, 1000);
	page = page_of(drill);
	must_be_whole(page);
	assert_int_equal(count_of(page, "<svg"), 4);
	assert_non_null(strstr(page, "prefers-color-scheme:dark"));
	free(page);
}

static void what_a_host_says_stays_text(void **state)
{
	Tarn__DrillRecord *drill;
	char *skipped[] = { (char *)EVIL };
	size_t count;
	char *page;

	(void)state;
	drill = fake_drills(&count)[0];
	fill_course(drill, 7);
	drill->reason = drill->claim = drill->injection = (char *)EVIL;
	drill->verdict = drill->steps[0]->text = drill->partitions[0]->end = (char *)EVIL;
	drill->skipped = skipped;
	drill->n_skipped = 1;
	page = page_of(drill);
	must_be_whole(page);
	assert_non_null(strstr(page, "&lt;script&gt;alert(&#39;x&#39;)"));
	free(page);
}

static void figures_of_any_size_are_drawn(void **state)
{
	static const uint64_t values[] = { 0, 1, 4999, UINT64_C(1) << 40, UINT64_MAX };
	Tarn__DrillRecord *drill;
	size_t count;
	char *page;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(values); i++) {
		drill = fake_drills(&count)[0];
		fill_course(drill, values[i]);
		points[2].at_ms = values[i];
		page = page_of(drill);
		must_be_whole(page);
		assert_null(strstr(page, "\"nan"));
		assert_null(strstr(page, "Lnan"));
		assert_null(strstr(page, "inf"));
		assert_true(strlen(page) < 100000);
		free(page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_whole_and_of_itself_alone),
		cmocka_unit_test(what_a_host_says_stays_text),
		cmocka_unit_test(figures_of_any_size_are_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
