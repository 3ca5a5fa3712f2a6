/* filter - see filter.h. */
#include "cli/hmc/filter.h"

#include <string.h>

#include "cli/hmc/errors.h"

static enum hv_code check_values(const struct hmc_pair *pair, struct hv_err *err)
{
	const char *at = pair->value;
	char element[HMC_ELEMENT_BYTES];
	bool is_bad = false;

	if (pair->op != HMC_SET || *at == '\0')
		return hmc_fail(err, HMC_INVALID_FILTER, pair->name, NULL, NULL);
	while (hmc_list_next(&at, element, &is_bad))
		continue;
	if (is_bad)
		return hmc_fail(err, HMC_INVALID_FILTER, pair->name, NULL, NULL);
	return HV_OK;
}

enum hv_code hmc_filter_parse(const char *text, struct hmc_filter *ret_filter,
			      struct hv_err *err)
{
	enum hv_code code = hmc_record_parse(text, &ret_filter->record, err);

	if (code == HV_OK && ret_filter->record.count == 0)
		return hmc_fail(err, HMC_INVALID_FILTER, text, NULL, NULL);
	for (unsigned i = 0; i < ret_filter->record.count && code == HV_OK; i++)
		code = check_values(&ret_filter->record.pairs[i], err);
	return code;
}

void hmc_filter_fini(struct hmc_filter *filter)
{
	hmc_record_fini(&filter->record);
}

static bool is_among(const struct hmc_filter_name *names, const char *name)
{
	for (; names != NULL && names->name != NULL; names++)
		if (strcmp(names->name, name) == 0)
			return true;
	return false;
}

enum hv_code hmc_filter_check(const struct hmc_filter *filter,
			      const struct hmc_filter_name *names, struct hv_err *err)
{
	for (unsigned i = 0; i < filter->record.count; i++)
		if (!is_among(names, filter->record.pairs[i].name))
			return hmc_fail(err, HMC_INVALID_FILTER,
					filter->record.pairs[i].name, NULL, NULL);
	return HV_OK;
}

bool hmc_filter_matches(const struct hmc_filter *filter, const char *name,
			const char *value, bool ignores_case)
{
	const struct hmc_pair *pair = hmc_record_find(&filter->record, name);
	const char *at;
	char element[HMC_ELEMENT_BYTES];
	bool is_bad;

	if (pair == NULL)
		return true;
	at = pair->value;
	while (hmc_list_next(&at, element, &is_bad))
		if ((ignores_case ? strcasecmp(element, value)
				  : strcmp(element, value)) == 0)
			return true;
	return false;
}
