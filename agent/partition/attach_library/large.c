/* large - see large.h. */
#include "agent/partition/attach_library/large.h"

#include <errno.h>
#include <sys/mman.h>

#include "hvcore/base/units.h"

/* Debian 12's glibc may be older than its kernel. */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

#define READ_AND_WRITE (PROT_READ | PROT_WRITE)

/* Of a mapping that is to be something else than memory alone. */
#define OTHER_FLAGS \
	(MAP_GROWSDOWN | MAP_STACK | MAP_HUGETLB | MAP_LOCKED | MAP_32BIT | MAP_FIXED | \
	 MAP_FIXED_NOREPLACE)

static struct attach_verdict decide(enum attach_act act)
{
	return (struct attach_verdict){ .act = act };
}

static struct attach_verdict refuse(int os, const char *why)
{
	return (struct attach_verdict){ .act = ATTACH_REFUSE, .os = os, .why = why };
}

static struct attach_verdict discard(const struct attach_large *large, uintptr_t at,
				     uint64_t bytes)
{
	struct attach_span span = attach_large_span(large, at, bytes);
	struct attach_verdict verdict = decide(ATTACH_DISCARD);

	verdict.offset = span.first * HV_PAGE_BYTES;
	verdict.bytes = (span.end - span.first) * HV_PAGE_BYTES;
	return verdict;
}

bool attach_large_touches(const struct attach_large *large, uintptr_t at, uint64_t bytes)
{
	return bytes != 0 && at < large->base + large->bytes &&
	       (bytes > UINTPTR_MAX - at || at + bytes > large->base);
}

struct attach_span attach_large_span(const struct attach_large *large, uintptr_t at,
				     uint64_t bytes)
{
	uint64_t from = at > large->base ? at - large->base : 0, to = large->bytes;

	if (!attach_large_touches(large, at, bytes))
		return (struct attach_span){ 0, 0 };
	if (bytes <= UINTPTR_MAX - at && at + bytes < large->base + large->bytes)
		to = at + bytes - large->base;
	return (struct attach_span){ from / HV_PAGE_BYTES,
				     (to + HV_PAGE_BYTES - 1) / HV_PAGE_BYTES };
}

static bool holds(const struct attach_large *large, uintptr_t at, uint64_t bytes)
{
	return at >= large->base && at - large->base <= large->bytes &&
	       bytes <= large->bytes - (at - large->base);
}

static bool is_plain(const struct attach_mapping *mapping)
{
	return !mapping->is_file && (mapping->flags & MAP_TYPE) == MAP_PRIVATE &&
	       mapping->protection == READ_AND_WRITE;
}

struct attach_verdict attach_large_map(const struct attach_large *large,
				       const struct attach_mapping *mapping)
{
	const int flags = mapping->flags;

	if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) == MAP_FIXED &&
	    attach_large_touches(large, mapping->at, mapping->bytes)) {
		if (!is_plain(mapping) || (flags & (OTHER_FLAGS & ~MAP_FIXED)) != 0 ||
		    !holds(large, mapping->at, mapping->bytes))
			return refuse(EPERM, "only memory to read and write is mapped "
					     "over the partition's memory");
		return mapping->at % HV_PAGE_BYTES != 0
			       ? refuse(EINVAL, "memory is mapped by whole pages")
			       : discard(large, mapping->at, mapping->bytes);
	}
	return is_plain(mapping) && (flags & OTHER_FLAGS) == 0 &&
			       mapping->bytes >= large->least
		       ? decide(ATTACH_DO)
		       : decide(ATTACH_PASS);
}

struct attach_verdict attach_large_advise(const struct attach_large *large, uintptr_t at,
					  uint64_t bytes, int advice)
{
	if (!attach_large_touches(large, at, bytes))
		return decide(ATTACH_PASS);
	if (at % HV_PAGE_BYTES != 0)
		return refuse(EINVAL, "advice is about whole pages");
	if (!holds(large, at, bytes))
		return refuse(ENOMEM, "advice beyond the partition's memory");
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE: /* its frames come back at once, and not when they are needed */
		return discard(large, at, bytes);
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_DONTDUMP: /* it is in no dump */
	case MADV_DODUMP:
	case MADV_DONTFORK: /* a child may have more than it wants */
	case MADV_DOFORK:
	case MADV_KEEPONFORK:
		return decide(ATTACH_NOTHING);
	default: /* as for a private mapping, or as an older kernel */
		return refuse(EINVAL, "advice that is not for a partition's memory");
	}
}

struct attach_verdict attach_large_protect(const struct attach_large *large, uintptr_t at,
					   uint64_t bytes, int protection)
{
	if (!attach_large_touches(large, at, bytes))
		return decide(ATTACH_PASS);
	if (at % HV_PAGE_BYTES != 0)
		return refuse(EINVAL, "protection is of whole pages");
	if (!holds(large, at, bytes))
		return refuse(ENOMEM, "protection beyond the partition's memory");
	return protection == READ_AND_WRITE
		       ? decide(ATTACH_NOTHING)
		       : refuse(EACCES, "a partition's memory stays readable and "
					"writable, and is not executed");
}

struct attach_verdict attach_large_lock(const struct attach_large *large, uintptr_t at,
					uint64_t bytes)
{
	return attach_large_touches(large, at, bytes)
		       ? refuse(EPERM, "the memory is paged: it is not locked")
		       : decide(ATTACH_PASS);
}

struct attach_verdict attach_large_remap(const struct attach_large *large, uintptr_t at,
					 uint64_t bytes, uint64_t to_bytes, int flags,
					 uintptr_t to)
{
	struct attach_span span;

	if (to != 0 && attach_large_touches(large, to, to_bytes))
		return refuse(EPERM, "nothing is moved over the partition's memory");
	if (!attach_large_touches(large, at, bytes != 0 ? bytes : 1))
		return decide(ATTACH_PASS);
	if ((flags & MREMAP_DONTUNMAP) != 0)
		return refuse(EINVAL, "a partition's memory leaves nothing where it was");
	if (bytes == 0 || to_bytes == 0 || at % HV_PAGE_BYTES != 0 ||
	    to % HV_PAGE_BYTES != 0)
		return refuse(EINVAL, "memory is moved by whole pages");
	span = attach_large_span(large, at, bytes);
	if (!holds(large, at, bytes) ||
	    !attach_ranges_holds(&large->ranges, span.first, span.end - span.first))
		return refuse(EFAULT, "what is moved is not mapped");
	return decide(ATTACH_DO);
}
