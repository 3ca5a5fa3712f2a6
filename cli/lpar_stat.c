/*
 * lpar_stat - tarn lpar stat: the figures of lparstat -m, for as many partitions as one
 * likes, once since activation or for each interval.
 *
 * Between two looks the coordinator is asked once; what is divided by is the time
 * between the looks of the host, which the first column tells.
 */
#include "cli/commands.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/meter.h"

#define MIB 1048576.0
#define NAME_WIDTH 7 /* at least: a line has 80 characters then */
#define SECONDS_WIDTH 5

/* clang-format off */
static const struct figure {
	const char *title, *unit;
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
};
/* clang-format on */

struct watched {
	struct cli *cli;
	uint64_t interval_s;                /* 0: once, since activation */
	const Tarn__StatusReply *was, *now; /* was NULL: nothing before */
	unsigned name_width;                /* of the table that has begun; 0: none has */
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

/* Most are where they were. */
static const Tarn__LparView *find_before(const struct watched *watched, size_t at)
{
	const char *name = watched->now->lpars[at]->record->spec->name;
	const Tarn__StatusReply *was = watched->was;

	if (was == NULL)
		return NULL;
	if (at < was->n_lpars && strcmp(was->lpars[at]->record->spec->name, name) == 0)
		return was->lpars[at];
	return cli_find_lpar(was, name);
}

static double measure(const struct watched *watched, size_t at,
		      double ret_figures[CLI_METER_COUNT])
{
	const Tarn__LparView *was = find_before(watched, at);
	struct cli_reading before, now;

	cli_meter_read(watched->now->lpars[at], &now);
	if (was != NULL)
		cli_meter_read(was, &before);
	return cli_meter_between(was != NULL ? &before : NULL, &now, ret_figures);
}

/* ---- a table that grows ---- */

static unsigned name_width(const struct watched *watched)
{
	unsigned width = NAME_WIDTH;

	for (size_t i = 0; i < watched->now->n_lpars; i++) {
		const Tarn__LparView *lpar = watched->now->lpars[i];

		if (is_shown(watched->cli, lpar) &&
		    cli_width(lpar->record->spec->name) > width)
			width = cli_width(lpar->record->spec->name);
	}
	return width;
}

static void print_head(struct watched *watched)
{
	struct cli *cli = watched->cli;

	watched->name_width = name_width(watched);
	if (watched->interval_s == 0)
		(void)fputs("since activation\n", cli->out);
	(void)fprintf(cli->out, "%-*s %*s", (int)watched->name_width, "NAME",
		      SECONDS_WIDTH, "secs");
	for (unsigned i = 0; i < HV_COUNT(figures); i++)
		(void)fprintf(cli->out, " %*s", (int)figures[i].width, figures[i].title);
	(void)fprintf(cli->out, "\n%-*s %*s", (int)watched->name_width, "", SECONDS_WIDTH,
		      "s");
	for (unsigned i = 0; i < HV_COUNT(figures); i++)
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
	FILE *out = watched->cli->out;
	double values[CLI_METER_COUNT];
	double seconds = measure(watched, at, values);

	(void)fprintf(out, "%-*s", (int)watched->name_width,
		      watched->now->lpars[at]->record->spec->name);
	print_number(out, seconds, SECONDS_WIDTH, seconds < 1000 ? 1 : 0);
	for (unsigned i = 0; i < HV_COUNT(figures); i++)
		print_number(out, values[figures[i].meter] / figures[i].scale,
			     figures[i].width, figures[i].digits);
	(void)fputc('\n', out);
}

static void print_table(struct watched *watched)
{
	struct cli *cli = watched->cli;
	unsigned shown = 0;

	for (size_t i = 0; i < watched->now->n_lpars; i++) {
		if (!is_shown(cli, watched->now->lpars[i]))
			continue;
		if (watched->name_width == 0)
			print_head(watched);
		print_row(watched, i);
		shown++;
	}
	if (shown == 0)
		(void)fputs("no partition runs: start one with 'tarn lpar activate'\n",
			    cli->out);
	else if (shown > 1 && watched->interval_s > 0)
		(void)fputc('\n', cli->out);
}

/* ---- documents ---- */

static void put_row(const struct watched *watched, struct cli_json *json, size_t at)
{
	const Tarn__LparView *lpar = watched->now->lpars[at];
	double values[CLI_METER_COUNT];
	double seconds = measure(watched, at, values);

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
			cli_json_number(json, figures[i].json, (uint64_t)value);
		else
			cli_json_real(json, figures[i].json, value);
	}
	cli_json_close(json);
}

static enum hv_code print_json(const struct watched *watched, struct hv_err *err)
{
	struct cli *cli = watched->cli;
	struct cli_json *json = cli_json_new();
	enum hv_code code;

	cli_json_number(json, "wall_ms", watched->now->wall_ms);
	if (watched->interval_s > 0)
		cli_json_number(json, "interval_s", watched->interval_s);
	cli_json_open_list(json, "lpars");
	for (size_t i = 0; i < watched->now->n_lpars; i++)
		if (is_shown(cli, watched->now->lpars[i]))
			put_row(watched, json, i);
	cli_json_close(json);
	if (watched->interval_s == 0)
		return cli_show_json(cli, json, err);
	code = cli_json_print_line(json, cli->out, err);
	cli_json_free(json);
	cli->has_document = true;
	return code;
}

/* ---- the command ---- */

static enum hv_code look(struct cli *cli, Tarn__ClusterReply **ret_reply,
			 struct hv_err *err)
{
	Tarn__Query query = TARN__QUERY__INIT;
	enum hv_code code;

	if (cli_repeat(&cli->args, "NAME", 0) != NULL &&
	    cli_repeat(&cli->args, "NAME", 1) == NULL)
		query.name = (char *)cli_text(&cli->args, "NAME"); /* only encoded */
	code = cli_ask_pages(cli, &query, ret_reply, err);
	if (code != HV_OK)
		return code;
	cli_progress_end(cli);
	code = check_names(cli, (*ret_reply)->status, err);
	if (code != HV_OK)
		tarn__cluster_reply__free_unpacked(*ret_reply, NULL);
	return code;
}

static enum hv_code show(struct watched *watched, struct hv_err *err)
{
	if (watched->cli->is_json)
		return print_json(watched, err);
	print_table(watched);
	return HV_OK;
}

/* Ends with the count, when the coordinator is lost for good, or by a signal. */
static enum hv_code follow(struct watched *watched, uint64_t count, struct hv_err *err)
{
	struct cli *cli = watched->cli;
	struct cli_world *world = cli->world;
	uint64_t at_ms = world->now_ms(world);
	Tarn__ClusterReply *was = NULL, *now;
	enum hv_code code = look(cli, &was, err);

	for (uint64_t n = 0; code == HV_OK && (count == 0 || n < count); n++) {
		uint64_t now_ms = world->now_ms(world);

		at_ms += watched->interval_s * 1000;
		if (at_ms > now_ms)
			world->sleep_ms(world, at_ms - now_ms);
		else
			at_ms = now_ms; /* an answer took longer than an interval */
		code = look(cli, &now, err);
		if (code != HV_OK)
			break;
		watched->was = was->status;
		watched->now = now->status;
		code = show(watched, err);
		tarn__cluster_reply__free_unpacked(was, NULL);
		was = now;
		if (code == HV_OK && (fflush(cli->out) != 0 || ferror(cli->out)))
			code = hv_fail(err, HV_E_IO, "write the output");
	}
	if (was != NULL)
		tarn__cluster_reply__free_unpacked(was, NULL);
	return code;
}

enum hv_code cli_lpar_stat(struct cli *cli, struct hv_err *err)
{
	struct watched watched = { .cli = cli };
	uint64_t count = cli_number(&cli->args, "count", 0);
	Tarn__ClusterReply *reply;
	enum hv_code code;

	watched.interval_s = cli_number(&cli->args, "interval", 0);
	if (cli_flag(&cli->args, "interval") && watched.interval_s == 0)
		return cli_usage(cli, err, "--interval must be more than 0");
	if (cli_flag(&cli->args, "count") && count == 0)
		return cli_usage(cli, err, "--count must be more than 0");
	if (count > 0 && watched.interval_s == 0)
		return cli_usage(cli, err, "--count needs an --interval");
	if (watched.interval_s > 0)
		return follow(&watched, count, err);
	code = look(cli, &reply, err);
	if (code != HV_OK)
		return code;
	watched.now = reply->status;
	code = show(&watched, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
