/* Unit tests of hvcore/base/units.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/base/units.h"

struct size_case {
	const char *text;
	enum hv_code code;
	uint64_t bytes;
};

static void sizes_are_read_as_people_write_them(void **state)
{
	static const struct size_case cases[] = {
		{ "0", HV_OK, 0 },
		{ "4096", HV_OK, 4096 },
		{ "1K", HV_OK, 1024 },
		{ "512M", HV_OK, UINT64_C(512) << 20 },
		{ "512m", HV_OK, UINT64_C(512) << 20 },
		{ "2G", HV_OK, UINT64_C(2) << 30 },
		{ "2GiB", HV_OK, UINT64_C(2) << 30 },
		{ "2GB", HV_OK, UINT64_C(2) << 30 },
		{ "1T", HV_OK, UINT64_C(1) << 40 },
		{ "8388607T", HV_OK, UINT64_C(8388607) << 40 },
		{ "8388608T", HV_E_INVAL, 0 },
		{ "18446744073709551616", HV_E_INVAL, 0 },
		{ "99999999999999999999999G", HV_E_INVAL, 0 },
		{ "", HV_E_INVAL, 0 },
		{ "-1", HV_E_INVAL, 0 },
		{ "+1", HV_E_INVAL, 0 },
		{ " 1", HV_E_INVAL, 0 },
		{ "1 G", HV_E_INVAL, 0 },
		{ "1.5G", HV_E_INVAL, 0 },
		{ "G", HV_E_INVAL, 0 },
		{ "1X", HV_E_INVAL, 0 },
		{ "1Gi", HV_E_INVAL, 0 },
		{ "1GiBs", HV_E_INVAL, 0 },
		{ "0x10", HV_E_INVAL, 0 },
		{ NULL, HV_E_INVAL, 0 },
	};
	struct hv_err err;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		uint64_t bytes = 77;

		assert_int_equal(hv_size_parse(cases[i].text, &bytes, &err),
				 cases[i].code);
		assert_int_equal(bytes, cases[i].code == HV_OK ? cases[i].bytes : 77);
	}
}

struct format_case {
	uint64_t bytes;
	const char *text;
};

static void sizes_are_written_with_three_digits(void **state)
{
	static const struct format_case cases[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1 KiB" },
		{ 1536, "1.50 KiB" },
		{ UINT64_C(512) << 20, "512 MiB" },
		{ UINT64_C(3) << 29, "1.50 GiB" },
		{ UINT64_C(25) << 29, "12.5 GiB" },
		{ UINT64_C(2048) << 40, "2048 TiB" },
	};
	char text[32];

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++)
		assert_string_equal(hv_size_format(cases[i].bytes, text, sizeof(text)),
				    cases[i].text);
}

static void names_are_short_and_plain(void **state)
{
	static const char *const good[] = { "a", "h1", "db-1_x.y", "0x",
					    "abcdefghijklmnopqrstuvwxyz01234" };
	static const char *const bad[] = {
		"",    "-a",  ".a",       "_a",  "a b",
		"a/b", "a\n", "\xc3\xa4", "a:b", "abcdefghijklmnopqrstuvwxyz012345"
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(good); i++)
		assert_true(hv_name_is_valid(good[i]));
	for (unsigned i = 0; i < HV_COUNT(bad); i++)
		assert_false(hv_name_is_valid(bad[i]));
	assert_false(hv_name_is_valid(NULL));
}

struct number_case {
	const char *text;
	uint64_t max;
	enum hv_code code;
	uint64_t value;
};

static void numbers_are_bounded(void **state)
{
	static const struct number_case cases[] = {
		{ "0", 0, HV_OK, 0 },
		{ "255", 255, HV_OK, 255 },
		{ "256", 255, HV_E_LIMIT, 0 },
		{ "18446744073709551615", UINT64_MAX, HV_OK, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, HV_E_LIMIT, 0 },
		{ "12x", 255, HV_E_INVAL, 0 },
		{ "-1", 255, HV_E_INVAL, 0 },
		{ "", 255, HV_E_INVAL, 0 },
		{ NULL, 255, HV_E_INVAL, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		uint64_t value = 77;

		assert_int_equal(hv_u64_parse(cases[i].text, cases[i].max, &value, NULL),
				 cases[i].code);
		assert_int_equal(value, cases[i].code == HV_OK ? cases[i].value : 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read_as_people_write_them),
		cmocka_unit_test(sizes_are_written_with_three_digits),
		cmocka_unit_test(names_are_short_and_plain),
		cmocka_unit_test(numbers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
