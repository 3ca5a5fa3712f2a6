/* The window of an incarnation: made, handed over, and what is refused. */
#include "hvcore/vasi/window.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static struct hv_session_welcome welcome_for(const struct hv_window *window)
{
	return (struct hv_session_welcome){
		.epoch = 1,
		.window_bytes = window->bytes,
		.lanes = window->lanes,
		.heartbeat_ms = 50,
	};
}

/* What SCM_RIGHTS would have made of them. */
static unsigned copy_fds(const struct hv_window *window, int *fds)
{
	unsigned n = hv_window_fds(window, fds);

	for (unsigned i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		assert_true(fds[i] >= 0);
	}
	return n;
}

static void both_sides_see_one_memory(void **state)
{
	int fds[HV_LOCAL_FDS];
	struct hv_window ours, theirs;

	(void)state;
	assert_int_equal(hv_window_create(HV_LANES_MAX, &ours, NULL), HV_OK);

	struct hv_session_welcome welcome = welcome_for(&ours);
	unsigned n = copy_fds(&ours, fds);

	assert_int_equal(n, 1 + 2 * HV_LANES_MAX);
	assert_int_equal(hv_window_adopt(&welcome, fds, n, &theirs, NULL), HV_OK);
	assert_ptr_not_equal(ours.base, theirs.base);
	for (unsigned lane = 0; lane < HV_LANES_MAX; lane++) {
		memset(hv_window_buffer(&ours, lane, 319), (int)lane + 1, HV_PAGE_BYTES);
		assert_int_equal(hv_window_buffer(&theirs, lane, 319)[4095], lane + 1);
		atomic_store(&hv_window_lane(&theirs, lane)->heartbeat, lane + 5);
		assert_int_equal(hv_window_lane_heartbeat(&ours, lane), lane + 5);
	}
	hv_window_close(&ours);
	memset(theirs.base, 1, theirs.bytes); /* lives on in the other side */
	hv_window_close(&theirs);
	hv_window_close(&theirs);
}

static void a_window_cannot_shrink_or_grow(void **state)
{
	struct hv_window window;

	(void)state;
	assert_int_equal(hv_window_create(1, &window, NULL), HV_OK);
	assert_int_equal(ftruncate(window.fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(window.fd, (off_t)window.bytes * 2), -1);
	assert_int_equal(fcntl(window.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	hv_window_close(&window);
}

enum spoil {
	SPOIL_COUNT_OF_FDS,
	SPOIL_LANES,
	SPOIL_BYTES,
	SPOIL_UNSEALED,
	SPOIL_NO_MEMFD,
	SPOIL_SMALL,
	SPOIL_PIPE_BELL,
	SPOIL_BLOCKING_BELL,
	SPOIL_END
};

static int unsealed(size_t bytes, unsigned seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static int replace(int old, int new)
{
	(void)close(old);
	return new;
}

static void spoil(enum spoil how, struct hv_session_welcome *welcome, int *fds,
		  unsigned *n)
{
	int ends[2];

	switch (how) {
	case SPOIL_COUNT_OF_FDS:
		(void)close(fds[--*n]);
		return;
	case SPOIL_LANES:
		welcome->lanes = HV_LANES_MAX + 1;
		return;
	case SPOIL_BYTES:
		welcome->window_bytes += HV_PAGE_BYTES;
		return;
	case SPOIL_UNSEALED:
		fds[0] = replace(fds[0], unsealed(welcome->window_bytes, F_SEAL_GROW));
		return;
	case SPOIL_NO_MEMFD:
		fds[0] = replace(fds[0], open("/dev/null", O_RDWR | O_CLOEXEC));
		return;
	case SPOIL_SMALL:
		fds[0] = replace(fds[0],
				 unsealed(welcome->window_bytes - HV_PAGE_BYTES,
					  F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL));
		return;
	case SPOIL_PIPE_BELL:
		assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
		(void)close(ends[0]);
		fds[1] = replace(fds[1], ends[1]);
		return;
	case SPOIL_BLOCKING_BELL:
		fds[2] = replace(fds[2], eventfd(0, EFD_CLOEXEC));
		return;
	case SPOIL_END:
		break;
	}
	fail();
}

static void a_bad_window_is_refused_and_closed(void **state)
{
	int lowest = dup(STDOUT_FILENO);

	(void)state;
	(void)close(lowest);
	for (enum spoil how = 0; how < SPOIL_END; how++) {
		int fds[HV_LOCAL_FDS];
		struct hv_window ours, theirs;
		struct hv_err err;

		assert_int_equal(hv_window_create(2, &ours, NULL), HV_OK);

		struct hv_session_welcome welcome = welcome_for(&ours);
		unsigned n = copy_fds(&ours, fds);

		spoil(how, &welcome, fds, &n);
		assert_int_equal(hv_window_adopt(&welcome, fds, n, &theirs, &err),
				 HV_E_CORRUPT);
		assert_null(theirs.base);
		hv_window_close(&theirs);
		hv_window_close(&ours);

		int next = dup(STDOUT_FILENO);

		assert_int_equal(next, lowest); /* every descriptor was closed */
		(void)close(next);
	}
}

static void no_descriptors_left_fails_and_leaves_nothing(void **state)
{
	struct rlimit old, low;
	struct hv_window window;
	struct hv_err err;
	int lowest;

	(void)state;
	/* What was inherited may lie in between. */
	assert_int_equal(close_range(STDERR_FILENO + 1, ~0U, 0), 0);
	lowest = dup(STDOUT_FILENO);
	(void)close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	for (unsigned allowed = 0; allowed <= 4; allowed++) {
		low = old;
		low.rlim_cur = (rlim_t)lowest + allowed;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		assert_int_equal(hv_window_create(2, &window, &err), HV_E_OS);
		assert_int_equal(err.os, EMFILE);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	}
	low = old;
	low.rlim_cur = (rlim_t)lowest + 5;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(hv_window_create(2, &window, &err), HV_OK);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	hv_window_close(&window);
}

static void no_memory_fails_and_leaves_nothing(void **state)
{
	struct rlimit old, low;
	struct hv_window window;
	struct hv_err err;

	(void)state;
	/* A file may not be made larger than this, so sizing the window fails. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = old;
	low.rlim_cur = HV_PAGE_BYTES;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_int_equal(hv_window_create(1, &window, &err), HV_E_NOMEM);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(window.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_see_one_memory),
		cmocka_unit_test(a_window_cannot_shrink_or_grow),
		cmocka_unit_test(a_bad_window_is_refused_and_closed),
		cmocka_unit_test(no_descriptors_left_fails_and_leaves_nothing),
		cmocka_unit_test(no_memory_fails_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
