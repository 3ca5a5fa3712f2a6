/* drill_html - see drill_html.h. */
#include "cli/drill_html.h"

#include <inttypes.h>
#include <string.h>

#include "cli/drill_plot.h"
#include "cli/drill_report.h"
#include "cli/figures.h"
#include "cli/words.h"

static const char style[] =
	":root{color-scheme:light dark;--ink:#1b1f24;--dim:#5b6570;--paper:#fff;"
	"--rule:#d5dae0;--blue:#1f6feb;--wash:#1f6feb22;--good:#1a7f37;--bad:#cf222e;"
	"--warn:#9a6700}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9aa5b1;"
	"--paper:#0d1117;--rule:#30363d;--blue:#58a6ff;--wash:#58a6ff2a;--good:#3fb950;"
	"--bad:#f85149;--warn:#d29922}}\n"
	"@media "
	"print{:root{--ink:#000;--dim:#444;--paper:#fff;--rule:#bbb;--blue:#1f6feb;"
	"--wash:#1f6feb22;--good:#1a7f37;--bad:#cf222e;--warn:#9a6700}"
	"section,figure,tr{break-inside:avoid}}\n"
	"body{font:15px/1.5 "
	"system-ui,sans-serif;color:var(--ink);background:var(--paper);"
	"max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
	"h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}\n"
	".dim,.unit{color:var(--dim)}.verdict{font-weight:700;font-size:1.2rem}\n"
	".passed{color:var(--good)}.failed{color:var(--bad)}"
	".inconclusive,.running{color:var(--warn)}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0}"
	"dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}\n"
	".wide{overflow-x:auto}table{border-collapse:collapse;width:100%}"
	"th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid "
	"var(--rule);vertical-align:top}th{color:var(--dim);font-weight:600}"
	".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
	"figure{margin:1rem 0}figcaption{font-weight:600}svg{width:100%;height:auto}\n"
	".grid{stroke:var(--rule)}.tick{fill:var(--dim);font-size:11px}"
	".line{fill:none;stroke:var(--blue);stroke-width:2}.area{fill:var(--wash)}"
	".moment{stroke:var(--dim);stroke-dasharray:2 4}"
	".bound{stroke:var(--bad);stroke-dasharray:6 4}\n";

void cli_html_text(FILE *out, const char *text)
{
	for (const char *at = text != NULL ? text : ""; *at != '\0'; at++) {
		switch (*at) {
		case '<':
			(void)fputs("&lt;", out);
			break;
		case '>':
			(void)fputs("&gt;", out);
			break;
		case '&':
			(void)fputs("&amp;", out);
			break;
		case '"':
			(void)fputs("&quot;", out);
			break;
		case '\'':
			(void)fputs("&#39;", out);
			break;
		default:
			(void)fputc((unsigned char)*at < ' ' ? ' ' : *at, out);
		}
	}
}

static void term(FILE *out, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	(void)fprintf(out, "<dt>%s</dt><dd>", name);
	cli_html_text(out, text);
	(void)fputs("</dd>\n", out);
}

static void term_number(FILE *out, const char *name, bool has, uint64_t number)
{
	if (has)
		(void)fprintf(out, "<dt>%s</dt><dd>%" PRIu64 "</dd>\n", name, number);
}

static void put_head(FILE *out, const struct cli *cli, const Tarn__DrillRecord *drill)
{
	char when[CLI_CLOCK_BYTES];
	const char *verdict = drill->verdict != NULL ? drill->verdict : "running";

	(void)fprintf(
		out,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" "
		"content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width\">\n"
		"<title>Drill %" PRIu64 "</title>\n<style>%s</style></head>\n<body>\n"
		"<h1>Drill %" PRIu64 ": ",
		drill->number, style, drill->number);
	cli_html_text(out, cli_drill_title(drill));
	(void)fputs("</h1>\n<p class=\"dim\">", out);
	if (drill->vios[0] != '\0') {
		(void)fputs("VIOS ", out);
		cli_html_text(out, drill->vios);
		(void)fputs(" of ", out);
	}
	if (drill->host[0] != '\0') {
		(void)fputs("host ", out);
		cli_html_text(out, drill->host);
	} else {
		(void)fputs("the cluster", out);
	}
	(void)fprintf(out, ", %s</p>\n<p class=\"verdict ",
		      cli_clock_text(cli, drill->started_ms, when, sizeof(when)));
	cli_html_text(out, verdict);
	(void)fputs("\">", out);
	cli_html_text(out, verdict);
	(void)fputs("</p>\n<p>", out);
	cli_html_text(out, drill->reason);
	(void)fputs("</p>\n", out);
}

static void put_before(FILE *out, const Tarn__DrillRecord *drill)
{
	const Tarn__DrillBefore *before = drill->before;
	char t[CLI_TIME_BYTES];

	if (before == NULL)
		return;
	(void)fprintf(out, "<dt>the one before</dt><dd>drill %" PRIu64 ", ",
		      before->number);
	cli_html_text(out, before->verdict);
	if (before->has_longest_stall_us)
		(void)fprintf(out, ": longest stall %s",
			      cli_time((double)before->longest_stall_us, t, sizeof(t)));
	if (before->has_restored_us)
		(void)fprintf(out, ", redundant again after %s",
			      cli_time((double)before->restored_us, t, sizeof(t)));
	(void)fputs("</dd>\n", out);
}

static void put_summary(FILE *out, const Tarn__DrillRecord *drill)
{
	char stall[CLI_TIME_BYTES], bound[CLI_TIME_BYTES];

	(void)fputs("<section><h2>Claim and plan</h2><dl>\n", out);
	term(out, "claim", drill->claim);
	term(out, "injection", drill->injection);
	term(out, "expectation", drill->expectation);
	(void)fputs("</dl></section>\n<section><h2>Figures</h2><dl>\n", out);
	if (drill->has_longest_stall_us)
		(void)fprintf(
			out, "<dt>longest stall</dt><dd>%s, the bound is %s</dd>\n",
			cli_time((double)drill->longest_stall_us, stall, sizeof(stall)),
			cli_time((double)drill->bound_us, bound, sizeof(bound)));
	term_number(out, "pages verified", drill->has_pages_verified,
		    drill->pages_verified);
	term_number(out, "bad pages", drill->has_bad_pages, drill->bad_pages);
	term_number(out, "pages read", drill->has_pages_read, drill->pages_read);
	term_number(out, "pages written", drill->has_pages_written, drill->pages_written);
	term_number(out, "pages brought back to a mirror", drill->has_pages_resynced,
		    drill->pages_resynced);
	term_number(out, "bad pages had from the other side", drill->has_pages_healed,
		    drill->pages_healed);
	term_number(out, "reads asked again", drill->has_resent_reads,
		    drill->resent_reads);
	term_number(out, "steals canceled", drill->has_canceled_steals,
		    drill->canceled_steals);
	term_number(out, "slots in quarantine", drill->has_quarantined_slots,
		    drill->quarantined_slots);
	put_before(out, drill);
	for (size_t i = 0; i < drill->n_skipped; i++)
		term(out, "left out", drill->skipped[i]);
	(void)fputs("</dl></section>\n", out);
}

static void put_legs(FILE *out, const Tarn__DrillRecord *drill)
{
	if (drill->n_legs == 0)
		return;
	(void)fputs("<section><h2>One after the other</h2><div class=\"wide\"><table><tr>"
		    "<th>Host</th><th>VIOS</th><th class=\"n\">Drill</th>"
		    "<th>Verdict</th><th>Reason</th></tr>\n",
		    out);
	for (size_t i = 0; i < drill->n_legs; i++) {
		const Tarn__DrillLeg *leg = drill->legs[i];

		(void)fputs("<tr><td>", out);
		cli_html_text(out, leg->host);
		(void)fputs("</td><td>", out);
		cli_html_text(out, leg->vios);
		(void)fprintf(out, "</td><td class=\"n\">%" PRIu64 "</td><td>",
			      leg->drill);
		cli_html_text(out, leg->verdict);
		(void)fputs("</td><td>", out);
		cli_html_text(out, leg->reason);
		(void)fputs("</td></tr>\n", out);
	}
	(void)fputs("</table></div></section>\n", out);
}

static void put_timeline(FILE *out, const Tarn__DrillRecord *drill)
{
	char t[CLI_TIME_BYTES];

	if (drill->n_timeline == 0)
		return;
	(void)fputs(
		"<section><h2>Timeline</h2><div class=\"wide\"><table><tr><th>What</th>"
		"<th class=\"n\">After the injection</th><th>By the clock of</th></tr>\n",
		out);
	for (size_t i = 0; i < drill->n_timeline; i++) {
		const Tarn__DrillMoment *moment = drill->timeline[i];

		(void)fputs("<tr><td>", out);
		cli_html_text(out, moment->what);
		(void)fprintf(out, "</td><td class=\"n\">%s</td><td>%s</td></tr>\n",
			      moment->at_us != 0
				      ? cli_time((double)moment->at_us, t, sizeof(t))
				      : "0",
			      moment->reported ? "the host" : "the coordinator");
	}
	(void)fputs("</table></div></section>\n", out);
}

static double operations(const Tarn__DrillPoint *point)
{
	return (double)point->operations_per_s;
}

static double reads(const Tarn__DrillPoint *point)
{
	return (double)point->reads_per_s;
}

static double writes(const Tarn__DrillPoint *point)
{
	return (double)point->writes_per_s;
}

static double stalls(const Tarn__DrillPoint *point)
{
	return (double)point->longest_us / 1e3;
}

static void put_plots(FILE *out, const Tarn__DrillRecord *drill)
{
	const struct cli_plot plots[] = {
		{ "Throughput", "operations a second, all partitions", operations, 0 },
		{ "Pages read", "a second, from the paging devices", reads, 0 },
		{ "Pages written", "a second, to the paging devices", writes, 0 },
		{ "Longest stall", "ms, since the point before", stalls,
		  (double)drill->bound_us / 1e3 },
	};

	if (drill->n_points < 2)
		return;
	(void)fputs("<section><h2>Over time</h2>\n", out);
	for (size_t i = 0; i < HV_COUNT(plots); i++)
		cli_drill_plot(out, drill, &plots[i]);
	(void)fputs("</section>\n", out);
}

static void put_partition(FILE *out, const Tarn__DrillPartition *row)
{
	char stall[CLI_TIME_BYTES], p99[CLI_TIME_BYTES];

	(void)fputs("<tr><td>", out);
	cli_html_text(out, row->lpar);
	(void)fprintf(
		out,
		"</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
		"<td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64 "</td>"
		"<td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64 "</td><td>",
		cli_time((double)row->longest_stall_us, stall, sizeof(stall)),
		row->has_p99_stall_us
			? cli_time((double)row->p99_stall_us, p99, sizeof(p99))
			: "-",
		row->pages_read, row->pages_written, row->pages_verified, row->bad_pages);
	cli_html_text(out, cli_drill_outcome(row));
	(void)fputs("</td></tr>\n", out);
}

static void put_partitions(FILE *out, const Tarn__DrillRecord *drill)
{
	if (drill->n_partitions == 0)
		return;
	(void)fputs("<section><h2>Partitions</h2><div class=\"wide\"><table><tr>"
		    "<th>Partition</th><th class=\"n\">Longest stall</th>"
		    "<th class=\"n\">99 % below</th><th class=\"n\">Read</th>"
		    "<th class=\"n\">Written</th><th class=\"n\">Verified</th>"
		    "<th class=\"n\">Bad</th><th>Outcome</th></tr>\n",
		    out);
	for (size_t i = 0; i < drill->n_partitions; i++)
		put_partition(out, drill->partitions[i]);
	(void)fputs("</table></div></section>\n", out);
}

static void put_steps(FILE *out, const Tarn__DrillRecord *drill)
{
	(void)fputs("<section><h2>Steps</h2><div class=\"wide\"><table>\n", out);
	for (size_t i = 0; i < drill->n_steps; i++) {
		uint64_t at = drill->steps[i]->wall_ms;

		at = at > drill->started_ms ? at - drill->started_ms : 0;
		(void)fprintf(out, "<tr><td class=\"n\">+%.3f s</td><td>",
			      (double)at / 1e3);
		cli_html_text(out, drill->steps[i]->text);
		(void)fputs("</td></tr>\n", out);
	}
	(void)fputs("</table></div></section>\n", out);
}

void cli_drill_html(const struct cli *cli, const Tarn__DrillRecord *drill, FILE *out)
{
	put_head(out, cli, drill);
	put_summary(out, drill);
	put_legs(out, drill);
	put_timeline(out, drill);
	put_plots(out, drill);
	put_partitions(out, drill);
	put_steps(out, drill);
	(void)fputs("</body></html>\n", out);
}
