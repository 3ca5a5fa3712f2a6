/*
 * fill - writes a file with zeros from end to end, so that each of its blocks has its
 * place on the disk for good.
 *
 * Contract
 *   Threads  any, blocking. Progress is told about once a second.
 *   Errors   NOSPC the disk is full, CANCELED, NOMEM, IO, OS. What was written stays.
 */
#ifndef VIOS_FILL_H
#define VIOS_FILL_H

#include "vios/format.h"

HV_MUST_USE
enum hv_code vios_fill(const struct vios_target *target, uint64_t bytes,
		       const struct vios_format *format, struct hv_err *err);

#endif
