/* wait - see wait.h. */
#include "tests/support/wait.h"

#include "hvcore/base/clock.h"

#include <time.h>

/* Short against what was waited for, so that asking takes no processor from those who
 * are to bring it about. Arbitrary. */
#define PAUSE_MS_MIN 2
#define PAUSE_MS_MAX 25
#define PAUSE_SHARE 16

static void rest(uint64_t waited_ms)
{
	uint64_t ms = waited_ms / PAUSE_SHARE;

	ms = ms < PAUSE_MS_MIN ? PAUSE_MS_MIN : ms > PAUSE_MS_MAX ? PAUSE_MS_MAX : ms;
	(void)nanosleep(&(struct timespec){ .tv_nsec = (long)ms * 1000000 }, NULL);
}

bool test_wait(bool (*is_true)(void *arg), void *arg, uint64_t deadline_ms)
{
	uint64_t start = hv_clock_ms();

	while (!is_true(arg)) {
		if (hv_clock_ms() > start + deadline_ms)
			return is_true(arg);
		rest(hv_clock_ms() - start);
	}
	return true;
}
