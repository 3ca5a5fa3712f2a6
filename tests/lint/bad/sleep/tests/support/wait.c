/* The one place that may. */
#include <time.h>

void pause_a_bit(const struct timespec *t);

void pause_a_bit(const struct timespec *t)
{
	nanosleep(t, NULL);
}
