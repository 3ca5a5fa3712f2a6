/*
 * link - from a VIOS that forwards (tarn-vios --remote) to the one that exports the
 * devices, on the main thread: greets it, asks it for life, opens devices there.
 *
 *   GREETING --hello answered: what came before us is fenced--> UP --silence, STALE--> LOST
 *      ^  '-- nobody there, or not yet --
 *      '--------------------------------'
 *
 * One incarnation, one session there: once lost it is not taken up again, and the
 * process ends (a new one greets, and by that fences what this one left behind). So
 * nothing is ever sent twice, and what is unanswered at the end stays in doubt.
 *
 * Silence: no answer of any kind, over any connection, for patience_ms while asked.
 * Asked it is by a ping, several times in that time, and often enough for the other side,
 * which ends a session that says nothing (HV_REMOTE_SILENCE_MS).
 *
 * Contract
 *   Threads  L; the struct vios_link_state is read and written by lanes and workers.
 *   Memory   URL, name and state outlive it.
 *   Errors   open: what rpc.h says of URLs. Later on_lost, once: STALE another one was
 *            greeted, TIMEOUT silence, GONE, VERSION, what a hello was refused with.
 */
#ifndef VIOS_LINK_H
#define VIOS_LINK_H

#include "hvcore/loop/rpc.h"
#include "hvcore/wire/injection.h"
#include "hvcore/wire/remote.h"
#include "vios/device.h"
#include "vios/fence.h"

#include <stdatomic.h>

struct vios_link_state {
	_Atomic uint64_t session;  /* 0: not greeted */
	_Atomic uint64_t heard_ns; /* when an answer came last */
	_Atomic bool is_over;      /* nothing is sent any more; who sets it says why */
	/* Drills: until when nothing passes, by bit of enum hv_injection_direction. */
	_Atomic uint64_t cut_there_ns, cut_back_ns;
	_Atomic uint64_t cut_hits; /* messages that were not let pass */
};

struct vios_link_config {
	const char *url;
	const char *name; /* of this VIOS */
	uint8_t host[HV_PGDEV_ID_BYTES];
	unsigned patience_ms;
	void (*on_up)(void *arg);
	void (*on_lost)(void *arg, const struct hv_err *err);
	void *arg;
};

struct vios_link {
	struct vios_link_state state; /* shared */
	/* private */
	struct vios_link_config config;
	struct hv_loop *loop;
	struct hv_client *client;
	struct hv_call hello, ping;
	struct hv_timer timer; /* the next hello, or ping */
	struct hv_job lost;    /* a worker's news */
	struct hv_err why;
	_Atomic bool is_failed;
	uint8_t incarnation[VIOS_INCARNATION_BYTES];
	unsigned retry_ms;
	bool is_waiting_told;
	struct vios_opener opener;
};

HV_MUST_USE
enum hv_code vios_link_open(struct vios_link *link, struct hv_loop *loop,
			    const struct vios_link_config *config, struct hv_err *err);
/* Nothing is asked any more; what was asked is not answered. Zeroed is fine. */
void vios_link_close(struct vios_link *link);

/* For vios_devices: devices there, under the same handles. Blocks, in workers. */
const struct vios_opener *vios_link_opener(struct vios_link *link);

/* Any thread: an answer has come; none has for as long as we wait. */
void vios_link_heard(struct vios_link_state *state);
bool vios_link_is_silent(const struct vios_link_state *state, unsigned ms);
/*
 * Drills: nothing passes in these directions (hv_injection_direction) for so long; 0 ms:
 * all of it ends. What was on its way is late: it is sent, or taken, when the cut ends.
 */
void vios_link_cut(struct vios_link_state *state, uint32_t direction, uint32_t ms);
/* Any thread: does a message pass now in that direction? If not, it is counted. */
bool vios_link_passes(struct vios_link_state *state, uint32_t direction);
/* It is over from now on; false: it was. */
bool vios_link_end(struct vios_link_state *state, const struct hv_err *why);

#endif
