/* file - see file.h. */
#include "hvcore/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION_BYTES 64

static enum hv_code fail_path(struct hv_err *err, const char *doing, const char *path)
{
	enum hv_code code = HV_E_IO;

	if (errno == ENOENT)
		code = HV_E_NOTFOUND;
	else if (errno == ENOSPC || errno == EDQUOT)
		code = HV_E_NOSPC;
	else if (errno == EACCES || errno == EPERM)
		code = HV_E_DENIED;
	return hv_fail_os(err, code, errno, "%s '%s'", doing, path);
}

enum hv_code hv_path_join(char *buffer, size_t size, const char *directory,
			  const char *name, struct hv_err *err)
{
	int n = snprintf(buffer, size, "%s/%s", directory, name);

	if (n < 0 || (size_t)n >= size)
		return hv_fail(err, HV_E_LIMIT,
			       "path '%.200s/%.100s' is longer than %zu bytes", directory,
			       name, size - 1);
	return HV_OK;
}

static enum hv_code read_open(int fd, const char *path, size_t limit, uint8_t **ret_bytes,
			      size_t *ret_count, struct hv_err *err)
{
	struct stat status;
	uint8_t *bytes;
	size_t at = 0;
	ssize_t n = 1;

	if (fstat(fd, &status) != 0)
		return fail_path(err, "read", path);
	if (!S_ISREG(status.st_mode))
		return hv_fail(err, HV_E_INVAL, "'%s' is not a file", path);
	if ((uint64_t)status.st_size > limit)
		return hv_fail(err, HV_E_LIMIT, "'%s' has %llu bytes, the limit is %zu",
			       path, (unsigned long long)status.st_size, limit);
	bytes = malloc((size_t)status.st_size + 1);
	if (bytes == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory to read '%s'", path);
	while (n > 0 && at < (size_t)status.st_size) {
		n = read(fd, bytes + at, (size_t)status.st_size - at);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			at += (size_t)n;
	}
	if (n < 0) {
		free(bytes);
		return fail_path(err, "read", path);
	}
	bytes[at] = '\0';
	*ret_bytes = bytes;
	*ret_count = at;
	return HV_OK;
}

enum hv_code hv_file_read(const char *path, size_t limit, uint8_t **ret_bytes,
			  size_t *ret_count, struct hv_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum hv_code code;

	if (fd < 0)
		return fail_path(err, "open", path);
	code = read_open(fd, path, limit, ret_bytes, ret_count, err);
	(void)close(fd);
	return code;
}

/* The name of a file is in its directory, which has to be written as well. */
static enum hv_code sync_directory_of(const char *path, struct hv_err *err)
{
	char directory[HV_FILE_PATH_BYTES];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	enum hv_code code = HV_OK;
	int fd;

	if (n >= sizeof(directory))
		return hv_fail(err, HV_E_LIMIT, "path '%.200s' is too long", path);
	memcpy(directory, path, n);
	directory[n] = '\0';
	fd = open(n > 0           ? directory
		  : slash != NULL ? "/"
				  : ".",
		  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_path(err, "open the directory of", path);
	if (fsync(fd) != 0)
		code = fail_path(err, "write the directory of", path);
	(void)close(fd);
	return code;
}

static int write_all(int fd, const uint8_t *bytes, size_t count)
{
	while (count > 0) {
		ssize_t n = write(fd, bytes, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes += n;
		count -= (size_t)n;
	}
	return 0;
}

static enum hv_code write_new(const char *path, const void *bytes, size_t count,
			      struct hv_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		      S_IRUSR | S_IWUSR);
	enum hv_code code = HV_OK;

	if (fd < 0)
		return fail_path(err, "make", path);
	if (write_all(fd, bytes, count) != 0 || fsync(fd) != 0)
		code = fail_path(err, "write", path);
	if (close(fd) != 0 && code == HV_OK)
		code = fail_path(err, "close", path);
	return code;
}

enum hv_code hv_file_replace(const char *path, const void *bytes, size_t count,
			     struct hv_err *err)
{
	char temporary[HV_FILE_PATH_BYTES];
	enum hv_code code;
	int n = snprintf(temporary, sizeof(temporary), "%s.new", path);

	if (n < 0 || (size_t)n >= sizeof(temporary))
		return hv_fail(err, HV_E_LIMIT, "path '%.200s' is too long", path);
	code = write_new(temporary, bytes, count, err);
	if (code == HV_OK && rename(temporary, path) != 0)
		code = fail_path(err, "replace", path);
	if (code != HV_OK) {
		(void)unlink(temporary);
		return code;
	}
	return sync_directory_of(path, err);
}

enum hv_code hv_file_remove(const char *path, struct hv_err *err)
{
	if (unlink(path) != 0)
		return errno == ENOENT ? HV_OK : fail_path(err, "remove", path);
	return sync_directory_of(path, err);
}

enum hv_code hv_directory_make(const char *path, struct hv_err *err)
{
	struct stat status;

	if (mkdir(path, S_IRWXU) == 0)
		return sync_directory_of(path, err);
	if (errno != EEXIST)
		return fail_path(err, "make directory", path);
	if (stat(path, &status) != 0)
		return fail_path(err, "look at", path);
	if (!S_ISDIR(status.st_mode))
		return hv_fail(err, HV_E_EXISTS, "'%s' is there and is not a directory",
			       path);
	return HV_OK;
}

static enum hv_code check_version(const char *path, const char *wanted,
				  struct hv_err *err)
{
	uint8_t *bytes;
	size_t count;
	enum hv_code code = hv_file_read(path, VERSION_BYTES, &bytes, &count, err);

	if (code == HV_E_LIMIT)
		return hv_fail(err, HV_E_VERSION, "'%s' is not a version of ours", path);
	if (code != HV_OK)
		return code;
	if (strcmp((const char *)bytes, wanted) != 0) {
		bytes[strcspn((const char *)bytes, "\n")] = '\0';
		code = hv_fail(err, HV_E_VERSION,
			       "'%s' says '%s', this program needs '%.*s'; use another "
			       "state directory",
			       path, (const char *)bytes, (int)strlen(wanted) - 1,
			       wanted);
	}
	free(bytes);
	return code;
}

enum hv_code hv_state_open(const char *directory, const char *what, unsigned version,
			   struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES], wanted[VERSION_BYTES];
	int n = snprintf(wanted, sizeof(wanted), "tarn %s %u\n", what, version);
	enum hv_code code;

	if (n < 0 || (size_t)n >= sizeof(wanted))
		return hv_fail(err, HV_E_LIMIT, "'%.64s' is too long", what);
	code = hv_path_join(path, sizeof(path), directory, "version", err);
	if (code == HV_OK)
		code = hv_directory_make(directory, err);
	if (code != HV_OK)
		return code;
	code = check_version(path, wanted, err);
	if (code == HV_E_NOTFOUND)
		return hv_file_replace(path, wanted, (size_t)n, err);
	return code;
}
