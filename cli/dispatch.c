/*
 * dispatch - tarn lpar dispatch-trace: when a partition's processors last waited.
 *
 * Nobody sends traces unasked: a question makes the coordinator ask the host, which
 * answers with its next report. So it is asked until the trace is there.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/words.h"

#define PATIENCE_MS 8000 /* an agent reports each 2 s, and asks its hypervisor before */
#define AGAIN_MS 200

/* Reason codes of the dispatch trace log (PAPR); only what is really seen is told. */
static const char *reason_name(uint32_t reason)
{
	switch (reason) {
	case 0x02:
		return "woken";
	case 0x07:
		return "time slice";
	case 0x08:
		return "page fault";
	default:
		return "other";
	}
}

static enum hv_code ask(struct cli *cli, const char *name, Tarn__ClusterReply **ret_reply,
			const Tarn__LparView **ret_lpar, struct hv_err *err)
{
	Tarn__Query query = TARN__QUERY__INIT;
	enum hv_code code;

	query.trace = (char *)name; /* only encoded */
	code = cli_ask_pages(cli, &query, ret_reply, err);
	if (code != HV_OK)
		return code;
	*ret_lpar = cli_find_lpar((*ret_reply)->status, name);
	if (*ret_lpar == NULL)
		code = hv_fail(err, HV_E_NOTFOUND,
			       "partition '%s' is not known; see 'tarn lpar list'", name);
	else if (!(*ret_lpar)->record->running)
		code = hv_fail(err, HV_E_STATE, "partition '%s' does not run", name);
	if (code != HV_OK)
		tarn__cluster_reply__free_unpacked(*ret_reply, NULL);
	return code;
}

static enum hv_code wait_for(struct cli *cli, const char *name,
			     Tarn__ClusterReply **ret_reply,
			     const Tarn__PartitionStat **ret_stat, struct hv_err *err)
{
	uint64_t until = cli->world->now_ms(cli->world) + PATIENCE_MS;

	for (;;) {
		const Tarn__LparView *lpar;
		enum hv_code code = ask(cli, name, ret_reply, &lpar, err);

		if (code != HV_OK)
			return code;
		*ret_stat = lpar->stat;
		if (lpar->stat != NULL && lpar->stat->dispatch_trace != NULL)
			return HV_OK;
		tarn__cluster_reply__free_unpacked(*ret_reply, NULL);
		if (cli->world->now_ms(cli->world) >= until)
			return hv_fail(err, HV_E_TIMEOUT,
				       "the host of partition '%s' sent no trace", name);
		cli->world->sleep_ms(cli->world, AGAIN_MS);
	}
}

static void show_csv(struct cli *cli, const Tarn__DispatchTrace *trace)
{
	(void)fputs("reason,start_ns,end_ns,page,thread\n", cli->out);
	for (size_t i = 0; i < trace->n_dispatches; i++) {
		const Tarn__Dispatch *at = trace->dispatches[i];

		(void)fprintf(cli->out, "0x%02" PRIx32 ",%" PRIu64 ",%" PRIu64 ",",
			      at->reason, at->start_ns, at->end_ns);
		if (at->has_page)
			(void)fprintf(cli->out, "%" PRIu64, at->page);
		(void)fputc(',', cli->out);
		if (at->has_thread)
			(void)fprintf(cli->out, "%" PRId64, at->thread);
		(void)fputc('\n', cli->out);
	}
}

static void number_cell(struct cli_table *table, bool is_there, uint64_t number)
{
	if (is_there)
		cli_cell(table, CLI_PLAIN, "%" PRIu64, number);
	else
		cli_cell(table, CLI_DIM, "-");
}

static enum hv_code show_table(struct cli *cli, const Tarn__DispatchTrace *trace,
			       struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "AT", true },     { "REASON", false }, { "", false },
		{ "WAITED", true }, { "PAGE", true },    { "THREAD", true },
	};
	struct cli_table *table;
	char time[CLI_TIME_BYTES];

	if (trace->n_dispatches > 0) {
		table = cli_table_new(columns, HV_COUNT(columns));
		for (size_t i = 0; i < trace->n_dispatches; i++) {
			const Tarn__Dispatch *at = trace->dispatches[i];

			cli_cell(table, CLI_PLAIN, "%.6f", (double)at->start_ns / 1e9);
			cli_cell(table, CLI_PLAIN, "0x%02" PRIx32, at->reason);
			cli_cell(table, CLI_PLAIN, "%s", reason_name(at->reason));
			cli_cell(table, CLI_PLAIN, "%s",
				 cli_time((double)(at->end_ns - at->start_ns) / 1e3, time,
					  sizeof(time)));
			number_cell(table, at->has_page, at->page);
			number_cell(table, at->has_thread, (uint64_t)at->thread);
		}
		if (cli_show_table(cli, table, 0, err) != HV_OK)
			return err->code;
	}
	(void)fprintf(cli->out, "%" PRIu64 " page faults in this run\n", trace->faults);
	if (trace->no_switches != NULL)
		(void)fprintf(cli->out, "no other reasons: %s\n", trace->no_switches);
	return HV_OK;
}

enum hv_code cli_lpar_dispatch_trace(struct cli *cli, struct hv_err *err)
{
	const char *name = cli_text(&cli->args, "NAME");
	const Tarn__PartitionStat *stat = NULL;
	Tarn__ClusterReply *reply;
	struct cli_json *json;
	enum hv_code code = wait_for(cli, name, &reply, &stat, err);

	if (code != HV_OK)
		return code;
	if (cli->is_json) {
		json = cli_json_new();
		cli_json_fields(json, &stat->dispatch_trace->base);
		code = cli_show_json(cli, json, err);
	} else if (cli_flag(&cli->args, "csv")) {
		show_csv(cli, stat->dispatch_trace);
	} else {
		code = show_table(cli, stat->dispatch_trace, err);
	}
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
