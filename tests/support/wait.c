/* wait - see wait.h. */
#include "tests/support/wait.h"

#include "hvcore/base/clock.h"

#include <time.h>

#define PAUSE_NS 2000000 /* arbitrary: short against what is waited for */

bool test_wait(bool (*is_true)(void *arg), void *arg, uint64_t deadline_ms)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t end = hv_clock_ms() + deadline_ms;

	while (!is_true(arg)) {
		if (hv_clock_ms() > end)
			return is_true(arg);
		(void)nanosleep(&pause, NULL);
	}
	return true;
}
