/* Fills with the character for zero, and asks the same thing twice. */
#include <string.h>

void clear(char *bytes, unsigned long count);

void clear(char *bytes, unsigned long count)
{
	memset(bytes, '0', count);
}

int same(const char *a, const char *b);

int same(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || strcmp(a, b) == 0;
}
