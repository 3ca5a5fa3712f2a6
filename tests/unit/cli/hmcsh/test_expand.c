/* Variables, words and what they become, with every allocation failing once. */
#include "cli/hmcsh/expand.h"
#include "cli/hmcsh/parser.h"
#include "tests/support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct hmcsh_variables variables;

/* Instead of a command that runs. */
static enum hv_code give_output(struct hmcsh_expander *expander,
				const struct hmcsh_node *list, char **ret_text,
				struct hv_err *err)
{
	(void)list;
	*ret_text = strdup(expander->owner);
	return *ret_text != NULL ? HV_OK : hv_fail(err, HV_E_NOMEM, "no memory");
}

static void set(const char *name, const char *value)
{
	assert_int_equal(hmcsh_variables_set(&variables, name, value, NULL), HV_OK);
}

static int open_variables(void **state)
{
	(void)state;
	hmcsh_variables_init(&variables);
	return 0;
}

static int close_variables(void **state)
{
	(void)state;
	hmcsh_variables_fini(&variables);
	return 0;
}

static void programs_are_given_only_what_is_harmless(void **state)
{
	static const struct {
		const char *name, *value;
		bool is_harmless;
	} rows[] = {
		{ "LANG", "en_US.UTF-8", true },
		{ "LC_ALL", "en_US", true },
		{ "LC_TIME", "C", true },
		{ "LANGUAGE", "de:en", true },
		{ "LANG", "", true },
		{ "TERM", "xterm-256color", true },
		{ "TZ", "Europe/Berlin", true },
		{ "TZ", "CET-1CEST,M3.5.0,M10.5.0/3", true },
		{ "COLUMNS", "80", true },
		{ "TZ", "/etc/shadow", false },
		{ "TZ", ":/etc/shadow", false },
		{ "TZ", "a/../../x", false },
		{ "LANG", "../x", false },
		{ "LANG", "a/b", false },
		{ "LANG", "a b", false },
		{ "LANG", "$(id)", false },
		{ "TERM", "/tmp/x", false },
		{ "LANG",
		  "0123456789012345678901234567890123456789012345678901234567890"
		  "123",
		  false },
		{ "LD_PRELOAD", "x", false },
		{ "LD_LIBRARY_PATH", "x", false },
		{ "LD_AUDIT", "x", false },
		{ "GCONV_PATH", "x", false },
		{ "LOCPATH", "x", false },
		{ "NLSPATH", "x", false },
		{ "TZDIR", "x", false },
		{ "TMPDIR", "x", false },
		{ "PATH", "x", false },
		{ "IFS", "x", false },
		{ "ENV", "x", false },
		{ "BASH_ENV", "x", false },
		{ "GLIBC_TUNABLES", "x", false },
		{ "MALLOC_TRACE", "x", false },
		{ "HOSTALIASES", "x", false },
		{ "TERMINFO", "x", false },
		{ "TERMCAP", "x", false },
		{ "ASAN_OPTIONS", "x", false },
		{ "TARN_COORDINATOR", "x", false },
		{ "TARN_HMC_USER", "x", false },
		{ "LC", "x", false },
		{ "XLANG", "x", false },
		{ "LANGX", "x", false },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++)
		if (hmcsh_variable_is_harmless(rows[i].name, rows[i].value) !=
		    rows[i].is_harmless)
			fail_msg("%s=%s", rows[i].name, rows[i].value);
}

static void the_environment_is_made_of_it(void **state)
{
	char **environment;

	(void)state;
	set("LANG", "C");
	set("LC_ALL", "de_DE");
	set("LD_PRELOAD", "x");
	set("TARN_COORDINATOR", "mine"); /* not said by the shell: not given */
	assert_int_equal(hmcsh_variables_export(&variables, "LC_ALL", NULL), HV_OK);
	assert_int_equal(hmcsh_variables_export(&variables, "LD_PRELOAD", NULL), HV_OK);
	assert_int_equal(hmcsh_variables_export(&variables, "TARN_COORDINATOR", NULL),
			 HV_OK);
	assert_int_equal(hmcsh_variables_fix(&variables, "TARN_HMC_USER", "a", NULL),
			 HV_OK);
	environment = hmcsh_environment_make(&variables);
	assert_non_null(environment);
	assert_string_equal(environment[0], "LC_ALL=de_DE");
	assert_string_equal(environment[1], "TARN_HMC_USER=a");
	assert_null(environment[2]);
	hmcsh_environment_free(environment);
}

static void variables_have_limits_and_may_be_fixed(void **state)
{
	char name[HMCSH_NAME_BYTES_MAX];
	char *large = malloc(HMCSH_VALUE_BYTES_MAX + 1);

	(void)state;
	assert_non_null(large);
	memset(large, 'a', HMCSH_VALUE_BYTES_MAX);
	large[HMCSH_VALUE_BYTES_MAX] = '\0';
	assert_int_equal(hmcsh_variables_set(&variables, "a", large, NULL), HV_E_LIMIT);
	large[HMCSH_VALUE_BYTES_MAX - 1] = '\0';
	for (char c = 'a'; c < 'e'; c++)
		set((char[]){ c, '\0' }, large);
	set("e", "0123");
	assert_int_equal(hmcsh_variables_set(&variables, "f", "x", NULL), HV_E_LIMIT);
	set("e", "012"); /* less is fine */
	assert_int_equal(hmcsh_variables_unset(&variables, "a", NULL), HV_OK);
	assert_null(hmcsh_variables_get(&variables, "a"));
	assert_string_equal(hmcsh_variables_get(&variables, "e"), "012");
	set("f", "x");
	for (unsigned i = variables.count; i < HMCSH_VARIABLES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%u", i);
		set(name, "");
	}
	assert_int_equal(hmcsh_variables_set(&variables, "z", "", NULL), HV_E_LIMIT);
	assert_int_equal(hmcsh_variables_export(&variables, "z", NULL), HV_E_LIMIT);
	assert_int_equal(hmcsh_variables_fix(&variables, "f", "y", NULL), HV_OK);
	assert_int_equal(hmcsh_variables_set(&variables, "f", "z", NULL), HV_E_REFUSED);
	assert_int_equal(hmcsh_variables_unset(&variables, "f", NULL), HV_E_REFUSED);
	assert_int_equal(hmcsh_variables_unset(&variables, "none", NULL), HV_OK);
	free(large);
}

/* Splits a text between "<" and ">" and joins what it became by "|". */
static void check_split(const char *text, const char *separators, const char *expected)
{
	struct hmcsh_fields fields;
	char joined[256] = "";

	hmcsh_fields_init(&fields);
	assert_int_equal(hmcsh_fields_split(&fields, text, separators, NULL), HV_OK);
	assert_int_equal(hmcsh_fields_end(&fields, NULL), HV_OK);
	for (unsigned i = 0; i < fields.count; i++) {
		size_t at = strlen(joined);

		(void)snprintf(joined + at, sizeof(joined) - at, "%s|", fields.words[i]);
	}
	if (fields.count > 0)
		assert_null(fields.words[fields.count]);
	if (strcmp(joined, expected) != 0)
		fail_msg("'%s' by '%s': '%s', not '%s'", text, separators, joined,
			 expected);
	hmcsh_fields_fini(&fields);
}

static void texts_are_split_as_a_shell_splits_them(void **state)
{
	(void)state;
	check_split("", " ", "");
	check_split("   ", " ", "");
	check_split("a", " ", "a|");
	check_split(" a  b ", " ", "a|b|");
	check_split("a\tb\nc", " \t\n", "a|b|c|");
	check_split("a,b,,c", ",", "a|b||c|");
	check_split(",a", ",", "|a|");
	check_split("a,", ",", "a|");
	check_split(",", ",", "|");
	check_split(",,", ",", "||");
	check_split("a , b", ", ", "a|b|");
	check_split("a ,, b", ", ", "a||b|");
	check_split(" , a", ", ", "|a|");
	check_split("a b", "", "a b|");
	check_split("a:b c", ":", "a|b c|");
}

static void fields_have_limits(void **state)
{
	struct hmcsh_fields fields;
	char *large = malloc(HMCSH_FIELDS_BYTES_MAX);
	enum hv_code code = HV_OK;

	(void)state;
	assert_non_null(large);
	memset(large, 'a', HMCSH_FIELDS_BYTES_MAX);
	hmcsh_fields_init(&fields);
	assert_int_equal(hmcsh_fields_add(&fields, large, HMCSH_FIELDS_BYTES_MAX, NULL),
			 HV_OK);
	assert_int_equal(hmcsh_fields_add(&fields, large, 1, NULL), HV_E_LIMIT);
	hmcsh_fields_fini(&fields);
	for (unsigned i = 0; i <= HMCSH_FIELDS_MAX && code == HV_OK; i++) {
		code = hmcsh_fields_add(&fields, "", 0, NULL);
		if (code == HV_OK)
			code = hmcsh_fields_end(&fields, NULL);
	}
	assert_int_equal(code, HV_E_LIMIT);
	hmcsh_fields_fini(&fields);
	free(large);
}

static enum hv_code expand_line(const char *line, struct hmcsh_fields *fields)
{
	static char output[] = "c  d";
	struct hmcsh_expander expander = { .variables = &variables,
					   .status = 7,
					   .output = give_output,
					   .owner = output };
	struct hmcsh_script script;
	enum hv_code code;

	hmcsh_script_init(&script);
	oom_pause(true);
	assert_int_equal(hmcsh_parse(line, &script, NULL), HV_OK);
	oom_pause(false);
	code = HV_OK;
	for (const struct hmcsh_word *word = script.list->body->words;
	     word != NULL && code == HV_OK; word = word->next)
		code = hmcsh_expand(&expander, word, fields, NULL);
	oom_pause(true);
	hmcsh_script_fini(&script);
	oom_pause(false);
	return code;
}

static void words_become_none_one_or_more(void **state)
{
	static const char *const expected[] = { "a",    "x", "yz", "x y", "c", "d",
						"c  d", "7", "",   "ac",  "db" };
	struct hmcsh_fields fields;

	(void)state;
	set("v", "x y");
	hmcsh_fields_init(&fields);
	assert_int_equal(
		expand_line("a ${v}z \"$v\" $(a) \"$(a)\" $? $none '' a$(b)b", &fields),
		HV_OK);
	assert_int_equal(fields.count, HV_COUNT(expected));
	for (unsigned i = 0; i < fields.count; i++)
		assert_string_equal(fields.words[i], expected[i]);
	hmcsh_fields_fini(&fields);
}

static void memory_that_runs_out_leaves_nothing_behind(void **state)
{
	(void)state;
	for (unsigned nth = 1;; nth++) {
		struct hmcsh_fields fields;
		char **environment = NULL;
		enum hv_code code;

		hmcsh_fields_init(&fields);
		oom_arm(nth);
		code = hmcsh_variables_fix(&variables, "TARN_HMC_USER", "a", NULL);
		if (code == HV_OK)
			code = hmcsh_variables_set(&variables, "v", "x y", NULL);
		if (code == HV_OK)
			code = expand_line("a $v \"$v$v\" $(a) $((1+2)) b c d e f",
					   &fields);
		if (code == HV_OK) {
			environment = hmcsh_environment_make(&variables);
			code = environment != NULL ? HV_OK : HV_E_NOMEM;
		}
		hmcsh_environment_free(environment);
		hmcsh_fields_fini(&fields);
		hmcsh_variables_fini(&variables);
		if (!oom_disarm()) {
			assert_int_equal(code, HV_OK);
			assert_true(nth > 10);
			break;
		}
		assert_int_equal(code, HV_E_NOMEM);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_variables, close_variables)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_given_only_what_is_harmless),
		TEST(the_environment_is_made_of_it),
		TEST(variables_have_limits_and_may_be_fixed),
		cmocka_unit_test(texts_are_split_as_a_shell_splits_them),
		cmocka_unit_test(fields_have_limits),
		TEST(words_become_none_one_or_more),
		TEST(memory_that_runs_out_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
