/* pidfile - see pidfile.h. */
#include "hvcore/base/pidfile.h"

#include "hvcore/base/units.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE_BYTES 64
#define STAT_BYTES 1024 /* of /proc/PID/stat; the fields up to 22 fit in half */
#define FIELD_FLAGS 9
#define FIELD_START_TIME 22
#define FLAG_EXITING 4u /* PF_EXITING of include/linux/sched.h */

/* The whole file, whatever its length. */
static struct flock whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

/* Field 2 is a name in parentheses that may hold anything: count from the last ')'. */
static const char *find_field(const char *stat_text, unsigned wanted)
{
	const char *at = strrchr(stat_text, ')');

	for (unsigned field = 2; at != NULL && field < wanted; field++) {
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	return at;
}

static enum hv_code read_field(int pid, unsigned wanted, uint64_t *ret,
			       struct hv_err *err)
{
	char text[STAT_BYTES], path[LINE_BYTES];
	const char *at;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return hv_fail(err, errno == ENOENT ? HV_E_GONE : HV_E_OS,
			       "no process %d", pid);
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return hv_fail(err, HV_E_GONE, "process %d is gone", pid);
	text[n] = '\0';
	at = find_field(text, wanted);
	if (at == NULL)
		return hv_fail(err, HV_E_CORRUPT, "'%s' has too few fields", path);
	text[strcspn(at, " ") + (size_t)(at - text)] = '\0';
	return hv_u64_parse(at, UINT64_MAX, ret, err);
}

enum hv_code hv_process_start_time(int pid, uint64_t *ret_ticks, struct hv_err *err)
{
	return read_field(pid, FIELD_START_TIME, ret_ticks, err);
}

bool hv_process_is_exiting(int pid)
{
	uint64_t flags = 0;

	return read_field(pid, FIELD_FLAGS, &flags, NULL) == HV_E_GONE ||
	       (flags & FLAG_EXITING) != 0;
}

static enum hv_code write_line(int fd, const char *path, int pid, struct hv_err *err)
{
	char line[LINE_BYTES];
	uint64_t start;
	enum hv_code code = hv_process_start_time(pid, &start, err);
	int n;

	if (code != HV_OK)
		return code;
	n = snprintf(line, sizeof(line), "%d %llu\n", pid, (unsigned long long)start);
	/*
	 * In place: a new file would leave the lock on the old one. The line first: where
	 * it is there already, nobody finds none meanwhile; what is left of a longer one
	 * makes it a line that is being written.
	 */
	if (pwrite(fd, line, (size_t)n, 0) != n || ftruncate(fd, n) != 0)
		return hv_fail_os(err, HV_E_IO, errno, "write '%s'", path);
	return HV_OK;
}

static enum hv_code fail_held(const char *path, struct hv_err *err)
{
	struct hv_pidfile_holder holder;

	if (hv_pidfile_look(path, &holder, NULL) == HV_OK)
		return hv_fail(err, HV_E_BUSY,
			       "process %d is running already (it holds '%s')",
			       holder.pid, path);
	return hv_fail(err, HV_E_BUSY, "another process holds '%s'", path);
}

static enum hv_code lock_file(int fd, const char *path, struct hv_err *err)
{
	struct flock lock = whole_file();

	if (fcntl(fd, F_OFD_SETLK, &lock) != 0)
		return errno == EAGAIN || errno == EACCES
			       ? fail_held(path, err)
			       : hv_fail_os(err, HV_E_OS, errno, "lock '%s'", path);
	return HV_OK;
}

enum hv_code hv_pidfile_hold(const char *path, int *ret_fd, struct hv_err *err)
{
	enum hv_code code;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);

	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "open '%s'", path);
	code = lock_file(fd, path, err);
	/* The last holder may be a zombie: its line would still look true. */
	if (code == HV_OK && ftruncate(fd, 0) != 0)
		code = hv_fail_os(err, HV_E_IO, errno, "write '%s'", path);
	if (code != HV_OK) {
		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return HV_OK;
}

enum hv_code hv_pidfile_take(const char *path, int *ret_fd, struct hv_err *err)
{
	int fd = -1;
	enum hv_code code = hv_pidfile_hold(path, &fd, err);

	if (code != HV_OK)
		return code;
	code = write_line(fd, path, getpid(), err);
	if (code != HV_OK) {
		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return HV_OK;
}

enum hv_code hv_pidfile_take_open(int fd, struct hv_err *err)
{
	char name[LINE_BYTES];
	enum hv_code code;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "pid file descriptor %d", fd);
	code = lock_file(fd, name, err);
	return code == HV_OK ? write_line(fd, name, getpid(), err) : code;
}

enum hv_code hv_pidfile_name(int fd, int pid, struct hv_err *err)
{
	return write_line(fd, "the pid file of a child", pid, err);
}

enum hv_code hv_pidfile_take_either(int fd, const char *path, int *ret_fd,
				    struct hv_err *err)
{
	enum hv_code code;

	if (fd == 0)
		return hv_pidfile_take(path, ret_fd, err);
	code = hv_pidfile_take_open(fd, err);
	if (code == HV_OK)
		*ret_fd = fd;
	return code;
}

void hv_pidfile_give(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static enum hv_code parse_line(const char *line, struct hv_pidfile_holder *ret_holder)
{
	char text[LINE_BYTES];
	char *space, *end;
	uint64_t pid, start;

	(void)snprintf(text, sizeof(text), "%s", line);
	space = strchr(text, ' ');
	end = strchr(text, '\n');
	if (space == NULL || end == NULL || end < space || end[1] != '\0')
		return HV_E_AGAIN;
	*space = '\0';
	*end = '\0';
	if (hv_u64_parse(text, INT_MAX, &pid, NULL) != HV_OK || pid == 0 ||
	    hv_u64_parse(space + 1, UINT64_MAX, &start, NULL) != HV_OK)
		return HV_E_CORRUPT;
	*ret_holder = (struct hv_pidfile_holder){ .pid = (int)pid,
						  .start_time = start,
						  .pidfd = -1 };
	return HV_OK;
}

static enum hv_code is_held(int fd, const char *path, bool *ret_is_held,
			    struct hv_err *err)
{
	struct flock lock = whole_file();

	if (fcntl(fd, F_OFD_GETLK, &lock) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "ask for the lock of '%s'", path);
	*ret_is_held = lock.l_type != F_UNLCK;
	return HV_OK;
}

static enum hv_code look_at(int fd, const char *path,
			    struct hv_pidfile_holder *ret_holder, struct hv_err *err)
{
	struct hv_pidfile_holder holder;
	char line[LINE_BYTES] = "";
	uint64_t start;
	enum hv_code code;
	bool held = false;
	ssize_t n;

	code = is_held(fd, path, &held, err);
	if (code != HV_OK)
		return code;
	if (!held)
		return hv_fail(err, HV_E_NOTFOUND, "nobody holds '%s'", path);
	n = pread(fd, line, sizeof(line) - 1, 0);
	if (n < 0)
		return hv_fail_os(err, HV_E_IO, errno, "read '%s'", path);
	line[n] = '\0';
	code = parse_line(line, &holder);
	if (code != HV_OK)
		return hv_fail(err, code, "'%s' has no line \"pid starttime\"", path);
	code = hv_process_start_time(holder.pid, &start, NULL);
	/* The last holder's line, before the new one has written its own. */
	if (code != HV_OK || start != holder.start_time)
		return hv_fail(err, HV_E_AGAIN, "'%s' is being written", path);
	*ret_holder = holder;
	return HV_OK;
}

enum hv_code hv_pidfile_look(const char *path, struct hv_pidfile_holder *ret_holder,
			     struct hv_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum hv_code code;

	if (fd < 0)
		return errno == ENOENT
			       ? hv_fail(err, HV_E_NOTFOUND, "no file '%s'", path)
			       : hv_fail_os(err, HV_E_OS, errno, "open '%s'", path);
	code = look_at(fd, path, ret_holder, err);
	(void)close(fd);
	return code;
}

/* By the names of its descriptors: asking their file systems could take for ever. */
static bool has_open(int pid, const char *canonical)
{
	char directory[LINE_BYTES], name[PATH_MAX];
	struct dirent *entry;
	bool is_found = false;
	DIR *dir;

	(void)snprintf(directory, sizeof(directory), "/proc/%d/fd", pid);
	dir = opendir(directory);
	if (dir == NULL)
		return false;
	while (!is_found && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, name, sizeof(name) - 1);

		name[n > 0 ? n : 0] = '\0';
		is_found = strcmp(name, canonical) == 0;
	}
	(void)closedir(dir);
	return is_found;
}

/* The line is the holder's own to write: it must not name anybody else. */
static enum hv_code check_holder(const char *path, int pid, struct hv_err *err)
{
	char canonical[PATH_MAX];

	if (realpath(path, canonical) == NULL)
		return hv_fail_os(err, HV_E_OS, errno, "look at '%s'", path);
	if (!has_open(pid, canonical))
		return hv_fail(err, HV_E_CORRUPT,
			       "'%s' names process %d, which does not hold it", path,
			       pid);
	return HV_OK;
}

enum hv_code hv_pidfile_adopt(const char *path, struct hv_pidfile_holder *ret_holder,
			      struct hv_err *err)
{
	struct hv_pidfile_holder before, after;
	enum hv_code code = hv_pidfile_look(path, &before, err);
	struct hv_err why = { 0 };
	enum hv_code holds;
	int pidfd;

	if (code != HV_OK)
		return code;
	pidfd = (int)syscall(SYS_pidfd_open, before.pid, 0);
	if (pidfd < 0)
		return errno == ESRCH
			       ? hv_fail(err, HV_E_NOTFOUND, "process %d is gone",
					 before.pid)
			       : hv_fail_os(err, HV_E_OS, errno,
					    "open a pidfd of process %d", before.pid);
	holds = check_holder(path, before.pid, &why);
	code = hv_pidfile_look(path, &after, err); /* it may have ended since */
	if (code == HV_OK && holds != HV_OK)
		code = hv_fail(err, holds, "%s", hv_err_text(&why));
	if (code == HV_OK &&
	    (after.pid != before.pid || after.start_time != before.start_time))
		code = hv_fail(err, HV_E_AGAIN, "'%s' changed hands", path);
	if (code != HV_OK) {
		(void)close(pidfd);
		return code;
	}
	after.pidfd = pidfd;
	*ret_holder = after;
	return HV_OK;
}
