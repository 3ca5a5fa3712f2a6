/*
 * resize - the memory of a running partition changes (hvcore/wire/attach.h, RESIZE).
 *
 *   IDLE --begin--> WANTED --pause--> PAUSING --all workers paused--> SAYING --last step said--> IDLE
 *                     |  ^                ^                             |
 *                     |  `--more to give--|-----------------------------'  (of an operating system)
 *                     `--> EMPTYING ------'  a block that its system has emptied
 *
 * An operating system empties a block at a time while it works on (os_guest.h); a block
 * that it cannot empty stays, and with it all below.
 *
 * Nobody touches a page while the guest changes. What is given up is said block by
 * block from the top, as an operating system would free it, so that the hypervisor
 * can take each while the next is on its way. A partition keeps a page for each
 * worker. A later order replaces the one before.
 *
 * Contract
 *   Threads  the control thread.
 *   Memory   nothing allocates.
 */
#ifndef AGENT_PARTITION_RESIZE_H
#define AGENT_PARTITION_RESIZE_H

#include "agent/partition/crew.h"
#include "hvcore/wire/attach.h"

enum partition_resize_at {
	PARTITION_RESIZE_IDLE,
	PARTITION_RESIZE_WANTED,
	PARTITION_RESIZE_EMPTYING,
	PARTITION_RESIZE_PAUSING,
	PARTITION_RESIZE_SAYING
};

struct partition_resize {
	enum partition_resize_at at;
	struct hv_attach_resize order;
	uint64_t said_bytes; /* by the last RESIZED, or before the first */
	uint64_t uses_bytes; /* since the workers go on */
	uint64_t offered;    /* pages that its system was asked to make do with */
	bool is_begun;       /* the order: a system was asked to give */
	bool gives_more;     /* what is said now is not all */
};

/* The memory is about to be another: nothing is begun that is to see all of it. */
static inline bool partition_resize_is_due(const struct partition_resize *resize)
{
	return resize->at == PARTITION_RESIZE_WANTED ||
	       resize->at == PARTITION_RESIZE_PAUSING;
}

void partition_resize_begin(struct partition_resize *resize,
			    const struct hv_attach_resize *order);
/* is_paused: as of now, by partition_crew_progress(). */
void partition_resize_step(struct partition_resize *resize, struct partition_guest *guest,
			   struct partition_crew *crew, bool is_paused);
/* What is to be said next, if there is anything; then, when it was sent, said. */
HV_MUST_USE
bool partition_resize_say(const struct partition_resize *resize,
			  struct hv_attach_resized *ret_packet);
void partition_resize_said(struct partition_resize *resize);

#endif
