/* oom - see oom.h. The linker sends malloc and friends here (--wrap). */
#include "tests/support/oom.h"

#include <errno.h>
#include <stddef.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t most);
int __real_posix_memalign(void **ret, size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);
int __wrap_posix_memalign(void **ret, size_t alignment, size_t bytes);

static _Thread_local unsigned left; /* allocations until the failure; 0 = not armed */
static _Thread_local bool was_hit;
static _Thread_local bool is_off;

void oom_arm(unsigned nth)
{
	left = nth;
	was_hit = false;
}

bool oom_disarm(void)
{
	left = 0;
	return was_hit;
}

void oom_pause(bool is_paused)
{
	is_off = is_paused;
}

static bool fails(void)
{
	if (is_off || left == 0 || --left != 0)
		return false;
	was_hit = true;
	return true;
}

void *__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
	return fails() ? NULL : __real_realloc(old, bytes);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t most)
{
	return fails() ? NULL : __real_strndup(text, most);
}

int __wrap_posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	return fails() ? ENOMEM : __real_posix_memalign(ret, alignment, bytes);
}
