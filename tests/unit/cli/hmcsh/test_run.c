/* What lines do: the language and the builtins, without any other program. */
#include "tests/unit/cli/hmcsh/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void statuses_go_from_command_to_command(void **state)
{
	static const struct trial_row rows[] = {
		{ "", "", "", 0 },
		{ "true", "", "", 0 },
		{ "false", "", "", 1 },
		{ "false; echo Rc=$?", "Rc=1\n", "", 0 },
		{ "! false", "", "", 0 },
		{ "! true; echo $?", "1\n", "", 0 },
		{ "true && echo a || echo b", "a\n", "", 0 },
		{ "false && echo a || echo b", "b\n", "", 0 },
		{ "false || false || echo c", "c\n", "", 0 },
		{ "true || echo a && echo b", "b\n", "", 0 },
		{ "true | false", "", "", 1 },
		{ "false | true", "", "", 0 },
		{ "! false | false", "", "", 0 },
		{ "exit 3", "", "", 3 },
		{ "exit 3; echo a", "", "", 3 },
		{ "false; exit", "", "", 1 },
		{ "exit 257", "", "", 1 },
		{ "exit a", "", "hmcsh: exit: a: numeric argument required\n", 2 },
		{ "exit 1 2; echo $?", "1\n", "hmcsh: exit: too many arguments\n", 0 },
		{ "(exit 4); echo $?", "4\n", "", 0 },
		{ "{ false; }; echo $?", "1\n", "", 0 },
		{ "a=1; (a=2; echo $a); echo $a", "2\n1\n", "", 0 },
		{ "exit 2 | true; echo on", "on\n", "", 0 },
		{ "nosuch; echo $?", "127\n", "hmcsh: nosuch: command not found\n", 0 },
		{ "nosuch 2>/dev/null; echo $?", "127\n", "", 0 },
		{ "''", "", "hmcsh: : command not found\n", 127 },
		{ "/bin/ls", "",
		  "hmcsh: /bin/ls: restricted: cannot specify `/' in command names\n",
		  1 },
		{ "echo a; fi", "", "hmcsh: syntax error near unexpected token `fi'\n",
		  2 },
		{ "echo a &", "",
		  "hmcsh: restricted: nothing runs in the background (`&')\n", 1 },
		{ "for i in a; do", "", "hmcsh: syntax error: unexpected end of file\n",
		  2 },
	};

	(void)state;
	trial_check(rows, HV_COUNT(rows), NULL);
}

static void words_are_expanded_and_split(void **state)
{
	static const struct trial_row rows[] = {
		{ "a='1  2'; echo $a \"$a\" '$a' x${a}y", "1 2 1  2 $a x1 2y\n", "", 0 },
		{ "a=; echo $a b", "b\n", "", 0 },
		{ "a=; echo \"$a\" b", " b\n", "", 0 },
		{ "echo \"\"$none''", "\n", "", 0 },
		{ "a=1 b=$a c=\"$b $a\"; echo $c", "1 1\n", "", 0 },
		{ "a=' x '; echo [$a] [\"$a\"]", "[ x ] [ x ]\n", "", 0 },
		{ "IFS=,; a=1,2,,3; for i in $a; do echo \"<$i>\"; done",
		  "<1>\n<2>\n<>\n<3>\n", "", 0 },
		{ "IFS=', '; a='1 , 2'; for i in $a; do echo \"<$i>\"; done",
		  "<1>\n<2>\n", "", 0 },
		{ "IFS=; a='1 2'; for i in $a; do echo \"<$i>\"; done", "<1 2>\n", "",
		  0 },
		{ "echo $(echo a; echo b)", "a b\n", "", 0 },
		{ "echo \"$(echo a; echo b; echo)\"", "a\nb\n", "", 0 },
		{ "echo `echo \\`echo a\\``", "a\n", "", 0 },
		{ "a=$(false); echo $?", "1\n", "", 0 },
		{ "false; a=$?$?$(true)$?; echo $a $?", "110 0\n", "", 0 },
		{ "$(false); echo $?", "1\n", "", 0 },
		{ "echo $(false) $?", "1\n", "", 0 },
		{ "a=$(echo b) c=d; echo $a$c $?", "bd 0\n", "", 0 },
		{ "$(echo echo) $(echo a)", "a\n", "", 0 },
		{ "a='echo b'; $a", "b\n", "", 0 },
		{ "a='echo b;echo c'; $a", "b;echo c\n", "", 0 },
		{ "a='$b'; b=1; echo $a", "$b\n", "", 0 },
		{ "echo $0 $# $1 $@ $* $! end", "hmcsh 0 end\n", "", 0 },
		{ "$none", "", "", 0 },
		{ "false; $none; echo $?", "0\n", "", 0 },
		{ "echo * ? ~ /etc/*", "* ? ~ /etc/*\n", "", 0 },
		{ "a=1; a=2 echo $a; echo $a", "1\n1\n", "", 0 },
		{ "b=1 read b; echo [$b]", "[]\n", "", 0 },
	};

	(void)state;
	trial_check(rows, HV_COUNT(rows), NULL);
}

static void loops_and_conditions_run(void **state)
{
	static const struct trial_row rows[] = {
		{ "for i in a 'b c' $none; do echo $i; done; echo $i", "a\nb c\nb c\n",
		  "", 0 },
		{ "for i in; do echo a; done; echo $?", "0\n", "", 0 },
		{ "for i in 1 2; do for j in a b; do echo $i$j; done; done",
		  "1a\n1b\n2a\n2b\n", "", 0 },
		{ "for i in 1 2 3; do [ $i = 2 ] && break; echo $i; done; echo $?",
		  "1\n0\n", "", 0 },
		{ "for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n",
		  "", 0 },
		{ "for i in 1 2; do for j in a b; do break 2; done; echo x; done; echo y",
		  "y\n", "", 0 },
		{ "for i in 1 2; do for j in a b; do continue 2; done; echo x; done; "
		  "echo y",
		  "y\n", "", 0 },
		{ "for i in 1 2; do break 9; done; for i in 3; do echo $i; done", "3\n",
		  "", 0 },
		{ "a=; while [ \"$a\" != xxx ]; do a=x$a; echo $a; done", "x\nxx\nxxx\n",
		  "", 0 },
		{ "a=; until [ \"$a\" = xx ]; do a=x$a; done; echo $a", "xx\n", "", 0 },
		{ "while false; do echo a; done; echo $?", "0\n", "", 0 },
		{ "while true; do break; done; echo $?", "0\n", "", 0 },
		{ "while true; do exit 5; done; echo a", "", "", 5 },
		{ "while break; do echo a; done; echo b", "b\n", "", 0 },
		{ "if true; then echo a; else echo b; fi", "a\n", "", 0 },
		{ "if false; then echo a; elif true; then echo b; else echo c; fi", "b\n",
		  "", 0 },
		{ "if false; then echo a; fi; echo $?", "0\n", "", 0 },
		{ "if exit 6; then echo a; fi", "", "", 6 },
		{ "for i in 1 2; do (break; echo $i); done", "1\n2\n",
		  "hmcsh: break: only meaningful in a `for', `while', or `until' loop\n"
		  "hmcsh: break: only meaningful in a `for', `while', or `until' loop\n",
		  0 },
		{ "i=0; while [ $i -lt 3 ]; do echo -n $i; i=$((i+1)); done", "012", "",
		  0 },
		{ "echo $((1/0)); echo $?", "1\n", "hmcsh: 1/0: division by 0\n", 0 },
		{ "IFS=1; echo $((10+1)) \"$((10+1))\"", "  11\n", "", 0 },
		{ "break", "",
		  "hmcsh: break: only meaningful in a `for', `while', or `until' "
		  "loop\n",
		  0 },
		{ "for i in 1; do break 0; done", "",
		  "hmcsh: break: 0: loop count out of range\n", 1 },
		{ "echo '1\n2' | while read a; do echo \"<$a>\"; done", "<1>\n<2>\n", "",
		  0 },
		{ "{ echo a; echo b; } | { read x; read y; echo $y$x; }", "ba\n", "", 0 },
		{ "for i in 1 2 3; do echo $i; done | while read i; do echo -n $i; done",
		  "123", "", 0 },
		{ "echo a | { read x; exit 3; }; echo $?", "3\n", "", 0 },
	};

	(void)state;
	trial_check(rows, HV_COUNT(rows), NULL);
}

static void redirections_never_reach_a_file(void **state)
{
	static const struct trial_row rows[] = {
		{ "echo a >/dev/null", "", "", 0 },
		{ "echo a >&2", "", "a\n", 0 },
		{ "nosuch 2>&1", "hmcsh: nosuch: command not found\n", "", 127 },
		{ "{ nosuch; echo b; } 2>&1 | { read x; echo $x; }",
		  "hmcsh: nosuch: command not found\n", "", 0 },
		{ "echo a >/dev/null >&2", "", "a\n", 0 },
		{ "for i in 1 2; do echo $i; done >&2; echo 3", "3\n", "1\n2\n", 0 },
		{ "read a </dev/null; echo $?", "1\n", "", 0 },
		{ "echo a &>/dev/null; echo b", "b\n", "", 0 },
		{ ">/dev/null; echo $?", "0\n", "", 0 },
		{ "echo a > x; echo $?", "1\n",
		  "hmcsh: x: restricted: cannot redirect output\n", 0 },
		{ "echo a > /tmp/x", "",
		  "hmcsh: /tmp/x: restricted: cannot redirect output\n", 1 },
		{ "a=/tmp/x; echo a > $a", "",
		  "hmcsh: file: restricted: cannot redirect output\n", 1 },
		{ "echo a >> '/dev/null'", "",
		  "hmcsh: file: restricted: cannot redirect output\n", 1 },
		{ "read a < /etc/passwd; echo $a", "\n",
		  "hmcsh: /etc/passwd: restricted: cannot redirect input\n", 0 },
		{ "(echo a) > x", "", "hmcsh: x: restricted: cannot redirect output\n",
		  1 },
		{ "> x", "", "hmcsh: x: restricted: cannot redirect output\n", 1 },
		{ "a=1 > x; echo $a", "\n",
		  "hmcsh: x: restricted: cannot redirect output\n", 0 },
		{ "nosuch > x", "", "hmcsh: x: restricted: cannot redirect output\n", 1 },
	};

	(void)state;
	trial_check(rows, HV_COUNT(rows), NULL);
}

static void variables_are_set_exported_and_fixed(void **state)
{
	static const struct trial_row rows[] = {
		{ "echo $USER $LOGNAME $HOSTNAME $TARN_HMC_USER",
		  "hscroot hscroot hmc1 hscroot\n", "", 0 },
		{ "echo $PATH", "/hmcrbin/:/usr/hmcrbin\n", "", 0 },
		{ "PATH=/bin; echo $PATH", "/hmcrbin/:/usr/hmcrbin\n",
		  "hmcsh: PATH: readonly variable\n", 0 },
		{ "TARN_HMC_USER=root", "", "hmcsh: TARN_HMC_USER: readonly variable\n",
		  1 },
		{ "TARN_HMC_USER=root echo a", "",
		  "hmcsh: TARN_HMC_USER: readonly variable\n", 1 },
		{ "export TARN_HMC_USER=root", "",
		  "hmcsh: TARN_HMC_USER: readonly variable\n", 1 },
		{ "unset TARN_HMC_USER", "", "hmcsh: TARN_HMC_USER: readonly variable\n",
		  1 },
		{ "for TARN_HMC_USER in root; do echo a; done", "",
		  "hmcsh: TARN_HMC_USER: readonly variable\n", 1 },
		{ "read TARN_HMC_USER; echo $TARN_HMC_USER", "hscroot\n",
		  "hmcsh: TARN_HMC_USER: readonly variable\n", 0 },
		{ "export A=1 B='2 3'; echo $A $B", "1 2 3\n", "", 0 },
		{ "a='1 2'; export B=$a; echo $B", "1 2\n", "", 0 },
		{ "export 1a=2; echo $?", "1\n",
		  "hmcsh: export: `1a=2': not a valid identifier\n", 0 },
		{ "export =; echo $?", "1\n",
		  "hmcsh: export: `=': not a valid identifier\n", 0 },
		{ "A=1; unset A; echo [$A]; unset A B", "[]\n", "", 0 },
		{ "unset -; echo $?", "1\n",
		  "hmcsh: unset: `-': not a valid identifier\n", 0 },
		{ "unset PATH USER 2>/dev/null; export A=1; export",
		  "export PATH=\"/hmcrbin/:/usr/hmcrbin\"\n"
		  "export SHELL=\"/usr/hmcrbin/hmcsh\"\nexport HOME=\"/home/hscroot\"\n"
		  "export USER=\"hscroot\"\nexport LOGNAME=\"hscroot\"\n"
		  "export HOSTNAME=\"hmc1\"\nexport TARN_HMC_USER=\"hscroot\"\n"
		  "export A=\"1\"\n",
		  "", 0 },
	};

	(void)state;
	trial_check(rows, HV_COUNT(rows), NULL);
}

static void lines_are_read_into_variables(void **state)
{
	static const struct trial_row rows[] = {
		{ "read a b; echo \"<$a><$b>\"", "<one><two  three>\n", "", 0 },
		{ "read; echo \"<$REPLY>\"", "<one two  three>\n", "", 0 },
		{ "read a b c d; echo \"<$c><$d>\"", "<three><>\n", "", 0 },
		{ "read a; read b; echo \"<$b>\"", "<x,y,,z>\n", "", 0 },
		{ "read a; IFS=, read b c d; echo \"<$b><$c><$d>\"", "<x><y><,z>\n", "",
		  0 },
		{ "read a; read a; read a b; echo \"<$a><$b>\"", "<p q><r>\n", "", 0 },
		{ "read a; read a; read -r a b; echo \"<$a><$b>\"", "<p\\><q r>\n", "",
		  0 },
		{ "read a;read a;read a;read a; echo $?$a; read a; echo $?[$a]",
		  "1last\n1[]\n", "", 0 },
		{ "while read -r l; do echo -n .; done; echo $l", "...last\n", "", 0 },
		{ "IFS=' ,'; read a; read a; echo \"<$a>\"", "<x,y,,z>\n", "", 0 },
		{ "for t in a,b, a,b,, a,b,c, , ,,; do echo $t | { IFS=, read x y; "
		  "echo -n \"<$y>\"; }; done",
		  "<b><b,,><b,c,><><>", "", 0 },
		{ "read -p 'more: ' a; echo $a", "one two three\n", "", 0 },
		{ "read -x a", "", "hmcsh: read: -x: invalid option\n", 2 },
		{ "read 1; echo $?", "1\n", "hmcsh: read: `1': not a valid identifier\n",
		  0 },
	};

	(void)state;
	trial_check(rows, HV_COUNT(rows), " one two  three \nx,y,,z\np\\ q r\nlast");
}

static void echo_and_printf_print(void **state)
{
	static const struct trial_row rows[] = {
		{ "echo", "\n", "", 0 },
		{ "echo -n a", "a", "", 0 },
		{ "echo -e 'a\\tb\\n\\x41\\0101\\\\'", "a\tb\nAA\\\n", "", 0 },
		{ "echo -e 'a\\cb' c", "a", "", 0 },
		{ "echo -E 'a\\tb'", "a\\tb\n", "", 0 },
		{ "echo -neE 'a\\tb'", "a\\tb", "", 0 },
		{ "echo -x - -- -n", "-x - -- -n\n", "", 0 },
		{ "echo -e '\\q\\'", "\\q\\\n", "", 0 },
		{ "printf '%s\\n' a 'b c'", "a\nb c\n", "", 0 },
		{ "printf '%s=%d;' a 1 b 2 c", "a=1;b=2;c=0;", "", 0 },
		{ "printf 'x\\n'", "x\n", "", 0 },
		{ "printf 'x\\n' a b", "x\n", "", 0 },
		{ "printf '%5s|%-5s|%.1s|%05d|%x|%o|%c|%%|' a b cd 42 255 8 xyz",
		  "    a|b    |c|00042|ff|10|x|%|", "", 0 },
		{ "printf '%b|%s' 'a\\tb' 'a\\tb'", "a\tb|a\\tb", "", 0 },
		{ "printf '%.2f' 3.14159", "3.14", "", 0 },
		{ "printf '%d' 0x10 \"'A\"", "1665", "", 0 },
		{ "printf '%d\\n' x; echo $?", "0\n1\n",
		  "hmcsh: printf: x: invalid number\n", 0 },
		{ "printf", "", "hmcsh: printf: usage: printf FORMAT [WORD...]\n", 2 },
		{ "printf '%n' a", "", "hmcsh: printf: %n: invalid format\n", 1 },
		{ "printf '%s%n' a", "a", "hmcsh: printf: %n: invalid format\n", 1 },
		{ "printf '%*d' 5 1", "", "hmcsh: printf: %*d: invalid format\n", 1 },
		{ "printf '%1$s' a", "", "hmcsh: printf: %1$s: invalid format\n", 1 },
		{ "printf '%99999d' 1", "", "hmcsh: printf: %99999d: invalid format\n",
		  1 },
		{ "printf '%.5000s' 1", "", "hmcsh: printf: %.5000s: invalid format\n",
		  1 },
		{ "printf '%--------d' 1", "",
		  "hmcsh: printf: %--------d: invalid format\n", 1 },
		{ "printf '%ls' 1", "", "hmcsh: printf: %ls: invalid format\n", 1 },
		{ "printf %", "", "hmcsh: printf: %: invalid format\n", 1 },
		{ "printf -- '%s' -a", "-a", "", 0 },
		{ "hostname; hostname -s; uname; uname -s; uname -n",
		  "hmc1\nhmc1\nLinux\nLinux\nhmc1\n", "", 0 },
		{ "whoami", "hscroot\n", "", 0 },
		{ "hostname x", "", "hmcsh: hostname: x: restricted\n", 1 },
		{ "uname -a", "", "hmcsh: uname: -a: restricted\n", 1 },
		{ "whoami x", "", "hmcsh: whoami: extra operand 'x'\n", 1 },
		{ "ls; ls -l; ls /etc; echo $?", "2\n",
		  "hmcsh: ls: cannot access '/etc': No such file or directory\n", 0 },
	};

	(void)state;
	trial_check(rows, HV_COUNT(rows), NULL);
}

static const struct {
	const char *expression;
	int status;
} comparisons[] = {
	{ "", 1 },
	{ "a", 0 },
	{ "''", 1 },
	{ "-n a", 0 },
	{ "-n ''", 1 },
	{ "-z ''", 0 },
	{ "-z a", 1 },
	{ "a = a", 0 },
	{ "a == b", 1 },
	{ "a != b", 0 },
	{ "a '<' b", 0 },
	{ "a '>' b", 1 },
	{ "1 -eq 01", 0 },
	{ "1 -ne 2", 0 },
	{ "1 -lt 2", 0 },
	{ "2 -le 2", 0 },
	{ "3 -gt 2", 0 },
	{ "2 -ge 3", 1 },
	{ "-1 -lt 0", 0 },
	{ "a -eq 1", 2 },
	{ "1 -eq ''", 2 },
	{ "99999999999999999999 -gt 1", 2 },
	{ "! a", 1 },
	{ "! ''", 0 },
	{ "! ! a", 0 },
	{ "a -a ''", 1 },
	{ "a -a b", 0 },
	{ "'' -o b", 0 },
	{ "'' -o '' -a a", 1 },
	{ "'(' a ')'", 0 },
	{ "'(' '' -o a ')' -a '' ", 1 },
	{ "'(' = '('", 0 },
	{ "'!' = '!'", 0 },
	{ "-n = -n", 0 },
	{ "-n", 0 },
	{ "! -n a", 1 },
	{ "a b", 2 },
	{ "a =", 2 },
	{ "'(' a", 2 },
	{ "a -a", 2 },
	{ "-f /etc/passwd", 2 },
	{ "-e /etc", 2 },
	{ "-d /", 2 },
	{ "-t 1", 1 },
	{ "-t 9", 1 },
	{ "-t x", 2 },
	{ "'(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' "
	  "'(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' '(' a",
	  2 },
};

static void test_compares(void **state)
{
	static struct trial trial;
	char line[512];

	(void)state;
	trial_open(&trial, "/");
	for (size_t i = 0; i < HV_COUNT(comparisons); i++) {
		int status;

		(void)snprintf(line, sizeof(line), "test %s", comparisons[i].expression);
		status = trial_run(&trial, line, NULL);
		if (status != comparisons[i].status ||
		    (trial.err[0] != '\0') != (status == 2))
			fail_msg("%s: %d, '%s'", line, status, trial.err);
		(void)snprintf(line, sizeof(line), "[ %s ]", comparisons[i].expression);
		assert_int_equal(trial_run(&trial, line, NULL), comparisons[i].status);
	}
	assert_int_equal(trial_run(&trial, "[ a", NULL), 2);
	assert_string_equal(trial.err, "hmcsh: [: missing `]'\n");
	trial_close(&trial);
}

static void what_shells_have_beyond_is_refused_by_name(void **state)
{
	static const char *const names[] = {
		".",       "alias",  "bash",    "bg",     "builtin", "cd",    "command",
		"declare", "enable", "env",     "eval",   "exec",    "fg",    "hash",
		"jobs",    "local",  "pwd",     "set",    "sh",      "shopt", "source",
		"trap",    "type",   "typeset", "ulimit", "umask",
	};
	static struct trial trial;
	char line[64], says[64];

	(void)state;
	trial_open(&trial, "/");
	for (size_t i = 0; i < HV_COUNT(names); i++) {
		(void)snprintf(line, sizeof(line), "%s /etc", names[i]);
		(void)snprintf(says, sizeof(says), "hmcsh: %s: restricted\n", names[i]);
		assert_int_equal(trial_run(&trial, line, NULL), 1);
		assert_string_equal(trial.err, says);
	}
	assert_int_equal(trial_run(&trial, "help", NULL), 0);
	assert_non_null(strstr(trial.out, "\n  printf "));
	assert_null(strstr(trial.out, "ulimit"));
	trial_close(&trial);
}

static void what_grows_without_end_is_stopped(void **state)
{
	static struct trial trial;

	(void)state;
	trial_open(&trial, "/");
	assert_int_equal(trial_run(&trial,
				   "a=x; while true; do a=$a$a; [ $? = 1 ] && "
				   "exit 9; done",
				   NULL),
			 9);
	assert_non_null(strstr(trial.err, "too long"));
	trial_close(&trial);
	trial_open(&trial, "/");
	assert_int_equal(
		trial_run(&trial,
			  "b=$(printf %04000d 1); a=$(while true; do echo $b; done); "
			  "echo $?",
			  NULL),
		0);
	assert_string_equal(trial.err, "hmcsh: output of a command is too long\n");
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_go_from_command_to_command),
		cmocka_unit_test(words_are_expanded_and_split),
		cmocka_unit_test(loops_and_conditions_run),
		cmocka_unit_test(redirections_never_reach_a_file),
		cmocka_unit_test(variables_are_set_exported_and_fixed),
		cmocka_unit_test(lines_are_read_into_variables),
		cmocka_unit_test(echo_and_printf_print),
		cmocka_unit_test(test_compares),
		cmocka_unit_test(what_shells_have_beyond_is_refused_by_name),
		cmocka_unit_test(what_grows_without_end_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
