/* user - see user.h. */
#include "hvcore/wire/user.h"

#include <stddef.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"

#define MINUTES_MAX 525600 /* a year; arbitrary */
#define DAYS_MAX 99999     /* an HMC's never */

/* clang-format off */
#define ROW(field, is_flag_, max_) \
	{ #field, offsetof(Tarn__UserRecord, field), offsetof(Tarn__UserRecord, has_##field), \
	  is_flag_, max_ }
const struct hv_user_attribute hv_user_attributes[] = {
	ROW(pwage,                 false, DAYS_MAX),
	ROW(min_pwage,             false, DAYS_MAX),
	ROW(session_timeout,       false, MINUTES_MAX),
	ROW(verify_timeout,        false, MINUTES_MAX),
	ROW(idle_timeout,          false, MINUTES_MAX),
	ROW(inactivity_expiration, false, DAYS_MAX),
	ROW(remote_webui_access,   true,  1),
	ROW(remote_ssh_access,     true,  1),
	ROW(disabled,              true,  1),
	{ 0 },
};

static const char *const role_names[] = {
	[TARN__TASK_ROLE__TASK_ROLE_SUPERADMIN] = "hmcsuperadmin",
	[TARN__TASK_ROLE__TASK_ROLE_OPERATOR]   = "hmcoperator",
	[TARN__TASK_ROLE__TASK_ROLE_VIEWER]     = "hmcviewer",
	[TARN__TASK_ROLE__TASK_ROLE_SERVICEREP] = "hmcservicerep",
	[TARN__TASK_ROLE__TASK_ROLE_PE]         = "hmcpe",
};
/* clang-format on */

const struct hv_user_attribute *hv_user_attribute_find(const char *name)
{
	for (const struct hv_user_attribute *row = hv_user_attributes; row->name != NULL;
	     row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

uint32_t hv_user_get(const Tarn__UserRecord *user, const struct hv_user_attribute *row)
{
	const void *at = (const uint8_t *)user + row->value;

	return row->is_flag ? *(const protobuf_c_boolean *)at != 0
			    : *(const uint32_t *)at;
}

void hv_user_set(Tarn__UserRecord *user, const struct hv_user_attribute *row,
		 uint32_t value)
{
	void *at = (uint8_t *)user + row->value;

	if (row->is_flag)
		*(protobuf_c_boolean *)at = value != 0;
	else
		*(uint32_t *)at = value;
	*(protobuf_c_boolean *)((uint8_t *)user + row->has) = true;
}

const char *hv_task_role_name(Tarn__TaskRole role)
{
	size_t at = (size_t)role;

	HV_INVARIANT(at < HV_COUNT(role_names) && role_names[at] != NULL);
	return role_names[at];
}

bool hv_task_role_find(const char *name, Tarn__TaskRole *ret_role)
{
	for (size_t i = 1; i < HV_COUNT(role_names); i++) {
		if (strcmp(role_names[i], name) != 0)
			continue;
		*ret_role = (Tarn__TaskRole)i;
		return true;
	}
	return false;
}

enum hv_code hv_user_check(const Tarn__UserRecord *user, struct hv_err *err)
{
	if (!hv_name_is_valid(user->name))
		return hv_fail(err, HV_E_INVAL, "'%.40s' is not the name of a user",
			       user->name);
	if (user->description != NULL &&
	    strlen(user->description) >= HV_USER_DESCRIPTION_BYTES)
		return hv_fail(err, HV_E_LIMIT,
			       "user '%s': description is longer than %d bytes",
			       user->name, HV_USER_DESCRIPTION_BYTES - 1);
	for (const struct hv_user_attribute *row = hv_user_attributes; row->name != NULL;
	     row++)
		if (hv_user_get(user, row) > row->max)
			return hv_fail(err, HV_E_INVAL, "user '%s': %s is 0 to %u",
				       user->name, row->name, row->max);
	return HV_OK;
}
