/* drill_report - see drill_report.h. */
#include "cli/drill_report.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/words.h"

static const struct {
	Tarn__DrillKind kind;
	const char *name, *title; /* title: "drill 1, kill of vios1" */
} kinds[] = {
	{ TARN__DRILL_KIND__DRILL_PLANNED, "planned", "planned maintenance" },
	{ TARN__DRILL_KIND__DRILL_KILL, "kill", "kill" },
	{ TARN__DRILL_KIND__DRILL_HANG, "hang", "hang" },
	{ TARN__DRILL_KIND__DRILL_BOTH_LOST, "both-lost", "loss of both VIOS" },
	{ TARN__DRILL_KIND__DRILL_AGENT, "agent", "kill of the agent" },
	{ TARN__DRILL_KIND__DRILL_COORDINATOR, "coordinator", "kill of the coordinator" },
};

bool cli_drill_kind_of(const char *name, Tarn__DrillKind *ret_kind)
{
	for (size_t i = 0; i < HV_COUNT(kinds); i++) {
		if (strcmp(kinds[i].name, name) != 0)
			continue;
		*ret_kind = kinds[i].kind;
		return true;
	}
	return false;
}

const char *cli_drill_kind(const Tarn__DrillRecord *drill)
{
	for (size_t i = 0; i < HV_COUNT(kinds); i++)
		if (kinds[i].kind == drill->kind)
			return kinds[i].name;
	return "unknown";
}

static const char *title_of(const Tarn__DrillRecord *drill)
{
	for (size_t i = 0; i < HV_COUNT(kinds); i++)
		if (kinds[i].kind == drill->kind)
			return kinds[i].title;
	return "a kind that this client does not know";
}

void cli_drill_step(struct cli *cli, const Tarn__DrillRecord *drill, size_t step)
{
	const Tarn__DrillStep *row = drill->steps[step];
	uint64_t start = drill->has_started_ms ? drill->started_ms
					       : drill->steps[0]->wall_ms;
	uint64_t at = row->wall_ms > start ? row->wall_ms - start : 0;

	(void)fprintf(cli->out, "  +%7.3f s  %s\n", (double)at / 1e3, row->text);
}

static void partition_row(struct cli_table *table, const Tarn__DrillPartition *row)
{
	bool has_ended = row->end != NULL && row->end[0] != '\0';
	char t[CLI_TIME_BYTES];

	cli_cell(table, CLI_STRONG, "%s", row->lpar);
	cli_cell(table, CLI_PLAIN, "%s",
		 cli_time((double)row->longest_stall_us, t, sizeof(t)));
	cli_cell(table, CLI_PLAIN, "%" PRIu64, row->pages_verified);
	cli_cell(table, row->bad_pages > 0 ? CLI_BAD : CLI_PLAIN, "%" PRIu64,
		 row->bad_pages);
	cli_cell(table, has_ended ? CLI_BAD : CLI_PLAIN, "%s",
		 has_ended            ? row->end
		 : !row->verified     ? "not verified"
		 : row->bad_pages > 0 ? "pages lost"
				      : "every page right");
}

static enum hv_code show_partitions(struct cli *cli, const Tarn__DrillRecord *drill,
				    struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "PARTITION", false }, { "LONGEST STALL", true }, { "VERIFIED", true },
		{ "BAD", true },        { "OUTCOME", false },
	};
	struct cli_table *table;

	if (drill->n_partitions == 0)
		return HV_OK;
	(void)fputc('\n', cli->out);
	table = cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = 0; i < drill->n_partitions; i++)
		partition_row(table, drill->partitions[i]);
	return cli_show_table(cli, table, 2, err);
}

static void show_claim(struct cli *cli, const Tarn__DrillRecord *drill)
{
	const struct {
		const char *what, *text;
	} rows[] = {
		{ "claim", drill->claim },
		{ "injection", drill->injection },
		{ "expectation", drill->expectation },
	};

	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		if (rows[i].text != NULL && rows[i].text[0] != '\0')
			(void)fprintf(cli->out, "  %-12s %s\n", rows[i].what,
				      rows[i].text);
}

static void show_verdict(struct cli *cli, const Tarn__DrillRecord *drill)
{
	struct cli_word word = cli_verdict_word(drill);
	char t[CLI_TIME_BYTES];

	(void)fprintf(cli->out, "drill %" PRIu64 ", %s%s%s on host %s: ", drill->number,
		      title_of(drill), drill->vios[0] != '\0' ? " of " : "", drill->vios,
		      drill->host);
	cli_tone_print(cli->out, word.tone, cli->is_colour, "%s", word.text);
	(void)fprintf(cli->out,
		      "\n  longest stall %s, %" PRIu64 " pages verified, %" PRIu64
		      " bad\n",
		      cli_time((double)drill->longest_stall_us, t, sizeof(t)),
		      drill->pages_verified, drill->bad_pages);
	if (drill->reason != NULL && drill->reason[0] != '\0')
		(void)fprintf(cli->out, "  %s\n", drill->reason);
}

enum hv_code cli_drill_report(struct cli *cli, const Tarn__DrillRecord *drill,
			      bool with_steps, struct hv_err *err)
{
	show_verdict(cli, drill);
	show_claim(cli, drill);
	if (with_steps && drill->n_steps > 0) {
		(void)fputc('\n', cli->out);
		for (size_t i = 0; i < drill->n_steps; i++)
			cli_drill_step(cli, drill, i);
	}
	return show_partitions(cli, drill, err);
}

static void table_row(struct cli *cli, struct cli_table *table,
		      const Tarn__DrillRecord *drill)
{
	struct cli_word word = cli_verdict_word(drill);
	char when[CLI_CLOCK_BYTES], t[CLI_TIME_BYTES];

	cli_cell(table, CLI_STRONG, "%" PRIu64, drill->number);
	cli_cell(table, CLI_PLAIN, "%s",
		 cli_clock_text(cli, drill->started_ms, when, sizeof(when)));
	cli_cell(table, CLI_PLAIN, "%s", cli_drill_kind(drill));
	cli_cell(table, CLI_PLAIN, "%s", drill->host);
	cli_cell(table, CLI_PLAIN, "%s", drill->vios);
	cli_cell(table, word.tone, "%s", word.text);
	cli_cell(table, CLI_PLAIN, "%s",
		 cli_time((double)drill->longest_stall_us, t, sizeof(t)));
	cli_cell(table, CLI_PLAIN, "%" PRIu64, drill->pages_verified);
	cli_cell(table, drill->bad_pages > 0 ? CLI_BAD : CLI_PLAIN, "%" PRIu64,
		 drill->bad_pages);
}

enum hv_code cli_drill_table(struct cli *cli, const Tarn__ClusterReply *reply,
			     struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "DRILL", true },         { "STARTED", false },
		{ "KIND", false },         { "HOST", false },
		{ "VIOS", false },         { "VERDICT", false },
		{ "LONGEST STALL", true }, { "PAGES VERIFIED", true },
		{ "BAD", true },
	};
	struct cli_table *table;

	if (reply->n_drills == 0) {
		(void)fputs("no drills yet: run one with 'tarn drill run'\n", cli->out);
		return HV_OK;
	}
	table = cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = 0; i < reply->n_drills; i++)
		table_row(cli, table, reply->drills[i]);
	return cli_show_table(cli, table, 0, err);
}
