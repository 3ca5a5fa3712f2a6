/*
 * plan - what a disk makes of a command: pure.
 *
 * Contract: whatever the command, the plan stays within the disk and within the bytes
 * that the command brought.
 */
#ifndef HVCORE_IO_PLAN_H
#define HVCORE_IO_PLAN_H

#include "hvcore/wire/io.h"

enum hv_disk_work {
	HV_DISK_ANSWER, /* nothing of the device: `data`, or only the response */
	HV_DISK_READ,
	HV_DISK_WRITE,
	HV_DISK_SYNC,
};

struct hv_disk_plan {
	enum hv_disk_work work;
	uint64_t offset; /* READ, WRITE: bytes on the device */
	uint32_t bytes;  /* to copy: READ, WRITE, and ANSWER of `data` */
	uint8_t data[HV_INQUIRY_BYTES];
	struct hv_srp_response response; /* if nothing goes wrong */
};

static_assert(HV_INQUIRY_BYTES >= HV_CAPACITY_BYTES, "either fits");

void hv_disk_plan(const struct hv_srp_command *command, uint64_t disk_bytes,
		  struct hv_disk_plan *ret_plan);

/* The response that a device's errno makes of it. */
void hv_disk_fail(struct hv_disk_plan *plan, int error);

#endif
