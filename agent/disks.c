/* disks - see disks.h. */
#include "agent/disks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/file.h"
#include "hvcore/base/units.h"

#define DIRECTORY "disks"
#define NUMBER_BYTES 32

static enum hv_code path_of(const char *state, const char *file,
			    char path[HV_FILE_PATH_BYTES], struct hv_err *err)
{
	char directory[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_path_join(directory, sizeof(directory), state, DIRECTORY,
					 err);

	return code == HV_OK
		       ? hv_path_join(path, HV_FILE_PATH_BYTES, directory, file, err)
		       : code;
}

/* NAME, a dash and a slot. */
static bool is_disk_of(const char *file, const char *name)
{
	size_t n = strlen(name);

	return strncmp(file, name, n) == 0 && file[n] == '-' && file[n + 1] != '\0' &&
	       strspn(file + n + 1, "0123456789") == strlen(file + n + 1);
}

static enum hv_code remove_one(int directory, const char *file, struct hv_err *err)
{
	if (unlinkat(directory, file, 0) == 0 || errno == ENOENT)
		return HV_OK;
	return hv_fail_os(err, HV_E_OS, errno, "remove disk '%s'", file);
}

enum hv_code agent_disks_remove(const char *state, const char *name, struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES], made[HV_NAME_BYTES + 8];
	enum hv_code code = path_of(state, "", path, err);
	const struct dirent *entry;
	DIR *directory;

	if (code != HV_OK)
		return code;
	directory = opendir(path);
	if (directory == NULL && errno == ENOENT)
		return HV_OK;
	if (directory == NULL)
		return hv_fail_os(err, HV_E_OS, errno, "look into '%s'", path);
	while (code == HV_OK && (entry = readdir(directory)) != NULL)
		if (is_disk_of(entry->d_name, name))
			code = remove_one(dirfd(directory), entry->d_name, err);
	(void)snprintf(made, sizeof(made), "%s.made", name);
	if (code == HV_OK) /* last: until then they are still somebody's */
		code = remove_one(dirfd(directory), made, err);
	(void)closedir(directory);
	return code;
}

/* 0: nobody's, or it cannot be read. */
static uint64_t made_by(const char *path)
{
	char text[NUMBER_BYTES] = "";
	uint64_t number = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0 || hv_u64_parse(text, UINT64_MAX, &number, NULL) != HV_OK)
		return 0;
	return number;
}

enum hv_code agent_disks_claim(const char *state, const char *name, uint64_t made,
			       struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES], file[HV_NAME_BYTES + 8], text[NUMBER_BYTES];
	enum hv_code code;

	(void)snprintf(file, sizeof(file), "%s.made", name);
	code = path_of(state, file, path, err);
	if (code == HV_OK && made_by(path) == made)
		return HV_OK;
	if (code == HV_OK)
		code = agent_disks_remove(state, name, err);
	if (code != HV_OK)
		return code;
	code = path_of(state, "", path, err);
	if (code == HV_OK)
		code = hv_directory_make(path, err);
	if (code == HV_OK)
		code = path_of(state, file, path, err);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)made);
	return code == HV_OK ? hv_file_replace(path, text, strlen(text), err) : code;
}
