/* Unit tests of hvcore/base/err.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "hvcore/base/err.h"

static void a_failure_keeps_code_errno_and_sentence(void **state)
{
	struct hv_err err;

	(void)state;
	assert_int_equal(hv_fail(&err, HV_E_BUSY, "device '%s' is in use", "d1"),
			 HV_E_BUSY);
	assert_int_equal(err.code, HV_E_BUSY);
	assert_int_equal(err.os, 0);
	assert_string_equal(hv_err_text(&err), "device 'd1' is in use");
	assert_int_equal(hv_fail_os(&err, HV_E_NOMEM, ENOMEM, "map %d pages", 7),
			 HV_E_NOMEM);
	assert_int_equal(err.os, ENOMEM);
	assert_string_equal(hv_err_text(&err), "map 7 pages: Cannot allocate memory");
}

static void wrapping_adds_in_front_and_keeps_the_code(void **state)
{
	struct hv_err err;

	(void)state;
	(void)hv_fail_os(&err, HV_E_IO, EIO, "read slot %d", 3);
	assert_int_equal(hv_wrap(&err, "partition '%s'", "db1"), HV_E_IO);
	assert_string_equal(err.text, "partition 'db1': read slot 3: Input/output error");
	assert_int_equal(err.os, EIO);
}

static void nobody_need_ask_for_the_sentence(void **state)
{
	(void)state;
	assert_int_equal(hv_fail(NULL, HV_E_LIMIT, "x"), HV_E_LIMIT);
	assert_int_equal(hv_fail_os(NULL, HV_E_IO, EIO, "x"), HV_E_IO);
	assert_int_equal(hv_wrap(NULL, "x"), HV_E_OS);
	assert_string_equal(hv_err_text(NULL), "unknown error");
}

static void a_failure_that_nobody_said_is_one_all_the_same(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(hv_wrap(&err, "partition '%s'", "db1"), HV_E_OS);
	assert_int_equal(err.code, HV_E_OS);
}

static void long_sentences_are_cut_not_overrun(void **state)
{
	struct hv_err err;
	char text[2 * HV_ERR_TEXT_BYTES];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)hv_fail_os(&err, HV_E_IO, EIO, "%s", text);
	assert_int_equal(strlen(err.text), HV_ERR_TEXT_BYTES - 1);
	(void)hv_wrap(&err, "%s", text);
	(void)hv_wrap(&err, "front");
	assert_int_equal(strlen(err.text), HV_ERR_TEXT_BYTES - 1);
	assert_memory_equal(err.text, "front: xxx", 10);
}

static void every_code_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned a = 0; a < HV_CODE_COUNT; a++) {
		assert_string_not_equal(hv_code_name((enum hv_code)a), "unknown error");
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(hv_code_name((enum hv_code)a),
						hv_code_name((enum hv_code)b));
	}
	assert_string_equal(hv_code_name(HV_CODE_COUNT), "unknown error");
	assert_string_equal(hv_code_name((enum hv_code)1000000), "unknown error");
}

static void an_empty_sentence_becomes_the_name_of_the_code(void **state)
{
	struct hv_err err = { .code = HV_E_GONE };

	(void)state;
	assert_string_equal(hv_err_text(&err), "gone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_keeps_code_errno_and_sentence),
		cmocka_unit_test(wrapping_adds_in_front_and_keeps_the_code),
		cmocka_unit_test(nobody_need_ask_for_the_sentence),
		cmocka_unit_test(a_failure_that_nobody_said_is_one_all_the_same),
		cmocka_unit_test(long_sentences_are_cut_not_overrun),
		cmocka_unit_test(every_code_has_a_name_of_its_own),
		cmocka_unit_test(an_empty_sentence_becomes_the_name_of_the_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
