/* memory_journal - see memory_journal.h. Memory from here never fails a test run. */
#include "tests/support/memory_journal.h"

#include "hvcore/base/invariant.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *at)
{
	HV_INVARIANT(at != NULL);
	return at;
}

static uint8_t *copy_bytes(const uint8_t *bytes, size_t count)
{
	uint8_t *copy = must(malloc(count + 1));

	memcpy(copy, bytes, count);
	return copy;
}

static size_t lower(const struct kept_table *table, const struct record_key *key)
{
	size_t at = 0;

	while (at < table->count && record_key_compare(&table->records[at].key, key) < 0)
		at++;
	return at;
}

static void put(struct kept_table *table, const struct record_key *key,
		const ProtobufCMessage *message)
{
	size_t at = lower(table, key);
	bool is_there = at < table->count &&
			record_key_compare(&table->records[at].key, key) == 0;
	struct kept_record *record;

	if (is_there) {
		free(table->records[at].bytes);
		table->count--;
		memmove(&table->records[at], &table->records[at + 1],
			(table->count - at) * sizeof(*table->records));
	}
	if (message == NULL)
		return;
	table->records = must(
		realloc(table->records, (table->count + 1) * sizeof(*table->records)));
	record = &table->records[at];
	memmove(record + 1, record, (table->count - at) * sizeof(*record));
	table->count++;
	record->key = *key;
	record->count = protobuf_c_message_get_packed_size(message);
	record->bytes = must(malloc(record->count + 1));
	(void)protobuf_c_message_pack(message, record->bytes);
}

static void keep_log(struct memory_journal *journal, const struct journal_log *log)
{
	struct journal_log *logs = must(realloc(
		journal->logs, (journal->log_count + 1) * sizeof(*journal->logs)));

	journal->logs = logs;
	logs[journal->log_count] = *log;
	logs[journal->log_count].bytes = copy_bytes(log->bytes, log->count);
	journal->log_count++;
}

static void keep_reply(struct memory_journal *journal, const struct journal_reply *reply)
{
	struct journal_reply *replies =
		must(realloc(journal->replies,
			     (journal->reply_count + 1) * sizeof(*journal->replies)));

	journal->replies = replies;
	replies[journal->reply_count] = *reply;
	replies[journal->reply_count].bytes = copy_bytes(reply->bytes, reply->count);
	journal->reply_count++;
}

static void make_room(struct memory_journal *journal)
{
	size_t room = journal->sample_room > 0 ? 2 * journal->sample_room : 16;

	if (journal->sample_count < journal->sample_room)
		return;
	journal->samples =
		must(realloc(journal->samples, room * sizeof(*journal->samples)));
	journal->sample_room = room;
}

static void keep_sample(struct memory_journal *journal,
			const struct journal_sample *sample)
{
	struct kept_sample *kept;

	make_room(journal);
	kept = &journal->samples[journal->sample_count];
	kept->sample = *sample;
	kept->sample.bytes = copy_bytes(sample->bytes, sample->count);
	kept->place = (struct journal_place){
		sample->wall_ms, (uint64_t)sample->event << 32 | journal->sample_count
	};
	journal->sample_count++;
}

static void drop_samples(struct memory_journal *journal, const char *host)
{
	size_t kept = 0;

	for (size_t i = 0; i < journal->sample_count; i++) {
		if (host != NULL && strcmp(journal->samples[i].sample.host, host) != 0)
			journal->samples[kept++] = journal->samples[i];
		else
			free(journal->samples[i].sample.bytes);
	}
	journal->sample_count = kept;
}

static int compare_places(const struct journal_place *a, const struct journal_place *b)
{
	if (a->wall_ms != b->wall_ms)
		return a->wall_ms < b->wall_ms ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static bool is_better(const struct kept_sample *kept, const struct kept_sample *best,
		      const struct journal_search *search)
{
	int to_place = compare_places(&kept->place, &search->place);

	if ((search->events & 1u << kept->sample.event) == 0 ||
	    (search->is_forward ? to_place < 0 : to_place >= 0))
		return false;
	if (best != NULL &&
	    (compare_places(&kept->place, &best->place) < 0) != search->is_forward)
		return false;
	return strcmp(kept->sample.host, search->host) == 0; /* of all this takes most */
}

static enum hv_code find_sample(struct journal *base, const struct journal_search *search,
				struct journal_place *ret_place, uint8_t **ret_bytes,
				size_t *ret_count, struct hv_err *err)
{
	struct memory_journal *journal = (struct memory_journal *)base;
	const struct kept_sample *best = NULL;

	for (size_t i = 0; i < journal->sample_count; i++)
		if (is_better(&journal->samples[i], best, search))
			best = &journal->samples[i];
	if (best == NULL)
		return HV_E_NOTFOUND;
	*ret_bytes = malloc(best->sample.count + 1);
	if (*ret_bytes == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a sample");
	memcpy(*ret_bytes, best->sample.bytes, best->sample.count);
	*ret_count = best->sample.count;
	*ret_place = best->place;
	return HV_OK;
}

static enum hv_code commit(struct journal *base, const struct journal_batch *batch,
			   struct hv_err *err)
{
	struct memory_journal *journal = (struct memory_journal *)base;
	const struct cluster *cluster = batch->cluster;

	if (journal->fail_in != 0 && --journal->fail_in == 0)
		return hv_fail(err, journal->fail_code, "the journal was told to fail");
	for (size_t i = 0; i < cluster->change_count; i++) {
		const struct cluster_change *change = &cluster->changes[i];

		put(&journal->tables[change->kind], &change->key,
		    record_table_find(&cluster->tables[change->kind], &change->key));
		if (change->kind == RECORD_HOST &&
		    record_table_find(&cluster->tables[RECORD_HOST], &change->key) ==
			    NULL)
			drop_samples(journal, (const char *)change->key.bytes);
	}
	for (size_t i = 0; i < batch->sample_count; i++)
		keep_sample(journal, &batch->samples[i]);
	for (size_t i = 0; i < batch->log_count; i++)
		keep_log(journal, &batch->logs[i]);
	for (size_t i = 0; i < batch->reply_count; i++)
		keep_reply(journal, &batch->replies[i]);
	journal->numbers = cluster->now;
	journal->commits++;
	return HV_OK;
}

static enum hv_code find_reply(struct journal *base, const uint8_t key[JOURNAL_KEY_BYTES],
			       uint8_t **ret_bytes, size_t *ret_count, struct hv_err *err)
{
	struct memory_journal *journal = (struct memory_journal *)base;

	for (size_t i = 0; i < journal->reply_count; i++) {
		const struct journal_reply *reply = &journal->replies[i];

		if (memcmp(reply->key, key, JOURNAL_KEY_BYTES) != 0)
			continue;
		*ret_bytes = malloc(reply->count + 1);
		if (*ret_bytes == NULL)
			return hv_fail(err, HV_E_NOMEM, "no memory for a reply");
		memcpy(*ret_bytes, reply->bytes, reply->count);
		*ret_count = reply->count;
		return HV_OK;
	}
	return HV_E_NOTFOUND;
}

static enum hv_code load(struct journal *base, struct cluster *cluster,
			 struct hv_err *err)
{
	struct memory_journal *journal = (struct memory_journal *)base;

	for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
		for (size_t i = 0; i < journal->tables[kind].count; i++) {
			const struct kept_record *record =
				&journal->tables[kind].records[i];
			ProtobufCMessage *message;
			enum hv_code code = record_decode((enum record_kind)kind,
							  record->bytes, record->count,
							  &message, err);

			if (code != HV_OK)
				return code;
			code = cluster_load(cluster, (enum record_kind)kind, message,
					    err);
			if (code != HV_OK) {
				record_free(message);
				return code;
			}
		}
	}
	cluster_load_numbers(cluster, &journal->numbers);
	return HV_OK;
}

void memory_journal_open(struct memory_journal *journal)
{
	*journal = (struct memory_journal){ .journal = { commit, find_reply, load,
							 find_sample },
					    .fail_code = HV_E_NOSPC };
}

void memory_journal_close(struct memory_journal *journal)
{
	for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
		for (size_t i = 0; i < journal->tables[kind].count; i++)
			free(journal->tables[kind].records[i].bytes);
		free(journal->tables[kind].records);
	}
	for (size_t i = 0; i < journal->log_count; i++)
		free(journal->logs[i].bytes);
	for (size_t i = 0; i < journal->reply_count; i++)
		free(journal->replies[i].bytes);
	drop_samples(journal, NULL);
	free(journal->samples);
	free(journal->logs);
	free(journal->replies);
}

void memory_journal_replay(const struct memory_journal *journal, struct cluster *cluster)
{
	cluster_init(cluster);
	for (size_t i = 0; i < journal->log_count; i++) {
		Tarn__LogRecord *log = must(tarn__log_record__unpack(
			NULL, journal->logs[i].count, journal->logs[i].bytes));
		enum hv_code code = cluster_apply(cluster, log, NULL);

		HV_INVARIANT(code == HV_OK);
		cluster_commit(cluster);
		tarn__log_record__free_unpacked(log, NULL);
	}
}

static bool is_same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t count = protobuf_c_message_get_packed_size(a);
	uint8_t *left = must(malloc(count + 1));
	uint8_t *right = must(malloc(count + 1));
	bool same = count == protobuf_c_message_get_packed_size(b);

	if (same) {
		(void)protobuf_c_message_pack(a, left);
		(void)protobuf_c_message_pack(b, right);
		same = memcmp(left, right, count) == 0;
	}
	free(left);
	free(right);
	return same;
}

bool cluster_is_same(const struct cluster *a, const struct cluster *b)
{
	if (a->now.revision != b->now.revision || a->now.epoch != b->now.epoch ||
	    a->now.next_id != b->now.next_id)
		return false;
	for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
		const struct record_table *left = &a->tables[kind];
		const struct record_table *right = &b->tables[kind];

		if (left->count != right->count)
			return false;
		for (size_t i = 0; i < left->count; i++) {
			if (record_key_compare(&left->slots[i].key,
					       &right->slots[i].key) != 0 ||
			    !is_same(left->slots[i].message, right->slots[i].message))
				return false;
		}
	}
	return true;
}
