/*
 * engine - the coordinator without its sockets: requests in, answers out.
 *
 *   engine_submit()  decodes a request and keeps it
 *   engine_flush()   all kept requests are one batch:
 *                      changes and reports are planned and applied in order,
 *                      jobs step, one commit makes it durable,
 *                      then everything is answered; reads see the committed state
 *   engine_tick()    time: jobs step, waits end
 *
 * The outside comes in through two tables, env and journal, so that a whole cluster
 * runs in one thread under virtual time (tests/sim).
 *
 * Contract
 *   Threads  L.
 *   Memory   a ticket belongs to the caller; it is answered exactly once, from
 *            inside submit, flush or tick, except those left at engine_close().
 *   Errors   a commit that fails takes the whole batch back: every request of it
 *            gets the error, and nothing has changed.
 *   Order    requests are planned in the order submitted.
 */
#ifndef COORDINATOR_API_ENGINE_H
#define COORDINATOR_API_ENGINE_H

#include "coordinator/cluster/journal.h"
#include "hvcore/reserve/profile.h"

#define ENGINE_POLL_MS 10000 /* a HostPoll is held this long */
#define ENGINE_WAIT_MS 30000 /* an EventQuery or JobWait, at most */
#define ENGINE_WAITS_MAX 896 /* held at once; the server's contexts less a reserve */
#define ENGINE_TICK_MS 250

struct engine_env {
	uint64_t (*now_ms)(struct engine_env *env); /* monotonic */
	uint64_t (*wall_ms)(struct engine_env *env);
	void (*random)(struct engine_env *env, void *bytes, size_t count);
	void (*answer)(struct engine_env *env, void *ticket, const void *bytes,
		       size_t count);
	/* Requests were submitted: call engine_flush() soon, once. */
	void (*want_flush)(struct engine_env *env);
	/* A platform profile by name; NULL: this coordinator knows none. */
	enum hv_code (*profile)(struct engine_env *env, const char *name,
				struct hv_profile *ret_profile, struct hv_err *err);
	/* This program is killed and starts again; NULL: that cannot be. */
	enum hv_code (*again)(struct engine_env *env, unsigned away_ms,
			      struct hv_err *err);
};

struct engine;

/* Loads the state and begins a new epoch, durably. Both tables must outlive it. */
HV_MUST_USE
enum hv_code engine_open(struct engine_env *env, struct journal *journal,
			 struct engine **ret_engine, struct hv_err *err);
void engine_close(struct engine *engine); /* NULL is fine */

void engine_submit(struct engine *engine, const uint8_t *bytes, size_t count,
		   void *ticket);
void engine_flush(struct engine *engine);
void engine_tick(struct engine *engine);

/* For tests and for the log line at the start. */
const struct cluster *engine_cluster(const struct engine *engine);

#endif
