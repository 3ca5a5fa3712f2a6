/* json - see json.h. */
#include "cli/json.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/figures.h"
#include "hvcore/base/invariant.h"

#define ENUM_NAME_BYTES 64

struct cli_json {
	json_t *root;
	json_t *stack[CLI_JSON_DEPTH + 1]; /* borrowed from their parents */
	unsigned depth;
	bool is_out_of_memory;
};

struct cli_json *cli_json_new(void)
{
	struct cli_json *json = calloc(1, sizeof(*json));

	if (json == NULL)
		return NULL;
	json_set_alloc_funcs(malloc, free); /* ours, so that tests can let it fail */
	json->root = json_object();
	if (json->root == NULL) {
		free(json);
		return NULL;
	}
	json->stack[0] = json->root;
	return json;
}

void cli_json_free(struct cli_json *json)
{
	if (json == NULL)
		return;
	json_decref(json->root);
	free(json);
}

/* Takes `value` over, also where it is lost; false when it is. */
static bool put(struct cli_json *json, const char *name, json_t *value)
{
	json_t *at;
	int rv;

	if (json == NULL || json->is_out_of_memory) {
		json_decref(value);
		return false;
	}
	at = json->stack[json->depth];
	HV_INVARIANT(json_is_object(at) == (name != NULL));
	rv = value == NULL  ? -1
	     : name != NULL ? json_object_set_new(at, name, value)
			    : json_array_append_new(at, value);
	if (rv != 0)
		json->is_out_of_memory = true;
	return rv == 0;
}

static void open_into(struct cli_json *json, const char *name, json_t *value)
{
	if (!put(json, name, value))
		return;
	HV_INVARIANT(json->depth < CLI_JSON_DEPTH);
	json->stack[++json->depth] = value;
}

void cli_json_open_object(struct cli_json *json, const char *name)
{
	open_into(json, name, json_object());
}

void cli_json_open_list(struct cli_json *json, const char *name)
{
	open_into(json, name, json_array());
}

void cli_json_close(struct cli_json *json)
{
	if (json == NULL || json->is_out_of_memory)
		return;
	HV_INVARIANT(json->depth > 0);
	json->depth--;
}

/* Bytes that follow a lead byte of UTF-8; -1: it is none. */
static int following(unsigned char lead)
{
	if (lead < 0x80)
		return 0;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if ((lead & 0xf0) == 0xe0)
		return 2;
	return lead >= 0xf0 && lead <= 0xf4 ? 3 : -1;
}

/* What the library takes: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		unsigned char lead = *at;
		int n = following(lead);

		if (n < 0 || (lead == 0xe0 && at[1] < 0xa0) ||
		    (lead == 0xed && at[1] > 0x9f) || (lead == 0xf0 && at[1] < 0x90) ||
		    (lead == 0xf4 && at[1] > 0x8f))
			return false;
		for (; n > 0; n--)
			if ((*++at & 0xc0) != 0x80)
				return false;
	}
	return true;
}

void cli_json_text(struct cli_json *json, const char *name, const char *text)
{
	(void)put(json, name, json_string(is_utf8(text) ? text : "?"));
}

void cli_json_number(struct cli_json *json, const char *name, uint64_t number)
{
	(void)put(json, name, json_integer((json_int_t)number));
}

void cli_json_real(struct cli_json *json, const char *name, double number)
{
	(void)put(json, name, json_real(number));
}

void cli_json_bool(struct cli_json *json, const char *name, bool is_true)
{
	(void)put(json, name, json_boolean(is_true));
}

/* Length of what all names of a type begin with, up to an underscore. */
static size_t common_prefix(const ProtobufCEnumDescriptor *type)
{
	const char *first = type->values[0].name;
	size_t n = strlen(first);

	for (unsigned i = 1; i < type->n_values; i++)
		for (size_t j = 0; j < n; j++)
			if (type->values[i].name[j] != first[j])
				n = j;
	while (n > 0 && first[n - 1] != '_')
		n--;
	return n;
}

const char *cli_enum_name(const ProtobufCEnumDescriptor *type, int value, char *buffer,
			  size_t size)
{
	const ProtobufCEnumValue *row = protobuf_c_enum_descriptor_get_value(type, value);
	const char *name;
	size_t n = 0;

	if (row == NULL) {
		(void)snprintf(buffer, size, "%d", value);
		return buffer;
	}
	for (name = row->name + common_prefix(type); *name != '\0' && n + 1 < size;
	     name++)
		buffer[n++] = (char)tolower((unsigned char)*name);
	buffer[n] = '\0';
	return buffer;
}

static void put_bytes(struct cli_json *json, const char *name,
		      const ProtobufCBinaryData *data)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * 64 + 1]; /* ids and keys are 16 bytes */
	size_t n = data->len < 64 ? data->len : 64;

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[data->data[i] >> 4];
		text[2 * i + 1] = digits[data->data[i] & 15];
	}
	text[2 * n] = '\0';
	cli_json_text(json, name, text);
}

static void put_histogram(struct cli_json *json, const char *name,
			  const Tarn__Histogram *histogram)
{
	struct hv_hist hist;
	uint64_t count;

	cli_hist_load(&hist, histogram);
	count = hv_hist_count(&hist);
	cli_json_open_object(json, name);
	cli_json_number(json, "count", count);
	cli_json_real(json, "mean_us",
		      count > 0 ? (double)hist.sum_ns / (double)count / 1e3 : 0);
	cli_json_real(json, "p50_us", cli_hist_us(&hist, 0.5));
	cli_json_real(json, "p99_us", cli_hist_us(&hist, 0.99));
	cli_json_real(json, "max_us", (double)hv_hist_max_ns(&hist) / 1e3);
	cli_json_close(json);
}

/* What only wraps: a reader wants .name, not .record.spec.name. */
static bool is_merged(const char *name)
{
	return name != NULL && (strcmp(name, "record") == 0 ||
				strcmp(name, "spec") == 0 || strcmp(name, "device") == 0);
}

static void put_message(struct cli_json *json, const char *name,
			const ProtobufCMessage *message)
{
	if (message->descriptor == &tarn__histogram__descriptor) {
		put_histogram(json, name, (const Tarn__Histogram *)message);
		return;
	}
	if (is_merged(name)) {
		cli_json_fields(json, message);
		return;
	}
	cli_json_open_object(json, name);
	cli_json_fields(json, message);
	cli_json_close(json);
}

static void put_value(struct cli_json *json, const char *name,
		      const ProtobufCFieldDescriptor *field, const void *at)
{
	char text[ENUM_NAME_BYTES];

	switch (field->type) {
	case PROTOBUF_C_TYPE_UINT32:
		cli_json_number(json, name, *(const uint32_t *)at);
		return;
	case PROTOBUF_C_TYPE_UINT64:
		cli_json_number(json, name, *(const uint64_t *)at);
		return;
	case PROTOBUF_C_TYPE_INT64:
		(void)put(json, name, json_integer(*(const int64_t *)at));
		return;
	case PROTOBUF_C_TYPE_DOUBLE:
		cli_json_real(json, name, *(const double *)at);
		return;
	case PROTOBUF_C_TYPE_BOOL:
		cli_json_bool(json, name, *(const protobuf_c_boolean *)at);
		return;
	case PROTOBUF_C_TYPE_ENUM:
		cli_json_text(json, name,
			      cli_enum_name(field->descriptor, *(const int *)at, text,
					    sizeof(text)));
		return;
	case PROTOBUF_C_TYPE_STRING:
		cli_json_text(json, name, *(char *const *)at);
		return;
	case PROTOBUF_C_TYPE_BYTES:
		put_bytes(json, name, at);
		return;
	case PROTOBUF_C_TYPE_MESSAGE:
		put_message(json, name, *(ProtobufCMessage *const *)at);
		return;
	default:
		HV_UNREACHABLE("a type of field that proto/ does not use");
	}
}

static size_t value_bytes(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_UINT64:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	default:
		HV_UNREACHABLE("a type of list that proto/ does not use");
	}
}

static void put_list(struct cli_json *json, const ProtobufCFieldDescriptor *field,
		     const uint8_t *base)
{
	size_t count = *(const size_t *)(base + field->quantifier_offset);
	const uint8_t *at = *(const uint8_t *const *)(base + field->offset);
	size_t step = value_bytes(field->type);

	cli_json_open_list(json, field->name);
	for (size_t i = 0; i < count; i++)
		put_value(json, NULL, field, at + i * step);
	cli_json_close(json);
}

static bool is_there(const ProtobufCFieldDescriptor *field, const uint8_t *base)
{
	const void *at = base + field->offset;

	if (field->label == PROTOBUF_C_LABEL_REQUIRED || field->default_value != NULL)
		return true;
	if (field->type == PROTOBUF_C_TYPE_STRING ||
	    field->type == PROTOBUF_C_TYPE_MESSAGE)
		return *(void *const *)at != NULL;
	return *(const protobuf_c_boolean *)(base + field->quantifier_offset);
}

void cli_json_fields(struct cli_json *json, const ProtobufCMessage *message)
{
	const uint8_t *base = (const uint8_t *)message;

	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];

		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			put_list(json, field, base);
		else if (is_there(field, base))
			put_value(json, field->name, field, base + field->offset);
	}
}

static enum hv_code print(const struct cli_json *json, FILE *out, size_t flags,
			  struct hv_err *err)
{
	char *text;

	if (json == NULL || json->is_out_of_memory)
		return hv_fail(err, HV_E_NOMEM, "print JSON: out of memory");
	HV_INVARIANT(json->depth == 0);
	text = json_dumps(json->root, flags | JSON_REAL_PRECISION(9));
	if (text == NULL)
		return hv_fail(err, HV_E_NOMEM, "print JSON: out of memory");
	(void)fprintf(out, "%s\n", text);
	free(text);
	if (fflush(out) != 0 || ferror(out))
		return hv_fail(err, HV_E_IO, "write the output");
	return HV_OK;
}

enum hv_code cli_json_print(const struct cli_json *json, FILE *out, struct hv_err *err)
{
	return print(json, out, JSON_INDENT(2), err);
}

enum hv_code cli_json_print_line(const struct cli_json *json, FILE *out,
				 struct hv_err *err)
{
	return print(json, out, JSON_COMPACT, err);
}
