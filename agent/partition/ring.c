/* ring - see ring.h. */
#include "agent/partition/ring.h"

#include <assert.h>

static_assert((PARTITION_RING_BYTES & (PARTITION_RING_BYTES - 1)) == 0, "power of two");

static uint64_t first_of(const struct partition_ring *ring)
{
	return ring->end < PARTITION_RING_BYTES ? 0 : ring->end - PARTITION_RING_BYTES;
}

static uint8_t byte_at(const struct partition_ring *ring, uint64_t at)
{
	return ring->bytes[at % PARTITION_RING_BYTES];
}

void partition_ring_put(struct partition_ring *ring, const void *bytes, size_t count)
{
	const uint8_t *from = bytes;

	for (size_t i = 0; i < count; i++)
		ring->bytes[ring->end++ % PARTITION_RING_BYTES] = from[i];
}

size_t partition_ring_get(const struct partition_ring *ring, uint64_t *at, void *into,
			  size_t room)
{
	uint8_t *to = into;
	size_t count = 0;

	if (*at < first_of(ring))
		*at = first_of(ring);
	while (*at < ring->end && count < room)
		to[count++] = byte_at(ring, (*at)++);
	return count;
}

uint64_t partition_ring_last(const struct partition_ring *ring, size_t bytes)
{
	uint64_t first = first_of(ring);
	uint64_t at = ring->end - first > bytes ? ring->end - bytes : first;

	if (at == 0)
		return 0;
	/* from the start of a line; where there is none, from here */
	for (uint64_t i = at; i < ring->end; i++) {
		if (byte_at(ring, i - (i > first)) == '\n')
			return i;
	}
	return at;
}
