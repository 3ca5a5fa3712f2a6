/*
 * print - a script as a line again. Recursion is bounded by HMCSH_DEPTH_MAX, which the
 * parser keeps.
 */
#include "cli/hmcsh/script.h"

#include "hvcore/base/invariant.h"

static void print_node(const struct hmcsh_node *node, FILE *out);
static void print_part(const struct hmcsh_part *part, FILE *out);

/* In single quotes; one inside ends them, is escaped, and opens them again. */
static void print_quoted(const char *text, FILE *out)
{
	(void)fputc('\'', out);
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			(void)fputs("'\\''", out);
		else
			(void)fputc(*text, out);
	}
	(void)fputc('\'', out);
}

/* There are no quotes in an expression. */
static void print_expression(const struct hmcsh_word *expression, FILE *out)
{
	for (const struct hmcsh_part *part = expression->parts; part != NULL;
	     part = part->next) {
		struct hmcsh_part plain = *part;

		plain.is_quoted = false;
		print_part(&plain, out);
	}
}

static void print_part(const struct hmcsh_part *part, FILE *out)
{
	const char *quote = part->is_quoted ? "\"" : "";

	switch (part->kind) {
	case HMCSH_TEXT:
		if (part->is_quoted)
			print_quoted(part->text, out);
		else
			(void)fputs(part->text, out);
		return;
	case HMCSH_VARIABLE:
		(void)fprintf(out, "%s${%s}%s", quote, part->text, quote);
		return;
	case HMCSH_OUTPUT:
		(void)fprintf(out, "%s$( ", quote); /* "$((" would be arithmetic */
		print_node(part->list, out);
		(void)fprintf(out, ")%s", quote);
		return;
	case HMCSH_NUMBER:
		(void)fprintf(out, "%s$((", quote);
		print_expression(part->expression, out);
		(void)fprintf(out, "))%s", quote);
		return;
	}
}

void hmcsh_word_print(const struct hmcsh_word *word, FILE *out)
{
	for (const struct hmcsh_part *part = word->parts; part != NULL; part = part->next)
		print_part(part, out);
}

static void print_redirects(const struct hmcsh_redirect *redirect, FILE *out)
{
	for (; redirect != NULL; redirect = redirect->next) {
		bool is_input = redirect->kind == HMCSH_FROM_NULL ||
				redirect->kind == HMCSH_FROM_FILE;

		(void)fprintf(out, " %d%c", redirect->descriptor, is_input ? '<' : '>');
		if (redirect->kind == HMCSH_TO_DESCRIPTOR)
			(void)fprintf(out, "&%d", redirect->from);
		else if (redirect->file != NULL)
			hmcsh_word_print(redirect->file, out);
		else
			(void)fputs("/dev/null", out);
	}
}

static void print_words(const struct hmcsh_word *word, const char *before, FILE *out)
{
	for (; word != NULL; word = word->next) {
		(void)fputs(before, out);
		hmcsh_word_print(word, out);
		before = " ";
	}
}

static void print_command(const struct hmcsh_node *node, FILE *out)
{
	const struct hmcsh_assignment *assignment = node->assignments;
	const char *between = "";

	/* in front: behind one even `done` is a word */
	if (node->redirects != NULL) {
		print_redirects(node->redirects, out);
		between = " ";
	}
	for (; assignment != NULL; assignment = assignment->next) {
		(void)fprintf(out, "%s%s=", between, assignment->name);
		hmcsh_word_print(&assignment->value, out);
		between = " ";
	}
	print_words(node->words, between, out);
}

static void print_body(const struct hmcsh_node *node, const char *between, FILE *out)
{
	static const char *const joints[] = { "", " && ", " || " };

	for (const struct hmcsh_node *at = node->body; at != NULL; at = at->next) {
		if (at != node->body)
			(void)fputs(at->joint == HMCSH_ALWAYS ? between
							      : joints[at->joint],
				    out);
		print_node(at, out);
	}
}

static void print_loop(const struct hmcsh_node *node, FILE *out)
{
	if (node->kind == HMCSH_FOR) {
		(void)fprintf(out, "for %s in", node->name);
		print_words(node->words, " ", out);
	} else {
		(void)fputs(node->kind == HMCSH_WHILE ? "while " : "until ", out);
		print_node(node->condition, out);
	}
	(void)fputs("; do ", out);
	print_node(node->body, out);
	(void)fputs("; done", out);
}

static void print_if(const struct hmcsh_node *node, FILE *out)
{
	const char *word = "if ";

	for (const struct hmcsh_node *clause = node->body; clause != NULL;
	     clause = clause->next) {
		if (clause->condition != NULL) {
			(void)fputs(word, out);
			print_node(clause->condition, out);
			(void)fputs("; then ", out);
		} else {
			(void)fputs("else ", out);
		}
		print_node(clause->body, out);
		(void)fputs("; ", out);
		word = "elif ";
	}
	(void)fputs("fi", out);
}

static void print_node(const struct hmcsh_node *node, FILE *out)
{
	switch (node->kind) {
	case HMCSH_LIST:
		print_body(node, "; ", out);
		break;
	case HMCSH_CHAIN:
		print_body(node, "", out);
		break;
	case HMCSH_PIPE:
		(void)fputs(node->is_negated ? "! " : "", out);
		print_body(node, " | ", out);
		break;
	case HMCSH_COMMAND:
		print_command(node, out);
		break;
	case HMCSH_FOR:
	case HMCSH_WHILE:
	case HMCSH_UNTIL:
		print_loop(node, out);
		break;
	case HMCSH_IF:
		print_if(node, out);
		break;
	case HMCSH_SUBSHELL:
	case HMCSH_GROUP:
		(void)fputs(node->kind == HMCSH_GROUP ? "{ " : "( ", out);
		print_node(node->body, out);
		(void)fputs(node->kind == HMCSH_GROUP ? "; }" : ")", out);
		break;
	default:
		HV_UNREACHABLE("a clause is printed by its if");
	}
	if (node->kind != HMCSH_COMMAND)
		print_redirects(node->redirects, out);
}

void hmcsh_script_print(const struct hmcsh_script *script, FILE *out)
{
	print_node(script->list, out);
}
