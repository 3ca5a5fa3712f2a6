/*
 * store - the journal in LMDB: state, command log and replies in one transaction.
 *
 *   DIR/version    "tarn coordinator state 1", locked while the store is open
 *   DIR/data.mdb   databases hosts, devices, lpars, drills, jobs, events, ops
 *                  (key as in record.h, value the packed record), log (revision),
 *                  replies (idempotency key -> number, time, reply), replies_by_age,
 *                  meta ("numbers": revision, epoch, next id), samples and
 *                  sample_rings (samples.c)
 *
 * Numbers in keys are 8 bytes big-endian; no duplicate keys (LMDB 0.9.24).
 *
 * Contract
 *   Threads  L. One process: a second one is BUSY.
 *   Errors   VERSION for the directory of another version, CORRUPT for values that
 *            do not decode, NOSPC for a full disk or map, IO.
 */
#ifndef COORDINATOR_STORE_STORE_H
#define COORDINATOR_STORE_STORE_H

#include "coordinator/cluster/journal.h"

#define STORE_MAP_BYTES (UINT64_C(16) << 30) /* address space, not disk; arbitrary */

struct store_config {
	const char *directory; /* made where it is missing */
	uint64_t map_bytes;    /* 0: STORE_MAP_BYTES */
	/* 0: as in journal.h; small in tests */
	uint64_t replies_max;
	uint64_t log_max;
	uint64_t reply_ms;
	uint64_t samples_max; /* of one host; at least 1 fits */
	uint64_t sample_bytes;
};

struct store;

HV_MUST_USE
enum hv_code store_open(const struct store_config *config, struct store **ret_store,
			struct hv_err *err);
void store_close(struct store *store); /* NULL is fine */
struct journal *store_journal(struct store *store);

/* Only looks: is the directory one that store_open() would take? */
HV_MUST_USE
enum hv_code store_check(const char *directory, struct hv_err *err);

struct store_counts {
	uint64_t log_first, log_last; /* revisions; 0 = empty */
	uint64_t replies;
};
HV_MUST_USE
enum hv_code store_count(struct store *store, struct store_counts *ret_counts,
			 struct hv_err *err);
/* Copies one record of the log; NOTFOUND. Bytes are from malloc. */
HV_MUST_USE
enum hv_code store_read_log(struct store *store, uint64_t revision, uint8_t **ret_bytes,
			    size_t *ret_count, struct hv_err *err);

#endif
