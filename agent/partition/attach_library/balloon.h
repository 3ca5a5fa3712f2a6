/*
 * balloon - how much of a guest's memory its balloon is to hold, so that the hypervisor
 * has what it asks for (LOAN) as far as the guest's policy lets it. Pure.
 *
 *   OFF      nothing
 *   CACHE    what its kernel could do without: available less a sixteenth of its memory
 *   WORKING  more than that: all but an eighth, in small steps; then it pages itself
 *   TOLD     as WORKING, and takes nothing back by itself: only to compare
 *
 * It takes back by itself what brings its kernel up to half of that sixteenth again, and
 * its balloon deflates when memory runs out inside (deflate-on-oom). A guest that says
 * nothing of its memory lends nothing by CACHE.
 *
 * Contract
 *   Threads  any; nothing is kept.
 *   Units    bytes; the answer is whole MiB.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_BALLOON_H
#define AGENT_PARTITION_ATTACH_LIBRARY_BALLOON_H

#include <stdint.h>

#define BALLOON_STALE_MS 5000 /* what was said longer ago is not known; arbitrary */

enum balloon_policy { /* as --loan-policy has them */
		      BALLOON_OFF,
		      BALLOON_CACHE,
		      BALLOON_WORKING,
		      BALLOON_TOLD
};

struct balloon_view {
	enum balloon_policy policy;
	uint64_t memory; /* it began with */
	uint64_t held;   /* by its balloon now */
	uint64_t wanted;
	uint64_t available; /* as its kernel says; UINT64_MAX: it does not */
};

/* What it is to hold. Asked once a second. */
uint64_t balloon_target(const struct balloon_view *view);

#endif
