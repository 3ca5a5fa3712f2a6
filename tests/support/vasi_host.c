/* vasi_host - see vasi_host.h. */
#include "tests/support/vasi_host.h"

#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/rng.h"
#include "hvcore/wire/session.h"
#include "tests/support/wait.h"

#define HEARTBEAT_MS 20

void vasi_disk_make(struct test_tmpdir *dir)
{
	struct statfs fs;

	(void)snprintf(dir->path, sizeof(dir->path), "/var/tmp/tarn-XXXXXX");
	HV_INVARIANT(mkdtemp(dir->path) != NULL);
	if (statfs(dir->path, &fs) == 0 && fs.f_type != TMPFS_MAGIC)
		return;
	test_tmpdir_remove(dir);
	(void)printf("skipped: /var/tmp is not on a disk\n");
	exit(77);
}

void vasi_host_open(struct vasi_host *host)
{
	char run[128];

	vasi_disk_make(&host->disk);
	test_tmpdir_make(&host->state);
	HV_INVARIANT(mkdir(test_tmpdir_file(&host->state, "run", run, sizeof(run)),
			   0700) == 0);
	host->listener = -1;
	host->remote_url = NULL;
	host->patience_ms = 500;
}

void vasi_host_listen(struct vasi_host *host)
{
	char path[HV_LOCAL_PATH_BYTES];
	struct hv_err err;

	(void)test_tmpdir_file(&host->state, "run/vasi.sock", path, sizeof(path));
	HV_INVARIANT(hv_local_listen(path, &host->listener, &err) == HV_OK);
}

void vasi_host_close(struct vasi_host *host)
{
	if (host->listener >= 0)
		(void)close(host->listener);
	host->listener = -1;
	test_tmpdir_remove(&host->state);
	test_tmpdir_remove(&host->disk);
}

static void id_text(uint8_t id_byte, char text[33])
{
	for (unsigned i = 0; i < HV_PGDEV_ID_BYTES; i++)
		(void)snprintf(text + 2 * (size_t)i, 3, "%02x", id_byte);
}

void vasi_host_format(const struct vasi_host *host, const char *name, uint64_t bytes,
		      uint8_t id_byte, char path[HV_PATH_BYTES])
{
	struct test_process process;
	char id[33], size[32];

	id_text(id_byte, id);
	(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
	(void)test_tmpdir_file(&host->disk, name, path, HV_PATH_BYTES);

	const char *arguments[] = { "--format",    path,
				    "--bytes",     size,
				    "--id",        id,
				    "--host-id",   VASI_HOST_ID,
				    "--host-name", VASI_HOST_NAME,
				    "--create",    "--owner-epoch=1",
				    NULL };

	if (test_process_run(&process, "tarn-vios", arguments) == 0)
		return;
	(void)fprintf(stderr, "%s\n", process.err);
	HV_INVARIANT(!"tarn-vios --format works");
}

void vasi_vios_start(const struct vasi_host *host, struct vasi_vios *vios,
		     const char *name, bool drills)
{
	const char *arguments[10] = { "--state", host->state.path, "--name", name };
	unsigned count = 4;
	char patience[32];

	if (drills)
		arguments[count++] = "--allow-drills";
	if (host->remote_url != NULL) {
		arguments[count++] = "--remote";
		arguments[count++] = host->remote_url;
		arguments[count++] = "--host-id=" VASI_HOST_ID;
		(void)snprintf(patience, sizeof(patience), "--patience-ms=%u",
			       host->patience_ms);
		arguments[count++] = patience;
	}
	*vios = (struct vasi_vios){ .fd = -1 };
	hv_window_init(&vios->window);
	test_process_start(&vios->process, "tarn-vios", arguments);
}

static bool wait_readable(int fd, uint64_t deadline_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int rv;

	do
		rv = poll(&poll_fd, 1, (int)deadline_ms);
	while (rv < 0 && errno == EINTR);
	return rv == 1;
}

bool vasi_vios_hello(const struct vasi_host *host, struct vasi_vios *vios,
		     const char *name)
{
	struct hv_session_hello hello;

	vasi_vios_hang_up(vios);
	if (!wait_readable(host->listener, TEST_WAIT_MS) ||
	    hv_local_accept(host->listener, &vios->fd, NULL) != HV_OK)
		return false;
	return vasi_vios_receive(vios, HV_SESSION_HELLO, &hello, sizeof(hello)) &&
	       strcmp(hello.name, name) == 0;
}

void vasi_vios_welcome(struct vasi_vios *vios, uint64_t epoch, unsigned lanes,
		       unsigned lane_cpu)
{
	struct hv_session_welcome welcome = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_WELCOME,
				      sizeof(welcome), 0),
		.epoch = epoch,
		.window_bytes = hv_window_bytes(lanes),
		.lanes = lanes,
		.heartbeat_ms = HEARTBEAT_MS,
	};
	int fds[HV_LOCAL_FDS];
	unsigned n;

	for (unsigned i = 0; i < lanes; i++)
		welcome.lane_cpu[i] = (uint16_t)lane_cpu;
	vios->epoch = epoch;
	vios->heartbeat_ms = HEARTBEAT_MS;
	HV_INVARIANT(hv_window_create(lanes, &vios->window, NULL) == HV_OK);
	for (unsigned i = 0; i < lanes; i++)
		hv_vasi_client_init(&vios->clients[i], &vios->window, i, epoch);
	n = hv_window_fds(&vios->window, fds);
	HV_INVARIANT(hv_local_send(vios->fd, &welcome, sizeof(welcome), fds, n, NULL) ==
		     HV_OK);
}

void vasi_vios_run(const struct vasi_host *host, struct vasi_vios *vios, const char *name,
		   uint64_t epoch, unsigned lanes)
{
	vasi_vios_start(host, vios, name, true);
	HV_INVARIANT(vasi_vios_hello(host, vios, name));
	vasi_vios_welcome(vios, epoch, lanes, 0);
}

void vasi_vios_refuse(struct vasi_vios *vios, enum hv_code code, const char *text)
{
	struct hv_session_refused refused = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_REFUSED,
				      sizeof(refused), 0),
		.code = code,
	};

	(void)snprintf(refused.text, sizeof(refused.text), "%s", text);
	vasi_vios_send(vios, &refused, sizeof(refused));
}

void vasi_vios_hang_up(struct vasi_vios *vios)
{
	if (vios->fd >= 0)
		(void)close(vios->fd);
	vios->fd = -1;
}

int vasi_vios_end(struct vasi_vios *vios, int signal)
{
	int code;

	if (signal == 0)
		vasi_vios_hang_up(vios);
	code = test_process_end(&vios->process, signal);
	vasi_vios_hang_up(vios);
	hv_window_close(&vios->window);
	return code;
}

struct hv_session_device_open vasi_open_of(uint32_t handle, const char *path,
					   uint8_t id_byte)
{
	struct hv_session_device_open open = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_OPEN,
				      sizeof(open), handle + 1),
		.handle = handle,
		.owner_epoch = 1,
	};

	memset(open.id, id_byte, sizeof(open.id));
	(void)snprintf(open.path, sizeof(open.path), "%s", path);
	return open;
}

void vasi_vios_send(struct vasi_vios *vios, const void *packet, size_t bytes)
{
	HV_INVARIANT(hv_local_send(vios->fd, packet, bytes, NULL, 0, NULL) == HV_OK);
}

bool vasi_vios_receive(struct vasi_vios *vios, unsigned type, void *packet, size_t room)
{
	struct hv_local_head head;
	struct hv_err err;
	size_t n;

	if (!wait_readable(vios->fd, TEST_WAIT_MS) ||
	    hv_local_receive(vios->fd, packet, room, &n, NULL, NULL, &err) != HV_OK ||
	    hv_session_check(packet, n, &err) != HV_OK)
		return false;
	memcpy(&head, packet, sizeof(head));
	return head.type == type;
}

struct hv_session_device_opened vasi_vios_open(struct vasi_vios *vios,
					       const struct hv_session_device_open *open)
{
	struct hv_session_device_opened opened;

	vasi_vios_send(vios, open, sizeof(*open));
	HV_INVARIANT(vasi_vios_receive(vios, HV_SESSION_DEVICE_OPENED, &opened,
				       sizeof(opened)));
	HV_INVARIANT(opened.handle == open->handle);
	HV_INVARIANT(opened.head.tag == open->head.tag);
	return opened;
}

bool vasi_vios_close(struct vasi_vios *vios, uint32_t handle)
{
	struct hv_session_device_close packet = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_CLOSE,
				      sizeof(packet), 9),
		.handle = handle,
	};

	vasi_vios_send(vios, &packet, sizeof(packet));
	return vasi_vios_receive(vios, HV_SESSION_DEVICE_CLOSED, &packet,
				 sizeof(packet)) &&
	       packet.handle == handle;
}

static bool sleep_for_answer(struct vasi_vios *vios, unsigned lane, uint64_t left_ms)
{
	int doorbell = vios->window.completion_doorbell[lane];
	struct hv_vasi_client *client = &vios->clients[lane];
	uint64_t count;
	bool rang = true;

	if (hv_vasi_may_sleep(client))
		rang = wait_readable(doorbell, left_ms);
	hv_vasi_awake(client);
	if (read(doorbell, &count, sizeof(count)) < 0)
		HV_INVARIANT(errno == EAGAIN);
	return rang;
}

bool vasi_vios_answer(struct vasi_vios *vios, unsigned lane,
		      struct hv_vasi_answer *ret_answer, uint64_t deadline_ms)
{
	uint64_t end = hv_clock_ms() + deadline_ms;

	for (;;) {
		enum hv_code code = hv_vasi_receive(&vios->clients[lane], ret_answer,
						    NULL);
		uint64_t now = hv_clock_ms();

		if (code != HV_E_AGAIN)
			return code == HV_OK;
		if (now >= end)
			return false;
		(void)sleep_for_answer(vios, lane, end - now);
	}
}

/* One request and its answer, with nothing else out on the lane. */
static int one(struct vasi_vios *vios, unsigned lane, struct hv_vasi_ask *ask,
	       const uint8_t *from, uint8_t *to)
{
	struct hv_vasi_client *client = &vios->clients[lane];
	struct hv_vasi_answer answer;

	HV_INVARIANT(hv_vasi_take(client, (enum hv_request_op)ask->op, 1, &ask->buffer));
	if (from != NULL)
		memcpy(hv_vasi_buffer(client, ask->buffer), from, HV_PAGE_BYTES);
	hv_vasi_send(client, ask);
	hv_vasi_flush(client);
	if (!vasi_vios_answer(vios, lane, &answer, TEST_WAIT_MS))
		return -ETIME;
	if (to != NULL)
		memcpy(to, hv_vasi_buffer(client, ask->buffer), HV_PAGE_BYTES);
	hv_vasi_give(client, ask->buffer, 1);
	return answer.result;
}

int vasi_vios_write(struct vasi_vios *vios, unsigned lane, uint32_t device, uint32_t slot,
		    const uint8_t page[HV_PAGE_BYTES])
{
	struct hv_vasi_ask ask = {
		.device = device, .slot = slot, .op = HV_OP_WRITE, .pages = 1
	};

	return one(vios, lane, &ask, page, NULL);
}

int vasi_vios_read(struct vasi_vios *vios, unsigned lane, uint32_t device, uint32_t slot,
		   uint8_t page[HV_PAGE_BYTES])
{
	struct hv_vasi_ask ask = {
		.device = device, .slot = slot, .op = HV_OP_READ, .pages = 1
	};

	return one(vios, lane, &ask, NULL, page);
}

void vasi_page_make(uint8_t page[HV_PAGE_BYTES], uint32_t slot, uint64_t version)
{
	struct hv_rng rng = { (uint64_t)slot << 32 ^ version };

	for (unsigned at = 0; at < HV_PAGE_BYTES; at += sizeof(uint64_t)) {
		uint64_t word = hv_rng_next(&rng);

		memcpy(page + at, &word, sizeof(word));
	}
}

bool vasi_page_is(const uint8_t page[HV_PAGE_BYTES], uint32_t slot, uint64_t version)
{
	uint8_t want[HV_PAGE_BYTES];

	vasi_page_make(want, slot, version);
	return memcmp(page, want, sizeof(want)) == 0;
}
