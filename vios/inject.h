/*
 * inject - what faults this VIOS injects now (drills): the main thread's list, and the
 * copy of it that lanes read.
 *
 *   order --add--> slot: in force --its time is over, or clear--> ended, logged
 *
 * The copy is published under a version that is odd while it is written. A lane that
 * finds another version than its own takes the copy, or, where it is just being
 * written, keeps what it has until its next turn: nobody waits.
 *
 * Contract
 *   Threads  add, clear, look, show: L. version, read, hit: any lane.
 *   Memory   embedded, of fixed size; nothing is allocated.
 *   Errors   LIMIT too many at once, with when the next one ends.
 *   Time     by env; a lane compares end_ns itself, so an end is never late.
 */
#ifndef VIOS_INJECT_H
#define VIOS_INJECT_H

#include "hvcore/wire/session.h"

#include <stdatomic.h>

struct vios_inject_env {
	uint64_t (*now_ns)(void *arg); /* monotonic; any thread */
	uint64_t (*random)(void *arg); /* a seed, where none was given; L */
	void *arg;
};

/* One in force, as lanes see it. Whole words: it is copied word by word. */
struct vios_injection {
	uint64_t end_ns; /* 0: the slot is empty */
	uint64_t key;    /* vios_device_key() of its device; 0 = all */
	uint64_t seed;
	uint32_t number; /* counts injections of this process from 1 */
	uint32_t kind, op, rate_ppm, delay_ms;
	int32_t error; /* errno */
};

#define VIOS_INJECTION_WORDS (sizeof(struct vios_injection) / sizeof(uint64_t))
static_assert(sizeof(struct vios_injection) % sizeof(uint64_t) == 0, "whole words");

struct vios_inject_view { /* of one lane */
	uint32_t version;
	uint32_t clears; /* what was kept before this changed is let go */
	struct vios_injection slots[HV_INJECTIONS_MAX];
};

struct vios_inject {
	/* private */
	const struct vios_inject_env *env;
	struct hv_window_head *counts; /* NULL before there is a session */
	uint32_t last;                 /* number */
	struct vios_injection slots[HV_INJECTIONS_MAX];
	struct hv_injection orders[HV_INJECTIONS_MAX];
	bool is_hit_told[HV_INJECTIONS_MAX];
	_Atomic uint64_t hits[HV_INJECTIONS_MAX];
	/* what lanes read */
	_Atomic uint32_t version;
	_Atomic uint32_t clears;
	_Atomic uint64_t words[HV_INJECTIONS_MAX][VIOS_INJECTION_WORDS];
};

void vios_inject_init(struct vios_inject *inject, const struct vios_inject_env *env);
/* Counts go there from now on, and who looks at them sees what is in force. */
void vios_inject_show(struct vios_inject *inject, struct hv_window_head *counts);

/* The injection holds (hv_injection_check). */
HV_MUST_USE
enum hv_code vios_inject_add(struct vios_inject *inject,
			     const struct hv_injection *injection, uint64_t key,
			     struct vios_injection *ret_started, struct hv_err *err);
/* Ends all; returns how many. */
unsigned vios_inject_clear(struct vios_inject *inject, const char *why);
/* Ends what is over, and tells first hits. Call it often: it is nothing when idle. */
void vios_inject_look(struct vios_inject *inject);

static inline uint32_t vios_inject_version(const struct vios_inject *inject)
{
	return atomic_load_explicit(&inject->version, memory_order_acquire);
}
/* False: it is being written; the view is as it was. */
bool vios_inject_read(const struct vios_inject *inject, struct vios_inject_view *view);
/* slot HV_INJECTIONS_MAX: of one that is over. */
void vios_inject_hit(struct vios_inject *inject, unsigned slot, uint32_t kind);
/* Main thread: so many more of that kind, of whichever injection is in force. */
void vios_inject_count(struct vios_inject *inject, uint32_t kind, uint64_t hits);
uint64_t vios_inject_now(const struct vios_inject *inject);

#endif
