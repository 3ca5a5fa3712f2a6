/* window - see window.h. */
#include "hvcore/vasi/window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

/* A peer that could shrink the file would turn our next access into SIGBUS. */
#define WINDOW_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define LANE_FDS 2 /* request doorbell, completion doorbell */

static_assert(1 + LANE_FDS * HV_LANES_MAX <= HV_LOCAL_FDS, "WELCOME carries all");

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void hv_window_init(struct hv_window *window)
{
	*window = (struct hv_window){ .fd = -1 };
	for (unsigned i = 0; i < HV_LANES_MAX; i++) {
		window->request_doorbell[i] = -1;
		window->completion_doorbell[i] = -1;
	}
}

void hv_window_close(struct hv_window *window)
{
	if (window->base != NULL)
		(void)munmap(window->base, window->bytes);
	close_fd(&window->fd);
	for (unsigned i = 0; i < HV_LANES_MAX; i++) {
		close_fd(&window->request_doorbell[i]);
		close_fd(&window->completion_doorbell[i]);
	}
	hv_window_init(window);
}

static enum hv_code map_window(struct hv_window *window, struct hv_err *err)
{
	void *at = mmap(NULL, window->bytes, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_POPULATE, window->fd, 0);

	if (at == MAP_FAILED)
		return hv_fail_os(err, HV_E_NOMEM, errno, "map a window of %zu bytes",
				  window->bytes);
	window->base = at;
	return HV_OK;
}

static enum hv_code make_file(struct hv_window *window, struct hv_err *err)
{
	int fd = memfd_create("tarn-vasi-window", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "make the window's memfd");
	window->fd = fd;
	if (ftruncate(fd, (off_t)window->bytes) != 0)
		return hv_fail_os(err, HV_E_NOMEM, errno, "size a window of %zu bytes",
				  window->bytes);
	if (fcntl(fd, F_ADD_SEALS, WINDOW_SEALS) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "seal the window");
	return map_window(window, err);
}

static enum hv_code make_doorbell(int *ret_fd, struct hv_err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "make a doorbell");
	*ret_fd = fd;
	return HV_OK;
}

enum hv_code hv_window_create(unsigned lanes, struct hv_window *window,
			      struct hv_err *err)
{
	enum hv_code code;

	HV_INVARIANT(lanes >= 1);
	HV_INVARIANT(lanes <= HV_LANES_MAX);
	hv_window_init(window);
	window->lanes = lanes;
	window->bytes = hv_window_bytes(lanes);
	code = make_file(window, err);
	for (unsigned i = 0; i < lanes && code == HV_OK; i++) {
		code = make_doorbell(&window->request_doorbell[i], err);
		if (code == HV_OK)
			code = make_doorbell(&window->completion_doorbell[i], err);
	}
	if (code != HV_OK)
		hv_window_close(window);
	return code;
}

unsigned hv_window_fds(const struct hv_window *window, int *fds)
{
	unsigned n = 0;

	fds[n++] = window->fd;
	for (unsigned i = 0; i < window->lanes; i++) {
		fds[n++] = window->request_doorbell[i];
		fds[n++] = window->completion_doorbell[i];
	}
	return n;
}

static enum hv_code check_file(const struct hv_window *window, struct hv_err *err)
{
	struct stat st;
	int seals = fcntl(window->fd, F_GET_SEALS);

	if (seals < 0 || (seals & WINDOW_SEALS) != WINDOW_SEALS)
		return hv_fail(err, HV_E_CORRUPT, "the window is not a sealed memfd");
	if (fstat(window->fd, &st) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "look at the window");
	if ((uint64_t)st.st_size != window->bytes)
		return hv_fail(err, HV_E_CORRUPT, "the window has %lld bytes, not %zu",
			       (long long)st.st_size, window->bytes);
	return HV_OK;
}

/* Not an eventfd, or a blocking one: a ring of the bell could stop us for ever. */
static enum hv_code check_doorbell(int fd, struct hv_err *err)
{
	char path[64];
	char target[64];
	ssize_t n;
	int flags = fcntl(fd, F_GETFL);

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return hv_fail_os(err, HV_E_OS, errno, "look at doorbell %d", fd);
	target[n] = '\0';
	if (strcmp(target, "anon_inode:[eventfd]") != 0)
		return hv_fail(err, HV_E_CORRUPT, "a doorbell is not an eventfd but %s",
			       target);
	if (flags < 0 || (flags & O_NONBLOCK) == 0)
		return hv_fail(err, HV_E_CORRUPT, "a doorbell is an eventfd that blocks");
	return HV_OK;
}

static enum hv_code check_adopted(struct hv_window *window, struct hv_err *err)
{
	enum hv_code code = check_file(window, err);

	for (unsigned i = 0; i < window->lanes && code == HV_OK; i++) {
		code = check_doorbell(window->request_doorbell[i], err);
		if (code == HV_OK)
			code = check_doorbell(window->completion_doorbell[i], err);
	}
	if (code != HV_OK)
		return code;
	return map_window(window, err);
}

enum hv_code hv_window_adopt(const struct hv_session_welcome *welcome, int *fds,
			     unsigned fd_count, struct hv_window *window,
			     struct hv_err *err)
{
	enum hv_code code;
	unsigned lanes = welcome->lanes;

	hv_window_init(window);
	if (lanes < 1 || lanes > HV_LANES_MAX || fd_count != 1 + LANE_FDS * lanes ||
	    welcome->window_bytes != hv_window_bytes(lanes)) {
		for (unsigned i = 0; i < fd_count; i++)
			close_fd(&fds[i]);
		return hv_fail(err, HV_E_CORRUPT,
			       "WELCOME of %u lanes, %u descriptors and %llu bytes",
			       lanes, fd_count,
			       (unsigned long long)welcome->window_bytes);
	}
	window->lanes = lanes;
	window->bytes = welcome->window_bytes;
	window->fd = fds[0];
	for (unsigned i = 0; i < lanes; i++) {
		window->request_doorbell[i] = fds[1 + LANE_FDS * i];
		window->completion_doorbell[i] = fds[2 + LANE_FDS * i];
	}
	for (unsigned i = 0; i < fd_count; i++)
		fds[i] = -1;
	code = check_adopted(window, err);
	if (code != HV_OK)
		hv_window_close(window);
	return code;
}
