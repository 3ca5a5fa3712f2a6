/*
 * cluster - the state of the whole cluster: durable records, and live reports.
 *
 *   request --plan--> LogRecord --cluster_apply--> records (+ list of changes)
 *                                                    |
 *                     journal commits the changes and the log in one transaction
 *                                                    |
 *            cluster_commit: forget the old records   |  cluster_rollback: put the
 *                                                     |  old records back
 *
 * A LogRecord holds whole new records, so applying is replacing: no clock, no
 * randomness, no decision. The same log over an empty cluster gives the same state.
 *
 * Contract
 *   Threads  L.
 *   Memory   the cluster owns all records; a pointer to one holds until the next
 *            cluster_apply(), cluster_commit() or cluster_rollback().
 *   Errors   cluster_apply() fails before it changes anything; commit and rollback
 *            cannot fail.
 */
#ifndef COORDINATOR_CLUSTER_CLUSTER_H
#define COORDINATOR_CLUSTER_CLUSTER_H

#include "coordinator/cluster/live.h"
#include "coordinator/cluster/record.h"

/* Bounds of what is kept, all arbitrary. */
#define CLUSTER_EVENTS_MAX 10000
#define CLUSTER_JOBS_MAX 2000 /* ended jobs beyond this many are forgotten */
#define CLUSTER_DRILLS_MAX 200

struct cluster_change {
	enum record_kind kind;
	struct record_key key;
	ProtobufCMessage *old; /* NULL: there was none */
};

struct cluster_numbers {
	uint64_t revision; /* of the last LogRecord applied */
	uint64_t epoch;    /* grows with each start of the coordinator */
	uint64_t next_id;  /* jobs, runs, generations, ops: never used twice */
};

struct cluster {
	struct record_table tables[RECORD_KIND_COUNT];
	struct cluster_numbers now;
	struct cluster_numbers committed;
	struct live_table live;
	uint64_t now_ms;  /* monotonic; set once a batch */
	uint64_t wall_ms; /* for records */
	/* private: since the last commit */
	struct cluster_change *changes;
	size_t change_count;
	size_t change_room;
};

void cluster_init(struct cluster *cluster);
void cluster_fini(struct cluster *cluster);

/* Puts a stored record in, when a state is opened. Takes the message on success. */
HV_MUST_USE
enum hv_code cluster_load(struct cluster *cluster, enum record_kind kind,
			  ProtobufCMessage *message, struct hv_err *err);
void cluster_load_numbers(struct cluster *cluster, const struct cluster_numbers *numbers);

/*
 * Moves the records out of `log` into the state; `log` itself stays the caller's,
 * emptied of them. On failure both are as before.
 */
HV_MUST_USE
enum hv_code cluster_apply(struct cluster *cluster, Tarn__LogRecord *log,
			   struct hv_err *err);
void cluster_commit(struct cluster *cluster);
void cluster_rollback(struct cluster *cluster);

/* NULL where there is none. */
const Tarn__HostRecord *cluster_host(const struct cluster *cluster, const char *name);
const Tarn__DeviceRecord *cluster_device(const struct cluster *cluster, const char *host,
					 const char *name);
const Tarn__LparRecord *cluster_lpar(const struct cluster *cluster, const char *name);
const Tarn__DrillRecord *cluster_drill(const struct cluster *cluster, uint64_t number);
const Tarn__JobRecord *cluster_job(const struct cluster *cluster, uint64_t id);
const Tarn__HostOpRecord *cluster_op(const struct cluster *cluster, uint64_t id);
const Tarn__UserRecord *cluster_user(const struct cluster *cluster, const char *name);
struct live_host *cluster_live(const struct cluster *cluster, const char *host);
bool cluster_is_connected(const struct cluster *cluster, const char *host);

size_t cluster_count(const struct cluster *cluster, enum record_kind kind);
/* In key order. */
const Tarn__HostRecord *cluster_host_at(const struct cluster *cluster, size_t at);
const Tarn__DeviceRecord *cluster_device_at(const struct cluster *cluster, size_t at);
const Tarn__LparRecord *cluster_lpar_at(const struct cluster *cluster, size_t at);
const Tarn__DrillRecord *cluster_drill_at(const struct cluster *cluster, size_t at);
const Tarn__JobRecord *cluster_job_at(const struct cluster *cluster, size_t at);
const Tarn__Event *cluster_event_at(const struct cluster *cluster, size_t at);
const Tarn__HostOpRecord *cluster_op_at(const struct cluster *cluster, size_t at);
const Tarn__UserRecord *cluster_user_at(const struct cluster *cluster, size_t at);
/* First LPAR with this name or a higher one; cluster_count() where there is none. */
size_t cluster_lpar_from(const struct cluster *cluster, const char *name);
/* First event with a higher number; cluster_count() where there is none. */
size_t cluster_event_after(const struct cluster *cluster, uint64_t number);

/* The drill that runs on a host, or NULL. */
const Tarn__DrillRecord *cluster_drill_on(const struct cluster *cluster,
					  const char *host);

/*
 * Everything that must hold of the records among themselves; tests call it after
 * every step. CORRUPT names what does not hold.
 */
HV_MUST_USE
enum hv_code cluster_audit(const struct cluster *cluster, struct hv_err *err);

#endif
