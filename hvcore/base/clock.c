/* clock - see clock.h. */
#include "hvcore/base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec at;

	(void)clock_gettime(id, &at); /* cannot fail for these clocks */
	return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

uint64_t hv_clock_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t hv_clock_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / 1000000u;
}

uint64_t hv_clock_wall_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000u;
}
