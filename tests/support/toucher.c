/* toucher - see toucher.h. */
#include "tests/support/toucher.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hvcore/base/invariant.h"

static void *run(void *arg)
{
	struct test_touch *touch = arg;
	volatile unsigned char *at = touch->at;

	switch (touch->kind) {
	case TEST_TOUCH_READ:
		touch->value = *at;
		break;
	case TEST_TOUCH_WRITE:
		*at = touch->value;
		break;
	case TEST_TOUCH_REMOVE:
		HV_INVARIANT(madvise(touch->at, touch->bytes, MADV_REMOVE) == 0);
		break;
	case TEST_TOUCH_DONTNEED:
		HV_INVARIANT(madvise(touch->at, touch->bytes, MADV_DONTNEED) == 0);
		break;
	case TEST_TOUCH_UNMAP:
		HV_INVARIANT(munmap(touch->at, touch->bytes) == 0);
		break;
	}
	atomic_store(&touch->is_done, true);
	return NULL;
}

void test_touch_start(struct test_touch *touch)
{
	atomic_store(&touch->is_done, false);
	HV_INVARIANT(pthread_create(&touch->thread, NULL, run, touch) == 0);
}

unsigned char test_touch_end(struct test_touch *touch)
{
	HV_INVARIANT(pthread_join(touch->thread, NULL) == 0);
	return touch->value;
}

void test_wait_readable(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	HV_INVARIANT(poll(&poller, 1, 10000) == 1 && (poller.revents & POLLIN) != 0);
}
