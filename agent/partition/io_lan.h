/*
 * io_lan - the driver of a virtual ethernet: a queue of what came in, buffers for it,
 * one page for what goes out.
 *
 * A frame is a packet of io_packet.h: who receives one knows what every byte of it must
 * be; any other is bad. Other partitions of the VLAN are learned from what they send; each
 * says that it is there once a second. Nobody is waited for: what has no buffer is lost,
 * as on a wire.
 *
 * Contract
 *   Threads  send: any. receive, greet: one. figures: any.
 *   Memory   driver pages of the guest (guest.h) and the calls are lent until
 *            io_lan_close().
 *   Errors   open: REFUSED a call was, with its code; NOMEM. It goes on with fewer
 *            buffers than it was given pages where those are all it is entitled to.
 */
#ifndef AGENT_PARTITION_IO_LAN_H
#define AGENT_PARTITION_IO_LAN_H

#include "agent/partition/io_disk.h"
#include "agent/partition/io_packet.h"
#include "hvcore/base/rng.h"

#define IO_LAN_BUFFERS_MIN 2
#define IO_LAN_BUFFERS_MAX 32 /* with the other two 136 KiB of the 256 of its kind */
#define IO_LAN_DRIVER_PAGES(buffers) (2 + (buffers))
#define IO_LAN_PEERS_MAX 16 /* of a VLAN; arbitrary */
#define IO_LAN_PEER_MS 5000 /* who says nothing for longer is sent nothing */

struct io_lan_config {
	struct partition_calls *calls;
	uint64_t unit;
	uint64_t key; /* of this run */
	uint8_t *driver;
	uint64_t driver_page;
	unsigned buffers;
};

struct io_lan_figures {
	uint64_t sent, received; /* packets */
	uint64_t bad;            /* received, and not as they were sent */
};

/* Of a bad one, for the log: what was wrong, which is never content. */
struct io_lan_bad {
	const char *found; /* "head", "body", "address", "descriptor" */
	uint32_t bytes;
};

struct io_lan;

HV_MUST_USE
enum hv_code io_lan_open(const struct io_lan_config *config, struct io_lan **ret_lan,
			 struct hv_err *err);
void io_lan_close(struct io_lan *lan); /* NULL is fine; nobody sends */

/* To one of those it heard of lately; IO_FAILED: of nobody. */
HV_MUST_USE
enum io_result io_lan_send(struct io_lan *lan, struct hv_rng *rng, uint64_t now_ms);
/* Says to all that it is here. */
void io_lan_greet(struct io_lan *lan);
/*
 * Checks what came in and gives its buffers back. True: one of them was bad; there may be
 * more.
 */
HV_MUST_USE
bool io_lan_receive(struct io_lan *lan, uint64_t now_ms, struct io_lan_bad *ret_bad);

struct io_lan_figures io_lan_figures(const struct io_lan *lan);

#endif
