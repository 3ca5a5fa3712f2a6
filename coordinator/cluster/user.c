/* user - see user.h. */
#include "coordinator/cluster/user.h"

#include <string.h>

static const Tarn__UserRecord *built_in(void)
{
	static Tarn__UserRecord user = TARN__USER_RECORD__INIT; /* never written again */

	user.name = (char *)HV_USER_BUILT_IN; /* only read */
	user.role = TARN__TASK_ROLE__TASK_ROLE_SUPERADMIN;
	user.description = (char *)"HMC Super User";
	return &user;
}

static bool is_implied(const struct cluster *cluster)
{
	return cluster_user(cluster, HV_USER_BUILT_IN) == NULL;
}

const Tarn__UserRecord *user_find(const struct cluster *cluster, const char *name)
{
	const Tarn__UserRecord *user = cluster_user(cluster, name);

	if (user == NULL && strcmp(name, HV_USER_BUILT_IN) == 0)
		return built_in();
	return user;
}

size_t user_count(const struct cluster *cluster)
{
	return cluster_count(cluster, RECORD_USER) + is_implied(cluster);
}

const Tarn__UserRecord *user_at(const struct cluster *cluster, size_t at)
{
	size_t skipped = is_implied(cluster);

	return at < skipped ? built_in() : cluster_user_at(cluster, at - skipped);
}

enum hv_code user_audit(const struct cluster *cluster, struct hv_err *err)
{
	const Tarn__UserRecord *user = user_find(cluster, HV_USER_BUILT_IN);

	if (user->role != TARN__TASK_ROLE__TASK_ROLE_SUPERADMIN || user->disabled)
		return hv_fail(err, HV_E_CORRUPT, "user '%s' may not administer users",
			       user->name);
	return HV_OK;
}
