/*
 * gate - where every thread of a VIOS that was told to hang stands still (drills).
 *
 * Closed by SIGUSR1, opened by SIGUSR2, where --allow-drills was given. Lanes pass it
 * between two steps: while it is closed they take no request, give no answer and
 * beat no heart; what the kernel has in flight goes on. Opening it late is the
 * stale-write case of PAGER.md P9.
 *
 * Contract
 *   Threads  any.
 */
#ifndef VIOS_GATE_H
#define VIOS_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct vios_gate {
	_Atomic bool is_closed;
	pthread_mutex_t lock; /* with `moved`: for those who wait */
	pthread_cond_t moved;
};

void vios_gate_init(struct vios_gate *gate);
void vios_gate_fini(struct vios_gate *gate);
void vios_gate_set(struct vios_gate *gate, bool is_closed);
/* Returns at once while it is open: one load. */
void vios_gate_pass(struct vios_gate *gate);

#endif
