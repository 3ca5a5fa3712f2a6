/*
 * export_client - one client of a VIOS that exports its devices: a VIOS on another host
 * that forwards what its hypervisor asks.
 *
 *   exchange (rpc) --> batch, waits --> ring of a lane of our own --> device
 *                                                  |
 *   answer <-- all its runs have ended <-- completion ring
 *
 * The exporter is a hypervisor to itself: requests go through the same ring, lane and
 * table of devices as those of a local one, with the same checks, and faults on order.
 * Reads do not wait for writes. Who is served, the fence decides (fence.h): what comes
 * of a session that is over is refused, what was not begun when it ended is dropped,
 * and the next one begins when all its devices are closed and all its runs answered.
 *
 * Contract
 *   Threads  L, and a lane's thread and workers of its own.
 *   Memory   an exchange that is taken is answered exactly once. Clients stay until
 *            the process ends: what was fenced must stay known.
 *   Errors   as answers. A device that is another host's by its header is BUSY.
 */
#ifndef VIOS_EXPORT_CLIENT_H
#define VIOS_EXPORT_CLIENT_H

#include "hvcore/loop/rpc.h"
#include "hvcore/wire/pgdev.h"
#include "hvcore/wire/remote.h"
#include "vios/inject.h"

/* Of one client at once; 8 lanes with 16 batches each, and what is not a batch. */
#define EXPORT_BATCHES_MAX 144

struct export_client;

struct export_client_config {
	struct hv_loop *loop;
	struct vios_inject *inject;     /* NULL: no drills */
	const Tarn__RemoteHello *hello; /* says who it is; not kept */
	uint64_t base;                  /* sessions are numbered from there (fence.h) */
	/* A lane has failed: in its thread. */
	void (*on_broken)(void *arg, const struct hv_err *err);
	void *arg;
};

HV_MUST_USE
enum hv_code export_client_new(const struct export_client_config *config,
			       struct export_client **ret_client, struct hv_err *err);
/* Nothing is answered from here on; the lane ends after what is in flight. */
void export_client_stop(struct export_client *client);
/* After the loop is closed. NULL is fine. */
void export_client_free(struct export_client *client);

bool export_client_is(const struct export_client *client, const Tarn__RemoteHello *hello);
bool export_client_serves(const struct export_client *client, uint64_t session);
bool export_client_has(struct export_client *client, const uint8_t id[HV_PGDEV_ID_BYTES]);

/* Takes the exchange. */
void export_client_hello(struct export_client *client, const Tarn__RemoteHello *hello,
			 struct hv_exchange *exchange);
/* Of the session that is served. Takes both, request also where it refuses. */
void export_client_take(struct export_client *client, Tarn__RemoteRequest *request,
			struct hv_exchange *exchange);

/* Call it about once a second: ends a session that says nothing. */
void export_client_look(struct export_client *client, uint64_t now_ms);

/* Answers an exchange with a code and a sentence; HV_OK: yes, and nothing to say. */
void export_refuse(struct hv_exchange *exchange, enum hv_code code, const char *why);

#endif
