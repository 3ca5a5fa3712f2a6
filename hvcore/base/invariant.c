/* invariant - see invariant.h. */
#include "hvcore/base/invariant.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void hv_invariant_failed(const char *what, const char *file, int line)
{
	(void)fprintf(stderr, "invariant violated at %s:%d: %s\n", file, line, what);
	abort();
}
