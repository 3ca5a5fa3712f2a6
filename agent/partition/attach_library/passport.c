/* passport - see passport.h. */
#include "agent/partition/attach_library/passport.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
	const char *key;
	size_t offset;
	uint64_t min, max;
};

#define AT(field) offsetof(struct attach_passport, field)

static const struct word words[] = {
	/* clang-format off */
	{ "socket",  AT(socket),      3, INT_MAX },
	{ "uffd",    AT(uffd),        0, INT_MAX },
	{ "file",    AT(file),        3, INT_MAX },
	{ "qmp",     AT(qmp),         0, INT_MAX },
	{ "console", AT(console),     0, INT_MAX },
	{ "serial",  AT(serial),      0, INT_MAX },
	{ "library", AT(library),     0, INT_MAX },
	{ "bytes",   AT(bytes),       HV_PAGE_BYTES, INT64_MAX },
	{ "offset",  AT(offset),      0, INT64_MAX },
	{ "kvm",     AT(kvm),         0, INT_MAX },
	{ "accel",   AT(accel),       0, HV_GUEST_ACCEL_COUNT - 1 },
	{ "loan",    AT(loan_policy), 0, HV_LOAN_POLICY_MAX },
	{ "large",   AT(large),       0, INT64_MAX },
	{ "full",    AT(must_fail),   0, 1 },
	/* clang-format on */
};

#define NAME_KEY "name"
#define WHY_KEY " why="

static uint64_t *field_of(struct attach_passport *passport, const struct word *word)
{
	return (uint64_t *)(void *)((char *)passport + word->offset);
}

enum hv_code attach_passport_write(const struct attach_passport *passport,
				   char text[ATTACH_PASSPORT_BYTES], struct hv_err *err)
{
	struct attach_passport copy = *passport;
	size_t at = 0;
	int n;

	for (size_t i = 0; i < HV_COUNT(words); i++) {
		n = snprintf(text + at, ATTACH_PASSPORT_BYTES - at, "%s=%llu ",
			     words[i].key,
			     (unsigned long long)*field_of(&copy, &words[i]));
		at += n > 0 ? (size_t)n : 0;
		if (n < 0 || at >= ATTACH_PASSPORT_BYTES)
			return hv_fail(err, HV_E_LIMIT, "the passport is too long");
	}
	n = snprintf(text + at, ATTACH_PASSPORT_BYTES - at, NAME_KEY "=%s" WHY_KEY "%s",
		     passport->name, passport->why);
	if (n < 0 || at + (size_t)n >= ATTACH_PASSPORT_BYTES)
		return hv_fail(err, HV_E_LIMIT, "the passport is too long");
	return HV_OK;
}

static enum hv_code read_number(const struct word *word, const char *value,
				uint64_t *ret_number, struct hv_err *err)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 ||
	    number < word->min || number > word->max)
		return hv_fail(err, HV_E_CORRUPT, "passport: %s='%.32s'", word->key,
			       value);
	*ret_number = number;
	return HV_OK;
}

static enum hv_code read_name(struct attach_passport *passport, const char *value,
			      struct hv_err *err)
{
	if (!hv_name_is_valid(value))
		return hv_fail(err, HV_E_CORRUPT, "passport: '%.32s' is not a name",
			       value);
	(void)snprintf(passport->name, sizeof(passport->name), "%s", value);
	return HV_OK;
}

static const struct word *find_word(const char *key)
{
	for (size_t i = 0; i < HV_COUNT(words); i++)
		if (strcmp(words[i].key, key) == 0)
			return &words[i];
	return NULL;
}

/* "key=value", which it cuts in two. */
static enum hv_code read_word(struct attach_passport *passport, char *text,
			      unsigned *seen, struct hv_err *err)
{
	char *value = strchr(text, '=');
	const struct word *word;
	unsigned bit;

	if (value == NULL)
		return hv_fail(err, HV_E_CORRUPT, "passport: '%.32s'", text);
	*value++ = '\0';
	word = find_word(text);
	if (word == NULL && strcmp(text, NAME_KEY) != 0)
		return hv_fail(err, HV_E_CORRUPT, "passport: no such word '%.32s'", text);
	bit = HV_BIT(word != NULL ? word - words : (ptrdiff_t)HV_COUNT(words));
	if ((*seen & bit) != 0)
		return hv_fail(err, HV_E_CORRUPT, "passport: %s twice", text);
	*seen |= bit;
	return word != NULL ? read_number(word, value, field_of(passport, word), err)
			    : read_name(passport, value, err);
}

/* Takes it off the end; not printable characters are no sentence of ours. */
static enum hv_code read_why(char *text, struct attach_passport *passport,
			     struct hv_err *err)
{
	char *why = strstr(text, WHY_KEY);

	if (why == NULL)
		return hv_fail(err, HV_E_CORRUPT, "passport: a word is missing");
	*why = '\0';
	why += sizeof(WHY_KEY) - 1;
	for (const char *c = why; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return hv_fail(err, HV_E_CORRUPT, "passport: not printable");
	if (strlen(why) >= sizeof(passport->why))
		return hv_fail(err, HV_E_CORRUPT, "passport: a reason that is too long");
	(void)snprintf(passport->why, sizeof(passport->why), "%s", why);
	return HV_OK;
}

enum hv_code attach_passport_read(const char *text, struct attach_passport *ret_passport,
				  struct hv_err *err)
{
	struct attach_passport passport = { 0 };
	char copy[ATTACH_PASSPORT_BYTES];
	char *rest = NULL;
	unsigned seen = 0;
	enum hv_code code;

	if (strlen(text) >= sizeof(copy))
		return hv_fail(err, HV_E_CORRUPT, "passport: too long");
	(void)snprintf(copy, sizeof(copy), "%s", text);
	code = read_why(copy, &passport, err);
	if (code != HV_OK)
		return code;
	for (char *word = strtok_r(copy, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest)) {
		code = read_word(&passport, word, &seen, err);
		if (code != HV_OK)
			return code;
	}
	if (seen != HV_BIT(HV_COUNT(words) + 1) - 1)
		return hv_fail(err, HV_E_CORRUPT, "passport: a word is missing");
	if (passport.bytes % HV_PAGE_BYTES != 0 || passport.offset % HV_PAGE_BYTES != 0)
		return hv_fail(err, HV_E_CORRUPT, "passport: not whole pages");
	*ret_passport = passport;
	return HV_OK;
}
