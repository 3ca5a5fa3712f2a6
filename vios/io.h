/*
 * io - the asynchronous device I/O of one lane: put operations in, wait once for
 * whatever happens first, take results out. The doorbell of the lane is one of the
 * things waited for.
 *
 * A table of functions, so that the lane's logic runs in a test against a device
 * that fails as told. The real one is vios_uring_open().
 *
 * Contract
 *   Threads  one, the lane's; open in that thread (io_uring, single issuer).
 *   Memory   buffers and descriptors stay valid until the result is taken.
 *   Errors   what an operation does wrong is its result, -errno as of pread(2).
 *            wait() fails where the ring itself is broken: end the process.
 *   Order    none between operations.
 */
#ifndef VIOS_IO_H
#define VIOS_IO_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vios_io_kind { VIOS_IO_READ, VIOS_IO_WRITE, VIOS_IO_SYNC };

struct vios_io_op {
	enum vios_io_kind kind;
	bool may_block; /* in a thread of the kernel's, from the start */
	int fd;
	void *at;
	uint32_t bytes;
	uint64_t offset;
	uint32_t cookie; /* comes back with the result; not VIOS_IO_DOORBELL */
};

#define VIOS_IO_DOORBELL UINT32_MAX /* cookie: somebody rang */

struct vios_io_done {
	uint32_t cookie;
	int result;
};

struct vios_io;
struct vios_io_ops {
	/* Never fails and never blocks: there is room for every request of a lane. */
	void (*queue)(struct vios_io *io, const struct vios_io_op *op);
	/* Hands over what was queued; timeout_ms 0: does not wait. */
	enum hv_code (*wait)(struct vios_io *io, unsigned timeout_ms, struct hv_err *err);
	bool (*next)(struct vios_io *io, struct vios_io_done *ret_done);
	void (*close)(struct vios_io *io);
};
struct vios_io {
	const struct vios_io_ops *ops;
};

struct vios_io_config {
	int doorbell;
	void *buffers; /* all buffers of the lane: registered once, not pinned each time */
	size_t buffer_bytes;
	unsigned operations; /* at once */
};
HV_MUST_USE
enum hv_code vios_uring_open(const struct vios_io_config *config, struct vios_io **ret_io,
			     struct hv_err *err);

#endif
