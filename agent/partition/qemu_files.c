/* qemu_files - see qemu_files.h. */
#include "agent/partition/qemu_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES_MAX (UINT64_C(1) << 30) /* arbitrary: no kernel is that large */

static enum hv_code fail_open(const char *path, struct hv_err *err)
{
	int os = errno;
	enum hv_code code = os == ENOENT                  ? HV_E_NOTFOUND
			    : os == EACCES || os == EPERM ? HV_E_DENIED
							  : HV_E_IO;

	return hv_fail_os(err, code, os, "open '%s'", path);
}

static enum hv_code copy(const char *path, int from, uint64_t bytes, int *ret_fd,
			 struct hv_err *err)
{
	int to = memfd_create("guest-file", MFD_CLOEXEC);
	uint64_t left = bytes;

	if (to < 0)
		return hv_fail_os(err, HV_E_NOMEM, errno, "copy '%s'", path);
	while (left > 0) {
		ssize_t n = sendfile(to, from, NULL, left);

		if (n <= 0) {
			(void)close(to);
			return hv_fail_os(err, HV_E_IO, errno, "copy '%s'", path);
		}
		left -= (uint64_t)n;
	}
	(void)lseek(to, 0, SEEK_SET);
	*ret_fd = to;
	return HV_OK;
}

enum hv_code qemu_file_open(const char *path, int *ret_fd, struct hv_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum hv_code code = HV_OK;
	struct stat status;
	int shown = fd;

	if (fd < 0)
		return fail_open(path, err);
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		(void)close(fd);
		return hv_fail(err, HV_E_INVAL, "'%s' is not a file", path);
	}
	if ((status.st_mode & S_IROTH) == 0) {
		code = (uint64_t)status.st_size > COPY_BYTES_MAX
			       ? hv_fail(err, HV_E_LIMIT, "'%s' is too large", path)
			       : copy(path, fd, (uint64_t)status.st_size, &shown, err);
		(void)close(fd);
	}
	if (code == HV_OK)
		*ret_fd = shown;
	return code;
}

enum hv_code qemu_disk_open(const char *text, struct qemu_disk *ret_disk,
			    struct hv_err *err)
{
	struct qemu_disk disk = { .fd = -1 };
	char path[PATH_MAX];
	struct stat status;
	size_t bytes = 0;
	enum hv_code code = qemu_disk_parse(text, &bytes, &disk.is_read_only, err);

	if (code != HV_OK)
		return code;
	(void)snprintf(path, sizeof(path), "%.*s", (int)bytes, text);
	disk.fd = open(path,
		       (disk.is_read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
	if (disk.fd < 0)
		return fail_open(path, err);
	if (fstat(disk.fd, &status) != 0 ||
	    (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))) {
		(void)close(disk.fd);
		return hv_fail(err, HV_E_INVAL,
			       "disk '%s' is neither a file nor a block device", path);
	}
	(void)fcntl(disk.fd, F_SETFL, disk.is_read_only ? O_RDONLY : O_RDWR);
	disk.is_device = S_ISBLK(status.st_mode);
	*ret_disk = disk;
	return HV_OK;
}

enum hv_code qemu_tap_open(struct qemu_net *net, struct hv_err *err)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	if (if_nametoindex(net->interface) == 0)
		return hv_fail(err, HV_E_NOTFOUND, "no network interface '%s'",
			       net->interface);
	net->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (net->fd < 0)
		return fail_open("/dev/net/tun", err);
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", net->interface);
	if (ioctl(net->fd, TUNSETIFF, &request) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "use '%s' as a tap interface",
				  net->interface);
	return HV_OK;
}

static bool find_in(const char *directories, const char *program, char *room,
		    size_t room_bytes)
{
	while (*directories != '\0') {
		size_t bytes = strcspn(directories, ":");
		int n = snprintf(room, room_bytes, "%.*s/%s", (int)bytes, directories,
				 program);

		if (directories[0] == '/' && n > 0 && (size_t)n < room_bytes &&
		    access(room, X_OK) == 0)
			return true;
		directories += bytes + (directories[bytes] == ':');
	}
	return false;
}

enum hv_code qemu_program_find(enum qemu_kind kind, const char **path, char *room,
			       size_t room_bytes, struct hv_err *err)
{
	const char *directories = getenv("PATH");

	if (*path != NULL)
		return access(*path, X_OK) == 0 ? HV_OK : fail_open(*path, err);
	if (directories == NULL)
		directories = "/usr/local/bin:/usr/bin:/bin";
	if (!find_in(directories, qemu_programs[kind], room, room_bytes))
		return hv_fail(err, HV_E_NOTFOUND,
			       "%s is not installed; the Debian package %s has it",
			       qemu_programs[kind], qemu_packages[kind]);
	*path = room;
	return HV_OK;
}
