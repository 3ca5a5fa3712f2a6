/*
 * io_window - an adapter's window of translation control entries: which of its logical
 * pages a device may reach, and under which I/O bus address.
 *
 * The hypervisor may have to bring a page before its entry is good; it says so, and is
 * asked again until it is there. So mapping may wait as long as a fault does.
 *
 * Contract
 *   Threads  any, on different entries.
 *   Memory   the calls are lent.
 *   Errors   LoPAR codes: H_NOT_ENOUGH_RESOURCES where the partition has mapped all that
 *            it is entitled to.
 *   Units    entries; entry n is at bus address n * HV_PAGE_BYTES.
 */
#ifndef AGENT_PARTITION_IO_WINDOW_H
#define AGENT_PARTITION_IO_WINDOW_H

#include "agent/partition/calls.h"
#include "hvcore/base/units.h"

struct io_window {
	struct partition_calls *calls;
	uint64_t unit; /* the adapter's, and its window's LIOBN */
};

static inline uint64_t io_window_address(uint32_t entry)
{
	return (uint64_t)entry * HV_PAGE_BYTES;
}

/* permission: HV_TCE_READ, HV_TCE_WRITE or both: what the device may do. */
HV_MUST_USE
int64_t io_window_map(const struct io_window *window, uint32_t entry, uint64_t logical,
		      uint64_t permission);
/* Waits while a transfer goes through it. */
HV_MUST_USE
int64_t io_window_unmap(const struct io_window *window, uint32_t entry);

/* What happens next in any queue moves this on: read it, look, then wait. */
uint32_t io_events(const struct partition_calls *calls);
void io_events_wait(const struct partition_calls *calls, uint32_t seen,
		    unsigned timeout_ms);
/* Whoever waits looks now. */
void io_events_wake(const struct partition_calls *calls);

#endif
