/* requests - see requests.h. */
#include "vios/requests.h"

#include <errno.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#define SYNC_COOKIE 0x10000u /* cookies: a request's index, or a sync's handle | this */

static_assert(HV_RING_SIZE < SYNC_COOKIE, "indices below");

void vios_requests_init(struct vios_requests *requests, unsigned lane,
			struct hv_vasi_server *server, struct vios_table *table,
			struct hv_aio *io, struct hv_window_head *counts)
{
	requests->lane = lane;
	requests->server = server;
	requests->table = table;
	requests->io = io;
	requests->counts = counts;
	requests->in_flight = 0;
	requests->reads = 0;
	requests->free = 0;
	for (unsigned i = 0; i < HV_RING_SIZE; i++)
		requests->requests[i].next = (uint16_t)(i + 1);
	requests->requests[HV_RING_SIZE - 1].next = VIOS_NONE;
	for (unsigned i = 0; i < HV_DEVICES_MAX; i++)
		requests->syncs[i] = (struct vios_sync){ VIOS_NONE, VIOS_NONE, false };
}

static void count_answer(struct vios_requests *requests, const struct hv_request *asked,
			 int error)
{
	struct hv_window_head *counts = requests->counts;

	if (error != 0)
		atomic_fetch_add_explicit(&counts->errors, 1, memory_order_relaxed);
	else if (asked->op == HV_OP_READ)
		atomic_fetch_add_explicit(&counts->reads, asked->pages,
					  memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&counts->writes, asked->pages,
					  memory_order_relaxed);
}

static void answer(struct vios_requests *requests, const struct hv_request *asked,
		   int error)
{
	count_answer(requests, asked, error);
	hv_vasi_server_answer(requests->server, asked->tag,
			      error != 0 ? -error : asked->pages);
}

/* The first error of a device is worth a line; the rest are counted. */
static void note_error(struct vios_requests *requests, const struct hv_request *asked,
		       int error)
{
	struct vios_entry *entry = &requests->table->entries[asked->device];

	if (atomic_fetch_add(&entry->errors, 1) == 0)
		log_warn("vios.device_error", "handle=%u op=%s slot=%u pages=%u errno=%d",
			 asked->device, asked->op == HV_OP_READ ? "read" : "write",
			 asked->slot, asked->pages, error);
}

/* Ends a request of the table: answered, its device and its place given back. */
static void end(struct vios_requests *requests, uint16_t index, int error)
{
	struct vios_request *request = &requests->requests[index];

	if (error != 0)
		note_error(requests, &request->asked, error);
	answer(requests, &request->asked, error);
	request->device = NULL;
	request->next = requests->free;
	requests->free = index;
	requests->in_flight--;
	requests->reads -= request->asked.op == HV_OP_READ;
	vios_table_put(requests->table, request->asked.device);
}

static void queue_rest(struct vios_requests *requests, uint16_t index)
{
	const struct vios_request *request = &requests->requests[index];
	const struct hv_request *asked = &request->asked;
	struct hv_aio_op op = {
		.kind = asked->op == HV_OP_READ ? HV_AIO_READ : HV_AIO_WRITE,
		.may_block = request->device->target.may_block,
		.fd = request->device->target.fd,
		.at = hv_vasi_server_buffer(requests->server,
					    asked->buffer + request->done),
		.bytes = (asked->pages - request->done) * HV_PAGE_BYTES,
		.offset = hv_pgdev_slot_offset(asked->slot + request->done),
		.cookie = index,
		.owner = request->device->key,
	};

	requests->io->ops->queue(requests->io, &op);
}

/* 0, or the errno to answer. Takes the device. */
static int check(struct vios_requests *requests, const struct hv_request *asked,
		 struct vios_device **ret_device)
{
	int error = hv_vasi_server_check(requests->server, asked);

	if (error == 0)
		error = vios_table_get(requests->table, asked->device, ret_device);
	if (error != 0)
		return error;
	if (asked->slot < (*ret_device)->slots &&
	    asked->pages <= (*ret_device)->slots - asked->slot)
		return 0;
	vios_table_put(requests->table, asked->device);
	return EINVAL;
}

void vios_requests_start(struct vios_requests *requests, const struct hv_request *asked)
{
	struct vios_device *device = NULL;
	struct vios_request *request;
	int error = check(requests, asked, &device);
	uint16_t index = requests->free;

	if (error != 0) {
		answer(requests, asked, error);
		return;
	}
	HV_INVARIANT(index != VIOS_NONE); /* the server half takes no more than these */
	request = &requests->requests[index];
	requests->free = request->next;
	requests->in_flight++;
	requests->reads += asked->op == HV_OP_READ;
	*request = (struct vios_request){
		.asked = *asked,
		.device = device,
		.next = VIOS_NONE,
	};
	queue_rest(requests, index);
}

static void start_sync(struct vios_requests *requests, uint32_t handle)
{
	struct vios_sync *sync = &requests->syncs[handle];
	const struct vios_request *first = &requests->requests[sync->waiting];
	struct hv_aio_op op = {
		.kind = HV_AIO_SYNC,
		.fd = first->device->sync_fd[requests->lane],
		.cookie = SYNC_COOKIE | handle,
	};

	HV_INVARIANT(!sync->is_running);
	HV_INVARIANT(sync->running == VIOS_NONE);
	sync->running = sync->waiting;
	sync->waiting = VIOS_NONE;
	sync->is_running = true;
	requests->io->ops->queue(requests->io, &op);
}

/* The kernel tells a write-back error once; it counts for all that comes after. */
static bool is_lost(struct vios_requests *requests, uint32_t handle)
{
	return vios_table_state(requests->table, handle) == VIOS_STATE_LOST;
}

static void wait_for_sync(struct vios_requests *requests, uint16_t index)
{
	struct vios_request *request = &requests->requests[index];
	struct vios_sync *sync = &requests->syncs[request->asked.device];

	if (is_lost(requests, request->asked.device)) {
		end(requests, index, EIO);
		return;
	}
	request->next = sync->waiting;
	sync->waiting = index;
	if (!sync->is_running)
		start_sync(requests, request->asked.device);
}

static void end_list(struct vios_requests *requests, uint16_t first, int error)
{
	while (first != VIOS_NONE) {
		uint16_t next = requests->requests[first].next;

		end(requests, first, error);
		first = next;
	}
}

/* P16: what was waiting was written to a device that lost other writes. */
static void lose(struct vios_requests *requests, uint32_t handle, int error)
{
	struct vios_sync *sync = &requests->syncs[handle];
	uint16_t waiting = sync->waiting;

	sync->waiting = VIOS_NONE;
	if (vios_table_lose(requests->table, handle))
		log_error("vios.device_lost", "handle=%u errno=%d", handle, error);
	end_list(requests, waiting, EIO);
}

static void finish_sync(struct vios_requests *requests, uint32_t handle, int result)
{
	struct vios_sync *sync = &requests->syncs[handle];
	uint16_t batch = sync->running;

	HV_INVARIANT(sync->is_running);
	sync->is_running = false;
	sync->running = VIOS_NONE;
	if (result >= 0 && is_lost(requests, handle))
		result = -EIO; /* another lane was told */
	if (result < 0)
		lose(requests, handle, -result);
	else if (sync->waiting != VIOS_NONE)
		start_sync(requests, handle);
	end_list(requests, batch, result < 0 ? EIO : 0);
}

/*
 * Short I/O goes on from the last whole page. No progress is tried again a few
 * times (a signal, memory for a moment); the end of the device is an error.
 */
static void finish_part(struct vios_requests *requests, uint16_t index, int result)
{
	struct vios_request *request = &requests->requests[index];
	unsigned left = request->asked.pages - request->done;
	unsigned pages;

	if (result == 0 || result > (int)(left * HV_PAGE_BYTES)) {
		end(requests, index, EIO);
		return;
	}
	if (result < 0 && result != -EINTR && result != -EAGAIN) {
		end(requests, index, -result);
		return;
	}
	pages = result > 0 ? (unsigned)result / HV_PAGE_BYTES : 0;
	request->done = (uint16_t)(request->done + pages);
	request->tries = pages > 0 ? 0 : (uint16_t)(request->tries + 1);
	if (request->tries > VIOS_TRIES_MAX)
		end(requests, index, EIO);
	else if (request->done < request->asked.pages)
		queue_rest(requests, index);
	else if (request->asked.op == HV_OP_WRITE && !request->device->target.is_direct)
		wait_for_sync(requests, index);
	else
		end(requests, index, 0);
}

void vios_requests_finish(struct vios_requests *requests, const struct hv_aio_done *done)
{
	if ((done->cookie & SYNC_COOKIE) != 0) {
		HV_INVARIANT((done->cookie ^ SYNC_COOKIE) < HV_DEVICES_MAX);
		finish_sync(requests, done->cookie ^ SYNC_COOKIE, done->result);
		return;
	}
	HV_INVARIANT(done->cookie < HV_RING_SIZE);
	HV_INVARIANT(requests->requests[done->cookie].device != NULL);
	finish_part(requests, (uint16_t)done->cookie, done->result);
}
