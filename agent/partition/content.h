/*
 * content - what a page of a partition holds, so that every byte can be checked.
 *
 *   word 0     key of the partition's run (from its name and run id)
 *   word 1     page number
 *   word 2     version
 *   word 3...  body: a sequence made from key, page number and version
 *
 * Every word of the body depends on all three, so a page of another partition, of
 * another place, of another time, or one mixed from two of them differs in every
 * word that is not its own. Version 0 is a page never written, or given back: all
 * bytes zero.
 *
 * Contract
 *   Threads  any, on different pages. partition_content_peek() may run while
 *            another thread writes that page.
 *   Memory   nothing allocates and nothing is copied: a page is touched in place,
 *            so every function here may fault, and wait as long as the fault does.
 *   Units    64-bit words in host byte order; HV_PAGE_BYTES a page.
 */
#ifndef AGENT_PARTITION_CONTENT_H
#define AGENT_PARTITION_CONTENT_H

#include "hvcore/base/units.h"

#define PARTITION_PAGE_WORDS (HV_PAGE_BYTES / sizeof(uint64_t))

/* What a page should hold. */
struct partition_content {
	uint64_t key;
	uint64_t page;
	uint32_t version;
};

/* What a bad page holds, for the log: its header, and where it first differs. */
struct partition_finding {
	uint64_t key;
	uint64_t page;
	uint64_t version;
	unsigned first_bad_byte; /* a multiple of 8 */
};

/* One run of one partition; another run has another key. */
uint64_t partition_content_key(const char *name, uint64_t run_id);

void partition_content_write(void *page, const struct partition_content *content);

/* Compares every byte. *ret_finding is set only where the answer is false. */
HV_MUST_USE
bool partition_content_check(const void *page, const struct partition_content *expected,
			     struct partition_finding *ret_finding);

/*
 * Checks what is true of a page at any time, whatever its version: each of the two
 * words is zero, or the key and the page number. For pages that another thread owns.
 */
HV_MUST_USE
bool partition_content_peek(const void *page, uint64_t key, uint64_t number);

#endif
