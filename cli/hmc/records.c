/* records - the records of a command line, one after the other; see edit.h. */
#include "cli/hmc/edit.h"

#include <stdlib.h>
#include <string.h>

#include "cli/hmc/show.h"
#include "hvcore/base/file.h"

#define FILE_BYTES_MAX (1u << 20) /* arbitrary: 4096 partitions */

static enum hv_code do_text(const struct hmc_order *order, const char *text,
			    hmc_record_do *one, struct hv_err *err)
{
	struct hmc_record record;
	enum hv_code code = hmc_record_parse(text, &record, err);

	if (code == HV_OK)
		code = one(order, &record, err);
	hmc_record_fini(&record);
	return code;
}

/* Blank lines do not count. */
static enum hv_code do_lines(const struct hmc_order *order, const char *text,
			     hmc_record_do *one, struct hv_err *err)
{
	enum hv_code code = HV_OK;
	char *copy = strdup(text), *at = copy;

	if (copy == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a file");
	while (at != NULL && code == HV_OK) {
		char *line = strsep(&at, "\n");

		line[strcspn(line, "\r")] = '\0';
		if (line[strspn(line, " \t")] != '\0')
			code = do_text(order, line, one, err);
	}
	free(copy);
	return code;
}

static enum hv_code do_all(struct hmc_order *order, const char *text, bool is_file,
			   hmc_record_do *one, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	for (unsigned pass = 0; pass < 2 && code == HV_OK; pass++) {
		order->is_trial = pass == 0;
		code = is_file ? do_lines(order, text, one, err)
			       : do_text(order, text, one, err);
	}
	return code;
}

enum hv_code hmc_take_whose(const struct hmc_pair *pair, const Tarn__LparView *lpar,
			    bool *ret_is_it, struct hv_err *err)
{
	*ret_is_it = strcmp(pair->name, "lpar_name") == 0 ||
		     strcmp(pair->name, "lpar_id") == 0 ||
		     strcmp(pair->name, "lpar_env") == 0;
	if (strcmp(pair->name, "lpar_env") != 0 ||
	    strcmp(pair->value, hmc_lpar_attribute(lpar->record, "lpar_env")) == 0)
		return HV_OK;
	return hmc_fail(err, HMC_READ_ONLY, pair->name, NULL, NULL);
}

enum hv_code hmc_record_partition(const struct hmc_system *system,
				  const struct hmc_record *record,
				  const Tarn__LparView **ret_lpar, struct hv_err *err)
{
	const struct hmc_pair *name = hmc_record_find(record, "lpar_name");
	const struct hmc_pair *id = hmc_record_find(record, "lpar_id");

	if (name == NULL && id == NULL)
		return hmc_fail(err, HMC_MISSING_ATTRIBUTE, "lpar_name", NULL, NULL);
	return hmc_partition_find(system, name != NULL ? name->value : NULL,
				  id != NULL ? id->value : NULL, ret_lpar, err);
}

static enum hv_code check_options(struct hmc *hmc, struct hv_err *err)
{
	if (hmc_has(hmc, "i") != hmc_has(hmc, "f"))
		return HV_OK;
	return hmc_usage(hmc, err, "Enter one of these options:", "-i or -f");
}

enum hv_code hmc_records_of(struct hmc *hmc, const struct hmc_system *system,
			    hmc_record_do *one, struct hv_err *err)
{
	const char *data = hmc_text(hmc, "i"), *path = hmc_text(hmc, "f");
	struct hmc_order order = { hmc, system, true };
	uint8_t *bytes = NULL;
	size_t count;
	enum hv_code code = check_options(hmc, err);

	if (code == HV_OK && path != NULL)
		code = hv_file_read(path, FILE_BYTES_MAX, &bytes, &count, err);
	if (code == HV_OK)
		code = do_all(&order, path != NULL ? (const char *)bytes : data,
			      path != NULL, one, err);
	free(bytes);
	return code;
}

enum hv_code hmc_records(struct hmc *hmc, hmc_record_do *one, struct hv_err *err)
{
	struct hmc_system system = { 0 };
	enum hv_code code = check_options(hmc, err);

	if (code == HV_OK)
		code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK)
		code = hmc_records_of(hmc, &system, one, err);
	hmc_system_fini(&system);
	return code;
}
