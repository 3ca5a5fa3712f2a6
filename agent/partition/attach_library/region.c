/* region - see region.h. */
#include "agent/partition/attach_library/region.h"

#include <errno.h>
#include <linux/falloc.h>
#include <sys/mman.h>

#include "hvcore/base/units.h"

/* Debian 12's glibc may be older than its kernel. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static struct attach_verdict decide(enum attach_act act)
{
	return (struct attach_verdict){ .act = act };
}

static struct attach_verdict refuse(int os, const char *why)
{
	return (struct attach_verdict){ .act = ATTACH_REFUSE, .os = os, .why = why };
}

static bool touches(const struct attach_region *region, uintptr_t at, uint64_t bytes)
{
	if (region->state != ATTACH_ATTACHED || bytes == 0)
		return false;
	return at < region->base + region->bytes &&
	       (bytes > UINTPTR_MAX - at || at + bytes > region->base);
}

static bool holds(const struct attach_region *region, uintptr_t at, uint64_t bytes)
{
	return region->state == ATTACH_ATTACHED && at >= region->base &&
	       at - region->base <= region->bytes &&
	       bytes <= region->bytes - (at - region->base);
}

static bool is_fixed(const struct attach_mapping *mapping)
{
	return (mapping->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
}

static bool is_same_again(const struct attach_region *region,
			  const struct attach_mapping *mapping)
{
	return is_fixed(mapping) && holds(region, mapping->at, mapping->bytes) &&
	       mapping->offset ==
		       region->offset + (uint64_t)(mapping->at - region->base) &&
	       mapping->protection == (PROT_READ | PROT_WRITE);
}

static struct attach_verdict map_file(const struct attach_region *region,
				      const struct attach_mapping *mapping)
{
	if ((mapping->flags & MAP_TYPE) == MAP_PRIVATE)
		return refuse(EPERM, "a private mapping of the memory cannot be paged");
	if (mapping->protection == PROT_NONE)
		return decide(ATTACH_RESERVE);
	if ((mapping->flags & (MAP_POPULATE | MAP_LOCKED)) != 0)
		return refuse(EPERM, "the memory is paged: it is neither filled "
				     "beforehand nor locked");
	if (region->state == ATTACH_GONE)
		return refuse(EPERM, "the memory was unmapped: it is attached once");
	if (region->state == ATTACH_ATTACHED)
		return refuse(EPERM, "the memory is mapped already: a second mapping "
				     "cannot be paged");
	if (mapping->offset != region->offset || mapping->bytes != region->bytes)
		return refuse(EINVAL, "all of the memory is mapped at once, and no more");
	return decide(ATTACH_DO);
}

struct attach_verdict attach_region_map(const struct attach_region *region,
					const struct attach_mapping *mapping)
{
	if (mapping->is_file && (mapping->flags & MAP_TYPE) != MAP_PRIVATE &&
	    is_same_again(region, mapping))
		return decide(ATTACH_NOTHING);
	if (is_fixed(mapping) && touches(region, mapping->at, mapping->bytes))
		return refuse(EPERM, "the memory is paged: nothing is mapped over it");
	return mapping->is_file ? map_file(region, mapping) : decide(ATTACH_PASS);
}

struct attach_verdict attach_region_unmap(const struct attach_region *region,
					  uintptr_t at, uint64_t bytes)
{
	if (!touches(region, at, bytes))
		return decide(ATTACH_PASS);
	/* QEMU unmaps a guard page behind it as well */
	if (at <= region->base && bytes >= region->bytes + (region->base - at))
		return decide(ATTACH_LEAVE);
	return refuse(EPERM, "the memory is paged: no part of it is unmapped");
}

struct attach_verdict attach_region_remap(const struct attach_region *region,
					  uintptr_t at, uint64_t bytes, uintptr_t to,
					  uint64_t to_bytes)
{
	/* a size of 0 makes a second mapping of shared memory */
	if (touches(region, at, bytes != 0 ? bytes : 1) ||
	    (to != 0 && touches(region, to, to_bytes)))
		return refuse(EPERM, "the memory is paged: it stays where it is mapped");
	return decide(ATTACH_PASS);
}

static struct attach_verdict discard(const struct attach_region *region, uint64_t offset,
				     uint64_t bytes)
{
	struct attach_verdict verdict = decide(ATTACH_DISCARD);

	if (offset % HV_PAGE_BYTES != 0 || bytes % HV_PAGE_BYTES != 0)
		return refuse(EINVAL, "a discard is of whole pages");
	if (offset > region->bytes || bytes > region->bytes - offset)
		return refuse(EINVAL, "a discard beyond the memory");
	if (bytes == 0)
		return decide(ATTACH_NOTHING);
	verdict.offset = offset;
	verdict.bytes = bytes;
	return verdict;
}

struct attach_verdict attach_region_advise(const struct attach_region *region,
					   uintptr_t at, uint64_t bytes, int advice)
{
	if (!touches(region, at, bytes))
		return decide(ATTACH_PASS);
	switch (advice) {
	case MADV_REMOVE:
		if (!holds(region, at, bytes))
			return refuse(EINVAL, "a discard beyond the memory");
		return discard(region, at - region->base, bytes);
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return refuse(EPERM, "the memory is paged: it is not filled beforehand");
	case MADV_DOFORK:
		return refuse(EPERM, "the memory is paged: no child inherits it");
	case MADV_HWPOISON:
	case MADV_COLLAPSE:
	case MADV_FREE:
	case MADV_WIPEONFORK:
		return refuse(EPERM, "the memory is paged: that advice is not for it");
	default:
		/* DONTNEED, PAGEOUT and COLD too: the file keeps what is there */
		return decide(ATTACH_NOTHING);
	}
}

struct attach_verdict attach_region_allocate(const struct attach_region *region, int mode,
					     off_t offset, off_t bytes)
{
	if (offset < 0 || bytes <= 0)
		return refuse(EINVAL, "not a range of the memory");
	if ((mode & FALLOC_FL_PUNCH_HOLE) == 0)
		return refuse(EPERM, "the memory is paged: it is not filled beforehand");
	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return refuse(EOPNOTSUPP, "the size of the memory stays");
	if (region->state != ATTACH_ATTACHED)
		return refuse(EPERM, "the memory is not attached");
	if ((uint64_t)offset < region->offset)
		return refuse(EINVAL, "a discard beyond the memory");
	return discard(region, (uint64_t)offset - region->offset, (uint64_t)bytes);
}

struct attach_verdict attach_region_lock(const struct attach_region *region, uintptr_t at,
					 uint64_t bytes)
{
	return touches(region, at, bytes)
		       ? refuse(EPERM, "the memory is paged: it is not locked")
		       : decide(ATTACH_PASS);
}
