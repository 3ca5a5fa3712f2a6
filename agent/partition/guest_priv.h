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
	uint32_t *versions; /* with two bits of guest.c; 0 = never written */
	uint8_t *shadow;    /* of the reserved pages: what they must hold */
	uint64_t reserved;
	struct partition_mmu *mmu;       /* NULL: page n is at page n */
	struct partition_calls *hinting; /* NULL: nothing is said of pages */
	_Atomic uint64_t mismatches;
};

#endif
