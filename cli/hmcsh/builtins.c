/* builtins - see builtins.h. */
#include "cli/hmcsh/builtins.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/hmcsh/filters.h"
#include "hvcore/base/units.h"

#define STATUS_MAX 255
#define HELP_COLUMNS 5

int hmcsh_say(int status, const char *name, const char *format, ...)
{
	va_list arguments;

	(void)fflush(stdout);
	(void)fprintf(stderr, HMCSH_NAME ": %s: ", name);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	return status;
}

static int run_true(struct hmcsh *shell, char *const *words)
{
	(void)shell;
	(void)words;
	return HMCSH_DONE;
}

static int run_false(struct hmcsh *shell, char *const *words)
{
	(void)shell;
	(void)words;
	return HMCSH_FAILED;
}

static int run_restricted(struct hmcsh *shell, char *const *words)
{
	(void)shell;
	return hmcsh_say(HMCSH_FAILED, words[0], "restricted");
}

/* The one number that may follow; `absent` where none does. False: it was said. */
static bool take_number(char *const *words, uint64_t absent, uint64_t *ret_value)
{
	*ret_value = absent;
	if (words[1] == NULL)
		return true;
	if (words[2] != NULL) {
		(void)hmcsh_say(HMCSH_FAILED, words[0], "too many arguments");
		return false;
	}
	if (hv_u64_parse(words[1], INT32_MAX, ret_value, NULL) == HV_OK)
		return true;
	(void)hmcsh_say(HMCSH_WRONG, words[0], "%.80s: numeric argument required",
			words[1]);
	return false;
}

static int run_exit(struct hmcsh *shell, char *const *words)
{
	uint64_t status;

	if (words[1] != NULL && words[2] != NULL)
		return hmcsh_say(HMCSH_FAILED, words[0], "too many arguments");
	shell->is_leaving = true;
	if (!take_number(words, (uint64_t)shell->status, &status))
		return HMCSH_WRONG;
	return (int)(status & STATUS_MAX);
}

/* break, and continue: out of n loops. */
static int leave_loops(struct hmcsh *shell, char *const *words, bool is_continuing)
{
	uint64_t count;

	if (!take_number(words, 1, &count))
		return HMCSH_FAILED;
	if (count == 0)
		return hmcsh_say(HMCSH_FAILED, words[0], "%s: loop count out of range",
				 words[1]);
	if (shell->loops == 0)
		return hmcsh_say(HMCSH_DONE, words[0],
				 "only meaningful in a `for', `while', or `until' loop");
	shell->leave_loops = count < shell->loops ? (unsigned)count : shell->loops;
	shell->is_continuing = is_continuing;
	return HMCSH_DONE;
}

static int run_break(struct hmcsh *shell, char *const *words)
{
	return leave_loops(shell, words, false);
}

static int run_continue(struct hmcsh *shell, char *const *words)
{
	return leave_loops(shell, words, true);
}

static void list_exported(const struct hmcsh *shell)
{
	for (unsigned i = 0; i < shell->variables.count; i++) {
		const struct hmcsh_variable *variable = &shell->variables.all[i];

		if (variable->is_exported)
			(void)printf("export %s=\"%s\"\n", variable->name,
				     variable->value);
	}
}

/* NAME or NAME=value. */
static int export_one(struct hmcsh *shell, const char *command, const char *word)
{
	char name[HMCSH_NAME_BYTES_MAX];
	size_t count = strcspn(word, "=");
	enum hv_code code = HV_OK;
	struct hv_err err;

	if (!hmcsh_name_is_valid(word, count))
		return hmcsh_say(HMCSH_FAILED, command, "`%.80s': not a valid identifier",
				 word);
	memcpy(name, word, count);
	name[count] = '\0';
	if (word[count] == '=')
		code = hmcsh_variables_set(&shell->variables, name, word + count + 1,
					   &err);
	if (code == HV_OK)
		code = hmcsh_variables_export(&shell->variables, name, &err);
	if (code == HV_OK)
		return HMCSH_DONE;
	hmcsh_complain(&err);
	return HMCSH_FAILED;
}

static int run_export(struct hmcsh *shell, char *const *words)
{
	int status = HMCSH_DONE;

	if (words[1] == NULL || (strcmp(words[1], "-p") == 0 && words[2] == NULL))
		list_exported(shell);
	for (unsigned i = 1; words[i] != NULL; i++)
		if (strcmp(words[i], "-p") != 0 &&
		    export_one(shell, words[0], words[i]) != HMCSH_DONE)
			status = HMCSH_FAILED;
	return status;
}

static int run_unset(struct hmcsh *shell, char *const *words)
{
	int status = HMCSH_DONE;
	struct hv_err err;

	for (unsigned i = 1; words[i] != NULL; i++) {
		if (!hmcsh_name_is_valid(words[i], strlen(words[i]))) {
			status = hmcsh_say(HMCSH_FAILED, words[0],
					   "`%.80s': not a valid identifier", words[i]);
		} else if (hmcsh_variables_unset(&shell->variables, words[i], &err) !=
			   HV_OK) {
			hmcsh_complain(&err);
			status = HMCSH_FAILED;
		}
	}
	return status;
}

/* There are no files: a directory that is empty, and stays so. */
static int run_ls(struct hmcsh *shell, char *const *words)
{
	int status = HMCSH_DONE;

	(void)shell;
	for (unsigned i = 1; words[i] != NULL; i++)
		if (words[i][0] != '-')
			status = hmcsh_say(HMCSH_WRONG, words[0],
					   "cannot access '%.200s': No such file or "
					   "directory",
					   words[i]);
	return status;
}

static const char *value_of(const struct hmcsh *shell, const char *name)
{
	const char *value = hmcsh_variables_get(&shell->variables, name);

	return value != NULL ? value : "";
}

static int run_whoami(struct hmcsh *shell, char *const *words)
{
	if (words[1] != NULL)
		return hmcsh_say(HMCSH_FAILED, words[0], "extra operand '%.80s'",
				 words[1]);
	(void)puts(value_of(shell, "USER"));
	return HMCSH_DONE;
}

static int run_hostname(struct hmcsh *shell, char *const *words)
{
	if (words[1] != NULL && (strcmp(words[1], "-s") != 0 || words[2] != NULL))
		return hmcsh_say(HMCSH_FAILED, words[0], "%.80s: restricted", words[1]);
	(void)puts(value_of(shell, "HOSTNAME"));
	return HMCSH_DONE;
}

/* Only what scripts ask for: -n, and -s as without options. */
static int run_uname(struct hmcsh *shell, char *const *words)
{
	bool is_name = words[1] != NULL && strcmp(words[1], "-n") == 0;

	if (words[1] != NULL &&
	    ((!is_name && strcmp(words[1], "-s") != 0) || words[2] != NULL))
		return hmcsh_say(HMCSH_FAILED, words[0], "%.80s: restricted", words[1]);
	(void)puts(is_name ? value_of(shell, "HOSTNAME") : "Linux");
	return HMCSH_DONE;
}

static void print_column(unsigned *at, const char *name)
{
	(void)printf("%s%-15s", *at % HELP_COLUMNS == 0 ? "\n  " : " ", name);
	(*at)++;
}

static int run_help(struct hmcsh *shell, char *const *words)
{
	const struct hmcsh_builtin *builtin;
	unsigned at = 0;

	(void)words;
	(void)fputs("HMC commands (--help says more of each):", stdout);
	for (unsigned i = 0; i < shell->commands.count; i++)
		print_column(&at, shell->commands.names[i]);
	(void)fputs("\nIn pipes:", stdout);
	at = 0;
	for (unsigned i = 0; hmcsh_filter_name(i) != NULL; i++)
		print_column(&at, hmcsh_filter_name(i));
	(void)fputs("\nOf the shell, with for, while, until, if and |, &&, ||, !:\n",
		    stdout);
	for (unsigned i = 0; (builtin = hmcsh_builtin_nth(i)) != NULL; i++)
		(void)printf("  %-10s %s\n", builtin->name, builtin->summary);
	return HMCSH_DONE;
}

/* By name; those without a summary are named so that their refusal is clear. */
static const struct hmcsh_builtin builtins[] = {
	/* clang-format off */
	{ ".",        run_restricted, NULL },
	{ ":",        run_true,       "does nothing" },
	{ "[",        hmcsh_test,     "compares: [ A = B ], [ 1 -lt 2 ], [ -n A ]" },
	{ "alias",    run_restricted, NULL },
	{ "bash",     run_restricted, NULL },
	{ "bg",       run_restricted, NULL },
	{ "break",    run_break,      "leaves a loop: break [N]" },
	{ "builtin",  run_restricted, NULL },
	{ "cd",       run_restricted, NULL },
	{ "command",  run_restricted, NULL },
	{ "continue", run_continue,   "goes on with a loop's next turn: continue [N]" },
	{ "declare",  run_restricted, NULL },
	{ "echo",     hmcsh_echo,     "prints words: echo [-neE] [WORD...]" },
	{ "enable",   run_restricted, NULL },
	{ "env",      run_restricted, NULL },
	{ "eval",     run_restricted, NULL },
	{ "exec",     run_restricted, NULL },
	{ "exit",     run_exit,       "leaves the shell: exit [STATUS]" },
	{ "export",   run_export,     "gives variables to commands: export NAME[=VALUE]..." },
	{ "false",    run_false,      "fails" },
	{ "fg",       run_restricted, NULL },
	{ "hash",     run_restricted, NULL },
	{ "help",     run_help,       "lists all that there is" },
	{ "hostname", run_hostname,   "prints the name of this HMC" },
	{ "jobs",     run_restricted, NULL },
	{ "local",    run_restricted, NULL },
	{ "logout",   run_exit,       "leaves the shell" },
	{ "ls",       run_ls,         "lists files; there are none" },
	{ "printf",   hmcsh_printf,   "prints by a format: printf FORMAT [WORD...]" },
	{ "pwd",      run_restricted, NULL },
	{ "read",     hmcsh_read,     "reads a line: read [-r] [-p PROMPT] [NAME...]" },
	{ "set",      run_restricted, NULL },
	{ "sh",       run_restricted, NULL },
	{ "shopt",    run_restricted, NULL },
	{ "source",   run_restricted, NULL },
	{ "test",     hmcsh_test,     "compares: test A = B, test 1 -lt 2" },
	{ "trap",     run_restricted, NULL },
	{ "true",     run_true,       "succeeds" },
	{ "type",     run_restricted, NULL },
	{ "typeset",  run_restricted, NULL },
	{ "ulimit",   run_restricted, NULL },
	{ "umask",    run_restricted, NULL },
	{ "uname",    run_uname,      "prints the name of this HMC: uname -n" },
	{ "unset",    run_unset,      "forgets variables: unset NAME..." },
	{ "whoami",   run_whoami,     "prints the user" },
	/* clang-format on */
};

const struct hmcsh_builtin *hmcsh_builtin_find(const char *name)
{
	for (size_t i = 0; i < HV_COUNT(builtins); i++)
		if (strcmp(builtins[i].name, name) == 0)
			return &builtins[i];
	return NULL;
}

const struct hmcsh_builtin *hmcsh_builtin_nth(unsigned nth)
{
	for (size_t i = 0; i < HV_COUNT(builtins); i++) {
		if (builtins[i].summary == NULL)
			continue;
		if (nth-- == 0)
			return &builtins[i];
	}
	return NULL;
}
