/* access - see access.h. */
#include "cli/hmc/hmc.h"

#include <stdlib.h>

#include "hvcore/base/units.h"

bool hmc_access_is_given(Tarn__TaskRole role, enum hmc_access access)
{
	switch (role) {
	case TARN__TASK_ROLE__TASK_ROLE_SUPERADMIN:
		return true;
	case TARN__TASK_ROLE__TASK_ROLE_PE:
		return access != HMC_SUPERADMIN;
	case TARN__TASK_ROLE__TASK_ROLE_OPERATOR:
		return access == HMC_OPERATOR || access == HMC_ANYBODY;
	case TARN__TASK_ROLE__TASK_ROLE_VIEWER:
	case TARN__TASK_ROLE__TASK_ROLE_SERVICEREP:
		return access == HMC_ANYBODY;
	default:
		return false;
	}
}

static enum hv_code refuse(const struct hmc *hmc, const char *user, struct hv_err *err)
{
	return hmc_fail(err, HMC_NO_AUTHORITY, user, hmc->command->name, NULL);
}

/* Who is named to us came by the shell, and that is by ssh. */
static bool is_let_in(const Tarn__UserRecord *user)
{
	return !user->disabled && user->remote_ssh_access;
}

/* What the coordinator keeps of the user, into hmc->role. */
static enum hv_code find_role(struct hmc *hmc, const char *name, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	Tarn__ClusterReply *reply;
	enum hv_code code;

	if (!hv_name_is_valid(name))
		return refuse(hmc, name, err);
	query.name = (char *)name; /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_USERS;
	request.users = &query;
	code = cli_ask(hmc->cli, &request, &reply, err);
	if (code != HV_OK)
		return code;
	if (reply->n_users != 1 || !is_let_in(reply->users[0]))
		code = refuse(hmc, name, err);
	else
		hmc->role = reply->users[0]->role;
	hmc->has_role = code == HV_OK;
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

enum hv_code hmc_access_check(struct hmc *hmc, enum hmc_access access, struct hv_err *err)
{
	const char *user = getenv(HMC_USER_VARIABLE);
	enum hv_code code = HV_OK;

	if (user == NULL)
		return HV_OK;
	if (!hmc->has_role)
		code = find_role(hmc, user, err);
	if (code == HV_OK && !hmc_access_is_given(hmc->role, access))
		code = refuse(hmc, user, err);
	return code;
}
