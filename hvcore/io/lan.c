/* lan - see lan.h. The lower half runs on the I/O thread. */
#include "hvcore/io/lan.h"

#include <stdlib.h>

#include "hvcore/base/invariant.h"

static_assert(HV_LAN_BUFFERS <= HV_IO_RING_SLOTS, "all may be in one ring");
static_assert(HV_LAN_BUFFERS < HV_IO_QUEUE_ENTRIES, "who reads loses no arrival");
static_assert(HV_LAN_FRAME_BYTES_MAX <= HV_LAN_BUFFER_BYTES_MAX, "a buffer can hold any");

enum hv_code hv_lan_port_open(uint16_t vlan, uint64_t mac, struct hv_io_memory *memory,
			      struct hv_io_owner *owner, struct hv_lan_port **ret_port,
			      struct hv_err *err)
{
	struct hv_lan_port *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return hv_fail(err, HV_E_NOMEM, "a virtual ethernet");
	HV_INVARIANT(vlan >= 1 && vlan <= HV_VLAN_MAX);
	port->vlan = vlan;
	port->mac = mac;
	port->memory = memory;
	port->owner = owner;
	(void)hv_gate_cut(&port->gate);
	for (unsigned i = 0; i < HV_LAN_BUFFERS; i++)
		port->free[i] = (uint16_t)i;
	port->free_count = HV_LAN_BUFFERS;
	for (unsigned i = 0; i < HV_LAN_FRAMES; i++)
		port->frames[i].from = port;
	*ret_port = port;
	return HV_OK;
}

void hv_lan_port_close(struct hv_lan_port *port)
{
	if (port == NULL)
		return;
	HV_INVARIANT(hv_lan_port_is_idle(port));
	free(port);
}

void hv_lan_port_add(struct hv_io_engine *engine, struct hv_lan_port *port)
{
	(void)pthread_mutex_lock(&engine->lock);
	port->next = engine->vlans[port->vlan];
	engine->vlans[port->vlan] = port;
	(void)pthread_mutex_unlock(&engine->lock);
}

void hv_lan_port_remove(struct hv_io_engine *engine, struct hv_lan_port *port)
{
	struct hv_lan_port **at;

	(void)pthread_mutex_lock(&engine->lock);
	while (engine->at == port)
		(void)pthread_cond_wait(&engine->moved, &engine->lock);
	at = &engine->vlans[port->vlan];
	while (*at != NULL && *at != port)
		at = &(*at)->next;
	if (*at != NULL)
		*at = port->next;
	(void)pthread_mutex_unlock(&engine->lock);
}

/* ---- the fault thread ---- */

struct hv_lan_frame *hv_lan_frame_take(struct hv_lan_port *port)
{
	for (unsigned i = 0; i < HV_LAN_FRAMES; i++)
		if (!atomic_load_explicit(&port->frames[i].is_out, memory_order_acquire))
			return &port->frames[i];
	return NULL;
}

void hv_lan_send(struct hv_io_engine *engine, struct hv_lan_frame *frame)
{
	atomic_store_explicit(&frame->is_out, true, memory_order_relaxed);
	frame->job.kind = HV_IO_FRAME;
	hv_io_engine_post(engine, &frame->job);
}

struct hv_lan_buffer *hv_lan_buffer_next(struct hv_lan_port *port)
{
	return port->free_count == 0 ? NULL
				     : &port->buffers[port->free[port->free_count - 1]];
}

void hv_lan_post(struct hv_lan_port *port)
{
	HV_INVARIANT(port->free_count > 0);
	HV_INVARIANT(hv_io_ring_put(&port->posted, port->free[--port->free_count]));
}

struct hv_lan_buffer *hv_lan_arrival(struct hv_lan_port *port)
{
	uint16_t index;

	return hv_io_ring_take(&port->arrived, &index) ? &port->buffers[index] : NULL;
}

void hv_lan_buffer_give(struct hv_lan_port *port, struct hv_lan_buffer *buffer)
{
	HV_INVARIANT(port->free_count < HV_LAN_BUFFERS);
	port->free[port->free_count++] = (uint16_t)(buffer - port->buffers);
}

struct hv_lan_buffer *hv_lan_take_back(struct hv_lan_port *port)
{
	uint16_t index;

	HV_INVARIANT(atomic_load(&port->gate.state) == HV_GATE_CUT);
	return hv_io_ring_take(&port->posted, &index) ? &port->buffers[index] : NULL;
}

bool hv_lan_port_is_idle(const struct hv_lan_port *port)
{
	for (unsigned i = 0; i < HV_LAN_FRAMES; i++)
		if (atomic_load_explicit(&port->frames[i].is_out, memory_order_acquire))
			return false;
	return true;
}

/* ---- the I/O thread ---- */

/* Inside of the gate, so that posted buffers stay. */
static bool fill_buffer(struct hv_lan_port *port, const struct hv_lan_frame *frame)
{
	struct hv_lan_buffer *buffer;
	uint16_t index;

	if (!hv_io_ring_peek(&port->posted, &index))
		return false;
	buffer = &port->buffers[index];
	if (buffer->bytes < frame->bytes ||
	    !hv_io_copy_out(port->memory, buffer->spans, buffer->count, frame->data,
			    frame->bytes))
		return false;
	buffer->arrived = frame->bytes;
	HV_INVARIANT(hv_io_ring_take(&port->posted, &index));
	HV_INVARIANT(hv_io_ring_put(&port->arrived, index));
	return true;
}

static void give_frame(struct hv_lan_port *port, const struct hv_lan_frame *frame)
{
	bool has_arrived;

	if (!hv_gate_enter(&port->gate))
		return;
	has_arrived = fill_buffer(port, frame);
	hv_gate_leave(&port->gate);
	if (has_arrived)
		port->owner->notify(port->owner);
	else
		(void)atomic_fetch_add(&port->dropped, 1);
}

/*
 * H10: its partition may keep us in the copy for a while, and who adds another port must
 * not wait for that.
 */
static void deliver(struct hv_io_engine *engine, struct hv_lan_port *port,
		    const struct hv_lan_frame *frame)
{
	engine->at = port;
	(void)pthread_mutex_unlock(&engine->lock);
	give_frame(port, frame);
	(void)pthread_mutex_lock(&engine->lock);
	engine->at = NULL;
	(void)pthread_cond_broadcast(&engine->moved);
}

void hv_io_run_frame(struct hv_io_engine *engine, struct hv_lan_frame *frame)
{
	struct hv_lan_port *from = frame->from;
	uint64_t to = hv_lan_mac_take(frame->data);
	bool is_known = hv_lan_is_group(to);

	(void)pthread_mutex_lock(&engine->lock);
	for (struct hv_lan_port *port = engine->vlans[from->vlan]; port != NULL;
	     port = port->next) {
		if (port == from || (port->mac != to && !hv_lan_is_group(to)))
			continue;
		is_known = true;
		deliver(engine, port, frame);
	}
	(void)pthread_mutex_unlock(&engine->lock);
	if (!is_known)
		(void)atomic_fetch_add(&from->dropped, 1);
	/* the last look at it and at its port */
	atomic_store_explicit(&frame->is_out, false, memory_order_release);
}
