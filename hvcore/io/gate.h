/*
 * gate - who may touch a partition's memory through an adapter, and that nobody does
 * any more (IO3).
 *
 *   OPEN --enter--> TOUCHED --leave--> OPEN --cut--> CUT --open--> OPEN
 *
 * The I/O thread enters for as long as it copies, which never waits for a device; the
 * fault thread cuts before it gives up what the copies go to. A transfer whose gate was
 * cut goes home without another byte, and one that has not begun never does.
 *
 * Contract
 *   Threads  enter, leave: the I/O thread. cut, open: the adapter's fault thread.
 */
#ifndef HVCORE_IO_GATE_H
#define HVCORE_IO_GATE_H

#include <stdatomic.h>
#include <stdbool.h>

enum { HV_GATE_OPEN, HV_GATE_TOUCHED, HV_GATE_CUT };

struct hv_gate {
	_Atomic int state;
};

/* false: it was cut; touch nothing. */
static inline bool hv_gate_enter(struct hv_gate *gate)
{
	int open = HV_GATE_OPEN;

	return atomic_compare_exchange_strong(&gate->state, &open, HV_GATE_TOUCHED);
}
static inline void hv_gate_leave(struct hv_gate *gate)
{
	atomic_store(&gate->state, HV_GATE_OPEN);
}

/* true: nobody touches anything from now on. false: a copy is under way; ask again. */
static inline bool hv_gate_cut(struct hv_gate *gate)
{
	int open = HV_GATE_OPEN;

	return atomic_compare_exchange_strong(&gate->state, &open, HV_GATE_CUT) ||
	       open == HV_GATE_CUT;
}
/* By now: a hint for who would begin something in vain. Any thread. */
static inline bool hv_gate_is_cut(struct hv_gate *gate)
{
	return atomic_load(&gate->state) == HV_GATE_CUT;
}
static inline void hv_gate_open(struct hv_gate *gate)
{
	atomic_store(&gate->state, HV_GATE_OPEN);
}

#endif
