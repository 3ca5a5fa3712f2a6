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
	{ TARN__DRILL_KIND__DRILL_DEVICE_ERROR, "device-error", "device errors" },
	{ TARN__DRILL_KIND__DRILL_DEVICE_LOST, "device-lost", "loss of the devices" },
	{ TARN__DRILL_KIND__DRILL_CORRUPT, "corrupt", "corruption" },
	{ TARN__DRILL_KIND__DRILL_CUT, "cut", "cut of the link" },
	{ TARN__DRILL_KIND__DRILL_BOTH_LOST, "both-lost", "loss of both VIOS" },
	{ TARN__DRILL_KIND__DRILL_AGENT, "agent", "kill of the agent" },
	{ TARN__DRILL_KIND__DRILL_ROLLING, "rolling", "rolling maintenance" },
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

const char *cli_drill_title(const Tarn__DrillRecord *drill)
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

const char *cli_drill_outcome(const Tarn__DrillPartition *row)
{
	if (row->end != NULL && row->end[0] != '\0')
		return row->end;
	if (row->has_pages_compared)
		return row->errors > 0 ? "page errors"
				       : "a guest: what it read was right";
	if (!row->verified)
		return "not verified";
	return row->bad_pages > 0 ? "pages lost" : "every page right";
}

static void partition_row(struct cli_table *table, const Tarn__DrillPartition *row)
{
	bool has_ended = row->end != NULL && row->end[0] != '\0';
	char t[CLI_TIME_BYTES];

	cli_cell(table, CLI_STRONG, "%s", row->lpar);
	cli_cell(table, CLI_PLAIN, "%s",
		 cli_time((double)row->longest_stall_us, t, sizeof(t)));
	cli_cell(table, CLI_PLAIN, "%s",
		 row->has_p99_stall_us ? cli_time((double)row->p99_stall_us, t, sizeof(t))
				       : "-");
	cli_cell(table, CLI_PLAIN, "%" PRIu64, row->pages_read);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, row->pages_written);
	if (row->guest) /* nobody outside could */
		cli_cell(table, CLI_DIM, "-");
	else
		cli_cell(table, CLI_PLAIN, "%" PRIu64, row->pages_verified);
	cli_cell(table, row->bad_pages > 0 ? CLI_BAD : CLI_PLAIN, "%" PRIu64,
		 row->bad_pages);
	cli_cell(table, has_ended ? CLI_BAD : CLI_PLAIN, "%s", cli_drill_outcome(row));
}

static enum hv_code show_partitions(struct cli *cli, const Tarn__DrillRecord *drill,
				    struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "PARTITION", false }, { "LONGEST STALL", true }, { "99 % BELOW", true },
		{ "READ", true },       { "WRITTEN", true },       { "VERIFIED", true },
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

static enum hv_code show_legs(struct cli *cli, const Tarn__DrillRecord *drill,
			      struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "HOST", false },    { "VIOS", false },   { "DRILL", true },
		{ "VERDICT", false }, { "REASON", false },
	};
	struct cli_table *table;

	if (drill->n_legs == 0)
		return HV_OK;
	(void)fputc('\n', cli->out);
	table = cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = 0; i < drill->n_legs; i++) {
		const Tarn__DrillLeg *leg = drill->legs[i];
		const char *verdict = leg->verdict != NULL ? leg->verdict
				      : leg->has_drill     ? "running"
							   : "waits";

		cli_cell(table, CLI_STRONG, "%s", leg->host);
		cli_cell(table, CLI_PLAIN, "%s", leg->vios[0] != '\0' ? leg->vios : "-");
		if (leg->has_drill)
			cli_cell(table, CLI_PLAIN, "%" PRIu64, leg->drill);
		else
			cli_cell(table, CLI_PLAIN, "-");
		cli_cell(table,
			 strcmp(verdict, "passed") == 0   ? CLI_GOOD
			 : strcmp(verdict, "failed") == 0 ? CLI_BAD
							  : CLI_PLAIN,
			 "%s", verdict);
		cli_cell(table, CLI_PLAIN, "%s", leg->reason != NULL ? leg->reason : "");
	}
	return cli_show_table(cli, table, 2, err);
}

static enum hv_code show_timeline(struct cli *cli, const Tarn__DrillRecord *drill,
				  struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "TIMELINE", false },
		{ "AFTER INJECTION", true },
		{ "BY THE CLOCK OF", false },
	};
	struct cli_table *table;
	char t[CLI_TIME_BYTES];

	if (drill->n_timeline == 0)
		return HV_OK;
	(void)fputc('\n', cli->out);
	table = cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = 0; i < drill->n_timeline; i++) {
		const Tarn__DrillMoment *moment = drill->timeline[i];

		cli_cell(table, CLI_STRONG, "%s", moment->what);
		cli_cell(table, CLI_PLAIN, "%s",
			 moment->at_us != 0
				 ? cli_time((double)moment->at_us, t, sizeof(t))
				 : "0");
		cli_cell(table, CLI_DIM, "%s",
			 moment->reported ? "the host" : "the coordinator");
	}
	return cli_show_table(cli, table, 2, err);
}

/* ---- over time: a line of characters, lowest to highest ---- */

static const char levels[] = "_.:-=+*#%@";

static uint64_t most_of(const Tarn__DrillRecord *drill, bool is_stall)
{
	uint64_t most = 0;

	for (size_t i = 0; i < drill->n_points; i++) {
		const Tarn__DrillPoint *point = drill->points[i];
		uint64_t value = is_stall ? point->longest_us : point->operations_per_s;

		most = value > most ? value : most;
	}
	return most;
}

static void show_spark(struct cli *cli, const Tarn__DrillRecord *drill, bool is_stall)
{
	unsigned room = cli->columns > 40 ? cli->columns - 40 : 60;
	size_t step = (drill->n_points + room - 1) / room;
	uint64_t most = most_of(drill, is_stall);

	for (size_t i = 0; i < drill->n_points; i += step) {
		uint64_t value = 0;

		/* of several in one place: the lowest throughput, the longest stall */
		for (size_t k = i; k < i + step && k < drill->n_points; k++) {
			const Tarn__DrillPoint *point = drill->points[k];
			uint64_t one = is_stall ? point->longest_us
						: point->operations_per_s;

			if (k == i || (is_stall ? one > value : one < value))
				value = one;
		}
		(void)fputc(levels[most == 0 ? 0
					     : (size_t)((double)value / (double)most *
							(double)(sizeof(levels) - 2))],
			    cli->out);
	}
}

static void show_course(struct cli *cli, const Tarn__DrillRecord *drill)
{
	char t[CLI_TIME_BYTES];

	if (drill->n_points < 2)
		return;
	(void)fputs("\n  throughput   ", cli->out);
	show_spark(cli, drill, false);
	(void)fprintf(cli->out, "  @ = %" PRIu64 " operations a second\n  stalls       ",
		      most_of(drill, false));
	show_spark(cli, drill, true);
	(void)fprintf(cli->out, "  @ = %s\n",
		      cli_time((double)most_of(drill, true), t, sizeof(t)));
}

static void show_more(struct cli *cli, const Tarn__DrillRecord *drill)
{
	const Tarn__DrillBefore *before = drill->before;
	char t[CLI_TIME_BYTES];

	if (drill->has_pages_read)
		(void)fprintf(cli->out,
			      "  pages        %" PRIu64 " read, %" PRIu64 " written\n",
			      drill->pages_read, drill->pages_written);
	if (drill->has_pages_resynced)
		(void)fprintf(cli->out,
			      "  mirrors      %" PRIu64
			      " pages brought to the side that had missed them, %" PRIu64
			      " bad ones had from the other side\n",
			      drill->pages_resynced, drill->pages_healed);
	if (drill->has_resent_reads)
		(void)fprintf(cli->out,
			      "  failover     %" PRIu64 " reads asked again, %" PRIu64
			      " steals canceled, %" PRIu64 " slots in quarantine\n",
			      drill->resent_reads, drill->canceled_steals,
			      drill->quarantined_slots);
	if (before != NULL && before->has_longest_stall_us)
		(void)fprintf(cli->out,
			      "  before       drill %" PRIu64 " (%s): longest stall %s\n",
			      before->number, before->verdict,
			      cli_time((double)before->longest_stall_us, t, sizeof(t)));
	for (size_t i = 0; i < drill->n_skipped; i++)
		(void)fprintf(cli->out, "  left out     %s\n", drill->skipped[i]);
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

	(void)fprintf(cli->out, "drill %" PRIu64 ", %s%s%s%s%s: ", drill->number,
		      cli_drill_title(drill), drill->vios[0] != '\0' ? " of " : "",
		      drill->vios, drill->host[0] != '\0' ? " on host " : "",
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
	enum hv_code code;

	show_verdict(cli, drill);
	show_claim(cli, drill);
	show_more(cli, drill);
	code = show_legs(cli, drill, err);
	if (code == HV_OK)
		code = show_timeline(cli, drill, err);
	if (code != HV_OK)
		return code;
	show_course(cli, drill);
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
	cli_cell(table, CLI_PLAIN, "%s", drill->host[0] != '\0' ? drill->host : "all");
	cli_cell(table, CLI_PLAIN, "%s", drill->vios[0] != '\0' ? drill->vios : "-");
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
