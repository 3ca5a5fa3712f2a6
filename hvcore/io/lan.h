/*
 * lan - virtual ethernets on the switch inside of a hypervisor: a frame goes to every
 * port of its VLAN that its destination names, straight into a buffer that the port's
 * partition has posted. There is no way out of the host.
 *
 * Addresses are given by the hypervisor and cannot be changed, so nothing has to be
 * learned: a port that is not there is known not to be.
 *
 * Contract
 *   Threads  open, close, add, remove: the loop thread. frame_take, send, post, arrival,
 *            reset, is_idle: the port's fault thread. The rest is the I/O thread's.
 *   Memory   all is made by open. A port is added before it sends, and removed before
 *            it is closed.
 *   Errors   nobody is told of a frame that is dropped; it is counted where the buffer
 *            was missing, and with the sender if nobody has that address.
 */
#ifndef HVCORE_IO_LAN_H
#define HVCORE_IO_LAN_H

#include "hvcore/io/engine.h"
#include "hvcore/io/gate.h"
#include "hvcore/io/memory.h"
#include "hvcore/io/ring.h"

#define HV_LAN_BUFFER_SPANS (HV_LAN_BUFFER_BYTES_MAX / HV_PAGE_BYTES + 1)

struct hv_lan_frame {
	struct hv_io_job job;
	struct hv_lan_port *from;
	atomic_bool is_out;
	uint32_t bytes;
	uint8_t data[HV_LAN_FRAME_BYTES_MAX];
};

struct hv_lan_buffer {
	uint32_t address, bytes;
	uint32_t arrived; /* bytes of the frame in it */
	unsigned count;
	struct hv_tce_span spans[HV_LAN_BUFFER_SPANS];
};

struct hv_lan_port {
	uint16_t vlan;
	uint64_t mac;
	struct hv_io_memory *memory; /* lent */
	struct hv_io_owner *owner;   /* lent */
	struct hv_gate gate;         /* cut: not registered */
	_Atomic uint64_t dropped;
	/* private */
	struct hv_lan_port *next;  /* in its VLAN */
	struct hv_io_ring posted;  /* to the I/O thread */
	struct hv_io_ring arrived; /* from it */
	uint16_t free[HV_LAN_BUFFERS];
	unsigned free_count;
	struct hv_lan_buffer buffers[HV_LAN_BUFFERS];
	struct hv_lan_frame frames[HV_LAN_FRAMES];
};

/* Its gate is cut. */
HV_MUST_USE
enum hv_code hv_lan_port_open(uint16_t vlan, uint64_t mac, struct hv_io_memory *memory,
			      struct hv_io_owner *owner, struct hv_lan_port **ret_port,
			      struct hv_err *err);
void hv_lan_port_close(struct hv_lan_port *port); /* NULL is fine */

void hv_lan_port_add(struct hv_io_engine *engine, struct hv_lan_port *port);
void hv_lan_port_remove(struct hv_io_engine *engine, struct hv_lan_port *port);

/* A frame to fill in, its source the port's; NULL: HV_LAN_FRAMES are on their way. */
struct hv_lan_frame *hv_lan_frame_take(struct hv_lan_port *port);
void hv_lan_send(struct hv_io_engine *engine, struct hv_lan_frame *frame);

/* A buffer to fill in; NULL: HV_LAN_BUFFERS are posted. Then post it, or nothing. */
struct hv_lan_buffer *hv_lan_buffer_next(struct hv_lan_port *port);
void hv_lan_post(struct hv_lan_port *port);
/* A buffer with a frame in it; NULL: none. Give it back. */
struct hv_lan_buffer *hv_lan_arrival(struct hv_lan_port *port);
void hv_lan_buffer_give(struct hv_lan_port *port, struct hv_lan_buffer *buffer);
/* The gate is cut: one after the other of those that are posted; NULL: all are back. */
struct hv_lan_buffer *hv_lan_take_back(struct hv_lan_port *port);
/* No frame of it is on its way. */
bool hv_lan_port_is_idle(const struct hv_lan_port *port);

#endif
