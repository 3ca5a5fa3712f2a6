/* uffd - see uffd.h. The only file of hvcore that includes linux/userfaultfd.h. */
#include "hvcore/mem/uffd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/attach.h"

/* Newer than the headers of Debian 12 (Linux 6.1); the kernel says EINVAL if too old. */
#ifndef UFFDIO_POISON
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#define UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#endif
#ifndef UFFDIO_CONTINUE_MODE_WP
#define UFFDIO_CONTINUE_MODE_WP ((__u64)1 << 1)
#endif
#ifndef UFFD_FEATURE_INITIALIZED
#define UFFD_FEATURE_INITIALIZED \
	(UINT64_C(1) << 31) /* kernel-internal, shown in fdinfo */
#endif

static_assert(HV_ATTACH_UFFD_FEATURES ==
		      (UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_REMAP |
		       UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_MISSING_SHMEM |
		       UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_THREAD_ID |
		       UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_WP_HUGETLBFS_SHMEM),
	      "the features both sides agreed on");

static enum hv_code translate(int os)
{
	switch (os) {
	case EAGAIN:
	case EINTR:
		return HV_E_AGAIN;
	case ENOMEM:
		return HV_E_NOMEM;
	case EEXIST:
		return HV_E_EXISTS;
	case ESRCH:
	case ENOSPC: /* what 4.11 to 4.13 said for a process that has exited */
		return HV_E_GONE;
	case ENOENT:
		return HV_E_NOTFOUND;
	case EFAULT: /* our own source pages are always there */
		return HV_E_STATE;
	case EINVAL:
	case ENOTTY:
		return HV_E_INVAL;
	default:
		return HV_E_OS;
	}
}

/* "API:\taa:<features>:<ioctls>", in hexadecimal, since Linux 4.3. */
static enum hv_code read_features(int fd, uint64_t *ret_features, struct hv_err *err)
{
	char path[64];
	char text[512];
	const char *api;
	ssize_t n;
	int info;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return hv_fail_os(err, HV_E_OS, errno, "open %s", path);
	n = read(info, text, sizeof(text) - 1);
	(void)close(info);
	if (n <= 0)
		return hv_fail(err, HV_E_OS, "%s is empty", path);
	text[n] = '\0';
	api = strstr(text, "API:\t");
	if (api == NULL || sscanf(api, "API:\t%*x:%" SCNx64, ret_features) != 1)
		return hv_fail(err, HV_E_INVAL, "the descriptor is not a userfaultfd");
	return HV_OK;
}

enum hv_code hv_uffd_check(int fd, uint64_t features, struct hv_err *err)
{
	static const char kind[] = "anon_inode:[userfaultfd]";
	char path[64];
	char target[64];
	uint64_t has = 0;
	enum hv_code code;
	ssize_t n;
	int flags;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target));
	if (n < 0)
		return hv_fail_os(err, HV_E_INVAL, errno, "descriptor %d", fd);
	if ((size_t)n != strlen(kind) || memcmp(target, kind, (size_t)n) != 0)
		return hv_fail(err, HV_E_INVAL, "the descriptor is not a userfaultfd");
	code = read_features(fd, &has, err);
	if (code != HV_OK)
		return code;
	if ((has & UFFD_FEATURE_INITIALIZED) == 0)
		return hv_fail(err, HV_E_INVAL, "the userfaultfd is not initialised");
	if ((has & features) != features)
		return hv_fail(err, HV_E_INVAL,
			       "the userfaultfd lacks features %#" PRIx64
			       " (has %#" PRIx64 ")",
			       features & ~has, has);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return hv_fail_os(err, HV_E_OS, errno,
				  "make the userfaultfd non-blocking");
	return HV_OK;
}

static struct hv_uffd_event fault_of(const struct uffd_msg *msg)
{
	uint64_t flags = msg->arg.pagefault.flags;
	struct hv_uffd_event event = {
		.kind = HV_UFFD_MISSING,
		.is_write = (flags & UFFD_PAGEFAULT_FLAG_WRITE) != 0,
		.thread = msg->arg.pagefault.feat.ptid,
		.address = msg->arg.pagefault.address & ~(uint64_t)(HV_PAGE_BYTES - 1),
		.bytes = HV_PAGE_BYTES,
	};

	if (flags & UFFD_PAGEFAULT_FLAG_WP)
		event.kind = HV_UFFD_WRITE;
	else if (flags & UFFD_PAGEFAULT_FLAG_MINOR)
		event.kind = HV_UFFD_MINOR;
	return event;
}

static struct hv_uffd_event event_of(const struct uffd_msg *msg)
{
	struct hv_uffd_event event = { .kind = HV_UFFD_OTHER };

	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		return fault_of(msg);
	case UFFD_EVENT_REMOVE:
	case UFFD_EVENT_UNMAP:
		event.kind = msg->event == UFFD_EVENT_REMOVE ? HV_UFFD_REMOVE
							     : HV_UFFD_UNMAP;
		event.address = msg->arg.remove.start;
		event.bytes = msg->arg.remove.end - msg->arg.remove.start;
		return event;
	case UFFD_EVENT_REMAP:
		event.kind = HV_UFFD_REMAP;
		event.address = msg->arg.remap.from;
		event.bytes = msg->arg.remap.len;
		return event;
	default:
		return event;
	}
}

enum hv_code hv_uffd_read(int fd, struct hv_uffd_event *events, unsigned room,
			  unsigned *ret_count)
{
	struct uffd_msg msgs[HV_UFFD_READ_MAX];
	ssize_t n;

	if (room > HV_UFFD_READ_MAX)
		room = HV_UFFD_READ_MAX;
	n = read(fd, msgs, room * sizeof(msgs[0]));
	if (n <= 0)
		return n == 0 ? HV_E_GONE : translate(errno);
	HV_INVARIANT((size_t)n % sizeof(msgs[0]) == 0);
	for (size_t i = 0; i < (size_t)n / sizeof(msgs[0]); i++)
		events[i] = event_of(&msgs[i]);
	*ret_count = (unsigned)((size_t)n / sizeof(msgs[0]));
	return HV_OK;
}

/*
 * What one call did: `moved` bytes, or minus an errno. The kernel stops at the
 * first page it cannot do and reports -1/EAGAIN with a positive count for a part;
 * the next call then names the reason, so a part is always followed by a call.
 */
static enum hv_code advance(int rc, int os, int64_t moved, unsigned *done)
{
	if (moved > 0)
		*done += (unsigned)((uint64_t)moved >> HV_PAGE_SHIFT);
	if (rc == 0 || moved > 0)
		return HV_OK;
	return translate(os);
}

enum hv_code hv_uffd_copy(int fd, uint64_t address, const void *from, unsigned pages,
			  unsigned mode, unsigned *ret_done)
{
	enum hv_code code = HV_OK;

	*ret_done = 0;
	while (code == HV_OK && *ret_done < pages) {
		uint64_t offset = (uint64_t)*ret_done << HV_PAGE_SHIFT;
		struct uffdio_copy arg = {
			.dst = address + offset,
			.src = (uintptr_t)from + offset,
			.len = (uint64_t)(pages - *ret_done) << HV_PAGE_SHIFT,
			.mode = (mode & HV_UFFD_PROTECT ? UFFDIO_COPY_MODE_WP : 0) |
				(mode & HV_UFFD_DONT_WAKE ? UFFDIO_COPY_MODE_DONTWAKE
							  : 0),
		};
		int rc = ioctl(fd, UFFDIO_COPY, &arg);

		code = advance(rc, errno, arg.copy, ret_done);
	}
	return code;
}

enum hv_code hv_uffd_zero(int fd, uint64_t address, unsigned pages, unsigned mode,
			  unsigned *ret_done)
{
	enum hv_code code = HV_OK;

	HV_INVARIANT((mode & HV_UFFD_PROTECT) == 0); /* the kernel has no such mode */
	*ret_done = 0;
	while (code == HV_OK && *ret_done < pages) {
		struct uffdio_zeropage arg = {
			.range = { address + ((uint64_t)*ret_done << HV_PAGE_SHIFT),
				   (uint64_t)(pages - *ret_done) << HV_PAGE_SHIFT },
			.mode = mode & HV_UFFD_DONT_WAKE ? UFFDIO_ZEROPAGE_MODE_DONTWAKE
							 : 0,
		};
		int rc = ioctl(fd, UFFDIO_ZEROPAGE, &arg);

		code = advance(rc, errno, arg.zeropage, ret_done);
	}
	return code;
}

enum hv_code hv_uffd_continue(int fd, uint64_t address, unsigned pages, unsigned mode,
			      unsigned *ret_done)
{
	enum hv_code code = HV_OK;

	*ret_done = 0;
	while (code == HV_OK && *ret_done < pages) {
		struct uffdio_continue arg = {
			.range = { address + ((uint64_t)*ret_done << HV_PAGE_SHIFT),
				   (uint64_t)(pages - *ret_done) << HV_PAGE_SHIFT },
			.mode = (mode & HV_UFFD_PROTECT ? UFFDIO_CONTINUE_MODE_WP : 0) |
				(mode & HV_UFFD_DONT_WAKE ? UFFDIO_CONTINUE_MODE_DONTWAKE
							  : 0),
		};
		int rc = ioctl(fd, UFFDIO_CONTINUE, &arg);

		code = advance(rc, errno, arg.mapped, ret_done);
	}
	return code;
}

/*
 * A page that was punched while it was protected leaves a marker behind, which a page
 * that is put there replaces, but poison takes for a page.
 */
static bool drop_marker(int fd, uint64_t address)
{
	struct uffdio_writeprotect arg = {
		.range = { address, HV_PAGE_BYTES },
		.mode = UFFDIO_WRITEPROTECT_MODE_DONTWAKE,
	};

	return ioctl(fd, UFFDIO_WRITEPROTECT, &arg) == 0;
}

static enum hv_code poison(int fd, uint64_t address, unsigned pages, unsigned *done)
{
	struct uffdio_poison arg = {
		.range = { address, (uint64_t)pages << HV_PAGE_SHIFT },
	};
	int rc = ioctl(fd, UFFDIO_POISON, &arg);

	return advance(rc, errno, arg.updated, done);
}

enum hv_code hv_uffd_poison(int fd, uint64_t address, unsigned pages, unsigned *ret_done)
{
	enum hv_code code = HV_OK;

	*ret_done = 0;
	while (code == HV_OK && *ret_done < pages) {
		uint64_t at = address + ((uint64_t)*ret_done << HV_PAGE_SHIFT);

		code = poison(fd, at, pages - *ret_done, ret_done);
		if (code == HV_E_EXISTS && drop_marker(fd, at))
			code = poison(fd, at, 1, ret_done);
	}
	return code;
}

static enum hv_code set_protection(int fd, uint64_t address, uint64_t pages,
				   uint64_t mode)
{
	struct uffdio_writeprotect arg = { .range = { address, pages << HV_PAGE_SHIFT },
					   .mode = mode };

	return ioctl(fd, UFFDIO_WRITEPROTECT, &arg) == 0 ? HV_OK : translate(errno);
}

enum hv_code hv_uffd_protect(int fd, uint64_t address, uint64_t pages)
{
	return set_protection(fd, address, pages, UFFDIO_WRITEPROTECT_MODE_WP);
}

enum hv_code hv_uffd_unprotect(int fd, uint64_t address, uint64_t pages)
{
	return set_protection(fd, address, pages, 0);
}

enum hv_code hv_uffd_wake(int fd, uint64_t address, uint64_t pages)
{
	struct uffdio_range arg = { address, pages << HV_PAGE_SHIFT };

	return ioctl(fd, UFFDIO_WAKE, &arg) == 0 ? HV_OK : translate(errno);
}
