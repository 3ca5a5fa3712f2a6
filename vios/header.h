/*
 * header - reads, checks and renews the header of a paging device.
 *
 * Two copies; a new one replaces the older of the two, so that a torn write leaves
 * the other (hvcore/wire/pgdev.h). A header without an owner (host all zero) is
 * what --wipe leaves: the device is Tarn's, fully written, and anybody may take it.
 *
 * Contract
 *   Threads  any; calls block for as long as the device does.
 *   Errors   read: CORRUPT no header, or both damaged; VERSION; IO; NOMEM.
 *            check: BUSY another device or owner, STALE an older owner epoch,
 *            STATE a newer one or nobody's, NOSPC the device has shrunk.
 */
#ifndef VIOS_HEADER_H
#define VIOS_HEADER_H

#include "vios/target.h"

struct vios_header {
	struct hv_pgdev_header fields;
	unsigned copy; /* which of the two it was */
};

HV_MUST_USE
enum hv_code vios_header_read(const struct vios_target *target,
			      struct vios_header *ret_header, struct hv_err *err);

/* Into the other copy, with the next sequence; synced. *header is what is there now. */
HV_MUST_USE
enum hv_code vios_header_renew(const struct vios_target *target,
			       struct vios_header *header, struct hv_err *err);

/* Both copies, of a device that has none. */
HV_MUST_USE
enum hv_code vios_header_make(const struct vios_target *target,
			      const struct hv_pgdev_header *fields, struct hv_err *err);

/* What a VIOS asks before it serves: is it this device, and still its owner's? */
HV_MUST_USE
enum hv_code vios_header_check(const struct hv_pgdev_header *fields,
			       const uint8_t id[HV_PGDEV_ID_BYTES], uint64_t owner_epoch,
			       uint64_t device_bytes, struct hv_err *err);

bool vios_header_is_owned(const struct hv_pgdev_header *fields);

#define VIOS_ID_TEXT_BYTES (2 * HV_PGDEV_ID_BYTES + 1)
const char *vios_id_format(const uint8_t id[HV_PGDEV_ID_BYTES],
			   char text[VIOS_ID_TEXT_BYTES]);
/* 32 hexadecimal digits. */
HV_MUST_USE
enum hv_code vios_id_parse(const char *text, uint8_t ret_id[HV_PGDEV_ID_BYTES],
			   struct hv_err *err);

#endif
