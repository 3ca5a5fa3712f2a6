/*
 * terminal - a guest's console: its serial line on one side, one peer at a time on the
 * other, on the socket that the agent listens on for it.
 *
 *   QEMU's serial port ── serial ──► ring ──► peer (whoever came, or nobody)
 *                          ◄──── typed ◄────┘
 *
 * What the guest says is always taken, so it never waits for a peer; who comes is shown
 * the last lines, those of its start as well. Who reads slowly misses lines and is
 * waited for by nobody.
 *
 * Contract
 *   Threads  the control thread.
 *   Memory   embedded; nothing allocates. The descriptors are lent.
 *   Time     never blocks.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_TERMINAL_H
#define AGENT_PARTITION_ATTACH_LIBRARY_TERMINAL_H

#include "agent/partition/ring.h"
#include "hvcore/base/err.h"

#include <poll.h>
#include <stdbool.h>

#define ATTACH_TERMINAL_REPLAY 8192u /* bytes of what was said before; arbitrary */
#define ATTACH_TYPED_BYTES 1024u     /* typed, and not taken by the guest yet */

enum { TERMINAL_AT_LISTENER, TERMINAL_AT_SERIAL, TERMINAL_AT_PEER, TERMINAL_AT_COUNT };

struct attach_terminal {
	int listener, serial; /* -1: there is none */
	int peer;             /* -1: nobody is there */
	struct partition_ring ring;
	uint64_t sent; /* of the ring, to this peer */
	uint8_t typed[ATTACH_TYPED_BYTES];
	size_t typed_count;
};

/* `serial`: our end of a socket pair, made non-blocking here. */
HV_MUST_USE
enum hv_code attach_terminal_init(struct attach_terminal *terminal, int listener,
				  int serial, struct hv_err *err);
/* What is to be waited for; and what came of that. */
void attach_terminal_watch(const struct attach_terminal *terminal,
			   struct pollfd at[TERMINAL_AT_COUNT]);
void attach_terminal_step(struct attach_terminal *terminal,
			  const struct pollfd at[TERMINAL_AT_COUNT]);

#endif
