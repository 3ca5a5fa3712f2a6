/* plan_user - users of the HMC commands are made, changed and removed; see plan.h. */
#include "coordinator/cluster/plan.h"
#include "coordinator/cluster/user.h"

#include <string.h>

static enum hv_code check_built_in(const Tarn__UserRecord *user, struct hv_err *err)
{
	if (strcmp(user->name, HV_USER_BUILT_IN) != 0)
		return HV_OK;
	if (user->role != TARN__TASK_ROLE__TASK_ROLE_SUPERADMIN || user->disabled)
		return hv_fail(err, HV_E_REFUSED,
			       "user '%s' stays a superadmin that is not disabled, so "
			       "that there is one",
			       user->name);
	return HV_OK;
}

static enum hv_code check_new(const struct plan *plan, const Tarn__UserRecord *user,
			      struct hv_err *err)
{
	if (user_find(plan->cluster, user->name) != NULL)
		return hv_fail(err, HV_E_EXISTS,
			       "user '%s' exists already; choose another name",
			       user->name);
	if (user_count(plan->cluster) >= HV_USERS_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "there are %d users, the most there may be; remove one "
			       "first",
			       HV_USERS_MAX);
	return HV_OK;
}

static enum hv_code check_old(const struct plan *plan, const Tarn__UserSet *request,
			      struct hv_err *err)
{
	const Tarn__UserRecord *now = user_find(plan->cluster, request->user->name);
	bool is_same = false;
	enum hv_code code;

	if (now == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "user '%s' is not known",
			       request->user->name);
	code = record_compare(&now->base, &request->was->base, &is_same, err);
	if (code == HV_OK && !is_same)
		return hv_fail(err, HV_E_STALE,
			       "user '%s' was changed by somebody else; try again",
			       now->name);
	return code;
}

enum hv_code plan_user_set(struct plan *plan, const Tarn__UserSet *request,
			   struct hv_err *err)
{
	enum hv_code code = check_built_in(request->user, err);

	if (code == HV_OK && request->was == NULL)
		code = check_new(plan, request->user, err);
	else if (code == HV_OK)
		code = check_old(plan, request, err);
	if (code != HV_OK)
		return code;
	draft_put(&plan->draft, RECORD_USER, record_copy(&request->user->base));
	draft_name(&plan->draft, "%s user '%s'", request->was == NULL ? "make" : "change",
		   request->user->name);
	return HV_OK;
}

enum hv_code plan_user_remove(struct plan *plan, const Tarn__UserRemove *request,
			      struct hv_err *err)
{
	if (strcmp(request->name, HV_USER_BUILT_IN) == 0)
		return hv_fail(err, HV_E_REFUSED, "user '%s' cannot be removed",
			       request->name);
	if (user_find(plan->cluster, request->name) == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "user '%s' is not known",
			       request->name);
	draft_remove(&plan->draft, RECORD_USER, record_key_name(request->name));
	draft_name(&plan->draft, "remove user '%s'", request->name);
	return HV_OK;
}
