/*
 * io_blocks - what a partition has saved on its disks: which page, in which version. In
 * private memory, so that a disk is never its own witness. Pure.
 *
 * Each worker has a part of the blocks of its own, as it has of the pages, so no block
 * has two owners. A page of its has one block; several may share it, and the last one
 * saved is what is there.
 *
 * Contract
 *   Threads  one a worker; forget: while none works.
 *   Units    blocks of HV_PAGE_BYTES.
 */
#ifndef AGENT_PARTITION_IO_BLOCKS_H
#define AGENT_PARTITION_IO_BLOCKS_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct io_block {
	uint64_t page;
	uint32_t version;
	bool is_saved; /* false: what is there is nobody's business */
};

struct io_blocks;

/* NOMEM. */
HV_MUST_USE
enum hv_code io_blocks_open(uint64_t count, unsigned workers,
			    struct io_blocks **ret_blocks, struct hv_err *err);
void io_blocks_close(struct io_blocks *blocks); /* NULL is fine */

/* The page's block, and its number. NULL: the worker has none. */
struct io_block *io_blocks_of(struct io_blocks *blocks, unsigned worker, uint64_t page,
			      uint64_t *ret_number);
void io_blocks_forget(struct io_blocks *blocks);

#endif
