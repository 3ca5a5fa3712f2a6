/* show - see show.h: states, and lists by the options of a command. */
#include "cli/hmc/show.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct hmc_filter_name hmc_filter_lpar[] = { { "lpar_names", "lpar_name" },
						   { "lpar_ids", "lpar_id" },
						   { 0 } };

const char *hmc_system_state(const Tarn__HostView *host)
{
	if (host->record->declared)
		return "Operating";
	if (!host->connected)
		return "No Connection";
	return host->hypervisor_up ? "Operating" : "Power Off";
}

const char *hmc_partition_state(const Tarn__LparView *lpar)
{
	if (strcmp(lpar->state, "Waiting for paging") == 0)
		return "Running";
	return strcmp(lpar->state, "Unknown") == 0 ? "Not Available" : lpar->state;
}

bool hmc_partition_is_configured(const Tarn__LparView *lpar)
{
	return lpar->record->curr_profile != NULL;
}

const char *hmc_time_text(uint64_t wall_ms, int64_t utc_offset_s,
			  char buffer[HMC_TIME_BYTES])
{
	time_t at = (time_t)(wall_ms / 1000) + (time_t)utc_offset_s;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL ||
	    strftime(buffer, HMC_TIME_BYTES, "%m/%d/%Y %H:%M:%S", &tm) == 0)
		(void)snprintf(buffer, HMC_TIME_BYTES, "unavailable");
	return buffer;
}

enum hv_code hmc_output_start(struct hmc *hmc, const struct hmc_rows *rows,
			      struct hmc_output *ret_output, struct hv_err *err)
{
	const char *filter = hmc_text(hmc, "filter");
	enum hv_code code = HV_OK;

	memset(ret_output, 0, sizeof(*ret_output));
	ret_output->fields.delimiter = ',';
	if (hmc_has(hmc, "header") && !hmc_has(hmc, "F"))
		return hmc_usage(hmc, err,
				 "This option needs the -F option:", "--header");
	if (hmc_has(hmc, "F"))
		code = hmc_fields_parse(hmc_text(hmc, "F"), &ret_output->fields, err);
	ret_output->fields.has_header = hmc_has(hmc, "header");
	if (code == HV_OK && filter != NULL)
		code = hmc_filter_parse(filter, &ret_output->filter, err);
	ret_output->list = (struct hmc_list){
		.out = hmc->cli->out,
		.attributes = rows->attributes,
		.fields = &ret_output->fields,
		.filter = &ret_output->filter,
		.filter_names = rows->filter_names,
	};
	return code == HV_OK ? hmc_list_start(&ret_output->list, err) : code;
}

void hmc_output_end(struct hmc_output *output, enum hv_code code)
{
	if (code == HV_OK)
		hmc_list_end(&output->list);
	hmc_fields_fini(&output->fields);
	hmc_filter_fini(&output->filter);
}

enum hv_code hmc_list_one(struct hmc *hmc, const struct hmc_rows *rows,
			  const struct hmc_row *row, struct hv_err *err)
{
	struct hmc_output output;
	enum hv_code code = hmc_output_start(hmc, rows, &output, err);

	if (code == HV_OK)
		hmc_list_add(&output.list, row);
	hmc_output_end(&output, code);
	return code;
}

enum hv_code hmc_list_partitions(struct hmc *hmc, const struct hmc_rows *rows,
				 const struct hmc_system *system, struct hv_err *err)
{
	struct hmc_partitions partitions = { 0 };
	struct hmc_output output;
	enum hv_code code = hmc_partitions_take(system, &partitions, err);

	if (code != HV_OK)
		return code;
	code = hmc_output_start(hmc, rows, &output, err);
	for (size_t i = 0; code == HV_OK && i < partitions.count; i++)
		hmc_list_add(&output.list,
			     &(struct hmc_row){ .system = system,
						.host = system->host,
						.lpar = partitions.lpars[i] });
	hmc_output_end(&output, code);
	free(partitions.lpars);
	return code;
}
