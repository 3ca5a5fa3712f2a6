/* parser - see parser.h. Each function begins at lexer->token and ends behind its own. */
#include "cli/hmcsh/parser.h"

#include <ctype.h>
#include <string.h>

#include "cli/hmcsh/parser_priv.h"
#include "hvcore/base/invariant.h"

#define TOKEN_SHOWN_BYTES 40 /* of a token in a message */
#define REDIRECTS_MAX 8      /* of one command; arbitrary */

static enum hv_code parse_list(struct hmcsh_lexer *lexer, struct hmcsh_node **ret_list,
			       struct hv_err *err);

/* What cannot begin a command, because it goes on with or ends another. */
static const char *const closing[] = { "then", "else", "elif", "fi", "do", "done", "}" };
/* Words of a shell that this one does not have. */
static const char *const refused[] = { "case",   "select",   "time",
				       "coproc", "function", "[[" };

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* The token as a bare word, or NULL. */
static const char *bare(const struct hmcsh_lexer *lexer)
{
	return lexer->token.kind == HMCSH_T_WORD ? hmcsh_word_bare(lexer->token.word)
						 : NULL;
}

static bool is_word(const struct hmcsh_lexer *lexer, const char *word)
{
	const char *text = bare(lexer);

	return text != NULL && strcmp(text, word) == 0;
}

static bool ends_list(const struct hmcsh_lexer *lexer)
{
	const char *word = bare(lexer);

	return lexer->token.kind == HMCSH_T_END || lexer->token.kind == HMCSH_T_CLOSE ||
	       (word != NULL && is_one_of(word, closing, HV_COUNT(closing)));
}

static enum hv_code unexpected(const struct hmcsh_lexer *lexer, struct hv_err *err)
{
	const struct hmcsh_token *token = &lexer->token;
	size_t count = token->end - token->start;

	if (token->kind == HMCSH_T_END)
		return hv_fail(err, HV_E_AGAIN, "syntax error: unexpected end of file");
	if (token->kind == HMCSH_T_BACKGROUND)
		return hv_fail(err, HV_E_REFUSED,
			       "restricted: nothing runs in the background (`&')");
	if (token->kind == HMCSH_T_NEWLINE)
		return hv_fail(err, HV_E_INVAL,
			       "syntax error near unexpected token `newline'");
	return hv_fail(err, HV_E_INVAL, "syntax error near unexpected token `%.*s'",
		       (int)(count < TOKEN_SHOWN_BYTES ? count : TOKEN_SHOWN_BYTES),
		       lexer->text + token->start);
}

static enum hv_code skip_newlines(struct hmcsh_lexer *lexer, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	while (code == HV_OK && lexer->token.kind == HMCSH_T_NEWLINE)
		code = hmcsh_lexer_next(lexer, err);
	return code;
}

static enum hv_code expect(struct hmcsh_lexer *lexer, const char *word,
			   struct hv_err *err)
{
	if (!is_word(lexer, word))
		return unexpected(lexer, err);
	return hmcsh_lexer_next(lexer, err);
}

/* A list that must have something in it. */
static enum hv_code parse_full_list(struct hmcsh_lexer *lexer,
				    struct hmcsh_node **ret_list, struct hv_err *err)
{
	enum hv_code code = parse_list(lexer, ret_list, err);

	if (code == HV_OK && (*ret_list)->body == NULL)
		return unexpected(lexer, err);
	return code;
}

static struct hmcsh_redirect *add_redirect(struct hmcsh_lexer *lexer,
					   struct hmcsh_node *node,
					   struct hmcsh_redirect what, struct hv_err *err)
{
	struct hmcsh_redirect **end = &node->redirects;
	struct hmcsh_redirect *redirect = hmcsh_script_take(lexer->script,
							    sizeof(*redirect), err);

	if (redirect == NULL)
		return NULL;
	while (*end != NULL)
		end = &(*end)->next;
	*redirect = what;
	*end = redirect;
	return redirect;
}

static unsigned count_redirects(const struct hmcsh_node *node)
{
	unsigned count = 0;

	for (const struct hmcsh_redirect *at = node->redirects; at != NULL; at = at->next)
		count++;
	return count;
}

/* The descriptor behind >& or <&: 0 to 2, or -1. */
static int copied_descriptor(const char *word)
{
	return word != NULL && word[0] >= '0' && word[0] <= '2' && word[1] == '\0'
		       ? word[0] - '0'
		       : -1;
}

static struct hmcsh_redirect read_redirect(const struct hmcsh_token *arrow,
					   struct hmcsh_word *word)
{
	bool is_input = arrow->arrow == HMCSH_IN || arrow->arrow == HMCSH_IN_DUP;
	struct hmcsh_redirect redirect = { .file = word };
	const char *text = hmcsh_word_bare(word);
	int from = copied_descriptor(text);

	redirect.descriptor = arrow->descriptor >= 0 ? arrow->descriptor : !is_input;
	redirect.kind = is_input ? HMCSH_FROM_FILE : HMCSH_TO_FILE;
	if ((arrow->arrow == HMCSH_OUT_DUP || arrow->arrow == HMCSH_IN_DUP) &&
	    from >= 0) {
		redirect.kind = HMCSH_TO_DESCRIPTOR;
		redirect.from = from;
	} else if (text != NULL && strcmp(text, "/dev/null") == 0) {
		redirect.kind = is_input ? HMCSH_FROM_NULL : HMCSH_TO_NULL;
		redirect.file = NULL;
	}
	return redirect;
}

static enum hv_code parse_redirect(struct hmcsh_lexer *lexer, struct hmcsh_node *node,
				   struct hv_err *err)
{
	struct hmcsh_token arrow = lexer->token;
	struct hmcsh_redirect redirect,
		both = { .kind = HMCSH_TO_DESCRIPTOR, .descriptor = 2, .from = 1 };
	enum hv_code code = hmcsh_lexer_next(lexer, err);

	if (code != HV_OK)
		return code;
	if (lexer->token.kind != HMCSH_T_WORD)
		return unexpected(lexer, err);
	redirect = read_redirect(&arrow, lexer->token.word);
	if (redirect.descriptor > 2)
		return hv_fail(err, HV_E_REFUSED, "restricted: no file descriptor %d",
			       redirect.descriptor);
	if (count_redirects(node) + 1 + (arrow.arrow == HMCSH_OUT_BOTH) > REDIRECTS_MAX)
		return hv_fail(err, HV_E_LIMIT, "too many redirections");
	if (add_redirect(lexer, node, redirect, err) == NULL)
		return HV_E_NOMEM;
	if (arrow.arrow == HMCSH_OUT_BOTH && add_redirect(lexer, node, both, err) == NULL)
		return HV_E_NOMEM;
	return hmcsh_lexer_next(lexer, err);
}

/* NAME=word? Then its parts become the value's. */
static enum hv_code take_assignment(struct hmcsh_lexer *lexer, struct hmcsh_word *word,
				    struct hmcsh_assignment **ret, struct hv_err *err)
{
	struct hmcsh_part *part = word->parts;
	const char *equals = NULL;
	struct hmcsh_assignment *assignment;

	*ret = NULL;
	if (part != NULL && part->kind == HMCSH_TEXT && !part->is_quoted)
		equals = strchr(part->text, '=');
	if (equals == NULL ||
	    !hmcsh_name_is_valid(part->text, (size_t)(equals - part->text)))
		return HV_OK;
	assignment = hmcsh_script_take(lexer->script, sizeof(*assignment), err);
	if (assignment == NULL)
		return HV_E_NOMEM;
	assignment->name = hmcsh_script_text(lexer->script, part->text,
					     (size_t)(equals - part->text), err);
	if (assignment->name == NULL)
		return HV_E_NOMEM;
	part->text = equals + 1;
	assignment->value.parts = *part->text != '\0' ? part : part->next;
	*ret = assignment;
	return HV_OK;
}

/* The words, assignments and redirects of a command, in any number. */
static enum hv_code parse_simple(struct hmcsh_lexer *lexer, struct hmcsh_node *node,
				 struct hv_err *err)
{
	struct hmcsh_assignment **last = &node->assignments, *assignment = NULL;
	struct hmcsh_word **end = &node->words;
	enum hv_code code = HV_OK;

	while (code == HV_OK) {
		struct hmcsh_word *word = lexer->token.word;

		if (lexer->token.kind == HMCSH_T_REDIRECT) {
			code = parse_redirect(lexer, node, err);
			continue;
		}
		if (lexer->token.kind != HMCSH_T_WORD)
			break;
		HV_INVARIANT(word != NULL);
		if (node->words == NULL)
			code = take_assignment(lexer, word, &assignment, err);
		if (code != HV_OK)
			return code;
		if (node->words == NULL && assignment != NULL) {
			*last = assignment;
			last = &assignment->next;
		} else {
			*end = word;
			end = &word->next;
		}
		code = hmcsh_lexer_next(lexer, err);
	}
	if (code == HV_OK && lexer->token.kind == HMCSH_T_OPEN)
		return unexpected(lexer, err);
	return code;
}

static enum hv_code parse_do(struct hmcsh_lexer *lexer, struct hmcsh_node *node,
			     struct hv_err *err)
{
	enum hv_code code = expect(lexer, "do", err);

	if (code == HV_OK)
		code = parse_full_list(lexer, &node->body, err);
	return code == HV_OK ? expect(lexer, "done", err) : code;
}

static enum hv_code parse_for(struct hmcsh_lexer *lexer, struct hmcsh_node *node,
			      struct hv_err *err)
{
	struct hmcsh_word **end = &node->words;
	enum hv_code code = hmcsh_lexer_next(lexer, err);

	if (code != HV_OK)
		return code;
	node->name = bare(lexer);
	if (node->name == NULL)
		return unexpected(lexer, err);
	if (!hmcsh_name_is_valid(node->name, strlen(node->name)))
		return hv_fail(err, HV_E_INVAL, "`%.40s': not a valid identifier",
			       node->name);
	code = hmcsh_lexer_next(lexer, err);
	if (code == HV_OK)
		code = expect(lexer, "in", err);
	while (code == HV_OK && lexer->token.kind == HMCSH_T_WORD) {
		*end = lexer->token.word;
		end = &lexer->token.word->next;
		code = hmcsh_lexer_next(lexer, err);
	}
	if (code != HV_OK)
		return code;
	if (lexer->token.kind != HMCSH_T_SEMICOLON &&
	    lexer->token.kind != HMCSH_T_NEWLINE)
		return unexpected(lexer, err);
	code = hmcsh_lexer_next(lexer, err);
	if (code == HV_OK)
		code = skip_newlines(lexer, err);
	return code == HV_OK ? parse_do(lexer, node, err) : code;
}

static enum hv_code parse_while(struct hmcsh_lexer *lexer, struct hmcsh_node *node,
				struct hv_err *err)
{
	enum hv_code code = hmcsh_lexer_next(lexer, err);

	if (code == HV_OK)
		code = parse_full_list(lexer, &node->condition, err);
	return code == HV_OK ? parse_do(lexer, node, err) : code;
}

/* One of "if", "elif" and "else", with what it runs; *ret_more: another may follow. */
static enum hv_code parse_clause(struct hmcsh_lexer *lexer, struct hmcsh_node ***end,
				 bool *ret_more, struct hv_err *err)
{
	bool is_else = is_word(lexer, "else");
	struct hmcsh_node *clause = hmcsh_script_node(lexer->script, HMCSH_CLAUSE, err);
	enum hv_code code;

	if (clause == NULL)
		return HV_E_NOMEM;
	code = hmcsh_lexer_next(lexer, err);
	if (code == HV_OK && !is_else)
		code = parse_full_list(lexer, &clause->condition, err);
	if (code == HV_OK && !is_else)
		code = expect(lexer, "then", err);
	if (code == HV_OK)
		code = parse_full_list(lexer, &clause->body, err);
	if (code != HV_OK)
		return code;
	**end = clause;
	*end = &clause->next;
	*ret_more = !is_else && (is_word(lexer, "elif") || is_word(lexer, "else"));
	return HV_OK;
}

static enum hv_code parse_if(struct hmcsh_lexer *lexer, struct hmcsh_node *node,
			     struct hv_err *err)
{
	struct hmcsh_node **end = &node->body;
	enum hv_code code = HV_OK;
	bool has_more = true;

	while (code == HV_OK && has_more)
		code = parse_clause(lexer, &end, &has_more, err);
	return code == HV_OK ? expect(lexer, "fi", err) : code;
}

static enum hv_code parse_group(struct hmcsh_lexer *lexer, struct hmcsh_node *node,
				struct hv_err *err)
{
	enum hv_code code = hmcsh_lexer_next(lexer, err);

	if (code == HV_OK)
		code = parse_full_list(lexer, &node->body, err);
	if (code != HV_OK || node->kind == HMCSH_GROUP)
		return code == HV_OK ? expect(lexer, "}", err) : code;
	if (lexer->token.kind != HMCSH_T_CLOSE)
		return unexpected(lexer, err);
	return hmcsh_lexer_next(lexer, err);
}

static const struct compound {
	const char *word;
	enum hmcsh_kind kind;
	enum hv_code (*parse)(struct hmcsh_lexer *lexer, struct hmcsh_node *node,
			      struct hv_err *err);
} compounds[] = {
	/* clang-format off */
	{ "for",   HMCSH_FOR,      parse_for },
	{ "while", HMCSH_WHILE,    parse_while },
	{ "until", HMCSH_UNTIL,    parse_while },
	{ "if",    HMCSH_IF,       parse_if },
	{ "{",     HMCSH_GROUP,    parse_group },
	{ "(",     HMCSH_SUBSHELL, parse_group },
	/* clang-format on */
};

static const struct compound *find_compound(const struct hmcsh_lexer *lexer)
{
	const char *word = lexer->token.kind == HMCSH_T_OPEN ? "(" : bare(lexer);

	for (size_t i = 0; word != NULL && i < HV_COUNT(compounds); i++)
		if (strcmp(word, compounds[i].word) == 0)
			return &compounds[i];
	return NULL;
}

static enum hv_code parse_compound(struct hmcsh_lexer *lexer,
				   const struct compound *compound,
				   struct hmcsh_node *node, struct hv_err *err)
{
	enum hv_code code;

	if (lexer->depth == HMCSH_DEPTH_MAX)
		return hv_fail(err, HV_E_LIMIT, "commands are nested too deep");
	lexer->depth++;
	code = compound->parse(lexer, node, err);
	lexer->depth--;
	while (code == HV_OK && lexer->token.kind == HMCSH_T_REDIRECT)
		code = parse_redirect(lexer, node, err);
	if (code == HV_OK &&
	    (lexer->token.kind == HMCSH_T_WORD || lexer->token.kind == HMCSH_T_OPEN) &&
	    !ends_list(lexer))
		return unexpected(lexer, err);
	return code;
}

static enum hv_code parse_command(struct hmcsh_lexer *lexer, struct hmcsh_node **ret_node,
				  struct hv_err *err)
{
	const struct compound *compound = find_compound(lexer);
	const char *word = bare(lexer);
	struct hmcsh_node *node;

	if ((lexer->token.kind != HMCSH_T_WORD && lexer->token.kind != HMCSH_T_REDIRECT &&
	     compound == NULL) ||
	    is_word(lexer, "!") || ends_list(lexer))
		return unexpected(lexer, err);
	if (word != NULL && is_one_of(word, refused, HV_COUNT(refused)))
		return hv_fail(err, HV_E_REFUSED, "%s: restricted", word);
	node = hmcsh_script_node(lexer->script,
				 compound != NULL ? compound->kind : HMCSH_COMMAND, err);
	if (node == NULL)
		return HV_E_NOMEM;
	*ret_node = node;
	return compound != NULL ? parse_compound(lexer, compound, node, err)
				: parse_simple(lexer, node, err);
}

static enum hv_code parse_pipe(struct hmcsh_lexer *lexer, struct hmcsh_node **ret_node,
			       struct hv_err *err)
{
	struct hmcsh_node *pipe = hmcsh_script_node(lexer->script, HMCSH_PIPE, err);
	struct hmcsh_node **end = pipe != NULL ? &pipe->body : NULL;
	enum hv_code code = HV_OK;
	unsigned stages = 0;

	if (pipe == NULL)
		return HV_E_NOMEM;
	if (is_word(lexer, "!")) {
		pipe->is_negated = true;
		code = hmcsh_lexer_next(lexer, err);
	}
	while (code == HV_OK) {
		if (++stages > HMCSH_STAGES_MAX)
			return hv_fail(err, HV_E_LIMIT, "pipeline is too long");
		code = parse_command(lexer, end, err);
		if (code != HV_OK)
			return code;
		end = &(*end)->next;
		if (lexer->token.kind != HMCSH_T_PIPE)
			break;
		code = hmcsh_lexer_next(lexer, err);
		if (code == HV_OK)
			code = skip_newlines(lexer, err);
	}
	*ret_node = stages > 1 || pipe->is_negated ? pipe : pipe->body;
	return code;
}

static enum hv_code parse_chain(struct hmcsh_lexer *lexer, struct hmcsh_node **ret_node,
				struct hv_err *err)
{
	struct hmcsh_node *chain = hmcsh_script_node(lexer->script, HMCSH_CHAIN, err);
	struct hmcsh_node **end = chain != NULL ? &chain->body : NULL;
	enum hmcsh_joint joint = HMCSH_ALWAYS;
	enum hv_code code = HV_OK;

	if (chain == NULL)
		return HV_E_NOMEM;
	while (code == HV_OK) {
		code = parse_pipe(lexer, end, err);
		if (code != HV_OK)
			return code;
		(*end)->joint = joint;
		end = &(*end)->next;
		if (lexer->token.kind != HMCSH_T_AND && lexer->token.kind != HMCSH_T_OR)
			break;
		joint = lexer->token.kind == HMCSH_T_AND ? HMCSH_AND : HMCSH_OR;
		code = hmcsh_lexer_next(lexer, err);
		if (code == HV_OK)
			code = skip_newlines(lexer, err);
	}
	*ret_node = chain->body->next != NULL ? chain : chain->body;
	return code;
}

static enum hv_code parse_list(struct hmcsh_lexer *lexer, struct hmcsh_node **ret_list,
			       struct hv_err *err)
{
	struct hmcsh_node *list = hmcsh_script_node(lexer->script, HMCSH_LIST, err);
	struct hmcsh_node **end = list != NULL ? &list->body : NULL;
	enum hv_code code;

	if (list == NULL)
		return HV_E_NOMEM;
	code = skip_newlines(lexer, err);
	while (code == HV_OK && !ends_list(lexer)) {
		code = parse_chain(lexer, end, err);
		if (code != HV_OK)
			return code;
		end = &(*end)->next;
		if (lexer->token.kind == HMCSH_T_BACKGROUND)
			return unexpected(lexer, err);
		if (lexer->token.kind != HMCSH_T_SEMICOLON &&
		    lexer->token.kind != HMCSH_T_NEWLINE)
			break;
		code = hmcsh_lexer_next(lexer, err);
		if (code == HV_OK)
			code = skip_newlines(lexer, err);
	}
	*ret_list = list;
	return code;
}

enum hv_code hmcsh_parse_output(struct hmcsh_lexer *lexer, struct hmcsh_node **ret_list,
				struct hv_err *err)
{
	enum hv_code code;

	if (lexer->depth == HMCSH_DEPTH_MAX)
		return hv_fail(err, HV_E_LIMIT, "commands are nested too deep");
	lexer->depth++;
	code = hmcsh_lexer_next(lexer, err);
	if (code == HV_OK)
		code = parse_list(lexer, ret_list, err);
	lexer->depth--;
	if (code == HV_OK && lexer->token.kind != HMCSH_T_CLOSE)
		return unexpected(lexer, err);
	return code;
}

static enum hv_code parse_whole(struct hmcsh_lexer *lexer, struct hmcsh_node **ret_list,
				struct hv_err *err)
{
	enum hv_code code = hmcsh_lexer_next(lexer, err);

	if (code == HV_OK)
		code = parse_list(lexer, ret_list, err);
	if (code == HV_OK && lexer->token.kind != HMCSH_T_END)
		return unexpected(lexer, err);
	return code;
}

enum hv_code hmcsh_parse_inner(struct hmcsh_lexer *outer, const char *text,
			       struct hmcsh_node **ret_list, struct hv_err *err)
{
	struct hmcsh_lexer lexer;
	enum hv_code code;

	if (outer->depth == HMCSH_DEPTH_MAX)
		return hv_fail(err, HV_E_LIMIT, "commands are nested too deep");
	code = hmcsh_lexer_init(&lexer, outer->script, text, outer->depth + 1, err);
	if (code == HV_OK)
		code = parse_whole(&lexer, ret_list, err);
	/* no further line can complete what is closed already */
	if (code == HV_E_AGAIN && err != NULL)
		err->code = HV_E_INVAL;
	return code == HV_E_AGAIN ? HV_E_INVAL : code;
}

enum hv_code hmcsh_parse(const char *line, struct hmcsh_script *script,
			 struct hv_err *err)
{
	struct hmcsh_lexer lexer;
	enum hv_code code = hmcsh_lexer_init(&lexer, script, line, 0, err);

	return code == HV_OK ? parse_whole(&lexer, &script->list, err) : code;
}
