/*
 * table - aligned columns for people.
 *
 * Cells are put in row by row; the widths are known when it is printed. A column
 * of figures is aligned right. Two blanks between columns, none at the end of a
 * line.
 *
 * Contract
 *   Threads  one.
 *   Memory   cells are copied. A table that ran out of memory stays usable and
 *            says so once, when it is printed.
 *   Errors   cli_table_print: NOMEM (nothing is printed), IO.
 *   Units    widths are characters (code points of UTF-8).
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdio.h>

#define CLI_COLUMNS_MAX 20

enum cli_tone {
	CLI_PLAIN,
	CLI_GOOD,
	CLI_WARN,
	CLI_BAD,
	CLI_DIM,
	CLI_STRONG,
	CLI_TONE_COUNT
};

struct cli_column {
	const char *title;
	bool is_figure;
};

struct cli_table;

/* NULL where memory is out. `columns` is kept, not copied. */
struct cli_table *cli_table_new(const struct cli_column *columns, unsigned count);
void cli_table_free(struct cli_table *table);

/* Fills the next cell; after the last column a new row begins. NULL table is fine. */
void cli_cell(struct cli_table *table, enum cli_tone tone, const char *format, ...)
	HV_PRINTF(3, 4);

/* Every row must be complete. `indent` blanks in front of each line. */
HV_MUST_USE
enum hv_code cli_table_print(const struct cli_table *table, FILE *out, unsigned indent,
			     bool is_colour, struct hv_err *err);

/* Text in a tone, as cells are printed. */
void cli_tone_print(FILE *out, enum cli_tone tone, bool is_colour, const char *format,
		    ...) HV_PRINTF(4, 5);

/* Code points of UTF-8 text. */
unsigned cli_width(const char *text);

/* A line about one object: a label, in a column of its own, and what is said. */
void cli_show_line(FILE *out, const char *label, const char *format, ...) HV_PRINTF(3, 4);

#endif
