/*
 * command - one command: its words, its assignments, what it runs; and the output of
 * commands, which words are made of.
 */
#include "cli/hmcsh/run_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/hmcsh/builtins.h"
#include "cli/hmcsh/process.h"

#define OUTPUT_FIRST_BYTES 4096
#define OUTPUT_BYTES_MAX HMCSH_VALUE_BYTES_MAX /* of $( ) */

/* Appends what there is to read; 0 at the end, -1 after a failure. */
static ssize_t read_more(int fd, char **text, size_t *count, size_t *room)
{
	ssize_t n;

	if (*count + 1 >= *room) {
		size_t more = *room > 0 ? 2 * *room : OUTPUT_FIRST_BYTES;
		char *grown = more <= OUTPUT_BYTES_MAX ? realloc(*text, more) : NULL;

		if (grown == NULL)
			return -1;
		*text = grown;
		*room = more;
	}
	do
		n = read(fd, *text + *count, *room - *count - 1);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		*count += (size_t)n;
	return n;
}

/* What comes from fd, as a text without NULs, and without newlines at its end. */
static enum hv_code read_output(int fd, char **ret_text, struct hv_err *err)
{
	size_t count = 0, room = 0, kept = 0;
	char *text = NULL;
	ssize_t n;

	do
		n = read_more(fd, &text, &count, &room);
	while (n > 0);
	if (n < 0) {
		free(text);
		return hv_fail(err, HV_E_LIMIT, "output of a command is too long");
	}
	for (size_t i = 0; i < count; i++)
		if (text[i] != '\0')
			text[kept++] = text[i];
	while (kept > 0 && text[kept - 1] == '\n')
		kept--;
	text[kept] = '\0';
	*ret_text = text;
	return HV_OK;
}

/* The child's side of $( ). */
static _Noreturn void print_output(struct hmcsh *shell, const struct hmcsh_node *list,
				   int to)
{
	(void)dup2(to, STDOUT_FILENO);
	(void)close(to);
	(void)hmcsh_run(shell, list);
	(void)fflush(stdout);
	_exit(shell->status);
}

static enum hv_code run_output(struct hmcsh_expander *expander,
			       const struct hmcsh_node *list, char **ret_text,
			       struct hv_err *err)
{
	struct hmcsh *shell = expander->owner;
	enum hv_code code;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "pipe");
	pid = hmcsh_fork(shell, NULL, err);
	if (pid == 0) {
		(void)close(ends[0]);
		print_output(shell, list, ends[1]);
	}
	(void)close(ends[1]);
	code = pid > 0 ? read_output(ends[0], ret_text, err) : HV_E_OS;
	(void)close(ends[0]); /* who prints on is ended by that */
	if (pid > 0) {
		shell->status = expander->status = hmcsh_wait(shell, &pid, 1, 0);
		shell->has_output = true;
	}
	return code;
}

static struct hmcsh_expander expander_of(struct hmcsh *shell)
{
	return (struct hmcsh_expander){
		.variables = &shell->variables,
		.status = shell->status,
		.output = run_output,
		.owner = shell,
	};
}

/* `export A=$b` takes the value as it is, as an assignment does. */
static bool keeps_values(const struct hmcsh_fields *fields, const struct hmcsh_word *word)
{
	const struct hmcsh_part *part = word->parts;

	return fields->count > 0 && strcmp(fields->words[0], "export") == 0 &&
	       part != NULL && part->kind == HMCSH_TEXT && !part->is_quoted &&
	       strchr(part->text, '=') != NULL;
}

enum hv_code hmcsh_expand_words(struct hmcsh *shell, const struct hmcsh_word *word,
				struct hmcsh_fields *fields, struct hv_err *err)
{
	struct hmcsh_expander expander = expander_of(shell);
	enum hv_code code = HV_OK;

	for (; word != NULL && code == HV_OK; word = word->next) {
		char *text = NULL;

		if (!keeps_values(fields, word)) {
			code = hmcsh_expand(&expander, word, fields, err);
			continue;
		}
		code = hmcsh_expand_whole(&expander, word, &text, err);
		if (code == HV_OK)
			code = hmcsh_fields_add(fields, text, strlen(text), err);
		if (code == HV_OK)
			code = hmcsh_fields_end(fields, err);
		free(text);
	}
	return code;
}

static enum hv_code assign(struct hmcsh *shell, const struct hmcsh_assignment *assignment,
			   bool is_exported, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	for (; assignment != NULL && code == HV_OK; assignment = assignment->next) {
		struct hmcsh_expander expander = expander_of(shell);
		char *value = NULL;

		code = hmcsh_expand_whole(&expander, &assignment->value, &value, err);
		if (code == HV_OK)
			code = hmcsh_variables_set(&shell->variables, assignment->name,
						   value, err);
		if (code == HV_OK && is_exported)
			code = hmcsh_variables_export(&shell->variables, assignment->name,
						      err);
		free(value);
	}
	return code;
}

/* What a builtin printed is written now, so that it is in order. */
static int flush_builtin(const char *name, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	clearerr(stdout);
	return hmcsh_say(HMCSH_FAILED, name, "write error: %s", strerror(errno));
}

/* What `A=x` in front of a builtin covers up. */
struct covered {
	unsigned count;
	char *values[HMCSH_VARIABLES_MAX]; /* NULL: it was not set */
	const struct hmcsh_assignment *first;
};

static enum hv_code cover(struct hmcsh *shell, const struct hmcsh_assignment *assignment,
			  struct covered *covered, struct hv_err *err)
{
	covered->count = 0;
	covered->first = assignment;
	for (; assignment != NULL; assignment = assignment->next) {
		const char *value = hmcsh_variables_get(&shell->variables,
							assignment->name);

		if (covered->count == HMCSH_VARIABLES_MAX)
			return hv_fail(err, HV_E_LIMIT, "too many variables");
		covered->values[covered->count] = value != NULL ? strdup(value) : NULL;
		if (value != NULL && covered->values[covered->count] == NULL)
			return hv_fail(err, HV_E_NOMEM, "cannot allocate memory");
		covered->count++;
	}
	return HV_OK;
}

/* The last first: of two for one name the first has the value that was. */
static void uncover(struct hmcsh *shell, struct covered *covered)
{
	while (covered->count > 0) {
		const struct hmcsh_assignment *at = covered->first;
		char *value = covered->values[--covered->count];
		struct hv_err err;
		enum hv_code code;

		for (unsigned i = 0; i < covered->count; i++)
			at = at->next;
		code = value == NULL
			       ? hmcsh_variables_unset(&shell->variables, at->name, &err)
			       : hmcsh_variables_set(&shell->variables, at->name, value,
						     &err);
		if (code != HV_OK && code != HV_E_REFUSED)
			hmcsh_complain(&err);
		free(value);
	}
}

static int run_builtin(struct hmcsh *shell, const struct hmcsh_builtin *builtin,
		       const struct hmcsh_node *node, char *const *words)
{
	struct hmcsh_saved saved;
	struct covered covered;
	struct hv_err err;
	enum hv_code code = hmcsh_redirect(node->redirects, &saved, &err);
	int status;

	if (code != HV_OK)
		return hmcsh_fail(shell, &err);
	code = cover(shell, node->assignments, &covered, &err);
	if (code == HV_OK)
		code = assign(shell, node->assignments, false, &err);
	if (code == HV_OK) {
		status = flush_builtin(words[0], builtin->run(shell, words));
		shell->status = status;
	} else {
		status = hmcsh_fail(shell, &err);
	}
	uncover(shell, &covered);
	hmcsh_redirect_undo(&saved);
	return status;
}

/* In the child, which ends here. */
static _Noreturn void become(struct hmcsh *shell, const struct hmcsh_node *node,
			     char *const *words)
{
	struct hmcsh_saved saved;
	struct hv_err err;
	int status;

	if (hmcsh_redirect(node->redirects, &saved, &err) != HV_OK ||
	    assign(shell, node->assignments, true, &err) != HV_OK) {
		hmcsh_complain(&err);
		_exit(HMCSH_FAILED);
	}
	status = hmcsh_find(shell, words);
	if (status == HMCSH_DONE)
		status = hmcsh_exec(shell, words);
	_exit(status);
}

static int run_program(struct hmcsh *shell, const struct hmcsh_node *node,
		       char *const *words, bool is_last)
{
	struct hv_err err;
	pid_t group = 0, pid;

	(void)fflush(stdout);
	if (is_last)
		become(shell, node, words);
	pid = hmcsh_fork(shell, &group, &err);
	if (pid < 0)
		return hmcsh_fail(shell, &err);
	if (pid == 0)
		become(shell, node, words);
	shell->status = hmcsh_wait(shell, &pid, 1, group);
	return shell->status;
}

/* `A=x` alone, perhaps with redirections that then only have to be right. */
static int run_assignments(struct hmcsh *shell, const struct hmcsh_node *node)
{
	struct hmcsh_saved saved;
	struct hv_err err;
	enum hv_code code;

	code = hmcsh_redirect(node->redirects, &saved, &err);
	if (code != HV_OK)
		return hmcsh_fail(shell, &err);
	code = assign(shell, node->assignments, false, &err);
	hmcsh_redirect_undo(&saved);
	if (!shell->has_output) /* else it is that of the last $( ) */
		shell->status = HMCSH_DONE;
	return code == HV_OK ? shell->status : hmcsh_fail(shell, &err);
}

int hmcsh_run_command(struct hmcsh *shell, const struct hmcsh_node *node, bool is_last)
{
	const struct hmcsh_builtin *builtin;
	struct hmcsh_fields fields;
	struct hv_err err;
	int status;

	hmcsh_fields_init(&fields);
	shell->has_output = false;
	if (hmcsh_expand_words(shell, node->words, &fields, &err) != HV_OK) {
		status = hmcsh_fail(shell, &err);
	} else if (hmcsh_is_interrupted()) {
		status = shell->status;
	} else if (fields.count == 0) {
		status = run_assignments(shell, node);
	} else {
		builtin = hmcsh_builtin_find(fields.words[0]);
		status = builtin != NULL
				 ? run_builtin(shell, builtin, node, fields.words)
				 : run_program(shell, node, fields.words, is_last);
	}
	hmcsh_fields_fini(&fields);
	return status;
}
