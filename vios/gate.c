/* gate - see gate.h. */
#include "vios/gate.h"

#include "hvcore/base/invariant.h"

void vios_gate_init(struct vios_gate *gate)
{
	atomic_init(&gate->is_closed, false);
	HV_INVARIANT(pthread_mutex_init(&gate->lock, NULL) == 0);
	HV_INVARIANT(pthread_cond_init(&gate->moved, NULL) == 0);
}

void vios_gate_fini(struct vios_gate *gate)
{
	(void)pthread_cond_destroy(&gate->moved);
	(void)pthread_mutex_destroy(&gate->lock);
}

void vios_gate_set(struct vios_gate *gate, bool is_closed)
{
	(void)pthread_mutex_lock(&gate->lock);
	atomic_store(&gate->is_closed, is_closed);
	(void)pthread_cond_broadcast(&gate->moved);
	(void)pthread_mutex_unlock(&gate->lock);
}

void vios_gate_pass(struct vios_gate *gate)
{
	if (!atomic_load_explicit(&gate->is_closed, memory_order_relaxed))
		return;
	(void)pthread_mutex_lock(&gate->lock);
	while (atomic_load(&gate->is_closed))
		(void)pthread_cond_wait(&gate->moved, &gate->lock);
	(void)pthread_mutex_unlock(&gate->lock);
}
