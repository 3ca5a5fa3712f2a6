/* plan_pool - the shared memory pool of a host; see plan.h. */
#include "coordinator/cluster/machine.h"
#include "coordinator/cluster/memory.h"
#include "coordinator/cluster/plan.h"

#include <stdio.h>
#include <stdlib.h>

#define SIZE_TEXT 32
#define WHAT_BYTES 128

static const char *size(uint64_t bytes, char text[SIZE_TEXT])
{
	return hv_size_format(bytes, text, SIZE_TEXT);
}

static enum hv_code check_existence(const Tarn__HostRecord *host, bool create,
				    struct hv_err *err)
{
	char a[SIZE_TEXT];

	if (host->has_pool_job)
		return hv_fail(
			err, HV_E_BUSY,
			"the pool of host '%s' is being changed; wait for job %llu, or "
			"give it up with 'tarn pool cancel'",
			host->name, (unsigned long long)host->pool_job);
	if (create && host->pool != NULL)
		return hv_fail(err, HV_E_EXISTS,
			       "host '%s' has a pool of %s already; change it with 'tarn "
			       "pool set'",
			       host->name, size(host->pool->mem_bytes, a));
	if (!create && host->pool == NULL)
		return hv_fail(err, HV_E_NOTFOUND,
			       "host '%s' has no pool; make one with 'tarn pool create'",
			       host->name);
	return HV_OK;
}

static enum hv_code check_sizes(const Tarn__HostRecord *host,
				const Tarn__PoolSet *request, struct hv_err *err)
{
	uint64_t lmb = host->lmb_bytes;
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (lmb == 0)
		return hv_fail(
			err, HV_E_STATE,
			"host '%s' has not said how large its LMBs are; see that its "
			"tarn-agent runs",
			host->name);
	if (request->mem_bytes == 0 || request->mem_bytes % lmb != 0 ||
	    request->max_bytes % lmb != 0)
		return hv_fail(
			err, HV_E_INVAL,
			"pool of host '%s': memory and maximum must be multiples of "
			"its LMB of %s",
			host->name, size(lmb, a));
	if (request->max_bytes < request->mem_bytes)
		return hv_fail(err, HV_E_INVAL,
			       "pool of host '%s': maximum %s is less than memory %s",
			       host->name, size(request->max_bytes, a),
			       size(request->mem_bytes, b));
	if (request->max_bytes > host->memory_bytes)
		return hv_fail(err, HV_E_LIMIT,
			       "pool of host '%s': maximum %s is more than the host's "
			       "memory of %s; choose a smaller one",
			       host->name, size(request->max_bytes, a),
			       size(host->memory_bytes, b));
	return HV_OK;
}

static uint64_t pool_growth(const Tarn__HostRecord *host, uint64_t bytes)
{
	uint64_t now = host->pool != NULL ? host->pool->mem_bytes : 0;

	return bytes > now ? bytes - now : 0;
}

static enum hv_code check_growth(const struct plan *plan, const Tarn__HostRecord *host,
				 const struct host_use *use, const Tarn__PoolSet *request,
				 struct hv_err *err)
{
	uint64_t bytes = request->mem_bytes;
	const Tarn__HostStat *stat = live_stat(cluster_live(plan->cluster, host->name));
	uint64_t free_bytes = limits_free_bytes(use);
	uint64_t more = pool_growth(host, bytes) +
			limits_pool_growth(use, request->max_bytes);
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (more > free_bytes)
		return hv_fail(
			err, HV_E_LIMIT,
			"pool of %s is larger than what host '%s' has free: %llu LMB "
			"wanted, %llu LMB free; choose a smaller one, take memory from "
			"dedicated LPARs or shut some down",
			size(bytes, a), host->name,
			(unsigned long long)(more / use->lmb_bytes),
			(unsigned long long)(free_bytes / use->lmb_bytes));
	if (host->declared) /* the rest of it is on paper */
		more = pool_growth(host, bytes);
	if (stat != NULL && stat->has_available_bytes && more > stat->available_bytes)
		return hv_fail(err, HV_E_LIMIT,
			       "pool of %s is larger than the real free memory of host "
			       "'%s', %s; choose a smaller one",
			       size(bytes, a), host->name,
			       size(stat->available_bytes, b));
	return machine_check(
		use, host,
		&(struct machine_need){ .more_bytes = pool_growth(host, bytes) }, err);
}

static enum hv_code check_shrink(const Tarn__HostRecord *host, const struct host_use *use,
				 uint64_t bytes, struct hv_err *err)
{
	char a[SIZE_TEXT], b[SIZE_TEXT], promise[SIZE_TEXT];

	if (limits_promise(bytes) < use->guaranteed_bytes)
		return hv_fail(
			err, HV_E_LIMIT,
			"pool of host '%s': what %s can guarantee, %s, is less than "
			"the entitled memory of its running LPARs, %s; lower it with "
			"'tarn lpar set-memory', or shut some down",
			host->name, size(bytes, a), size(limits_promise(bytes), promise),
			size(use->guaranteed_bytes, b));
	if (use->working_bytes > bytes * LIMITS_OVERCOMMIT)
		return hv_fail(
			err, HV_E_LIMIT,
			"pool of host '%s': working sets of %s run, and at most "
			"%u times the pool may; keep at least %s",
			host->name, size(use->working_bytes, a), LIMITS_OVERCOMMIT,
			size(limits_round_up(use->working_bytes / LIMITS_OVERCOMMIT,
					     use->lmb_bytes),
			     b));
	return HV_OK;
}

static void settle_declared(Tarn__HostRecord *host, Tarn__DesiredPool *pool)
{
	if (host->pool != NULL)
		tarn__desired_pool__free_unpacked(host->pool, NULL);
	host->pool = pool;
	if (pool->mem_bytes == 0) {
		tarn__desired_pool__free_unpacked(pool, NULL);
		host->pool = NULL;
	}
}

static enum hv_code check_reachable(const struct plan *plan, const Tarn__HostRecord *host,
				    struct hv_err *err)
{
	return machine_is_there(host) ? plan_need_connected(plan, host, err) : HV_OK;
}

static void add_pool_job(struct plan *plan, const Tarn__HostRecord *host,
			 const char *what)
{
	struct job_plan job = { TARN__JOB_KIND__JOB_POOL, host->name, "" };

	draft_name(&plan->draft, "%s", what);
	if (machine_is_there(host))
		plan->job = draft_add_job(&plan->draft, &job, "%s", what);
}

/* The pool before is kept, so that a change that fails goes back. */
static void edit_pool(struct plan *plan, const char *name, uint64_t mem_bytes,
		      uint64_t max_bytes)
{
	Tarn__HostRecord *host = draft_edit_host(&plan->draft, name);
	Tarn__DesiredPool *pool = malloc(sizeof(*pool));

	if (host == NULL || pool == NULL) {
		plan->draft.is_out = true;
		free(pool);
		return;
	}
	tarn__desired_pool__init(pool);
	pool->generation = draft_next_id(&plan->draft);
	pool->mem_bytes = mem_bytes;
	pool->max_bytes = max_bytes;
	if (!machine_is_there(host)) { /* nobody to wait for */
		settle_declared(host, pool);
		return;
	}
	host->pool_before = host->pool;
	host->pool = pool;
	host->has_pool_job = 1;
	host->pool_job = plan->job;
}

enum hv_code plan_pool_set(struct plan *plan, const Tarn__PoolSet *request,
			   struct hv_err *err)
{
	const Tarn__HostRecord *host;
	char what[WHAT_BYTES];
	struct host_use use;
	char a[SIZE_TEXT];
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code == HV_OK)
		code = check_existence(host, request->create, err);
	if (code == HV_OK)
		code = check_reachable(plan, host, err);
	if (code == HV_OK)
		code = plan_need_no_drill(plan, host->name, err);
	if (code == HV_OK)
		code = check_sizes(host, request, err);
	if (code != HV_OK)
		return code;
	use = limits_use(plan->cluster, host, LIMITS_RUNNING);
	code = check_growth(plan, host, &use, request, err);
	if (code == HV_OK)
		code = check_shrink(host, &use, request->mem_bytes, err);
	if (code != HV_OK)
		return code;
	memory_make_available(&plan->draft, host->name, NULL,
			      limits_pool_growth(&use, request->max_bytes) +
				      pool_growth(host, request->mem_bytes));
	(void)snprintf(what, sizeof(what), "%s pool of host '%s' at %s",
		       request->create ? "create" : "set", host->name,
		       size(request->mem_bytes, a));
	add_pool_job(plan, host, what);
	edit_pool(plan, host->name, request->mem_bytes, request->max_bytes);
	return HV_OK;
}

enum hv_code plan_pool_remove(struct plan *plan, const Tarn__PoolRemove *request,
			      struct hv_err *err)
{
	const Tarn__HostRecord *host;
	char what[WHAT_BYTES];
	struct host_use use;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code == HV_OK)
		code = check_existence(host, false, err);
	if (code == HV_OK)
		code = check_reachable(plan, host, err);
	if (code == HV_OK)
		code = plan_need_no_drill(plan, host->name, err);
	if (code != HV_OK)
		return code;
	use = limits_use(plan->cluster, host, LIMITS_CONFIGURED);
	if (use.shared != 0)
		return hv_fail(err, HV_E_BUSY,
			       "the pool of host '%s' is used by %u shared LPARs; remove "
			       "them first",
			       host->name, use.shared);
	(void)snprintf(what, sizeof(what), "remove pool of host '%s'", host->name);
	add_pool_job(plan, host, what);
	edit_pool(plan, host->name, 0, 0);
	return HV_OK;
}

enum hv_code plan_pool_cancel(struct plan *plan, const Tarn__PoolCancel *request,
			      struct hv_err *err)
{
	const Tarn__HostRecord *host;
	Tarn__HostRecord *edit;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code != HV_OK)
		return code;
	if (!host->has_pool_job || host->pool_before == NULL)
		return hv_fail(err, HV_E_STATE,
			       "no change of a pool is under way on host '%s'; what is "
			       "being made or removed is not given up",
			       host->name);
	draft_end_job(&plan->draft, host->pool_job, HV_E_CANCELED,
		      "the change of the pool of host '%s' was given up", host->name);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, host->name,
			"pool.canceled", "the pool of host '%s' stays as it was",
			host->name);
	draft_name(&plan->draft, "give up the change of the pool of host '%s'",
		   host->name);
	edit = draft_edit_host(&plan->draft, host->name);
	if (edit == NULL)
		return HV_OK; /* draft_finish() says no memory */
	tarn__desired_pool__free_unpacked(edit->pool, NULL);
	edit->pool = edit->pool_before;
	edit->pool_before = NULL;
	edit->pool->generation = draft_next_id(&plan->draft);
	edit->has_pool_job = 0;
	edit->pool_job = 0;
	return HV_OK;
}
