/*
 * clock - monotonic and wall time of the real world.
 *
 * Only programs read it; logic that is worth simulating gets time by its env
 * table. Threads: any.
 */
#ifndef HVCORE_BASE_CLOCK_H
#define HVCORE_BASE_CLOCK_H

#include <stdint.h>

uint64_t hv_clock_ns(void);      /* CLOCK_MONOTONIC */
uint64_t hv_clock_ms(void);      /* CLOCK_MONOTONIC */
uint64_t hv_clock_wall_ms(void); /* since 1970-01-01 UTC */

#endif
