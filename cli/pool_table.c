/*
 * pool_table - tarn pool table: what IBM i collects of a shared memory pool
 * (QAPMSHRMP), of every partition that uses one.
 *
 * Fields have the names and units of that file: bytes, milliseconds, and counts of the
 * interval; INTSEC has decimals. What nothing measures is empty.
 */
#include "cli/commands.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/follow.h"

#define POOL_ID 0 /* a host has one pool */
#define NUMBER_BYTES 32

/* clang-format off */
static const struct field {
	const char *name;
	int width;             /* of the table */
	enum cli_meter meter;
	enum cli_meter other;  /* added; COUNT: none */
} fields[] = {
	{ "SMREALUSE", 12, CLI_PMEM,  CLI_METER_COUNT },
	{ "SMACCDLY",   9, CLI_HPI,   CLI_METER_COUNT },
	{ "SMACCWAIT",  9, CLI_HPIT,  CLI_METER_COUNT },
	{ "SMENTIOC",  12, CLI_IOMU,  CLI_IOMF },
	{ "SMMINIOC",  12, CLI_IOMIN, CLI_METER_COUNT },
};
/* clang-format on */

struct pool_table {
	struct cli_follow follow; /* first */
	bool has_head;
};

static bool is_shown(const struct cli_follow *follow, const Tarn__LparView *lpar)
{
	const char *host = cli_text(&follow->cli->args, "host");

	return lpar->stat != NULL &&
	       lpar->stat->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
	       (host == NULL || strcmp(lpar->record->host, host) == 0);
}

static double value_of(const struct field *field, const double *figures)
{
	double other = field->other != CLI_METER_COUNT ? figures[field->other] : 0;

	return figures[field->meter] + other;
}

static void print_head(const struct cli *cli, bool is_csv)
{
	if (is_csv)
		(void)fputs("INTNUM,DATETIME,INTSEC,PARTITION,SMPOOLID,SMWEIGHT",
			    cli->out);
	else
		(void)fprintf(cli->out, "%6s  %-19s %7s  %-16s %8s %8s", "INTNUM",
			      "DATETIME", "INTSEC", "PARTITION", "SMPOOLID", "SMWEIGHT");
	for (unsigned i = 0; i < HV_COUNT(fields); i++)
		(void)fprintf(cli->out, "%s%*s", is_csv ? "," : " ",
			      is_csv ? 0 : fields[i].width, fields[i].name);
	(void)fputc('\n', cli->out);
}

static void number_text(char text[NUMBER_BYTES], bool is_csv, double value, int digits)
{
	if (isnan(value))
		(void)snprintf(text, NUMBER_BYTES, "%s", is_csv ? "" : "-");
	else
		(void)snprintf(text, NUMBER_BYTES, "%.*f", digits, value);
}

static void print_row(const struct pool_table *table, size_t nth, bool is_csv)
{
	const struct cli_follow *follow = &table->follow;
	const Tarn__LparView *lpar = follow->now->lpars[nth];
	FILE *out = follow->cli->out;
	double figures[CLI_METER_COUNT];
	double seconds = cli_follow_measure(follow, nth, figures);
	char clock[CLI_CLOCK_BYTES], text[NUMBER_BYTES];

	(void)cli_clock_text(follow->cli, follow->now->wall_ms, clock, sizeof(clock));
	number_text(text, is_csv, seconds, is_csv ? 3 : 1);
	(void)fprintf(out,
		      is_csv ? "%" PRIu64 ",%s,%s,%s,%d,%" PRIu32
			     : "%6" PRIu64 "  %-19s %7s  %-16s %8d %8" PRIu32,
		      follow->number, clock, text, lpar->record->spec->name, POOL_ID,
		      lpar->record->spec->weight);
	for (unsigned i = 0; i < HV_COUNT(fields); i++) {
		number_text(text, is_csv, value_of(&fields[i], figures), 0);
		(void)fprintf(out, "%s%*s", is_csv ? "," : " ",
			      is_csv ? 0 : fields[i].width, text);
	}
	(void)fputc('\n', out);
}

static void print_table(struct pool_table *table)
{
	const struct cli_follow *follow = &table->follow;
	bool is_csv = cli_flag(&follow->cli->args, "csv");

	if (!table->has_head)
		print_head(follow->cli, is_csv);
	table->has_head = true;
	for (size_t i = 0; i < follow->now->n_lpars; i++)
		if (is_shown(follow, follow->now->lpars[i]))
			print_row(table, i, is_csv);
}

static void put_row(const struct cli_follow *follow, struct cli_json *json, size_t nth)
{
	const Tarn__LparView *lpar = follow->now->lpars[nth];
	double figures[CLI_METER_COUNT];
	double seconds = cli_follow_measure(follow, nth, figures);

	cli_json_open_object(json, NULL);
	cli_json_text(json, "PARTITION", lpar->record->spec->name);
	if (!isnan(seconds))
		cli_json_real(json, "INTSEC", seconds);
	cli_json_number(json, "SMPOOLID", POOL_ID);
	cli_json_number(json, "SMWEIGHT", lpar->record->spec->weight);
	for (unsigned i = 0; i < HV_COUNT(fields); i++) {
		double value = value_of(&fields[i], figures);

		if (!isnan(value))
			cli_json_number(json, fields[i].name, cli_meter_whole(value));
	}
	cli_json_close(json);
}

static enum hv_code print_json(struct cli_follow *follow, struct hv_err *err)
{
	struct cli_json *json = cli_json_new();

	cli_json_number(json, "INTNUM", follow->number);
	cli_json_number(json, "wall_ms", follow->now->wall_ms);
	cli_json_open_list(json, "rows");
	for (size_t i = 0; i < follow->now->n_lpars; i++)
		if (is_shown(follow, follow->now->lpars[i]))
			put_row(follow, json, i);
	cli_json_close(json);
	return cli_follow_print(follow, json, err);
}

static enum hv_code look(struct cli_follow *follow, Tarn__ClusterReply **ret_reply,
			 struct hv_err *err)
{
	Tarn__Query query = TARN__QUERY__INIT;

	query.host = (char *)cli_text(&follow->cli->args, "host"); /* only encoded */
	return cli_ask_pages(follow->cli, &query, ret_reply, err);
}

static enum hv_code show(struct cli_follow *follow, struct hv_err *err)
{
	if (follow->cli->is_json)
		return print_json(follow, err);
	print_table((struct pool_table *)follow);
	return HV_OK;
}

enum hv_code cli_pool_table(struct cli *cli, struct hv_err *err)
{
	struct pool_table table = { .follow = {
					    .cli = cli, .look = look, .show = show } };

	return cli_follow_run(&table.follow, err);
}
