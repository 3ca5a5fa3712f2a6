/*
 * window - the shared memory and the doorbells of one VIOS incarnation.
 *
 * The hypervisor makes it (hv_window_create), sends its descriptors with WELCOME
 * in the order of hv_window_fds(), and the VIOS takes them over
 * (hv_window_adopt). Layout and trust: hvcore/wire/session.h. P8: a window serves
 * one incarnation and is never used again, so late bytes of a dead one fall into
 * memory that nobody looks at.
 *
 * Contract
 *   Threads  create, adopt, close: one thread; the rest any.
 *   Memory   a window owns its mapping and all its descriptors. adopt takes the
 *            descriptors it is given, also where it fails.
 *   Errors   NOMEM, OS; adopt: CORRUPT (not sealed, wrong size, wrong count of
 *            descriptors, not the kind they must be).
 *   Time     the mapping is populated: touching it later never faults.
 */
#ifndef HVCORE_VASI_WINDOW_H
#define HVCORE_VASI_WINDOW_H

#include "hvcore/wire/session.h"

struct hv_window {
	uint8_t *base;
	size_t bytes;
	unsigned lanes;
	int fd;
	int request_doorbell[HV_LANES_MAX];    /* rung by the hypervisor */
	int completion_doorbell[HV_LANES_MAX]; /* rung by the VIOS */
};

/* An empty window: close does nothing. */
void hv_window_init(struct hv_window *window);

/* On failure *window is empty. 1 <= lanes <= HV_LANES_MAX is an invariant. */
HV_MUST_USE
enum hv_code hv_window_create(unsigned lanes, struct hv_window *window,
			      struct hv_err *err);

/* Descriptors for WELCOME, lent; fds has room for HV_LOCAL_FDS. Returns how many. */
unsigned hv_window_fds(const struct hv_window *window, int *fds);

/* The VIOS side: a checked WELCOME (hv_session_check) and what came with it. */
HV_MUST_USE
enum hv_code hv_window_adopt(const struct hv_session_welcome *welcome, int *fds,
			     unsigned fd_count, struct hv_window *window,
			     struct hv_err *err);

void hv_window_close(struct hv_window *window);

static inline struct hv_window_head *hv_window_top(const struct hv_window *window)
{
	return (struct hv_window_head *)(void *)window->base;
}

static inline struct hv_lane *hv_window_lane(const struct hv_window *window,
					     unsigned lane)
{
	return (struct hv_lane *)(void *)(window->base + hv_window_lane_offset(lane));
}

static inline uint8_t *hv_window_buffer(const struct hv_window *window, unsigned lane,
					unsigned buffer)
{
	return window->base + hv_window_buffer_offset(lane, buffer);
}

/* What the hang detector of the hypervisor compares; any value may be a lie. */
static inline uint64_t hv_window_heartbeat(const struct hv_window *window)
{
	return atomic_load_explicit(&hv_window_top(window)->heartbeat,
				    memory_order_relaxed);
}

static inline uint64_t hv_window_lane_heartbeat(const struct hv_window *window,
						unsigned lane)
{
	return atomic_load_explicit(&hv_window_lane(window, lane)->heartbeat,
				    memory_order_relaxed);
}

#endif
