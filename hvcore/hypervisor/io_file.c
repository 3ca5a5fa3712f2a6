/* io_file - see io_file.h. */
#include "hvcore/hypervisor/io_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hvcore/base/file.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/disk_file.h"
#include "hvcore/wire/pgdev.h"

enum hv_code io_file_own_path(const char *state_dir, const char *name, uint32_t slot,
			      char *path, size_t room, struct hv_err *err)
{
	char directory[HV_FILE_PATH_BYTES], file[HV_DISK_FILE_BYTES];
	enum hv_code code = hv_disk_directory(state_dir, directory, err);

	if (code == HV_OK)
		code = hv_directory_make(directory, err);
	if (code != HV_OK)
		return code;
	hv_disk_file(name, slot, file);
	return hv_path_join(path, room, directory, file, err);
}

/*
 * Memory of partitions is mounted below run/, each of them a file system of its own, and
 * sockets lie there. What was opened is asked where it is: whatever way led there.
 */
static enum hv_code check_place(const struct io_file_ask *ask, int fd, struct hv_err *err)
{
	char run[PATH_MAX], real[PATH_MAX], link[64], at[PATH_MAX];
	size_t bytes;
	ssize_t got;

	(void)snprintf(run, sizeof(run), "%s/run", ask->state_dir);
	if (realpath(run, real) == NULL)
		return hv_fail_os(err, HV_E_OS, errno, "look at '%.200s'", run);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	got = readlink(link, at, sizeof(at) - 1);
	if (got < 0)
		return hv_fail_os(err, HV_E_OS, errno, "look at '%.200s'", ask->path);
	at[got] = '\0';
	bytes = strlen(real);
	if (strncmp(at, real, bytes) == 0 && (at[bytes] == '/' || at[bytes] == '\0'))
		return hv_fail(err, HV_E_INVAL,
			       "'%.200s' is in '%.200s', with memory of partitions",
			       ask->path, real);
	return HV_OK;
}

/* So that not even an empty file is made there. */
static enum hv_code make_new(const struct io_file_ask *ask, int flags, int *ret_fd,
			     struct hv_err *err)
{
	char directory[HV_FILE_PATH_BYTES];
	const char *slash = strrchr(ask->path, '/');
	enum hv_code code;
	int at, fd = -1;

	if (slash == NULL || strlen(ask->path) >= sizeof(directory))
		return hv_fail(err, HV_E_INVAL, "'%.200s' is no path", ask->path);
	(void)snprintf(directory, sizeof(directory), "%.*s/", (int)(slash - ask->path),
		       ask->path);
	at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return hv_fail_os(err, HV_E_OS, errno, "look at '%.200s'", directory);
	code = check_place(ask, at, err);
	if (code == HV_OK) {
		fd = openat(at, slash + 1, flags | O_CREAT | O_NOFOLLOW, 0600);
		if (fd < 0)
			code = hv_fail_os(err, HV_E_OS, errno, "make disk '%.200s'",
					  ask->path);
	}
	(void)close(at);
	if (code == HV_OK)
		*ret_fd = fd;
	return code;
}

/*
 * O_NONBLOCK: a pipe must not hold us up. Off again afterwards, as io_uring would fail
 * what has to wait.
 */
static enum hv_code open_any(const struct io_file_ask *ask, int *ret_fd,
			     struct hv_err *err)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(ask->path, flags);

	if (fd < 0 && errno == ENOENT) {
		enum hv_code code = make_new(ask, flags, &fd, err);

		if (code != HV_OK)
			return code;
	}
	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "open disk '%.200s'", ask->path);
	if (fcntl(fd, F_SETFL, 0) != 0) {
		(void)close(fd);
		return hv_fail_os(err, HV_E_OS, errno, "open disk '%.200s'", ask->path);
	}
	*ret_fd = fd;
	return HV_OK;
}

/* A VIOS locks bytes of its devices (P9), which a lock of all of it includes. */
static enum hv_code lock(const struct io_file_ask *ask, int fd, struct hv_err *err)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &all) == 0)
		return HV_OK;
	if (errno == EAGAIN || errno == EACCES)
		return hv_fail(err, HV_E_BUSY, "disk '%.200s' is in use", ask->path);
	return hv_fail_os(err, HV_E_OS, errno, "lock disk '%.200s'", ask->path);
}

static enum hv_code check_paging(const struct io_file_ask *ask, int fd,
				 struct hv_err *err)
{
	uint8_t pages[HV_PGDEV_HEADER_BYTES] = { 0 };
	struct hv_pgdev_header header;
	unsigned copy;
	enum hv_code code;

	if (pread(fd, pages, sizeof(pages), 0) < 0)
		return hv_fail_os(err, HV_E_IO, errno, "read disk '%.200s'", ask->path);
	code = hv_pgdev_choose(pages, &header, &copy, NULL);
	if (code == HV_OK || code == HV_E_VERSION)
		return hv_fail(err, HV_E_REFUSED, "'%.200s' is a paging device",
			       ask->path);
	return HV_OK;
}

static enum hv_code make_size(const struct io_file_ask *ask, int fd,
			      const struct stat *at, struct hv_err *err)
{
	uint64_t bytes = (uint64_t)at->st_size;

	if (S_ISBLK(at->st_mode)) {
		if (ioctl(fd, BLKGETSIZE64, &bytes) != 0)
			return hv_fail_os(err, HV_E_OS, errno, "size of disk '%.200s'",
					  ask->path);
		if (bytes < ask->bytes)
			return hv_fail(err, HV_E_LIMIT,
				       "disk '%.200s' has %llu bytes, not %llu",
				       ask->path, (unsigned long long)bytes,
				       (unsigned long long)ask->bytes);
		return HV_OK;
	}
	if (bytes < ask->bytes && ftruncate(fd, (off_t)ask->bytes) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "size disk '%.200s'", ask->path);
	return HV_OK;
}

static enum hv_code check_open(const struct io_file_ask *ask, int fd, struct hv_err *err)
{
	struct stat at;
	enum hv_code code;

	if (fstat(fd, &at) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "look at disk '%.200s'",
				  ask->path);
	if (!S_ISREG(at.st_mode) && !S_ISBLK(at.st_mode))
		return hv_fail(err, HV_E_INVAL, "'%.200s' is no file and no block device",
			       ask->path);
	code = check_place(ask, fd, err);
	if (code == HV_OK)
		code = lock(ask, fd, err);
	if (code == HV_OK)
		code = check_paging(ask, fd, err);
	return code == HV_OK ? make_size(ask, fd, &at, err) : code;
}

enum hv_code io_file_open(const struct io_file_ask *ask, int *ret_fd, struct hv_err *err)
{
	int fd = -1;
	enum hv_code code = open_any(ask, &fd, err);

	if (code != HV_OK)
		return code;
	code = check_open(ask, fd, err);
	if (code != HV_OK) {
		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return HV_OK;
}
