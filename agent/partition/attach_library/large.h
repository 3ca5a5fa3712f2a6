/*
 * large - what becomes of a program's calls that concern its large allocations, which are
 * given from the partition's memory: decisions alone, so that each can be tested without
 * a kernel. The memory is one mapping for good (region.h says why); a program has parts of
 * it (ranges.h) as if each was a private anonymous mapping of its own.
 *
 *   mmap: private, anonymous, read and write, not below `least`   DO: it is given a range
 *   the same with MAP_FIXED over what it has              DISCARD: zeros, and it has them
 *   anything else over it                                               REFUSE
 *   madvise DONTNEED, FREE                                DISCARD: zeros, no frame (P13)
 *   madvise that is about pages, dumps, children                        NOTHING
 *   mprotect to read and write                                          NOTHING
 *   mprotect to anything else                                           REFUSE
 *   mlock                                                               REFUSE
 *
 * Protection stays as it is, since a page of the memory would have to be found by a
 * look at two mappings: a run that the hypervisor brings or takes away lies in one.
 *
 * Contract
 *   Threads  any: what is looked at does not change, but for the ranges.
 *   Errors   REFUSE comes with an errno and a sentence.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_LARGE_H
#define AGENT_PARTITION_ATTACH_LIBRARY_LARGE_H

#include "agent/partition/attach_library/ranges.h"
#include "agent/partition/attach_library/region.h"

struct attach_large {
	uintptr_t base;
	uint64_t bytes;              /* whole pages, not 0 */
	uint64_t least;              /* of a mapping that is given memory; not 0 */
	struct attach_ranges ranges; /* the caller's lock */
};

/* What lies within the memory, rounded to whole pages; the numbers of these. */
struct attach_span {
	uint64_t first, end; /* the same: nothing */
};

bool attach_large_touches(const struct attach_large *large, uintptr_t at, uint64_t bytes);
struct attach_span attach_large_span(const struct attach_large *large, uintptr_t at,
				     uint64_t bytes);

/* `is_file` is of anything that is not anonymous. */
struct attach_verdict attach_large_map(const struct attach_large *large,
				       const struct attach_mapping *mapping);
struct attach_verdict attach_large_advise(const struct attach_large *large, uintptr_t at,
					  uint64_t bytes, int advice);
struct attach_verdict attach_large_protect(const struct attach_large *large, uintptr_t at,
					   uint64_t bytes, int protection);
struct attach_verdict attach_large_lock(const struct attach_large *large, uintptr_t at,
					uint64_t bytes);
/* PASS: none of it is ours. DO: it is moved, shrunk or grown as attach_large_span says.
 * `to` is where MREMAP_FIXED puts it, 0 without. Under the lock. */
struct attach_verdict attach_large_remap(const struct attach_large *large, uintptr_t at,
					 uint64_t bytes, uint64_t to_bytes, int flags,
					 uintptr_t to);

#endif
