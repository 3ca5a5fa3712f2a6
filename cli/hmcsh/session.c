/* session - see session.h. */
#include "cli/hmcsh/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/hmcsh/confine.h"
#include "cli/hmcsh/editor.h"
#include "cli/hmcsh/filters.h"
#include "cli/hmcsh/process.h"

#define TERMINAL_MIN 10    /* a descriptor that no redirection names */
#define CONTINUED_MAX 1000 /* lines of one command; arbitrary */
#define SHOWN_PATH "/hmcrbin/:/usr/hmcrbin"

static const char no_memory[] = "cannot allocate memory";

/* Lines of a pipe or a file. Bytes are taken one by one: commands read there too. */
struct plain {
	struct hmcsh_input input;
	char line[HMCSH_LINE_BYTES_MAX];
};

static const char *next_plain(struct hmcsh_input *input, bool has_begun)
{
	struct plain *plain = HV_CONTAINER(input, struct plain, input);
	size_t count = 0;
	char byte = '\0';
	ssize_t n;

	(void)has_begun;
	do {
		n = read(STDIN_FILENO, &byte, 1);
		if (n == 1 && byte != '\n' && byte != '\0' &&
		    count + 1 < sizeof(plain->line))
			plain->line[count++] = byte;
	} while ((n == 1 && byte != '\n') || (n < 0 && errno == EINTR));
	plain->line[count] = '\0';
	return n == 1 || count > 0 ? plain->line : NULL;
}

/* Appends a line to what has begun; false: it does not fit. */
static bool join(char *text, size_t *count, const char *line)
{
	size_t more = strlen(line);

	if (more + 2 > HMCSH_LINE_BYTES_MAX - *count)
		return false;
	memcpy(text + *count, line, more);
	*count += more;
	text[(*count)++] = '\n';
	text[*count] = '\0';
	return true;
}

/* A backslash at the end that is not escaped itself: the next line belongs to it. */
static bool ends_with_escape(const char *line)
{
	size_t count = strlen(line), from = count;

	while (from > 0 && line[from - 1] == '\\')
		from--;
	return (count - from) % 2 != 0;
}

struct session_text {
	char text[HMCSH_LINE_BYTES_MAX];
	size_t count;
	unsigned lines;
};

/* One line more; AGAIN: it goes on. */
static enum hv_code take_line(struct hmcsh *shell, struct session_text *t,
			      const char *line, struct hv_err *err)
{
	t->lines = t->count > 0 ? t->lines + 1 : 0;
	if (!join(t->text, &t->count, line) || t->lines >= CONTINUED_MAX)
		return hv_fail(err, HV_E_LIMIT, "line too long");
	if (ends_with_escape(line))
		return HV_E_AGAIN;
	return hmcsh_try_line(shell, t->text, err);
}

int hmcsh_session_loop(struct hmcsh *shell, struct hmcsh_input *input)
{
	struct session_text *t = calloc(1, sizeof(*t));
	struct hv_err err;
	enum hv_code code = HV_OK;

	if (t == NULL) {
		(void)fprintf(stderr, HMCSH_NAME ": %s\n", no_memory);
		return HMCSH_FAILED;
	}
	while (!shell->is_leaving) {
		const char *line = input->next(input, t->count > 0);

		if (line == NULL)
			break;
		/* one that comes later ends what the line runs: it stays set */
		if (hmcsh_is_interrupted()) {
			hmcsh_interrupt_clear();
			shell->status = HMCSH_SIGNAL + SIGINT;
			t->count = 0;
			code = HV_OK;
			continue;
		}
		code = take_line(shell, t, line, &err);
		if (code == HV_E_AGAIN)
			continue;
		if (code != HV_OK)
			hmcsh_complain(&err);
		t->count = 0;
		hmcsh_interrupt_clear();
	}
	/* what was to go on, and did not */
	if (code == HV_E_AGAIN && t->count > 0 &&
	    hmcsh_try_line(shell, t->text, &err) != HV_OK)
		hmcsh_complain(&err);
	free(t);
	return shell->status;
}

/* Everything that a script may ask and not change. */
static enum hv_code fix_variables(struct hmcsh *shell, const struct hmcsh_config *config,
				  struct hv_err *err)
{
	char home[sizeof("/home/") + HV_NAME_BYTES];
	const char *const fixed[][2] = {
		{ "PATH", SHOWN_PATH },
		{ "SHELL", "/usr/hmcrbin/" HMCSH_NAME },
		{ "HOME", home },
		{ "USER", config->user },
		{ "LOGNAME", config->user },
		{ "HOSTNAME", config->name },
		{ "TARN_HMC_USER", config->user },
		{ "TARN_COORDINATOR", config->coordinator },
	};
	enum hv_code code = HV_OK;

	(void)snprintf(home, sizeof(home), "/home/%s", config->user);
	for (size_t i = 0; i < HV_COUNT(fixed) && code == HV_OK; i++)
		if (fixed[i][1] != NULL)
			code = hmcsh_variables_fix(&shell->variables, fixed[i][0],
						   fixed[i][1], err);
	return code;
}

/* What the client's terminal and language say, as far as it is harmless. */
static enum hv_code take_environment(struct hmcsh *shell, char *const *environment,
				     struct hv_err *err)
{
	enum hv_code code = HV_OK;

	for (; *environment != NULL && code == HV_OK; environment++) {
		const char *equals = strchr(*environment, '=');
		size_t count = equals != NULL ? (size_t)(equals - *environment) : 0;
		char name[HMCSH_NAME_BYTES_MAX];

		if (!hmcsh_name_is_valid(*environment, count))
			continue;
		memcpy(name, *environment, count);
		name[count] = '\0';
		if (!hmcsh_variable_is_harmless(name, equals + 1))
			continue;
		code = hmcsh_variables_set(&shell->variables, name, equals + 1, err);
		if (code == HV_OK)
			code = hmcsh_variables_export(&shell->variables, name, err);
	}
	return code;
}

enum hv_code hmcsh_session_start(struct hmcsh *shell, const struct hmcsh_config *config,
				 char *const *environment, struct hv_err *err)
{
	enum hv_code code = take_environment(shell, environment, err);

	return code == HV_OK ? fix_variables(shell, config, err) : code;
}

/* Only what the shell can start may be run, by whatever is started. */
static enum hv_code confine(const struct hmcsh *shell, struct hv_err *err)
{
	static char paths[HMCSH_COMMANDS_MAX][HV_FILE_PATH_BYTES];
	const char *programs[2 * HMCSH_COMMANDS_MAX + 1] = { NULL };
	const char *name;
	unsigned count = 0;

	for (unsigned i = 0; i < shell->commands.count; i++)
		if (hmcsh_commands_find(&shell->commands, shell->commands.names[i],
					paths[i]))
			programs[count++] = paths[i];
	for (unsigned i = 0;
	     i < HMCSH_COMMANDS_MAX && (name = hmcsh_filter_name(i)) != NULL; i++)
		programs[count++] = hmcsh_filter_path(hmcsh_filter_find(name));
	return hmcsh_confine_shell(programs, err);
}

/* A descriptor that is closed would be the next file's. */
static enum hv_code hold_descriptors(struct hv_err *err)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "/dev/null");
	(void)close(fd);
	if (chdir("/") != 0)
		return hv_fail_os(err, HV_E_OS, errno, "/");
	return HV_OK;
}

static enum hv_code open_shell(struct hmcsh *shell, const struct hmcsh_config *config,
			       char *const *environment, struct hv_err *err)
{
	char directory[HV_FILE_PATH_BYTES];
	enum hv_code code = hold_descriptors(err);

	if (code == HV_OK)
		code = hmcsh_commands_directory(directory, err);
	if (code == HV_OK)
		code = hmcsh_open(shell, directory, err);
	if (code == HV_OK)
		code = hmcsh_session_start(shell, config, environment, err);
	return code == HV_OK ? confine(shell, err) : code;
}

static int run_terminal(struct hmcsh *shell, const struct hmcsh_config *config)
{
	struct hmcsh_editor *editor;
	struct hv_err err;
	int status;

	if (hmcsh_editor_open(shell, config, &editor, &err) != HV_OK) {
		hmcsh_complain(&err);
		return HMCSH_CANNOT_RUN;
	}
	status = hmcsh_session_loop(shell, hmcsh_editor_input(editor));
	hmcsh_editor_close(editor);
	return status;
}

static int run_lines(struct hmcsh *shell, const struct hmcsh_config *config)
{
	static struct plain plain = { .input.next = next_plain };

	if (config->line != NULL)
		return hmcsh_run_line(shell, config->line);
	return shell->terminal >= 0 ? run_terminal(shell, config)
				    : hmcsh_session_loop(shell, &plain.input);
}

int hmcsh_session_main(const struct hmcsh_config *config, char *const *environment)
{
	static struct hmcsh shell = { .terminal = -1 };
	struct hv_err err;
	int status;

	if (open_shell(&shell, config, environment, &err) != HV_OK) {
		hmcsh_complain(&err);
		hmcsh_close(&shell);
		return HMCSH_CANNOT_RUN;
	}
	if (config->line == NULL && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		shell.terminal = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, TERMINAL_MIN);
	hmcsh_signals_start(&shell);
	status = run_lines(&shell, config);
	hmcsh_close(&shell);
	return status;
}
