/* fields - see fields.h. */
#include "cli/hmc/fields.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/hmc/errors.h"
#include "hvcore/base/invariant.h"
#include "hvcore/wire/lpar_profile.h"

void hmc_value_set(struct hmc_value *value, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(value->text, sizeof(value->text), format, args);
	va_end(args);
	value->is_absent = false;
}

void hmc_value_text(struct hmc_value *value, const char *text)
{
	size_t n = strnlen(text, sizeof(value->text) - 1);

	memcpy(value->text, text, n);
	value->text[n] = '\0';
	value->is_absent = false;
}

void hmc_value_units(struct hmc_value *value, uint64_t hundredths)
{
	uint64_t whole = hundredths / HV_PROCESSOR_UNITS;
	unsigned part = (unsigned)(hundredths % HV_PROCESSOR_UNITS);

	if (part % 10 == 0)
		hmc_value_set(value, "%llu.%u", (unsigned long long)whole, part / 10);
	else
		hmc_value_set(value, "%llu.%02u", (unsigned long long)whole, part);
}

void hmc_show_text(const void *object, const char *text, struct hmc_value *value)
{
	(void)object;
	hmc_value_text(value, text);
}

enum hv_code hmc_fields_parse(const char *list, struct hmc_fields *ret_fields,
			      struct hv_err *err)
{
	char *at, delimiters[2] = "";

	ret_fields->is_given = true;
	ret_fields->delimiter = ',';
	ret_fields->count = 0;
	ret_fields->text = NULL;
	if (list == NULL || list[0] == '\0')
		return HV_OK;
	if (list[strcspn(list, ",:")] == ':')
		ret_fields->delimiter = ':';
	delimiters[0] = ret_fields->delimiter;
	ret_fields->text = strdup(list);
	if (ret_fields->text == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a list of attributes");
	at = ret_fields->text;
	while (at != NULL) {
		const char *name = strsep(&at, delimiters);

		if (ret_fields->count == HMC_FIELDS_MAX)
			return hmc_fail(err, HMC_USAGE,
					"The -F option has too many attributes", NULL,
					NULL);
		if (!hmc_name_is_valid(name))
			return hmc_fail(err, HMC_INVALID_ATTRIBUTE, name, NULL, NULL);
		ret_fields->names[ret_fields->count++] = name;
	}
	return HV_OK;
}

void hmc_fields_fini(struct hmc_fields *fields)
{
	free(fields->text);
	fields->text = NULL;
}

static const struct hmc_attribute *find(const struct hmc_attribute *table,
					const char *name)
{
	for (; table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static enum hv_code choose(struct hmc_list *list, struct hv_err *err)
{
	const struct hmc_fields *fields = list->fields;

	list->count = 0;
	for (unsigned i = 0; i < fields->count; i++) {
		const struct hmc_attribute *row = find(list->attributes,
						       fields->names[i]);

		if (row == NULL)
			return hmc_fail(err, HMC_INVALID_ATTRIBUTE, fields->names[i],
					NULL, NULL);
		list->shown[list->count++] = row;
	}
	if (fields->count != 0)
		return HV_OK;
	for (const struct hmc_attribute *row = list->attributes; row->name != NULL;
	     row++) {
		HV_INVARIANT(list->count < HMC_FIELDS_MAX);
		if (!row->is_on_request)
			list->shown[list->count++] = row;
	}
	return HV_OK;
}

enum hv_code hmc_list_start(struct hmc_list *list, struct hv_err *err)
{
	enum hv_code code = choose(list, err);

	list->rows = 0;
	if (code == HV_OK)
		code = hmc_filter_check(list->filter, list->filter_names, err);
	if (code != HV_OK || !list->fields->has_header)
		return code;
	for (unsigned i = 0; i < list->count; i++) {
		if (i > 0)
			(void)fputc(list->fields->delimiter, list->out);
		(void)fputs(list->shown[i]->name, list->out);
	}
	(void)fputc('\n', list->out);
	return HV_OK;
}

static void show(const struct hmc_list *list, const struct hmc_attribute *row,
		 const void *object, struct hmc_value *value)
{
	value->is_absent = true;
	value->text[0] = '\0';
	if (list->kind_of == NULL || (list->kind_of(object) & row->kinds) != 0)
		row->show(object, row->text, value);
}

static bool is_wanted(const struct hmc_list *list, const void *object)
{
	const struct hmc_filter_name *name = list->filter_names;
	struct hmc_value value;

	for (; name != NULL && name->name != NULL; name++) {
		const struct hmc_attribute *row = find(list->attributes, name->attribute);

		HV_INVARIANT(row != NULL);
		show(list, row, object, &value);
		if (!hmc_filter_matches(list->filter, name->name, value.text,
					row->ignores_case))
			return false;
	}
	return true;
}

/* In -F output a value with the delimiter is quoted, its quotes doubled. */
static void print_value(FILE *out, const struct hmc_value *value, char delimiter)
{
	const char *text = value->is_absent ? "null" : value->text;
	bool is_quoted = strchr(text, delimiter) != NULL || strpbrk(text, "\"\n") != NULL;

	if (!is_quoted) {
		(void)fputs(text, out);
		return;
	}
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			(void)fputc('"', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

void hmc_list_add(struct hmc_list *list, const void *object)
{
	struct hmc_value value;
	bool is_first = true;

	if (!is_wanted(list, object))
		return;
	list->rows++;
	for (unsigned i = 0; i < list->count; i++) {
		const struct hmc_attribute *row = list->shown[i];

		show(list, row, object, &value);
		if (value.is_absent && !list->fields->is_given)
			continue;
		if (!is_first)
			(void)fputc(list->fields->delimiter, list->out);
		is_first = false;
		if (list->fields->is_given)
			print_value(list->out, &value, list->fields->delimiter);
		else
			hmc_pair_print(list->out, row->name, HMC_SET, value.text);
	}
	(void)fputc('\n', list->out);
}

void hmc_list_end(struct hmc_list *list)
{
	if (list->rows == 0)
		(void)fputs("No results were found.\n", list->out);
}
