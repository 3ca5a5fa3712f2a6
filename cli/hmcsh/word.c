/*
 * word - one word into parts. Text is collected in the lexer's scratch while it is of
 * one kind, quoted or not, and becomes a part when another begins.
 */
#include "cli/hmcsh/parser_priv.h"

#include <ctype.h>
#include <string.h>

#include "hvcore/base/invariant.h"

struct building {
	struct hmcsh_lexer *lexer;
	struct hmcsh_word *word;
	struct hmcsh_part **end;
	struct hv_err *err;
};

static char here(const struct building *b)
{
	return b->lexer->text[b->lexer->at];
}

static struct hmcsh_part *add_part(struct building *b, enum hmcsh_part_kind kind,
				   bool is_quoted)
{
	struct hmcsh_part *part = hmcsh_script_take(b->lexer->script, sizeof(*part),
						    b->err);

	if (part == NULL)
		return NULL;
	part->kind = kind;
	part->is_quoted = is_quoted;
	*b->end = part;
	b->end = &part->next;
	return part;
}

/* What was collected becomes a part. */
static enum hv_code flush(struct building *b)
{
	struct hmcsh_lexer *lexer = b->lexer;
	struct hmcsh_part *part;

	if (!lexer->is_pending)
		return HV_OK;
	part = add_part(b, HMCSH_TEXT, lexer->is_quoted);
	if (part == NULL)
		return HV_E_NOMEM;
	part->text = hmcsh_script_text(lexer->script, lexer->scratch, lexer->count,
				       b->err);
	lexer->is_pending = false;
	lexer->count = 0;
	return part->text != NULL ? HV_OK : HV_E_NOMEM;
}

/* From here on text of this kind is collected, even if there is none: '' is a word. */
static enum hv_code collect(struct building *b, bool is_quoted)
{
	struct hmcsh_lexer *lexer = b->lexer;
	enum hv_code code = HV_OK;

	if (lexer->is_pending && lexer->is_quoted != is_quoted)
		code = flush(b);
	lexer->is_pending = true;
	lexer->is_quoted = is_quoted;
	return code;
}

static enum hv_code add_char(struct building *b, char c, bool is_quoted)
{
	enum hv_code code = collect(b, is_quoted);

	if (code == HV_OK)
		b->lexer->scratch[b->lexer->count++] = c;
	return code;
}

/* A part that is no text comes: quoted it makes a word by itself. */
static enum hv_code flush_before(struct building *b, bool is_quoted)
{
	if (is_quoted && b->lexer->count == 0)
		b->lexer->is_pending = false;
	return flush(b);
}

static enum hv_code unclosed(struct building *b, char c)
{
	return hv_fail(b->err, HV_E_AGAIN,
		       "unexpected EOF while looking for matching `%c'", c);
}

/* The list between back quotes, where \` \\ and \$ are escapes, in quotes \" too. */
static enum hv_code take_backquotes(struct building *b, bool is_quoted)
{
	struct hmcsh_lexer *lexer = b->lexer;
	size_t count = strlen(lexer->text + lexer->at), n = 0;
	const char *escaped = is_quoted ? "`\\$\"" : "`\\$";
	struct hmcsh_part *part;
	char *inner;

	if (flush_before(b, is_quoted) != HV_OK)
		return HV_E_NOMEM;
	inner = hmcsh_script_take(lexer->script, count + 1, b->err);
	if (inner == NULL)
		return HV_E_NOMEM;
	for (lexer->at++; here(b) != '`'; lexer->at++) {
		if (here(b) == '\\' && lexer->text[lexer->at + 1] != '\0' &&
		    strchr(escaped, lexer->text[lexer->at + 1]) != NULL)
			lexer->at++;
		if (here(b) == '\0')
			return unclosed(b, '`');
		inner[n++] = here(b);
	}
	lexer->at++;
	part = add_part(b, HMCSH_OUTPUT, is_quoted);
	if (part == NULL)
		return HV_E_NOMEM;
	return hmcsh_parse_inner(lexer, inner, &part->list, b->err);
}

static enum hv_code take_output(struct building *b, bool is_quoted)
{
	struct hmcsh_part *part;

	if (flush_before(b, is_quoted) != HV_OK)
		return HV_E_NOMEM;
	part = add_part(b, HMCSH_OUTPUT, is_quoted);
	if (part == NULL)
		return HV_E_NOMEM;
	b->lexer->at += 2;
	return hmcsh_parse_output(b->lexer, &part->list, b->err);
}

/* How long the name of a variable at `name` is: a word, a digit or a sign. */
static size_t measure_name(const char *name)
{
	size_t count = 0;

	if (name[0] != '\0' &&
	    (isdigit((unsigned char)name[0]) || strchr("?$#@*!-", name[0]) != NULL))
		return 1;
	while (isalnum((unsigned char)name[count]) || name[count] == '_')
		count++;
	return count;
}

static enum hv_code take_variable(struct building *b, bool is_quoted)
{
	struct hmcsh_lexer *lexer = b->lexer;
	bool has_brace = lexer->text[lexer->at + 1] == '{';
	const char *name = lexer->text + lexer->at + 1 + has_brace;
	size_t count = measure_name(name);
	struct hmcsh_part *part;

	if (has_brace && name[count] == '\0')
		return unclosed(b, '}');
	if (count == 0 || (has_brace && name[count] != '}') ||
	    count >= HMCSH_NAME_BYTES_MAX)
		return hv_fail(b->err, HV_E_INVAL, "${%.40s: bad substitution", name);
	if (flush_before(b, is_quoted) != HV_OK)
		return HV_E_NOMEM;
	part = add_part(b, HMCSH_VARIABLE, is_quoted);
	if (part == NULL)
		return HV_E_NOMEM;
	part->text = hmcsh_script_text(lexer->script, name, count, b->err);
	lexer->at += 1 + count + 2 * (size_t)has_brace;
	return part->text != NULL ? HV_OK : HV_E_NOMEM;
}

static enum hv_code take_dollar(struct building *b, bool is_quoted);

/* What an expression may have in it, besides $. */
static bool is_of_expression(char c)
{
	return isalnum((unsigned char)c) ||
	       (c != '\0' && strchr("_ \t\n+-*/%<>=!&|^~?:()", c) != NULL);
}

/* The parts of an expression up to its "))"; parentheses in it are counted. */
static enum hv_code take_parts(struct building *b)
{
	unsigned open = 0;
	enum hv_code code = collect(b, false);

	while (code == HV_OK && (open > 0 || here(b) != ')')) {
		char c = here(b);

		if (c == '\0')
			return hv_fail(b->err, HV_E_AGAIN,
				       "unexpected EOF while looking for matching `)'");
		if (c == '$') {
			code = take_dollar(b, true);
			continue;
		}
		if (!is_of_expression(c))
			return hv_fail(b->err, HV_E_INVAL,
				       "syntax error in expression near `%c'", c);
		open += c == '(';
		open -= c == ')';
		b->lexer->at++;
		code = add_char(b, c, false);
	}
	if (code != HV_OK)
		return code;
	if (b->lexer->text[b->lexer->at + 1] != ')')
		return hv_fail(b->err, HV_E_INVAL, "syntax error in expression near `)'");
	b->lexer->at += 2;
	return flush(b);
}

static enum hv_code take_number(struct building *b, bool is_quoted)
{
	struct hmcsh_lexer *lexer = b->lexer;
	struct building inner = { .lexer = lexer, .err = b->err };
	struct hmcsh_part *part;
	enum hv_code code;

	if (lexer->depth == HMCSH_DEPTH_MAX)
		return hv_fail(b->err, HV_E_LIMIT, "commands are nested too deep");
	if (flush_before(b, is_quoted) != HV_OK)
		return HV_E_NOMEM;
	part = add_part(b, HMCSH_NUMBER, is_quoted);
	inner.word = hmcsh_script_take(lexer->script, sizeof(*inner.word), b->err);
	if (part == NULL || inner.word == NULL)
		return HV_E_NOMEM;
	part->expression = inner.word;
	inner.end = &inner.word->parts;
	lexer->at += 3;
	lexer->depth++;
	code = take_parts(&inner);
	lexer->depth--;
	return code;
}

/* The text of $'...', with its escapes. */
static enum hv_code take_escaped(struct building *b)
{
	static const char letters[] = "abefnrtv\\'\"?";
	static const char values[] = "\a\b\033\f\n\r\t\v\\'\"?";
	enum hv_code code = collect(b, true);

	b->lexer->at += 2;
	while (code == HV_OK && here(b) != '\'') {
		char c = here(b),
		     next = c != '\0' ? b->lexer->text[b->lexer->at + 1] : '\0';
		const char *letter = next != '\0' ? strchr(letters, next) : NULL;

		if (c == '\0')
			return unclosed(b, '\'');
		if (c == '\\' && letter == NULL)
			return hv_fail(b->err, HV_E_REFUSED,
				       "restricted: no such escape (`\\%c')", next);
		b->lexer->at += c == '\\' ? 2 : 1;
		code = add_char(b, c == '\\' ? values[letter - letters] : c, true);
	}
	b->lexer->at++;
	return code;
}

static enum hv_code take_dollar(struct building *b, bool is_quoted)
{
	const char *at = b->lexer->text + b->lexer->at;

	if (strncmp(at, "$((", 3) == 0)
		return take_number(b, is_quoted);
	if (!is_quoted && at[1] == '\'')
		return take_escaped(b);
	if (!is_quoted && at[1] == '"') {
		b->lexer->at++; /* a text of the locale: there is but one */
		return HV_OK;
	}
	if (at[1] == '(')
		return take_output(b, is_quoted);
	if (at[1] == '{' || measure_name(at + 1) > 0)
		return take_variable(b, is_quoted);
	b->lexer->at++;
	return add_char(b, '$', true); /* itself: $' must not come of it when printed */
}

static enum hv_code take_single(struct building *b)
{
	enum hv_code code = collect(b, true);

	for (b->lexer->at++; code == HV_OK && here(b) != '\''; b->lexer->at++) {
		if (here(b) == '\0')
			return unclosed(b, '\'');
		code = add_char(b, here(b), true);
	}
	b->lexer->at++;
	return code;
}

/* A backslash: an escape, or in double quotes perhaps itself. */
static enum hv_code take_escape(struct building *b, bool is_in_quotes)
{
	char next = b->lexer->text[b->lexer->at + 1];

	b->lexer->at += 2;
	if (next == '\0') {
		b->lexer->at--;
		return is_in_quotes ? HV_OK : add_char(b, '\\', true);
	}
	if (next == '\n')
		return HV_OK;
	if (is_in_quotes && strchr("$`\"\\", next) == NULL) {
		if (add_char(b, '\\', true) != HV_OK)
			return HV_E_NOMEM;
	}
	return add_char(b, next, true);
}

static enum hv_code take_double(struct building *b)
{
	enum hv_code code = collect(b, true);

	b->lexer->at++;
	while (code == HV_OK && here(b) != '"') {
		char c = here(b);

		if (c == '\0')
			return unclosed(b, '"');
		if (c == '\\') {
			code = take_escape(b, true);
		} else if (c == '$') {
			code = take_dollar(b, true);
		} else if (c == '`') {
			code = take_backquotes(b, true);
		} else {
			b->lexer->at++;
			code = add_char(b, c, true);
		}
	}
	b->lexer->at++;
	return code;
}

static enum hv_code take_one(struct building *b)
{
	char c = here(b);

	if (c == '\'')
		return take_single(b);
	if (c == '"')
		return take_double(b);
	if (c == '\\')
		return take_escape(b, false);
	if (c == '$')
		return take_dollar(b, false);
	if (c == '`')
		return take_backquotes(b, false);
	b->lexer->at++;
	return add_char(b, c, false);
}

enum hv_code hmcsh_lexer_word(struct hmcsh_lexer *lexer, struct hmcsh_word **ret_word,
			      struct hv_err *err)
{
	struct building b = { .lexer = lexer, .err = err };
	enum hv_code code = HV_OK;

	HV_INVARIANT(!hmcsh_is_meta(lexer->text[lexer->at]));
	HV_INVARIANT(!lexer->is_pending && lexer->count == 0);
	b.word = hmcsh_script_take(lexer->script, sizeof(*b.word), err);
	if (b.word == NULL)
		return HV_E_NOMEM;
	b.end = &b.word->parts;
	while (code == HV_OK && !hmcsh_is_meta(here(&b)))
		code = take_one(&b);
	if (code == HV_OK)
		code = flush(&b);
	if (code == HV_OK)
		*ret_word = b.word;
	return code;
}
