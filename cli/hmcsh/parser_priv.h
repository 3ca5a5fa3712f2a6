/*
 * parser_priv - tokens, and words while they are read. The lexer calls the parser for
 * $(list), on the same text: a list ends where its ")" is.
 */
#ifndef CLI_HMCSH_PARSER_PRIV_H
#define CLI_HMCSH_PARSER_PRIV_H

#include "cli/hmcsh/parser.h"

enum hmcsh_token_kind {
	HMCSH_T_END,
	HMCSH_T_NEWLINE,
	HMCSH_T_SEMICOLON,
	HMCSH_T_BACKGROUND,
	HMCSH_T_AND,
	HMCSH_T_OR,
	HMCSH_T_PIPE,
	HMCSH_T_OPEN,
	HMCSH_T_CLOSE,
	HMCSH_T_REDIRECT,
	HMCSH_T_WORD
};

enum hmcsh_arrow {
	HMCSH_OUT,      /* > >> >| */
	HMCSH_IN,       /* < */
	HMCSH_OUT_DUP,  /* >& */
	HMCSH_IN_DUP,   /* <& */
	HMCSH_OUT_BOTH, /* &> &>> */
};

struct hmcsh_token {
	enum hmcsh_token_kind kind;
	size_t start, end;       /* where in the text */
	struct hmcsh_word *word; /* WORD */
	enum hmcsh_arrow arrow;  /* REDIRECT */
	int descriptor;          /* REDIRECT; -1: none was given */
};

struct hmcsh_lexer {
	struct hmcsh_script *script;
	const char *text;
	size_t at;
	unsigned depth;
	struct hmcsh_token token; /* the one to look at */
	/* text of the word being read that is no part yet */
	char *scratch;
	size_t count;
	bool is_pending, is_quoted;
};

HV_MUST_USE
enum hv_code hmcsh_lexer_init(struct hmcsh_lexer *lexer, struct hmcsh_script *script,
			      const char *text, unsigned depth, struct hv_err *err);

/* Makes `token` the next one. */
HV_MUST_USE
enum hv_code hmcsh_lexer_next(struct hmcsh_lexer *lexer, struct hv_err *err);

/* The word at lexer->at, where one is. */
HV_MUST_USE
enum hv_code hmcsh_lexer_word(struct hmcsh_lexer *lexer, struct hmcsh_word **ret_word,
			      struct hv_err *err);

/* A list from lexer->at to its ")", which is consumed. */
HV_MUST_USE
enum hv_code hmcsh_parse_output(struct hmcsh_lexer *lexer, struct hmcsh_node **ret_list,
				struct hv_err *err);
/* The same for a whole text: what is between back quotes. */
HV_MUST_USE
enum hv_code hmcsh_parse_inner(struct hmcsh_lexer *outer, const char *text,
			       struct hmcsh_node **ret_list, struct hv_err *err);

/* Does the character end a word? */
bool hmcsh_is_meta(char c);

#endif
