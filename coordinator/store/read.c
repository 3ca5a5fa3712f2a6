/* read - what is stored comes back: at the start, and for repeated requests. */
#include "coordinator/store/store_priv.h"

#include <stdlib.h>
#include <string.h>

static enum hv_code copy_value(const MDB_val *value, size_t skip, uint8_t **ret_bytes,
			       size_t *ret_count, struct hv_err *err)
{
	size_t count = value->mv_size - skip;
	uint8_t *bytes = malloc(count + 1);

	if (bytes == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for %zu bytes of state",
			       count);
	memcpy(bytes, (const uint8_t *)value->mv_data + skip, count);
	*ret_bytes = bytes;
	*ret_count = count;
	return HV_OK;
}

/* Reads one value, less `skip` bytes at its front. */
static enum hv_code read_value(struct store *store, enum database database, MDB_val key,
			       size_t skip, uint8_t **ret_bytes, size_t *ret_count,
			       struct hv_err *err)
{
	enum hv_code code;
	MDB_val value;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return store_fail(err, rc, "read the state");
	rc = mdb_get(txn, store->databases[database], &key, &value);
	if (rc == MDB_NOTFOUND)
		code = hv_fail(err, HV_E_NOTFOUND, "no such key in the state");
	else if (rc != 0)
		code = store_fail(err, rc, "read the state");
	else if (value.mv_size < skip)
		code = store_fail(err, MDB_CORRUPTED, "read the state");
	else
		code = copy_value(&value, skip, ret_bytes, ret_count, err);
	mdb_txn_abort(txn);
	return code;
}

enum hv_code store_find_reply(struct journal *journal,
			      const uint8_t key[JOURNAL_KEY_BYTES], uint8_t **ret_bytes,
			      size_t *ret_count, struct hv_err *err)
{
	MDB_val at = { JOURNAL_KEY_BYTES, (void *)key };

	return read_value((struct store *)journal, DATABASE_REPLIES, at, REPLY_HEAD_BYTES,
			  ret_bytes, ret_count, err);
}

static enum hv_code load_record(struct cluster *cluster, enum record_kind kind,
				const MDB_val *key, const MDB_val *value,
				struct hv_err *err)
{
	struct record_key own;
	ProtobufCMessage *message;
	enum hv_code code;

	code = record_decode(kind, value->mv_data, value->mv_size, &message, err);
	if (code != HV_OK)
		return code;
	own = record_key_of(kind, message);
	if (key->mv_size != own.size || memcmp(key->mv_data, own.bytes, own.size) != 0)
		code = hv_fail(err, HV_E_CORRUPT, "a %s record is under another key",
			       record_kind_name(kind));
	if (code == HV_OK)
		code = cluster_load(cluster, kind, message, err);
	if (code != HV_OK)
		record_free(message);
	return code;
}

static enum hv_code load_kind(struct store *store, MDB_txn *txn, enum record_kind kind,
			      struct cluster *cluster, struct hv_err *err)
{
	enum hv_code code = HV_OK;
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = mdb_cursor_open(txn, store->databases[kind], &cursor);

	if (rc != 0)
		return store_fail(err, rc, "read the state");
	while (code == HV_OK &&
	       (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		code = load_record(cluster, kind, &key, &value, err);
	mdb_cursor_close(cursor);
	if (code == HV_OK && rc != MDB_NOTFOUND)
		code = store_fail(err, rc, "read the state");
	return code;
}

static enum hv_code load_numbers(struct store *store, MDB_txn *txn,
				 struct cluster *cluster, struct hv_err *err)
{
	MDB_val key = { strlen(NUMBERS_KEY), (void *)NUMBERS_KEY };
	struct cluster_numbers numbers;
	const uint8_t *at;
	MDB_val value;
	int rc = mdb_get(txn, store->databases[DATABASE_META], &key, &value);

	if (rc == MDB_NOTFOUND)
		return HV_OK; /* a new state */
	if (rc != 0)
		return store_fail(err, rc, "read the state");
	if (value.mv_size != NUMBERS_BYTES)
		return store_fail(err, MDB_CORRUPTED, "read the state");
	at = value.mv_data;
	numbers.revision = hv_be_take(at, 8);
	numbers.epoch = hv_be_take(at + 8, 8);
	numbers.next_id = hv_be_take(at + 16, 8);
	cluster_load_numbers(cluster, &numbers);
	return HV_OK;
}

enum hv_code store_load(struct journal *journal, struct cluster *cluster,
			struct hv_err *err)
{
	struct store *store = (struct store *)journal;
	enum hv_code code;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return store_fail(err, rc, "read the state");
	code = load_numbers(store, txn, cluster, err);
	for (unsigned kind = 0; code == HV_OK && kind < RECORD_KIND_COUNT; kind++)
		code = load_kind(store, txn, (enum record_kind)kind, cluster, err);
	mdb_txn_abort(txn);
	return code;
}

enum hv_code store_read_log(struct store *store, uint64_t revision, uint8_t **ret_bytes,
			    size_t *ret_count, struct hv_err *err)
{
	uint8_t bytes[8];
	MDB_val key = { sizeof(bytes), bytes };

	hv_be_put(bytes, 8, revision);
	return read_value(store, DATABASE_LOG, key, 0, ret_bytes, ret_count, err);
}

enum hv_code store_count(struct store *store, struct store_counts *ret_counts,
			 struct hv_err *err)
{
	struct store_counts counts = { 0 };
	MDB_dbi log = store->databases[DATABASE_LOG];
	MDB_stat stat;
	MDB_val value;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return store_fail(err, rc, "read the state");
	rc = store_edge(txn, log, MDB_FIRST, &counts.log_first, &value);
	if (rc == 0)
		rc = store_edge(txn, log, MDB_LAST, &counts.log_last, &value);
	if (rc == 0)
		rc = mdb_stat(txn, store->databases[DATABASE_REPLIES], &stat);
	mdb_txn_abort(txn);
	if (rc != 0)
		return store_fail(err, rc, "read the state");
	counts.replies = stat.ms_entries;
	*ret_counts = counts;
	return HV_OK;
}
