/*
 * lpar_stat - tarn lpar stat: the figures of lparstat -m, for as many partitions as one
 * likes, once since activation or for each interval.
 *
 * What is divided by is the time between two looks of the host, which the first column
 * tells.
 */
#include "cli/commands.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/follow.h"
#include "cli/mirror.h"

#define MIB 1048576.0
#define NAME_WIDTH 7 /* at least: a line has 80 characters then */
#define SECONDS_WIDTH 5

/* clang-format off */
static const struct figure {
	const char *title, *unit; /* NULL: not in the table; the last ones */
	enum cli_meter meter;
	double scale;     /* of the table */
	unsigned width, digits;
	const char *json; /* not scaled */
	bool is_whole;    /* a count, or bytes */
} figures[] = {
	{ "physb", "cpus", CLI_PHYSB, 1,   5, 2, "physb", false },
	{ "%entc", "%",    CLI_ENTC,  1,   5, 1, "entc_percent", false },
	{ "hpi",   "n",    CLI_HPI,   1,   5, 0, "hpi", true },
	{ "hpit",  "ms",   CLI_HPIT,  1,   5, 0, "hpit_ms", false },
	{ "pmem",  "MiB",  CLI_PMEM,  MIB, 6, 1, "pmem_bytes", true },
	{ "loan",  "MiB",  CLI_LOAN,  MIB, 5, 1, "loan_bytes", true },
	{ "iomin", "MiB",  CLI_IOMIN, MIB, 5, 1, "iomin_bytes", true },
	{ "iomu",  "MiB",  CLI_IOMU,  MIB, 5, 1, "iomu_bytes", true },
	{ "iomf",  "MiB",  CLI_IOMF,  MIB, 5, 1, "iomf_bytes", true },
	{ "iohwm", "MiB",  CLI_IOHWM, MIB, 5, 1, "iohwm_bytes", true },
	{ "iomaf", "n",    CLI_IOMAF, 1,   5, 0, "iomaf", true },
	{ NULL,    NULL,   CLI_AHEAD,  1,  0, 0, "read_ahead", true },
	{ NULL,    NULL,   CLI_AHEAD_USED, 1, 0, 0, "read_ahead_used", true },
	{ NULL,    NULL,   CLI_AHEAD_WASTED, 1, 0, 0, "read_ahead_wasted", true },
	{ NULL,    NULL,   CLI_RESYNC, 1,  0, 0, "resynced", true },
	{ NULL,    NULL,   CLI_HEALED, 1,  0, 0, "healed", true },
	{ NULL,    NULL,   CLI_MISSED, 1,  0, 0, "missed_bytes", true },
	{ NULL,    NULL,   CLI_MIRROR_MISSED, 1, 0, 0, "mirror_missed_bytes", true },
};
/* clang-format on */

struct watched {
	struct cli_follow follow; /* first */
	unsigned name_width;      /* of the table that has begun; 0: none has */
};

/* ---- which ones ---- */

static bool is_named(const struct cli_args *args, const char *name)
{
	const struct cli_value *value;

	for (unsigned i = 0; (value = cli_repeat(args, "NAME", i)) != NULL; i++)
		if (strcmp(value->text, name) == 0)
			return true;
	return false;
}

/* Those that run; those that are named in any case. */
static bool is_shown(const struct cli *cli, const Tarn__LparView *lpar)
{
	if (cli_repeat(&cli->args, "NAME", 0) != NULL)
		return is_named(&cli->args, lpar->record->spec->name);
	return lpar->stat != NULL;
}

static enum hv_code check_names(const struct cli *cli, const Tarn__StatusReply *status,
				struct hv_err *err)
{
	const struct cli_value *value;

	for (unsigned i = 0; (value = cli_repeat(&cli->args, "NAME", i)) != NULL; i++)
		if (cli_find_lpar(status, value->text) == NULL)
			return hv_fail(
				err, HV_E_NOTFOUND,
				"partition '%s' is not known; see 'tarn lpar list'",
				value->text);
	return HV_OK;
}

/* ---- a table that grows ---- */

static unsigned name_width(const struct watched *watched)
{
	unsigned width = NAME_WIDTH;

	for (size_t i = 0; i < watched->follow.now->n_lpars; i++) {
		const Tarn__LparView *lpar = watched->follow.now->lpars[i];

		if (is_shown(watched->follow.cli, lpar) &&
		    cli_width(lpar->record->spec->name) > width)
			width = cli_width(lpar->record->spec->name);
	}
	return width;
}

static void print_head(struct watched *watched)
{
	struct cli *cli = watched->follow.cli;

	watched->name_width = name_width(watched);
	if (watched->follow.interval_s == 0)
		(void)fputs("since activation\n", cli->out);
	(void)fprintf(cli->out, "%-*s %*s", (int)watched->name_width, "NAME",
		      SECONDS_WIDTH, "secs");
	for (unsigned i = 0; i < HV_COUNT(figures) && figures[i].title != NULL; i++)
		(void)fprintf(cli->out, " %*s", (int)figures[i].width, figures[i].title);
	(void)fprintf(cli->out, "\n%-*s %*s", (int)watched->name_width, "", SECONDS_WIDTH,
		      "s");
	for (unsigned i = 0; i < HV_COUNT(figures) && figures[i].title != NULL; i++)
		(void)fprintf(cli->out, " %*s", (int)figures[i].width, figures[i].unit);
	(void)fputc('\n', cli->out);
}

static void print_number(FILE *out, double value, unsigned width, unsigned digits)
{
	if (isnan(value))
		(void)fprintf(out, " %*s", (int)width, "-");
	else
		(void)fprintf(out, " %*.*f", (int)width, value < 1e4 ? (int)digits : 0,
			      value);
}

static void print_row(const struct watched *watched, size_t at)
{
	FILE *out = watched->follow.cli->out;
	double values[CLI_METER_COUNT];
	double seconds = cli_follow_measure(&watched->follow, at, values);

	(void)fprintf(out, "%-*s", (int)watched->name_width,
		      watched->follow.now->lpars[at]->record->spec->name);
	print_number(out, seconds, SECONDS_WIDTH, seconds < 1000 ? 1 : 0);
	for (unsigned i = 0; i < HV_COUNT(figures) && figures[i].title != NULL; i++)
		print_number(out, values[figures[i].meter] / figures[i].scale,
			     figures[i].width, figures[i].digits);
	(void)fputc('\n', out);
}

/* Below the table: what its columns have no room for. */
static void print_remark(const struct watched *watched, size_t at)
{
	const struct cli_follow *follow = &watched->follow;
	const Tarn__LparView *lpar = follow->now->lpars[at];
	char text[CLI_MIRROR_BYTES];

	if (is_shown(follow->cli, lpar) && cli_mirror_text(follow->now, lpar, text))
		(void)fprintf(follow->cli->out, "%s: %s\n", lpar->record->spec->name,
			      text);
}

static void print_table(struct watched *watched)
{
	struct cli *cli = watched->follow.cli;
	unsigned shown = 0;

	for (size_t i = 0; i < watched->follow.now->n_lpars; i++) {
		if (!is_shown(cli, watched->follow.now->lpars[i]))
			continue;
		if (watched->name_width == 0)
			print_head(watched);
		print_row(watched, i);
		shown++;
	}
	for (size_t i = 0; i < watched->follow.now->n_lpars; i++)
		print_remark(watched, i);
	if (shown == 0)
		(void)fputs("no partition runs: start one with 'tarn lpar activate'\n",
			    cli->out);
	else if (shown > 1 && watched->follow.interval_s > 0)
		(void)fputc('\n', cli->out);
}

/* ---- documents ---- */

static void put_row(struct cli_follow *follow, struct cli_json *json, size_t at)
{
	const Tarn__LparView *lpar = follow->now->lpars[at];
	double values[CLI_METER_COUNT];
	double seconds = cli_follow_measure(follow, at, values);

	cli_json_open_object(json, NULL);
	cli_json_text(json, "name", lpar->record->spec->name);
	cli_json_text(json, "host", lpar->record->host);
	cli_json_text(json, "state", lpar->state);
	if (!isnan(seconds))
		cli_json_real(json, "seconds", seconds);
	for (unsigned i = 0; i < HV_COUNT(figures); i++) {
		double value = values[figures[i].meter];

		if (isnan(value))
			continue;
		if (figures[i].is_whole)
			cli_json_number(json, figures[i].json, cli_meter_whole(value));
		else
			cli_json_real(json, figures[i].json, value);
	}
	cli_json_close(json);
}

static enum hv_code print_json(struct cli_follow *follow, struct hv_err *err)
{
	struct cli *cli = follow->cli;
	struct cli_json *json = cli_json_new();

	cli_json_number(json, "wall_ms", follow->now->wall_ms);
	if (follow->interval_s > 0)
		cli_json_number(json, "interval_s", follow->interval_s);
	cli_json_open_list(json, "lpars");
	for (size_t i = 0; i < follow->now->n_lpars; i++)
		if (is_shown(cli, follow->now->lpars[i]))
			put_row(follow, json, i);
	cli_json_close(json);
	return cli_follow_print(follow, json, err);
}

/* ---- the command ---- */

static enum hv_code look(struct cli_follow *follow, Tarn__ClusterReply **ret_reply,
			 struct hv_err *err)
{
	struct cli *cli = follow->cli;
	Tarn__Query query = TARN__QUERY__INIT;
	enum hv_code code;

	if (cli_repeat(&cli->args, "NAME", 0) != NULL &&
	    cli_repeat(&cli->args, "NAME", 1) == NULL)
		query.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	code = cli_ask_pages(cli, &query, ret_reply, err);
	if (code != HV_OK)
		return code;
	code = check_names(cli, (*ret_reply)->status, err);
	if (code != HV_OK)
		tarn__cluster_reply__free_unpacked(*ret_reply, NULL);
	return code;
}

static enum hv_code show(struct cli_follow *follow, struct hv_err *err)
{
	if (follow->cli->is_json)
		return print_json(follow, err);
	print_table((struct watched *)follow);
	return HV_OK;
}

enum hv_code cli_lpar_stat(struct cli *cli, struct hv_err *err)
{
	struct watched watched = { .follow = { .cli = cli, .look = look, .show = show } };

	return cli_follow_run(&watched.follow, err);
}
