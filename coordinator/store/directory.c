/* directory - see directory.h. */
#include "coordinator/store/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION_TEXT "tarn coordinator state 1\n"
#define PATH_BYTES 512

static enum hv_code version_path(const char *path, char text[PATH_BYTES],
				 struct hv_err *err)
{
	if (snprintf(text, PATH_BYTES, "%s/version", path) >= PATH_BYTES)
		return hv_fail(err, HV_E_LIMIT,
			       "state directory '%.64s...': the path is too long", path);
	return HV_OK;
}

/* A directory with files but without a version is somebody else's. */
static enum hv_code check_empty(const char *path, struct hv_err *err)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool is_empty = true;

	if (directory == NULL)
		return hv_fail_os(err, HV_E_IO, errno, "state directory '%s'", path);
	while (is_empty && (entry = readdir(directory)) != NULL)
		is_empty = strcmp(entry->d_name, ".") == 0 ||
			   strcmp(entry->d_name, "..") == 0;
	(void)closedir(directory);
	if (!is_empty)
		return hv_fail(
			err, HV_E_REFUSED,
			"'%s' is not a coordinator's state directory: it has files, "
			"but no file 'version'; choose an empty one",
			path);
	return HV_OK;
}

static enum hv_code read_version(const char *path, int fd, struct hv_err *err)
{
	char text[sizeof(VERSION_TEXT) + 32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return hv_fail_os(err, HV_E_IO, errno, "state directory '%s'", path);
	text[n] = '\0';
	if (strcmp(text, VERSION_TEXT) == 0)
		return HV_OK;
	text[strcspn(text, "\n")] = '\0';
	return hv_fail(err, HV_E_VERSION,
		       "state directory '%s' is of another version: it says '%s', this "
		       "program needs '%.*s'",
		       path, text, (int)strlen(VERSION_TEXT) - 1, VERSION_TEXT);
}

static enum hv_code take_lock(const char *path, int fd, struct hv_err *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return HV_OK;
	if (errno == EAGAIN || errno == EACCES)
		return hv_fail(err, HV_E_BUSY,
			       "state directory '%s' is in use by another coordinator",
			       path);
	return hv_fail_os(err, HV_E_IO, errno, "lock state directory '%s'", path);
}

/* The file is made whole under another name: a crash leaves none, or a good one. */
static enum hv_code make_version(const char *path, const char *file, struct hv_err *err)
{
	char temporary[PATH_BYTES + 8];
	int fd;
	int saved;

	(void)snprintf(temporary, sizeof(temporary), "%s.new", file);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return hv_fail_os(err, HV_E_IO, errno, "state directory '%s'", path);
	if (write(fd, VERSION_TEXT, strlen(VERSION_TEXT)) !=
		    (ssize_t)strlen(VERSION_TEXT) ||
	    fsync(fd) != 0) {
		saved = errno;
		(void)close(fd);
		(void)unlink(temporary);
		return hv_fail_os(err, HV_E_IO, saved, "state directory '%s'", path);
	}
	(void)close(fd);
	if (rename(temporary, file) != 0) {
		saved = errno;
		(void)unlink(temporary);
		return hv_fail_os(err, HV_E_IO, saved, "state directory '%s'", path);
	}
	return HV_OK;
}

static enum hv_code sync_directory(const char *path, struct hv_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum hv_code code = HV_OK;

	if (fd < 0)
		return hv_fail_os(err, HV_E_IO, errno, "state directory '%s'", path);
	if (fsync(fd) != 0)
		code = hv_fail_os(err, HV_E_IO, errno, "state directory '%s'", path);
	(void)close(fd);
	return code;
}

static enum hv_code prepare(const char *path, const char *file, struct hv_err *err)
{
	char temporary[PATH_BYTES + 8];
	enum hv_code code;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return hv_fail_os(err, HV_E_IO, errno, "make state directory '%s'", path);
	if (access(file, F_OK) == 0)
		return HV_OK;
	(void)snprintf(temporary, sizeof(temporary), "%s.new", file);
	(void)unlink(temporary); /* of a start that was cut short */
	code = check_empty(path, err);
	if (code == HV_OK)
		code = make_version(path, file, err);
	if (code == HV_OK)
		code = sync_directory(path, err);
	return code;
}

enum hv_code directory_open(const char *path, int *ret_fd, struct hv_err *err)
{
	char file[PATH_BYTES];
	enum hv_code code = version_path(path, file, err);
	int fd;

	if (code == HV_OK)
		code = prepare(path, file, err);
	if (code != HV_OK)
		return code;
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return hv_fail_os(err, HV_E_IO, errno, "state directory '%s'", path);
	code = read_version(path, fd, err);
	if (code == HV_OK)
		code = take_lock(path, fd, err);
	if (code != HV_OK) {
		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return HV_OK;
}

enum hv_code directory_check(const char *path, struct hv_err *err)
{
	char file[PATH_BYTES];
	enum hv_code code = version_path(path, file, err);
	int fd;

	if (code != HV_OK)
		return code;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return access(path, F_OK) == 0 ? check_empty(path, err) : HV_OK;
	if (fd < 0)
		return hv_fail_os(err, HV_E_IO, errno, "state directory '%s'", path);
	code = read_version(path, fd, err);
	(void)close(fd);
	return code;
}
