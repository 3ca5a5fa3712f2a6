/*
 * line - a line being typed: echo, backspace, and when it is complete.
 *
 *   Enter (CR, LF or both)  the line is complete
 *   Backspace, Delete       the last character goes
 *   ^U                      all of it goes
 *   ^C                      so, and a new line begins
 * Escape sequences (cursor keys) are swallowed; other control characters, and what
 * exceeds PARTITION_LINE_BYTES, ring the bell.
 *
 * Contract
 *   Threads  one.
 *   Memory   embedded; zero-initialise it. Nothing allocates.
 */
#ifndef AGENT_PARTITION_LINE_H
#define AGENT_PARTITION_LINE_H

#include "agent/partition/ring.h"
#include "hvcore/base/err.h"

#define PARTITION_LINE_BYTES 128 /* with the NUL; arbitrary */

enum partition_line_event {
	PARTITION_LINE_NONE,
	PARTITION_LINE_COMPLETE,
	PARTITION_LINE_CANCELED,
};

enum partition_line_escape { ESCAPE_NONE, ESCAPE_BEGUN, ESCAPE_INSIDE };

struct partition_line {
	char text[PARTITION_LINE_BYTES]; /* a string at any time */
	unsigned count;
	uint8_t before; /* the last byte: LF after CR is no second Enter */
	enum partition_line_escape escape;
};

/* The echo goes to the ring, which may be NULL. The text of a complete line is there until
 * clear. */
enum partition_line_event partition_line_take(struct partition_line *line, uint8_t byte,
					      struct partition_ring *echo);
void partition_line_clear(struct partition_line *line);

#endif
