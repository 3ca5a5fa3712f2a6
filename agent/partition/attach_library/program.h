/*
 * program - any program on partition memory (tarn-partition --program): its large
 * allocations are given from the partition's memory, mapped once before the program
 * begins. large.h decides; here it is done.
 *
 *   mmap    ─► a range (ranges.h), zeros already: it was never used, or given back
 *   munmap  ─► DISCARD, answered, and only then may somebody else have the range
 *   mremap  ─► stays where it is if there is room behind it; else copied and given back
 *
 * Where the memory is used up, ordinary memory is given, counted, and said once; or
 * ENOMEM, as the passport says.
 *
 * Contract
 *   Threads  any, once it has begun. Whoever gives memory back waits for the hypervisor,
 *            without the lock.
 *   Memory   a bit a page, ordinary.
 *   Errors   as of the system calls; what is refused is said by library_refuse().
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_PROGRAM_H
#define AGENT_PARTITION_ATTACH_LIBRARY_PROGRAM_H

#include "agent/partition/attach_library/discard.h"
#include "agent/partition/attach_library/large.h"
#include "agent/partition/attach_library/library.h"
#include "agent/partition/attach_library/passport.h"

/* `base`: the memory, in the hypervisor's hands. */
HV_MUST_USE
enum hv_code program_begin(void *base, const struct attach_passport *passport,
			   struct attach_discards *discards, struct hv_err *err);
bool program_is_on(void);
/* A child that was forked: every call passes to the kernel. */
void program_leave(void);
/* What was used, in one line of the log. Nothing where it is not on. */
void program_tell(void);
/* The memory, and what of it is used; for children.h. */
const struct attach_large *program_large(void);

void *program_mmap(const struct library_mmap *wanted);
int program_munmap(void *at, size_t bytes);
void *program_mremap(void *at, size_t bytes, size_t to_bytes, int flags, void *to);
int program_madvise(void *at, size_t bytes, int advice);
int program_mprotect(void *at, size_t bytes, int protection);
/* Whether the kernel may lock it; false: errno. */
bool program_may_lock(const void *at, size_t bytes);

#endif
