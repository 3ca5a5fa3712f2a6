/* Hopes instead of waiting. */
#include <unistd.h>

void late(void);

void late(void)
{
	usleep(100000);
}
