/* local - see local.h. */
#include "hvcore/wire/local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif
#define LOCAL_BACKLOG 64 /* arbitrary; a partition or VIOS connects once */
#define LOCAL_FLAGS (SOCK_SEQPACKET | SOCK_CLOEXEC)

static_assert(HV_LOCAL_PATH_BYTES == sizeof(((struct sockaddr_un *)0)->sun_path),
	      "sun_path");

/* Room for one message of HV_LOCAL_FDS descriptors and one of credentials. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * HV_LOCAL_FDS) +
		   CMSG_SPACE(sizeof(struct ucred))];
};

struct hv_local_head hv_local_head(unsigned version, unsigned type, size_t bytes,
				   uint32_t tag)
{
	return (struct hv_local_head){ .magic = HV_LOCAL_MAGIC,
				       .version = (uint16_t)version,
				       .type = (uint16_t)type,
				       .bytes = (uint32_t)bytes,
				       .tag = tag };
}

enum hv_code hv_local_check(const void *packet, size_t bytes, unsigned version,
			    struct hv_err *err)
{
	struct hv_local_head head;

	if (bytes < sizeof(head))
		return hv_fail(err, HV_E_CORRUPT, "packet of %zu bytes has no head",
			       bytes);
	memcpy(&head, packet, sizeof(head));
	if (head.magic != HV_LOCAL_MAGIC)
		return hv_fail(err, HV_E_CORRUPT, "packet with magic 0x%08x is not ours",
			       head.magic);
	if (head.version != version)
		return hv_fail(err, HV_E_VERSION, "packet of version %u, this is %u",
			       head.version, version);
	if (head.bytes != bytes)
		return hv_fail(err, HV_E_CORRUPT, "packet of %zu bytes claims %u", bytes,
			       head.bytes);
	return HV_OK;
}

static enum hv_code fill_address(const char *path, struct sockaddr_un *ret_address,
				 struct hv_err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(address.sun_path))
		return hv_fail(err, HV_E_INVAL,
			       "socket path '%.120s' has %zu bytes, the limit is %zu",
			       path, n, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, n + 1);
	*ret_address = address;
	return HV_OK;
}

static enum hv_code open_socket(int *ret_fd, struct hv_err *err)
{
	int fd = socket(AF_UNIX, LOCAL_FLAGS, 0);

	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "open a unix socket");
	*ret_fd = fd;
	return HV_OK;
}

/* Only a socket on which nobody listens may go: connecting to it says so. */
static enum hv_code remove_stale(const struct sockaddr_un *address, struct hv_err *err)
{
	struct stat status;
	enum hv_code code;
	int fd = -1, why = 0;

	if (lstat(address->sun_path, &status) != 0)
		return HV_OK; /* bind says what is wrong, if anything is */
	if (!S_ISSOCK(status.st_mode))
		return hv_fail(err, HV_E_EXISTS, "'%s' is there and is not a socket",
			       address->sun_path);
	code = open_socket(&fd, err);
	if (code != HV_OK)
		return code;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
	    connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		why = errno;
	(void)close(fd);
	if (why == ECONNREFUSED || why == ENOENT)
		return unlink(address->sun_path) == 0 || errno == ENOENT
			       ? HV_OK
			       : hv_fail_os(err, HV_E_OS, errno,
					    "remove the stale socket '%s'",
					    address->sun_path);
	return hv_fail(err, HV_E_BUSY, "another process listens on '%s'",
		       address->sun_path);
}

enum hv_code hv_local_listen(const char *path, int *ret_fd, struct hv_err *err)
{
	struct sockaddr_un address;
	enum hv_code code;
	int fd = -1, on = 1;

	code = fill_address(path, &address, err);
	if (code != HV_OK)
		return code;
	code = remove_stale(&address, err);
	if (code != HV_OK)
		return code;
	code = open_socket(&fd, err);
	if (code != HV_OK)
		return code;
	/* The mode of the socket's own inode is what bind gives the file: no gap. */
	if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, LOCAL_BACKLOG) != 0) {
		code = hv_fail_os(err, HV_E_OS, errno, "listen on '%s'", path);
		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return HV_OK;
}

enum hv_code hv_local_accept(int listener, int *ret_fd, struct hv_err *err)
{
	int fd;

	do
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		return errno == EAGAIN
			       ? hv_fail(err, HV_E_AGAIN, "no connection waits")
			       : hv_fail_os(err, HV_E_OS, errno, "accept a connection");
	*ret_fd = fd; /* SO_PASSCRED comes from the listener */
	return HV_OK;
}

static enum hv_code connect_to(const char *path, bool may_wait, int *ret_fd,
			       struct hv_err *err)
{
	struct sockaddr_un address;
	enum hv_code code;
	int fd = -1, rv;

	code = fill_address(path, &address, err);
	if (code != HV_OK)
		return code;
	code = open_socket(&fd, err);
	if (code == HV_OK && !may_wait)
		code = hv_local_set_nonblocking(fd, err);
	if (code != HV_OK) {
		if (fd >= 0)
			(void)close(fd);
		return code;
	}
	do
		rv = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	while (rv != 0 && errno == EINTR);
	if (rv != 0) {
		code = errno == ECONNREFUSED || errno == ENOENT ? HV_E_GONE
		       : errno == EAGAIN                        ? HV_E_AGAIN
								: HV_E_OS;
		code = hv_fail_os(err, code, errno, "connect to '%s'", path);
		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return HV_OK;
}

enum hv_code hv_local_connect(const char *path, int *ret_fd, struct hv_err *err)
{
	return connect_to(path, true, ret_fd, err);
}

enum hv_code hv_local_connect_now(const char *path, int *ret_fd, struct hv_err *err)
{
	return connect_to(path, false, ret_fd, err);
}

enum hv_code hv_local_set_nonblocking(int fd, struct hv_err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "make socket %d non-blocking", fd);
	return HV_OK;
}

void hv_local_close_fds(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		(void)close(fds[i]);
}

static enum hv_code translate(int os, const char *doing, struct hv_err *err)
{
	switch (os) {
	case EAGAIN:
		return hv_fail(err, HV_E_AGAIN, "%s: not now", doing);
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
		return hv_fail(err, HV_E_GONE, "%s: the peer hung up", doing);
	default:
		return hv_fail_os(err, HV_E_OS, os, "%s", doing);
	}
}

enum hv_code hv_local_send(int fd, const void *packet, size_t bytes, const int *fds,
			   unsigned fd_count, struct hv_err *err)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)packet, .iov_len = bytes };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control = { 0 };
	struct cmsghdr *c;
	ssize_t n;

	if (bytes == 0 || bytes > HV_LOCAL_BYTES || fd_count > HV_LOCAL_FDS)
		return hv_fail(err, HV_E_LIMIT,
			       "packet of %zu bytes and %u descriptors is over the limit",
			       bytes, fd_count);
	if (fd_count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? translate(errno, "send a packet", err) : HV_OK;
}

/* False where there are too many: then the surplus is closed already. */
static bool take_fds(struct hv_local_packet *packet, const unsigned char *data, size_t n)
{
	bool fits = true;
	int fd;

	for (size_t at = 0; at + sizeof(fd) <= n; at += sizeof(fd)) {
		memcpy(&fd, data + at, sizeof(fd));
		if (packet->fd_count < HV_LOCAL_FDS) {
			packet->fds[packet->fd_count++] = fd;
			continue;
		}
		(void)close(fd);
		fits = false;
	}
	return fits;
}

static bool take_control(struct msghdr *message, struct hv_local_packet *packet)
{
	bool fits = (message->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
	struct ucred who;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
	     c = CMSG_NXTHDR(message, c)) {
		size_t n = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			fits = take_fds(packet, CMSG_DATA(c), n) && fits;
		} else if (c->cmsg_type == SCM_CREDENTIALS && n >= sizeof(who)) {
			memcpy(&who, CMSG_DATA(c), sizeof(who));
			packet->sender_pid = who.pid;
			packet->sender_uid = who.uid;
		}
	}
	return fits;
}

/* Fills everything but the bytes, which go to `to`. */
static enum hv_code receive(int fd, void *to, size_t room, struct hv_local_packet *packet,
			    struct hv_err *err)
{
	struct iovec part = { .iov_base = to, .iov_len = room };
	union control control;
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	bool fits;
	ssize_t n;

	packet->fd_count = 0;
	packet->sender_pid = 0;
	packet->sender_uid = 0;
	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return translate(errno, "receive a packet", err);
	fits = take_control(&message, packet);
	packet->count = (size_t)n;
	if (n > 0 && fits)
		return HV_OK;
	hv_local_close_fds(packet->fds, packet->fd_count);
	packet->fd_count = 0;
	if (n == 0)
		return hv_fail(err, HV_E_GONE, "receive a packet: the peer hung up");
	return hv_fail(err, HV_E_CORRUPT, "packet over %zu bytes or %d descriptors", room,
		       HV_LOCAL_FDS);
}

enum hv_code hv_local_receive_packet(int fd, struct hv_local_packet *ret_packet,
				     struct hv_err *err)
{
	return receive(fd, ret_packet->bytes, sizeof(ret_packet->bytes), ret_packet, err);
}

enum hv_code hv_local_receive(int fd, void *packet, size_t room, size_t *ret_bytes,
			      int *fds, unsigned *ret_fd_count, struct hv_err *err)
{
	struct hv_local_packet got;
	enum hv_code code = receive(fd, packet, room, &got, err);

	if (code != HV_OK)
		return code;
	if (fds == NULL && got.fd_count > 0) {
		hv_local_close_fds(got.fds, got.fd_count);
		return hv_fail(err, HV_E_CORRUPT, "packet with %u descriptors, not 0",
			       got.fd_count);
	}
	*ret_bytes = got.count;
	if (fds != NULL) {
		memcpy(fds, got.fds, sizeof(int) * got.fd_count);
		*ret_fd_count = got.fd_count;
	}
	return HV_OK;
}

/* Before Linux 6.5: the process is alive as long as its end is open. */
static enum hv_code open_pidfd(int fd, int pid, int *ret_pidfd, struct hv_err *err)
{
	struct pollfd hangup = { .fd = fd };
	socklen_t size = sizeof(int);
	int pidfd = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0) {
		*ret_pidfd = pidfd;
		return HV_OK;
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return hv_fail_os(err, errno == ESRCH ? HV_E_GONE : HV_E_OS, errno,
				  "open a pidfd of process %d", pid);
	if (poll(&hangup, 1, 0) != 0) {
		(void)close(pidfd);
		return hv_fail(err, HV_E_GONE, "process %d hung up", pid);
	}
	*ret_pidfd = pidfd;
	return HV_OK;
}

enum hv_code hv_local_peer(int fd, struct hv_peer *ret_peer, struct hv_err *err)
{
	struct ucred who;
	socklen_t size = sizeof(who);
	enum hv_code code;
	int pidfd = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "ask who is at socket %d", fd);
	code = open_pidfd(fd, who.pid, &pidfd, err);
	if (code != HV_OK)
		return code;
	*ret_peer = (struct hv_peer){ .pid = who.pid, .uid = who.uid, .pidfd = pidfd };
	return HV_OK;
}
