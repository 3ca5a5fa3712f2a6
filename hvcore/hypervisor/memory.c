/* memory - see memory.h. Everything here runs on a fault thread (F). */
#include "hvcore/hypervisor/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"
#include "hvcore/hypervisor/hcalls.h"

static uint64_t address_of(const struct memory *memory, uint32_t page)
{
	return memory->base + ((uint64_t)page << HV_PAGE_SHIFT);
}

static off_t offset_of(uint32_t page)
{
	return (off_t)((uint64_t)page << HV_PAGE_SHIFT);
}

static enum hv_code op_protect(void *ctx, uint32_t first, uint32_t count)
{
	struct memory *memory = ctx;

	return hv_uffd_protect(memory->uffd, address_of(memory, first), count);
}

static enum hv_code op_unprotect(void *ctx, uint32_t page)
{
	struct memory *memory = ctx;

	return hv_uffd_unprotect(memory->uffd, address_of(memory, page), 1);
}

static enum hv_code op_copy_out(void *ctx, uint32_t page, void *to)
{
	struct memory *memory = ctx;
	ssize_t n = pread(memory->file, to, HV_PAGE_BYTES, offset_of(page));

	if (n == (ssize_t)HV_PAGE_BYTES)
		return HV_OK;
	return n < 0 && errno == EINTR ? HV_E_AGAIN : HV_E_IO;
}

static bool op_has_data(void *ctx, uint32_t page)
{
	struct memory *memory = ctx;
	off_t at;

	hv_visits_enter(&memory->visits);
	at = lseek(memory->file, offset_of(page), SEEK_DATA);
	hv_visits_leave(&memory->visits);
	if (at < 0) /* ENXIO: nothing but a hole up to the end */
		return errno != ENXIO;
	return at == offset_of(page);
}

static enum hv_code op_punch(void *ctx, uint32_t first, uint32_t count)
{
	struct memory *memory = ctx;
	int rc;

	hv_visits_enter(&memory->visits);
	rc = fallocate(memory->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       offset_of(first), offset_of(count));
	hv_visits_leave(&memory->visits);
	if (rc == 0)
		return HV_OK;
	return errno == EINTR ? HV_E_AGAIN : HV_E_IO;
}

static enum hv_code op_zero(void *ctx, uint32_t page)
{
	struct memory *memory = ctx;
	unsigned done;

	return hv_uffd_zero(memory->uffd, address_of(memory, page), 1, HV_UFFD_PLAIN,
			    &done);
}

static enum hv_code op_install(void *ctx, uint32_t page, const void *from,
			       bool is_protected, bool is_quiet)
{
	struct memory *memory = ctx;
	unsigned mode = (is_protected ? HV_UFFD_PROTECT : HV_UFFD_PLAIN) |
			(is_quiet ? HV_UFFD_DONT_WAKE : HV_UFFD_PLAIN);
	unsigned done;

	return hv_uffd_copy(memory->uffd, address_of(memory, page), from, 1, mode, &done);
}

static enum hv_code op_resume(void *ctx, uint32_t page, bool is_protected)
{
	struct memory *memory = ctx;
	unsigned done;

	return hv_uffd_continue(memory->uffd, address_of(memory, page), 1,
				is_protected ? HV_UFFD_PROTECT : HV_UFFD_PLAIN, &done);
}

static enum hv_code op_wake(void *ctx, uint32_t first, uint32_t count)
{
	struct memory *memory = ctx;

	return hv_uffd_wake(memory->uffd, address_of(memory, first), count);
}

static enum hv_code op_poison(void *ctx, uint32_t page)
{
	struct memory *memory = ctx;
	unsigned done;

	return hv_uffd_poison(memory->uffd, address_of(memory, page), 1, &done);
}

static void op_left(void *ctx, uint32_t page)
{
	struct memory *memory = ctx;

	if (memory->hcalls != NULL)
		hcalls_left(memory->hcalls, page);
}

static enum hv_importance op_importance(void *ctx, uint32_t page)
{
	const struct memory *memory = ctx;

	return memory->hcalls != NULL ? hcalls_importance(memory->hcalls, page)
				      : HV_PAGE_ORDINARY;
}

static uint32_t op_find_spare(void *ctx, uint32_t from, uint32_t end, enum hv_hint last)
{
	const struct memory *memory = ctx;

	return memory->hcalls != NULL ? hcalls_find_spare(memory->hcalls, from, end, last)
				      : end;
}

static enum hv_hint op_claim(void *ctx, uint32_t page)
{
	struct memory *memory = ctx;

	return hcalls_claim(memory->hcalls, page);
}

static void op_claimed(void *ctx, uint32_t page, enum hv_hint hint, bool is_taken)
{
	struct memory *memory = ctx;

	hcalls_claimed(memory->hcalls, page, hint, is_taken);
}

const struct hv_space_ops memory_ops = {
	.protect = op_protect,
	.unprotect = op_unprotect,
	.copy_out = op_copy_out,
	.has_data = op_has_data,
	.punch = op_punch,
	.zero = op_zero,
	.install = op_install,
	.resume = op_resume,
	.wake = op_wake,
	.poison = op_poison,
	.left = op_left,
	.importance = op_importance,
	.find_spare = op_find_spare,
	.claim = op_claim,
	.claimed = op_claimed,
};

enum hv_code memory_add(struct fault_thread *thread, struct memory *memory,
			struct hv_err *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &memory->source };
	enum hv_code code;

	code = hv_pager_add(thread->pager, memory->space, err);
	if (code != HV_OK)
		return code;
	HV_INVARIANT(thread->memory_count < HV_PAGER_SPACES_MAX);
	thread->memories[thread->memory_count++] = memory;
	memory->source.kind = FAULT_SOURCE_MEMORY;
	memory->thread = thread;
	if (epoll_ctl(thread->epoll, EPOLL_CTL_ADD, memory->uffd, &event) != 0)
		code = hv_fail_os(err, HV_E_OS, errno, "watch the userfaultfd");
	/* last: without a thread it would be taken for dedicated memory */
	if (code == HV_OK && memory->hcalls != NULL)
		code = hcalls_add(thread, memory->hcalls, err);
	if (code != HV_OK) {
		hv_pager_end(thread->pager, memory->space);
		memory_remove(memory);
	}
	return code;
}

void memory_count_quarantine(struct memory *memory)
{
	atomic_store(&memory->quarantined, hv_space_quarantined(memory->space));
}

void memory_remove(struct memory *memory)
{
	struct fault_thread *thread = memory->thread;

	(void)epoll_ctl(thread->epoll, EPOLL_CTL_DEL, memory->uffd, NULL);
	hv_pager_remove(thread->pager, memory->space);
	for (unsigned i = 0; i < thread->memory_count; i++) {
		if (thread->memories[i] != memory)
			continue;
		thread->memories[i] = thread->memories[--thread->memory_count];
		break;
	}
	memory->thread = NULL;
}

/* Whether the whole range is in the region; a part that is not is trouble. */
static bool pages_of(struct memory *memory, const struct hv_uffd_event *event,
		     uint32_t *ret_first, uint32_t *ret_count)
{
	uint64_t offset = event->address - memory->base;
	uint64_t bytes = (uint64_t)memory->max_pages << HV_PAGE_SHIFT;

	if (event->address < memory->base || offset >= bytes ||
	    event->bytes > bytes - offset)
		return false;
	*ret_first = (uint32_t)(offset >> HV_PAGE_SHIFT);
	*ret_count = (uint32_t)(event->bytes >> HV_PAGE_SHIFT);
	return true;
}

/* The part of the region that an event names. */
static bool is_under_io(const struct memory *memory, const struct hv_uffd_event *event)
{
	uint64_t first = event->address > memory->base ? event->address - memory->base
						       : 0;
	uint64_t end = event->address + event->bytes - memory->base;
	uint64_t bytes = (uint64_t)memory->max_pages << HV_PAGE_SHIFT;

	if (memory->hcalls == NULL || event->address + event->bytes <= memory->base ||
	    first >= bytes)
		return false;
	end = end < bytes ? end : bytes;
	return hcalls_maps_any(memory->hcalls, (uint32_t)(first >> HV_PAGE_SHIFT),
			       (uint32_t)((end - first) >> HV_PAGE_SHIFT));
}

static void serve_event(struct memory *memory, const struct hv_uffd_event *event,
			uint64_t now_ns)
{
	struct hv_pager *pager = memory->thread->pager;
	uint32_t first = 0;
	uint32_t count = 0;

	if (event->kind == HV_UFFD_UNMAP || event->kind == HV_UFFD_REMAP) {
		atomic_fetch_or(&memory->trouble, event->kind == HV_UFFD_UNMAP
							  ? MEMORY_UNMAPPED
							  : MEMORY_REMAPPED);
		if (is_under_io(memory, event))
			atomic_fetch_or(&memory->trouble, MEMORY_IO_UNMAPPED);
		hv_pager_block(pager, memory->space, true);
		return;
	}
	if (!pages_of(memory, event, &first, &count)) {
		atomic_fetch_or(&memory->trouble, MEMORY_STRAY);
		return;
	}
	if (first >= memory->pages) { /* P18; a discard there has nothing to free */
		if (event->kind != HV_UFFD_REMOVE)
			atomic_fetch_or(&memory->trouble, MEMORY_BEYOND);
		return;
	}
	if (count > memory->pages - first)
		count = memory->pages - first;
	if (event->kind != HV_UFFD_REMOVE && event->thread != 0)
		steer_count(&memory->steer, event->thread);
	switch (event->kind) {
	case HV_UFFD_REMOVE:
		hv_pager_on_removed(pager, memory->space, first, count);
		return;
	case HV_UFFD_WRITE:
		hv_pager_on_write(pager, memory->space, first);
		return;
	case HV_UFFD_MINOR:
		hv_pager_on_minor(pager, memory->space, first, event->is_write);
		return;
	case HV_UFFD_MISSING:
		hv_pager_on_missing(pager, memory->space, first, event->is_write,
				    event->thread, now_ns);
		return;
	default:
		atomic_fetch_or(&memory->trouble, MEMORY_STRAY);
		return;
	}
}

void memory_serve(struct memory *memory, uint64_t now_ns)
{
	/* discards first: what they empty must not be taken for resident; then writes,
	 * which are cheap and unblock at once */
	static const enum hv_uffd_kind order[] = {
		HV_UFFD_REMOVE, HV_UFFD_UNMAP, HV_UFFD_REMAP,   HV_UFFD_WRITE,
		HV_UFFD_MINOR,  HV_UFFD_OTHER, HV_UFFD_MISSING,
	};
	struct hv_uffd_event events[HV_UFFD_READ_MAX];
	unsigned count = 0;

	if (hv_uffd_read(memory->uffd, events, HV_UFFD_READ_MAX, &count) != HV_OK)
		return;
	for (unsigned i = 0; i < HV_COUNT(order); i++)
		for (unsigned n = 0; n < count; n++)
			if (events[n].kind == order[i])
				serve_event(memory, &events[n], now_ns);
}
