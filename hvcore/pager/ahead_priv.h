/* ahead_priv - read-ahead: see ahead.c. */
#ifndef HVCORE_PAGER_AHEAD_PRIV_H
#define HVCORE_PAGER_AHEAD_PRIV_H

#include "hvcore/pager/pager.h"

#define HV_STREAMS 16 /* of a space; arbitrary */
#define HV_AHEAD_WINDOW(pages) \
	(3 * (pages) + 2)   /* three requests, less the page itself */
#define HV_AHEAD_REQUESTS 6 /* where slots are not adjacent; arbitrary */
#define HV_STREAM_WRITTEN 2 /* runs that were written: the next ones will be; arbitrary */

struct hv_parked;

/* Faults of a thread, or of some whose numbers hash alike. */
struct hv_stream {
	uint32_t thread;
	uint32_t low, high; /* pages that its last fault brought */
	uint32_t stray;     /* that did not go on */
	uint8_t up, down;   /* bit a fault of the last eight that went on above, below */
	uint8_t window;     /* neighbours to bring next time */
	uint8_t written;    /* its last runs of which each page was written */
};

/* A thread faulted on a STOLEN page: says what it is to bring with it. */
void hv_ahead_observe(struct hv_space *space, struct hv_parked *fault, uint32_t thread);
/* How many neighbours may come with that page over that path now, at most as wished. */
unsigned hv_ahead_count(const struct hv_space *space, const struct hv_parked *fault,
			unsigned path);
/*
 * The next request after them, of a stream that is steady: how many pages, the first of
 * them *page, which was the one beyond the last request; `came`: neighbours until now.
 */
unsigned hv_ahead_more(const struct hv_space *space, const struct hv_parked *fault,
		       unsigned path, unsigned came, uint32_t *page);
/* They are on their way, up to that page. */
void hv_ahead_sent(struct hv_space *space, const struct hv_parked *fault, uint32_t last);
/* A page in its frame is known to be used, or leaves it: counted if it came ahead, and
 * was not known to be used; true then: this is the use that it came for. */
bool hv_ahead_prove(struct hv_space *space, uint32_t page, bool is_used);

#endif
