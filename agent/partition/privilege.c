/* privilege - see privilege.h. */
#include "agent/partition/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum hv_code become(unsigned id, struct hv_err *err)
{
	if (setgroups(0, NULL) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "leave all groups");
	if (setresgid(id, id, id) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "become group %u", id);
	if (setresuid(id, id, id) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "become user %u", id);
	return HV_OK;
}

/* Also where we were not root: a file capability or an ambient one may be there. */
static enum hv_code drop_capabilities(struct hv_err *err)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capset, &header, none) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "drop all capabilities");
	return HV_OK;
}

static enum hv_code drop(unsigned id, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "set no_new_privs");
	if (geteuid() == 0)
		code = become(id, err);
	if (code == HV_OK)
		code = drop_capabilities(err);
	if (code == HV_OK && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		code = hv_fail_os(err, HV_E_OS, errno, "forbid tracing");
	return code;
}

enum hv_code partition_privilege_drop(struct hv_err *err)
{
	return drop(PARTITION_USER_ID, err);
}

enum hv_code partition_privilege_drop_for_guest(uint64_t run_id, struct hv_err *err)
{
	unsigned id = PARTITION_GUEST_USER_BASE +
		      (unsigned)(run_id % PARTITION_GUEST_USERS);

	/* EINVAL: the user namespace does not map it */
	if (geteuid() == 0 && setresgid((gid_t)-1, id, (gid_t)-1) != 0 && errno == EINVAL)
		id = PARTITION_USER_ID;
	return drop(id, err);
}
