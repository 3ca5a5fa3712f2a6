/*
 * report - tarn report: every host's figures in one table, and whether they add up.
 *
 * The stalls of a drill are of the last one of its kind on that host. Fails when
 * anything is found (cli/report_check.h), after the report was printed.
 */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/drill_report.h"
#include "cli/figures.h"
#include "cli/report_check.h"
#include "cli/words.h"
#include "hvcore/base/units.h"

struct report {
	const Tarn__StatusReply *status;
	Tarn__DrillRecord *const *drills;
	size_t drill_count;
	struct cli_findings findings;
};

static const Tarn__DrillRecord *last_drill(const struct report *report, const char *host,
					   Tarn__DrillKind kind)
{
	const Tarn__DrillRecord *last = NULL;

	for (size_t i = 0; i < report->drill_count; i++) {
		const Tarn__DrillRecord *drill = report->drills[i];

		if (drill->kind == kind && strcmp(drill->host, host) == 0 &&
		    (last == NULL || drill->number > last->number))
			last = drill;
	}
	return last;
}

struct verified {
	uint64_t pages, bad;
};

static struct verified sum_verified(const struct report *report, const char *host)
{
	struct verified sum = { 0 };

	for (size_t i = 0; i < report->status->n_lpars; i++) {
		const Tarn__LparView *lpar = report->status->lpars[i];

		if (lpar->stat == NULL || strcmp(lpar->record->host, host) != 0)
			continue;
		sum.pages += lpar->stat->pages_verified;
		sum.bad += lpar->stat->verify_bad + lpar->stat->mismatches;
	}
	return sum;
}

static uint64_t pool_bytes(const Tarn__HostView *host)
{
	if (host->stat == NULL || host->stat->pool == NULL)
		return 0;
	return host->stat->pool->pool_bytes;
}

static void stall_cell(struct cli_table *table, const struct report *report,
		       const char *host, Tarn__DrillKind kind)
{
	const Tarn__DrillRecord *drill = last_drill(report, host, kind);
	char t[CLI_TIME_BYTES];

	if (drill == NULL)
		cli_cell(table, CLI_DIM, "-");
	else
		cli_cell(table, CLI_PLAIN, "%s",
			 cli_time((double)drill->longest_stall_us, t, sizeof(t)));
}

static void host_row(struct cli_table *table, const struct report *report,
		     const Tarn__HostView *host)
{
	const char *name = host->record->name;
	struct verified verified = sum_verified(report, name);
	char a[CLI_SIZE_BYTES];
	struct cli_sum sum;

	cli_sum_host(&sum, report->status, name);
	cli_cell(table, CLI_STRONG, "%s", name);
	cli_cell(table, CLI_PLAIN, "%s", hv_size_format(pool_bytes(host), a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s", cli_pages(sum.logical_pages, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s", cli_pages(sum.resident_pages, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s", cli_pages(sum.stolen_pages, a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%" PRIu64, sum.page_ins);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, sum.page_outs);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, sum.faults);
	cli_cell(table, CLI_PLAIN, "%s",
		 cli_time(cli_hist_us(&sum.latency, 0.5), a, sizeof(a)));
	cli_cell(table, CLI_PLAIN, "%s",
		 cli_time(cli_hist_us(&sum.latency, 0.99), a, sizeof(a)));
	stall_cell(table, report, name, TARN__DRILL_KIND__DRILL_PLANNED);
	stall_cell(table, report, name, TARN__DRILL_KIND__DRILL_KILL);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, verified.pages);
	cli_cell(table, verified.bad > 0 ? CLI_BAD : CLI_GOOD, "%" PRIu64, verified.bad);
}

static void print_findings(struct cli *cli, const struct cli_findings *findings)
{
	if (findings->count == 0) {
		cli_tone_print(cli->out, CLI_GOOD, cli->is_colour,
			       "\nevery counter adds up\n");
		return;
	}
	(void)fputc('\n', cli->out);
	for (unsigned i = 0; i < findings->count && i < CLI_FINDINGS_MAX; i++) {
		cli_tone_print(cli->out, CLI_BAD, cli->is_colour, "%s",
			       findings->rows[i].where);
		(void)fprintf(cli->out, ": %s\n", findings->rows[i].text);
	}
}

static enum hv_code show_text(struct cli *cli, const struct report *report,
			      struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "HOST", false },     { "POOL", true },          { "LOGICAL", true },
		{ "RESIDENT", true },  { "PAGED OUT", true },     { "PAGE-INS", true },
		{ "PAGE-OUTS", true }, { "FAULTS", true },        { "FAULT P50", true },
		{ "FAULT P99", true }, { "STALL PLANNED", true }, { "STALL KILL", true },
		{ "VERIFIED", true },  { "BAD", true },
	};
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns));
	enum hv_code code;

	for (size_t i = 0; i < report->status->n_hosts; i++)
		host_row(table, report, report->status->hosts[i]);
	code = cli_show_table(cli, table, 0, err);
	if (code == HV_OK)
		print_findings(cli, &report->findings);
	return code;
}

static void host_json(struct cli_json *json, const struct report *report,
		      const Tarn__HostView *host)
{
	const char *name = host->record->name;
	struct verified verified = sum_verified(report, name);
	struct cli_sum sum;

	cli_sum_host(&sum, report->status, name);
	cli_json_open_object(json, NULL);
	cli_json_text(json, "name", name);
	cli_json_number(json, "pool_bytes", pool_bytes(host));
	cli_json_number(json, "logical_bytes", sum.logical_pages << HV_PAGE_SHIFT);
	cli_json_number(json, "resident_bytes", sum.resident_pages << HV_PAGE_SHIFT);
	cli_json_number(json, "paged_out_bytes", sum.stolen_pages << HV_PAGE_SHIFT);
	cli_json_number(json, "page_ins", sum.page_ins);
	cli_json_number(json, "page_outs", sum.page_outs);
	cli_json_number(json, "faults", sum.faults);
	cli_json_real(json, "fault_p50_us", cli_hist_us(&sum.latency, 0.5));
	cli_json_real(json, "fault_p99_us", cli_hist_us(&sum.latency, 0.99));
	cli_json_number(json, "shared_partitions", sum.shared);
	cli_json_number(json, "dedicated_partitions", sum.dedicated);
	cli_json_number(json, "running_partitions", sum.running);
	cli_json_number(json, "pages_verified", verified.pages);
	cli_json_number(json, "bad_pages", verified.bad);
	cli_json_close(json);
}

static void drill_json(struct cli_json *json, const Tarn__DrillRecord *drill)
{
	cli_json_open_object(json, NULL);
	cli_json_number(json, "number", drill->number);
	cli_json_text(json, "kind", cli_drill_kind(drill));
	cli_json_text(json, "host", drill->host);
	cli_json_text(json, "vios", drill->vios);
	cli_json_real(json, "longest_stall_ms", (double)drill->longest_stall_us / 1e3);
	cli_json_number(json, "pages_verified", drill->pages_verified);
	cli_json_number(json, "bad_pages", drill->bad_pages);
	cli_json_text(json, "verdict",
		      drill->verdict != NULL ? drill->verdict : "not over");
	cli_json_close(json);
}

static struct cli_json *make_json(const struct report *report)
{
	const struct cli_findings *findings = &report->findings;
	struct cli_json *json = cli_json_new();

	cli_json_open_list(json, "hosts");
	for (size_t i = 0; i < report->status->n_hosts; i++)
		host_json(json, report, report->status->hosts[i]);
	cli_json_close(json);
	cli_json_open_list(json, "drills");
	for (size_t i = 0; i < report->drill_count; i++)
		drill_json(json, report->drills[i]);
	cli_json_close(json);
	cli_json_open_list(json, "findings");
	for (unsigned i = 0; i < findings->count && i < CLI_FINDINGS_MAX; i++) {
		cli_json_open_object(json, NULL);
		cli_json_text(json, "where", findings->rows[i].where);
		cli_json_text(json, "text", findings->rows[i].text);
		cli_json_close(json);
	}
	cli_json_close(json);
	cli_json_text(json, "verdict", findings->count == 0 ? "passed" : "failed");
	return json;
}

static enum hv_code save(const struct report *report, const char *path,
			 struct hv_err *err)
{
	FILE *file = fopen(path, "w");
	struct cli_json *json;
	enum hv_code code;

	if (file == NULL)
		return hv_fail_os(err, HV_E_IO, errno, "open '%s'", path);
	json = make_json(report);
	code = cli_json_print(json, file, err);
	cli_json_free(json);
	if (fclose(file) != 0 && code == HV_OK)
		code = hv_fail_os(err, HV_E_IO, errno, "close");
	return code != HV_OK ? hv_wrap(err, "'%s'", path) : HV_OK;
}

static enum hv_code show(struct cli *cli, const Tarn__StatusReply *status,
			 const Tarn__ClusterReply *drills, struct hv_err *err)
{
	struct report *report = calloc(1, sizeof(*report));
	const char *path = cli_text(&cli->args, "save");
	unsigned found;
	enum hv_code code;

	if (report == NULL)
		return hv_fail(err, HV_E_NOMEM, "report: out of memory");
	report->status = status;
	report->drills = drills->drills;
	report->drill_count = drills->n_drills;
	cli_report_check(&report->findings, status, drills->drills, drills->n_drills);
	code = cli->is_json ? cli_show_json(cli, make_json(report), err)
			    : show_text(cli, report, err);
	if (code == HV_OK && path != NULL)
		code = save(report, path, err);
	found = report->findings.count;
	if (code == HV_OK && found > 0)
		code = hv_fail(err, HV_E_STATE,
			       "%u of the report's checks failed: %s: %s", found,
			       report->findings.rows[0].where,
			       report->findings.rows[0].text);
	free(report);
	return code;
}

enum hv_code cli_report(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	Tarn__ClusterReply *drills, *reply;
	enum hv_code code;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILLS;
	request.drills = &query;
	code = cli_ask(cli, &request, &drills, err);
	if (code != HV_OK)
		return code;
	code = cli_ask_status(cli, true, &reply, err);
	if (code == HV_OK) {
		code = show(cli, reply->status, drills, err);
		tarn__cluster_reply__free_unpacked(reply, NULL);
	}
	tarn__cluster_reply__free_unpacked(drills, NULL);
	return code;
}
