/*
 * requests - what a lane does with each request, from descriptor to answer.
 *
 *             check        queue            all done, O_DIRECT
 *   taken ------------> running -------------------------------> answered
 *     |                  |  ^ |                                      ^
 *     | bad              |  '-' short: the rest again                |
 *     |                  |                                           |
 *     |                  | written, buffered                         |
 *     |                  '------> waiting ----> syncing -------------'
 *     '----------------------------------------> error ---------------'
 *
 * Syncs of one device are batched: what was written while one runs waits for the
 * next (P16: acknowledged after fdatasync; one failure loses the device).
 *
 * Contract
 *   Threads  one, the lane's.
 *   Errors   travel as answers; start and finish do not fail.
 *   Memory   embedded; HV_RING_SIZE requests, as the server half bounds them.
 */
#ifndef VIOS_REQUESTS_H
#define VIOS_REQUESTS_H

#include "hvcore/aio/aio.h"
#include "hvcore/vasi/server.h"
#include "vios/table.h"

#define VIOS_NONE UINT16_MAX
#define VIOS_TRIES_MAX 8 /* short or interrupted without progress; arbitrary */

struct vios_request {
	struct hv_request asked;
	struct vios_device *device;
	uint16_t done; /* pages */
	uint16_t tries;
	uint16_t next; /* free, or in a sync's list */
};

struct vios_sync {
	uint16_t waiting; /* written since the running one began */
	uint16_t running; /* answered when it ends */
	bool is_running;
};

struct vios_requests {
	/* private */
	unsigned lane;
	struct hv_vasi_server *server;
	struct vios_table *table;
	struct hv_aio *io;
	struct hv_window_head *counts;
	unsigned in_flight;
	unsigned reads; /* of these */
	uint16_t free;
	struct vios_request requests[HV_RING_SIZE];
	struct vios_sync syncs[HV_DEVICES_MAX];
};

/* Most operations at once: each request has at most one, syncs stand for requests. */
#define VIOS_OPERATIONS_MAX HV_RING_SIZE

void vios_requests_init(struct vios_requests *requests, unsigned lane,
			struct hv_vasi_server *server, struct vios_table *table,
			struct hv_aio *io, struct hv_window_head *counts);

/* A request that the server half has taken: queued, or answered with an error. */
void vios_requests_start(struct vios_requests *requests, const struct hv_request *asked);

/* A result of an operation that was queued here (not the doorbell). */
void vios_requests_finish(struct vios_requests *requests, const struct hv_aio_done *done);

static inline unsigned vios_requests_in_flight(const struct vios_requests *requests)
{
	return requests->in_flight;
}

static inline unsigned vios_requests_reads(const struct vios_requests *requests)
{
	return requests->reads;
}

#endif
