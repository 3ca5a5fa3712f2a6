/*
 * samples - the ring of a host: what was sampled last, and no more than fits.
 *
 *   samples       host (name, padded), time (8), number (8) -> packed sample
 *   sample_rings  host -> how many there are (8), and their bytes (8)
 *
 * Numbers order what one moment has, by event: event << 32, and one more for each. A
 * clock that was set back adds where it says; the oldest by the clock goes first.
 */
#include "coordinator/store/store_priv.h"

#include "hvcore/base/invariant.h"

#include <stdlib.h>
#include <string.h>

#define KEY_BYTES (HV_NAME_BYTES + 16)
#define RING_BYTES 16
#define EVENT_SHIFT 32
#define OVERHEAD_BYTES 64 /* of one entry: key and node, rounded up */

struct sample_key {
	uint8_t bytes[KEY_BYTES];
};

struct ring {
	uint64_t count;
	uint64_t bytes;
};

static void put_host(uint8_t at[HV_NAME_BYTES], const char *host)
{
	size_t n = strnlen(host, HV_NAME_BYTES);

	HV_INVARIANT(n < HV_NAME_BYTES);
	memset(at, 0, HV_NAME_BYTES);
	memcpy(at, host, n);
}

static struct sample_key make_key(const char *host, const struct journal_place *place)
{
	struct sample_key key;

	put_host(key.bytes, host);
	hv_be_put(key.bytes + HV_NAME_BYTES, 8, place->wall_ms);
	hv_be_put(key.bytes + HV_NAME_BYTES + 8, 8, place->number);
	return key;
}

/* Of the same host? Then its place. */
static bool read_key(const MDB_val *key, const char *host,
		     struct journal_place *ret_place)
{
	uint8_t name[HV_NAME_BYTES];
	const uint8_t *at = key->mv_data;

	put_host(name, host);
	if (key->mv_size != KEY_BYTES || memcmp(at, name, sizeof(name)) != 0)
		return false;
	ret_place->wall_ms = hv_be_take(at + HV_NAME_BYTES, 8);
	ret_place->number = hv_be_take(at + HV_NAME_BYTES + 8, 8);
	return true;
}

static int read_ring(struct store *store, MDB_txn *txn, const char *host,
		     struct ring *ret_ring)
{
	uint8_t name[HV_NAME_BYTES];
	MDB_val key = { sizeof(name), name };
	MDB_val value;
	int rc;

	put_host(name, host);
	*ret_ring = (struct ring){ 0 };
	rc = mdb_get(txn, store->databases[DATABASE_RINGS], &key, &value);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc == 0 && value.mv_size != RING_BYTES)
		return MDB_CORRUPTED;
	if (rc != 0)
		return rc;
	ret_ring->count = hv_be_take(value.mv_data, 8);
	ret_ring->bytes = hv_be_take((const uint8_t *)value.mv_data + 8, 8);
	return 0;
}

static int write_ring(struct store *store, MDB_txn *txn, const char *host,
		      const struct ring *ring)
{
	uint8_t name[HV_NAME_BYTES], bytes[RING_BYTES];
	MDB_val key = { sizeof(name), name };
	MDB_val value = { sizeof(bytes), bytes };
	int rc;

	put_host(name, host);
	if (ring->count == 0) {
		rc = mdb_del(txn, store->databases[DATABASE_RINGS], &key, NULL);
		return rc == MDB_NOTFOUND ? 0 : rc;
	}
	hv_be_put(bytes, 8, ring->count);
	hv_be_put(bytes + 8, 8, ring->bytes);
	return mdb_put(txn, store->databases[DATABASE_RINGS], &key, &value, 0);
}

/* To the first at or after the place; MDB_NOTFOUND: there is none of the host. */
static int seek_forward(MDB_cursor *cursor, const struct journal_search *search,
			MDB_val *ret_value, struct journal_place *ret_place)
{
	struct sample_key bytes = make_key(search->host, &search->place);
	MDB_val key = { sizeof(bytes), &bytes };
	int rc = mdb_cursor_get(cursor, &key, ret_value, MDB_SET_RANGE);

	if (rc == 0 && !read_key(&key, search->host, ret_place))
		rc = MDB_NOTFOUND;
	return rc;
}

/* To the last before the place. */
static int seek_back(MDB_cursor *cursor, const struct journal_search *search,
		     MDB_val *ret_value, struct journal_place *ret_place)
{
	struct sample_key bytes = make_key(search->host, &search->place);
	MDB_val key = { sizeof(bytes), &bytes };
	int rc = mdb_cursor_get(cursor, &key, ret_value, MDB_SET_RANGE);

	if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(cursor, &key, ret_value, MDB_LAST);
	else if (rc == 0)
		rc = mdb_cursor_get(cursor, &key, ret_value, MDB_PREV);
	if (rc == 0 && !read_key(&key, search->host, ret_place))
		rc = MDB_NOTFOUND;
	return rc;
}

/* The number that the next one of this moment and event has. */
static int next_number(MDB_cursor *cursor, const struct journal_sample *sample,
		       uint64_t *ret_number)
{
	uint64_t first = (uint64_t)sample->event << EVENT_SHIFT;
	struct journal_search search = {
		.host = sample->host,
		.place = { sample->wall_ms, ((uint64_t)sample->event + 1)
						    << EVENT_SHIFT },
	};
	struct journal_place last;
	MDB_val value;
	int rc = seek_back(cursor, &search, &value, &last);

	*ret_number = first;
	if (rc == 0 && last.wall_ms == sample->wall_ms && last.number >= first)
		*ret_number = last.number + 1;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The oldest ones go until the ring is as large as it may be. */
static int trim(struct store *store, MDB_cursor *cursor, const char *host,
		struct ring *ring)
{
	struct journal_search oldest = { .host = host, .is_forward = true };
	struct journal_place place;
	MDB_val value;

	while (ring->count > store->limits.samples_max ||
	       ring->bytes > store->limits.sample_bytes) {
		int rc = seek_forward(cursor, &oldest, &value, &place);
		uint64_t bytes = rc == 0 ? value.mv_size + OVERHEAD_BYTES : 0;

		if (rc == MDB_NOTFOUND || (rc == 0 && bytes > ring->bytes))
			return MDB_CORRUPTED; /* the ring says that there is more */
		if (rc == 0)
			rc = mdb_cursor_del(cursor, 0);
		if (rc != 0)
			return rc;
		ring->count--;
		ring->bytes -= bytes;
	}
	return 0;
}

static int put_sample(struct store *store, MDB_txn *txn, MDB_cursor *cursor,
		      const struct journal_sample *sample)
{
	struct journal_place place = { .wall_ms = sample->wall_ms };
	MDB_val value = { sample->count, sample->bytes };
	struct sample_key bytes;
	MDB_val key = { sizeof(bytes), &bytes };
	struct ring ring;
	int rc = read_ring(store, txn, sample->host, &ring);

	if (rc == 0)
		rc = next_number(cursor, sample, &place.number);
	if (rc != 0)
		return rc;
	bytes = make_key(sample->host, &place);
	rc = mdb_cursor_put(cursor, &key, &value, MDB_NOOVERWRITE);
	if (rc != 0)
		return rc;
	ring.count++;
	ring.bytes += sample->count + OVERHEAD_BYTES;
	rc = trim(store, cursor, sample->host, &ring);
	return rc == 0 ? write_ring(store, txn, sample->host, &ring) : rc;
}

int store_put_samples(struct store *store, MDB_txn *txn,
		      const struct journal_batch *batch)
{
	MDB_cursor *cursor;
	int rc;

	if (batch->sample_count == 0)
		return 0;
	rc = mdb_cursor_open(txn, store->databases[DATABASE_SAMPLES], &cursor);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < batch->sample_count && rc == 0; i++)
		rc = put_sample(store, txn, cursor, &batch->samples[i]);
	mdb_cursor_close(cursor);
	return rc;
}

int store_drop_samples(struct store *store, MDB_txn *txn, const char *host)
{
	struct journal_search oldest = { .host = host, .is_forward = true };
	struct journal_place place;
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(txn, store->databases[DATABASE_SAMPLES], &cursor);

	if (rc != 0)
		return rc;
	while ((rc = seek_forward(cursor, &oldest, &value, &place)) == 0 &&
	       (rc = mdb_cursor_del(cursor, 0)) == 0)
		continue;
	mdb_cursor_close(cursor);
	if (rc == MDB_NOTFOUND)
		rc = write_ring(store, txn, host, &(struct ring){ 0 });
	return rc;
}

static bool is_wanted(const struct journal_search *search,
		      const struct journal_place *place)
{
	uint64_t event = place->number >> EVENT_SHIFT;

	return event < 32 && (search->events & UINT32_C(1) << event) != 0;
}

/* A step is no allocation and no copy; a ring bounds how many there are. */
static int find(MDB_cursor *cursor, const struct journal_search *search,
		struct journal_place *ret_place, MDB_val *ret_value)
{
	MDB_cursor_op next = search->is_forward ? MDB_NEXT : MDB_PREV;
	int rc = search->is_forward ? seek_forward(cursor, search, ret_value, ret_place)
				    : seek_back(cursor, search, ret_value, ret_place);

	while (rc == 0 && !is_wanted(search, ret_place)) {
		MDB_val key;

		rc = mdb_cursor_get(cursor, &key, ret_value, next);
		if (rc == 0 && !read_key(&key, search->host, ret_place))
			rc = MDB_NOTFOUND;
	}
	return rc;
}

static enum hv_code copy(const MDB_val *value, uint8_t **ret_bytes, size_t *ret_count,
			 struct hv_err *err)
{
	uint8_t *bytes = malloc(value->mv_size + 1);

	if (bytes == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a sample");
	memcpy(bytes, value->mv_data, value->mv_size);
	*ret_bytes = bytes;
	*ret_count = value->mv_size;
	return HV_OK;
}

enum hv_code store_find_sample(struct journal *journal,
			       const struct journal_search *search,
			       struct journal_place *ret_place, uint8_t **ret_bytes,
			       size_t *ret_count, struct hv_err *err)
{
	struct store *store = (struct store *)journal;
	struct journal_place place;
	enum hv_code code = HV_OK;
	MDB_cursor *cursor;
	MDB_val value;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return store_fail(err, rc, "read the samples");
	rc = mdb_cursor_open(txn, store->databases[DATABASE_SAMPLES], &cursor);
	if (rc == 0) {
		rc = find(cursor, search, &place, &value);
		if (rc == 0)
			code = copy(&value, ret_bytes, ret_count, err);
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	if (rc == MDB_NOTFOUND)
		return hv_fail(err, HV_E_NOTFOUND, "no such sample");
	if (rc != 0)
		return store_fail(err, rc, "read the samples");
	if (code == HV_OK)
		*ret_place = place;
	return code;
}
