/* seed - see seed.h. */
#include "tests/support/seed.h"

#include "hvcore/base/clock.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t test_seed(void)
{
	const char *given = getenv("HV_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : hv_clock_ns();

	printf("HV_SEED=%llu\n", (unsigned long long)seed);
	(void)fflush(stdout);
	return seed;
}
