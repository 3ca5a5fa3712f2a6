/* host - tarn host ... */
#include "cli/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/words.h"
#include "hvcore/base/units.h"

#define FAILBACK_DIGITS 5

static void list_row(struct cli_table *table, const Tarn__StatusReply *status,
		     const Tarn__HostView *host)
{
	char a[CLI_SIZE_BYTES], b[CLI_SIZE_BYTES];
	struct cli_sum sum;
	struct cli_word word = cli_host_word(host);

	cli_sum_host(&sum, status, host->record->name);
	cli_cell(table, CLI_STRONG, "%s", host->record->name);
	cli_cell(table, word.tone, "%s", word.text);
	cli_cell(table, CLI_PLAIN, "%s",
		 hv_size_format(host->record->memory_bytes, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s",
		 hv_size_format(host->memory != NULL ? host->memory->available_bytes : 0,
				b, sizeof(b)));
	cli_cell(table, CLI_PLAIN, "%s",
		 hv_size_format(host->record->pool != NULL ? host->record->pool->mem_bytes
							   : 0,
				a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%u", sum.shared);
	cli_cell(table, CLI_PLAIN, "%u", sum.dedicated);
	cli_cell(table, CLI_PLAIN, "%u", sum.running);
	cli_cell(table, CLI_PLAIN, "%s", host->record->drills_allowed ? "allowed" : "no");
}

static enum hv_code list_table(struct cli *cli, const Tarn__StatusReply *status,
			       struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "HOST", false },     { "STATE", false },  { "MEMORY", true },
		{ "FREE", true },      { "POOL", true },    { "SHARED", true },
		{ "DEDICATED", true }, { "RUNNING", true }, { "DRILLS", false },
	};
	struct cli_table *table;

	if (status->n_hosts == 0) {
		(void)fputs("no hosts: add one with 'tarn host add NAME'\n", cli->out);
		return HV_OK;
	}
	table = cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = 0; i < status->n_hosts; i++)
		list_row(table, status, status->hosts[i]);
	return cli_show_table(cli, table, 0, err);
}

static enum hv_code list_json(struct cli *cli, const Tarn__StatusReply *status,
			      struct hv_err *err)
{
	struct cli_json *json = cli_json_new();

	cli_json_open_list(json, "hosts");
	for (size_t i = 0; i < status->n_hosts; i++) {
		cli_json_open_object(json, NULL);
		cli_json_fields(json, &status->hosts[i]->base);
		cli_json_close(json);
	}
	cli_json_close(json);
	return cli_show_json(cli, json, err);
}

enum hv_code cli_host_list(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	enum hv_code code = cli_ask_status(cli, false, &reply, err);

	if (code != HV_OK)
		return code;
	code = cli->is_json ? list_json(cli, reply->status, err)
			    : list_table(cli, reply->status, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

static void show_memory(struct cli *cli, const Tarn__HostView *host)
{
	const Tarn__HostStat *stat = host->stat;
	char a[CLI_SIZE_BYTES], b[CLI_SIZE_BYTES];
	const struct {
		const char *what;
		uint64_t lmbs;
	} rows[] = {
		{ "hypervisor", stat->lmbs_hypervisor },
		{ "pool", stat->lmbs_pool },
		{ "dedicated", stat->lmbs_dedicated },
		{ "free", stat->lmbs_free },
	};

	(void)fprintf(cli->out, "  memory        %s in %" PRIu64 " blocks of %s\n",
		      hv_size_format(stat->lmbs_total * stat->lmb_bytes, a, sizeof(a)),
		      stat->lmbs_total, hv_size_format(stat->lmb_bytes, b, sizeof(b)));
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		(void)fprintf(
			cli->out, "    %-11s %5" PRIu64 "  %s\n", rows[i].what,
			rows[i].lmbs,
			hv_size_format(rows[i].lmbs * stat->lmb_bytes, a, sizeof(a)));
	if (stat->has_audit_ok)
		(void)fprintf(cli->out, "  last audit    %s%s%s\n",
			      stat->audit_ok ? "all tables consistent" : "FAILED",
			      stat->audit_text != NULL && !stat->audit_ok ? ": " : "",
			      stat->audit_text != NULL && !stat->audit_ok
				      ? stat->audit_text
				      : "");
}

static const char *platform_words(const Tarn__HostRecord *host)
{
	if (!host->declared)
		return "a real machine, its own memory as modelled";
	return host->has_agent_id
		       ? "declared; what is configured is accounting, the memory below "
			 "it real"
		       : "declared, every figure is accounting";
}

/* What is accounted, and whether a machine stands behind it. */
static void show_platform(struct cli *cli, const Tarn__HostView *host)
{
	const Tarn__HostMemory *memory = host->memory;
	const Tarn__PlatformProfile *profile = host->record->profile;
	char a[CLI_SIZE_BYTES], b[CLI_SIZE_BYTES], c[CLI_SIZE_BYTES];

	if (profile != NULL)
		(void)fprintf(cli->out, "  platform      %s: %s\n", profile->title,
			      platform_words(host->record));
	if (memory == NULL)
		return;
	(void)fprintf(cli->out, "  configurable  %s: %s available, %s of the hypervisor",
		      hv_size_format(memory->configurable_bytes, a, sizeof(a)),
		      hv_size_format(memory->available_bytes, b, sizeof(b)),
		      hv_size_format(memory->firmware_bytes, c, sizeof(c)));
	(void)fprintf(cli->out, ", %s assigned, %s pool\n",
		      hv_size_format(memory->assigned_bytes, a, sizeof(a)),
		      hv_size_format(memory->pool_bytes, b, sizeof(b)));
	if (memory->retained_bytes > 0)
		(void)fprintf(cli->out,
			      "  kept          %s by partitions that are off, until "
			      "somebody needs it\n",
			      hv_size_format(memory->retained_bytes, a, sizeof(a)));
}

static enum hv_code show_failovers(struct cli *cli, const Tarn__HostStat *stat,
				   struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "FAILOVER", true },     { "WHEN", false },
		{ "KIND", false },        { "FROM", false },
		{ "TO", false },          { "DETECTED", true },
		{ "SWITCHED", true },     { "FIRST PAGE", true },
		{ "READS RESENT", true }, { "STEALS CANCELED", true },
		{ "SLOTS HELD", true },   { "MOVED", true },
	};
	struct cli_table *table;
	char when[CLI_CLOCK_BYTES], t[CLI_TIME_BYTES];

	if (stat->n_failovers == 0)
		return HV_OK;
	(void)fputc('\n', cli->out);
	table = cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = 0; i < stat->n_failovers; i++) {
		const Tarn__Failover *f = stat->failovers[i];

		cli_cell(table, CLI_PLAIN, "%" PRIu64, f->number);
		cli_cell(table, CLI_PLAIN, "%s",
			 cli_clock_text(cli, f->wall_ms, when, sizeof(when)));
		cli_cell(table, CLI_PLAIN, "%s", f->kind);
		cli_cell(table, CLI_PLAIN, "%s", f->from[0] != '\0' ? f->from : "-");
		cli_cell(table, CLI_PLAIN, "%s", f->to[0] != '\0' ? f->to : "-");
		cli_cell(table, CLI_PLAIN, "%s",
			 cli_time((double)f->detected_us, t, sizeof(t)));
		cli_cell(table, CLI_PLAIN, "%s",
			 cli_time((double)f->switched_us, t, sizeof(t)));
		cli_cell(table, CLI_PLAIN, "%s",
			 cli_time((double)f->first_page_us, t, sizeof(t)));
		cli_cell(table, CLI_PLAIN, "%" PRIu64, f->resent_reads);
		cli_cell(table, CLI_PLAIN, "%" PRIu64, f->canceled_steals);
		cli_cell(table, CLI_PLAIN, "%" PRIu64, f->quarantined_slots);
		cli_cell(table, CLI_PLAIN, "%" PRIu32, f->partitions);
	}
	return cli_show_table(cli, table, 2, err);
}

/* Of the machine, and whether partitions are held to theirs. */
static void show_processors(struct cli *cli, const Tarn__HostStat *stat)
{
	if (!stat->has_processors)
		return;
	(void)fprintf(cli->out, "  processors    %" PRIu32 ", ", stat->processors);
	if (stat->processor_groups != NULL)
		(void)fprintf(cli->out, "those of partitions limited below %s\n",
			      stat->processor_groups);
	else
		cli_tone_print(cli->out, CLI_WARN, cli->is_colour,
			       "those of partitions not limited: %s\n",
			       stat->processors_unlimited != NULL
				       ? stat->processors_unlimited
				       : "nobody says why");
}

static enum hv_code show_text(struct cli *cli, const Tarn__HostView *host,
			      struct hv_err *err)
{
	struct cli_word word = cli_host_word(host);

	cli_tone_print(cli->out, CLI_STRONG, cli->is_colour, "%s", host->record->name);
	(void)fputs("  ", cli->out);
	cli_tone_print(cli->out, word.tone, cli->is_colour, "%s", word.text);
	if (!host->connected && host->has_last_seen_ms)
		(void)fprintf(cli->out, ", last seen %" PRIu64 " s ago",
			      host->last_seen_ms / 1000);
	(void)fputc('\n', cli->out);
	show_platform(cli, host);
	if (host->stat == NULL) {
		if (!host->record->declared)
			(void)fputs("  nothing reported yet\n", cli->out);
		return HV_OK;
	}
	show_memory(cli, host);
	show_processors(cli, host->stat);
	for (size_t i = 0; i < host->record->n_vios; i++) {
		const char *name = host->record->vios[i]->name;
		struct cli_word vios = cli_vios_word(host, name);

		(void)fprintf(cli->out, "  %-13s ", name);
		cli_tone_print(cli->out, vios.tone, cli->is_colour, "%s", vios.text);
		(void)fputc('\n', cli->out);
	}
	for (size_t i = 0; i < host->record->n_other_vios; i++)
		(void)fprintf(cli->out, "  %-13s not assigned%s\n",
			      host->record->other_vios[i]->name,
			      host->record->other_vios[i]->enabled ? "" : ", disabled");
	if (host->record->failback_ms == 0)
		(void)fputs("  fail-back     by 'tarn vios failback'\n", cli->out);
	else
		(void)fprintf(cli->out,
			      "  fail-back     when the primary VIOS has been ready for "
			      "%" PRIu64 " s\n",
			      host->record->failback_ms / 1000);
	if (host->record->spare)
		(void)fputs("  spare         a free paging device takes the place of one "
			    "that is lost\n",
			    cli->out);
	return show_failovers(cli, host->stat, err);
}

static enum hv_code show_json(struct cli *cli, const Tarn__HostView *host,
			      struct hv_err *err)
{
	struct cli_json *json = cli_json_new();

	cli_json_fields(json, &host->base);
	return cli_show_json(cli, json, err);
}

enum hv_code cli_host_show(struct cli *cli, struct hv_err *err)
{
	const char *name = cli_text(&cli->args, "NAME");
	const Tarn__HostView *host;
	Tarn__ClusterReply *reply;
	enum hv_code code = cli_ask_status(cli, false, &reply, err);

	if (code != HV_OK)
		return code;
	host = cli_find_host(reply->status, name);
	if (host == NULL)
		code = hv_fail(err, HV_E_NOTFOUND,
			       "host '%s' is not known; see 'tarn host list'", name);
	else if (cli->is_json)
		code = show_json(cli, host, err);
	else
		code = show_text(cli, host, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

enum hv_code cli_host_add(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;
	char done[CLI_DONE_BYTES];

	add.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	add.profile = (char *)cli_text(&cli->args, "profile");
	add.has_declared = true;
	add.declared = cli_flag(&cli->args, "declared");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
	request.host_add = &add;
	(void)snprintf(done, sizeof(done),
		       add.declared ? "host '%s' declared"
				    : "host '%s' added: its agent may join",
		       add.name);
	return cli_change(cli, &request, &(struct cli_change){ .done = done }, err);
}

/* "manual", "60s" or "60". */
static bool parse_failback(const char *text, uint64_t *ret_ms)
{
	char *end;
	unsigned long long seconds;

	*ret_ms = 0;
	if (strcmp(text, "manual") == 0)
		return true;
	if (text[0] < '1' || text[0] > '9' || strlen(text) > FAILBACK_DIGITS + 1)
		return false;
	seconds = strtoull(text, &end, 10);
	if (strcmp(end, "") != 0 && strcmp(end, "s") != 0)
		return false;
	*ret_ms = seconds * 1000;
	return true;
}

static void say_failback(const Tarn__HostSet *set, char *done, size_t size)
{
	if (set->failback_ms == 0)
		(void)snprintf(done, size,
			       "partitions of host '%s' go back to their primary VIOS "
			       "by 'tarn vios failback'",
			       set->host);
	else
		(void)snprintf(done, size,
			       "partitions of host '%s' go back to their primary VIOS "
			       "when it has been ready for %" PRIu64 " s",
			       set->host, set->failback_ms / 1000);
}

enum hv_code cli_host_set(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostSet set = TARN__HOST_SET__INIT;
	const char *when = cli_text(&cli->args, "failback");
	char done[CLI_DONE_BYTES];

	set.host = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	set.has_failback_ms = when != NULL;
	set.has_spare = cli_flag(&cli->args, "spare");
	set.spare = set.has_spare && cli_number(&cli->args, "spare", 0) == 1;
	if (when == NULL && !set.has_spare)
		return cli_usage(cli, err, "what is to be set: --failback, or --spare?");
	if (when != NULL && !parse_failback(when, &set.failback_ms))
		return cli_usage(cli, err,
				 "--failback is manual, or seconds such as 60s");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_SET;
	request.host_set = &set;
	if (when != NULL)
		say_failback(&set, done, sizeof(done));
	else
		(void)snprintf(done, sizeof(done),
			       set.spare ? "a free paging device of host '%s' takes the "
					   "place of one that is lost"
					 : "paging devices of host '%s' are replaced by "
					   "order only",
			       set.host);
	return cli_change(cli, &request, &(struct cli_change){ .done = done }, err);
}

enum hv_code cli_host_remove(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostRemove gone = TARN__HOST_REMOVE__INIT;
	char done[CLI_DONE_BYTES];

	gone.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_REMOVE;
	request.host_remove = &gone;
	(void)snprintf(done, sizeof(done), "host '%s' removed", gone.name);
	return cli_change(cli, &request, &(struct cli_change){ .done = done }, err);
}
