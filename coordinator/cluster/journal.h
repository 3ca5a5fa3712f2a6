/*
 * journal - where committed changes go. One implementation keeps them in LMDB
 * (store/), one in memory (tests); a replicated one could follow.
 *
 * Contract
 *   Threads  L. commit() blocks until the batch is durable.
 *   Memory   everything in a batch is lent for the call.
 *   Errors   commit() is all or nothing: after a failure the journal is as before.
 *            Where even that is not known (the disk failed while the last block was
 *            written) every later call fails too, until a restart reads what is
 *            there; idempotency keys make the repeat safe.
 */
#ifndef COORDINATOR_CLUSTER_JOURNAL_H
#define COORDINATOR_CLUSTER_JOURNAL_H

#include "coordinator/cluster/cluster.h"

#define JOURNAL_KEY_BYTES 16
#define JOURNAL_KEYS_MAX 100000
#define JOURNAL_KEY_MS (24 * 3600 * UINT64_C(1000))
#define JOURNAL_LOG_MAX 100000 /* records of the command log */
#define JOURNAL_TRIM_MAX 64    /* forgotten with one commit, of each: a slice */
/* Of the ring of one host: a week at the usual rate, or less of large ones. */
#define JOURNAL_SAMPLES_MAX 20160
#define JOURNAL_SAMPLES_BYTES (UINT64_C(16) << 20)

struct journal_log {
	uint64_t revision;
	uint8_t *bytes; /* a packed LogRecord */
	size_t count;
};

struct journal_reply {
	uint8_t key[JOURNAL_KEY_BYTES];
	uint8_t *bytes;
	size_t count;
};

/* One sample of a host; a place is when it was taken, and which of that moment. */
struct journal_sample {
	char host[HV_NAME_BYTES];
	uint64_t wall_ms;
	Tarn__UtilizationEvent event;
	uint8_t *bytes; /* a packed UtilizationSample */
	size_t count;
};
struct journal_place {
	uint64_t wall_ms;
	uint64_t number;
};
struct journal_search {
	const char *host;
	struct journal_place place;
	bool is_forward; /* the first one at or after it; else the last one before it */
	uint32_t events; /* 1 << UtilizationEvent: those that count */
};

struct journal_batch {
	const struct cluster *cluster; /* its changes since the last commit */
	const struct journal_log *logs;
	size_t log_count;
	const struct journal_reply *replies;
	size_t reply_count;
	/* Go into the ring of their host. A host that is removed takes its ring along. */
	const struct journal_sample *samples;
	size_t sample_count;
};

struct journal {
	enum hv_code (*commit)(struct journal *journal, const struct journal_batch *batch,
			       struct hv_err *err);
	/* NOTFOUND where the key is new. Bytes are from malloc, the caller's. */
	enum hv_code (*find_reply)(struct journal *journal,
				   const uint8_t key[JOURNAL_KEY_BYTES],
				   uint8_t **ret_bytes, size_t *ret_count,
				   struct hv_err *err);
	/* Fills an empty cluster with what is stored. */
	enum hv_code (*load)(struct journal *journal, struct cluster *cluster,
			     struct hv_err *err);
	/* NOTFOUND where there is none. Bytes as of find_reply(). */
	enum hv_code (*find_sample)(struct journal *journal,
				    const struct journal_search *search,
				    struct journal_place *ret_place, uint8_t **ret_bytes,
				    size_t *ret_count, struct hv_err *err);
};

#endif
