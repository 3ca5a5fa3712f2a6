/*
 * io_file - the file or block device behind a virtual disk: opened, checked, locked.
 *
 * Contract
 *   Threads  any; it waits for the file system.
 *   Memory   the descriptor is the caller's, and the lock with it.
 *   Errors   INVAL no file or block device, or below run/ (memory of partitions);
 *            BUSY somebody has it: another disk, a VIOS; REFUSED it is a paging device;
 *            LIMIT a block device that is too small; what the kernel said.
 */
#ifndef HVCORE_HYPERVISOR_IO_FILE_H
#define HVCORE_HYPERVISOR_IO_FILE_H

#include "hvcore/base/err.h"

#include <stdint.h>

struct io_file_ask {
	const char *path; /* made if it is not there, grown (sparse) if it is shorter */
	uint64_t bytes;
	const char *state_dir; /* its run/ is there */
};

HV_MUST_USE
enum hv_code io_file_open(const struct io_file_ask *ask, int *ret_fd, struct hv_err *err);

/* Below the state directory, for one whose partition names none. */
HV_MUST_USE
enum hv_code io_file_own_path(const char *state_dir, const char *name, uint32_t slot,
			      char *path, size_t room, struct hv_err *err);

#endif
