/*
 * io_deeds - what the partitions of test_io do with their virtual adapters: functions for
 * rogue_run, each with two numbers and an answer.
 */
#ifndef TESTS_INTEGRATION_HYPERVISOR_IO_DEEDS_H
#define TESTS_INTEGRATION_HYPERVISOR_IO_DEEDS_H

#include "tests/support/io_driver.h"

#define IO_MEM_MIB 24u
#define IO_MEM_PAGES (IO_MEM_MIB * 256u)
#define IO_DISK_MIB 4u
#define IO_DISK_PAGES (IO_DISK_MIB * 256u)

/* What is in that word of that page of a disk. */
uint64_t io_content(uint64_t block, unsigned word);

/* The code of H_REG_CRQ of that disk, of H_FREE_CRQ. */
uint64_t io_open_disk(struct rogue_self *self, uint64_t n, uint64_t unused);
uint64_t io_close_disk(struct rogue_self *self, uint64_t a, uint64_t b);
/* Pages of it, one at a time; 0, or what the first one that failed says. */
uint64_t io_write_blocks(struct rogue_self *self, uint64_t first, uint64_t count);
/* Into other pages; how many are wrong. */
uint64_t io_read_blocks(struct rogue_self *self, uint64_t first, uint64_t count);
/* One request: 0, or its sense. */
uint64_t io_one_page(struct rogue_self *self, uint64_t kind, uint64_t block);
uint64_t io_capacity(struct rogue_self *self, uint64_t a, uint64_t b);
/* From that block on as many requests, and nobody waits for one; the last code. */
#define IO_FROM(block, count) ((uint64_t)(block) << 32 | (count))
uint64_t io_flood(struct rogue_self *self, uint64_t kind, uint64_t range);
/* Waits for answers; how many are not good. */
uint64_t io_drain(struct rogue_self *self, uint64_t count, uint64_t unused);
/* Writes and reads without end: it is killed in the middle of it. */
uint64_t io_churn(struct rogue_self *self, uint64_t a, uint64_t b);

/* Registers and posts buffers; its MAC. */
uint64_t io_open_lan(struct rogue_self *self, uint64_t unit, uint64_t buffers);
uint64_t io_close_lan(struct rogue_self *self, uint64_t a, uint64_t b);
/* The source of what it sends. */
uint64_t io_keep_mac(struct rogue_self *self, uint64_t mac, uint64_t unused);
/* Frames to that address, each filled by its number; 0 or the code. */
uint64_t io_send_frames(struct rogue_self *self, uint64_t to, uint64_t count);
/* As they were sent, in order; each buffer is posted again. How many are wrong. */
uint64_t io_receive_frames(struct rogue_self *self, uint64_t from, uint64_t count);
uint64_t io_has_frame(struct rogue_self *self, uint64_t a, uint64_t b);

/* Transfers that are refused, and what they are refused with. */
struct io_refusal {
	enum hv_scsi_kind kind;
	uint64_t tce, address;
	uint32_t bytes;
	int64_t code;
};
#define IO_REFUSALS 6u
extern const struct io_refusal io_refusals[IO_REFUSALS];
/* The code of that one; the entry is gone again. */
uint64_t io_try_transfer(struct rogue_self *self, uint64_t unused, uint64_t row);
/* Queue and IUs are garbage, and it is sent; how often it was accepted. */
uint64_t io_send_garbage(struct rogue_self *self, uint64_t seed, uint64_t count);

#endif
