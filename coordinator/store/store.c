/* store - see store.h. The only file that includes <lmdb.h>. */
#include "coordinator/store/store.h"

#include "coordinator/store/directory.h"
#include "hvcore/base/invariant.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum database {
	DATABASE_LOG = RECORD_KIND_COUNT, /* the first ones are the kinds of records */
	DATABASE_REPLIES,
	DATABASE_AGES,
	DATABASE_META,
	DATABASE_COUNT
};

// clang-format off
static const char *const database_names[DATABASE_COUNT] = {
	[RECORD_HOST] = "hosts", [RECORD_DEVICE] = "devices", [RECORD_LPAR] = "lpars",
	[RECORD_DRILL] = "drills", [RECORD_JOB] = "jobs", [RECORD_EVENT] = "events",
	[RECORD_OP] = "ops", [DATABASE_LOG] = "log", [DATABASE_REPLIES] = "replies",
	[DATABASE_AGES] = "replies_by_age", [DATABASE_META] = "meta",
};
// clang-format on

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

static enum hv_code fail(struct hv_err *err, int rc, const char *what)
{
	switch (rc) {
	case MDB_MAP_FULL:
		return hv_fail(
			err, HV_E_NOSPC,
			"%s: the state is as large as it may be; nothing was changed",
			what);
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return hv_fail_os(err, HV_E_NOSPC, rc, "%s: nothing was changed", what);
	case ENOMEM:
		return hv_fail_os(err, HV_E_NOMEM, rc, "%s: nothing was changed", what);
	case MDB_PANIC:
		return hv_fail(
			err, HV_E_IO,
			"%s: the state's disk failed before; restart the coordinator",
			what);
	case MDB_CORRUPTED:
	case MDB_INVALID:
	case MDB_PAGE_NOTFOUND:
	case MDB_VERSION_MISMATCH:
		return hv_fail(err, HV_E_CORRUPT, "%s: %s", what, mdb_strerror(rc));
	default:
		return hv_fail(err, HV_E_IO, "%s: %s", what, mdb_strerror(rc));
	}
}

static void put_u64(uint8_t *at, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (8 * (7 - i)));
}

static uint64_t get_u64(const uint8_t *at)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

/* --- commit ------------------------------------------------------------------ */

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

	put_u64(bytes, numbers->revision);
	put_u64(bytes + 8, numbers->epoch);
	put_u64(bytes + 16, numbers->next_id);
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

		put_u64(revision, log->revision);
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
	put_u64(at, number);
	put_u64(at + 8, wall_ms);
	memcpy(at + REPLY_HEAD_BYTES, reply->bytes, reply->count);
	put_u64(age, number);
	return mdb_put(txn, store->databases[DATABASE_AGES], &age_key, &key, MDB_APPEND);
}

/* First number in a database keyed by numbers; 0 when empty. */
static int first_number(MDB_txn *txn, MDB_dbi database, MDB_cursor_op op,
			uint64_t *ret_number, MDB_val *ret_value)
{
	MDB_cursor *cursor;
	MDB_val key;
	int rc = mdb_cursor_open(txn, database, &cursor);

	if (rc != 0)
		return rc;
	*ret_number = 0;
	rc = mdb_cursor_get(cursor, &key, ret_value, op);
	if (rc == 0 && key.mv_size == 8)
		*ret_number = get_u64(key.mv_data);
	else if (rc == 0)
		rc = MDB_CORRUPTED;
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int delete_number(MDB_txn *txn, MDB_dbi database, uint64_t number)
{
	uint8_t bytes[8];
	MDB_val key = { sizeof(bytes), bytes };

	put_u64(bytes, number);
	return mdb_del(txn, database, &key, NULL);
}

static int trim_log(struct store *store, MDB_txn *txn, uint64_t newest)
{
	MDB_dbi database = store->databases[DATABASE_LOG];

	for (unsigned i = 0; i < JOURNAL_TRIM_MAX; i++) {
		MDB_val value;
		uint64_t oldest;
		int rc = first_number(txn, database, MDB_FIRST, &oldest, &value);

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
	since = get_u64((const uint8_t *)value.mv_data + 8);
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
		int rc = first_number(txn, store->databases[DATABASE_AGES], MDB_FIRST,
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

static enum hv_code commit(struct journal *journal, const struct journal_batch *batch,
			   struct hv_err *err)
{
	struct store *store = (struct store *)journal;
	uint64_t reply_number = store->reply_number;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

	if (rc != 0)
		return fail(err, rc, "write the state");
	rc = write_batch(store, txn, batch);
	if (rc == 0)
		rc = mdb_txn_commit(txn); /* frees txn in any case */
	else
		mdb_txn_abort(txn);
	if (rc != 0) {
		store->reply_number = reply_number;
		return fail(err, rc, "write the state");
	}
	return HV_OK;
}

/* --- read -------------------------------------------------------------------- */

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
		return fail(err, rc, "read the state");
	rc = mdb_get(txn, store->databases[database], &key, &value);
	if (rc == MDB_NOTFOUND)
		code = hv_fail(err, HV_E_NOTFOUND, "no such key in the state");
	else if (rc != 0)
		code = fail(err, rc, "read the state");
	else if (value.mv_size < skip)
		code = fail(err, MDB_CORRUPTED, "read the state");
	else
		code = copy_value(&value, skip, ret_bytes, ret_count, err);
	mdb_txn_abort(txn);
	return code;
}

static enum hv_code find_reply(struct journal *journal,
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
		return fail(err, rc, "read the state");
	while (code == HV_OK &&
	       (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		code = load_record(cluster, kind, &key, &value, err);
	mdb_cursor_close(cursor);
	if (code == HV_OK && rc != MDB_NOTFOUND)
		code = fail(err, rc, "read the state");
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
		return fail(err, rc, "read the state");
	if (value.mv_size != NUMBERS_BYTES)
		return fail(err, MDB_CORRUPTED, "read the state");
	at = value.mv_data;
	numbers.revision = get_u64(at);
	numbers.epoch = get_u64(at + 8);
	numbers.next_id = get_u64(at + 16);
	cluster_load_numbers(cluster, &numbers);
	return HV_OK;
}

static enum hv_code load(struct journal *journal, struct cluster *cluster,
			 struct hv_err *err)
{
	struct store *store = (struct store *)journal;
	enum hv_code code;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return fail(err, rc, "read the state");
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

	put_u64(bytes, revision);
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
		return fail(err, rc, "read the state");
	rc = first_number(txn, log, MDB_FIRST, &counts.log_first, &value);
	if (rc == 0)
		rc = first_number(txn, log, MDB_LAST, &counts.log_last, &value);
	if (rc == 0)
		rc = mdb_stat(txn, store->databases[DATABASE_REPLIES], &stat);
	mdb_txn_abort(txn);
	if (rc != 0)
		return fail(err, rc, "read the state");
	counts.replies = stat.ms_entries;
	*ret_counts = counts;
	return HV_OK;
}

/* --- open and close ---------------------------------------------------------- */

static int open_databases(struct store *store)
{
	MDB_val value;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	for (unsigned i = 0; i < DATABASE_COUNT && rc == 0; i++)
		rc = mdb_dbi_open(txn, database_names[i], MDB_CREATE,
				  &store->databases[i]);
	if (rc == 0)
		rc = first_number(txn, store->databases[DATABASE_AGES], MDB_LAST,
				  &store->reply_number, &value);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

static int open_environment(struct store *store, const char *directory)
{
	int dead;
	int rc = mdb_env_create(&store->env);

	if (rc != 0)
		return rc;
	rc = mdb_env_set_mapsize(store->env, store->limits.map_bytes);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(store->env, DATABASE_COUNT);
	/* No thread-local reader slots: all readers are on L and end at once. */
	if (rc == 0)
		rc = mdb_env_open(store->env, directory, MDB_NOTLS, 0600);
	if (rc == 0)
		rc = mdb_reader_check(store->env, &dead);
	if (rc == 0)
		rc = open_databases(store);
	return rc;
}

static uint64_t or_else(uint64_t value, uint64_t otherwise)
{
	return value != 0 ? value : otherwise;
}

enum hv_code store_open(const struct store_config *config, struct store **ret_store,
			struct hv_err *err)
{
	struct store *store = calloc(1, sizeof(*store));
	enum hv_code code;
	int rc;

	if (store == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the store");
	store->journal = (struct journal){ commit, find_reply, load };
	store->lock_fd = -1;
	store->limits = (struct store_config){
		.map_bytes = or_else(config->map_bytes, STORE_MAP_BYTES),
		.replies_max = or_else(config->replies_max, JOURNAL_KEYS_MAX),
		.log_max = or_else(config->log_max, JOURNAL_LOG_MAX),
		.reply_ms = or_else(config->reply_ms, JOURNAL_KEY_MS),
	};
	code = directory_open(config->directory, &store->lock_fd, err);
	if (code == HV_OK) {
		rc = open_environment(store, config->directory);
		if (rc != 0)
			code = fail(err, rc, config->directory);
	}
	if (code != HV_OK) {
		store_close(store);
		return code;
	}
	*ret_store = store;
	return HV_OK;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->env != NULL)
		mdb_env_close(store->env);
	if (store->lock_fd >= 0)
		(void)close(store->lock_fd);
	free(store);
}

struct journal *store_journal(struct store *store)
{
	return &store->journal;
}

enum hv_code store_check(const char *directory, struct hv_err *err)
{
	return directory_check(directory, err);
}
