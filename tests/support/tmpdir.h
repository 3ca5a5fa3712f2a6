/*
 * tmpdir - a directory of one test, short enough for socket paths in it.
 */
#ifndef TESTS_SUPPORT_TMPDIR_H
#define TESTS_SUPPORT_TMPDIR_H

#include <stddef.h>

#define TEST_PATH_BYTES 96

struct test_tmpdir {
	char path[TEST_PATH_BYTES]; /* "/tmp/tarn-XXXXXX"; TMPDIR where it is set */
};

void test_tmpdir_make(struct test_tmpdir *dir);   /* fails the test where it cannot */
void test_tmpdir_remove(struct test_tmpdir *dir); /* with all that is in it */

/* "path/name" into `buffer`, which it returns. */
const char *test_tmpdir_file(const struct test_tmpdir *dir, const char *name,
			     char *buffer, size_t room);

#endif
