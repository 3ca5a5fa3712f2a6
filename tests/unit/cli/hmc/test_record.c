/* Unit tests of cli/hmc/record.h and filter.h: the grammar of an HMC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/hmc/filter.h"
#include "tests/support/oom.h"

struct pair_case {
	const char *text;
	unsigned count;
	struct hmc_pair pairs[3];
};

static void records_are_read_with_both_quotings(void **state)
{
	static const struct pair_case cases[] = {
		{ "", 0, { { 0 } } },
		{ "   ", 0, { { 0 } } },
		{ "name=aix1", 1, { { "name", HMC_SET, "aix1" } } },
		{ "name=,x=1", 2, { { "name", HMC_SET, "" }, { "x", HMC_SET, "1" } } },
		/* blanks behind a comma, as the seed document has them */
		{ "profile_name=Normal, lpar_env=aixlinux,  min_mem=1024",
		  3,
		  { { "profile_name", HMC_SET, "Normal" },
		    { "lpar_env", HMC_SET, "aixlinux" },
		    { "min_mem", HMC_SET, "1024" } } },
		{ "min_mem+=256,desired_mem-=256",
		  2,
		  { { "min_mem", HMC_ADD, "256" },
		    { "desired_mem", HMC_REMOVE, "256" } } },
		{ "name=v1,\"virtual_eth_adapters=2/0/1//0/0,3/0/2//0/0\"",
		  2,
		  { { "name", HMC_SET, "v1" },
		    { "virtual_eth_adapters", HMC_SET, "2/0/1//0/0,3/0/2//0/0" } } },
		{ "\"a=\"\"2/1/1/3,4,5/0/1\"\"\" , b=c",
		  2,
		  { { "a", HMC_SET, "\"2/1/1/3,4,5/0/1\"" }, { "b", HMC_SET, "c" } } },
		{ "d=say \"hi\"", 1, { { "d", HMC_SET, "say \"hi\"" } } },
		{ "d=a=b", 1, { { "d", HMC_SET, "a=b" } } },
		{ "\"lpar_names+=a,b\"", 1, { { "lpar_names", HMC_ADD, "a,b" } } },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hmc_record record;

		assert_int_equal(hmc_record_parse(cases[i].text, &record, NULL), HV_OK);
		assert_int_equal(record.count, cases[i].count);
		for (unsigned p = 0; p < record.count; p++) {
			assert_string_equal(record.pairs[p].name, cases[i].pairs[p].name);
			assert_string_equal(record.pairs[p].value,
					    cases[i].pairs[p].value);
			assert_int_equal(record.pairs[p].op, cases[i].pairs[p].op);
		}
		hmc_record_fini(&record);
	}
}

static void what_is_no_record_names_itself(void **state)
{
	static const char *const cases[][2] = {
		{ "a=1,b",
		  "An invalid attribute was entered. The invalid attribute is b. "
		  "Please correct your input and retry the command." },
		{ "=1", "The invalid attribute is ." },
		{ "a b=1", "The invalid attribute is a b." },
		{ "1a=1", "The invalid attribute is 1a." },
		{ "a=1,,b=2", "The invalid attribute is ." },
		{ "a=1,", "The invalid attribute is ." },
		{ "k=\"a,b\"", "The invalid attribute is b\"." },
		{ "\"a=1", "HSCLT006 The data entered is not valid: its quotes" },
		{ "\"a=1\"b=2", "its quotes do not match" },
		{ "a=1,a=2", "HSCLT004 The attribute a was entered more than once." },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hmc_record record;
		struct hv_err err;

		assert_int_equal(hmc_record_parse(cases[i][0], &record, &err),
				 HV_E_INVAL);
		if (strstr(err.text, cases[i][1]) == NULL)
			fail_msg("%s: '%s'", cases[i][0], err.text);
		hmc_record_fini(&record);
	}
}

static void records_are_bounded(void **state)
{
	char *text = malloc(HMC_RECORD_BYTES_MAX + 1);
	struct hmc_record record;
	struct hv_err err;
	size_t at = 0;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', HMC_RECORD_BYTES_MAX);
	text[HMC_RECORD_BYTES_MAX] = '\0';
	assert_int_equal(hmc_record_parse(text, &record, &err), HV_E_INVAL);
	assert_non_null(strstr(err.text, "too long"));
	hmc_record_fini(&record);
	for (unsigned i = 0; i <= HMC_PAIRS_MAX; i++)
		at += (size_t)snprintf(text + at, 16, "%sa%u=1", i > 0 ? "," : "", i);
	assert_int_equal(hmc_record_parse(text, &record, &err), HV_E_INVAL);
	assert_non_null(strstr(err.text, "too many"));
	hmc_record_fini(&record);
	free(text);
}

static void a_record_without_memory_is_none(void **state)
{
	struct hmc_record record;

	(void)state;
	oom_arm(1);
	assert_int_equal(hmc_record_parse("a=1", &record, NULL), HV_E_NOMEM);
	assert_true(oom_disarm());
	hmc_record_fini(&record);
}

static void lists_are_split_at_their_own_commas(void **state)
{
	static const char *const wanted[] = { "2/1/1/3,4,5/0/1", "x", "" };
	const char *at = "\"2/1/1/3,4,5/0/1\",x,,";
	char element[HMC_ELEMENT_BYTES], large[HMC_ELEMENT_BYTES + 1];
	bool is_bad;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_true(hmc_list_next(&at, element, &is_bad));
		assert_string_equal(element, wanted[i]);
	}
	assert_false(hmc_list_next(&at, element, &is_bad));
	assert_false(is_bad);
	at = "\"a";
	assert_false(hmc_list_next(&at, element, &is_bad));
	assert_true(is_bad);
	at = "\"a\"b";
	assert_false(hmc_list_next(&at, element, &is_bad));
	assert_true(is_bad);
	memset(large, 'a', HMC_ELEMENT_BYTES);
	large[HMC_ELEMENT_BYTES] = '\0';
	at = large;
	assert_false(hmc_list_next(&at, element, &is_bad));
	assert_true(is_bad);
}

static const struct hmc_filter_name names[] = { { "lpar_names", "lpar_name" },
						{ "lpar_ids", "lpar_id" },
						{ NULL, NULL } };

struct filter_case {
	const char *text, *name, *id;
	bool matches;
};

static void filters_are_and_of_names_and_or_of_values(void **state)
{
	static const struct filter_case cases[] = {
		{ "lpar_names=aix1", "aix1", "1", true },
		{ "lpar_names=aix1", "aix", "1", false },
		{ "\"lpar_names=a,b\"", "b", "1", true },
		{ "\"lpar_names=a,b\"", "c", "1", false },
		{ "\"lpar_names=a,b\",lpar_ids=2", "a", "1", false },
		{ "\"lpar_names=a,b\",lpar_ids=2", "a", "2", true },
		{ "lpar_ids=2,\"lpar_names=a,b\"", "b", "2", true },
		{ "\"lpar_names=\"\"a,b\"\",c\"", "a,b", "2", true },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hmc_filter filter;
		bool matches;

		assert_int_equal(hmc_filter_parse(cases[i].text, &filter, NULL), HV_OK);
		assert_int_equal(hmc_filter_check(&filter, names, NULL), HV_OK);
		matches = hmc_filter_matches(&filter, "lpar_names", cases[i].name,
					     false) &&
			  hmc_filter_matches(&filter, "lpar_ids", cases[i].id, false);
		assert_int_equal(matches, cases[i].matches);
		hmc_filter_fini(&filter);
	}
}

static void what_is_no_filter_names_itself(void **state)
{
	static const char *const cases[][2] = {
		{ "", "The invalid filter is ." },
		{ "lpar_names", "The invalid attribute is lpar_names." },
		{ "lpar_names=", "The invalid filter is lpar_names." },
		{ "lpar_names+=a", "The invalid filter is lpar_names." },
		{ "\"lpar_names=\"\"a\"", "The invalid filter is lpar_names." },
		{ "lpar_names=a,b", "The invalid attribute is b." },
		{ "size=4", "The invalid filter is size." },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hmc_filter filter;
		struct hv_err err;
		enum hv_code code = hmc_filter_parse(cases[i][0], &filter, &err);

		if (code == HV_OK)
			code = hmc_filter_check(&filter, names, &err);
		assert_int_equal(code, HV_E_INVAL);
		if (strstr(err.text, cases[i][1]) == NULL)
			fail_msg("%s: '%s'", cases[i][0], err.text);
		hmc_filter_fini(&filter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read_with_both_quotings),
		cmocka_unit_test(what_is_no_record_names_itself),
		cmocka_unit_test(records_are_bounded),
		cmocka_unit_test(a_record_without_memory_is_none),
		cmocka_unit_test(lists_are_split_at_their_own_commas),
		cmocka_unit_test(filters_are_and_of_names_and_or_of_values),
		cmocka_unit_test(what_is_no_filter_names_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
