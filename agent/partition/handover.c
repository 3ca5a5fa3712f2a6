/* handover - see handover.h. */
#include "agent/partition/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hvcore/base/clock.h"

static_assert(HV_ATTACH_UFFD_FEATURES ==
		      (UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_REMAP |
		       UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_MISSING_SHMEM |
		       UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_THREAD_ID |
		       UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_WP_HUGETLBFS_SHMEM),
	      "features of hvcore/wire/attach.h");

#define REGISTER_MODES \
	(UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP | \
	 UFFDIO_REGISTER_MODE_MINOR)
#define REGISTER_IOCTLS \
	(UINT64_C(1) << _UFFDIO_WAKE | UINT64_C(1) << _UFFDIO_COPY | \
	 UINT64_C(1) << _UFFDIO_ZEROPAGE | UINT64_C(1) << _UFFDIO_WRITEPROTECT | \
	 UINT64_C(1) << _UFFDIO_CONTINUE)

/* Waits until the socket is readable. */
static enum hv_code await(int socket, unsigned timeout_ms, struct hv_err *err)
{
	uint64_t until = hv_clock_ms() + timeout_ms;
	struct pollfd poll_socket = { .fd = socket, .events = POLLIN };
	uint64_t now;
	int ready;

	do {
		now = hv_clock_ms();
		ready = poll(&poll_socket, 1, now < until ? (int)(until - now) : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return hv_fail_os(err, HV_E_OS, errno, "wait for the hypervisor");
	if (ready == 0)
		return hv_fail(err, HV_E_TIMEOUT,
			       "no answer from the hypervisor in %u ms", timeout_ms);
	return HV_OK;
}

/* Passes a refusal on as our own failure. */
static enum hv_code check_answer(const struct hv_local_packet *packet, unsigned type,
				 unsigned fds, struct hv_err *err)
{
	struct hv_attach_refused refused;
	enum hv_code code = hv_attach_check(packet->bytes, packet->count, err);
	struct hv_local_head head;

	if (code != HV_OK)
		return code;
	memcpy(&head, packet->bytes, sizeof head);
	if (head.type == HV_ATTACH_REFUSED) {
		memcpy(&refused, packet->bytes, sizeof refused);
		return hv_fail(err, (enum hv_code)refused.code, "refused: %s",
			       refused.text);
	}
	if (head.type != type)
		return hv_fail(err, HV_E_CORRUPT, "packet of type %u, not %u", head.type,
			       type);
	if (packet->fd_count != fds)
		return hv_fail(err, HV_E_CORRUPT, "packet with %u descriptors, not %u",
			       packet->fd_count, fds);
	return HV_OK;
}

enum hv_code partition_handover_receive(const struct partition_peer *peer, unsigned type,
					unsigned fds, struct hv_local_packet *ret_packet,
					struct hv_err *err)
{
	enum hv_code code = await(peer->socket, peer->timeout_ms, err);

	if (code != HV_OK)
		return code;
	code = hv_local_receive_packet(peer->socket, ret_packet, err);
	if (code != HV_OK)
		return code;
	code = check_answer(ret_packet, type, fds, err);
	if (code != HV_OK)
		hv_local_close_fds(ret_packet->fds, ret_packet->fd_count);
	return code;
}

static enum hv_code say_hello(const struct partition_peer *peer, const char *name,
			      uint64_t run_id, const uint8_t token[HV_TOKEN_BYTES],
			      struct hv_err *err)
{
	struct hv_attach_hello hello = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_HELLO, sizeof hello,
				      0),
		.run_id = run_id,
	};

	if (!hv_name_is_valid(name))
		return hv_fail(err, HV_E_INVAL, "'%.64s' is not a name", name);
	memcpy(hello.name, name, strlen(name));
	memcpy(hello.token, token, sizeof hello.token);
	return hv_local_send(peer->socket, &hello, sizeof hello, NULL, 0, err);
}

enum hv_code partition_handover_hello(const struct partition_peer *peer, const char *name,
				      uint64_t run_id,
				      const uint8_t token[HV_TOKEN_BYTES],
				      struct hv_attach_welcome *ret_welcome,
				      int *ret_file, struct hv_err *err)
{
	enum hv_code code = say_hello(peer, name, run_id, token, err);
	struct hv_local_packet packet;

	if (code == HV_OK)
		code = partition_handover_receive(peer, HV_ATTACH_WELCOME, 1, &packet,
						  err);
	if (code != HV_OK)
		return code;
	memcpy(ret_welcome, packet.bytes, sizeof *ret_welcome);
	*ret_file = packet.fds[0];
	return HV_OK;
}

enum hv_code partition_handover_check_file(int file,
					   const struct hv_attach_welcome *welcome,
					   struct hv_err *err)
{
	struct stat status;

	if (fstat(file, &status) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "look at the memory file");
	if (welcome->bytes > SIZE_MAX || status.st_size < 0 ||
	    (uint64_t)status.st_size < welcome->offset + welcome->usable_bytes)
		return hv_fail(err, HV_E_CORRUPT,
			       "memory file of %lld bytes is shorter than its partition",
			       (long long)status.st_size);
	return HV_OK;
}

enum hv_code partition_handover_protect(void *base, uint64_t bytes, struct hv_err *err)
{
	/* P7: a child must not reach the memory without its userfaultfd. */
	if (madvise(base, bytes, MADV_DONTFORK) != 0 ||
	    madvise(base, bytes, MADV_DONTDUMP) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "madvise");
	return HV_OK;
}

static enum hv_code open_userfaultfd(int device, int *ret_fd, struct hv_err *err)
{
	struct uffdio_api api = { .api = UFFD_API, .features = HV_ATTACH_UFFD_FEATURES };
	enum hv_code code;
	int fd;

	if (device < 0)
		return hv_fail(err, HV_E_INVAL,
			       "shared memory needs an open /dev/userfaultfd");
	/* Without UFFD_USER_MODE_ONLY: the kernel's own accesses fault as well. */
	fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "make a userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) != 0) {
		code = hv_fail_os(err, HV_E_OS, errno,
				  "this kernel's userfaultfd lacks a feature of 0x%llx",
				  (unsigned long long)HV_ATTACH_UFFD_FEATURES);
		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return HV_OK;
}

static enum hv_code register_memory(int userfaultfd, void *base, uint64_t bytes,
				    struct hv_err *err)
{
	struct uffdio_register request = {
		.range = { .start = (uintptr_t)base, .len = bytes },
		.mode = REGISTER_MODES,
	};

	if (ioctl(userfaultfd, UFFDIO_REGISTER, &request) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "register %llu bytes",
				  (unsigned long long)bytes);
	if ((request.ioctls & REGISTER_IOCTLS) != REGISTER_IOCTLS)
		return hv_fail(err, HV_E_OS,
			       "this kernel's userfaultfd cannot serve "
			       "shared memory (operations 0x%llx)",
			       (unsigned long long)request.ioctls);
	return HV_OK;
}

enum hv_code partition_handover_register(int device, void *base, uint64_t bytes,
					 int *ret_userfaultfd, struct hv_err *err)
{
	int userfaultfd;
	enum hv_code code = open_userfaultfd(device, &userfaultfd, err);

	if (code != HV_OK)
		return code;
	code = register_memory(userfaultfd, base, bytes, err);
	if (code != HV_OK) {
		(void)close(userfaultfd);
		return code;
	}
	*ret_userfaultfd = userfaultfd;
	return HV_OK;
}

enum hv_code partition_handover_region(const struct partition_peer *peer, void *base,
				       uint64_t bytes, uint64_t offset, int userfaultfd,
				       struct hv_err *err)
{
	struct hv_attach_region region = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_REGION, sizeof region,
				      0),
		.address = (uintptr_t)base,
		.bytes = bytes,
		.offset = offset,
	};
	struct hv_local_packet packet;
	enum hv_code code = hv_local_send(peer->socket, &region, sizeof region,
					  &userfaultfd, userfaultfd >= 0, err);

	if (code == HV_OK)
		code = partition_handover_receive(peer, HV_ATTACH_GO, 0, &packet, err);
	return code;
}
