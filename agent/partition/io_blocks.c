/* io_blocks - see io_blocks.h. */
#include "agent/partition/io_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"

struct io_blocks {
	uint64_t count, each; /* of a worker */
	unsigned workers;
	struct io_block blocks[];
};

enum hv_code io_blocks_open(uint64_t count, unsigned workers,
			    struct io_blocks **ret_blocks, struct hv_err *err)
{
	struct io_blocks *blocks;

	HV_INVARIANT(workers > 0 && count < UINT64_MAX / sizeof(struct io_block) / 2);
	blocks = calloc(1, sizeof(*blocks) + count * sizeof(struct io_block));
	if (blocks == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for what is on a disk");
	blocks->count = count;
	blocks->workers = workers;
	blocks->each = count / workers;
	*ret_blocks = blocks;
	return HV_OK;
}

void io_blocks_close(struct io_blocks *blocks)
{
	free(blocks);
}

struct io_block *io_blocks_of(struct io_blocks *blocks, unsigned worker, uint64_t page,
			      uint64_t *ret_number)
{
	HV_INVARIANT(worker < blocks->workers);
	if (blocks->each == 0)
		return NULL;
	*ret_number = worker * blocks->each + page % blocks->each;
	return &blocks->blocks[*ret_number];
}

void io_blocks_forget(struct io_blocks *blocks)
{
	memset(blocks->blocks, 0, blocks->count * sizeof(struct io_block));
}
