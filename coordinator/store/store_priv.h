/* store_priv - what the files of store/ share. <lmdb.h> ends here. */
#ifndef COORDINATOR_STORE_STORE_PRIV_H
#define COORDINATOR_STORE_STORE_PRIV_H

#include "coordinator/store/store.h"
#include "hvcore/base/bytes.h"

#include <lmdb.h>

enum database {
	DATABASE_LOG = RECORD_KIND_COUNT, /* the first ones are the kinds of records */
	DATABASE_REPLIES,
	DATABASE_AGES,
	DATABASE_META,
	DATABASE_SAMPLES,
	DATABASE_RINGS,
	DATABASE_COUNT
};

#define NUMBERS_KEY "numbers"
#define NUMBERS_BYTES 24
#define REPLY_HEAD_BYTES 16 /* number and time, before the reply itself */

struct store {
	struct journal journal; /* first */
	struct store_config limits;
	MDB_env *env;
	MDB_dbi databases[DATABASE_COUNT];
	int lock_fd;
	uint64_t reply_number; /* of the newest reply */
};

/* The sentence for what LMDB said. */
enum hv_code store_fail(struct hv_err *err, int rc, const char *what);

/* First or last number in a database keyed by numbers, and its value; 0 when empty. */
int store_edge(MDB_txn *txn, MDB_dbi database, MDB_cursor_op op, uint64_t *ret_number,
	       MDB_val *ret_value);

/* samples.c: within a transaction; an LMDB code. */
int store_put_samples(struct store *store, MDB_txn *txn,
		      const struct journal_batch *batch);
int store_drop_samples(struct store *store, MDB_txn *txn, const char *host);

/* commit.c, read.c, samples.c: the journal's operations. */
enum hv_code store_commit(struct journal *journal, const struct journal_batch *batch,
			  struct hv_err *err);
enum hv_code store_find_reply(struct journal *journal,
			      const uint8_t key[JOURNAL_KEY_BYTES], uint8_t **ret_bytes,
			      size_t *ret_count, struct hv_err *err);
enum hv_code store_find_sample(struct journal *journal,
			       const struct journal_search *search,
			       struct journal_place *ret_place, uint8_t **ret_bytes,
			       size_t *ret_count, struct hv_err *err);
enum hv_code store_load(struct journal *journal, struct cluster *cluster,
			struct hv_err *err);

#endif
