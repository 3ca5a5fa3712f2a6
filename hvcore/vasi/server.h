/*
 * server - the VIOS's half of one lane: takes requests, gives answers.
 *
 * The hypervisor is trusted with the pages, but a descriptor is checked all the
 * same: a VIOS must not write where nobody meant it to.
 *
 * Contract
 *   Threads  one, the server thread of the lane; the heartbeat too.
 *   Memory   embedded; the window outlives it.
 *   Errors   take: AGAIN nothing there, CORRUPT a tail or head that cannot be, or
 *            more requests at once than there are buffers.
 *   Order    answers in any order, exactly one for each request taken.
 */
#ifndef HVCORE_VASI_SERVER_H
#define HVCORE_VASI_SERVER_H

#include "hvcore/vasi/window.h"

#include <stdbool.h>

struct hv_vasi_server {
	/* private */
	struct hv_lane *lane;
	uint8_t *buffers;
	uint64_t epoch;
	int request_doorbell;
	int completion_doorbell;
	uint32_t request_head;
	uint32_t completion_tail;
	uint32_t published_tail;
	uint32_t taken; /* and not answered yet */
};

void hv_vasi_server_init(struct hv_vasi_server *server, const struct hv_window *window,
			 unsigned lane, uint64_t epoch);

HV_MUST_USE
enum hv_code hv_vasi_server_take(struct hv_vasi_server *server,
				 struct hv_request *ret_request, struct hv_err *err);

/*
 * 0, or the errno to answer: ESTALE another epoch, EINVAL an unknown operation,
 * pages out of range, buffers that are not this operation's. The device and the
 * slots are the caller's to check.
 */
int hv_vasi_server_check(const struct hv_vasi_server *server,
			 const struct hv_request *request);

/* result: pages done, or a negated errno. Seen by the peer after the flush. */
void hv_vasi_server_answer(struct hv_vasi_server *server, uint64_t tag, int result);
void hv_vasi_server_flush(struct hv_vasi_server *server);

bool hv_vasi_server_may_sleep(struct hv_vasi_server *server);
void hv_vasi_server_awake(struct hv_vasi_server *server);

/* Without falling asleep: nothing is there to be taken, and the peer waits for us. */
bool hv_vasi_server_is_quiet(const struct hv_vasi_server *server);

/* This thread is alive: at least every heartbeat_ms of WELCOME. */
void hv_vasi_server_beat(struct hv_vasi_server *server);

static inline uint8_t *hv_vasi_server_buffer(const struct hv_vasi_server *server,
					     uint32_t buffer)
{
	return server->buffers + (size_t)buffer * HV_PAGE_BYTES;
}

#endif
