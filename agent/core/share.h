/*
 * share - what each partition gets when the machine's processors are fought for.
 *
 * The kernel divides by shares, and knows neither an entitlement nor a weight for what
 * is left over. So shares are worked out of both, and of who wants more just now: one
 * that uses nine tenths of its entitlement does. All that nobody is entitled to, and all
 * that the others leave, is divided among those by uncap_weight:
 *
 *   share = entitled + spare x weight / sum of weights of those that want
 *
 * Who does not want keeps a share as if it did, so that it is not behind at its next
 * start. A partition that is capped, or has weight 0, has its entitlement as quota.
 *
 * Contract
 *   Threads  any: a pure function.
 *   Units    hundredths of a processor.
 */
#ifndef AGENT_CORE_SHARE_H
#define AGENT_CORE_SHARE_H

#include "agent/core/core.h"

struct core_share {
	uint32_t entitled; /* 0: nobody says */
	uint32_t procs;    /* virtual processors, whole; 0: no limit */
	bool is_uncapped;
	uint32_t weight;            /* uncapped only */
	uint32_t rate;              /* used lately */
	struct agent_limits limits; /* result */
};

/* capacity: what these use now, and what is idle. */
void core_share_divide(struct core_share *shares, size_t count, uint32_t capacity);

#endif
