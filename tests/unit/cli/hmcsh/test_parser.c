/* Lines into scripts: what they are read as is printed; what is wrong says how. */
#include "cli/hmcsh/parser.h"
#include "tests/support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
	const char *line;
	const char *says; /* how it is printed, or the sentence */
	enum hv_code code;
};

static char *print(const struct hmcsh_script *script)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	hmcsh_script_print(script, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void check(const struct row *row)
{
	struct hmcsh_script script;
	struct hv_err err = { 0 };
	enum hv_code code;
	char *text;

	hmcsh_script_init(&script);
	code = hmcsh_parse(row->line, &script, &err);
	if (code != row->code)
		fail_msg("'%s': %s '%s'", row->line, hv_code_name(code), err.text);
	if (code == HV_OK) {
		text = print(&script);
		if (strcmp(text, row->says) != 0)
			fail_msg("'%s' is '%s', not '%s'", row->line, text, row->says);
		free(text);
	} else if (strcmp(err.text, row->says) != 0) {
		fail_msg("'%s' says '%s', not '%s'", row->line, err.text, row->says);
	}
	hmcsh_script_fini(&script);
}

static void check_all(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&rows[i]);
}

static void words_are_read_as_a_shell_reads_them(void **state)
{
	static const struct row rows[] = {
		{ "", "", HV_OK },
		{ "  # nothing", "", HV_OK },
		{ "lshmc -V", "lshmc -V", HV_OK },
		{ "lshmc\t-V # level", "lshmc -V", HV_OK },
		{ "echo a#b 'c d' \"e f\"", "echo a#b 'c d' 'e f'", HV_OK },
		{ "echo a\\ b", "echo a' 'b", HV_OK },
		{ "echo ''", "echo ''", HV_OK },
		{ "echo $'a\\tb\\'c\\\\d'", "echo 'a\tb'\\''c\\d'", HV_OK },
		{ "echo $\"a $b\"", "echo 'a '\"${b}\"", HV_OK },
		{ "echo $((1+1)) \"$((a*($b-2)))\"", "echo $((1+1)) \"$((a*(${b}-2)))\"",
		  HV_OK },
		{ "echo $(( $(a b) + $((3)) ))x", "echo $(( $( a b) + $((3)) ))x",
		  HV_OK },
		{ "echo \"\"$x", "echo ''${x}", HV_OK },
		{ "echo \"$x\" ${x} $?", "echo \"${x}\" ${x} ${?}", HV_OK },
		{ "echo a$x'b'\"c$y\"", "echo a${x}'bc'\"${y}\"", HV_OK },
		{ "echo it\\'s", "echo it''\\'''s", HV_OK },
		{ "echo \"a\\\"b\\\\c\\d\\$e\"", "echo 'a\"b\\c\\d$e'", HV_OK },
		{ "echo 5$ $, \"$\"", "echo 5'$' '$', '$'", HV_OK },
		{ "echo * ? [a] ~ {a,b}", "echo * ? [a] ~ {a,b}", HV_OK },
		{ "echo a\\\nb \\\n c", "echo ab c", HV_OK },
		{ "echo $(lshmc -V) `date`", "echo $( lshmc -V) $( date)", HV_OK },
		{ "echo \"$(a 'b c')\"", "echo \"$( a 'b c')\"", HV_OK },
		{ "echo `a \\`b\\``", "echo $( a $( b))", HV_OK },
		{ "echo \"`a \\\"b\\\"`\"", "echo \"$( a 'b')\"", HV_OK },
		{ "echo $( (a) )", "echo $( ( a))", HV_OK },
		{ "echo $()", "echo $( )", HV_OK },
		{ "echo done for if", "echo done for if", HV_OK },
		{ "'for' x", "'for' x", HV_OK },
		{ "\\for x", "'f'or x", HV_OK },
	};

	(void)state;
	check_all(rows, HV_COUNT(rows));
}

static void commands_are_joined(void **state)
{
	static const struct row rows[] = {
		{ "a;b", "a; b", HV_OK },
		{ "a;", "a", HV_OK },
		{ "\n\na\n\nb\n", "a; b", HV_OK },
		{ "a && b || c", "a && b || c", HV_OK },
		{ "a&&\nb||\n\nc", "a && b || c", HV_OK },
		{ "a | b|\nc", "a | b | c", HV_OK },
		{ "! a | b", "! a | b", HV_OK },
		{ "! a", "! a", HV_OK },
		{ "a | ! b", "syntax error near unexpected token `!'", HV_E_INVAL },
		{ "export LANG=en_US.UTF-8;lshmc -V", "export LANG=en_US.UTF-8; lshmc -V",
		  HV_OK },
		{ "LC_ALL=en_US lshmc -v", "LC_ALL=en_US lshmc -v", HV_OK },
		{ "A=1 B='2 3' C= D=$x$y", "A=1 B='2 3' C= D=${x}${y}", HV_OK },
		{ "a b=1", "a b=1", HV_OK },
		{ "'a'=1 b", "'a'=1 b", HV_OK },
		{ "1a=1", "1a=1", HV_OK },
		{ "x=1 for", "x=1 for", HV_OK },
		{ "(a; b) | c", "( a; b) | c", HV_OK },
		{ "{ a; b; } | c", "{ a; b; } | c", HV_OK },
		{ "{ { a; } }", "{ { a; }; }", HV_OK },
	};

	(void)state;
	check_all(rows, HV_COUNT(rows));
}

static void loops_and_conditions_are_read(void **state)
{
	static const struct row rows[] = {
		{ "for i in 1 2 $x; do echo $i; done",
		  "for i in 1 2 ${x}; do echo ${i}; done", HV_OK },
		{ "for i in\ndo a\ndone", "for i in; do a; done", HV_OK },
		{ "for i in 1; do for j in 2; do a; done; done | b",
		  "for i in 1; do for j in 2; do a; done; done | b", HV_OK },
		{ "while read a b; do echo $b; done",
		  "while read a b; do echo ${b}; done", HV_OK },
		{ "until a\ndo b\ndone", "until a; do b; done", HV_OK },
		{ "if a; then b; fi", "if a; then b; fi", HV_OK },
		{ "if a\nthen b\nelif c; d\nthen e\nelse f\nfi 2>&1",
		  "if a; then b; elif c; d; then e; else f; fi 2>&1", HV_OK },
		{ "if ! a | b; then c; fi", "if ! a | b; then c; fi", HV_OK },
		{ "while true; do done", "syntax error near unexpected token `done'",
		  HV_E_INVAL },
		{ "if a; then fi", "syntax error near unexpected token `fi'",
		  HV_E_INVAL },
		{ "for 1 in a; do b; done", "`1': not a valid identifier", HV_E_INVAL },
		{ "for $x in a; do b; done", "syntax error near unexpected token `$x'",
		  HV_E_INVAL },
		{ "for i; do a; done", "syntax error near unexpected token `;'",
		  HV_E_INVAL },
		{ "if a; then b; else c; else d; fi",
		  "syntax error near unexpected token `else'", HV_E_INVAL },
		{ "done", "syntax error near unexpected token `done'", HV_E_INVAL },
		{ "(a) b", "syntax error near unexpected token `b'", HV_E_INVAL },
		{ "f() { a; }", "syntax error near unexpected token `('", HV_E_INVAL },
	};

	(void)state;
	check_all(rows, HV_COUNT(rows));
}

static void redirections_go_to_nothing_and_to_each_other(void **state)
{
	static const struct row rows[] = {
		{ "a 2>&1", " 2>&1 a", HV_OK },
		{ "a 2>&1 | sort", " 2>&1 a | sort", HV_OK },
		{ "a >/dev/null 2>&1", " 1>/dev/null 2>&1 a", HV_OK },
		{ "a 2> /dev/null", " 2>/dev/null a", HV_OK },
		{ "a >&2", " 1>&2 a", HV_OK },
		{ "a &>/dev/null", " 1>/dev/null 2>&1 a", HV_OK },
		{ "a </dev/null", " 0</dev/null a", HV_OK },
		{ ">/dev/null", " 1>/dev/null", HV_OK },
		{ "2>&1 done", " 2>&1 done", HV_OK },
		{ "a 2>>/dev/null b", " 2>/dev/null a b", HV_OK },
		{ "a2>/dev/null", " 1>/dev/null a2", HV_OK },
		{ "for i in a; do b; done >/dev/null",
		  "for i in a; do b; done 1>/dev/null", HV_OK },
		{ "a > f", " 1>f a", HV_OK }, /* refused when it is run */
		{ "a >$x", " 1>${x} a", HV_OK },
		{ "a >&f", " 1>f a", HV_OK },
		{ "a < '/dev/null'", " 0<'/dev/null' a", HV_OK },
		{ "a 3>&1", "restricted: no file descriptor 3", HV_E_REFUSED },
		{ "a >", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "a > | b", "syntax error near unexpected token `|'", HV_E_INVAL },
		{ "a << E", "restricted: no documents in a line (`<<')", HV_E_REFUSED },
		{ "a <<< E", "restricted: no documents in a line (`<<')", HV_E_REFUSED },
		{ "a <(b)", "syntax error near unexpected token `('", HV_E_INVAL },
		{ "a >/dev/null >/dev/null >/dev/null >/dev/null >/dev/null >/dev/null "
		  ">/dev/null >/dev/null >/dev/null",
		  "too many redirections", HV_E_LIMIT },
	};

	(void)state;
	check_all(rows, HV_COUNT(rows));
}

static void what_is_incomplete_waits_for_more(void **state)
{
	static const struct row rows[] = {
		{ "for i in a; do", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "while", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "if a; then b", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "for", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "for i", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "for i in a", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "a |", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "a &&\n", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "(a", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "{ a", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "!", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "echo $(a", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "echo 'a", "unexpected EOF while looking for matching `''",
		  HV_E_AGAIN },
		{ "echo \"a\\", "unexpected EOF while looking for matching `\"'",
		  HV_E_AGAIN },
		{ "echo \"$(a", "syntax error: unexpected end of file", HV_E_AGAIN },
		{ "echo $((1+", "unexpected EOF while looking for matching `)'",
		  HV_E_AGAIN },
		{ "echo $'a", "unexpected EOF while looking for matching `''",
		  HV_E_AGAIN },
		{ "echo `a", "unexpected EOF while looking for matching ``'",
		  HV_E_AGAIN },
		{ "echo ${a", "unexpected EOF while looking for matching `}'",
		  HV_E_AGAIN },
		{ "echo `for`", "syntax error: unexpected end of file", HV_E_INVAL },
		{ "echo a\\", "echo a'\\'", HV_OK },
	};

	(void)state;
	check_all(rows, HV_COUNT(rows));
}

static void what_a_restricted_shell_has_not_is_named(void **state)
{
	static const struct row rows[] = {
		{ "a &", "restricted: nothing runs in the background (`&')",
		  HV_E_REFUSED },
		{ "a & b", "restricted: nothing runs in the background (`&')",
		  HV_E_REFUSED },
		{ "case a in a) b;; esac", "case: restricted", HV_E_REFUSED },
		{ "function f { a; }", "function: restricted", HV_E_REFUSED },
		{ "time a", "time: restricted", HV_E_REFUSED },
		{ "select i in a; do b; done", "select: restricted", HV_E_REFUSED },
		{ "coproc a", "coproc: restricted", HV_E_REFUSED },
		{ "[[ a == b ]]", "[[: restricted", HV_E_REFUSED },
		{ "echo $'\\x41'", "restricted: no such escape (`\\x')", HV_E_REFUSED },
		{ "echo ${a:-b}", "${a:-b}: bad substitution", HV_E_INVAL },
		{ "echo ${}", "${}: bad substitution", HV_E_INVAL },
		{ "echo \"${a b}\"", "${a b}\": bad substitution", HV_E_INVAL },
		{ "echo $((1;2))", "syntax error in expression near `;'", HV_E_INVAL },
		{ "echo $((1) + 2)", "syntax error in expression near `)'", HV_E_INVAL },
		{ "echo $((`a`))", "syntax error in expression near ``'", HV_E_INVAL },
		{ ";", "syntax error near unexpected token `;'", HV_E_INVAL },
		{ "a ;; b", "syntax error near unexpected token `;'", HV_E_INVAL },
		{ "a || | b", "syntax error near unexpected token `|'", HV_E_INVAL },
		{ "a )", "syntax error near unexpected token `)'", HV_E_INVAL },
		{ "a |& b", "restricted: nothing runs in the background (`&')",
		  HV_E_REFUSED },
		{ "(\n)", "syntax error near unexpected token `)'", HV_E_INVAL },
		{ "for i in a b c | d\n", "syntax error near unexpected token `|'",
		  HV_E_INVAL },
	};

	(void)state;
	check_all(rows, HV_COUNT(rows));
}

/* `count` times `text`, then `end`. The caller frees it. */
static char *repeat(const char *text, unsigned count, const char *end)
{
	size_t size = strlen(text), room = count * size + strlen(end) + 1;
	char *line = malloc(room);

	assert_non_null(line);
	for (unsigned i = 0; i < count; i++)
		memcpy(line + i * size, text, size);
	memcpy(line + count * size, end, strlen(end) + 1);
	return line;
}

static void everything_has_a_limit(void **state)
{
	static const struct {
		const char *text;
		unsigned count;
		const char *end;
		enum hv_code code;
	} rows[] = {
		{ "a", HMCSH_LINE_BYTES_MAX - 1, "", HV_OK },
		{ "a", HMCSH_LINE_BYTES_MAX, "", HV_E_LIMIT },
		{ "(", HMCSH_DEPTH_MAX, "", HV_E_AGAIN },
		{ "(", HMCSH_DEPTH_MAX + 1, "", HV_E_LIMIT },
		{ "(", HMCSH_LINE_BYTES_MAX - 1, "", HV_E_LIMIT },
		{ "$(", HMCSH_DEPTH_MAX, "", HV_E_AGAIN },
		{ "$(", HMCSH_DEPTH_MAX + 1, "", HV_E_LIMIT },
		{ "\"$(", 40000, "", HV_E_LIMIT },
		{ "$((", 40000, "", HV_E_LIMIT },
		{ "$((", HMCSH_DEPTH_MAX + 1, "", HV_E_LIMIT },
		{ "if ", HMCSH_DEPTH_MAX + 1, "", HV_E_LIMIT },
		{ "a|", HMCSH_STAGES_MAX - 1, "a", HV_OK },
		{ "a|", HMCSH_STAGES_MAX, "a", HV_E_LIMIT },
		{ "a;", 1000, "", HV_OK },
		{ "a;", 60000, "", HV_E_NOMEM },
		{ "a ", 60000, "", HV_OK },
		{ "`a` ", 20000, "", HV_E_NOMEM },
		{ "$a", 60000, "", HV_OK },
		{ "''$a", 30000, "", HV_OK },
		{ "\\a", 60000, "", HV_OK },
		{ "${a", 1, "", HV_E_AGAIN },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		char *line = repeat(rows[i].text, rows[i].count, rows[i].end);
		struct hmcsh_script script;
		enum hv_code code;

		hmcsh_script_init(&script);
		code = hmcsh_parse(line, &script, NULL);
		if (code != rows[i].code)
			fail_msg("%u times '%s': %s", rows[i].count, rows[i].text,
				 hv_code_name(code));
		hmcsh_script_fini(&script);
		free(line);
	}
}

static void memory_that_runs_out_is_said(void **state)
{
	static const char line[] =
		"for i in $(a \"b$c\" `d`) $((1+$e)); do if A=1 e 'f' 2>&1 | g; then h; "
		"fi; done; "
		"a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;"
		"echo b b b b b b b b b b b b b b b b b b b b b b b b b b b b b b b b b "
		"b";

	(void)state;
	for (unsigned nth = 1;; nth++) {
		struct hmcsh_script script;
		enum hv_code code;

		hmcsh_script_init(&script);
		oom_arm(nth);
		code = hmcsh_parse(line, &script, NULL);
		if (!oom_disarm()) {
			assert_int_equal(code, HV_OK);
			hmcsh_script_fini(&script);
			assert_true(nth > 3);
			break;
		}
		assert_int_equal(code, HV_E_NOMEM);
		hmcsh_script_fini(&script);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_read_as_a_shell_reads_them),
		cmocka_unit_test(commands_are_joined),
		cmocka_unit_test(loops_and_conditions_are_read),
		cmocka_unit_test(redirections_go_to_nothing_and_to_each_other),
		cmocka_unit_test(what_is_incomplete_waits_for_more),
		cmocka_unit_test(what_a_restricted_shell_has_not_is_named),
		cmocka_unit_test(everything_has_a_limit),
		cmocka_unit_test(memory_that_runs_out_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
