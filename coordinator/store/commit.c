/*
 * commit - one batch, one transaction: records, command log, replies, numbers.
 *
 * Log and replies are forgotten a slice at a time, so that no commit is long.
 */
#include "coordinator/store/store_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#define ROOM_BYTES (256u << 10) /* arbitrary: more than a usual batch writes */

static int put_record(struct store *store, MDB_txn *txn,
		      const struct cluster_change *change,
		      const ProtobufCMessage *message)
{
	size_t count = protobuf_c_message_get_packed_size(message);
	MDB_val key = { change->key.size, (void *)change->key.bytes };
	MDB_val value = { count, NULL };
	int rc = mdb_put(txn, store->databases[change->kind], &key, &value, MDB_RESERVE);

	if (rc == 0)
		(void)protobuf_c_message_pack(message, value.mv_data);
	return rc;
}

/* A record changed twice in a batch is written twice, with its last content. */
static int put_changes(struct store *store, MDB_txn *txn, const struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->change_count; i++) {
		const struct cluster_change *change = &cluster->changes[i];
		const ProtobufCMessage *message =
			record_table_find(&cluster->tables[change->kind], &change->key);
		MDB_val key = { change->key.size, (void *)change->key.bytes };
		int rc;

		if (message != NULL) {
			rc = put_record(store, txn, change, message);
		} else {
			rc = mdb_del(txn, store->databases[change->kind], &key, NULL);
			if (rc == MDB_NOTFOUND)
				rc = 0; /* made and removed in this batch */
			if (rc == 0 && change->kind == RECORD_HOST)
				rc = store_drop_samples(store, txn,
							(const char *)change->key.bytes);
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int put_numbers(struct store *store, MDB_txn *txn,
		       const struct cluster_numbers *numbers)
{
	uint8_t bytes[NUMBERS_BYTES];
	MDB_val key = { strlen(NUMBERS_KEY), (void *)NUMBERS_KEY };
	MDB_val value = { sizeof(bytes), bytes };

	hv_be_put(bytes, 8, numbers->revision);
	hv_be_put(bytes + 8, 8, numbers->epoch);
	hv_be_put(bytes + 16, 8, numbers->next_id);
	return mdb_put(txn, store->databases[DATABASE_META], &key, &value, 0);
}

static int put_logs(struct store *store, MDB_txn *txn, const struct journal_batch *batch)
{
	for (size_t i = 0; i < batch->log_count; i++) {
		const struct journal_log *log = &batch->logs[i];
		uint8_t revision[8];
		MDB_val key = { sizeof(revision), revision };
		MDB_val value = { log->count, log->bytes };
		int rc;

		hv_be_put(revision, 8, log->revision);
		rc = mdb_put(txn, store->databases[DATABASE_LOG], &key, &value,
			     MDB_APPEND);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int put_reply(struct store *store, MDB_txn *txn, const struct journal_reply *reply,
		     uint64_t number, uint64_t wall_ms)
{
	uint8_t age[8];
	MDB_val key = { JOURNAL_KEY_BYTES, (void *)reply->key };
	MDB_val value = { REPLY_HEAD_BYTES + reply->count, NULL };
	MDB_val age_key = { sizeof(age), age };
	uint8_t *at;
	int rc;

	rc = mdb_put(txn, store->databases[DATABASE_REPLIES], &key, &value,
		     MDB_RESERVE | MDB_NOOVERWRITE);
	if (rc != 0)
		return rc;
	at = value.mv_data;
	hv_be_put(at, 8, number);
	hv_be_put(at + 8, 8, wall_ms);
	memcpy(at + REPLY_HEAD_BYTES, reply->bytes, reply->count);
	hv_be_put(age, 8, number);
	return mdb_put(txn, store->databases[DATABASE_AGES], &age_key, &key, MDB_APPEND);
}

static int delete_number(MDB_txn *txn, MDB_dbi database, uint64_t number)
{
	uint8_t bytes[8];
	MDB_val key = { sizeof(bytes), bytes };

	hv_be_put(bytes, 8, number);
	return mdb_del(txn, database, &key, NULL);
}

static int trim_log(struct store *store, MDB_txn *txn, uint64_t newest)
{
	MDB_dbi database = store->databases[DATABASE_LOG];

	for (unsigned i = 0; i < JOURNAL_TRIM_MAX; i++) {
		MDB_val value;
		uint64_t oldest;
		int rc = store_edge(txn, database, MDB_FIRST, &oldest, &value);

		if (rc != 0 || oldest == 0 || newest - oldest < store->limits.log_max)
			return rc;
		rc = delete_number(txn, database, oldest);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int is_reply_old(struct store *store, MDB_txn *txn, uint64_t oldest,
			const MDB_val *key, uint64_t wall_ms, bool *ret_is_old)
{
	MDB_val reply_key = *key;
	MDB_val value;
	uint64_t since;
	int rc = mdb_get(txn, store->databases[DATABASE_REPLIES], &reply_key, &value);

	if (rc != 0)
		return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
	if (value.mv_size < REPLY_HEAD_BYTES)
		return MDB_CORRUPTED;
	since = hv_be_take((const uint8_t *)value.mv_data + 8, 8);
	*ret_is_old = store->reply_number - oldest >= store->limits.replies_max ||
		      (wall_ms > since && wall_ms - since > store->limits.reply_ms);
	return 0;
}

static int trim_replies(struct store *store, MDB_txn *txn, uint64_t wall_ms)
{
	for (unsigned i = 0; i < JOURNAL_TRIM_MAX; i++) {
		uint8_t bytes[JOURNAL_KEY_BYTES];
		MDB_val key = { 0 };
		bool is_old = false;
		uint64_t oldest;
		int rc = store_edge(txn, store->databases[DATABASE_AGES], MDB_FIRST,
				    &oldest, &key);

		if (rc != 0 || oldest == 0)
			return rc;
		if (key.mv_size != sizeof(bytes))
			return MDB_CORRUPTED;
		memcpy(bytes, key.mv_data, sizeof(bytes)); /* dies with the deletion */
		rc = is_reply_old(store, txn, oldest, &key, wall_ms, &is_old);
		if (rc != 0 || !is_old)
			return rc;
		key.mv_data = bytes;
		rc = mdb_del(txn, store->databases[DATABASE_REPLIES], &key, NULL);
		if (rc == 0)
			rc = delete_number(txn, store->databases[DATABASE_AGES], oldest);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int put_replies(struct store *store, MDB_txn *txn,
		       const struct journal_batch *batch)
{
	int rc = 0;

	for (size_t i = 0; i < batch->reply_count && rc == 0; i++)
		rc = put_reply(store, txn, &batch->replies[i], ++store->reply_number,
			       batch->cluster->wall_ms);
	return rc;
}

static int write_batch(struct store *store, MDB_txn *txn,
		       const struct journal_batch *batch)
{
	int rc = put_changes(store, txn, batch->cluster);

	if (rc == 0)
		rc = store_put_samples(store, txn, batch);
	if (rc == 0)
		rc = put_logs(store, txn, batch);
	if (rc == 0)
		rc = put_replies(store, txn, batch);
	if (rc == 0)
		rc = put_numbers(store, txn, &batch->cluster->now);
	if (rc == 0)
		rc = trim_log(store, txn, batch->cluster->now.revision);
	if (rc == 0)
		rc = trim_replies(store, txn, batch->cluster->wall_ms);
	return rc;
}

/* LMDB says EIO for a write that was cut short, as the first one on a full disk is. */
static int explain(const struct store *store, int rc)
{
	struct statvfs disk;

	if (rc == EIO && fstatvfs(store->lock_fd, &disk) == 0 &&
	    disk.f_bavail * disk.f_frsize < ROOM_BYTES)
		return ENOSPC;
	return rc;
}

enum hv_code store_commit(struct journal *journal, const struct journal_batch *batch,
			  struct hv_err *err)
{
	struct store *store = (struct store *)journal;
	uint64_t reply_number = store->reply_number;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

	if (rc != 0)
		return store_fail(err, rc, "write the state");
	rc = write_batch(store, txn, batch);
	if (rc == 0)
		rc = mdb_txn_commit(txn); /* frees txn in any case */
	else
		mdb_txn_abort(txn);
	if (rc != 0) {
		store->reply_number = reply_number;
		return store_fail(err, explain(store, rc), "write the state");
	}
	return HV_OK;
}
