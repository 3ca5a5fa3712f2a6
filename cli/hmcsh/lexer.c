/* lexer - a line into tokens. Words are read by word.c. */
#include "cli/hmcsh/parser_priv.h"

#include <string.h>

#include "hvcore/base/invariant.h"

#define DESCRIPTOR_DIGITS_MAX 2 /* what is longer is a word */

static const struct {
	const char *text;
	enum hmcsh_token_kind kind;
	enum hmcsh_arrow arrow;
} operators[] = {
	/* clang-format off: of two that match the longer comes first */
	{ "&>>", HMCSH_T_REDIRECT, HMCSH_OUT_BOTH },
	{ "&>", HMCSH_T_REDIRECT, HMCSH_OUT_BOTH },
	{ "&&", HMCSH_T_AND, HMCSH_OUT },
	{ "&", HMCSH_T_BACKGROUND, HMCSH_OUT },
	{ "||", HMCSH_T_OR, HMCSH_OUT },
	{ "|", HMCSH_T_PIPE, HMCSH_OUT },
	{ ";", HMCSH_T_SEMICOLON, HMCSH_OUT },
	{ "\n", HMCSH_T_NEWLINE, HMCSH_OUT },
	{ "(", HMCSH_T_OPEN, HMCSH_OUT },
	{ ")", HMCSH_T_CLOSE, HMCSH_OUT },
	{ ">>", HMCSH_T_REDIRECT, HMCSH_OUT },
	{ ">|", HMCSH_T_REDIRECT, HMCSH_OUT },
	{ ">&", HMCSH_T_REDIRECT, HMCSH_OUT_DUP },
	{ ">", HMCSH_T_REDIRECT, HMCSH_OUT },
	{ "<&", HMCSH_T_REDIRECT, HMCSH_IN_DUP },
	{ "<>", HMCSH_T_REDIRECT, HMCSH_IN },
	{ "<", HMCSH_T_REDIRECT, HMCSH_IN },
	/* clang-format on */
};

bool hmcsh_is_meta(char c)
{
	return c == '\0' || strchr(" \t\n;|&()<>", c) != NULL;
}

enum hv_code hmcsh_lexer_init(struct hmcsh_lexer *lexer, struct hmcsh_script *script,
			      const char *text, unsigned depth, struct hv_err *err)
{
	size_t count = strnlen(text, HMCSH_LINE_BYTES_MAX);

	*lexer = (struct hmcsh_lexer){ .script = script, .text = text, .depth = depth };
	if (count == HMCSH_LINE_BYTES_MAX)
		return hv_fail(err, HV_E_LIMIT, "line too long");
	lexer->scratch = hmcsh_script_take(script, count + 1, err);
	return lexer->scratch != NULL ? HV_OK : HV_E_NOMEM;
}

/* Blanks, escaped newlines and a comment. */
static void skip_blanks(struct hmcsh_lexer *lexer)
{
	const char *at = lexer->text + lexer->at;

	for (;;) {
		if (*at == ' ' || *at == '\t')
			at++;
		else if (at[0] == '\\' && at[1] == '\n')
			at += 2;
		else
			break;
	}
	if (*at == '#')
		at += strcspn(at, "\n");
	lexer->at = (size_t)(at - lexer->text);
}

/* The digits of "2>&1"; none where no arrow follows. */
static size_t take_descriptor(const char *at, int *ret_descriptor)
{
	size_t digits = strspn(at, "0123456789");

	*ret_descriptor = -1;
	if (digits == 0 || digits > DESCRIPTOR_DIGITS_MAX ||
	    (at[digits] != '<' && at[digits] != '>'))
		return 0;
	*ret_descriptor = 0;
	for (size_t i = 0; i < digits; i++)
		*ret_descriptor = 10 * *ret_descriptor + (at[i] - '0');
	return digits;
}

static bool take_operator(struct hmcsh_lexer *lexer, const char *at)
{
	struct hmcsh_token *token = &lexer->token;
	size_t digits = take_descriptor(at, &token->descriptor);

	for (size_t i = 0; i < HV_COUNT(operators); i++) {
		size_t count = strlen(operators[i].text);

		if (strncmp(at + digits, operators[i].text, count) != 0)
			continue;
		token->kind = operators[i].kind;
		token->arrow = operators[i].arrow;
		lexer->at += digits + count;
		token->end = lexer->at;
		return true;
	}
	HV_INVARIANT(digits == 0);
	return false;
}

enum hv_code hmcsh_lexer_next(struct hmcsh_lexer *lexer, struct hv_err *err)
{
	struct hmcsh_word *word = NULL;
	const char *at;
	enum hv_code code;

	skip_blanks(lexer);
	at = lexer->text + lexer->at;
	lexer->token = (struct hmcsh_token){ .start = lexer->at, .end = lexer->at };
	if (*at == '\0' || take_operator(lexer, at))
		return strncmp(at, "<<", 2) != 0
			       ? HV_OK
			       : hv_fail(err, HV_E_REFUSED,
					 "restricted: no documents in a line (`<<')");
	code = hmcsh_lexer_word(lexer, &word, err); /* may read tokens of its own */
	if (code != HV_OK)
		return code;
	lexer->token = (struct hmcsh_token){
		.kind = HMCSH_T_WORD,
		.start = (size_t)(at - lexer->text),
		.end = lexer->at,
		.word = word,
	};
	return HV_OK;
}
