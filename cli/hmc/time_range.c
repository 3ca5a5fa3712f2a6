/* time_range - see time_range.h. */
#include "cli/hmc/time_range.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define COUNT_MAX 36500 /* days, hours or minutes; arbitrary: a hundred years of days */
#define NAME_BYTES 16

static const char *const units[] = { "year", "month", "day", "hour", "minute" };
static const uint64_t first[] = { 1970, 1, 1, 0, 0 };
static const uint64_t last[] = { 9999, 12, 31, 23, 59 };
enum unit { YEAR, MONTH, DAY, HOUR, MINUTE, UNIT_COUNT };

static bool has_any(const struct hmc *hmc, const char *edge)
{
	char name[NAME_BYTES];

	for (unsigned i = 0; i < UNIT_COUNT; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", edge, units[i]);
		if (hmc_has(hmc, name))
			return true;
	}
	return false;
}

static uint64_t days_in(uint64_t year, uint64_t month)
{
	static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

static enum hv_code take_unit(struct hmc *hmc, const char *edge, enum unit unit,
			      uint64_t *value, struct hv_err *err)
{
	char name[NAME_BYTES], option[NAME_BYTES + 2], range[64];
	enum hv_code code;

	(void)snprintf(name, sizeof(name), "%s%s", edge, units[unit]);
	if (!hmc_has(hmc, name))
		return HV_OK;
	code = hmc_number(hmc, name, last[unit], 0, value, err);
	if (code != HV_OK || *value >= first[unit])
		return code;
	(void)snprintf(option, sizeof(option), "--%s", name);
	(void)snprintf(range, sizeof(range), "%llu to %llu",
		       (unsigned long long)first[unit], (unsigned long long)last[unit]);
	return hmc_fail(err, HMC_INVALID_VALUE, hmc_text(hmc, name), option, range);
}

/* Starts from `at`, which has what nobody gave. */
static enum hv_code take_moment(struct hmc *hmc, const char *edge,
				uint64_t at[UNIT_COUNT], struct hv_err *err)
{
	char name[NAME_BYTES], option[NAME_BYTES + 2];
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < UNIT_COUNT && code == HV_OK; i++)
		code = take_unit(hmc, edge, (enum unit)i, &at[i], err);
	if (code != HV_OK || at[DAY] <= days_in(at[YEAR], at[MONTH]))
		return code;
	(void)snprintf(name, sizeof(name), "%sday", edge);
	(void)snprintf(option, sizeof(option), "--%s", name);
	if (hmc_has(hmc, name))
		return hmc_fail(err, HMC_INVALID_VALUE, hmc_text(hmc, name), option,
				"a day of that month");
	at[DAY] = days_in(at[YEAR], at[MONTH]);
	return HV_OK;
}

/* Seconds since 1970 UTC; 0 for what is before. */
static uint64_t seconds_of(const struct hmc *hmc, const uint64_t at[UNIT_COUNT])
{
	struct tm tm = { .tm_year = (int)at[YEAR] - 1900,
			 .tm_mon = (int)at[MONTH] - 1,
			 .tm_mday = (int)at[DAY],
			 .tm_hour = (int)at[HOUR],
			 .tm_min = (int)at[MINUTE] };
	int64_t seconds = (int64_t)timegm(&tm) - hmc->cli->utc_offset_s;

	return seconds > 0 ? (uint64_t)seconds : 0;
}

static enum hv_code take_moments(struct hmc *hmc, uint64_t now_ms,
				 struct hmc_time_range *range, struct hv_err *err)
{
	time_t now_s = (time_t)(now_ms / 1000) + hmc->cli->utc_offset_s;
	uint64_t start[UNIT_COUNT], end[UNIT_COUNT];
	enum hv_code code;
	struct tm now;

	memcpy(start, first, sizeof(start));
	memcpy(end, last, sizeof(end));
	if (gmtime_r(&now_s, &now) != NULL)
		end[YEAR] = (uint64_t)now.tm_year + 1900;
	code = take_moment(hmc, "start", start, err);
	if (code == HV_OK)
		code = take_moment(hmc, "end", end, err);
	if (code != HV_OK)
		return code;
	range->from_ms = seconds_of(hmc, start) * 1000;
	range->to_ms = now_ms;
	if (has_any(hmc, "end"))
		range->to_ms = (seconds_of(hmc, end) + 59) * 1000 + 999;
	return HV_OK;
}

static enum hv_code take_span(struct hmc *hmc, uint64_t *ret_seconds, struct hv_err *err)
{
	uint64_t days, hours, minutes;
	enum hv_code code = hmc_number(hmc, "d", COUNT_MAX, 0, &days, err);

	if (code == HV_OK)
		code = hmc_number(hmc, "h", COUNT_MAX, 0, &hours, err);
	if (code == HV_OK)
		code = hmc_number(hmc, "minutes", COUNT_MAX, 0, &minutes, err);
	if (code == HV_OK)
		*ret_seconds = days * HMC_DAY_S + hours * 3600 + minutes * 60;
	return code;
}

enum hv_code hmc_time_range_take(struct hmc *hmc, uint64_t now_ms,
				 struct hmc_time_range *ret_range, struct hv_err *err)
{
	bool has_moment = has_any(hmc, "start") || has_any(hmc, "end");
	bool has_span = hmc_has(hmc, "d") || hmc_has(hmc, "h") || hmc_has(hmc, "minutes");
	uint64_t seconds = HMC_DAY_S;
	enum hv_code code = HV_OK;

	if (has_moment && has_span)
		return hmc_usage(hmc, err,
				 "A start or an end cannot be given together with",
				 "-d, -h or --minutes");
	if (has_moment)
		return take_moments(hmc, now_ms, ret_range, err);
	if (has_span)
		code = take_span(hmc, &seconds, err);
	if (code != HV_OK)
		return code;
	ret_range->to_ms = now_ms;
	ret_range->from_ms = now_ms > seconds * 1000 ? now_ms - seconds * 1000 : 0;
	return HV_OK;
}
