/* privilege - see privilege.h. */
#include "hvcore/hypervisor/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/log.h"
#include "hvcore/base/priority.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

/* clang-format off */
static const unsigned kept[] = {
	CAP_SYS_ADMIN,  /* mount, resize and unmount the pool's tmpfs */
	CAP_SYS_PTRACE, /* read /proc/PID/maps of partitions, who run as another user (P7) */
	CAP_KILL,       /* SIGKILL by pidfd to partitions, for the same reason (P1, P12) */
	CAP_SYS_NICE,   /* keep threads of partitions to a processor (steer.h) */
	CAP_IPC_LOCK,   /* later maps are locked too, beyond RLIMIT_MEMLOCK (P15) */
};
/* clang-format on */

#ifdef __SANITIZE_THREAD__
#define STACK_BYTES (1u << 20) /* its own data lies there too */
#else
#define STACK_BYTES (256u << 10) /* locked in full; deepest frame is under 16 KiB */
#endif

static void come_first(void)
{
	struct hv_err err;

	if (hv_priority_raise(HV_PRIORITY_SERVICE, &err) != HV_OK)
		log_warn("hypervisor.no_priority", "why=\"%s\"", err.text);
}

static void make_stacks_small(void)
{
	pthread_attr_t attr;

	/* nng's threads too: 8 MiB of stack each would be locked */
	if (pthread_attr_init(&attr) != 0)
		return;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)pthread_setattr_default_np(&attr);
	(void)pthread_attr_destroy(&attr);
}

/*
 * P15: nothing of ours is paged out, or waits for our own page-outs. In a container
 * that withholds the rights it may not be had: said, and gone without.
 */
static void hold_memory(void)
{
	make_stacks_small();
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		log_warn("hypervisor.memory_not_locked", "errno=%d", errno);
	/* allocations for our I/O must not wait for I/O that we serve ourselves */
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0)
		log_warn("hypervisor.not_an_io_flusher", "errno=%d", errno);
}

enum hv_code privilege_keep_what_is_needed(struct hv_err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	come_first(); /* these want rights that go below */
	hold_memory();
	for (unsigned i = 0; i < HV_COUNT(kept); i++) {
		data[kept[i] / 32].effective |= HV_BIT(kept[i] % 32);
		data[kept[i] / 32].permitted |= HV_BIT(kept[i] % 32);
	}
	for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0,
			    0); /* what exec could give back */
	if (syscall(SYS_capset, &head, data) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "refuse new privileges");
	return HV_OK;
}
