/*
 * lane - a server thread: takes requests off its ring, has the device do them,
 * answers.
 *
 *   beat, take requests, queue I/O, hand it over and wait for disk or doorbell (at
 *   most half a heartbeat), take results, answer, ring once
 *
 * One wait for both kinds of event, one system call for handing over and waiting. The
 * thread sits on the CPU of the fault thread it serves; where that has nothing else to
 * do it waits awake (spin.h).
 *
 * Contract
 *   Threads  open, start, kick, join, close: the owner's. The rest in the lane's own
 *            thread, or in a test that runs steps itself.
 *   Memory   everything in the config outlives the lane.
 *   Errors   a ring that cannot be (the peer's fault) or an io_uring that fails ends
 *            the lane: on_broken is called once, in the lane's thread.
 */
#ifndef VIOS_LANE_H
#define VIOS_LANE_H

#include "vios/inject.h"
#include "vios/link.h"
#include "vios/requests.h"

struct vios_lane_config {
	const struct hv_window *window;
	unsigned lane;
	uint64_t epoch;
	unsigned heartbeat_ms;
	unsigned cpu;     /* 1 + CPU; 0 = anywhere */
	unsigned spin_us; /* spin.h; not where cpu is 0, nor with remote_url */
	struct vios_table *table;
	struct vios_inject *inject; /* NULL: no drills, and no trace of them */
	const char *remote_url;     /* the devices are there (link_io.h); NULL: here */
	unsigned patience_ms;
	struct vios_link_state *link; /* with remote_url */
	void (*on_broken)(void *arg, const struct hv_err *err);
	void *arg;
};

struct vios_lane;

HV_MUST_USE
enum hv_code vios_lane_open(const struct vios_lane_config *config,
			    struct vios_lane **ret_lane, struct hv_err *err);
void vios_lane_close(struct vios_lane *lane); /* joined, or never started; NULL is fine */

/* Returns when the thread serves, or why it cannot. */
HV_MUST_USE
enum hv_code vios_lane_start(struct vios_lane *lane, struct hv_err *err);

/* Takes no request from now on; ends when the last one in flight has ended. */
void vios_lane_stop(struct vios_lane *lane);
void vios_lane_join(struct vios_lane *lane);

/* For tests: I/O by `io` (owned from here on), one turn, how many are in flight. */
void vios_lane_set_io(struct vios_lane *lane, struct hv_aio *io);
HV_MUST_USE
enum hv_code vios_lane_step(struct vios_lane *lane, struct hv_err *err);
bool vios_lane_is_done(const struct vios_lane *lane); /* stopped and nothing in flight */

#endif
