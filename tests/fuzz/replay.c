/*
 * replay - runs a fuzz target over every file of a directory.
 *
 *   fuzz_TARGET DIRECTORY      exit 0, or 1 where it has no files
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "hvcore/base/file.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_BYTES_MAX (8u << 20)

static int replay_file(const char *directory, const char *name)
{
	char path[HV_FILE_PATH_BYTES];
	struct hv_err err;
	uint8_t *bytes;
	size_t count;

	if (hv_path_join(path, sizeof(path), directory, name, &err) != HV_OK ||
	    hv_file_read(path, INPUT_BYTES_MAX, &bytes, &count, &err) != HV_OK) {
		(void)fprintf(stderr, "replay: %s\n", err.text);
		return 1;
	}
	(void)LLVMFuzzerTestOneInput(bytes, count);
	free(bytes);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	unsigned files = 0;
	int failed = 0;
	DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;

	if (directory == NULL) {
		(void)fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		failed |= replay_file(argv[1], entry->d_name);
		files++;
	}
	(void)closedir(directory);
	(void)printf("%u files\n", files);
	return files == 0 ? 1 : failed;
}
