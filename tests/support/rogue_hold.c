/*
 * rogue_hold - see rogue.h: a write by descriptor keeps the kernel's lock of the file
 * until the page that it reads from is there.
 */
#include "tests/support/rogue_priv.h"

#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"

struct hold {
	int file;
	const unsigned char *from;
	uint64_t first, end; /* pages of the file */
};

/* Not on the stack: the child goes on meanwhile. */
static struct hold hold;

static void *write_pages(void *arg)
{
	const struct hold *self = arg;

	for (uint64_t n = self->first;; n = n + 1 < self->end ? n + 1 : self->first)
		if (pwrite(self->file, self->from + (n - self->first) * HV_PAGE_BYTES,
			   HV_PAGE_BYTES, (off_t)(n * HV_PAGE_BYTES)) < 0)
			return NULL;
}

static void start(struct hold with)
{
	pthread_t thread;

	hold = with;
	HV_INVARIANT(pthread_create(&thread, NULL, write_pages, &hold) == 0);
}

static uint64_t by_a_page_that_never_comes(struct rogue_child *child, uint64_t page)
{
	int uffd = test_uffd_make(0);
	void *at = mmap(NULL, HV_PAGE_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = { .range = { (uintptr_t)at, HV_PAGE_BYTES },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct pollfd fault = { .fd = uffd, .events = POLLIN };

	HV_INVARIANT(at != MAP_FAILED);
	HV_INVARIANT(ioctl(uffd, UFFDIO_REGISTER, &reg) == 0);
	start((struct hold){ child->file, at, page, page + 1 });
	while (poll(&fault, 1, -1) != 1)
		continue;
	return 0;
}

/* Each page into itself: nothing changes, and none is made. */
static _Noreturn void by_calls(struct rogue_child *child)
{
	uint64_t pages = child->region.bytes / HV_PAGE_BYTES;

	start((struct hold){ child->file, child->region.at, 0, pages });
	for (uint64_t n = 0;; n = (n + 1) % pages) {
		uint64_t args[HV_HCALL_ARGS] = { H_ZERO_PAGE, n * HV_PAGE_BYTES };

		(void)partition_call(child->calls, H_PAGE_INIT, args);
	}
}

uint64_t rogue_hold_do(struct rogue_child *child, const struct rogue_task *order)
{
	if (order->deed == ROGUE_HOLD_BY_CALLS)
		by_calls(child);
	return by_a_page_that_never_comes(child, order->page);
}
