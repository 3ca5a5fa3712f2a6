/*
 * vasi_host - a hypervisor as a VIOS sees it: listens on vasi.sock, greets a real
 * tarn-vios, opens devices, asks for pages. For tests and the bench.
 *
 * Contract
 *   Threads  one.
 *   Errors   what a test cannot do without fails it at once (HV_INVARIANT).
 *   Time     everything that waits gives up after TEST_WAIT_MS.
 */
#ifndef TESTS_SUPPORT_VASI_HOST_H
#define TESTS_SUPPORT_VASI_HOST_H

#include "hvcore/vasi/client.h"
#include "hvcore/wire/pgdev.h"
#include "tests/support/process.h"
#include "tests/support/tmpdir.h"

#define VASI_HOST_NAME "h1"
#define VASI_HOST_ID "0123456789abcdef0123456789abcdef"

struct vasi_host {
	struct test_tmpdir state; /* with run/ in it */
	struct test_tmpdir disk;  /* for devices: not in memory */
	int listener;             /* -1: nobody listens */
	const char *
		remote_url; /* who exports the devices of its VIOS; NULL: they are here */
	unsigned patience_ms; /* with remote_url */
};

struct vasi_vios {
	struct test_process process;
	int fd; /* its session; -1: none */
	uint64_t epoch;
	uint32_t heartbeat_ms;
	struct hv_window window;
	struct hv_vasi_client clients[HV_LANES_MAX];
};

/* A directory on a disk (/var/tmp); ends the test with 77 where that is memory. */
void vasi_disk_make(struct test_tmpdir *dir);

void vasi_host_open(struct vasi_host *host);
void vasi_host_listen(struct vasi_host *host);
void vasi_host_close(struct vasi_host *host);

/* Formats the file `name` on the disk, with that many bytes; its path in `path`. */
void vasi_host_format(const struct vasi_host *host, const char *name, uint64_t bytes,
		      uint8_t id_byte, char path[HV_PATH_BYTES]);

/* Starts tarn-vios; drills: --allow-drills. No session yet. */
void vasi_vios_start(const struct vasi_host *host, struct vasi_vios *vios,
		     const char *name, bool drills);
/* Takes its HELLO; false where none came in time. */
bool vasi_vios_hello(const struct vasi_host *host, struct vasi_vios *vios,
		     const char *name);
/* Answers with WELCOME; lane_cpu: all lanes there, 1 + CPU, 0 anywhere. */
void vasi_vios_welcome(struct vasi_vios *vios, uint64_t epoch, unsigned lanes,
		       unsigned lane_cpu);
/* start, hello, welcome. */
void vasi_vios_run(const struct vasi_host *host, struct vasi_vios *vios, const char *name,
		   uint64_t epoch, unsigned lanes);
void vasi_vios_refuse(struct vasi_vios *vios, enum hv_code code, const char *text);
/* Session, window and, with `signal`, the process. Its exit code. */
int vasi_vios_end(struct vasi_vios *vios, int signal);
void vasi_vios_hang_up(struct vasi_vios *vios);

/* A device as vasi_host_format makes it. */
struct hv_session_device_open vasi_open_of(uint32_t handle, const char *path,
					   uint8_t id_byte);
void vasi_vios_send(struct vasi_vios *vios, const void *packet, size_t bytes);
/* The next packet, of `type`; false where none comes, or another. */
bool vasi_vios_receive(struct vasi_vios *vios, unsigned type, void *packet, size_t room);
/* Open and wait: the answer. */
struct hv_session_device_opened vasi_vios_open(struct vasi_vios *vios,
					       const struct hv_session_device_open *open);
bool vasi_vios_close(struct vasi_vios *vios, uint32_t handle);

/* The next answer on a lane, slept for; false where none comes in time. */
bool vasi_vios_answer(struct vasi_vios *vios, unsigned lane,
		      struct hv_vasi_answer *ret_answer, uint64_t deadline_ms);
/* One page written or read, and waited for: 0 or a negated errno; -ETIME no answer. */
int vasi_vios_write(struct vasi_vios *vios, unsigned lane, uint32_t device, uint32_t slot,
		    const uint8_t page[HV_PAGE_BYTES]);
int vasi_vios_read(struct vasi_vios *vios, unsigned lane, uint32_t device, uint32_t slot,
		   uint8_t page[HV_PAGE_BYTES]);

/* A page that says which slot and version it is. */
void vasi_page_make(uint8_t page[HV_PAGE_BYTES], uint32_t slot, uint64_t version);
bool vasi_page_is(const uint8_t page[HV_PAGE_BYTES], uint32_t slot, uint64_t version);

#endif
