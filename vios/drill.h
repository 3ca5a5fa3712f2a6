/*
 * drill - SIGUSR1 and SIGUSR2 as orders to hang and to go on (--allow-drills).
 *
 * Contract
 *   Threads  L. start before other threads exist: it blocks both signals, and threads
 *            started later inherit that.
 *   Memory   embedded; stop closes it, also where it was never started.
 */
#ifndef VIOS_DRILL_H
#define VIOS_DRILL_H

#include "hvcore/loop/loop.h"

struct vios_drill {
	/* private */
	int fd;
	struct hv_watch watch;
	void (*on_order)(void *arg, bool is_hang);
	void *arg;
};

void vios_drill_init(struct vios_drill *drill);
HV_MUST_USE
enum hv_code vios_drill_start(struct vios_drill *drill, struct hv_loop *loop,
			      void (*on_order)(void *arg, bool is_hang), void *arg,
			      struct hv_err *err);
void vios_drill_stop(struct vios_drill *drill);

/* Without --allow-drills both signals do nothing, instead of ending the process. */
void vios_drill_ignore(void);

#endif
