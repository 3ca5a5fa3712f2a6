/* drill - see drill.h. */
#include "vios/drill.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t both(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGUSR2);
	return set;
}

static void on_signal(struct hv_watch *watch, unsigned events)
{
	struct vios_drill *drill =
		(struct vios_drill *)(void *)((char *)watch -
					      offsetof(struct vios_drill, watch));
	struct signalfd_siginfo info;

	(void)events;
	while (read(drill->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		drill->on_order(drill->arg, info.ssi_signo == SIGUSR1);
}

void vios_drill_init(struct vios_drill *drill)
{
	*drill = (struct vios_drill){ .fd = -1, .watch.run = on_signal };
}

enum hv_code vios_drill_start(struct vios_drill *drill, struct hv_loop *loop,
			      void (*on_order)(void *arg, bool is_hang), void *arg,
			      struct hv_err *err)
{
	sigset_t set = both();
	enum hv_code code;

	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	drill->on_order = on_order;
	drill->arg = arg;
	drill->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (drill->fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "make a signalfd");
	code = hv_watch_start(loop, &drill->watch, drill->fd, HV_WATCH_READ, err);
	if (code != HV_OK)
		vios_drill_stop(drill);
	return code;
}

void vios_drill_stop(struct vios_drill *drill)
{
	hv_watch_stop(&drill->watch);
	if (drill->fd >= 0)
		(void)close(drill->fd);
	drill->fd = -1;
}

void vios_drill_ignore(void)
{
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
}
