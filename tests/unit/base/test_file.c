/* Unit tests of hvcore/base/file.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hvcore/base/file.h"
#include "tests/support/oom.h"
#include "tests/support/tmpdir.h"

static struct test_tmpdir dir;
static char path[HV_FILE_PATH_BYTES];

static int set_up(void **state)
{
	(void)state;
	test_tmpdir_make(&dir);
	(void)test_tmpdir_file(&dir, "file", path, sizeof(path));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_tmpdir_remove(&dir);
	return 0;
}

static void expect_content(const char *wanted)
{
	uint8_t *bytes;
	size_t count;

	assert_int_equal(hv_file_read(path, 100, &bytes, &count, NULL), HV_OK);
	assert_int_equal(count, strlen(wanted));
	assert_string_equal((const char *)bytes, wanted);
	free(bytes);
}

static void what_was_written_is_read(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(hv_file_replace(path, "one", 3, NULL), HV_OK);
	expect_content("one");
	assert_int_equal(hv_file_replace(path, "", 0, NULL), HV_OK);
	expect_content("");
	assert_int_equal(hv_file_replace(path, "three", 5, NULL), HV_OK);
	expect_content("three");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

/* As after a crash between write and rename. */
static void what_a_crash_left_is_written_over(void **state)
{
	char left[HV_FILE_PATH_BYTES];
	int fd;

	(void)state;
	assert_int_equal(hv_file_replace(path, "old", 3, NULL), HV_OK);
	fd = open(test_tmpdir_file(&dir, "file.new", left, sizeof(left)),
		  O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "half of the new one", 19), 19);
	(void)close(fd);
	expect_content("old");
	assert_int_equal(hv_file_replace(path, "new", 3, NULL), HV_OK);
	expect_content("new");
	assert_int_equal(access(left, F_OK), -1);
}

static void a_failure_leaves_the_old_file(void **state)
{
	char blocked[HV_FILE_PATH_BYTES];

	(void)state;
	assert_int_equal(hv_file_replace(path, "old", 3, NULL), HV_OK);
	assert_int_equal(
		mkdir(test_tmpdir_file(&dir, "file.new", blocked, sizeof(blocked)), 0700),
		0);
	assert_int_not_equal(hv_file_replace(path, "new", 3, NULL), HV_OK);
	expect_content("old");
}

static void reading_is_bounded_and_only_of_files(void **state)
{
	uint8_t *bytes = NULL;
	size_t count = 77;
	struct hv_err err;

	(void)state;
	assert_int_equal(hv_file_read(path, 100, &bytes, &count, &err), HV_E_NOTFOUND);
	assert_int_equal(hv_file_replace(path, "12345", 5, NULL), HV_OK);
	assert_int_equal(hv_file_read(path, 4, &bytes, &count, &err), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "has 5 bytes, the limit is 4"));
	assert_int_equal(hv_file_read(dir.path, 100, &bytes, &count, &err), HV_E_INVAL);
	assert_int_equal(mkfifo(test_tmpdir_file(&dir, "fifo", path, sizeof(path)), 0600),
			 0);
	assert_int_equal(hv_file_read(path, 100, &bytes, &count, &err), HV_E_INVAL);
	assert_null(bytes);
	assert_int_equal(count, 77);
}

static void removing_is_fine_twice(void **state)
{
	(void)state;
	assert_int_equal(hv_file_replace(path, "x", 1, NULL), HV_OK);
	assert_int_equal(hv_file_remove(path, NULL), HV_OK);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(hv_file_remove(path, NULL), HV_OK);
	assert_int_not_equal(hv_file_remove(dir.path, NULL), HV_OK);
}

static void a_missing_directory_is_an_error(void **state)
{
	(void)state;
	(void)test_tmpdir_file(&dir, "no/file", path, sizeof(path));
	assert_int_equal(hv_file_replace(path, "x", 1, NULL), HV_E_NOTFOUND);
}

static void directories_are_made_once(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(hv_directory_make(path, NULL), HV_OK);
	assert_int_equal(hv_directory_make(path, NULL), HV_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	(void)test_tmpdir_file(&dir, "plain", path, sizeof(path));
	assert_int_equal(hv_file_replace(path, "x", 1, NULL), HV_OK);
	assert_int_equal(hv_directory_make(path, NULL), HV_E_EXISTS);
	(void)test_tmpdir_file(&dir, "a/b", path, sizeof(path));
	assert_int_equal(hv_directory_make(path, NULL), HV_E_NOTFOUND);
}

static void long_paths_are_refused(void **state)
{
	char small[8] = "";
	char longest[2 * HV_FILE_PATH_BYTES];

	(void)state;
	assert_int_equal(hv_path_join(small, sizeof(small), "/abc", "de", NULL), HV_OK);
	assert_string_equal(small, "/abc/de");
	assert_int_equal(hv_path_join(small, sizeof(small), "/abc", "def", NULL),
			 HV_E_LIMIT);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(hv_file_replace(longest, "x", 1, NULL), HV_E_LIMIT);
}

static void state_of_another_version_is_refused(void **state)
{
	char state_dir[HV_FILE_PATH_BYTES];
	struct hv_err err;

	(void)state;
	(void)test_tmpdir_file(&dir, "state", state_dir, sizeof(state_dir));
	(void)test_tmpdir_file(&dir, "state/version", path, sizeof(path));
	assert_int_equal(hv_state_open(state_dir, "agent", 1, NULL), HV_OK);
	assert_int_equal(hv_state_open(state_dir, "agent", 1, NULL), HV_OK);
	expect_content("tarn agent 1\n");
	assert_int_equal(hv_state_open(state_dir, "agent", 2, &err), HV_E_VERSION);
	assert_non_null(strstr(err.text, "'tarn agent 1'"));
	assert_non_null(strstr(err.text, "'tarn agent 2'"));
	assert_int_equal(hv_state_open(state_dir, "coordinator", 1, &err), HV_E_VERSION);
	expect_content("tarn agent 1\n");
	assert_int_equal(hv_file_replace(path,
					 "################################"
					 "################################"
					 "################################",
					 96, NULL),
			 HV_OK);
	assert_int_equal(hv_state_open(state_dir, "agent", 1, &err), HV_E_VERSION);
}

static void reading_without_memory_is_nomem(void **state)
{
	uint8_t *bytes = NULL;
	size_t count;

	(void)state;
	assert_int_equal(hv_file_replace(path, "x", 1, NULL), HV_OK);
	oom_arm(1);
	assert_int_equal(hv_file_read(path, 100, &bytes, &count, NULL), HV_E_NOMEM);
	assert_true(oom_disarm());
	assert_null(bytes);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(what_was_written_is_read),
		FILE_TEST(what_a_crash_left_is_written_over),
		FILE_TEST(a_failure_leaves_the_old_file),
		FILE_TEST(reading_is_bounded_and_only_of_files),
		FILE_TEST(removing_is_fine_twice),
		FILE_TEST(a_missing_directory_is_an_error),
		FILE_TEST(directories_are_made_once),
		FILE_TEST(long_paths_are_refused),
		FILE_TEST(state_of_another_version_is_refused),
		FILE_TEST(reading_without_memory_is_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
