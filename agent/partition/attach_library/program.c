/* program - see program.h. */
#include "agent/partition/attach_library/program.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/partition/attach_library/library_priv.h"
#include "hvcore/base/log.h"

#define COPY_BYTES \
	(UINT64_C(4) << 20) /* that are there twice while they move; arbitrary */

static struct program {
	atomic_bool is_on;
	bool must_fail;    /* ENOMEM where it is used up */
	bool is_dedicated; /* nobody else has its frames */
	struct attach_discards *discards;
	atomic_bool is_full_said;
	atomic_ullong ordinary_bytes; /* asked for where it was used up; since it began */
	pthread_mutex_t lock;         /* guards the ranges */
	struct attach_large large;
} program = { .lock = PTHREAD_MUTEX_INITIALIZER };

enum hv_code program_begin(void *base, const struct attach_passport *passport,
			   struct attach_discards *discards, struct hv_err *err)
{
	const uint64_t pages = passport->bytes / HV_PAGE_BYTES;
	uint64_t *words = library_map(&(struct library_mmap){
		.bytes = attach_ranges_bytes(pages),
		.protection = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS,
		.fd = -1,
	});

	if (words == MAP_FAILED)
		return hv_fail_os(err, HV_E_NOMEM, errno, "a bit for each of %llu pages",
				  (unsigned long long)pages);
	program.large.base = (uintptr_t)base;
	program.large.bytes = passport->bytes;
	program.large.least = passport->large;
	program.must_fail = passport->must_fail != 0;
	program.is_dedicated = passport->uffd == 0;
	program.discards = discards;
	attach_ranges_init(&program.large.ranges, words, pages);
	atomic_store_explicit(&program.is_on, true, memory_order_release);
	return HV_OK;
}

bool program_is_on(void)
{
	return atomic_load_explicit(&program.is_on, memory_order_acquire);
}

void program_leave(void)
{
	atomic_store(&program.is_on, false);
}

const struct attach_large *program_large(void)
{
	return &program.large;
}

static unsigned long long mib_of(uint64_t pages)
{
	return (unsigned long long)(pages * HV_PAGE_BYTES >> 20);
}

void program_tell(void)
{
	if (!program_is_on())
		return;
	log_info("program.memory", "mib=%llu most_mib=%llu ordinary_mib=%llu",
		 mib_of(program.large.ranges.pages), mib_of(program.large.ranges.most),
		 (unsigned long long)(atomic_load(&program.ordinary_bytes) >> 20));
}

/* ---- ranges ---- */

static uint64_t pages_of(uint64_t bytes)
{
	return bytes / HV_PAGE_BYTES + (bytes % HV_PAGE_BYTES != 0);
}

static void *address_of(uint64_t page)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): pages have numbers */
	return (void *)(program.large.base + page * HV_PAGE_BYTES);
}

/* Where it would like to be, if there is room. */
static bool take(uintptr_t hint, uint64_t count, uint64_t *ret_first)
{
	struct attach_large *large = &program.large;
	bool is_taken = false;

	(void)pthread_mutex_lock(&program.lock);
	if (hint % HV_PAGE_BYTES == 0 && hint >= large->base &&
	    hint - large->base < large->bytes) {
		*ret_first = (hint - large->base) / HV_PAGE_BYTES;
		is_taken = attach_ranges_take_at(&large->ranges, *ret_first, count);
	}
	if (!is_taken)
		is_taken = attach_ranges_take(&large->ranges, count, ret_first);
	(void)pthread_mutex_unlock(&program.lock);
	return is_taken;
}

static bool take_behind(uint64_t first, uint64_t count)
{
	bool is_taken;

	(void)pthread_mutex_lock(&program.lock);
	is_taken = attach_ranges_take_at(&program.large.ranges, first, count);
	(void)pthread_mutex_unlock(&program.lock);
	return is_taken;
}

/* Dedicated memory is no pool's: the hypervisor is not asked, as it would refuse. */
static int discard(uint64_t offset, uint64_t bytes)
{
	struct hv_err err = { 0 };

	if (program.is_dedicated)
		return (int)syscall(SYS_madvise, address_of(offset / HV_PAGE_BYTES),
				    bytes, MADV_REMOVE);
	if (attach_discard(program.discards, offset, bytes, &err) == HV_OK)
		return 0;
	log_error("guest.no_discard", "reason='%s'", hv_err_text(&err));
	errno = ENOMEM;
	return -1;
}

/* Nobody gets a page before it is zeros again: it stays taken until then. */
static int give(struct attach_span span)
{
	struct attach_ranges *ranges = &program.large.ranges;
	int rc = 0;

	while (rc == 0) {
		uint64_t first, count;

		(void)pthread_mutex_lock(&program.lock);
		count = attach_ranges_next(ranges, span.first, span.end, &first);
		(void)pthread_mutex_unlock(&program.lock);
		if (count == 0)
			return 0;
		rc = discard(first * HV_PAGE_BYTES, count * HV_PAGE_BYTES);
		(void)pthread_mutex_lock(&program.lock);
		if (rc == 0)
			(void)attach_ranges_give(ranges, first, count);
		(void)pthread_mutex_unlock(&program.lock);
		span.first = first + count;
	}
	return rc;
}

/* ---- calls ---- */

static void *give_ordinary(const struct library_mmap *wanted)
{
	(void)atomic_fetch_add(&program.ordinary_bytes, wanted->bytes);
	if (!atomic_exchange(&program.is_full_said, true))
		log_warn("program.memory_used_up", "mib=%llu wanted_mib=%llu instead=%s",
			 mib_of(program.large.ranges.pages),
			 mib_of(pages_of(wanted->bytes)),
			 program.must_fail ? "ENOMEM" : "'ordinary memory'");
	if (!program.must_fail)
		return library_map(wanted);
	errno = ENOMEM;
	return MAP_FAILED;
}

static void *give_range(const struct library_mmap *wanted)
{
	uint64_t first;

	if (!take((uintptr_t)wanted->at, pages_of(wanted->bytes), &first))
		return give_ordinary(wanted);
	return address_of(first);
}

static int renew(const struct attach_verdict *verdict)
{
	const uint64_t first = verdict->offset / HV_PAGE_BYTES;

	(void)pthread_mutex_lock(&program.lock);
	attach_ranges_take_all(&program.large.ranges, first,
			       verdict->bytes / HV_PAGE_BYTES);
	(void)pthread_mutex_unlock(&program.lock);
	return discard(verdict->offset, verdict->bytes);
}

void *program_mmap(const struct library_mmap *wanted)
{
	const struct attach_mapping mapping = {
		.at = (uintptr_t)wanted->at,
		.bytes = wanted->bytes,
		.protection = wanted->protection,
		.flags = wanted->flags,
		.is_file = (wanted->flags & MAP_ANONYMOUS) == 0,
	};
	const struct attach_verdict verdict = attach_large_map(&program.large, &mapping);

	switch (verdict.act) {
	case ATTACH_DO:
		return give_range(wanted);
	case ATTACH_DISCARD:
		return renew(&verdict) == 0 ? wanted->at : MAP_FAILED;
	case ATTACH_REFUSE:
		(void)library_refuse(&verdict);
		return MAP_FAILED;
	default:
		return library_map(wanted);
	}
}

static int kernel_unmap(uintptr_t at, uint64_t bytes)
{
	return (int)syscall(SYS_munmap, at, bytes);
}

/* What lies beside the memory is the kernel's, what lies in it never. */
int program_munmap(void *at, size_t bytes)
{
	const struct attach_large *large = &program.large;
	const uintptr_t from = (uintptr_t)at, end = large->base + large->bytes;

	if (!attach_large_touches(large, from, bytes) || from % HV_PAGE_BYTES != 0 ||
	    bytes > UINTPTR_MAX - from)
		return kernel_unmap(from, bytes);
	if (from < large->base && kernel_unmap(from, large->base - from) != 0)
		return -1;
	if (from + bytes > end && kernel_unmap(end, from + bytes - end) != 0)
		return -1;
	return give(attach_large_span(large, from, bytes));
}

int program_madvise(void *at, size_t bytes, int advice)
{
	const struct attach_verdict verdict =
		attach_large_advise(&program.large, (uintptr_t)at, bytes, advice);

	switch (verdict.act) {
	case ATTACH_NOTHING:
		return 0;
	case ATTACH_DISCARD:
		return discard(verdict.offset, verdict.bytes);
	case ATTACH_REFUSE:
		return library_refuse(&verdict);
	default:
		return (int)syscall(SYS_madvise, at, bytes, advice);
	}
}

int program_mprotect(void *at, size_t bytes, int protection)
{
	const struct attach_verdict verdict =
		attach_large_protect(&program.large, (uintptr_t)at, bytes, protection);

	if (verdict.act == ATTACH_REFUSE)
		return library_refuse(&verdict);
	if (verdict.act == ATTACH_NOTHING)
		return 0;
	return (int)syscall(SYS_mprotect, at, bytes, protection);
}

bool program_may_lock(const void *at, size_t bytes)
{
	const struct attach_verdict verdict = attach_large_lock(&program.large,
								(uintptr_t)at, bytes);

	return verdict.act != ATTACH_REFUSE || library_refuse(&verdict) == 0;
}

/* ---- mremap ---- */

/* Each piece goes when it was copied, so that little is there twice. */
static int move(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
	int rc = 0;

	for (uint64_t done = 0; done < bytes && rc == 0;) {
		uint64_t piece = bytes - done < COPY_BYTES ? bytes - done : COPY_BYTES;

		memcpy(to + done, from + done, piece);
		rc = give(
			attach_large_span(&program.large, (uintptr_t)from + done, piece));
		done += piece;
	}
	return rc;
}

static void *move_to(void *fixed, void *at, uint64_t bytes, uint64_t to_bytes)
{
	const struct library_mmap wanted = {
		.at = fixed,
		.bytes = to_bytes,
		.protection = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | (fixed != NULL ? MAP_FIXED : 0),
		.fd = -1,
	};
	void *to = fixed != NULL ? library_map(&wanted) : give_range(&wanted);

	if (to != MAP_FAILED && move(to, at, bytes < to_bytes ? bytes : to_bytes) != 0)
		return MAP_FAILED;
	return to;
}

/* `span` is what it is now, all of it taken. */
static void *resize(void *at, struct attach_span span, uint64_t to_pages, int flags)
{
	const uint64_t pages = span.end - span.first;
	struct attach_span rest = { span.first + to_pages, span.end };

	if (to_pages <= pages)
		return give(rest) == 0 ? at : MAP_FAILED;
	if (take_behind(span.end, to_pages - pages))
		return at;
	if ((flags & MREMAP_MAYMOVE) != 0)
		return move_to(NULL, at, pages * HV_PAGE_BYTES, to_pages * HV_PAGE_BYTES);
	errno = ENOMEM;
	return MAP_FAILED;
}

void *program_mremap(void *at, size_t bytes, size_t to_bytes, int flags, void *to)
{
	const bool is_fixed = (flags & MREMAP_FIXED) != 0;
	struct attach_verdict verdict;
	struct attach_span span;
	void *now;

	(void)pthread_mutex_lock(&program.lock);
	verdict = attach_large_remap(&program.large, (uintptr_t)at, bytes, to_bytes,
				     flags, is_fixed ? (uintptr_t)to : 0);
	(void)pthread_mutex_unlock(&program.lock);
	if (verdict.act == ATTACH_REFUSE) {
		(void)library_refuse(&verdict);
		return MAP_FAILED;
	}
	if (verdict.act == ATTACH_PASS)
		return (void *)syscall(SYS_mremap, at, bytes, to_bytes, flags, to);
	span = attach_large_span(&program.large, (uintptr_t)at, bytes);
	if (!is_fixed)
		return resize(at, span, pages_of(to_bytes), flags);
	now = move_to(to, at, (span.end - span.first) * HV_PAGE_BYTES,
		      pages_of(to_bytes) * HV_PAGE_BYTES);
	/* what it was shrunk by */
	return now != MAP_FAILED && give(span) == 0 ? now : MAP_FAILED;
}
