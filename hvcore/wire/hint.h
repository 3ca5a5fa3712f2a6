/*
 * hint - what a partition's operating system says of its pages, one byte a page in
 * memory shared with the hypervisor (LoPAR page states, domain.md 3.1).
 *
 *   partition                                 hypervisor, when it needs frames
 *   hv_hint_set(): one exchange               hv_hint_claim(): UNUSED -> TAKING
 *                                             takes the frame, drops its slot
 *   old one TAKING: H_PAGE_INIT, which        hv_hint_claimed(): TAKING -> TAKEN
 *   is served after that                                (or back, where it could not)
 *
 * So to say something costs one store, a page that was not taken is used again with
 * its content and without a call, and one that is being taken is not written to before
 * it is gone. A partition that writes to a page without saying so loses that write;
 * nobody else notices.
 *
 * Contract
 *   Threads  set: any of the partition's. claim, claimed: its fault thread.
 *   Errors   the partition may write anything: unknown values are ACTIVE.
 */
#ifndef HVCORE_WIRE_HINT_H
#define HVCORE_WIRE_HINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* In the order in which pages leave, but for ACTIVE. */
enum hv_hint {
	HV_HINT_ACTIVE,   /* nothing is known of it */
	HV_HINT_CRITICAL, /* leaves last */
	HV_HINT_LOANED,   /* given up: content lost, a frame when it is touched */
	HV_HINT_UNUSED,   /* content worthless, wanted again before long */
	HV_HINT_EXPENDABLE, /* content can be had again: dropped before others are written */
	HV_HINT_LATENT,     /* the same, at more cost */
	HV_HINT_COUNT
};

#define HV_HINT_TAKING 0x40u /* | hint: about to be taken */
#define HV_HINT_TAKEN 0x80u  /* | hint: it was, and is zeros when it is touched */

/* Any byte; TAKING and TAKEN are what was taken. */
static inline enum hv_hint hv_hint_of(uint8_t byte)
{
	uint8_t hint = byte & 0x3fu;

	return hint < HV_HINT_COUNT ? (enum hv_hint)hint : HV_HINT_ACTIVE;
}

/* Content worthless, or to be had again. */
static inline bool hv_hint_is_spare(uint8_t byte)
{
	return byte >= HV_HINT_LOANED && byte < HV_HINT_COUNT;
}

/* Gives the byte that was there: TAKING asks for H_PAGE_INIT, TAKEN means zeros. */
static inline uint8_t hv_hint_set(_Atomic uint8_t *byte, enum hv_hint hint)
{
	return atomic_exchange(byte, (uint8_t)hint);
}

/* False: it says something else by now. */
static inline bool hv_hint_claim(_Atomic uint8_t *byte, enum hv_hint hint)
{
	uint8_t expected = (uint8_t)hint;

	return atomic_compare_exchange_strong(byte, &expected,
					      (uint8_t)(hint | HV_HINT_TAKING));
}

/* Taken, or given back as it was. The partition may have changed its mind: fine. */
static inline void hv_hint_claimed(_Atomic uint8_t *byte, enum hv_hint hint,
				   bool is_taken)
{
	uint8_t expected = (uint8_t)(hint | HV_HINT_TAKING);

	(void)atomic_compare_exchange_strong(
		byte, &expected, (uint8_t)(is_taken ? hint | HV_HINT_TAKEN : hint));
}

#endif
