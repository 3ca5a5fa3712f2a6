/*
 * units - sizes as people write them, and names that come from outside.
 *
 * Contract
 *   Units    bytes; K, M, G, T are powers of 1024; a bare number is bytes.
 */
#ifndef HVCORE_BASE_UNITS_H
#define HVCORE_BASE_UNITS_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HV_PAGE_BYTES 4096u /* guest page; LoPAR CMOPageSize exponent 12 */
#define HV_PAGE_SHIFT 12
#define HV_NAME_BYTES 32 /* names of hosts, partitions, VIOS, devices, with the NUL */

/* "1536M", "2G", "4096"; refuses signs, blanks, fractions and overflow. */
HV_MUST_USE
enum hv_code hv_size_parse(const char *text, uint64_t *ret_bytes, struct hv_err *err);

/* "1.5 GiB", "512 MiB", "0 B"; at most three digits; returns `buffer`. */
const char *hv_size_format(uint64_t bytes, char *buffer, size_t size);

/* A letter or digit first, then letters, digits, - _ . ; 1 to 31 characters. */
bool hv_name_is_valid(const char *name);

/*
 * Has no control characters but newline and tab, those of two bytes in UTF-8 included:
 * what comes from outside reaches terminals and logs.
 */
bool hv_text_is_printable(const char *text);

HV_MUST_USE
enum hv_code hv_u64_parse(const char *text, uint64_t max, uint64_t *ret_value,
			  struct hv_err *err);

#endif
