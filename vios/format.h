/*
 * format - makes a paging device, gives it up, tells what it is: the one-shot
 * commands of tarn-vios.
 *
 * vios_format
 *   there is no file        made where may_create, zeros from end to end, header last
 *   it holds nothing        the same, in place (a block device: header only)
 *   it is ours already      nothing, or the header renewed for a higher owner epoch
 *   given up (--wipe)       a new header; it was written before
 *   anything else           refused, unchanged
 *
 * Written in full beforehand (P16), so that a page-out never waits for the file
 * system to find a block, and never learns that there is none. A format that was
 * killed leaves zeros: the next one completes it.
 *
 * Contract
 *   Threads  any, blocking.
 *   Errors   INVAL, NOTFOUND; REFUSED (memory file system, holds something); BUSY
 *            (another device, another host: named; in use; mounted); STALE (an older
 *            owner epoch); NOSPC (too small, disk full: a file that was made is
 *            removed again); CANCELED; IO, OS, NOMEM.
 */
#ifndef VIOS_FORMAT_H
#define VIOS_FORMAT_H

#include "vios/header.h"

#include <stdio.h>

struct vios_format {
	const char *path;
	uint64_t bytes; /* raw size of a file to be made; else at least; 0 = as it is */
	uint8_t id[HV_PGDEV_ID_BYTES];
	uint8_t host[HV_PGDEV_ID_BYTES];
	const char *host_name;
	uint64_t owner_epoch;
	bool may_create;
	const struct vios_disk *disk;                     /* NULL: the real calls */
	void (*on_progress)(uint64_t done, uint64_t all); /* NULL: none */
	bool (*is_canceled)(void);                        /* NULL: never */
};

HV_MUST_USE
enum hv_code vios_format(const struct vios_format *format, struct hv_err *err);

/* Nobody's from now on, but still a paging device: format takes it. */
HV_MUST_USE
enum hv_code vios_wipe(const char *path, const uint8_t id[HV_PGDEV_ID_BYTES],
		       const struct vios_disk *disk, struct hv_err *err);

/* key=value lines. */
HV_MUST_USE
enum hv_code vios_inspect(const char *path, FILE *out, struct hv_err *err);

#endif
