/*
 * priority - the host's own work before that of partitions.
 *
 * A program that leads its session also has to raise the priority of that session:
 * where the kernel groups the processes of a session (autogroup), a process's own
 * nice value counts only against others of the same session. It gets a third of it.
 *
 * Contract
 *   Threads  the first one, before it starts others: they inherit it.
 *   Errors   OS: not allowed. What could be raised has been.
 */
#ifndef HVCORE_BASE_PRIORITY_H
#define HVCORE_BASE_PRIORITY_H

#include "hvcore/base/err.h"

/*
 * Of hypervisor and VIOS, below who started them. A fault thread that is pinned beside
 * partitions of its own priority would wait for all their slices, and a VIOS would look
 * hung; both sleep whenever they have nothing to do. Arbitrary: 28 times the weight.
 */
#define HV_PRIORITY_SERVICE (-15)

/* nice: -20..-1, added to the one we were started with. */
HV_MUST_USE
enum hv_code hv_priority_raise(int nice, struct hv_err *err);

#endif
