/* fake_vios - see fake_vios.h. Everything below fake_main runs in the child. */
#include "tests/support/fake_vios.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/vasi/server.h"
#include "hvcore/wire/pgdev.h"
#include "tests/support/wait.h"

struct device {
	bool is_open;
	int fd;
};

struct held {
	unsigned lane;
	struct hv_request request;
};

struct fake {
	struct fake_orders *orders;
	struct fake_store *store;
	int socket;
	struct hv_window window;
	struct hv_vasi_server lanes[HV_LANES_MAX];
	struct device devices[FAKE_DEVICES];
	struct held held[FAKE_HELD_MAX];
	unsigned held_count;
	struct hv_session_device_open held_open;
	bool has_held_open;
	uint32_t scribble_at;
};

static void *shared(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);

	HV_INVARIANT(at != MAP_FAILED);
	return at;
}

static size_t store_bytes(void)
{
	return sizeof(struct fake_store) + (size_t)FAKE_STORE_PAGES * HV_PAGE_BYTES;
}

struct fake_store *fake_store_make(uint32_t pages_each)
{
	struct fake_store *store = shared(store_bytes());

	HV_INVARIANT((uint64_t)pages_each * FAKE_DEVICES <= FAKE_STORE_PAGES);
	store->pages_each = pages_each;
	return store;
}

void fake_store_free(struct fake_store *store)
{
	(void)munmap(store, store_bytes());
}

void fake_store_write_late(struct fake_store *store, const struct fake_orders *orders)
{
	for (unsigned i = 0; i < atomic_load(&orders->held_count); i++) {
		const struct hv_request *held = &orders->held[i];
		uint64_t first = (uint64_t)held->device * store->pages_each + held->slot;

		memset(store->bytes + first * HV_PAGE_BYTES, 0xee,
		       (size_t)held->pages * HV_PAGE_BYTES);
	}
}

/* ---- the child ---- */

static void lock(int fd, unsigned byte)
{
	struct flock want = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = HV_PGDEV_LOCK_BASE + byte,
			      .l_len = 1 };

	HV_INVARIANT(fcntl(fd, F_OFD_SETLK, &want) == 0);
}

static void open_device(struct fake *fake, const struct hv_session_device_open *ask)
{
	struct hv_session_device_opened opened = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_OPENED,
				      sizeof(opened), ask->head.tag),
		.handle = ask->handle,
		.code = atomic_load(&fake->orders->open_code),
		.slots = fake->store->pages_each,
		.dev = 1,
		.inode = 1 + atomic_load(&fake->orders->inode),
		.is_direct = !atomic_load(&fake->orders->is_buffered),
	};
	struct device *device = &fake->devices[ask->handle];

	HV_INVARIANT(ask->handle < FAKE_DEVICES && !device->is_open);
	if (opened.code != 0) {
		opened.slots = 0;
		(void)snprintf(opened.text, sizeof(opened.text), "told to refuse");
	} else {
		device->fd = open(ask->path, O_RDWR | O_CLOEXEC);
		HV_INVARIANT(device->fd >= 0);
		lock(device->fd, ask->lock_byte);
		device->is_open = true;
		atomic_store(&fake->orders->device_fd[ask->handle], device->fd);
		(void)atomic_fetch_add(&fake->orders->devices_open, 1);
	}
	HV_INVARIANT(hv_local_send(fake->socket, &opened, sizeof(opened), NULL, 0,
				   NULL) == HV_OK);
}

static void close_device(struct fake *fake, const struct hv_session_device_close *ask)
{
	struct hv_session_device_close closed = *ask;
	struct device *device = &fake->devices[ask->handle];

	HV_INVARIANT(ask->handle < FAKE_DEVICES && device->is_open);
	(void)close(device->fd);
	device->is_open = false;
	(void)atomic_fetch_sub(&fake->orders->devices_open, 1);
	closed.head.type = HV_SESSION_DEVICE_CLOSED;
	HV_INVARIANT(hv_local_send(fake->socket, &closed, sizeof(closed), NULL, 0,
				   NULL) == HV_OK);
}

static void take_open(struct fake *fake, const struct hv_session_device_open *ask)
{
	if (!atomic_load(&fake->orders->holds_opens)) {
		open_device(fake, ask);
		return;
	}
	HV_INVARIANT(!fake->has_held_open);
	fake->held_open = *ask;
	fake->has_held_open = true;
	(void)atomic_fetch_add(&fake->orders->held_opens, 1);
}

static void take_packets(struct fake *fake)
{
	struct hv_local_packet packet;
	const struct hv_local_head *head = (const void *)packet.bytes;
	enum hv_code code;

	while ((code = hv_local_receive_packet(fake->socket, &packet, NULL)) == HV_OK) {
		if (head->type == HV_SESSION_DEVICE_OPEN)
			take_open(fake, (const void *)packet.bytes);
		else if (head->type == HV_SESSION_DEVICE_CLOSE)
			close_device(fake, (const void *)packet.bytes);
	}
	if (code != HV_E_AGAIN)
		_exit(0); /* hung up */
}

static uint8_t *store_at(struct fake *fake, const struct hv_request *request)
{
	uint64_t first = (uint64_t)request->device * fake->store->pages_each +
			 request->slot;

	HV_INVARIANT(request->slot + request->pages <= fake->store->pages_each);
	return fake->store->bytes + first * HV_PAGE_BYTES;
}

static bool take_one(atomic_uint *left)
{
	unsigned n = atomic_load(left);

	while (n > 0)
		if (atomic_compare_exchange_weak(left, &n, n - 1))
			return true;
	return false;
}

static int carry_out(struct fake *fake, struct hv_vasi_server *lane,
		     const struct hv_request *request)
{
	struct fake_orders *orders = fake->orders;
	uint8_t *buffer = hv_vasi_server_buffer(lane, request->buffer);
	size_t bytes = (size_t)request->pages * HV_PAGE_BYTES;
	int error = hv_vasi_server_check(lane, request);

	HV_INVARIANT(error == 0 && fake->devices[request->device].is_open);
	if (request->op == HV_OP_WRITE) {
		(void)atomic_fetch_add(&orders->writes, 1);
		error = atomic_load(&orders->write_error);
		if (error == 0 && !atomic_load(&orders->loses_writes))
			memcpy(store_at(fake, request), buffer, bytes);
	} else {
		(void)atomic_fetch_add(&orders->reads, 1);
		error = atomic_load(&orders->read_error);
		if (error == 0)
			memcpy(buffer, store_at(fake, request), bytes);
		if (error == 0 && take_one(&orders->corrupt_reads))
			buffer[request->tag % HV_PAGE_BYTES] ^= 0x10;
	}
	return error != 0 ? -error : (int)request->pages;
}

static void be_rude(struct fake *fake, struct hv_vasi_server *lane, unsigned how)
{
	struct hv_completion *entry =
		&lane->lane->completions[lane->completion_tail % HV_RING_SIZE];

	(void)fake;
	*entry = (struct hv_completion){ .tag = UINT64_C(0xdead00000005),
					 .epoch = lane->epoch,
					 .result = 1 };
	if (how == 2)
		entry->epoch++;
	if (how == 3)
		entry->result = 1000;
	atomic_store(&lane->lane->completion_tail,
		     how == 4 ? lane->completion_tail + 10 * HV_RING_SIZE
			      : lane->completion_tail + 1);
	(void)!write(fake->window.completion_doorbell[lane - fake->lanes],
		     &(uint64_t){ 1 }, sizeof(uint64_t));
	for (;;) /* it is killed for it; it beats no more either */
		(void)pause();
}

static bool is_held(const struct fake_orders *orders, const struct hv_request *request)
{
	return request->op == HV_OP_READ ? atomic_load(&orders->holds_reads)
					 : atomic_load(&orders->holds_writes);
}

static void let_go(struct fake *fake)
{
	unsigned kept = 0;

	if (fake->has_held_open && !atomic_load(&fake->orders->holds_opens)) {
		fake->has_held_open = false;
		open_device(fake, &fake->held_open);
	}
	for (unsigned i = 0; i < fake->held_count; i++) {
		struct held held = fake->held[i];
		struct hv_vasi_server *lane = &fake->lanes[held.lane];

		if (is_held(fake->orders, &held.request))
			fake->held[kept++] = held;
		else
			hv_vasi_server_answer(lane, held.request.tag,
					      carry_out(fake, lane, &held.request));
	}
	fake->held_count = kept;
}

static void remember(struct fake_orders *orders, const struct hv_request *request)
{
	unsigned n = atomic_load(&orders->held_count);

	if (n == FAKE_HELD_MAX)
		return;
	orders->held[n] = *request;
	atomic_store(&orders->held_count, n + 1);
}

static void serve_lane(struct fake *fake, unsigned index)
{
	struct hv_vasi_server *lane = &fake->lanes[index];
	struct hv_request request;
	unsigned how = atomic_load(&fake->orders->nonsense);

	if (index == 0 && atomic_load(&fake->orders->lane_hangs))
		return;
	while (hv_vasi_server_take(lane, &request, NULL) == HV_OK) {
		if (how != 0)
			be_rude(fake, lane, how);
		if (is_held(fake->orders, &request)) {
			HV_INVARIANT(fake->held_count < FAKE_HELD_MAX);
			fake->held[fake->held_count++] = (struct held){ index, request };
			if (request.op == HV_OP_WRITE)
				remember(fake->orders, &request);
			(void)atomic_fetch_add(request.op == HV_OP_READ
						       ? &fake->orders->held_reads
						       : &fake->orders->held_writes,
					       1);
			continue;
		}
		hv_vasi_server_answer(lane, request.tag, carry_out(fake, lane, &request));
	}
	hv_vasi_server_beat(lane);
}

/* P8: the peer may change the window at any time: one byte of one page a turn. */
static void scribble(struct fake *fake)
{
	uint32_t at = fake->scribble_at++ * 2654435761u;

	hv_window_buffer(&fake->window, (at >> 16) % fake->window.lanes,
			 (at >> 20) % HV_LANE_READ_BUFFERS)[at % HV_PAGE_BYTES]++;
}

static void greet(struct fake *fake, const char *path, const char *name)
{
	struct hv_session_hello hello = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_HELLO, sizeof(hello),
				      0),
	};
	struct hv_local_packet packet;
	const struct hv_session_welcome *welcome = (const void *)packet.bytes;

	if (hv_local_connect(path, &fake->socket, NULL) != HV_OK)
		_exit(3);
	(void)snprintf(hello.name, sizeof(hello.name), "%s", name);
	if (hv_local_send(fake->socket, &hello, sizeof(hello), NULL, 0, NULL) != HV_OK ||
	    hv_local_receive_packet(fake->socket, &packet, NULL) != HV_OK ||
	    welcome->head.type != HV_SESSION_WELCOME)
		_exit(4); /* refused */
	HV_INVARIANT(hv_window_adopt(welcome, packet.fds, packet.fd_count, &fake->window,
				     NULL) == HV_OK);
	atomic_store(&fake->orders->epoch, welcome->epoch);
	for (unsigned i = 0; i < fake->window.lanes; i++)
		hv_vasi_server_init(&fake->lanes[i], &fake->window, i, welcome->epoch);
	HV_INVARIANT(hv_local_set_nonblocking(fake->socket, NULL) == HV_OK);
}

static void serve(struct fake *fake)
{
	const struct timespec nap = { 0, 50000 };

	for (;;) {
		if (!atomic_load(&fake->orders->is_silent)) {
			take_packets(fake);
			let_go(fake);
			for (unsigned i = 0; i < fake->window.lanes; i++) {
				serve_lane(fake, i);
				hv_vasi_server_flush(&fake->lanes[i]);
			}
			(void)atomic_fetch_add(&hv_window_top(&fake->window)->heartbeat,
					       1);
		}
		if (atomic_load(&fake->orders->scribbles))
			scribble(fake);
		(void)nanosleep(&nap, NULL);
	}
}

static _Noreturn void fake_main(struct fake_orders *orders, struct fake_store *store,
				const char *path, const char *name)
{
	static struct fake fake;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)syscall(SYS_close_range, 3, ~0u, 0); /* the test's, with their locks */
	fake.orders = orders;
	fake.store = store;
	greet(&fake, path, name);
	serve(&fake);
	_exit(0);
}

/* ---- the test ---- */

void fake_vios_make(struct fake_vios *fake, const char *name)
{
	*fake = (struct fake_vios){ .orders = shared(sizeof(struct fake_orders)) };
	(void)snprintf(fake->name, sizeof(fake->name), "%s", name);
}

void fake_vios_start(struct fake_vios *fake, struct test_host *host,
		     struct fake_store *store)
{
	char path[TEST_PATH_BYTES];

	(void)test_tmpdir_file(&host->dir, "run/vasi.sock", path, sizeof(path));
	fake->pid = fork();
	HV_INVARIANT(fake->pid >= 0);
	if (fake->pid == 0)
		fake_main(fake->orders, store, path, fake->name);
}

int fake_vios_keep_device(struct fake_vios *fake, unsigned handle)
{
	int pidfd = (int)syscall(SYS_pidfd_open, fake->pid, 0);
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd,
			      atomic_load(&fake->orders->device_fd[handle]), 0);

	HV_INVARIANT(fd >= 0);
	(void)close(pidfd);
	return fd;
}

struct ending {
	int pid;
};

static bool is_over(void *arg)
{
	const struct ending *ending = arg;
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)ending->pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
		       0 &&
	       info.si_pid == ending->pid;
}

bool fake_vios_has_ended(struct fake_vios *fake, uint64_t deadline_ms)
{
	struct ending ending = { fake->pid };

	return fake->pid == 0 || test_wait(is_over, &ending, deadline_ms);
}

void fake_vios_end(struct fake_vios *fake)
{
	int status;

	if (fake->pid == 0)
		return;
	(void)kill(fake->pid, SIGKILL);
	HV_INVARIANT(waitpid(fake->pid, &status, 0) == fake->pid);
	fake->pid = 0;
}

void fake_vios_free(struct fake_vios *fake)
{
	fake_vios_end(fake);
	if (fake->orders != NULL)
		(void)munmap(fake->orders, sizeof(*fake->orders));
	fake->orders = NULL;
}
