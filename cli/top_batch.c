/*
 * top_batch - tarn top, on a terminal or, with --batch, as lines for a log: one whole
 * list, or one JSON document, each interval. The first one is since activation.
 */
#include "cli/commands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top.h"

/* ---- documents ---- */

static void put_real(struct cli_json *json, const char *name, double value)
{
	if (!isnan(value))
		cli_json_real(json, name, value);
}

static void put_whole(struct cli_json *json, const char *name, double value)
{
	if (!isnan(value))
		cli_json_number(json, name, cli_meter_whole(value));
}

static void put_host(struct cli_json *json, const struct top_host *host)
{
	cli_json_open_object(json, NULL);
	cli_json_text(json, "name", host->name);
	cli_json_text(json, "state", host->state);
	if (host->has_pool) {
		cli_json_number(json, "pool_bytes", host->pool_bytes);
		cli_json_number(json, "frames", host->frames);
		cli_json_number(json, "frames_free", host->frames_free);
		cli_json_number(json, "logical_bytes", host->logical_bytes);
		put_real(json, "hpi_per_s", host->page_ins_per_s);
		put_real(json, "page_in_ms", host->page_in_ms);
	}
	cli_json_open_list(json, "vios");
	for (unsigned i = 0; i < TOP_VIOS && host->vios[i].name[0] != '\0'; i++) {
		cli_json_open_object(json, NULL);
		cli_json_text(json, "name", host->vios[i].name);
		cli_json_text(json, "state", host->vios[i].state);
		put_real(json, "reads_per_s", host->vios[i].reads_per_s);
		put_real(json, "writes_per_s", host->vios[i].writes_per_s);
		cli_json_close(json);
	}
	cli_json_close(json);
	cli_json_close(json);
}

static void put_row(struct cli_json *json, const struct top_row *row)
{
	const double *at = row->figures;

	cli_json_open_object(json, NULL);
	cli_json_text(json, "name", row->name);
	cli_json_text(json, "host", row->host);
	cli_json_text(json, "state", row->state);
	if (row->is_guest)
		cli_json_text(json, "runs", row->runs);
	put_real(json, "seconds", row->seconds);
	put_real(json, "physb", at[CLI_PHYSB]);
	put_real(json, "entc_percent", at[CLI_ENTC]);
	put_real(json, "hpi_per_s", at[CLI_HPI]);
	put_real(json, "hpit_ms_per_s", at[CLI_HPIT]);
	put_real(json, "hpo_per_s", at[CLI_HPO]);
	put_real(json, "faults_per_s", at[CLI_FAULTS]);
	put_real(json, "operations_per_s", at[CLI_OPS]);
	put_real(json, "iomaf_per_s", at[CLI_IOMAF]);
	put_whole(json, "memory_bytes", at[CLI_LOGICAL]);
	put_whole(json, "pmem_bytes", at[CLI_PMEM]);
	put_whole(json, "loan_bytes", at[CLI_LOAN]);
	put_whole(json, "paged_bytes", at[CLI_PAGED]);
	put_whole(json, "iomin_bytes", at[CLI_IOMIN]);
	put_whole(json, "iomu_bytes", at[CLI_IOMU]);
	put_whole(json, "iomf_bytes", at[CLI_IOMF]);
	put_whole(json, "iohwm_bytes", at[CLI_IOHWM]);
	put_real(json, "resynced_per_s", at[CLI_RESYNC]);
	put_whole(json, "missed_bytes", at[CLI_MISSED]);
	put_whole(json, "mirror_missed_bytes", at[CLI_MIRROR_MISSED]);
	cli_json_close(json);
}

static enum hv_code print_json(struct cli *cli, const struct top *top, struct hv_err *err)
{
	struct cli_json *json = cli_json_new();
	enum hv_code code;

	cli_json_number(json, "wall_ms", top->wall_ms);
	cli_json_open_list(json, "hosts");
	for (size_t i = 0; i < top->host_count; i++)
		put_host(json, &top->hosts[i]);
	cli_json_close(json);
	cli_json_open_list(json, "lpars");
	for (size_t i = 0; i < top->shown; i++)
		put_row(json, &top->rows[top->order[i]]);
	cli_json_close(json);
	code = cli_json_print_line(json, cli->out, err);
	cli_json_free(json);
	cli->has_document = true;
	return code;
}

/* ---- turns ---- */

static enum hv_code turn(struct cli *cli, struct top *top, struct hv_err *err)
{
	Tarn__ClusterRequest request;
	Tarn__ClusterReply *reply;
	bool has_more = true;

	while (has_more) {
		enum hv_code code;

		top->live.ask(&top->live, &request);
		code = cli_ask(cli, &request, &reply, err);
		if (code != HV_OK)
			return code;
		has_more = top->live.take(&top->live, reply);
		tarn__cluster_reply__free_unpacked(reply, NULL);
	}
	if (top->live.trouble[0] != '\0')
		return hv_fail(err, HV_E_CORRUPT, "%s", top->live.trouble);
	return HV_OK;
}

static enum hv_code print(struct cli *cli, struct top *top, struct hv_err *err)
{
	static const struct cli_size whole = { 0, 0 };
	enum hv_code code = HV_OK;

	cli_progress_end(cli);
	if (cli->is_json)
		code = print_json(cli, top, err);
	else
		top_draw(&top->live, &whole, cli->out);
	if (code == HV_OK && (fflush(cli->out) != 0 || ferror(cli->out)))
		code = hv_fail(err, HV_E_IO, "write the output");
	return code;
}

/* Ends with the count, when the coordinator is lost for good, or by a signal. */
static enum hv_code batch(struct cli *cli, struct top *top, uint64_t count,
			  struct hv_err *err)
{
	struct cli_world *world = cli->world;
	uint64_t at_ms = world->now_ms(world);
	enum hv_code code = HV_OK;

	for (uint64_t n = 0; code == HV_OK && (count == 0 || n < count); n++) {
		uint64_t now_ms = world->now_ms(world);

		if (at_ms > now_ms)
			world->sleep_ms(world, at_ms - now_ms);
		else
			at_ms = now_ms; /* an answer took longer than an interval */
		code = turn(cli, top, err);
		if (code == HV_OK)
			code = print(cli, top, err);
		at_ms += top->live.interval_ms;
	}
	return code;
}

static bool has_utf8(void)
{
	const char *names[] = { getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG") };

	for (unsigned i = 0; i < HV_COUNT(names); i++)
		if (names[i] != NULL && names[i][0] != '\0')
			return strcasestr(names[i], "utf-8") != NULL ||
			       strcasestr(names[i], "utf8") != NULL;
	return false;
}

enum hv_code cli_top(struct cli *cli, struct hv_err *err)
{
	uint64_t count = cli_number(&cli->args, "count", 0);
	uint64_t interval_s = cli_number(&cli->args, "interval", 0);
	bool is_batch = cli_flag(&cli->args, "batch");
	enum hv_code code;
	struct top top;

	if (!is_batch && (cli->is_json || cli_flag(&cli->args, "count")))
		return cli_usage(cli, err, "--json and --count go with --batch");
	if (cli_flag(&cli->args, "count") && count == 0)
		return cli_usage(cli, err, "--count must be more than 0");
	if (cli_flag(&cli->args, "interval") && interval_s == 0)
		return cli_usage(cli, err, "--interval must be more than 0");
	if (cli->url == NULL)
		return cli_usage(cli, err,
				 "no coordinator: set TARN_COORDINATOR or give "
				 "--coordinator URL");
	top_init(&top, cli);
	top.has_glyphs = has_utf8();
	if (interval_s > 0)
		top.live.interval_ms = interval_s * 1000;
	code = is_batch ? batch(cli, &top, count, err)
			: cli->world->watch(cli->world, cli->url, &top.live, err);
	top_fini(&top);
	return code;
}
