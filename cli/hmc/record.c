/* record - see record.h. The copy of the text is cut into names and values in place. */
#include "cli/hmc/record.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/hmc/errors.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool hmc_name_is_valid(const char *name)
{
	if (!isalpha((unsigned char)name[0]))
		return false;
	while (isalnum((unsigned char)*name) || *name == '_')
		name++;
	return *name == '\0';
}

const struct hmc_pair *hmc_record_find(const struct hmc_record *record, const char *name)
{
	for (unsigned i = 0; i < record->count; i++)
		if (strcmp(record->pairs[i].name, name) == 0)
			return &record->pairs[i];
	return NULL;
}

/*
 * Ends the bare pair at *at and gives where the next begins: behind the comma, or at
 * the end. NULL never.
 */
static char *cut_bare(char *pair, bool *ret_more)
{
	char *end = pair + strcspn(pair, ",");

	*ret_more = *end == ',';
	*end = '\0';
	return *ret_more ? end + 1 : end;
}

/* The same for a pair behind its opening quote; NULL where the quotes do not match. */
static char *cut_quoted(char *pair, bool *ret_more)
{
	char *to = pair, *from = pair;

	while (*from != '\0' && (from[0] != '"' || from[1] == '"')) {
		if (*from == '"')
			from++;
		*to++ = *from++;
	}
	if (*from != '"')
		return NULL;
	*to = '\0';
	from++;
	while (is_blank(*from))
		from++;
	*ret_more = *from == ',';
	if (*from != ',' && *from != '\0')
		return NULL;
	return *ret_more ? from + 1 : from;
}

static enum hv_code take_pair(struct hmc_record *record, char *text, struct hv_err *err)
{
	struct hmc_pair *pair = &record->pairs[record->count];
	char *equals = strchr(text, '='), *end = equals;

	if (equals == NULL)
		return hmc_fail(err, HMC_INVALID_ATTRIBUTE, text, NULL, NULL);
	*pair = (struct hmc_pair){ text, HMC_SET, equals + 1 };
	if (equals > text && (equals[-1] == '+' || equals[-1] == '-')) {
		end--;
		pair->op = *end == '+' ? HMC_ADD : HMC_REMOVE;
	}
	*end = '\0';
	if (!hmc_name_is_valid(text))
		return hmc_fail(err, HMC_INVALID_ATTRIBUTE, text, NULL, NULL);
	if (hmc_record_find(record, text) != NULL)
		return hmc_fail(err, HMC_REPEATED_ATTRIBUTE, text, NULL, NULL);
	record->count++;
	return HV_OK;
}

static enum hv_code cut(struct hmc_record *record, struct hv_err *err)
{
	char *at = record->text;
	enum hv_code code = HV_OK;
	bool has_more = at[strspn(at, " \t")] != '\0';

	while (has_more && code == HV_OK) {
		char *pair = at + strspn(at, " \t");

		if (record->count == HMC_PAIRS_MAX)
			return hmc_fail(err, HMC_BAD_RECORD, "it has too many attributes",
					NULL, NULL);
		if (*pair == '"')
			at = cut_quoted(++pair, &has_more);
		else
			at = cut_bare(pair, &has_more);
		if (at == NULL)
			return hmc_fail(err, HMC_BAD_RECORD, "its quotes do not match",
					NULL, NULL);
		code = take_pair(record, pair, err);
	}
	return code;
}

enum hv_code hmc_record_parse(const char *text, struct hmc_record *ret_record,
			      struct hv_err *err)
{
	ret_record->count = 0;
	ret_record->text = NULL;
	if (strnlen(text, HMC_RECORD_BYTES_MAX) == HMC_RECORD_BYTES_MAX)
		return hmc_fail(err, HMC_BAD_RECORD, "it is too long", NULL, NULL);
	ret_record->text = strdup(text);
	if (ret_record->text == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a record");
	return cut(ret_record, err);
}

void hmc_record_fini(struct hmc_record *record)
{
	free(record->text);
	record->text = NULL;
	record->count = 0;
}

void hmc_pair_print(FILE *out, const char *name, enum hmc_op op, const char *value)
{
	static const char *const signs[] = { "=", "+=", "-=" };
	bool is_quoted = strpbrk(value, ",\"\n") != NULL;

	if (is_quoted)
		(void)fputc('"', out);
	(void)fputs(name, out);
	(void)fputs(signs[op], out);
	if (!is_quoted) {
		(void)fputs(value, out);
		return;
	}
	for (; *value != '\0'; value++) {
		if (*value == '"')
			(void)fputc('"', out);
		(void)fputc(*value, out);
	}
	(void)fputc('"', out);
}

bool hmc_list_next(const char **at, char element[HMC_ELEMENT_BYTES], bool *is_bad)
{
	const char *from = *at;
	bool is_quoted = *from == '"';
	size_t n;

	*is_bad = false;
	if (*from == '\0')
		return false;
	if (is_quoted)
		from++;
	n = strcspn(from, is_quoted ? "\"" : ",");
	*is_bad = n >= HMC_ELEMENT_BYTES || (is_quoted && from[n] != '"');
	if (*is_bad)
		return false;
	memcpy(element, from, n);
	element[n] = '\0';
	from += n + is_quoted;
	*is_bad = *from != ',' && *from != '\0';
	*at = *from == ',' ? from + 1 : from;
	return !*is_bad;
}
