/* Names of files of virtual disks: the half that makes them and the half that finds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/wire/disk_file.h"

static void what_is_made_is_found_and_is_nobody_elses(void **state)
{
	static const char *const names[] = {
		"db1",      "db1-2", "db1-2-3", "db10",
		"db1.made", "d",     "db1-x",   "a234567890123456789012345678901"
	};
	static const uint32_t slots[] = { 0, 2, 3, 10, 65535, UINT32_MAX };
	char file[HV_DISK_FILE_BYTES];

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(names); i++)
		for (unsigned slot = 0; slot < HV_COUNT(slots); slot++) {
			hv_disk_file(names[i], slots[slot], file);
			for (unsigned j = 0; j < HV_COUNT(names); j++)
				assert_int_equal(hv_disk_file_is_of(file, names[j]),
						 i == j);
		}
	hv_disk_file(names[7], UINT32_MAX, file); /* the longest one fits */
	assert_string_equal(file, "a234567890123456789012345678901-4294967295");
}

static void other_files_are_no_disks(void **state)
{
	static const char *const files[] = { "",       "db1",   "db1-",
					     "db1-2x", "db1-x", "db1.made",
					     "db1--2", ".",     "db1.made.new" };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(files); i++)
		assert_false(hv_disk_file_is_of(files[i], "db1"));
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	char path[HV_FILE_PATH_BYTES] = "", at[HV_FILE_PATH_BYTES];

	(void)state;
	assert_int_equal(hv_disk_directory("/s", path, NULL), HV_OK);
	assert_string_equal(path, "/s/disks");
	memset(at, 'x', sizeof(at) - 1);
	at[sizeof(at) - 1] = '\0';
	assert_int_equal(hv_disk_directory(at, path, NULL), HV_E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_found_and_is_nobody_elses),
		cmocka_unit_test(other_files_are_no_disks),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
