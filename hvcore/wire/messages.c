/*
 * messages - see messages.h.
 *
 * Decoding is unpacking with a memory budget, then one walk over the message by
 * its descriptor. The walk checks every enum, text and list against a default and
 * against the first rule of message_rules.h on message and field. It recurses
 * only as deep as message types nest, and no type contains itself (tests/lint).
 */
#include "hvcore/wire/messages.h"

#include "hvcore/base/units.h"
#include "hvcore/wire/lpar_profile.h"
#include "hvcore/wire/message_rules.h"
#include "hvcore/wire/messages_priv.h"
#include "hvcore/wire/user.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 511 /* HV_PATH_BYTES less the NUL */

struct budget {
	size_t left;
	bool is_over;     /* the message wants more than HV_MESSAGE_MEMORY_MAX */
	bool is_starving; /* malloc failed */
};

/* Compatible with free(): what is decoded needs no allocator to be freed. */
static void *budget_alloc(void *data, size_t bytes)
{
	struct budget *budget = data;
	void *at;

	if (bytes > budget->left) {
		budget->is_over = true;
		return NULL;
	}
	budget->left -= bytes;
	at = malloc(bytes);
	if (at == NULL)
		budget->is_starving = true;
	return at;
}

static void budget_free(void *data, void *at)
{
	(void)data;
	free(at);
}

static enum hv_code fail_field(struct hv_err *err, enum hv_code code,
			       const ProtobufCMessageDescriptor *message,
			       const ProtobufCFieldDescriptor *field, const char *what)
{
	return hv_fail(err, code, "%s.%s: %s", message->short_name, field->name, what);
}

static enum hv_code check_string(const ProtobufCMessageDescriptor *message,
				 const ProtobufCFieldDescriptor *field,
				 enum rule_kind kind, const char *text,
				 struct hv_err *err)
{
	if (text == NULL)
		return HV_OK; /* optional and absent */
	if (strnlen(text, HV_TEXT_MAX + 1) > HV_TEXT_MAX)
		return fail_field(err, HV_E_LIMIT, message, field,
				  "text is longer than HV_TEXT_MAX");
	if (!hv_text_is_printable(text))
		return fail_field(err, HV_E_INVAL, message, field,
				  "text has control characters");
	switch (kind) {
	case RULE_NAME_OR_EMPTY:
		if (text[0] == '\0')
			return HV_OK;
		HV_FALLTHROUGH;
	case RULE_NAME:
	case RULE_NAME_LIST:
		if (hv_name_is_valid(text))
			return HV_OK;
		return hv_fail(err, HV_E_INVAL,
			       "%s.%s: '%.40s' is not a name: 1 to %d letters, digits, "
			       "-, _ and ., a letter or digit first",
			       message->short_name, field->name, text, HV_NAME_BYTES - 1);
	case RULE_PATH:
		if (text[0] != '/')
			return fail_field(err, HV_E_INVAL, message, field,
					  "not an absolute path");
		if (strlen(text) > PATH_MAX_BYTES)
			return fail_field(err, HV_E_LIMIT, message, field,
					  "path is longer than 511 bytes");
		if (strpbrk(text, "\n\t") != NULL)
			return fail_field(err, HV_E_INVAL, message, field,
					  "path has control characters");
		return HV_OK;
	default:
		return HV_OK;
	}
}

static enum hv_code walk(const ProtobufCMessage *message, struct hv_err *err);

static enum hv_code check_value(const ProtobufCMessageDescriptor *message,
				const ProtobufCFieldDescriptor *field,
				const struct message_rule *rule, const void *value,
				struct hv_err *err)
{
	const ProtobufCBinaryData *data = value;

	switch (field->type) {
	case PROTOBUF_C_TYPE_ENUM:
		if (protobuf_c_enum_descriptor_get_value(field->descriptor,
							 *(const int *)value) == NULL)
			return fail_field(err, HV_E_INVAL, message, field,
					  "unknown value");
		return HV_OK;
	case PROTOBUF_C_TYPE_STRING:
		return check_string(message, field, rule != NULL ? rule->kind : RULE_TEXT,
				    *(char *const *)value, err);
	case PROTOBUF_C_TYPE_BYTES:
		if (rule != NULL && rule->kind == RULE_BYTES_MAX)
			return data->len <= rule->limit
				       ? HV_OK
				       : hv_fail(err, HV_E_LIMIT,
						 "%s.%s: %zu bytes, the limit is %zu",
						 message->short_name, field->name,
						 data->len, rule->limit);
		if (rule == NULL || data->len != rule->limit)
			return fail_field(err, HV_E_INVAL, message, field,
					  "not 16 bytes");
		return HV_OK;
	case PROTOBUF_C_TYPE_DOUBLE:
		if (!isfinite(*(const double *)value))
			return fail_field(err, HV_E_INVAL, message, field,
					  "not a finite number");
		return HV_OK;
	case PROTOBUF_C_TYPE_MESSAGE:
		return walk(*(ProtobufCMessage *const *)value, err);
	default:
		return HV_OK;
	}
}

static size_t element_bytes(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_MESSAGE:
	case PROTOBUF_C_TYPE_STRING:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_UINT64:
		return sizeof(uint64_t);
	default:
		return 0; /* other numbers: any will do */
	}
}

static enum hv_code check_list(const ProtobufCMessage *message,
			       const ProtobufCFieldDescriptor *field,
			       const struct message_rule *rule, struct hv_err *err)
{
	const uint8_t *base = (const uint8_t *)message;
	size_t limit = HV_LOG_OBJECTS_MAX;
	size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
	size_t step = element_bytes(field->type);
	const uint8_t *list = *(uint8_t *const *)(const void *)(base + field->offset);
	enum hv_code code;

	if (rule != NULL)
		limit = rule->limit;
	if (count > limit)
		return hv_fail(err, HV_E_LIMIT, "%s.%s: %zu elements, the limit is %zu",
			       message->descriptor->short_name, field->name, count,
			       limit);
	for (size_t i = 0; i < count && step != 0; i++) {
		code = check_value(message->descriptor, field, rule, list + i * step,
				   err);
		if (code != HV_OK)
			return code;
	}
	return HV_OK;
}

static bool is_present(const ProtobufCMessage *message,
		       const ProtobufCFieldDescriptor *field)
{
	const uint8_t *base = (const uint8_t *)message;
	const void *quantifier = base + field->quantifier_offset;

	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
		return *(const uint32_t *)quantifier == field->id;
	if (field->label == PROTOBUF_C_LABEL_REQUIRED)
		return true;
	if (field->type == PROTOBUF_C_TYPE_MESSAGE ||
	    field->type == PROTOBUF_C_TYPE_STRING)
		return *(void *const *)(const void *)(base + field->offset) != NULL;
	return *(const protobuf_c_boolean *)quantifier != 0;
}

/* Fields of a later Tarn are kept, but number 0 is not protobuf and does not pack. */
static enum hv_code check_unknown(const ProtobufCMessage *message, struct hv_err *err)
{
	for (unsigned i = 0; i < message->n_unknown_fields; i++)
		if (message->unknown_fields[i].tag == 0)
			return hv_fail(err, HV_E_CORRUPT, "%s: field number 0",
				       message->descriptor->short_name);
	return HV_OK;
}

static enum hv_code walk(const ProtobufCMessage *message, struct hv_err *err)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	enum hv_code code = check_unknown(message, err);

	for (unsigned i = 0; i < type->n_fields && code == HV_OK; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const struct message_rule *rule = NULL;
		const uint8_t *at = (const uint8_t *)message + field->offset;

		if (field->label == PROTOBUF_C_LABEL_REPEATED ||
		    field->type == PROTOBUF_C_TYPE_STRING ||
		    field->type == PROTOBUF_C_TYPE_BYTES)
			rule = message_rule_find(type, field->name);
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			code = check_list(message, field, rule, err);
		else if (is_present(message, field))
			code = check_value(type, field, rule, at, err);
	}
	if (code == HV_OK && type == &tarn__lpar_spec__descriptor)
		code = hv_lpar_spec_check((const Tarn__LparSpec *)(const void *)message,
					  err);
	if (code == HV_OK && type == &tarn__lpar_profile__descriptor)
		code = hv_lpar_profile_check(
			(const Tarn__LparProfile *)(const void *)message, err);
	if (code == HV_OK && type == &tarn__user_record__descriptor)
		code = hv_user_check((const Tarn__UserRecord *)(const void *)message,
				     err);
	return code;
}

enum hv_code message_decode(const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
			    size_t count, ProtobufCMessage **ret, struct hv_err *err)
{
	struct budget budget = { .left = HV_MESSAGE_MEMORY_MAX };
	ProtobufCAllocator allocator = { .alloc = budget_alloc,
					 .free = budget_free,
					 .allocator_data = &budget };
	ProtobufCMessage *message;
	enum hv_code code;

	if (count > HV_MESSAGE_BYTES_MAX)
		return hv_fail(err, HV_E_LIMIT, "message of %zu bytes, the limit is %u",
			       count, HV_MESSAGE_BYTES_MAX);
	message = protobuf_c_message_unpack(type, &allocator, count, bytes);
	if (message == NULL && budget.is_over)
		return hv_fail(err, HV_E_LIMIT,
			       "message takes more than HV_MESSAGE_MEMORY_MAX decoded");
	if (message == NULL && budget.is_starving)
		return hv_fail(err, HV_E_NOMEM, "no memory for a message of %zu bytes",
			       count);
	if (message == NULL)
		return hv_fail(err, HV_E_CORRUPT, "%zu bytes are not a %s", count,
			       type->short_name);
	code = walk(message, err);
	if (code != HV_OK) {
		protobuf_c_message_free_unpacked(message, NULL);
		return code;
	}
	*ret = message;
	return HV_OK;
}

static enum hv_code check_identity(const Tarn__HostIdentity *identity, struct hv_err *err)
{
	if (identity->version != HOST_PROTOCOL_VERSION)
		return hv_fail(err, HV_E_VERSION,
			       "host '%s' speaks protocol version %u, this is %d",
			       identity->name, identity->version, HOST_PROTOCOL_VERSION);
	return HV_OK;
}

#define CHANGES_LAST 109 /* kinds from VIOS_ADD on, in cluster.proto */

bool hv_cluster_request_is_change(const Tarn__ClusterRequest *request)
{
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE)
		return !request->lpar_create->dry_run;
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE)
		return !request->lpar_activate->dry_run;
	return (request->kind_case >= TARN__CLUSTER_REQUEST__KIND_HOST_ADD &&
		request->kind_case < TARN__CLUSTER_REQUEST__KIND_STATUS) ||
	       (request->kind_case >= TARN__CLUSTER_REQUEST__KIND_LPAR_CHANGE &&
		request->kind_case < TARN__CLUSTER_REQUEST__KIND_CONSOLE_OPEN) ||
	       (request->kind_case >= TARN__CLUSTER_REQUEST__KIND_VIOS_ADD &&
		request->kind_case <= CHANGES_LAST);
}

bool hv_sample_rate_is_valid(uint64_t seconds)
{
	return seconds == 0 || seconds == 30 || seconds == 60 || seconds == 300 ||
	       seconds == 1800 || seconds == 3600;
}

static enum hv_code check_cluster_request(const Tarn__ClusterRequest *request,
					  struct hv_err *err)
{
	if (request->has_version && request->version != CLUSTER_PROTOCOL_VERSION)
		return hv_fail(err, HV_E_VERSION,
			       "request of protocol version %u, this is %d",
			       request->version, CLUSTER_PROTOCOL_VERSION);
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND__NOT_SET)
		return hv_fail(err, HV_E_INVAL, "request of an unknown kind");
	if (hv_cluster_request_is_change(request) && !request->has_key)
		return hv_fail(err, HV_E_INVAL, "a change carries a key of %d bytes",
			       HV_KEY_BYTES);
	return HV_OK;
}

enum hv_code hv_cluster_request_decode(const uint8_t *bytes, size_t count,
				       Tarn__ClusterRequest **ret, struct hv_err *err)
{
	ProtobufCMessage *message;
	Tarn__ClusterRequest *request;
	enum hv_code code;

	code = message_decode(&tarn__cluster_request__descriptor, bytes, count, &message,
			      err);
	if (code != HV_OK)
		return code;
	request = (Tarn__ClusterRequest *)(void *)message;
	code = check_cluster_request(request, err);
	if (code != HV_OK) {
		protobuf_c_message_free_unpacked(message, NULL);
		return code;
	}
	*ret = request;
	return HV_OK;
}

enum hv_code hv_host_request_decode(const uint8_t *bytes, size_t count,
				    Tarn__HostRequest **ret, struct hv_err *err)
{
	ProtobufCMessage *message;
	Tarn__HostRequest *request;
	enum hv_code code;

	code = message_decode(&tarn__host_request__descriptor, bytes, count, &message,
			      err);
	if (code != HV_OK)
		return code;
	request = (Tarn__HostRequest *)(void *)message;
	if (request->kind_case == TARN__HOST_REQUEST__KIND_POLL)
		code = check_identity(request->poll->identity, err);
	else if (request->kind_case == TARN__HOST_REQUEST__KIND_REPORT)
		code = check_identity(request->report->identity, err);
	else if (request->kind_case == TARN__HOST_REQUEST__KIND_CONSOLE)
		code = check_identity(request->console->identity, err);
	else
		code = hv_fail(err, HV_E_INVAL, "request of an unknown kind");
	if (code != HV_OK) {
		protobuf_c_message_free_unpacked(message, NULL);
		return code;
	}
	*ret = request;
	return HV_OK;
}

enum hv_code hv_hv_request_decode(const uint8_t *bytes, size_t count,
				  Tarn__HvRequest **ret, struct hv_err *err)
{
	ProtobufCMessage *message;
	Tarn__HvRequest *request;
	enum hv_code code;

	code = message_decode(&tarn__hv_request__descriptor, bytes, count, &message, err);
	if (code != HV_OK)
		return code;
	request = (Tarn__HvRequest *)(void *)message;
	if (request->kind_case == TARN__HV_REQUEST__KIND__NOT_SET) {
		protobuf_c_message_free_unpacked(message, NULL);
		return hv_fail(err, HV_E_INVAL, "request of an unknown kind");
	}
	*ret = request;
	return HV_OK;
}

enum hv_code hv_cluster_reply_decode(const uint8_t *bytes, size_t count,
				     Tarn__ClusterReply **ret, struct hv_err *err)
{
	ProtobufCMessage *message;
	enum hv_code code;

	code = message_decode(&tarn__cluster_reply__descriptor, bytes, count, &message,
			      err);
	if (code == HV_OK)
		*ret = (Tarn__ClusterReply *)(void *)message;
	return code;
}

enum hv_code hv_host_reply_decode(const uint8_t *bytes, size_t count,
				  Tarn__HostReply **ret, struct hv_err *err)
{
	ProtobufCMessage *message;
	enum hv_code code;

	code = message_decode(&tarn__host_reply__descriptor, bytes, count, &message, err);
	if (code == HV_OK)
		*ret = (Tarn__HostReply *)(void *)message;
	return code;
}

enum hv_code hv_hv_reply_decode(const uint8_t *bytes, size_t count, Tarn__HvReply **ret,
				struct hv_err *err)
{
	ProtobufCMessage *message;
	enum hv_code code;

	code = message_decode(&tarn__hv_reply__descriptor, bytes, count, &message, err);
	if (code == HV_OK)
		*ret = (Tarn__HvReply *)(void *)message;
	return code;
}

enum hv_code hv_agent_state_decode(const uint8_t *bytes, size_t count,
				   Tarn__AgentState **ret, struct hv_err *err)
{
	ProtobufCMessage *message;
	enum hv_code code;

	code = message_decode(&tarn__agent_state__descriptor, bytes, count, &message,
			      err);
	if (code == HV_OK)
		*ret = (Tarn__AgentState *)(void *)message;
	return code;
}

enum hv_code hv_host_desired_decode(const uint8_t *bytes, size_t count,
				    Tarn__HostDesired **ret, struct hv_err *err)
{
	ProtobufCMessage *message;
	enum hv_code code;

	code = message_decode(&tarn__host_desired__descriptor, bytes, count, &message,
			      err);
	if (code == HV_OK)
		*ret = (Tarn__HostDesired *)(void *)message;
	return code;
}

enum hv_code hv_utilization_sample_decode(const uint8_t *bytes, size_t count,
					  Tarn__UtilizationSample **ret,
					  struct hv_err *err)
{
	ProtobufCMessage *message;
	enum hv_code code;

	code = message_decode(&tarn__utilization_sample__descriptor, bytes, count,
			      &message, err);
	if (code == HV_OK)
		*ret = (Tarn__UtilizationSample *)(void *)message;
	return code;
}

enum hv_code hv_message_encode(const ProtobufCMessage *message, uint8_t **ret_bytes,
			       size_t *ret_count, struct hv_err *err)
{
	size_t count = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes;

	if (count > HV_MESSAGE_BYTES_MAX)
		return hv_fail(err, HV_E_LIMIT, "%s of %zu bytes, the limit is %u",
			       message->descriptor->short_name, count,
			       HV_MESSAGE_BYTES_MAX);
	bytes = malloc(count > 0 ? count : 1);
	if (bytes == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for %zu bytes", count);
	*ret_count = protobuf_c_message_pack(message, bytes);
	*ret_bytes = bytes;
	return HV_OK;
}
