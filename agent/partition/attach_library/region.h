/*
 * region - what becomes of a call that concerns the memory which the hypervisor pages:
 * decisions alone, so that each can be tested without a kernel.
 *
 *   NONE --mmap of the whole file, shared--> ATTACHED --munmap of all of it--> GONE
 *
 * The process may map the file once. A second mapping would have to be registered and
 * handed over as well, and every page stolen from both at once: the hypervisor would
 * stop paging this partition (P7), so it is refused here, with a sentence. QEMU makes
 * none. What QEMU does make:
 *
 *   a reservation, PROT_NONE, of the file   made without the file
 *   MAP_FIXED of the file into one          ATTACH
 *   the same pages at the same place again  nothing to do: they are there
 *   madvise DONTFORK, DONTDUMP              done, and said to be done
 *   madvise HUGEPAGE, MERGEABLE, NOHUGEPAGE nothing to do: the pool has 4 KiB pages
 *   madvise DONTNEED                        nothing to do: the file keeps what is there
 *   madvise REMOVE, fallocate PUNCH_HOLE    DISCARD (P13)
 *
 * Contract
 *   Threads  the caller's lock.
 *   Errors   REFUSE comes with an errno and a sentence.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_REGION_H
#define AGENT_PARTITION_ATTACH_LIBRARY_REGION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum attach_state { ATTACH_NONE, ATTACH_ATTACHED, ATTACH_GONE };

enum attach_act {
	ATTACH_PASS,    /* not ours: the kernel does it */
	ATTACH_DO,      /* map, register and hand over */
	ATTACH_RESERVE, /* the address range alone, without the file */
	ATTACH_NOTHING, /* it is as asked for already */
	ATTACH_DISCARD, /* offset and bytes of the verdict */
	ATTACH_LEAVE,   /* the kernel does it, and then it is GONE */
	ATTACH_REFUSE
};

struct attach_region {
	enum attach_state state;
	uintptr_t base; /* ATTACHED */
	uint64_t bytes, offset;
};

struct attach_verdict {
	enum attach_act act;
	int os;          /* REFUSE: errno */
	const char *why; /* REFUSE: one sentence */
	uint64_t offset; /* DISCARD: within the region */
	uint64_t bytes;
};

struct attach_mapping { /* as of mmap */
	uintptr_t at;
	uint64_t bytes;
	int protection, flags;
	uint64_t offset;
	bool is_file; /* of the memory; its own is a mapping of anything else */
};

struct attach_verdict attach_region_map(const struct attach_region *region,
					const struct attach_mapping *mapping);
struct attach_verdict attach_region_unmap(const struct attach_region *region,
					  uintptr_t at, uint64_t bytes);
/* `to` is where MREMAP_FIXED would put it, 0 without. */
struct attach_verdict attach_region_remap(const struct attach_region *region,
					  uintptr_t at, uint64_t bytes, uintptr_t to,
					  uint64_t to_bytes);
struct attach_verdict attach_region_advise(const struct attach_region *region,
					   uintptr_t at, uint64_t bytes, int advice);
/* Of the memory's file. */
struct attach_verdict attach_region_allocate(const struct attach_region *region, int mode,
					     off_t offset, off_t bytes);
struct attach_verdict attach_region_lock(const struct attach_region *region, uintptr_t at,
					 uint64_t bytes);

#endif
