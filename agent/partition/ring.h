/*
 * ring - the last PARTITION_RING_BYTES of what a console has said.
 *
 * Bytes are counted from the first one ever, so that every reader keeps its own place
 * and notices what it has missed.
 *
 * Contract
 *   Threads  one.
 *   Memory   embedded; zero-initialise it. Nothing allocates.
 *   Units    bytes.
 */
#ifndef AGENT_PARTITION_RING_H
#define AGENT_PARTITION_RING_H

#include <stddef.h>
#include <stdint.h>

#define PARTITION_RING_BYTES 16384u /* arbitrary: some screens; a power of two */

struct partition_ring {
	uint64_t end; /* bytes ever put */
	uint8_t bytes[PARTITION_RING_BYTES];
};

void partition_ring_put(struct partition_ring *ring, const void *bytes, size_t count);

/*
 * Up to `room` bytes from place *at on, which moves; bytes that are gone are skipped.
 * Returns how many, 0 at the end.
 */
size_t partition_ring_get(const struct partition_ring *ring, uint64_t *at, void *into,
			  size_t room);

/* Where the last lines begin that make up to `bytes`. */
uint64_t partition_ring_last(const struct partition_ring *ring, size_t bytes);

#endif
