/* lpar - tarn lpar list, create, activate, shutdown, remove (show: lpar_show.c; memory:
 * lpar_memory.c) */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/guest.h"
#include "cli/list.h"
#include "cli/spec.h"
#include "cli/words.h"
#include "hvcore/base/units.h"

static void list_row(struct cli_table *table, const Tarn__LparView *lpar)
{
	const Tarn__LparSpec *spec = lpar->record->spec;
	struct cli_word word = cli_lpar_word(lpar);
	char a[CLI_SIZE_BYTES], mode[16];

	cli_cell(table, CLI_STRONG, "%s", spec->name);
	cli_cell(table, CLI_PLAIN, "%s", lpar->record->host);
	cli_cell(table, CLI_PLAIN, "%s",
		 cli_enum_name(&tarn__memory_mode__descriptor, spec->mode, mode,
			       sizeof(mode)));
	cli_cell(table, word.tone, "%s", word.text);
	cli_cell(table, CLI_PLAIN, "%s", hv_size_format(spec->mem_bytes, a, sizeof(a)));
	if (spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		cli_cell(table, CLI_PLAIN, "%" PRIu32, spec->weight);
	else
		cli_cell(table, CLI_DIM, "-");
	cli_cell(table, CLI_PLAIN, "%s%s%s",
		 lpar->record->device != NULL ? lpar->record->device : "-",
		 lpar->record->mirror != NULL ? "+" : "",
		 lpar->record->mirror != NULL ? lpar->record->mirror : "");
	if (lpar->stat == NULL) {
		for (unsigned i = 0; i < 5; i++)
			cli_cell(table, CLI_DIM, "-");
		return;
	}
	cli_cell(table, CLI_PLAIN, "%s",
		 cli_pages(lpar->stat->resident_pages, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s",
		 cli_pages(lpar->stat->stolen_pages, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%" PRIu64, lpar->stat->page_ins);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, lpar->stat->page_outs);
	if (spec->guest != NULL)
		cli_cell(table, CLI_DIM, "-");
	else
		cli_cell(table, CLI_PLAIN, "%" PRIu64, lpar->stat->operations_per_s);
}

static enum hv_code list_table(struct cli *cli, const Tarn__StatusReply *status,
			       const char *only, struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "PARTITION", false }, { "HOST", false },     { "MODE", false },
		{ "STATE", false },     { "MEMORY", true },    { "WEIGHT", true },
		{ "DEVICE", false },    { "RESIDENT", true },  { "PAGED OUT", true },
		{ "PAGE-INS", true },   { "PAGE-OUTS", true }, { "OPS/S", true },
		{ "RUNS", false },
	};
	bool has_guests = cli_has_guests(status->n_lpars, status->lpars);
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns) - !has_guests);
	char runs[CLI_RUNS_BYTES];
	unsigned shown = 0;

	for (size_t i = 0; i < status->n_lpars; i++) {
		if (!cli_list_is_wanted(status->lpars[i]->record->host, only))
			continue;
		list_row(table, status->lpars[i]);
		if (has_guests)
			cli_cell(table, CLI_PLAIN, "%s",
				 cli_runs_text(status->lpars[i], runs));
		shown++;
	}
	if (shown == 0) {
		cli_table_free(table);
		(void)fputs("no partitions: define one with 'tarn lpar create'\n",
			    cli->out);
		return HV_OK;
	}
	return cli_show_table(cli, table, 0, err);
}

static enum hv_code list_json(struct cli *cli, const Tarn__StatusReply *status,
			      const char *only, struct hv_err *err)
{
	struct cli_json *json = cli_json_new();

	cli_json_open_list(json, "lpars");
	for (size_t i = 0; i < status->n_lpars; i++) {
		if (!cli_list_is_wanted(status->lpars[i]->record->host, only))
			continue;
		cli_json_open_object(json, NULL);
		cli_json_fields(json, &status->lpars[i]->base);
		cli_json_close(json);
	}
	cli_json_close(json);
	return cli_show_json(cli, json, err);
}

enum hv_code cli_lpar_list(struct cli *cli, struct hv_err *err)
{
	static const struct cli_list list = { list_table, list_json, true };

	return cli_list(cli, &list, err);
}

static enum hv_code tell_created(struct cli *cli, const struct cli_spec *spec,
				 const Tarn__ClusterReply *reply, struct hv_err *err)
{
	const Tarn__PlacementReply *placement = reply->placement;
	const char *host = placement != NULL && placement->host != NULL
				   ? placement->host
				   : spec->create.host;
	struct cli_json *json;

	if (!cli->is_json) {
		(void)fprintf(cli->out, "partition '%s' defined on host '%s'\n",
			      spec->spec.name, host != NULL ? host : "?");
		return HV_OK;
	}
	json = cli_json_new();
	cli_json_text(json, "result", "partition defined");
	cli_json_text(json, "name", spec->spec.name);
	if (host != NULL)
		cli_json_text(json, "host", host);
	if (reply->has_revision)
		cli_json_number(json, "revision", reply->revision);
	if (placement != NULL) {
		cli_json_open_object(json, "placement");
		cli_json_fields(json, &placement->base);
		cli_json_close(json);
	}
	return cli_show_json(cli, json, err);
}

enum hv_code cli_lpar_create(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	struct cli_spec spec;
	Tarn__ClusterReply *reply;
	enum hv_code code = cli_spec_take(cli, &spec, err);

	if (code != HV_OK)
		return code;
	if (spec.create.dry_run)
		return cli_spec_try(cli, &spec, err);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	request.lpar_create = &spec.create;
	code = cli_ask(cli, &request, &reply, err);
	if (code != HV_OK)
		return code;
	code = tell_created(cli, &spec, reply, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

static enum hv_code show_conditions(struct cli *cli, const Tarn__PlacementReply *reply,
				    struct hv_err *err)
{
	struct cli_json *json;

	if (cli->is_json) {
		json = cli_json_new();
		cli_json_fields(json, &reply->base);
		return cli_show_json(cli, json, err);
	}
	if (reply->n_reasons == 0)
		(void)fprintf(cli->out, "would start on host '%s'\n", reply->host);
	for (size_t i = 0; i < reply->n_reasons; i++) {
		cli_tone_print(cli->out, CLI_BAD, cli->is_colour, "not met");
		(void)fprintf(cli->out, "  %s\n", reply->reasons[i]->text);
	}
	return HV_OK;
}

/* Fails where it would not start: a script may ask first. */
static enum hv_code try_activation(struct cli *cli, Tarn__ClusterRequest *request,
				   struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	enum hv_code code;

	request->lpar_activate->has_dry_run = true;
	request->lpar_activate->dry_run = true;
	code = cli_ask(cli, request, &reply, err);
	if (code != HV_OK)
		return code;
	if (reply->placement == NULL)
		code = hv_fail(err, HV_E_CORRUPT,
			       "answer of the coordinator: no conditions in it");
	else
		code = show_conditions(cli, reply->placement, err);
	if (code == HV_OK && reply->placement->n_reasons > 0)
		code = hv_fail(err, HV_E_NOFIT, "%s", reply->placement->text);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

static enum hv_code activate(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparActivate up = TARN__LPAR_ACTIVATE__INIT;
	char done[CLI_DONE_BYTES];

	up.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE;
	request.lpar_activate = &up;
	(void)snprintf(done, sizeof(done), "partition '%s' activated", up.name);
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

enum hv_code cli_lpar_activate(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparActivate up = TARN__LPAR_ACTIVATE__INIT;

	if (!cli_flag(&cli->args, "dry-run"))
		return activate(cli, err);
	up.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE;
	request.lpar_activate = &up;
	return try_activation(cli, &request, err);
}

enum hv_code cli_lpar_shutdown(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparShutdown down = TARN__LPAR_SHUTDOWN__INIT;
	bool is_restart = cli_flag(&cli->args, "restart");
	char done[CLI_DONE_BYTES];
	enum hv_code code;

	if (is_restart && cli_flag(&cli->args, "no-wait"))
		return cli_usage(cli, err,
				 "--restart waits until it is off; leave --no-wait out");
	down.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	down.has_immediate = true;
	down.immediate = cli_flag(&cli->args, "immediate");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_SHUTDOWN;
	request.lpar_shutdown = &down;
	(void)snprintf(done, sizeof(done), "partition '%s' shut down", down.name);
	code = cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
	return code == HV_OK && is_restart ? activate(cli, err) : code;
}

enum hv_code cli_lpar_remove(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparRemove gone = TARN__LPAR_REMOVE__INIT;
	char done[CLI_DONE_BYTES];

	gone.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_REMOVE;
	request.lpar_remove = &gone;
	(void)snprintf(done, sizeof(done), "partition '%s' removed", gone.name);
	return cli_change(cli, &request, &(struct cli_change){ .done = done }, err);
}
