/* table - aligned columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/table.h"
#include "tests/support/oom.h"

static const struct cli_column columns[] = {
	{ "NAME", false },
	{ "FIGURE", true },
	{ "LAST", false },
};

static char *print(const struct cli_table *table, unsigned indent, bool is_colour)
{
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	assert_int_equal(cli_table_print(table, out, indent, is_colour, NULL), HV_OK);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void fill(struct cli_table *table)
{
	cli_cell(table, CLI_STRONG, "a");
	cli_cell(table, CLI_PLAIN, "%d", 7);
	cli_cell(table, CLI_BAD, "one");
	cli_cell(table, CLI_PLAIN, "longer name");
	cli_cell(table, CLI_PLAIN, "%d", 1234567);
	cli_cell(table, CLI_GOOD, "%s", "");
	cli_cell(table, CLI_PLAIN, "µ");
	cli_cell(table, CLI_PLAIN, "-");
	cli_cell(table, CLI_PLAIN, "x\ny\033[2J");
}

static void columns_are_aligned_and_no_line_ends_in_a_blank(void **state)
{
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns));
	char *text;

	(void)state;
	fill(table);
	text = print(table, 2, false);
	assert_string_equal(text, "  NAME          FIGURE  LAST\n"
				  "  a                  7  one\n"
				  "  longer name  1234567\n"
				  "  µ                  -  x y [2J\n");
	free(text);
	cli_table_free(table);
}

static void colour_does_not_move_anything(void **state)
{
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns));
	char *text;

	(void)state;
	fill(table);
	text = print(table, 0, true);
	assert_string_equal(text, "\033[2mNAME\033[0m          \033[2mFIGURE\033[0m  "
				  "\033[2mLAST\033[0m\n"
				  "\033[1ma\033[0m                  7  "
				  "\033[31mone\033[0m\n"
				  "longer name  1234567\n"
				  "µ                  -  x y [2J\n");
	free(text);
	cli_table_free(table);
}

static void an_empty_table_is_its_titles(void **state)
{
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns));
	char *text = print(table, 0, false);

	(void)state;
	assert_string_equal(text, "NAME  FIGURE  LAST\n");
	free(text);
	cli_table_free(table);
}

static void a_full_disk_is_an_error(void **state)
{
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns));
	FILE *out = fopen("/dev/full", "w");
	struct hv_err err;

	(void)state;
	assert_non_null(out);
	(void)setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(cli_table_print(table, out, 0, false, &err), HV_E_IO);
	assert_string_equal(err.text, "write the output");
	(void)fclose(out);
	cli_table_free(table);
}

static void out_of_memory_is_said_once_and_prints_nothing(void **state)
{
	unsigned nth;

	(void)state;
	for (nth = 1;; nth++) {
		char *text = NULL;
		size_t bytes;
		FILE *out = open_memstream(&text, &bytes);
		struct cli_table *table;
		enum hv_code code;
		bool was_hit;

		oom_arm(nth);
		table = cli_table_new(columns, HV_COUNT(columns));
		for (unsigned i = 0; i < 30; i++)
			fill(table);
		was_hit = oom_disarm();
		code = cli_table_print(table, out, 0, false, NULL);
		assert_int_equal(fclose(out), 0);
		assert_int_equal(code, was_hit ? HV_E_NOMEM : HV_OK);
		assert_true(was_hit == (text[0] == '\0'));
		free(text);
		cli_table_free(table);
		if (!was_hit)
			break;
	}
	assert_true(nth > 270); /* each cell, and the table's growth */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned_and_no_line_ends_in_a_blank),
		cmocka_unit_test(colour_does_not_move_anything),
		cmocka_unit_test(an_empty_table_is_its_titles),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(out_of_memory_is_said_once_and_prints_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
