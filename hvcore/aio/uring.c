/*
 * uring - aio.h over io_uring. The only file that includes <liburing.h>.
 *
 * One enter hands over what was queued and waits for a device or the doorbell. The
 * doorbell is a multishot poll: each write to the eventfd is one event, the counter is
 * never read. Buffers are registered where the owner has all of them in one piece (each
 * direct transfer would pin its pages otherwise). Files are not: a registered file
 * outlives its close by as long as the kernel likes, and its lock with it, by which
 * others tell who may use the device (P9) or the disk.
 */
#include "hvcore/aio/aio.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

struct uring {
	struct hv_aio io;
	struct io_uring ring;
	int doorbell;
	bool is_fixed; /* buffers are registered */
	bool is_armed; /* the doorbell is polled */
	uint8_t *buffers;
	size_t buffer_bytes;
};

static struct uring *uring_of(struct hv_aio *io)
{
	return (struct uring *)io; /* first member */
}

static struct io_uring_sqe *take_entry(struct uring *uring)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);

	/* The ring is sized for all operations of its owner and the doorbell. */
	HV_INVARIANT(entry != NULL);
	return entry;
}

static void arm_doorbell(struct uring *uring)
{
	struct io_uring_sqe *entry = take_entry(uring);

	io_uring_prep_poll_multishot(entry, uring->doorbell, POLLIN);
	io_uring_sqe_set_data64(entry, HV_AIO_DOORBELL);
	uring->is_armed = true;
}

static void uring_queue(struct hv_aio *io, const struct hv_aio_op *op)
{
	struct uring *uring = uring_of(io);
	struct io_uring_sqe *entry = take_entry(uring);

	switch (op->kind) {
	case HV_AIO_READ:
		if (uring->is_fixed)
			io_uring_prep_read_fixed(entry, op->fd, op->at, op->bytes,
						 op->offset, 0);
		else
			io_uring_prep_read(entry, op->fd, op->at, op->bytes, op->offset);
		break;
	case HV_AIO_WRITE:
		if (uring->is_fixed)
			io_uring_prep_write_fixed(entry, op->fd, op->at, op->bytes,
						  op->offset, 0);
		else
			io_uring_prep_write(entry, op->fd, op->at, op->bytes, op->offset);
		break;
	case HV_AIO_SYNC:
		io_uring_prep_fsync(entry, op->fd, IORING_FSYNC_DATASYNC);
		break;
	}
	io_uring_sqe_set_data64(entry, op->cookie);
	if (op->may_block)
		io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
}

static enum hv_code uring_wait(struct hv_aio *io, unsigned timeout_ms, struct hv_err *err)
{
	struct uring *uring = uring_of(io);
	struct __kernel_timespec limit = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (long long)(timeout_ms % 1000) * 1000000,
	};
	struct io_uring_cqe *entry;
	int rv;

	if (!uring->is_armed)
		arm_doorbell(uring);
	if (timeout_ms == 0)
		rv = io_uring_submit_and_get_events(&uring->ring);
	else
		rv = io_uring_submit_and_wait_timeout(&uring->ring, &entry, 1, &limit,
						      NULL);
	/* EBUSY, EAGAIN: results must be taken, or memory freed, first. */
	if (rv >= 0 || rv == -ETIME || rv == -EINTR || rv == -EBUSY || rv == -EAGAIN)
		return HV_OK;
	return hv_fail_os(err, HV_E_OS, -rv, "wait for device I/O");
}

static bool uring_next(struct hv_aio *io, struct hv_aio_done *ret_done)
{
	struct uring *uring = uring_of(io);
	struct io_uring_cqe *entry;

	if (io_uring_peek_cqe(&uring->ring, &entry) != 0)
		return false;
	*ret_done = (struct hv_aio_done){
		.cookie = (uint32_t)io_uring_cqe_get_data64(entry),
		.result = entry->res,
	};
	if (ret_done->cookie == HV_AIO_DOORBELL &&
	    (entry->flags & IORING_CQE_F_MORE) == 0)
		uring->is_armed = false;
	io_uring_cqe_seen(&uring->ring, entry);
	return true;
}

static void uring_close(struct hv_aio *io)
{
	struct uring *uring = uring_of(io);

	io_uring_queue_exit(&uring->ring);
	free(uring);
}

static const struct hv_aio_ops uring_ops = {
	.queue = uring_queue,
	.wait = uring_wait,
	.next = uring_next,
	.close = uring_close,
};

/*
 * From the best the kernel may have (6.1) down to what every one has. Deferred results
 * come by the call alone that waits for them.
 */
static int open_ring(struct uring *uring, unsigned entries, bool is_looked_at)
{
	static const unsigned flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	int rv = -EINVAL;

	for (unsigned i = is_looked_at; i < HV_COUNT(flags) && rv == -EINVAL; i++) {
		struct io_uring_params params = {
			.flags = flags[i] | IORING_SETUP_CQSIZE,
			.cq_entries = entries * 2,
		};

		rv = io_uring_queue_init_params(entries, &uring->ring, &params);
	}
	return rv;
}

/*
 * Trap of paging.md 3.8: the kernel's helper threads inherit the processor that the
 * owner is pinned to, and wait for it there. They may run wherever the process may.
 */
static void free_helpers(struct uring *uring, unsigned helpers)
{
	/*
	 * Of operations on files and block devices; of others. Since 6.10 the kernel
	 * does not know yet which it is when one goes to a helper from the start, and
	 * has reads and writes of files with the others.
	 */
	unsigned limits[2] = { helpers, helpers };
	cpu_set_t all;
	int rv;

	if (helpers != 0) {
		rv = io_uring_register_iowq_max_workers(&uring->ring, limits);
		if (rv != 0)
			log_warn("aio.helpers_limited", "errno=%d", -rv);
	}

	if (sched_getaffinity(getpid(), sizeof(all), &all) != 0) /* the main thread's */
		return;
	rv = io_uring_register_iowq_aff(&uring->ring, sizeof(all), &all);
	if (rv != 0)
		log_warn("aio.helpers_pinned", "errno=%d", -rv);
}

static void register_buffers(struct uring *uring)
{
	struct iovec all = { .iov_base = uring->buffers, .iov_len = uring->buffer_bytes };
	int rv = io_uring_register_buffers(&uring->ring, &all, 1);

	uring->is_fixed = rv == 0;
	if (rv != 0) /* RLIMIT_MEMLOCK of an unprivileged user: slower, not wrong */
		log_warn("aio.buffers_not_registered", "errno=%d", -rv);
}

enum hv_code hv_aio_open(const struct hv_aio_config *config, struct hv_aio **ret_io,
			 struct hv_err *err)
{
	struct uring *uring = calloc(1, sizeof(*uring));
	int rv;

	if (uring == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a ring");
	uring->io.ops = &uring_ops;
	uring->doorbell = config->doorbell;
	uring->buffers = config->buffers;
	uring->buffer_bytes = config->buffer_bytes;
	rv = open_ring(uring, config->operations + 1, config->is_looked_at);
	if (rv != 0) {
		free(uring);
		return hv_fail_os(err, HV_E_OS, -rv,
				  "open an io_uring (is kernel.io_uring_disabled set?)");
	}
	free_helpers(uring, config->helpers);
	if (config->buffers != NULL)
		register_buffers(uring);
	*ret_io = &uring->io;
	return HV_OK;
}
