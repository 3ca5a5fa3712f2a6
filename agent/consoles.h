/*
 * consoles - sessions at the consoles of this host's partitions: bytes between their
 * sockets (tty.h) and the coordinator.
 *
 *   coordinator names a session --> connect --> bytes both ways --hang-up, or no longer
 *   named--> closed
 *
 * While there are sessions one HostConsole is with the coordinator, held until there is
 * input; what partitions say goes in another one at once. Nothing is kept here but
 * output that was not acknowledged; what a partition does not take stays with the
 * coordinator. When that has not answered for CONSOLES_LOST_MS all sessions end.
 *
 * Contract
 *   Threads  L. Nothing here waits.
 *   Memory   core and link are lent.
 *   Errors   a session that cannot be opened is told to the coordinator, with why.
 */
#ifndef AGENT_CONSOLES_H
#define AGENT_CONSOLES_H

#include "agent/link.h"

#define CONSOLES_LOST_MS 30000 /* three times what a HostConsole is held */

struct agent_consoles;

struct agent_consoles_config {
	const char *state; /* directory */
	const struct agent_core *core;
	struct agent_link *link;
};

HV_MUST_USE
enum hv_code agent_consoles_open(struct hv_loop *loop,
				 const struct agent_consoles_config *config,
				 struct agent_consoles **ret_consoles,
				 struct hv_err *err);
void agent_consoles_close(struct agent_consoles *consoles); /* NULL is fine */

/* The coordinator has said that there is a session for this host. */
void agent_consoles_wake(struct agent_consoles *consoles);
/* The end of a request that agent_link_ask_console() began. */
void agent_consoles_answered(struct agent_consoles *consoles, enum hv_code code,
			     const Tarn__HostReply *reply);

#endif
