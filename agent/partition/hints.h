/*
 * hints - what the partition's operating system says of its pages, in the memory that
 * it shares with the hypervisor (hvcore/wire/hint.h).
 *
 * Contract
 *   Threads  any; of one page one at a time: its owner.
 *   Memory   calls are lent.
 *   Units    pages.
 */
#ifndef AGENT_PARTITION_HINTS_H
#define AGENT_PARTITION_HINTS_H

#include "agent/partition/calls.h"

/*
 * Says it, and whether the page has the content that it had: false: the hypervisor took
 * it meanwhile, and it is zeros. One store; a call only where the page is just being
 * taken, so it may wait some microseconds.
 */
bool partition_hint(struct partition_calls *calls, uint64_t page, enum hv_hint hint);

#endif
