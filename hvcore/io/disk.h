/*
 * disk - a virtual disk on a file or block device of the host: its requests, from the
 * fault thread that took them to the device and back.
 *
 * Contract
 *   Threads  open, close: any, while it is idle and nobody's. take, submit, finished,
 *            give, is_idle: its fault thread. The rest is the I/O thread's.
 *   Memory   owns the descriptor and the bounce buffers; all of it is made by open.
 *   Errors   of the device: the response of that request, and is_device_error.
 *   Order    none between requests under way, as of a disk with a queue.
 */
#ifndef HVCORE_IO_DISK_H
#define HVCORE_IO_DISK_H

#include "hvcore/io/engine.h"
#include "hvcore/io/gate.h"
#include "hvcore/io/memory.h"
#include "hvcore/io/plan.h"
#include "hvcore/io/ring.h"

#define HV_DISK_IU_SPANS 2u
#define HV_DISK_DATA_SPANS (HV_DISK_TRANSFER_BYTES / HV_PAGE_BYTES + 1)

struct hv_disk_request {
	struct hv_io_job job;
	struct hv_disk *disk;
	uint16_t index;
	/* of the fault thread, while the I/O thread has it not */
	struct hv_disk_plan plan;
	struct hv_tce_span iu[HV_DISK_IU_SPANS], data[HV_DISK_DATA_SPANS];
	unsigned iu_count, data_count;
	/* of the I/O thread; the fault thread's again when it is finished */
	struct hv_disk_request *next; /* waits for the device */
	uint8_t *buffer;
	uint32_t copied;      /* bytes, the IU's not */
	bool is_device_error; /* the device said so */
};

struct hv_disk {
	int fd;
	uint64_t bytes;
	struct hv_io_memory *memory; /* lent */
	struct hv_io_owner *owner;   /* lent */
	struct hv_gate gate;
	/* private */
	struct hv_io_ring finished; /* indices, to the fault thread */
	_Atomic uint32_t settled;   /* the I/O thread's last word on each request */
	uint32_t submitted;
	uint32_t free; /* requests, a bit each */
	struct hv_disk_request *first, **last;
	uint32_t buffers_free; /* bits */
	uint8_t *buffers;
	struct hv_disk_request requests[HV_DISK_REQUESTS];
};

/* Takes over the descriptor, also on failure. */
HV_MUST_USE
enum hv_code hv_disk_open(int fd, uint64_t bytes, struct hv_io_memory *memory,
			  struct hv_io_owner *owner, struct hv_disk **ret_disk,
			  struct hv_err *err);
void hv_disk_close(struct hv_disk *disk); /* NULL is fine */
size_t hv_disk_memory_bytes(void);        /* of one */

/* NULL: HV_DISK_REQUESTS are under way. */
struct hv_disk_request *hv_disk_take(struct hv_disk *disk);
void hv_disk_submit(struct hv_io_engine *engine, struct hv_disk_request *request);
/* NULL: none. Its response is where its command was, or the gate was cut. */
struct hv_disk_request *hv_disk_finished(struct hv_disk *disk);
void hv_disk_give(struct hv_disk_request *request); /* taken, or finished */
/* Requests that are taken and not given. */
unsigned hv_disk_under_way(const struct hv_disk *disk);
/* The I/O thread will never look at it again, if nothing is submitted. */
bool hv_disk_is_idle(const struct hv_disk *disk);

#endif
