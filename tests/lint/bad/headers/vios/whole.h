/* Brings it along. */
#ifndef VIOS_WHOLE_H
#define VIOS_WHOLE_H

#include <stdint.h>

uint64_t whole(void);

#endif
