/*
 * aio - the asynchronous device I/O of one thread (a lane of a VIOS, the I/O thread of
 * the hypervisor): put operations in, wait once for whatever happens first, take
 * results out. The doorbell of the thread is one of the things waited for.
 *
 * A table of functions, so that who uses it runs in a test against a device that fails
 * as told. The real one is hv_aio_open().
 *
 * Contract
 *   Threads  one; open in that thread (io_uring, single issuer).
 *   Memory   buffers and descriptors stay valid until the result is taken.
 *   Errors   what an operation does wrong is its result, -errno as of pread(2).
 *            wait() fails where the ring itself is broken: end the process.
 *   Order    none between operations.
 */
#ifndef HVCORE_AIO_AIO_H
#define HVCORE_AIO_AIO_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hv_aio_kind { HV_AIO_READ, HV_AIO_WRITE, HV_AIO_SYNC };

struct hv_aio_op {
	enum hv_aio_kind kind;
	bool may_block; /* in a helper thread of the kernel's, from the start */
	int fd;
	void *at;
	uint32_t bytes;
	uint64_t offset;
	uint32_t cookie; /* comes back with the result; not HV_AIO_DOORBELL */
	uint64_t owner;  /* which device, to who looks at operations; nothing here */
};

#define HV_AIO_DOORBELL UINT32_MAX /* cookie: somebody rang */

struct hv_aio_done {
	uint32_t cookie;
	int result;
};

struct hv_aio;
struct hv_aio_ops {
	/* Never fails and never blocks: there is room for all `operations`. */
	void (*queue)(struct hv_aio *io, const struct hv_aio_op *op);
	/* Hands over what was queued; timeout_ms 0: does not wait. */
	enum hv_code (*wait)(struct hv_aio *io, unsigned timeout_ms, struct hv_err *err);
	bool (*next)(struct hv_aio *io, struct hv_aio_done *ret_done);
	void (*close)(struct hv_aio *io);
};
struct hv_aio {
	const struct hv_aio_ops *ops;
};

struct hv_aio_config {
	int doorbell;
	/* that operations use: registered once, not pinned each time; NULL: any */
	void *buffers;
	size_t buffer_bytes;
	unsigned operations; /* at once */
	bool is_looked_at;   /* next() alone is to see results, without a wait() before */
	unsigned helpers;    /* threads at most, of either kind; 0: the kernel's choice */
};
HV_MUST_USE
enum hv_code hv_aio_open(const struct hv_aio_config *config, struct hv_aio **ret_io,
			 struct hv_err *err);

#endif
