/*
 * why - tarn pool why: how many frames each partition may count on and why, what it is
 * asked to do without (LoPAR's donation) and does already, and the last decisions.
 */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/list.h"

/* By enum ManagerReason. */
static const char *const reasons[] = {
	[TARN__MANAGER_REASON__MANAGER_UNKNOWN] = "not observed yet: by size and weight",
	[TARN__MANAGER_REASON__MANAGER_FITS] = "its working set",
	[TARN__MANAGER_REASON__MANAGER_PRESSES] = "its working set, and more as it pages",
	[TARN__MANAGER_REASON__MANAGER_WEIGHT] = "by weight, less than its working set",
	[TARN__MANAGER_REASON__MANAGER_SPARE] =
		"its working set, and more as nobody pages",
};

static const char *reason_text(Tarn__ManagerReason reason)
{
	return (unsigned)reason < HV_COUNT(reasons) ? reasons[reason] : "unknown";
}

static uint64_t less(uint64_t from, uint64_t pages)
{
	return from > pages ? from - pages : 0;
}

struct donation {
	uint64_t asked, given, short_percent;
};

/* What is not in a frame is given, whether it was taken or never touched. */
static struct donation donation_of(const Tarn__PartitionStat *stat)
{
	struct donation donation = {
		.asked = less(stat->logical_pages, stat->manager->target_pages),
		.given = less(stat->logical_pages,
			      stat->resident_pages + stat->inflight_pages),
	};

	if (donation.asked > donation.given)
		donation.short_percent = (donation.asked - donation.given) * 100 /
					 donation.asked;
	return donation;
}

static void pages_cell(struct cli_table *table, uint64_t pages)
{
	char size[CLI_SIZE_BYTES];

	cli_cell(table, CLI_PLAIN, "%s", cli_pages(pages, size, sizeof(size)));
}

static void partition_row(struct cli_table *table, const Tarn__PartitionStat *stat)
{
	const Tarn__ManagerStat *manager = stat->manager;
	struct donation donation = donation_of(stat);

	cli_cell(table, CLI_STRONG, "%s", stat->name);
	cli_cell(table, CLI_PLAIN, "%" PRIu32, manager->weight);
	pages_cell(table, stat->logical_pages);
	pages_cell(table, stat->resident_pages);
	pages_cell(table, manager->want_pages);
	pages_cell(table, manager->target_pages);
	pages_cell(table, donation.asked);
	pages_cell(table, stat->stolen_pages);
	cli_cell(table, donation.short_percent > 0 ? CLI_WARN : CLI_PLAIN,
		 "%" PRIu64 " %%", donation.short_percent);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, manager->arrivals_per_s);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, manager->curable_per_s);
	cli_cell(table, CLI_PLAIN, "%s", reason_text(manager->reason));
}

/* The partition as reported, if it is a shared one of that host that runs. */
static const Tarn__PartitionStat *managed(const Tarn__LparView *lpar, const char *host)
{
	if (strcmp(lpar->record->host, host) != 0 || lpar->stat == NULL)
		return NULL;
	return lpar->stat->manager != NULL ? lpar->stat : NULL;
}

static enum hv_code show_partitions(struct cli *cli, const Tarn__StatusReply *status,
				    const char *host, struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "PARTITION", false }, { "WEIGHT", true },      { "LOGICAL", true },
		{ "RESIDENT", true },   { "WORKING SET", true }, { "TARGET", true },
		{ "DONATES", true },    { "PAGED OUT", true },   { "SHORT", true },
		{ "ARRIVALS/S", true }, { "CURABLE/S", true },   { "TARGET IS", false },
	};
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns));

	for (size_t i = 0; i < status->n_lpars; i++) {
		const Tarn__PartitionStat *stat = managed(status->lpars[i], host);

		if (stat != NULL)
			partition_row(table, stat);
	}
	return cli_show_table(cli, table, 2, err);
}

static enum hv_code show_decisions(struct cli *cli, const Tarn__PoolStat *pool,
				   struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "DECIDED", false }, { "PARTITION", false }, { "FROM", true },
		{ "TO", true },       { "TARGET IS", false },
	};
	struct cli_table *table;
	char when[CLI_CLOCK_BYTES];

	if (pool->n_decisions == 0)
		return HV_OK;
	(void)fputc('\n', cli->out);
	table = cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = pool->n_decisions; i-- > 0;) {
		const Tarn__ManagerDecision *decision = pool->decisions[i];

		cli_cell(table, CLI_PLAIN, "%s",
			 cli_clock_text(cli, decision->wall_ms, when, sizeof(when)));
		cli_cell(table, CLI_STRONG, "%s", decision->name);
		pages_cell(table, decision->from_pages);
		pages_cell(table, decision->to_pages);
		cli_cell(table, CLI_PLAIN, "%s", reason_text(decision->reason));
	}
	return cli_show_table(cli, table, 2, err);
}

static enum hv_code show_pool(struct cli *cli, const Tarn__StatusReply *status,
			      const Tarn__HostView *host, struct hv_err *err)
{
	const Tarn__PoolStat *pool = host->stat->pool;
	char total[CLI_SIZE_BYTES], free[CLI_SIZE_BYTES], cpu[CLI_TIME_BYTES];
	enum hv_code code;

	cli_tone_print(cli->out, CLI_STRONG, cli->is_colour, "%s", host->record->name);
	(void)fprintf(cli->out,
		      "  %s of frames, %s free; %" PRIu64
		      " looks at accessed pages took %s\n",
		      cli_pages(pool->frames, total, sizeof(total)),
		      cli_pages(pool->frames_free, free, sizeof(free)), pool->looks,
		      cli_time((double)pool->look_cpu_us, cpu, sizeof(cpu)));
	code = show_partitions(cli, status, host->record->name, err);
	return code == HV_OK ? show_decisions(cli, pool, err) : code;
}

static bool has_manager(const Tarn__HostView *host, const char *only)
{
	return host->stat != NULL && host->stat->pool != NULL &&
	       cli_list_is_wanted(host->record->name, only);
}

static enum hv_code show_table(struct cli *cli, const Tarn__StatusReply *status,
			       const char *only, struct hv_err *err)
{
	enum hv_code code = HV_OK;
	unsigned shown = 0;

	for (size_t i = 0; i < status->n_hosts && code == HV_OK; i++) {
		if (!has_manager(status->hosts[i], only))
			continue;
		if (shown++ > 0)
			(void)fputc('\n', cli->out);
		code = show_pool(cli, status, status->hosts[i], err);
	}
	if (shown == 0)
		(void)fputs("no pool that reports: see 'tarn pool show'\n", cli->out);
	return code;
}

static void put_partition(struct cli_json *json, const Tarn__PartitionStat *stat)
{
	struct donation donation = donation_of(stat);

	cli_json_open_object(json, NULL);
	cli_json_text(json, "name", stat->name);
	cli_json_number(json, "logical_pages", stat->logical_pages);
	cli_json_number(json, "resident_pages", stat->resident_pages);
	cli_json_number(json, "stolen_pages", stat->stolen_pages);
	cli_json_fields(json, &stat->manager->base);
	cli_json_number(json, "donation_pages", donation.asked);
	cli_json_number(json, "given_pages", donation.given);
	cli_json_number(json, "short_percent", donation.short_percent);
	cli_json_close(json);
}

static void put_pool(struct cli_json *json, const Tarn__StatusReply *status,
		     const Tarn__HostView *host)
{
	const Tarn__PoolStat *pool = host->stat->pool;

	cli_json_open_object(json, NULL);
	cli_json_text(json, "host", host->record->name);
	cli_json_number(json, "frames", pool->frames);
	cli_json_number(json, "frames_free", pool->frames_free);
	cli_json_number(json, "looks", pool->looks);
	cli_json_number(json, "look_cpu_us", pool->look_cpu_us);
	cli_json_open_list(json, "partitions");
	for (size_t i = 0; i < status->n_lpars; i++) {
		const Tarn__PartitionStat *stat = managed(status->lpars[i],
							  host->record->name);

		if (stat != NULL)
			put_partition(json, stat);
	}
	cli_json_close(json);
	cli_json_open_list(json, "decisions");
	for (size_t i = 0; i < pool->n_decisions; i++) {
		cli_json_open_object(json, NULL);
		cli_json_fields(json, &pool->decisions[i]->base);
		cli_json_close(json);
	}
	cli_json_close(json);
	cli_json_close(json);
}

static enum hv_code show_json(struct cli *cli, const Tarn__StatusReply *status,
			      const char *only, struct hv_err *err)
{
	struct cli_json *json = cli_json_new();

	cli_json_open_list(json, "pools");
	for (size_t i = 0; i < status->n_hosts; i++) {
		if (has_manager(status->hosts[i], only))
			put_pool(json, status, status->hosts[i]);
	}
	cli_json_close(json);
	return cli_show_json(cli, json, err);
}

enum hv_code cli_pool_why(struct cli *cli, struct hv_err *err)
{
	static const struct cli_list list = { show_table, show_json, false };

	return cli_list(cli, &list, err);
}
