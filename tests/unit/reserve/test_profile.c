/* Profiles from files: what is taken, and what is refused with line and setting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "hvcore/base/file.h"
#include "hvcore/reserve/profile.h"
#include "tests/support/tmpdir.h"

#define GOOD \
	"title = \"a machine\"; lmb = \"256M\"; installed = \"64G\";\n" \
	"processors = 8; base = \"1G\"; slots = 4; slot_tce = \"4M\";\n" \
	"adapter_tce = \"16K\"; hpt_ratio = 64; pool_frame = 16;\n" \
	"creation = ( (\"0\", \"1M\"), (\"1T\", \"2G\") );\n" \
	"directory = ( (48, \"24M\"), (96, \"24M\") );\n"

static void a_good_profile_is_read(void **state)
{
	struct hv_profile profile;
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(hv_profile_parse(GOOD, "good", &profile, &err), HV_OK);
	assert_string_equal(profile.name, "good");
	assert_string_equal(profile.title, "a machine");
	assert_string_equal(profile.serial, "");
	assert_int_equal(profile.lmb_bytes, 256u << 20);
	assert_int_equal(profile.slots, 4);
	assert_int_equal(profile.pool_frame_bytes, 16);
	assert_int_equal(profile.creation_count, 2);
	assert_int_equal(profile.creation[1].cost_bytes, UINT64_C(2) << 30);
	assert_int_equal(profile.directory_count, 2);
	assert_int_equal(profile.directory[1].partitions, 96);
}

/* What stands in GOOD in place of `from` is `to`, and that is refused. */
static void a_bad_profile_is_refused_by_name(void **state)
{
	static const struct {
		const char *from, *to, *text;
	} rows[] = {
		{ "lmb = \"256M\";", "", "lmb is missing" },
		{ "\"256M\"", "\"24M\"", "lmb must be" },
		{ "\"256M\"", "256", "line 1: lmb must be a size" },
		{ "\"256M\"", "\"x\"", "line 1: lmb must be a size" },
		{ "\"64G\"", "\"256M\"", "installed must be" },
		{ "\"64G\"", "\"1000T\"", "installed must be" },
		{ "processors = 8", "processors = 0", "processors must be" },
		{ "processors = 8", "processors = -1", "line 2: processors must be" },
		{ "processors = 8", "processors = \"8\"", "line 2: processors must be" },
		{ "processors = 8", "cores = 8", "line 2: cores is not a setting" },
		{ "base = \"1G\"", "base = \"65G\"", "base must be" },
		{ "slots = 4;", "slots = 5000;", "slots must be" },
		{ "hpt_ratio = 64", "hpt_ratio = 60", "hpt_ratio must be" },
		{ "pool_frame = 16", "pool_frame = \"8K\"", "pool_frame must be" },
		{ "\"a machine\"", "1", "line 1: title must be a text" },
		{ "(\"0\", \"1M\")", "(\"1\", \"1M\")", "creation must have" },
		{ "(\"0\", \"1M\")", "(\"0\")", "line 4: creation must be pairs" },
		{ "\"2G\"", "\"1K\"", "must not fall" },
		{ "\"2G\"", "2", "line 4: an element must be a size" },
		{ "(96,", "(48,", "directory must grow" },
		{ "(48, \"24M\")", "(48)", "line 5: directory must be pairs" },
		{ "title", "@include \"/dev/null\"\ntitle", "includes no other file" },
		{ "creation = (", "creation = ", "line 4: " },
		{ "title", "name = \"n\"; title", "line 1: name is not a setting" },
		{ "directory = (", "directory = [", "line 5: " },
	};
	struct hv_profile profile = { .name = "untouched" };
	char text[1024];

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		const char *at = strstr(GOOD, rows[i].from);
		struct hv_err err = { 0 };

		assert_non_null(at);
		(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD,
			       rows[i].to, at + strlen(rows[i].from));
		assert_int_equal(hv_profile_parse(text, "bad", &profile, &err),
				 HV_E_INVAL);
		if (strstr(hv_err_text(&err), rows[i].text) == NULL)
			fail_msg("row %u: %s", i, hv_err_text(&err));
		assert_non_null(strstr(hv_err_text(&err), "profile 'bad'"));
		assert_string_equal(profile.name, "untouched");
	}
}

static void too_many_points_and_steps_are_refused(void **state)
{
	struct hv_profile profile;
	char text[2048] = "creation = ( (\"0\", \"0\")";
	size_t at = strlen(text);

	(void)state;
	for (unsigned i = 0; i < HV_PROFILE_POINTS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ", (\"1T\", \"1\")");
	(void)snprintf(text + at, sizeof(text) - at, "); %s", strchr(GOOD, ';') + 1);
	assert_int_equal(hv_profile_parse(text, "many", &profile, NULL), HV_E_INVAL);
}

static void a_profile_is_found_by_name_only(void **state)
{
	struct test_tmpdir dir;
	struct hv_profile profile;
	struct hv_err err = { 0 };
	char path[TEST_PATH_BYTES];

	(void)state;
	test_tmpdir_make(&dir);
	test_tmpdir_file(&dir, "mine.profile", path, sizeof(path));
	assert_int_equal(hv_file_replace(path, GOOD, strlen(GOOD), &err), HV_OK);
	assert_int_equal(hv_profile_load(dir.path, "mine", &profile, &err), HV_OK);
	assert_string_equal(profile.name, "mine");
	assert_int_equal(hv_profile_load(dir.path, "none", &profile, &err),
			 HV_E_NOTFOUND);
	assert_int_equal(hv_profile_load(dir.path, "../mine", &profile, &err),
			 HV_E_INVAL);
	assert_int_equal(hv_file_replace(path, "x", 1, &err), HV_OK);
	assert_int_equal(hv_profile_load(dir.path, "mine", &profile, &err), HV_E_INVAL);
	test_tmpdir_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_profile_is_read),
		cmocka_unit_test(a_bad_profile_is_refused_by_name),
		cmocka_unit_test(too_many_points_and_steps_are_refused),
		cmocka_unit_test(a_profile_is_found_by_name_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
