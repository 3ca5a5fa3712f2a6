/* io_lan - calls and arrivals of virtual ethernets; see io.h. All of it is F's. */
#include "hvcore/hypervisor/io.h"

#include <string.h>

#define ARRIVAL_VALID_BYTES 4 /* of an entry: the word with the toggle */

static int64_t open_queue(struct io *io, struct io_lan *lan, const uint64_t *args,
			  uint64_t *values)
{
	uint32_t address = 0;
	uint32_t bytes = 0;
	int64_t code;

	if (args[1] != 0 || args[3] != 0 || (args[4] != 0 && args[4] != lan->port->mac) ||
	    !hv_lan_descriptor_take(args[2], &address, &bytes))
		return H_PARAMETER;
	code = io_queue_open(io, &lan->queue, args[0], address, bytes);
	if (code != H_SUCCESS)
		return code;
	hv_gate_open(&lan->port->gate);
	values[0] = lan->port->mac;
	return H_SUCCESS;
}

static void drop_buffer(struct io *io, struct io_lan *lan, struct hv_lan_buffer *buffer)
{
	hv_tces_release(io->tces, buffer->spans, buffer->count);
	hv_lan_buffer_give(lan->port, buffer);
}

/* IO3: the gate first; then the I/O thread fills no buffer any more. */
bool io_lan_cut(struct io *io, struct io_lan *lan)
{
	struct hv_lan_buffer *buffer;

	if (!hv_gate_cut(&lan->port->gate))
		return false;
	if (io->tces == NULL)
		return true;
	while ((buffer = hv_lan_arrival(lan->port)) != NULL)
		drop_buffer(io, lan, buffer);
	while ((buffer = hv_lan_take_back(lan->port)) != NULL)
		drop_buffer(io, lan, buffer);
	io_queue_close(io, &lan->queue);
	return true;
}

static int64_t free_queue(struct io *io, struct io_lan *lan)
{
	if (!lan->queue.is_registered)
		return H_CLOSED;
	return io_lan_cut(io, lan) ? H_SUCCESS : H_LONG_BUSY_1_MSEC;
}

static int64_t add_buffer(struct io *io, struct io_lan *lan, const uint64_t *args)
{
	struct hv_lan_buffer *buffer;
	uint32_t address = 0;
	uint32_t bytes = 0;
	int64_t code;

	if (!lan->queue.is_registered)
		return H_CLOSED;
	if (!hv_lan_descriptor_take(args[1], &address, &bytes) ||
	    bytes < HV_LAN_FRAME_BYTES_MIN || bytes > HV_LAN_BUFFER_BYTES_MAX)
		return H_PARAMETER;
	buffer = hv_lan_buffer_next(lan->port);
	if (buffer == NULL)
		return H_RESOURCE;
	code = io_hold(io, args[0], address, bytes, HV_TCE_WRITE, buffer->spans,
		       &buffer->count);
	if (code != H_SUCCESS)
		return code;
	buffer->address = address;
	buffer->bytes = bytes;
	hv_lan_post(lan->port);
	return H_SUCCESS;
}

/* A part of a frame, copied: its entry is held for that long alone. */
static int64_t take_part(struct io *io, uint64_t unit, uint64_t descriptor,
			 struct hv_lan_frame *frame)
{
	struct hv_tce_span spans[HV_LAN_BUFFER_SPANS];
	uint32_t address = 0;
	uint32_t bytes = 0;
	unsigned count = 0;
	int64_t code;

	if (!hv_lan_descriptor_take(descriptor, &address, &bytes) ||
	    bytes > HV_LAN_FRAME_BYTES_MAX - frame->bytes)
		return H_PARAMETER;
	code = io_hold(io, unit, address, bytes, HV_TCE_READ, spans, &count);
	if (code != H_SUCCESS)
		return code;
	if (hv_io_copy_in(&io->memory, spans, count, frame->data + frame->bytes))
		frame->bytes += bytes;
	else
		code = H_PARAMETER; /* it has thrown the page away */
	hv_tces_release(io->tces, spans, count);
	return code;
}

static int64_t fill_frame(struct io *io, const uint64_t *args, struct hv_lan_frame *frame)
{
	int64_t code = H_SUCCESS;
	unsigned i = 1;

	frame->bytes = 0;
	for (; i <= HV_LAN_DESCRIPTORS && args[i] != 0 && code == H_SUCCESS; i++)
		code = take_part(io, args[0], args[i], frame);
	for (; i <= HV_LAN_DESCRIPTORS && code == H_SUCCESS; i++)
		if (args[i] != 0)
			code = H_PARAMETER; /* behind the end */
	return code;
}

static int64_t send(struct io *io, struct io_lan *lan, const uint64_t *args)
{
	struct hv_lan_frame *frame;
	int64_t code;

	if (!lan->queue.is_registered)
		return H_CLOSED;
	frame = hv_lan_frame_take(lan->port);
	if (frame == NULL)
		return H_BUSY;
	code = fill_frame(io, args, frame);
	if (code != H_SUCCESS)
		return code;
	/* IO7: its source is its own */
	if (frame->bytes < HV_LAN_FRAME_BYTES_MIN ||
	    hv_lan_mac_take(frame->data + HV_LAN_MAC_BYTES) != lan->port->mac)
		return H_PARAMETER;
	io->counts.transfers++;
	io->counts.bytes += frame->bytes;
	hv_lan_send(io->engine, frame);
	return H_SUCCESS;
}

int64_t io_serve_lan(struct io *io, const struct hv_hcall_ask *ask, uint64_t *values)
{
	struct io_lan *lan = io_find_lan(io, ask->args[0]);

	if (lan == NULL)
		return H_PARAMETER;
	switch (ask->number) {
	case H_REGISTER_LOGICAL_LAN:
		return open_queue(io, lan, ask->args, values);
	case H_FREE_LOGICAL_LAN:
		return free_queue(io, lan);
	case H_ADD_LOGICAL_LAN_BUFFER:
		return add_buffer(io, lan, ask->args);
	default:
		return send(io, lan, ask->args);
	}
}

bool io_lan_take_arrived(struct io *io, struct io_lan *lan)
{
	struct hv_lan_buffer *buffer;
	bool has_answer = false;

	while (!io->is_over && (buffer = hv_lan_arrival(lan->port)) != NULL) {
		struct hv_lan_arrival arrival = { lan->queue.toggle, buffer->arrived,
						  buffer->address };
		uint8_t entry[HV_IO_ENTRY_BYTES];

		io->counts.transfers++;
		io->counts.bytes += arrival.bytes;
		drop_buffer(io, lan, buffer); /* IO4: before it is told */
		hv_lan_arrival_put(entry, &arrival);
		io_queue_put(io, &lan->queue, entry, ARRIVAL_VALID_BYTES);
		has_answer = true;
	}
	return has_answer;
}
