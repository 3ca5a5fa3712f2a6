/* tail - see tail.h. */
#include "agent/tail.h"

#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define TAIL_BYTES 1024 /* a line of ours is no longer (hv_log) */

void tail_read(int fd, char *text, size_t size)
{
	off_t bytes = lseek(fd, 0, SEEK_END);
	off_t from = bytes >= (off_t)size ? bytes - (off_t)size + 1 : 0;
	ssize_t n = pread(fd, text, size - 1, from);

	text[n > 0 ? n : 0] = '\0';
}

static void make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\t')
			*text = ' ';
		else if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

void tail_line(int fd, char *line, size_t size)
{
	char tail[TAIL_BYTES];
	char *last;
	size_t n;

	tail_read(fd, tail, sizeof(tail));
	n = strlen(tail);
	while (n > 0 && tail[n - 1] == '\n')
		tail[--n] = '\0';
	last = strrchr(tail, '\n');
	last = last != NULL ? last + 1 : tail;
	make_printable(last);
	(void)snprintf(line, size, "%.*s", (int)size - 1, last);
}
