/*
 * home - which of the fault threads serves a partition, by how many each has.
 *
 * A page is waited for where its device interrupts: elsewhere each page-in costs a
 * wake-up across processors. But a partition's first thread runs at its home as well, so
 * that one takes no more of them than the others.
 *
 * Contract
 *   Threads  the loop thread; pure.
 */
#ifndef HVCORE_HYPERVISOR_HOME_H
#define HVCORE_HYPERVISOR_HOME_H

#include <limits.h>

#define HOME_NONE UINT_MAX

/* loads: partitions of each of `count`, at least one. near: the one that the device
 * interrupts, or HOME_NONE. Gives an index. */
unsigned home_choose(const unsigned *loads, unsigned count, unsigned near);

#endif
