/*
 * disk_file - where a host keeps the virtual disks that are its own: the hypervisor
 * makes them, the agent removes them.
 *
 *   STATE/disks/NAME-SLOT
 *
 * Names of partitions have dashes, too: "db1-2-3" is slot 3 of "db1-2", and nothing of
 * "db1".
 *
 * Contract
 *   Threads  any; no I/O.
 *   Errors   LIMIT the path is too long.
 */
#ifndef HVCORE_WIRE_DISK_FILE_H
#define HVCORE_WIRE_DISK_FILE_H

#include "hvcore/base/err.h"
#include "hvcore/base/file.h"
#include "hvcore/base/units.h"

#include <stdbool.h>
#include <stdint.h>

#define HV_DISK_FILE_BYTES (HV_NAME_BYTES + 11) /* a dash and a number of 32 bits */

HV_MUST_USE
enum hv_code hv_disk_directory(const char *state, char path[HV_FILE_PATH_BYTES],
			       struct hv_err *err);

/* The file's name in that directory. */
void hv_disk_file(const char *name, uint32_t slot, char file[HV_DISK_FILE_BYTES]);

/* Is it, in that directory, a disk of the partition of that name? */
bool hv_disk_file_is_of(const char *file, const char *name);

#endif
