/*
 * pen - one line of a screen, written from the left: never longer than it may be, in
 * colours, without blanks at its end.
 *
 * Contract
 *   Threads  one.
 *   Memory   embedded; pen_begin() is its beginning.
 *   Units    characters (code points of UTF-8).
 */
#ifndef CLI_PEN_H
#define CLI_PEN_H

#include "cli/table.h"

#define PEN_TEXT_BYTES 512 /* of one piece; more is cut */

struct pen {
	FILE *out;
	bool is_colour;
	unsigned left;   /* characters that there is room for */
	unsigned blanks; /* owed: written before what follows */
};

struct pen pen_begin(FILE *out, unsigned columns, bool is_colour); /* 0: no end */
void pen_text(struct pen *pen, enum cli_tone tone, const char *format, ...)
	HV_PRINTF(3, 4);
/* `width` as in printf(): below 0 it begins at the left. A longer text is cut. */
void pen_field(struct pen *pen, enum cli_tone tone, int width, const char *text);
void pen_skip(struct pen *pen, unsigned blanks);
void pen_end(struct pen *pen); /* the line */

#endif
