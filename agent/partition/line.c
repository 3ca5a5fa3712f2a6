/* line - see line.h. */
#include "agent/partition/line.h"

#include <stdbool.h>
#include <string.h>

enum { BACKSPACE = 8, INTERRUPT = 3, KILL_LINE = 21, ESCAPE = 27, DELETE = 127 };

static void say(struct partition_ring *echo, const char *text)
{
	if (echo != NULL)
		partition_ring_put(echo, text, strlen(text));
}

static void erase(struct partition_line *line, struct partition_ring *echo)
{
	if (line->count == 0)
		return;
	line->text[--line->count] = '\0';
	say(echo, "\b \b");
}

/* True: the byte is part of an escape sequence, ESC [ ... letter or ESC letter. */
static bool is_escaped(struct partition_line *line, uint8_t byte)
{
	switch (line->escape) {
	case ESCAPE_NONE:
		line->escape = byte == ESCAPE ? ESCAPE_BEGUN : ESCAPE_NONE;
		return byte == ESCAPE;
	case ESCAPE_BEGUN:
		line->escape = byte == '[' || byte == 'O' ? ESCAPE_INSIDE : ESCAPE_NONE;
		return byte >= ' ';
	default:
		if (byte < ' ') { /* not one after all */
			line->escape = ESCAPE_NONE;
			return false;
		}
		if (byte >= '@')
			line->escape = ESCAPE_NONE;
		return true;
	}
}

static void add(struct partition_line *line, uint8_t byte, struct partition_ring *echo)
{
	const char shown[] = { (char)byte, '\0' };

	if (byte < ' ' || byte >= DELETE || line->count + 1 >= sizeof(line->text)) {
		say(echo, "\a");
		return;
	}
	line->text[line->count++] = (char)byte;
	line->text[line->count] = '\0';
	say(echo, shown);
}

enum partition_line_event partition_line_take(struct partition_line *line, uint8_t byte,
					      struct partition_ring *echo)
{
	uint8_t before = line->before;

	line->before = byte;
	if (is_escaped(line, byte))
		return PARTITION_LINE_NONE;
	switch (byte) {
	case '\n':
		if (before == '\r')
			return PARTITION_LINE_NONE;
		HV_FALLTHROUGH;
	case '\r':
		say(echo, "\r\n");
		return PARTITION_LINE_COMPLETE;
	case INTERRUPT:
		say(echo, "^C\r\n");
		partition_line_clear(line);
		return PARTITION_LINE_CANCELED;
	case KILL_LINE:
		while (line->count > 0)
			erase(line, echo);
		return PARTITION_LINE_NONE;
	case BACKSPACE:
	case DELETE:
		erase(line, echo);
		return PARTITION_LINE_NONE;
	default:
		add(line, byte, echo);
		return PARTITION_LINE_NONE;
	}
}

void partition_line_clear(struct partition_line *line)
{
	line->count = 0;
	line->text[0] = '\0';
}
