/* err - see err.h. */
#include "hvcore/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[HV_CODE_COUNT] = {
	[HV_OK] = "ok",
	[HV_E_INVAL] = "invalid",
	[HV_E_NOMEM] = "out of memory",
	[HV_E_NOSPC] = "no space",
	[HV_E_NOTFOUND] = "not found",
	[HV_E_EXISTS] = "exists",
	[HV_E_BUSY] = "busy",
	[HV_E_STATE] = "wrong state",
	[HV_E_CORRUPT] = "corrupt",
	[HV_E_IO] = "input/output error",
	[HV_E_AGAIN] = "try again",
	[HV_E_TIMEOUT] = "timed out",
	[HV_E_CANCELED] = "canceled",
	[HV_E_GONE] = "gone",
	[HV_E_DENIED] = "denied",
	[HV_E_VERSION] = "version mismatch",
	[HV_E_LIMIT] = "limit exceeded",
	[HV_E_REFUSED] = "refused",
	[HV_E_NOFIT] = "does not fit",
	[HV_E_OS] = "system error",
	[HV_E_STALE] = "stale",
};

HV_PRINTF(4, 0)
static size_t set_text(struct hv_err *err, enum hv_code code, int os, const char *format,
		       va_list args)
{
	int n;

	err->code = code;
	err->os = os;
	n = vsnprintf(err->text, sizeof(err->text), format, args);
	if (n < 0)
		err->text[0] = '\0';
	return strlen(err->text);
}

void hv_fail_set(struct hv_err *err, enum hv_code code, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return;
	va_start(args, format);
	(void)set_text(err, code, 0, format, args);
	va_end(args);
}

void hv_fail_set_os(struct hv_err *err, enum hv_code code, int os, const char *format,
		    ...)
{
	char why[128];
	va_list args;
	size_t at;

	if (err == NULL)
		return;
	va_start(args, format);
	at = set_text(err, code, os, format, args);
	va_end(args);
	(void)snprintf(err->text + at, sizeof(err->text) - at, ": %s",
		       strerror_r(os, why, sizeof(why)));
}

enum hv_code hv_wrap_text(struct hv_err *err, const char *format, ...)
{
	char inner[HV_ERR_TEXT_BYTES];
	va_list args;
	size_t at;
	enum hv_code code;
	int os;

	if (err == NULL)
		return HV_E_OS;
	code = err->code != HV_OK ? err->code : HV_E_OS;
	os = err->os;
	memcpy(inner, err->text, sizeof(inner));
	va_start(args, format);
	at = set_text(err, code, os, format, args);
	va_end(args);
	(void)snprintf(err->text + at, sizeof(err->text) - at, ": %s", inner);
	return code;
}

const char *hv_err_text(const struct hv_err *err)
{
	if (err == NULL)
		return "unknown error";
	return err->text[0] != '\0' ? err->text : hv_code_name(err->code);
}

const char *hv_code_name(enum hv_code code)
{
	if ((unsigned)code >= HV_CODE_COUNT || names[code] == NULL)
		return "unknown error";
	return names[code];
}
