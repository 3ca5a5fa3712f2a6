/*
 * json - what --json prints; the only user of the JSON library.
 *
 * A document is built from the outside in: cli_json_new() opens the outermost
 * object, open and close nest. Messages are written field by field from their
 * descriptors, so that nothing the coordinator says is left out:
 *   - messages called `record`, `spec` or `device` are merged into their parent;
 *   - enumerators in lower case without their common prefix: VIOS_STANDBY "standby";
 *   - bytes in hexadecimal; absent fields are left out, lists never;
 *   - a histogram becomes count, mean_us, p50_us, p99_us, max_us.
 *
 * Contract
 *   Threads  one.
 *   Memory   texts are copied. A document that ran out of memory stays usable and
 *            says so once, when it is printed.
 *   Errors   cli_json_print: NOMEM (nothing is printed), IO.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "hvcore/base/err.h"
#include "hvcore/wire/messages.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CLI_JSON_DEPTH 8

struct cli_json;

struct cli_json *cli_json_new(void); /* NULL where memory is out: fine below */
void cli_json_free(struct cli_json *json);

/* Inside a list the name is NULL. */
void cli_json_open_object(struct cli_json *json, const char *name);
void cli_json_open_list(struct cli_json *json, const char *name);
void cli_json_close(struct cli_json *json);

void cli_json_text(struct cli_json *json, const char *name, const char *text);
void cli_json_number(struct cli_json *json, const char *name, uint64_t number);
void cli_json_real(struct cli_json *json, const char *name, double number);
void cli_json_bool(struct cli_json *json, const char *name, bool is_true);

/* The message's fields into the object that is open. */
void cli_json_fields(struct cli_json *json, const ProtobufCMessage *message);

/* Everything must be closed. Ends with a newline. */
HV_MUST_USE
enum hv_code cli_json_print(const struct cli_json *json, FILE *out, struct hv_err *err);
/* On one line: an element of a stream. */
HV_MUST_USE
enum hv_code cli_json_print_line(const struct cli_json *json, FILE *out,
				 struct hv_err *err);

/* "standby" for VIOS_STANDBY: how enumerators are shown everywhere. */
const char *cli_enum_name(const ProtobufCEnumDescriptor *type, int value, char *buffer,
			  size_t size);

#endif
