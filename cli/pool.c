/* pool - tarn pool ... */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/list.h"
#include "cli/words.h"
#include "hvcore/base/units.h"

static enum hv_code ask_set(struct cli *cli, Tarn__PoolSet *set, const char *done,
			    struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;

	if (set->mem_bytes == 0)
		return cli_usage(cli, err, "--mem must be more than 0");
	if (set->max_bytes < set->mem_bytes)
		return cli_usage(cli, err, "--max-mem is less than --mem");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_POOL_SET;
	request.pool_set = set;
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

enum hv_code cli_pool_create(struct cli *cli, struct hv_err *err)
{
	Tarn__PoolSet set = TARN__POOL_SET__INIT;
	char done[CLI_DONE_BYTES], size[CLI_SIZE_BYTES];

	set.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	set.mem_bytes = cli_number(&cli->args, "mem", 0);
	set.max_bytes = cli_number(&cli->args, "max-mem", set.mem_bytes);
	set.create = true;
	(void)snprintf(done, sizeof(done), "pool of %s created on host '%s'",
		       hv_size_format(set.mem_bytes, size, sizeof(size)), set.host);
	return ask_set(cli, &set, done, err);
}

/* What is not said stays as it is. */
static enum hv_code fill_in(struct cli *cli, Tarn__PoolSet *set, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	const Tarn__HostView *host;
	enum hv_code code;

	if (cli_flag(&cli->args, "mem") && cli_flag(&cli->args, "max-mem"))
		return HV_OK;
	code = cli_ask_status(cli, false, &reply, err);
	if (code != HV_OK)
		return code;
	host = cli_find_host(reply->status, set->host);
	if (host == NULL)
		code = hv_fail(err, HV_E_NOTFOUND,
			       "host '%s' is not known; see 'tarn host list'", set->host);
	else if (host->record->pool == NULL)
		code = hv_fail(err, HV_E_NOTFOUND, "host '%s' has no pool", set->host);
	if (code == HV_OK && !cli_flag(&cli->args, "mem"))
		set->mem_bytes = host->record->pool->mem_bytes;
	if (code == HV_OK && !cli_flag(&cli->args, "max-mem"))
		set->max_bytes = host->record->pool->max_bytes;
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

enum hv_code cli_pool_set(struct cli *cli, struct hv_err *err)
{
	Tarn__PoolSet set = TARN__POOL_SET__INIT;
	char done[CLI_DONE_BYTES], a[CLI_SIZE_BYTES], b[CLI_SIZE_BYTES];
	enum hv_code code;

	if (!cli_flag(&cli->args, "mem") && !cli_flag(&cli->args, "max-mem"))
		return cli_usage(cli, err, "nothing to set: give --mem or --max-mem");
	set.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	set.mem_bytes = cli_number(&cli->args, "mem", 0);
	set.max_bytes = cli_number(&cli->args, "max-mem", 0);
	code = fill_in(cli, &set, err);
	if (code != HV_OK)
		return code;
	(void)snprintf(done, sizeof(done), "pool of host '%s' is %s, at most %s",
		       set.host, hv_size_format(set.mem_bytes, a, sizeof(a)),
		       hv_size_format(set.max_bytes, b, sizeof(b)));
	return ask_set(cli, &set, done, err);
}

enum hv_code cli_pool_remove(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__PoolRemove gone = TARN__POOL_REMOVE__INIT;
	char done[CLI_DONE_BYTES];

	gone.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_POOL_REMOVE;
	request.pool_remove = &gone;
	(void)snprintf(done, sizeof(done), "pool of host '%s' removed", gone.host);
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

enum hv_code cli_pool_cancel(struct cli *cli, struct hv_err *err)
{
	Tarn__PoolCancel cancel = TARN__POOL_CANCEL__INIT;
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	char done[CLI_DONE_BYTES];

	cancel.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_POOL_CANCEL;
	request.pool_cancel = &cancel;
	(void)snprintf(done, sizeof(done), "pool of host '%s' stays as it was",
		       cancel.host);
	return cli_change(cli, &request, &(struct cli_change){ .done = done }, err);
}

static void show_row(struct cli_table *table, const Tarn__StatusReply *status,
		     const Tarn__HostView *host)
{
	const Tarn__PoolStat *pool = host->stat != NULL ? host->stat->pool : NULL;
	const Tarn__DesiredPool *wanted = host->record->pool;
	char a[CLI_SIZE_BYTES], b[CLI_SIZE_BYTES], bar[CLI_BAR_BYTES];
	uint64_t used = pool != NULL ? pool->frames - pool->frames_free : 0;
	struct cli_sum sum;

	cli_sum_host(&sum, status, host->record->name);
	cli_cell(table, CLI_STRONG, "%s", host->record->name);
	cli_cell(table, CLI_PLAIN, "%s", hv_size_format(wanted->mem_bytes, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s", hv_size_format(wanted->max_bytes, a, sizeof(a)));
	if (pool == NULL) {
		for (unsigned i = 0; i < 8; i++)
			cli_cell(table, CLI_DIM, "-");
		return;
	}
	cli_cell(table, CLI_PLAIN, "%s", cli_bar(used, pool->frames, bar, sizeof(bar)));
	cli_cell(table, CLI_PLAIN, "%" PRIu64, pool->frames);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, pool->frames_free);
	cli_cell(table, CLI_PLAIN, "%s",
		 hv_size_format(pool->entitled_bytes, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s",
		 hv_size_format(sum.shared_logical_bytes, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%.0f %%",
		 wanted->mem_bytes > 0 ? 100.0 * (double)sum.shared_logical_bytes /
						 (double)wanted->mem_bytes
				       : 0);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, pool->frame_waits);
	if (pool->tier_share == 0)
		cli_cell(table, CLI_DIM, "-");
	else
		cli_cell(table, CLI_PLAIN, "%s in %s",
			 hv_size_format(pool->tier_pages * HV_PAGE_BYTES, a, sizeof(a)),
			 hv_size_format(pool->tier_frames * HV_PAGE_BYTES, b, sizeof(b)));
}

static enum hv_code show_table(struct cli *cli, const Tarn__StatusReply *status,
			       const char *only, struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "HOST", false },    { "POOL", true },       { "MAX", true },
		{ "IN USE", false },  { "FRAMES", true },     { "FREE", true },
		{ "ENTITLED", true }, { "LOGICAL", true },    { "OF POOL", true },
		{ "WAITS", true },    { "COMPRESSED", true },
	};
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns));
	unsigned shown = 0;

	for (size_t i = 0; i < status->n_hosts; i++) {
		const Tarn__HostView *host = status->hosts[i];

		if (host->record->pool == NULL ||
		    (only != NULL && strcmp(host->record->name, only) != 0))
			continue;
		show_row(table, status, host);
		shown++;
	}
	if (shown == 0) {
		cli_table_free(table);
		(void)fputs("no pool: make one with 'tarn pool create'\n", cli->out);
		return HV_OK;
	}
	return cli_show_table(cli, table, 0, err);
}

static void put_pool(struct cli_json *json, const Tarn__HostView *host)
{
	cli_json_open_object(json, NULL);
	cli_json_text(json, "host", host->record->name);
	cli_json_fields(json, &host->record->pool->base);
	if (host->record->has_pool_job)
		cli_json_number(json, "job", host->record->pool_job);
	if (host->stat != NULL && host->stat->pool != NULL) {
		cli_json_open_object(json, "stat");
		cli_json_fields(json, &host->stat->pool->base);
		cli_json_close(json);
	}
	cli_json_close(json);
}

static enum hv_code show_json(struct cli *cli, const Tarn__StatusReply *status,
			      const char *only, struct hv_err *err)
{
	struct cli_json *json = cli_json_new();

	cli_json_open_list(json, "pools");
	for (size_t i = 0; i < status->n_hosts; i++) {
		const Tarn__HostView *host = status->hosts[i];

		if (host->record->pool != NULL &&
		    cli_list_is_wanted(host->record->name, only))
			put_pool(json, host);
	}
	cli_json_close(json);
	return cli_show_json(cli, json, err);
}

enum hv_code cli_pool_show(struct cli *cli, struct hv_err *err)
{
	static const struct cli_list list = { show_table, show_json, false };

	return cli_list(cli, &list, err);
}
