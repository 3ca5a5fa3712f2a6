/*
 * ring - small numbers from one thread to another, in order.
 *
 * Contract
 *   Threads  one that puts, one that takes.
 *   Errors   put says false when the ring is full: who sizes it so that this cannot
 *            be may call it an invariant.
 */
#ifndef HVCORE_IO_RING_H
#define HVCORE_IO_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HV_IO_RING_SLOTS 256u /* a power of two, more than buffers or requests */

struct hv_io_ring {
	_Atomic uint32_t head; /* taken, ever */
	_Atomic uint32_t tail; /* put, ever */
	uint16_t at[HV_IO_RING_SLOTS];
};

static inline bool hv_io_ring_put(struct hv_io_ring *ring, uint16_t value)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	if (tail - atomic_load_explicit(&ring->head, memory_order_acquire) ==
	    HV_IO_RING_SLOTS)
		return false;
	ring->at[tail % HV_IO_RING_SLOTS] = value;
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return true;
}

/* The oldest one, which stays. */
static inline bool hv_io_ring_peek(struct hv_io_ring *ring, uint16_t *ret_value)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head == atomic_load_explicit(&ring->tail, memory_order_acquire))
		return false;
	*ret_value = ring->at[head % HV_IO_RING_SLOTS];
	return true;
}

static inline bool hv_io_ring_take(struct hv_io_ring *ring, uint16_t *ret_value)
{
	if (!hv_io_ring_peek(ring, ret_value))
		return false;
	(void)atomic_fetch_add_explicit(&ring->head, 1, memory_order_release);
	return true;
}

#endif
