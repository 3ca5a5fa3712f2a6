/* How a session begins: its options, its environment, its commands; and its lines. */
#include "cli/hmcsh/session.h"
#include "tests/support/oom.h"
#include "tests/support/tmpdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

static void options_say_who_and_where(void **state)
{
	static const struct {
		const char *words[6];
		int status; /* -1: goes on */
		const char *line, *name, *user, *coordinator;
		uint64_t idle_s;
	} rows[] = {
		{ { NULL }, -1, NULL, NULL, NULL, "env", 0 },
		{ { "-c", "lshmc -V" }, -1, "lshmc -V", NULL, NULL, "env", 0 },
		{ { "-c", "--help" }, -1, "--help", NULL, NULL, "env", 0 },
		{ { "--user", "eve", "-c", "a", "--name", "hmc1" },
		  -1,
		  "a",
		  "hmc1",
		  "eve",
		  "env",
		  0 },
		{ { "--coordinator", "ipc:///x", "--idle-timeout=60" },
		  -1,
		  NULL,
		  NULL,
		  NULL,
		  "ipc:///x",
		  60 },
		{ { "-c" }, 2, NULL, NULL, NULL, NULL, 0 },
		{ { "-c", "a", "b" }, 2, NULL, NULL, NULL, NULL, 0 },
		{ { "--user", "a b" }, 2, NULL, NULL, NULL, NULL, 0 },
		{ { "--user", "../x" }, 2, NULL, NULL, NULL, NULL, 0 },
		{ { "--user", "0123456789012345678901234567890123" },
		  2,
		  NULL,
		  NULL,
		  NULL,
		  NULL,
		  0 },
		{ { "--name", "a;b" }, 2, NULL, NULL, NULL, NULL, 0 },
		{ { "--idle-timeout", "86401" }, 2, NULL, NULL, NULL, NULL, 0 },
		{ { "--idle-timeout", "-1" }, 2, NULL, NULL, NULL, NULL, 0 },
		{ { "-l" }, 2, NULL, NULL, NULL, NULL, 0 },
		{ { "script" }, 2, NULL, NULL, NULL, NULL, 0 },
	};

	(void)state;
	assert_int_equal(setenv("TARN_COORDINATOR", "env", 1), 0);
	assert_int_equal(unsetenv("SSH_ORIGINAL_COMMAND"), 0);
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		char *argv[8] = { (char *)(uintptr_t) "-tarn-hmcsh" };
		struct hmcsh_config config;
		int argc = 1, status;

		for (; argc < 7 && rows[i].words[argc - 1] != NULL; argc++)
			argv[argc] = (char *)(uintptr_t)rows[i].words[argc - 1];
		status = hmcsh_config_parse(argc, argv, &config);
		if (status != rows[i].status)
			fail_msg("row %zu: %d", i, status);
		if (status >= 0)
			continue;
		assert_int_equal(config.line == NULL, rows[i].line == NULL);
		if (config.line != NULL)
			assert_string_equal(config.line, rows[i].line);
		assert_true(hv_name_is_valid(config.name) &&
			    hv_name_is_valid(config.user));
		assert_null(strchr(config.name, '.'));
		if (rows[i].user != NULL)
			assert_string_equal(config.user, rows[i].user);
		if (rows[i].name != NULL)
			assert_string_equal(config.name, rows[i].name);
		assert_string_equal(config.coordinator, rows[i].coordinator);
		assert_int_equal(config.idle_s, rows[i].idle_s);
	}
}

static void a_forced_command_finds_the_clients_line(void **state)
{
	char name[] = "tarn-hmcsh", option[] = "-c", line[] = "own";
	char *plain[] = { name, NULL }, *given[] = { name, option, line, NULL };
	struct hmcsh_config config;

	(void)state;
	assert_int_equal(setenv("SSH_ORIGINAL_COMMAND", "sent", 1), 0);
	assert_int_equal(hmcsh_config_parse(1, plain, &config), -1);
	assert_string_equal(config.line, "sent");
	assert_int_equal(hmcsh_config_parse(3, given, &config), -1);
	assert_string_equal(config.line, "own");
	assert_int_equal(unsetenv("SSH_ORIGINAL_COMMAND"), 0);
}

static char *const hostile[] = {
	(char *)(uintptr_t) "LANG=de_DE.UTF-8",
	(char *)(uintptr_t) "LC_ALL=../x",
	(char *)(uintptr_t) "LD_PRELOAD=/tmp/x",
	(char *)(uintptr_t) "TERM=xterm",
	(char *)(uintptr_t) "TARN_HMC_USER=root",
	(char *)(uintptr_t) "TARN_COORDINATOR=mine",
	(char *)(uintptr_t) "PATH=/bin",
	(char *)(uintptr_t) "IFS=o",
	(char *)(uintptr_t) "USER=root",
	(char *)(uintptr_t) "noequals",
	(char *)(uintptr_t) "=x",
	(char *)(uintptr_t) "BASH_FUNC_ls%%=() { id; }",
	(char *)(uintptr_t) "PS1=x",
	NULL,
};
static const struct hmcsh_config config = { .name = "hmc1",
					    .user = "eve",
					    .coordinator = "ipc:///c" };

static void a_session_begins_with_what_is_harmless(void **state)
{
	static const char *const expected[][2] = {
		{ "LANG", "de_DE.UTF-8" },
		{ "LC_ALL", NULL },
		{ "LD_PRELOAD", NULL },
		{ "TERM", "xterm" },
		{ "TARN_HMC_USER", "eve" },
		{ "TARN_COORDINATOR", "ipc:///c" },
		{ "PATH", "/hmcrbin/:/usr/hmcrbin" },
		{ "IFS", NULL },
		{ "USER", "eve" },
		{ "PS1", NULL },
		{ "HOME", "/home/eve" },
		{ "HOSTNAME", "hmc1" },
	};
	static const char *const given[] = { "LANG=de_DE.UTF-8", "TERM=xterm",
					     "TARN_HMC_USER=eve",
					     "TARN_COORDINATOR=ipc:///c" };
	static struct hmcsh shell;
	char **environment;

	(void)state;
	assert_int_equal(hmcsh_open(&shell, "/", NULL), HV_OK);
	assert_int_equal(hmcsh_session_start(&shell, &config, hostile, NULL), HV_OK);
	for (size_t i = 0; i < HV_COUNT(expected); i++) {
		const char *value = hmcsh_variables_get(&shell.variables, expected[i][0]);

		if (expected[i][1] == NULL)
			assert_null(value);
		else
			assert_string_equal(value, expected[i][1]);
	}
	environment = hmcsh_environment_make(&shell.variables);
	assert_non_null(environment);
	for (size_t i = 0; i < HV_COUNT(given); i++)
		assert_string_equal(environment[i], given[i]);
	assert_null(environment[HV_COUNT(given)]);
	hmcsh_environment_free(environment);
	hmcsh_close(&shell);
}

static void a_session_that_cannot_begin_says_so(void **state)
{
	static struct hmcsh shell;

	(void)state;
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		assert_int_equal(hmcsh_open(&shell, "/", NULL), HV_OK);
		oom_arm(nth);
		code = hmcsh_session_start(&shell, &config, hostile, NULL);
		hmcsh_close(&shell);
		if (!oom_disarm()) {
			assert_int_equal(code, HV_OK);
			assert_true(nth > 8);
			break;
		}
		assert_int_equal(code, HV_E_NOMEM);
	}
	assert_int_equal(hmcsh_open(&shell, "/none", NULL), HV_E_NOTFOUND);
}

static void commands_are_the_links_with_plain_names(void **state)
{
	static const char *const files[] = {
		"lsb",     "lsa",  "LSC",  "ls-d",
		".hidden", "ls.e", "ls f", "01234567890123456789012345678901",
		"ls_1",
	};
	struct hmcsh_commands commands;
	char path[HV_FILE_PATH_BYTES], expected[HV_FILE_PATH_BYTES];
	struct test_tmpdir dir;

	(void)state;
	test_tmpdir_make(&dir);
	for (size_t i = 0; i < HV_COUNT(files); i++) {
		int fd = open(test_tmpdir_file(&dir, files[i], path, sizeof(path)),
			      O_CREAT | O_WRONLY | O_CLOEXEC, 0700);

		assert_true(fd >= 0);
		assert_int_equal(close(fd), 0);
	}
	assert_int_equal(hmcsh_commands_load(&commands, dir.path, NULL), HV_OK);
	assert_int_equal(commands.count, 3);
	assert_string_equal(commands.names[0], "ls_1");
	assert_string_equal(commands.names[1], "lsa");
	assert_string_equal(commands.names[2], "lsb");
	assert_true(hmcsh_commands_find(&commands, "lsb", path));
	assert_string_equal(path,
			    test_tmpdir_file(&dir, "lsb", expected, sizeof(expected)));
	assert_false(hmcsh_commands_find(&commands, "LSC", path));
	assert_false(hmcsh_commands_find(&commands, ".hidden", path));
	assert_false(hmcsh_commands_find(&commands, "../lsb", path));
	assert_false(hmcsh_commands_find(&commands, "", path));
	test_tmpdir_remove(&dir);
	assert_int_equal(hmcsh_commands_directory(path, NULL), HV_OK);
	assert_string_equal(strrchr(path, '/'), "/hmc");
}

struct lines {
	struct hmcsh_input input;
	const char *const *next;
	unsigned continued; /* how many were asked for as more of a command */
};

static const char *next_line(struct hmcsh_input *input, bool has_begun)
{
	struct lines *lines = HV_CONTAINER(input, struct lines, input);

	lines->continued += has_begun;
	return *lines->next != NULL ? *lines->next++ : NULL;
}

static void lines_are_joined_until_they_are_complete(void **state)
{
	static const struct {
		const char *lines[6];
		int status;
		unsigned continued;
	} rows[] = {
		{ { NULL }, 0, 0 },
		{ { "false" }, 1, 0 },
		{ { "false", "" }, 1, 0 },
		{ { "x=1", "test $x = 1 && exit 7", "exit 8" }, 7, 0 },
		{ { "for i in 1 2", "do test $i = 1", "done" }, 1, 2 },
		{ { "x='a", "b'", "test \"$x\" = \"a", "b\"" }, 0, 2 },
		{ { "true &&", "false" }, 1, 1 },
		{ { "true \\", "" }, 0, 1 },
		{ { "test a \\", "= \\", "b" }, 1, 2 },
		{ { "test a = 'b\\\\'", "exit 3" }, 3, 0 },
		{ { "exit 4 \\" }, 4, 1 },
		{ { "test 'a\\", "' = 'a\\", "'" }, 0, 2 },
		{ { "fi", "exit" }, 2, 0 },
		{ { "a &", "exit" }, 1, 0 },
		{ { "if true" }, 2, 1 },
	};
	static struct hmcsh shell;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct lines lines = { .input.next = next_line, .next = rows[i].lines };

		assert_int_equal(hmcsh_open(&shell, "/", NULL), HV_OK);
		if (hmcsh_session_loop(&shell, &lines.input) != rows[i].status ||
		    lines.continued != rows[i].continued)
			fail_msg("row %zu: %d, %u", i, shell.status, lines.continued);
		hmcsh_close(&shell);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_say_who_and_where),
		cmocka_unit_test(a_forced_command_finds_the_clients_line),
		cmocka_unit_test(a_session_begins_with_what_is_harmless),
		cmocka_unit_test(a_session_that_cannot_begin_says_so),
		cmocka_unit_test(commands_are_the_links_with_plain_names),
		cmocka_unit_test(lines_are_joined_until_they_are_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
