/*
 * guest - each partition's view of itself (guest_files.h) as files:
 * STATE/guest/NAME stands for its "/". They are for root of the host and its tools: the
 * partition's processes, of an unprivileged user, do not get into STATE.
 *
 * Once a second each file whose text has changed is replaced as a whole, by a rename;
 * the others are left alone, so that a partition that does nothing costs nothing.
 * Nothing is synced: after a power cut they are of a partition that is gone, and the
 * next agent begins with an empty directory. They are for reading: who writes to one, or
 * removes it, changes nothing but what is read until its next change. A view that is
 * gone, or that failed, is made anew as a whole in the next round.
 *
 * Contract
 *   Threads  L.
 *   Memory   about 200 bytes a partition.
 *   Errors   a view that cannot be written is left out, and said once in the log.
 *   Time     65 us a file that changed (measured); no device is waited for.
 */
#ifndef AGENT_GUEST_H
#define AGENT_GUEST_H

#include "agent/core/core.h"

struct agent_guests;

/* Ends what an agent before us has left. */
HV_MUST_USE
enum hv_code agent_guests_open(const char *state, struct agent_guests **ret_guests,
			       struct hv_err *err);
void agent_guests_close(struct agent_guests *guests); /* files stay; NULL is fine */

/* All that run; what is not among them any more goes. */
void agent_guests_show(struct agent_guests *guests, const struct agent_shown *list,
		       size_t count);

#endif
