/* server - see server.h. */
#include "hvcore/vasi/server.h"

#include <errno.h>

#include "hvcore/base/invariant.h"
#include "hvcore/vasi/ring_priv.h"
#include "hvcore/vasi/runs.h"

void hv_vasi_server_init(struct hv_vasi_server *server, const struct hv_window *window,
			 unsigned lane, uint64_t epoch)
{
	HV_INVARIANT(lane < window->lanes);
	*server = (struct hv_vasi_server){
		.lane = hv_window_lane(window, lane),
		.buffers = hv_window_buffer(window, lane, 0),
		.epoch = epoch,
		.request_doorbell = window->request_doorbell[lane],
		.completion_doorbell = window->completion_doorbell[lane],
	};
}

/*
 * Answers that are owed or not read yet: each needs its place in the ring. An
 * honest peer has at most HV_LANE_BUFFERS requests out, so there is always room.
 */
static enum hv_code check_room(const struct hv_vasi_server *server, struct hv_err *err)
{
	uint32_t head = atomic_load_explicit(&server->lane->completion_head,
					     memory_order_acquire);
	uint32_t unread = server->completion_tail - head;

	if (unread > HV_RING_SIZE)
		return hv_fail(err, HV_E_CORRUPT, "completion head %u, tail %u", head,
			       server->completion_tail);
	if (server->taken + unread >= HV_RING_SIZE)
		return hv_fail(err, HV_E_CORRUPT, "%u requests at once",
			       server->taken + unread + 1);
	return HV_OK;
}

enum hv_code hv_vasi_server_take(struct hv_vasi_server *server,
				 struct hv_request *ret_request, struct hv_err *err)
{
	struct hv_lane *lane = server->lane;
	uint32_t tail = atomic_load_explicit(&lane->request_tail, memory_order_acquire);
	enum hv_code code;

	if (tail == server->request_head)
		return HV_E_AGAIN;
	if (tail - server->request_head > HV_RING_SIZE)
		return hv_fail(err, HV_E_CORRUPT, "request tail %u, head %u", tail,
			       server->request_head);
	code = check_room(server, err);
	if (code != HV_OK)
		return code;
	*ret_request = lane->requests[server->request_head & RING_MASK];
	ring_copied();
	server->request_head++;
	server->taken++;
	atomic_store_explicit(&lane->request_head, server->request_head,
			      memory_order_release);
	return HV_OK;
}

int hv_vasi_server_check(const struct hv_vasi_server *server,
			 const struct hv_request *request)
{
	if (request->epoch != server->epoch)
		return ESTALE;
	if (request->op != HV_OP_READ && request->op != HV_OP_WRITE)
		return EINVAL;
	if (!hv_runs_fit((enum hv_request_op)request->op, request->buffer,
			 request->pages))
		return EINVAL;
	return 0;
}

void hv_vasi_server_answer(struct hv_vasi_server *server, uint64_t tag, int result)
{
	struct hv_lane *lane = server->lane;

	HV_INVARIANT(server->taken > 0);
	server->taken--;
	lane->completions[server->completion_tail & RING_MASK] = (struct hv_completion){
		.tag = tag,
		.epoch = server->epoch,
		.result = result,
	};
	server->completion_tail++;
}

void hv_vasi_server_flush(struct hv_vasi_server *server)
{
	if (server->published_tail == server->completion_tail)
		return;
	server->published_tail = server->completion_tail;
	ring_publish(&server->lane->completion_tail, server->completion_tail,
		     &server->lane->completion_asleep, server->completion_doorbell);
}

bool hv_vasi_server_may_sleep(struct hv_vasi_server *server)
{
	HV_INVARIANT(server->published_tail == server->completion_tail);
	return ring_may_sleep(&server->lane->request_tail, server->request_head,
			      &server->lane->request_asleep);
}

void hv_vasi_server_awake(struct hv_vasi_server *server)
{
	atomic_store_explicit(&server->lane->request_asleep, 0, memory_order_relaxed);
}

bool hv_vasi_server_is_quiet(const struct hv_vasi_server *server)
{
	const struct hv_lane *lane = server->lane;

	return atomic_load_explicit(&lane->request_tail, memory_order_relaxed) ==
		       server->request_head &&
	       atomic_load_explicit(&lane->completion_asleep, memory_order_relaxed) != 0;
}

void hv_vasi_server_beat(struct hv_vasi_server *server)
{
	atomic_fetch_add_explicit(&server->lane->heartbeat, 1, memory_order_relaxed);
}
