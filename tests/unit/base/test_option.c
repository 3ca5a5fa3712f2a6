/* Unit tests of hvcore/base/option.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/option.h"

struct config {
	const char *state;
	const char *name;
	const char *socket;
	const char *token;
	uint64_t memory;
	uint64_t hang_ms;
	unsigned workload;
	bool is_fast;
	bool drills;
	struct hv_option_list disks;
};

static const char *const workloads[] = { "idle", "zipf", "scan", NULL };

/* clang-format off */
static const struct hv_option options[] = {
	{ "state",    HV_OPTION_STRING, "DIR", NULL, 1, 100,
	  offsetof(struct config, state), NULL, "state directory" },
	{ "name",     HV_OPTION_NAME, "NAME", "h1", 0, 0,
	  offsetof(struct config, name), NULL, "name of the host" },
	{ "socket",   HV_OPTION_PATH, "PATH", hv_option_absent, 0, 20,
	  offsetof(struct config, socket), NULL, "socket" },
	{ "token",    HV_OPTION_HEX, "HEX", hv_option_absent, 4, 0,
	  offsetof(struct config, token), NULL, "token" },
	{ "memory",   HV_OPTION_SIZE, "SIZE", "64M", 16 << 20, 1 << 30,
	  offsetof(struct config, memory), NULL, "memory" },
	{ "hang-ms",  HV_OPTION_U64, "MS", "500", 10, 60000,
	  offsetof(struct config, hang_ms), NULL, "silence that counts as a hang" },
	{ "workload", HV_OPTION_CHOICE, "KIND", "zipf", 0, 0,
	  offsetof(struct config, workload), workloads, "what it does" },
	{ "fast",     HV_OPTION_BOOL, "yes|no", "no", 0, 0,
	  offsetof(struct config, is_fast), NULL, "hurry" },
	{ "drills",   HV_OPTION_FLAG, NULL, NULL, 0, 0,
	  offsetof(struct config, drills), NULL, "allow drills" },
	{ "disk",     HV_OPTION_LIST, "FILE", hv_option_absent, 1, 4,
	  offsetof(struct config, disks), NULL, "a disk" },
};
/* clang-format on */

static const struct hv_option_table table = { .program = "tester",
					      .summary = "tests the options",
					      .options = options,
					      .count = HV_COUNT(options) };

#define WORDS_MAX 16

/* What main() gets for these words; returns argc. */
static int make_argv(const char *const words[WORDS_MAX], char *argv[WORDS_MAX + 2])
{
	int argc = 0;

	argv[argc++] = (char *)(uintptr_t) "tester";
	for (unsigned i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		argv[argc++] = (char *)(uintptr_t)words[i];
	argv[argc] = NULL;
	return argc;
}

static enum hv_code parse(const char *const words[WORDS_MAX], struct config *config,
			  struct hv_option_result *result, struct hv_err *err)
{
	char *argv[WORDS_MAX + 2];
	int argc = make_argv(words, argv);

	return hv_option_parse(&table, argc, argv, config, result, err);
}

static void what_is_given_is_kept_and_the_rest_is_default(void **state)
{
	struct config config;
	struct hv_option_result result;

	(void)state;
	assert_int_equal(
		parse((const char *[WORDS_MAX]){ "--state", "/s", "--memory=128M",
						 "--drills", "--workload", "scan" },
		      &config, &result, NULL),
		HV_OK);
	assert_string_equal(config.state, "/s");
	assert_string_equal(config.name, "h1");
	assert_null(config.socket);
	assert_null(config.token);
	assert_int_equal(config.memory, 128 << 20);
	assert_int_equal(config.hang_ms, 500);
	assert_int_equal(config.workload, 2);
	assert_false(config.is_fast);
	assert_true(config.drills);
	assert_false(result.wants_help);
	assert_false(result.is_check);
	assert_int_equal(result.operand, 7);
}

struct wrong_case {
	const char *words[WORDS_MAX];
	const char *text; /* in the sentence */
	enum hv_code code;
};

static void wrong_usage_is_named(void **state)
{
	static const struct wrong_case cases[] = {
		{ { NULL }, "--state DIR is missing", HV_E_INVAL },
		{ { "--state" }, "--state needs a value: DIR", HV_E_INVAL },
		{ { "--state=" }, "--state is shorter", HV_E_INVAL },
		{ { "--stat", "x" }, "unknown option '--stat'", HV_E_INVAL },
		{ { "--states", "x" }, "unknown option '--states'", HV_E_INVAL },
		{ { "--state", "a", "--state", "b" }, "given twice", HV_E_INVAL },
		{ { "--state", "a", "extra" },
		  "unexpected argument 'extra'",
		  HV_E_INVAL },
		{ { "--state", "a", "--", "extra" }, "unexpected argument", HV_E_INVAL },
		{ { "--memory", "1.5G" }, "--memory: '1.5G' is not a size", HV_E_INVAL },
		{ { "--memory", "1M" }, "less than the least, 16 MiB", HV_E_LIMIT },
		{ { "--memory", "2G" }, "more than the most, 1 GiB", HV_E_LIMIT },
		{ { "--hang-ms", "abc" },
		  "--hang-ms: 'abc' is not a number",
		  HV_E_INVAL },
		{ { "--hang-ms", "9" }, "less than the least, 10", HV_E_LIMIT },
		{ { "--hang-ms", "60001" }, "more than the most, 60000", HV_E_LIMIT },
		{ { "--name", "a b" }, "'a b' is not a name", HV_E_INVAL },
		{ { "--socket", "rel" }, "not an absolute path", HV_E_INVAL },
		{ { "--socket", "/123456789012345678901" },
		  "longer than 20",
		  HV_E_LIMIT },
		{ { "--token", "12g4" }, "not 4 hex digits", HV_E_INVAL },
		{ { "--token", "12345" }, "not 4 hex digits", HV_E_INVAL },
		{ { "--workload", "x" }, "none of: idle, zipf, scan", HV_E_INVAL },
		{ { "--fast", "maybe" }, "neither yes nor no", HV_E_INVAL },
		{ { "--drills=yes" }, "--drills takes no value", HV_E_INVAL },
		{ { "--no-state" }, "unknown option '--no-state'", HV_E_INVAL },
		{ { "--no-" }, "unknown option '--no-'", HV_E_INVAL },
		{ { "--drills", "--no-drills" }, "given twice", HV_E_INVAL },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		struct config config;
		struct hv_option_result result;
		struct hv_err err;

		assert_int_equal(parse(cases[i].words, &config, &result, &err),
				 cases[i].code);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].text);
	}
}

static void help_and_check_are_in_every_table(void **state)
{
	struct config config;
	struct hv_option_result result;

	(void)state;
	assert_int_equal(
		parse((const char *[WORDS_MAX]){ "--help" }, &config, &result, NULL),
		HV_OK);
	assert_true(result.wants_help);
	assert_int_equal(parse((const char *[WORDS_MAX]){ "--check", "--state", "/s" },
			       &config, &result, NULL),
			 HV_OK);
	assert_true(result.is_check);
	/* --check checks. */
	assert_int_equal(
		parse((const char *[WORDS_MAX]){ "--check" }, &config, &result, NULL),
		HV_E_INVAL);
}

static void operands_follow_where_the_table_allows(void **state)
{
	struct hv_option_table open = table;
	static const char *const words[WORDS_MAX] = { "--state", "/s", "one", "--two" };
	char *argv[WORDS_MAX + 2];
	struct config config;
	struct hv_option_result result;

	(void)state;
	open.operands = "[FILE...]";
	assert_int_equal(hv_option_parse(&open, make_argv(words, argv), argv, &config,
					 &result, NULL),
			 HV_OK);
	assert_int_equal(result.operand, 3);
}

static void help_shows_every_option_with_bounds_and_default(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	hv_option_help(&table, to);
	(void)fclose(to);
	assert_non_null(strstr(text, "usage: tester [OPTION...]\ntests the options\n"));
	assert_non_null(strstr(text, "  --state DIR               state directory "
				     "(required)\n"));
	assert_non_null(strstr(text, "memory; 16 MiB to 1 GiB (default 64M)\n"));
	assert_non_null(strstr(text, "hang; 10 to 60000 (default 500)\n"));
	assert_non_null(strstr(text, "one of: idle, zipf, scan (default zipf)\n"));
	assert_non_null(strstr(text, "  --socket PATH             socket\n"));
	assert_non_null(strstr(text, "  --drills                  allow drills\n"));
	assert_non_null(strstr(text, "  --help "));
	free(text);
}

static void a_program_exits_with_2_for_wrong_usage(void **state)
{
	static const char *const wrong[WORDS_MAX] = { "--wrong" };
	static const char *const right[WORDS_MAX] = { "--state", "/s" };
	char *argv[WORDS_MAX + 2];
	struct config config;
	struct hv_option_result result;

	(void)state;
	assert_int_equal(
		hv_option_main(&table, make_argv(wrong, argv), argv, &config, &result),
		2);
	assert_int_equal(
		hv_option_main(&table, make_argv(right, argv), argv, &config, &result),
		-1);
}

static void a_list_keeps_what_is_given_in_order(void **state)
{
	struct config config;
	struct hv_option_result result;

	(void)state;
	assert_int_equal(
		parse((const char *const[WORDS_MAX]){ "--state=a", "--disk=b", "--disk",
						      "c", "--disk=b" },
		      &config, &result, NULL),
		HV_OK);
	assert_int_equal(config.disks.count, 3);
	assert_string_equal(config.disks.at[1], "c");
	assert_int_equal(parse((const char *const[WORDS_MAX]){ "--state=a" }, &config,
			       &result, NULL),
			 HV_OK);
	assert_int_equal(config.disks.count, 0);
	assert_int_equal(parse((const char *const[WORDS_MAX]){ "--state=a", "--disk=" },
			       &config, &result, NULL),
			 HV_E_INVAL);
	assert_int_equal(
		parse((const char *const[WORDS_MAX]){ "--state=a", "--disk=1", "--disk=2",
						      "--disk=3", "--disk=4", "--disk=5",
						      "--disk=6", "--disk=7", "--disk=8",
						      "--disk=9" },
		      &config, &result, NULL),
		HV_E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_keeps_what_is_given_in_order),
		cmocka_unit_test(what_is_given_is_kept_and_the_rest_is_default),
		cmocka_unit_test(wrong_usage_is_named),
		cmocka_unit_test(help_and_check_are_in_every_table),
		cmocka_unit_test(operands_follow_where_the_table_allows),
		cmocka_unit_test(help_shows_every_option_with_bounds_and_default),
		cmocka_unit_test(a_program_exits_with_2_for_wrong_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
