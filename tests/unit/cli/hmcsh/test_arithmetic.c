/* What expressions are worth. */
#include "cli/hmcsh/arithmetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct hmcsh_variables variables;

static int set_variables(void **state)
{
	static const char *const all[][2] = {
		{ "a", "7" },    { "b", " -3 " },     { "empty", "" },
		{ "x", "0x1f" }, { "word", "hello" }, { "both", "1 2" },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(all); i++)
		assert_int_equal(
			hmcsh_variables_set(&variables, all[i][0], all[i][1], NULL),
			HV_OK);
	return 0;
}

static int forget_variables(void **state)
{
	(void)state;
	hmcsh_variables_fini(&variables);
	return 0;
}

static void expressions_have_values(void **state)
{
	static const struct {
		const char *expression;
		int64_t value;
	} rows[] = {
		{ "", 0 },
		{ " \t\n", 0 },
		{ "1", 1 },
		{ " 1 + 2 * 3 ", 7 },
		{ "(1+2)*3", 9 },
		{ "10-4-3", 3 },
		{ "7/2", 3 },
		{ "-7/2", -3 },
		{ "7%4", 3 },
		{ "-7%4", -3 },
		{ "2*3%4", 2 },
		{ "1<<4|1", 17 },
		{ "255>>4&3", 3 },
		{ "6^3", 5 },
		{ "1<2", 1 },
		{ "2<=2", 1 },
		{ "1>2", 0 },
		{ "3>=4", 0 },
		{ "1==1", 1 },
		{ "1!=1", 0 },
		{ "1<2==1", 1 },
		{ "1&&0||1", 1 },
		{ "2&&3", 1 },
		{ "0||0", 0 },
		{ "1|2==2", 1 },
		{ "5?2:3", 2 },
		{ "0?2:1?4:5", 4 },
		{ "!5", 0 },
		{ "!!5", 1 },
		{ "~5", -6 },
		{ "- - 5", 5 },
		{ "+5", 5 },
		{ "1- -1", 2 },
		{ "0x10+010", 24 },
		{ "a", 7 },
		{ "a*b", -21 },
		{ "none+empty", 0 },
		{ "x", 31 },
		{ "((((1))))", 1 },
		{ "9223372036854775807+1", INT64_MIN },
		{ "(-9223372036854775807-1)/-1", INT64_MIN },
		{ "(-9223372036854775807-1)%-1", 0 },
		{ "-(-9223372036854775807-1)", INT64_MIN },
		{ "9223372036854775807*2", -2 },
		{ "1<<64", 1 },
		{ "1<<-1", INT64_MIN },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hv_err err;
		int64_t value;

		if (hmcsh_arithmetic(&variables, rows[i].expression, &value, &err) !=
		    HV_OK)
			fail_msg("%s", err.text);
		if (value != rows[i].value)
			fail_msg("%s is %lld", rows[i].expression, (long long)value);
	}
}

static void what_is_no_expression_is_named(void **state)
{
	static const struct {
		const char *expression, *says;
	} rows[] = {
		{ "1/0", "1/0: division by 0" },
		{ "1%(a-7)", "1%(a-7): division by 0" },
		{ "08", "08: value too great for base" },
		{ "1a", "1a: value too great for base" },
		{ "99999999999999999999",
		  "99999999999999999999: value too great for base" },
		{ "1+", "1+: syntax error: operand expected" },
		{ "*", "*: syntax error: operand expected" },
		{ "1 2", "1 2: syntax error in expression" },
		{ "a b", "a b: syntax error in expression" },
		{ "(1", "(1: missing `)'" },
		{ "1)", "1): syntax error in expression" },
		{ "1?2", "1?2: `:' expected for conditional expression" },
		{ "1?:2", "1?:2: syntax error: operand expected" },
		{ "a=1", "a=1: restricted: nothing is assigned in an expression" },
		{ "a+=1", "a+=1: restricted: nothing is assigned in an expression" },
		{ "++a", "++a: restricted: nothing is assigned in an expression" },
		{ "--a", "--a: restricted: nothing is assigned in an expression" },
		{ "a++", "a++: syntax error: operand expected" },
		{ "word", "word: a variable is no number" },
		{ "both", "both: a variable is no number" },
		{ "1,2", "1,2: syntax error in expression" },
		{ "$a", "$a: syntax error: operand expected" },
		{ "(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
		  "("
		  "((((((((((((((((((((((((((",
		  "(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
		  "((("
		  "(((((((: expression recursion level exceeded" },
		{ "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"
		  "!!1",
		  "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"
		  "!!1"
		  ": expression recursion level exceeded" },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hv_err err = { 0 };
		int64_t value;

		assert_int_equal(
			hmcsh_arithmetic(&variables, rows[i].expression, &value, &err),
			HV_E_INVAL);
		assert_string_equal(err.text, rows[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_have_values),
		cmocka_unit_test(what_is_no_expression_is_named),
	};

	return cmocka_run_group_tests(tests, set_variables, forget_variables);
}
