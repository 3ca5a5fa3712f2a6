/* process - see process.h. */
#include "vios/process.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57 /* Linux 5.6 */
#endif
#define STACK_BYTES (256u << 10) /* locked in full: deepest frame is under 8 KiB */
/*
 * Kept: paging devices lie wherever they were put, and are opened later, also in
 * directories that root does not own.
 */
#define KEPT_CAPABILITIES (UINT32_C(1) << CAP_DAC_OVERRIDE)

static void lock_memory(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	/* Stays without CAP_IPC_LOCK: later maps are locked against this limit. */
	(void)setrlimit(RLIMIT_MEMLOCK, &all);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		log_warn("vios.memory_not_locked", "errno=%d", errno);
}

static void drop_rights(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3];
	struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = { 0 };

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_capget, &head, now) != 0) {
		log_warn("vios.rights_kept", "errno=%d", errno);
		return;
	}
	kept[0].effective = now[0].effective & KEPT_CAPABILITIES;
	kept[0].permitted = now[0].permitted & KEPT_CAPABILITIES;
	if (syscall(SYS_capset, &head, kept) != 0)
		log_warn("vios.rights_kept", "errno=%d", errno);
}

void vios_process_harden(void)
{
	lock_memory();
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0)
		log_warn("vios.not_an_io_flusher", "errno=%d", errno);
	drop_rights();
}

enum hv_code vios_thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg,
			       struct hv_err *err)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int rv;

	HV_INVARIANT(pthread_attr_init(&attr) == 0);
	HV_INVARIANT(pthread_attr_setstacksize(&attr, STACK_BYTES) == 0);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rv = pthread_create(ret_thread, &attr, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	if (rv != 0)
		return hv_fail_os(err, HV_E_NOMEM, rv, "start a thread");
	return HV_OK;
}
