/* table - see table.h. */
#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"

#define CELLS_FIRST 64 /* grows by doubling */
#define LABEL 20       /* width of what stands in front */

static const char *const tones[CLI_TONE_COUNT] = {
	[CLI_PLAIN] = "",       [CLI_GOOD] = "\033[32m", [CLI_WARN] = "\033[33m",
	[CLI_BAD] = "\033[31m", [CLI_DIM] = "\033[2m",   [CLI_STRONG] = "\033[1m",
};

struct cell {
	enum cli_tone tone;
	char *text;
};

struct cli_table {
	const struct cli_column *columns;
	unsigned column_count;
	struct cell *cells;
	size_t count, room;
	bool is_out_of_memory;
};

struct cli_table *cli_table_new(const struct cli_column *columns, unsigned count)
{
	struct cli_table *table = calloc(1, sizeof(*table));

	HV_INVARIANT(count > 0 && count <= CLI_COLUMNS_MAX);
	if (table == NULL)
		return NULL;
	table->columns = columns;
	table->column_count = count;
	return table;
}

void cli_table_free(struct cli_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

static bool make_room(struct cli_table *table)
{
	size_t room = table->room == 0 ? CELLS_FIRST : table->room * 2;
	struct cell *cells;

	if (table->count < table->room)
		return true;
	cells = realloc(table->cells, room * sizeof(*cells));
	if (cells == NULL)
		return false;
	table->cells = cells;
	table->room = room;
	return true;
}

/* A text from another program cannot move the cursor or break the line. */
static void blank_controls(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

HV_PRINTF(1, 0)
static char *format_text(const char *format, va_list args)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		return NULL;
	text = malloc((size_t)n + 1);
	if (text == NULL)
		return NULL;
	(void)vsnprintf(text, (size_t)n + 1, format, args);
	blank_controls(text);
	return text;
}

void cli_cell(struct cli_table *table, enum cli_tone tone, const char *format, ...)
{
	va_list args;
	char *text;

	if (table == NULL || table->is_out_of_memory)
		return;
	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	if (text == NULL || !make_room(table)) {
		free(text);
		table->is_out_of_memory = true;
		return;
	}
	table->cells[table->count++] = (struct cell){ .tone = tone, .text = text };
}

unsigned cli_width(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void cli_tone_print(FILE *out, enum cli_tone tone, bool is_colour, const char *format,
		    ...)
{
	bool is_toned = is_colour && tone != CLI_PLAIN;
	va_list args;

	if (is_toned)
		(void)fputs(tones[tone], out);
	va_start(args, format);
	(void)vfprintf(out, format, args);
	va_end(args);
	if (is_toned)
		(void)fputs("\033[0m", out);
}

static void measure(const struct cli_table *table, unsigned *widths)
{
	for (unsigned i = 0; i < table->column_count; i++)
		widths[i] = cli_width(table->columns[i].title);
	for (size_t i = 0; i < table->count; i++) {
		unsigned width = cli_width(table->cells[i].text);
		unsigned column = (unsigned)(i % table->column_count);

		if (width > widths[column])
			widths[column] = width;
	}
}

/* `blanks` are owed from the cells before: the end of a line has none. */
static void print_cell(FILE *out, const struct cell *cell, bool is_figure, unsigned width,
		       unsigned *blanks, bool is_colour)
{
	unsigned pad = width - cli_width(cell->text);

	if (is_figure)
		*blanks += pad;
	if (cell->text[0] != '\0') {
		(void)fprintf(out, "%*s", (int)*blanks, "");
		*blanks = 0;
		cli_tone_print(out, cell->tone, is_colour, "%s", cell->text);
	}
	if (!is_figure)
		*blanks += pad;
	*blanks += 2;
}

enum hv_code cli_table_print(const struct cli_table *table, FILE *out, unsigned indent,
			     bool is_colour, struct hv_err *err)
{
	unsigned widths[CLI_COLUMNS_MAX], blanks = indent;

	if (table == NULL || table->is_out_of_memory)
		return hv_fail(err, HV_E_NOMEM, "print a table: out of memory");
	HV_INVARIANT(table->count % table->column_count == 0);
	measure(table, widths);
	for (unsigned i = 0; i < table->column_count; i++) {
		/* titles are only read here */
		struct cell title = { CLI_DIM, (char *)table->columns[i].title };

		print_cell(out, &title, table->columns[i].is_figure, widths[i], &blanks,
			   is_colour);
	}
	for (size_t i = 0; i < table->count; i++) {
		unsigned column = (unsigned)(i % table->column_count);

		if (column == 0) {
			(void)fputc('\n', out);
			blanks = indent;
		}
		print_cell(out, &table->cells[i], table->columns[column].is_figure,
			   widths[column], &blanks, is_colour);
	}
	(void)fputc('\n', out);
	if (ferror(out))
		return hv_fail(err, HV_E_IO, "write the output");
	return HV_OK;
}

void cli_show_line(FILE *out, const char *label, const char *format, ...)
{
	va_list args;

	(void)fprintf(out, "  %-*s ", LABEL, label);
	va_start(args, format);
	(void)vfprintf(out, format, args);
	va_end(args);
	(void)fputc('\n', out);
}
