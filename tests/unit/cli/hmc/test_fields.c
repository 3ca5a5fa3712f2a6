/* Unit tests of cli/hmc/fields.h and errors.h: what an HMC prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/hmc/errors.h"
#include "cli/hmc/fields.h"
#include "tests/support/oom.h"

struct thing {
	const char *name, *list;
};

static void show_name(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%s", ((const struct thing *)object)->name);
}

static void show_list(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	if (((const struct thing *)object)->list != NULL)
		hmc_value_set(value, "%s", ((const struct thing *)object)->list);
}

static const struct hmc_attribute attributes[] = {
	{ .name = "name", .show = show_name },
	{ .name = "list", .show = show_list },
	{ .name = "kind", .show = hmc_show_text, .text = "none" },
	{ .name = "uuid", .show = hmc_show_text, .text = "7", .is_on_request = true },
	{ 0 },
};
static const struct hmc_filter_name filter_names[] = { { "names", "name" }, { 0 } };
static const struct thing things[] = { { "a", "1:2,3" },
				       { "b", NULL },
				       { "c", "\"x,y\",z" } };

/* What is printed; free() it. */
static char *print(struct hmc_fields *fields, const char *filter_text)
{
	struct hmc_filter filter = { 0 };
	struct hmc_list list = { .attributes = attributes,
				 .fields = fields,
				 .filter = &filter,
				 .filter_names = filter_names };
	char *text = NULL;
	size_t size;

	list.out = open_memstream(&text, &size);
	assert_non_null(list.out);
	if (filter_text != NULL)
		assert_int_equal(hmc_filter_parse(filter_text, &filter, NULL), HV_OK);
	assert_int_equal(hmc_list_start(&list, NULL), HV_OK);
	for (unsigned i = 0; i < HV_COUNT(things); i++)
		hmc_list_add(&list, &things[i]);
	hmc_list_end(&list);
	assert_int_equal(fclose(list.out), 0);
	hmc_filter_fini(&filter);
	return text;
}

static void rows_have_the_form_that_was_asked_for(void **state)
{
	static const char *const cases[][4] = {
		/* -F or not, its list, header, output */
		{ NULL, NULL, NULL,
		  "name=a,\"list=1:2,3\",kind=none\n"
		  "name=b,kind=none\n"
		  "name=c,\"list=\"\"x,y\"\",z\",kind=none\n" },
		{ "F", NULL, NULL,
		  "a,\"1:2,3\",none\nb,null,none\nc,\"\"\"x,y\"\",z\",none\n" },
		{ "F", "uuid,list", "H",
		  "uuid,list\n7,\"1:2,3\"\n7,null\n7,\"\"\"x,y\"\",z\"\n" },
		{ "F", "list:name", "H",
		  "list:name\n\"1:2,3\":a\nnull:b\n\"\"\"x,y\"\",z\":c\n" },
		{ "F", "name", NULL, "a\nb\nc\n" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		struct hmc_fields fields = { .delimiter = ',' };
		char *text;

		if (cases[i][0] != NULL)
			assert_int_equal(hmc_fields_parse(cases[i][1], &fields, NULL),
					 HV_OK);
		fields.has_header = cases[i][2] != NULL;
		text = print(&fields, NULL);
		assert_string_equal(text, cases[i][3]);
		free(text);
		hmc_fields_fini(&fields);
	}
}

static void nothing_found_is_said_on_stdout(void **state)
{
	struct hmc_fields fields = { .delimiter = ',' };
	char *text = print(&fields, "names=x");

	(void)state;
	assert_string_equal(text, "No results were found.\n");
	free(text);
	text = print(&fields, "\"names=b,c\"");
	assert_memory_equal(text, "name=b,", 7);
	free(text);
}

static void unknown_attributes_name_themselves(void **state)
{
	static const char *const cases[][2] = {
		{ "name,UUID", "UUID" },
		{ "name,", "" },
		{ "a b", "a b" },
		{ "name:list,kind", "list,kind" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		struct hmc_fields fields = { 0 };
		struct hmc_filter filter = { 0 };
		struct hmc_list list = { .attributes = attributes,
					 .fields = &fields,
					 .filter = &filter };
		struct hv_err err;
		char wanted[128];
		enum hv_code code = hmc_fields_parse(cases[i][0], &fields, &err);

		if (code == HV_OK)
			code = hmc_list_start(&list, &err);
		assert_int_equal(code, HV_E_INVAL);
		(void)snprintf(wanted, sizeof(wanted),
			       "An invalid attribute was entered. The invalid attribute "
			       "is %s. Please correct your input and retry the command.",
			       cases[i][1]);
		assert_string_equal(err.text, wanted);
		hmc_fields_fini(&fields);
	}
}

static void a_filter_must_be_one_of_the_command(void **state)
{
	struct hmc_fields fields = { 0 };
	struct hmc_filter filter;
	struct hmc_list list = { .attributes = attributes,
				 .fields = &fields,
				 .filter = &filter,
				 .filter_names = filter_names };

	(void)state;
	assert_int_equal(hmc_filter_parse("lpar_names=a", &filter, NULL), HV_OK);
	assert_int_equal(hmc_list_start(&list, NULL), HV_E_INVAL);
	hmc_filter_fini(&filter);
}

static void lists_of_attributes_are_bounded(void **state)
{
	char text[2 * HMC_FIELDS_MAX + 3];
	struct hmc_fields fields;
	struct hv_err err;

	(void)state;
	for (unsigned i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 2 == 0 ? 'a' : ',';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(hmc_fields_parse(text, &fields, &err), HV_E_INVAL);
	assert_non_null(strstr(err.text, "too many attributes"));
	hmc_fields_fini(&fields);
	oom_arm(1);
	assert_int_equal(hmc_fields_parse("a", &fields, NULL), HV_E_NOMEM);
	assert_true(oom_disarm());
	hmc_fields_fini(&fields);
}

static void an_error_is_one_line_with_a_code(void **state)
{
	struct hv_err err;

	(void)state;
	assert_int_equal(hmc_fail(&err, HMC_NO_PARTITION, "a\nb", "S", NULL),
			 HV_E_NOTFOUND);
	assert_string_equal(err.text, "HSCL8012 The partition named a b was not found on "
				      "managed system S. Please check your entry and "
				      "retry the command.");
	for (unsigned i = 0; i < HMC_ERROR_COUNT; i++) {
		enum hmc_error error = (enum hmc_error)i;

		assert_int_not_equal(hmc_fail(&err, error, "A", "B", "C"), HV_OK);
		assert_null(strchr(err.text, '%'));
		if (error != HMC_INVALID_ATTRIBUTE)
			assert_memory_equal(err.text, "HSCL", 4);
	}
}

static void what_comes_from_below_gets_a_code(void **state)
{
	static const struct {
		enum hv_code code;
		const char *id;
	} cases[] = {
		{ HV_E_REFUSED, "HSCLT030" }, { HV_E_DENIED, "HSCLT030" },
		{ HV_E_INVAL, "HSCLT030" },   { HV_E_STATE, "HSCLT031" },
		{ HV_E_BUSY, "HSCLT032" },    { HV_E_LIMIT, "HSCLT033" },
		{ HV_E_NOSPC, "HSCLT033" },   { HV_E_NOFIT, "HSCLT033" },
		{ HV_E_NOMEM, "HSCLT033" },   { HV_E_NOTFOUND, "HSCLT034" },
		{ HV_E_EXISTS, "HSCLT035" },  { HV_E_GONE, "HSCLT036" },
		{ HV_E_TIMEOUT, "HSCLT036" }, { HV_E_AGAIN, "HSCLT036" },
		{ HV_E_CORRUPT, "HSCLT037" }, { HV_E_OS, "HSCLT037" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		struct hv_err err;

		hv_fail_set(&err, cases[i].code, "thing 'x' is no more");
		(void)hmc_translate(&err);
		assert_memory_equal(err.text, cases[i].id, 8);
		assert_non_null(strstr(err.text, "thing 'x' is no more"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_have_the_form_that_was_asked_for),
		cmocka_unit_test(nothing_found_is_said_on_stdout),
		cmocka_unit_test(unknown_attributes_name_themselves),
		cmocka_unit_test(a_filter_must_be_one_of_the_command),
		cmocka_unit_test(lists_of_attributes_are_bounded),
		cmocka_unit_test(an_error_is_one_line_with_a_code),
		cmocka_unit_test(what_comes_from_below_gets_a_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
