/*
 * blank - does a file or block device hold something that somebody may want back?
 *
 * A file must be zeros from end to end (holes are not read). A block device is too
 * large to ask: its first and last mebibyte must be zeros, where partition tables,
 * file systems, RAID and LVM leave their marks; and nobody may have it mounted or
 * otherwise claimed.
 *
 * Contract
 *   Threads  any; reads up to the whole file.
 *   Errors   REFUSED something is there, with what it looks like and the remedy;
 *            BUSY claimed by the system; IO, NOMEM, OS.
 */
#ifndef VIOS_BLANK_H
#define VIOS_BLANK_H

#include "vios/target.h"

HV_MUST_USE
enum hv_code vios_blank_check(const struct vios_target *target, const char *path,
			      struct hv_err *err);

/* What the first bytes of a device look like, or NULL. */
const char *vios_blank_name(const uint8_t *start, size_t bytes);

#endif
