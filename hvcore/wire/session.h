/*
 * session - how a VIOS incarnation meets the hypervisor, and the memory they share.
 *
 * Host-local, unix SEQPACKET at <host state>/run/vasi.sock, fixed structs as in
 * local.h. One connection per incarnation (process), for its life.
 *
 *   VIOS                                         hypervisor
 *   HELLO   name                            ->
 *                                           <-   WELCOME epoch, lanes, sizes
 *                                                + window memfd, then per lane:
 *                                                request doorbell, completion
 *                                                doorbell (eventfds)
 *                                           <-   or REFUSED (name not expected, a
 *                                                session exists)
 *                                           <-   DEVICE_OPEN handle, path, id,
 *                                                owner epoch
 *   DEVICE_OPENED handle, slots, or why not ->
 *                                           <-   DEVICE_CLOSE handle
 *   DEVICE_CLOSED handle                    ->
 *
 * The window is one memfd, sealed against shrinking and growing, used by this
 * incarnation alone and never again (P8):
 *
 *   0            struct hv_window_head (one page)
 *   lane 0       struct hv_lane (request ring, completion ring), page-aligned
 *                HV_LANE_BUFFERS buffers of HV_PAGE_BYTES
 *   lane 1 ...
 *
 * One lane belongs to one fault thread on one side and one server thread on the
 * other, so each ring has one producer and one consumer and needs no lock.
 *
 * Trust: the hypervisor believes nothing it reads here. It bounds the tail it
 * reads by the ring size, finds its request by tag in its own table, copies a
 * page before it checks it. The VIOS checks every descriptor field as well.
 *
 * Doorbells: a consumer that is about to sleep sets `*_asleep` (seq_cst), looks at
 * the ring once more, then waits on the eventfd; a producer publishes its tail
 * (release), then reads the flag (seq_cst fence between) and writes the eventfd
 * only if it is set.
 */
#ifndef HVCORE_WIRE_SESSION_H
#define HVCORE_WIRE_SESSION_H

#include "hvcore/base/units.h"
#include "hvcore/wire/injection.h"
#include "hvcore/wire/local.h"

#include <stdatomic.h>

#define HV_SESSION_VERSION 1
#define HV_LANES_MAX 8   /* fault threads; two descriptors each must fit HV_LOCAL_FDS */
#define HV_RING_SIZE 512 /* descriptors; > HV_LANE_BUFFERS, so it is never full */
#define HV_LANE_BUFFERS 320     /* pages in flight a lane: 64 page-ins, 256 page-outs */
#define HV_LANE_READ_BUFFERS 64 /* buffers 0..63 carry page-ins, the rest page-outs */
#define HV_RUN_PAGES 64 /* most pages of one request: 256 KiB, 105 us (paging.md 3.6) */
#define HV_PATH_BYTES 512
#define HV_DEVICES_MAX 512      /* handles of one session */
#define HV_PROCESSORS_MAX 65536 /* of a machine; far beyond any */

enum hv_session_type {
	HV_SESSION_HELLO = 1,
	HV_SESSION_WELCOME,
	HV_SESSION_REFUSED,
	HV_SESSION_DEVICE_OPEN,
	HV_SESSION_DEVICE_OPENED,
	HV_SESSION_DEVICE_CLOSE,
	HV_SESSION_DEVICE_CLOSED,
	HV_SESSION_TYPE_COUNT
};

struct hv_session_hello {
	struct hv_local_head head;
	char name[HV_NAME_BYTES];
};

struct hv_session_welcome { /* + window, + 2 doorbells a lane (request, completion) */
	struct hv_local_head head;
	uint64_t epoch;
	uint64_t window_bytes;
	uint32_t lanes;
	uint32_t heartbeat_ms; /* advance the heartbeats at least this often */
	/* 1 + CPU of the fault thread of each lane: its server thread goes there too
	 * (4 us a hop on one CPU, 40 between two, paging.md 3.9); 0 = anywhere */
	uint16_t lane_cpu[HV_LANES_MAX];
};

struct hv_session_refused {
	struct hv_local_head head;
	uint32_t code;
	uint32_t reserved;
	char text[256];
};

struct hv_session_device_open {
	struct hv_local_head head;
	uint32_t handle;    /* below HV_DEVICES_MAX, the hypervisor's choice */
	uint32_t lock_byte; /* 0 or 1: which VIOS of the pair; see P9 in pgdev.h */
	uint64_t owner_epoch;
	uint8_t id[16];
	char path[HV_PATH_BYTES];
};

struct hv_session_device_opened {
	struct hv_local_head head;
	uint32_t handle;
	uint32_t code;       /* enum hv_code; 0 = open */
	uint64_t slots;      /* usable pages */
	uint64_t dev, inode; /* of the file or block device: same on both VIOS? (P16) */
	uint32_t is_direct;  /* O_DIRECT in use */
	/* 1 + processor that the disk below it interrupts; 0 = not known, or any */
	uint32_t processor;
	char text[256];
};

/* Also DEVICE_CLOSED: nothing of ours is in flight there. */
struct hv_session_device_close {
	struct hv_local_head head;
	uint32_t handle;
	uint32_t reserved;
};

enum hv_request_op { HV_OP_READ = 1, HV_OP_WRITE = 2, HV_OP_COUNT };

struct hv_request {
	uint64_t tag;    /* the hypervisor's; comes back unchanged */
	uint64_t epoch;  /* of this incarnation; another one is refused */
	uint32_t device; /* handle */
	uint32_t slot;   /* first slot on the device */
	uint16_t op;     /* enum hv_request_op */
	uint16_t pages;  /* 1..HV_RUN_PAGES, adjacent slots, adjacent buffers */
	uint32_t buffer; /* first buffer of this lane */
};

struct hv_completion {
	uint64_t tag;
	uint64_t epoch;
	int32_t result; /* pages done (all of them), or -errno */
	uint32_t reserved;
};

static_assert(sizeof(struct hv_request) == 32, "request");
static_assert(sizeof(struct hv_completion) == 24, "completion");

struct hv_lane {
	/* request ring: hypervisor produces, VIOS consumes */
	_Alignas(64) _Atomic uint32_t request_tail;
	_Alignas(64) _Atomic uint32_t request_head;
	_Alignas(64) _Atomic uint32_t request_asleep;
	/* completion ring: VIOS produces, hypervisor consumes */
	_Alignas(64) _Atomic uint32_t completion_tail;
	_Alignas(64) _Atomic uint32_t completion_head;
	_Alignas(64) _Atomic uint32_t completion_asleep;
	/* advanced by the lane's server thread */
	_Alignas(64) _Atomic uint64_t heartbeat;
	_Alignas(64) struct hv_request requests[HV_RING_SIZE];
	_Alignas(64) struct hv_completion completions[HV_RING_SIZE];
};

struct hv_window_head {
	_Atomic uint64_t heartbeat;             /* advanced by the VIOS's main loop */
	_Atomic uint64_t reads, writes, errors; /* its own count, for people */
	/* drills, by enum hv_injection_kind: requests (pages) that were hit, in all; and
	 * injections that there are now */
	_Atomic uint64_t injected[HV_INJECTION_KIND_COUNT];
	_Atomic uint32_t injecting[HV_INJECTION_KIND_COUNT];
};

/* Layout: where a lane, and a buffer of a lane, begins in the window. */
#define HV_WINDOW_LANE_BYTES \
	(((sizeof(struct hv_lane) + HV_PAGE_BYTES - 1) & ~(size_t)(HV_PAGE_BYTES - 1)))
size_t hv_window_bytes(unsigned lanes);
size_t hv_window_lane_offset(unsigned lane);
size_t hv_window_buffer_offset(unsigned lane, unsigned buffer);

size_t hv_session_bytes(unsigned type); /* 0 for a type that does not exist */
HV_MUST_USE
enum hv_code hv_session_check(const void *packet, size_t bytes, struct hv_err *err);

#endif
