/*
 * memory - bytes to and from a partition's memory, by its file: pages that a transfer
 * holds have their frames, so that no copy makes one (IO2).
 *
 * Contract
 *   Threads  any; who copies is inside of its adapter's gate, or is the fault thread.
 *   Memory   the file is lent.
 *   Errors   false: a page has no frame (its partition has thrown it away meanwhile),
 *            or the file says so. What was copied before stays.
 */
#ifndef HVCORE_IO_MEMORY_H
#define HVCORE_IO_MEMORY_H

#include "hvcore/io/visits.h"
#include "hvcore/mem/tce.h"

struct hv_io_memory {
	int file;
	bool is_paged;          /* a page without a frame is refused, not made */
	_Atomic uint64_t waits; /* pages that had none */
	struct hv_visits visits;
};

/* All that the spans say, one behind the other. */
HV_MUST_USE
bool hv_io_copy_in(struct hv_io_memory *memory, const struct hv_tce_span *spans,
		   unsigned count, void *to);
/* The first `bytes` of what the spans say. */
HV_MUST_USE
bool hv_io_copy_out(struct hv_io_memory *memory, const struct hv_tce_span *spans,
		    unsigned count, const void *from, uint32_t bytes);

#endif
