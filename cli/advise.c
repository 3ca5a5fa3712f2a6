/*
 * advise - what a maximum costs before it is set (tarn lpar what-if), and which
 * maxima waste memory (tarn host advise): SPEC R8.
 */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/model.h"

/* ---- what-if ---- */

/* Firmware with one partition more, off and active, in whole blocks. */
struct outcome {
	struct hv_reserve_cost cost;
	uint64_t now, created, active;
};

static uint64_t with(const struct cli_model *model, struct hv_reserve_partition partition,
		     bool is_active)
{
	struct hv_reserve sum = model->sum;

	partition.is_active = is_active;
	hv_reserve_add(&sum, &model->profile, &partition);
	return cli_model_firmware(model, &sum);
}

static struct outcome judge(const struct cli_model *model,
			    const struct hv_reserve_partition *partition)
{
	return (struct outcome){
		.cost = hv_reserve_cost(&model->profile, partition),
		.now = cli_model_firmware(model, &model->sum),
		.created = with(model, *partition, false),
		.active = with(model, *partition, true),
	};
}

static void outcome_row(struct cli_table *table, const char *host,
			const struct outcome *outcome)
{
	char a[CLI_MIB_BYTES];

	cli_cell(table, CLI_STRONG, "%s", host);
	cli_cell(table, CLI_PLAIN, "%s", cli_mib(outcome->cost.creation_bytes, a));
	cli_cell(table, CLI_PLAIN, "%s", cli_mib(outcome->cost.hpt_bytes, a));
	cli_cell(table, CLI_PLAIN, "%s", cli_mib(outcome->cost.tce_bytes, a));
	cli_cell(table, CLI_PLAIN, "%s", cli_mib(outcome->now, a));
	cli_cell(table, outcome->created > outcome->now ? CLI_WARN : CLI_PLAIN, "%s",
		 cli_mib(outcome->created, a));
	cli_cell(table, outcome->active > outcome->now ? CLI_WARN : CLI_PLAIN, "%s",
		 cli_mib(outcome->active, a));
}

static void outcome_json(struct cli_json *json, const char *host,
			 const struct outcome *outcome)
{
	cli_json_open_object(json, NULL);
	cli_json_text(json, "host", host);
	cli_json_number(json, "creation_bytes", outcome->cost.creation_bytes);
	cli_json_number(json, "page_table_bytes", outcome->cost.hpt_bytes);
	cli_json_number(json, "tce_bytes", outcome->cost.tce_bytes);
	cli_json_number(json, "firmware_now_bytes", outcome->now);
	cli_json_number(json, "firmware_created_bytes", outcome->created);
	cli_json_number(json, "firmware_active_bytes", outcome->active);
	cli_json_close(json);
}

static enum hv_code what_if(struct cli *cli, const Tarn__StatusReply *status,
			    struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "HOST", false },        { "CREATION", true },
		{ "PAGE TABLE", true },   { "TCE", true },
		{ "FIRMWARE NOW", true }, { "ONCE CREATED", true },
		{ "WHILE ACTIVE", true },
	};
	const char *only = cli_text(&cli->args, "host");
	const struct cli_value *ratio = cli_value(&cli->args, "hpt-ratio");
	struct hv_reserve_partition partition = {
		.max_bytes = cli_number(&cli->args, "max", 0),
		.hpt_ratio = ratio->is_set ? cli_ratio(ratio->number) : 0,
		.virtual_adapters = (uint32_t)cli_number(&cli->args, "adapters", 2),
	};
	struct cli_table *table = cli->is_json
					  ? NULL
					  : cli_table_new(columns, HV_COUNT(columns));
	struct cli_json *json = cli->is_json ? cli_json_new() : NULL;
	struct cli_model model;
	enum hv_code code = HV_OK;

	cli_json_open_list(json, "hosts");
	for (size_t i = 0; i < status->n_hosts; i++) {
		const char *name = status->hosts[i]->record->name;
		struct outcome outcome;

		if (only != NULL && strcmp(only, name) != 0)
			continue;
		code = cli_model_make(status, name, &model, err);
		if (code != HV_OK && only != NULL)
			break;
		if (code != HV_OK)
			continue; /* no model: nothing to say of it */
		outcome = judge(&model, &partition);
		if (cli->is_json)
			outcome_json(json, name, &outcome);
		else
			outcome_row(table, name, &outcome);
	}
	cli_json_close(json);
	if (only != NULL && code != HV_OK) {
		cli_table_free(table);
		cli_json_free(json);
		return code;
	}
	return cli->is_json ? cli_show_json(cli, json, err)
			    : cli_show_table(cli, table, 0, err);
}

static enum hv_code check_what_if(struct cli *cli, const Tarn__StatusReply *status,
				  struct hv_err *err)
{
	const char *only = cli_text(&cli->args, "host");
	uint64_t max = cli_number(&cli->args, "max", 0);
	struct cli_model model;

	if (max == 0 || max > HV_LPAR_BYTES_MAX)
		return cli_usage(cli, err, "--max must be more than 0 and at most 1T");
	return only != NULL ? cli_model_make(status, only, &model, err) : HV_OK;
}

enum hv_code cli_lpar_what_if(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	enum hv_code code = cli_ask_status(cli, false, &reply, err);

	if (code != HV_OK)
		return code;
	code = check_what_if(cli, reply->status, err);
	if (code == HV_OK)
		code = what_if(cli, reply->status, err);
	if (code == HV_OK && !cli->is_json)
		(void)fputs("all in MiB\n", cli->out);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

/* ---- advise ---- */

static uint64_t total(const struct cli_model *model,
		      struct hv_reserve_partition partition)
{
	struct hv_reserve_cost cost = hv_reserve_cost(&model->profile, &partition);

	return cost.creation_bytes +
	       (partition.is_active ? cost.hpt_bytes + cost.tce_bytes : 0);
}

/* What would be won if its maximum were its memory. */
static uint64_t waste(const struct cli_model *model, const Tarn__LparRecord *lpar)
{
	struct hv_reserve_partition partition = cli_model_partition(lpar);
	uint64_t now = total(model, partition);

	partition.max_bytes = lpar->spec->mem_bytes;
	return now - total(model, partition);
}

static uint64_t advise_host(const struct cli_model *model, struct cli_table *table,
			    struct cli_json *json)
{
	const char *host = model->host->record->name;
	uint64_t sum = 0;
	char a[CLI_MIB_BYTES];

	for (size_t i = 0; i < model->status->n_lpars; i++) {
		const Tarn__LparRecord *lpar = model->status->lpars[i]->record;
		uint64_t bytes;

		if (strcmp(lpar->host, host) != 0)
			continue;
		bytes = waste(model, lpar);
		sum += bytes;
		if (bytes == 0)
			continue;
		cli_cell(table, CLI_STRONG, "%s", lpar->spec->name);
		cli_cell(table, CLI_PLAIN, "%s", host);
		cli_cell(table, CLI_PLAIN, "%s", cli_mib(lpar->spec->mem_bytes, a));
		cli_cell(table, CLI_PLAIN, "%s", cli_mib(lpar->spec->max_bytes, a));
		cli_cell(table, CLI_WARN, "%s", cli_mib(bytes, a));
		cli_json_open_object(json, NULL);
		cli_json_text(json, "name", lpar->spec->name);
		cli_json_text(json, "host", host);
		cli_json_number(json, "mem_bytes", lpar->spec->mem_bytes);
		cli_json_number(json, "max_bytes", lpar->spec->max_bytes);
		cli_json_number(json, "recoverable_bytes", bytes);
		cli_json_close(json);
	}
	return sum;
}

static uint64_t blocks_won(const struct cli_model *model, uint64_t bytes)
{
	uint64_t exact = hv_reserve_exact_bytes(&model->sum) - bytes;
	uint64_t blocks = (exact + model->lmb_bytes - 1) / model->lmb_bytes;

	return cli_model_firmware(model, &model->sum) / model->lmb_bytes - blocks;
}

static enum hv_code advise(struct cli *cli, const Tarn__StatusReply *status,
			   struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "PARTITION", false },      { "HOST", false },
		{ "MEMORY MIB", true },      { "MAX MIB", true },
		{ "RECOVERABLE MIB", true },
	};
	const char *only = cli_text(&cli->args, "NAME");
	struct cli_table *table = cli->is_json
					  ? NULL
					  : cli_table_new(columns, HV_COUNT(columns));
	struct cli_json *json = cli->is_json ? cli_json_new() : NULL;
	uint64_t bytes = 0, blocks = 0;
	char a[CLI_MIB_BYTES];
	enum hv_code code;

	cli_json_open_list(json, "partitions");
	for (size_t i = 0; i < status->n_hosts; i++) {
		const char *name = status->hosts[i]->record->name;
		struct cli_model model;
		uint64_t won;

		if ((only != NULL && strcmp(only, name) != 0) ||
		    cli_model_make(status, name, &model, NULL) != HV_OK)
			continue;
		won = advise_host(&model, table, json);
		bytes += won;
		blocks += blocks_won(&model, won);
	}
	cli_json_close(json);
	cli_json_number(json, "recoverable_bytes", bytes);
	cli_json_number(json, "recoverable_blocks", blocks);
	if (cli->is_json)
		return cli_show_json(cli, json, err);
	if (bytes == 0) {
		cli_table_free(table);
		(void)fputs("no maximum costs more than it must\n", cli->out);
		return HV_OK;
	}
	code = cli_show_table(cli, table, 0, err);
	if (code == HV_OK)
		(void)fprintf(
			cli->out,
			"\nwith the maximum at the memory that each has now, %s MiB "
			"are won: %" PRIu64 " whole block%s\n",
			cli_mib(bytes, a), blocks, blocks == 1 ? "" : "s");
	return code;
}

enum hv_code cli_host_advise(struct cli *cli, struct hv_err *err)
{
	const char *only = cli_text(&cli->args, "NAME");
	struct cli_model model;
	Tarn__ClusterReply *reply;
	enum hv_code code = cli_ask_status(cli, false, &reply, err);

	if (code != HV_OK)
		return code;
	if (only != NULL)
		code = cli_model_make(reply->status, only, &model, err);
	if (code == HV_OK)
		code = advise(cli, reply->status, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
