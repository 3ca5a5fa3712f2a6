/*
 * tail - the last thing that a program wrote, as one line that may be shown.
 *
 * Programs of the host write what they like, partitions above all: the line goes into
 * events, onto terminals and into JSON, so whatever is not printable ASCII leaves it.
 *
 * Contract
 *   Threads  any.
 *   Errors   none: "" where nothing was written or nothing can be read.
 */
#ifndef AGENT_TAIL_H
#define AGENT_TAIL_H

#include <stddef.h>

/* The end of the file, at most `size` - 1 bytes of it, as it is. */
void tail_read(int fd, char *text, size_t size);
/* Its last line that is not empty, cut to `size`. */
void tail_line(int fd, char *line, size_t size);

#endif
