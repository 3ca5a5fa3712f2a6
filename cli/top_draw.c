/*
 * top_draw - tarn top as lines of text.
 *
 *   what there is, and when
 *   HOST ...       the hosts: a quarter of the lines at most, or all lines
 *   (blank)
 *   NAME ...       the partitions, from top.first on
 *   keys           or what is typed
 *
 * How many columns there are is a matter of rank: the higher ones come first, and what
 * is left over is the history of what is sorted by.
 */
#include "cli/top.h"

#include <math.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/pen.h"
#include "cli/words.h"

#define CELL_BYTES 64
#define LAST_RANK 5
#define NAME_LEAST 6
#define HISTORY_LEAST 8
#define WIDE 110    /* from here on there is room for words */
#define POOL_FREE 1 /* of the figures of a pool */

/* ---- numbers ---- */

/* Four figures or less, and a letter: "0", "12.5K", "1.2M". */
static void short_number(char *cell, double value, double base)
{
	static const char letters[] = " KMGTP";
	unsigned i = 0;

	while (value >= 999.5 && letters[i + 1] != '\0') {
		value /= base;
		i++;
	}
	(void)snprintf(cell, CELL_BYTES, "%.*f%.*s", i > 0 && value < 99.95 ? 1 : 0,
		       value, i > 0, letters + i);
}

enum form { FORM_TEXT, FORM_UNITS, FORM_PERCENT, FORM_BYTES, FORM_RATE };

static void format(char *cell, enum form form, double value)
{
	if (isnan(value))
		(void)snprintf(cell, CELL_BYTES, "-");
	else if (form == FORM_UNITS)
		(void)snprintf(cell, CELL_BYTES, "%.*f", value < 99.995 ? 2 : 0, value);
	else if (form == FORM_PERCENT)
		(void)snprintf(cell, CELL_BYTES, "%.0f", value);
	else if (form == FORM_RATE && value > 0 && value < 9.95)
		(void)snprintf(cell, CELL_BYTES, "%.1f", value);
	else
		short_number(cell, value, form == FORM_BYTES ? 1024 : 1000);
}

/* ---- columns of partitions ---- */

enum column {
	NAME,
	HOST,
	STATE,
	RUNS,
	CPU,
	ENTC,
	SIZE,
	PMEM,
	LOAN,
	PAGED,
	HPI,
	HPIT,
	HPO,
	IOMU,
	IOMF,
	IOMAF,
	OPS,
	COLUMN_COUNT
};

/* clang-format off */
static const struct {
	const char *title;
	int width;             /* below 0: begins at the left */
	unsigned rank;         /* 0: always there */
	enum top_figure sort;  /* COUNT: never sorted by */
	enum form form;
	enum cli_meter meter;
} columns[COLUMN_COUNT] = {
	[NAME]  = { "NAME",   -NAME_LEAST, 0, TOP_NAME,         FORM_TEXT,    0 },
	[HOST]  = { "HOST",   -6,          4, TOP_FIGURE_COUNT, FORM_TEXT,    0 },
	[STATE] = { "STATE",  -8,          1, TOP_FIGURE_COUNT, FORM_TEXT,    0 },
	[RUNS]  = { "RUNS",   -17,         3, TOP_FIGURE_COUNT, FORM_TEXT,    0 },
	[CPU]   = { "CPUS",   5,           1, TOP_CPU,          FORM_UNITS,   CLI_PHYSB },
	[ENTC]  = { "%ENTC",  5,           3, TOP_ENTC,         FORM_PERCENT, CLI_ENTC },
	[SIZE]  = { "MEMORY", 6,           2, TOP_FIGURE_COUNT, FORM_BYTES,   CLI_LOGICAL },
	[PMEM]  = { "PMEM",   6,           1, TOP_MEM,          FORM_BYTES,   CLI_PMEM },
	[LOAN]  = { "LOAN",   6,           2, TOP_LOAN,         FORM_BYTES,   CLI_LOAN },
	[PAGED] = { "PAGED",  6,           4, TOP_FIGURE_COUNT, FORM_BYTES,   CLI_PAGED },
	[HPI]   = { "HPI/s",  6,           1, TOP_HPI,          FORM_RATE,    CLI_HPI },
	[HPIT]  = { "ms/s",   6,           1, TOP_HPIT,         FORM_RATE,    CLI_HPIT },
	[HPO]   = { "HPO/s",  6,           3, TOP_HPO,          FORM_RATE,    CLI_HPO },
	[IOMU]  = { "IOMU",   6,           5, TOP_FIGURE_COUNT, FORM_BYTES,   CLI_IOMU },
	[IOMF]  = { "IOMF",   6,           5, TOP_FIGURE_COUNT, FORM_BYTES,   CLI_IOMF },
	[IOMAF] = { "IOMAF/s", 7,          5, TOP_FIGURE_COUNT, FORM_RATE,    CLI_IOMAF },
	[OPS]   = { "OPS/s",  6,           2, TOP_OPS,          FORM_RATE,    CLI_OPS },
};
/* clang-format on */

struct layout {
	bool has[COLUMN_COUNT];
	int width[COLUMN_COUNT];
	unsigned host_width, history; /* characters; 0: none */
};

static unsigned longest(unsigned at_least, const char *text, unsigned most)
{
	unsigned width = cli_width(text);

	if (width < at_least)
		width = at_least;
	return width < most ? width : most;
}

static void set_widths(const struct top *top, unsigned most, struct layout *layout)
{
	unsigned name = NAME_LEAST, host = NAME_LEAST;

	for (size_t i = 0; i < top->shown; i++)
		name = longest(name, top->rows[top->order[i]].name, most);
	for (size_t i = 0; i < top->host_count; i++)
		host = longest(host, top->hosts[i].name, most);
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		layout->width[i] = columns[i].width;
	layout->width[NAME] = -(int)name;
	layout->width[HOST] = -(int)host;
	layout->host_width = host;
}

static unsigned room_of(const struct layout *layout, unsigned column)
{
	int width = layout->width[column];

	return (unsigned)(width < 0 ? -width : width) + 1;
}

/* Says something where there is more than one host, or a guest. */
static bool is_needed(const struct top *top, unsigned column)
{
	if (column == HOST)
		return top->host_count >= 2;
	if (column != RUNS)
		return true;
	for (size_t i = 0; i < top->shown; i++)
		if (top->rows[top->order[i]].is_guest)
			return true;
	return false;
}

/* By rank, as long as the history has its least. */
static void lay_out(const struct top *top, unsigned room, struct layout *layout)
{
	unsigned used = 0;

	*layout = (struct layout){ 0 };
	set_widths(top, room < WIDE ? 14 : HV_NAME_BYTES, layout);
	for (unsigned rank = 0; rank <= LAST_RANK; rank++)
		for (unsigned i = 0; i < COLUMN_COUNT; i++) {
			if (columns[i].rank != rank || !is_needed(top, i))
				continue;
			if (rank > 0 && used + room_of(layout, i) + HISTORY_LEAST > room)
				continue;
			layout->has[i] = true;
			used += room_of(layout, i);
		}
	if (used + HISTORY_LEAST <= room && top->sort != TOP_NAME)
		layout->history = room - used < TOP_HISTORY ? room - used : TOP_HISTORY;
}

/* ---- the history ---- */

static const char *const glyphs[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const signs[] = { " ", ".", ":", "-", "=", "+", "*", "#", "@" };
#define LEVELS 9

/* From 0 to the greatest in sight; the last turn is at the right. */
static void draw_history(struct pen *pen, const struct top *top,
			 const struct top_row *row, unsigned width)
{
	double greatest = 0;

	for (unsigned i = 0; i < width; i++)
		if (top_past(top, row, top->sort, i) > greatest)
			greatest = top_past(top, row, top->sort, i);
	for (unsigned i = width; i-- > 0;) {
		double value = top_past(top, row, top->sort, i);
		unsigned level = 0;

		if (value > 0 && greatest > 0)
			level = 1 + (unsigned)(value / greatest * (LEVELS - 2) + 0.5);
		if (isnan(value) || level == 0)
			pen_skip(pen, 1);
		else
			pen_text(pen, CLI_PLAIN, "%s",
				 (top->has_glyphs ? glyphs : signs)[level]);
	}
}

/* ---- partitions ---- */

static void draw_titles(const struct top *top, const struct layout *layout,
			struct pen *pen)
{
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		bool is_sorted = columns[i].sort == top->sort;

		if (!layout->has[i])
			continue;
		pen_field(pen, is_sorted ? CLI_STRONG : CLI_DIM, layout->width[i],
			  columns[i].title);
		pen_skip(pen, 1);
	}
	if (layout->history > 0)
		pen_text(pen, CLI_DIM, "HISTORY");
	pen_end(pen);
}

static void draw_cell(const struct top *top, const struct layout *layout,
		      const struct top_row *row, unsigned column, struct pen *pen)
{
	enum cli_tone tone = CLI_PLAIN;
	char cell[CELL_BYTES];

	switch (column) {
	case NAME:
		(void)snprintf(cell, sizeof(cell), "%s", row->name);
		tone = CLI_STRONG;
		break;
	case HOST:
		(void)snprintf(cell, sizeof(cell), "%s", row->host);
		break;
	case RUNS:
		(void)snprintf(cell, sizeof(cell), "%s", row->runs);
		break;
	case STATE:
		(void)snprintf(cell, sizeof(cell), "%s", row->state);
		tone = row->tone;
		break;
	default:
		format(cell, columns[column].form, row->figures[columns[column].meter]);
		if (isnan(row->figures[columns[column].meter]))
			tone = CLI_DIM;
		else if (columns[column].sort == top->sort)
			tone = CLI_STRONG;
		break;
	}
	pen_field(pen, tone, layout->width[column], cell);
	pen_skip(pen, 1);
}

static void draw_row(const struct top *top, const struct layout *layout,
		     const struct top_row *row, struct pen *pen)
{
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		if (layout->has[i])
			draw_cell(top, layout, row, i, pen);
	if (layout->history > 0)
		draw_history(pen, top, row, layout->history);
	pen_end(pen);
}

/* ---- hosts ---- */

static void draw_host_titles(const struct layout *layout, bool is_wide, struct pen *pen)
{
	static const char *const titles[] = { "POOL", "FREE", "COMMIT", "HPI/s",
					      "ms/HPI" };

	pen_field(pen, CLI_DIM, -(int)layout->host_width - 1, "HOST");
	pen_field(pen, CLI_DIM, -21, "POOL IN USE");
	for (unsigned i = 0; i < HV_COUNT(titles); i++)
		if (i != POOL_FREE || is_wide)
			pen_field(pen, CLI_DIM, 7, titles[i]);
	pen_skip(pen, 1);
	for (unsigned i = 0; i < TOP_VIOS; i++) {
		char title[CELL_BYTES];

		(void)snprintf(title, sizeof(title), "VIOS%u%s", i + 1,
			       is_wide ? "  reads/s, writes/s" : "");
		pen_field(pen, CLI_DIM, is_wide ? -28 : -9, title);
	}
	pen_end(pen);
}

static void draw_vios(const struct top_vios *vios, bool is_wide, struct pen *pen)
{
	char reads[CELL_BYTES], writes[CELL_BYTES], traffic[3 * CELL_BYTES] = "";

	pen_field(pen, vios->tone, is_wide ? -12 : -9,
		  vios->name[0] != '\0' ? vios->state : "-");
	if (!is_wide)
		return;
	if (!isnan(vios->reads_per_s) && vios->reads_per_s + vios->writes_per_s > 0) {
		format(reads, FORM_RATE, vios->reads_per_s);
		format(writes, FORM_RATE, vios->writes_per_s);
		(void)snprintf(traffic, sizeof(traffic), "%s r %s w", reads, writes);
	}
	pen_field(pen, CLI_PLAIN, -16, traffic);
}

static void draw_pool(const struct top_host *host, bool is_wide, struct pen *pen)
{
	double commit = host->pool_bytes != 0
				? (double)host->logical_bytes / (double)host->pool_bytes
				: NAN;
	double figures[] = { (double)host->pool_bytes,
			     (double)host->frames_free * HV_PAGE_BYTES, commit * 100,
			     host->page_ins_per_s, host->page_in_ms };
	static const enum form forms[] = { FORM_BYTES, FORM_BYTES, FORM_PERCENT,
					   FORM_RATE, FORM_UNITS };
	bool is_low = host->frames_free < host->low_water;
	char cell[CELL_BYTES], bar[CLI_BAR_BYTES];

	pen_field(pen, is_low ? CLI_WARN : CLI_PLAIN, -21,
		  cli_bar(host->frames - host->frames_free, host->frames, bar,
			  sizeof(bar)));
	for (unsigned i = 0; i < HV_COUNT(figures); i++) {
		if (i == POOL_FREE && !is_wide)
			continue; /* the bar is enough */
		format(cell, forms[i], figures[i]);
		if (forms[i] == FORM_PERCENT && !isnan(figures[i]))
			(void)snprintf(cell, sizeof(cell), "%.0f%%", figures[i]);
		pen_field(pen, i == POOL_FREE && is_low ? CLI_WARN : CLI_PLAIN, 7, cell);
	}
}

static void draw_host(const struct top_host *host, const struct layout *layout,
		      bool is_wide, struct pen *pen)
{
	pen_field(pen, CLI_STRONG, -(int)layout->host_width - 1, host->name);
	if (strcmp(host->state, "up") != 0 || !host->has_pool) {
		pen_text(pen, host->tone, "%s", host->state);
		if (!host->has_pool && strcmp(host->state, "up") == 0)
			pen_text(pen, CLI_DIM, ", no pool");
		pen_end(pen);
		return;
	}
	draw_pool(host, is_wide, pen);
	pen_skip(pen, 1);
	for (unsigned i = 0; i < TOP_VIOS; i++)
		draw_vios(&host->vios[i], is_wide, pen);
	pen_end(pen);
}

/* ---- the screen ---- */

struct drawing {
	const struct top *top;
	const struct cli_size *size;
	FILE *out;
	struct layout layout;
	unsigned lines; /* so far */
};

static struct pen next_line(struct drawing *drawing)
{
	drawing->lines++;
	return pen_begin(drawing->out, drawing->size->columns,
			 drawing->top->cli->is_colour);
}

static void blank_line(struct drawing *drawing)
{
	struct pen pen = next_line(drawing);

	pen_end(&pen);
}

static void draw_head(struct drawing *drawing)
{
	const struct top *top = drawing->top;
	struct pen pen = next_line(drawing);
	char clock[CLI_CLOCK_BYTES] = "";

	if (top->turns > 0)
		(void)cli_clock_text(top->cli, top->wall_ms, clock, sizeof(clock));
	pen_text(&pen, CLI_STRONG, "tarn top");
	/* the time is enough: a log has the date in its first line */
	pen_text(&pen, CLI_PLAIN, "  %s  %u of %u hosts up, %u of %u partitions run",
		 drawing->size->rows != 0 && strlen(clock) > 11 ? clock + 11 : clock,
		 top->counts.hosts_up, top->counts.hosts, top->counts.running,
		 top->counts.lpars);
	if (top->counts.waiting > 0)
		pen_text(&pen, CLI_BAD, ", %u wait", top->counts.waiting);
	if (drawing->size->rows != 0) {
		pen_text(&pen, CLI_DIM, "  each %g s",
			 (double)top->live.interval_ms / 1e3);
		if (top->live.is_paused)
			pen_text(&pen, CLI_WARN, "  stopped");
	}
	pen_end(&pen);
	if (top->live.trouble[0] == '\0')
		return;
	pen = next_line(drawing);
	pen_text(&pen, CLI_BAD, "%s", top->live.trouble);
	pen_end(&pen);
}

/* From `first`, in `room` lines with the titles; says where there are more. */
static void draw_hosts(struct drawing *drawing, size_t first, unsigned room)
{
	const struct top *top = drawing->top;
	bool is_wide = drawing->size->columns == 0 || drawing->size->columns >= WIDE;
	size_t count = top->host_count - first;
	struct pen pen = next_line(drawing);

	draw_host_titles(&drawing->layout, is_wide, &pen);
	if (room > 1 && count > room - 1)
		count = room - 1;
	for (size_t i = 0; i < count; i++) {
		pen = next_line(drawing);
		draw_host(&top->hosts[first + i], &drawing->layout, is_wide, &pen);
	}
}

static void draw_partitions(struct drawing *drawing, unsigned room)
{
	const struct top *top = drawing->top;
	struct pen pen = next_line(drawing);
	size_t count = top->shown - top->first;

	draw_titles(top, &drawing->layout, &pen);
	if (room != 0 && count > room - 1)
		count = room - 1;
	for (size_t i = 0; i < count; i++) {
		pen = next_line(drawing);
		draw_row(top, &drawing->layout, &top->rows[top->order[top->first + i]],
			 &pen);
	}
}

static void draw_keys(struct drawing *drawing)
{
	static const char brief[] =
		"q quit / filter Tab hosts n c e m l i t p o sort r reverse + - pace";
	static const char full[] = "q quit   / filter   Tab hosts   sort by n name c "
				   "cpus e %entc m pmem l loan "
				   "i hpi t ms p hpo o ops   r reverse   + - pace   "
				   "space stop   arrows scroll";
	const struct top *top = drawing->top;
	size_t all = top->shows_hosts ? top->host_count : top->shown;
	struct pen pen = next_line(drawing);

	if (top->is_typing) {
		pen_text(&pen, CLI_STRONG, "filter: %s_", top->filter);
		pen_text(&pen, CLI_DIM,
			 "   names of partitions or hosts; Enter keeps it, "
			 "Esc ends it");
	} else {
		if (top->filter[0] != '\0')
			pen_text(&pen, CLI_WARN, "filter: %s  ", top->filter);
		if (all > top->page)
			pen_text(&pen, CLI_STRONG, "%zu-%zu of %zu  ", top->first + 1,
				 top->first + top->page, all);
		pen_text(&pen, CLI_DIM, "%s",
			 drawing->size->columns > sizeof(full) ? full : brief);
	}
}

/* One list and no end: for a log. */
static void draw_all(struct drawing *drawing)
{
	draw_head(drawing);
	draw_hosts(drawing, 0, 0);
	blank_line(drawing);
	draw_partitions(drawing, 0);
	blank_line(drawing);
}

static unsigned rows_left(const struct drawing *drawing)
{
	unsigned rows = drawing->size->rows;

	return rows > drawing->lines + 2 ? rows - drawing->lines - 1 : 2;
}

void top_draw(struct cli_live *live, const struct cli_size *size, FILE *out)
{
	struct top *top = (struct top *)live;
	struct drawing drawing = { .top = top, .size = size, .out = out };
	unsigned most = size->rows / 4 > 2 ? size->rows / 4 : 2;

	lay_out(top, size->columns != 0 ? size->columns : 1000, &drawing.layout);
	if (size->rows == 0) {
		drawing.layout.history = 0; /* a log is one */
		draw_all(&drawing);
		return;
	}
	draw_head(&drawing);
	if (top->shows_hosts) {
		top->page = rows_left(&drawing) - 1;
		top_keep_in_list(top);
		draw_hosts(&drawing, top->first, rows_left(&drawing));
	} else {
		draw_hosts(&drawing, 0, most);
		blank_line(&drawing);
		top->page = rows_left(&drawing) - 1;
		top_keep_in_list(top);
		draw_partitions(&drawing, rows_left(&drawing));
	}
	while (drawing.lines + 1 < size->rows)
		blank_line(&drawing);
	draw_keys(&drawing);
}
