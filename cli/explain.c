/*
 * explain - tarn host explain-memory: where the hypervisor's own memory went, exactly,
 * and what the next partition will cost (SPEC R8).
 */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/model.h"

struct region {
	const char *name;
	const char *what;
	uint64_t bytes;
};

#define REGIONS 8

static unsigned list_regions(const struct cli_model *model, char *texts[3], size_t room,
			     struct region regions[REGIONS])
{
	const struct hv_reserve *sum = &model->sum;
	unsigned count = 0;

	(void)snprintf(texts[0], room, "%" PRIu32 " partitions created", sum->partitions);
	(void)snprintf(texts[1], room, "%" PRIu32 " I/O slots", model->profile.slots);
	(void)snprintf(texts[2], room, "tables of active partitions");
	regions[count++] = (struct region){ "management", "base", sum->base_bytes };
	regions[count++] = (struct region){ "management", texts[0], sum->creation_bytes };
	regions[count++] = (struct region){ "management", "partition directory",
					    sum->directory_bytes };
	regions[count++] = (struct region){ "management", "pool structures",
					    sum->pool_bytes };
	regions[count++] = (struct region){ "tce", texts[1], sum->slot_tce_bytes };
	regions[count++] = (struct region){ "tce", "virtual adapters",
					    sum->adapter_tce_bytes };
	regions[count++] = (struct region){ "page tables", texts[2], sum->hpt_bytes };
	regions[count++] = (struct region){ "slack", "free in the last block",
					    cli_model_slack(model) };
	return count;
}

static enum hv_code show_regions(struct cli *cli, const struct cli_model *model,
				 struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "REGION", false },
		{ "WHAT", false },
		{ "MIB", true },
	};
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns));
	char texts[3][64], mib[CLI_MIB_BYTES];
	char *list[3] = { texts[0], texts[1], texts[2] };
	struct region regions[REGIONS];
	unsigned count = list_regions(model, list, sizeof(texts[0]), regions);
	const char *last = "";

	for (unsigned i = 0; i < count; i++) {
		cli_cell(table, CLI_STRONG, "%s",
			 strcmp(last, regions[i].name) == 0 ? "" : regions[i].name);
		cli_cell(table, CLI_PLAIN, "%s", regions[i].what);
		cli_cell(table, regions[i].bytes == 0 ? CLI_DIM : CLI_PLAIN, "%s",
			 cli_mib(regions[i].bytes, mib));
		last = regions[i].name;
	}
	cli_cell(table, CLI_STRONG, "total");
	cli_cell(table, CLI_PLAIN, "%" PRIu64 " x %" PRIu64 " MiB",
		 cli_model_firmware(model, &model->sum) / model->lmb_bytes,
		 model->lmb_bytes >> 20);
	cli_cell(table, CLI_STRONG, "%s",
		 cli_mib(cli_model_firmware(model, &model->sum), mib));
	return cli_show_table(cli, table, 0, err);
}

static enum hv_code show_partitions(struct cli *cli, const struct cli_model *model,
				    struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "PARTITION", false }, { "STATE", false },     { "MAX MIB", true },
		{ "CREATION", true },   { "PAGE TABLE", true }, { "TCE", true },
		{ "TOTAL MIB", true },
	};
	struct cli_table *table;
	char a[CLI_MIB_BYTES];

	if (model->sum.partitions == 0)
		return HV_OK;
	(void)fputc('\n', cli->out);
	table = cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = 0; i < model->status->n_lpars; i++) {
		const Tarn__LparRecord *lpar = model->status->lpars[i]->record;
		struct hv_reserve_partition partition = cli_model_partition(lpar);
		struct hv_reserve_cost cost = hv_reserve_cost(&model->profile,
							      &partition);

		if (strcmp(lpar->host, model->host->record->name) != 0)
			continue;
		if (!partition.is_active)
			cost.hpt_bytes = cost.tce_bytes = 0;
		cli_cell(table, CLI_STRONG, "%s", lpar->spec->name);
		cli_cell(table, CLI_PLAIN, "%s", partition.is_active ? "active" : "off");
		cli_cell(table, CLI_PLAIN, "%s", cli_mib(lpar->spec->max_bytes, a));
		cli_cell(table, CLI_PLAIN, "%s", cli_mib(cost.creation_bytes, a));
		cli_cell(table, CLI_PLAIN, "%s", cli_mib(cost.hpt_bytes, a));
		cli_cell(table, CLI_PLAIN, "%s", cli_mib(cost.tce_bytes, a));
		cli_cell(table, CLI_PLAIN, "%s",
			 cli_mib(cost.creation_bytes + cost.hpt_bytes + cost.tce_bytes,
				 a));
	}
	return cli_show_table(cli, table, 0, err);
}

/* The last one of the host by name stands for the next; without one, 1 GiB. */
static struct hv_reserve_partition typical(const struct cli_model *model)
{
	struct hv_reserve_partition partition = { .max_bytes = UINT64_C(1) << 30,
						  .virtual_adapters = 2 };

	for (size_t i = 0; i < model->status->n_lpars; i++) {
		const Tarn__LparRecord *lpar = model->status->lpars[i]->record;

		if (strcmp(lpar->host, model->host->record->name) == 0)
			partition = cli_model_partition(lpar);
	}
	partition.is_active = false;
	return partition;
}

static void show_next(struct cli *cli, const struct cli_model *model)
{
	struct hv_reserve_partition partition = typical(model);
	unsigned more = cli_model_more(model, &partition);
	char size[CLI_SIZE_BYTES], now[CLI_SIZE_BYTES], then[CLI_SIZE_BYTES];
	uint64_t firmware = cli_model_firmware(model, &model->sum);

	hv_size_format(partition.max_bytes, size, sizeof(size));
	hv_size_format(firmware, now, sizeof(now));
	hv_size_format(firmware + model->lmb_bytes, then, sizeof(then));
	if (more == 0)
		(void)fprintf(cli->out,
			      "\nthe next partition of up to %s crosses the block: %s "
			      "becomes %s or more\n",
			      size, now, then);
	else
		(void)fprintf(
			cli->out,
			"\n%u more partition%s of up to %s fit%s into the slack; the "
			"one after crosses the block: %s becomes %s or more\n",
			more, more == 1 ? "" : "s", size, more == 1 ? "s" : "", now,
			then);
}

static enum hv_code show_json(struct cli *cli, const struct cli_model *model,
			      struct hv_err *err)
{
	struct hv_reserve_partition next = typical(model);
	struct cli_json *json = cli_json_new();
	char texts[3][64];
	char *list[3] = { texts[0], texts[1], texts[2] };
	struct region regions[REGIONS];
	unsigned count = list_regions(model, list, sizeof(texts[0]), regions);

	cli_json_text(json, "host", model->host->record->name);
	cli_json_text(json, "profile", model->profile.name);
	cli_json_bool(json, "declared", model->host->record->declared);
	cli_json_number(json, "lmb_bytes", model->lmb_bytes);
	cli_json_number(json, "firmware_bytes", cli_model_firmware(model, &model->sum));
	cli_json_number(json, "slack_bytes", cli_model_slack(model));
	cli_json_number(json, "next_max_bytes", next.max_bytes);
	cli_json_number(json, "next_before_block", cli_model_more(model, &next));
	cli_json_open_list(json, "regions");
	for (unsigned i = 0; i < count; i++) {
		cli_json_open_object(json, NULL);
		cli_json_text(json, "region", regions[i].name);
		cli_json_text(json, "what", regions[i].what);
		cli_json_number(json, "bytes", regions[i].bytes);
		cli_json_close(json);
	}
	cli_json_close(json);
	cli_json_open_list(json, "partitions");
	for (size_t i = 0; i < model->status->n_lpars; i++) {
		const Tarn__LparRecord *lpar = model->status->lpars[i]->record;
		struct hv_reserve_partition partition = cli_model_partition(lpar);
		struct hv_reserve_cost cost = hv_reserve_cost(&model->profile,
							      &partition);

		if (strcmp(lpar->host, model->host->record->name) != 0)
			continue;
		cli_json_open_object(json, NULL);
		cli_json_text(json, "name", lpar->spec->name);
		cli_json_bool(json, "active", partition.is_active);
		cli_json_number(json, "max_bytes", partition.max_bytes);
		cli_json_number(json, "creation_bytes", cost.creation_bytes);
		cli_json_number(json, "page_table_bytes",
				partition.is_active ? cost.hpt_bytes : 0);
		cli_json_number(json, "tce_bytes",
				partition.is_active ? cost.tce_bytes : 0);
		cli_json_close(json);
	}
	cli_json_close(json);
	return cli_show_json(cli, json, err);
}

static enum hv_code show_text(struct cli *cli, const struct cli_model *model,
			      struct hv_err *err)
{
	enum hv_code code;

	cli_tone_print(cli->out, CLI_STRONG, cli->is_colour, "%s",
		       model->host->record->name);
	(void)fprintf(cli->out, "  %s%s\n\n", model->profile.title,
		      model->host->record->declared ? " (declared)" : "");
	code = show_regions(cli, model, err);
	if (code == HV_OK)
		code = show_partitions(cli, model, err);
	if (code == HV_OK)
		show_next(cli, model);
	return code;
}

enum hv_code cli_host_explain(struct cli *cli, struct hv_err *err)
{
	struct cli_model model;
	Tarn__ClusterReply *reply;
	enum hv_code code = cli_ask_status(cli, false, &reply, err);

	if (code != HV_OK)
		return code;
	code = cli_model_make(reply->status, cli_text(&cli->args, "NAME"), &model, err);
	if (code == HV_OK)
		code = cli->is_json ? show_json(cli, &model, err)
				    : show_text(cli, &model, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
