/* pool - see pool.h. */
#include "hvcore/mem/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hvcore/base/units.h"

#define SLACK_PAGES_PER_CPU 64 /* see hv_pool_slack_pages */
#define BLOCK_BYTES 512        /* of st_blocks */

struct hv_pool {
	uint64_t bytes;
	int dir; /* descriptor of the mount's root */
	bool is_noswap;
	char path[512];
};

enum hv_code hv_pool_namespace_enter(struct hv_err *err)
{
	if (unshare(CLONE_NEWNS) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "make a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "make mounts private");
	return HV_OK;
}

/* /proc/swaps has a heading and one line an area. */
static enum hv_code refuse_swap(struct hv_err *err)
{
	char line[256];
	unsigned lines = 0;
	FILE *swaps = fopen("/proc/swaps", "re");

	if (swaps == NULL)
		return errno == ENOENT
			       ? HV_OK
			       : hv_fail_os(err, HV_E_OS, errno, "open /proc/swaps");
	while (fgets(line, sizeof(line), swaps) != NULL)
		lines++;
	(void)fclose(swaps);
	if (lines > 1)
		return hv_fail(err, HV_E_REFUSED,
			       "this kernel has no tmpfs without swap and swap is on: "
			       "turn swap off, or use Linux 6.4 or later");
	return HV_OK;
}

static enum hv_code mount_tmpfs(struct hv_pool *pool, struct hv_err *err)
{
	char options[128];
	enum hv_code code;

	(void)snprintf(options, sizeof(options), "size=%llu,huge=never,mode=0700,noswap",
		       (unsigned long long)pool->bytes);
	pool->is_noswap = true;
	if (mount("tarn-pool", pool->path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  options) == 0)
		return HV_OK;
	if (errno != EINVAL)
		return hv_fail_os(err, HV_E_OS, errno, "mount the pool on %s",
				  pool->path);
	code = refuse_swap(err);
	if (code != HV_OK)
		return code;
	*strstr(options, ",noswap") = '\0';
	pool->is_noswap = false;
	if (mount("tarn-pool", pool->path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  options) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "mount the pool on %s",
				  pool->path);
	return HV_OK;
}

enum hv_code hv_pool_mount(const char *dir, uint64_t bytes, struct hv_pool **ret_pool,
			   struct hv_err *err)
{
	struct hv_pool *pool;
	enum hv_code code;

	if (bytes == 0 || bytes % HV_PAGE_BYTES != 0)
		return hv_fail(err, HV_E_INVAL, "a pool of %llu bytes",
			       (unsigned long long)bytes);
	if (strlen(dir) >= sizeof(pool->path))
		return hv_fail(err, HV_E_LIMIT, "path of %zu bytes", strlen(dir));
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return hv_fail_os(err, HV_E_OS, errno, "make %s", dir);
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return hv_fail(err, HV_E_NOMEM, "the pool's record");
	pool->bytes = bytes;
	(void)snprintf(pool->path, sizeof(pool->path), "%s", dir);
	code = mount_tmpfs(pool, err);
	if (code != HV_OK)
		goto free_pool;
	pool->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (pool->dir < 0) {
		code = hv_fail_os(err, HV_E_OS, errno, "open %s", dir);
		goto undo_mount;
	}
	*ret_pool = pool;
	return HV_OK;

undo_mount:
	(void)umount2(dir, MNT_DETACH);
free_pool:
	free(pool);
	return code;
}

void hv_pool_unmount(struct hv_pool *pool)
{
	if (pool == NULL)
		return;
	(void)close(pool->dir);
	(void)umount2(pool->path, MNT_DETACH); /* lazy: open files live on */
	free(pool);
}

enum hv_code hv_pool_resize(struct hv_pool *pool, uint64_t bytes, struct hv_err *err)
{
	char options[128];

	if (bytes == 0 || bytes % HV_PAGE_BYTES != 0)
		return hv_fail(err, HV_E_INVAL, "a pool of %llu bytes",
			       (unsigned long long)bytes);
	/* noswap must be repeated: a remount without it means "swap again", refused */
	(void)snprintf(options, sizeof(options), "size=%llu%s", (unsigned long long)bytes,
		       pool->is_noswap ? ",noswap" : "");
	if (mount(NULL, pool->path, NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  options) != 0) {
		int os = errno;

		return hv_fail_os(err, os == EINVAL ? HV_E_BUSY : HV_E_OS, os,
				  "resize the pool to %llu MiB",
				  (unsigned long long)(bytes >> 20));
	}
	pool->bytes = bytes;
	return HV_OK;
}

enum hv_code hv_pool_file_make(struct hv_pool *pool, const char *name, uint64_t bytes,
			       int *ret_fd, struct hv_err *err)
{
	int fd;

	if (!hv_name_is_valid(name))
		return hv_fail(err, HV_E_INVAL, "'%.64s' is no name", name);
	/* a file of the name may still be open in a process that is ending */
	if (unlinkat(pool->dir, name, 0) != 0 && errno != ENOENT)
		return hv_fail_os(err, HV_E_OS, errno, "remove pool file '%s'", name);
	fd = openat(pool->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "make pool file '%s'", name);
	if (ftruncate(fd, (off_t)bytes) != 0) {
		int os = errno;

		(void)unlinkat(pool->dir, name, 0);
		(void)close(fd);
		return hv_fail_os(err, HV_E_OS, os, "size pool file '%s'", name);
	}
	*ret_fd = fd;
	return HV_OK;
}

enum hv_code hv_pool_memory_make(struct hv_pool *pool, uint64_t bytes, int *ret_fd,
				 struct hv_err *err)
{
	int fd = openat(pool->dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	int os;

	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno,
				  "make a file without a name in "
				  "the pool");
	if (ftruncate(fd, (off_t)bytes) == 0) {
		*ret_fd = fd;
		return HV_OK;
	}
	os = errno;
	(void)close(fd);
	return hv_fail_os(err, HV_E_OS, os, "size a file of the pool to %llu MiB",
			  (unsigned long long)(bytes >> 20));
}

void hv_pool_file_remove(struct hv_pool *pool, const char *name, int fd)
{
	/* Punched, not truncated: a process on its way out may still touch it, and
	 * must meet an event, not SIGBUS in the middle of its core dump. */
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size > 0)
		(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				st.st_size);
	(void)unlinkat(pool->dir, name, 0); /* gone already is as good */
}

enum hv_code hv_memory_file_make(const char *name, uint64_t bytes, int *ret_fd,
				 struct hv_err *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int os;

	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "memory file '%s'", name);
	if (ftruncate(fd, (off_t)bytes) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
		*ret_fd = fd;
		return HV_OK;
	}
	os = errno;
	(void)close(fd);
	return hv_fail_os(err, HV_E_OS, os, "size memory file '%s'", name);
}

uint64_t hv_pool_bytes(const struct hv_pool *pool)
{
	return pool->bytes;
}

bool hv_pool_is_noswap(const struct hv_pool *pool)
{
	return pool->is_noswap;
}

enum hv_code hv_pool_used(const struct hv_pool *pool, uint64_t *ret_pages,
			  struct hv_err *err)
{
	struct statfs fs;

	if (fstatfs(pool->dir, &fs) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "look at the pool");
	*ret_pages = (uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize /
		     HV_PAGE_BYTES;
	return HV_OK;
}

enum hv_code hv_file_pages(int fd, uint64_t *ret_pages, struct hv_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "look at a partition's file");
	*ret_pages = (uint64_t)st.st_blocks * BLOCK_BYTES / HV_PAGE_BYTES;
	return HV_OK;
}

uint64_t hv_pool_slack_pages(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	return (uint64_t)(cpus > 0 ? cpus : 1) * SLACK_PAGES_PER_CPU;
}

enum hv_code hv_machine_read(struct hv_machine *ret_machine, struct hv_err *err)
{
	struct hv_machine machine = { 0 };
	unsigned long long kib;
	char line[128];
	FILE *info = fopen("/proc/meminfo", "re");

	if (info == NULL)
		return hv_fail_os(err, HV_E_OS, errno, "open /proc/meminfo");
	while (fgets(line, sizeof(line), info) != NULL) {
		if (sscanf(line, "MemTotal: %llu kB", &kib) == 1)
			machine.total_bytes = kib << 10;
		else if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			machine.available_bytes = kib << 10;
	}
	(void)fclose(info);
	if (machine.total_bytes == 0)
		return hv_fail(err, HV_E_OS, "/proc/meminfo has no MemTotal");
	*ret_machine = machine;
	return HV_OK;
}

enum hv_code hv_machine_check(const struct hv_machine *machine, uint64_t promised_bytes,
			      uint64_t used_bytes, struct hv_err *err)
{
	uint64_t more = promised_bytes > used_bytes ? promised_bytes - used_bytes : 0;
	uint64_t room = machine->available_bytes > HV_MACHINE_RESERVE_BYTES
				? machine->available_bytes - HV_MACHINE_RESERVE_BYTES
				: 0;

	if (more <= room)
		return HV_OK;
	return hv_fail(err, HV_E_LIMIT,
		       "the machine has %llu MiB available, of which %llu are kept for "
		       "itself; %llu MiB more would be needed",
		       (unsigned long long)(machine->available_bytes >> 20),
		       (unsigned long long)(HV_MACHINE_RESERVE_BYTES >> 20),
		       (unsigned long long)(more >> 20));
}
