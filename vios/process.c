/* process - see process.h. */
#include "vios/process.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/base/priority.h"
#include "hvcore/base/thread.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57 /* Linux 5.6 */
#endif
/*
 * Kept: DAC_OVERRIDE, since paging devices lie wherever they were put, and are opened
 * later, also in directories that root does not own. IPC_LOCK, since the window, the
 * rings and the stacks are mapped later and locked then.
 */
#define KEPT_CAPABILITIES (UINT32_C(1) << CAP_DAC_OVERRIDE | UINT32_C(1) << CAP_IPC_LOCK)

struct rights {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
};

static bool get_rights(struct rights *rights)
{
	*rights = (struct rights){ .head.version = _LINUX_CAPABILITY_VERSION_3 };
	return syscall(SYS_capget, &rights->head, rights->data) == 0;
}

/* Whether a map made later can be locked as well: otherwise it would fail. */
static bool may_lock_all(void)
{
	struct rights rights;
	struct rlimit limit;

	if (get_rights(&rights) &&
	    (rights.data[0].effective & UINT32_C(1) << CAP_IPC_LOCK) != 0)
		return true;
	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
}

static void lock_memory(void)
{
	if (!may_lock_all())
		log_warn("vios.memory_not_locked", "why=\"RLIMIT_MEMLOCK\"");
	else if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		log_warn("vios.memory_not_locked", "errno=%d", errno);
}

static void drop_rights(void)
{
	struct rights rights;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (get_rights(&rights)) {
		rights.data[0].effective &= KEPT_CAPABILITIES;
		rights.data[0].permitted &= KEPT_CAPABILITIES;
		rights.data[0].inheritable = 0;
		rights.data[1] = (struct __user_cap_data_struct){ 0 };
		if (syscall(SYS_capset, &rights.head, rights.data) == 0)
			return;
	}
	log_warn("vios.rights_kept", "errno=%d", errno);
}

void vios_process_harden(void)
{
	struct hv_err err;

	if (hv_priority_raise(HV_PRIORITY_SERVICE, &err) != HV_OK)
		log_warn("vios.no_priority", "why=\"%s\"", err.text);
	hv_thread_small_stacks(); /* of nng's threads: all of them are locked */
	lock_memory();
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0)
		log_warn("vios.not_an_io_flusher", "errno=%d", errno);
	drop_rights();
}
