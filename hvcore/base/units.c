/* units - see units.h. */
#include "hvcore/base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts_with_digit(const char *text)
{
	return text != NULL && isdigit((unsigned char)text[0]);
}

/* Shift for a unit letter with optional "iB" or "B" behind it; -1 if unknown. */
static int unit_shift(const char *unit)
{
	static const char letters[] = "KMGT";
	const char *at;

	if (unit[0] == '\0')
		return 0;
	at = strchr(letters, toupper((unsigned char)unit[0]));
	if (at == NULL || (unit[1] != '\0' && strcmp(unit + 1, "iB") != 0 &&
			   strcmp(unit + 1, "B") != 0))
		return -1;
	return 10 * (int)(at - letters + 1);
}

enum hv_code hv_size_parse(const char *text, uint64_t *ret_bytes, struct hv_err *err)
{
	unsigned long long value;
	char *end;
	int shift;

	if (!starts_with_digit(text))
		return hv_fail(err, HV_E_INVAL, "'%s' is not a size; write 512M or 2G",
			       text != NULL ? text : "");
	errno = 0;
	value = strtoull(text, &end, 10);
	shift = unit_shift(end);
	if (shift < 0)
		return hv_fail(err, HV_E_INVAL, "'%s' is not a size; write 512M or 2G",
			       text);
	if (errno == ERANGE || value > (UINT64_MAX >> 1) >> shift)
		return hv_fail(err, HV_E_INVAL, "size '%s' is too large", text);
	*ret_bytes = (uint64_t)value << shift;
	return HV_OK;
}

const char *hv_size_format(uint64_t bytes, char *buffer, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	unsigned unit = 0;

	while (value >= 1024 && unit + 1 < HV_COUNT(units)) {
		value /= 1024;
		unit++;
	}
	if (value == (double)(uint64_t)value || value >= 100)
		(void)snprintf(buffer, size, "%.0f %s", value, units[unit]);
	else
		(void)snprintf(buffer, size, "%.*f %s", value >= 10 ? 1 : 2, value,
			       units[unit]);
	return buffer;
}

bool hv_name_is_valid(const char *name)
{
	size_t n;

	if (name == NULL || !isalnum((unsigned char)name[0]))
		return false;
	n = strspn(name,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	return name[n] == '\0' && n < HV_NAME_BYTES;
}

/* U+0080 to U+009F in UTF-8: a terminal may take one of them as ESC and a letter. */
static bool is_c1(const char *text)
{
	return (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] >= 0x80 &&
	       (unsigned char)text[1] < 0xa0;
}

bool hv_text_is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || is_c1(text))
			return false;
	}
	return true;
}

enum hv_code hv_u64_parse(const char *text, uint64_t max, uint64_t *ret_value,
			  struct hv_err *err)
{
	unsigned long long value;
	char *end;

	if (!starts_with_digit(text))
		return hv_fail(err, HV_E_INVAL, "'%s' is not a number",
			       text != NULL ? text : "");
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end != '\0')
		return hv_fail(err, HV_E_INVAL, "'%s' is not a number", text);
	if (errno == ERANGE || value > max)
		return hv_fail(err, HV_E_LIMIT, "%s is more than the limit of %llu", text,
			       (unsigned long long)max);
	*ret_value = value;
	return HV_OK;
}
