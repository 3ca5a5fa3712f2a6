/*
 * ring_priv - what both halves of a lane share: indices run free and are masked at
 * use; entries are copied before they are looked at.
 */
#ifndef HVCORE_VASI_RING_PRIV_H
#define HVCORE_VASI_RING_PRIV_H

#include "hvcore/wire/session.h"

#include <stdbool.h>
#include <unistd.h>

#define RING_MASK (HV_RING_SIZE - 1u)
static_assert((HV_RING_SIZE & (HV_RING_SIZE - 1)) == 0, "a power of two");
static_assert(HV_RING_SIZE > HV_LANE_BUFFERS, "never full");

/*
 * The sleep flag and the tail are two variables written by two sides, each read by
 * the other: both orders must be total (seq_cst on all four accesses), or a
 * producer misses the flag while the consumer misses the entry, and both wait.
 */
static inline void ring_publish(_Atomic uint32_t *tail, uint32_t value,
				_Atomic uint32_t *asleep, int doorbell)
{
	const uint64_t one = 1;

	atomic_store_explicit(tail, value, memory_order_seq_cst);
	if (atomic_load_explicit(asleep, memory_order_seq_cst) == 0)
		return;
	/* EAGAIN: the counter is full, so the bell is ringing already. */
	if (write(doorbell, &one, sizeof(one)) < 0)
		return;
}

static inline bool ring_may_sleep(_Atomic uint32_t *tail, uint32_t head,
				  _Atomic uint32_t *asleep)
{
	atomic_store_explicit(asleep, 1, memory_order_seq_cst);
	if (atomic_load_explicit(tail, memory_order_seq_cst) == head)
		return true;
	atomic_store_explicit(asleep, 0, memory_order_relaxed);
	return false;
}

/* The peer may write while we read: nothing after this line reads the ring again. */
static inline void ring_copied(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

#endif
