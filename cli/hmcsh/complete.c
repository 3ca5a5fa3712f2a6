/* complete - see complete.h. */
#include "cli/hmcsh/complete.h"

#include <stdlib.h>
#include <string.h>

#include "cli/hmcsh/builtins.h"
#include "cli/hmcsh/filters.h"

/* Where the word at the end begins, if it is a command's name; `count` if it is not. */
static size_t find_word(const char *line, size_t count)
{
	size_t at = count, before;

	while (at > 0 && strchr(" \t;|&(`'\"$=<>\\", line[at - 1]) == NULL)
		at--;
	before = at;
	while (before > 0 && (line[before - 1] == ' ' || line[before - 1] == '\t'))
		before--;
	if (before > 0 && strchr(";|&(`", line[before - 1]) == NULL)
		return count;
	return at;
}

static void add(struct hmcsh_matches *matches, const char *name, const char *word,
		size_t count)
{
	if (strncmp(name, word, count) == 0 && matches->count < HMCSH_MATCHES_MAX)
		matches->names[matches->count++] = name;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of sorted names: what the first and the last begin with. */
static size_t measure_common(const struct hmcsh_matches *matches)
{
	const char *first = matches->names[0], *last = matches->names[matches->count - 1];
	size_t count = 0;

	while (first[count] != '\0' && first[count] == last[count])
		count++;
	return count;
}

void hmcsh_complete(const struct hmcsh *shell, const char *line, size_t count,
		    struct hmcsh_matches *ret_matches, size_t *ret_word)
{
	size_t at = find_word(line, count);
	const struct hmcsh_builtin *builtin;
	const char *name;

	ret_matches->count = 0;
	ret_matches->common = 0;
	*ret_word = count - at;
	if (at == count)
		return;
	for (unsigned i = 0; i < shell->commands.count; i++)
		add(ret_matches, shell->commands.names[i], line + at, *ret_word);
	for (unsigned i = 0; (name = hmcsh_filter_name(i)) != NULL; i++)
		add(ret_matches, name, line + at, *ret_word);
	for (unsigned i = 0; (builtin = hmcsh_builtin_nth(i)) != NULL; i++)
		add(ret_matches, builtin->name, line + at, *ret_word);
	if (ret_matches->count == 0)
		return;
	qsort(ret_matches->names, ret_matches->count, sizeof(ret_matches->names[0]),
	      compare);
	ret_matches->common = measure_common(ret_matches);
}
