/*
 * discard - memory that is given back (P13): asked for by message, one piece after the
 * other, and not over before the hypervisor has answered. Until then nobody may touch
 * it, so who discards waits.
 *
 *   a thread of the program                       the control thread
 *     takes its turn, says DISCARD, waits
 *                                                   DISCARDED: attach_discard_answered()
 *     next piece, or done
 *
 * Contract
 *   Threads  attach_discard: any but the control thread, one at a time, others wait their
 *            turn. answered: the control thread.
 *   Memory   embedded; the socket is lent.
 *   Errors   GONE the hypervisor hung up, or this is a child that was forked.
 *   Time     as long as the hypervisor takes: some microseconds a page.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_DISCARD_H
#define AGENT_PARTITION_ATTACH_LIBRARY_DISCARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "hvcore/wire/attach.h"

#define ATTACH_DISCARD_BYTES (UINT64_C(16) << 20) /* a piece; arbitrary */

struct attach_discards {
	int socket;           /* non-blocking */
	pthread_mutex_t turn; /* taken before `lock`; held while one is asked for */
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t has_changed;
	bool is_asked, is_answered;
	uint32_t tag;
	atomic_ullong count, pages; /* since it began */
};

/* The first piece of a range. */
uint64_t attach_discard_piece(uint64_t bytes);

void attach_discards_init(struct attach_discards *discards, int socket);
HV_MUST_USE
enum hv_code attach_discard(struct attach_discards *discards, uint64_t offset,
			    uint64_t bytes, struct hv_err *err);
/* STATE: nobody waits for that answer. */
HV_MUST_USE
enum hv_code attach_discard_answered(struct attach_discards *discards, uint32_t tag,
				     struct hv_err *err);

#endif
