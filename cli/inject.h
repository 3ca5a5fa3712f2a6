/*
 * inject - words of tarn vios inject.
 *
 * Contract
 *   Threads  one.
 *   Errors   INVAL says what may be written. Limits are those of an injection
 *            (hvcore/wire/injection.h), not looked at here.
 */
#ifndef CLI_INJECT_H
#define CLI_INJECT_H

#include "hvcore/base/err.h"

#include <stdint.h>

/* End with NULL; their order is that of the numbers, from 1. */
extern const char *const cli_injection_kinds[];
extern const char *const cli_injection_ops[];
extern const char *const cli_injection_errors[];
extern const char *const cli_injection_directions[];

/* "5ms", "10s", "2m" */
HV_MUST_USE
enum hv_code cli_duration_parse(const char *text, uint32_t *ret_ms, struct hv_err *err);
/* "all", "1%", "0.25%", or parts in a million. */
HV_MUST_USE
enum hv_code cli_rate_parse(const char *text, uint32_t *ret_ppm, struct hv_err *err);

#endif
