/* pgdev - tarn pgdev ... */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/list.h"
#include "cli/words.h"
#include "hvcore/base/units.h"

enum hv_code cli_pgdev_add(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__PgdevAdd add = TARN__PGDEV_ADD__INIT;
	char done[CLI_DONE_BYTES];

	add.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	add.name = (char *)cli_text(&cli->args, "NAME");
	add.path = (char *)cli_text(&cli->args, "path");
	add.vios = (char *)cli_text(&cli->args, "vios");
	add.has_bytes = cli_flag(&cli->args, "size");
	add.bytes = cli_number(&cli->args, "size", 0);
	if (add.path[0] != '/')
		return cli_usage(cli, err, "--path '%s' is not an absolute path",
				 add.path);
	if (add.has_bytes && add.bytes == 0)
		return cli_usage(cli, err, "--size must be more than 0");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PGDEV_ADD;
	request.pgdev_add = &add;
	(void)snprintf(done, sizeof(done), "paging device '%s' added to host '%s'",
		       add.name, add.host);
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

enum hv_code cli_pgdev_remove(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__PgdevRemove gone = TARN__PGDEV_REMOVE__INIT;
	char done[CLI_DONE_BYTES];

	gone.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	gone.name = (char *)cli_text(&cli->args, "NAME");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PGDEV_REMOVE;
	request.pgdev_remove = &gone;
	(void)snprintf(done, sizeof(done), "paging device '%s' of host '%s' removed",
		       gone.name, gone.host);
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

enum hv_code cli_pgdev_replace(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__PgdevReplace replace = TARN__PGDEV_REPLACE__INIT;
	char done[CLI_DONE_BYTES];

	replace.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	replace.name = (char *)cli_text(&cli->args, "NAME");
	replace.with = (char *)cli_text(&cli->args, "with");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PGDEV_REPLACE;
	request.pgdev_replace = &replace;
	(void)snprintf(done, sizeof(done),
		       "paging device '%s' of host '%s' replaced by '%s'", replace.name,
		       replace.host, replace.with);
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

static void list_row(struct cli_table *table, const Tarn__DeviceView *device)
{
	const Tarn__DeviceRecord *record = device->record;
	struct cli_word word = cli_device_word(device);
	char a[CLI_SIZE_BYTES];

	cli_cell(table, CLI_STRONG, "%s", record->host);
	cli_cell(table, CLI_PLAIN, "%s", record->device->name);
	cli_cell(table, word.tone, "%s", word.text);
	cli_cell(table, CLI_PLAIN, "%s",
		 hv_size_format(record->device->bytes, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s",
		 hv_size_format(record->usable_bytes, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s",
		 record->device->vios != NULL ? record->device->vios : "both");
	cli_cell(table, device->redundant ? CLI_GOOD : CLI_WARN, "%s",
		 device->redundant ? "yes" : "no");
	cli_cell(table, CLI_PLAIN, "%s", record->lpar != NULL ? record->lpar : "-");
	cli_cell(table, CLI_DIM, "%s%s%s",
		 record->remote_host != NULL ? record->remote_host : "",
		 record->remote_host != NULL ? ":" : "", record->device->path);
}

static enum hv_code list_table(struct cli *cli, const Tarn__StatusReply *status,
			       const char *only, struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "HOST", false },      { "DEVICE", false },    { "STATE", false },
		{ "SIZE", true },       { "USABLE", true },     { "VIOS", false },
		{ "REDUNDANT", false }, { "PARTITION", false }, { "PATH", false },
	};
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns));
	unsigned shown = 0;

	for (size_t i = 0; i < status->n_devices; i++) {
		if (!cli_list_is_wanted(status->devices[i]->record->host, only))
			continue;
		list_row(table, status->devices[i]);
		shown++;
	}
	if (shown == 0) {
		cli_table_free(table);
		(void)fputs("no paging devices: add one with 'tarn pgdev add'\n",
			    cli->out);
		return HV_OK;
	}
	return cli_show_table(cli, table, 0, err);
}

static enum hv_code list_json(struct cli *cli, const Tarn__StatusReply *status,
			      const char *only, struct hv_err *err)
{
	struct cli_json *json = cli_json_new();

	cli_json_open_list(json, "devices");
	for (size_t i = 0; i < status->n_devices; i++) {
		if (!cli_list_is_wanted(status->devices[i]->record->host, only))
			continue;
		cli_json_open_object(json, NULL);
		cli_json_fields(json, &status->devices[i]->base);
		cli_json_close(json);
	}
	cli_json_close(json);
	return cli_show_json(cli, json, err);
}

enum hv_code cli_pgdev_list(struct cli *cli, struct hv_err *err)
{
	static const struct cli_list list = { list_table, list_json, false };

	return cli_list(cli, &list, err);
}
