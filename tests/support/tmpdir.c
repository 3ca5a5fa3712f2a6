/* tmpdir - see tmpdir.h. */
#include "tests/support/tmpdir.h"

#include "hvcore/base/invariant.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPEN_DIRS_MAX 8

void test_tmpdir_make(struct test_tmpdir *dir)
{
	const char *base = getenv("TMPDIR");

	if (base == NULL || strlen(base) > TEST_PATH_BYTES / 2)
		base = "/tmp";
	(void)snprintf(dir->path, sizeof(dir->path), "%s/tarn-XXXXXX", base);
	HV_INVARIANT(mkdtemp(dir->path) != NULL);
}

static int on_entry(const char *path, const struct stat *status, int type,
		    struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

void test_tmpdir_remove(struct test_tmpdir *dir)
{
	if (dir->path[0] != '\0')
		(void)nftw(dir->path, on_entry, OPEN_DIRS_MAX, FTW_DEPTH | FTW_PHYS);
	dir->path[0] = '\0';
}

const char *test_tmpdir_file(const struct test_tmpdir *dir, const char *name,
			     char *buffer, size_t room)
{
	int n = snprintf(buffer, room, "%s/%s", dir->path, name);

	HV_INVARIANT(n > 0 && (size_t)n < room);
	return buffer;
}
