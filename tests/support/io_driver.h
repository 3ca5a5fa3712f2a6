/*
 * io_driver - a small driver of virtual adapters, for functions of rogue_run: it runs in
 * the rogue's process, one request at a time unless a function says otherwise.
 *
 *   page 0 of `pages` is the queue, page 1 the IUs; I/O bus addresses are page numbers
 *
 * Contract
 *   Errors   codes of calls as they are; a disk's answer is its sense, 0 for none.
 */
#ifndef TESTS_SUPPORT_IO_DRIVER_H
#define TESTS_SUPPORT_IO_DRIVER_H

#include <stdbool.h>

#include "hvcore/wire/io.h"
#include "tests/support/rogue.h"

struct io_driver {
	struct rogue_self *self;
	uint64_t unit;
	uint32_t queue; /* page; the next one is the IUs' */
	uint32_t next;
	bool toggle;
};

/* That page at that page of the bus; permission 0 unmaps. */
int64_t io_driver_map(struct io_driver *driver, uint32_t bus, uint32_t page,
		      uint64_t permission);

/* Zeros, maps and registers the queue. */
int64_t io_driver_open_disk(struct io_driver *driver);
int64_t io_driver_close_disk(struct io_driver *driver);
/* Sends a command whose IU is the nth; its data is at bus address `address`. */
int64_t io_driver_send(struct io_driver *driver, unsigned nth, const struct hv_scsi *scsi,
		       uint64_t address, uint32_t bytes);
/* Waits for an answer, gives its IU's number. */
unsigned io_driver_wait(struct io_driver *driver, struct hv_srp_response *ret_response);
/* All of it, for a page: maps, sends, waits, unmaps. 0, or key 16 | code 8 | qualifier,
 * or the call's code (negative). */
int64_t io_driver_page(struct io_driver *driver, enum hv_scsi_kind kind, uint32_t page,
		       uint64_t block);

/* MAC in *ret_mac. */
int64_t io_driver_open_lan(struct io_driver *driver, uint64_t *ret_mac);
int64_t io_driver_close_lan(struct io_driver *driver);
/* Maps it, too. */
int64_t io_driver_post(struct io_driver *driver, uint32_t page);
/* `bytes` of that page, mapped for it. */
int64_t io_driver_transmit(struct io_driver *driver, uint32_t page, uint32_t bytes);
/* Waits for a frame: its page, unmapped, and its length. */
uint32_t io_driver_receive(struct io_driver *driver, uint32_t *ret_bytes);
/* Does not wait. */
bool io_driver_has_frame(const struct io_driver *driver);

#endif
