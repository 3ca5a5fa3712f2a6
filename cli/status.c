/*
 * status - tarn status: the cluster on one screen.
 *
 * Hosts with their pool and VIOS pair, then partitions; what waits or is degraded
 * is said with its reason.
 */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/guest.h"
#include "cli/mirror.h"
#include "cli/words.h"
#include "hvcore/base/units.h"

static void head(struct cli *cli, const Tarn__StatusReply *status)
{
	unsigned machines = 0, up = 0, running = 0, waiting = 0, ended = 0;

	for (size_t i = 0; i < status->n_hosts; i++) {
		machines += !status->hosts[i]->record->declared ||
			    status->hosts[i]->record->has_agent_id;
		up += status->hosts[i]->connected && status->hosts[i]->hypervisor_up;
	}
	for (size_t i = 0; i < status->n_lpars; i++) {
		running += strcmp(status->lpars[i]->state, "Running") == 0;
		waiting += strcmp(status->lpars[i]->state, "Waiting for paging") == 0;
		ended += status->lpars[i]->record->ended_unasked;
	}
	(void)fprintf(cli->out, "%u of %u hosts up, %u of %zu partitions running", up,
		      machines, running, status->n_lpars);
	if (waiting > 0) {
		(void)fputs(", ", cli->out);
		cli_tone_print(cli->out, CLI_BAD, cli->is_colour, "%u waiting for paging",
			       waiting);
	}
	if (ended > 0) {
		(void)fputs(", ", cli->out);
		cli_tone_print(cli->out, CLI_BAD, cli->is_colour, "%u ended by itself",
			       ended);
	}
	(void)fprintf(cli->out, "  (revision %" PRIu64 ", epoch %" PRIu64 ")\n",
		      status->revision, status->epoch);
}

static void pool_cells(struct cli_table *table, const Tarn__HostView *host)
{
	const Tarn__PoolStat *pool = host->stat != NULL ? host->stat->pool : NULL;
	char a[CLI_SIZE_BYTES], bar[CLI_BAR_BYTES];

	if (host->record->pool == NULL) {
		cli_cell(table, CLI_DIM, "none");
		cli_cell(table, CLI_DIM, "-");
		return;
	}
	cli_cell(table, CLI_PLAIN, "%s",
		 hv_size_format(host->record->pool->mem_bytes, a, sizeof(a)));
	if (pool == NULL)
		cli_cell(table, CLI_DIM, "-");
	else
		cli_cell(table,
			 pool->frames_free < pool->low_water ? CLI_WARN : CLI_PLAIN, "%s",
			 cli_bar(pool->frames - pool->frames_free, pool->frames, bar,
				 sizeof(bar)));
}

/* Its state, and who it is where the column's title does not say so. */
static void vios_cell(struct cli_table *table, const Tarn__HostView *host, unsigned at)
{
	static const char *const usual[] = { "vios1", "vios2" };
	const char *name = host->record->vios[at]->name;
	struct cli_word word = cli_vios_word(host, name);

	if (strcmp(name, usual[at]) == 0)
		cli_cell(table, word.tone, "%s", word.text);
	else
		cli_cell(table, word.tone, "%s %s", name, word.text);
}

static void host_row(struct cli_table *table, const Tarn__StatusReply *status,
		     const Tarn__HostView *host)
{
	struct cli_word word = cli_host_word(host);
	char a[CLI_SIZE_BYTES];
	struct cli_sum sum;
	bool is_redundant = cli_is_redundant(status, host);

	cli_sum_host(&sum, status, host->record->name);
	cli_cell(table, CLI_STRONG, "%s", host->record->name);
	cli_cell(table, word.tone, "%s", word.text);
	pool_cells(table, host);
	cli_cell(table, CLI_PLAIN, "%s",
		 hv_size_format(sum.shared_logical_bytes, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s", cli_pages(sum.stolen_pages, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%" PRIu64, sum.page_ins);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, sum.page_outs);
	for (unsigned i = 0; i < 2; i++) {
		if (i >= host->record->n_vios) {
			cli_cell(table, CLI_DIM, "-");
			continue;
		}
		vios_cell(table, host, i);
	}
	cli_cell(table, is_redundant ? CLI_GOOD : CLI_BAD, "%s",
		 is_redundant ? "yes" : "no");
}

static enum hv_code hosts(struct cli *cli, const Tarn__StatusReply *status,
			  struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "HOST", false },    { "STATE", false },     { "POOL", true },
		{ "IN USE", false },  { "LOGICAL", true },    { "PAGED OUT", true },
		{ "PAGE-INS", true }, { "PAGE-OUTS", true },  { "VIOS1", false },
		{ "VIOS2", false },   { "REDUNDANT", false },
	};
	struct cli_table *table;

	if (status->n_hosts == 0)
		return HV_OK;
	(void)fputc('\n', cli->out);
	table = cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = 0; i < status->n_hosts; i++)
		host_row(table, status, status->hosts[i]);
	return cli_show_table(cli, table, 0, err);
}

static void lpar_row(struct cli_table *table, const Tarn__LparView *lpar, bool has_guests)
{
	const Tarn__LparSpec *spec = lpar->record->spec;
	const Tarn__PartitionStat *stat = lpar->stat;
	struct cli_word word = cli_lpar_word(lpar);
	char a[CLI_SIZE_BYTES], runs[CLI_RUNS_BYTES];

	cli_cell(table, CLI_STRONG, "%s", spec->name);
	cli_cell(table, CLI_PLAIN, "%s", lpar->record->host);
	cli_cell(table, CLI_PLAIN, "%s",
		 cli_enum_name(&tarn__memory_mode__descriptor, spec->mode, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s", hv_size_format(spec->mem_bytes, a, sizeof(a)));
	if (stat == NULL) {
		for (unsigned i = 0; i < 5; i++)
			cli_cell(table, CLI_DIM, "-");
	} else {
		cli_cell(table, CLI_PLAIN, "%s",
			 cli_pages(stat->resident_pages, a, sizeof(a)));
		cli_cell(table, CLI_PLAIN, "%s",
			 cli_pages(stat->stolen_pages, a, sizeof(a)));
		cli_cell(table, CLI_PLAIN, "%" PRIu64, stat->faults);
		cli_cell(table, CLI_PLAIN, "%" PRIu64, stat->page_ins);
		if (spec->guest != NULL)
			cli_cell(table, CLI_DIM, "-");
		else
			cli_cell(table, CLI_PLAIN, "%" PRIu64, stat->operations_per_s);
	}
	if (has_guests)
		cli_cell(table, CLI_PLAIN, "%s", cli_runs_text(lpar, runs));
	cli_cell(table, word.tone, "%s", word.text);
}

static enum hv_code lpars(struct cli *cli, const Tarn__StatusReply *status,
			  struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "PARTITION", false }, { "HOST", false },    { "MODE", false },
		{ "LOGICAL", true },    { "RESIDENT", true }, { "PAGED OUT", true },
		{ "FAULTS", true },     { "PAGE-INS", true }, { "OPS/S", true },
		{ "STATE", false },
	};
	static const struct cli_column with_guests[] = {
		{ "PARTITION", false }, { "HOST", false },    { "MODE", false },
		{ "LOGICAL", true },    { "RESIDENT", true }, { "PAGED OUT", true },
		{ "FAULTS", true },     { "PAGE-INS", true }, { "OPS/S", true },
		{ "RUNS", false },      { "STATE", false },
	};
	bool has_guests = cli_has_guests(status->n_lpars, status->lpars);
	struct cli_table *table;

	if (status->n_lpars == 0)
		return HV_OK;
	(void)fputc('\n', cli->out);
	table = has_guests ? cli_table_new(with_guests, HV_COUNT(with_guests))
			   : cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = 0; i < status->n_lpars; i++)
		lpar_row(table, status->lpars[i], has_guests);
	return cli_show_table(cli, table, 0, err);
}

static void put_off(struct cli *cli, const Tarn__HostView *host)
{
	for (size_t i = 0; host->stat != NULL && i < host->stat->n_vios; i++) {
		const Tarn__ViosStat *vios = host->stat->vios[i];

		if (!vios->has_failback_wait_ms)
			continue;
		cli_tone_print(cli->out, CLI_WARN, cli->is_colour,
			       "\nhost %s: VIOS %s ended soon after partitions went back "
			       "to it; by themselves they go back when it has been ready "
			       "for %.1f s\n",
			       host->record->name, vios->name,
			       (double)vios->failback_wait_ms / 1000);
	}
}

/* What a column has no room for: a failed audit, a pool that changes, mirrors. */
static void remarks(struct cli *cli, const Tarn__StatusReply *status)
{
	for (size_t i = 0; i < status->n_hosts; i++) {
		const Tarn__HostView *host = status->hosts[i];

		if (host->stat != NULL && host->stat->has_audit_ok &&
		    !host->stat->audit_ok) {
			cli_tone_print(
				cli->out, CLI_BAD, cli->is_colour,
				"\nhost %s: audit failed: %s\n", host->record->name,
				host->stat->audit_text != NULL ? host->stat->audit_text
							       : "no text");
		}
		put_off(cli, host);
		if (host->record->has_pool_job)
			(void)fprintf(cli->out,
				      "\nhost %s: pool is being changed (job %" PRIu64
				      ")\n",
				      host->record->name, host->record->pool_job);
	}
	cli_mirror_remarks(cli, status, "\n");
}

enum hv_code cli_status(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	struct cli_json *json;
	enum hv_code code = cli_ask_status(cli, cli->is_json, &reply, err);

	if (code != HV_OK)
		return code;
	if (cli->is_json) {
		json = cli_json_new();
		cli_json_fields(json, &reply->status->base);
		code = cli_show_json(cli, json, err);
	} else {
		head(cli, reply->status);
		code = hosts(cli, reply->status, err);
		if (code == HV_OK)
			code = lpars(cli, reply->status, err);
		remarks(cli, reply->status);
	}
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
