/*
 * fake_io - device I/O that does what the test says: operations are kept until the
 * test gives each its result.
 */
#ifndef TESTS_SUPPORT_FAKE_IO_H
#define TESTS_SUPPORT_FAKE_IO_H

#include "hvcore/aio/aio.h"

#define FAKE_OPS_MAX 1024

struct fake_io {
	struct hv_aio io;
	struct hv_aio_op queued[FAKE_OPS_MAX]; /* in order, oldest first */
	unsigned queued_count;
	struct hv_aio_done done[FAKE_OPS_MAX];
	unsigned done_count;
	unsigned last_timeout_ms;
	unsigned syncs; /* queued so far */
	enum hv_code wait_code;
	bool is_closed;
};

void fake_io_init(struct fake_io *fake);

/* Gives the nth queued operation its result, seen at the next turn. */
void fake_io_finish(struct fake_io *fake, unsigned nth, int result);

#endif
