/*
 * drill_plot - the course of a drill as inline SVG.
 *
 * One plot is one value over time, with a filled area below, marks at moments, and a
 * bound where there is one. Colours are classes of the page (drill_html.c).
 *
 * Threads: one. Memory: nothing is kept.
 */
#ifndef CLI_DRILL_PLOT_H
#define CLI_DRILL_PLOT_H

#include "hvcore/wire/messages.h"

#include <stdio.h>

struct cli_plot {
	const char *title, *unit;
	double (*value)(const Tarn__DrillPoint *point);
	double bound; /* 0: none */
};

void cli_drill_plot(FILE *out, const Tarn__DrillRecord *drill,
		    const struct cli_plot *plot);

#endif
