/*
 * read - the builtin that reads a line into variables. Bytes are taken one by one: what
 * follows the line belongs to the next command.
 */
#include "cli/hmcsh/builtins.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/hmcsh/process.h"

#define LINE_BYTES_MAX 65536 /* arbitrary; more of a line is left out */

struct line {
	size_t count;
	char text[LINE_BYTES_MAX];
	bool is_escaped[LINE_BYTES_MAX]; /* by a backslash: separates nothing */
};

/* The next byte; 0 at the end, -1 after a failure or an interrupt. */
static int next_byte(char *ret_byte)
{
	ssize_t n;

	do {
		n = hmcsh_wait_readable(STDIN_FILENO, -1);
		if (n > 0)
			n = read(STDIN_FILENO, ret_byte, 1);
	} while (n < 0 && errno == EINTR && !hmcsh_is_interrupted());
	return n > 0 ? 1 : (int)n;
}

static void append(struct line *line, char byte, bool is_escaped)
{
	if (byte == '\0' || line->count + 1 == LINE_BYTES_MAX)
		return;
	line->text[line->count] = byte;
	line->is_escaped[line->count++] = is_escaped;
}

/* Whether the line had its newline. */
static bool take_line(struct line *line, bool is_raw)
{
	char byte;

	line->count = 0;
	while (next_byte(&byte) > 0) {
		if (byte == '\n')
			return true;
		if (byte != '\\' || is_raw) {
			append(line, byte, false);
			continue;
		}
		if (next_byte(&byte) <= 0)
			return false;
		if (byte != '\n')
			append(line, byte, true);
	}
	return false;
}

static bool separates(const struct line *line, size_t at, const char *separators)
{
	return at < line->count && !line->is_escaped[at] &&
	       strchr(separators, line->text[at]) != NULL;
}

static bool is_blank(const struct line *line, size_t at, const char *separators)
{
	return separates(line, at, separators) && strchr(" \t", line->text[at]) != NULL;
}

static int set_slice(struct hmcsh *shell, struct line *line, const char *name,
		     size_t start, size_t end)
{
	char kept = line->text[end];
	struct hv_err err;
	enum hv_code code;

	line->text[end] = '\0';
	code = hmcsh_variables_set(&shell->variables, name, line->text + start, &err);
	line->text[end] = kept;
	if (code == HV_OK)
		return HMCSH_DONE;
	hmcsh_complain(&err);
	return HMCSH_FAILED;
}

/* Behind what separates two fields: blanks, at most one other separator, blanks. */
static size_t skip_separator(const struct line *line, size_t at, const char *separators)
{
	while (is_blank(line, at, separators))
		at++;
	if (separates(line, at, separators) && !is_blank(line, at, separators))
		at++;
	while (is_blank(line, at, separators))
		at++;
	return at;
}

/*
 * One variable from *at on. The last gets all that is left, without blanks at its end,
 * and without a separator that nothing follows if there is but one field.
 */
static int set_next(struct hmcsh *shell, struct line *line, size_t *at, const char *name,
		    bool is_last)
{
	const char *ifs = hmcsh_variables_get(&shell->variables, "IFS");
	char separators[HMCSH_NAME_BYTES_MAX];
	size_t start, end;

	(void)snprintf(separators, sizeof(separators), "%s", ifs != NULL ? ifs : " \t\n");
	while (is_blank(line, *at, separators))
		(*at)++;
	start = end = *at;
	while (end < line->count && !separates(line, end, separators))
		end++;
	*at = skip_separator(line, end, separators);
	if (is_last && *at < line->count) {
		end = *at = line->count;
		while (end > start && is_blank(line, end - 1, separators))
			end--;
	}
	return set_slice(shell, line, name, start, end);
}

/* -r, -p PROMPT; *ret_first: the first name. */
static int take_options(char *const *words, bool *ret_is_raw, unsigned *ret_first)
{
	unsigned i = 1;

	*ret_is_raw = false;
	for (; words[i] != NULL && words[i][0] == '-'; i++) {
		if (strcmp(words[i], "-r") == 0) {
			*ret_is_raw = true;
		} else if (strcmp(words[i], "-p") == 0 && words[i + 1] != NULL) {
			if (isatty(STDIN_FILENO))
				(void)fputs(words[i + 1], stderr);
			i++;
		} else {
			return hmcsh_say(HMCSH_WRONG, words[0], "%.80s: invalid option",
					 words[i]);
		}
	}
	*ret_first = i;
	return HMCSH_DONE;
}

int hmcsh_read(struct hmcsh *shell, char *const *words)
{
	static char name[] = "REPLY";
	static char *const reply[] = { name, NULL };
	static struct line line; /* too large for a stack of a deep script */
	char *const *names;
	unsigned first = 1;
	bool is_raw, has_end;
	int status = take_options(words, &is_raw, &first);
	size_t at = 0;

	if (status != HMCSH_DONE)
		return status;
	names = words[first] != NULL ? words + first : reply;
	for (unsigned i = 0; names[i] != NULL; i++)
		if (!hmcsh_name_is_valid(names[i], strlen(names[i])))
			return hmcsh_say(HMCSH_FAILED, words[0],
					 "`%.80s': not a valid identifier", names[i]);
	(void)fflush(stdout);
	has_end = take_line(&line, is_raw);
	for (unsigned i = 0; names[i] != NULL && status == HMCSH_DONE; i++)
		status = set_next(shell, &line, &at, names[i], names[i + 1] == NULL);
	return status == HMCSH_DONE && !has_end ? HMCSH_FAILED : status;
}
