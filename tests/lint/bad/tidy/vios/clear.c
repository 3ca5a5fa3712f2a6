/* Does the same either way, and asks the same thing twice. */
#include <string.h>

int length(const char *text, int is_long);

int length(const char *text, int is_long)
{
	if (is_long)
		return (int)strlen(text);
	else
		return (int)strlen(text);
}

int same(const char *a, const char *b);

int same(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || strcmp(a, b) == 0;
}
