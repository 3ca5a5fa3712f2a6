/*
 * spin - whether a lane waits for its disk awake. Pure.
 *
 * A processor that halts takes 15 to 25 us to run again on a virtual machine, and what
 * it then runs begins with cold caches: a read of 40 us is seen after 65 (paging.md 1.1,
 * 3.6). A lane that looks for its answer instead has it at once. That is worth it only
 * where the processor had nothing else to do, so a wait is spent awake if
 *
 *   - one request is out, and one was during the last waits: a thread that waits for
 *     each page. Several threads keep the processor busy, and want it;
 *   - answers come in time: at most twice as late as half of them do, and never later
 *     than the limit. After a wait in vain 2 are slept, then 4 .. 64 (paging.md 3.8);
 *   - nobody else wants it. A tenth of a second each second is a probe: all waits are
 *     slept, and the processor's idle time is compared with them. It was idle for less
 *     than half of that time: somebody else ran, so all waits are slept until a probe
 *     says otherwise.
 *
 * So one that begins to compute beside a lane that spins loses at most a second.
 *
 * Contract
 *   Threads  one.
 *   Memory   embedded; ops outlive it.
 *   Units    nanoseconds, monotonic.
 */
#ifndef VIOS_SPIN_H
#define VIOS_SPIN_H

#include <stdbool.h>
#include <stdint.h>

struct vios_spin_ops {
	/* Since the machine began, in steps of 10 ms; false: not known. */
	bool (*idle)(void *ctx, uint64_t *ret_idle_ns);
};

struct vios_spin {
	/* private */
	const struct vios_spin_ops *ops;
	void *ctx;
	uint64_t limit_ns;
	uint64_t usual_ns; /* half of the answers take less */
	unsigned alone;    /* waits in a row with one request out */
	unsigned penalty;  /* waits to sleep after one in vain: 2, 4 .. */
	unsigned slept;    /* ... of which these are left */
	bool is_awake;     /* the wait that was begun last */
	bool is_allowed;   /* by the last probe */
	bool is_probing;
	uint64_t probe_ns; /* it began, or the next one does */
	uint64_t idle_ns;  /* when it began */
	uint64_t waited_ns;
};

/* limit_ns 0: never. */
void vios_spin_init(struct vios_spin *spin, uint64_t limit_ns,
		    const struct vios_spin_ops *ops, void *ctx);

/* Before a wait with so many requests out: until when to look; 0: sleep. */
uint64_t vios_spin_begin(struct vios_spin *spin, unsigned out, uint64_t now_ns);

/* After it, if one was out: is_vain: it looked until then, and nothing had come. */
void vios_spin_end(struct vios_spin *spin, uint64_t began_ns, uint64_t now_ns,
		   bool is_vain);

#endif
