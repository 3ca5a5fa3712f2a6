/*
 * session - the life of one VIOS incarnation, on the main thread.
 *
 *   LINKING --the exporter has greeted us--> CONNECTING     (with a remote alone: link.h)
 *   CONNECTING --connected, HELLO--> GREETING --WELCOME--> SERVING --hang-up--> ENDED
 *      ^  '-- nobody listens: again, later |
 *      '------ REFUSED for now ------------'
 *
 * An incarnation serves one session and ends with it: a new one is a new process,
 * with a new epoch, ring and window (P9). Its threads: this one (socket, heartbeat,
 * orders of drills), one a lane, and workers for what may block.
 *
 * Contract
 *   Threads  L. run returns when the session is over, with the lanes still there;
 *            close ends them (they finish what is in flight) and closes devices.
 *   Errors   run: OK the peer hung up, or terminated by a signal; else why not: a link
 *            that was lost, too.
 */
#ifndef VIOS_SESSION_H
#define VIOS_SESSION_H

#include "hvcore/wire/pgdev.h"

#include <stdbool.h>

struct vios_session_config {
	const char *socket_path;
	const char *name;
	const char *control_path;
	bool allow_drills;      /* faults may be injected */
	unsigned spin_us;       /* spin.h; 0: never */
	const char *remote_url; /* who exports the devices; NULL: they are here */
	uint8_t host[HV_PGDEV_ID_BYTES]; /* remote: ours */
	unsigned patience_ms;            /* remote: silence that ends the link */
	/* remote, drills: the rest of a cut (hv_injection_check holds); 0 ms: none */
	uint32_t cut_direction, cut_ms;
};

struct vios_session;

HV_MUST_USE
enum hv_code vios_session_open(const struct vios_session_config *config,
			       struct vios_session **ret_session, struct hv_err *err);
HV_MUST_USE
enum hv_code vios_session_run(struct vios_session *session, struct hv_err *err);
void vios_session_close(struct vios_session *session); /* NULL is fine */

#endif
