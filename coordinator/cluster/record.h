/*
 * record - the durable records: their kinds, keys, copies and table.
 *
 * A record is one of the *Record messages of proto/cluster.proto (an event is an
 * Event). Its key is fixed-width: names are padded with NUL to HV_NAME_BYTES,
 * numbers are 8 bytes big-endian, so that memcmp orders keys as LMDB does.
 *
 * Contract
 *   Threads  L.
 *   Memory   a table owns the messages in it. record_table_swap() moves a message
 *            in and moves the one that was there out.
 *   Errors   record_decode() says CORRUPT for bytes that are not such a record.
 */
#ifndef COORDINATOR_CLUSTER_RECORD_H
#define COORDINATOR_CLUSTER_RECORD_H

#include "hvcore/base/units.h"
#include "hvcore/wire/messages.h"

enum record_kind {
	RECORD_HOST,
	RECORD_DEVICE,
	RECORD_LPAR,
	RECORD_DRILL,
	RECORD_JOB,
	RECORD_EVENT,
	RECORD_OP,
	RECORD_USER,
	RECORD_KIND_COUNT
};

#define RECORD_KEY_BYTES (2 * HV_NAME_BYTES)
#define RECORD_TEXT_BYTES 96 /* "device/" and two names */

struct record_key {
	uint8_t bytes[RECORD_KEY_BYTES];
	size_t size; /* the same for all keys of a kind */
};

const char *record_kind_name(enum record_kind kind);
size_t record_key_size(enum record_kind kind);
struct record_key record_key_name(const char *name);
struct record_key record_key_names(const char *host, const char *name);
struct record_key record_key_number(uint64_t number);
struct record_key record_key_of(enum record_kind kind, const ProtobufCMessage *message);
int record_key_compare(const struct record_key *a, const struct record_key *b);

/* "lpar/db1", "device/h1/pd1", "job/17": how LogRecord.removed names a record. */
void record_key_format(enum record_kind kind, const struct record_key *key,
		       char text[RECORD_TEXT_BYTES]);
HV_MUST_USE
enum hv_code record_key_parse(const char *text, enum record_kind *ret_kind,
			      struct record_key *ret_key, struct hv_err *err);

/* NULL only when memory is gone. */
ProtobufCMessage *record_copy(const ProtobufCMessage *message);
void record_free(ProtobufCMessage *message);
/* Do they say the same? NOMEM. */
HV_MUST_USE
enum hv_code record_compare(const ProtobufCMessage *a, const ProtobufCMessage *b,
			    bool *ret_is_same, struct hv_err *err);
HV_MUST_USE
enum hv_code record_decode(enum record_kind kind, const void *bytes, size_t count,
			   ProtobufCMessage **ret_message, struct hv_err *err);

struct record_slot {
	struct record_key key;
	ProtobufCMessage *message;
};

/* Sorted by key. */
struct record_table {
	struct record_slot *slots;
	size_t count;
	size_t room;
};

void record_table_fini(struct record_table *table);
/* After success, `more` further swaps cannot fail. */
HV_MUST_USE
enum hv_code record_table_reserve(struct record_table *table, size_t more,
				  struct hv_err *err);
ProtobufCMessage *record_table_find(const struct record_table *table,
				    const struct record_key *key);
/* First position whose key is not lower. */
size_t record_table_lower(const struct record_table *table, const struct record_key *key);
/* `message` NULL takes the record out. Room for a new key must be reserved. */
ProtobufCMessage *record_table_swap(struct record_table *table,
				    const struct record_key *key,
				    ProtobufCMessage *message);

#endif
