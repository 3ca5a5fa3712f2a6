/* pen - see pen.h. */
#include "cli/pen.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

struct pen pen_begin(FILE *out, unsigned columns, bool is_colour)
{
	return (struct pen){ .out = out,
			     .is_colour = is_colour,
			     .left = columns != 0 ? columns : UINT_MAX / 2 };
}

/* Bytes of the first `count` characters. */
static int bytes_of(const char *text, unsigned count)
{
	int n = 0;

	while (text[n] != '\0' && (count > 0 || ((unsigned char)text[n] & 0xc0) == 0x80))
		count -= ((unsigned char)text[n++] & 0xc0) != 0x80;
	return n;
}

static void put(struct pen *pen, enum cli_tone tone, const char *text, unsigned most)
{
	unsigned width = cli_width(text);

	if (width > most)
		width = most;
	if (width == 0 || pen->blanks >= pen->left)
		return;
	pen->left -= pen->blanks;
	if (width > pen->left)
		width = pen->left;
	(void)fprintf(pen->out, "%*s", (int)pen->blanks, "");
	pen->blanks = 0;
	cli_tone_print(pen->out, tone, pen->is_colour, "%.*s", bytes_of(text, width),
		       text);
	pen->left -= width;
}

void pen_text(struct pen *pen, enum cli_tone tone, const char *format, ...)
{
	char text[PEN_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(pen, tone, text, UINT_MAX);
}

void pen_field(struct pen *pen, enum cli_tone tone, int width, const char *text)
{
	unsigned room = (unsigned)(width < 0 ? -width : width);
	unsigned used = cli_width(text) < room ? cli_width(text) : room;

	if (width > 0)
		pen->blanks += room - used;
	put(pen, tone, text, room);
	if (width < 0)
		pen->blanks += room - used;
}

void pen_skip(struct pen *pen, unsigned blanks)
{
	pen->blanks += blanks;
}

void pen_end(struct pen *pen)
{
	(void)fputc('\n', pen->out);
}
