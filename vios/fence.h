/*
 * fence - who of a client's incarnations is served: one, the newest that said hello,
 * and only when nothing of the one before is at a device any more (PAGER.md P9).
 *
 *   NOBODY --hello--> SERVED --hello of another, end--> DRAINING --nothing held-->
 *      ^                 '--hello of the same: answered again    SERVED (its hello is
 *      '-------------- nobody waits -----------------------------' answered), or NOBODY
 *
 * A session has a number that is never used again, and every message carries it: what
 * comes late, over whatever connection, is of a number that is over. Numbers begin at
 * a random one, so that those of an exporter before this process are over as well.
 *
 * Contract
 *   Threads  one. Logic alone: the outside is a table of functions.
 *   Memory   embedded. A hello that waits is its owner's; it is answered exactly once.
 *   Errors   as answers to a hello: AGAIN asked twice, STALE another one came later: this
 *            one began before the newest that was here, or was served last and is over.
 *            What an earlier boot of the client's host began is known by the latter alone.
 *   Time     none: a session drains for as long as its last request takes.
 */
#ifndef VIOS_FENCE_H
#define VIOS_FENCE_H

#include "vios/incarnation.h"

struct vios_fence_ops {
	/* The session is over: what has not begun is dropped, what is open is closed. */
	void (*stop)(void *arg);
	void (*greet)(void *arg, void *hello, uint64_t session);
	void (*refuse)(void *arg, void *hello, enum hv_code code, const char *why);
};

struct vios_fence {
	/* private */
	const struct vios_fence_ops *ops;
	void *arg;
	uint64_t session; /* served; 0: nobody */
	uint64_t last;    /* number given out last */
	uint8_t incarnation
		[VIOS_INCARNATION_BYTES]; /* newest: of session, hello, or over */
	bool has_incarnation;
	uint8_t over[VIOS_INCARNATION_BYTES]; /* served last, and no more */
	bool has_over;
	void *hello; /* waits; NULL: none */
	unsigned held;
	bool is_stopping; /* in ops->stop */
};

void vios_fence_init(struct vios_fence *fence, const struct vios_fence_ops *ops,
		     void *arg, uint64_t base);

void vios_fence_hello(struct vios_fence *fence,
		      const uint8_t incarnation[VIOS_INCARNATION_BYTES], void *hello);
/* The session is over, and nobody follows yet. */
void vios_fence_end(struct vios_fence *fence);

/* Something of the session that is served is at a device, or open; and is no more. */
void vios_fence_hold(struct vios_fence *fence);
void vios_fence_release(struct vios_fence *fence);

static inline bool vios_fence_serves(const struct vios_fence *fence, uint64_t session)
{
	return session != 0 && session == fence->session;
}
/* Anybody, or on the way there. */
static inline bool vios_fence_is_idle(const struct vios_fence *fence)
{
	return fence->session == 0 && fence->hello == NULL && fence->held == 0;
}

#endif
