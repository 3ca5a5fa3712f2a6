/*
 * ranges - which pages of the partition's memory a program has: a bit a page, first fit
 * in the order of addresses, so that what is used stays together at the start.
 *
 * A range has no identity: what was taken at once may be given in parts, and two that lie
 * side by side as one, as mmap and munmap have it.
 *
 * Contract
 *   Threads  the caller's lock.
 *   Memory   the bits are lent: attach_ranges_bytes() of zeros. Nothing allocates.
 *   Time     a search looks at each word of the bits at most once: 64 pages a word.
 *   Units    pages.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_RANGES_H
#define AGENT_PARTITION_ATTACH_LIBRARY_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attach_ranges {
	uint64_t *words;
	uint64_t pages;
	uint64_t lowest; /* all pages below are taken */
	uint64_t used, most;
};

size_t attach_ranges_bytes(uint64_t pages);
void attach_ranges_init(struct attach_ranges *ranges, uint64_t *words, uint64_t pages);
/* False: there is no such run of free pages. */
bool attach_ranges_take(struct attach_ranges *ranges, uint64_t count,
			uint64_t *ret_first);
/* All of them or none; false: one is taken, or is none of ours. */
bool attach_ranges_take_at(struct attach_ranges *ranges, uint64_t first, uint64_t count);
/* Whether they are taken or not. */
void attach_ranges_take_all(struct attach_ranges *ranges, uint64_t first, uint64_t count);
/* Those that are taken; gives how many that were. */
uint64_t attach_ranges_give(struct attach_ranges *ranges, uint64_t first, uint64_t count);
bool attach_ranges_holds(const struct attach_ranges *ranges, uint64_t first,
			 uint64_t count);
/* The next run of taken pages within first..end; 0: none is there. */
uint64_t attach_ranges_next(const struct attach_ranges *ranges, uint64_t first,
			    uint64_t end, uint64_t *ret_first);

#endif
