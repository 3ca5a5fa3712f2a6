/*
 * target - a file or block device that is, or may become, a paging device.
 *
 * Opens it as the serving path does: read-write, O_DIRECT where it can, else
 * buffered. Refuses what pages must not go to: memory file systems (P16: the page
 * would leave one part of memory for another), directories, pipes, character
 * devices. Its calls go through one table, so that a test can let any of them fail.
 *
 * Contract
 *   Threads  any; calls block for as long as the device does.
 *   Memory   an open target owns its descriptor.
 *   Errors   NOTFOUND, DENIED, REFUSED (of a kind that cannot be one), IO, OS,
 *            BUSY where a lock byte is held by somebody else.
 *   Units    bytes; offsets and lengths are multiples of HV_PAGE_BYTES, buffers
 *            are aligned to it.
 */
#ifndef VIOS_TARGET_H
#define VIOS_TARGET_H

#include "hvcore/wire/pgdev.h"

#include <stdbool.h>
#include <sys/types.h>

struct vios_disk {
	ssize_t (*read)(int fd, void *to, size_t bytes, off_t at);
	ssize_t (*write)(int fd, const void *from, size_t bytes, off_t at);
	int (*sync)(int fd);
};
extern const struct vios_disk vios_disk_real;

struct vios_target {
	int fd;
	bool is_block;
	bool is_direct;
	bool may_block; /* handing an operation to the kernel may take as long as it does */
	uint64_t bytes;
	uint64_t dev, inode; /* the same for each name of one device (P16) */
	const struct vios_disk *disk;
};

/* disk NULL: the real calls. */
HV_MUST_USE
enum hv_code vios_target_open(const char *path, const struct vios_disk *disk,
			      struct vios_target *ret_target, struct hv_err *err);
/* Takes fd over, also where it fails. */
HV_MUST_USE
enum hv_code vios_target_adopt(int fd, const char *path, const struct vios_disk *disk,
			       struct vios_target *ret_target, struct hv_err *err);
void vios_target_close(struct vios_target *target);

/*
 * P9: open-file-description write locks on bytes first..first+count-1 of the two
 * lock bytes. They go when the last request in flight on this descriptor has ended
 * and it is closed, whoever dies meanwhile.
 */
HV_MUST_USE
enum hv_code vios_target_lock(const struct vios_target *target, unsigned first,
			      unsigned count, struct hv_err *err);
/* Whether somebody else holds lock byte `byte`. */
HV_MUST_USE
enum hv_code vios_target_is_locked(const struct vios_target *target, unsigned byte,
				   bool *ret_is_locked, struct hv_err *err);

/* All bytes, or an error; a device that ends early is IO. */
HV_MUST_USE
enum hv_code vios_target_read(const struct vios_target *target, void *to, size_t bytes,
			      uint64_t at, struct hv_err *err);
/* NOSPC is told apart from IO. Not yet safe: sync it. */
HV_MUST_USE
enum hv_code vios_target_write(const struct vios_target *target, const void *from,
			       size_t bytes, uint64_t at, struct hv_err *err);
HV_MUST_USE
enum hv_code vios_target_sync(const struct vios_target *target, struct hv_err *err);

/* Memory for O_DIRECT: aligned to HV_PAGE_BYTES, zeroed; free() it. NULL: none. */
HV_MUST_USE
void *vios_aligned(size_t bytes);

#endif
