/*
 * link_io - device I/O of a lane whose devices another host has: aio.h over a connection
 * of its own to the VIOS that exports them.
 *
 *   queue --> waiting (reads, writes) --batch, at most 8 of a kind in flight--> flight
 *                 |                                                               |
 *                 '-- a read, unanswered, and the link is silent: -EIO            |
 *   next  <------------------------- results, page by page checked <-------------'
 *
 * What waits while all flights are out goes together in the next one: batches grow with
 * the load, and a lone read does not wait.
 *
 * An operation's descriptor is its handle over there, its offset that of its slot. A
 * read that nobody answers is an error after half the link's patience (a mirror has another side);
 * a write is never answered without the other's word: it may have been done, or may be
 * yet. When the link is over, wait() fails, and the lane ends with it.
 *
 * Contract
 *   Threads  one, the lane's; it opens it, too.
 *   Memory   of fixed size, but for messages: rpc.h allocates them.
 *   Errors   -EIO also for a page that is not what its sum says. wait: the code of
 *            what ended the link.
 */
#ifndef VIOS_LINK_IO_H
#define VIOS_LINK_IO_H

#include "hvcore/aio/aio.h"
#include "vios/link.h"

struct vios_link_io_config {
	const char *url;
	unsigned patience_ms;
	struct vios_link_state *state;
	int doorbell;
};

HV_MUST_USE
enum hv_code vios_link_io_open(const struct vios_link_io_config *config,
			       struct hv_aio **ret_io, struct hv_err *err);

#endif
