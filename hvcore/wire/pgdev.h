/*
 * pgdev - the header of a paging device, and where slots lie on it.
 *
 *   0                 header A, one page   \ written in turn; the valid one with
 *   HV_PAGE_BYTES     header B, one page   / the higher sequence counts (torn write:
 *                                            the other)
 *   2 pages           slot 0, slot 1, ... of HV_PAGE_BYTES
 *
 * Usable size counts (SPEC V4): slots = (raw bytes - header) / HV_PAGE_BYTES.
 * Ownership: `host` and `owner_epoch` say whose device it is; a VIOS told to open
 * it with an older epoch, or for another host, refuses (STALE, BUSY).
 *
 * P9: an open-file-description write lock on byte HV_PGDEV_LOCK_BASE + lock_byte is
 * held by each VIOS incarnation from open to the end of its last I/O; the
 * hypervisor asks with F_OFD_GETLK whether it is gone.
 *
 * Contract: pure; bytes are little-endian on the device whatever the host is.
 */
#ifndef HVCORE_WIRE_PGDEV_H
#define HVCORE_WIRE_PGDEV_H

#include "hvcore/base/units.h"

#define HV_PGDEV_MAGIC "TARNPGD1"
#define HV_PGDEV_VERSION 1
#define HV_PGDEV_HEADER_BYTES (2 * HV_PAGE_BYTES)
#define HV_PGDEV_LOCK_BASE (INT64_C(1) << 60) /* beyond any device */
#define HV_PGDEV_ID_BYTES 16

struct hv_pgdev_header {
	uint8_t id[HV_PGDEV_ID_BYTES]; /* of the device, random, for ever */
	uint64_t bytes;                /* raw size when it was made */
	uint32_t page_bytes;
	uint64_t sequence;               /* of this header; higher wins */
	uint64_t owner_epoch;            /* grows with each change of owner */
	uint8_t host[HV_PGDEV_ID_BYTES]; /* agent id of the owning host */
	char host_name[HV_NAME_BYTES];   /* for messages */
};

void hv_pgdev_encode(const struct hv_pgdev_header *header, uint8_t page[HV_PAGE_BYTES]);

/* CORRUPT not ours or damaged; VERSION of a later Tarn. */
HV_MUST_USE
enum hv_code hv_pgdev_decode(const uint8_t page[HV_PAGE_BYTES],
			     struct hv_pgdev_header *ret_header, struct hv_err *err);

/* Of the two copies the valid one with the higher sequence; *ret_copy 0 or 1. */
HV_MUST_USE
enum hv_code hv_pgdev_choose(const uint8_t pages[2 * HV_PAGE_BYTES],
			     struct hv_pgdev_header *ret_header, unsigned *ret_copy,
			     struct hv_err *err);

static inline uint64_t hv_pgdev_slots(uint64_t raw_bytes)
{
	return raw_bytes <= HV_PGDEV_HEADER_BYTES
		       ? 0
		       : (raw_bytes - HV_PGDEV_HEADER_BYTES) / HV_PAGE_BYTES;
}

static inline uint64_t hv_pgdev_slot_offset(uint32_t slot)
{
	return HV_PGDEV_HEADER_BYTES + (uint64_t)slot * HV_PAGE_BYTES;
}

#endif
