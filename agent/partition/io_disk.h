/*
 * io_disk - the driver of a virtual disk: a queue of its own for answers, a page for
 * information units, and a place for each thread that has one request under way.
 *
 *   map the page -> IU -> H_SEND_CRQ ... wait for its answer in the queue ... unmap
 *
 * Whoever waits looks through the queue for all: an answer of another thread is noted
 * for that one, which the same event has woken.
 *
 * Contract
 *   Threads  transfer, sync: any, each with a place of its own. The rest: one.
 *   Memory   two driver pages of the guest (guest.h) and the calls are lent until
 *            io_disk_close().
 *   Errors   open: REFUSED a call was, with its code; IO the device has no capacity;
 *            NOMEM. Transfers: enum io_result.
 *   Units    pages of HV_PAGE_BYTES, on the disk as well.
 */
#ifndef AGENT_PARTITION_IO_DISK_H
#define AGENT_PARTITION_IO_DISK_H

#include "agent/partition/io_window.h"

#define IO_DISK_DRIVER_PAGES 2
#define IO_DISK_PLACES 16 /* PARTITION_WORKERS_MAX; a disk takes HV_DISK_REQUESTS */

enum io_result {
	IO_DONE,
	IO_NOT_ENTITLED, /* it has mapped all that it may: nothing was sent */
	IO_REFUSED,      /* by a call: nothing was sent */
	IO_FAILED,       /* sent: what it was to write may be there, in part or not */
	IO_RESULT_COUNT
};

struct io_disk_config {
	struct partition_calls *calls;
	uint64_t unit;
	uint8_t *driver;      /* IO_DISK_DRIVER_PAGES of them */
	uint64_t driver_page; /* the first one's logical page */
};

struct io_disk;

HV_MUST_USE
enum hv_code io_disk_open(const struct io_disk_config *config, struct io_disk **ret_disk,
			  struct hv_err *err);
void io_disk_close(struct io_disk *disk); /* NULL is fine; nobody waits */

uint64_t io_disk_pages(const struct io_disk *disk);

/* A page of memory to the disk, or from it. */
HV_MUST_USE
enum io_result io_disk_transfer(struct io_disk *disk, unsigned place, bool is_write,
				uint64_t logical, uint64_t at);
/* Until what was written is on the device. */
HV_MUST_USE
enum io_result io_disk_sync(struct io_disk *disk, unsigned place);

#endif
