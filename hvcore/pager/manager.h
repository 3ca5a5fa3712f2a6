/*
 * manager - how many frames each partition of a pool may count on: the AMS manager's
 * fairness. Pure: figures in, targets out; reclaim takes from whoever is furthest
 * above its target.
 *
 * LoPAR (CMO appendix; domain.md 3.2) has each partition donate what the pool lacks,
 * and moves donations between partitions by comparing utilization with weight, a 256th
 * of a partition every few seconds. Here the utilization is turned into pages at once:
 *
 *   hot     pages referenced within a window, less those that only arrived in it; the
 *           most of the last window and of what earlier ones said, fading
 *   credit  pages that came back from the paging device so soon that the pool could
 *           have kept them (refaults within reach), fading slowly. A scan of more than
 *           the pool has none, however fast it pages
 *   want    hot and a little + credit: what keeps it from paging, as far as is known
 *
 *   all wants fit   each has its want; the rest goes to those that page, by weight
 *   they do not     by want * (weight + 1), nobody more than its want
 *
 *   donation = logical - target;  shortfall = donation - what it is without already
 *
 * Contract
 *   Threads  one.
 *   Memory   nothing allocates; a member is its owner's, zeroed before its first use.
 *   Time     elapsed_ms since the last beat; the caller's clock.
 *   Units    pages.
 */
#ifndef HVCORE_PAGER_MANAGER_H
#define HVCORE_PAGER_MANAGER_H

#include "hvcore/pager/pager.h"

#define HV_MANAGER_MEMBERS_MAX HV_PAGER_SPACES_MAX

/* Which rule gave a target. */
enum hv_manager_reason {
	HV_MANAGER_UNKNOWN, /* nothing was seen of it yet: by its size and weight */
	HV_MANAGER_FITS,    /* its want */
	HV_MANAGER_PRESSES, /* its want, and of the rest, as it pages */
	HV_MANAGER_WEIGHT,  /* less than its want, by weight */
	HV_MANAGER_SPARE,   /* its want, and of the rest, as nobody pages */
	HV_MANAGER_REASON_COUNT
};
const char *hv_manager_reason_text(enum hv_manager_reason reason);

struct hv_manager_input {
	uint64_t logical, entitled;
	uint32_t weight; /* 0..255 */
	struct hv_space_use use;
};

struct hv_manager_member {
	/* private, but for showing */
	bool has_use, has_look;
	struct hv_space_use use; /* of the last beat */
	double hot, credit;
	double arrivals_per_s; /* smoothed */
	double curable_per_s;
	/* out */
	uint64_t want, target;
	enum hv_manager_reason reason;
};

/*
 * A look at its memory has ended: so many pages were referenced since it began, so
 * many arrived meanwhile, `probation` are still in the queue of new ones.
 */
struct hv_manager_look {
	uint64_t referenced, arrived, probation;
	uint64_t window_ms;
};
void hv_manager_look(struct hv_manager_member *member,
		     const struct hv_manager_look *look);

/* New targets for all; their sum is at most `frames`. count <= MEMBERS_MAX. */
void hv_manager_beat(struct hv_manager_member *const *members,
		     const struct hv_manager_input *inputs, unsigned count,
		     uint64_t frames, uint64_t elapsed_ms);

#endif
