/*
 * io_packet - frames that partitions send each other: who sent it, which one it is, and
 * a body in which every word follows from that. Pure.
 *
 *   to 6 | from 6 | type 0x88b5 | magic | kind | bytes | key of the sender | number | body
 *
 * Multi-byte fields are big-endian; the type is IEEE's for experiments. On a VLAN there
 * are partitions alone, which send nothing else: a frame that is none of these is one
 * that was damaged.
 *
 * Contract: what is checked may be anything.
 */
#ifndef AGENT_PARTITION_IO_PACKET_H
#define AGENT_PARTITION_IO_PACKET_H

#include "hvcore/wire/io.h"

#define IO_PACKET_HEAD 44u
#define IO_PACKET_BYTES_MAX HV_PAGE_BYTES /* one buffer is one page */

enum io_packet_kind {
	IO_PACKET_HELLO = 1, /* to all: I am here */
	IO_PACKET_DATA,
};

struct io_packet {
	uint64_t to, from; /* MAC addresses */
	enum io_packet_kind kind;
	uint64_t key;    /* of the sender's run */
	uint64_t number; /* of its packets */
	uint32_t bytes;  /* all of it, IO_PACKET_HEAD to IO_PACKET_BYTES_MAX */
};

void io_packet_put(uint8_t *frame, const struct io_packet *packet);

enum io_packet_verdict {
	IO_PACKET_GOOD,
	IO_PACKET_BAD_HEAD,
	IO_PACKET_BAD_BODY,
};
/* A frame of so many bytes, as it came in. *ret_packet is set where it is GOOD. */
enum io_packet_verdict io_packet_check(const uint8_t *frame, uint32_t bytes,
				       struct io_packet *ret_packet);

#endif
