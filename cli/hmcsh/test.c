/*
 * test - the builtins test and [.
 *
 *   or      := and { -o and }
 *   and     := not { -a not }
 *   not     := "!" not | primary
 *   primary := A op B | -n A | -z A | -t N | "(" or ")" | A
 *
 * Questions about files are refused: there are none. Recursion is bounded.
 */
#include "cli/hmcsh/builtins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 32 /* of "!" and "(" */

struct expression {
	const char *name;
	char *const *words;
	unsigned count, at, depth;
	bool is_wrong;
};

static bool read_or(struct expression *e);

static bool wrong(struct expression *e, const char *word, const char *why)
{
	if (!e->is_wrong)
		(void)hmcsh_say(HMCSH_WRONG, e->name, "%.80s: %s", word, why);
	e->is_wrong = true;
	return false;
}

/* The nth word from here, or "". */
static const char *word_at(const struct expression *e, unsigned nth)
{
	return e->at + nth < e->count ? e->words[e->at + nth] : "";
}

static bool is(const struct expression *e, unsigned nth, const char *word)
{
	return e->at + nth < e->count && strcmp(e->words[e->at + nth], word) == 0;
}

static bool take_integer(struct expression *e, const char *word, long long *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtoll(word, &end, 10);
	if (end == word || *(end + strspn(end, " \t")) != '\0' || errno != 0)
		return wrong(e, word, "integer expression expected");
	return true;
}

enum comparison { EQ, NE, LT, LE, GT, GE, TEXT_EQ, TEXT_NE, TEXT_LT, TEXT_GT };

static const struct {
	const char *word;
	enum comparison comparison;
} comparisons[] = {
	/* clang-format off */
	{ "-eq", EQ }, { "-ne", NE }, { "-lt", LT }, { "-le", LE }, { "-gt", GT },
	{ "-ge", GE }, { "=", TEXT_EQ }, { "==", TEXT_EQ }, { "!=", TEXT_NE },
	{ "<", TEXT_LT }, { ">", TEXT_GT },
	/* clang-format on */
};

/* The comparison that the word is, or -1. */
static int find_comparison(const char *word)
{
	for (size_t i = 0; i < HV_COUNT(comparisons); i++)
		if (strcmp(comparisons[i].word, word) == 0)
			return (int)comparisons[i].comparison;
	return -1;
}

static bool compare(struct expression *e, const char *a, enum comparison comparison,
		    const char *b)
{
	int order = strcmp(a, b);
	long long x = 0, y = 0;

	if (comparison < TEXT_EQ && (!take_integer(e, a, &x) || !take_integer(e, b, &y)))
		return false;
	if (comparison < TEXT_EQ)
		order = x < y ? -1 : x > y;
	switch (comparison) {
	case EQ:
	case TEXT_EQ:
		return order == 0;
	case NE:
	case TEXT_NE:
		return order != 0;
	case LT:
	case TEXT_LT:
		return order < 0;
	case LE:
		return order <= 0;
	case GT:
	case TEXT_GT:
		return order > 0;
	case GE:
		return order >= 0;
	}
	return false;
}

/* -n A and the like: a letter. */
static bool read_unary(struct expression *e)
{
	const char *operator= word_at(e, 0), *word = word_at(e, 1);
	long long descriptor;

	e->at += 2;
	switch (operator[1]) {
	case 'n':
		return word[0] != '\0';
	case 'z':
		return word[0] == '\0';
	case 't':
		return take_integer(e, word, &descriptor) && descriptor >= 0 &&
		       descriptor <= 2 && isatty((int)descriptor);
	default:
		return wrong(e, operator, "restricted: there are no files");
	}
}

static bool is_unary(const char *word)
{
	return word[0] == '-' && word[1] != '\0' && word[2] == '\0' &&
	       strchr("nztabcdefghkoprsuvwxGLNOS", word[1]) != NULL;
}

static bool read_primary(struct expression *e)
{
	int comparison = find_comparison(word_at(e, 1));
	bool is_true;

	if (e->at >= e->count)
		return wrong(e, e->count > 0 ? e->words[e->count - 1] : "",
			     "argument expected");
	if (comparison >= 0 && e->at + 2 < e->count) {
		is_true = compare(e, word_at(e, 0), (enum comparison)comparison,
				  word_at(e, 2));
		e->at += 3;
		return is_true;
	}
	if (is(e, 0, "(") && e->at + 1 < e->count) {
		e->at++;
		is_true = read_or(e);
		if (!is(e, 0, ")"))
			return wrong(e, word_at(e, 0), "`)' expected");
		e->at++;
		return is_true;
	}
	if (is_unary(word_at(e, 0)) && e->at + 1 < e->count)
		return read_unary(e);
	is_true = word_at(e, 0)[0] != '\0';
	e->at++;
	return is_true;
}

static bool read_not(struct expression *e)
{
	bool is_negated = false, is_true;

	/* "!" = x compares */
	while (is(e, 0, "!") && e->at + 1 < e->count &&
	       !(find_comparison(word_at(e, 1)) >= 0 && e->at + 2 < e->count)) {
		is_negated = !is_negated;
		e->at++;
	}
	is_true = read_primary(e);
	return is_true != is_negated;
}

static bool read_and(struct expression *e)
{
	bool is_true = read_not(e);

	while (!e->is_wrong && is(e, 0, "-a")) {
		e->at++;
		is_true = read_not(e) && is_true;
	}
	return is_true;
}

static bool read_or(struct expression *e)
{
	bool is_true;

	if (++e->depth > DEPTH_MAX)
		return wrong(e, word_at(e, 0), "nested too deep");
	is_true = read_and(e);
	while (!e->is_wrong && is(e, 0, "-o")) {
		e->at++;
		is_true = read_and(e) || is_true;
	}
	e->depth--;
	return is_true;
}

int hmcsh_test(struct hmcsh *shell, char *const *words)
{
	struct expression e = { .name = words[0], .words = words + 1 };
	bool is_true;

	(void)shell;
	while (words[1 + e.count] != NULL)
		e.count++;
	if (strcmp(words[0], "[") == 0) {
		if (e.count == 0 || strcmp(words[e.count], "]") != 0)
			return hmcsh_say(HMCSH_WRONG, words[0], "missing `]'");
		e.count--;
	}
	if (e.count == 0)
		return HMCSH_FAILED;
	is_true = read_or(&e);
	if (!e.is_wrong && e.at < e.count)
		(void)wrong(&e, word_at(&e, 0), "unexpected argument");
	if (e.is_wrong)
		return HMCSH_WRONG;
	return is_true ? HMCSH_DONE : HMCSH_FAILED;
}
