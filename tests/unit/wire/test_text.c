/* Unit tests of hvcore/wire/messages.h: texts that reach a terminal, and paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/wire/messages.h"

#define TEXT(t) ((char *)(uintptr_t)(t))

static enum hv_code decode_path(const char *path, struct hv_err *err)
{
	static uint8_t key[HV_KEY_BYTES] = { 1, 2, 3 };
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT, *got;
	Tarn__PgdevAdd add = TARN__PGDEV_ADD__INIT;
	enum hv_code code;
	uint8_t *bytes;
	size_t count;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PGDEV_ADD;
	request.pgdev_add = &add;
	request.has_key = 1;
	request.key.data = key;
	request.key.len = sizeof(key);
	add.host = TEXT("h1");
	add.name = TEXT("p1");
	add.path = TEXT(path);
	assert_int_equal(hv_message_encode(&request.base, &bytes, &count, NULL), HV_OK);
	code = hv_cluster_request_decode(bytes, count, &got, err);
	if (code == HV_OK)
		tarn__cluster_request__free_unpacked(got, NULL);
	free(bytes);
	return code;
}

static void paths_are_absolute_bounded_and_one_line(void **state)
{
	static char long_path[600] = "/";
	static const struct {
		const char *path;
		enum hv_code code;
	} cases[] = {
		{ "/dev/sdb", HV_OK },
		{ "/d\xc3\xa9v/\xc2\xa0", HV_OK }, /* letters beyond ASCII */
		{ "dev", HV_E_INVAL },
		{ "", HV_E_INVAL },
		{ long_path, HV_E_LIMIT },
		{ "/dev/a\nb", HV_E_INVAL }, /* lines of a table, as it likes */
		{ "/dev/a\tb", HV_E_INVAL },
	};

	(void)state;
	memset(long_path + 1, 'x', sizeof(long_path) - 2);
	for (unsigned i = 0; i < HV_COUNT(cases); i++)
		if (decode_path(cases[i].path, NULL) != cases[i].code)
			fail_msg("case %u", i);
}

/* To a terminal U+0080 to U+009F in UTF-8 are ESC and a letter: U+009B is CSI. */
static void no_text_has_control_characters(void **state)
{
	static const char *const texts[] = { "/\033[2J", "/\x7f", "/\xc2\x80",
					     "/\xc2\x9b"
					     "2J",
					     "/\xc2\x9f" };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(texts); i++) {
		struct hv_err err = { 0 };

		assert_int_equal(decode_path(texts[i], &err), HV_E_INVAL);
		assert_non_null(strstr(err.text, "text has control characters"));
	}
	assert_int_equal(decode_path("/\xc2", NULL), HV_OK); /* cut, not read beyond */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_absolute_bounded_and_one_line),
		cmocka_unit_test(no_text_has_control_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
