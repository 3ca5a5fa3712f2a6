/*
 * plan - a request is checked against the state and written down as a draft.
 *
 * Each function either fills the draft with all that the request changes, or says
 * why not: the error names the object, the limit and the remedy, and the draft is
 * thrown away, so nothing has changed.
 *
 * Contract
 *   Threads  L. Deterministic: time and random ids come in with the plan.
 *   Memory   requests are lent. plan.placement is the caller's.
 *   Errors   INVAL, NOTFOUND, EXISTS, BUSY, STATE, LIMIT, REFUSED, NOFIT, DENIED,
 *            NOMEM.
 */
#ifndef COORDINATOR_CLUSTER_PLAN_H
#define COORDINATOR_CLUSTER_PLAN_H

#include "coordinator/cluster/draft.h"
#include "hvcore/reserve/profile.h"

struct plan {
	struct cluster *cluster;
	struct draft draft;
	uint8_t random_id[16];            /* fresh for each plan */
	const struct hv_profile *profile; /* of a host to be added; NULL: none */
	/* of the machine that may come to stand behind a declared one */
	const struct hv_profile *machine_profile;
	uint64_t job;                    /* out: 0 = the change is complete at once */
	Tarn__PlacementReply *placement; /* out: tarn__placement_reply__free_unpacked */
};

HV_MUST_USE
enum hv_code plan_host_add(struct plan *plan, const Tarn__HostAdd *request,
			   struct hv_err *err);
HV_MUST_USE
enum hv_code plan_host_remove(struct plan *plan, const Tarn__HostRemove *request,
			      struct hv_err *err);
/*
 * An agent says who it is. The first one under a name is remembered, another one
 * REFUSED; NOTFOUND until the host was added. Empty when nothing is new.
 */
HV_MUST_USE
enum hv_code plan_host_join(struct plan *plan, const Tarn__HostIdentity *identity,
			    struct hv_err *err);

/* When its partitions go back to their primary VIOS; whether spare devices are used. */
HV_MUST_USE
enum hv_code plan_host_set(struct plan *plan, const Tarn__HostSet *request,
			   struct hv_err *err);
/* How often the host is sampled. */
HV_MUST_USE
enum hv_code plan_utilization_set(struct plan *plan, const Tarn__UtilizationSet *request,
				  struct hv_err *err);

HV_MUST_USE
enum hv_code plan_pool_set(struct plan *plan, const Tarn__PoolSet *request,
			   struct hv_err *err);
HV_MUST_USE
enum hv_code plan_pool_cancel(struct plan *plan, const Tarn__PoolCancel *request,
			      struct hv_err *err);
HV_MUST_USE
enum hv_code plan_pool_remove(struct plan *plan, const Tarn__PoolRemove *request,
			      struct hv_err *err);

HV_MUST_USE
enum hv_code plan_vios_change(struct plan *plan, const Tarn__ViosChange *request,
			      struct hv_err *err);

/* Which VIOS page for the pool: assign, unassign, replace, swap of it. */
HV_MUST_USE
enum hv_code plan_vios_assign(struct plan *plan, const Tarn__HostRecord *host,
			      const Tarn__ViosChange *request, struct hv_err *err);
HV_MUST_USE
enum hv_code plan_vios_add(struct plan *plan, const Tarn__ViosAdd *request,
			   struct hv_err *err);
HV_MUST_USE
enum hv_code plan_vios_remove(struct plan *plan, const Tarn__ViosRemove *request,
			      struct hv_err *err);

/* Faults in the device I/O of a VIOS (drills), or the end of them. */
HV_MUST_USE
enum hv_code plan_vios_inject(struct plan *plan, const Tarn__ViosInject *request,
			      struct hv_err *err);

HV_MUST_USE
enum hv_code plan_pgdev_add(struct plan *plan, const Tarn__PgdevAdd *request,
			    struct hv_err *err);
HV_MUST_USE
enum hv_code plan_pgdev_remove(struct plan *plan, const Tarn__PgdevRemove *request,
			       struct hv_err *err);

/* Of a running LPAR, by another one: a job. */
HV_MUST_USE
enum hv_code plan_pgdev_replace(struct plan *plan, const Tarn__PgdevReplace *request,
				struct hv_err *err);

/* With dry_run only plan.placement is filled. NOFIT has the placement too. */
HV_MUST_USE
enum hv_code plan_lpar_create(struct plan *plan, const Tarn__LparCreate *request,
			      struct hv_err *err);
HV_MUST_USE
enum hv_code plan_lpar_activate(struct plan *plan, const Tarn__LparActivate *request,
				struct hv_err *err);
HV_MUST_USE
enum hv_code plan_lpar_shutdown(struct plan *plan, const Tarn__LparShutdown *request,
				struct hv_err *err);
HV_MUST_USE
enum hv_code plan_lpar_remove(struct plan *plan, const Tarn__LparRemove *request,
			      struct hv_err *err);

/* Of a running one: a job, and a DesiredResize. Of one that is off: at once. */
HV_MUST_USE
enum hv_code plan_lpar_resize(struct plan *plan, const Tarn__LparResize *request,
			      struct hv_err *err);
/* Between two that run on one host: a job. */
HV_MUST_USE
enum hv_code plan_lpar_move_memory(struct plan *plan, const Tarn__LparMoveMemory *request,
				   struct hv_err *err);

/* Of a running one, at once: a new desired state. */
HV_MUST_USE
enum hv_code plan_lpar_set_processors(struct plan *plan,
				      const Tarn__LparSetProcessors *request,
				      struct hv_err *err);

/* Weight and entitlement of a shared one. Running: at once, a new desired state. */
HV_MUST_USE
enum hv_code plan_lpar_set_memory(struct plan *plan, const Tarn__LparSetMemory *request,
				  struct hv_err *err);

HV_MUST_USE
enum hv_code plan_lpar_change(struct plan *plan, const Tarn__LparChange *request,
			      struct hv_err *err);
HV_MUST_USE
enum hv_code plan_profile_set(struct plan *plan, const Tarn__ProfileSet *request,
			      struct hv_err *err);
HV_MUST_USE
enum hv_code plan_profile_remove(struct plan *plan, const Tarn__ProfileRemove *request,
				 struct hv_err *err);

HV_MUST_USE
enum hv_code plan_user_set(struct plan *plan, const Tarn__UserSet *request,
			   struct hv_err *err);
HV_MUST_USE
enum hv_code plan_user_remove(struct plan *plan, const Tarn__UserRemove *request,
			      struct hv_err *err);

/* Shared by the plans. */
HV_MUST_USE
enum hv_code plan_need_host(const struct plan *plan, const char *name,
			    const Tarn__HostRecord **ret_host, struct hv_err *err);
/* Its agent has joined and reports now. */
HV_MUST_USE
enum hv_code plan_need_connected(const struct plan *plan, const Tarn__HostRecord *host,
				 struct hv_err *err);
/* A machine stands behind it, or will; not one that is only declared. */
HV_MUST_USE
enum hv_code plan_need_machine(const Tarn__HostRecord *host, struct hv_err *err);
/* NOTFOUND: the host has no VIOS of that name. STATE: it does not page for the pool. */
HV_MUST_USE
enum hv_code plan_need_vios(const Tarn__HostRecord *host, const char *name,
			    const Tarn__DesiredVios **ret_vios, struct hv_err *err);
/* NOTFOUND, with those that there are. */
enum hv_code plan_fail_no_vios(const Tarn__HostRecord *host, const char *name,
			       struct hv_err *err);
/* REFUSED: it cannot be taken away, as its partner would not serve. */
HV_MUST_USE
enum hv_code plan_need_partner(const struct plan *plan, const Tarn__HostRecord *host,
			       const Tarn__DesiredVios *vios, bool force,
			       struct hv_err *err);
/* BUSY: a VIOS of the pair is being replaced, or the two swapped. */
HV_MUST_USE
enum hv_code plan_need_still_pair(const struct plan *plan, const char *host,
				  struct hv_err *err);
/* Who needs it: an LPAR that wants a pair or has its device behind it alone, or any if it is
 * the one in use. NULL: nobody. */
const char *plan_vios_user(const struct plan *plan, const Tarn__HostRecord *host,
			   const Tarn__DesiredVios *vios);
/* BUSY: its agent has not carried out as many orders as there may be. */
HV_MUST_USE
enum hv_code plan_need_op(const struct plan *plan, const char *host, struct hv_err *err);
HV_MUST_USE
enum hv_code plan_need_no_drill(const struct plan *plan, const char *host,
				struct hv_err *err);
/* LIMIT: a running shared LPAR's entitlement as of `now` is not free in its pool. */
HV_MUST_USE
enum hv_code plan_need_promise(const struct plan *plan, const Tarn__LparRecord *lpar,
			       const Tarn__LparSpec *now, struct hv_err *err);

#endif
