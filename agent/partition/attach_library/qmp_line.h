/*
 * qmp_line - one line that QEMU's monitor says, read as far as we need it.
 *
 * Parts of a line come from the guest (what it says when it panics, what its balloon
 * tells of its memory), so nothing in it is believed: no recursion, bounded by the
 * line's length, a value is found or it is not.
 *
 * Contract
 *   Threads  any; nothing is kept, nothing allocates.
 *   Memory   a value's text lies in the line; it has no NUL, and escapes stay as they
 *            are.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_QMP_LINE_H
#define AGENT_PARTITION_ATTACH_LIBRARY_QMP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum qmp_kind { QMP_TEXT, QMP_NUMBER, QMP_OTHER }; /* OTHER: true, null, {...}, [...] */

struct qmp_value {
	enum qmp_kind kind;
	const char *text; /* TEXT: without its quotes */
	size_t bytes;
};

/* `path` names members of members of the line's object: "data.reason". */
bool qmp_line_find(const char *line, size_t bytes, const char *path,
		   struct qmp_value *ret_value);

/* False where it is not there, or is no such value. */
bool qmp_line_is(const char *line, size_t bytes, const char *path, const char *text);
bool qmp_line_number(const char *line, size_t bytes, const char *path,
		     uint64_t *ret_number);

/* The next object of a list, from *at on (0 at first), as a line of its own. */
bool qmp_line_next(const struct qmp_value *list, size_t *at, struct qmp_value *ret_item);

#endif
