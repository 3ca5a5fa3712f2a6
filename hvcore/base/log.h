/*
 * log - one line per event on stderr: time, level, stable event id, key=value.
 *
 * error: a human must act; warn: degraded, going on; info: life cycle; debug: for
 * us. Never page contents or secrets. Never called on the fault path.
 *
 * Contract
 *   Threads  any, except fault threads; a line is written with one write(2).
 */
#ifndef HVCORE_BASE_LOG_H
#define HVCORE_BASE_LOG_H

#include "hvcore/base/err.h"

enum hv_log_level {
	HV_LOG_ERROR,
	HV_LOG_WARN,
	HV_LOG_INFO,
	HV_LOG_DEBUG,
	HV_LOG_LEVEL_COUNT
};

/* `who` is kept, not copied: the program's name, or "hypervisor@h1". */
void hv_log_open(const char *who, enum hv_log_level level);
void hv_log(enum hv_log_level level, const char *event, const char *format, ...)
	HV_PRINTF(3, 4);

#define log_error(event, ...) hv_log(HV_LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) hv_log(HV_LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...) hv_log(HV_LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) hv_log(HV_LOG_DEBUG, event, __VA_ARGS__)

#endif
