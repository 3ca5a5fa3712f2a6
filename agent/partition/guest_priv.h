/* guest_priv - what the files of guest.h share. */
#ifndef AGENT_PARTITION_GUEST_PRIV_H
#define AGENT_PARTITION_GUEST_PRIV_H

#include "agent/partition/guest.h"

#include <stdatomic.h>

struct partition_guest {
	uint8_t *base;
	uint64_t pages;     /* in use */
	uint64_t max_pages; /* with a version */
	uint64_t key;
	uint32_t *versions; /* what is there, with two bits; 0 = zeros */
	uint32_t *newest;   /* ever written: never goes back, whatever is there */
	uint8_t *shadow;    /* of the reserved pages: what they must hold */
	uint64_t reserved;
	uint64_t driver;                 /* behind those */
	struct partition_mmu *mmu;       /* NULL: page n is at page n */
	struct partition_calls *hinting; /* NULL: nothing is said of pages */
	_Atomic uint64_t mismatches;
};

#define GUEST_BAD_BIT UINT32_C(0x80000000)  /* reported, and not written since */
#define GUEST_FREE_BIT UINT32_C(0x40000000) /* said to be worth nothing */
#define GUEST_VERSION_BITS (~(GUEST_BAD_BIT | GUEST_FREE_BIT))

static inline bool guest_is_driver(const struct partition_guest *guest, uint64_t page)
{
	return page >= guest->reserved && page - guest->reserved < guest->driver;
}

/* Before its owner, or a device, touches it. */
void guest_use(struct partition_guest *guest, uint64_t page);
/* Counts a mismatch; true where it is among those that are logged. */
bool guest_count_mismatch(struct partition_guest *guest);

#endif
