/* target - see target.h. */
#include "vios/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

#ifndef RAMFS_MAGIC
#define RAMFS_MAGIC 0x858458f6
#endif
#define OPEN_FLAGS (O_RDWR | O_CLOEXEC | O_NOCTTY)

static ssize_t real_read(int fd, void *to, size_t bytes, off_t at)
{
	return pread(fd, to, bytes, at);
}

static ssize_t real_write(int fd, const void *from, size_t bytes, off_t at)
{
	return pwrite(fd, from, bytes, at);
}

static int real_sync(int fd)
{
	return fdatasync(fd);
}

const struct vios_disk vios_disk_real = { real_read, real_write, real_sync };

static enum hv_code code_of(int os)
{
	switch (os) {
	case ENOENT:
	case ENOTDIR:
	case ENXIO: /* a device node whose device is gone */
	case ENODEV:
	case ENOMEDIUM:
		return HV_E_NOTFOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return HV_E_DENIED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return HV_E_NOSPC;
	case EIO:
		return HV_E_IO;
	default:
		return HV_E_OS;
	}
}

/*
 * Some file systems take O_DIRECT at open and fail the reads, or want another
 * alignment than a page: statx knows. Without it (before 6.1) open decides.
 */
static bool can_direct(int fd)
{
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
	    (stx.stx_mask & STATX_DIOALIGN) != 0)
		return stx.stx_dio_offset_align != 0 &&
		       stx.stx_dio_offset_align <= HV_PAGE_BYTES &&
		       stx.stx_dio_mem_align <= HV_PAGE_BYTES;
#else
	(void)fd;
#endif
	return true;
}

static enum hv_code find_size(struct vios_target *target, const struct stat *st,
			      const char *path, struct hv_err *err)
{
	uint64_t bytes = (uint64_t)st->st_size;

	if (target->is_block && ioctl(target->fd, BLKGETSIZE64, &bytes) != 0)
		return hv_fail_os(err, code_of(errno), errno, "size of '%s'", path);
	target->bytes = bytes;
	return HV_OK;
}

static bool is_memory(long magic)
{
	return magic == TMPFS_MAGIC || magic == RAMFS_MAGIC || magic == HUGETLBFS_MAGIC;
}

/*
 * Where io_uring's first attempt does not wait (IOCB_NOWAIT is kept). Elsewhere, FUSE
 * for one, a slow server would stop a whole lane, its heartbeat too.
 */
static bool is_nowait(long magic)
{
	return magic == EXT4_SUPER_MAGIC || magic == XFS_SUPER_MAGIC ||
	       magic == BTRFS_SUPER_MAGIC || magic == F2FS_SUPER_MAGIC;
}

static enum hv_code examine(struct vios_target *target, const char *path,
			    struct hv_err *err)
{
	struct statfs fs;
	struct stat st;

	if (fstat(target->fd, &st) != 0)
		return hv_fail_os(err, code_of(errno), errno, "look at '%s'", path);
	target->is_block = S_ISBLK(st.st_mode);
	if (!target->is_block && !S_ISREG(st.st_mode))
		return hv_fail(err, HV_E_REFUSED,
			       "'%s' is neither a file nor a block device", path);
	if (fstatfs(target->fd, &fs) != 0)
		return hv_fail_os(err, code_of(errno), errno, "file system of '%s'",
				  path);
	/* A block device's node may well lie on devtmpfs. */
	if (!target->is_block && is_memory((long)fs.f_type))
		return hv_fail(
			err, HV_E_REFUSED,
			"'%s' lies in memory (tmpfs): a paging device needs a disk",
			path);
	target->may_block = !target->is_block && !is_nowait((long)fs.f_type);
	target->dev = target->is_block ? st.st_rdev : st.st_dev;
	target->inode = target->is_block ? 0 : st.st_ino;
	return find_size(target, &st, path, err);
}

/* O_DIRECT is switched on where it works; the kernel refuses it where it cannot. */
static void try_direct(struct vios_target *target)
{
	int flags = fcntl(target->fd, F_GETFL);

	target->is_direct = flags >= 0 &&
			    fcntl(target->fd, F_SETFL, flags | O_DIRECT) == 0 &&
			    can_direct(target->fd);
	if (!target->is_direct && flags >= 0)
		(void)fcntl(target->fd, F_SETFL, flags);
}

enum hv_code vios_target_adopt(int fd, const char *path, const struct vios_disk *disk,
			       struct vios_target *ret_target, struct hv_err *err)
{
	struct vios_target target = {
		.fd = fd,
		.disk = disk != NULL ? disk : &vios_disk_real,
	};
	enum hv_code code = examine(&target, path, err);

	if (code != HV_OK) {
		vios_target_close(&target);
		return code;
	}
	try_direct(&target);
	*ret_target = target;
	return HV_OK;
}

enum hv_code vios_target_open(const char *path, const struct vios_disk *disk,
			      struct vios_target *ret_target, struct hv_err *err)
{
	struct stat st;
	int fd;

	/* Asked first: opening a pipe or a tape has effects, and may never end. */
	if (stat(path, &st) != 0)
		return hv_fail_os(err, code_of(errno), errno, "open '%s'", path);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return hv_fail(err, HV_E_REFUSED,
			       "'%s' is neither a file nor a block device", path);
	fd = open(path, OPEN_FLAGS);
	if (fd < 0)
		return hv_fail_os(err, code_of(errno), errno, "open '%s'", path);
	return vios_target_adopt(fd, path, disk, ret_target, err);
}

void vios_target_close(struct vios_target *target)
{
	if (target->fd >= 0)
		(void)close(target->fd);
	target->fd = -1;
}

static struct flock lock_of(unsigned first, unsigned count)
{
	return (struct flock){
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = HV_PGDEV_LOCK_BASE + first,
		.l_len = count,
	};
}

enum hv_code vios_target_lock(const struct vios_target *target, unsigned first,
			      unsigned count, struct hv_err *err)
{
	struct flock lock = lock_of(first, count);

	if (fcntl(target->fd, F_OFD_SETLK, &lock) == 0)
		return HV_OK;
	if (errno == EAGAIN || errno == EACCES)
		return hv_fail(err, HV_E_BUSY,
			       "the device is in use by another process (lock byte %u%s)",
			       first, count > 1 ? " or 1" : "");
	return hv_fail_os(err, HV_E_OS, errno, "lock the device");
}

enum hv_code vios_target_is_locked(const struct vios_target *target, unsigned byte,
				   bool *ret_is_locked, struct hv_err *err)
{
	struct flock lock = lock_of(byte, 1);

	if (fcntl(target->fd, F_OFD_GETLK, &lock) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "ask for lock byte %u", byte);
	*ret_is_locked = lock.l_type != F_UNLCK;
	return HV_OK;
}

enum hv_code vios_target_read(const struct vios_target *target, void *to, size_t bytes,
			      uint64_t at, struct hv_err *err)
{
	uint8_t *next = to;

	while (bytes > 0) {
		ssize_t n = target->disk->read(target->fd, next, bytes, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hv_fail_os(err, code_of(errno), errno, "read at %llu",
					  (unsigned long long)at);
		if (n == 0)
			return hv_fail(err, HV_E_IO, "the device ends at %llu",
				       (unsigned long long)at);
		next += n;
		at += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return HV_OK;
}

enum hv_code vios_target_write(const struct vios_target *target, const void *from,
			       size_t bytes, uint64_t at, struct hv_err *err)
{
	const uint8_t *next = from;

	while (bytes > 0) {
		ssize_t n = target->disk->write(target->fd, next, bytes, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hv_fail_os(err, code_of(errno), errno, "write at %llu",
					  (unsigned long long)at);
		if (n == 0)
			return hv_fail(err, HV_E_NOSPC,
				       "the device takes no more at %llu",
				       (unsigned long long)at);
		next += n;
		at += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return HV_OK;
}

enum hv_code vios_target_sync(const struct vios_target *target, struct hv_err *err)
{
	if (target->disk->sync(target->fd) != 0)
		return hv_fail_os(err, code_of(errno), errno, "sync the device");
	return HV_OK;
}

void *vios_aligned(size_t bytes)
{
	void *at = NULL;

	HV_INVARIANT(bytes % HV_PAGE_BYTES == 0);
	if (posix_memalign(&at, HV_PAGE_BYTES, bytes) != 0)
		return NULL;
	memset(at, 0, bytes);
	return at;
}
