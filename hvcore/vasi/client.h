/*
 * client - the hypervisor's half of one lane: asks a VIOS incarnation to read and
 * write pages, and believes nothing it says.
 *
 *   take a run of buffers   hv_vasi_take
 *   (write: copy pages in)  hv_vasi_buffer
 *   put requests in         hv_vasi_send ... hv_vasi_flush     one doorbell a batch
 *   take answers out        hv_vasi_receive
 *   (read: copy pages OUT, then check the copy, P8)
 *   give the run back       hv_vasi_give
 *
 * What an answer may say is checked against this side's own table of flights: its
 * tag names one that is out, its epoch is ours, its result is the number of pages
 * asked for or a negated errno. Anything else is CORRUPT, now and ever after: end
 * the incarnation. Page contents are the caller's to check.
 *
 * Before sleeping:
 *
 *   if (hv_vasi_may_sleep(client))   sets the flag, then looks once more
 *           epoll_wait(...)          completion doorbell, EPOLLIN | EPOLLET
 *   hv_vasi_awake(client)
 *
 * Edge-triggered, the doorbell need never be read. A server may sit on this
 * thread's own CPU (lane_cpu in WELCOME): who spins there keeps it from working;
 * spin with a bound, and with sched_yield().
 *
 * When the incarnation is over, hv_vasi_take_unanswered() empties the table, oldest
 * first; then the client is dead, like its window (P8, P9).
 *
 * Contract
 *   Threads  one, the fault thread of the lane (F): no locks, allocations, or calls
 *            but the doorbell's write(2).
 *   Memory   embedded; the window outlives it. Buffers taken must be given back.
 *   Errors   send never fails: a request needs a buffer, and there are fewer
 *            buffers than ring entries, so the ring cannot be full.
 *   Order    answers come in any order.
 */
#ifndef HVCORE_VASI_CLIENT_H
#define HVCORE_VASI_CLIENT_H

#include "hvcore/vasi/runs.h"
#include "hvcore/vasi/window.h"

/* A page-in or page-out, as asked and as answered. */
struct hv_vasi_ask {
	uint64_t user;   /* the caller's, comes back with the answer; never leaves us */
	uint64_t now_ns; /* when it was sent; for age and latency */
	uint32_t device;
	uint32_t slot;
	uint32_t buffer; /* from hv_vasi_take */
	uint16_t op;     /* enum hv_request_op */
	uint16_t pages;
};

struct hv_vasi_answer {
	struct hv_vasi_ask ask;
	int result; /* 0 = all pages done, or a negated errno */
};

#define HV_VASI_NONE UINT16_MAX

struct hv_vasi_flight { /* private */
	struct hv_vasi_ask ask;
	uint32_t generation; /* grows with each use: an old answer finds no flight */
	uint16_t prev, next; /* by age while out; next free one otherwise */
	bool is_out;
};

struct hv_vasi_client {
	/* private */
	struct hv_lane *lane;
	uint8_t *buffers;
	uint64_t epoch;
	int request_doorbell;
	uint32_t request_tail;    /* ours; never read back from the window */
	uint32_t published_tail;  /* what the peer may know */
	uint32_t completion_head; /* ours */
	uint16_t oldest, newest;  /* flights that are out */
	uint16_t free;            /* flights that are not */
	uint16_t out_count;
	bool is_broken; /* the peer broke the protocol */
	struct hv_runs runs;
	struct hv_vasi_flight flights[HV_LANE_BUFFERS];
};

void hv_vasi_client_init(struct hv_vasi_client *client, const struct hv_window *window,
			 unsigned lane, uint64_t epoch);

/* False: no such run is free until something is given back. */
bool hv_vasi_take(struct hv_vasi_client *client, enum hv_request_op op, unsigned pages,
		  uint32_t *ret_buffer);
void hv_vasi_give(struct hv_vasi_client *client, uint32_t buffer, unsigned pages);

/* The peer may change these bytes at any time: copy, then look at the copy. */
static inline uint8_t *hv_vasi_buffer(const struct hv_vasi_client *client,
				      uint32_t buffer)
{
	return client->buffers + (size_t)buffer * HV_PAGE_BYTES;
}

/* Buffers free for this kind of request, in runs of any length. */
static inline unsigned hv_vasi_room(const struct hv_vasi_client *client,
				    enum hv_request_op op)
{
	return hv_runs_free(&client->runs, op);
}

/* The buffers belong to the request until its answer is received. */
void hv_vasi_send(struct hv_vasi_client *client, const struct hv_vasi_ask *ask);
void hv_vasi_flush(struct hv_vasi_client *client);

/* AGAIN: nothing there. CORRUPT: the peer broke the protocol. */
HV_MUST_USE
enum hv_code hv_vasi_receive(struct hv_vasi_client *client,
			     struct hv_vasi_answer *ret_answer, struct hv_err *err);

/* False: an answer is there (or the peer is broken); the flag is down again. */
bool hv_vasi_may_sleep(struct hv_vasi_client *client);
void hv_vasi_awake(struct hv_vasi_client *client);

static inline unsigned hv_vasi_out(const struct hv_vasi_client *client)
{
	return client->out_count;
}

/* When the oldest request that is out was sent; 0 = none is. */
uint64_t hv_vasi_oldest_ns(const struct hv_vasi_client *client);

/* After the epoch ended. Buffers of the flight are given back as well. */
bool hv_vasi_take_unanswered(struct hv_vasi_client *client, struct hv_vasi_ask *ret_ask);

/* All equations of the struct; O(n). */
void hv_vasi_client_audit(const struct hv_vasi_client *client);

#endif
