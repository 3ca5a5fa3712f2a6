/* attach - see attach.h. */
#include "agent/partition/attach.h"

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
#include "hvcore/base/invariant.h"

static_assert(HV_ATTACH_UFFD_FEATURES ==
		      (UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_REMAP |
		       UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_MISSING_SHMEM |
		       UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_MINOR_SHMEM |
		       UFFD_FEATURE_WP_HUGETLBFS_SHMEM),
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

/* The answer of a type, with the descriptors it must carry, which become ours. */
static enum hv_code receive(const struct partition_attach_config *config, unsigned type,
			    unsigned fds, struct hv_local_packet *ret_packet,
			    struct hv_err *err)
{
	enum hv_code code = await(config->socket, config->timeout_ms, err);

	if (code != HV_OK)
		return code;
	code = hv_local_receive_packet(config->socket, ret_packet, err);
	if (code != HV_OK)
		return code;
	code = check_answer(ret_packet, type, fds, err);
	if (code != HV_OK)
		hv_local_close_fds(ret_packet->fds, ret_packet->fd_count);
	return code;
}

static enum hv_code say_hello(const struct partition_attach_config *config,
			      struct hv_err *err)
{
	struct hv_attach_hello hello = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_HELLO, sizeof hello,
				      0),
		.run_id = config->run_id,
	};

	if (!hv_name_is_valid(config->name))
		return hv_fail(err, HV_E_INVAL, "'%.64s' is not a name", config->name);
	memcpy(hello.name, config->name, strlen(config->name));
	memcpy(hello.token, config->token, sizeof hello.token);
	return hv_local_send(config->socket, &hello, sizeof hello, NULL, 0, err);
}

static enum hv_code map_file(int file, const struct hv_attach_welcome *welcome,
			     uint8_t **ret_base, struct hv_err *err)
{
	struct stat status;
	void *base;

	if (fstat(file, &status) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "look at the memory file");
	if (welcome->bytes > SIZE_MAX || status.st_size < 0 ||
	    (uint64_t)status.st_size < welcome->offset + welcome->usable_bytes)
		return hv_fail(err, HV_E_CORRUPT,
			       "memory file of %lld bytes is shorter than its partition",
			       (long long)status.st_size);
	base = mmap(NULL, welcome->bytes, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, file, (off_t)welcome->offset);
	if (base == MAP_FAILED)
		return hv_fail_os(err, HV_E_NOMEM, errno, "map %llu bytes",
				  (unsigned long long)welcome->bytes);
	/* P7: a child must not reach the memory without its userfaultfd. */
	if (madvise(base, welcome->bytes, MADV_DONTFORK) != 0 ||
	    madvise(base, welcome->bytes, MADV_DONTDUMP) != 0) {
		enum hv_code code = hv_fail_os(err, HV_E_OS, errno, "madvise");

		(void)munmap(base, welcome->bytes);
		return code;
	}
	*ret_base = base;
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

static enum hv_code register_memory(int userfaultfd, uint8_t *base, uint64_t bytes,
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

/* Maps and registers what WELCOME offers; all of it or nothing. */
static enum hv_code take_memory(const struct partition_attach_config *config,
				const struct hv_attach_welcome *welcome, int file,
				struct partition_attachment *attachment,
				struct hv_err *err)
{
	uint8_t *base = NULL;
	int userfaultfd = -1;
	enum hv_code code = map_file(file, welcome, &base, err);

	if (code != HV_OK)
		return code;
	if (welcome->mode == HV_MODE_SHARED) {
		code = open_userfaultfd(config->uffd_device, &userfaultfd, err);
		if (code != HV_OK)
			goto undo_map;
		code = register_memory(userfaultfd, base, welcome->bytes, err);
		if (code != HV_OK)
			goto undo_userfaultfd;
	}
	*attachment = (struct partition_attachment){
		.socket = config->socket,
		.userfaultfd = userfaultfd,
		.base = base,
		.bytes = welcome->bytes,
		.usable_bytes = welcome->usable_bytes,
		.mode = (enum hv_attach_mode)welcome->mode,
		.home_cpu = welcome->home_cpu,
	};
	return HV_OK;

undo_userfaultfd:
	(void)close(userfaultfd);
undo_map:
	(void)munmap(base, welcome->bytes);
	return code;
}

static enum hv_code hand_over(const struct partition_attachment *attachment,
			      uint64_t offset, struct hv_err *err)
{
	struct hv_attach_region region = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_REGION, sizeof region,
				      0),
		.address = (uintptr_t)attachment->base,
		.bytes = attachment->bytes,
		.offset = offset,
	};

	return hv_local_send(attachment->socket, &region, sizeof region,
			     &attachment->userfaultfd, attachment->userfaultfd >= 0, err);
}

static enum hv_code ask_for_calls(const struct partition_attach_config *config,
				  struct partition_attachment *attachment,
				  struct hv_err *err)
{
	struct hv_attach_calls ask = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_CALLS, sizeof ask, 0),
	};
	struct hv_attach_calls_open answer;
	struct hv_local_packet packet;
	enum hv_code code;

	if (!config->wants_calls)
		return HV_OK;
	code = hv_local_send(config->socket, &ask, sizeof ask, NULL, 0, err);
	if (code == HV_OK)
		code = receive(config, HV_ATTACH_CALLS_OPEN, 2, &packet, err);
	if (code != HV_OK)
		return code;
	memcpy(&answer, packet.bytes, sizeof answer);
	return partition_calls_open(packet.fds[0], packet.fds[1], answer.hpt_bytes,
				    &attachment->calls, err);
}

static void release_memory(struct partition_attachment *attachment)
{
	if (attachment->base != NULL)
		(void)munmap(attachment->base, attachment->bytes);
	if (attachment->userfaultfd >= 0)
		(void)close(attachment->userfaultfd);
	partition_calls_close(attachment->calls);
	attachment->calls = NULL;
	attachment->base = NULL;
	attachment->userfaultfd = -1;
}

static enum hv_code converse(const struct partition_attach_config *config,
			     struct partition_attachment *attachment, struct hv_err *err)
{
	struct hv_attach_welcome welcome;
	struct hv_local_packet packet;
	enum hv_code code = say_hello(config, err);

	if (code != HV_OK)
		return code;
	code = receive(config, HV_ATTACH_WELCOME, 1, &packet, err);
	if (code != HV_OK)
		return code;
	memcpy(&welcome, packet.bytes, sizeof welcome);
	code = take_memory(config, &welcome, packet.fds[0], attachment, err);
	(void)close(packet.fds[0]); /* the mapping is the only way in that stays */
	if (code != HV_OK)
		return code;
	code = ask_for_calls(config, attachment, err);
	if (code == HV_OK)
		code = hand_over(attachment, welcome.offset, err);
	if (code == HV_OK)
		code = receive(config, HV_ATTACH_GO, 0, &packet, err);
	if (code != HV_OK)
		release_memory(attachment); /* untouched: nothing can be stolen yet */
	return code;
}

enum hv_code partition_attach_open(const struct partition_attach_config *config,
				   struct partition_attachment *ret_attachment,
				   struct hv_err *err)
{
	struct partition_attachment attachment;
	enum hv_code code = converse(config, &attachment, err);

	if (code != HV_OK) {
		(void)close(config->socket);
		return code;
	}
	*ret_attachment = attachment;
	return HV_OK;
}

void partition_attach_close(struct partition_attachment *attachment)
{
	release_memory(attachment);
	(void)close(attachment->socket);
	attachment->socket = -1;
}
