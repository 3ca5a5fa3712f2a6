/* model - see model.h. */
#include "cli/model.h"

#include <stdio.h>
#include <string.h>

#include "cli/figures.h"

#define MORE_MAX 9999

const char *const cli_ratio_names[] = {
	"1:32", "1:64", "1:128", "1:256", "1:512", NULL,
};

uint32_t cli_ratio(uint64_t choice)
{
	return HV_HPT_RATIO_MIN << choice;
}

bool cli_model_is_active(const Tarn__LparRecord *lpar)
{
	return lpar->running || lpar->has_job;
}

struct hv_reserve_partition cli_model_partition(const Tarn__LparRecord *lpar)
{
	return (struct hv_reserve_partition){
		.max_bytes = lpar->spec->max_bytes,
		.hpt_ratio = lpar->spec->hpt_ratio,
		.virtual_adapters = lpar->spec->virtual_adapters,
		.is_active = cli_model_is_active(lpar),
	};
}

static void add_all(struct cli_model *model)
{
	const Tarn__HostRecord *host = model->host->record;

	hv_reserve_start(&model->sum, &model->profile);
	hv_reserve_pool(&model->sum, &model->profile,
			host->pool != NULL ? host->pool->max_bytes : 0);
	for (size_t i = 0; i < model->status->n_lpars; i++) {
		const Tarn__LparRecord *lpar = model->status->lpars[i]->record;
		struct hv_reserve_partition partition = cli_model_partition(lpar);

		if (strcmp(lpar->host, host->name) == 0)
			hv_reserve_add(&model->sum, &model->profile, &partition);
	}
}

enum hv_code cli_model_make(const Tarn__StatusReply *status, const char *host,
			    struct cli_model *ret_model, struct hv_err *err)
{
	const Tarn__HostView *view = cli_find_host(status, host);
	struct cli_model model = { .status = status, .host = view };
	enum hv_code code;

	if (view == NULL)
		return hv_fail(err, HV_E_NOTFOUND,
			       "host '%s' is not known; see 'tarn host list'", host);
	if (view->record->profile == NULL || view->record->lmb_bytes == 0)
		return hv_fail(err, HV_E_STATE, "host '%s' has no %s; %s", host,
			       view->record->profile == NULL ? "platform profile"
							     : "size",
			       view->record->profile == NULL
				       ? "start the coordinator with --profiles, remove "
					 "the host and add it again"
				       : "start its tarn-agent");
	code = hv_profile_from_message(view->record->profile, &model.profile, err);
	if (code != HV_OK)
		return code;
	model.lmb_bytes = view->record->lmb_bytes;
	add_all(&model);
	*ret_model = model;
	return HV_OK;
}

uint64_t cli_model_firmware(const struct cli_model *model, const struct hv_reserve *sum)
{
	return hv_reserve_firmware_bytes(sum, model->lmb_bytes);
}

uint64_t cli_model_slack(const struct cli_model *model)
{
	return cli_model_firmware(model, &model->sum) -
	       hv_reserve_exact_bytes(&model->sum);
}

unsigned cli_model_more(const struct cli_model *model,
			const struct hv_reserve_partition *partition)
{
	uint64_t now = cli_model_firmware(model, &model->sum);
	struct hv_reserve sum = model->sum;
	unsigned count = 0;

	while (count < MORE_MAX) {
		hv_reserve_add(&sum, &model->profile, partition);
		if (cli_model_firmware(model, &sum) > now)
			break;
		count++;
	}
	return count;
}

const char *cli_mib(uint64_t bytes, char buffer[CLI_MIB_BYTES])
{
	(void)snprintf(buffer, CLI_MIB_BYTES, "%.2f", (double)bytes / (1 << 20));
	return buffer;
}
