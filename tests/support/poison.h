/*
 * poison - a partition's memory filled with words that say whose they are, so that one
 * byte of another partition, of an earlier run or of another page is known when it is
 * seen, and from where it came.
 *
 *   ZERO    never written, or given back: reads as zeros
 *   EXACT   reads as what was written last
 *   LOOSE   lied about, or taken away unasked: any of its own words, or zeros
 *
 * Contract
 *   Threads  one. Touches the memory in place, so everything may wait for a fault.
 *   Memory   init makes the notes; the memory, hints and ctx are the caller's.
 *   Errors   findings are counted, and the first ones told on stderr.
 */
#ifndef TESTS_SUPPORT_POISON_H
#define TESTS_SUPPORT_POISON_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hvcore/base/rng.h"

struct poison_ops {
	/* Zeros, by message; false: it could not be asked. */
	bool (*discard)(void *ctx, uint64_t page, uint64_t count);
	/* MADV_REMOVE: the kernel's way, without a word. */
	void (*remove)(void *ctx, uint64_t page, uint64_t count);
	/* H_PAGE_INIT to active: what was being taken is gone when it returns. */
	void (*activate)(void *ctx, uint64_t page);
};

struct poison_page { /* what is known of it */
	uint8_t expects;
	uint8_t hint;
	bool was_lied_about;
	uint16_t version;
};

struct poison {
	unsigned char *at;
	uint64_t pages;
	uint64_t key;           /* of this run: no other has it; below 65536 */
	_Atomic uint8_t *hints; /* NULL: none, and no ops */
	const struct poison_ops *ops;
	void *ctx;
	/* private */
	struct hv_rng rng;
	struct poison_page *notes;
	uint64_t findings;
};

void poison_init(struct poison *poison, uint64_t seed);
void poison_fini(struct poison *poison);
/* So many random things; gives how many pages held what they must not. */
uint64_t poison_work(struct poison *poison, uint64_t steps);
/* Looks at every page. */
uint64_t poison_search(struct poison *poison);

#endif
