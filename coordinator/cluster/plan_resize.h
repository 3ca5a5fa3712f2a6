/*
 * plan_resize - what a change of a running LPAR's memory has to hold, for the plans
 * that order one.
 *
 * Contract
 *   Threads  L. Pure, but for plan_resize_start(), which writes into the draft.
 *   Units    bytes.
 */
#ifndef COORDINATOR_CLUSTER_PLAN_RESIZE_H
#define COORDINATOR_CLUSTER_PLAN_RESIZE_H

#include "coordinator/cluster/plan.h"
#include "coordinator/cluster/profile.h"

#define PLAN_RESIZE_WAIT_S 300 /* as on the HMC: five minutes */

struct plan_resize {
	const Tarn__LparRecord *lpar;
	const Tarn__HostRecord *host;
	struct profile_use use; /* active: as it is; off: what activation begins with */
	uint64_t before, after;
};

/* NOTFOUND. Fills all but `after`. */
HV_MUST_USE
enum hv_code plan_resize_find(const struct plan *plan, const char *name,
			      struct plan_resize *ret_resize, struct hv_err *err);
/* From exactly one of the three sizes. INVAL: none, or two. */
HV_MUST_USE
enum hv_code plan_resize_find_after(const Tarn__LparResize *request,
				    struct plan_resize *resize, struct hv_err *err);
/* BUSY: it, or its host, is in the middle of something else. */
HV_MUST_USE
enum hv_code plan_resize_check_running(const struct plan *plan,
				       const struct plan_resize *resize,
				       struct hv_err *err);
/* STATE: it is so already. INVAL: not between its bounds, or not whole LMBs. */
HV_MUST_USE
enum hv_code plan_resize_check_bounds(const struct plan_resize *resize,
				      struct hv_err *err);
/* LIMIT: shared, and entitled to more with more memory, for which the pool is too small. */
HV_MUST_USE
enum hv_code plan_resize_check_promise(const struct plan *plan,
				       const struct plan_resize *resize,
				       struct hv_err *err);
/* As plan.job, which must be there. NULL: the draft has no memory, and knows it. */
Tarn__LparRecord *plan_resize_start(struct plan *plan, const struct plan_resize *resize,
				    uint32_t wait_s);

/* The whole plan of `kept`: memory that one that is off keeps (SPEC D1). At once. */
HV_MUST_USE
enum hv_code plan_resize_keep(struct plan *plan, const Tarn__LparResize *request,
			      struct plan_resize *resize, struct hv_err *err);

#endif
