/*
 * message_rules - what a text or list of a message may be, where the default is not
 * enough: names, paths, keys of a size, lists of a length.
 *
 * Contract
 *   Threads  any; the table is constant.
 */
#ifndef HVCORE_WIRE_MESSAGE_RULES_H
#define HVCORE_WIRE_MESSAGE_RULES_H

#include "hvcore/wire/messages.h"

enum rule_kind {
	RULE_TEXT,          /* at most HV_TEXT_MAX, no control characters */
	RULE_NAME,          /* hv_name_is_valid */
	RULE_NAME_OR_EMPTY, /* "" has a meaning there */
	RULE_PATH,          /* absolute */
	RULE_BYTES,         /* exactly `limit` bytes */
	RULE_BYTES_MAX,     /* at most `limit` bytes */
	RULE_LIST,          /* at most `limit` elements */
	RULE_NAME_LIST,
};

struct message_rule {
	const ProtobufCMessageDescriptor *message;
	const char *field;
	enum rule_kind kind;
	size_t limit;
};

/* NULL: the default. */
const struct message_rule *message_rule_find(const ProtobufCMessageDescriptor *message,
					     const char *field);

#endif
