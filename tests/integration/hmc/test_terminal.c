/* The HMC shell on a terminal: what a person types, and what comes of it. */
#include "tests/integration/hmc/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PROMPT "hscroot@hmc1:~> "
#define INTERRUPT "\003"
#define END "\004"
#define UP "\033[A"

static struct terminal t;

static void open_shell(const char *option, const char *value)
{
	const char *bin = getenv("TARN_BIN");
	const char *arguments[] = { "-tarn-hmcsh", "--user", "hscroot", "--name",
				    "hmc1",        option,   value,     NULL };
	char program[4096];

	assert_non_null(bin);
	(void)snprintf(program, sizeof(program), "%s/tarn-hmcsh", bin);
	terminal_open(&t, program, arguments);
	terminal_expect(&t, PROMPT);
}

static void does(const char *keys, const char *shows)
{
	terminal_type(&t, keys);
	terminal_expect(&t, shows);
	terminal_expect(&t, PROMPT);
}

static void lines_run_and_are_remembered(void **state)
{
	(void)state;
	open_shell(NULL, NULL);
	does("echo a''b\n", "\nab\r\n");
	does("false\n", "\n");
	does("echo $?\n", "\n1\r\n");
	does(UP UP UP "\n", "\nab\r\n");
	does("nosuch\n", "\nhmcsh: nosuch: command not found\r\n");
	terminal_type(&t, "exit 3\n");
	assert_int_equal(terminal_end(&t), 3);
	open_shell(NULL, NULL);
	does("false\n", "\n");
	terminal_type(&t, END);
	assert_int_equal(terminal_end(&t), 1);
}

static void a_line_goes_on_until_it_is_complete(void **state)
{
	(void)state;
	open_shell(NULL, NULL);
	terminal_type(&t, "for i in 1 2\n");
	terminal_expect(&t, "> ");
	terminal_type(&t, "do echo \"$i\n");
	terminal_expect(&t, "> ");
	does("x\"; done\n", "\n1\r\nx\r\n2\r\nx\r\n");
	terminal_type(&t, "echo a''b \\\n");
	terminal_expect(&t, "> ");
	does("c''d\n", "\nab cd\r\n");
	terminal_type(&t, "echo 'half\n");
	terminal_expect(&t, "> ");
	does(INTERRUPT, "\n");
	does("echo whole\n", "\nwhole\r\n");
	terminal_type(&t, "if true\n");
	terminal_expect(&t, "> ");
	terminal_type(&t, END);
	terminal_expect(&t, "hmcsh: syntax error: unexpected end of file");
	assert_int_equal(terminal_end(&t), 2);
}

static void an_interrupt_ends_what_runs_and_not_the_shell(void **state)
{
	static const char *const lines[] = {
		"echo begun; sleep 1000\n",
		"echo begun; sleep 1000 | cat | cat\n",
		"echo begun; while true; do sleep 1000; done\n",
		"echo begun; while true; do true; done\n",
		"echo begun; (while true; do :; done)\n",
		"echo begun; a=$(sleep 1000)\n",
		"echo begun; read a\n",
		"echo begun; for i in 1 2 3; do cat; done\n",
		"{ echo begun; while :; do :; done; } | cat\n",
	};

	(void)state;
	open_shell(NULL, NULL);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		terminal_type(&t, lines[i]);
		terminal_expect(&t, "\nbegun\r\n");
		does(INTERRUPT, "^C");
		does("echo on $?\n", "\non 130\r\n");
	}
	does("half a line" INTERRUPT, "\n");
	does("echo whole\n", "\nwhole\r\n");
	terminal_type(&t, "exit 0\n");
	assert_int_equal(terminal_end(&t), 0);
}

/* It comes while processes are being made: before their group, and before each. */
static void an_interrupt_is_not_lost_while_a_pipeline_starts(void **state)
{
	static const char *const lines[] = {
		"sleep 1000",
		"sleep 1000 | sleep 1000 | sleep 1000",
		"a=$(sleep 1000)",
		"for i in 1 2 3; do (sleep 1000); done",
		"{ sleep 1000; } | cat",
	};

	(void)state;
	open_shell(NULL, NULL);
	for (size_t i = 0; i < 8 * (sizeof(lines) / sizeof(lines[0])); i++) {
		terminal_type(&t, lines[i % (sizeof(lines) / sizeof(lines[0]))]);
		terminal_type(&t, "\n");
		terminal_expect(&t, "\r\n");
		does(INTERRUPT, "");
	}
	terminal_type(&t, "exit 0\n");
	assert_int_equal(terminal_end(&t), 0);
}

static void what_runs_has_the_terminal_and_cannot_be_stopped(void **state)
{
	(void)state;
	open_shell(NULL, NULL);
	terminal_type(&t, "cat | cat; read a; echo \"<$a>\"\n");
	terminal_expect(&t, "\n");
	terminal_type(&t, "one\n");
	terminal_expect(&t, "one\r\none\r\n");
	terminal_type(&t, "\032two\n"); /* ^Z */
	terminal_expect(&t, "two\r\n");
	terminal_type(&t, END);
	does("three\n", "<three>\r\n");
	does("\032\034echo on\n", "\non\r\n"); /* at the prompt, and ^\ */
	terminal_type(&t, "exit 0\n");
	assert_int_equal(terminal_end(&t), 0);
}

static void names_of_commands_are_completed(void **state)
{
	(void)state;
	open_shell(NULL, NULL);
	does("ech\ta''b\n", "\nab\r\n");
	terminal_type(&t, "lssys\t");
	terminal_expect(&t, "lssysc");
	terminal_type(&t, "\t");
	terminal_expect(&t, "lssyscfg");
	terminal_expect(&t, "lssysconn");
	terminal_expect(&t, PROMPT "lssysc");
	does(INTERRUPT, "\n");
	does("echo b | sor\t| hea\t-1\n", "\nb\r\n");
	terminal_type(&t, "zzz\t"); /* there is none */
	terminal_expect(&t, "\a");
	does(INTERRUPT, "\n");
	does("echo ech\t\n", "\nech\r\n"); /* not where no command is */
	does("echo gr\303\274n\n", "\ngr\303\274n\r\n");
	terminal_type(&t, "exit 0\n");
	assert_int_equal(terminal_end(&t), 0);
}

/*
 * libedit has a command line, from which keys can be bound, also to what starts an
 * editor on the line; and a file of settings.
 */
static void no_key_leads_out(void **state)
{
	static const char *const keys[] = {
		"\033xbind -v\nv",
		"\033Xbind ^G vi-histedit\n\007",
		"\033x\033Xedit on\n",
		"\030\005",     /* ^X^E */
		"\026\033:!id", /* ^V ESC */
		"\033\033v",
		"\033!ls",
		"\033~",
		"\033/",
		"~/\t\t",
		"ls /etc/pass\t",
	};

	(void)state;
	(void)setenv("EDITOR", "/bin/ls /etc", 1);
	(void)setenv("VISUAL", "/bin/ls /etc", 1);
	open_shell(NULL, NULL);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char line[64], shows[64];

		/* whatever is left of them on the line is run, and goes wrong */
		terminal_type(&t, keys[i]);
		(void)snprintf(line, sizeof(line), "\necho still''here %zu\n", i);
		(void)snprintf(shows, sizeof(shows), "\nstillhere %zu\r\n", i);
		does(line, shows);
	}
	terminal_type(&t, "exit 0\n");
	assert_int_equal(terminal_end(&t), 0);
	assert_null(strstr(t.text, "passwd"));
	assert_null(strstr(t.text, "uid="));
}

/* Clients that wait for a prompt set one that they know. */
static void the_prompt_is_what_a_client_makes_it(void **state)
{
	(void)state;
	open_shell(NULL, NULL);
	terminal_type(&t, "unset PROMPT_COMMAND; PS1='[PEXPECT]\\$ '\n");
	terminal_expect(&t, "\n[PEXPECT]$ ");
	terminal_type(&t, "PS1='<\\[\\]\\u \\h \\w \\\\>'; PS2='+'\n");
	terminal_expect(&t, "\n<hscroot hmc1 ~ \\>");
	terminal_type(&t, "echo 'a\n");
	terminal_expect(&t, "\n+");
	terminal_type(&t, "b'\n");
	terminal_expect(&t, "\na\r\nb\r\n<hscroot");
	terminal_type(&t, "unset PS1\n");
	terminal_expect(&t, PROMPT);
	terminal_type(&t, "exit 0\n");
	assert_int_equal(terminal_end(&t), 0);
}

static void an_idle_session_ends(void **state)
{
	(void)state;
	open_shell("--idle-timeout", "1");
	terminal_expect(&t, "auto-logout");
	assert_int_equal(terminal_end(&t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_run_and_are_remembered),
		cmocka_unit_test(a_line_goes_on_until_it_is_complete),
		cmocka_unit_test(an_interrupt_ends_what_runs_and_not_the_shell),
		cmocka_unit_test(an_interrupt_is_not_lost_while_a_pipeline_starts),
		cmocka_unit_test(what_runs_has_the_terminal_and_cannot_be_stopped),
		cmocka_unit_test(names_of_commands_are_completed),
		cmocka_unit_test(no_key_leads_out),
		cmocka_unit_test(the_prompt_is_what_a_client_makes_it),
		cmocka_unit_test(an_idle_session_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
