/* store - see store.h. Opening, closing, and what the other files share. */
#include "coordinator/store/store_priv.h"

#include "coordinator/store/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

// clang-format off
static const char *const database_names[DATABASE_COUNT] = {
	[RECORD_HOST] = "hosts", [RECORD_DEVICE] = "devices", [RECORD_LPAR] = "lpars",
	[RECORD_DRILL] = "drills", [RECORD_JOB] = "jobs", [RECORD_EVENT] = "events",
	[RECORD_OP] = "ops", [DATABASE_LOG] = "log", [DATABASE_REPLIES] = "replies",
	[DATABASE_AGES] = "replies_by_age", [DATABASE_META] = "meta",
	[RECORD_USER] = "users",
	[DATABASE_SAMPLES] = "samples", [DATABASE_RINGS] = "sample_rings",
};
// clang-format on

enum hv_code store_fail(struct hv_err *err, int rc, const char *what)
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
	case EIO:
		return hv_fail_os(err, HV_E_IO, rc, "%s: the disk failed, or is full",
				  what);
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

int store_edge(MDB_txn *txn, MDB_dbi database, MDB_cursor_op op, uint64_t *ret_number,
	       MDB_val *ret_value)
{
	MDB_cursor *cursor;
	MDB_val key;
	int rc = mdb_cursor_open(txn, database, &cursor);

	if (rc != 0)
		return rc;
	*ret_number = 0;
	rc = mdb_cursor_get(cursor, &key, ret_value, op);
	if (rc == 0 && key.mv_size == 8)
		*ret_number = hv_be_take(key.mv_data, 8);
	else if (rc == 0)
		rc = MDB_CORRUPTED;
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

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
		rc = store_edge(txn, store->databases[DATABASE_AGES], MDB_LAST,
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
	store->journal = (struct journal){ store_commit, store_find_reply, store_load,
					   store_find_sample };
	store->lock_fd = -1;
	store->limits = (struct store_config){
		.map_bytes = or_else(config->map_bytes, STORE_MAP_BYTES),
		.replies_max = or_else(config->replies_max, JOURNAL_KEYS_MAX),
		.log_max = or_else(config->log_max, JOURNAL_LOG_MAX),
		.reply_ms = or_else(config->reply_ms, JOURNAL_KEY_MS),
		.samples_max = or_else(config->samples_max, JOURNAL_SAMPLES_MAX),
		.sample_bytes = or_else(config->sample_bytes, JOURNAL_SAMPLES_BYTES),
	};
	code = directory_open(config->directory, &store->lock_fd, err);
	if (code == HV_OK) {
		rc = open_environment(store, config->directory);
		if (rc != 0)
			code = store_fail(err, rc, config->directory);
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
