/* record - see record.h. */
#include "coordinator/cluster/record.h"

#include "hvcore/base/bytes.h"
#include "hvcore/base/invariant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 8

struct kind {
	const char *name;
	const ProtobufCMessageDescriptor *descriptor;
	size_t key_size;
};

// clang-format off
static const struct kind kinds[RECORD_KIND_COUNT] = {
	[RECORD_HOST]   = { "host",   &tarn__host_record__descriptor,    HV_NAME_BYTES },
	[RECORD_DEVICE] = { "device", &tarn__device_record__descriptor,  2 * HV_NAME_BYTES },
	[RECORD_LPAR]   = { "lpar",   &tarn__lpar_record__descriptor,    HV_NAME_BYTES },
	[RECORD_DRILL]  = { "drill",  &tarn__drill_record__descriptor,   NUMBER_BYTES },
	[RECORD_JOB]    = { "job",    &tarn__job_record__descriptor,     NUMBER_BYTES },
	[RECORD_EVENT]  = { "event",  &tarn__event__descriptor,          NUMBER_BYTES },
	[RECORD_OP]     = { "op",     &tarn__host_op_record__descriptor, NUMBER_BYTES },
	[RECORD_USER]   = { "user",   &tarn__user_record__descriptor,    HV_NAME_BYTES },
};
// clang-format on

const char *record_kind_name(enum record_kind kind)
{
	return kinds[kind].name;
}

size_t record_key_size(enum record_kind kind)
{
	return kinds[kind].key_size;
}

static void put_name(uint8_t *at, const char *name)
{
	size_t n = strnlen(name, HV_NAME_BYTES);

	HV_INVARIANT(n < HV_NAME_BYTES);
	memcpy(at, name, n);
}

struct record_key record_key_name(const char *name)
{
	struct record_key key = { .size = HV_NAME_BYTES };

	put_name(key.bytes, name);
	return key;
}

struct record_key record_key_names(const char *host, const char *name)
{
	struct record_key key = { .size = 2 * (size_t)HV_NAME_BYTES };

	put_name(key.bytes, host);
	put_name(key.bytes + HV_NAME_BYTES, name);
	return key;
}

struct record_key record_key_number(uint64_t number)
{
	struct record_key key = { .size = NUMBER_BYTES };

	hv_be_put(key.bytes, NUMBER_BYTES, number);
	return key;
}

struct record_key record_key_of(enum record_kind kind, const ProtobufCMessage *message)
{
	const Tarn__DeviceRecord *device;

	switch (kind) {
	case RECORD_HOST:
		return record_key_name(((const Tarn__HostRecord *)message)->name);
	case RECORD_DEVICE:
		device = (const Tarn__DeviceRecord *)message;
		return record_key_names(device->host, device->device->name);
	case RECORD_LPAR:
		return record_key_name(((const Tarn__LparRecord *)message)->spec->name);
	case RECORD_DRILL:
		return record_key_number(((const Tarn__DrillRecord *)message)->number);
	case RECORD_JOB:
		return record_key_number(((const Tarn__JobRecord *)message)->id);
	case RECORD_EVENT:
		return record_key_number(((const Tarn__Event *)message)->number);
	case RECORD_OP:
		return record_key_number(((const Tarn__HostOpRecord *)message)->op->id);
	case RECORD_USER:
		return record_key_name(((const Tarn__UserRecord *)message)->name);
	default:
		HV_UNREACHABLE("record kind");
	}
}

int record_key_compare(const struct record_key *a, const struct record_key *b)
{
	HV_INVARIANT(a->size == b->size);
	return memcmp(a->bytes, b->bytes, a->size);
}

void record_key_format(enum record_kind kind, const struct record_key *key,
		       char text[RECORD_TEXT_BYTES])
{
	const char *name = kinds[kind].name;
	const char *first = (const char *)key->bytes;

	if (kinds[kind].key_size == NUMBER_BYTES)
		(void)snprintf(text, RECORD_TEXT_BYTES, "%s/%llu", name,
			       (unsigned long long)hv_be_take(key->bytes, NUMBER_BYTES));
	else if (kinds[kind].key_size == HV_NAME_BYTES)
		(void)snprintf(text, RECORD_TEXT_BYTES, "%s/%.31s", name, first);
	else
		(void)snprintf(text, RECORD_TEXT_BYTES, "%s/%.31s/%.31s", name, first,
			       first + HV_NAME_BYTES);
}

static bool kind_of_text(const char *text, size_t length, enum record_kind *ret_kind)
{
	for (unsigned i = 0; i < RECORD_KIND_COUNT; i++) {
		if (strlen(kinds[i].name) == length &&
		    memcmp(kinds[i].name, text, length) == 0) {
			*ret_kind = (enum record_kind)i;
			return true;
		}
	}
	return false;
}

static bool key_of_text(enum record_kind kind, const char *text,
			struct record_key *ret_key)
{
	char host[HV_NAME_BYTES];
	const char *slash = strchr(text, '/');
	uint64_t number;

	if (kinds[kind].key_size == NUMBER_BYTES) {
		if (hv_u64_parse(text, UINT64_MAX, &number, NULL) != HV_OK)
			return false;
		*ret_key = record_key_number(number);
		return true;
	}
	if (kinds[kind].key_size == HV_NAME_BYTES) {
		if (!hv_name_is_valid(text))
			return false;
		*ret_key = record_key_name(text);
		return true;
	}
	if (slash == NULL || slash - text >= HV_NAME_BYTES)
		return false;
	(void)snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
	if (!hv_name_is_valid(host) || !hv_name_is_valid(slash + 1))
		return false;
	*ret_key = record_key_names(host, slash + 1);
	return true;
}

enum hv_code record_key_parse(const char *text, enum record_kind *ret_kind,
			      struct record_key *ret_key, struct hv_err *err)
{
	const char *slash = strchr(text, '/');
	enum record_kind kind;

	if (slash == NULL || !kind_of_text(text, (size_t)(slash - text), &kind) ||
	    !key_of_text(kind, slash + 1, ret_key))
		return hv_fail(err, HV_E_CORRUPT, "'%.64s' does not name a record", text);
	*ret_kind = kind;
	return HV_OK;
}

ProtobufCMessage *record_copy(const ProtobufCMessage *message)
{
	size_t count = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = malloc(count + 1);
	ProtobufCMessage *copy;

	if (bytes == NULL)
		return NULL;
	(void)protobuf_c_message_pack(message, bytes);
	copy = protobuf_c_message_unpack(message->descriptor, NULL, count, bytes);
	free(bytes);
	return copy;
}

enum hv_code record_compare(const ProtobufCMessage *a, const ProtobufCMessage *b,
			    bool *ret_is_same, struct hv_err *err)
{
	size_t count = protobuf_c_message_get_packed_size(a);
	bool is_same = protobuf_c_message_get_packed_size(b) == count;
	uint8_t *bytes = malloc(2 * count + 1);

	if (bytes == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory to compare two records");
	if (is_same) {
		(void)protobuf_c_message_pack(a, bytes);
		(void)protobuf_c_message_pack(b, bytes + count);
		is_same = memcmp(bytes, bytes + count, count) == 0;
	}
	free(bytes);
	*ret_is_same = is_same;
	return HV_OK;
}

void record_free(ProtobufCMessage *message)
{
	if (message != NULL)
		protobuf_c_message_free_unpacked(message, NULL);
}

/* The names that become keys; everything else is bounded where it came in. */
static bool has_valid_names(enum record_kind kind, const ProtobufCMessage *message)
{
	const Tarn__DeviceRecord *device;

	switch (kind) {
	case RECORD_HOST:
		return hv_name_is_valid(((const Tarn__HostRecord *)message)->name);
	case RECORD_DEVICE:
		device = (const Tarn__DeviceRecord *)message;
		return hv_name_is_valid(device->host) &&
		       hv_name_is_valid(device->device->name);
	case RECORD_LPAR:
		return hv_name_is_valid(((const Tarn__LparRecord *)message)->spec->name);
	case RECORD_USER:
		return hv_name_is_valid(((const Tarn__UserRecord *)message)->name);
	default:
		return true;
	}
}

/* protobuf-c says NULL for bad bytes and for no memory: this tells them apart. */
static void *note_alloc(void *is_out, size_t bytes)
{
	void *at = malloc(bytes);

	if (at == NULL)
		*(bool *)is_out = true;
	return at;
}

static void note_free(void *is_out, void *at)
{
	(void)is_out;
	free(at);
}

enum hv_code record_decode(enum record_kind kind, const void *bytes, size_t count,
			   ProtobufCMessage **ret_message, struct hv_err *err)
{
	bool is_out = false;
	ProtobufCAllocator allocator = { note_alloc, note_free, &is_out };
	ProtobufCMessage *message;

	message = protobuf_c_message_unpack(kinds[kind].descriptor, &allocator, count,
					    bytes);
	if (message == NULL && is_out)
		return hv_fail(err, HV_E_NOMEM, "no memory for a %s record",
			       kinds[kind].name);
	if (message == NULL)
		return hv_fail(err, HV_E_CORRUPT, "%zu bytes are not a %s record", count,
			       kinds[kind].name);
	if (!has_valid_names(kind, message)) {
		record_free(message);
		return hv_fail(err, HV_E_CORRUPT, "a %s record has no valid name",
			       kinds[kind].name);
	}
	*ret_message = message;
	return HV_OK;
}

void record_table_fini(struct record_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		record_free(table->slots[i].message);
	free(table->slots);
	*table = (struct record_table){ 0 };
}

enum hv_code record_table_reserve(struct record_table *table, size_t more,
				  struct hv_err *err)
{
	size_t room = table->room != 0 ? table->room : 16;
	struct record_slot *slots;

	while (room < table->count + more)
		room *= 2;
	if (room == table->room)
		return HV_OK;
	slots = realloc(table->slots, room * sizeof(*slots));
	if (slots == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for %zu records", room);
	table->slots = slots;
	table->room = room;
	return HV_OK;
}

size_t record_table_lower(const struct record_table *table, const struct record_key *key)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (record_key_compare(&table->slots[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct record_table *table, size_t at,
		  const struct record_key *key)
{
	return at < table->count && record_key_compare(&table->slots[at].key, key) == 0;
}

ProtobufCMessage *record_table_find(const struct record_table *table,
				    const struct record_key *key)
{
	size_t at = record_table_lower(table, key);

	return is_at(table, at, key) ? table->slots[at].message : NULL;
}

static void insert_at(struct record_table *table, size_t at, const struct record_key *key,
		      ProtobufCMessage *message)
{
	HV_INVARIANT(table->count < table->room);
	memmove(&table->slots[at + 1], &table->slots[at],
		(table->count - at) * sizeof(*table->slots));
	table->slots[at] = (struct record_slot){ .key = *key, .message = message };
	table->count++;
}

static void remove_at(struct record_table *table, size_t at)
{
	table->count--;
	memmove(&table->slots[at], &table->slots[at + 1],
		(table->count - at) * sizeof(*table->slots));
}

ProtobufCMessage *record_table_swap(struct record_table *table,
				    const struct record_key *key,
				    ProtobufCMessage *message)
{
	size_t at = record_table_lower(table, key);
	ProtobufCMessage *old = NULL;

	if (is_at(table, at, key)) {
		old = table->slots[at].message;
		if (message != NULL)
			table->slots[at].message = message;
		else
			remove_at(table, at);
	} else if (message != NULL) {
		insert_at(table, at, key, message);
	}
	return old;
}
