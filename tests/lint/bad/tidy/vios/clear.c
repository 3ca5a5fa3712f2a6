/* Takes the size of a pointer for that of what it points at. */
#include <string.h>

struct page {
	char bytes[4096];
};

unsigned long page_count(const struct page *pages, unsigned long bytes);

unsigned long page_count(const struct page *pages, unsigned long bytes)
{
	return bytes / sizeof(pages);
}

int same(const char *a, const char *b);

int same(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || strcmp(a, b) == 0;
}
