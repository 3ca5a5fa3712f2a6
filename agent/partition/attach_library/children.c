/* children - see children.h. */
#include "agent/partition/attach_library/children.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/log.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/local.h"

#define FAULTS_MAX 16
#define COPIES_MAX 64 /* pages between two looks at the child's faults */

enum { OF_PARENT, OF_CHILD };

/* The same thread runs all three, as two in the parent and one in the child. */
static _Thread_local int ends[2] = { -1, -1 };

/* In a child: what may not be all there yet. */
static const struct attach_large *lazy_large;

static void close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void *address_of(const struct attach_large *large, uint64_t page)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): pages have numbers */
	return (void *)(large->base + page * HV_PAGE_BYTES);
}

/* ---- before ---- */

/* A child that forks: what it has not touched would be zeros in its own. */
static void finish_lazy(void)
{
	const struct attach_ranges *ranges;
	uint64_t first = 0, count;

	if (lazy_large == NULL)
		return;
	ranges = &lazy_large->ranges;
	while ((count = attach_ranges_next(ranges, first, ranges->pages, &first)) > 0) {
		for (uint64_t page = first; page < first + count; page++)
			(void)*(volatile const char *)address_of(lazy_large, page);
		first += count;
	}
	lazy_large = NULL;
}

void attach_children_prepare(const struct attach_children *children)
{
	finish_lazy();
	if (children->large == NULL)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		ends[OF_PARENT] = ends[OF_CHILD] = -1;
}

/* ---- the child ---- */

static _Noreturn void give_up(const char *what)
{
	log_error("program.no_child", "reason='%s' errno=%d", what, errno);
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

static void map_again(const struct attach_children *children, int flags, int fd)
{
	const struct attach_large *large = children->large;
	void *base = address_of(large, 0);

	/* not by our own name */
	if ((void *)syscall(SYS_mmap, base, large->bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | flags, fd,
			    fd >= 0 ? children->offset : 0) != base)
		give_up("no address for its memory");
}

static int open_userfaultfd(const struct attach_children *children)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register request = {
		.range = { children->large->base, children->large->bytes },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = ioctl(children->device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0 ||
	    ioctl(fd, UFFDIO_REGISTER, &request) != 0)
		give_up("no userfaultfd");
	return fd;
}

static void become_lazy(const struct attach_children *children)
{
	const int pid = (int)getpid();
	int userfaultfd;

	map_again(children, MAP_ANONYMOUS, -1);
	userfaultfd = open_userfaultfd(children);
	if (hv_local_send(ends[OF_CHILD], &pid, sizeof(pid), &userfaultfd, 1, NULL) !=
	    HV_OK)
		give_up("the parent is gone");
	lazy_large = children->large; /* both descriptors stay open until it executes */
}

/* Each page that is used becomes its own: it is written to. */
static void copy_dedicated(const struct attach_children *children)
{
	const struct attach_large *large = children->large;
	uint64_t first = 0, count;

	map_again(children, 0, children->file);
	while ((count = attach_ranges_next(&large->ranges, first, large->ranges.pages,
					   &first)) > 0) {
		for (uint64_t page = first; page < first + count; page++) {
			volatile char *at = address_of(large, page);

			*at = *at;
		}
		first += count;
	}
	close_one(&ends[OF_CHILD]);
}

void attach_children_child(const struct attach_children *children)
{
	if (children->large == NULL)
		return;
	close_one(&ends[OF_PARENT]);
	if (ends[OF_CHILD] < 0)
		give_up("no socket");
	if (children->device >= 0)
		become_lazy(children);
	else
		copy_dedicated(children);
	ends[OF_CHILD] = -1;
}

/* ---- the parent ---- */

struct lazy {
	const struct attach_large *large;
	int end, userfaultfd, pid;
	bool is_over;    /* the child's mapping is gone */
	bool is_copying; /* all that is used, not only what is touched */
	uint64_t next;   /* page to be copied */
};

/* A page that is there already is as good. */
static void copy(struct lazy *lazy, uint64_t page)
{
	char buffer[HV_PAGE_BYTES];
	struct uffdio_copy request = { .dst = (uintptr_t)address_of(lazy->large, page),
				       .src = (uintptr_t)buffer,
				       .len = HV_PAGE_BYTES };

	if (attach_ranges_holds(&lazy->large->ranges, page, 1))
		memcpy(buffer, address_of(lazy->large, page), sizeof(buffer));
	else
		memset(buffer, 0, sizeof(buffer));
	while (ioctl(lazy->userfaultfd, UFFDIO_COPY, &request) != 0) {
		struct uffdio_range range = { request.dst, request.len };

		if (errno == EAGAIN || errno == EINTR)
			continue;
		if (errno == EEXIST) {
			(void)ioctl(lazy->userfaultfd, UFFDIO_WAKE, &range);
			return;
		}
		if (errno != ESRCH) /* it must not find zeros */
			(void)kill(lazy->pid, SIGKILL);
		lazy->is_over = true;
		return;
	}
}

static void serve_faults(struct lazy *lazy)
{
	struct uffd_msg faults[FAULTS_MAX];
	ssize_t n = read(lazy->userfaultfd, faults, sizeof(faults));

	for (ssize_t i = 0; i < n / (ssize_t)sizeof(faults[0]) && !lazy->is_over; i++)
		if (faults[i].event == UFFD_EVENT_PAGEFAULT)
			copy(lazy, (faults[i].arg.pagefault.address - lazy->large->base) /
					   HV_PAGE_BYTES);
}

/* Pages that nobody uses are zeros when it is over, without being copied. */
static void copy_some(struct lazy *lazy)
{
	const struct attach_ranges *ranges = &lazy->large->ranges;

	for (unsigned i = 0; i < COPIES_MAX && !lazy->is_over; i++) {
		if (attach_ranges_next(ranges, lazy->next, ranges->pages, &lazy->next) ==
		    0) {
			lazy->is_over = true;
			return;
		}
		copy(lazy, lazy->next++);
	}
}

/* It has executed another program, has ended, or has closed what it has. */
static bool is_said(const struct lazy *lazy)
{
	struct pollfd at[] = { { .fd = lazy->end, .events = POLLIN },
			       { .fd = lazy->userfaultfd, .events = POLLIN } };

	return poll(at, 2, CHILDREN_LAZY_MS) > 0 && at[0].revents != 0;
}

static void serve(struct lazy *lazy)
{
	const uint64_t until = hv_clock_ms() + CHILDREN_LAZY_MS;
	struct uffdio_range all = { lazy->large->base, lazy->large->bytes };

	while (!lazy->is_over) {
		if (lazy->is_copying)
			copy_some(lazy);
		else if (is_said(lazy) || hv_clock_ms() >= until)
			lazy->is_copying = true;
		if (!lazy->is_over)
			serve_faults(lazy);
	}
	/* who waits is woken, and finds a page of its own */
	(void)ioctl(lazy->userfaultfd, UFFDIO_UNREGISTER, &all);
}

static bool receive(struct lazy *lazy)
{
	struct hv_local_packet packet;

	if (hv_local_receive_packet(lazy->end, &packet, NULL) != HV_OK)
		return false; /* there is no child, or it has gone */
	if (packet.fd_count == 1 && packet.count == sizeof(lazy->pid)) {
		memcpy(&lazy->pid, packet.bytes, sizeof(lazy->pid));
		lazy->userfaultfd = packet.fds[0];
		return true;
	}
	hv_local_close_fds(packet.fds, packet.fd_count);
	return false;
}

static void await_copied(int end)
{
	char byte;

	while (recv(end, &byte, 1, 0) < 0 && errno == EINTR)
		;
}

void attach_children_parent(const struct attach_children *children)
{
	struct lazy lazy = { .large = children->large, .end = ends[OF_PARENT] };
	sigset_t all, before;

	close_one(&ends[OF_CHILD]);
	if (children->large == NULL || lazy.end < 0)
		return;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	if (children->device < 0) {
		await_copied(lazy.end);
	} else if (receive(&lazy)) {
		serve(&lazy);
		(void)close(lazy.userfaultfd);
	}
	close_one(&ends[OF_PARENT]);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}
