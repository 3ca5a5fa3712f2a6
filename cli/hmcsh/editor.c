/* editor - see editor.h. The only file that knows libedit. */
#include "cli/hmcsh/editor.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/hmcsh/complete.h"
#include "cli/hmcsh/process.h"

#define HISTORY_LINES 500 /* arbitrary */
#define PROMPT_BYTES 256  /* longer ones end there */
#define PROMPT "\\u@\\h:~> "
#define LIST_COLUMNS 5
#define SHOW_AGAIN 0x1f /* ^_, which is bound to that */

struct hmcsh_editor {
	struct hmcsh_input input;
	struct hmcsh *shell;
	EditLine *el;
	History *history;
	struct termios terminal; /* as it was found */
	const struct hmcsh_config *config;
	char prompt[PROMPT_BYTES]; /* of this line */
	int idle_ms;               /* -1: for ever */
	size_t keys;               /* of this line */
	char line[HMCSH_LINE_BYTES_MAX];
};

static volatile sig_atomic_t has_resized;

static void on_resize(int signal)
{
	(void)signal;
	has_resized = 1;
}

static struct hmcsh_editor *editor_of(EditLine *el)
{
	void *editor = NULL;

	(void)el_get(el, EL_CLIENTDATA, &editor);
	return editor;
}

static char *show_prompt(EditLine *el)
{
	return editor_of(el)->prompt;
}

/* Waits for a byte: 1 there is one, 0 too long or hung up, -1 interrupted. */
static int wait_for_key(struct hmcsh_editor *editor)
{
	for (;;) {
		int n = hmcsh_wait_readable(STDIN_FILENO, editor->idle_ms);

		if (hmcsh_is_interrupted())
			return -1;
		if (has_resized) {
			has_resized = 0;
			el_resize(editor->el);
		}
		if (n == 0)
			(void)fputs("\r\ntimed out waiting for input: auto-logout\r\n",
				    stdout);
		if (n >= 0 || errno != EINTR)
			return n > 0 ? 1 : 0;
	}
}

static void list_matches(const struct hmcsh_matches *matches)
{
	for (unsigned i = 0; i < matches->count; i++)
		(void)printf("%s%-15s", i % LIST_COLUMNS == 0 ? "\n" : " ",
			     matches->names[i]);
	(void)putchar('\n');
}

/*
 * The name of a command that was begun is typed to its end. Gives what the tabulator
 * becomes: the first character to type, or the key that shows the line again; 0: nothing.
 */
static wchar_t complete(struct hmcsh_editor *editor)
{
	const LineInfo *info = el_line(editor->el);
	char rest[HMCSH_COMMAND_NAME_BYTES + 2];
	struct hmcsh_matches matches;
	size_t word;

	hmcsh_complete(editor->shell, info->buffer, (size_t)(info->cursor - info->buffer),
		       &matches, &word);
	if (matches.count == 0) {
		(void)putchar('\a');
		(void)fflush(stdout);
		return 0;
	}
	if (matches.count > 1 && matches.common == word) {
		list_matches(&matches);
		return SHOW_AGAIN;
	}
	(void)snprintf(rest, sizeof(rest), "%.*s%s", (int)(matches.common - word),
		       matches.names[0] + word, matches.count == 1 ? " " : "");
	if (rest[1] != '\0')
		el_push(editor->el, rest + 1);
	return (wchar_t)rest[0];
}

/* One character; 0 the end, -1 an interrupt or nothing that is one. */
static int read_character(struct hmcsh_editor *editor, wchar_t *ret_key)
{
	mbstate_t state = { 0 };
	size_t taken = (size_t)-2; /* not a whole one yet */
	char byte;

	while (taken == (size_t)-2) {
		int rv = wait_for_key(editor);

		if (rv <= 0)
			return rv;
		if (read(STDIN_FILENO, &byte, 1) != 1)
			return 0;
		taken = mbrtowc(ret_key, &byte, 1, &state);
	}
	if (taken == (size_t)-1)
		*ret_key = L'?'; /* no character of the locale */
	return 1;
}

static int read_key(EditLine *el, wchar_t *ret_key)
{
	struct hmcsh_editor *editor = editor_of(el);
	int rv;

	if (++editor->keys > HMCSH_LINE_BYTES_MAX) {
		*ret_key = L'\n'; /* and the line is too long then */
		return 1;
	}
	do {
		rv = read_character(editor, ret_key);
		if (rv == 1 && *ret_key == L'\t')
			*ret_key = complete(editor);
	} while (rv == 1 && *ret_key == 0);
	return rv;
}

static void remember(struct hmcsh_editor *editor, const char *line)
{
	HistEvent event;

	if (line[strspn(line, " \t\n")] != '\0')
		(void)history(editor->history, &event, H_ENTER, line);
}

/* \u \h \H \w \W \$ \n and \\; brackets around what takes no room are left out. */
static const char *find_escape(const struct hmcsh_editor *editor, char letter)
{
	switch (letter) {
	case 'u':
		return editor->config->user;
	case 'h':
	case 'H':
		return editor->config->name;
	case 'w':
	case 'W':
		return "~";
	case '$':
		return "$";
	case 'n':
		return "\n";
	case '\\':
		return "\\";
	default:
		return "";
	}
}

/* PS1 or PS2 where the user set it, as clients do that wait for a prompt of their own. */
static void make_prompt(struct hmcsh_editor *editor, bool has_begun)
{
	const char *from = hmcsh_variables_get(&editor->shell->variables,
					       has_begun ? "PS2" : "PS1");
	size_t count = 0;

	if (from == NULL)
		from = has_begun ? "> " : PROMPT;
	editor->prompt[0] = '\0';
	for (; *from != '\0' && count + 1 < PROMPT_BYTES; from++) {
		const char *more = NULL;

		if (from[0] == '\\' && from[1] != '\0')
			more = find_escape(editor, *++from);
		(void)snprintf(editor->prompt + count, PROMPT_BYTES - count, "%.*s",
			       more != NULL ? (int)strlen(more) : 1,
			       more != NULL ? more : from);
		count = strlen(editor->prompt);
	}
}

static const char *next_edited(struct hmcsh_input *input, bool has_begun)
{
	struct hmcsh_editor *editor = HV_CONTAINER(input, struct hmcsh_editor, input);
	const char *line;
	int count = 0;

	make_prompt(editor, has_begun);
	editor->keys = 0;
	editor->line[0] = '\0';
	(void)fflush(stdout);
	/* a program may have been ended while it had the terminal its way */
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &editor->terminal);
	/* before the prompt: what is typed at it is echoed by the editor alone */
	(void)el_set(editor->el, EL_PREP_TERM, 1);
	line = el_gets(editor->el, &count);
	if (hmcsh_is_interrupted()) {
		el_reset(editor->el);
		(void)fputc('\n', stdout);
		return editor->line;
	}
	if (line == NULL || count <= 0) {
		(void)fputs("exit\n", stdout);
		return NULL;
	}
	remember(editor, line);
	(void)snprintf(editor->line, sizeof(editor->line), "%.*s", count, line);
	editor->line[strcspn(editor->line, "\n")] = '\0';
	return editor->line;
}

static enum hv_code open_history(struct hmcsh_editor *editor, struct hv_err *err)
{
	HistEvent event;

	editor->history = history_init();
	if (editor->history == NULL)
		return hv_fail(err, HV_E_NOMEM, "cannot allocate memory");
	(void)history(editor->history, &event, H_SETSIZE, HISTORY_LINES);
	(void)history(editor->history, &event, H_SETUNIQUE, 1);
	return HV_OK;
}

static enum hv_code open_line(struct hmcsh_editor *editor, struct hv_err *err)
{
	/* libedit's own command line */
	static const char *const unbound[] = { "\\ex", "\\eX" };

	editor->el = el_init(HMCSH_NAME, stdin, stdout, stderr);
	if (editor->el == NULL)
		return hv_fail(err, HV_E_NOMEM, "cannot allocate memory");
	(void)el_set(editor->el, EL_CLIENTDATA, editor);
	(void)el_set(editor->el, EL_PROMPT, show_prompt);
	(void)el_set(editor->el, EL_EDITOR, "emacs");
	(void)el_set(editor->el, EL_SIGNAL, 0);
	(void)el_set(editor->el, EL_GETCFN, read_key);
	(void)el_set(editor->el, EL_HIST, history, editor->history);
	(void)el_set(editor->el, EL_BIND, "^_", "ed-redisplay", NULL);
	(void)el_set(editor->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	for (size_t i = 0; i < HV_COUNT(unbound); i++)
		(void)el_set(editor->el, EL_BIND, unbound[i], "ed-unassigned", NULL);
	return HV_OK;
}

enum hv_code hmcsh_editor_open(struct hmcsh *shell, const struct hmcsh_config *config,
			       struct hmcsh_editor **ret_editor, struct hv_err *err)
{
	struct sigaction action = { .sa_handler = on_resize };
	struct hmcsh_editor *editor = calloc(1, sizeof(*editor));
	enum hv_code code;

	if (editor == NULL)
		return hv_fail(err, HV_E_NOMEM, "cannot allocate memory");
	editor->input.next = next_edited;
	editor->shell = shell;
	editor->idle_ms = config->idle_s > 0 ? (int)config->idle_s * 1000 : -1;
	editor->config = config;
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* where there is none it is ASCII */
	(void)sigaction(SIGWINCH, &action, NULL);
	if (tcgetattr(STDIN_FILENO, &editor->terminal) != 0)
		code = hv_fail_os(err, HV_E_OS, errno, "terminal");
	else
		code = open_history(editor, err);
	if (code == HV_OK)
		code = open_line(editor, err);
	if (code != HV_OK) {
		hmcsh_editor_close(editor);
		return code;
	}
	*ret_editor = editor;
	return HV_OK;
}

void hmcsh_editor_close(struct hmcsh_editor *editor)
{
	if (editor == NULL)
		return;
	if (editor->el != NULL)
		el_end(editor->el);
	if (editor->history != NULL)
		history_end(editor->history);
	free(editor);
}

struct hmcsh_input *hmcsh_editor_input(struct hmcsh_editor *editor)
{
	return &editor->input;
}
